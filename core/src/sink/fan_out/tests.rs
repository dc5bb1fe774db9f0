use ::arrow::array::{ArrayRef, Int32Array, RecordBatch};

use super::*;
use crate::base::{Cancel, CancelReason, Code, Origin, UnitId};
use crate::recovery::SinkState;
use crate::sink::{Csv, OutputRoot, Parquet, ResultInfo, Target, TargetEnv, arrow};

/// Files that have their name.
fn visible(folder: &std::path::Path) -> usize {
    let names = std::fs::read_dir(folder.join("out")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| !name.to_string_lossy().starts_with('.')).count()
}

fn chunk() -> Chunk {
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    Chunk { unit: UnitId(0), batch, origin: Origin::default() }
}

fn files(root: &OutputRoot, state: &std::path::Path) -> Vec<Box<dyn Sink>> {
    let env = TargetEnv { root, credentials: Default::default() };
    let info = ResultInfo { file_stem: "abc123".into(), ..Default::default() };
    vec![
        Csv::default().open(&env, &info, SinkState::of_test(state, 0)).unwrap(),
        Parquet::default().open(&env, &info, SinkState::of_test(state, 1)).unwrap(),
    ]
}

#[test]
fn every_sink_gets_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = FanOut::new(files(&OutputRoot::open(&folder.path().join("out")).unwrap(), folder.path()));
    all.start(&chunk().batch.schema(), &Ctx::default()).unwrap();
    all.write(&chunk()).unwrap();
    all.write(&chunk()).unwrap();
    assert_eq!(all.finish().unwrap().iter().map(|s| s.rows).collect::<Vec<_>>(), [6, 6]);
    assert_eq!(std::fs::read_to_string(folder.path().join("out/abc123.csv")).unwrap().lines().count(), 7);
}

#[test]
fn the_failure_of_one_names_the_state_of_each_and_leaves_nothing_visible() {
    let folder = tempfile::tempdir().unwrap();
    let cancel = Cancel::default();
    let (stream, reader) = arrow::stream(chunk().batch.schema(), 4, &Default::default(), &cancel);
    let mut sinks = files(&OutputRoot::open(&folder.path().join("out")).unwrap(), folder.path());
    sinks.push(Box::new(stream));
    let mut all = FanOut::new(sinks);
    all.start(&chunk().batch.schema(), &Ctx::default()).unwrap();
    all.write(&chunk()).unwrap();
    cancel.set(CancelReason::Caller);
    let error = all.write(&chunk()).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    let states = error.diagnostic()["sinks"].as_array().unwrap();
    let states: Vec<_> = states.iter().map(|s| (s["sink"].as_str().unwrap(), s["state"].as_str().unwrap())).collect();
    assert_eq!(states, [("csv", "abandoned"), ("parquet", "abandoned"), ("arrow", "failed")]);
    assert_eq!(visible(folder.path()), 0);
    assert_eq!(arrow::error_of(&reader.last().unwrap().unwrap_err()).unwrap().code(), Code::Cancelled);
}

#[test]
fn a_failed_publish_says_which_files_were_published() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = FanOut::new(files(&OutputRoot::open(&folder.path().join("out")).unwrap(), folder.path()));
    all.start(&chunk().batch.schema(), &Ctx::default()).unwrap();
    all.write(&chunk()).unwrap();
    std::fs::write(folder.path().join("out/abc123.parquet"), "taken").unwrap();
    let error = all.finish().unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
    assert_eq!(error.diagnostic()["sinks"][0]["state"], "completed");
    assert_eq!(error.diagnostic()["sinks"][1]["state"], "failed");
    assert_eq!(std::fs::read(folder.path().join("out/abc123.parquet")).unwrap(), b"taken");
}

/// Publishes at once, or fails at it, and notes what it does.
struct Noting {
    name: &'static str,
    fails: bool,
    noted: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Noting {
    fn note(&self, what: &str) {
        self.noted.lock().unwrap().push(format!("{}: {what}", self.name));
    }
}

impl Sink for Noting {
    fn name(&self) -> &'static str {
        self.name
    }

    fn start(&mut self, _: &SchemaRef, _: &Ctx) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &Chunk) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Stored> {
        self.note(if self.fails { "failed" } else { "published" });
        match self.fails {
            true => Err(Error::new(Code::Unreachable, crate::base::text!("fora", "away"))),
            false => Ok(Stored { sink: self.name, location: String::new(), rows: 0, bytes: 0, warnings: Vec::new() }),
        }
    }

    fn finish_first(self: Box<Self>) -> Result<(Stored, Option<Afterwards>)> {
        let again = Box::new(Noting { name: self.name, fails: false, noted: self.noted.clone() });
        let stored = self.finish()?;
        let then = move || {
            again.note("afterwards");
            vec![crate::base::text!("aviso", "warning")]
        };
        Ok((stored, Some(Box::new(then))))
    }
}

#[test]
fn what_comes_afterwards_waits_until_all_have_published_and_is_not_done_where_one_could_not() {
    for fails in [false, true] {
        let noted = Arc::default();
        let sink = |name, fails| -> Box<dyn Sink> { Box::new(Noting { name, fails, noted: Arc::clone(&noted) }) };
        let mut all = FanOut::new(vec![sink("first", false), sink("second", fails)]);
        all.start(&chunk().batch.schema(), &Ctx::default()).unwrap();
        all.write(&chunk()).unwrap();
        let done = all.finish();
        let noted = noted.lock().unwrap();
        match fails {
            false => {
                assert_eq!(
                    *noted,
                    ["first: published", "second: published", "first: afterwards", "second: afterwards"]
                );
                assert!(done.unwrap().iter().all(|stored| stored.warnings.len() == 1));
            }
            true => {
                assert_eq!(*noted, ["first: published", "second: failed"]);
                let states = done.unwrap_err().diagnostic()["sinks"].clone();
                assert_eq!((&states[0]["state"], &states[1]["state"]), (&json!("completed"), &json!("failed")));
            }
        }
    }
}
