//! Where the worker's program is, and the libraries that it is linked to.

use std::ffi::{CStr, OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::worker::can_serve;
use crate::base::{Code, Error, Result, text};

/// The program's name.
const NAME: &str = "datasus-worker";
/// Where it lies, seen from the library: in a wheel, in a package of npm, in an installed C library.
const BESIDE: [&str; 4] = ["_bin", ".", "../libexec/datasus", "../libexec"];

/// `named`; else the one beside the library; else this program, where it can serve.
pub(super) fn program(named: Option<&Path>) -> Result<PathBuf> {
    if let Some(named) = named {
        return if named.is_file() { Ok(named.to_owned()) } else { Err(missing(&[named.to_owned()])) };
    }
    if can_serve() {
        return std::env::current_exe().map_err(Error::internal);
    }
    let folder = folder_of(program as *const c_void);
    let places: Vec<PathBuf> =
        folder.iter().flat_map(|folder| BESIDE.map(|beside| folder.join(beside).join(NAME))).collect();
    places.iter().find(|place| place.is_file()).cloned().ok_or_else(|| missing(&places))
}

/// The folder of the libduckdb that this process has: a worker has the same.
pub(super) fn libraries() -> Option<String> {
    folder_of(duckdb::ffi::duckdb_library_version as *const c_void)?.into_os_string().into_string().ok()
}

/// Of the file that the code at `address` was loaded from. A name that is not absolute is what the program was called by: from where,
/// nobody knows any more, and in this folder another may lie.
fn folder_of(address: *const c_void) -> Option<PathBuf> {
    let mut found = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: looks an address up that is only compared, and fills the structure where it answers other than 0.
    let found = unsafe {
        if libc::dladdr(address, found.as_mut_ptr()) == 0 {
            return None;
        }
        found.assume_init()
    };
    if found.dli_fname.is_null() {
        return None;
    }
    // SAFETY: a text of the loader's that ends with NUL, and stays for as long as the code is loaded.
    let name = unsafe { CStr::from_ptr(found.dli_fname) };
    let path = Path::new(OsStr::from_bytes(name.to_bytes()));
    let path = if path.is_absolute() { path.to_owned() } else { std::env::current_exe().ok()? };
    path.canonicalize().ok()?.parent().map(Path::to_owned)
}

fn missing(places: &[PathBuf]) -> Error {
    let shown = places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>();
    let list = shown.join(", ");
    Error::new(
        Code::InvalidParams,
        text!(
            "`isolation` pede o programa {NAME}, que não está aqui ({list}): diga em `worker` (ou DATASUS_WORKER) onde ele está, instale o pacote de novo, ou deixe `isolation` com none",
            "`isolation` wants the program {NAME}, which is not here ({list}): say by `worker` (or DATASUS_WORKER) where it is, install the package again, or leave `isolation` at none"
        ),
    )
    .with("looked_at", shown)
    .stage("isolation")
}
