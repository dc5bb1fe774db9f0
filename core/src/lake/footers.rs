//! What footers of Parquet say without being decoded: whether datasus has written the file (every one of ours says so in `created_by`,
//! which a program that reads it and writes it anew replaces by its own name), and which columns it has.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::columnar::{MOST_FOOTER, PARQUET_MARK, column_names, parse_parquet_footer};
use crate::source::folder::{FileKind, SourceFile};
use crate::store::{Location, ReadAt, Reader, State, Stores};

const TAIL: u64 = 8;
const MAGIC: &[u8] = b"PAR1";

/// Of a file; of one that cannot be read, nothing: whoever reads it will say why.
#[derive(Debug, Clone, Default)]
pub(super) struct Footer {
    pub ours: bool,
    /// The file's own names of its columns, in its order.
    pub columns: Columns,
}

pub(super) type Columns = Arc<[String]>;

/// What was read in this process.
#[derive(Debug, Default)]
pub(super) struct Footers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    of_files: HashMap<(Location, u64, i64, Option<State>), Footer>,
    /// By how a footer begins that has them: thousands of files have the same.
    columns: Vec<(Box<[u8]>, Columns)>,
}

/// Beginnings that are kept.
const MOST_BEGINNINGS: usize = 16;

impl Footers {
    /// It is read once of each version of a file.
    pub(super) fn of(&self, stores: &Stores, file: &SourceFile) -> Footer {
        if file.kind != FileKind::Parquet {
            return Footer::default();
        }
        let version = (file.location.clone(), file.size, file.mtime_ns, file.state);
        if let Some(known) = self.known().of_files.get(&version) {
            return known.clone();
        }
        let footer = read(stores, &file.location).map_or_else(Footer::default, |(footer, size)| Footer {
            ours: is_ours(&footer, size),
            columns: self.columns(&footer),
        });
        self.known().of_files.insert(version, footer.clone());
        footer
    }

    fn columns(&self, footer: &[u8]) -> Columns {
        let known = |known: &Known| {
            let (_, columns) = known.columns.iter().find(|(begins, _)| footer.starts_with(begins))?;
            Some(columns.clone())
        };
        if let Some(columns) = known(&self.known()) {
            return columns;
        }
        let Some((names, end)) = column_names(footer) else { return Columns::default() };
        let mut all = self.known();
        // Another thread may have read the same meanwhile.
        known(&all).unwrap_or_else(|| {
            let columns: Columns = names.into_iter().map(str::to_owned).collect();
            if all.columns.len() == MOST_BEGINNINGS {
                all.columns.remove(0);
            }
            all.columns.push((footer[..end].into(), columns.clone()));
            columns
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether datasus has written this file of this machine.
pub fn is_written_by_us(path: &Path) -> bool {
    read(&Stores::default(), &Location::file(path)).is_some_and(|(footer, size)| is_ours(&footer, size))
}

/// The bytes of a footer, and those of its file.
fn read(stores: &Stores, at: &Location) -> Option<(Vec<u8>, u64)> {
    look(stores.open(at).ok()?).ok().flatten()
}

fn look(object: Arc<dyn ReadAt>) -> std::io::Result<Option<(Vec<u8>, u64)>> {
    let mut file = Reader::new(object);
    let size = file.seek(SeekFrom::End(0))?;
    if size < TAIL {
        return Ok(None);
    }
    let mut tail = [0; TAIL as usize];
    file.seek(SeekFrom::Start(size - TAIL))?;
    file.read_exact(&mut tail)?;
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if &tail[4..] != MAGIC || length > MOST_FOOTER.min(size - TAIL) {
        return Ok(None);
    }
    let mut footer = vec![0; length as usize];
    file.seek(SeekFrom::Start(size - TAIL - length))?;
    file.read_exact(&mut footer)?;
    Ok(Some((footer, size)))
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
            assert_eq!((found.columns.to_vec(), found.ours), (of_month(month), month == 7), "{month}");
        }
        assert!(Arc::ptr_eq(&read(39).columns, &read(39).columns));
        write(folder.path(), 3, &["SEXO_rotulo".to_owned()], true);
        assert_eq!((read(3).columns.to_vec(), read(3).ours), (vec!["SEXO_rotulo".to_owned()], true));
        std::fs::write(folder.path().join("RDAC1504.parquet"), b"PAR1 no footer PAR1").unwrap();
        assert_eq!((read(3).columns.len(), read(3).ours), (0, false));
    }
}
