//! Some rows of the Parquet that a query reads, and of them only the columns that it compares or groups by.
//!
//! Of a table at most [`MOST_ROWS`] rows are looked at, in at most [`MOST_GROUPS`] row groups, at even distances; the same rows every
//! time. What was read of a row group is kept in memory, up to [`MOST_BYTES`], until the file is another one.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringBuilder, new_null_array};
use arrow::compute::{and_kleene, cast, concat};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection};
use rayon::prelude::*;

use super::spread::Spread;
use crate::base::{Code, Error, Result, text};
use crate::columnar::{arrow_footer, is_text};
use crate::engine::Condition;
use crate::labels::{Derived, Input};
use crate::lake::LakeFile;
use crate::params::{Predicate, origin_column};
use crate::plan::origin_of;
use crate::store::At;

const MOST_ROWS: u64 = 32 << 10;
const MOST_GROUPS: usize = 64;
/// Rows of a row group, where there are many.
const LEAST_ROWS: u64 = 64;
const MOST_BYTES: usize = 16 << 20;

/// Rows of a table, and how many each stands for.
pub(super) struct Sample {
    /// The columns that were asked for and that a file has.
    pub batch: RecordBatch,
    weights: Arc<[f64]>,
    /// Of the table.
    rows: f64,
    /// Every row of the table is there.
    whole: bool,
}

impl Sample {
    /// So many rows of the table meet what those of the sample meet that `met` names.
    pub fn rows_that(&self, met: &BooleanArray) -> Spread {
        let (mut rows, mut off) = (0.0, 0.0);
        for (at, weight) in self.weights.iter().enumerate() {
            if met.is_valid(at) && met.value(at) {
                rows += weight;
                off += weight * (weight - 1.0).max(0.0);
            }
        }
        let seen = self.weights.len() as f64;
        if self.whole {
            return Spread::exact(rows);
        }
        if rows == 0.0 {
            // None of n rows: of 20 such tables 19 have less than three in n.
            return Spread::about(0.7 * self.rows / seen.max(1.0), 0.9);
        }
        let rest = (1.0 - rows / self.rows).max(0.0);
        Spread::about(rows, ((off * rest).sqrt() / rows).max(1.0 / (seen + 1.0)))
    }

    /// All of them.
    pub fn all(&self) -> BooleanArray {
        BooleanArray::from(vec![true; self.batch.num_rows()])
    }

    /// Those that meet all conditions; none where that cannot be computed.
    pub fn met(&self, conditions: &[Predicate]) -> Option<BooleanArray> {
        let one = |condition: &Predicate| Condition::new(condition).ok()?.meets(&self.batch).ok();
        conditions.iter().try_fold(self.all(), |so_far, condition| and_kleene(&so_far, &one(condition)?).ok())
    }

    /// Of the table.
    pub fn rows(&self) -> f64 {
        self.rows
    }

    /// The same rows with other columns.
    pub fn with(&self, batch: RecordBatch) -> Sample {
        Sample { batch, weights: self.weights.clone(), rows: self.rows, whole: self.whole }
    }

    /// A column by its name in any case.
    pub fn column(&self, name: &str) -> Option<&ArrayRef> {
        let fields = self.batch.schema_ref().fields();
        let at = fields.iter().position(|field| field.name().eq_ignore_ascii_case(name))?;
        Some(self.batch.column(at))
    }
}

/// A derived column of a sample.
pub(super) struct SampledColumn {
    pub column: Arc<Derived>,
    /// By its values; one that only tells rows apart has the numbers of its words.
    pub is_compared: bool,
}

/// What was read of row groups.
#[derive(Default)]
pub(super) struct Samples(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    groups: HashMap<String, Group>,
    bytes: usize,
    clock: u64,
}

#[derive(Default)]
struct Group {
    /// By name in upper case; none: the file has no such column.
    columns: HashMap<String, Option<ArrayRef>>,
    bytes: usize,
    used: u64,
}

/// Rows of a row group that are looked at.
struct Chosen<'f> {
    file: &'f LakeFile,
    number: usize,
    rows: u64,
    take: u64,
    key: String,
}

impl Samples {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory is scarce.
    pub fn forget(&self) {
        *self.kept() = Kept::default();
    }

