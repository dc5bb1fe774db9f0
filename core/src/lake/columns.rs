//! Which columns files have, as far as headers and footers tell.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

use super::Lake;
use crate::catalog::{DateFormat, Grupo, LogicalType};
use crate::columnar::{arrow_footer, footer_text};
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
        let of_dataset = files.iter().filter(|file| file.id.dataset == grupo.dataset);
        for file in of_dataset.filter(|file| file.kind == FileKind::Parquet && !self.is_ours(file)) {
            for (name, kind) in self.footer_columns(file).unwrap_or_default() {
                if !columns.iter().any(|(known, _)| *known == name) {
                    columns.push((name, kind));
                }
            }
        }
        columns
    }

    /// Those of `files` that may have a column of this name, in any case: a Parquet has it only where its footer has its letters, and
    /// looking for them takes a tenth of the time of parsing it.
    pub fn naming(&self, mut files: Vec<SourceFile>, name: &str) -> Vec<SourceFile> {
        files.retain(|file| file.kind != FileKind::Parquet || (!self.is_ours(file) && self.may_name(file, name)));
        files
    }

    fn may_name(&self, file: &SourceFile, name: &str) -> bool {
        let footer = self.stores().open(&file.location).ok().and_then(|object| footer_text(&At::of(object)).ok());
        // One that cannot be read is told of by whoever reads it.
        footer.is_none_or(|footer| has_in_any_case(&footer, name.as_bytes()))
    }

    fn footer_columns(&self, file: &SourceFile) -> Option<Vec<(String, LogicalType)>> {
        let footer = arrow_footer(&At::of(self.stores().open(&file.location).ok()?)).ok()?;
        let column = |field: &Arc<Field>| (field.name().to_uppercase(), kind_of_own(field.data_type()));
        Some(footer.schema().fields().iter().map(column).collect())
    }
}

fn has_in_any_case(text: &[u8], name: &[u8]) -> bool {
    let Some(first) = name.first() else { return true };
    let begins = memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text);
    begins.filter_map(|at| text.get(at..at + name.len())).any(|found| found.eq_ignore_ascii_case(name))
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
