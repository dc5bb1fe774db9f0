//! The records of a file as Arrow batches.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;

use super::columns::ColumnBuilder;
use super::decoded::{Body, Decoded, Sums};
use super::input::Input;
use super::{BadCell, Header, RejectedRecord, RowFilter, Summary};
use crate::base::{Cancel, Error, Result};

/// Records that are neither live nor deleted and are kept raw, and their bytes: a file of nothing else is no table.
const KEPT_REJECTS: usize = 10_000;
const KEPT_REJECTED_BYTES: usize = 4 << 20;

/// The batches of one file, in its order. A damaged file ends with DS-460 as the last item.
pub struct Batches {
    decoded: Decoded,
    header: Header,
    columns: Vec<ColumnBuilder>,
    schema: SchemaRef,
    filter: Option<RowFilter>,
    batch_rows: usize,
    starts: Vec<(u32, u64)>,
    pending: usize,
    partial: bool,
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
    pub sums: Sums,
    pub partial: bool,
}

impl Batches {
    pub(super) fn new(parts: Parts) -> Self {
        let decoded = Decoded::new(parts.input, parts.body, &parts.header, &parts.header_bytes, &parts.sums);
        let (crc32, crc) = decoded.crc();
        let changed = parts.header.changed;
        let rows_declared = u64::from(parts.header.records);
        Batches {
            decoded,
            header: parts.header,
            columns: parts.columns,
            schema: parts.schema,
            filter: parts.filter,
            batch_rows: parts.batch_rows,
            starts: Vec::new(),
            pending: 0,
            partial: parts.partial,
            summary: Summary {
                rows_declared,
                changed,
                bytes_left_over: 0,
                rows_read: 0,
                rows_kept: 0,
                rows_deleted: 0,
                rows_unflagged: 0,
                rows_rejected: 0,
                rejected: Vec::new(),
                crc,
                crc32,
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

    /// Names and types of the columns.
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
        self.decoded.input.offset()
    }

    /// Writes the whole decoded body to `out`, and reads none of it as records.
    pub(super) fn copy_decoded(mut self, out: &mut dyn Write, name: &Path) -> Result<Summary> {
        let mut more = true;
        while more && !self.decoded.stream_ended() {
            more = self.decoded.more()?;
            out.write_all(self.decoded.window.unread()).map_err(|error| Error::io(error, name))?;
            self.decoded.window.start = self.decoded.window.end;
        }
        if !self.decoded.is_whole() {
            return Err(self.decoded.short());
        }
        self.decoded.finish(&mut self.summary)?;
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
            } else if !self.decoded.more()? {
                self.end_early()?;
            }
        }
        if self.state == State::Tail {
            // The rows that are left come after the check, so that a limit aside nobody takes them for whole.
            self.decoded.finish(&mut self.summary)?;
            self.state = State::Done;
            if self.pending > 0 {
                return self.batch().map(Some);
            }
        }
        Ok(None)
    }

    /// Where the records end before the header's count does: damage, unless the caller takes what is there.
    fn end_early(&mut self) -> Result<()> {
        if !self.partial || !self.decoded.ended() {
            return Err(self.decoded.short());
        }
        let rest = self.decoded.window.unread();
        self.summary.bytes_left_over = if rest == [0x1a] { 0 } else { rest.len() as u64 };
        self.decoded.window.start = self.decoded.window.end;
        self.state = State::Tail;
        Ok(())
    }

    /// Shows every live record to `see`, and builds nothing.
    pub(super) fn each_record(mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let length = self.header.record_len;
        loop {
            let declared = u64::from(self.header.records) - self.summary.rows_read;
            let whole = self.decoded.window.unread().len() / length;
            let whole = whole.min(usize::try_from(declared).unwrap_or(usize::MAX));
            for record in self.decoded.window.unread()[..whole * length].chunks_exact(length) {
                if matches!(record[0], b' ' | 0) {
                    see(record);
                }
            }
            self.summary.rows_read += whole as u64;
            self.decoded.window.start += whole * length;
            if self.summary.rows_read == u64::from(self.header.records) || !self.decoded.more()? {
                return Ok(());
            }
        }
    }

    /// Moves whole records from the window into the columns, up to a full batch.
    fn take_records(&mut self) {
        let length = self.header.record_len;
        let declared = u64::from(self.header.records) - self.summary.rows_read;
        let whole = (self.decoded.window.unread().len() / length).min(usize::try_from(declared).unwrap_or(usize::MAX));
        self.starts.clear();
        let mut used = 0;
        for index in 0..whole {
            if self.pending + self.starts.len() >= self.batch_rows {
                break;
            }
            let start = self.decoded.window.start + index * length;
            let record = &self.decoded.window.bytes[start..start + length];
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
            column.extend(&self.decoded.window.bytes, &self.starts, first);
        }
        self.pending += self.starts.len();
        self.decoded.window.start += used;
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
        f.debug_struct("Batches")
            .field("file", &self.decoded.input.name)
            .field("schema", &Arc::as_ref(&self.schema))
            .finish()
    }
}
