//! The records of a file as Arrow batches, and what was noticed on the way.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::columns::ColumnBuilder;
use super::damage::Cause;
use super::explode::Exploder;
use super::input::Input;
use super::window::Window;
use super::{Header, Normalised, RowFilter};
use crate::base::{Cancel, Error, Result, Text, text};

/// Records that are neither live nor deleted and are kept raw, and their bytes: a file of nothing else is no table.
const KEPT_REJECTS: usize = 10_000;
const KEPT_REJECTED_BYTES: usize = 4 << 20;

/// Whether the CRC-32 was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrcState {
    /// It matches the whole content.
    Ok,
    /// It was not looked at, the file was not read to its end, or it did not match.
    Unchecked,
    /// A plain DBF has none.
    Absent,
}

impl std::fmt::Display for CrcState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            CrcState::Ok => "ok",
            CrcState::Unchecked => "unchecked",
            CrcState::Absent => "absent",
        })
    }
}

/// The fields of a column that did not parse and are NULL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadValues {
    pub column: String,
    pub count: u64,
    /// Row in the file (from 0) and raw value of the first ten.
    pub samples: Vec<(u64, String)>,
}

/// One value that did not parse and is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCell {
    /// In what is made of the file, from 0.
    pub row: u64,
    /// In the file, from 0.
    pub source_row: u64,
    pub value: String,
}

/// A record whose flag byte is neither blank, nor `*`, nor 0x00: it is in no batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRecord {
    pub row: u64,
    /// Latin-1 read as text; the flag comes first.
    pub raw: String,
}

impl RejectedRecord {
    /// Why it is in no batch.
    pub fn reason(&self) -> Text {
        let flag = self.raw.chars().next().map_or(0, u32::from);
        text!(
            "a marca do registro é o byte 0x{flag:02X}; esperados: branco (vale), 0x00 (vale) ou * (excluído)",
            "the record's flag is the byte 0x{flag:02X}; expected: blank (live), 0x00 (live) or * (deleted)"
        )
    }
}

/// What was read; complete once the last batch has been taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Records that the header declares; more than `rows_read` only where `ReadOptions::partial` let it pass.
    pub rows_declared: u64,
    /// Bytes at the end of such a file that make no whole record.
    pub bytes_left_over: u64,
    /// Records in the file, whatever became of them.
    pub rows_read: u64,
    /// Rows in the batches.
    pub rows_kept: u64,
    /// Marked `*`; skipped.
    pub rows_deleted: u64,
    /// Kept, although their flag is the byte 0x00 and not a blank.
    pub rows_unflagged: u64,
    pub rows_rejected: u64,
    /// The first ten thousand, or 4 MiB of them.
    pub rejected: Vec<RejectedRecord>,
    pub crc: CrcState,
    pub crc32: Option<u32>,
    /// Empty unless `ReadOptions::decoded_sha256`.
    pub decoded_sha256: String,
    pub source_sha256: String,
    pub source_bytes: u64,
    /// Columns without bad values are left out.
    pub bad_values: Vec<BadValues>,
    /// Columns without any are left out.
    pub normalised: Vec<Normalised>,
}

impl Summary {
    /// What is odd about the records, in sentences; `file` stands in them.
    pub fn notices(&self, file: &str) -> Vec<Text> {
        notices(file, self.rows_declared, self.rows_read, self.bytes_left_over, self.rows_unflagged)
    }
}

/// The sentences about a file that was read with fewer records than it declares, or with flags of 0x00.
pub fn notices(file: &str, declared: u64, read: u64, left_over: u64, unflagged: u64) -> Vec<Text> {
    let mut notices = Vec::new();
    if read < declared {
        notices.push(text!(
            "{file}: o cabeçalho anuncia {declared} registros e o arquivo só tem {read}, que foram lidos (`partial`)",
            "{file}: the header declares {declared} records and the file holds only {read}, which were read (`partial`)"
        ));
    }
    if left_over > 0 {
        notices.push(text!(
            "{file}: os últimos {left_over} bytes não completam um registro e ficaram de fora",
            "{file}: the last {left_over} bytes do not make a whole record and are left out"
        ));
    }
    if unflagged > 0 {
        notices.push(text!(
            "{file}: {unflagged} registro(s) com a marca 0x00 no lugar do branco foram mantidos",
            "{file}: {unflagged} record(s) whose flag is 0x00 and not a blank were kept"
        ));
    }
    notices
}

