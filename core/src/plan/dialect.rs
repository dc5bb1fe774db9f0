//! What differs between the engines' SQL.

use super::FileSample;
use crate::catalog::LogicalType;
use crate::params::Scalar;

/// One engine's way to write names, values, types and file lists.
pub trait Dialect {
    /// The value of a derived column, of its inputs.
    fn derived(&self, derived: &crate::labels::Derived, inputs: &[String]) -> String;
    /// The same of groups of as many rows as `rows` says, which are counted where they have no label ([`super::Statement::seen`]).
    fn derived_counted(&self, derived: &crate::labels::Derived, rows: &str, inputs: &[String]) -> String;
    /// Where a word of a derived column stands in their order.
    fn word_place(&self, derived: &crate::labels::Derived, word: &str) -> String;
    /// A name, quoted.
    fn name(&self, name: &str) -> String;
    /// A text constant: file names only; values of the user are bound.
    fn text(&self, text: &str) -> String;
    /// The type's name.
    fn type_name(&self, kind: &LogicalType) -> String;
    /// The name of a type of the user's own to which others are widened; none for those that stay as they are.
    fn own_type_name(&self, kind: &arrow::datatypes::DataType) -> Option<String>;
    /// The name of the type that a column of this one has to a statement.
    fn arrow_type_name(&self, kind: &arrow::datatypes::DataType) -> String {
        use arrow::datatypes::DataType as T;
        match kind {
            T::Utf8 | T::LargeUtf8 | T::Utf8View => "VARCHAR".into(),
            T::Dictionary(_, values) => self.arrow_type_name(values),
            T::Boolean => "BOOLEAN".into(),
            T::Int8 => "TINYINT".into(),
            T::Int16 => "SMALLINT".into(),
            T::Int32 => "INTEGER".into(),
            T::Int64 => "BIGINT".into(),
            T::UInt8 => "UTINYINT".into(),
            T::UInt16 => "USMALLINT".into(),
            T::UInt32 => "UINTEGER".into(),
            T::UInt64 => "UBIGINT".into(),
            T::Float16 | T::Float32 => "FLOAT".into(),
            T::Float64 => "DOUBLE".into(),
            T::Decimal128(precision, scale) => format!("DECIMAL({precision},{scale})"),
            T::Date32 | T::Date64 => "DATE".into(),
            T::Timestamp(_, None) => "TIMESTAMP".into(),
            T::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".into(),
            T::Time32(_) | T::Time64(_) => "TIME".into(),
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => "BLOB".into(),
            other => other.to_string().to_uppercase(),
        }
    }
    /// Whether [`Dialect::parquet`] can name the file.
    fn can_name(&self, path: &str) -> bool;
    /// A relation over Parquet files of one schema.
    fn parquet(&self, files: &[&str]) -> String;
    /// The same where rows are told apart by where they stand: with what [`Dialect::of_file`], [`Dialect::in_sample`],
    /// [`Dialect::not_listed`] and [`Dialect::place`] ask of it.
    fn numbered(&self, files: &[&str]) -> String {
        self.parquet(files)
    }
    /// Whether [`Dialect::parquet`] only names its files, which the engine opens by itself ([`View::sources`](super::View)).
    fn names_files(&self) -> bool {
        false
    }
    /// The SELECT `relation` with the columns that are made of its own.
    fn with_derived(&self, derived: &[&crate::labels::Derived], relation: &str) -> String {
        let made = derived.iter().map(|derived| {
            let inputs: Vec<String> = derived.inputs.iter().map(|input| self.name(input)).collect();
            format!("{} AS {}", self.derived(derived, &inputs), self.name(&derived.name))
        });
        format!("SELECT *, {} FROM ({relation})", made.collect::<Vec<_>>().join(", "))
    }
    /// Whether words are looked up faster for the codes of a group than for its rows.
    fn groups_by_codes(&self) -> bool {
        true
    }
    /// Whether the text begins so.
    fn starts_with(&self, text: &str, with: &str) -> String {
        format!("starts_with({text}, {with})")
    }
    /// The exact sum of a column of this type, as wide as sums are; of floats the sum of floats.
    fn sum(&self, column: &str, _kind: &LogicalType, _floats: bool) -> String {
        format!("sum({column})")
    }
    /// The mean, a float.
    fn mean(&self, column: &str, _kind: &LogicalType, _floats: bool) -> String {
        format!("avg({column})")
    }
    /// In a SELECT over [`Dialect::parquet`]: the text of the row's file, out of one for each.
    fn of_file(&self, texts: &[&str]) -> String;
    /// In a SELECT over [`Dialect::parquet`]: whether the row is in its file's sample, of one for each.
    fn in_sample(&self, samples: &[FileSample]) -> String;
    /// In a SELECT over one file of [`Dialect::parquet`]: whether the row is not in the Parquet `list` of row and column, for
    /// any of `columns`.
    fn not_listed(&self, list: &str, columns: &[String]) -> String;
    /// In a SELECT over [`Dialect::parquet`]: the row's file, counted from `first`, and its number in that file.
    fn place(&self, first: usize) -> [String; 2];
    /// The placeholder for `value` in a comparison with a column of type `kind`, and what to bind to it.
    fn placeholder(&self, value: &Scalar, kind: &LogicalType) -> (String, String);
}
