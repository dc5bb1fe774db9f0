//! What the core tells, read back: every output of the contract comes out of its JSON as it went in.

use std::fmt::Debug;

use datasus::run::DestinationOptions;
use datasus::source::{FileSummary, RecordsOf, TypedRecords, write_example_data};
use datasus::{
    CacheUse, Catalog, Client, Config, Csv, DeadLetter, Error, Estimate, Explain, Holdings, JobInfo, Known, Language,
    Mode, Options, Parquet, Postgres, QueryParams, Report, Status, SyncReport, base::ErrorForm,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Out to JSON and back again, and through the schema's eyes: the keys are those that it names, the required ones are there.
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, told: &T) -> Value {
    let json = serde_json::to_value(told).unwrap();
    let read: T = serde_json::from_str(&json.to_string()).unwrap();
    assert_eq!(read, *told, "{name}");
    let schema = datasus::contract::schema();
    let form = &schema["$defs"][name];
    let known = form["properties"].as_object().unwrap_or_else(|| panic!("{name} is in the contract"));
    for key in json.as_object().unwrap().keys() {
        assert!(known.contains_key(key), "{name}.{key}");
    }
    for key in form["required"].as_array().unwrap() {
        assert!(!json[key.as_str().unwrap()].is_null() || json.get(key.as_str().unwrap()).is_some(), "{name}.{key}");
    }
    json
}

fn client(folder: &std::path::Path) -> Client {
    write_example_data(folder, 20).unwrap();
    Client::open_with(folder, Config { output: Some(folder.join("out")), language: Language::En, ..Default::default() })
        .unwrap()
}

#[test]
fn a_report_and_its_parts_are_read_back_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path());
    let params = QueryParams::dataset("SIH-RD").uf(["AC", "SP"]).columns(["CNES"]);
    let params = params.options(Options { missing: datasus::MissingFiles::Warn, ..Default::default() });
    let to = (Csv::to("a.csv"), Csv::to("b.csv"), Parquet::to("c.parquet"));
    let report = client.export(&params, to).unwrap();
    assert_eq!((report.status, report.mode, report.cache), (Status::Completed, Mode::Normal, CacheUse::Off));
    assert!(!report.missing.is_empty() && !report.warnings.is_empty() && report.storage.len() == 2, "{report}");
    let json = comes_back("Report", &report);
    assert_eq!(
        (&json["status"], &json["cache"], &json["mode"]),
        (&json!("completed"), &json!("off"), &json!("normal"))
    );
    assert_eq!(Report::from_json(&report.to_string()).unwrap(), report);
    // A later version tells more: who reads leaves alone what he does not know.
    let mut later = json.clone();
    later["of_a_later_version"] = json!({"x": 1});
    assert_eq!(Report::from_json(&later.to_string()).unwrap(), report);
    // And one without what may be left out.
    let error = Report::from_json(r#"{"contract": 1}"#).unwrap_err();
    assert!(error.detail().contains("status"), "{error}");
}

#[test]
fn a_report_of_a_sample_of_bad_values_and_of_an_earlier_attempt_is_read_back() {
    let json = json!({
        "contract": 1, "status": "completed", "job_id": "01J", "trace_id": "a1", "records_processed": 3,
        "storage": {"postgres": "sih_data.rd", "csv": ["a.csv", "b.csv"]},
        "performance": {"duration_sec": 45.2, "throughput_rps": 33_215, "memory_peak_gb": 8.7},
        "mode": "emergency",
        "sampling": {"fraction": 0.1, "seed": 0, "method": "poly3(sha256, row, seed)", "rows_seen": 30, "rows_kept": 3},
        "dead_letters": 1, "attempts": 2, "resumed_from": {"postgres": 20_000}, "cache": "off",
        "sources": [{"file": "RDSP2401.dbc", "rows": 172_034, "sha256": null, "crc": "absent"}],
        "row_groups": {"read": 2, "present": 5}, "bytes": {"read": 1_000, "present": 70_000},
        "missing": [{"dataset": "SIH-RD", "uf": "SP", "competencia": "202402", "part": "b"}],
        "unreadable": [{"file": "x.dbc", "error_code": "DS-460", "detail": "…"}],
        "bad_values": [{"file": "x.dbc", "column": "IDADE", "count": 2, "samples": ["3 4"]}],
        "normalised": [{"dataset": "SIM-DO", "column": "CODMUNRES", "form": "digits(7)", "files": 1, "count": 1, "samples": [["1", "01"]]}],
        "warnings": ["w"],
    });
    let report: Report = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(report.to_json(), json);
}

