//! SQL as DuckDB speaks it.

use arrow::datatypes::DataType;
use chrono::{Days, NaiveDate};

use crate::catalog::LogicalType;
use crate::labels::Derived;
use crate::params::Scalar;
use crate::plan::{Dialect, FileSample, sample_condition};

/// DuckDB's own words for what a plan asks.
#[derive(Debug, Default, Clone, Copy)]
pub struct DuckDbDialect;

/// What the engine takes for a pattern where it reads a file's name.
const WILD: [char; 3] = ['*', '?', '['];

/// The pattern that matches this path and nothing else: a name such as `[xy].parquet` stands for itself.
pub(super) fn pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for character in path.chars() {
        match WILD.contains(&character) {
            true => pattern.extend(['[', character, ']']),
            false => pattern.push(character),
        }
    }
    pattern
}

/// Whether there is such a pattern: in one the engine takes `\\` for the end of a folder's name.
fn has_pattern(path: &str) -> bool {
    !(path.contains('\\') && path.contains(WILD))
}

impl Dialect for DuckDbDialect {
    fn derived(&self, derived: &Derived, inputs: &[String]) -> String {
        let function = super::functions::of_kind(&derived.kind);
        format!("{function}({}, {})", self.text(&derived.id()), inputs.join(", "))
    }

    fn derived_counted(&self, derived: &Derived, rows: &str, inputs: &[String]) -> String {
        let (function, variable) = (super::functions::COUNTED, super::seen::VARIABLE);
        // Of a variable that is not set nothing but NULL is known, not even a type.
        let which = format!("CAST(getvariable('{variable}') AS VARCHAR)");
        format!("{function}({which}, {rows}, {}, {})", self.text(&derived.id()), inputs.join(", "))
    }

    fn word_place(&self, derived: &Derived, word: &str) -> String {
        format!("{}({}, {word})", super::functions::PLACE, self.text(&derived.id()))
    }

    fn name(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn text(&self, text: &str) -> String {
        format!("'{}'", text.replace('\'', "''"))
    }

    fn type_name(&self, kind: &LogicalType) -> String {
        match kind {
            LogicalType::Text => "VARCHAR".into(),
            LogicalType::Integer { digits: 0..=9 } => "INTEGER".into(),
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

    fn can_name(&self, path: &str) -> bool {
        has_pattern(path)
    }

    fn parquet(&self, files: &[&str]) -> String {
        let list: Vec<String> = files.iter().map(|file| self.text(&pattern(file))).collect();
        // Names like `ano=2024` in a path are the lake's business, never columns.
        format!("read_parquet([{}], hive_partitioning = false)", list.join(", "))
    }

    fn of_file(&self, texts: &[&str]) -> String {
        let list: Vec<String> = texts.iter().map(|text| self.text(text)).collect();
        format!("([{}])[CAST(file_index AS BIGINT) + 1]", list.join(", "))
    }

    fn in_sample(&self, samples: &[FileSample]) -> String {
        let coefficient = |which: usize| {
            let list: Vec<String> = samples.iter().map(|sample| sample.coefficients[which].to_string()).collect();
            match list.as_slice() {
                [one] => format!("CAST({one} AS BIGINT)"),
                _ => format!("CAST(([{}])[CAST(file_index AS BIGINT) + 1] AS BIGINT)", list.join(", ")),
            }
        };
        sample_condition("file_row_number", coefficient, "")
    }

    fn not_listed(&self, list: &str, columns: &[String]) -> String {
        let names: Vec<String> = columns.iter().map(|column| self.text(column)).collect();
        let (list, names) = (self.parquet(&[list]), names.join(", "));
        format!("file_row_number NOT IN (SELECT \"row\" FROM {list} WHERE \"column\" IN ({names}))")
    }

    fn place(&self, first: usize) -> [String; 2] {
        [format!("{first} + CAST(file_index AS BIGINT)"), "file_row_number".into()]
    }

    fn placeholder(&self, value: &Scalar, kind: &LogicalType) -> (String, String) {
        match value {
            Scalar::Text(text) => ("CAST(? AS VARCHAR)".into(), text.clone()),
            Scalar::Integer(number) => {
                let narrow = i32::try_from(*number).is_ok() && matches!(kind, LogicalType::Integer { digits: 0..=9 });
                (format!("CAST(? AS {})", if narrow { "INTEGER" } else { "BIGINT" }), number.to_string())
            }
            Scalar::Decimal(digits) => {
                // As wide as the value itself: a bound with more decimals than the column must not be rounded.
                let own = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                let whole = digits.len().saturating_sub(own);
                let fits = match kind {
                    LogicalType::Decimal { precision, scale } => {
                        own <= *scale as usize && whole <= (*precision - *scale) as usize
                    }
                    _ => false,
                };
                let type_name = if fits { self.type_name(kind) } else { format!("DECIMAL(38,{})", own.min(37)) };
                (format!("CAST(? AS {type_name})"), digits.clone())
            }
            Scalar::Date(days) => ("CAST(? AS DATE)".into(), iso(*days)),
        }
    }
}

fn iso(days: i32) -> String {
    let epoch = NaiveDate::default();
    let day = match u64::try_from(days) {
        Ok(after) => epoch.checked_add_days(Days::new(after)),
        Err(_) => epoch.checked_sub_days(Days::new(u64::from(days.unsigned_abs()))),
    };
    day.unwrap_or(epoch).format("%Y-%m-%d").to_string()
}
