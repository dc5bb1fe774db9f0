//! The PKWare implode stream, decoded by table look-up into the window.

use super::damage::Cause;
use super::huffman::{DISTANCE, END, LENGTH, LENGTHS, LITERAL};
use super::input::Input;
use super::window::{HISTORY, Window};
use crate::base::Result;

pub(super) struct Exploder {
    bits: u64,
    count: u32,
    /// Bits past the end of the file that were taken as zeros.
    borrowed: u32,
    coded_literals: bool,
    dictionary_bits: u32,
    ended: bool,
    /// Bytes decoded so far.
    pub(super) produced: u64,
}

/// Bits of the longest token: flag, length code and extra bits, distance code and extra bits.
const LONGEST: u32 = 1 + 7 + 8 + 8 + 6;

impl Exploder {
    /// `head` are the stream's two first bytes.
    pub(super) fn new(head: [u8; 2], input: &Input) -> Result<Self> {
        let coded_literals = match head[0] {
            0 => false,
            1 => true,
            _ => return Err(Cause::BadLiteralFlag.at(&input.name, input.offset().saturating_sub(2))),
        };
        if !(4..=6).contains(&head[1]) {
            return Err(Cause::BadDictionary.at(&input.name, input.offset().saturating_sub(1)));
        }
        let dictionary_bits = u32::from(head[1]);
        Ok(Exploder { bits: 0, count: 0, borrowed: 0, coded_literals, dictionary_bits, ended: false, produced: 0 })
    }

    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Decodes until the window is full or the stream ends.
    pub(super) fn fill(&mut self, input: &mut Input, window: &mut Window) -> Result<()> {
        while !self.ended && window.room() > 0 {
            let at_hand = input.available()?;
            // The fast way refills eight bytes at a time; near a block's end it is one byte at a time.
            let (taken, outcome) = if at_hand.len() >= 8 {
                self.run(at_hand, window)
            } else {
                self.refill_slowly(input)?;
                (0, self.token(window))
            };
            input.consume(taken);
            if let Err(cause) = outcome {
                // Whole bytes that wait in the bit buffer have not been decoded.
                let waiting = u64::from(self.count.saturating_sub(self.borrowed) / 8);
                return Err(cause.at(&input.name, input.offset().saturating_sub(waiting)));
            }
            if self.borrowed > self.count {
                return Err(Cause::Truncated.at(&input.name, input.offset()));
            }
        }
        Ok(())
    }

    /// Tokens as long as eight bytes are at hand; returns the bytes taken, and what stopped it.
    fn run(&mut self, source: &[u8], window: &mut Window) -> (usize, std::result::Result<(), Cause>) {
        let mut position = 0;
        while !self.ended && window.room() > 0 {
            if self.count < LONGEST {
                let Some(next) = source.get(position..).and_then(|rest| rest.first_chunk::<8>()) else { break };
                self.bits |= u64::from_le_bytes(*next) << self.count;
                let bytes = (63 - self.count) >> 3;
                position += bytes as usize;
                self.count += bytes * 8;
                self.bits &= u64::MAX >> (64 - self.count);
            }
            if let Err(cause) = self.token(window) {
                return (position, Err(cause));
            }
        }
        (position, Ok(()))
    }

    fn refill_slowly(&mut self, input: &mut Input) -> Result<()> {
        while self.count < LONGEST {
            let byte = input.available()?.first().copied();
            match byte {
                Some(byte) => {
                    self.bits |= u64::from(byte) << self.count;
                    input.consume(1);
                }
                None => self.borrowed += 8,
            }
            self.count += 8;
        }
        Ok(())
    }

    /// One literal, copy or end; there are bits enough for any.
    #[inline(always)]
    fn token(&mut self, window: &mut Window) -> std::result::Result<(), Cause> {
        let bits = self.bits;
        if bits & 1 == 0 {
            let (byte, length) =
                if self.coded_literals { LITERAL[(bits >> 1) as usize & 0x1fff] } else { ((bits >> 1) as u8, 8) };
            if length == 0 {
                return Err(Cause::BadCode);
            }
            window.bytes[window.end] = byte;
            window.end += 1;
            self.produced += 1;
            self.take(1 + u32::from(length));
            return Ok(());
        }
        let (symbol, width) = LENGTH[(bits >> 1) as usize & 0x7f];
        let mut used = 1 + u32::from(width);
        let (base, extra) = LENGTHS[symbol as usize & 15];
        let length = base as usize + ((bits >> used) & ((1 << extra) - 1)) as usize;
        used += u32::from(extra);
        if width == 0 {
            return Err(Cause::BadCode);
        }
        if length == END {
            self.take(used);
            self.ended = true;
            return Ok(());
        }
        let (symbol, width) = DISTANCE[(bits >> used) as usize & 0xff];
        used += u32::from(width);
        if width == 0 {
            return Err(Cause::BadCode);
        }
        let low = if length == 2 { 2 } else { self.dictionary_bits };
        let distance = (usize::from(symbol) << low) + ((bits >> used) & ((1 << low) - 1)) as usize + 1;
        used += low;
        if distance as u64 > self.produced || distance > HISTORY {
            return Err(Cause::CopyBeforeStart);
        }
        window.copy(distance, length);
        self.produced += length as u64;
        self.take(used);
        Ok(())
    }

    #[inline(always)]
    fn take(&mut self, count: u32) {
        self.bits >>= count;
        self.count -= count;
    }
}