#[test]
fn everything_else_that_is_told_is_read_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path());
    let params = QueryParams::dataset("SIH-RD").columns(["CNES"]);
    let explained: Explain = client.explain(&params).unwrap();
    comes_back("Explain", &explained);
    let synced: SyncReport = client.sync(&params).unwrap();
    comes_back("SyncReport", &synced);
    comes_back("Explain", &client.explain(&params).unwrap());
    let estimated: Estimate = client.estimate(&params).unwrap();
    comes_back("Estimate", &estimated);
    let holdings: Holdings = client.datasets().unwrap();
    let json = comes_back("Holdings", &holdings);
    assert_eq!(json["datasets"][2]["first"], "202401", "{json}");
    comes_back::<Known>("Known", &client.catalog()[0]);
    let mut records = TypedRecords::open(
        &folder.path().join("RDAC2401.dbc"),
        &RecordsOf::default(),
        Catalog::builtin(),
        Language::En,
    )
    .unwrap();
    records.by_ref().for_each(|batch| assert!(batch.is_ok()));
    comes_back::<FileSummary>("FileSummary", &records.file_summary());
    let error: Error = client.query(&QueryParams::dataset("SIH-RX").uf(["Acrre"])).err().unwrap();
    let json = comes_back::<ErrorForm>("ErrorForm", &error.form());
    assert_eq!((json.clone(), json["status"].as_str()), (error.to_json(), Some("error")));
    assert_eq!(json["problems"].as_array().unwrap().len(), 2);
}

#[test]
fn a_job_that_was_left_and_its_dead_letters_are_read_back() {
    let letter = json!({
        "sink": "postgres", "sink_number": 0, "unit": 1, "row": 2, "reason": "r", "sqlstate": "23514",
        "source_file": "RDAC2401.dbc", "source_row": 7, "column": "VAL_TOT", "value": "1.00",
        "record": {"CNES": "2000733", "VAL_TOT": null}, "trace_id": "a1",
    });
    let read: DeadLetter = serde_json::from_value(letter.clone()).unwrap();
    assert_eq!(comes_back("DeadLetter", &read), letter);
    let csv = serde_json::to_value(Csv::to("a.csv")).unwrap();
    let in_table = Postgres { table: Some("s.t".into()), ..Postgres::default() };
    let job = json!({
        "job_id": "01J", "standing": "crashed", "created_at": "2026-01-01T00:00:00Z",
        "params": {"dataset": "SIH-RD"}, "error": null, "dead_letters": 0, "pid": 1, "host": "h",
        "destinations": [
            {"to": {"csv": csv}, "url": null, "password_left_out": false},
            {"to": {"postgres": in_table}, "url": "postgres://u@h/d", "password_left_out": true},
            // Of the program's own.
            {"to": {"counter": {"most": 3}}, "url": null, "password_left_out": false},
        ],
    });
    let read: JobInfo = serde_json::from_value(job.clone()).unwrap();
    let [DestinationOptions::Known(file), DestinationOptions::Known(table), DestinationOptions::Other(own)] =
        [0, 1, 2].map(|number| read.destinations[number].to.clone())
    else {
        panic!("{read:?}")
    };
    assert_eq!((file, table), (Csv::to("a.csv").into(), in_table.into()));
    assert_eq!(own["counter"]["most"], 3);
    assert_eq!(comes_back("JobInfo", &read), job);
}
