//! CSV files: RFC 4180, UTF-8, a header, exact money; plain or zstd; up to ten million rows.
//!
//! - NULL is an empty field and an empty text is `""`. In a table of a single column NULL is `""` as well, because
//!   many readers drop an empty line.
//! - Values are written as they are. A text that begins with `=`, `+`, `-` or `@` is a formula to a spreadsheet: who
//!   opens files from strangers there should import the columns as text.
//! - Days are `2024-01-31`, instants `2024-01-31T12:00:00Z` (no `Z` where the column has no time zone), booleans
//!   `true` and `false`, bytes lower-case hex. Lists and structs are refused.

mod block;
mod cells;
mod digits;
mod encoder;
mod options;

use std::io::Write;
use std::path::PathBuf;

use ::arrow::datatypes::SchemaRef;
use zstd::zstd_safe::CParameter;

pub use options::{Csv, Delimiter, LineEnding};

use self::encoder::Encoder;
use super::{OutputFile, OutputRoot, Sink, Stored};
use crate::base::{Chunk, Code, Ctx, Error, Result, text};

/// The most rows of a CSV file.
pub const MOST_ROWS: u64 = 10_000_000;

/// Bytes that are written between two looks at the cancel token.
const PIECE: usize = 1 << 20;
/// Threads that compress beside the one that encodes.
const ZSTD_WORKERS: u32 = 2;
/// Bytes that one of them takes at once; they are held in memory until they are written.
const ZSTD_JOB: u32 = 2 << 20;

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

enum Out {
    Plain(OutputFile),
    Zstd(Box<zstd::stream::write::Encoder<'static, OutputFile>>),
}

impl Out {
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Out::Plain(file) => file.write_all(bytes),
            Out::Zstd(stream) => stream.write_all(bytes),
        }
    }

    fn into_file(self) -> std::io::Result<OutputFile> {
        match self {
            Out::Plain(file) => Ok(file),
            Out::Zstd(stream) => stream.finish(),
        }
    }
}

struct CsvSink {
    options: Csv,
    root: OutputRoot,
    path: PathBuf,
    // None before the start, once sealed and after a failure.
    writing: Option<Writing>,
    sealed: Option<OutputFile>,
    rows: u64,
    most_rows: u64,
}

struct Writing {
    out: Out,
    encoder: Encoder,
    ctx: Ctx,
}

impl CsvSink {
    fn io(&self, error: std::io::Error) -> Error {
        Error::io(error, &self.root.path().join(&self.path)).stage("csv")
    }
}

impl Sink for CsvSink {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<()> {
        let encoder = Encoder::new(schema, &self.options)?;
        let file = self.root.create(&self.path, self.options.overwrite).map_err(|e| e.stage("csv"))?;
        let mut out = match self.options.zstd {
            None => Out::Plain(file),
            Some(level) => {
                let mut stream = zstd::stream::write::Encoder::new(file, level).map_err(|e| self.io(e))?;
                stream.multithread(ZSTD_WORKERS).map_err(|e| self.io(e))?;
                stream.set_parameter(CParameter::JobSize(ZSTD_JOB)).map_err(|e| self.io(e))?;
                Out::Zstd(Box::new(stream))
            }
        };
        let mut header = Vec::new();
        encoder.header(&mut header);
        out.write_all(&header).map_err(|e| self.io(e))?;
        self.writing = Some(Writing { out, encoder, ctx: ctx.clone() });
        Ok(())
    }

    fn write(&mut self, chunk: &Chunk) -> Result<()> {
        // Taken out, so that a failure drops the file.
        let mut writing = self.writing.take().ok_or_else(|| Error::internal("the CSV sink is not open"))?;
        writing.ctx.check()?;
        let rows = self.rows + chunk.batch.num_rows() as u64;
        if rows > self.most_rows {
            return Err(too_many(rows).row(self.most_rows));
        }
        let Writing { out, encoder, ctx } = &mut writing;
        for text in encoder.encode(&chunk.batch)? {
            for piece in text.chunks(PIECE) {
                ctx.check()?;
                out.write_all(piece).map_err(|e| self.io(e))?;
            }
        }
        self.rows = rows;
        self.writing = Some(writing);
        Ok(())
    }

    fn seal(&mut self) -> Result<()> {
        let writing = self.writing.take().ok_or_else(|| Error::internal("the CSV sink is not open"))?;
        writing.ctx.check()?;
        let mut file = writing.out.into_file().map_err(|e| self.io(e))?;
        file.sync().map_err(|e| e.stage("csv"))?;
        self.sealed = Some(file);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Stored> {
        let file = self.sealed.take().ok_or_else(|| Error::internal("the CSV sink is not sealed"))?;
        let (location, bytes) = (file.relative().display().to_string(), file.written());
        file.publish().map_err(|e| e.stage("csv"))?;
        Ok(Stored { sink: "csv", location, rows: self.rows, bytes, warnings: Vec::new() })
    }
}

#[cfg(test)]
mod tests;
