//! The digest of what files hold: of an object from its record, of the user's own Parquet by reading it, once.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::FormatOptions;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::notes;
use super::{CONVERTER_VERSION, Lake, LakeFile, RowDigest};
use crate::base::{Code, Ctx, Error, Result, WholeFile, create_folders, text};
use crate::catalog::FileId;
use crate::columnar::arrow_footer;
use crate::store::{At, State};

const STRICT: CastOptions<'_> = CastOptions { safe: false, format_options: FormatOptions::new() };

/// A digest that is known, and of what: the files' paths, sizes, times and states.
#[derive(Serialize, Deserialize)]
struct Noted {
    files: Vec<(PathBuf, u64, i64, Option<State>)>,
    converter: u32,
    digest: String,
}

/// What a source is, whatever its file is called and whatever kind it is of: the catalogue's name for it, and its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceIdentity {
    /// What the source's name says.
    pub id: FileId,
    /// Of its rows.
    pub digest: String,
}

impl std::fmt::Display for SourceIdentity {
    /// `SIH-RD AC 202401`, with the part where there is one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id.month())?;
        self.id.part.as_ref().map_or(Ok(()), |part| write!(f, " {part}"))
    }
}

impl Lake {
    /// The identity of each source: files of the same id that follow one another (a partition's) are one. The user's own
    /// Parquet is read for it, once.
    pub fn identities(&self, files: &[LakeFile], ctx: &Ctx) -> Result<Vec<SourceIdentity>> {
        let sources = files.chunk_by(|a, b| a.id == b.id);
        let identity = |source: &[LakeFile]| {
            let digest = self.rows_digest(source, ctx)?;
            Ok(source.first().map(|file| SourceIdentity { id: file.id.clone(), digest }))
        };
        sources.filter_map(|source| identity(source).transpose()).collect()
    }

    /// Equal for the same records in the same order, whatever holds them: `files` one after the other, typed by the
    /// catalogue. Nothing is read where it is one file of which the lake knows it.
    pub fn rows_digest(&self, files: &[LakeFile], ctx: &Ctx) -> Result<String> {
        if let [only] = files
            && let Some(digest) = &only.source.digest
        {
            return Ok(digest.clone());
        }
        let of = |file: &LakeFile| (file.path.clone(), file.source.size, file.source.mtime_ns, file.state);
        let named = files.iter().map(of).collect();
        let mut noted = Noted { files: named, converter: CONVERTER_VERSION, digest: String::new() };
        let path = self.note_path(&noted);
        let found = notes::read(&path).and_then(|bytes| serde_json::from_slice::<Noted>(&bytes).ok());
        if let Some(found) = found
            && (&found.files, found.converter) == (&noted.files, noted.converter)
        {
            return Ok(found.digest);
        }
        noted.digest = read(files, ctx)?;
        files.iter().try_for_each(LakeFile::still_unchanged)?;
        // A lake that cannot be written costs time: the next query reads the files again.
        if let Err(error) = note(&path, &noted) {
            tracing::warn!(%error, "the digest of a Parquet was not kept");
        }
        Ok(noted.digest)
    }

    fn note_path(&self, noted: &Noted) -> PathBuf {
        let mut sha256 = Sha256::new();
        for (path, ..) in &noted.files {
            sha256.update(path.as_os_str().as_encoded_bytes());
            sha256.update([0]);
        }
        self.here().join(".rows").join(format!("{}.json", hex::encode(&sha256.finalize()[..12])))
    }
}

fn note(path: &std::path::Path, noted: &Noted) -> Result<()> {
    if let Some(folder) = path.parent() {
        create_folders(folder).map_err(|e| Error::io(e, folder))?;
    }
    let mut out = WholeFile::create(path)?;
    out.write_all(&serde_json::to_vec(noted).map_err(Error::internal)?).map_err(|e| Error::io(e, path))?;
    out.publish()
}

fn read(files: &[LakeFile], ctx: &Ctx) -> Result<String> {
    let schema = together(files);
    let mut digest = RowDigest::new(&schema);
    for file in files {
        let failed =
            |error: &(dyn std::error::Error + 'static)| Error::within(error).unwrap_or_else(|| damaged(file, error));
        let handle = At::of(file.open()?);
        let footer = arrow_footer(&handle).map_err(|e| failed(&e))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, footer);
        for batch in reader.build().map_err(|e| failed(&e))? {
            ctx.check()?;
            digest.add(&typed(&batch.map_err(|e| failed(&e))?, &schema)?)?;
        }
    }
    Ok(digest.finish())
}

/// The columns of the files together.
fn together(files: &[LakeFile]) -> SchemaRef {
    let mut columns: BTreeMap<String, DataType> = BTreeMap::new();
    for field in files.iter().flat_map(|file| file.schema.fields()) {
        columns.entry(field.name().to_uppercase()).or_insert_with(|| field.data_type().clone());
    }
    Arc::new(Schema::new(columns.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect::<Vec<_>>()))
}

fn typed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let found = batch.schema();
    let column = |field: &Arc<Field>| -> Result<ArrayRef> {
        let at = found.fields().iter().position(|own| own.name().eq_ignore_ascii_case(field.name()));
        match at.map(|at| batch.column(at)) {
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            // An error, never a NULL, for a value that does not fit.
            Some(column) => cast_with_options(column, field.data_type(), &STRICT).map_err(Error::internal),
        }
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(Error::internal)
}

fn damaged(file: &LakeFile, error: &dyn std::fmt::Display) -> Error {
    let path = &file.object.location;
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
    .offset(file.source.size)
}
