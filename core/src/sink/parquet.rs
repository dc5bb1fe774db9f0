//! Parquet files: zstd, bounded row groups, statistics, what they are in the footer.
//!
//! The pages carry no checksum: the writer of `parquet` 58 has none (its `crc` feature only verifies).
//! Memory is one row group in encoded form (64 MiB at most, before the last page), whatever the size of the result.

mod footers;

use std::path::PathBuf;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use serde::{Deserialize, Serialize};

use self::footers::Footers;
use super::destination::path_or_default;
use super::resumable_file::{self, Opened, Part, ResumableFile};
use super::{OutputFile, OutputRoot, Sink, Stored, Subject};
use crate::base::{Chunk, Code, Ctx, Error, Held, ParquetColumns, Result, UnitId, parquet_properties, text};
use crate::plan::SAMPLING;
use crate::recovery::SinkState;

/// How a Parquet file is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Parquet {
    /// The file, below the output root; without it, the first six hex digits of the job's hash and `.parquet`.
    pub path: Option<PathBuf>,
    /// Replaces an existing file in one act; when false, an existing file is DS-409.
    pub overwrite: bool,
    /// zstd level, from 1 (fast) to 22 (small).
    pub zstd: i32,
    /// Most rows of a row group; a group also ends at 64 MiB.
    pub row_group_rows: usize,
}

impl Default for Parquet {
    fn default() -> Self {
        Parquet { path: None, overwrite: false, zstd: 3, row_group_rows: 1 << 19 }
    }
}

const ROW_GROUP_BYTES: usize = 64 << 20;

impl Parquet {
    /// A Parquet file at `path` with every option at its default.
    pub fn to(path: impl Into<PathBuf>) -> Self {
        Parquet { path: Some(path.into()), ..Default::default() }
    }

    pub(super) fn open(self, root: &OutputRoot, subject: &Subject, state: SinkState) -> Result<Box<dyn Sink>> {
        let level = ZstdLevel::try_new(self.zstd).map_err(|_| {
            let zstd = self.zstd;
            Error::new(
                Code::InvalidParams,
                text!("O nível zstd {zstd} não existe; use de 1 a 22", "There is no zstd level {zstd}; use 1 to 22"),
            )
            .with("received", zstd)
        })?;
        if self.row_group_rows == 0 {
            return Err(Error::new(
                Code::InvalidParams,
                text!("`row_group_rows` deve ser ao menos 1", "`row_group_rows` must be at least 1"),
            )
            .with("received", 0));
        }
        let path = path_or_default(&self.path, &subject.file_stem, "parquet");
        if !state.has_begun() {
            root.check(&path, self.overwrite)?;
        }
        let mut metadata = vec![("datasus.about", &subject.about), ("datasus.job", &subject.job_id)];
        metadata.extend(subject.sampled.as_ref().map(|sampled| (SAMPLING, sampled)));
        let metadata = metadata.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value.clone())).collect();
        let properties = parquet_properties()
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_key_value_metadata(Some(metadata))
            .build();
        Ok(Box::new(ParquetSink {
            root: root.clone(),
            path,
            overwrite: self.overwrite,
            row_group_rows: self.row_group_rows,
            properties,
            state,
            held: Held::Nothing,
            held_rows: 0,
            writing: None,
            sealed: None,
            published: None,
            rows: 0,
        }))
    }
}

/// Writes a small table in one piece.
pub(crate) fn write_once(root: &OutputRoot, path: &std::path::Path, batch: &RecordBatch) -> Result<()> {
    let shown = root.path().join(path);
    let failed = |error: ParquetError| Error::internal(format!("{}: {error}", shown.display())).stage("parquet");
    let properties = parquet_properties().build();
    let file = root.create(path, false)?;
    let mut columns =
        ParquetColumns::create(file, batch.schema(), properties, usize::MAX, ROW_GROUP_BYTES).map_err(failed)?;
    columns.write(batch).map_err(failed)?;
    let mut file = columns.into_inner().map_err(failed)?;
    file.sync()?;
    file.publish()
}

struct ParquetSink {
    root: OutputRoot,
    path: PathBuf,
    overwrite: bool,
    row_group_rows: usize,
    properties: WriterProperties,
    state: SinkState,
    /// Units and rows that earlier attempts left.
    held: Held,
    held_rows: u64,
    // None before the start, once sealed and after a failure.
    writing: Option<Writing>,
    sealed: Option<OutputFile>,
    /// Bytes of a file that an earlier attempt has published.
    published: Option<u64>,
    rows: u64,
}

/// A part ends with a row group; its mark has the group's footer, since the file has none yet.
type File = ResumableFile<Footers>;

struct Writing {
    columns: ParquetColumns<File>,
    /// Row groups that the log has.
    marked: usize,
    ctx: Ctx,
}

impl Writing {
    /// Notes the row groups that were closed since: with them, all units before `next_unit` are in the file.
    fn mark(&mut self, next_unit: UnitId, rows: u64) -> std::result::Result<Result<()>, ParquetError> {
        let groups = self.columns.flushed_row_groups();
        let footers = Footers::of(&groups[self.marked..])?;
        self.marked = groups.len();
        Ok(self.columns.out()?.mark(next_unit, rows, footers))
    }
}

