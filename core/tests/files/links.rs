//! Folders as people keep them: deep, linked, in partitions, with what others have not finished.

use std::os::unix::fs::symlink;

use crate::*;

#[test]
fn a_folder_is_read_however_deep_it_is_and_loops_of_links_end() {
    let place = Place::new();
    let deep = "pasta/".repeat(40);
    place.dbc(&format!("{deep}RDAC2401.dbc"), 0, 30).dbc("b/RDAC2402.dbc", 0, 5);
    symlink(place.folder.path(), place.path(&format!("{deep}volta"))).unwrap();
    // Two folders that lead to each other.
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), place.path("b/fora")).unwrap();
    symlink(place.folder.path().join("b"), outside.path().join("dentro")).unwrap();
    std::fs::copy(place.path("b/RDAC2402.dbc"), outside.path().join("RDAC2403.dbc")).unwrap();
    let (count, report) = place.rows(&rd()).unwrap();
    assert_eq!((count, report.sources.len(), report.warnings.len()), (40, 3, 0), "{report}");
}

#[test]
fn a_link_above_the_opened_folder_is_followed() {
    let above = tempfile::tempdir().unwrap();
    let place = Place { folder: tempfile::tempdir_in(above.path()).unwrap(), elsewhere: tempfile::tempdir().unwrap() };
    place.dbc("RDAC2401.dbc", 0, 30);
    std::fs::copy(place.path("RDAC2401.dbc"), above.path().join("RDAC2402.dbc")).unwrap();
    symlink(above.path(), place.path("acima")).unwrap();
    assert_eq!(place.rows(&rd()).unwrap().0, 60, "both, and each once");
}

#[test]
fn links_that_lead_nowhere_or_too_far_are_named() {
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 30);
    symlink("nao/ha/RDAC2402.dbc", place.path("RDAC2402.dbc")).unwrap();
    symlink("nao/ha/STAC2402.dbc", place.path("STAC2402.dbc")).unwrap();
    let (count, report) = place.rows(&rd()).unwrap();
    assert_eq!((count, report.warnings.len()), (30, 1), "{report}");
    assert!(report.warnings[0].contains("RDAC2402.dbc") && report.warnings[0].contains("link"), "{report}");
    let ignored = place.client().datasets().unwrap().ignored;
    assert_eq!(ignored.iter().map(|one| one.reason).collect::<Vec<_>>(), [Why::Link, Why::Link]);
    let error = place.rows(&rd().uf(["AC"]).competencia("202402")).unwrap_err();
    assert!(error.detail().contains("RDAC2402.dbc"), "{error}");

    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 30);
    let folders: Vec<_> = (0..19).map(|_| tempfile::tempdir().unwrap()).collect();
    symlink(folders[0].path(), place.path("a")).unwrap();
    for pair in folders.windows(2) {
        symlink(pair[1].path(), pair[0].path().join("a")).unwrap();
    }
    let (count, report) = place.rows(&rd()).unwrap();
    assert_eq!((count, report.warnings.len()), (30, 1), "{report}");
    assert!(report.warnings[0].contains("a/a/a"), "{report}");
}

/// Backups that link what has not changed hold every version whole.
#[test]
fn a_partition_whose_files_are_partly_links_is_whole() {
    let place = Place::new();
    place.parquet("seg/RDAC2401.parquet/a.parquet", 0, 20).parquet("seg/RDAC2401.parquet/b.parquet", 20, 10);
    place.changed("seg/RDAC2401.parquet/a.parquet", 0).changed("seg/RDAC2401.parquet/b.parquet", 0);
    let again = place.path("ter/RDAC2401.parquet/a.parquet");
    std::fs::hard_link(place.path("seg/RDAC2401.parquet/a.parquet"), again).unwrap();
    place.parquet("ter/RDAC2401.parquet/b.parquet", 20, 15).changed("ter/RDAC2401.parquet/b.parquet", 3600);
    let error = place.rows(&rd_ac()).unwrap_err();
    assert!(error.detail().contains("30 e 35 linhas"), "{error}");
    assert_eq!(place.rows(&rd_ac().options(newest())).unwrap().0, 35);
    std::fs::remove_dir_all(place.path("ter")).unwrap();
    symlink(place.path("seg"), place.path("qua")).unwrap();
    let (count, report) = place.rows(&rd_ac()).unwrap();
    assert_eq!((count, report.warnings.len()), (30, 0), "{report}");
}

/// What stores content by its hash gives equal files of different months one file.
#[test]
fn one_file_by_the_names_of_two_months_is_both() {
    let place = Place::new();
    place.dbc(".objetos/x", 0, 7);
    for month in ["RDAC2401.dbc", "RDAC2402.dbc"] {
        symlink(place.path(".objetos/x"), place.path(month)).unwrap();
    }
    assert_eq!(place.rows(&rd().uf(["AC"]).competencia("202401".."202402")).unwrap().0, 14);
}

#[test]
fn what_a_program_has_not_finished_is_no_version() {
    let place = Place::new();
    let month = "sih-rd/uf=AC/ano=2024/mes=01";
    place.parquet(&format!("{month}/part-0.parquet"), 0, 30);
    place.parquet(&format!("{month}/_temporary/0/part-0.parquet"), 0, 11);
    assert_eq!(place.only(&rd_ac()).1, 30);
    place.dbc("RDAC2402.dbc", 0, 5).parquet("RDAC2403.parquet/SEXO=1/part-0.parquet", 0, 4);
    for name in ["RDAC2404.dbc.1", "RDAC2404.dbc.part"] {
        std::fs::copy(place.path("RDAC2402.dbc"), place.path(name)).unwrap();
    }
    let (count, report) = place.rows(&rd()).unwrap();
    assert_eq!((count, report.warnings.len()), (35, 1), "{report}");
    for part in ["3 arquivo(s)", "RDAC2404.dbc.1", "RDAC2404.dbc.part", "part-0.parquet"] {
        assert!(report.warnings[0].contains(part), "{part}: {report}");
    }
}
