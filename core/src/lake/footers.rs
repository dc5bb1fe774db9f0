//! What footers of Parquet say without being decoded: whether datasus has written the file (every one of ours says so in `created_by`,
//! which a program that reads it and writes it anew replaces by its own name), and which columns it has.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::base::{Error, Result};
use crate::columnar::{PARQUET_MARK, column_names, footer_bytes, parse_parquet_footer};
use crate::source::folder::{FileKind, SourceFile};
use crate::store::{At, Location, State, Stores};

/// Of a file; of one that cannot be read, nothing: whoever reads it will say why.
#[derive(Debug, Clone, Default)]
pub(super) struct Footer {
    pub ours: bool,
    /// The file's own names of its columns, in its order; none where only decoding tells.
    pub columns: Option<Columns>,
}

pub(super) type Columns = Arc<[String]>;
type Version = (u64, i64, Option<State>);

/// What was read in this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Footers(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    of_files: HashMap<Location, (Version, Footer)>,
    /// By how a footer begins that has them, what was used last at the end: thousands of files have the same.
    columns: Vec<(Box<[u8]>, Columns)>,
}

/// Files that are kept; beyond it starts anew.
const MOST_FILES: usize = 50_000;
/// Beginnings that are kept.
const MOST_BEGINNINGS: usize = 16;

impl Known {
    fn columns(&mut self, footer: &[u8]) -> Option<Columns> {
        let at = self.columns.iter().rposition(|(begins, _)| footer.starts_with(begins))?;
        let used = self.columns.remove(at);
        let columns = used.1.clone();
        self.columns.push(used);
        Some(columns)
    }
}

impl Footers {
    /// It is read once of each version of a file, where its store answers.
    pub(super) fn of(&self, stores: &Stores, file: &SourceFile) -> Footer {
        if file.kind != FileKind::Parquet {
            return Footer::default();
        }
        let version = (file.size, file.mtime_ns, file.state);
        if let Some((_, footer)) = self.known().of_files.get(&file.location).filter(|(known, _)| *known == version) {
            return footer.clone();
        }
        let Ok(read) = read(stores, &file.location) else { return Footer::default() };
        let footer = read.map_or_else(Footer::default, |(footer, size)| Footer {
            ours: is_ours(&footer, size),
            columns: self.columns(&footer),
        });
        let mut known = self.known();
        if known.of_files.len() >= MOST_FILES {
            known.of_files.clear();
        }
        known.of_files.insert(file.location.clone(), (version, footer.clone()));
        footer
    }

    /// Memory is scarce.
    pub(super) fn forget(&self) {
        *self.known() = Known::default();
    }

    fn columns(&self, footer: &[u8]) -> Option<Columns> {
        if let Some(columns) = self.known().columns(footer) {
            return Some(columns);
        }
        let (names, end) = column_names(footer)?;
        let mut known = self.known();
        // Another thread may have read the same meanwhile.
        if let Some(columns) = known.columns(footer) {
            return Some(columns);
        }
        let columns: Columns = names.into_iter().map(str::to_owned).collect();
        if known.columns.len() == MOST_BEGINNINGS {
            known.columns.remove(0);
        }
        known.columns.push((footer[..end].into(), columns.clone()));
        Some(columns)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether datasus has written this file of this machine.
pub fn is_written_by_us(path: &Path) -> bool {
    matches!(read(&Stores::default(), &Location::file(path)), Ok(Some((footer, size))) if is_ours(&footer, size))
}

/// The bytes of a footer, and how many its file has; none where it is no Parquet.
fn read(stores: &Stores, at: &Location) -> Result<Option<(Bytes, u64)>> {
    match footer_bytes(&At::of(stores.open(at)?)) {
        Ok(found) => Ok(Some(found)),
        // What is wrong with the file is said by whoever reads it.
        Err(error) => Error::within(&error).map_or(Ok(None), Err),
    }
}

fn is_ours(footer: &[u8], size: u64) -> bool {
    // Decoding a footer takes far longer than looking for a word that almost none has.
    memchr::memmem::find(footer, PARQUET_MARK.as_bytes()).is_some()
        && parse_parquet_footer(footer, size)
            .is_ok_and(|footer| footer.file_metadata().created_by().is_some_and(|by| by.starts_with(PARQUET_MARK)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::catalog::Catalog;
    use crate::columnar::parquet_properties;
    use crate::source::folder::Folder;

    /// A month of admissions with these columns.
    fn write(folder: &Path, month: usize, columns: &[String], ours: bool) {
        let numbers = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
        let batch = RecordBatch::try_from_iter(columns.iter().map(|name| (name, numbers()))).unwrap();
        let (year, month) = (15 + month / 12, month % 12 + 1);
        let file = std::fs::File::create(folder.join(format!("RDAC{year}{month:02}.parquet"))).unwrap();
        let properties = ours.then(|| parquet_properties().build());
        let mut writer = ArrowWriter::try_new(file, batch.schema(), properties).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    #[test]
    fn each_file_has_its_own_columns_and_a_file_that_was_written_anew_is_read_anew() {
        let (folder, footers, stores) = (tempfile::tempdir().unwrap(), Footers::default(), Stores::default());
        let of_month = |month: usize| -> Vec<String> {
            // More beginnings than are kept, and one that begins as another does.
            (0..=month % 20).map(|number| format!("c{number}")).collect()
        };
        (0..40).for_each(|month| write(folder.path(), month, &of_month(month), month == 7));
        let read = |month: usize| {
            let listing = Folder::scan(folder.path(), Catalog::builtin()).unwrap();
            footers.of(&stores, &listing.files[month])
        };
        for month in (0..40).chain([3, 39]) {
            let found = read(month);
            assert_eq!((found.columns.unwrap().to_vec(), found.ours), (of_month(month), month == 7), "{month}");
        }
        write(folder.path(), 40, &of_month(39), false);
        assert!(Arc::ptr_eq(&read(39).columns.unwrap(), &read(40).columns.unwrap()), "of one beginning");
        write(folder.path(), 3, &["SEXO_rotulo".to_owned()], true);
        assert_eq!((read(3).columns.unwrap().to_vec(), read(3).ours), (vec!["SEXO_rotulo".to_owned()], true));
        std::fs::write(folder.path().join("RDAC1504.parquet"), b"PAR1 no footer PAR1").unwrap();
        assert_eq!((read(3).columns, read(3).ours), (None, false));
        footers.forget();
        assert_eq!(read(4).columns.unwrap().to_vec(), of_month(4));
    }
}
