//! What is read without SQL against what DuckDB makes of the same statement's SQL: same schema, same rows, same order.

#[path = "order/mod.rs"]
mod order;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use arrow::array::*;
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Int32Type};
use datasus::base::{Chunk, CommittedUnits, Ctx, UnitId, Units};
use datasus::catalog::{Catalog, LogicalType};
use datasus::engine::{DuckDb, Engine, Local, Settings};
use datasus::faces::lake::{ConvertOptions, Lake, LakeFile};
use datasus::governor::{Governor, MemorySource, Mode, Reading, Usage};
use datasus::params::{Query, validate};
use datasus::plan::{Sampling, Statement, Wanted, statement};
use datasus::source::folder::Folder;
use datasus::{Code, Error, Filter, QueryParams, col};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The source with all that can differ between files: schemas, texts, NULLs, statistics, dictionaries, row groups.
struct Source {
    folder: tempfile::TempDir,
}

impl Source {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let texts = |of: fn(usize) -> Option<String>| StringArray::from_iter((0..900).map(of));
        let number = texts(|row| Some(format!("{row:013}")));
        let sexo =
            texts(|row| (row % 11 != 0).then(|| ["1", "3", "7", "ção", "\u{10FFFF}z", "0"][row / 7 % 6].to_owned()));
        let age = Int32Array::from_iter((0..900).map(|row| (row % 13 != 0).then_some(row / 100 * 10 - 20)));
        let money = Decimal128Array::from_iter((0..900).map(|row| (row % 5 != 0).then_some(row * 125 - 5_000)));
        let day = Date32Array::from_iter((0..900).map(|row| (row % 17 != 0).then_some(19_000 + row / 3)));
        let money: ArrayRef = Arc::new(money.with_precision_and_scale(14, 2).unwrap());
        let first: Vec<(&str, ArrayRef)> = vec![
            ("N_AIH", Arc::new(number.clone())),
            ("SEXO", Arc::new(sexo.clone())),
            ("IDADE", Arc::new(age.clone())),
            ("VAL_TOT", money.clone()),
            ("DT_INTER", Arc::new(day.clone())),
            ("EXTRA", Arc::new(LargeStringArray::from_iter(sexo.iter()))),
            ("BIG", Arc::new(UInt64Array::from_iter_values((0..900).map(|row| u64::MAX - row)))),
            (
                "PESO",
                Arc::new(Float64Array::from_iter_values(
                    (0..900).map(|row| if row == 3 { f64::NAN } else { row as f64 }),
                )),
            ),
        ];
        // Other texts, another order, names in lower case, and no VAL_TOT.
        let second: Vec<(&str, ArrayRef)> = vec![
            ("idade", Arc::new(age)),
            ("sexo", Arc::new(StringViewArray::from_iter(sexo.iter()))),
            ("n_aih", Arc::new(sexo.iter().collect::<DictionaryArray<Int32Type>>())),
            ("DT_INTER", Arc::new(day)),
        ];
        let path = |name: &str| folder.path().join(name);
        let plain = WriterProperties::builder();
        write(&path("RDSP2401.parquet"), first.clone(), plain.clone().set_max_row_group_row_count(Some(130)).build());
        write(&path("RDRJ2401.parquet"), second, plain.clone().set_statistics_enabled(EnabledStatistics::None).build());
        let other = plain.set_dictionary_enabled(false).set_writer_version(WriterVersion::PARQUET_2_0);
        write(&path("RDAC2402.parquet"), first[..4].to_vec(), other.build());
        // National files: the UF is in a column, as a code or in the town's.
        let ufs = texts(|row| (row % 9 != 0).then(|| ["35", "33", "12", ""][row % 4].to_owned()));
        let towns = texts(|row| (row % 9 != 0).then(|| format!("{}0001", ["35", "33", "12", "3"][row % 4])));
        write(&path("DENGBR24.parquet"), vec![("SG_UF_NOT", Arc::new(ufs))], WriterProperties::default());
        write(&path("DOINF24.parquet"), vec![("CODMUNRES", Arc::new(towns))], WriterProperties::default());
        Source { folder }
    }

    fn plan(&self, params: &QueryParams, origin: bool) -> (Query, Statement) {
        let (query, _, statement) = self.plan_of(params, origin, None);
        (query, statement)
    }

    fn plan_of(
        &self,
        params: &QueryParams,
        origin: bool,
        sampling: Option<&Sampling>,
    ) -> (Query, Vec<LakeFile>, Statement) {
        // DuckDB is the oracle, and has an order only where it is told one.
        self.plan_ordered(params, origin, sampling, true)
    }

    fn plan_ordered(
        &self,
        params: &QueryParams,
        origin: bool,
        sampling: Option<&Sampling>,
        ordered: bool,
    ) -> (Query, Vec<LakeFile>, Statement) {
        let catalog = Catalog::builtin();
        let listing = Folder::scan(self.folder.path(), catalog).unwrap();
        let own = |_: &_, _| {
            Ok(["N_AIH", "SEXO", "IDADE", "VAL_TOT", "DT_INTER", "EXTRA", "BIG", "PESO"]
                .map(|name| (name.to_owned(), LogicalType::Text))
                .to_vec())
        };
        let query = validate(params, catalog, &own).unwrap();
        let lake = Lake::open(&self.folder.path().join("lake")).unwrap();
        let chosen = datasus::plan::select(&query, &listing, catalog, &|_| false).unwrap();
        let files = lake.ensure(&chosen.files, catalog, &ConvertOptions::default(), &Ctx::default());
        let files: Vec<_> = files.into_iter().map(Result::unwrap).collect();
        let origin = origin.then_some(["_file", "_uf", "_period"]);
        let statement =
            statement(&query, &files, Wanted { origin, sampling, ordered, numbers: false }, Local::default().dialect());
        let statement = statement.unwrap();
        (query, files, statement)
    }

    fn settings(&self, chunk_rows: usize) -> Settings {
        Settings {
            memory_limit: 256 << 20,
            spill_limit: 1 << 30,
            spill_root: self.folder.path().join("spill"),
            threads: 3,
            units: None,
            chunk_rows,
            ahead_bytes: 4 << 10,
            channel_depth: 1,
            throttle: Default::default(),
            made: Default::default(),
            hold: None,
            answer: None,
        }
    }

    /// Both answers; none where the statement is not read without SQL.
    fn both(
        &self,
        params: &QueryParams,
        origin: bool,
        chunk_rows: usize,
        sampling: Option<&Sampling>,
    ) -> Option<(RecordBatch, RecordBatch)> {
        let (_, _, statement) = self.plan_of(params, origin, sampling);
        let plain = Statement { scan: None, ..statement.clone() };
        let limited = statement.scan.as_ref()?.limit.is_some();
        let settings = self.settings(chunk_rows);
        let cut = (!limited).then(|| self.in_units(&statement, chunk_rows));
        let ours = rows(&Local::default(), statement, &settings).unwrap();
        let last = ours.len().saturating_sub(1);
        assert!(ours.iter().all(|chunk| (1..=chunk_rows).contains(&chunk.num_rows())), "{params:?}");
        assert!(ours[..last].iter().all(|chunk| chunk.num_rows() * 2 >= chunk_rows), "{params:?}");
        let paused = with_pauses(&Local::default(), self.plan_of(params, origin, sampling).2, &settings);
        // To disk and back takes its time.
        let aside = chunk_rows.is_multiple_of(4).then(|| with_pauses(&DuckDb::default(), plain.clone(), &settings));
        let theirs = rows(&DuckDb::default(), plain, &settings).unwrap();
        let schema = theirs.first().or(ours.first()).map(RecordBatch::schema)?;
        let whole = concat_batches(&schema, &ours).unwrap();
        let of_sql = concat_batches(&schema, &theirs).unwrap();
        for (paused, undisturbed) in [(Some(paused), &whole), (aside, &of_sql)] {
            let same = paused.is_none_or(|rows| same(&concat_batches(&schema, &rows).unwrap(), undisturbed));
            assert!(same, "with pauses: {params:?}");
        }
        if let Some(cut) = cut {
            assert_eq!(concat_batches(&schema, &cut).unwrap(), whole, "in units: {params:?}");
        }
        Some((whole, of_sql))
    }

    /// Of the rows of the exact answer those that are in the sample: what a sampled answer must be.
    fn sampled_afterwards(&self, params: &QueryParams, origin: bool, sampling: &Sampling) -> RecordBatch {
        let (_, files, statement) = self.plan_of(&QueryParams { limit: None, ..params.clone() }, origin, None);
        let settings = Settings { units: Some(Units { rows: 70, held: Vec::new() }), ..self.settings(1) };
        let running = Local::default().start(statement, &settings, &Ctx::default()).unwrap();
        let schema = running.schema().clone();
        let kept = running.map(|chunk| {
            let Chunk { batch, origin, .. } = chunk.unwrap();
            let source = origin.source.unwrap();
            let file = files.iter().find(|file| *file.source.file == *source.file).unwrap();
            let sample = sampling.of_file(&file.content());
            let kept: BooleanArray = (0..batch.num_rows()).map(|row| Some(sample.keeps(source.row(row)))).collect();
            filter_record_batch(&batch, &kept).unwrap()
        });
        let whole = concat_batches(&schema, &kept.collect::<Vec<_>>()).unwrap();
        let limit = params.limit.map_or(usize::MAX, |limit| limit as usize);
        whole.slice(0, whole.num_rows().min(limit))
    }

    /// The answer unit by unit: what one sink holds comes no more, and both halves are the whole.
    fn in_units(&self, statement: &Statement, rows: usize) -> Vec<RecordBatch> {
        let read = |held: Vec<CommittedUnits>| {
            let settings = Settings { units: Some(Units { rows, held }), ..self.settings(1) };
            let running = Local::default().start(statement.clone(), &settings, &Ctx::default()).unwrap();
            running.collect::<Result<Vec<Chunk>, _>>().unwrap()
        };
        let all = read(Vec::new());
        assert!(all.windows(2).all(|pair| pair[0].unit < pair[1].unit));
        let count = all.last().map_or(0, |chunk| chunk.unit.0 + 1);
        let half =
            |odd: u64| CommittedUnits::These(Arc::new((0..count).filter(|n| n % 2 == odd).map(UnitId).collect()));
        let mut halves = read(vec![half(0), CommittedUnits::Everything]);
        assert!(halves.iter().all(|chunk| chunk.unit.0 % 2 == 1));
        halves.extend(read(vec![half(1)]));
        halves.sort_by_key(|chunk| chunk.unit);
        let plain = |chunks: &[Chunk]| {
            chunks
                .iter()
                .map(|chunk| (chunk.unit, chunk.batch.clone(), chunk.origin.source.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(plain(&halves), plain(&all));
        let behind = read(vec![CommittedUnits::Below(UnitId(count / 2)), CommittedUnits::Everything]);
        assert_eq!(plain(&behind), plain(&all[all.partition_point(|chunk| chunk.unit.0 < count / 2)..]));
        for chunk in &all {
            let source = chunk.origin.source.as_ref().unwrap();
            let places: Vec<u64> = (0..chunk.batch.num_rows()).map(|index| source.row(index)).collect();
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]) && chunk.batch.num_rows() <= rows);
            assert!(places.iter().all(|place| (source.first..source.first + rows as u64).contains(place)));
        }
        all.into_iter().map(|chunk| chunk.batch).collect()
    }
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn rows(engine: &dyn Engine, statement: Statement, settings: &Settings) -> Result<Vec<RecordBatch>, Error> {
    let running = engine.start(statement, settings, &Ctx::default())?;
    let schema = running.schema().clone();
    let chunks = running.map(|chunk| chunk.map(|chunk| chunk.batch)).collect::<Result<Vec<_>, _>>()?;
    assert!(chunks.iter().all(|chunk| chunk.schema() == schema));
    Ok(chunks)
}

