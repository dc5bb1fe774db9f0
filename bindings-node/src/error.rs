//! From the core's error, and from a caught panic, to one that `ts/errors.ts` makes a class of.

use std::panic::{AssertUnwindSafe, catch_unwind};

use datasus::base::TraceId;
use datasus::{Code, Error, Language, Result};
use napi::Status;
use napi_derive::napi;

/// The language that was asked for, or that of `DATASUS_LANGUAGE`, or Portuguese: for calls without a client.
pub fn spoken(asked: Option<&str>) -> Language {
    let variable = std::env::var("DATASUS_LANGUAGE").ok();
    match asked.or(variable.as_deref()) {
        Some("en") => Language::En,
        _ => Language::Pt,
    }
}

/// The contract's JSON is the message: of an error's own properties napi carries only that from a thread to a promise. What has
/// no trace yet gets one.
pub fn thrown(error: Error) -> napi::Error {
    let error = match error.trace_id() {
        Some(_) => error,
        None => error.traced(&TraceId::new(), spoken(None)),
    };
    napi::Error::new(Status::GenericFailure, error.to_json().to_string())
}

/// A panic becomes DS-500.
pub fn fenced<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Error::panicked("datasus", panic.as_ref())))
}

/// What every function does that answers at once.
pub fn at_once<T>(work: impl FnOnce() -> Result<T>) -> napi::Result<T> {
    fenced(work).map_err(thrown)
}

#[napi(object)]
pub struct KnownCode {
    pub code: String,
    /// Whether the same call may succeed later, unchanged.
    pub retryable: bool,
}

/// Every error code.
#[napi(catch_unwind)]
pub fn codes() -> Vec<KnownCode> {
    let known =
        |code: &Code| KnownCode { code: code.as_str().into(), retryable: code.retry() == datasus::Retry::Later };
    Code::ALL.iter().map(known).collect()
}
