//! Tables of the caller's own, for SQL.

use std::ffi::c_char;

use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use datasus::base::Text;
use datasus::{Code, Error};

use crate::args::{Out, text};
use crate::client::{ClientHandle, with};
use crate::error::ErrorOut;
use crate::fence::fence;
use crate::guard::is_forked;
use crate::status::Status;

/// The host's stream, from the moment on in which it is the library's.
struct Taken(Option<FFI_ArrowArrayStream>);

impl Drop for Taken {
    fn drop(&mut self) {
        if is_forked() {
            // It is the parent's to release.
            std::mem::forget(self.0.take());
        }
    }
}

/// Takes the rows of a stream as a table, which SQL may read under `name` from now on, in the place of one that was given before. They
/// are copied once, beside the lake, before this returns, and never changed. `stream` belongs to the library from here on, whatever this
/// returns: it is left released. DS-422: no name for a table, a table of the catalogue, or a stream that is released or fails.
///
/// # Safety
/// `name`: a text; `stream`: an ArrowArrayStream; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_add_table(
    client: *mut ClientHandle,
    name: *const c_char,
    stream: *mut FFI_ArrowArrayStream,
    error: *mut ErrorOut,
) -> Status {
    let mut taken = Taken(None);
    if !stream.is_null() && stream.is_aligned() {
        // SAFETY: an aligned ArrowArrayStream, as the caller promises; what it was moves here, and an empty one, which is released, stays.
        taken.0 = Some(unsafe { FFI_ArrowArrayStream::from_raw(stream) });
    }
    fence("datasus_client_add_table", error, move || {
        // The whole of it, not its parts.
        let mut taken = taken;
        // SAFETY: the caller's promise is the same.
        let (name, _place) = unsafe { (text(name, "name")?, Out::new(stream, "stream")?) };
        let reader = taken.0.take().map(ArrowArrayStreamReader::try_new).transpose().map_err(|error| {
            let detail = Text {
                pt: format!("Argumento `stream`: foi liberado, ou não diz o seu esquema: \"{error}\""),
                en: format!("Argument `stream`: was released, or does not tell its schema: \"{error}\""),
            };
            Error::new(Code::InvalidParams, detail).with("argument", "stream").stage("c").because(error)
        })?;
        match reader {
            Some(reader) => with(client, |held| held.client.add_table(name, reader)),
            None => Err(Error::internal("a stream that is there was not taken")),
        }
    })
}
