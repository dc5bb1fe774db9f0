//! Rows on disk, for a reader that has stopped to read.

use std::fs::File;
use std::io::Cursor;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use crate::base::{Code, Error, Result, text};
use crate::governor::SpillFolder;

const FILE: &str = "rows";

/// A file in a spill folder of its own: gone with it, however the process ends.
pub(super) struct Aside {
    folder: SpillFolder,
    file: File,
    path: PathBuf,
    bytes: u64,
}

/// Where a batch lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    at: u64,
    length: usize,
    crc: u32,
}

impl Aside {
    /// DS-507 where the disk has no room for it.
    pub fn create(root: &Path, limit: u64) -> Result<Self> {
        let folder = SpillFolder::create(root, limit)?;
        let path = folder.path().join(FILE);
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        let file = options.open(&path).map_err(|error| Error::io(error, &path).stage("spill"))?;
        Ok(Aside { folder, file, path, bytes: 0 })
    }

    pub fn append(&mut self, batch: &RecordBatch) -> Result<Record> {
        let bytes = encoded(batch).map_err(Error::internal)?;
        if self.bytes + bytes.len() as u64 > self.folder.quota() {
            return Err(self.is_full());
        }
        self.folder.check()?;
        let failed = |error| Error::io(error, &self.path).stage("spill");
        self.file.write_all_at(&bytes, self.bytes).map_err(failed)?;
        let record = Record { at: self.bytes, length: bytes.len(), crc: crc32fast::hash(&bytes) };
        self.bytes += bytes.len() as u64;
        Ok(record)
    }

    pub fn read(&self, record: &Record) -> Result<RecordBatch> {
        let mut bytes = vec![0; record.length];
        self.file.read_exact_at(&mut bytes, record.at).map_err(|error| Error::io(error, &self.path).stage("spill"))?;
        if crc32fast::hash(&bytes) != record.crc {
            return Err(self.is_damaged());
        }
        let mut reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(Error::internal)?;
        let batch = reader.next().ok_or_else(|| Error::internal("a batch on disk has no rows"))?;
        batch.map_err(Error::internal)
    }

    fn is_full(&self) -> Error {
        let quota = self.folder.quota();
        Error::new(
            Code::DiskFull,
            text!(
                "O espaço reservado para dados temporários acabou ({quota} bytes). Aumente `spill_limit` ou leia o fluxo mais depressa",
                "The space for temporary data is used up ({quota} bytes). Raise `spill_limit` or read the stream faster"
            ),
        )
        .with("limit", quota)
        .stage("spill")
    }

    fn is_damaged(&self) -> Error {
        let shown = self.path.display();
        Error::new(
            Code::DamagedFile,
            text!(
                "Os dados temporários em {shown} mudaram; repita a consulta",
                "The temporary data in {shown} changed; run the query again"
            ),
        )
        .file(shown.to_string())
        .stage("spill")
    }
}

fn encoded(batch: &RecordBatch) -> std::result::Result<Vec<u8>, arrow::error::ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(batch)?;
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array, IntervalMonthDayNanoArray, ListArray, StringArray};
    use arrow::datatypes::{Int32Type, IntervalMonthDayNano};

    use super::*;

    #[test]
    fn batches_come_back_as_they_were_in_any_order_and_the_folder_goes() {
        let root = tempfile::tempdir().unwrap();
        let lists = [Some(vec![Some(1), None]), None, Some(vec![])];
        let columns: [(&str, ArrayRef); 4] = [
            ("text", Arc::new(StringArray::from(vec![Some("ã"), None, Some("")]))),
            ("money", Arc::new(Decimal128Array::from(vec![1, 2, 3]).with_precision_and_scale(38, 2).unwrap())),
            ("span", Arc::new(IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(1, 2, 3); 3]))),
            ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, of)| (name, of, true))).unwrap();
        let mut aside = Aside::create(root.path(), 1 << 20).unwrap();
        let records = [aside.append(&batch).unwrap(), aside.append(&batch.slice(1, 2)).unwrap()];
        assert_eq!(aside.read(&records[1]).unwrap(), batch.slice(1, 2));
        assert_eq!(aside.read(&records[0]).unwrap(), batch);
        aside.file.write_all_at(b"x", records[1].at + records[1].length as u64 - 20).unwrap();
        assert_eq!(aside.read(&records[1]).unwrap_err().code(), Code::DamagedFile);
        drop(aside);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_would_go_beyond_the_limit_is_not_written() {
        let root = tempfile::tempdir().unwrap();
        let column: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(1_000)]));
        let batch = RecordBatch::try_from_iter([("t", column)]).unwrap();
        let mut aside = Aside::create(root.path(), 3_000).unwrap();
        aside.append(&batch).unwrap();
        assert_eq!(aside.append(&batch).and_then(|_| aside.append(&batch)).unwrap_err().code(), Code::DiskFull);
    }
}
