//! Everything that leaves the governor, on a thread of its own: log lines, events, the host's hooks, the purge.
//!
//! The sampler only puts events into a bounded queue, so nobody's code runs under the governor's locks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use serde::Serialize;

use super::purge::purge;
use super::{Mode, Pressure};

/// The host's own way to free memory (Python: `gc.collect()`).
pub type Hook = dyn Fn() + Send + Sync;
type Hooks = Arc<Mutex<Vec<Weak<Hook>>>>;

/// The governor went from one mode to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModeChange {
    /// The mode until then.
    pub from: Mode,
    /// The mode from then on.
    pub to: Mode,
    /// What was seen of the memory.
    pub pressure: Pressure,
}

/// Changes of mode, for one listener, from its subscription on; an iterator that waits for the next one. With 64 of them
/// unread the next are missed.
pub struct ModeChanges(Receiver<ModeChange>);

impl ModeChanges {
    pub(super) fn new(changes: Receiver<ModeChange>) -> Self {
        ModeChanges(changes)
    }

    /// The next change; none where there is none within `patience`.
    pub fn next_within(&self, patience: Duration) -> Option<ModeChange> {
        self.0.recv_timeout(patience).ok()
    }
}

impl Iterator for ModeChanges {
    type Item = ModeChange;

    fn next(&mut self) -> Option<ModeChange> {
        self.0.recv().ok()
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Changed(ModeChange),
    /// Memory rose above 70 %.
    Rose,
    /// Memory is above 70 % still; `urgent`: in an emergency, and the host keeps something of ours.
    Stays {
        urgent: bool,
    },
    /// The process has grown by so much that a look at what the allocator keeps is worth it.
    Grew,
    /// Leases, streams or readers have let go of so much that it is worth it.
    Released,
}

/// Events that wait for the pump, or for one subscriber.
const WAITING: usize = 64;
pub(super) const BETWEEN_PURGES: Duration = Duration::from_secs(4);

/// Who hears of the governor.
pub(super) struct Outlets {
    queue: Sender<Event>,
    subscribers: Arc<Mutex<Vec<Sender<ModeChange>>>>,
    hooks: Hooks,
    sheds: Hooks,
    /// Events that a full queue did not take.
    pub lost: Arc<AtomicU64>,
    /// The pump's end of the queue, until it starts.
    waiting: Mutex<Option<Receiver<Event>>>,
}

impl Outlets {
    pub fn new() -> Self {
        let (queue, waiting) = bounded(WAITING);
        Outlets {
            queue,
            subscribers: Arc::default(),
            hooks: Arc::default(),
            sheds: Arc::default(),
            lost: Arc::default(),
            waiting: Mutex::new(Some(waiting)),
        }
    }

    pub fn subscribe(&self) -> Receiver<ModeChange> {
        let (sender, receiver) = bounded(WAITING);
        lock(&self.subscribers).push(sender);
        receiver
    }

    pub fn hook(&self, hook: &Arc<Hook>) {
        lock(&self.hooks).push(Arc::downgrade(hook));
    }

    pub fn sheds(&self, shed: &Arc<Hook>) {
        lock(&self.sheds).push(Arc::downgrade(shed));
    }

    pub fn any(&self) -> bool {
        !lock(&self.subscribers).is_empty() || lock(&self.hooks).iter().any(|hook| hook.strong_count() > 0)
    }

    /// Never blocks.
    pub fn send(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// Starts the pump, once; it ends with the governor.
    pub fn start(&self) -> std::io::Result<()> {
        let mut waiting = lock(&self.waiting);
        if let Some(events) = waiting.clone() {
            let (subscribers, lost) = (self.subscribers.clone(), self.lost.clone());
            let (hooks, sheds) = (self.hooks.clone(), self.sheds.clone());
            std::thread::Builder::new()
                .name("datasus-pump".into())
                .spawn(move || Pump { subscribers, hooks, sheds, lost, purged: None }.run(events))?;
            *waiting = None;
        }
        Ok(())
    }
}

struct Pump {
    subscribers: Arc<Mutex<Vec<Sender<ModeChange>>>>,
    hooks: Hooks,
    sheds: Hooks,
    lost: Arc<AtomicU64>,
    purged: Option<Instant>,
}

impl Pump {
    fn run(mut self, events: Receiver<Event>) {
        for event in events {
            match event {
                Event::Changed(change) => {
                    self.tell(&change);
                    if matches!(change.to, Mode::Conservative | Mode::Emergency) {
                        call(&self.sheds);
                        self.purge();
                    }
                }
                Event::Rose => call(&self.hooks),
                // What was in use at the change may be free by now, and nothing but a purge gives it back.
                Event::Stays { urgent } => {
                    call(&self.sheds);
                    if urgent {
                        call(&self.hooks);
                    }
                    self.purge();
                }
                Event::Grew => self.purge(),
                // It keeps its own distance.
                Event::Released => self.purge_now(),
            }
        }
    }

    fn tell(&self, change: &ModeChange) {
        lock(&self.subscribers).retain(|subscriber| match subscriber.try_send(*change) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.lost.fetch_add(1, Relaxed);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        });
        let Pressure { used, limit, share, by, foreign, swap_used, .. } = change.pressure;
        let (from, to, by) = (change.from.as_str(), change.to.as_str(), by.as_str());
        tracing::info!(from, to, by, used, limit, share, foreign, swap_used, "memory mode changed");
    }

    fn purge(&mut self) {
        if self.purged.is_none_or(|at| at.elapsed() >= BETWEEN_PURGES) {
            self.purge_now();
        }
    }

    fn purge_now(&mut self) {
        let gave_back = purge();
        self.purged = Some(Instant::now());
        tracing::debug!(gave_back, "allocator purged");
    }
}

fn call(hooks: &Hooks) {
    let hooks: Vec<Arc<Hook>> = {
        let mut hooks = lock(hooks);
        hooks.retain(|hook| hook.strong_count() > 0);
        hooks.iter().filter_map(Weak::upgrade).collect()
    };
    for hook in hooks {
        if catch_unwind(AssertUnwindSafe(|| hook())).is_err() {
            tracing::warn!("a memory hook panicked");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