/// Where the records come from.
pub(super) enum Body {
    Imploded { exploder: Exploder, crc: u32 },
    Plain,
}

/// The batches of one file, in its order. A damaged file ends with DS-460 as the last item.
pub struct Batches {
    input: Input,
    header: Header,
    body: Body,
    window: Window,
    columns: Vec<ColumnBuilder>,
    schema: SchemaRef,
    filter: Option<RowFilter>,
    batch_rows: usize,
    starts: Vec<(u32, u64)>,
    pending: usize,
    partial: bool,
    crc: Option<crc32fast::Hasher>,
    sha256: Option<Sha256>,
    taken: u64,
    summary: Summary,
    cancel: Option<Cancel>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Records,
    Tail,
    Done,
}

pub(super) struct Parts {
    pub input: Input,
    pub header: Header,
    pub header_bytes: Vec<u8>,
    pub body: Body,
    pub columns: Vec<ColumnBuilder>,
    pub schema: SchemaRef,
    pub filter: Option<RowFilter>,
    pub batch_rows: usize,
    pub verify_crc: bool,
    pub decoded_sha256: bool,
    pub partial: bool,
}

impl Batches {
    pub(super) fn new(parts: Parts) -> Self {
        let (imploded, stored) = match &parts.body {
            Body::Imploded { crc, .. } => (true, Some(*crc)),
            Body::Plain => (false, None),
        };
        let mut crc = (imploded && parts.verify_crc).then(crc32fast::Hasher::new);
        let mut sha256 = parts.decoded_sha256.then(Sha256::new);
        if let Some(crc) = &mut crc {
            crc.update(&parts.header_bytes);
        }
        if let Some(sha256) = &mut sha256 {
            sha256.update(&parts.header_bytes);
        }
        let state = match imploded {
            false => CrcState::Absent,
            // With `verify_crc` it becomes Ok at the last byte, and not before.
            true => CrcState::Unchecked,
        };
        let rows_declared = u64::from(parts.header.records);
        Batches {
            window: Window::new(parts.header.record_len),
            input: parts.input,
            header: parts.header,
            body: parts.body,
            columns: parts.columns,
            schema: parts.schema,
            filter: parts.filter,
            batch_rows: parts.batch_rows,
            starts: Vec::new(),
            pending: 0,
            partial: parts.partial,
            crc,
            sha256,
            taken: 0,
            summary: Summary {
                rows_declared,
                bytes_left_over: 0,
                rows_read: 0,
                rows_kept: 0,
                rows_deleted: 0,
                rows_unflagged: 0,
                rows_rejected: 0,
                rejected: Vec::new(),
                crc: state,
                crc32: stored,
                decoded_sha256: String::new(),
                source_sha256: String::new(),
                source_bytes: 0,
                bad_values: Vec::new(),
                normalised: Vec::new(),
            },
            cancel: None,
            state: State::Records,
        }
    }

    /// Ends with the token's error once it is set.
    pub fn cancel_with(mut self, cancel: Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Complete after the last batch.
    pub fn summary(&self) -> Summary {
        let mut summary = self.summary.clone();
        summary.bad_values = self.columns.iter().filter(|c| c.bad.count > 0).map(|c| c.bad.clone()).collect();
        let changed = self.columns.iter().filter_map(|c| c.normalised.as_ref()).filter(|n| n.count > 0);
        summary.normalised = changed.cloned().collect();
        summary
    }

    /// From now on each value that does not parse is kept until [`Batches::take_bad_cells`] takes it.
    pub fn keep_bad_cells(mut self) -> Self {
        self.columns.iter_mut().for_each(|column| column.bad_cells = Some(Vec::new()));
        self
    }

    /// What did not parse since this was last asked, by the number of the column.
    pub fn take_bad_cells(&mut self) -> Vec<(usize, BadCell)> {
        let taken = |(number, column): (usize, &mut ColumnBuilder)| {
            let cells = column.bad_cells.as_mut().map(std::mem::take).unwrap_or_default();
            cells.into_iter().map(move |cell| (number, cell))
        };
        self.columns.iter_mut().enumerate().flat_map(taken).collect()
    }

    /// Source bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.input.offset()
    }