/// Conditions over every type, operator and shape, with values at the edges of the data.
fn filters() -> impl Strategy<Value = Filter> {
    let text =
        prop_oneof![Just("1"), Just("3"), Just(""), Just("ç"), Just("\u{10FFFF}"), Just("zz"), Just("0000000000123")];
    let texts = (prop_oneof![Just("SEXO"), Just("N_AIH")], text).prop_map(|(name, value)| (name, json!(value)));
    let ages =
        prop_oneof![-25..75i64, Just(i64::MAX), Just(i64::MIN), Just(4_000_000_000)].prop_map(|n| ("IDADE", json!(n)));
    let money = prop_oneof![Just("0"), Just("-50.00"), Just("500.5"), Just("1100"), Just("99999999.99")];
    let money = money.prop_map(|value| ("VAL_TOT", json!(value)));
    let days = (18_990..19_310i64).prop_map(|day| ("DT_INTER", json!(date(day))));
    let value = prop_oneof![texts, ages, money, days];
    let one = (value.clone(), value, 0..12usize).prop_map(|((name, value), (_, _), op)| {
        let other = match (&value, op % 2) {
            (Value::Number(number), 0) => json!(number.as_i64().unwrap().saturating_add(30)),
            _ => value.clone(),
        };
        let both = || [value.clone(), other.clone()];
        match op {
            0 => col(name).eq(value),
            1 => col(name).ne(value),
            2 => col(name).lt(value),
            3 => col(name).le(value),
            4 => col(name).gt(value),
            5 => col(name).ge(value),
            6 | 7 => {
                let [low, high] = both();
                col(name).between(low, high)
            }
            8 => col(name).is_in(both()),
            9 => col(name).not_in(both()),
            10 => col(name).is_null(),
            _ if name == "SEXO" => col(name).starts_with(value.as_str().unwrap_or("1").to_owned()),
            _ => col(name).not_null(),
        }
    });
    one.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a & b),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a | b),
            inner.prop_map(|a| !a),
        ]
    })
}

