//! Which row of a key an upsert keeps: the last one, in the order of the answer.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::server::shared;
use crate::*;

const ROWS: i64 = 60_000;

fn age(row: i64) -> i64 {
    row * 7_919 % 100
}

/// Two months in row groups of 4,096 rows; N_AIH counts over both.
fn source() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for month in 0..2 {
        let rows = || month * ROWS..(month + 1) * ROWS;
        let text = |of: fn(i64) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows().map(of))) };
        let columns: [(&str, ArrayRef); 3] = [
            ("N_AIH", text(|row| format!("{row:013}"))),
            ("SEXO", text(|row| if row * 31 % 7 < 3 { "1" } else { "3" }.to_owned())),
            ("IDADE", Arc::new(Int32Array::from_iter_values(rows().map(|row| age(row) as i32)))),
        ];
        let columns = columns.map(|(name, column)| (name, column, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let file = std::fs::File::create(folder.path().join(format!("RDAC240{}.parquet", month + 1))).unwrap();
        let groups = WriterProperties::builder().set_max_row_group_row_count(Some(4_096)).build();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
    folder
}

/// By our own scan, and by DuckDB, whose threads know no order among the rows that `order_by` leaves equal.
#[test]
fn an_upsert_keeps_the_last_row_of_a_key_however_often_it_is_loaded() {
    let folder = source();
    let client = open(folder.path(), &shared().url());
    let upsert = || Postgres { key: vec!["sexo".into()], ..to("ultima.t", Mode::Upsert) };
    let sex = |row: i64| if row * 31 % 7 < 3 { "1" } else { "3" };
    let last = |by: fn(i64) -> (i64, i64)| {
        ["1", "3"].map(|of| {
            let row = (0..2 * ROWS).filter(|row| sex(*row) == of).max_by_key(|row| by(*row)).unwrap();
            vec![of.to_owned(), format!("{row:013}")]
        })
    };
    let all = QueryParams::dataset("SIH-RD").columns(["SEXO", "N_AIH"]);
    for _ in 0..4 {
        for (params, expected) in
            [(all.clone().order_by("IDADE", false), last(|row| (age(row), row))), (all.clone(), last(|row| (0, row)))]
        {
            load(&client, &params, upsert()).unwrap();
            assert_eq!(shared().psql("SELECT sexo, n_aih FROM ultima.t ORDER BY 1"), expected);
        }
    }
}
