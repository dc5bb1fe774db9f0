//! Results whose rows are not rows of a file (aggregates, orders, SQL): kept whole in the job's folder before any of them
//! goes out, so that a resume sends exactly the same rows in the same order.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use sha2::{Digest, Sha256};

use super::stored_plan::Materialised;
use crate::base::{Chunk, Code, Ctx, Error, Result, Trusted, WholeFile, file_sha256, text};
use crate::columnar::{ParquetColumns, arrow_footer, parquet_properties};
use crate::engine::RowStream;
use crate::governor::still_room;
use crate::plan::{Output, ReadGroups, Scan, ScanFile};
use crate::store::Handle;

const FILE: &str = "result.parquet";
const ROW_GROUP_ROWS: usize = 1 << 17;
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Bytes between two looks at the disk.
const GLANCE_BYTES: u64 = 8 << 20;

/// Writes all rows of `running` to the folder; DS-507 where they are more than `most_bytes`, or would leave the disk less
/// than its reserve. `by_cluster`: what makes them could write them itself. `fits` is asked whether the sinks would take so many rows.
pub(super) fn materialise(
    running: &mut RowStream,
    folder: &Path,
    most_bytes: u64,
    by_cluster: bool,
    fits: impl Fn(u64) -> Result<()>,
    ctx: &Ctx,
) -> Result<Materialised> {
    let path = folder.join(FILE);
    let schema = kept_schema(running.schema());
    let failed = |error: ParquetError| match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => Error::io(*io, &path).stage("recovery"),
            Err(inner) => Error::internal(inner),
        },
        other => Error::internal(format!("the result cannot be kept: {other}")),
    };
    let properties =
        parquet_properties().set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(failed)?)).build();
    let counted = Counted { file: WholeFile::create(&path)?, hash: Sha256::new(), bytes: 0 };
    let mut columns =
        ParquetColumns::create(counted, schema.clone(), properties, ROW_GROUP_ROWS, ROW_GROUP_BYTES).map_err(failed)?;
    let (mut rows, mut looked) = (0, 0);
    still_room(folder)?;
    for chunk in running {
        let batch = chunk?.batch;
        rows += batch.num_rows() as u64;
        fits(rows)?;
        columns.write(&to_kept(&batch, &schema)?).map_err(failed)?;
        ctx.check()?;
        let bytes = columns.out().map_err(failed)?.bytes;
        if bytes > most_bytes {
            return Err(too_large(most_bytes, by_cluster, &path));
        }
        if bytes >= looked + GLANCE_BYTES {
            looked = bytes;
            still_room(folder)?;
        }
    }
    ctx.check()?;
    columns.flush().map_err(failed)?;
    let of_group = |group: &parquet::file::metadata::RowGroupMetaData| u64::try_from(group.num_rows()).unwrap_or(0);
    let row_groups = columns.flushed_row_groups().iter().map(of_group).collect();
    let done = columns.into_inner().map_err(failed)?;
    done.file.publish()?;
    Ok(Materialised { file: FILE.to_owned(), sha256: hex::encode(done.hash.finalize()), row_groups })
}

/// The scan of a kept result. DS-409 where it is not what was kept.
pub(super) fn scan(kept: &Materialised, folder: &Path, schema: &SchemaRef) -> Result<Scan> {
    let path = folder.join(&kept.file);
    Trusted::Own.read(&path).map_err(|error| Error::io(error, &path).stage("recovery"))?;
    if file_sha256(&path)? != kept.sha256 {
        let shown = path.display();
        return Err(Error::new(
            Code::Conflict,
            text!(
                "O resultado guardado {shown} está danificado, e continuar não seria exato; descarte o trabalho e repita-o",
                "The kept result {shown} is damaged, and going on would not be exact; discard the job and run it again"
            ),
        )
        .file(shown.to_string())
        .stage("recovery"));
    }
    Ok(Scan {
        schema: kept_schema(schema),
        outputs: schema.fields().iter().map(|field| Output::Column(field.name().clone())).collect(),
        predicates: Vec::new(),
        made: Vec::new(),
        limit: None,
        files: vec![ScanFile {
            object: Handle::file(&path),
            name: "".into(),
            row_groups: kept.row_groups.clone(),
            own: false,
            constants: Vec::new(),
            sample: None,
            without: None,
        }],
        read: ReadGroups::default(),
        seen: None,
    })
}