fn date(days: i64) -> String {
    let day = Date32Array::from_iter_values([days as i32]);
    arrow::util::display::array_value_to_string(&day, 0).unwrap()
}

/// Equal in schema and in every value; NaN is itself.
fn same(ours: &RecordBatch, theirs: &RecordBatch) -> bool {
    ours.schema() == theirs.schema()
        && ours.num_rows() == theirs.num_rows()
        && ours.columns().iter().zip(theirs.columns()).all(|(a, b)| a.to_data() == b.to_data() || bits(a) == bits(b))
}

fn bits(array: &ArrayRef) -> Option<Vec<Option<u64>>> {
    let floats = array.as_any().downcast_ref::<Float64Array>()?;
    Some(floats.iter().map(|value| value.map(f64::to_bits)).collect())
}

#[test]
fn rows_without_sql_are_the_rows_that_sql_gives_sampled_or_not() {
    let source = Source::new();
    let read = std::cell::Cell::new(0);
    let cases = proptest::test_runner::Config { cases: 300, failure_persistence: None, ..Default::default() };
    let sampling = proptest::option::of((0..9u64).prop_map(Sampling::seeded));
    let params = (
        proptest::option::of(filters()),
        proptest::option::of(1..2_000u64),
        any::<bool>(),
        1..3_000usize,
        0..3,
        sampling,
    );
    let mut runner = proptest::test_runner::TestRunner::new(cases);
    runner
        .run(&params, |(filter, limit, origin, chunk_rows, columns, sampling)| {
            let mut params = QueryParams::dataset("SIH-RD");
            match columns {
                0 => params = params.columns(["VAL_TOT", "N_AIH", "PESO"]),
                1 => params = params.columns(["DT_INTER", "EXTRA", "IDADE", "SEXO", "BIG"]),
                _ => {}
            }
            if let Some(filter) = filter {
                params = params.filter(filter);
            }
            params.limit = limit;
            // Who asks where rows come from renews whole months, and takes no limit.
            let origin = origin && limit.is_none();
            if let Some((ours, theirs)) = source.both(&params, origin, chunk_rows, sampling.as_ref()) {
                prop_assert!(same(&ours, &theirs), "{params:?} {sampling:?}\n{ours:?}\n{theirs:?}");
                if let Some(sampling) = &sampling {
                    let expected = source.sampled_afterwards(&params, origin, sampling);
                    prop_assert!(same(&ours, &expected), "{params:?} {sampling:?}\n{ours:?}\n{expected:?}");
                }
                read.set(read.get() + 1);
            }
            Ok(())
        })
        .unwrap();
    let read = read.get();
    assert!(read > 200, "most of these need no SQL, and {read} went without");
}

