//! Files with rows by the hundred thousand, of known content: Parquet of the user's own, each row a row of the answer.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

/// `files` months of SIH-RD for AC, from 2023-01 on. Row `n` of all has N_AIH 1200000000000 + n and VAL_TOT n / 100.
pub fn write(folder: &Path, files: usize, rows: usize) {
    for file in 0..files {
        let first = file * rows;
        let numbers = || first..first + rows;
        let text =
            |get: fn(usize) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(numbers().map(get))) };
        let money = Decimal128Array::from_iter_values(numbers().map(|n| n as i128)).with_precision_and_scale(14, 2);
        let columns: [(&str, ArrayRef); 5] = [
            ("N_AIH", text(|n| format!("{}", 1_200_000_000_000 + n))),
            ("CNES", text(|n| format!("{:07}", 2_000_000 + n % 97))),
            ("DIAG_PRINC", text(|n| format!("J{:02}", n % 100))),
            ("IDADE", Arc::new(Int32Array::from_iter(numbers().map(|n| (n % 11 != 0).then_some(n as i32 % 100))))),
            ("VAL_TOT", Arc::new(money.unwrap())),
        ];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
        let name = format!("RDAC{:02}{:02}.parquet", 23 + file / 12, file % 12 + 1);
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(130_000)).build();
        let mut writer =
            ArrowWriter::try_new(File::create(folder.join(name)).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
}

/// `files` months of SIH-RD for AC with every column that the catalogue knows, in row groups of the lake's size. Row `n` of all has
/// N_AIH 1200000000000 + n; the other columns go round.
#[allow(dead_code, reason = "wide rows are one binary's")]
pub fn write_wide(folder: &Path, files: usize, rows: usize) {
    const ROUND: usize = 10_000;
    let columns = &datasus::catalog::Catalog::builtin().read("SIH-RD").unwrap().columns;
    let column = |number: usize, kind: DataType| -> ArrayRef {
        let text =
            |row: usize| (!(row + number).is_multiple_of(9)).then(|| format!("{:06}", (row * (number + 1)) % 977));
        let cells: ArrayRef = Arc::new(StringArray::from_iter((0..ROUND).map(text)));
        match &kind {
            DataType::Date32 => Arc::new(Date32Array::from_iter((0..ROUND).map(|row| text(row).map(|_| row as i32)))),
            DataType::Utf8 => cells,
            _ => arrow::compute::cast(&cells, &kind).unwrap(),
        }
    };
    let kinds = || columns.iter().map(|of| of.kind.arrow());
    let round: Vec<ArrayRef> = kinds().enumerate().map(|(number, kind)| column(number, kind)).collect();
    let fields: Vec<_> = columns.iter().zip(kinds()).map(|(of, kind)| Field::new(&of.name, kind, true)).collect();
    let (schema, aih) = (Arc::new(Schema::new(fields)), columns.iter().position(|of| of.name == "N_AIH").unwrap());
    for file in 0..files {
        let name = format!("RDAC{:02}{:02}.parquet", 23 + file / 12, file % 12 + 1);
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(130_000))
            .set_compression(parquet::basic::Compression::SNAPPY)
            .build();
        let mut writer =
            ArrowWriter::try_new(File::create(folder.join(name)).unwrap(), schema.clone(), Some(properties)).unwrap();
        for first in (0..rows).step_by(ROUND) {
            let first = file * rows + first;
            let numbers = (first..first + ROUND).map(|n| format!("{}", 1_200_000_000_000 + n));
            let mut columns = round.clone();
            columns[aih] = Arc::new(StringArray::from_iter_values(numbers));
            writer.write(&RecordBatch::try_new(schema.clone(), columns).unwrap()).unwrap();
        }
        writer.close().unwrap();
    }
}
