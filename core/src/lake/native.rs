//! The user's own Parquet, read in place.

use std::fs::File;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::file::fingerprint;
use super::{LakeFile, Provenance, RowGroup};
use crate::base::{Code, Error, Result, text};
use crate::source::folder::SourceFile;

pub(super) fn open(file: &SourceFile) -> Result<LakeFile> {
    let handle = File::open(&file.path).map_err(|e| Error::io(e, &file.path))?;
    let metadata = ArrowReaderMetadata::load(&handle, ArrowReaderOptions::default()).map_err(|error| {
        let path = file.path.display();
        Error::new(
            Code::DamagedFile,
            text!(
                "O Parquet {path} está danificado; grave-o de novo com o programa que o fez",
                "The Parquet {path} is damaged: {error}. Write it again with the program that made it"
            ),
        )
        .with("reader_message", error.to_string())
        .with("cause", "bad_parquet")
        .file(path.to_string())
        .offset(file.size)
    })?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let row_groups: Vec<RowGroup> = (metadata.metadata().row_groups().iter())
        .map(|group| RowGroup { rows: count(group.num_rows()), bytes: count(group.compressed_size()) })
        .collect();
    let rows = row_groups.iter().map(|group| group.rows).sum();
    let path = std::path::absolute(&file.path).map_err(|e| Error::io(e, &file.path))?;
    Ok(LakeFile {
        id: file.id.clone(),
        path,
        rows,
        bytes: file.size,
        row_groups,
        schema: metadata.schema().clone(),
        fingerprint: fingerprint(metadata.schema()),
        source: Provenance {
            file: file.name(),
            size: file.size,
            mtime_ns: file.mtime_ns,
            sha256: None,
            digest: None,
            rows,
            rows_deleted: 0,
            rows_unflagged: 0,
            rows_declared: None,
            bytes_left_over: 0,
            rows_rejected: 0,
            rejected: Vec::new(),
            crc: "absent".into(),
            converter: 0,
            bad_values: Vec::new(),
            normalised: Vec::new(),
            warnings: Vec::new(),
        },
        native_parquet: true,
        sha256: None,
    })
}
