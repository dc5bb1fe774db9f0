//! An object on its way to S3: small ones go in one request, others in parts, and none is there before all of it is.

use std::io::{self, Write};

use bytes::Bytes;
use object_store::multipart::PartId;

use super::notes::Note;
use super::target::{Completed, PART, Target};
use crate::base::{Error, ForkGuard, Result};
use crate::store::Upload;

pub(super) struct Sending {
    target: Target,
    buffer: Vec<u8>,
    parts: Option<Parts>,
    home: ForkGuard,
}

struct Parts {
    id: String,
    sent: Vec<PartId>,
    bytes: u64,
    note: Option<Note>,
}

impl Sending {
    pub fn new(target: Target) -> Self {
        Sending { target, buffer: Vec::new(), parts: None, home: ForkGuard::default() }
    }

    fn send(&mut self) -> Result<()> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => {
                let (id, note) = self.target.begin(None)?;
                none.insert(Parts { id, sent: Vec::new(), bytes: 0, note })
            }
        };
        let data: Bytes = std::mem::take(&mut self.buffer).into();
        let length = data.len() as u64;
        parts.sent.push(self.target.send(&parts.id, parts.sent.len(), data)?);
        parts.bytes += length;
        Ok(())
    }

    fn complete(&self, parts: Parts) -> Result<()> {
        let failure = match self.target.complete(&parts.id, &parts.sent) {
            Ok(Completed::Done) => {
                parts.note.into_iter().for_each(Note::done);
                return Ok(());
            }
            // It may have been done, and the answer lost.
            Ok(Completed::Gone(_)) if self.target.head().is_ok_and(|found| found.size == parts.bytes) => {
                parts.note.into_iter().for_each(Note::done);
                return Ok(());
            }
            Ok(Completed::Gone(failure)) => failure.into(),
            Err(error) => error,
        };
        self.target.abort(&parts.id, parts.note);
        Err(failure)
    }
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= PART {
            self.send().map_err(io::Error::other)?;
        }
        let taken = bytes.len().min(PART - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// What is shorter than a part waits for more.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for Sending {
    fn publish(mut self: Box<Self>) -> Result<()> {
        if self.parts.is_none() {
            return self.target.put(std::mem::take(&mut self.buffer).into());
        }
        if !self.buffer.is_empty() {
            self.send()?;
        }
        match self.parts.take() {
            Some(parts) => self.complete(parts),
            None => Err(Error::internal("an upload lost its parts")),
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take().filter(|_| !self.home.is_left()) {
            self.target.abort(&parts.id, parts.note);
        }
    }
}
