//! Rows of more pieces than may be open at once: they wait in few files, each of many keys, until the others have ended.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::keys::Key;
use crate::base::{Error, Result, create_folders};

/// Files that are open at once.
const FILES: u64 = 64;

pub(super) struct Apart<'p> {
    folder: &'p Path,
    open: BTreeMap<u64, (ArrowWriter<File>, PathBuf)>,
    done: BTreeMap<u64, Vec<PathBuf>>,
    begun: usize,
}

impl<'p> Apart<'p> {
    pub fn of(folder: &'p Path) -> Self {
        Apart { folder, open: BTreeMap::new(), done: BTreeMap::new(), begun: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.done.is_empty()
    }

    /// Those of one key stay in their order.
    pub fn add(&mut self, key: Key, rows: &RecordBatch) -> Result<()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let number = hasher.finish() % FILES;
        if !self.open.contains_key(&number) {
            self.begun += 1;
            let path = self.folder.join(format!(".apart-{}", self.begun));
            create_folders(self.folder).map_err(|error| Error::io(error, self.folder))?;
            let out = File::options().create_new(true).write(true).open(&path);
            let out = out.map_err(|error| Error::io(error, &path))?;
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            let writer = ArrowWriter::try_new(out, rows.schema(), Some(properties));
            self.open.insert(number, (writer.map_err(|error| unwritten(&path, error))?, path));
        }
        match self.open.get_mut(&number) {
            Some((writer, path)) => writer.write(rows).map_err(|error| unwritten(path, error)),
            None => Err(Error::internal("a file that was just begun is gone")),
        }
    }

    /// Bytes of what is not in the files yet.
    pub fn memory(&self) -> usize {
        self.open.values().map(|(writer, _)| writer.memory_size()).sum()
    }

    pub fn flush(&mut self) -> Result<()> {
        self.open.values_mut().try_for_each(|(writer, path)| writer.flush().map_err(|error| unwritten(path, error)))
    }

    /// Column chunks of the open files.
    pub fn flushed(&self) -> usize {
        self.open.values().flat_map(|(writer, _)| writer.flushed_row_groups()).map(|group| group.num_columns()).sum()
    }

    /// Ends the files that are open; what comes later goes to others.
    pub fn close(&mut self) -> Result<()> {
        for (number, (writer, path)) in std::mem::take(&mut self.open) {
            writer.close().map_err(|error| unwritten(&path, error))?;
            self.done.entry(number).or_default().push(path);
        }
        Ok(())
    }

    /// The files, those together that have the same keys: few enough, in most cases, to be open at once.
    pub fn take(&mut self) -> Result<Vec<Vec<PathBuf>>> {
        self.close()?;
        Ok(std::mem::take(&mut self.done).into_values().collect())
    }
}

pub(super) fn unwritten(file: &Path, error: parquet::errors::ParquetError) -> Error {
    if let parquet::errors::ParquetError::External(inner) = &error
        && let Some(io) = inner.downcast_ref::<std::io::Error>()
    {
        let number = io.raw_os_error();
        let again = number.map_or_else(|| io.kind().into(), std::io::Error::from_raw_os_error);
        return Error::io(again, file);
    }
    Error::internal(format!("{}: {error}", file.display()))
}
