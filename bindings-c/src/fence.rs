//! The one way in: what a function of the interface says goes into its status and its error.

use datasus::Result;

use crate::error::ErrorOut;
use crate::guard::fenced;
use crate::status::Status;

/// Runs one function of the interface; what `work` says, or a panic of it, is the status and the error.
pub fn fence(name: &'static str, error: *mut ErrorOut, work: impl FnOnce() -> Result<()>) -> Status {
    fence_status(name, error, || work().map(|()| Status::Ok))
}

/// The same for a function that has more than one good end.
pub fn fence_status(name: &'static str, error: *mut ErrorOut, work: impl FnOnce() -> Result<Status>) -> Status {
    fenced(name, work).unwrap_or_else(|why| {
        let status = Status::from(why.code());
        ErrorOut::tell(error, why);
        status
    })
}
