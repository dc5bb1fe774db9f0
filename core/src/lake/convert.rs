//! One source file to one object: typed by the catalogue, streamed, and published only when its CRC was right.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::EnabledStatistics;
use sha2::{Digest, Sha256};

use super::made::suffix;
use super::provenance::KEY;
use super::record::Record;
use super::{ConvertOptions, LakeFile, Provenance, RowDigest, RowGroup};
use crate::base::{Ctx, Error, ParquetColumns, Result, WholeFile, parquet_properties};
use crate::catalog::{Catalog, LogicalType};
use crate::source::dbc::{Layout, OutputColumn, ReadOptions, RecordFile};
use crate::source::folder::{SourceFile, stamp};

/// Raised with each change of what an object holds; older objects are then converted anew.
pub const CONVERTER_VERSION: u32 = 3;

const BATCH_ROWS: usize = 16 << 10;

/// The source's name without extension, in upper case.
pub(super) fn stem(file: &SourceFile) -> String {
    file.path.file_stem().map(|stem| stem.to_string_lossy().to_uppercase()).unwrap_or_default()
}

pub(super) fn convert(
    file: &SourceFile,
    folder: &Path,
    catalog: &Catalog,
    options: &ConvertOptions,
    ctx: &Ctx,
) -> Result<LakeFile> {
    let read = ReadOptions {
        verify_crc: options.verify_crc,
        encoding: options.encoding,
        partial: options.partial,
        ..Default::default()
    };
    let source = RecordFile::open(&file.path, &read)?;
    let warnings = source.warnings().to_vec();
    let columns = columns(&source, file, catalog, options);
    let layout = Layout {
        columns: columns.clone(),
        batch_rows: BATCH_ROWS,
        filter: None,
        reference_year: file.id.competencia.ano(),
    };
    let mut batches = source.batches(layout)?.cancel_with(ctx.cancel.clone());

    // The name needs the source's hash, which is known at the end: the object gets it when it is renamed.
    let pending = folder.join(format!("{}-c{CONVERTER_VERSION}.parquet", stem(file)));
    let out = Hashing { file: WholeFile::create(&pending)?, sha256: Sha256::new(), bytes: 0, failed: Arc::default() };
    let failed = out.failed.clone();
    let fail = |error: ParquetError| write_error(error, &failed, &pending);
    let level = ZstdLevel::try_new(options.zstd).map_err(Error::internal)?;
    let properties = parquet_properties()
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .build();
    let mut writer =
        ParquetColumns::create(out, batches.schema(), properties, options.row_group_rows, usize::MAX).map_err(fail)?;
    let mut digest = RowDigest::new(&batches.schema());
    let mut batch = batches.next();
    let mut told = 0;
    while let Some(decoded) = batch.transpose()? {
        // The next batch is decoded while this one is encoded.
        let mut encode = || {
            digest.add(&decoded)?;
            writer.write(&decoded).map_err(|e| write_error(e, &failed, &pending))
        };
        let (written, next) = rayon::join(&mut encode, || batches.next());
        written?;
        batch = next;
        ctx.progress.add_bytes(batches.bytes_read() - told);
        told = batches.bytes_read();
    }
    ctx.progress.add_bytes(batches.bytes_read() - told);
    let summary = batches.summary();
    if stamp(&file.path)? != (file.size, file.mtime_ns) {
        return Err(changed(file));
    }
    let provenance = Provenance {
        file: file.name(),
        size: file.size,
        mtime_ns: file.mtime_ns,
        sha256: Some(summary.source_sha256.clone()),
        digest: Some(digest.finish()),
        rows: summary.rows_kept,
        rows_deleted: summary.rows_deleted,
        rows_unflagged: summary.rows_unflagged,
        rows_declared: Some(summary.rows_declared),
        bytes_left_over: summary.bytes_left_over,
        rows_rejected: summary.rows_rejected,
        rejected: summary.rejected,
        crc: summary.crc.to_string(),
        converter: CONVERTER_VERSION,
        bad_values: summary.bad_values,
        normalised: summary.normalised,
        warnings,
    };
    let json = serde_json::to_string(&provenance).map_err(Error::internal)?;
    writer.append_key_value_metadata(KeyValue::new(KEY.to_owned(), json));
    writer.flush().map_err(|e| write_error(e, &failed, &pending))?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let row_groups = (writer.flushed_row_groups().iter())
        .map(|group| RowGroup { rows: count(group.num_rows()), bytes: count(group.compressed_size()) })
        .collect();
    let out = writer.into_inner().map_err(|e| write_error(e, &failed, &pending))?;
    let short = summary.source_sha256.get(..12).unwrap_or_default();
    let suffix = suffix(&file.id.dataset, options, summary.rows_read < summary.rows_declared);
    let object = folder.join(format!("{}-{short}{suffix}", stem(file)));
    let record = Record {
        provenance,
        columns: columns.into_iter().map(|column| (column.name, column.kind)).collect(),
        row_groups,
        bytes: out.bytes,
        sha256: hex::encode(out.sha256.finalize()),
    };
    out.file.publish_as(&object)?;
    record.publish(&object)?;
    Ok(record.lake_file(file, object))
}

/// Every column of the file, in its order, with the form that its codes had in the file's time; what neither the catalogue nor
/// the headers of the dataset's files type is text.
fn columns(source: &RecordFile, file: &SourceFile, catalog: &Catalog, options: &ConvertOptions) -> Vec<OutputColumn> {
    let grupo = catalog.dataset(&file.id.dataset.to_string());
    let of_headers = options.header_columns.get(&file.id.dataset).map(Vec::as_slice).unwrap_or_default();
    let of_header = |name: &str| of_headers.iter().find(|(of, _)| of == name).map(|(_, kind)| kind.clone());
    let fields = source.header().fields.iter().enumerate().filter(|(_, of)| of.is_column());
    fields
        .map(|(field, of)| {
            let known = grupo.and_then(|grupo| grupo.column(&of.name));
            OutputColumn {
                field,
                name: of.name.clone(),
                kind: known
                    .map(|column| column.kind.clone())
                    .or_else(|| of_header(&of.name))
                    .unwrap_or(LogicalType::Text),
                form: known.and_then(|column| column.form_at(file.id.competencia)),
            }
        })
        .collect()
}

fn changed(file: &SourceFile) -> Error {
    let path = file.path.display();
    Error::new(
        crate::base::Code::Unreachable,
        crate::base::text!(
            "{path} mudou durante a conversão; repita",
            "{path} changed while it was converted; try again"
        ),
    )
    .file(path.to_string())
}

fn write_error(error: ParquetError, failed: &Mutex<Option<io::Error>>, path: &Path) -> Error {
    match failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(cause) => Error::io(cause, path),
        None => Error::internal(format!("parquet: {error}")),
    }
}

/// Hashes what is written, and keeps the system's own error, which the Parquet writer turns into text.
struct Hashing {
    file: WholeFile,
    sha256: Sha256,
    bytes: u64,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write(bytes) {
            Ok(written) => {
                self.sha256.update(&bytes[..written]);
                self.bytes += written as u64;
                Ok(written)
            }
            Err(error) => {
                let kind = error.kind();
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
