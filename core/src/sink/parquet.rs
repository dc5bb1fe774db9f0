//! Parquet files: zstd, bounded row groups, statistics, what they are in the footer.
//!
//! The pages carry no checksum: the writer of `parquet` 58 has none (its `crc` feature only verifies).
//! Memory is one row group in encoded form (64 MiB at most, before the last page), whatever the size of the result.

mod footers;

use std::path::{Path, PathBuf};

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use serde::{Deserialize, Serialize};

use self::footers::Footers;
use super::file::{self, FileFormat, FilePlace, FileWriter};
use super::level::zstd_level;
use super::resumable_file::{Part, ResumableFile};
use super::{Identity, OutputRoot, ResultInfo, Sink, StoredAddress, StoredTarget, Target, TargetEnv};
use crate::base::{Chunk, Code, Ctx, Error, Result, UnitId, text};
use crate::columnar::{ParquetColumns, parquet_properties};
use crate::plan::SAMPLING;
use crate::recovery::SinkState;

/// How a Parquet file is written.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("datasus-doc-parquet-{}", std::process::id()));
/// # datasus::source::write_example_data(&folder, 100)?;
/// use datasus::{Client, Config, Parquet, QueryParams};
///
/// let client = Client::open_with(&folder, Config { output: Some(folder.clone()), ..Config::default() })?;
/// client.export(&QueryParams::dataset("CNES-ST").uf(["AC"]), Parquet::to("estabelecimentos.parquet"))?;
/// assert!(folder.join("estabelecimentos.parquet").exists());
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Parquet {
    /// The file, below the output root; without it, the first six hex digits of the job's hash and `.parquet`.
    pub path: Option<PathBuf>,
    /// Replaces an existing file in one act; when false, an existing file is DS-409.
    pub overwrite: bool,
    /// zstd level, from 1 (fast) to 22 (small).
    #[schemars(range(min = 1, max = 22))]
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
}

impl Target for Parquet {
    fn kind(&self) -> &'static str {
        Format::KIND
    }

    fn identity(&self, env: &TargetEnv, info: Option<&ResultInfo>) -> Identity {
        file::identity(&self.path, "parquet", env, info)
    }

    fn open(&self, env: &TargetEnv, info: &ResultInfo, state: SinkState) -> Result<Box<dyn Sink>> {
        let level = ZstdLevel::try_new(zstd_level(self.zstd)?).map_err(Error::internal)?;
        if self.row_group_rows == 0 {
            return Err(Error::new(
                Code::InvalidParams,
                text!("`row_group_rows` deve ser ao menos 1", "`row_group_rows` must be at least 1"),
            )
            .with("received", 0));
        }
        let mut metadata = vec![("datasus.about", &info.about), ("datasus.job", &info.job_id)];
        metadata.extend(info.sampled.as_ref().map(|sampled| (SAMPLING, sampled)));
        let metadata = metadata.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value.clone())).collect();
        let properties = parquet_properties()
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_key_value_metadata(Some(metadata))
            .build();
        let path = file::path_or_default(&self.path, info, "parquet");
        let place = FilePlace::new(env, path, self.overwrite, state)?;
        Ok(file::sink(Format { row_group_rows: self.row_group_rows, properties }, place))
    }

    fn stored(&self, info: &ResultInfo) -> Result<StoredTarget> {
        let path = Some(file::path_or_default(&self.path, info, "parquet"));
        StoredTarget::new(Format::KIND, &Parquet { path, ..self.clone() }, StoredAddress::default())
    }
}

/// Writes a small table in one piece.
pub(crate) fn write_once(root: &OutputRoot, path: &std::path::Path, batch: &RecordBatch) -> Result<()> {
    let shown = root.at(path);
    let failed = |error: ParquetError| Error::internal(format!("{shown}: {error}")).stage("parquet");
    let properties = parquet_properties().build();
    let file = root.create(path, false)?;
    let mut columns =
        ParquetColumns::create(file, batch.schema(), properties, usize::MAX, ROW_GROUP_BYTES).map_err(failed)?;
    columns.write(batch).map_err(failed)?;
    columns.into_inner().map_err(failed)?.publish()
}

struct Format {
    row_group_rows: usize,
    properties: WriterProperties,
}

