//! A file of any format: its name, its checkpoints, and what an earlier attempt left of it. What its bytes are is the format's.

use std::path::{Component, Path, PathBuf};

use ::arrow::datatypes::SchemaRef;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::resumable_file::{self, Opened, Part, ResumableFile};
use super::target::too_many_rows;
use super::{Identity, OutputRoot, ResultInfo, Sink, Stored, TargetEnv};
use crate::base::{Cancel, Chunk, CommittedUnits, Ctx, Error, Result};
use crate::recovery::SinkState;
use crate::store::{GrowingUpload, LocalRoot, OutputFile};

/// A way to write rows as the bytes of one file.
pub(super) trait FileFormat: Send {
    const KIND: &'static str;
    /// More rows are DS-413.
    const MOST_ROWS: Option<u64> = None;
    /// What a checkpoint says beside how far it goes.
    type Mark: Mark;
    type Writer: FileWriter<Mark = Self::Mark>;

    /// DS-422 for columns that it can't hold; asked before there is a file.
    fn check(&self, schema: &SchemaRef) -> Result<()>;

    /// Goes on behind `parts`, which `file` has already; none: it begins.
    fn begin(
        &self,
        place: &FilePlace,
        file: ResumableFile<Self::Mark>,
        parts: &[Part<Self::Mark>],
        schema: &SchemaRef,
    ) -> Result<Self::Writer>;
}

/// A file that grows. After an error it is only dropped.
pub(super) trait FileWriter: Send {
    type Mark;

    /// Writes `chunk`, behind `before` rows, and marks the checkpoints that it comes to.
    fn write(&mut self, chunk: &Chunk, before: u64, ctx: &Ctx) -> Result<()>;

    /// What it writes to, with everything in it that stays as it is.
    fn out(&mut self) -> Result<&ResumableFile<Self::Mark>>;

    /// Writes what is left, with which the file has `rows`.
    fn end(self, rows: u64, ctx: &Ctx) -> Result<ResumableFile<Self::Mark>>;
}

/// Where a file shall be, and where its checkpoints are.
pub(super) struct FilePlace {
    outputs: OutputRoot,
    /// As it was asked for, below the outputs.
    path: PathBuf,
    overwrite: bool,
    pub state: SinkState,
}

impl FilePlace {
    /// DS-403 and DS-409 where no file may be there.
    pub fn new(env: &TargetEnv, path: PathBuf, overwrite: bool, state: SinkState) -> Result<Self> {
        let outputs = env.root.clone();
        if !state.has_begun() {
            outputs.check(&path, overwrite)?;
        }
        Ok(FilePlace { outputs, path, overwrite, state })
    }

    /// Where it grows, and its name there.
    fn growing(&self) -> Result<(LocalRoot, PathBuf)> {
        self.outputs.growing(&self.path, &self.state.folder)
    }

    /// For messages.
    pub fn shown(&self) -> PathBuf {
        self.outputs.at(&self.path).to_string().into()
    }

    pub fn open<T: Mark>(&self) -> Result<Opened<T>> {
        let (root, name) = self.growing()?;
        ResumableFile::open(&root, &name, self.overwrite, &self.state)
    }

    /// Its way to its store, where it does not grow there.
    fn upload(&self, cancel: &Cancel) -> Result<Option<Box<dyn GrowingUpload>>> {
        self.outputs.upload(&self.path, self.overwrite, &self.state.upload_log(), cancel)
    }

    /// As [`ResumableFile::beginning_again`].
    pub fn begin_again<T: Mark>(&self, file: &ResumableFile<T>) -> Result<ResumableFile<T>> {
        let (root, name) = self.growing()?;
        file.beginning_again(&root, &name, self.overwrite, &self.state)
    }

    /// As [`ResumableFile::take_over`].
    pub fn take_over<T: Mark>(&self, new: &mut ResumableFile<T>, before: ResumableFile<T>) -> Result<()> {
        let (root, name) = self.growing()?;
        new.take_over(&root, &name, before, &self.state)
    }
}

/// What a checkpoint of a format says beside how far it goes.
pub(super) trait Mark: Serialize + DeserializeOwned + Clone + PartialEq + Send {}

impl<T: Serialize + DeserializeOwned + Clone + PartialEq + Send> Mark for T {}

/// The sink of a file, of a format whose options were checked.
pub(super) fn sink(format: impl FileFormat + 'static, place: FilePlace) -> Box<dyn Sink> {
    Box::new(FileSink::new(format, place))
}

/// The file that the user named, or the one that the result is called.
pub(super) fn path_or_default(path: &Option<PathBuf>, info: &ResultInfo, extension: &str) -> PathBuf {
    path.clone().unwrap_or_else(|| Path::new(&format!("{}.{extension}", info.file_stem)).to_owned())
}

/// What a file is known by; without a name, all of one extension are one.
pub(super) fn identity(
    path: &Option<PathBuf>,
    extension: &str,
    env: &TargetEnv,
    info: Option<&ResultInfo>,
) -> Identity {
    let path = info.map(|info| path_or_default(path, info, extension)).or_else(|| path.clone());
    match path {
        Some(path) => {
            let path: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
            Identity { key: env.root.at(&path).to_string().into(), shown: path.display().to_string() }
        }
        None => Identity { key: extension.into(), shown: extension.to_owned() },
    }
}