    /// Writes the whole decoded body to `out`, and reads none of it as records.
    pub(super) fn copy_decoded(mut self, out: &mut dyn Write, name: &Path) -> Result<Summary> {
        let mut more = true;
        while more && !(matches!(self.body, Body::Imploded { .. }) && self.stream_ended()) {
            more = self.more()?;
            out.write_all(self.window.unread()).map_err(|error| Error::io(error, name))?;
            self.window.start = self.window.end;
        }
        if self.taken < self.header.body_len() {
            return Err(self.short());
        }
        self.tail()?;
        self.summary.rows_read = u64::from(self.header.records);
        Ok(self.summary())
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        while self.state == State::Records {
            if let Some(cancel) = &self.cancel {
                cancel.check()?;
            }
            self.take_records();
            if self.pending >= self.batch_rows {
                return self.batch().map(Some);
            }
            if self.summary.rows_read == u64::from(self.header.records) {
                self.state = State::Tail;
            } else if !self.more()? {
                self.end_early()?;
            }
        }
        if self.state == State::Tail {
            // The rows that are left come after the check, so that a limit aside nobody takes them for whole.
            self.tail()?;
            self.state = State::Done;
            if self.pending > 0 {
                return self.batch().map(Some);
            }
        }
        Ok(None)
    }

    /// Where the records end before the header's count does: damage, unless the caller takes what is there.
    fn end_early(&mut self) -> Result<()> {
        if !self.partial || !self.stream_ended() {
            return Err(self.short());
        }
        let rest = self.window.unread();
        self.summary.bytes_left_over = if rest == [0x1a] { 0 } else { rest.len() as u64 };
        self.window.start = self.window.end;
        self.state = State::Tail;
        Ok(())
    }

    /// Shows every live record to `see`, and builds nothing.
    pub(super) fn each_record(mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let length = self.header.record_len;
        loop {
            let declared = u64::from(self.header.records) - self.summary.rows_read;
            let whole = self.window.unread().len() / length;
            let whole = whole.min(usize::try_from(declared).unwrap_or(usize::MAX));
            for record in self.window.unread()[..whole * length].chunks_exact(length) {
                if matches!(record[0], b' ' | 0) {
                    see(record);
                }
            }
            self.summary.rows_read += whole as u64;
            self.window.start += whole * length;
            if self.summary.rows_read == u64::from(self.header.records) || !self.more()? {
                return Ok(());
            }
        }
    }

    /// Moves whole records from the window into the columns, up to a full batch.
    fn take_records(&mut self) {
        let length = self.header.record_len;
        let declared = u64::from(self.header.records) - self.summary.rows_read;
        let whole = (self.window.unread().len() / length).min(usize::try_from(declared).unwrap_or(usize::MAX));
        self.starts.clear();
        let mut used = 0;
        for index in 0..whole {
            if self.pending + self.starts.len() >= self.batch_rows {
                break;
            }
            let start = self.window.start + index * length;
            let record = &self.window.bytes[start..start + length];
            let row = self.summary.rows_read;
            used += length;
            self.summary.rows_read += 1;
            match record[0] {
                b' ' | 0 => {
                    self.summary.rows_unflagged += u64::from(record[0] == 0);
                    if self.filter.as_ref().is_none_or(|filter| filter.keeps(record, &self.header)) {
                        self.starts.push((start as u32, row));
                    }
                }
                b'*' => self.summary.rows_deleted += 1,
                _ => {
                    self.summary.rows_rejected += 1;
                    let kept = self.summary.rejected.len();
                    if kept < KEPT_REJECTS && (kept + 1) * length <= KEPT_REJECTED_BYTES {
                        let raw = record.iter().map(|byte| char::from(*byte)).collect();
                        self.summary.rejected.push(RejectedRecord { row, raw });
                    }
                }
            }
        }
        let first = self.summary.rows_kept + self.pending as u64;
        for column in &mut self.columns {
            column.extend(&self.window.bytes, &self.starts, first);
        }
        self.pending += self.starts.len();
        self.window.start += used;
    }

