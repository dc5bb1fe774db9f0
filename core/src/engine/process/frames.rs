//! What goes through the pipes between the library and a worker: a letter, two lengths, and as many bytes. Rows are the messages of an
//! Arrow IPC stream, each with the bytes of its arrays behind it.

use std::collections::HashMap;
use std::io::{Error as IoError, ErrorKind, Read, Result as IoResult, Write};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::{CompressionContext, DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteOptions};
use arrow::ipc::{convert, reader, root_as_message};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Who the worker is.
    Hello,
    /// The one thing that it is to do.
    Request,
    /// It has heard that, and begins.
    Begins,
    /// The answer's columns.
    Schema,
    /// Words that columns of the next rows name by number.
    Dictionary,
    /// A batch.
    Rows,
    /// These were all.
    End,
    /// Why there will be no more.
    Failed,
}

const KINDS: [(Kind, u8); 8] = [
    (Kind::Hello, b'H'),
    (Kind::Request, b'Q'),
    (Kind::Begins, b'B'),
    (Kind::Schema, b'S'),
    (Kind::Dictionary, b'D'),
    (Kind::Rows, b'R'),
    (Kind::End, b'E'),
    (Kind::Failed, b'F'),
];

/// Of what describes the bytes: a schema of thousands of columns, a request of thousands of files.
const MOST_HEAD: u64 = 64 << 20;

pub(super) struct Frame {
    pub kind: Kind,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

pub(super) fn write(to: &mut impl Write, kind: Kind, head: &[u8], body: &[u8]) -> IoResult<()> {
    let letter = KINDS.iter().find(|(one, _)| *one == kind).map_or(0, |(_, letter)| *letter);
    let mut start = [0; 17];
    start[0] = letter;
    start[1..9].copy_from_slice(&(head.len() as u64).to_le_bytes());
    start[9..].copy_from_slice(&(body.len() as u64).to_le_bytes());
    to.write_all(&start)?;
    to.write_all(head)?;
    to.write_all(body)
}

/// The next one, whose body has `most` bytes at most. Memory is taken as bytes come, whatever is said of their number.
pub(super) fn read(from: &mut impl Read, most: u64) -> IoResult<Frame> {
    let mut start = [0; 17];
    from.read_exact(&mut start)?;
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|place| start[at + place]));
    let kind = KINDS.iter().find(|(_, letter)| *letter == start[0]).map(|(kind, _)| *kind);
    let kind = kind.ok_or_else(|| odd("no frame of a worker's"))?;
    let (head, body) = (number(1), number(9));
    if head > MOST_HEAD || body > most {
        return Err(odd("a frame of a worker's is too large"));
    }
    Ok(Frame { kind, head: bytes(from, head)?, body: bytes(from, body)? })
}

/// More than an ordinary batch.
const AT_ONCE: u64 = 16 << 20;

fn bytes(from: &mut impl Read, length: u64) -> IoResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length.min(AT_ONCE) as usize);
    from.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
}

fn odd(what: &'static str) -> IoError {
    IoError::new(ErrorKind::InvalidData, what)
}

/// Batches of one schema into a pipe.
pub(super) struct RowsOut {
    tracker: DictionaryTracker,
    options: IpcWriteOptions,
    scratch: CompressionContext,
}

impl RowsOut {
    pub fn begin(to: &mut impl Write, schema: &Schema) -> IoResult<Self> {
        let (mut tracker, options) = (DictionaryTracker::new(false), IpcWriteOptions::default());
        let head = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(schema, &mut tracker, &options);
        write(to, Kind::Schema, &head.ipc_message, &[])?;
        Ok(RowsOut { tracker, options, scratch: CompressionContext::default() })
    }

    pub fn write(&mut self, to: &mut impl Write, batch: &RecordBatch) -> IoResult<()> {
        let encoded = IpcDataGenerator::default().encode(batch, &mut self.tracker, &self.options, &mut self.scratch);
        let (dictionaries, rows) = encoded.map_err(IoError::other)?;
        let mut send = |kind, of: &EncodedData| write(to, kind, &of.ipc_message, &of.arrow_data);
        dictionaries.iter().try_for_each(|one| send(Kind::Dictionary, one))?;
        send(Kind::Rows, &rows)
    }
}

