//! A block of tuples: where each one's next field goes.

use std::ops::Range;

use ::arrow::array::{Array, ArrayRef};
use ::arrow::buffer::NullBuffer;

use crate::base::copy_short;

#[derive(Debug, Default)]
pub(super) struct Block {
    /// Rows of the batch.
    pub rows: Range<usize>,
    /// Bytes that every tuple has.
    fixed: usize,
    /// Bytes of each tuple besides; cursors into the output once they are laid out.
    cursors: Vec<usize>,
}

/// Length of a NULL.
const NULL: [u8; 4] = (-1i32).to_be_bytes();

impl Block {
    pub fn begin(&mut self, rows: Range<usize>) {
        self.cursors.clear();
        self.cursors.resize(rows.len(), 0);
        self.rows = rows;
        self.fixed = 2;
    }

    /// A field of `width` bytes, or NULL.
    pub fn size_fixed(&mut self, array: &ArrayRef, width: usize) {
        self.fixed += 4;
        match nulls(array) {
            None => self.fixed += width,
            Some(nulls) => {
                for (cursor, row) in self.cursors.iter_mut().zip(self.rows.clone()) {
                    *cursor += if nulls.is_valid(row) { width } else { 0 };
                }
            }
        }
    }

    /// A field whose width depends on the row; `width` is asked for valid rows only.
    pub fn size_varying(&mut self, array: &ArrayRef, width: impl Fn(usize) -> usize) {
        self.fixed += 4;
        match nulls(array) {
            None => {
                for (cursor, row) in self.cursors.iter_mut().zip(self.rows.clone()) {
                    *cursor += width(row);
                }
            }
            Some(nulls) => {
                for (cursor, row) in self.cursors.iter_mut().zip(self.rows.clone()) {
                    *cursor += if nulls.is_valid(row) { width(row) } else { 0 };
                }
            }
        }
    }

    /// Fields that are ready, length and all: `lengths` of them, one after the other.
    pub fn size_ready(&mut self, lengths: &[u8]) {
        for (cursor, length) in self.cursors.iter_mut().zip(lengths) {
            *cursor += usize::from(*length);
        }
    }

    /// Makes room for the tuples at the end of `out`, and writes their field counts.
    pub fn lay_out(&mut self, fields: i16, out: &mut Vec<u8>) {
        let mut at = out.len();
        for cursor in &mut self.cursors {
            let size = *cursor + self.fixed;
            *cursor = at;
            at += size;
        }
        out.resize(at, 0);
        let count = fields.to_be_bytes();
        for cursor in &mut self.cursors {
            out[*cursor..*cursor + 2].copy_from_slice(&count);
            *cursor += 2;
        }
    }

    /// Writes fields of `N` bytes; `value` is asked for valid rows only.
    pub fn write_fixed<const N: usize, E>(
        &mut self,
        array: &ArrayRef,
        out: &mut [u8],
        mut value: impl FnMut(usize) -> Result<[u8; N], E>,
    ) -> Result<(), E> {
        let nulls = nulls(array);
        let length = (N as i32).to_be_bytes();
        for (cursor, row) in self.cursors.iter_mut().zip(self.rows.clone()) {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                out[*cursor..*cursor + 4].copy_from_slice(&NULL);
                *cursor += 4;
                continue;
            }
            let bytes = value(row)?;
            let field = &mut out[*cursor..*cursor + 4 + N];
            field[..4].copy_from_slice(&length);
            field[4..].copy_from_slice(&bytes);
            *cursor += 4 + N;
        }
        Ok(())
    }

    /// Writes fields of bytes; `value` is asked for valid rows only.
    pub fn write_bytes<'v>(&mut self, array: &ArrayRef, out: &mut [u8], value: impl Fn(usize) -> &'v [u8]) {
        let nulls = nulls(array);
        for (cursor, row) in self.cursors.iter_mut().zip(self.rows.clone()) {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                out[*cursor..*cursor + 4].copy_from_slice(&NULL);
                *cursor += 4;
                continue;
            }
            let bytes = value(row);
            let field = &mut out[*cursor..*cursor + 4 + bytes.len()];
            // An Arrow value is shorter than 2 GiB.
            field[..4].copy_from_slice(&(bytes.len() as u32).to_be_bytes());
            copy_short(bytes, &mut field[4..]);
            *cursor += 4 + bytes.len();
        }
    }

    /// Writes NULL into every tuple.
    pub fn write_nulls<E>(&mut self, out: &mut [u8]) -> Result<(), E> {
        for cursor in &mut self.cursors {
            out[*cursor..*cursor + 4].copy_from_slice(&NULL);
            *cursor += 4;
        }
        Ok(())
    }

    /// Writes fields that are ready.
    pub fn write_ready(&mut self, lengths: &[u8], mut ready: &[u8], out: &mut [u8]) {
        for (cursor, length) in self.cursors.iter_mut().zip(lengths) {
            let (field, rest) = ready.split_at(usize::from(*length));
            copy_short(field, &mut out[*cursor..]);
            *cursor += field.len();
            ready = rest;
        }
    }
}

/// The array's NULLs, where it has any.
pub(super) fn nulls(array: &ArrayRef) -> Option<&NullBuffer> {
    array.nulls().filter(|nulls| nulls.null_count() > 0)
}
