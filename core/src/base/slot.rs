//! The right to run, as the code of a job sees it: given back while the job can do nothing with it.

use std::sync::Arc;
use std::time::Duration;

use super::Result;

/// Who hands out the right to run. Called from the job's threads.
pub trait RunPermit: Send + Sync {
    /// Gives the right back for a while; fails with DS-429 where too many jobs are parked already.
    fn leave(&self, why: YieldReason) -> Result<()>;

    /// Waits until the right is there again; not for a job that is cancelled, which has only to end.
    fn come_back(&self);

    /// Hands the right to a job that comes before this one, if there is one: true, and `come_back` is to follow.
    fn yield_now(&self) -> bool;

    /// How long a job may stay parked.
    fn patience(&self) -> Duration;
}

/// Why a job gives its right back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum YieldReason {
    /// Its consumer does not take what it has.
    Parked,
    /// It waits before another attempt.
    Retrying,
    /// It waits for memory, before its first act.
    Memory,
    /// It waits for files that come from elsewhere.
    Downloading,
    /// It waits for the answer that a job with an equal question makes.
    Answer,
}

/// A job's right to run; the default is one that nobody has to give back.
#[derive(Clone, Default)]
pub struct Slot(Option<Arc<dyn RunPermit>>);

/// Longer than any job takes.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

impl Slot {
    /// The right to run that `permit` gives back and takes again.
    pub fn new(permit: Arc<dyn RunPermit>) -> Self {
        Slot(Some(permit))
    }

    /// Runs `blocked`, which waits for the job's consumer, while other jobs use the slot. It is told how long it may wait
    /// at most (then: [`CancelReason::Unread`](super::CancelReason)), and must look at the cancel token.
    ///
    /// Try without blocking first: then nothing is given back, and it costs nothing.
    pub fn park<T>(&self, blocked: impl FnOnce(Duration) -> T) -> Result<T> {
        let patience = self.0.as_ref().map_or(FOR_EVER, |permit| permit.patience());
        self.away(YieldReason::Parked, || blocked(patience))
    }

    /// Runs `pause`, the wait before another attempt, while other jobs use the slot.
    pub fn retry<T>(&self, pause: impl FnOnce() -> T) -> Result<T> {
        self.away(YieldReason::Retrying, pause)
    }

    /// Runs `pause`, the wait for memory before the job's first act, while other jobs use the slot: those that hold the memory
    /// may need it to come to their end. With too many that wait so, it keeps its slot.
    pub fn wait_for_memory<T>(&self, pause: impl FnOnce() -> T) -> Result<T> {
        self.away(YieldReason::Memory, pause)
    }

    /// Runs `wait`, for files that come from elsewhere, while other jobs use the slot. With too many that wait so, it keeps its
    /// slot.
    pub fn download<T>(&self, wait: impl FnOnce() -> T) -> Result<T> {
        self.away(YieldReason::Downloading, wait)
    }

    /// Runs `wait`, for an answer that another job makes, while other jobs use the slot: those who asked the same do not keep others from
    /// asking something else.
    pub fn wait_for_answer<T>(&self, wait: impl FnOnce() -> T) -> Result<T> {
        self.away(YieldReason::Answer, wait)
    }

    /// At the end of each batch: hands the slot to a job that comes before this one, if there is one, and waits.
    pub fn yield_now(&self) {
        self.yield_now_and(|| {});
    }

    /// The same; `left` is called once the slot is another's, before the wait for the next.
    pub fn yield_now_and(&self, left: impl FnOnce()) {
        if let Some(permit) = &self.0
            && permit.yield_now()
        {
            left();
            permit.come_back();
        }
    }

    /// The same right, given back and taken through another permit, such as one that has more to give back.
    pub fn through(&self, permit: impl FnOnce(Arc<dyn RunPermit>) -> Arc<dyn RunPermit>) -> Slot {
        Slot(self.0.clone().map(permit))
    }

    fn away<T>(&self, why: YieldReason, wait: impl FnOnce() -> T) -> Result<T> {
        struct Back<'a>(&'a dyn RunPermit);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.come_back();
            }
        }
        let _back = match &self.0 {
            Some(permit) => {
                permit.leave(why)?;
                Some(Back(&**permit))
            }
            None => None,
        };
        Ok(wait())
    }
}
