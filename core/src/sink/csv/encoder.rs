//! Columns in, rows of text out.

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;

use super::block::{Blocks, Marks};
use super::cells::{self, Column, Special};
use super::{Csv, LineEnding};
use crate::base::{Code, Error, Problem, Result, text};

/// Writes chunks of one schema.
pub struct Encoder {
    schema: SchemaRef,
    delimiter: u8,
    point: u8,
    line_end: &'static [u8],
    special: Box<Special>,
    header: bool,
    bom: bool,
    blocks: Blocks,
}

impl Encoder {
    /// Refuses, with every problem at once, the columns that a CSV can't hold.
    pub fn new(schema: &SchemaRef, options: &Csv) -> Result<Self> {
        let problems: Vec<Problem> = schema
            .fields()
            .iter()
            .filter(|field| !cells::writable(field.data_type()))
            .map(|field| {
                let (name, kind) = (field.name(), field.data_type());
                Problem::new(
                    Code::InvalidParams,
                    text!(
                        "A coluna {name} é do tipo {kind}, que um CSV não leva; deixe-a fora, desdobre-a ou use Parquet",
                        "Column {name} has type {kind}, which a CSV can't hold; leave it out, unnest it, or use Parquet"
                    ),
                )
                .with("received", kind.to_string())
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
            blocks: Blocks::default(),
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

    /// The chunk's columns under their types.
    pub fn cells(&self, batch: &RecordBatch) -> Result<Vec<Column>> {
        let fits = batch.num_columns() == self.schema.fields().len()
            && self.schema.fields().iter().zip(batch.columns()).all(|(f, c)| f.data_type() == c.data_type());
        if !fits {
            return Err(Error::internal("a chunk has another schema than the CSV was started with"));
        }
        batch.columns().iter().map(Column::new).collect()
    }

    /// Appends rows from `row` on until `end`, or until `out` holds `block` bytes; gives the next row.
    pub fn rows(&mut self, columns: &[Column], mut row: usize, end: usize, block: usize, out: &mut Vec<u8>) -> usize {
        let Encoder { delimiter, line_end, point, special, blocks, .. } = self;
        let marks = Marks { delimiter: *delimiter, line_end, point: *point, special };
        while row < end && out.len() < block {
            row = blocks.append(columns, row, end, &marks, out);
        }
        row
    }
}
