//! A column of a file that is no DBF, typed as a DBF's fields are: cells of text through the same parsers.

use arrow::array::ArrayRef;

use super::columns::ColumnBuilder;
use super::field::StoredAs;
use super::forms::Normalised;
use super::{BadCell, BadValues, Encoding, Field, OutputColumn};
use crate::base::Result;

/// Takes cells of any length, and gives them as a column of its [`OutputColumn`]'s type.
pub struct CellColumn(ColumnBuilder);

impl CellColumn {
    /// `number`: the cells were those of a numeric field, before whose values blanks stand. Days without a century are of
    /// `reference_year` or before.
    pub fn new(output: &OutputColumn, number: bool, encoding: Encoding, reference_year: u16, rows: usize) -> Self {
        let (dbf_type, stored) = if number { (b'N', StoredAs::Number) } else { (b'C', StoredAs::Text) };
        let name = output.name.clone();
        let field = Field { name, dbf_type, width: 0, decimals: 0, offset: 0, stored, null_bit: None };
        let mut builder = ColumnBuilder::new(&field, output, reference_year, encoding, rows);
        builder.bad_cells = Some(Vec::new());
        CellColumn(builder)
    }

    /// Adds `rows` cells, of which the first is of row `first`; an empty one is NULL.
    pub fn extend<'c>(&mut self, cells: impl Iterator<Item = &'c [u8]>, rows: usize, first: u64) {
        self.0.extend_cells(cells, rows, first);
    }

    /// The column of what was added since the last time.
    pub fn finish(&mut self) -> Result<ArrayRef> {
        self.0.finish()
    }

    /// Values that did not parse, so far.
    pub fn bad(&self) -> &BadValues {
        &self.0.bad
    }

    /// The codes that were brought into their form, where the column has one.
    pub fn normalised(&self) -> Option<&Normalised> {
        self.0.normalised.as_ref()
    }

    /// What did not parse since this was last asked.
    pub fn take_bad_cells(&mut self) -> Vec<BadCell> {
        self.0.bad_cells.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
