//! One DBC or DBF file, straight to Arrow; and made-up files, to try things on.

use std::ffi::c_char;
use std::path::Path;

use arrow::ffi_stream::FFI_ArrowArrayStream;
use datasus::labels::open_records;
use datasus::source::{RecordsOf, write_example_data};
use datasus::{Catalog, Language};

use crate::args::{Out, optional, text};
use crate::error::ErrorOut;
use crate::fence::fence;
use crate::status::Status;

/// Reads one DBC or DBF file as rows, without a client or a lake.
///
/// `options`: a JSON object with any of columns (a list of names, labels and derived columns such as idade_anos among them), dataset
/// ("SIH-RD", where the file's name does not tell), typed (true: the catalogue's types; false: all text), verify_crc, batch_rows,
/// encoding ("latin-1", "cp850", "cp1252", "utf-8", "auto"; left out: Latin-1 for files of the catalogue, else auto), partial (true:
/// fewer records than declared are no error), labels (true, or a list of columns: words for codes beside them; the summary counts
/// codes without one), labels_only (true: in their place); NULL: none.
/// `stream` receives the rows; a damaged file ends it with DS-460, and datasus_stream_summary says what was noticed.
/// DS-400: options is no JSON or has an unknown key; DS-404: no such file; DS-422: no such column, dataset or encoding;
/// DS-460: not a DBC or DBF, or a column of a type that is not read.
///
/// # Safety
/// `path`: a text; `options`: NULL or a text; `stream`: a place for an ArrowArrayStream; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_read_dbc(
    path: *const c_char,
    options: *const c_char,
    stream: *mut FFI_ArrowArrayStream,
    error: *mut ErrorOut,
) -> Status {
    fence("datasus_read_dbc", error, || {
        // SAFETY: the caller's promise is the same.
        let (path, options, out) =
            unsafe { (text(path, "path")?, optional(options, "options")?, Out::new(stream, "stream")?) };
        let wanted = options.map_or_else(|| Ok(RecordsOf::default()), RecordsOf::from_json)?;
        let records = open_records(Path::new(path), &wanted, Catalog::builtin(), Language::default())?;
        out.stream(Box::new(records));
        Ok(())
    })
}

/// Writes made-up files of several datasets into `folder`, `rows` records each, the same on every machine; files that are there
/// stay as they are. DS-403, DS-507: the folder cannot be written.
///
/// # Safety
/// `folder`: a text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_write_example_data(folder: *const c_char, rows: u32, error: *mut ErrorOut) -> Status {
    fence("datasus_write_example_data", error, || {
        // SAFETY: the caller's promise is the same.
        let folder = unsafe { text(folder, "folder")? };
        write_example_data(Path::new(folder), rows)
    })
}
