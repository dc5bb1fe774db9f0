//! The bytes of a source file, read in blocks and hashed as they pass.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::zipped::Damaged;
use crate::base::{Error, Result};

const BLOCK: usize = 64 << 10;

pub(super) struct Input {
    reader: Box<dyn Read + Send>,
    pub(super) name: String,
    block: Vec<u8>,
    position: usize,
    length: usize,
    /// Bytes of the file before `block`.
    before: u64,
    sha256: Sha256,
    ended: bool,
}

impl Input {
    pub(super) fn new(reader: impl Read + Send + 'static, name: &str) -> Self {
        Input {
            reader: Box::new(reader),
            name: name.to_owned(),
            block: vec![0; BLOCK],
            position: 0,
            length: 0,
            before: 0,
            sha256: Sha256::new(),
            ended: false,
        }
    }

    /// The bytes at hand, at least one unless the file has ended.
    pub(super) fn available(&mut self) -> Result<&[u8]> {
        if self.position == self.length && !self.ended {
            self.before += self.length as u64;
            self.position = 0;
            self.length = loop {
                match self.reader.read(&mut self.block) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        let damaged = error.get_ref().and_then(|inner| inner.downcast_ref::<Damaged>());
                        return Err(match damaged {
                            Some(Damaged(cause)) => cause.at(&self.name, self.before),
                            None => Error::io(error, Path::new(&self.name)).offset(self.before),
                        });
                    }
                    Ok(length) => break length,
                }
            };
            self.ended = self.length == 0;
            self.sha256.update(&self.block[..self.length]);
        }
        Ok(&self.block[self.position..self.length])
    }

    /// Takes `count` of the bytes at hand.
    pub(super) fn consume(&mut self, count: usize) {
        self.position = (self.position + count).min(self.length);
    }

    /// Fills `into` as far as the file goes; returns the bytes read.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            let at_hand = self.available()?;
            if at_hand.is_empty() {
                break;
            }
            let count = at_hand.len().min(into.len() - filled);
            into[filled..filled + count].copy_from_slice(&at_hand[..count]);
            filled += count;
            self.consume(count);
        }
        Ok(filled)
    }

    /// The offset of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.position as u64
    }

    /// Reads what is left, and gives size and SHA-256 of the whole file.
    pub(super) fn finish(&mut self) -> Result<(u64, String)> {
        loop {
            let rest = self.available()?.len();
            if rest == 0 {
                break;
            }
            self.consume(rest);
        }
        Ok((self.offset(), hex::encode(self.sha256.clone().finalize())))
    }
}
