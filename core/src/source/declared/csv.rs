//! CSV as OpenDataSUS and others write it: delimiter and encoding are found or given, a value is text unless the caller names another type,
//! and an empty one is NULL.

use std::io::Read;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::cells::{Cells, is_ambiguous};
use super::form::Form;
use super::quotes::Quotes;
use crate::base::{Code, Error, Result, Text, clip, text};
use crate::config::CsvEncoding;
use crate::store::{ReadAt, Reader};

/// Delimiters that are looked for, in this order where two are as many.
const DELIMITERS: [(u8, &str); 4] = [(b';', ";"), (b',', ","), (b'\t', "tab"), (b'|', "|")];
/// Bytes of a header, and columns, at most.
const LONGEST_HEADER: usize = 1 << 20;
const MOST_COLUMNS: usize = 4_096;
const BLOCK: usize = 256 << 10;

pub(super) struct CsvRows {
    reader: csv::Reader<Box<dyn Read + Send>>,
    schema: SchemaRef,
    encoding: CsvEncoding,
    delimiter: String,
    /// Whether the caller said both.
    is_given: bool,
    name: String,
    record: csv::ByteRecord,
}

impl CsvRows {
    /// Reads the whole file once to see whether it is UTF-8, unless the form says another encoding; what is not is Latin-1. DS-460 where
    /// it has no header, or not the letters that were said; DS-422 for a type of a column that it does not have.
    pub(super) fn open(object: Arc<dyn ReadAt>, name: &str, form: &Form) -> Result<Self> {
        let is_utf8 = || is_utf8(Reader::new(object.clone())).map_err(|error| Error::io(error, name.as_ref()));
        let encoding = match form.encoding {
            None if is_utf8()? => CsvEncoding::Utf8,
            None => CsvEncoding::Latin1,
            Some(CsvEncoding::Utf8) if !is_utf8()? => return Err(not_utf8(name)),
            Some(said) => said,
        };
        let header = header(Reader::new(object.clone())).map_err(|error| Error::io(error, name.as_ref()))?;
        let found = delimiter(&header).ok_or_else(|| no_header(name))?;
        let (byte, delimiter) = match form.delimiter {
            Some(b'\t') => (b'\t', "tab".to_owned()),
            Some(byte) => (byte, char::from(byte).to_string()),
            None => (found.0, found.1.to_owned()),
        };
        let bytes: Box<dyn Read + Send> = Box::new(Quotes::of(without_mark(Reader::new(object)), byte, name));
        let mut reader = csv::ReaderBuilder::new().delimiter(byte).from_reader(bytes);
        let names = reader.byte_headers().map_err(|error| broken(name, &error))?.clone();
        let names: Vec<String> = names.iter().map(|field| decoded(field, encoding).trim().to_owned()).collect();
        if names.len() > MOST_COLUMNS || names.iter().any(|name| name.is_empty() || name.contains('\0')) {
            return Err(no_header(name));
        }
        let has = |column: &String| names.iter().any(|name| name.to_uppercase() == *column);
        if let Some(absent) = form.types.keys().find(|column| !has(column)) {
            return Err(no_column(name, absent, &names));
        }
        let kind = |name: &String| form.types.get(&name.to_uppercase()).cloned().unwrap_or(DataType::Utf8);
        let fields: Vec<Field> = names.iter().map(|name| Field::new(name, kind(name), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let is_given = form.delimiter.is_some() && form.encoding.is_some();
        Ok(CsvRows {
            reader,
            schema,
            encoding,
            delimiter,
            is_given,
            name: name.to_owned(),
            record: csv::ByteRecord::new(),
        })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// What was found; nothing where the caller said it.
    pub(super) fn said(&self) -> Option<Text> {
        let (name, delimiter) = (&self.name, &self.delimiter);
        let encoding = match self.encoding {
            CsvEncoding::Utf8 => "UTF-8",
            CsvEncoding::Latin1 => "Latin-1",
            CsvEncoding::Windows1252 => "Windows-1252",
        };
        let said = text!(
            "{name}: CSV lido com o delimitador {delimiter} e a codificação {encoding}, que o próprio arquivo diz",
            "{name}: CSV read with the delimiter {delimiter} and the encoding {encoding}, as the file itself says"
        );
        (!self.is_given).then_some(said)
    }

    /// At most `rows` of them. DS-460 for a row with more or fewer values than there are columns, DS-422 for a value that is not of the
    /// type that its column was said to have.
    pub(super) fn next_batch(&mut self, rows: usize) -> Result<Option<RecordBatch>> {
        let mut columns: Vec<Cells> = self.schema.fields().iter().map(|field| Cells::of(field.data_type())).collect();
        let mut held = 0;
        while held < rows {
            let more = self.reader.read_byte_record(&mut self.record).map_err(|error| broken(&self.name, &error))?;
            if !more {
                break;
            }
            for (at, (column, value)) in columns.iter_mut().zip(self.record.iter()).enumerate() {
                let taken = match (std::str::from_utf8(value), self.encoding) {
                    (Ok(text), CsvEncoding::Utf8) => column.add(text),
                    _ => column.add(&decoded(value, self.encoding)),
                };
                if !taken {
                    let line = self.record.position().map_or(0, csv::Position::line);
                    let value = decoded(value, self.encoding);
                    return Err(not_of_its_type(&self.name, line, self.schema.field(at), &value));
                }
            }
            held += 1;
        }
        if held == 0 {
            return Ok(None);
        }
        let columns = columns.iter_mut().map(Cells::finish).collect();
        RecordBatch::try_new(self.schema.clone(), columns).map(Some).map_err(Error::internal)
    }
}

fn decoded(bytes: &[u8], encoding: CsvEncoding) -> String {
    match encoding {
        CsvEncoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        CsvEncoding::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        CsvEncoding::Windows1252 => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
    }
}

/// Letters of Windows-1252 from 0x80 to 0x9f; five have none, and stay control signs.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Whether all of it is.
fn is_utf8(mut reader: impl Read) -> std::io::Result<bool> {
    let mut block = vec![0; BLOCK];
    let mut kept = 0;
    loop {
        let read = match reader.read(&mut block[kept..]) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let held = kept + read;
        match std::str::from_utf8(&block[..held]) {
            Ok(_) => kept = 0,
            // A letter that goes on in the next block.
            Err(error) if error.error_len().is_none() && read > 0 => {
                let from = error.valid_up_to();
                block.copy_within(from..held, 0);
                kept = held - from;
            }
            Err(_) => return Ok(false),
        }
        if read == 0 {
            return Ok(true);
        }
    }
}

const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Without the mark at the beginning that some programs write before UTF-8.
fn without_mark(mut reader: impl Read + Send + 'static) -> impl Read + Send + 'static {
    let mut head = [0; 3];
    let mut filled = 0;
    while filled < head.len() {
        match reader.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // Whoever reads on meets it again.
            Err(_) => break,
        }
    }
    let kept = if head[..filled] == MARK { Vec::new() } else { head[..filled].to_vec() };
    std::io::Cursor::new(kept).chain(reader)
}

/// The first line, or what of it is looked at.
fn header(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = std::io::BufReader::new(reader.take(LONGEST_HEADER as u64));
    std::io::BufRead::read_until(&mut reader, b'\n', &mut bytes)?;
    Ok(bytes)
}

/// The one that separates most names; a file of one column has none, and any does. None: there is nothing.
fn delimiter(header: &[u8]) -> Option<(u8, &'static str)> {
    let bare = header.strip_prefix(&MARK[..]).unwrap_or(header);
    if bare.iter().all(u8::is_ascii_whitespace) || bare.contains(&0) {
        return None;
    }
    let count = |delimiter: u8| {
        let mut quoted = false;
        bare.iter()
            .filter(|byte| {
                quoted ^= **byte == b'"';
                !quoted && **byte == delimiter
            })
            .count()
    };
    let mut best = DELIMITERS[0];
    for one in DELIMITERS {
        if count(one.0) > count(best.0) {
            best = one;
        }
    }
    Some(best)
}

fn no_header(name: &str) -> Error {
    Error::new(
        Code::DamagedFile,
        text!(
            "{name} não é Parquet nem CSV com os nomes das colunas na primeira linha",
            "{name} is neither Parquet nor a CSV with the names of its columns in the first line"
        ),
    )
    .with("cause", "no_header")
    .file(name)
    .stage("source")
}

fn not_utf8(name: &str) -> Error {
    Error::new(
        Code::DamagedFile,
        text!(
            "{name} não é UTF-8, como foi dito em `csv`; diga latin1 ou windows-1252, ou deixe que o arquivo o diga",
            "{name} is not UTF-8, as was said in `csv`; say latin1 or windows-1252, or leave it to the file"
        ),
    )
    .with("cause", "encoding")
    .file(name)
    .stage("source")
}

fn no_column(file: &str, absent: &str, names: &[String]) -> Error {
    let (absent, list) = (clip(absent), clip(&names.join(", ")));
    super::refused(text!(
        "{file} não tem a coluna {absent}, cujo tipo foi dito em `csv`; tem {list}",
        "{file} has no column {absent}, whose type was said in `csv`; it has {list}"
    ))
    .column(absent)
    .file(file)
}

fn not_of_its_type(file: &str, line: u64, field: &Field, value: &str) -> Error {
    let (column, shown) = (field.name(), clip(value));
    let kind = match field.data_type() {
        DataType::Int64 => "integer".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        other => other.to_string(),
    };
    let refused = match is_ambiguous(value, field.data_type()) {
        true => text!(
            "{file}: na linha {line} a coluna {column} é \"{shown}\", em que o sinal pode separar milhares; diga decimal(14,3) em `csv` se são casas decimais, ou exporte o número sem o sinal se são milhares",
            "{file}: in line {line} column {column} is \"{shown}\", whose sign may stand for thousands; say decimal(14,3) in `csv` where they are decimal places, or export the number without the sign where they are thousands"
        ),
        false => text!(
            "{file}: na linha {line} a coluna {column} é \"{shown}\", e não {kind}, como foi dito em `csv`; corrija o valor, ou diga text",
            "{file}: in line {line} column {column} is \"{shown}\", and not {kind}, as was said in `csv`; correct the value, or say text"
        ),
    };
    super::refused(refused).with("received", shown).with("line", line).column(column).file(file)
}

fn broken(name: &str, error: &csv::Error) -> Error {
    if let csv::ErrorKind::Io(inner) = error.kind() {
        // What brings the bytes says why in its own words.
        let own = Error::within(inner);
        return own.unwrap_or_else(|| Error::io(std::io::Error::from(inner.kind()), name.as_ref()));
    }
    let line = error.position().map_or(0, csv::Position::line);
    let (expected, came) = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => (*expected_len, *len),
        _ => (0, 0),
    };
    let what = text!(
        "{name}: a linha {line} tem {came} valores e o cabeçalho tem {expected} colunas. Se algum texto contém o delimitador ou quebra de linha, ele tem de vir entre aspas; exporte o arquivo de novo",
        "{name}: line {line} has {came} values and the header has {expected} columns. A text that holds the delimiter or a line break must stand in quotes; export the file again"
    );
    super::bad_csv(name, line, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiter_and_encoding_are_what_the_file_says() {
        for (header, expected) in [
            ("a;b;c\n", Some(b';')),
            ("a,b,c\n", Some(b',')),
            ("\"a;x\",b,c\n", Some(b',')),
            ("a\tb\n", Some(b'\t')),
            ("uma\n", Some(b';')),
            ("\u{feff}a|b\n", Some(b'|')),
            ("\n", None),
            ("", None),
        ] {
            assert_eq!(delimiter(header.as_bytes()).map(|found| found.0), expected, "{header:?}");
        }
        let long = "ç".repeat(BLOCK);
        for (bytes, expected) in [
            (b"a;b".to_vec(), true),
            ([b"x", long.as_bytes()].concat(), true),
            (vec![b'S', 0xe3, b'o'], false),
            (vec![b'S', 0xc3], false),
        ] {
            assert_eq!(is_utf8(std::io::Cursor::new(&bytes)).unwrap(), expected, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn what_fails_in_mid_file_keeps_its_own_code() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                let own = Error::new(Code::CredentialsRefused, text!("A chave não serve", "The key does not do"));
                Err(std::io::Error::other(own))
            }
        }
        let mut reader = csv::Reader::from_reader(std::io::Cursor::new(b"a;b\n").chain(Fails));
        let error = reader.byte_records().find_map(Result::err).unwrap();
        assert_eq!(broken("a.csv", &error).code(), Code::CredentialsRefused);
    }
}
