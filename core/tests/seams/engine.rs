//! An engine that answers from a list, and one that stands before ours and remembers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, SchemaRef};
use datasus::base::Ctx;
use datasus::catalog::LogicalType;
use datasus::engine::{DuckDbDialect, Engine, RowStream, Settings};
use datasus::params::Scalar;
use datasus::plan::{Dialect, FileSample, Statement};
use datasus::{AggregateFn, Client, Csv, QueryParams, Result};
use tempfile::TempDir;

/// Quotes names as others do.
struct Backticks;

impl Dialect for Backticks {
    fn derived(&self, derived: &datasus::labels::Derived, inputs: &[String]) -> String {
        DuckDbDialect.derived(derived, inputs)
    }

    fn derived_counted(&self, derived: &datasus::labels::Derived, rows: &str, inputs: &[String]) -> String {
        DuckDbDialect.derived_counted(derived, rows, inputs)
    }

    fn word_place(&self, derived: &datasus::labels::Derived, word: &str) -> String {
        DuckDbDialect.word_place(derived, word)
    }

    fn name(&self, name: &str) -> String {
        format!("`{name}`")
    }

    fn text(&self, text: &str) -> String {
        DuckDbDialect.text(text)
    }

    fn type_name(&self, kind: &LogicalType) -> String {
        DuckDbDialect.type_name(kind)
    }

    fn own_type_name(&self, kind: &DataType) -> Option<String> {
        DuckDbDialect.own_type_name(kind)
    }

    fn can_name(&self, path: &str) -> bool {
        DuckDbDialect.can_name(path)
    }

    fn parquet(&self, files: &[&str]) -> String {
        format!("parquet.`{}`", files.join(","))
    }

    fn of_file(&self, texts: &[&str]) -> String {
        DuckDbDialect.of_file(texts)
    }

    fn in_sample(&self, samples: &[FileSample]) -> String {
        DuckDbDialect.in_sample(samples)
    }

    fn not_listed(&self, list: &str, columns: &[String]) -> String {
        DuckDbDialect.not_listed(list, columns)
    }

    fn place(&self, first: usize) -> [String; 2] {
        DuckDbDialect.place(first)
    }

    fn placeholder(&self, value: &Scalar, kind: &LogicalType) -> (String, String) {
        DuckDbDialect.placeholder(value, kind)
    }
}

/// Gives these batches, whatever it is asked.
struct List {
    batches: Vec<RecordBatch>,
    asked: Mutex<Vec<String>>,
}

impl Engine for List {
    fn start(&self, statement: Statement, _: &Settings, ctx: &Ctx) -> Result<RowStream> {
        self.asked.lock().unwrap().push(statement.sql);
        let batches = self.batches.clone();
        Ok(RowStream::new(batches[0].schema(), batches.into_iter().map(Ok), ctx.cancel.clone()))
    }

    fn dialect(&self) -> &dyn Dialect {
        &Backticks
    }

    fn version(&self) -> String {
        "list 1".into()
    }
}

/// Asks the engine behind it once for each statement.
struct Remembers {
    inner: Arc<dyn Engine>,
    known: Mutex<HashMap<String, (SchemaRef, Vec<RecordBatch>)>>,
    asked: Arc<AtomicUsize>,
}

impl Engine for Remembers {
    fn start(&self, statement: Statement, settings: &Settings, ctx: &Ctx) -> Result<RowStream> {
        let key = format!("{statement:?}");
        let known = self.known.lock().unwrap().get(&key).cloned();
        let (schema, batches) = match known {
            Some(known) => known,
            None => {
                self.asked.fetch_add(1, Relaxed);
                // Its end is no end of ours: a token of its own.
                let rows = self.inner.start(statement, settings, &ctx.child())?;
                let schema = rows.schema().clone();
                let batches = rows.map(|chunk| chunk.map(|chunk| chunk.batch)).collect::<Result<Vec<_>>>()?;
                self.known.lock().unwrap().entry(key).insert_entry((schema, batches)).get().clone()
            }
        };
        Ok(RowStream::new(schema, batches.into_iter().map(Ok), ctx.cancel.clone()))
    }

    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    fn version(&self) -> String {
        format!("remembered {}", self.inner.version())
    }
}

fn rows(client: &Client, params: &QueryParams) -> String {
    let batches: Vec<_> = client.query(params).unwrap().map(|batch| batch.unwrap()).collect();
    arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
}

#[test]
fn an_engine_from_outside_answers_in_its_own_sql_and_its_rows_go_to_files() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    crate::many::write(source.path(), 1, 10);
    let batch = |names: &[&str], counts: &[i64]| {
        let names: ArrayRef = Arc::new(StringArray::from_iter_values(names));
        let counts: ArrayRef = Arc::new(Int64Array::from_iter_values(counts.iter().copied()));
        RecordBatch::try_from_iter_with_nullable([("CNES", names, true), ("n", counts, true)]).unwrap()
    };
    let batches = vec![batch(&["a", "b"], &[1, 2]), batch(&["c"], &[3])];
    let list = Arc::new(List { batches, asked: Mutex::default() });
    let config = crate::config(place.path());
    let client = Client::builder(source.path()).config(config).engine(list.clone()).open().unwrap();
    let grouped = QueryParams::dataset("SIH-RD").group_by(["CNES"]).aggregate(AggregateFn::Count, "CNES", "n");
    assert!(rows(&client, &grouped).contains("c    | 3"), "{}", rows(&client, &grouped));
    let plain = QueryParams::dataset("SIH-RD").columns(["CNES"]);
    for (number, params) in [&grouped, &plain].into_iter().enumerate() {
        let name = format!("{number}.csv");
        let report = client.export(params, Csv::to(&name)).unwrap();
        assert_eq!(report.records_processed, 3);
        let text = std::fs::read_to_string(place.path().join("out").join(name)).unwrap();
        assert_eq!(text, "CNES,n\r\na,1\r\nb,2\r\nc,3\r\n");
    }
    let asked = list.asked.lock().unwrap();
    assert!(asked.len() == 3 && asked.iter().all(|sql| sql.contains("FROM `sih_rd`")), "{asked:?}");
}

#[test]
fn one_that_stands_before_ours_has_it_run_a_statement_once() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    crate::many::write(source.path(), 2, 1_000);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let over =
        move |inner| Arc::new(Remembers { inner, known: Mutex::default(), asked: counted.clone() }) as Arc<dyn Engine>;
    let config = crate::config(place.path());
    let client = Client::builder(source.path()).config(config).engine_over(over).open().unwrap();
    let here = TempDir::new().unwrap();
    let plain = Client::open_with(source.path(), crate::config(here.path())).unwrap();
    let sql =
        QueryParams::sql("SELECT IDADE, count(*) AS n, sum(VAL_TOT) AS v FROM sih_rd GROUP BY IDADE ORDER BY IDADE");
    for params in [sql, QueryParams::dataset("SIH-RD").columns(["CNES", "VAL_TOT"]).limit(50)] {
        let expected = rows(&plain, &params);
        assert_eq!((rows(&client, &params), rows(&client, &params)), (expected.clone(), expected));
    }
    assert_eq!(asked.load(Relaxed), 2);
}