#[test]
fn what_needs_a_cast_or_an_order_is_left_to_sql() {
    let source = Source::new();
    let reads = |params: QueryParams| source.plan(&params, false).1.scan.is_some();
    assert!(reads(QueryParams::dataset("SIH-RD").columns(["IDADE"])));
    assert!(!reads(QueryParams::dataset("SIH-RD").columns(["IDADE"]).order_by("IDADE", false)));
    assert!(!reads(QueryParams::dataset("SIH-RD").aggregate(datasus::AggregateFn::Count, "*", "n")));
    let codes: ArrayRef = Arc::new(Int32Array::from_iter_values(0..10));
    let weights: ArrayRef = Arc::new(Float32Array::from_iter_values((0..10).map(|row| row as f32)));
    let columns = vec![("SEXO", codes), ("PESO", weights)];
    write(&source.folder.path().join("RDMG2401.parquet"), columns, WriterProperties::default());
    assert!(reads(QueryParams::dataset("SIH-RD").columns(["SEXO"])), "numbers of one file are codes in the lake");
    assert!(!reads(QueryParams::dataset("SIH-RD").columns(["PESO"])), "one file has it in 32 bits");
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let source = Source::new();
    let (_, files, statement) = source.plan_of(&QueryParams::dataset("SIH-RD").uf(["SP"]), false, None);
    // What is read: it stands for the file of one's own where that one's values had to be mended.
    let path = &files[0].path;
    let mut bytes = std::fs::read(path).unwrap();
    bytes[40..4_000].fill(0xA5);
    std::fs::write(path, bytes).unwrap();
    let error = rows(&Local::default(), statement.clone(), &source.settings(100)).unwrap_err();
    assert_eq!(error.code(), Code::DamagedFile, "{error}");
    assert!(error.detail().contains(&*path.file_name().unwrap().to_string_lossy()), "{error}");
    std::fs::remove_file(path).unwrap();
    let error = rows(&Local::default(), statement, &source.settings(100)).unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
}

