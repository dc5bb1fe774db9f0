//! A column of a file that is no DBF, typed as a DBF's fields are: cells of text through the same parsers.

use arrow::array::ArrayRef;

use super::batches::{BadCell, BadValues};
use super::columns::ColumnBuilder;
use super::{Field, OutputColumn};
use crate::base::Result;

/// Takes cells of any length, and gives them as a column of its [`OutputColumn`]'s type.
pub struct CellColumn(ColumnBuilder);

impl CellColumn {
    /// `dbf_type`: that of the field whose values these were, which says whether blanks lead. `utf8`: text cells have been
    /// seen to be UTF-8; else they are latin-1. Days without a century are of `reference_year` or before.
    pub fn new(output: &OutputColumn, dbf_type: u8, utf8: bool, reference_year: u16, rows: usize) -> Self {
        let name = output.name.clone();
        let field = Field { name, dbf_type, width: 0, decimals: 0, offset: 0 };
        let mut builder = ColumnBuilder::new(&field, output, reference_year, rows);
        builder.bad_cells = Some(Vec::new());
        CellColumn(if utf8 { builder.of_utf8() } else { builder })
    }

    /// Adds `rows` cells, of which the first is of row `first`; an empty one is NULL.
    pub fn extend<'c>(&mut self, cells: impl Iterator<Item = &'c [u8]>, rows: usize, first: u64) {
        self.0.extend_cells(cells, rows, first);
    }

    /// The column of what was added since the last time.
    pub fn finish(&mut self) -> Result<ArrayRef> {
        self.0.finish()
    }

    pub fn bad(&self) -> &BadValues {
        &self.0.bad
    }

    /// What did not parse since this was last asked.
    pub fn take_bad_cells(&mut self) -> Vec<BadCell> {
        self.0.bad_cells.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
