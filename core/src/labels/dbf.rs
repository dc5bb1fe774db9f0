//! A small DBF of a kit, whole, as text.

use std::io::Cursor;

use arrow::array::{Array, AsArray};

use crate::base::Result;
use crate::source::dbc::{Encoding, Layout, ReadOptions, RecordFile};

use super::lines::label_text_among;

/// The rows of a table beside the records: codes and their labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DbfTable {
    /// In upper case.
    pub columns: Vec<String>,
    /// Cells without the blanks around; what is blank is empty.
    pub rows: Vec<Vec<String>>,
}

impl DbfTable {
    /// Reads a table; `name` stands in errors. Each cell is read in the code page that fits its own bytes.
    pub fn read(bytes: Vec<u8>, name: &str) -> Result<Self> {
        let options = ReadOptions { encoding: Encoding::Latin1, partial: true, ..Default::default() };
        let file = RecordFile::from_reader(Cursor::new(bytes), name, &options)?;
        let layout = Layout::all_as_text(file.header());
        let columns: Vec<String> = layout.columns.iter().map(|column| column.name.to_uppercase()).collect();
        let mut cells: Vec<Vec<Vec<u8>>> = Vec::new();
        for batch in file.batches(layout)? {
            let batch = batch?;
            let texts: Vec<_> = batch.columns().iter().map(|column| column.as_string::<i32>()).collect();
            for row in 0..batch.num_rows() {
                // Latin-1 keeps each byte; a NULL is blank.
                let cell = |column: &&arrow::array::StringArray| match column.is_null(row) {
                    true => Vec::new(),
                    false => column.value(row).chars().map(|c| c as u8).collect(),
                };
                cells.push(texts.iter().map(cell).collect());
            }
        }
        // Single cells are in another code page than the rest of their column; most say so by themselves.
        let of_column = |at: usize| Encoding::of_lines(cells.iter().map(|row| row[at].as_slice())).unwrap_or_default();
        let mostly: Vec<Encoding> = (0..columns.len()).map(of_column).collect();
        let text = |(cell, mostly): (&Vec<u8>, &Encoding)| label_text_among(cell, *mostly);
        let rows = cells.iter().map(|row| row.iter().zip(&mostly).map(text).collect()).collect();
        Ok(DbfTable { columns, rows })
    }

    /// The position of a column, by its name in any case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }

    /// Codes and labels: the key is the column `field` where there is one, else the first.
    pub fn labels<'t>(&'t self, field: &str, label_column: &str) -> Option<impl Iterator<Item = (&'t str, &'t str)>> {
        let (key, label) = (self.column(field).unwrap_or(0), self.column(label_column)?);
        Some(self.rows.iter().filter_map(move |row| Some((row.get(key)?.as_str(), row.get(label)?.as_str()))))
    }
}
