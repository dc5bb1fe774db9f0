//! What the caller says of a CSV, checked.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use super::refused;
use crate::base::{Error, Result, clip, text};
use crate::catalog::Grupo;
use crate::config::{CsvEncoding, CsvForm};

/// Digits of a decimal, at most.
const MOST_DIGITS: u8 = 38;

/// How a CSV is read; the default is as the file itself says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    pub(super) delimiter: Option<u8>,
    pub(super) encoding: Option<CsvEncoding>,
    /// By the column's name in upper case.
    pub(super) types: BTreeMap<String, DataType>,
}

impl Form {
    /// `name`: whose it is; `grupo`: of a declared dataset. DS-422 for what no CSV can be.
    pub(super) fn of(given: &CsvForm, name: &str, grupo: Option<&Grupo>) -> Result<Self> {
        let delimiter = given.delimiter.as_deref().map(|one| delimiter(one, name)).transpose()?;
        let mut types = BTreeMap::new();
        for (column, kind) in &given.types {
            if grupo.is_some_and(|grupo| grupo.column(column).is_some()) {
                return Err(of_the_catalogue(name, column));
            }
            let read = data_type(kind).ok_or_else(|| no_type(name, column, kind))?;
            if types.insert(column.trim().to_uppercase(), read).is_some() {
                return Err(twice(name, column));
            }
        }
        Ok(Form { delimiter, encoding: given.encoding, types })
    }

    /// What of it changes what is made of a file.
    pub(super) fn version(&self) -> String {
        if *self == Form::default() { String::new() } else { format!("{self:?}") }
    }
}

fn delimiter(given: &str, name: &str) -> Result<u8> {
    match given.as_bytes() {
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'\r' | b'\n' | 0) => {
            Ok(*byte)
        }
        _ => {
            let shown = clip(given);
            Err(refused(text!(
                "`csv.{name}.delimiter`: esperado um só sinal, por exemplo ; , | ou uma tabulação; recebido \"{shown}\"",
                "`csv.{name}.delimiter`: expected a single sign, for example ; , | or a tab; received \"{shown}\""
            ))
            .with("received", shown))
        }
    }
}

/// `text`, `integer`, `decimal(14,2)`, `date`.
fn data_type(kind: &str) -> Option<DataType> {
    match kind.trim() {
        "text" => Some(DataType::Utf8),
        "integer" => Some(DataType::Int64),
        "date" => Some(DataType::Date32),
        other => {
            let (precision, scale) = other.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
            let (precision, scale): (u8, u8) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
            let fits = (1..=MOST_DIGITS).contains(&precision) && scale <= precision;
            fits.then_some(DataType::Decimal128(precision, scale as i8))
        }
    }
}

fn no_type(name: &str, column: &str, kind: &str) -> Error {
    let (column, shown) = (clip(column), clip(kind));
    refused(text!(
        "`csv.{name}.types`: a coluna {column} não pode ser \"{shown}\"; esperado text, integer, decimal(14,2) ou date",
        "`csv.{name}.types`: column {column} cannot be \"{shown}\"; expected text, integer, decimal(14,2) or date"
    ))
    .with("received", shown)
    .with("valid_examples", vec!["text", "integer", "decimal(14,2)", "date"])
}

fn of_the_catalogue(name: &str, column: &str) -> Error {
    let column = clip(column);
    refused(text!(
        "`csv.{name}.types`: o tipo da coluna {column} é o do catálogo; tire-a daqui",
        "`csv.{name}.types`: the type of column {column} is the catalogue's; leave it out here"
    ))
    .with("received", column)
}

fn twice(name: &str, column: &str) -> Error {
    let column = clip(column);
    refused(text!(
        "`csv.{name}.types`: a coluna {column} tem dois tipos, com maiúsculas e sem; deixe um só",
        "`csv.{name}.types`: column {column} has two types, in upper case and in lower; leave one only"
    ))
    .with("received", column)
}
