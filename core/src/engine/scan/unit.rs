//! One file of a scan, and the rows of one of its row groups.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions, StringArray, new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

use super::Group;
use super::coded::read_as;
use super::condition::Condition;
use super::cut::{Cut, Tally, met_among};
use super::pages::Pages;
use crate::base::{Ctx, Error};
use crate::columnar::parquet_footer;
use crate::labels::{CodesSeen, Derived, Input, WithoutLabel};
use crate::plan::{FileSample, Output, Scan, ScanFile, Verdict, judge, statistics};

/// Bytes of a text, where nothing is known of it.
const GUESSED_TEXT: u64 = 12;

/// What can go wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("{0}")]
    Store(#[from] Error),
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    #[error("{0}")]
    Arrow(#[from] ArrowError),
}

pub(super) struct OpenFile {
    pages: Pages,
    metadata: ArrowReaderMetadata,
    /// Positions in the file of the columns that the answer takes, ascending.
    wanted: Vec<usize>,
    /// Where each column of the answer comes from.
    sources: Vec<Source>,
    /// Columns that conditions name and no file has.
    made: Vec<Made>,
    sample: Option<FileSample>,
    without: Option<Arc<[u64]>>,
}

/// What there is of a row group.
pub(super) enum Read {
    RuledOut,
    /// `sample`: which of the `rows` the conditions were asked of; none: all. `loaded`: bytes in memory until the reader goes.
    Rows {
        reader: ParquetRecordBatchReader,
        rows: usize,
        filtered: bool,
        sample: Option<BooleanBuffer>,
        loaded: usize,
    },
}

/// How a row group is to be read.
pub(super) struct Wish<'t> {
    /// Rows that meet the conditions and are past: they do not come.
    pub past: usize,
    /// Rows of a batch, at most.
    pub rows: usize,
    /// Learns which rows meet the conditions, before the first of them comes.
    pub tally: Option<&'t Tally>,
    /// Compressed bytes that may be in memory at once.
    pub most_loaded: u64,
}

/// A column that is made of others before a condition is looked at.
#[derive(Clone)]
struct Made {
    derived: Arc<Derived>,
    inputs: Vec<Part>,
}

/// What a column is made of.
#[derive(Clone)]
enum Part {
    /// A column of the file, by its name there.
    Column(String),
    Text(String),
    Null,
}

impl Made {
    /// The batch with this column.
    fn beside(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let input = |part: &Part| match part {
            Part::Column(name) => batch.column_by_name(name).map_or(Input::Null, |column| Input::Array(column.clone())),
            Part::Text(text) => Input::Text(text.clone()),
            Part::Null => Input::Null,
        };
        let inputs: Vec<Input> = self.inputs.iter().map(input).collect();
        let column = self.derived.compute(&inputs, batch.num_rows(), false)?;
        let fields = batch.schema_ref().fields().iter().cloned();
        let own = Arc::new(Field::new(&self.derived.name, column.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.chain([own]).collect::<Vec<_>>()));
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = batch.columns().iter().cloned().chain([column]).collect();
        RecordBatch::try_new_with_options(schema, columns, &options)
    }
}

enum Source {
    /// So many-th of the wanted columns.
    Wanted(usize),
    Null,
    Text(String),
    Derived(Arc<Derived>, Vec<Source>),
}

