//! Rows that the table does not take, as dead letters.

use ::arrow::array::{ArrayRef, AsArray, RecordBatch};
use ::arrow::compute::cast;
use ::arrow::datatypes::{DataType, Int64Type};
use ::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};

use super::load::PLACE_BITS;
use crate::base::{Chunk, Code, Error, Language, Result, UnitId, text};
use crate::recovery::{DeadLetter, SinkState};

/// Why a row was refused.
pub(super) struct Refusal {
    pub reason: String,
    pub sqlstate: Option<String>,
    pub column: Option<String>,
}

impl Refusal {
    /// From the error that a load would have ended with.
    pub(super) fn of(error: &Error, language: Language) -> Self {
        let said = error.clone().traced(&Default::default(), language);
        Refusal {
            reason: said.detail().to_owned(),
            sqlstate: error.context().sqlstate.clone(),
            column: error.context().column.clone(),
        }
    }
}

/// Where a row stands whose place in the result is known.
pub(super) struct Place {
    pub unit: UnitId,
    /// Row of the unit.
    pub within: u64,
    /// None where the rows of the result are no rows of files.
    pub file: Option<String>,
    /// Row of the file, or of the result.
    pub row: Option<u64>,
}

impl Place {
    /// Of a row's number in the staging table ([`super::stage::ORDER`]).
    pub(super) fn of_order(state: &SinkState, order: u64) -> Self {
        let (unit, within) = (UnitId(order >> PLACE_BITS), order & ((1 << PLACE_BITS) - 1));
        let found = state.places.get().and_then(|places| places.of(unit));
        let row = found.as_ref().map(|(_, first)| first + within);
        Place { unit, within, file: found.map(|(file, _)| file.to_string()).filter(|file| !file.is_empty()), row }
    }

    /// In both languages, as the end of a sentence.
    pub(super) fn shown(&self) -> (String, String) {
        match (&self.file, self.row) {
            (Some(file), Some(row)) => {
                (format!("é a {row} de {file}, contando de 0"), format!("is row {row} of {file}, counted from 0"))
            }
            (None, Some(row)) => (
                format!("é a {row} do resultado, contando de 0"),
                format!("is row {row} of the result, counted from 0"),
            ),
            (_, None) => ("não se sabe qual é".to_owned(), "is not known".to_owned()),
        }
    }

    /// `error`, with file and row.
    pub(super) fn named(&self, mut error: Error) -> Error {
        if let Some(file) = &self.file {
            error = error.file(file);
        }
        match self.row {
            Some(row) => error.row(row),
            None => error,
        }
    }
}

/// The row `index` of `chunk`.
pub(super) fn of_chunk(state: &SinkState, chunk: &Chunk, index: usize, why: Refusal) -> Result<DeadLetter> {
    let source = chunk.origin.source.as_ref();
    let record = record(&chunk.batch, index)?;
    let value = why.column.as_deref().and_then(|column| find(&record, column));
    Ok(DeadLetter {
        sink: "postgres".into(),
        sink_number: state.number,
        unit: chunk.unit.0,
        row: chunk.place(index),
        reason: why.reason,
        sqlstate: why.sqlstate,
        source_file: source.map(|source| source.file.to_string()).filter(|file| !file.is_empty()),
        source_row: source.map(|source| source.row(index)),
        column: why.column,
        value,
        record,
        trace_id: state.trace_id.to_string(),
    })
}

/// The column's text, whatever case PostgreSQL gave its name.
pub(super) fn find(record: &Map<String, Value>, column: &str) -> Option<String> {
    let (_, value) = record.iter().find(|(name, _)| name.eq_ignore_ascii_case(column))?;
    value.as_str().map(str::to_owned)
}

/// Every column as text that reads back as the same value.
fn record(batch: &RecordBatch, index: usize) -> Result<Map<String, Value>> {
    let fields = batch.schema_ref().fields().iter().zip(batch.columns());
    fields.map(|(field, column)| Ok((field.name().clone(), shown(column, index)?))).collect()
}

fn shown(column: &ArrayRef, index: usize) -> Result<Value> {
    if column.is_null(index) {
        return Ok(Value::Null);
    }
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(column, &options).map_err(Error::internal)?;
    match formatter.value(index).try_to_string() {
        Ok(text) => Ok(Value::String(text)),
        // Beyond the calendar: DuckDB's infinities are the ends of the integers.
        Err(_) => {
            let number = cast(&column.slice(index, 1), &DataType::Int32)
                .or_else(|_| cast(&column.slice(index, 1), &DataType::Int64))
                .and_then(|number| cast(&number, &DataType::Int64))
                .map_err(Error::internal)?;
            Ok(Value::String(match number.as_primitive::<Int64Type>().value(0) {
                n if n == i64::from(i32::MAX) || n == i64::MAX => "infinity".to_owned(),
                n if n == -i64::from(i32::MAX) || n == -i64::MAX => "-infinity".to_owned(),
                n => n.to_string(),
            }))
        }
    }
}

/// DS-424 where more of `rows` rows are dead letters than the job allows.
pub(super) fn refuse_too_many(state: &SinkState, letters: u64, rows: u64, first: Option<&DeadLetter>) -> Result<()> {
    let most = (rows as f64 * state.dead_letter_limit).floor() as u64;
    if letters <= most {
        return Ok(());
    }
    let percent = state.dead_letter_limit * 100.0;
    let why = first.map(|letter| letter.reason.clone()).unwrap_or_default();
    let mut error = Error::new(
        Code::TooManyDeadLetters,
        text!(
            "O PostgreSQL recusou {letters} de {rows} linhas, mais do que `dead_letter_limit` permite ({percent} %). A primeira: {why}",
            "PostgreSQL refused {letters} of {rows} rows, more than `dead_letter_limit` allows ({percent} %). The first: {why}"
        ),
    )
    .with("dead_letters", letters)
    .with("rows", rows)
    .with("limit", most)
    .stage("postgres");
    if let Some(letter) = first {
        error = error.row(letter.source_row.unwrap_or(letter.row));
        if let Some(column) = &letter.column {
            error = error.column(column);
        }
        if let Some(state) = &letter.sqlstate {
            error = error.sqlstate(state);
        }
        if let Some(value) = &letter.value {
            error = error.with("received", value.as_str());
        }
        if let Some(file) = &letter.source_file {
            error = error.file(file);
        }
    }
    Err(error)
}