    /// Rows of `files`, with the columns of these names and derived ones.
    pub fn of(&self, files: &[&LakeFile], columns: &BTreeSet<String>, derived: &[SampledColumn]) -> Result<Sample> {
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let chosen = chosen(files);
        let inputs = derived.iter().flat_map(|one| one.column.inputs.iter().map(|name| name.to_uppercase()));
        let names: BTreeSet<String> = columns.iter().map(|name| name.to_uppercase()).chain(inputs).collect();
        let read: BTreeSet<String> = names.iter().filter(|name| origin_column(name).is_none()).cloned().collect();
        let of_groups = self.read(&chosen, &read)?;
        let taken: u64 = chosen.iter().map(|group| group.take).sum();
        let seen_rows: u64 = chosen.iter().map(|group| group.rows).sum();
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for name in &names {
            let whole = match origin_column(name) {
                Some(origin) => Some(origins(&chosen, origin)),
                None => joined(name, &of_groups, &chosen),
            };
            if let Some(whole) = whole {
                fields.push(Field::new(name, whole.data_type().clone(), true));
                arrays.push(whole);
            }
        }
        for SampledColumn { column: one, is_compared } in derived {
            let input = |name: &String| {
                let at = fields.iter().position(|field: &Field| field.name().eq_ignore_ascii_case(name));
                at.map_or(Input::Null, |at| Input::Array(arrays[at].clone()))
            };
            let inputs: Vec<Input> = one.inputs.iter().map(input).collect();
            // Of a user's own column of another type it is DuckDB's to make, and nothing is known of it here.
            let rows = usize::try_from(taken).unwrap_or(0);
            let made = match is_compared {
                true => one.compute(&inputs, rows, false),
                false => one.compute_numbers(&inputs, rows),
            };
            let Ok(made) = made else { continue };
            fields.push(Field::new(&one.name, made.data_type().clone(), true));
            arrays.push(made);
        }
        let options = RecordBatchOptions::new().with_row_count(usize::try_from(taken).ok());
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options);
        let unseen = rows as f64 / (seen_rows as f64).max(1.0);
        let weight = |group: &Chosen| {
            let each = unseen * group.rows as f64 / (group.take as f64).max(1.0);
            std::iter::repeat_n(each, usize::try_from(group.take).unwrap_or(0))
        };
        Ok(Sample {
            batch: batch.map_err(Error::internal)?,
            weights: chosen.iter().flat_map(weight).collect(),
            rows: rows as f64,
            whole: taken == rows,
        })
    }

    /// Of each row group these columns, of what is kept or of the file; files beside each other.
    fn read(&self, chosen: &[Chosen], names: &BTreeSet<String>) -> Result<Vec<HashMap<String, Option<ArrayRef>>>> {
        let files: Vec<&[Chosen]> = chosen.chunk_by(|one, next| std::ptr::eq(one.file, next.file)).collect();
        let found = files.into_par_iter().map(|groups| self.read_file(groups, names)).collect::<Result<Vec<_>>>();
        Ok(found?.into_iter().flatten().collect())
    }

    fn read_file(&self, groups: &[Chosen], names: &BTreeSet<String>) -> Result<Vec<HashMap<String, Option<ArrayRef>>>> {
        let mut open: Option<(At, ArrowReaderMetadata)> = None;
        let of_group = |group: &Chosen| {
            let mut columns = self.known(&group.key, names);
            let missing: Vec<&String> = names.iter().filter(|name| !columns.contains_key(*name)).collect();
            if !missing.is_empty() {
                let opened = match open.take() {
                    Some(opened) => opened,
                    None => {
                        let at = At::of(group.file.open()?);
                        let footer = arrow_footer(&at).map_err(|error| unread(group.file, &error))?;
                        (at, footer)
                    }
                };
                let (at, footer) = open.insert(opened);
                let read = rows_of(group, at, footer, &missing)?;
                self.keep(&group.key, &read);
                columns.extend(read);
            }
            Ok(columns)
        };
        groups.iter().map(of_group).collect()
    }

    fn known(&self, key: &str, names: &BTreeSet<String>) -> HashMap<String, Option<ArrayRef>> {
        let mut kept = self.kept();
        kept.clock += 1;
        let now = kept.clock;
        let Some(group) = kept.groups.get_mut(key) else { return HashMap::new() };
        group.used = now;
        names.iter().filter_map(|name| Some((name.clone(), group.columns.get(name)?.clone()))).collect()
    }

    fn keep(&self, key: &str, read: &HashMap<String, Option<ArrayRef>>) {
        let bytes = read.values().flatten().map(|array| array.get_array_memory_size()).sum::<usize>();
        let mut kept = self.kept();
        kept.clock += 1;
        let now = kept.clock;
        kept.bytes += bytes;
        let group = kept.groups.entry(key.to_owned()).or_default();
        group.columns.extend(read.iter().map(|(name, array)| (name.clone(), array.clone())));
        (group.bytes, group.used) = (group.bytes + bytes, now);
        while kept.bytes > MOST_BYTES && kept.groups.len() > 1 {
            let Some(oldest) = kept.groups.iter().min_by_key(|(_, group)| group.used).map(|(key, _)| key.clone())
            else {
                return;
            };
            kept.bytes -= kept.groups.remove(&oldest).map_or(0, |group| group.bytes);
        }
    }
}

