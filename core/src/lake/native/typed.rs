//! The rows of the user's own Parquet, typed as a DBC's are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use rayon::prelude::*;

use super::super::code_form::CodeForm;
use super::column::{OwnColumn, Way};
use super::floats;
use super::rendered::Cells;
use super::texts::{Texts, all};
use super::{Own, Trouble};
use crate::base::{Cancel, Error, Result, Text, text};
use crate::catalog::{DateFormat, LogicalType};
use crate::lake::RefusedColumn;
use crate::source::dbc::{BadCell, BadValues, CellColumn, Encoding, Normalised, OutputColumn, whole_number};

const BATCH_ROWS: usize = 16 << 10;

/// Batches of the file's rows, in their order, and what was noticed on the way.
pub(in crate::lake) struct TypedRows<'o> {
    own: &'o Own,
    schema: SchemaRef,
    lanes: Vec<Lane>,
    /// Positions in the file of the columns that Arrow's reader decodes.
    decoded: Vec<usize>,
    others: Option<ParquetRecordBatchReader>,
    /// The row group that comes next.
    group: usize,
    /// Rows of the one at hand that are left.
    left: usize,
    rows: u64,
    cancel: Cancel,
}

/// One column on its way.
struct Lane {
    column: OwnColumn,
    work: Work,
}

enum Work {
    Kept,
    Nulls,
    Floats { nans: u64 },
    Bytes { leaf: usize, texts: Option<Box<Texts>>, cells: CellColumn, latin1: bool, recoded: u64 },
    Rendered { cells: CellColumn, written: Cells, digits: Digits },
    Refused(RefusedColumn),
}

/// What numbers are made to look like before they are read.
enum Digits {
    AsTheyAre,
    /// Days whose first digit was a zero.
    Day {
        formats: Vec<DateFormat>,
        padded: u64,
    },
    Code {
        form: CodeForm,
        padded: u64,
    },
}

impl<'o> TypedRows<'o> {
    pub(super) fn new(own: &'o Own, reference_year: u16, cancel: &Cancel) -> Result<Self> {
        let fields: Vec<Field> = (own.metadata.schema().fields().iter().zip(&own.columns))
            .map(|(field, column)| match column.way {
                Way::Kept => field.as_ref().clone().with_name(&column.name).with_nullable(true),
                _ => Field::new(&column.name, column.arrow.clone(), true),
            })
            .collect();
        let lanes: Vec<Lane> = own
            .columns
            .par_iter()
            .map(|column| Ok(Lane { work: own.work(column, reference_year)?, column: column.clone() }))
            .collect::<Result<_>>()?;
        let is_decoded = |lane: &Lane| matches!(lane.work, Work::Kept | Work::Floats { .. } | Work::Rendered { .. });
        let decoded = lanes.iter().enumerate().filter(|(_, lane)| is_decoded(lane)).map(|(root, _)| root).collect();
        let (schema, cancel) = (Arc::new(Schema::new(fields)), cancel.clone());
        Ok(TypedRows { own, schema, lanes, decoded, others: None, group: 0, left: 0, rows: 0, cancel })
    }

    pub(in crate::lake) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    pub(in crate::lake) fn rows(&self) -> u64 {
        self.rows
    }

    /// As many of the file's bytes as the rows so far are of its rows.
    pub(in crate::lake) fn bytes_read(&self) -> u64 {
        let all = u64::try_from(self.own.footer().file_metadata().num_rows()).unwrap_or(0);
        match all {
            0 => self.own.size,
            all => (u128::from(self.own.size) * u128::from(self.rows) / u128::from(all)) as u64,
        }
    }

    /// Columns without bad values are left out.
    pub(in crate::lake) fn bad_values(&self) -> Vec<BadValues> {
        let bad = self.lanes.iter().filter_map(|lane| Some(lane.work.cells()?.bad()));
        bad.filter(|bad| bad.count > 0).cloned().collect()
    }

    /// Codes that were written in another form than the catalogue's.
    pub(in crate::lake) fn normalised(&self) -> Vec<Normalised> {
        let normalised = self.lanes.iter().filter_map(|lane| lane.work.cells()?.normalised());
        normalised.filter(|normalised| normalised.count > 0).cloned().collect()
    }

    /// What did not parse since this was last asked, by the number of the column.
    pub(in crate::lake) fn take_bad_cells(&mut self) -> Vec<(usize, BadCell)> {
        let lanes = self.lanes.iter_mut().enumerate();
        lanes
            .flat_map(|(number, lane)| lane.work.take_bad_cells().into_iter().map(move |cell| (number, cell)))
            .collect()
    }

    /// Columns that have no right value, with the first cell that says so.
    pub(in crate::lake) fn refused(&self) -> Vec<RefusedColumn> {
        let refused = self.lanes.iter().filter_map(|lane| match &lane.work {
            Work::Refused(refused) => Some(refused.clone()),
            _ => None,
        });
        refused.collect()
    }