impl OpenFile {
    pub(super) fn open(file: &ScanFile, scan: &Scan) -> Result<Self, ReadError> {
        let pages = Pages::of(file.object.open()?);
        let footer = parquet_footer(&pages)?;
        let mut metadata = ArrowReaderMetadata::try_new(footer.clone(), ArrowReaderOptions::default())?;
        if let Some(other) = read_as(metadata.schema(), scan, &footer) {
            metadata = ArrowReaderMetadata::try_new(footer, ArrowReaderOptions::default().with_schema(other))?;
        }
        let position = |name: &str| position(metadata.schema(), name);
        let mut wanted: Vec<usize> = (scan.outputs.iter())
            .flat_map(|output| match output {
                Output::Derived(_, inputs) => inputs.as_slice(),
                output => std::slice::from_ref(output),
            })
            .filter_map(|output| match output {
                Output::Column(name) => position(name),
                Output::Constant(_) | Output::Derived(..) => None,
            })
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let of_position = |at: usize| wanted.binary_search(&at).map_or(Source::Null, Source::Wanted);
        let plain = |output: &Output| match output {
            Output::Column(name) => position(name).map_or(Source::Null, of_position),
            Output::Constant(number) => file.constants.get(*number).map_or(Source::Null, |t| Source::Text(t.clone())),
            Output::Derived(..) => Source::Null,
        };
        let source = |output: &Output| match output {
            Output::Derived(derived, inputs) => Source::Derived(derived.clone(), inputs.iter().map(plain).collect()),
            output => plain(output),
        };
        let sources = scan.outputs.iter().map(source).collect();
        let part = |output: &Output| match output {
            Output::Column(name) => {
                let at = position(name).and_then(|at| metadata.schema().fields().get(at));
                at.map_or(Part::Null, |field| Part::Column(field.name().clone()))
            }
            Output::Constant(number) => file.constants.get(*number).map_or(Part::Null, |t| Part::Text(t.clone())),
            Output::Derived(..) => Part::Null,
        };
        let made = scan.made.iter().filter_map(|output| match output {
            Output::Derived(derived, inputs) => {
                Some(Made { derived: derived.clone(), inputs: inputs.iter().map(part).collect() })
            }
            _ => None,
        });
        let made = made.collect();
        Ok(OpenFile { pages, metadata, wanted, sources, made, sample: file.sample, without: file.without.clone() })
    }

    /// Bytes of a row of the answer, and whether that is certain: a file may not say how long the texts behind its dictionaries are.
    pub(super) fn row_bytes(&self, group: &Group, scan: &Scan) -> (u64, bool) {
        let footer = self.metadata.metadata();
        let Some(of_group) = footer.row_groups().get(group.number) else { return (0, false) };
        let (leaves, rows) = (footer.file_metadata().schema_descr(), of_group.num_rows().max(1) as u64);
        let (mut bytes, mut exact) = (0, true);
        for leaf in (0..of_group.num_columns()).filter(|leaf| self.wanted.contains(&leaves.get_column_root_idx(*leaf)))
        {
            let column = of_group.column(leaf);
            if column.column_type() == PhysicalType::BYTE_ARRAY {
                let said = column.unencoded_byte_array_data_bytes().and_then(|bytes| u64::try_from(bytes).ok());
                exact &= said.is_some();
                let stored = u64::try_from(column.uncompressed_size()).unwrap_or(0);
                bytes += said.unwrap_or_else(|| stored.max(GUESSED_TEXT * rows)) / rows + 4;
            }
        }
        let fixed = scan.schema.fields().iter().filter_map(|field| field.data_type().primitive_width());
        (bytes + fixed.sum::<usize>() as u64 + scan.schema.fields().len() as u64 / 8, exact)
    }

