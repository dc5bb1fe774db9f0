//! One source file to one object: typed by the catalogue, streamed, and published only when its CRC was right.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::EnabledStatistics;
use sha2::{Digest, Sha256};

use super::bad_cells::BadCellsWriter;
use super::made::{CONVERTER_VERSION, stem, suffix};
use super::native::{Own, OwnColumn, TypedRows};
use super::provenance::KEY;
use super::record::Record;
use super::{ConvertOptions, LakeFile, Provenance, RowDigest, RowGroup};
use crate::base::{Ctx, Error, Result, Text, WholeFile};
use crate::catalog::{Catalog, LogicalType};
use crate::columnar::{ParquetColumns, parquet_properties};
use crate::source::dbc::{BadCell, Batches, CrcState, Layout, OutputColumn, ReadOptions, RecordFile};
use crate::source::folder::{FileKind, SourceFile};
use crate::store::Stores;

const BATCH_ROWS: usize = 16 << 10;

/// The rows of a source, typed.
enum Rows<'s> {
    Records(Box<Batches>),
    /// The user's own Parquet, which is hashed apart; whether all its pages have a CRC-32, which was compared.
    Own(TypedRows<'s>, bool),
}

impl Rows<'_> {
    fn schema(&self) -> SchemaRef {
        match self {
            Rows::Records(batches) => batches.schema(),
            Rows::Own(rows, _) => rows.schema(),
        }
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        match self {
            Rows::Records(batches) => batches.next().transpose(),
            Rows::Own(rows, _) => rows.next_batch(),
        }
    }

    fn take_bad_cells(&mut self) -> Vec<(usize, BadCell)> {
        match self {
            Rows::Records(batches) => batches.take_bad_cells(),
            Rows::Own(rows, _) => rows.take_bad_cells(),
        }
    }

    /// Of the source file, so far.
    fn bytes_read(&self) -> u64 {
        match self {
            Rows::Records(batches) => batches.bytes_read(),
            Rows::Own(rows, _) => rows.bytes_read(),
        }
    }

    /// What there is to say once all of them have come.
    fn provenance(&self, file: &SourceFile, stores: &Stores) -> Result<Provenance> {
        let about = Provenance {
            file: file.name(),
            size: file.size,
            mtime_ns: file.mtime_ns,
            preliminary: file.version.preliminary,
            converter: CONVERTER_VERSION,
            ..Provenance::default()
        };
        Ok(match self {
            Rows::Records(batches) => {
                let summary = batches.summary();
                // Of a zip what was hashed is what came out of it.
                let sha256 = match file.kind {
                    FileKind::Zip => stores.sha256(&file.location)?,
                    _ => summary.source_sha256,
                };
                Provenance {
                    sha256: Some(sha256),
                    header_date: summary.changed.map(|day| day.to_string()),
                    rows: summary.rows_kept,
                    rows_deleted: summary.rows_deleted,
                    rows_unflagged: summary.rows_unflagged,
                    rows_declared: Some(summary.rows_declared),
                    bytes_left_over: summary.bytes_left_over,
                    rows_rejected: summary.rows_rejected,
                    rejected: summary.rejected,
                    crc: summary.crc,
                    bad_values: summary.bad_values,
                    normalised: summary.normalised,
                    ..about
                }
            }
            Rows::Own(rows, has_crcs) => Provenance {
                sha256: Some(stores.sha256(&file.location)?),
                rows: rows.rows(),
                crc: if *has_crcs { CrcState::Ok } else { CrcState::Absent },
                bad_values: rows.bad_values(),
                normalised: rows.normalised(),
                warnings: rows.warnings(),
                refused: rows.refused(),
                ..about
            },
        })
    }
}

/// A DBC or DBF, or a zip of one.
pub(super) fn convert(
    (stores, file): (&Stores, &SourceFile),
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
    let source = RecordFile::open_in(stores, &file.location, &read)?;
    let warnings = source.warnings().to_vec();
    let columns = columns(&source, file, catalog, options);
    let layout = Layout {
        columns: columns.clone(),
        batch_rows: BATCH_ROWS,
        filter: None,
        reference_year: file.id.competencia.ano(),
    };
    let batches = source.batches(layout)?.keep_bad_cells().cancel_with(ctx.cancel.clone());
    let columns = columns.into_iter().map(|column| (column.name, column.kind)).collect();
    write(Rows::Records(Box::new(batches)), columns, warnings, (stores, file), folder, options, ctx)
}

