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
use super::file::{FileFormat, FilePlace, FileWriter};
use super::resumable_file::{Part, ResumableFile};
use crate::base::{Chunk, Ctx, Error, Result, UnitId};

/// The most rows of a CSV file.
pub const MOST_ROWS: u64 = 10_000_000;

/// Bytes that are written between two looks at the cancel token.
const PIECE: usize = 1 << 20;

impl FileFormat for Csv {
    const KIND: &'static str = "csv";
    const MOST_ROWS: Option<u64> = Some(MOST_ROWS);
    type Mark = ();
    type Writer = Writer;

    fn check(&self, schema: &SchemaRef) -> Result<()> {
        Encoder::new(schema, self).map(drop)
    }

    fn begin(
        &self,
        place: &FilePlace,
        file: ResumableFile<()>,
        parts: &[Part<()>],
        schema: &SchemaRef,
    ) -> Result<Writer> {
        let (encoder, frames) = (Encoder::new(schema, self)?, self.zstd.map(Frames::new));
        let (path, checkpoint_rows) = (place.shown(), place.state.checkpoint_rows);
        let mut writer = Writer { file, frames, encoder, path, checkpoint_rows };
        if parts.is_empty() {
            let mut header = Vec::new();
            writer.encoder.header(&mut header);
            match &mut writer.frames {
                Some(frames) => frames.text().extend_from_slice(&header),
                None => writer.file.write_all(&header).map_err(|error| io(error, &writer.path))?,
            }
        }
        Ok(writer)
    }
}

/// A CSV file in the making.
pub(in crate::sink) struct Writer {
    file: ResumableFile<()>,
    frames: Option<Frames>,
    encoder: Encoder,
    path: PathBuf,
    checkpoint_rows: u64,
}

fn io(error: std::io::Error, path: &std::path::Path) -> Error {
    Error::io(error, path).stage("csv")
}

impl Writer {
    /// Frames that are ready, or all of them.
    fn put_frames(&mut self, all: bool, ctx: &Ctx) -> Result<()> {
        let Some(frames) = &mut self.frames else { return Ok(()) };
        while let Some(frame) = frames.next(all) {
            let frame = frame.map_err(|error| io(error, &self.path))?;
            ctx.check()?;
            self.file.write_all(&frame.bytes).map_err(|error| io(error, &self.path))?;
            self.file.mark(frame.next_unit, frame.rows, ())?;
        }
        Ok(())
    }
}

impl FileWriter for Writer {
    type Mark = ();

    fn write(&mut self, chunk: &Chunk, before: u64, ctx: &Ctx) -> Result<()> {
        let chunk_rows = chunk.batch.num_rows() as u64;
        let (next_unit, rows) = (UnitId(chunk.unit.0 + 1), before + chunk_rows);
        let texts = self.encoder.encode(&chunk.batch)?;
        match &mut self.frames {
            None => {
                for piece in texts.flat_map(|text| text.chunks(PIECE)) {
                    ctx.check()?;
                    self.file.write_all(piece).map_err(|error| io(error, &self.path))?;
                }
                self.file.mark(next_unit, rows, ())?;
            }
            Some(frames) => {
                texts.for_each(|text| frames.text().extend_from_slice(text));
                if frames.add(chunk_rows) >= self.checkpoint_rows {
                    frames.end(next_unit, rows);
                }
            }
        }
        self.put_frames(false, ctx)
    }

    fn out(&mut self) -> Result<&ResumableFile<()>> {
        Ok(&self.file)
    }

    fn end(mut self, rows: u64, ctx: &Ctx) -> Result<ResumableFile<()>> {
        if let Some(frames) = &mut self.frames {
            frames.end(UnitId(u64::MAX), rows);
        }
        self.put_frames(true, ctx)?;
        Ok(self.file)
    }
}

#[cfg(test)]
mod tests;
