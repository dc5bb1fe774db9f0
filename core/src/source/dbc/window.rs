//! The decoded bytes at hand: what copies may reach back to, and what waits to be read as records.

/// Bytes that a copy may reach back.
pub(super) const HISTORY: usize = 4096;
/// The longest copy, and room for copies in steps of 16 bytes.
const SLACK: usize = 519 + 32;

pub(super) struct Window {
    pub(super) bytes: Vec<u8>,
    /// End of the decoded bytes.
    pub(super) end: usize,
    /// Start of what has not been read as records.
    pub(super) start: usize,
    capacity: usize,
}

impl Window {
    /// A window that always has room for `record` unread bytes beside the history.
    pub(super) fn new(record: usize) -> Self {
        let capacity = HISTORY + (192 << 10) + 2 * record;
        Window { bytes: vec![0; capacity + SLACK], end: 0, start: 0, capacity }
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Forgets what is neither history nor unread, so that there is room to decode into.
    pub(super) fn make_room(&mut self) {
        let keep = self.start.min(self.end.saturating_sub(HISTORY));
        if keep > 0 {
            self.bytes.copy_within(keep..self.end, 0);
            self.end -= keep;
            self.start -= keep;
        }
    }

    /// Bytes that may be decoded now.
    pub(super) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.end)
    }

    /// Repeats `length` bytes from `distance` back; both have been checked against what there is.
    #[inline(always)]
    pub(super) fn copy(&mut self, distance: usize, length: usize) {
        let mut from = self.end - distance;
        let mut to = self.end;
        self.end += length;
        if distance >= 16 {
            // Steps may write past the end: the slack takes it, and the next bytes overwrite it.
            loop {
                self.bytes.copy_within(from..from + 16, to);
                from += 16;
                to += 16;
                if to >= self.end {
                    break;
                }
            }
        } else if distance == 1 {
            let byte = self.bytes[from];
            self.bytes[to..self.end].fill(byte);
        } else {
            for step in 0..length {
                self.bytes[to + step] = self.bytes[from + step];
            }
        }
    }
}