    fn batch(&mut self) -> Result<RecordBatch> {
        let columns = self.columns.iter_mut().map(ColumnBuilder::finish).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.pending));
        let batch =
            RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map_err(Error::internal)?;
        self.summary.rows_kept += self.pending as u64;
        self.pending = 0;
        Ok(batch)
    }

    /// Decodes more into the window; false where the stream has ended.
    fn more(&mut self) -> Result<bool> {
        self.window.make_room();
        let before = self.window.end;
        match &mut self.body {
            Body::Imploded { exploder, .. } => exploder.fill(&mut self.input, &mut self.window)?,
            Body::Plain => {
                let room = self.window.room();
                let end = self.window.end;
                let read = self.input.read(&mut self.window.bytes[end..end + room])?;
                self.window.end += read;
            }
        }
        let new = &self.window.bytes[before..self.window.end];
        if let Some(crc) = &mut self.crc {
            crc.update(new);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(new);
        }
        self.taken += new.len() as u64;
        // One more byte than declared is the end-of-file mark that most files have.
        if matches!(self.body, Body::Imploded { .. }) && self.taken > self.header.body_len() + 1 {
            return Err(Cause::TooLong.at(&self.input.name, self.input.offset()));
        }
        Ok(!new.is_empty())
    }

    fn short(&self) -> Error {
        let cause = match self.body {
            Body::Imploded { .. } => Cause::TooShort,
            Body::Plain => Cause::Truncated,
        };
        cause.at(&self.input.name, self.input.offset())
    }

    /// What follows the records: the end mark, the end of the stream, and the CRC.
    fn tail(&mut self) -> Result<()> {
        if let Body::Imploded { .. } = self.body {
            self.window.start = self.window.end;
            while !self.stream_ended() {
                self.more()?;
                self.window.start = self.window.end;
            }
        } else {
            self.after_plain()?;
        }
        if let (Some(crc), Some(stored)) = (self.crc.take(), self.summary.crc32) {
            let found = crc.finalize();
            if found != stored {
                return Err(Cause::BadCrc
                    .at(&self.input.name, self.header.header_len as u64)
                    .with("expected_crc32", format!("{stored:08x}"))
                    .with("received_crc32", format!("{found:08x}")));
            }
            self.summary.crc = CrcState::Ok;
        }
        let (bytes, sha256) = self.input.finish()?;
        self.summary.source_bytes = bytes;
        self.summary.source_sha256 = sha256;
        if let Some(sha256) = self.sha256.take() {
            self.summary.decoded_sha256 = hex::encode(sha256.finalize());
        }
        Ok(())
    }

    /// A plain DBF has no CRC that would tell of records beyond the declared ones: only marks and padding may follow.
    fn after_plain(&mut self) -> Result<()> {
        loop {
            let padding = |byte: &u8| matches!(byte, 0 | 0x1a);
            if let Some(at) = self.window.unread().iter().position(|byte| !padding(byte)) {
                let behind = (self.window.unread().len() - at) as u64;
                return Err(Cause::TooLong.at(&self.input.name, self.input.offset().saturating_sub(behind)));
            }
            self.window.start = self.window.end;
            if !self.more()? {
                return Ok(());
            }
        }
    }

    fn stream_ended(&self) -> bool {
        match &self.body {
            Body::Imploded { exploder, .. } => exploder.ended(),
            Body::Plain => true,
        }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(batch) => batch.map(Ok),
            Err(error) => {
                self.state = State::Done;
                self.pending = 0;
                Some(Err(error))
            }
        }
    }
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").field("file", &self.input.name).field("schema", &Arc::as_ref(&self.schema)).finish()
    }
}
