//! Estimates beside what queries then took: 200 mixed queries, each estimated before it runs. The first hundred are the history that
//! the others are told by.

use std::time::{Duration, Instant};

use datasus::estimate::Expected;
use datasus::{AggregateFn, CacheMode, Client, Config, Csv, Options, Parquet, QueryParams, col};
use serde_json::{Value, json};

use super::versions;
use crate::arguments::Arguments;
use crate::job::UFS;

/// The same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// One estimate and its truth.
struct Told {
    low: f64,
    likely: f64,
    high: f64,
    exact: bool,
    truth: f64,
    /// A truth of less is none to be measured by.
    least: f64,
}

impl Told {
    fn of(expected: Expected, truth: f64) -> Self {
        let [low, likely, high] = [expected.low, expected.likely, expected.high].map(|number| number as f64);
        Told { low, likely, high, exact: expected.is_exact(), truth, least: 1.0 }
    }

    fn error(&self) -> f64 {
        (self.likely - self.truth).abs() / self.truth.max(self.least)
    }

    fn held(&self) -> bool {
        self.low <= self.truth && self.truth <= self.high
    }
}

/// Median errors of rows, memory and duration, how many truths were within their intervals, and what an estimate takes.
pub fn calibration(arguments: &Arguments) -> Result<Value, String> {
    let (data, queries) = (arguments.path("data")?, arguments.number("queries", 200)?);
    let learned = arguments.number("learned", queries / 2)?;
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let said = |error: datasus::Error| error.to_json().to_string();
    let config = Config {
        lake: Some(place.path().join("lake")),
        output: Some(place.path().join("out")),
        language: datasus::Language::En,
        ..Config::default()
    };
    std::fs::create_dir_all(place.path().join("out")).map_err(|error| error.to_string())?;
    let client = Client::open_with(&data, config).map_err(said)?;
    let mut dice = Dice(arguments.number("seed", 1)? as u64);
    let began = Instant::now();
    let (mut rows, mut memory, mut duration, mut took) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in 0..queries {
        let off = Options { cache: CacheMode::Off, ..Options::default() };
        let params = query(&mut dice).options(off);
        let asked = Instant::now();
        let expected = client.estimate(&params).map_err(said)?;
        let first = asked.elapsed();
        let asked = Instant::now();
        client.estimate(&params).map_err(said)?;
        let warm = asked.elapsed();
        let report = match number % 10 {
            7 => client.export(&params, Csv::to(format!("{number}.csv"))),
            8 => client.export(&params, Parquet::to(format!("{number}.parquet"))),
            _ => client.query(&params).and_then(|mut answer| {
                for batch in answer.by_ref() {
                    batch?;
                }
                answer.report()
            }),
        };
        let report = report.map_err(said)?;
        let truth = report.records_processed as f64;
        if arguments.number("verbose", 0)? > 0 {
            let Expected { low, likely, high, .. } = expected.rows;
            let written = serde_json::to_string(&params).unwrap_or_default();
            let (memory, seconds) = (expected.memory_bytes, expected.duration_sec);
            let performance = &report.performance;
            eprintln!(
                "{number} rows {low} {likely} {high} are {truth}; memory {} {} {} is {}; seconds {} {} {} are {}; {first:?} {warm:?} {written}",
                memory.low,
                memory.likely,
                memory.high,
                performance.memory_peak_gb * 1e9,
                seconds.low,
                seconds.likely,
                seconds.high,
                performance.duration_sec
            );
        }
        if number < learned {
            continue;
        }
        rows.push(Told::of(expected.rows, truth));
        took.push((first, warm));
        if number % 10 < 7 || number % 10 == 9 {
            memory.push(Told::of(expected.memory_bytes, report.performance.memory_peak_gb * 1e9));
            let seconds = expected.duration_sec;
            let (low, likely, high) = (seconds.low, seconds.likely, seconds.high);
            duration.push(Told {
                low,
                likely,
                high,
                exact: false,
                truth: report.performance.duration_sec,
                least: 0.001,
            });
        }
    }
    let of = |all: &[Told]| {
        let open: Vec<&Told> = all.iter().filter(|one| !one.exact).collect();
        let held = open.iter().filter(|one| one.held()).count() as f64 / open.len().max(1) as f64;
        let median_open = median(open.iter().map(|one| one.error()).collect());
        let median = median(all.iter().map(Told::error).collect());
        json!({"median_error": median, "median_error_of_estimated": median_open, "within": held, "estimated": open.len()})
    };
    let exact_and_wrong = rows.iter().filter(|one| one.exact && one.likely != one.truth).count();
    if exact_and_wrong > 0 {
        return Err(format!("{exact_and_wrong} numbers of rows were said to be known, and were others"));
    }
    let seconds =
        |of: fn(&(Duration, Duration)) -> Duration| median(took.iter().map(|one| of(one).as_secs_f64()).collect());
    Ok(json!({
        "seconds": began.elapsed().as_secs_f64(),
        "rows": of(&rows),
        "memory": of(&memory),
        "duration": of(&duration),
        "estimate_first_seconds": seconds(|one| one.0),
        "estimate_warm_seconds": seconds(|one| one.1),
        "sums": {},
        "versions": versions(),
    }))
}

