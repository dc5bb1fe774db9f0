//! Fields that are not text as they stand: numbers of the machine, and fields of Visual FoxPro that may hold no value.
//!
//! They are written as text first, each as wide as the other, and then go the way of every field.

use super::binary::{AsText, LONGEST, as_text};
use super::columns::SAMPLES;
use super::field::StoredAs;
use super::{BadCell, BadValues, Field};

pub(super) struct OddField {
    offset: usize,
    width: usize,
    stored: StoredAs,
    null_bit: Option<(usize, u8)>,
    /// A column of days: a moment must be one.
    as_day: bool,
    text: Vec<u8>,
    /// The fields of the piece at hand, as text.
    pub(super) window: Vec<u8>,
    pub(super) starts: Vec<(u32, u64)>,
}

impl OddField {
    /// None for a field that needs none of this.
    pub(super) fn of(field: &Field, as_day: bool) -> Option<OddField> {
        (field.stored.is_binary() || field.null_bit.is_some()).then(|| OddField {
            offset: field.offset,
            width: field.width,
            stored: field.stored,
            null_bit: field.null_bit,
            as_day,
            text: Vec::new(),
            window: Vec::new(),
            starts: Vec::new(),
        })
    }

    /// Of each field in `window`, as text.
    pub(super) fn text_width(&self) -> usize {
        if self.stored.is_binary() { LONGEST } else { self.width }
    }

    /// Puts the field of each record that starts at `starts` in `records` into `window` and `starts`. What holds no value
    /// is blank there; what is bad too, and counted. The first of them is row `first` of what is made of the file.
    pub(super) fn take(
        &mut self,
        records: &[u8],
        starts: &[(u32, u64)],
        first: u64,
        bad: &mut BadValues,
        mut cells: Option<&mut Vec<BadCell>>,
    ) {
        let width = self.text_width();
        self.window.clear();
        self.starts.clear();
        for (index, (start, row)) in starts.iter().enumerate() {
            let record = *start as usize;
            let raw = &records[record + self.offset..record + self.offset + self.width];
            let is_null = self.null_bit.is_some_and(|(byte, bit)| records[record + byte] & bit != 0);
            let at = self.window.len();
            self.starts.push((at as u32, *row));
            if !is_null && !self.stored.is_binary() {
                self.window.extend_from_slice(raw);
            } else if !is_null {
                match as_text(self.stored, raw, self.as_day, &mut self.text) {
                    AsText::Written => self.window.extend_from_slice(&self.text),
                    AsText::Null => {}
                    AsText::Bad => {
                        bad.count += 1;
                        let value: String = raw.iter().map(|byte| char::from(*byte)).collect();
                        if bad.samples.len() < SAMPLES {
                            bad.samples.push((*row, value.clone()));
                        }
                        if let Some(cells) = &mut cells {
                            cells.push(BadCell { row: first + index as u64, source_row: *row, value });
                        }
                    }
                }
            }
            self.window.resize(at + width, b' ');
        }
    }
}
