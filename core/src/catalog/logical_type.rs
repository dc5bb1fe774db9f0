//! The four kinds of value that a column can have, the same in every year.

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

/// What a column holds, whatever its width or DBF type was in the year at hand.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogicalType {
    /// A code or free text; leading zeros are kept, trailing blanks and NULs are not, blank is NULL.
    Text,
    /// A whole number of at most `digits` digits.
    Integer {
        /// At most so many, sign aside.
        digits: u8,
    },
    /// An exact decimal, money above all; never a float.
    Decimal {
        /// All digits.
        precision: u8,
        /// Those behind the point.
        scale: u8,
    },
    /// A day; the format is the first whose length is that of the trimmed value.
    Date {
        /// The ways in which files write it.
        formats: Vec<DateFormat>,
    },
}

/// How a day is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum DateFormat {
    /// `YYYYMMDD`.
    #[serde(rename = "YYYYMMDD")]
    YearMonthDay,
    /// `DDMMYYYY`.
    #[serde(rename = "DDMMYYYY")]
    DayMonthYear,
    /// Two digits of year: the latest century that does not lie after the file's competência.
    #[serde(rename = "YYMMDD")]
    ShortYearMonthDay,
}

impl DateFormat {
    /// Characters of a value in this format.
    pub fn width(self) -> usize {
        match self {
            DateFormat::YearMonthDay | DateFormat::DayMonthYear => 8,
            DateFormat::ShortYearMonthDay => 6,
        }
    }
}

impl LogicalType {
    /// True or false, as 1 or 0: of the user's own columns alone.
    pub const FLAG: LogicalType = LogicalType::Integer { digits: 0 };

    /// The Arrow type of the column, in the lake and in answers.
    pub fn arrow(&self) -> DataType {
        match self {
            LogicalType::Text => DataType::Utf8,
            LogicalType::Integer { digits: 0..=9 } => DataType::Int32,
            LogicalType::Integer { .. } => DataType::Int64,
            LogicalType::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale as i8),
            LogicalType::Date { .. } => DataType::Date32,
        }
    }
}
