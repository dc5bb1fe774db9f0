//! What is in a file or a table: rows, the sum of N_AIH, and that of VAL_TOT in cents; read row by row.

use std::fs::File;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Decimal128Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::server::Server;

pub type Sums = (u64, u128, i128);

/// Of rows 0 to `rows` - 1 of [`crate::many`].
pub fn of_rows(rows: u64) -> Sums {
    let numbers = u128::from(rows) * u128::from(rows - 1) / 2;
    (rows, u128::from(rows) * 1_200_000_000_000 + numbers, numbers as i128)
}

/// In a Parquet; `money` names the column of amounts.
pub fn of_parquet(path: &Path, money: &str) -> Sums {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let mut sums = (0, 0, 0);
    for batch in reader {
        let batch = batch.unwrap();
        let cents = batch.column_by_name(money).unwrap();
        let cents = arrow::compute::cast(cents, &arrow::datatypes::DataType::Decimal128(38, 2)).unwrap();
        let numbers = arrow::compute::cast(batch.column_by_name("N_AIH").unwrap(), &arrow::datatypes::DataType::Utf8);
        sums.0 += batch.num_rows() as u64;
        sums.1 += numbers.unwrap().as_string::<i32>().iter().map(|n| n.unwrap().parse::<u128>().unwrap()).sum::<u128>();
        sums.2 += cents.as_primitive::<Decimal128Type>().values().iter().sum::<i128>();
    }
    sums
}

pub fn of_csv(path: &Path) -> Sums {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let headers = reader.headers().unwrap().clone();
    let [number, money] = ["N_AIH", "VAL_TOT"].map(|name| headers.iter().position(|header| header == name).unwrap());
    let (mut sums, mut row) = ((0, 0, 0), csv::StringRecord::new());
    while reader.read_record(&mut row).unwrap() {
        sums.0 += 1;
        sums.1 += row[number].parse::<u128>().unwrap();
        sums.2 += row[money].replace('.', "").parse::<i128>().unwrap();
    }
    sums
}

pub fn of_table(server: &Server, table: &str) -> Sums {
    let sql = format!("SELECT count(*), sum(n_aih::numeric), (sum(val_tot) * 100)::numeric(38) FROM {table}");
    let row = server.psql(&sql).remove(0);
    (row[0].parse().unwrap(), row[1].parse().unwrap(), row[2].parse().unwrap())
}
