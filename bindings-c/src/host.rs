//! The library and the process that it lives in.

use std::ffi::c_char;
use std::ptr::null_mut;
use std::sync::Once;
use std::time::Duration;

use datasus::QueryParams;
use datasus::scheduler::Scheduler;

use crate::args::{Out, text};
use crate::cancel::CANCELS;
use crate::error::{ErrorOut, errors_alive};
use crate::fence::fence;
use crate::guard::{is_forked, panic_next};
use crate::held::CLIENTS;
use crate::job::JOBS;
use crate::status::Status;
use crate::stream::STREAMS;
use crate::text::{TEXTS, TextOut};

/// Of the interface that this header describes.
pub const ABI_VERSION: u32 = 1;

/// The ABI version of the library that was loaded. Equal to DATASUS_ABI_VERSION, or the header is another library's; functions
/// and fields at the end of structs are added without changing it. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn datasus_abi_version() -> u32 {
    ABI_VERSION
}

/// The JSON Schema of `params`; the text is the caller's.
///
/// # Safety
/// `schema`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_json_schema(schema: *mut TextOut, error: *mut ErrorOut) -> Status {
    fence("datasus_json_schema", error, || {
        // SAFETY: the caller's promise is the same.
        let out = unsafe { Out::new(schema, "schema")? };
        out.say(QueryParams::json_schema().to_string());
        Ok(())
    })
}

/// Cancels what runs, waits two seconds for it at most, and ends the events; no job is taken any more. To be called before the
/// library's users go (a plugin that is unloaded, a runtime that ends); when the process exits it is called by itself. Handles,
/// texts and errors stay and are still to be released. Any thread, but none inside a callback.
#[unsafe(no_mangle)]
pub extern "C" fn datasus_shut_down() -> Status {
    fence("datasus_shut_down", null_mut(), || {
        // False where jobs had to be cancelled: that is what it is for.
        let _ = Scheduler::of_process().close(Duration::ZERO)?;
        // What a collector does not take by then is lost.
        let _ = datasus::telemetry::flush(Duration::from_secs(1));
        crate::events::end();
        Ok(())
    })
}

/// A process that ends while threads of the engine's are at work may crash.
pub fn at_exit() {
    static ONCE: Once = Once::new();
    extern "C" fn shut_down() {
        if !is_forked() {
            datasus_shut_down();
            // A client that goes waits until its engine has settled.
            let _ = fence("datasus_shut_down", null_mut(), || {
                drop(CLIENTS.take_all());
                Ok(())
            });
        }
    }
    ONCE.call_once(|| {
        // SAFETY: a function that takes nothing and does not unwind. Where there is no room for it, the exit is as it would be.
        let _ = unsafe { libc::atexit(shut_down) };
    });
}

/// For tests, and not in the header: the next call of the function `name` panics.
///
/// # Safety
/// `name`: a text.
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_test_panic_next(name: *const c_char) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_test_panic_next", null_mut(), || unsafe { text(name, "name") }.map(panic_next))
}

/// For tests, and not in the header: the statements and the texts of SQL that come next hear no interrupt for so long.
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub extern "C" fn datasus_test_hang_next(statements: usize, texts: usize, milliseconds: u32) -> Status {
    fence("datasus_test_hang_next", null_mut(), || {
        let time = Duration::from_millis(milliseconds.into());
        datasus::engine::HANGS.hang_next(statements, time);
        datasus::faces::gate::HANGS.hang_next(texts, time);
        Ok(())
    })
}

/// For tests, and not in the header: how many of them hang at the moment.
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub extern "C" fn datasus_test_hanging() -> usize {
    datasus::engine::HANGS.hanging() + datasus::faces::gate::HANGS.hanging()
}

/// For tests, and not in the header: how many handles, streams, texts and errors are alive.
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub extern "C" fn datasus_test_alive() -> usize {
    CLIENTS.len() + JOBS.len() + CANCELS.len() + STREAMS.len() + TEXTS.len() + errors_alive()
}
