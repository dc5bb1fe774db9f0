//! Log lines for whoever asked for them, in any environment.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use datasus::base::Text;
use datasus::telemetry::{Spans, line_of};
use datasus::{Code, Error, Result};
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Lines that wait for the event loop; more are dropped rather than hold up a job.
const WAITING: usize = 4_096;

type Told = FnArgs<(String, String)>;
type Call = ThreadsafeFunction<Told, (), Told, Status, false, true, WAITING>;

struct Logger {
    level: u8,
    call: Call,
}

static LOGGERS: Mutex<Vec<Arc<Logger>>> = Mutex::new(Vec::new());
/// The most talkative of them; below it no line is made.
static LEVEL: AtomicU8 = AtomicU8::new(u8::MAX);
static SUBSCRIBED: Mutex<bool> = Mutex::new(false);

thread_local! {
    static OURS: RefCell<Option<Arc<Logger>>> = const { RefCell::new(None) };
}

/// As pino counts them.
fn number(level: &str) -> Option<u8> {
    let levels = [("trace", 10), ("debug", 20), ("info", 30), ("warn", 40), ("error", 50)];
    levels.iter().find(|(name, _)| *name == level).map(|(_, number)| *number)
}

struct ToJavaScript;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ToJavaScript {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let name = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        let level = number(name).unwrap_or(0);
        if level < LEVEL.load(SeqCst) {
            return;
        }
        let loggers = LOGGERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let line = line_of(event, &context).to_string();
        for logger in loggers.iter().filter(|logger| level >= logger.level) {
            logger.call.call((name.to_owned(), line.clone()).into(), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

fn replace(logger: Option<Arc<Logger>>) {
    let old = OURS.replace(logger.clone());
    let mut loggers = LOGGERS.lock().unwrap_or_else(PoisonError::into_inner);
    loggers.retain(|one| old.as_ref().is_none_or(|old| !Arc::ptr_eq(old, one)));
    loggers.extend(logger);
    LEVEL.store(loggers.iter().map(|logger| logger.level).min().unwrap_or(u8::MAX), SeqCst);
}

/// `logger(level, line)` hears every line from `level` on; none: nobody does. One in each environment.
#[napi(catch_unwind, ts_args_type = "logger: ((level: string, line: string) => void) | null, level: string")]
pub fn set_logger(env: Env, logger: Option<Function<'_, Told, ()>>, level: String) -> napi::Result<()> {
    let Some(logger) = logger else {
        replace(None);
        return Ok(());
    };
    let level = crate::error::at_once(|| level_of(&level))?;
    let call = logger.build_threadsafe_function().weak::<true>().max_queue_size::<WAITING>().build()?;
    if OURS.with_borrow(Option::is_none) {
        env.add_env_cleanup_hook((), |()| replace(None))?;
    }
    replace(Some(Arc::new(Logger { level, call })));
    crate::error::at_once(subscribe)
}

/// Hears the core, from the first call on. DS-422: the environment names a collector that is none.
pub fn subscribe() -> Result<()> {
    let mut subscribed = SUBSCRIBED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*subscribed {
        let subscriber = tracing_subscriber::registry().with(Spans::of_environment()?).with(ToJavaScript);
        // Fails where a subscriber is set, and nothing else in this library sets one.
        let _ = tracing::subscriber::set_global_default(subscriber);
        *subscribed = true;
    }
    Ok(())
}

fn level_of(level: &str) -> Result<u8> {
    number(level).ok_or_else(|| {
        let pt = format!("o nível {level:?} não existe; use error, warn, info, debug ou trace");
        let en = format!("there is no level {level:?}; use error, warn, info, debug or trace");
        Error::new(Code::InvalidParams, Text { pt, en }).with("received", level)
    })
}
