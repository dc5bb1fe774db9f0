//! Texts that C holds until it releases them.

use std::ffi::{CString, c_char, c_void};
use std::ptr::{null, null_mut, without_provenance_mut};

use crate::args::{Out, hand_in};
use crate::guard::guarded;
use crate::status::Status;
use crate::ticket::Tickets;

/// A text of the library's: UTF-8, `size` bytes, and a NUL behind them that `size` does not count; there is none inside. To be
/// released with datasus_text_release, by any thread.
#[repr(C)]
pub struct TextOut {
    pub data: *const c_char,
    pub size: usize,
    /// The library's.
    pub private_data: *mut c_void,
}

pub static TEXTS: Tickets<CString> = Tickets::new();

/// A NUL inside would end the text for C.
pub fn without_nul(text: impl Into<String>) -> CString {
    let text: String = text.into();
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

impl Out<TextOut> {
    pub fn say(self, text: impl Into<String>) {
        let text = std::sync::Arc::new(without_nul(text));
        let (data, size) = (text.as_ptr(), text.as_bytes().len());
        let private_data = without_provenance_mut(TEXTS.keep_shared(text));
        self.put(TextOut { data, size, private_data });
    }
}

/// Releases a text and empties the struct; an empty one is fine. DS-422: released already, by way of a copy of the struct.
///
/// # Safety
/// `text` is NULL, or points to a datasus_text that was filled by this library or with zeros.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_text_release(text: *mut TextOut) -> Status {
    guarded("datasus_text_release", || {
        // SAFETY: the caller's promise is the same.
        let Some(out) = (unsafe { Out::optional(text, "text")? }) else { return Ok(()) };
        // SAFETY: valid for a read, as it was filled.
        let private_data = unsafe { (*out.as_ptr()).private_data };
        out.put(TextOut { data: null(), size: 0, private_data: null_mut() });
        hand_in(&TEXTS, private_data, "text").map(drop)
    })
}
