//! Parquet files: zstd, bounded row groups, statistics, what they are in the footer.
//!
//! The pages carry no checksum: the writer of `parquet` 58 has none (its `crc` feature only verifies).
//! Memory is one row group in encoded form (64 MiB at most, before the last page), whatever the size of the result.

use std::path::PathBuf;

use ::arrow::datatypes::SchemaRef;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde::{Deserialize, Serialize};

use super::destination::path_or_default;
use super::{OutputFile, OutputRoot, Sink, Stored, Subject};
use crate::base::{Chunk, Code, Ctx, Error, ParquetColumns, Result, parquet_properties, text};

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

    pub(super) fn open(self, root: &OutputRoot, subject: &Subject) -> Result<Box<dyn Sink>> {
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
        root.check(&path, self.overwrite)?;
        let metadata = [("datasus.about", &subject.about), ("datasus.job", &subject.job_id)];
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
            writing: None,
            sealed: None,
            rows: 0,
        }))
    }
}

struct ParquetSink {
    root: OutputRoot,
    path: PathBuf,
    overwrite: bool,
    row_group_rows: usize,
    properties: WriterProperties,
    // None before the start, once sealed and after a failure.
    writing: Option<(ParquetColumns<OutputFile>, Ctx)>,
    sealed: Option<OutputFile>,
    rows: u64,
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

impl Sink for ParquetSink {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<()> {
        let file = self.root.create(&self.path, self.overwrite).map_err(|e| e.stage("parquet"))?;
        let writer =
            ParquetColumns::create(file, schema.clone(), self.properties.clone(), self.row_group_rows, ROW_GROUP_BYTES)
                .map_err(|e| self.failed(e))?;
        self.writing = Some((writer, ctx.clone()));
        Ok(())
    }

    fn write(&mut self, chunk: &Chunk) -> Result<()> {
        // Taken out, so that a failure drops the file.
        let (mut writer, ctx) = self.writing.take().ok_or_else(|| Error::internal("the Parquet sink is not open"))?;
        ctx.check()?;
        writer.write(&chunk.batch).map_err(|e| self.failed(e))?;
        self.rows += chunk.batch.num_rows() as u64;
        self.writing = Some((writer, ctx));
        Ok(())
    }

    fn seal(&mut self) -> Result<()> {
        let (writer, ctx) = self.writing.take().ok_or_else(|| Error::internal("the Parquet sink is not open"))?;
        ctx.check()?;
        let mut file = writer.into_inner().map_err(|e| self.failed(e))?;
        file.sync().map_err(|e| e.stage("parquet"))?;
        self.sealed = Some(file);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Stored> {
        let file = self.sealed.take().ok_or_else(|| Error::internal("the Parquet sink is not sealed"))?;
        let (location, bytes) = (file.relative().display().to_string(), file.written());
        file.publish().map_err(|e| e.stage("parquet"))?;
        Ok(Stored { sink: "parquet", location, rows: self.rows, bytes, warnings: Vec::new() })
    }
}

#[cfg(test)]
mod tests;