/// The same out of one. The bytes are checked as those of a stranger: who sends them has run a stranger's SQL.
pub(super) struct RowsIn {
    pub schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
}

impl RowsIn {
    pub fn begin(frame: &Frame) -> Result<Self, ArrowError> {
        let message = root_as_message(&frame.head).map_err(unreadable)?;
        let schema = message.header_as_schema().ok_or_else(|| unreadable("no schema"))?;
        Ok(RowsIn { schema: convert::fb_to_schema(schema).into(), dictionaries: HashMap::new() })
    }

    pub fn dictionary(&mut self, frame: Frame) -> Result<(), ArrowError> {
        let message = root_as_message(&frame.head).map_err(unreadable)?;
        let of = message.header_as_dictionary_batch().ok_or_else(|| unreadable("no dictionary"))?;
        let body = Buffer::from_vec(frame.body);
        reader::read_dictionary(&body, of, &self.schema, &mut self.dictionaries, &message.version())
    }

    pub fn rows(&self, frame: Frame) -> Result<RecordBatch, ArrowError> {
        let message = root_as_message(&frame.head).map_err(unreadable)?;
        let rows = message.header_as_record_batch().ok_or_else(|| unreadable("no rows"))?;
        let body = Buffer::from_vec(frame.body);
        reader::read_record_batch(&body, rows, self.schema.clone(), &self.dictionaries, None, &message.version())
    }
}

fn unreadable(why: impl std::fmt::Display) -> ArrowError {
    ArrowError::IpcError(format!("what a worker sent is no Arrow: {why}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::Int32Type;

    use super::*;

    fn batch() -> RecordBatch {
        let lists = [Some(vec![Some(1), None]), None, Some(vec![])];
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("text", Arc::new(StringArray::from(vec![Some("ã"), None, Some("")]))),
            ("money", Arc::new(Decimal128Array::from(vec![1, 2, 3]).with_precision_and_scale(38, 2).unwrap())),
            ("word", Arc::new(DictionaryArray::<Int32Type>::from_iter(["a", "b", "a"]))),
            ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
            ("none", Arc::new(NullArray::new(3))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, of)| (name, of, true))).unwrap()
    }

    #[test]
    fn rows_come_out_as_they_went_in_and_what_is_cut_or_changed_is_an_error() {
        let (mut pipe, batch) = (Vec::new(), batch());
        let mut out = RowsOut::begin(&mut pipe, &batch.schema()).unwrap();
        for piece in [batch.clone(), batch.slice(1, 2), batch.slice(0, 0)] {
            out.write(&mut pipe, &piece).unwrap();
        }
        let read_all = |mut bytes: &[u8]| -> Result<Vec<RecordBatch>, String> {
            let mut next = || read(&mut bytes, 1 << 20).map_err(|error| error.to_string());
            let mut rows = RowsIn::begin(&next()?).map_err(|error| error.to_string())?;
            let mut found = Vec::new();
            while found.len() < 3 {
                let frame = next()?;
                match frame.kind {
                    Kind::Dictionary => rows.dictionary(frame).map_err(|error| error.to_string())?,
                    _ => found.push(rows.rows(frame).map_err(|error| error.to_string())?),
                }
            }
            Ok(found)
        };
        assert_eq!(read_all(&pipe).unwrap(), [batch.clone(), batch.slice(1, 2), batch.slice(0, 0)]);
        for cut in [3, 20, pipe.len() / 2, pipe.len() - 1] {
            assert!(read_all(&pipe[..cut]).is_err(), "{cut}");
        }
        // Any byte may be another: an error or other values, and never more memory or a panic that is not caught.
        for at in 0..pipe.len() {
            let mut changed = pipe.clone();
            changed[at] ^= 0xff;
            let _ = std::panic::catch_unwind(|| read_all(&changed).is_ok());
        }
    }

    #[test]
    fn a_length_that_is_said_takes_no_memory() {
        let mut said = vec![b'R'];
        said.extend(10u64.to_le_bytes());
        said.extend((1u64 << 40).to_le_bytes());
        assert_eq!(read(&mut said.as_slice(), 1 << 30).err().map(|error| error.kind()), Some(ErrorKind::InvalidData));
        assert_eq!(read(&mut said.as_slice(), 1 << 50).err().map(|error| error.kind()), Some(ErrorKind::UnexpectedEof));
    }
}
