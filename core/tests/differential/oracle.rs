//! The same tables in plain DuckDB: raw texts of the independent decode, typed by SQL that says what docs/data.md says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datasus::Catalog;
use datasus::catalog::{Column, DateFormat, FileId, Form, LogicalType};
use duckdb::{Connection, appender_params_from_iter};

use crate::independent;

pub struct Oracle {
    pub db: Connection,
    pub datasets: Vec<Dataset>,
}

pub struct Dataset {
    pub name: String,
    pub table: String,
    /// In the order of the answer.
    pub files: Vec<(FileId, PathBuf)>,
    /// Of the catalogue, that some file has.
    pub columns: Vec<Column>,
}

impl Oracle {
    /// Reads every DBC.
    pub fn of(files: &[PathBuf]) -> Self {
        let catalog = Catalog::builtin();
        let mut by_dataset: BTreeMap<String, Vec<(FileId, PathBuf)>> = BTreeMap::new();
        for path in files {
            let id = catalog.identify(path.file_name().unwrap().to_str().unwrap()).unwrap();
            by_dataset.entry(id.dataset.to_string()).or_default().push((id, path.clone()));
        }
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("SET threads = 1").unwrap();
        let datasets = by_dataset.into_iter().map(|(name, mut files)| {
            files.sort_by_key(|(id, _)| (id.competencia, id.uf, id.part.clone()));
            load(&db, name, files)
        });
        let datasets = datasets.collect();
        Oracle { db, datasets }
    }

    /// Every cell as text, NULL as none.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let mut statement = self.db.prepare(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        let mut rows = statement.query([]).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        let mut all = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let width = row.as_ref().column_count();
            all.push((0..width).map(|column| row.get(column).unwrap()).collect());
        }
        all
    }
}

fn load(db: &Connection, name: String, files: Vec<(FileId, PathBuf)>) -> Dataset {
    let grupo = Catalog::builtin().dataset(&name).unwrap();
    let table = grupo.dataset.table();
    let decoded: Vec<independent::Records> = files.iter().map(|(_, path)| independent::read(path)).collect();
    let held = |column: &Column| decoded.iter().any(|records| records.fields.contains(&column.name));
    let columns: Vec<Column> = grupo.columns.iter().filter(|column| held(column)).cloned().collect();
    let types: Vec<String> =
        columns.iter().map(|column| format!("\"{}\" {}", column.name, type_name(&column.kind))).collect();
    db.execute_batch(&format!(
        "CREATE TABLE {table} (_file INTEGER, _row BIGINT, datasus_arquivo VARCHAR, datasus_uf VARCHAR,
         datasus_competencia VARCHAR, {})",
        types.join(", ")
    ))
    .unwrap();
    for (number, (records, (id, path))) in decoded.iter().zip(&files).enumerate() {
        raw(db, &format!("raw_{table}_{number}"), records);
        let list: Vec<String> = columns
            .iter()
            .map(|column| match records.fields.contains(&column.name) {
                true => typed(column, id),
                false => "NULL".into(),
            })
            .collect();
        let own = path.file_name().unwrap().to_str().unwrap();
        db.execute_batch(&format!(
            "INSERT INTO {table} SELECT {number}, _row, '{own}', '{}', '{}', {} FROM raw_{table}_{number} ORDER BY _row",
            id.uf,
            id.competencia,
            list.join(", ")
        ))
        .unwrap();
    }
    Dataset { name, table, files, columns }
}

/// A table of texts.
fn raw(db: &Connection, table: &str, records: &independent::Records) {
    let columns: Vec<String> = records.fields.iter().map(|field| format!("\"{field}\" VARCHAR")).collect();
    db.execute_batch(&format!("CREATE TABLE {table} (_row BIGINT, {})", columns.join(", "))).unwrap();
    let mut appender = db.appender(table).unwrap();
    for (number, row) in records.rows.iter().enumerate() {
        let cells = std::iter::once(number.to_string()).chain(row.iter().cloned());
        appender.append_row(appender_params_from_iter(cells)).unwrap();
    }
    appender.flush().unwrap();
}

pub fn type_name(kind: &LogicalType) -> String {
    match kind {
        LogicalType::Text => "VARCHAR".into(),
        LogicalType::Integer { .. } => "BIGINT".into(),
        LogicalType::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        LogicalType::Date { .. } => "DATE".into(),
    }
}

/// What the raw text of the column means; NULL where it means nothing.
pub fn typed(column: &Column, id: &FileId) -> String {
    let raw = format!("\"{}\"", column.name);
    let bare = format!("trim({raw}, ' ' || chr(0))");
    match &column.kind {
        LogicalType::Text => format!("nullif({}, '')", in_form(&raw, &bare, column.form_at(id.competencia))),
        LogicalType::Integer { .. } => format!(
            "CASE WHEN regexp_full_match({bare}, '[-+]?[0-9]+([.,]0*)?')
             THEN CAST(regexp_extract({bare}, '^[-+]?[0-9]+') AS BIGINT) END"
        ),
        LogicalType::Decimal { precision, scale } => format!(
            "CASE WHEN regexp_full_match({bare}, '[-+]?([0-9]+([.,][0-9]{{0,{scale}}}0*)?|[.,][0-9]{{1,{scale}}}0*)')
             THEN TRY_CAST(replace({bare}, ',', '.') AS DECIMAL({precision},{scale})) END"
        ),
        LogicalType::Date { formats } => {
            let cases: Vec<String> = formats
                .iter()
                .rev()
                .map(|format| {
                    let day = day(&bare, *format, id.competencia.ano());
                    format!("WHEN length({bare}) = {} THEN {day}", format.width())
                })
                .rev()
                .collect();
            format!("CASE WHEN NOT regexp_full_match({bare}, '[0-9]*[1-9][0-9]*') THEN NULL {} END", cases.join(" "))
        }
    }
}

