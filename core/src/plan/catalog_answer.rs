//! What the catalogue answers to `SHOW TABLES` and `DESCRIBE t`, as rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::Dialect;
use crate::base::{Error, Result};
use crate::catalog::{Catalog, Period};
use crate::params::Question;

const COLUMNS: [&str; 6] = ["column_name", "column_type", "meaning", "source", "first_year", "last_year"];

type Row<const N: usize> = [Option<String>; N];

/// One batch; the first two columns of `DESCRIBE` have the names that the engine gives them in its own answer.
pub fn catalog_answer(question: &Question, catalog: &Catalog, dialect: &dyn Dialect) -> Result<RecordBatch> {
    match question {
        Question::Tables { own } => {
            let row = |grupo: &crate::catalog::Grupo| -> Row<6> {
                let period = match grupo.period {
                    Period::Month => "month",
                    Period::Year => "year",
                };
                [
                    Some(grupo.dataset.table()),
                    Some(grupo.dataset.to_string()),
                    Some(grupo.nome.clone()),
                    Some(period.to_owned()),
                    grupo.first.map(|first| first.to_string()),
                    grupo.last.map(|last| last.to_string()),
                ]
            };
            let own = own.iter().map(|name| [Some(name.clone()), None, None, None, None, None]);
            let all = catalog.datasets().map(row).chain(own).collect();
            batch(["name", "dataset", "nome", "period", "first", "last"], all)
        }
        Question::Own { columns, .. } => {
            let row = |(name, kind): &(String, DataType)| -> Row<6> {
                [Some(name.clone()), Some(dialect.arrow_type_name(kind)), None, None, None, None]
            };
            batch(COLUMNS, columns.iter().map(row).collect())
        }
        Question::Columns { grupo, of_files } => {
            let known = grupo.columns.iter().map(|column| -> Row<6> {
                let years = |year: Option<u16>| year.map(|year| year.to_string());
                [
                    Some(column.name.clone()),
                    Some(dialect.type_name(&column.kind)),
                    column.meaning.as_ref().map(|meaning| meaning.pt.clone()),
                    column.meaning.as_ref().map(|meaning| meaning.source.clone()),
                    years(column.eras.iter().map(|era| era.first_year).min()),
                    years(column.eras.iter().map(|era| era.last_year).max()),
                ]
            });
            let others = of_files.iter().filter(|(name, _)| grupo.column(name).is_none());
            let others =
                others.map(|(name, kind)| [Some(name.clone()), Some(dialect.type_name(kind)), None, None, None, None]);
            batch(COLUMNS, known.chain(others).collect())
        }
    }
}

fn batch<const N: usize>(names: [&str; N], rows: Vec<Row<N>>) -> Result<RecordBatch> {
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let column = |at: usize| Arc::new(rows.iter().map(|row| row[at].as_deref()).collect::<StringArray>()) as ArrayRef;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), (0..N).map(column).collect()).map_err(Error::internal)
}
