//! The decoded bytes of a file's body, in a window: hashed as they pass, and checked where they end.

use sha2::{Digest, Sha256};

use super::damage::Cause;
use super::explode::Exploder;
use super::input::Input;
use super::window::Window;
use super::{CrcState, Header, Summary};
use crate::base::{Error, Result};

/// Where the records come from.
pub(super) enum Body {
    Imploded { exploder: Exploder, crc: u32 },
    Plain,
}

/// Which of the file's sums are looked at.
pub(super) struct Sums {
    pub verify_crc: bool,
    pub decoded_sha256: bool,
}

pub(super) struct Decoded {
    pub input: Input,
    body: Body,
    pub window: Window,
    crc: Option<crc32fast::Hasher>,
    sha256: Option<Sha256>,
    taken: u64,
    header_len: u64,
    /// Of the body, as the header declares it.
    declared: u64,
}

impl Decoded {
    pub(super) fn new(input: Input, body: Body, header: &Header, header_bytes: &[u8], sums: &Sums) -> Self {
        let mut crc = (matches!(body, Body::Imploded { .. }) && sums.verify_crc).then(crc32fast::Hasher::new);
        let mut sha256 = sums.decoded_sha256.then(Sha256::new);
        if let Some(crc) = &mut crc {
            crc.update(header_bytes);
        }
        if let Some(sha256) = &mut sha256 {
            sha256.update(header_bytes);
        }
        Decoded {
            input,
            body,
            window: Window::new(header.record_len),
            crc,
            sha256,
            taken: 0,
            header_len: header.header_len as u64,
            declared: header.body_len(),
        }
    }

    /// The CRC-32 that the file has, and what is known of it before the last byte.
    pub(super) fn crc(&self) -> (Option<u32>, CrcState) {
        match &self.body {
            // With `verify_crc` it becomes Ok at the last byte, and not before.
            Body::Imploded { crc, .. } => (Some(*crc), CrcState::Unchecked),
            Body::Plain => (None, CrcState::Absent),
        }
    }

    /// Decodes more into the window; false where the stream has ended.
    pub(super) fn more(&mut self) -> Result<bool> {
        self.window.make_room();
        let before = self.window.end;
        match &mut self.body {
            Body::Imploded { exploder, .. } => exploder.fill(&mut self.input, &mut self.window)?,
            Body::Plain => {
                let room = self.window.room();
                let end = self.window.end;
                let read = self.input.read(&mut self.window.bytes[end..end + room])?;
                self.window.end += read;
            }
        }
        let new = &self.window.bytes[before..self.window.end];
        if let Some(crc) = &mut self.crc {
            crc.update(new);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(new);
        }
        self.taken += new.len() as u64;
        // One more byte than declared is the end-of-file mark that most files have.
        if matches!(self.body, Body::Imploded { .. }) && self.taken > self.declared + 1 {
            return Err(Cause::TooLong.at(&self.input.name, self.input.offset()));
        }
        Ok(!new.is_empty())
    }

    /// Whether nothing can come any more; of a plain file that is seen only by asking for more.
    pub(super) fn ended(&self) -> bool {
        match &self.body {
            Body::Imploded { exploder, .. } => exploder.ended(),
            Body::Plain => true,
        }
    }

    /// Whether an imploded stream has ended.
    pub(super) fn stream_ended(&self) -> bool {
        matches!(self.body, Body::Imploded { .. }) && self.ended()
    }

    /// Whether all that the header declares has come.
    pub(super) fn is_whole(&self) -> bool {
        self.taken >= self.declared
    }

    /// The error of a body that ends before the header's count does.
    pub(super) fn short(&self) -> Error {
        let cause = match self.body {
            Body::Imploded { .. } => Cause::TooShort,
            Body::Plain => Cause::Truncated,
        };
        cause.at(&self.input.name, self.input.offset())
    }

    /// What follows the records: the end mark, the end of the stream, and the CRC. `summary` has what is known then.
    pub(super) fn finish(&mut self, summary: &mut Summary) -> Result<()> {
        if let Body::Imploded { .. } = self.body {
            self.window.start = self.window.end;
            while !self.ended() {
                self.more()?;
                self.window.start = self.window.end;
            }
        } else {
            self.after_plain()?;
        }
        if let (Some(crc), Some(stored)) = (self.crc.take(), summary.crc32) {
            let found = crc.finalize();
            if found != stored {
                return Err(Cause::BadCrc
                    .at(&self.input.name, self.header_len)
                    .with("expected_crc32", format!("{stored:08x}"))
                    .with("received_crc32", format!("{found:08x}")));
            }
            summary.crc = CrcState::Ok;
        }
        let (bytes, sha256) = self.input.finish()?;
        summary.source_bytes = bytes;
        summary.source_sha256 = sha256;
        if let Some(sha256) = self.sha256.take() {
            summary.decoded_sha256 = hex::encode(sha256.finalize());
        }
        Ok(())
    }

    /// A plain DBF has no CRC that would tell of records beyond the declared ones: only marks and padding may follow.
    fn after_plain(&mut self) -> Result<()> {
        loop {
            let padding = |byte: &u8| matches!(byte, 0 | 0x1a);
            if let Some(at) = self.window.unread().iter().position(|byte| !padding(byte)) {
                let behind = (self.window.unread().len() - at) as u64;
                return Err(Cause::TooLong.at(&self.input.name, self.input.offset().saturating_sub(behind)));
            }
            self.window.start = self.window.end;
            if !self.more()? {
                return Ok(());
            }
        }
    }
}