#[test]
fn a_type_of_every_kind_comes_out_as_sql_gives_it() {
    let source = Source::new();
    let (ours, theirs) = source.both(&QueryParams::dataset("SIH-RD"), true, 4_000, None).unwrap();
    assert!(same(&ours, &theirs));
    assert_eq!(ours.num_rows(), 2_700);
    assert_eq!(ours.schema().field_with_name("BIG").unwrap().data_type(), &DataType::UInt64);
}

#[test]
fn of_a_national_file_only_the_rows_of_the_wanted_ufs_are_read() {
    let source = Source::new();
    for (dataset, rows) in [("SINAN-DENG", 400), ("SIM-DOINF", 400)] {
        let (ours, theirs) = source.both(&QueryParams::dataset(dataset).uf(["SP", "AC"]), false, 100, None).unwrap();
        assert_eq!((ours.num_rows(), same(&ours, &theirs)), (rows, true), "{dataset}");
    }
}

/// What a reader gets that stops now and then, when some of what came has not reached it: in memory for so little that most of
/// it goes to disk, where it is not read again.
fn with_pauses(engine: &dyn Engine, statement: Statement, settings: &Settings) -> Vec<RecordBatch> {
    struct Little;
    impl MemorySource for Little {
        fn read(&self) -> Reading {
            Reading { machine: Usage { used: 1, limit: 256 << 10 }, ..Default::default() }
        }
    }
    let governor = Governor::new(Little);
    governor.pressure();
    assert_eq!(governor.throttle().parked_bytes(), 921);
    let settings = Settings { throttle: governor.throttle(), ..settings.clone() };
    let mut dice = statement.sql.len() as u64 + settings.chunk_rows as u64;
    let mut roll = |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % below
    };
    let mut running = engine.start(statement, &settings, &Ctx::default()).unwrap();
    let (mut taken, mut queue) = (Vec::<RecordBatch>::new(), std::collections::VecDeque::<RecordBatch>::new());
    let rows = |of: &mut dyn Iterator<Item = &RecordBatch>| of.map(|batch| batch.num_rows() as u64).sum::<u64>();
    loop {
        let mut ended = false;
        for _ in 0..roll(4) {
            match running.next() {
                Some(chunk) => {
                    let chunk = chunk.unwrap();
                    assert_eq!(chunk.origin.first_row, rows(&mut taken.iter().chain(&queue)));
                    queue.push_back(chunk.batch);
                }
                None => ended = true,
            }
        }
        // A reader takes some, from the front, and some are taken back, from the end: before the last pause as well.
        let first = (roll(3) as usize).max(queue.len().saturating_sub(4)).min(queue.len());
        taken.extend(queue.drain(..first));
        let back: Vec<_> = queue.split_off(queue.len() - (roll(4) as usize).min(queue.len())).into();
        if ended && back.is_empty() {
            taken.extend(queue);
            break;
        }
        if roll(3) > 0 || !back.is_empty() {
            // The reader comes back at once, in the middle, or after the end.
            let (away, is_back) = crossbeam_channel::bounded::<()>(0);
            let after = std::time::Duration::from_micros(100 * roll(20));
            let reader = std::thread::spawn(move || {
                std::thread::sleep(after);
                drop(away);
            });
            running.set_aside(back, 0, &is_back).unwrap();
            reader.join().unwrap();
        }
    }
    taken
}

