//! A DBC or DBF file, opened: its header is read, its records are not.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Field as ArrowField, Schema};

use super::batches::Parts;
use super::columns::ColumnBuilder;
use super::damage::Cause;
use super::decoded::{Body, Sums};
use super::explode::Exploder;
use super::input::Input;
use super::zipped::{self, Member};
use super::{Batches, Encoding, Header, RowFilter};
use crate::base::{Error, Result, Text, text};
use crate::catalog::{Form, LogicalType};
use crate::store::{Location, Reader, Stores};

/// Bytes of records that columns have room for at first.
const SET_ASIDE: usize = 4 << 20;

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// True: a DBC whose CRC-32 does not match its content ends with DS-460. False: it is not looked at.
    pub verify_crc: bool,
    /// True: the summary has the SHA-256 of the decoded DBF, which costs time. False: it is empty.
    pub decoded_sha256: bool,
    /// What text fields are written in.
    pub encoding: Encoding,
    /// True: where the header declares more records than there are, those that are there are read, and the summary says how
    /// many were declared. False: such a file ends with DS-460.
    pub partial: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions { verify_crc: true, decoded_sha256: false, encoding: Encoding::Latin1, partial: false }
    }
}

/// Which columns come out, and of which rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// In the order of the batches.
    pub columns: Vec<OutputColumn>,
    /// Rows of each batch, but for the last; at most [`Layout::MOST_ROWS`].
    pub batch_rows: usize,
    /// None: every row.
    pub filter: Option<RowFilter>,
    /// The file's year: two-digit years lie in the latest century that is not after it.
    pub reference_year: u16,
}

/// One column of the batches.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputColumn {
    /// Index in the header's fields.
    pub field: usize,
    /// The column's name.
    pub name: String,
    /// Its type.
    pub kind: LogicalType,
    /// How its codes are written in the batches, whatever the file did; none: as the file has them.
    pub form: Option<Form>,
}

impl Layout {
    /// A column of this many of the widest fields still fits Arrow's 32-bit offsets.
    pub const MOST_ROWS: usize = 1 << 20;

    /// Every column, as text.
    pub fn all_as_text(header: &Header) -> Self {
        let columns = header
            .fields
            .iter()
            .enumerate()
            .filter(|(_, of)| of.is_column())
            .map(|(field, of)| OutputColumn { field, name: of.name.clone(), kind: LogicalType::Text, form: None });
        Layout { columns: columns.collect(), batch_rows: 65_536, filter: None, reference_year: 2099 }
    }
}

/// An opened file.
pub struct RecordFile {
    input: Input,
    header: Header,
    header_bytes: Vec<u8>,
    body: Body,
    options: ReadOptions,
    warnings: Vec<Text>,
}

