//! PostgreSQL's types as the COPY needs them.

use ::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};

/// The type of a column of the target: its OID and modifier, as `pg_attribute` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// PostgreSQL's number of the type.
    pub oid: u32,
    /// -1: none.
    pub typmod: i32,
}

pub(super) const BOOL: u32 = 16;
pub(super) const BYTEA: u32 = 17;
pub(super) const INT8: u32 = 20;
pub(super) const INT2: u32 = 21;
pub(super) const INT4: u32 = 23;
pub(super) const TEXT: u32 = 25;
pub(super) const FLOAT4: u32 = 700;
pub(super) const FLOAT8: u32 = 701;
pub(super) const BPCHAR: u32 = 1042;
pub(super) const VARCHAR: u32 = 1043;
pub(super) const DATE: u32 = 1082;
pub(super) const TIME: u32 = 1083;
pub(super) const TIMESTAMP: u32 = 1114;
pub(super) const TIMESTAMPTZ: u32 = 1184;
pub(super) const INTERVAL: u32 = 1186;
pub(super) const NUMERIC: u32 = 1700;

/// Modifiers count from four.
const TYPMOD_OFFSET: i32 = 4;

impl Target {
    pub(super) const fn plain(oid: u32) -> Self {
        Target { oid, typmod: -1 }
    }

    /// Precision and scale of a NUMERIC, where it has them.
    pub(super) fn numeric_limits(&self) -> Option<(u32, i32)> {
        if self.oid != NUMERIC || self.typmod < TYPMOD_OFFSET {
            return None;
        }
        let bits = (self.typmod - TYPMOD_OFFSET) as u32;
        // PostgreSQL 15 allows negative scales, in 11 bits.
        let scale = (bits & 0x7ff) as i32;
        Some(((bits >> 16) & 0xffff, (scale ^ 1024) - 1024))
    }

    /// Characters of a VARCHAR or CHAR, where it is limited.
    pub(super) fn characters(&self) -> Option<usize> {
        let limited = [VARCHAR, BPCHAR].contains(&self.oid) && self.typmod >= TYPMOD_OFFSET;
        limited.then(|| (self.typmod - TYPMOD_OFFSET) as usize)
    }
}

/// The type that holds every value of `kind` exactly, as SQL and as a target; none for lists, structs and maps.
pub fn sql_type(kind: &DataType) -> Option<(String, Target)> {
    let (sql, oid) = match kind {
        DataType::Boolean => ("boolean", BOOL),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => ("smallint", INT2),
        DataType::Int32 | DataType::UInt16 => ("integer", INT4),
        DataType::Int64 | DataType::UInt32 => ("bigint", INT8),
        DataType::UInt64 => return Some(numeric(20, 0)),
        DataType::Float32 => ("real", FLOAT4),
        DataType::Float64 => ("double precision", FLOAT8),
        // DuckDB's 128-bit integers come under this name, and have 39 digits.
        DataType::Decimal128(38, 0) => return Some(numeric(39, 0)),
        DataType::Decimal128(precision, scale @ 0..) => return Some(numeric(*precision, *scale)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => ("text", TEXT),
        DataType::Dictionary(_, values) => return sql_type(values),
        DataType::Date32 => ("date", DATE),
        DataType::Timestamp(_, None) => ("timestamp", TIMESTAMP),
        DataType::Timestamp(_, Some(_)) => ("timestamptz", TIMESTAMPTZ),
        DataType::Time32(TimeUnit::Second | TimeUnit::Millisecond)
        | DataType::Time64(TimeUnit::Microsecond | TimeUnit::Nanosecond) => ("time", TIME),
        DataType::Interval(IntervalUnit::MonthDayNano | IntervalUnit::YearMonth | IntervalUnit::DayTime) => {
            ("interval", INTERVAL)
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ("bytea", BYTEA)
        }
        _ => return None,
    };
    Some((sql.to_owned(), Target::plain(oid)))
}

fn numeric(precision: u8, scale: i8) -> (String, Target) {
    let typmod = ((i32::from(precision) << 16) | i32::from(scale)) + TYPMOD_OFFSET;
    (format!("numeric({precision},{scale})"), Target { oid: NUMERIC, typmod })
}
