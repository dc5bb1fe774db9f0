//! What is said of the files that are chosen: in warnings, in `explain`, in the log.

use crate::*;

#[test]
fn the_final_one_that_is_named_is_the_one_that_is_read() {
    let place = Place::new();
    place.dbc("PRELIM/DORR2022.dbc", 0, 9);
    place.dbc("FINAIS/DORR2022 (1).dbc", 0, 30).dbc("FINAIS/DORR2022.dbc", 0, 30);
    let (file, _, warnings) = place.only(&QueryParams::dataset("SIM-DO"));
    assert_eq!((file.as_str(), warnings.len()), ("DORR2022.dbc", 2), "{warnings:?}");
    assert!(warnings.iter().any(|said| said.contains("preliminar") && said.contains("FINAIS/DORR2022.dbc é o final")));
    // Of several days it is the last.
    let place = Place::new();
    place.dbc("PRELIM/DORR2022.dbc", 0, 9).dbc("DORR2022@20230101.dbc", 0, 20).dbc("DORR2022@20240101.dbc", 0, 30);
    let (file, _, warnings) = place.only(&QueryParams::dataset("SIM-DO"));
    assert_eq!(file, "DORR2022@20240101.dbc");
    assert!(warnings.iter().filter(|said| said.contains("@20240101.dbc")).count() == 2, "{warnings:?}");
}

#[test]
fn no_advice_is_what_was_done_already() {
    let place = Place::new();
    for (name, rows) in [("a/RDAC2401.dbc", 30), ("b/RDAC2401.dbc", 31), ("PASP1805.dbc", 5), ("PASP1805a.dbc", 6)] {
        place.dbc(name, 0, rows).changed(name, 0);
    }
    for dataset in ["SIH-RD", "SIA-PA"] {
        let error = place.rows(&QueryParams::dataset(dataset).options(newest())).unwrap_err();
        assert_eq!(error.code(), Code::Conflict);
        assert!(error.detail().contains("mesma hora") && !error.detail().contains("com a opção"), "{error}");
        let error = place.rows(&QueryParams::dataset(dataset)).unwrap_err();
        assert!(error.detail().contains("com a opção `versions`: newest"), "{error}");
    }
}

/// The ministry splits a month anew, into fewer parts: what lies there of the old split would count twice.
#[test]
fn parts_of_two_versions_read_together_are_said() {
    let pa = || QueryParams::dataset("SIA-PA").options(newest());
    let place = Place::new();
    for (part, rows) in [("a", 20), ("b", 20), ("c", 20)] {
        place.dbc(&format!("velha/PASP1805{part}.dbc"), 0, rows).changed(&format!("velha/PASP1805{part}.dbc"), 0);
    }
    for (part, rows) in [("a", 30), ("b", 31)] {
        place.dbc(&format!("nova/PASP1805{part}.dbc"), 0, rows).changed(&format!("nova/PASP1805{part}.dbc"), 3600);
    }
    let (_, report) = place.rows(&pa()).unwrap();
    let mixed = |report: &Report| report.warnings.iter().filter(|said| said.contains("em dobro")).cloned().collect();
    let said: Vec<String> = mixed(&report);
    assert!(said.len() == 1 && said[0].contains("velha/PASP1805c.dbc"), "{report}");
    std::fs::remove_file(place.path("velha/PASP1805c.dbc")).unwrap();
    let (count, report) = place.rows(&pa()).unwrap();
    assert_eq!((count, mixed(&report)), (61, Vec::new()), "{report}");

    let place = Place::new();
    for (name, rows) in [("a@20230101", 1), ("b@20230101", 2), ("a@20240101", 3)] {
        place.dbc(&format!("PASP1805{name}.dbc"), 0, rows);
    }
    let (count, report) = place.rows(&QueryParams::dataset("SIA-PA")).unwrap();
    assert_eq!((count, mixed(&report).len()), (5, 1), "{report}");
}

