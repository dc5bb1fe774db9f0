//! SQL as Spark speaks it, in ANSI mode.

use sha2::{Digest, Sha256};

use arrow::datatypes::DataType;

use super::path::{as_uri, metadata_path};
use crate::catalog::LogicalType;
use crate::labels::Derived;
use crate::params::Scalar;
use crate::plan::{Dialect, FileSample, sample_condition};

/// Spark's own words for what a plan asks. Files and what derived columns are made of are tables beside the text
/// (`source_name`, `made_name`): no path stands in it that Spark would open.
#[derive(Debug, Default, Clone, Copy)]
pub struct SparkDialect;

/// The table of these files.
pub(super) fn source_name(files: &[impl AsRef<str>]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update((file.as_ref().len() as u64).to_le_bytes());
        hash.update(file.as_ref());
    }
    format!("datasus_files_{}", &hex::encode(hash.finalize())[..24])
}

/// The same with [`ROW`] and [`PATH`].
pub(super) fn numbered_name(files: &[impl AsRef<str>]) -> String {
    source_name(files).replacen("files", "rows", 1)
}

/// Where a row stands in its file, the file's path, and the file's number in the statement. No column of a user's own is called so.
pub(super) const ROW: &str = "__datasus_row_number";
pub(super) const PATH: &str = "__datasus_file_path";
const FILE: &str = "__datasus_file_number";

/// The table of a derived column's inputs and its value for each.
pub(super) fn made_name(id: &str) -> String {
    format!("datasus_made_{}", &hex::encode(Sha256::digest(id))[..24])
}

/// The column of the value, and one that is true in every row.
pub(super) const MADE: &str = "datasus_value";
pub(super) const KNOWN: &str = "datasus_known";

impl Dialect for SparkDialect {
    fn derived(&self, derived: &Derived, _: &[String]) -> String {
        // What was not asked for beforehand is no NULL: it ends the query.
        let table = self.name(&made_name(&derived.id()));
        format!("if({table}.{KNOWN}, {table}.{MADE}, raise_error('unforeseen values of {table}'))")
    }

    /// Groups are not made by way of codes ([`Dialect::groups_by_codes`]): nothing is counted there.
    fn derived_counted(&self, derived: &Derived, _: &str, inputs: &[String]) -> String {
        self.derived(derived, inputs)
    }

    fn with_derived(&self, derived: &[&Derived], relation: &str) -> String {
        let (mut columns, mut joins) = (Vec::new(), String::new());
        for one in derived {
            let table = self.name(&made_name(&one.id()));
            let same = |input: &String| {
                let input = self.name(input);
                format!("datasus_rows.{input} <=> {table}.{input}")
            };
            let same: Vec<String> = one.inputs.iter().map(same).collect();
            let same = if same.is_empty() { "true".into() } else { same.join(" AND ") };
            joins.push_str(&format!(" LEFT JOIN {table} ON {same}"));
            columns.push(format!("{} AS {}", self.derived(one, &[]), self.name(&one.name)));
        }
        format!("SELECT datasus_rows.*, {} FROM ({relation}) AS datasus_rows{joins}", columns.join(", "))
    }

    fn groups_by_codes(&self) -> bool {
        false
    }

    fn word_place(&self, derived: &Derived, word: &str) -> String {
        let words: Vec<String> =
            derived.words().into_iter().flat_map(|words| words.iter()).map(|w| self.text(w)).collect();
        format!("array_position(array({}), {word})", words.join(", "))
    }

