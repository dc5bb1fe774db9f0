//! Parsing and judging in a thread of its own, on a stack that is made for deep trees. The engine's parser knows neither deadline nor
//! cancel: a text that it does not come back from is left to it, and the caller goes on.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select};

use super::HANGS;
use crate::base::{Cancel, Code, Error, Result, TraceId, deadline_passed, text};
use crate::governor::{Abandoned, TO_ACKNOWLEDGE, refuse_if_too_many_abandoned};

/// The 400 chained CTEs of an attack overflow Rust's default stack; parser and walker get this much.
const STACK_BYTES: usize = 64 << 20;
const NAME: &str = "datasus-gate";
/// A text of the greatest size takes some hundredths of a second, and the parser's start a tenth: this is for a machine that stalls,
/// and for a text that the bounds before the parser did not foresee.
pub const MOST_TIME: Duration = Duration::from_secs(30);
/// Texts that are parsed at once; another one waits for its turn.
pub(super) const AT_ONCE: usize = 4;

/// How long a caller waits for a text to be judged.
#[derive(Clone, Default)]
pub struct Patience {
    /// The query's deadline, if it has one.
    pub deadline: Option<Duration>,
    /// Ends the wait.
    pub cancel: Cancel,
    /// Ties its log lines to the job.
    pub trace_id: TraceId,
}

impl Patience {
    /// Runs `work` in a thread, and waits for it no longer than this.
    pub(super) fn wait<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.cancel.check()?;
        refuse_if_too_many_abandoned()?;
        let time = self.deadline.map_or(MOST_TIME, |deadline| deadline.min(MOST_TIME));
        let late = crossbeam_channel::after(time);
        let turn = self.turn(&late)?;
        let (to_caller, answer) = bounded(1);
        let thread = std::thread::Builder::new().name(NAME.into()).stack_size(STACK_BYTES);
        thread
            .spawn(move || {
                HANGS.hang();
                // Nobody may be waiting any more.
                let _ = to_caller.try_send(work());
            })
            .map_err(|error| Error::internal(format!("cannot start the gate's thread: {error}")))?;
        select! {
            recv(answer) -> answer => return answer.map_err(|_| Error::internal("the gate panicked")),
            recv(self.cancel.signal()) -> _ => {}
            recv(late) -> _ => {}
        }
        self.leave(answer, turn);
        Err(self.why())
    }

    fn turn(&self, late: &Receiver<Instant>) -> Result<Turn> {
        static TURNS: LazyLock<(Sender<()>, Receiver<()>)> = LazyLock::new(|| bounded(AT_ONCE));
        select! {
            send(TURNS.0, ()) -> _ => Ok(Turn(&TURNS.1)),
            recv(self.cancel.signal()) -> _ => Err(self.why()),
            recv(late) -> _ => Err(self.why()),
        }
    }

    /// The thread keeps its turn until it is known whether it ends.
    fn leave<T: Send + 'static>(&self, answer: Receiver<T>, turn: Turn) {
        let trace_id = self.trace_id.clone();
        let wait = move || {
            if matches!(answer.recv_timeout(TO_ACKNOWLEDGE), Err(RecvTimeoutError::Timeout)) {
                let _until_its_end = Abandoned::note(NAME, &trace_id);
                drop(turn);
                let _ = answer.recv();
            }
        };
        if let Err(error) = std::thread::Builder::new().name("datasus-watch".into()).spawn(wait) {
            tracing::warn!(%error, "no thread to watch over one that parses");
        }
    }

    fn why(&self) -> Error {
        let deadline = self.deadline.filter(|deadline| *deadline < MOST_TIME);
        let late = deadline.map_or_else(too_slow, deadline_passed);
        self.cancel.check().err().unwrap_or(late).stage("gate")
    }
}

/// The right to parse; another caller's where it is dropped.
struct Turn(&'static Receiver<()>);

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.0.try_recv();
    }
}

fn too_slow() -> Error {
    let seconds = MOST_TIME.as_secs();
    Error::new(
        Code::DeadlinePassed,
        text!(
            "O texto do SQL não foi analisado em {seconds} s; simplifique-o (menos níveis de parênteses e subconsultas), ou repita \
             se a máquina está sobrecarregada",
            "The text of the SQL was not parsed within {seconds} s; simplify it (fewer levels of brackets and subqueries), or try \
             again if the machine is overloaded"
        ),
    )
    .with("deadline_sec", seconds)
}