    /// The rows of a row group that meet the conditions; none where its statistics rule it out.
    pub(super) fn read(
        &self,
        group: &Group,
        scan: &Scan,
        conditions: &[Condition],
        wish: Wish<'_>,
        ctx: &Ctx,
    ) -> Result<Read, ReadError> {
        let Wish { past, rows: chunk_rows, tally, most_loaded } = wish;
        let footer = self.metadata.metadata();
        let Some(of_group) = footer.row_groups().get(group.number) else {
            return Err(ParquetError::General(format!("row group {} is gone", group.number)).into());
        };
        let schema = self.metadata.schema();
        let known = |column: &str| statistics(of_group, schema, column);
        let mut open = Vec::new();
        for (predicate, condition) in scan.predicates.iter().zip(conditions) {
            match judge(predicate, &known) {
                Verdict::None => return Ok(Read::RuledOut),
                Verdict::All => {}
                Verdict::Some => open.push(condition.clone()),
            }
        }
        // A tally must see every row, so that the conditions are looked at as one.
        let open = if tally.is_some() && open.len() > 1 { vec![Condition::all(open)] } else { open };
        let filtered = !open.is_empty();
        let mut read: Vec<usize> = self.wanted.clone();
        let filters = open.into_iter().map(|condition| {
            let names = condition.columns();
            let named = |made: &&Made| names.iter().any(|name| made.derived.name.eq_ignore_ascii_case(name));
            let made: Vec<Made> = self.made.iter().filter(named).cloned().collect();
            let parts = made.iter().flat_map(|made| &made.inputs).filter_map(|part| match part {
                Part::Column(name) => Some(name.as_str()),
                Part::Text(_) | Part::Null => None,
            });
            let mut columns: Vec<usize> =
                names.iter().copied().chain(parts).filter_map(|name| position(schema, name)).collect();
            columns.sort_unstable();
            columns.dedup();
            read.extend(&columns);
            let (ctx, tally) = (ctx.clone(), tally.cloned());
            let mask = ProjectionMask::roots(footer.file_metadata().schema_descr(), columns);
            let meets = move |batch: RecordBatch| {
                ctx.check().map_err(|cancelled| ArrowError::ExternalError(Box::new(cancelled)))?;
                let batch = made.iter().try_fold(batch, |batch, made| made.beside(batch))?;
                let met = condition.meets(&batch)?;
                tally.iter().for_each(|tally| tally.add(&met));
                Ok(met)
            };
            Box::new(ArrowPredicateFn::new(mask, meets)) as Box<_>
        });
        let filters: Vec<_> = filters.collect();
        let rows = usize::try_from(of_group.num_rows()).unwrap_or(0);
        let leaves = footer.file_metadata().schema_descr();
        let bytes = parts(of_group, leaves, &read).map(|part| part.end - part.start).sum();
        scan.read.add(group.file, group.number, bytes);
        let pages = self.pages.load(parts(of_group, leaves, &read), most_loaded)?;
        let loaded = pages.loaded_bytes();
        let mask = ProjectionMask::roots(footer.file_metadata().schema_descr(), self.wanted.iter().copied());
        let sample = self.chosen(group.first_row, rows);
        let asked = sample.as_ref().map_or(rows, BooleanBuffer::count_set_bits);
        let left = asked.saturating_sub(past);
        let even = left.div_ceil(left.div_ceil(chunk_rows).max(1)).max(1);
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(pages, self.metadata.clone())
            .with_row_groups(vec![group.number])
            .with_projection(mask)
            .with_batch_size(if tally.is_some() { chunk_rows } else { even });
        if let Some(sample) = &sample {
            let only = BooleanArray::new(sample.clone(), None);
            builder = builder.with_row_selection(RowSelection::from_filters(&[only]));
        }
        if filtered {
            builder = builder.with_row_filter(RowFilter::new(filters));
        }
        if past > 0 {
            builder = builder.with_offset(past);
        }
        Ok(Read::Rows { reader: builder.build()?, rows, filtered, sample, loaded })
    }

    /// Which of `rows` rows from `first` on are read; none: all.
    fn chosen(&self, first: u64, rows: usize) -> Option<BooleanBuffer> {
        let sample = self.sample.map(|sample| sample.mask(first, rows));
        let without = self.without.as_deref().unwrap_or_default();
        let end = without.partition_point(|row| *row < first + rows as u64);
        let without = &without[without.partition_point(|row| *row < first)..end];
        if without.is_empty() {
            return sample;
        }
        let mut kept = BooleanBufferBuilder::new(rows);
        kept.append_n(rows, true);
        without.iter().for_each(|row| kept.set_bit((row - first) as usize, false));
        let kept = kept.finish();
        Some(match sample {
            Some(sample) => &sample & &kept,
            None => kept,
        })
    }