#[test]
fn explain_says_which_files_are_read_and_which_versions_differ() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 30).dbc("RDAC2401 (1).dbc", 0, 30).dbc("PRELIM/RDAC2401.dbc", 0, 3);
    place.dbc("RDAC2402.dbc", 0, 30).dbc("b/RDAC2402.dbc", 0, 31);
    let client = place.client();
    let told = |params: &QueryParams| {
        let explain = client.explain(params).unwrap();
        let left: Vec<String> = explain.left_out.iter().map(|one| one.file.to_string()).collect();
        (explain.sources, left.join(" "), explain.warnings)
    };
    let (sources, left, warnings) = told(&rd());
    assert_eq!((sources.len(), left.contains("PRELIM/RDAC2401.dbc")), (2, true), "{left}");
    let compared = warnings.iter().filter(|said| said.contains("há de comparar")).count();
    assert_eq!((compared, warnings.len()), (2, 3), "{warnings:?}");
    // What the lake holds is known without converting anything.
    rows(&client, &rd_ac()).unwrap();
    let february = rd().uf(["AC"]).competencia("202402");
    assert_eq!(rows(&client, &february).unwrap_err().code(), Code::Conflict);
    let (_, left, warnings) = told(&rd_ac());
    assert!(left.contains("RDAC2401 (1).dbc"), "{left}");
    assert!(warnings.len() == 2 && !warnings.iter().any(|said| said.contains("há de")), "{warnings:?}");
    let (_, _, warnings) = told(&february);
    assert!(warnings.len() == 1 && warnings[0].contains("DS-409") && !warnings[0].contains("há de"), "{warnings:?}");
}

#[test]
fn every_warning_of_a_report_is_a_line_of_the_log() {
    logged::listen();
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 30).dbc("RDAC2401 (1).dbc", 0, 30).dbc("RDAC2401_v2.dbc", 0, 1);
    let (_, report) = place.rows(&rd_ac()).unwrap();
    assert_eq!(report.warnings.len(), 2, "{report}");
    let log = logged::logged();
    for warning in &report.warnings {
        let told = |line: &&str| line.contains(warning.as_str()) && line.contains(&report.trace_id);
        let line = log.lines().find(told).unwrap_or_else(|| panic!("{warning}: {log}"));
        for part in ["WARN", &report.job_id, &report.trace_id] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

/// What explain says beforehand, the report says of what was done.
#[test]
fn the_report_says_how_many_row_groups_and_bytes_were_read() {
    use datasus::{CacheUse, Csv, col};
    let place = Place::new();
    let text = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let batch = RecordBatch::try_from_iter([
        ("N_AIH", text((0..100).map(|row| format!("{row:013}")).collect())),
        ("UF_ZI", text(vec!["120000".into(); 100])),
    ])
    .unwrap();
    let properties =
        parquet::file::properties::WriterProperties::builder().set_max_row_group_row_count(Some(10)).build();
    let file = File::create(place.path("RDAC2401.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    place.changed("RDAC2401.parquet", 0);
    let client = place.client();
    let late = || rd_ac().filter(col("N_AIH").ge("0000000000075"));
    let grouped = || late().group_by(["UF_ZI"]).count("n");
    for (params, answer, scanned) in [(late().columns(["UF_ZI"]), 25, true), (grouped(), 1, false)] {
        let explain = client.explain(&params).unwrap();
        assert_eq!((explain.row_groups.read, explain.row_groups.present), (3, 10), "{params:?}");
        let (count, report) = rows(&client, &params).unwrap();
        assert_eq!((count, report.row_groups), (answer, explain.row_groups), "{params:?}");
        // Where statistics prove a condition, a scan does not read its column.
        let (read, most) = (report.bytes.read, explain.bytes.read);
        assert!(read > 0 && if scanned { read < most } else { read == most }, "{report}");
        assert_eq!(report.bytes.present, explain.bytes.present);
        // Where the rows go is no matter, nor that they are kept on their way.
        let name = format!("{answer}.csv");
        let off = Options { cache: datasus::CacheMode::Off, ..Options::default() };
        let report = client.export(&params.options(off), Csv::to(&name)).unwrap();
        assert_eq!((report.row_groups, report.bytes.read), (explain.row_groups, read));
    }
    let nothing = rows(&client, &rd_ac().filter(col("N_AIH").ge("0000000000100"))).unwrap();
    assert_eq!((nothing.0, nothing.1.row_groups.read, nothing.1.bytes.read), (0, 0, 0));
    // A kept answer reads nothing.
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 30);
    let (client, grouped) = (place.client(), rd_ac().group_by(["UF_ZI"]).count("n"));
    for (cache, read) in [(CacheUse::Miss, 1), (CacheUse::HitL1, 0)] {
        let report = rows(&client, &grouped).unwrap().1;
        assert_eq!((report.cache, report.row_groups.read, report.row_groups.present), (cache, read, 1));
        assert_eq!(report.bytes.read > 0, read > 0);
    }
}