/// A part ends with a row group; its mark has the group's footer, since the file has none yet.
type File = ResumableFile<Footers>;

struct Writer {
    columns: ParquetColumns<File>,
    /// Row groups that the log has.
    marked: usize,
    row_group_rows: usize,
    path: PathBuf,
}

impl Writer {
    /// Notes the row groups that were closed since: with them, all units before `next_unit` are in the file.
    fn mark(&mut self, next_unit: UnitId, rows: u64) -> Result<()> {
        let failed = |error| failed(error, &self.path);
        let groups = self.columns.flushed_row_groups();
        let footers = Footers::of(&groups[self.marked..]).map_err(failed)?;
        self.marked = groups.len();
        self.columns.out().map_err(failed)?.mark(next_unit, rows, footers)
    }
}

fn failed(error: ParquetError, path: &Path) -> Error {
    let error = match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => return Error::io(*io, path).stage("parquet"),
            Err(inner) => ParquetError::External(inner),
        },
        other => other,
    };
    Error::internal(format!("the Parquet writer failed: {error}")).file(path.display().to_string()).stage("parquet")
}

impl Format {
    fn writer(
        &self,
        place: &FilePlace,
        file: File,
        schema: &SchemaRef,
        properties: WriterProperties,
    ) -> Result<Writer> {
        let (path, rows) = (place.shown(), self.row_group_rows);
        let columns = ParquetColumns::create(file, schema.clone(), properties, rows, ROW_GROUP_BYTES);
        Ok(Writer { columns: columns.map_err(|error| failed(error, &path))?, marked: 0, row_group_rows: rows, path })
    }
}

impl FileFormat for Format {
    const KIND: &'static str = "parquet";
    type Mark = Footers;
    type Writer = Writer;

    fn check(&self, _: &SchemaRef) -> Result<()> {
        Ok(())
    }

    /// A writer can only begin a file, so that the row groups that are there are copied into a new one, which then takes the
    /// place of the old.
    fn begin(&self, place: &FilePlace, file: File, parts: &[Part<Footers>], schema: &SchemaRef) -> Result<Writer> {
        let Some(last) = parts.last() else { return self.writer(place, file, schema, self.properties.clone()) };
        let again = place.begin_again(&file)?;
        // The page indexes of the row groups that are there are gone, and a footer has them for all or for none.
        let properties = WriterPropertiesBuilder::from(self.properties.clone());
        let properties = properties.set_statistics_enabled(EnabledStatistics::Chunk).set_offset_index_disabled(true);
        let mut writer = self.writer(place, again, schema, properties.build())?;
        for part in parts {
            let groups = part.more.groups().map_err(|error| failed(error, &writer.path))?;
            let spliced = writer.columns.splice(file.file().reader(), &groups);
            spliced.map_err(|error| failed(error, &writer.path))?;
        }
        writer.mark(last.next_unit, last.rows)?;
        let out = writer.columns.out().map_err(|error| failed(error, &writer.path))?;
        place.take_over(out, file)?;
        Ok(writer)
    }
}

impl FileWriter for Writer {
    type Mark = Footers;

    fn write(&mut self, chunk: &Chunk, before: u64, _: &Ctx) -> Result<()> {
        let rows = chunk.batch.num_rows();
        let open = self.columns.open_rows();
        if open > 0 && open + rows > self.row_group_rows {
            // A row group ends with a unit, so that it is a checkpoint.
            self.columns.flush().map_err(|error| failed(error, &self.path))?;
            self.mark(chunk.unit, before)?;
        }
        self.columns.write(&chunk.batch).map_err(|error| failed(error, &self.path))?;
        if rows > 0 && self.columns.open_rows() == 0 {
            self.mark(UnitId(chunk.unit.0 + 1), before + rows as u64)?;
        }
        Ok(())
    }

    fn out(&mut self) -> Result<&File> {
        match self.columns.out() {
            Ok(file) => Ok(file),
            Err(error) => Err(failed(error, &self.path)),
        }
    }

    fn end(self, _: u64, _: &Ctx) -> Result<File> {
        self.columns.into_inner().map_err(|error| failed(error, &self.path))
    }
}

#[cfg(test)]
mod tests;