    fn name(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    fn text(&self, text: &str) -> String {
        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
    }

    fn type_name(&self, kind: &LogicalType) -> String {
        match kind {
            LogicalType::Text => "STRING".into(),
            LogicalType::Integer { digits: 0..=9 } => "INT".into(),
            LogicalType::Integer { .. } => "BIGINT".into(),
            LogicalType::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
            LogicalType::Date { .. } => "DATE".into(),
        }
    }

    fn own_type_name(&self, kind: &DataType) -> Option<String> {
        match kind {
            DataType::Int64 => Some("BIGINT".into()),
            DataType::Float64 => Some("DOUBLE".into()),
            DataType::Decimal128(precision, scale) => Some(format!("DECIMAL({precision},{scale})")),
            _ => None,
        }
    }

    fn can_name(&self, _: &str) -> bool {
        true
    }

    fn parquet(&self, files: &[&str]) -> String {
        self.name(&source_name(files))
    }

    fn names_files(&self) -> bool {
        true
    }

    /// A file is known by its path: one that is none of these ends the query, so that no row goes under a wrong name.
    fn numbered(&self, files: &[&str]) -> String {
        let rows = self.name(&numbered_name(files));
        if files.len() == 1 {
            return format!("(SELECT *, 0 AS {FILE} FROM {rows})");
        }
        let path = |(at, file): (usize, &&str)| format!("({}, {at})", self.text(&metadata_path(&as_uri(file))));
        let paths: Vec<String> = files.iter().enumerate().map(path).collect();
        format!(
            "(SELECT /*+ BROADCAST(datasus_paths) */ datasus_rows.*, coalesce(datasus_paths.number, CAST(raise_error(\
             concat('unplanned file ', datasus_rows.{PATH})) AS INT)) AS {FILE} FROM {rows} AS datasus_rows \
             LEFT JOIN (VALUES {}) AS datasus_paths(path, number) ON datasus_rows.{PATH} = datasus_paths.path)",
            paths.join(", ")
        )
    }

    fn of_file(&self, texts: &[&str]) -> String {
        match texts {
            [first, others @ ..] if others.iter().all(|text| text == first) => self.text(first),
            _ => {
                let list: Vec<String> = texts.iter().map(|text| self.text(text)).collect();
                format!("element_at(array({}), {FILE} + 1)", list.join(", "))
            }
        }
    }

    fn in_sample(&self, samples: &[FileSample]) -> String {
        let coefficient = |which: usize| {
            let list: Vec<String> = samples.iter().map(|sample| format!("{}L", sample.coefficients[which])).collect();
            match list.as_slice() {
                [one] => one.clone(),
                _ => format!("element_at(array({}), {FILE} + 1)", list.join(", ")),
            }
        };
        sample_condition(ROW, coefficient, "L")
    }

    fn not_listed(&self, list: &str, columns: &[String]) -> String {
        let names: Vec<String> = columns.iter().map(|column| self.text(column)).collect();
        let (list, names) = (self.parquet(&[list]), names.join(", "));
        format!("{ROW} NOT IN (SELECT `row` FROM {list} WHERE `column` IN ({names}))")
    }

    fn place(&self, first: usize) -> [String; 2] {
        [format!("{first} + CAST({FILE} AS BIGINT)"), ROW.into()]
    }

    fn placeholder(&self, value: &Scalar, kind: &LogicalType) -> (String, String) {
        match value {
            Scalar::Text(text) => ("CAST(? AS STRING)".into(), text.clone()),
            Scalar::Integer(number) => {
                let narrow = i32::try_from(*number).is_ok() && matches!(kind, LogicalType::Integer { digits: 0..=9 });
                (format!("CAST(? AS {})", if narrow { "INT" } else { "BIGINT" }), number.to_string())
            }
            Scalar::Decimal(digits) => {
                // No wider than the value itself: with a wider one Spark would round the column to fit both.
                let (whole, fraction) = digits.trim_start_matches('-').split_once('.').unwrap_or((digits, ""));
                let (whole, scale) = (whole.trim_start_matches(['-', '0']).len(), fraction.len().min(37));
                (format!("CAST(? AS DECIMAL({},{scale}))", (whole + scale).clamp(1, 38)), digits.clone())
            }
            Scalar::Date(days) => ("date_add(DATE '1970-01-01', CAST(? AS INT))".into(), days.to_string()),
        }
    }

    fn starts_with(&self, text: &str, with: &str) -> String {
        format!("startswith({text}, {with})")
    }

    fn sum(&self, column: &str, kind: &LogicalType, floats: bool) -> String {
        match kind {
            LogicalType::Decimal { scale, .. } if !floats => format!("CAST(sum({column}) AS DECIMAL(38,{scale}))"),
            _ => format!("sum({column})"),
        }
    }

    /// Of an exact sum: Spark's own has four decimals more than the column, and no float.
    fn mean(&self, column: &str, kind: &LogicalType, floats: bool) -> String {
        match kind {
            LogicalType::Decimal { .. } | LogicalType::Integer { .. } if !floats => {
                format!("CAST(sum({column}) AS DOUBLE) / nullif(count({column}), 0)")
            }
            _ => format!("avg({column})"),
        }
    }
}
