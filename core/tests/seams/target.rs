//! A sink that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arrow::datatypes::SchemaRef;
use datasus::base::{Chunk, Ctx, Text};
use datasus::recovery::SinkState;
use datasus::run::DestinationOptions;
use datasus::sink::{Identity, Limits, ResultInfo, Sink, Stored, StoredAddress, StoredTarget, Target, TargetEnv};
use datasus::{Client, Code, Csv, Destination, Error, QueryParams, Result, Standing};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tempfile::TempDir;

/// Rows that were counted and published, by all targets of this process.
static PUBLISHED: AtomicU64 = AtomicU64::new(0);
/// The server of the next write is out of reach.
static AWAY: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Counter {
    name: String,
    most: u64,
}

impl Counter {
    fn to(name: &str, most: u64) -> Destination {
        Destination::from(Arc::new(Counter { name: name.to_owned(), most }) as Arc<dyn Target>)
    }

    fn read(options: serde_json::Value) -> serde_json::Result<Arc<dyn Target>> {
        Ok(Arc::new(serde_json::from_value::<Counter>(options)?))
    }
}

impl Target for Counter {
    fn kind(&self) -> &'static str {
        "counter"
    }

    fn identity(&self, _: &TargetEnv, _: Option<&ResultInfo>) -> Identity {
        Identity { key: format!("counter {}", self.name).into(), shown: self.name.clone() }
    }

    fn limits(&self) -> Limits {
        Limits { rows: Some(self.most), ..Limits::default() }
    }

    fn open(&self, _: &TargetEnv, _: &ResultInfo, state: SinkState) -> Result<Box<dyn Sink>> {
        Ok(Box::new(Counting { name: self.name.clone(), rows: 0, columns: 0, state }))
    }

    fn stored(&self, _: &ResultInfo) -> Result<StoredTarget> {
        StoredTarget::new("counter", self, StoredAddress::default())
    }
}

struct Counting {
    name: String,
    rows: u64,
    columns: usize,
    state: SinkState,
}

impl Sink for Counting {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn start(&mut self, schema: &SchemaRef, _: &Ctx) -> Result<()> {
        self.columns = schema.fields().len();
        self.state.begins()
    }

    fn write(&mut self, chunk: &Chunk) -> Result<()> {
        if AWAY.load(Relaxed) {
            return Err(Error::new(Code::Unreachable, Text { pt: "fora do ar".into(), en: "out of reach".into() }));
        }
        self.rows += chunk.batch.num_rows() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Stored> {
        PUBLISHED.fetch_add(self.rows, Relaxed);
        let location = format!("{}: {} columns", self.name, self.columns);
        Ok(Stored { sink: "counter", location, rows: self.rows, bytes: 0, warnings: Vec::new() })
    }
}

#[test]
fn a_target_from_outside_takes_the_rows_beside_ours_and_its_jobs_are_resumed_where_it_is_known() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    crate::many::write(source.path(), 3, 1_000);
    let open = || Client::builder(source.path()).config(crate::config(place.path())).target("counter", Counter::read);
    let client = open().open().unwrap();
    let params = QueryParams::dataset("SIH-RD").columns(["CNES", "VAL_TOT"]);

    let report = client.export(&params, (Csv::to("a.csv"), Counter::to("here", 10_000))).unwrap();
    assert_eq!((report.records_processed, PUBLISHED.load(Relaxed)), (3_000, 3_000));
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["storage"], json!({"csv": "a.csv", "counter": "here: 2 columns"}));

    let twice = client.export(&params, [Counter::to("here", 10_000), Counter::to("here", 10_000)]).unwrap_err();
    assert_eq!(twice.code(), Code::InvalidParams);
    let few = client.export(&params, [Counter::to("here", 2_999)]).unwrap_err();
    assert_eq!((few.code(), few.diagnostic()["limit"].as_u64()), (Code::TooManyRows, Some(2_999)));

    AWAY.store(true, Relaxed);
    let mut keyed = params.clone();
    keyed.options.rate_key = Some("10.0.0.7".into());
    let lost = client.export(&keyed, [Counter::to("there", 10_000)]).unwrap_err();
    AWAY.store(false, Relaxed);
    assert_eq!(lost.code(), Code::Unreachable);
    let [job] = &client.jobs().unwrap()[..] else { panic!("{:?}", client.jobs()) };
    // Who asked is nobody's business later, and whoever goes on with the job is another.
    let kept = std::fs::read_to_string(crate::config(place.path()).state.unwrap().join(&job.job_id).join("plan.json"));
    assert!(!kept.unwrap().contains("10.0.0.7"));
    let DestinationOptions::Other(own) = &job.destinations[0].to else { panic!("{job:?}") };
    let own = serde_json::to_value(own).unwrap();
    assert_eq!((job.standing, own), (Standing::Failed, json!({"counter": {"name": "there", "most": 10_000}})));
    let stranger = Client::open_with(source.path(), crate::config(place.path())).unwrap();
    assert_eq!(stranger.resume(&job.job_id).unwrap_err().code(), Code::Conflict);
    let report = open().open().unwrap().resume(&job.job_id).unwrap().wait().unwrap();
    assert_eq!((report.records_processed, PUBLISHED.load(Relaxed)), (3_000, 6_000));
}