#[derive(Clone, Default)]
struct Used(Arc<AtomicU64>);

impl MemorySource for Used {
    fn read(&self) -> Reading {
        Reading { machine: Usage { used: self.0.load(SeqCst) << 30, limit: 100 << 30 }, ..Default::default() }
    }
}

/// Scan and SQL alike: chunks shrink within some batches, grow again, and are the same rows.
#[test]
fn a_running_statement_follows_the_memorys_mode_and_its_answer_stays_the_same() {
    const ROWS: i32 = 1_500_000;
    let folder = tempfile::tempdir().unwrap();
    let ages: ArrayRef = Arc::new(Int32Array::from_iter_values(0..ROWS));
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(20_000)).build();
    write(&folder.path().join("RDSP2401.parquet"), vec![("IDADE", ages)], properties);
    let source = Source { folder };
    let (_, statement) = source.plan(&QueryParams::dataset("SIH-RD").columns(["IDADE"]), false);
    let used = Used::default();
    let governor = Governor::new(used.clone());
    let turn = |percent: u64, mode: Mode| {
        used.0.store(percent, SeqCst);
        let start = Instant::now();
        while governor.mode() != mode {
            assert!(start.elapsed() < Duration::from_secs(120), "{mode:?}");
            governor.pressure();
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    for statement in [statement.clone(), Statement { scan: None, ..statement }] {
        turn(10, Mode::Normal);
        let settings = Settings { throttle: governor.throttle(), ..source.settings(16_384) };
        let mut running = Local::default().start(statement, &settings, &Ctx::default()).unwrap();
        let mut next = 0;
        let mut take = || {
            let batch = running.next()?.unwrap().batch;
            let ages = batch.column(0).as_primitive::<arrow::datatypes::Int32Type>();
            assert!(ages.values().iter().all(|age| {
                next += 1;
                *age == next - 1
            }));
            Some(batch.num_rows())
        };
        // Readers of several row groups cut what they had begun by the size of before: a group's first chunks may be of that
        // size after the end of the group in front of it has the new one.
        let settles = |take: &mut dyn FnMut() -> Option<usize>, rows: std::ops::RangeInclusive<usize>| {
            let mut taken = Vec::new();
            while taken.len() < 6 || !taken[taken.len() - 6..].iter().all(|of| rows.contains(of)) {
                taken.push(take().unwrap());
                assert!(taken.len() < 40, "{rows:?}: {taken:?}");
            }
        };
        settles(&mut take, 8_192..=16_384);
        for (percent, mode, most) in [(75, Mode::Conservative, 4_096), (90, Mode::Emergency, 2_048)] {
            turn(percent, mode);
            settles(&mut take, most / 2..=most);
        }
        turn(10, Mode::Normal);
        settles(&mut take, 8_192..=16_384);
        while take().is_some() {}
        assert_eq!(next, ROWS);
    }
}