/// The schema of a kept result, as it was before it was kept.
pub(super) fn schema_of(kept: &Materialised, folder: &Path) -> Result<SchemaRef> {
    let path = folder.join(&kept.file);
    let file = Trusted::Own.read(&path).map_err(|error| Error::io(error, &path).stage("recovery"))?;
    let read = arrow_footer(&file).map_err(Error::internal)?;
    let fields = read.schema().fields().iter().map(|field| {
        let interval = field.metadata().get(INTERVAL).is_some();
        let kind = if interval { DataType::Interval(IntervalUnit::MonthDayNano) } else { field.data_type().clone() };
        Field::new(field.name(), kind, field.is_nullable())
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

const INTERVAL: &str = "datasus.interval";

/// Parquet has no type for DuckDB's intervals: they are kept as their 16 bytes. Texts behind dictionaries are plain.
fn kept_schema(schema: &SchemaRef) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let marked = [(INTERVAL.to_owned(), "month_day_nano".to_owned())].into();
            Field::new(field.name(), DataType::FixedSizeBinary(16), true).with_metadata(marked)
        }
        DataType::Dictionary(_, values) => Field::new(field.name(), values.as_ref().clone(), true),
        kind => Field::new(field.name(), kind.clone(), true),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn to_kept(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| match (column.data_type(), field.data_type()) {
        (from, to) if from == to => Ok(column.clone()),
        (DataType::Interval(_), to) => recast(column, to),
        (_, to) => cast(column, to).map_err(Error::internal),
    });
    rebuilt(batch, schema, columns.collect::<Result<_>>()?)
}

/// A chunk of a kept result with the columns that the result has.
pub(super) fn restored(mut chunk: Chunk, schema: &SchemaRef) -> Result<Chunk> {
    let columns = chunk.batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| match (column.data_type(), field.data_type()) {
        (from, to) if from == to => Ok(column.clone()),
        (DataType::FixedSizeBinary(16), to @ DataType::Interval(_)) => recast(column, to),
        (_, to) => cast(column, to).map_err(Error::internal),
    });
    chunk.batch = rebuilt(&chunk.batch, schema, columns.collect::<Result<_>>()?)?;
    Ok(chunk)
}

fn rebuilt(batch: &RecordBatch, schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(Error::internal)
}

/// The same bytes under another type of the same width.
fn recast(column: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let data = column.to_data().into_builder().data_type(to.clone()).align_buffers(true).build();
    data.map(make_array).map_err(Error::internal)
}

/// Counts and hashes what is written.
struct Counted {
    file: WholeFile,
    hash: Sha256,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn too_large(most_bytes: u64, by_cluster: bool, path: &Path) -> Error {
    let shown = path.display();
    let said = match by_cluster {
        true => text!(
            "O resultado em {shown} passa de {most_bytes} bytes; dê em `engine_folder` uma pasta que o cluster também vê, onde ele mesmo o grava, aumente `spill_limit`, ou restrinja a consulta",
            "The result in {shown} is larger than {most_bytes} bytes; name in `engine_folder` a folder that the cluster sees too, where it writes the result itself, raise `spill_limit`, or narrow the query"
        ),
        false => text!(
            "O resultado em {shown} passa de {most_bytes} bytes; aumente `spill_limit` ou restrinja a consulta",
            "The result in {shown} is larger than {most_bytes} bytes; raise `spill_limit` or narrow the query"
        ),
    };
    Error::new(Code::DiskFull, said).with("limit", most_bytes).file(shown.to_string()).stage("recovery")
}
