//! Columns that the catalogue does not know, typed by the headers of every file of their dataset.
//!
//! What a query's own files say is not enough: the same query of another month would have other types. So the headers of all
//! files of the dataset in the source are read (32 bytes and the fields' descriptors, once per version of a file in a process),
//! and each column has the narrowest type that holds it in all of them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::dbc::{Field, ReadOptions, RecordFile};
use super::folder::{FileKind, SourceFile};
use crate::catalog::{Dataset, DateFormat, LogicalType, is_code_name};
use crate::store::{Location, State, Stores};

/// Name, in upper case, and type.
pub type HeaderColumn = (String, LogicalType);

/// Headers that a process keeps; beyond it starts anew.
const KEPT: usize = 50_000;
/// Digits that fit 64 bits, whatever they are.
const INTEGER_DIGITS: u8 = 18;
const DECIMAL_DIGITS: u8 = 38;

type Version = (u64, i64, Option<State>);
type Columns = Arc<Vec<HeaderColumn>>;

/// Headers that were read, by file; those of one layout share it.
#[derive(Default)]
struct Headers {
    of_files: HashMap<Location, (Version, Columns)>,
    layouts: HashSet<Columns>,
}

/// The columns of the DBC and DBF files of `dataset` among `files`, in the order in which they are first met. A file whose
/// header cannot be read has no say; whoever reads it is told.
pub fn header_columns(dataset: &Dataset, files: &[SourceFile], stores: &Stores) -> Vec<HeaderColumn> {
    let mut columns: Vec<HeaderColumn> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut met: HashSet<*const Vec<HeaderColumn>> = HashSet::new();
    for file in files.iter().filter(|file| file.id.dataset == *dataset && file.kind != FileKind::Parquet) {
        let layout = of_file(file, stores);
        // Thousands of files have few layouts.
        if !met.insert(Arc::as_ptr(&layout)) {
            continue;
        }
        for (name, kind) in layout.iter() {
            match places.get(name) {
                Some(&place) => columns[place].1 = wider(&columns[place].1, kind),
                None => {
                    places.insert(name.clone(), columns.len());
                    columns.push((name.clone(), kind.clone()));
                }
            }
        }
    }
    columns
}

fn of_file(file: &SourceFile, stores: &Stores) -> Columns {
    static HEADERS: OnceLock<Mutex<Headers>> = OnceLock::new();
    let headers = || HEADERS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let version = (file.size, file.mtime_ns, file.state);
    if let Some((_, columns)) = headers().of_files.get(&file.location).filter(|(known, _)| *known == version) {
        return columns.clone();
    }
    let opened = RecordFile::open_in(stores, &file.location, &ReadOptions::default());
    let Ok(open) = opened else { return unread() };
    let fields = open.header().fields.iter().filter(|field| field.is_column());
    let columns: Columns = Arc::new(fields.map(|field| (field.name.clone(), type_of(field))).collect());
    let mut headers = headers();
    if headers.of_files.len() >= KEPT {
        *headers = Headers::default();
    }
    let columns = headers.layouts.get(&columns).cloned().unwrap_or(columns);
    headers.layouts.insert(columns.clone());
    headers.of_files.insert(file.location.clone(), (version, columns.clone()));
    columns
}

/// Of a file whose header cannot be read; one for all, since layouts are told apart by where they lie.
fn unread() -> Columns {
    static NONE: OnceLock<Columns> = OnceLock::new();
    NONE.get_or_init(Columns::default).clone()
}

/// The type that a field's descriptor tells. A code stays text; so do L (`T`, `F`, `?` as they stand), moments, and doubles,
/// which no exact type holds.
pub fn type_of(field: &Field) -> LogicalType {
    if is_code_name(&field.name) {
        return LogicalType::Text;
    }
    let width = u8::try_from(field.width).unwrap_or(u8::MAX);
    match (field.dbf_type, field.decimals) {
        (b'D', _) => LogicalType::Date { formats: vec![DateFormat::YearMonthDay] },
        (b'N' | b'F', 0) if width <= INTEGER_DIGITS => LogicalType::Integer { digits: width },
        (b'N' | b'F', scale) if width <= DECIMAL_DIGITS && scale < width => {
            LogicalType::Decimal { precision: width, scale }
        }
        (b'I' | b'+', _) => LogicalType::Integer { digits: 10 },
        (b'Y', _) => LogicalType::Decimal { precision: 19, scale: 4 },
        _ => LogicalType::Text,
    }
}

/// The narrowest type that holds the values of both, without a digit lost.
pub fn wider(a: &LogicalType, b: &LogicalType) -> LogicalType {
    use LogicalType::{Decimal, Integer, Text};
    match (a, b) {
        (Integer { digits: a }, Integer { digits: b }) => Integer { digits: *a.max(b) },
        (Integer { .. } | Decimal { .. }, Integer { .. } | Decimal { .. }) => {
            let parts = |kind: &LogicalType| match kind {
                Decimal { precision, scale } => (precision - scale, *scale),
                Integer { digits } => (*digits, 0),
                _ => (0, 0),
            };
            let ((whole_a, scale_a), (whole_b, scale_b)) = (parts(a), parts(b));
            let scale = scale_a.max(scale_b);
            match whole_a.max(whole_b).checked_add(scale) {
                Some(precision @ ..=DECIMAL_DIGITS) => Decimal { precision, scale },
                _ => Text,
            }
        }
        (a, b) if a == b => a.clone(),
        _ => Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wider_type_holds_both_and_text_holds_what_nothing_else_does() {
        let integer = |digits| LogicalType::Integer { digits };
        let decimal = |precision, scale| LogicalType::Decimal { precision, scale };
        let date = || LogicalType::Date { formats: vec![DateFormat::YearMonthDay] };
        for (a, b, expected) in [
            (integer(3), integer(10), integer(10)),
            (integer(3), decimal(8, 2), decimal(8, 2)),
            (integer(9), decimal(8, 2), decimal(11, 2)),
            (decimal(8, 2), decimal(8, 4), decimal(10, 4)),
            (decimal(38, 0), decimal(8, 2), LogicalType::Text),
            (date(), date(), date()),
            (date(), integer(8), LogicalType::Text),
            (LogicalType::Text, integer(8), LogicalType::Text),
        ] {
            assert_eq!(wider(&a, &b), expected, "{a:?} {b:?}");
            assert_eq!(wider(&b, &a), expected, "{b:?} {a:?}");
        }
    }
}
