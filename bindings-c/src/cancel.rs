//! What stops a call that has given no handle yet.

use std::ptr::{null_mut, without_provenance_mut};
use std::sync::Arc;

use datasus::Result;
use datasus::base::{Cancel, CancelReason};

use crate::args::{Out, hand_in, live};
use crate::error::ErrorOut;
use crate::fence::fence;
use crate::status::Status;
use crate::ticket::Tickets;

/// Ends a call that is under way in another thread, and what it has begun. Any thread may use it.
pub struct CancelHandle([u8; 0]);

pub static CANCELS: Tickets<Cancel> = Tickets::new();

/// The one that was passed; NULL: one that nobody sets.
pub fn cancel_or_none(cancel: *mut CancelHandle) -> Result<Arc<Cancel>> {
    if cancel.is_null() { Ok(Arc::default()) } else { live(&CANCELS, cancel, "cancel") }
}

/// Makes a cancel for one call, or for several that are to end together. `cancel` receives the handle, to be released with
/// datasus_cancel_release.
///
/// # Safety
/// `cancel`: a place for a handle; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_cancel_new(cancel: *mut *mut CancelHandle, error: *mut ErrorOut) -> Status {
    fence("datasus_cancel_new", error, || {
        // SAFETY: the caller's promise is the same.
        let out = unsafe { Out::new(cancel, "cancel")? };
        out.put(without_provenance_mut(CANCELS.keep(Cancel::default())));
        Ok(())
    })
}

/// Sets it, for good, and returns at once: calls that it was passed to come back with DS-499, also while the text of SQL is parsed or
/// listings are read, and what they have begun is cancelled as by datasus_job_cancel. Any thread; not from a signal's handler.
///
/// # Safety
/// `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_cancel_set(cancel: *mut CancelHandle, error: *mut ErrorOut) -> Status {
    fence("datasus_cancel_set", error, || {
        live(&CANCELS, cancel, "cancel")?.set(CancelReason::Caller);
        Ok(())
    })
}

/// Releases it, whether it was set or not, and whatever it was passed to; NULL is fine. DS-422: released already. Any thread.
///
/// # Safety
/// Any value is allowed: a handle is looked up, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_cancel_release(cancel: *mut CancelHandle) -> Status {
    fence("datasus_cancel_release", null_mut(), || hand_in(&CANCELS, cancel, "cancel").map(drop))
}
