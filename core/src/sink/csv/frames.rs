//! zstd frames, each a checkpoint's rows, compressed side by side and written in their order. A file of several frames is
//! one zstd file to every reader.

use std::collections::VecDeque;

use crossbeam_channel::{Receiver, bounded};

use crate::base::UnitId;

/// Frames that are at work at once; each holds its text and its compressed form.
const AT_WORK: usize = 3;

pub(super) struct Frames {
    level: i32,
    text: Vec<u8>,
    rows: u64,
    waiting: VecDeque<Waiting>,
}

/// A frame that is being compressed, and what it ends.
struct Waiting {
    frame: Receiver<std::io::Result<Vec<u8>>>,
    next_unit: UnitId,
    rows: u64,
}

/// A frame, and what it ends.
pub(super) struct Frame {
    pub bytes: Vec<u8>,
    pub next_unit: UnitId,
    /// Rows of the file up to its end.
    pub rows: u64,
}

impl Frames {
    pub(super) fn new(level: i32) -> Self {
        Frames { level, text: Vec::new(), rows: 0, waiting: VecDeque::new() }
    }

    /// The text of the frame at hand.
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// `rows` more rows are in the frame at hand; gives how many it has.
    pub(super) fn add(&mut self, rows: u64) -> u64 {
        self.rows += rows;
        self.rows
    }

    /// Ends the frame at hand: all units before `next_unit`, `rows` rows in all, are in it and those before it.
    pub(super) fn end(&mut self, next_unit: UnitId, rows: u64) {
        if self.text.is_empty() {
            return;
        }
        self.rows = 0;
        let room = self.text.len() + self.text.len() / 8;
        let text = std::mem::replace(&mut self.text, Vec::with_capacity(room));
        let (done, frame) = bounded(1);
        let level = self.level;
        rayon::spawn(move || {
            // Nobody waits for it where the file was given up.
            let _ = done.send(zstd::bulk::compress(&text, level));
        });
        self.waiting.push_back(Waiting { frame, next_unit, rows });
    }

    /// The next frame in order; without `all` only where enough are at work.
    pub(super) fn next(&mut self, all: bool) -> Option<std::io::Result<Frame>> {
        if !all && self.waiting.len() <= AT_WORK {
            return None;
        }
        let Waiting { frame, next_unit, rows } = self.waiting.pop_front()?;
        let lost = |_| Err(std::io::Error::other("a compressing thread went away"));
        Some(frame.recv().unwrap_or_else(lost).map(|bytes| Frame { bytes, next_unit, rows }))
    }
}