impl RecordFile {
    /// Opens a file and checks its header. Whether it is DBC or DBF, or a zip of one, is told by its content, not by its name.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self> {
        RecordFile::open_in(&Stores::default(), &Location::file(path), options)
    }

    /// The same of an object of any store.
    pub fn open_in(stores: &Stores, at: &Location, options: &ReadOptions) -> Result<Self> {
        let object = stores.open(at).map_err(|error| error.stage("decode"))?;
        if zipped::is_zip(object.as_ref()) {
            let name = at.to_string();
            let member = Member::open(object, &name)?;
            let size = member.size;
            return RecordFile::read_header(member, &name, Some(size), options);
        }
        let size = object.size();
        RecordFile::read_header(Reader::new(object), &at.to_string(), Some(size), options)
    }

    /// The same from any reader; `name` stands in errors.
    pub fn from_reader(reader: impl Read + Send + 'static, name: &str, options: &ReadOptions) -> Result<Self> {
        RecordFile::read_header(reader, name, None, options)
    }

    fn read_header(
        reader: impl Read + Send + 'static,
        name: &str,
        size: Option<u64>,
        options: &ReadOptions,
    ) -> Result<Self> {
        let mut input = Input::new(reader, name);
        let (header, header_bytes) = Header::read(&mut input)?;
        let at_hand = input.available()?;
        let head: [u8; 6] = std::array::from_fn(|index| at_hand.get(index).copied().unwrap_or(0));
        let at_hand = at_hand.len();
        let named = |extension: &str| name.to_lowercase().ends_with(extension);
        let plain_size = header.header_len as u64 + header.body_len();
        let is_plain_size = size.is_some_and(|size| size == plain_size || size == plain_size + 1);
        // A record begins with a blank or `*`, and so begins a CRC only by chance.
        let like_records = header.records > 0 && matches!(head[0], b' ' | b'*') && head[4] >= b' ' && head[5] >= b' ';
        let looks_imploded = head[4] <= 1 && (4..=6).contains(&head[5]) && at_hand >= 6;
        let mut warnings = Vec::new();
        let body = if looks_imploded {
            input.consume(6);
            if named(".dbf") {
                warnings.push(text!("{name} é um DBC com nome de DBF", "{name} is a DBC that is named DBF"));
            }
            let crc = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
            Body::Imploded { exploder: Exploder::new([head[4], head[5]], &input)?, crc }
        } else if is_plain_size || like_records || !named(".dbc") {
            if named(".dbc") {
                warnings.push(text!("{name} é um DBF com nome de DBC", "{name} is a DBF that is named DBC"));
            }
            Body::Plain
        } else if at_hand < 6 {
            return Err(Cause::Truncated.at(name, input.offset() + at_hand as u64));
        } else if head[4] > 1 {
            return Err(Cause::BadLiteralFlag.at(name, input.offset() + 4));
        } else {
            return Err(Cause::BadDictionary.at(name, input.offset() + 5));
        };
        Ok(RecordFile { input, header, header_bytes, body, options: options.clone(), warnings })
    }

    /// What the file says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn header_bytes(&self) -> &[u8] {
        &self.header_bytes
    }

    /// What is odd about the file and does no harm.
    pub fn warnings(&self) -> &[Text] {
        &self.warnings
    }

    /// Every live record's bytes, without a column built.
    pub(super) fn each_record(self, see: impl FnMut(&[u8])) -> Result<()> {
        let nothing = Layout { columns: Vec::new(), batch_rows: 1, filter: None, reference_year: 2099 };
        self.batches(nothing)?.each_record(see)
    }

    /// Starts reading; DS-460 where a column is of a type that is not read.
    pub fn batches(self, layout: Layout) -> Result<Batches> {
        let mut columns = Vec::with_capacity(layout.columns.len());
        let mut fields = Vec::with_capacity(layout.columns.len());
        let batch_rows = layout.batch_rows.clamp(1, Layout::MOST_ROWS);
        // What is set aside at first must not follow what a damaged header declares.
        let expected = batch_rows.min(self.header.records as usize).min(SET_ASIDE / self.header.record_len.max(1));
        for output in &layout.columns {
            let field = self.header.fields.get(output.field).ok_or_else(|| {
                Error::internal(format!("layout asks for field {} of {}", output.field, self.header.fields.len()))
            })?;
            if let Some(why) = field.refusal() {
                let at = 32 + 32 * output.field as u64;
                let error = Cause::UnreadType.explained(&self.input.name, at, &why).column(&field.name);
                return Err(error.with("field_type", char::from(field.dbf_type).to_string()));
            }
            columns.push(ColumnBuilder::new(field, output, layout.reference_year, self.options.encoding, expected));
            fields.push(ArrowField::new(&output.name, output.kind.arrow(), true));
        }
        Ok(Batches::new(Parts {
            input: self.input,
            header: self.header,
            header_bytes: self.header_bytes,
            body: self.body,
            columns,
            schema: Arc::new(Schema::new(fields)),
            filter: layout.filter,
            batch_rows,
            sums: Sums { verify_crc: self.options.verify_crc, decoded_sha256: self.options.decoded_sha256 },
            partial: self.options.partial,
        }))
    }
}

impl std::fmt::Debug for RecordFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordFile").field("file", &self.input.name).field("header", &self.header).finish()
    }
}
