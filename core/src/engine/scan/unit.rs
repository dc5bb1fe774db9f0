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
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

use super::Group;
use super::condition::Condition;
use super::cut::{Cut, Tally, met_among};
use super::pages::Pages;
use crate::base::{Ctx, open_source, parquet_footer};
use crate::plan::{FileSample, Output, Scan, ScanFile, Verdict, is_text, judge, statistics};

/// What can go wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{0}")]
    Io(#[from] std::io::Error),
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
    sample: Option<FileSample>,
    without: Option<Arc<[u64]>>,
}

/// What there is of a row group.
pub(super) enum Reading {
    RuledOut,
    /// `sample`: which of the `rows` the conditions were asked of; none: all.
    Rows {
        reader: ParquetRecordBatchReader,
        rows: usize,
        filtered: bool,
        sample: Option<BooleanBuffer>,
    },
}

enum Source {
    /// So many-th of the wanted columns.
    Wanted(usize),
    Null,
    Text(String),
}

impl OpenFile {
    pub(super) fn open(file: &ScanFile, scan: &Scan) -> Result<Self, Trouble> {
        let pages = Pages::of(open_source(&file.path)?)?;
        let footer = parquet_footer(&pages)?;
        let mut metadata = ArrowReaderMetadata::try_new(footer.clone(), ArrowReaderOptions::default())?;
        if let Some(plain) = with_plain_texts(metadata.schema()) {
            metadata = ArrowReaderMetadata::try_new(footer, ArrowReaderOptions::default().with_schema(plain))?;
        }
        let position = |name: &str| position(metadata.schema(), name);
        let mut wanted: Vec<usize> = (scan.outputs.iter())
            .filter_map(|output| match output {
                Output::Column(name) => position(name),
                Output::Constant(_) => None,
            })
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let of_position = |at: usize| wanted.binary_search(&at).map_or(Source::Null, Source::Wanted);
        let source = |output: &Output| match output {
            Output::Column(name) => position(name).map_or(Source::Null, of_position),
            Output::Constant(number) => file.constants.get(*number).map_or(Source::Null, |t| Source::Text(t.clone())),
        };
        let sources = scan.outputs.iter().map(source).collect();
        Ok(OpenFile { pages, metadata, wanted, sources, sample: file.sample, without: file.without.clone() })
    }

    /// The rows of a row group that meet the conditions; none where its statistics rule it out. `tally`, where there is
    /// one, learns which rows those are, before the first of them comes.
    pub(super) fn read(
        &self,
        group: &Group,
        scan: &Scan,
        conditions: &[Condition],
        chunk_rows: usize,
        tally: Option<&Tally>,
        ctx: &Ctx,
    ) -> Result<Reading, Trouble> {
        let footer = self.metadata.metadata();
        let Some(of_group) = footer.row_groups().get(group.number) else {
            return Err(ParquetError::General(format!("row group {} is gone", group.number)).into());
        };
        let schema = self.metadata.schema();
        let known = |column: &str| statistics(of_group, schema, column);
        let mut open = Vec::new();
        for (predicate, condition) in scan.predicates.iter().zip(conditions) {
            match judge(predicate, &known) {
                Verdict::None => return Ok(Reading::RuledOut),
                Verdict::All => {}
                Verdict::Some => open.push(condition.clone()),
            }
        }
        // A tally must see every row, so that the conditions are looked at as one.
        let open = if tally.is_some() && open.len() > 1 { vec![Condition::all(open)] } else { open };
        let filtered = !open.is_empty();
        let mut read: Vec<usize> = self.wanted.clone();
        let filters = open.into_iter().map(|condition| {
            let mut columns: Vec<usize> =
                condition.columns().iter().filter_map(|name| position(schema, name)).collect();
            columns.sort_unstable();
            columns.dedup();
            read.extend(&columns);
            let (ctx, tally) = (ctx.clone(), tally.cloned());
            let mask = ProjectionMask::roots(footer.file_metadata().schema_descr(), columns);
            let meets = move |batch: RecordBatch| {
                ctx.check().map_err(|cancelled| ArrowError::ExternalError(Box::new(cancelled)))?;
                let met = condition.meets(&batch)?;
                tally.iter().for_each(|tally| tally.add(&met));
                Ok(met)
            };
            Box::new(ArrowPredicateFn::new(mask, meets)) as Box<_>
        });
        let filters: Vec<_> = filters.collect();
        let rows = usize::try_from(of_group.num_rows()).unwrap_or(0);
        let pages = self.pages.load(parts(of_group, footer.file_metadata().schema_descr(), &read))?;
        let mask = ProjectionMask::roots(footer.file_metadata().schema_descr(), self.wanted.iter().copied());
        let sample = self.chosen(group.first_row, rows);
        let asked = sample.as_ref().map_or(rows, BooleanBuffer::count_set_bits);
        let even = asked.div_ceil(asked.div_ceil(chunk_rows).max(1)).max(1);
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
        Ok(Reading::Rows { reader: builder.build()?, rows, filtered, sample })
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
    ) -> Result<Option<Cut>, Trouble> {
        let tally = Tally::new(0);
        match self.read(group, scan, conditions, unit_rows, Some(&tally), ctx)? {
            Reading::RuledOut => Ok(None),
            Reading::Rows { reader, rows, filtered, sample } => {
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
        let mut columns: Vec<ArrayRef> = (self.sources.iter().zip(fields))
            .map(|(source, field)| match source {
                Source::Wanted(number) => batch.column(*number).clone(),
                Source::Null => new_null_array(field.data_type(), rows),
                Source::Text(text) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))),
            })
            .collect();
        drop(batch);
        // The reader doubles a text's buffer while it grows: a host that keeps the batch would keep the empty half.
        columns.iter_mut().for_each(|column| column.shrink_to_fit());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(scan.schema.clone(), columns, &options)
    }
}

fn position(schema: &SchemaRef, name: &str) -> Option<usize> {
    schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name))
}

/// The schema with every text, however it is held, as plain text; none where all are.
fn with_plain_texts(schema: &SchemaRef) -> Option<SchemaRef> {
    let other = |kind: &DataType| is_text(kind) && *kind != DataType::Utf8;
    if !schema.fields().iter().any(|field| other(field.data_type())) {
        return None;
    }
    let plain = |field: &Arc<Field>| match field.data_type() {
        kind if other(kind) => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        _ => field.clone(),
    };
    Some(Schema::new(schema.fields().iter().map(plain).collect::<Vec<_>>()).into())
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
