//! SHA-256 of a file.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Error, Result, open_source};

/// In hexadecimal.
pub fn file_sha256(path: &Path) -> Result<String> {
    let mut file = open_source(path).map_err(|e| Error::io(e, path))?;
    let mut sha256 = Sha256::new();
    let mut block = vec![0; 1 << 18];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(hex::encode(sha256.finalize())),
            Ok(length) => sha256.update(&block[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io(error, path)),
        }
    }
}