fn in_form(raw: &str, bare: &str, form: Option<Form>) -> String {
    let padded = |width: usize| format!("WHEN length({bare}) <= {width} THEN lpad({bare}, {width}, '0')");
    let changes = match form {
        None => return raw.into(),
        Some(Form::Digits(width)) => padded(width.into()),
        Some(Form::Municipality) => {
            format!("WHEN length({bare}) = 6 THEN {bare} WHEN length({bare}) = 7 THEN left({bare}, 6)")
        }
        Some(Form::Year) => format!(
            "WHEN length({bare}) = 4 THEN {bare}
             WHEN length({bare}) = 2 THEN (CASE WHEN {bare} >= '79' THEN '19' ELSE '20' END) || {bare}"
        ),
    };
    format!("CASE WHEN NOT regexp_full_match({bare}, '[0-9]+') THEN {raw} {changes} ELSE {raw} END")
}

fn day(bare: &str, format: DateFormat, reference: u16) -> String {
    let (year, month, day) = match format {
        DateFormat::YearMonthDay => (format!("left({bare}, 4)"), (5, 2), (7, 2)),
        DateFormat::DayMonthYear => (format!("right({bare}, 4)"), (3, 2), (1, 2)),
        DateFormat::ShortYearMonthDay => {
            let century = reference / 100;
            let last = reference % 100;
            let year = format!(
                "(CASE WHEN left({bare}, 2) <= '{last:02}' THEN '{century}' ELSE '{}' END || left({bare}, 2))",
                century - 1
            );
            (year, (3, 2), (5, 2))
        }
    };
    let part = |(from, length): (usize, usize)| format!("substr({bare}, {from}, {length})");
    format!("TRY_CAST(nullif({year}, '0000') || '-' || {} || '-' || {} AS DATE)", part(month), part(day))
}

/// The dataset's files as Parquet of the user's own, in one of the forms that other tools give them.
pub fn write_parquet(oracle: &Oracle, folder: &Path, form: Odd) {
    for dataset in &oracle.datasets {
        for (number, (id, path)) in dataset.files.iter().enumerate() {
            let raw = format!("raw_{}_{number}", dataset.table);
            let fields = oracle.rows(&format!("SELECT column_name FROM (DESCRIBE {raw}) WHERE column_name <> '_row'"));
            let list: Vec<String> = fields
                .iter()
                .filter_map(|row| row[0].clone())
                .map(|field| {
                    let known = dataset.columns.iter().find(|column| column.name == field);
                    let (value, name) = match (form, known) {
                        (Odd::Text, _) => (format!("\"{field}\""), field.to_lowercase()),
                        (Odd::Typed, Some(column)) => (typed(column, id), field),
                        (Odd::Frame, Some(column)) => (as_frame(column, id, &raw, oracle), field),
                        (_, None) => (format!("\"{field}\""), field),
                    };
                    format!("{value} AS \"{name}\"")
                })
                .collect();
            let target = folder.join(path.with_extension("parquet").file_name().unwrap());
            let sql = format!(
                "COPY (SELECT {} FROM {raw} ORDER BY _row) TO '{}' (FORMAT parquet, ROW_GROUP_SIZE 5000)",
                list.join(", "),
                target.display()
            );
            oracle.db.execute_batch(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        }
    }
}

/// How the cells of a Parquet are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Odd {
    /// Everything as the DBF's text, names in lower case.
    Text,
    /// As the catalogue types it.
    Typed,
    /// As a data frame writes it: numbers in floats with NaN, codes as integers, days as dd/mm/yyyy, money with a comma.
    Frame,
}

fn as_frame(column: &Column, id: &FileId, raw: &str, oracle: &Oracle) -> String {
    let value = typed(column, id);
    match &column.kind {
        LogicalType::Integer { .. } => format!("coalesce(CAST({value} AS DOUBLE), 'nan'::DOUBLE)"),
        LogicalType::Decimal { .. } => format!("replace(CAST({value} AS VARCHAR), '.', ',')"),
        LogicalType::Date { .. } => format!("strftime({value}, '%d/%m/%Y')"),
        LogicalType::Text => {
            let whole = column.form_at(id.competencia).is_some()
                && {
                    let name = &column.name;
                    let odd = format!(
                    "SELECT CAST(count(*) AS VARCHAR) FROM {raw} WHERE trim(\"{name}\") <> '' AND
                     (NOT regexp_full_match(\"{name}\", '[0-9]+') OR length(\"{name}\") > 18 OR {value} <> trim(\"{name}\"))"
                );
                    oracle.rows(&odd)[0][0].as_deref() == Some("0")
                };
            if whole { format!("CAST({value} AS BIGINT)") } else { value }
        }
    }
}
