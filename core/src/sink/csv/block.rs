//! A block of rows, column by column: each column's cells are sized (and rendered, where they are not text already),
//! the rows are laid out, and then each column is written to its place in every row. Every pass is one loop over one
//! type.

use std::ops::Range;

use ::arrow::array::StringArray;

use super::cells::{Cells, Column, Special};
use crate::base::copy_short;

/// Rows of a block: some tens of KiB of text.
const ROWS: usize = 512;

/// What lies between and behind the cells.
pub(super) struct Marks<'m> {
    pub delimiter: u8,
    pub line_end: &'static [u8],
    pub point: u8,
    pub special: &'m Special,
}

/// Buffers that are used again for each block.
#[derive(Default)]
pub(super) struct Blocks {
    cells: Vec<Rendered>,
    cursors: Vec<usize>,
}

/// The cells of one column in one block.
#[derive(Default)]
struct Rendered {
    lengths: Vec<u32>,
    bytes: Vec<u8>,
    /// The bytes are the column's own.
    plain: bool,
}

impl Blocks {
    /// Appends some rows from `row` on, before `end`; gives the next row.
    pub(super) fn append(
        &mut self,
        columns: &[Column],
        row: usize,
        end: usize,
        marks: &Marks<'_>,
        out: &mut Vec<u8>,
    ) -> usize {
        let rows = row..end.min(row + ROWS);
        self.cells.resize_with(columns.len(), Rendered::default);
        self.cursors.clear();
        self.cursors.resize(rows.len(), columns.len().saturating_sub(1) + marks.line_end.len());
        for (column, cells) in columns.iter().zip(&mut self.cells) {
            cells.render(column, rows.clone(), columns.len() == 1, marks);
            for (size, length) in self.cursors.iter_mut().zip(&cells.lengths) {
                *size += *length as usize;
            }
        }
        let mut at = out.len();
        for cursor in &mut self.cursors {
            let size = std::mem::replace(cursor, at);
            at += size;
        }
        out.resize(at, 0);
        for (index, (column, cells)) in columns.iter().zip(&self.cells).enumerate() {
            let last = index + 1 == columns.len();
            let behind = if last { marks.line_end } else { std::slice::from_ref(&marks.delimiter) };
            match behind {
                [one] => cells.put(column, rows.clone(), &[*one], &mut self.cursors, out),
                [first, second] => cells.put(column, rows.clone(), &[*first, *second], &mut self.cursors, out),
                _ => {}
            }
        }
        rows.end
    }
}

impl Rendered {
    fn render(&mut self, column: &Column, rows: Range<usize>, only_one: bool, marks: &Marks<'_>) {
        self.lengths.clear();
        self.bytes.clear();
        if let Cells::Text(strings) = &column.cells
            && !only_one
            && let Some(lengths) = plain_lengths(strings, column, rows.clone(), marks)
        {
            self.plain = true;
            self.lengths.extend(lengths);
            return;
        }
        self.plain = false;
        for row in rows {
            let start = self.bytes.len();
            let null = match &column.nulls {
                Some(nulls) => nulls.is_null(row),
                None => matches!(column.cells, Cells::Null),
            };
            if !null {
                column.cells.append(row, marks.point, marks.special, &mut self.bytes);
            } else if only_one {
                self.bytes.extend_from_slice(b"\"\"");
            }
            // A cell comes from an Arrow value, which is shorter than 2 GiB, doubled at most.
            self.lengths.push((self.bytes.len() - start) as u32);
        }
    }
}

/// The cells' lengths where none of the block's texts needs quotes, but for the empty ones.
fn plain_lengths<'c>(
    strings: &'c StringArray,
    column: &'c Column,
    rows: Range<usize>,
    marks: &Marks<'_>,
) -> Option<impl Iterator<Item = u32> + 'c> {
    let offsets = strings.value_offsets();
    let bytes = strings.value_data().get(offsets[rows.start] as usize..offsets[rows.end] as usize)?;
    if memchr::memchr3(marks.delimiter, b'"', b'\n', bytes).is_some() || memchr::memchr(b'\r', bytes).is_some() {
        return None;
    }
    Some(rows.map(move |row| match offsets[row + 1] - offsets[row] {
        _ if column.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) => 0,
        0 => 2,
        length => length as u32,
    }))
}

impl Rendered {
    /// Copies the cells to their rows, and what comes behind each.
    fn put<const N: usize>(
        &self,
        column: &Column,
        rows: Range<usize>,
        behind: &[u8; N],
        cursors: &mut [usize],
        out: &mut [u8],
    ) {
        let Cells::Text(strings) = &column.cells else {
            return self.put_rendered(behind, cursors, out);
        };
        if !self.plain {
            return self.put_rendered(behind, cursors, out);
        }
        let (offsets, bytes) = (strings.value_offsets(), strings.value_data());
        for (row, cursor) in rows.zip(cursors) {
            let value = if column.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                &[][..]
            } else {
                match &bytes[offsets[row] as usize..offsets[row + 1] as usize] {
                    [] => &b"\"\""[..],
                    value => value,
                }
            };
            put_cell(value, behind, cursor, out);
        }
    }

    fn put_rendered<const N: usize>(&self, behind: &[u8; N], cursors: &mut [usize], out: &mut [u8]) {
        let mut ready = &self.bytes[..];
        for (cursor, length) in cursors.iter_mut().zip(&self.lengths) {
            let (cell, rest) = ready.split_at(*length as usize);
            put_cell(cell, behind, cursor, out);
            ready = rest;
        }
    }
}

#[inline(always)]
fn put_cell<const N: usize>(cell: &[u8], behind: &[u8; N], cursor: &mut usize, out: &mut [u8]) {
    let to = &mut out[*cursor..*cursor + cell.len() + N];
    copy_short(cell, to);
    to[cell.len()..].copy_from_slice(behind);
    *cursor += cell.len() + N;
}