    /// What was mended.
    pub(in crate::lake) fn warnings(&self) -> Vec<Text> {
        let name = &self.own.name;
        let named = |holds: &dyn Fn(&Work) -> bool| {
            let names: Vec<&str> =
                self.lanes.iter().filter(|lane| holds(&lane.work)).map(|lane| lane.column.name.as_str()).collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        let padded = |work: &Work| match work {
            Work::Rendered { digits: Digits::Code { padded, .. } | Digits::Day { padded, .. }, .. } => *padded,
            _ => 0,
        };
        let recoded = |work: &Work| match work {
            Work::Bytes { recoded, .. } => *recoded,
            _ => 0,
        };
        let mut warnings = Vec::new();
        if let Some(names) = named(&|work| padded(work) > 0) {
            let count: u64 = self.lanes.iter().map(|lane| padded(&lane.work)).sum();
            warnings.push(text!(
                "{name}: códigos ou datas que estavam como número receberam de volta seus zeros à esquerda ({count} valores): {names}",
                "{name}: codes or dates that were held as numbers have got their leading zeros back ({count} values): {names}"
            ));
        }
        if let Some(names) = named(&|work| recoded(work) > 0) {
            let count: u64 = self.lanes.iter().map(|lane| recoded(&lane.work)).sum();
            warnings.push(text!(
                "{name}: textos que não estavam em UTF-8 foram lidos como latin-1 ({count} valores): {names}",
                "{name}: texts that were not UTF-8 were read as latin-1 ({count} values): {names}"
            ));
        }
        let nans = |work: &Work| match work {
            Work::Floats { nans } => *nans,
            _ => 0,
        };
        if let Some(names) = named(&|work| nans(work) > 0) {
            let count: u64 = self.lanes.iter().map(|lane| nans(&lane.work)).sum();
            warnings.push(text!(
                "{name}: números que não são número (NaN) são NULL ({count} valores): {names}",
                "{name}: floats that are no number (NaN) are NULL ({count} values): {names}"
            ));
        }
        for refused in self.refused() {
            let Text { pt, en } = refused.reason;
            warnings.push(text!(
                "{name}: {pt} (só uma consulta que leia essa coluna é recusada)",
                "{name}: {en} (only a query that reads this column is refused)"
            ));
        }
        warnings
    }

    pub(in crate::lake) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        self.cancel.check()?;
        while self.left == 0 {
            if self.group == self.own.footer().num_row_groups() {
                return Ok(None);
            }
            self.begin(self.group).map_err(|error| self.own.explain(error))?;
            self.group += 1;
        }
        let rows = self.left.min(BATCH_ROWS);
        let others = match &mut self.others {
            Some(reader) => match reader.next() {
                Some(Ok(batch)) if batch.num_rows() == rows => Some(batch),
                Some(Err(error)) => return Err(self.own.explain(error.into())),
                Some(Ok(_)) | None => {
                    let missing = ParquetError::EOF(format!("{rows} rows of a row group are missing"));
                    return Err(self.own.explain(missing.into()));
                }
            },
            None => None,
        };
        let (own, first, decoded) = (self.own, self.rows, &self.decoded);
        let array_of = |root: usize| {
            let at = decoded.binary_search(&root).ok()?;
            Some(others.as_ref()?.column(at).clone())
        };
        let columns = (self.lanes.par_iter_mut().enumerate())
            .map(|(root, lane)| lane.next(array_of(root), rows, first, own))
            .collect::<Result<Vec<ArrayRef>>>()?;
        self.left -= rows;
        self.rows += rows as u64;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options);
        batch.map(Some).map_err(Error::internal)
    }

    fn begin(&mut self, group: usize) -> Result<(), Trouble> {
        let (own, footer) = (self.own, self.own.footer());
        self.left = usize::try_from(footer.row_group(group).num_rows()).unwrap_or(0);
        for lane in &mut self.lanes {
            if let Work::Bytes { leaf, texts, .. } = &mut lane.work {
                *texts = Some(Box::new(Texts::open(&own.at, footer, group, *leaf)?));
            }
        }
        self.others = None;
        if !self.decoded.is_empty() {
            let leaves = footer.file_metadata().schema_descr();
            let mask = ProjectionMask::roots(leaves, self.decoded.iter().copied());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(own.at.clone(), own.metadata.clone());
            let builder = builder.with_row_groups(vec![group]).with_projection(mask).with_batch_size(BATCH_ROWS);
            self.others = Some(builder.build()?);
        }
        Ok(())
    }
}

