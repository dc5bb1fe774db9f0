//! What comes of an answer, and what it is once it is unpacked.

use std::io::Write;

use reqwest::Response;

use super::HttpTree;
use crate::base::{Cancel, Error, Result};
use crate::store::{Taker, runtime};

/// Bytes that are handed on at once.
const READ: usize = 256 << 10;

/// The bytes of an answer, some hundred kilobytes at a time.
pub(super) struct Body(Rest);

enum Rest {
    More(Response),
    End,
    /// What came before this has been handed on.
    Broken(reqwest::Error),
}

impl Body {
    pub fn of(response: Response) -> Self {
        Body(Rest::More(response))
    }

    /// None at its end; an error where it breaks off, behind the bytes that came before: a body of unknown length that is cut looks
    /// like a whole one otherwise.
    pub fn next(&mut self, tree: &HttpTree, cancel: &Cancel) -> Result<Option<Vec<u8>>> {
        let mut response = match std::mem::replace(&mut self.0, Rest::End) {
            Rest::More(response) => response,
            Rest::End => return Ok(None),
            Rest::Broken(error) => return Err(tree.broken(&error)),
        };
        let (rest, read) = runtime::wait(cancel, async move {
            let mut all = Vec::new();
            loop {
                match response.chunk().await {
                    Ok(Some(bytes)) => all.extend_from_slice(&bytes),
                    Ok(None) => return (Rest::End, all),
                    Err(error) => return (Rest::Broken(error), all),
                }
                if all.len() >= READ {
                    return (Rest::More(response), all);
                }
            }
        })?;
        self.0 = rest;
        match &self.0 {
            // What came before counts: the file goes on behind it.
            Rest::Broken(_) if read.is_empty() => self.next(tree, cancel),
            Rest::End if read.is_empty() => Ok(None),
            _ => Ok(Some(read)),
        }
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
