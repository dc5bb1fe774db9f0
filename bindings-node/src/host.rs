//! What belongs to one JavaScript environment (the main thread, or a worker), and ends with it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use datasus::base::{Sleeper, Text};
use datasus::governor::{Governor, Hook};
use datasus::scheduler::Scheduler;
use datasus::{Code, Error, Result};
use napi::Env;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

/// How long a listener waits before it looks whether the environment has ended; events have a rhythm of their own.
pub const SLICE: Duration = Duration::from_millis(100);
/// How long an environment that ends waits for its jobs to do so.
const TO_END: Duration = Duration::from_secs(2);

thread_local! {
    static HERE: RefCell<Option<Arc<Host>>> = const { RefCell::new(None) };
}

#[derive(Default)]
pub struct Host {
    ended: AtomicBool,
    jobs: Mutex<Vec<datasus::Job>>,
    /// Threads that wait for something of this environment's.
    sleepers: Mutex<Vec<Arc<Sleeper>>>,
    hooks: Mutex<Vec<Arc<Hook>>>,
}

impl Host {
    /// The environment that calls.
    pub fn here() -> Result<Arc<Host>> {
        HERE.with_borrow(Clone::clone).ok_or_else(|| Error::internal("the addon was not told where it is"))
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(SeqCst)
    }

    /// What a wait gives once nobody waits any more.
    pub fn check(&self) -> Result<()> {
        if !self.has_ended() {
            return Ok(());
        }
        let (pt, en) = ("O ambiente de JavaScript terminou".into(), "The JavaScript environment has ended".into());
        Err(Error::new(Code::Cancelled, Text { pt, en }))
    }

    fn sleepers(&self) -> MutexGuard<'_, Vec<Arc<Sleeper>>> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `poll` each time that it is woken, until it is ready; this thread sleeps meanwhile. DS-499 once the environment has ended.
    pub fn wait<T>(&self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Result<T> {
        let asleep = Asleep { host: self, sleeper: Sleeper::here() };
        self.sleepers().push(asleep.sleeper.clone());
        let waker = asleep.sleeper.waker();
        loop {
            if let Poll::Ready(found) = poll(&mut Context::from_waker(&waker)) {
                return Ok(found);
            }
            self.check()?;
            asleep.sleeper.sleep();
        }
    }

    /// Who waits looks once more: something ended from this side.
    pub fn wake_all(&self) {
        for sleeper in self.sleepers().iter() {
            sleeper.waker().wake();
        }
    }

    /// The job ends with the environment, if not before.
    pub fn owns(&self, job: &datasus::Job) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.retain(|job| !job.status().is_final());
        jobs.push(job.clone());
        drop(jobs);
        if self.has_ended() {
            job.cancel();
        }
    }

    fn end(&self, is_main: bool) {
        self.ended.store(true, SeqCst);
        self.wake_all();
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let jobs = std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        jobs.iter().for_each(datasus::Job::cancel);
        let until = Instant::now() + TO_END;
        for job in jobs {
            // Its outcome has nobody who would read it.
            let _ = job.wait_timeout(until.saturating_duration_since(Instant::now()));
        }
        if is_main {
            // The process ends now, and the engine must not be at work then. A forked child has nothing to end.
            let _ = Scheduler::of_process().close(Duration::ZERO);
            // What a collector does not take by then is lost.
            let _ = datasus::telemetry::flush(Duration::from_secs(1));
        }
    }
}

/// A thread that waits, as long as it does.
struct Asleep<'h> {
    host: &'h Host,
    sleeper: Arc<Sleeper>,
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.host.sleepers().retain(|other| !Arc::ptr_eq(other, &self.sleeper));
    }
}

/// To be called once in each environment, before everything else. `free_memory` is called when memory rises above 70 %
/// (`global.gc`, where it is exposed).
#[napi(catch_unwind)]
pub fn arrive(env: Env, is_main: bool, free_memory: Option<Function<'_, (), ()>>) -> napi::Result<()> {
    if HERE.with_borrow(Option::is_some) {
        return Ok(());
    }
    static ARENAS: Once = Once::new();
    ARENAS.call_once(few_arenas);
    let host = Arc::new(Host::default());
    if let Some(free_memory) = free_memory {
        // Weak: it keeps no process alive. Two calls that wait are as good as one.
        let call = free_memory.build_threadsafe_function().weak::<true>().max_queue_size::<2>().build()?;
        let hook: Arc<Hook> = Arc::new(move || {
            call.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        Governor::of_process().hook(&hook);
        host.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
    }
    env.add_env_cleanup_hook(host.clone(), move |host| {
        HERE.set(None);
        host.end(is_main);
    })?;
    HERE.set(Some(host));
    Ok(())
}

/// Two arenas instead of eight a core: every job has threads of its own, and what they free in one arena no other takes. A service
/// with many queries at once would grow by it for hours.
fn few_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        // SAFETY: sets a number that malloc looks at when it would make another arena.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 2);
        }
    }
}

/// Bytes that the whole process may take; none: what cgroup and machine allow. For tests of what scarce memory does.
#[napi(catch_unwind)]
pub fn set_budget(size: Option<f64>) {
    Governor::of_process().set_budget(size.map(|size| size as u64));
}

/// A text without the passwords of the addresses in it.
#[napi(catch_unwind)]
pub fn masked(text: String) -> String {
    datasus::faces::masked(&text).into_owned()
}

/// Bytes of our answers that JavaScript keeps.
#[napi(catch_unwind)]
pub fn held_bytes() -> f64 {
    Governor::of_process().foreign().bytes() as f64
}

/// For tests: the statements and the texts of SQL that come next hear no interrupt for so long.
#[napi(catch_unwind)]
pub fn hang_next(statements: u32, texts: u32, seconds: f64) {
    let time = Duration::from_secs_f64(seconds.clamp(0.0, 1e6));
    datasus::engine::HANGS.hang_next(statements as usize, time);
    datasus::faces::gate::HANGS.hang_next(texts as usize, time);
}

/// For tests: how many of them hang at the moment.
#[napi(catch_unwind)]
pub fn hanging() -> u32 {
    (datasus::engine::HANGS.hanging() + datasus::faces::gate::HANGS.hanging()) as u32
}

/// Shows, in the tests, that a panic is DS-500 and the process lives: at once, or in a thread.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn panic_on_purpose(env: &Env, in_a_thread: bool) -> napi::Result<napi::bindgen_prelude::Object<'_>> {
    if !in_a_thread {
        crate::error::at_once(|| -> Result<()> { panic!("on purpose") })?;
    }
    crate::calls::promised(env, || -> Result<()> { panic!("on purpose, in a thread") })
}