struct FileSink<F: FileFormat> {
    format: F,
    place: FilePlace,
    /// Units and rows that earlier attempts left.
    held: CommittedUnits,
    held_rows: u64,
    // None before the start, once sealed and after a failure.
    writing: Option<(F::Writer, Ctx)>,
    sealed: Option<OutputFile>,
    upload: Option<Box<dyn GrowingUpload>>,
    /// Bytes of a file that an earlier attempt has published.
    published: Option<u64>,
    rows: u64,
}

impl<F: FileFormat> FileSink<F> {
    fn new(format: F, place: FilePlace) -> Self {
        let (writing, sealed, upload, published) = (None, None, None, None);
        let held = CommittedUnits::Nothing;
        FileSink { format, place, held, held_rows: 0, writing, sealed, upload, published, rows: 0 }
    }

    fn writing(&mut self) -> Result<(F::Writer, Ctx)> {
        let (writer, ctx) =
            self.writing.take().ok_or_else(|| Error::internal(format!("the {} sink is not open", F::KIND)))?;
        ctx.check()?;
        Ok((writer, ctx))
    }
}

impl<F: FileFormat> Sink for FileSink<F> {
    fn name(&self) -> &'static str {
        F::KIND
    }

    fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<()> {
        self.format.check(schema)?;
        let place = &self.place;
        let staged = |error: Error| error.stage(F::KIND);
        let mut upload = place.upload(&ctx.cancel).map_err(staged)?;
        match place.open().map_err(staged)? {
            Opened::Published { rows, bytes } => {
                (self.rows, self.published, self.held) = (rows, Some(bytes), CommittedUnits::Everything);
            }
            Opened::Sealed { file, rows } => {
                let bytes = file.written();
                (self.rows, self.held) = (rows, CommittedUnits::Everything);
                match upload.as_mut().map_or(Ok(false), |upload| upload.is_published(bytes)).map_err(staged)? {
                    true => {
                        file.publish().map_err(staged)?;
                        self.published = Some(bytes);
                    }
                    false => self.sealed = Some(file),
                }
            }
            Opened::Open { file, parts } => {
                self.rows = parts.last().map_or(0, |part| part.rows);
                self.held = resumable_file::held(&parts);
                self.writing = Some((self.format.begin(place, file, &parts, schema).map_err(staged)?, ctx.clone()));
            }
        }
        self.held_rows = self.rows;
        match self.published {
            // Of an upload that was completed only its note is left.
            Some(_) => upload.map_or(Ok(()), |upload| upload.discard().map_err(staged)),
            None => {
                self.upload = upload;
                Ok(())
            }
        }
    }

    fn held(&self) -> CommittedUnits {
        self.held.clone()
    }

    fn held_rows(&self) -> u64 {
        self.held_rows
    }

    fn write(&mut self, chunk: &Chunk) -> Result<()> {
        // Taken out, so that a failure ends it.
        let (mut writer, ctx) = self.writing()?;
        let rows = self.rows + chunk.batch.num_rows() as u64;
        if let Some(most) = F::MOST_ROWS.filter(|most| rows > *most) {
            return Err(too_many_rows(F::KIND, rows, most).row(most));
        }
        writer.write(chunk, self.rows, &ctx)?;
        if let Some(upload) = &mut self.upload {
            let file = writer.out()?.file();
            upload.grown(file.reader(), file.written()).map_err(|error| error.stage(F::KIND))?;
        }
        self.rows = rows;
        self.writing = Some((writer, ctx));
        Ok(())
    }

    fn seal(&mut self) -> Result<()> {
        if self.published.is_some() {
            return Ok(());
        }
        let staged = |error: Error| error.stage(F::KIND);
        if self.sealed.is_none() {
            let (writer, ctx) = self.writing()?;
            self.sealed = Some(writer.end(self.rows, &ctx)?.seal(self.rows).map_err(staged)?);
        }
        match (&mut self.upload, &self.sealed) {
            (Some(upload), Some(file)) => upload.seal(file.reader(), file.written()).map_err(staged),
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<Stored> {
        let (location, bytes) = match (self.published, self.sealed.take()) {
            (Some(bytes), _) => (self.place.path.display().to_string(), bytes),
            (None, Some(file)) => {
                let staged = |error: Error| error.stage(F::KIND);
                let location = match self.upload.take() {
                    None => file.relative().display().to_string(),
                    Some(upload) => {
                        upload.publish().map_err(staged)?;
                        self.place.path.display().to_string()
                    }
                };
                let bytes = file.written();
                // What grew in the job's folder goes with it; until then its name says that it was published.
                file.publish().map_err(staged)?;
                (location, bytes)
            }
            (None, None) => return Err(Error::internal(format!("the {} sink is not sealed", F::KIND))),
        };
        Ok(Stored { sink: F::KIND, location, rows: self.rows, bytes, warnings: Vec::new() })
    }

    /// Files go by the record of them; what has gone up does not.
    fn discard(self: Box<Self>) -> Result<()> {
        if !self.place.state.upload_log().exists() {
            return Ok(());
        }
        // The job's own token may be set.
        let upload = self.place.upload(&Cancel::default())?;
        upload.map_or(Ok(()), |upload| upload.discard())
    }
}
