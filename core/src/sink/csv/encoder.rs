//! Columns in, rows of text out.

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;

use rayon::prelude::*;

use super::block::{Blocks, Marks};
use super::cells::{self, Column, Special};
use super::{Csv, LineEnding};
use crate::base::{Code, Error, Problem, Result, text, type_words};

/// Writes chunks of one schema.
pub struct Encoder {
    schema: SchemaRef,
    delimiter: u8,
    point: u8,
    line_end: &'static [u8],
    special: Box<Special>,
    header: bool,
    bom: bool,
    parts: Vec<Part>,
}

/// Some rows of a chunk, on their way.
#[derive(Default)]
struct Part {
    blocks: Blocks,
    text: Vec<u8>,
}

/// Fewer rows than that are not worth a second thread.
const PART_ROWS: usize = 2 << 10;

impl Encoder {
    /// Refuses, with every problem at once, the columns that a CSV can't hold.
    pub fn new(schema: &SchemaRef, options: &Csv) -> Result<Self> {
        let problems: Vec<Problem> = schema
            .fields()
            .iter()
            .filter(|field| !cells::writable(field.data_type()))
            .map(|field| {
                let (name, kind) = (field.name(), type_words(field.data_type()));
                Problem::new(
                    Code::InvalidParams,
                    text!(
                        "A coluna {name} é do tipo {kind}, que um CSV não leva; deixe-a fora, desdobre-a ou use Parquet",
                        "Column {name} has type {kind}, which a CSV can't hold; leave it out, unnest it, or use Parquet"
                    ),
                )
                .with("received", kind)
                .with("column", name.as_str())
            })
            .collect();
        if !problems.is_empty() {
            return Err(Error::from_problems(problems).stage("csv"));
        }
        let delimiter = options.delimiter.byte();
        let mut special = Box::new([false; 256]);
        for byte in [delimiter, b'"', b'\r', b'\n'] {
            special[usize::from(byte)] = true;
        }
        Ok(Encoder {
            schema: schema.clone(),
            delimiter,
            point: if options.decimal_comma { b',' } else { b'.' },
            line_end: match options.line_ending {
                LineEnding::CrLf => b"\r\n",
                LineEnding::Lf => b"\n",
            },
            special,
            header: options.header,
            bom: options.bom,
            parts: Vec::new(),
        })
    }

    pub fn header(&self, out: &mut Vec<u8>) {
        if self.bom {
            out.extend_from_slice("\u{feff}".as_bytes());
        }
        if self.header {
            for (i, field) in self.schema.fields().iter().enumerate() {
                if i > 0 {
                    out.push(self.delimiter);
                }
                cells::text(field.name().as_bytes(), &self.special, out);
            }
            out.extend_from_slice(self.line_end);
        }
    }

    /// The chunk's text in pieces, in their order; they are valid until the next call.
    pub fn encode(&mut self, batch: &RecordBatch) -> Result<impl Iterator<Item = &[u8]>> {
        let fits = batch.num_columns() == self.schema.fields().len()
            && self.schema.fields().iter().zip(batch.columns()).all(|(f, c)| f.data_type() == c.data_type());
        if !fits {
            return Err(Error::internal("a chunk has another schema than the CSV was started with"));
        }
        let columns = batch.columns().iter().map(Column::new).collect::<Result<Vec<_>>>()?;
        let rows = batch.num_rows();
        let count = (rows / PART_ROWS).clamp(1, rayon::current_num_threads());
        self.parts.resize_with(count.max(self.parts.len()), Part::default);
        let marks =
            Marks { delimiter: self.delimiter, line_end: self.line_end, point: self.point, special: &self.special };
        let each = rows.div_ceil(count).max(1);
        let work = |(number, part): (usize, &mut Part)| {
            part.text.clear();
            let end = rows.min((number + 1) * each);
            let mut row = rows.min(number * each);
            while row < end {
                row = part.blocks.append(&columns, row, end, &marks, &mut part.text);
            }
        };
        let parts = &mut self.parts[..count];
        match parts {
            [one] => work((0, one)),
            parts => parts.par_iter_mut().enumerate().for_each(work),
        }
        Ok(self.parts[..count].iter().map(|part| part.text.as_slice()))
    }
}
