//! Types that hold text.

use arrow::datatypes::DataType;

/// True for text, however it is held: an engine reads all of it as plain text.
pub fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => values.is_string(),
        kind => kind.is_string(),
    }
}

/// The type of texts behind a dictionary.
pub fn dictionary_type() -> DataType {
    DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into())
}
