//! Files with rows by the hundred thousand, of known content: Parquet of the user's own, each row a row of the answer.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, RecordBatch, StringArray};
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
