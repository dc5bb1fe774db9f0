//! CSV files: RFC 4180, UTF-8, a header, exact money; plain or zstd; up to ten million rows.
//!
//! - NULL is an empty field and an empty text is `""`. In a table of a single column NULL is `""` as well, because
//!   many readers drop an empty line.
//! - Values are written as they are. A text that begins with `=`, `+`, `-` or `@` is a formula to a spreadsheet: who
//!   opens files from strangers there should import the columns as text.
//! - Days are `2024-01-31`, instants `2024-01-31T12:00:00Z` (no `Z` where the column has no time zone), booleans
//!   `true` and `false`, bytes lower-case hex. Lists and structs are refused.

mod block;
pub(in crate::sink) mod cells;
mod digits;
mod encoder;
mod frames;
mod options;

use std::io::Write;
use std::path::PathBuf;

use ::arrow::datatypes::SchemaRef;

pub(in crate::sink) use encoder::Encoder;
pub(in crate::sink) use options::refuse_decimal_comma;
pub use options::{Csv, Delimiter, LineEnding};

use self::frames::Frames;
use super::resumable_file::{self, Opened, ResumableFile};
use super::{OutputFile, OutputRoot, Sink, Stored};
use crate::base::{Chunk, Code, Ctx, Error, Held, Result, UnitId, text};
use crate::recovery::SinkState;

/// The most rows of a CSV file.
pub const MOST_ROWS: u64 = 10_000_000;

/// Bytes that are written between two looks at the cancel token.
const PIECE: usize = 1 << 20;

/// DS-413 for a plan whose footers prove that the file would be too long.
pub fn refuse_if_more_than_limit(known_rows: u64) -> Result<()> {
    if known_rows <= MOST_ROWS { Ok(()) } else { Err(too_many(known_rows)) }
}

fn too_many(rows: u64) -> Error {
    Error::new(
        Code::TooManyRows,
        text!(
            "O resultado tem ao menos {rows} linhas e um CSV leva até {MOST_ROWS}; restrinja a consulta ou use Parquet",
            "The result has at least {rows} rows and a CSV takes up to {MOST_ROWS}; narrow the query or use Parquet"
        ),
    )
    .with("expected_format", format!("at most {MOST_ROWS} rows"))
    .with("received", rows)
    .with("limit", MOST_ROWS)
    .stage("csv")
}

struct CsvSink {
    options: Csv,
    root: OutputRoot,
    path: PathBuf,
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
    most_rows: u64,
}

struct Writing {
    file: ResumableFile<()>,
    frames: Option<Frames>,
    encoder: Encoder,
    ctx: Ctx,
}

impl CsvSink {
    fn io(&self, error: std::io::Error) -> Error {
        Error::io(error, &self.root.path().join(&self.path)).stage("csv")
    }
}

impl Writing {
    /// Frames that are ready, or all of them.
    fn put_frames(&mut self, all: bool, io: impl Fn(std::io::Error) -> Error) -> Result<()> {
        let Some(frames) = &mut self.frames else { return Ok(()) };
        while let Some(frame) = frames.next(all) {
            let frame = frame.map_err(&io)?;
            self.ctx.check()?;
            self.file.write_all(&frame.bytes).map_err(&io)?;
            self.file.mark(frame.next_unit, frame.rows, ())?;
        }
        Ok(())
    }
}

impl Sink for CsvSink {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<()> {
        let encoder = Encoder::new(schema, &self.options)?;
        let opened = ResumableFile::open(&self.root, &self.path, self.options.overwrite, &self.state);
        match opened.map_err(|e| e.stage("csv"))? {
            Opened::Published { rows, bytes } => {
                (self.rows, self.published, self.held) = (rows, Some(bytes), Held::Everything);
            }
            Opened::Sealed { file, rows } => {
                (self.rows, self.sealed, self.held) = (rows, Some(file), Held::Everything);
            }
            Opened::Open { mut file, parts } => {
                self.rows = parts.last().map_or(0, |part| part.rows);
                self.held = resumable_file::held(&parts);
                let mut frames = self.options.zstd.map(Frames::new);
                if parts.is_empty() {
                    let mut header = Vec::new();
                    encoder.header(&mut header);
                    match &mut frames {
                        Some(frames) => frames.text().extend_from_slice(&header),
                        None => file.write_all(&header).map_err(|e| self.io(e))?,
                    }
                }
                self.writing = Some(Writing { file, frames, encoder, ctx: ctx.clone() });
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
        let mut writing = self.writing.take().ok_or_else(|| Error::internal("the CSV sink is not open"))?;
        writing.ctx.check()?;
        let rows = self.rows + chunk.batch.num_rows() as u64;
        if rows > self.most_rows {
            return Err(too_many(rows).row(self.most_rows));
        }
        let next_unit = UnitId(chunk.unit.0 + 1);
        let Writing { file, frames, encoder, ctx } = &mut writing;
        let texts = encoder.encode(&chunk.batch)?;
        match frames {
            None => {
                for piece in texts.flat_map(|text| text.chunks(PIECE)) {
                    ctx.check()?;
                    file.write_all(piece).map_err(|e| self.io(e))?;
                }
                file.mark(next_unit, rows, ())?;
            }
            Some(frames) => {
                texts.for_each(|text| frames.text().extend_from_slice(text));
                if frames.add(chunk.batch.num_rows() as u64) >= self.state.checkpoint_rows {
                    frames.end(next_unit, rows);
                }
            }
        }
        writing.put_frames(false, |e| self.io(e))?;
        self.rows = rows;
        self.writing = Some(writing);
        Ok(())
    }

    fn seal(&mut self) -> Result<()> {
        if self.sealed.is_some() || self.published.is_some() {
            return Ok(());
        }
        let mut writing = self.writing.take().ok_or_else(|| Error::internal("the CSV sink is not open"))?;
        writing.ctx.check()?;
        if let Some(frames) = &mut writing.frames {
            frames.end(UnitId(u64::MAX), self.rows);
        }
        writing.put_frames(true, |e| self.io(e))?;
        self.sealed = Some(writing.file.seal(self.rows).map_err(|e| e.stage("csv"))?);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Stored> {
        let (location, bytes) = match (self.published, self.sealed.take()) {
            (Some(bytes), _) => (self.path.display().to_string(), bytes),
            (None, Some(file)) => {
                let stored = (file.relative().display().to_string(), file.written());
                file.publish().map_err(|e| e.stage("csv"))?;
                stored
            }
            (None, None) => return Err(Error::internal("the CSV sink is not sealed")),
        };
        Ok(Stored { sink: "csv", location, rows: self.rows, bytes, warnings: Vec::new() })
    }
}

#[cfg(test)]
mod tests;
