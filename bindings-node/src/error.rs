//! From the core's error, and from a caught panic, to one that `ts/errors.ts` makes a class of.

use std::panic::{AssertUnwindSafe, catch_unwind};

use datasus::{Code, Error, Result};
use napi::Status;
use napi_derive::napi;

/// The contract's JSON is the message: of an error's own properties napi carries only that from a thread to a promise.
pub fn thrown(error: &Error) -> napi::Error {
    napi::Error::new(Status::GenericFailure, error.to_json().to_string())
}

/// A panic becomes DS-500.
pub fn fenced<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Error::panicked("datasus", panic.as_ref())))
}

/// What every function does that answers at once.
pub fn at_once<T>(work: impl FnOnce() -> Result<T>) -> napi::Result<T> {
    fenced(work).map_err(|error| thrown(&error))
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