/// The user's own Parquet, where it cannot be read in place.
pub(super) fn convert_own(
    own: &Own,
    has_crcs: bool,
    (stores, file): (&Stores, &SourceFile),
    folder: &Path,
    options: &ConvertOptions,
    ctx: &Ctx,
) -> Result<LakeFile> {
    let rows = own.typed(file.id.competencia.ano(), &ctx.cancel)?;
    let kind = |column: &OwnColumn| (column.name.clone(), column.kind.clone().unwrap_or(LogicalType::Text));
    let columns = own.columns().iter().map(kind).collect();
    write(Rows::Own(rows, has_crcs), columns, Vec::new(), (stores, file), folder, options, ctx)
}

fn write(
    mut rows: Rows<'_>,
    columns: Vec<(String, LogicalType)>,
    warnings: Vec<Text>,
    (stores, file): (&Stores, &SourceFile),
    folder: &Path,
    options: &ConvertOptions,
    ctx: &Ctx,
) -> Result<LakeFile> {
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
        ParquetColumns::create(out, rows.schema(), properties, options.row_group_rows, usize::MAX).map_err(fail)?;
    let schema = rows.schema();
    // A user's own lists and structures have no digest.
    let digested = !schema.fields().iter().any(|field| field.data_type().is_nested());
    let mut digest = digested.then(|| RowDigest::new(&schema));
    let mut bad_cells = BadCellsWriter::beside(&pending);
    let name = |column: usize| columns.get(column).map(|column: &(String, _)| column.0.clone()).unwrap_or_default();
    let mut batch = rows.next()?;
    let mut told = 0;
    while let Some(decoded) = batch {
        bad_cells.add(rows.take_bad_cells(), name)?;
        // The next batch is decoded while this one is encoded.
        let mut encode = || {
            digest.as_mut().map_or(Ok(()), |digest| digest.add(&decoded))?;
            writer.write(&decoded).map_err(|e| write_error(e, &failed, &pending))
        };
        let (written, next) = rayon::join(&mut encode, || rows.next());
        written?;
        batch = next?;
        // More comes out of a zip than it has.
        let read = rows.bytes_read().min(file.size);
        ctx.progress.add_bytes(read - told);
        told = read;
    }
    ctx.progress.add_bytes(rows.bytes_read().min(file.size) - told);
    bad_cells.add(rows.take_bad_cells(), name)?;
    let mut provenance = rows.provenance(file, stores)?;
    provenance.warnings.extend(warnings);
    provenance.digest = digest.map(RowDigest::finish);
    let now = stores.stat(&file.location)?;
    if (now.size, now.mtime_ns) != (file.size, file.mtime_ns) {
        return Err(changed(file));
    }
    let json = serde_json::to_string(&provenance).map_err(Error::internal)?;
    writer.append_key_value_metadata(KeyValue::new(KEY.to_owned(), json));
    writer.flush().map_err(|e| write_error(e, &failed, &pending))?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let row_groups = (writer.flushed_row_groups().iter())
        .map(|group| RowGroup { rows: count(group.num_rows()), bytes: count(group.compressed_size()) })
        .collect();
    let out = writer.into_inner().map_err(|e| write_error(e, &failed, &pending))?;
    let short = provenance.sha256.as_deref().and_then(|sha256| sha256.get(..12)).unwrap_or_default().to_owned();
    let unverified = provenance.crc == CrcState::Unchecked;
    let suffix = suffix(&file.id.dataset, options, provenance.is_partial(), unverified);
    let object = folder.join(format!("{}-{short}{suffix}", stem(file)));
    let own_types = matches!(rows, Rows::Own(..));
    let bad_cells = bad_cells.publish(&object)?.map(|published| published.sha256);
    let sha256 = hex::encode(out.sha256.finalize());
    let (bytes, state) = (out.bytes, file.state);
    let (object_name, stored) = (None, None);
    let record = Record {
        provenance,
        columns,
        own_types,
        row_groups,
        bytes,
        sha256,
        state,
        bad_cells,
        object: object_name,
        stored,
    };
    out.file.publish_as(&object)?;
    record.publish(&object)?;
    record
        .local_file((stores, file), &object)
        .ok_or_else(|| Error::internal("an object that was just written has no footer"))
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
    let path = &file.location;
    Error::new(
        crate::base::Code::Unreachable,
        crate::base::text!(
            "{path} mudou durante a conversão; repita",
            "{path} changed while it was converted; try again"
        ),
    )
    .file(path.to_string())
    .caused_by(crate::base::Cause::SourceChanged)
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