impl ParquetSink {
    fn failed(&self, error: ParquetError) -> Error {
        let path = self.root.path().join(&self.path);
        let error = match error {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(io) => return Error::io(*io, &path).stage("parquet"),
                Err(inner) => ParquetError::External(inner),
            },
            other => other,
        };
        Error::internal(format!("the Parquet writer failed: {error}")).file(path.display().to_string()).stage("parquet")
    }
}

impl ParquetSink {
    fn columns(&self, file: File, schema: &SchemaRef, properties: WriterProperties) -> Result<ParquetColumns<File>> {
        let rows = self.row_group_rows;
        ParquetColumns::create(file, schema.clone(), properties, rows, ROW_GROUP_BYTES).map_err(|e| self.failed(e))
    }

    /// The writer for a file that has `parts` already: a writer can only begin a file, so that the row groups that are
    /// there are copied into a new one, which then takes the place of the old.
    fn go_on(&self, file: File, parts: &[Part<Footers>], schema: &SchemaRef, ctx: &Ctx) -> Result<Writing> {
        let Some(last) = parts.last() else {
            return Ok(Writing {
                columns: self.columns(file, schema, self.properties.clone())?,
                marked: 0,
                ctx: ctx.clone(),
            });
        };
        let again = file.beginning_again(&self.root, &self.path, self.overwrite, &self.state)?;
        // The page indexes of the row groups that are there are gone, and a footer has them for all or for none.
        let properties = WriterPropertiesBuilder::from(self.properties.clone());
        let properties = properties.set_statistics_enabled(EnabledStatistics::Chunk).set_offset_index_disabled(true);
        let mut columns = self.columns(again, schema, properties.build())?;
        for part in parts {
            let groups = part.more.groups().map_err(|e| self.failed(e))?;
            columns.splice(file.file().reader(), &groups).map_err(|e| self.failed(e))?;
        }
        let mut writing = Writing { columns, marked: 0, ctx: ctx.clone() };
        writing.mark(last.next_unit, last.rows).map_err(|e| self.failed(e))??;
        let out = writing.columns.out().map_err(|e| self.failed(e))?;
        out.take_over(&self.root, &self.path, file, &self.state)?;
        Ok(writing)
    }
}

impl Sink for ParquetSink {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<()> {
        let opened = ResumableFile::open(&self.root, &self.path, self.overwrite, &self.state);
        match opened.map_err(|e| e.stage("parquet"))? {
            Opened::Published { rows, bytes } => {
                (self.rows, self.published, self.held) = (rows, Some(bytes), Held::Everything);
            }
            Opened::Sealed { file, rows } => {
                (self.rows, self.sealed, self.held) = (rows, Some(file), Held::Everything);
            }
            Opened::Open { file, parts } => {
                self.rows = parts.last().map_or(0, |part| part.rows);
                self.held = resumable_file::held(&parts);
                self.writing = Some(self.go_on(file, &parts, schema, ctx).map_err(|e| e.stage("parquet"))?);
            }
        }
        self.held_rows = self.rows;
        Ok(())
    }

    fn held(&self) -> Held {
        self.held.clone()
    }

    fn held_rows(&self) -> u64 {
        self.held_rows
    }

    fn write(&mut self, chunk: &Chunk) -> Result<()> {
        // Taken out, so that a failure ends it.
        let mut writing = self.writing.take().ok_or_else(|| Error::internal("the Parquet sink is not open"))?;
        writing.ctx.check()?;
        let rows = chunk.batch.num_rows();
        let open = writing.columns.open_rows();
        if open > 0 && open + rows > self.row_group_rows {
            // A row group ends with a unit, so that it is a checkpoint.
            writing.columns.flush().map_err(|e| self.failed(e))?;
            writing.mark(chunk.unit, self.rows).map_err(|e| self.failed(e))??;
        }
        writing.columns.write(&chunk.batch).map_err(|e| self.failed(e))?;
        self.rows += rows as u64;
        if rows > 0 && writing.columns.open_rows() == 0 {
            writing.mark(UnitId(chunk.unit.0 + 1), self.rows).map_err(|e| self.failed(e))??;
        }
        self.writing = Some(writing);
        Ok(())
    }

    fn seal(&mut self) -> Result<()> {
        if self.sealed.is_some() || self.published.is_some() {
            return Ok(());
        }
        let writing = self.writing.take().ok_or_else(|| Error::internal("the Parquet sink is not open"))?;
        writing.ctx.check()?;
        let file = writing.columns.into_inner().map_err(|e| self.failed(e))?;
        self.sealed = Some(file.seal(self.rows).map_err(|e| e.stage("parquet"))?);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Stored> {
        let (location, bytes) = match (self.published, self.sealed.take()) {
            (Some(bytes), _) => (self.path.display().to_string(), bytes),
            (None, Some(file)) => {
                let stored = (file.relative().display().to_string(), file.written());
                file.publish().map_err(|e| e.stage("parquet"))?;
                stored
            }
            (None, None) => return Err(Error::internal("the Parquet sink is not sealed")),
        };
        Ok(Stored { sink: "parquet", location, rows: self.rows, bytes, warnings: Vec::new() })
    }
}

#[cfg(test)]
mod tests;