/// Row groups at even distances, and how many rows of each.
fn chosen<'f>(files: &[&'f LakeFile]) -> Vec<Chosen<'f>> {
    let of_file = |file: &&'f LakeFile| {
        let file: &'f LakeFile = file;
        file.row_groups.iter().enumerate().map(move |(number, group)| (file, number, group.rows))
    };
    let groups: Vec<(&LakeFile, usize, u64)> = files.iter().flat_map(of_file).filter(|(.., rows)| *rows > 0).collect();
    let wanted = groups.len().min(MOST_GROUPS);
    let picked: Vec<_> = (0..wanted).map(|nth| groups[(nth * groups.len() + groups.len() / 2) / wanted]).collect();
    let rows: u64 = picked.iter().map(|(.., rows)| rows).sum();
    let share = |of: u64| match rows <= MOST_ROWS {
        true => of,
        false => (of as f64 * MOST_ROWS as f64 / rows as f64).ceil() as u64,
    };
    let chosen = |(file, number, rows): (&'f LakeFile, usize, u64)| {
        let take = share(rows).max(LEAST_ROWS).min(rows);
        let key = format!("{} {} {number} {take}", file.object.location, file.content());
        Chosen { file, number, rows, take, key }
    };
    picked.into_iter().map(chosen).collect()
}

/// The chosen rows of a row group, column by column.
fn rows_of(
    group: &Chosen,
    at: &At,
    footer: &ArrowReaderMetadata,
    names: &[&String],
) -> Result<HashMap<String, Option<ArrayRef>>> {
    let failed = |error: &(dyn std::error::Error + 'static)| unread(group.file, error);
    let fields = footer.schema().fields();
    let place = |name: &str| fields.iter().position(|field| field.name().eq_ignore_ascii_case(name));
    let roots: Vec<usize> = names.iter().filter_map(|name| place(name)).collect();
    let mut found: HashMap<String, Option<ArrayRef>> = names.iter().map(|name| ((*name).clone(), None)).collect();
    if roots.is_empty() {
        return Ok(found);
    }
    let mask = ProjectionMask::roots(footer.parquet_schema(), roots);
    let take = usize::try_from(group.take).unwrap_or(usize::MAX);
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(at.clone(), footer.clone())
        .with_row_groups(vec![group.number])
        .with_projection(mask)
        .with_batch_size(take);
    if group.take < group.rows {
        let row = |nth: u64| usize::try_from((nth * group.rows + group.rows / 2) / group.take).unwrap_or(usize::MAX);
        let rows = (0..group.take).map(|nth| row(nth)..row(nth) + 1);
        let all = usize::try_from(group.rows).unwrap_or(usize::MAX);
        builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(rows, all));
    }
    let batches = builder.build().map_err(|error| failed(&error))?.collect::<std::result::Result<Vec<_>, _>>();
    let batches = batches.map_err(|error| failed(&error))?;
    for name in names {
        let of_batch = |batch: &RecordBatch| {
            let fields = batch.schema_ref().fields();
            Some(batch.column(fields.iter().position(|field| field.name().eq_ignore_ascii_case(name))?).clone())
        };
        let Some(parts) = batches.iter().map(of_batch).collect::<Option<Vec<_>>>() else { continue };
        let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
        if parts.is_empty() {
            continue;
        }
        let whole = concat(&parts).map_err(|error| failed(&error))?;
        let plain = if is_text(whole.data_type()) { cast(&whole, &DataType::Utf8) } else { Ok(whole) };
        let mut plain = plain.map_err(|error| failed(&error))?;
        plain.shrink_to_fit();
        if plain.len() == take {
            found.insert((*name).clone(), Some(plain));
        }
    }
    Ok(found)
}

/// One column of all row groups; NULL in those of files that do not have it. None where none has it.
fn joined(name: &str, of_groups: &[HashMap<String, Option<ArrayRef>>], chosen: &[Chosen]) -> Option<ArrayRef> {
    let found = |group: &HashMap<String, Option<ArrayRef>>| group.get(name).cloned().flatten();
    let kind = of_groups.iter().find_map(found)?.data_type().clone();
    let parts = of_groups.iter().zip(chosen).map(|(group, of)| {
        let rows = usize::try_from(of.take).unwrap_or(0);
        match found(group) {
            Some(array) if *array.data_type() == kind => array,
            Some(array) => cast(&array, &kind).unwrap_or_else(|_| new_null_array(&kind, rows)),
            None => new_null_array(&kind, rows),
        }
    });
    let parts: Vec<ArrayRef> = parts.collect();
    concat(&parts.iter().map(|part| part.as_ref()).collect::<Vec<&dyn Array>>()).ok()
}

/// What a column of the file's own name says, in each row.
fn origins(chosen: &[Chosen], origin: &str) -> ArrayRef {
    let mut all = StringBuilder::new();
    for group in chosen {
        let of_file = origin_of(group.file, origin);
        (0..group.take).for_each(|_| all.append_value(&of_file));
    }
    Arc::new(all.finish())
}

fn unread(file: &LakeFile, error: &(dyn std::error::Error + 'static)) -> Error {
    Error::within(error).unwrap_or_else(|| {
        let (name, why) = (&file.source.file, error.to_string());
        Error::new(
            Code::DamagedFile,
            text!("Uma amostra de {name} não se pôde ler", "A sample of {name} cannot be read: {why}"),
        )
        .file(name)
        .stage("estimate")
    })
}
