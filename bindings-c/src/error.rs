//! The error, in memory that the caller owns.

use std::ffi::{CString, c_char, c_void};
use std::ptr::{null, null_mut, without_provenance_mut};
use std::sync::Arc;

use datasus::Error;
use serde_json::Value;

use crate::args::{Out, hand_in, not_one_of};
use crate::guard::{guarded, is_forked};
use crate::status::Status;
use crate::text::without_nul;
use crate::ticket::Tickets;

/// What went wrong. The caller makes it, with zeros or DATASUS_ERROR_INIT, and passes its address; a function that fails fills
/// it (and releases what an earlier one left there), one that does not leaves it alone. One thread at a time.
///
/// The texts are UTF-8, end with NUL, have none inside, and are valid until the error is released.
#[repr(C)]
pub struct ErrorOut {
    /// sizeof(datasus_error) as the caller was compiled; 0 stands for that of version 1.
    pub struct_size: u32,
    /// The datasus_status that was returned.
    pub status: i32,
    /// "DS-422".
    pub code: [c_char; 8],
    /// Whether the same call may succeed when it is made again, unchanged.
    pub retryable: bool,
    /// The sentence for people, in the client's language.
    pub message: *const c_char,
    /// The facts for programs, a JSON object: expected_format, received, did_you_mean, ...
    pub diagnostic: *const c_char,
    /// All of it, the contract's JSON: error_code, detail, diagnostic, trace_id, retry, retryable, problems, context.
    pub json: *const c_char,
    /// By which logs and support find it.
    pub trace_id: *const c_char,
    /// NULL where there is nothing to release; the same as datasus_error_release.
    pub release: Option<unsafe extern "C" fn(error: *mut ErrorOut)>,
    /// The library's.
    pub private_data: *mut c_void,
}

struct Texts {
    message: CString,
    diagnostic: CString,
    json: CString,
    trace_id: CString,
}

static ERRORS: Tickets<Texts> = Tickets::new();

pub fn errors_alive() -> usize {
    ERRORS.len()
}

/// True of a struct that no released version had: nothing may be written there.
fn is_smaller(struct_size: u32) -> bool {
    struct_size != 0 && (struct_size as usize) < size_of::<ErrorOut>()
}

impl ErrorOut {
    /// Fills what the caller gave, if anything.
    pub(crate) fn tell(place: *mut ErrorOut, why: Error) {
        // SAFETY: NULL or a datasus_error, as every function of the interface asks; its first field is looked at before more.
        let Ok(Some(out)) = (unsafe { Out::optional(place, "error") }) else { return };
        // SAFETY: as above.
        let struct_size = unsafe { (*out.as_ptr()).struct_size };
        if is_smaller(struct_size) {
            return;
        }
        // SAFETY: as above; as large as ours.
        let before = unsafe { (*out.as_ptr()).private_data };
        let json = why.to_json();
        let texts = Arc::new(Texts {
            message: without_nul(why.message()),
            diagnostic: without_nul(Value::from(why.diagnostic().clone()).to_string()),
            json: without_nul(json.to_string()),
            trace_id: without_nul(why.trace_id().map(|id| id.as_str()).unwrap_or_default()),
        });
        let mut code = [0; 8];
        for (to, from) in code.iter_mut().take(7).zip(why.code().as_str().bytes()) {
            *to = from as c_char;
        }
        let [message, diagnostic, json, trace_id] =
            [&texts.message, &texts.diagnostic, &texts.json, &texts.trace_id].map(|text| text.as_ptr());
        // In a forked child no lock may be taken: the texts stay for good, and are nobody's to release.
        let private_data = match is_forked() {
            true => {
                std::mem::forget(texts);
                null_mut()
            }
            false => {
                drop(ERRORS.take(before.addr()));
                without_provenance_mut(ERRORS.keep_shared(texts))
            }
        };
        out.put(ErrorOut {
            struct_size,
            status: Status::from(why.code()) as i32,
            code,
            retryable: why.retryable(),
            message,
            diagnostic,
            json,
            trace_id,
            release: Some(release),
            private_data,
        });
    }
}

unsafe extern "C" fn release(error: *mut ErrorOut) {
    // SAFETY: the same promise.
    let _ = unsafe { datasus_error_release(error) };
}

/// Releases an error and empties the struct, which can then be used again; an empty one is fine. DS-422: released already, by
/// way of a copy of the struct.
///
/// # Safety
/// `error` is NULL, or points to a datasus_error that was filled by this library, with zeros, or by DATASUS_ERROR_INIT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_error_release(error: *mut ErrorOut) -> Status {
    guarded("datasus_error_release", || {
        // SAFETY: the caller's promise is the same.
        let Some(out) = (unsafe { Out::optional(error, "error")? }) else { return Ok(()) };
        // SAFETY: valid for reads, as it was filled.
        let struct_size = unsafe { (*out.as_ptr()).struct_size };
        if is_smaller(struct_size) {
            return Err(not_one_of("error->struct_size", struct_size.into(), "sizeof(datasus_error)"));
        }
        // SAFETY: as above; as large as ours.
        let private_data = unsafe { (*out.as_ptr()).private_data };
        out.put(ErrorOut {
            struct_size,
            status: 0,
            code: [0; 8],
            retryable: false,
            message: null(),
            diagnostic: null(),
            json: null(),
            trace_id: null(),
            release: None,
            private_data: null_mut(),
        });
        hand_in(&ERRORS, private_data, "error").map(drop)
    })
}