    /// The same, cut into units.
    pub(super) fn read_units(
        &self,
        group: &Group,
        scan: &Scan,
        conditions: &[Condition],
        unit_rows: usize,
        ctx: &Ctx,
    ) -> Result<Option<Cut>, ReadError> {
        let tally = Tally::new(0);
        let wish = Wish { past: 0, rows: unit_rows, tally: Some(&tally), most_loaded: u64::MAX };
        match self.read(group, scan, conditions, wish, ctx)? {
            Read::RuledOut => Ok(None),
            Read::Rows { reader, rows, filtered, sample, .. } => {
                let met = filtered.then(|| tally.finish());
                let kept = match (sample, met) {
                    (Some(sample), Some(met)) => Some(met_among(&sample, &met)?),
                    (sample, met) => sample.or(met),
                };
                Ok(Some(Cut::new(reader, kept, rows, unit_rows)?))
            }
        }
    }

    /// The columns of the answer.
    pub(super) fn answer(&self, batch: RecordBatch, scan: &Scan) -> Result<RecordBatch, ArrowError> {
        let rows = batch.num_rows();
        let fields = scan.schema.fields().iter();
        let column = |(source, field): (&Source, &Arc<Field>)| -> Result<ArrayRef, ArrowError> {
            Ok(match source {
                Source::Wanted(number) => batch.column(*number).clone(),
                Source::Null => new_null_array(field.data_type(), rows),
                Source::Text(text) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))),
                Source::Derived(derived, inputs) => {
                    let input = |source: &Source| match source {
                        Source::Wanted(number) => Input::Array(batch.column(*number).clone()),
                        Source::Text(text) => Input::Text(text.clone()),
                        Source::Null | Source::Derived(..) => Input::Null,
                    };
                    let inputs: Vec<Input> = inputs.iter().map(input).collect();
                    if let Some(seen) = scan.seen.as_ref().filter(|_| derived.label_of.is_some()) {
                        see(seen, derived, &inputs, rows)?;
                    }
                    match derived.has_words() && *field.data_type() == DataType::Int32 {
                        true => derived.compute_numbers(&inputs, rows)?,
                        false => derived.compute(&inputs, rows, false)?,
                    }
                }
            })
        };
        let mut columns: Vec<ArrayRef> = self.sources.iter().zip(fields).map(column).collect::<Result<_, _>>()?;
        drop(batch);
        // The reader doubles a text's buffer while it grows: a host that keeps the batch would keep the empty half.
        columns.iter_mut().for_each(|column| column.shrink_to_fit());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(scan.schema.clone(), columns, &options)
    }
}

/// Counts codes without a label, of a column that the file has.
fn see(seen: &CodesSeen, label: &Derived, inputs: &[Input], rows: usize) -> Result<(), ArrowError> {
    if label.code_alone().is_none() {
        return Ok(());
    }
    let mut without = WithoutLabel::default();
    if matches!(inputs.first(), Some(Input::Array(_))) {
        label.without_label(inputs, rows, &mut without)?;
    }
    seen.add(label, rows as u64, &without);
    Ok(())
}

fn position(schema: &SchemaRef, name: &str) -> Option<usize> {
    schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name))
}

/// Where the column chunks of the roots at `positions` lie.
fn parts<'g>(
    group: &'g RowGroupMetaData,
    schema: &'g parquet::schema::types::SchemaDescriptor,
    positions: &'g [usize],
) -> impl Iterator<Item = Range<u64>> + 'g {
    (0..group.num_columns()).filter(|leaf| positions.contains(&schema.get_column_root_idx(*leaf))).map(|leaf| {
        let (start, length) = group.column(leaf).byte_range();
        start..start.saturating_add(length)
    })
}