fn query(dice: &mut Dice) -> QueryParams {
    let mut ufs: Vec<&str> = UFS.to_vec();
    for _ in 0..dice.below(6) {
        ufs.remove(dice.below(ufs.len()));
    }
    if dice.below(10) < 4 { sql(dice).uf(ufs) } else { structured(dice).uf(ufs) }
}

fn structured(dice: &mut Dice) -> QueryParams {
    let mut params = QueryParams::dataset("SIH-RD");
    for _ in 0..dice.below(3) {
        params = params.filter(match dice.below(9) {
            0 => col("SEXO").eq(dice.of(&["1", "3"])),
            1 => col("IDADE").between(dice.below(40), 40 + dice.below(40)),
            2 => col("RACA_COR").is_in([dice.of(&["01", "02", "03"]), dice.of(&["04", "99"])]),
            3 => col("DIAG_PRINC").starts_with(dice.of(&["A", "B", "C", "D0", "E1"])),
            4 => col("VAL_TOT").gt(dice.of(&["500.00", "1000.00", "1500.00"])),
            5 => col("DT_INTER").ge(dice.of(&["2023-01-01", "2023-02-10", "2023-03-01"])),
            6 => !col("MORTE").eq(0),
            7 => col("SEXO").eq("1") | col("IDADE").lt(10 + dice.below(20)),
            _ => col("DIAS_PERM").ge(dice.below(15)),
        });
    }
    match dice.below(4) {
        0 => params.columns(["N_AIH", "CNES", "MUNIC_RES", "VAL_TOT"]),
        1 => {
            let params = params.columns(["N_AIH", "DT_INTER", "VAL_TOT"]).order_by("VAL_TOT", dice.below(2) == 0);
            if dice.below(2) == 0 { params.limit(dice.of(&[10, 1_000, 20_000])) } else { params }
        }
        _ => {
            let keys: &[&[&str]] = &[
                &["SEXO"],
                &["MUNIC_RES"],
                &["CNES", "MES_CMPT"],
                &["DIAG_PRINC"],
                &["RACA_COR", "SEXO", "MES_CMPT"],
                &["MUNIC_RES", "DIAG_PRINC"],
                &["datasus_uf", "datasus_competencia"],
                &["PROC_REA"],
            ];
            let keys = dice.of(keys);
            params.group_by(keys.iter().copied()).aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
        }
    }
}

fn sql(dice: &mut Dice) -> QueryParams {
    let condition = match dice.below(6) {
        0 => "SEXO = '1'".to_owned(),
        1 => format!("IDADE BETWEEN {} AND {}", dice.below(40), 40 + dice.below(40)),
        2 => format!("DIAG_PRINC LIKE '{}%'", dice.of(&["A", "B0", "C", "D"])),
        3 => format!("VAL_TOT > {}", dice.of(&["800.5", "1200"])),
        4 => format!("month(DT_INTER) = {} AND MORTE = 0", 1 + dice.below(3)),
        _ => "RACA_COR IN ('01', '03') OR IDADE < 5".to_owned(),
    };
    let key = dice.of(&["SEXO", "MUNIC_RES", "CNES", "DIAG_PRINC", "substr(DIAG_PRINC, 1, 3)", "year(NASC)"]);
    QueryParams::sql(match dice.below(8) {
        0 => format!("SELECT N_AIH, CNES, VAL_TOT FROM sih_rd WHERE {condition}"),
        1 => format!(
            "SELECT {key} AS chave, count(*) AS n, sum(VAL_TOT) AS valor FROM sih_rd WHERE {condition} GROUP BY 1 ORDER BY n DESC"
        ),
        2 => format!("SELECT count(*) AS n, avg(VAL_TOT) AS media FROM sih_rd WHERE {condition}"),
        3 => format!("SELECT DISTINCT MUNIC_RES, SEXO FROM sih_rd WHERE {condition}"),
        4 => format!(
            "WITH h AS (SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES) SELECT r.N_AIH, h.n FROM sih_rd r JOIN h ON r.CNES = h.CNES WHERE {condition}"
        ),
        5 => format!(
            "SELECT MUNIC_RES, N_AIH, row_number() OVER (PARTITION BY MUNIC_RES ORDER BY VAL_TOT DESC) AS posto FROM sih_rd WHERE {condition}"
        ),
        6 => format!(
            "SELECT a.{0}, a.n FROM (SELECT {0}, count(*) AS n FROM sih_rd WHERE {condition} GROUP BY {0}) a ORDER BY n LIMIT 500",
            dice.of(&["MUNIC_RES", "CNES"])
        ),
        _ => format!("SELECT N_AIH FROM sih_rd WHERE {condition} UNION ALL SELECT N_AIH FROM sih_rd WHERE SEXO = '3'"),
    })
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}
