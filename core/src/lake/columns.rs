//! Which columns files have, as far as headers and footers tell.

use arrow::datatypes::{DataType, SchemaRef};
use rayon::prelude::*;

use super::Lake;
use crate::catalog::{DateFormat, Grupo, LogicalType};
use crate::columnar::arrow_footer;
use crate::source::folder::{FileKind, SourceFile};
use crate::source::header_columns;
use crate::store::At;

impl Lake {
    /// The columns of those of `files` that can be opened and are of the dataset, with the types that conversion gives them; one
    /// that cannot is named when it is read.
    pub fn columns_of(&self, grupo: &Grupo, files: &[SourceFile]) -> Vec<(String, LogicalType)> {
        let untyped = grupo.columns.is_empty();
        let of_headers = header_columns(&grupo.dataset, files, self.stores()).into_iter();
        let kind = |kind: LogicalType| if untyped { kind } else { LogicalType::Text };
        let mut columns: Vec<(String, LogicalType)> = of_headers.map(|(name, of)| (name, kind(of))).collect();
        let of_dataset = |file: &&SourceFile| file.id.dataset == grupo.dataset && file.kind == FileKind::Parquet;
        let looked_at = files.par_iter().filter(of_dataset).filter(|file| !self.is_ours(file));
        let of_footers: Vec<SchemaRef> = looked_at.filter_map(|file| self.schema_of(file)).collect();
        let mut last = None;
        for schema in &of_footers {
            // Files of one tree have the same columns as a rule.
            if last.replace(schema).is_some_and(|last| last.fields() == schema.fields()) {
                continue;
            }
            for field in schema.fields() {
                let name = field.name().to_uppercase();
                if !columns.iter().any(|(known, _)| *known == name) {
                    columns.push((name, kind_of_own(field.data_type())));
                }
            }
        }
        columns
    }

    fn schema_of(&self, file: &SourceFile) -> Option<SchemaRef> {
        let footer = arrow_footer(&At::of(self.stores().open(&file.location).ok()?)).ok()?;
        Some(footer.schema().clone())
    }
}

/// How a condition on such a column is read.
pub fn kind_of_own(own: &DataType) -> LogicalType {
    match own {
        DataType::Dictionary(_, values) => kind_of_own(values),
        DataType::Boolean => LogicalType::FLAG,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
            LogicalType::Integer { digits: 9 }
        }
        own if own.is_integer() => LogicalType::Integer { digits: 18 },
        // Compared as the float that the number stands for.
        own if own.is_floating() => LogicalType::Decimal { precision: 38, scale: 10 },
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            LogicalType::Decimal { precision: *precision, scale: scale.unsigned_abs() }
        }
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            LogicalType::Date { formats: vec![DateFormat::YearMonthDay] }
        }
        _ => LogicalType::Text,
    }
}