impl Own {
    fn work(&self, column: &OwnColumn, reference_year: u16) -> Result<Work> {
        let kind = column.kind.clone().unwrap_or(LogicalType::Text);
        let output = OutputColumn { field: 0, name: column.name.clone(), kind: kind.clone(), form: column.form };
        let cells = |utf8| {
            let encoding = if utf8 { Encoding::Utf8 } else { Encoding::Latin1 };
            CellColumn::new(&output, column.number, encoding, reference_year, BATCH_ROWS)
        };
        Ok(match &column.way {
            Way::Kept => Work::Kept,
            Way::Null => Work::Nulls,
            Way::Floats => Work::Floats { nans: 0 },
            Way::Text { leaf } | Way::Written { leaf } => {
                // Who wrote one latin-1 byte into a column wrote the others so as well.
                let utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
                let mut groups = 0..self.footer().num_row_groups();
                let utf8 = groups.try_fold(true, |so_far, group| {
                    Ok::<_, Trouble>(so_far && all(&self.at, self.footer(), group, *leaf, utf8)?)
                });
                let utf8 = utf8.map_err(|error| self.explain(error))?;
                Work::Bytes { leaf: *leaf, texts: None, cells: cells(utf8), latin1: !utf8, recoded: 0 }
            }
            Way::Rendered => {
                let digits = match kind {
                    LogicalType::Date { formats } => Digits::Day { formats, padded: 0 },
                    _ => Digits::AsTheyAre,
                };
                Work::Rendered { cells: cells(true), written: Cells::default(), digits }
            }
            Way::Code { form } => Work::Rendered {
                cells: cells(true),
                written: Cells::default(),
                digits: Digits::Code { form: *form, padded: 0 },
            },
            Way::Refused(reason) => Work::Refused(RefusedColumn::of(&column.name, reason.clone())),
        })
    }
}

impl Work {
    fn cells(&self) -> Option<&CellColumn> {
        match self {
            Work::Bytes { cells, .. } | Work::Rendered { cells, .. } => Some(cells),
            _ => None,
        }
    }

    fn take_bad_cells(&mut self) -> Vec<BadCell> {
        match self {
            Work::Bytes { cells, .. } | Work::Rendered { cells, .. } => cells.take_bad_cells(),
            _ => Vec::new(),
        }
    }
}

impl Lane {
    /// The next `rows` rows of the column, of which the first is row `first`.
    fn next(&mut self, array: Option<ArrayRef>, rows: usize, first: u64, own: &Own) -> Result<ArrayRef> {
        let gone = || Error::internal(format!("column {} was not decoded", self.column.name));
        match &mut self.work {
            Work::Kept => array.ok_or_else(gone),
            Work::Floats { nans } => {
                let (array, found) = floats::without_nans(&array.ok_or_else(gone)?);
                *nans += found;
                Ok(array)
            }
            Work::Nulls | Work::Refused(_) => Ok(new_null_array(&self.column.arrow, rows)),
            Work::Bytes { texts, cells, latin1, recoded, .. } => {
                let texts = texts.as_mut().ok_or_else(gone)?;
                texts.read(rows).map_err(|error| own.explain(error.into()))?;
                if *latin1 {
                    *recoded += texts.cells().filter(|cell| !cell.is_ascii()).count() as u64;
                }
                cells.extend(texts.cells(), rows, first);
                cells.finish()
            }
            Work::Rendered { cells, written, digits } => {
                let array = array.ok_or_else(gone)?;
                if !written.write(&array)? {
                    return Err(Error::internal(format!("a column of {} has no text", array.data_type())));
                }
                match digits {
                    Digits::AsTheyAre => cells.extend(written.iter(), rows, first),
                    Digits::Day { formats, padded } => {
                        let whole: Vec<Vec<u8>> =
                            written.iter().map(|cell| day_digits(cell, formats, padded)).collect();
                        cells.extend(whole.iter().map(Vec::as_slice), rows, first);
                    }
                    Digits::Code { form, padded } => match codes(written, *form, padded) {
                        Ok(codes) => cells.extend(codes.iter().map(String::as_bytes), rows, first),
                        Err((row, value)) => {
                            let row = first + row as u64;
                            let refused = RefusedColumn::unfit(&self.column.name, *form, row, value);
                            self.work = Work::Refused(refused);
                            return Ok(new_null_array(&self.column.arrow, rows));
                        }
                    },
                }
                cells.finish()
            }
        }
    }
}

/// The codes that the numbers were; the first that can have been none, with its place among them, is an error.
fn codes(written: &Cells, form: CodeForm, padded: &mut u64) -> Result<Vec<String>, (usize, String)> {
    let code = |(row, cell): (usize, &[u8])| {
        if cell.is_empty() {
            return Ok(String::new());
        }
        let code = whole_number(cell).and_then(|number| form.write(number));
        let code = code.ok_or_else(|| (row, String::from_utf8_lossy(cell).into_owned()))?;
        *padded += u64::from(code.len() > 1 && code.starts_with('0'));
        Ok(code)
    };
    written.iter().enumerate().map(code).collect()
}

/// A day that was held as a number has lost the zero that it began with.
fn day_digits(cell: &[u8], formats: &[DateFormat], padded: &mut u64) -> Vec<u8> {
    let width = match cell.len() {
        7 if formats.contains(&DateFormat::DayMonthYear) => 8,
        3..=5 if formats.contains(&DateFormat::ShortYearMonthDay) => 6,
        _ => return cell.to_vec(),
    };
    if !cell.iter().all(u8::is_ascii_digit) {
        return cell.to_vec();
    }
    *padded += 1;
    let mut whole = vec![b'0'; width - cell.len()];
    whole.extend_from_slice(cell);
    whole
}
