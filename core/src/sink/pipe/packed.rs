//! A stream of bytes as one frame of zstd, whose reader has all of each batch as soon as its bytes have come.

use std::io::Write;

use zstd::stream::write::Encoder;

use crate::base::{Error, Result};

/// Readers of HTTP unpack a window of 8 MB and no larger one (RFC 9659); from level 20 on zstd would take more.
const WINDOW_LOG: u32 = 23;

pub(super) struct Packed(Encoder<'static, Vec<u8>>);

impl Packed {
    pub(super) fn new(level: i32) -> Result<Self> {
        let mut encoder = Encoder::new(Vec::new(), level).map_err(Error::internal)?;
        if level > 19 {
            encoder.window_log(WINDOW_LOG).map_err(Error::internal)?;
        }
        Ok(Packed(encoder))
    }

    /// `bytes`, packed so that they can be read without those that follow.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.0.write_all(bytes).and_then(|()| self.0.flush()).map_err(Error::internal)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    /// `bytes` and the frame's end. A stream that fails gets none, so that nobody takes it for a whole one.
    pub(super) fn end(mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.0.write_all(bytes).and_then(|()| self.0.finish()).map_err(Error::internal)
    }
}
