//! Which columns files have, as far as headers and footers tell.

use std::collections::HashSet;

use arrow::datatypes::{DataType, SchemaRef};
use rayon::prelude::*;

use super::Lake;
use super::footers::Columns;
use crate::catalog::{DateFormat, Grupo, LogicalType};
use crate::columnar::arrow_footer;
use crate::source::folder::{FileKind, SourceFile};
use crate::source::header_columns;
use crate::store::At;

impl Lake {
    /// The columns, beyond those of the catalogue, of those of `files` that can be opened and are of the dataset, with the types that
    /// conversion gives them; one that cannot is named when it is read.
    pub fn columns_of(&self, grupo: &Grupo, files: &[SourceFile]) -> Vec<(String, LogicalType)> {
        let untyped = grupo.columns.is_empty();
        let of_headers = header_columns(&grupo.dataset, files, self.stores()).into_iter();
        let kind = |kind: LogicalType| if untyped { kind } else { LogicalType::Text };
        let of_headers = of_headers.filter(|(name, _)| grupo.column(name).is_none());
        let mut columns: Vec<(String, LogicalType)> = of_headers.map(|(name, of)| (name, kind(of))).collect();
        let of_dataset = |file: &&SourceFile| file.id.dataset == grupo.dataset && file.kind == FileKind::Parquet;
        let footers = files.par_iter().filter(of_dataset).map(|file| (file, self.footers.of(self.stores(), file)));
        let footers: Vec<_> = footers.collect();
        let mut looked_at: HashSet<*const String> = HashSet::new();
        for (file, footer) in footers.iter().filter(|(_, footer)| !footer.ours) {
            // Files of one tree share their columns as a rule.
            let shared = footer.columns.as_ref().map(|columns| columns.as_ptr());
            if shared.is_some_and(|shared| looked_at.contains(&shared)) {
                continue;
            }
            let is_new = |name: &str, columns: &[(String, LogicalType)]| {
                grupo.column(name).is_none() && !columns.iter().any(|(known, _)| known == name)
            };
            let is_known = |names: &Columns| !names.iter().any(|name| is_new(&name.to_uppercase(), &columns));
            if !footer.columns.as_ref().is_some_and(is_known) {
                // Another file with the same columns may be sound.
                let Some(schema) = self.schema_of(file) else { continue };
                for field in schema.fields() {
                    let name = field.name().to_uppercase();
                    if is_new(&name, &columns) {
                        columns.push((name, kind_of_own(field.data_type())));
                    }
                }
            }
            looked_at.extend(shared);
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
