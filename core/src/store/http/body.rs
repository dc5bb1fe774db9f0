//! What comes of an answer, and what it is once it is unpacked.

use std::io::Write;

use reqwest::Response;

use super::HttpTree;
use crate::base::{Cancel, Error, Result};
use crate::store::{Taker, runtime};

/// Bytes that are handed on at once.
const READ: usize = 256 << 10;

/// The bytes of an answer, some hundred kilobytes at a time.
pub(super) struct Body(Option<Response>);

impl Body {
    pub fn of(response: Response) -> Self {
        Body(Some(response))
    }

    pub fn next(&mut self, tree: &HttpTree, cancel: &Cancel) -> Result<Option<Vec<u8>>> {
        let Some(mut response) = self.0.take() else { return Ok(None) };
        let (response, read) = runtime::wait(cancel, async move {
            let mut all = Vec::new();
            loop {
                match response.chunk().await {
                    Ok(Some(bytes)) => all.extend_from_slice(&bytes),
                    Ok(None) => return (None, Ok(all)),
                    // What came before counts: the file goes on behind it.
                    Err(error) if all.is_empty() => return (None, Err(error)),
                    Err(_) => return (Some(response), Ok(all)),
                }
                if all.len() >= READ {
                    return (Some(response), Ok(all));
                }
            }
        })?;
        self.0 = response;
        let read = read.map_err(|error| tree.broken(&error))?;
        Ok((!read.is_empty() || self.0.is_some()).then_some(read))
    }
}

/// Takes what was unpacked.
pub(super) struct Unpacked<'t> {
    pub to: &'t mut dyn Taker,
    pub refused: Option<Error>,
}

impl Write for Unpacked<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.to.take(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.refused = Some(error);
                Err(std::io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
