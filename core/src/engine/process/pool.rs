//! Workers that wait for their statement: starting one takes longer than a small query. Each runs one and ends, so that nothing of it
//! stays for the next.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crossbeam_channel::{Receiver, RecvError, Sender, bounded, select, unbounded};

use super::child::Worker;
use super::locks;
use super::request::Locks;
use super::starter::Starter;
use crate::base::{Ctx, Error, Result};

/// Of a client. Each holds an open engine, and no data.
const MOST_WAITING: usize = 2;

/// What is counted of a client's workers.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub running: AtomicU64,
    pub waiting: AtomicU64,
    pub started: AtomicU64,
    pub killed: AtomicU64,
    pub crashed: AtomicU64,
    pub landlock: AtomicU64,
    pub seccomp: AtomicU64,
}

/// The workers of a client: those that wait go with it, and those at work with their statements.
pub(super) struct Pool {
    shared: Arc<Shared>,
    orders: Sender<Order>,
}

struct Shared {
    waiting: Mutex<Vec<Worker>>,
    counts: Arc<Counts>,
    /// One that is to wait is ordered, and not begun yet.
    spare: AtomicBool,
}

enum Order {
    /// Who starts workers is made ready.
    Open(Sender<Result<Locks>>),
    /// For a statement, which may have ended meanwhile.
    One(Sender<Result<Worker>>, Weak<()>),
    /// One that waits, where there is none too many.
    Spare,
    /// Of a statement whose answer is complete.
    Ended(Box<Worker>),
}

impl Pool {
    /// One will wait soon. DS-422 where `program` is no worker of this build.
    pub fn open(program: PathBuf) -> Result<Self> {
        let (orders, ordered) = unbounded();
        let shared =
            Arc::new(Shared { waiting: Mutex::default(), counts: Arc::default(), spare: AtomicBool::new(false) });
        let starts = shared.clone();
        // A worker ends with the thread that has started it: this one lives for as long as any is wanted.
        std::thread::Builder::new()
            .name("datasus-workers".into())
            .spawn(move || starts.serve(&ordered, Starter::of(program)))
            .map_err(|error| Error::internal(format!("cannot start the workers' thread: {error}")))?;
        let pool = Pool { shared, orders };
        let (reply, replied) = bounded(1);
        pool.orders.send(Order::Open(reply)).map_err(|_| gone())?;
        let locks = replied.recv().map_err(|_| gone())??;
        let counts = pool.counts();
        counts.landlock.store(locks.landlock.into(), Relaxed);
        counts.seccomp.store(locks.seccomp.into(), Relaxed);
        if let Some(missing) = locks::missing(locks) {
            tracing::warn!(missing = missing.en, "SQL runs in a process that the kernel does not shut in");
        }
        pool.warm();
        Ok(pool)
    }

    pub fn counts(&self) -> &Arc<Counts> {
        &self.shared.counts
    }

    /// One that waits, or a new one. The next is started meanwhile where none is left, and else once this one has ended: starting one
    /// takes a core from the statement.
    pub fn take(&self, ctx: &Ctx) -> Result<Worker> {
        let taken = loop {
            match self.shared.taken() {
                Some(worker) if worker.waits() => break worker,
                Some(_) => {}
                None => break self.ordered(ctx)?,
            }
        };
        if self.shared.waiting().is_empty() {
            self.warm();
        }
        Ok(taken)
    }

    /// Ends one that has said all, without waiting for it, and has the next one started.
    pub fn ended(&self, worker: Worker) {
        worker.process().signal();
        let _ = self.orders.send(Order::Ended(Box::new(worker)));
        self.warm();
    }

    /// Has one started, if none waits, without waiting for it.
    pub fn warm(&self) {
        // However many ask, one order. The thread is there for as long as this is.
        if !self.shared.spare.swap(true, Relaxed) {
            let _ = self.orders.send(Order::Spare);
        }
    }

    /// Those that wait go.
    pub fn shed(&self) {
        let waiting = std::mem::take(&mut *self.shared.waiting());
        self.shared.counts.waiting.store(0, Relaxed);
        drop(waiting);
    }

    fn ordered(&self, ctx: &Ctx) -> Result<Worker> {
        let ((reply, replied), asks) = (bounded(1), Arc::new(()));
        self.orders.send(Order::One(reply, Arc::downgrade(&asks))).map_err(|_| gone())?;
        select! {
            recv(replied) -> worker => worker.map_err(|RecvError| gone())?,
            recv(ctx.cancel.signal()) -> _ => ctx.check().and_then(|()| Err(gone())),
        }
    }
}

fn gone() -> Error {
    Error::internal("the workers' thread has ended")
}

impl Shared {
    fn serve(&self, ordered: &Receiver<Order>, mut starter: Starter) {
        // A process with much memory takes its time to end, and nobody waits for it.
        let mut ending: Vec<Box<Worker>> = Vec::new();
        for order in ordered {
            match order {
                Order::Open(reply) => drop(reply.send(starter.open())),
                Order::One(_, asks) if asks.strong_count() == 0 => {}
                // Who does not wait for it any more leaves it to the next.
                Order::One(reply, _) => {
                    if let Err(unwanted) = reply.send(self.start(&mut starter))
                        && let Ok(worker) = unwanted.into_inner()
                    {
                        self.keep(worker);
                    }
                }
                Order::Ended(worker) => ending.push(worker),
                Order::Spare => {
                    self.spare.store(false, Relaxed);
                    if self.waiting().len() < MOST_WAITING {
                        match self.start(&mut starter) {
                            Ok(worker) => self.keep(worker),
                            // The next statement starts its own, and says why if it cannot.
                            Err(error) => tracing::warn!(%error, "no worker that waits"),
                        }
                    }
                }
            }
            ending.retain(|worker| worker.waits());
        }
    }

    fn start(&self, starter: &mut Starter) -> Result<Worker> {
        let worker = starter.start()?;
        self.counts.started.fetch_add(1, Relaxed);
        Ok(worker)
    }

    /// One too many goes.
    fn keep(&self, worker: Worker) {
        let mut waiting = self.waiting();
        if waiting.len() < MOST_WAITING {
            waiting.push(worker);
            self.counts.waiting.store(waiting.len() as u64, Relaxed);
        }
    }

    fn taken(&self) -> Option<Worker> {
        let mut waiting = self.waiting();
        let taken = waiting.pop();
        self.counts.waiting.store(waiting.len() as u64, Relaxed);
        taken
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
