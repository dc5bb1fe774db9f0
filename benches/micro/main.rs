//! The hot loops alone: `cargo bench --profile dev --package datasus-bench --bench micro` (divan).

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray};
use arrow::compute::BatchCoalescer;
use datasus::Catalog;
use datasus::engine::Gather;
use datasus::faces::lake::RowDigest;
use datasus::faces::{PageFaults, resident_now};
use datasus::governor::SpillFolder;
use datasus::sink::postgres::copy::{Encoder, sql_type};
use datasus::source::dbc::{DbcWriter, Layout, ReadOptions, RecordFile, WriteOptions};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const ROWS: usize = 65_536;

/// A file of `ROWS` records, as DBC.
fn dbc() -> Arc<[u8]> {
    let fields = [
        ("N_AIH", b'C', 13, 0),
        ("CNES", b'C', 7, 0),
        ("VAL_TOT", b'N', 14, 2),
        ("IDADE", b'N', 2, 0),
        ("DT_INTER", b'C', 8, 0),
    ];
    let mut out = Cursor::new(Vec::new());
    let mut writer = DbcWriter::create(&mut out, &fields, WriteOptions::default()).unwrap();
    for row in 0..ROWS {
        let values = [
            format!("{row:013}"),
            format!("{:07}", 2_000_000 + row % 97),
            format!("{:>14}", format!("{}.{:02}", row * 37 % 9_000, row % 100)),
            format!("{:>2}", row % 100),
            format!("202401{:02}", row % 28 + 1),
        ];
        writer.write(&values.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    }
    writer.finish().unwrap();
    out.into_inner().into()
}

fn open(bytes: &Arc<[u8]>) -> RecordFile {
    RecordFile::from_reader(Cursor::new(bytes.clone()), "RDAC2401.dbc", &ReadOptions::default()).unwrap()
}

#[divan::bench]
fn explode_to_dbf(bencher: Bencher) {
    let bytes = dbc();
    let mut out = Vec::new();
    open(&bytes).write_dbf(&mut out, Path::new("memory")).unwrap();
    bencher.counter(BytesCount::new(out.len())).bench_local(|| {
        out.clear();
        open(&bytes).write_dbf(&mut out, Path::new("memory")).unwrap()
    });
}

#[divan::bench]
fn decode_to_typed_columns(bencher: Bencher) {
    let bytes = dbc();
    let rd = Catalog::builtin().dataset("SIH-RD").unwrap();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        let file = open(&bytes);
        let mut layout = Layout::all_as_text(file.header());
        for column in &mut layout.columns {
            column.kind = rd.column(&column.name).unwrap().kind.clone();
        }
        file.batches(layout).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>()
    });
}

/// What tells versions of a file apart.
#[divan::bench]
fn digest_of_rows(bencher: Bencher) {
    let file = open(&dbc());
    let layout = Layout::all_as_text(file.header());
    let batches: Vec<RecordBatch> = file.batches(layout).unwrap().map(Result::unwrap).collect();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        let mut digest = RowDigest::new(&batches[0].schema());
        batches.iter().for_each(|batch| digest.add(batch).unwrap());
        digest.finish()
    });
}

/// Made and removed: every query that may spill has one.
#[divan::bench]
fn spill_folder(bencher: Bencher) {
    let root = tempfile::tempdir().unwrap();
    bencher.bench_local(|| drop(SpillFolder::create(root.path(), 1 << 30).unwrap()));
}

/// What is looked at, many times a second, while SQL runs that takes memory which the engine does not count.
#[divan::bench]
fn look_at_page_faults(bencher: Bencher) {
    let Some(mut faults) = PageFaults::of_threads("nobody") else { return };
    bencher.bench_local(|| (faults.look().unwrap(), resident_now()));
}

fn column(kind: &str) -> ArrayRef {
    match kind {
        "text" => Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| format!("{:07}", 2_000_000 + row % 97)))),
        "integer" => Arc::new(Int32Array::from_iter((0..ROWS).map(|row| (row % 10 > 0).then_some(row as i32)))),
        "date" => Arc::new(Date32Array::from_iter_values((0..ROWS).map(|row| 19_000 + (row % 365) as i32))),
        _ => Arc::new(
            Decimal128Array::from_iter_values((0..ROWS).map(|row| (row * 1_237) as i128))
                .with_precision_and_scale(14, 2)
                .unwrap(),
        ),
    }
}

#[divan::bench(args = ["text", "integer", "date", "money"])]
fn encode_as_binary_copy(bencher: Bencher, kind: &str) {
    let batch = RecordBatch::try_from_iter((0..8).map(|n| (format!("c{n}"), column(kind)))).unwrap();
    let targets: Vec<_> = batch.schema().fields().iter().map(|f| sql_type(f.data_type()).unwrap().1).collect();
    let mut encoder = Encoder::new(&batch.schema(), &targets).unwrap();
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(8 * ROWS)).bench_local(|| {
        out.clear();
        encoder.encode(black_box(&batch), 0..ROWS, &mut out).unwrap();
    });
}

/// The engine's chunks of 2,048 rows into chunks of 65,536: ours, and arrow's way.
#[divan::bench(args = ["ours", "arrow"])]
fn coalesce(bencher: Bencher, whose: &str) {
    let whole =
        RecordBatch::try_from_iter(["text", "integer", "date", "money"].map(|kind| (kind, column(kind)))).unwrap();
    let small: Vec<RecordBatch> = (0..ROWS).step_by(2_048).map(|from| whole.slice(from, 2_048)).collect();
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    if whose == "ours" {
        bencher.bench_local(|| {
            let mut gather = Gather::new(whole.schema(), ROWS);
            let mut full = None;
            for batch in &small {
                let columns = batch.columns();
                gather
                    .push(columns, batch.num_rows(), |chunk| {
                        full = Some(chunk);
                        Ok(())
                    })
                    .unwrap();
            }
            full
        });
    } else {
        bencher.bench_local(|| {
            let mut coalescer = BatchCoalescer::new(whole.schema(), ROWS);
            for batch in &small {
                coalescer.push_batch(batch.clone()).unwrap();
            }
            coalescer.next_completed_batch()
        });
    }
}
