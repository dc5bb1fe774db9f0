//! The ministry's tree in a folder, with what stands in it twice.

use super::*;

const SIH: &str = "SIHSUS/200801_/Dados";

fn months(client: &Client) -> Vec<(u64, Vec<String>)> {
    ["202401", "202402"]
        .map(|month| rows(client, &rd().uf(["AC"]).competencia(month)).unwrap())
        .into_iter()
        .map(told)
        .collect()
}

fn told((rows, report): (u64, Report)) -> (u64, Vec<String>) {
    (rows, report.warnings)
}

fn ignored(client: &Client) -> Vec<(String, Why)> {
    client.datasets().unwrap().ignored.into_iter().map(|one| (one.file, one.reason)).collect()
}

/// Months of AC, and the second one once more with other records.
fn mirrored(below: &str) -> Place {
    let place = Place::new();
    let at = |name: &str| format!("{below}{name}");
    place.dbc(&at(&format!("{SIH}/RDAC2401.dbc")), 0, 3).dbc(&at(&format!("{SIH}/RDAC2402.dbc")), 10, 4);
    place
        .dbc(&at("SIHSUS/MHJ_14_16/RDAC2402.dbc"), 20, 6)
        .dbf_of(&at("SIHSUS/MHJ_14_16/RDAC2402.dbc"), &at("SIHSUS/DBF/RDAC2401.dbf"));
    // A name of one dataset in the folder of another, whole and in parts.
    place.dbc(&at("SIASUS/200801_/Dados/PAAC2401a.dbc"), 0, 2).dbc(&at("SIASUS/teste/PAAC2401.dbc"), 0, 5);
    place.dbc(&at("SIASUS/200801_/Dados/RDAC2401.dbc"), 0, 7);
    place
}

#[test]
fn of_the_tree_in_a_folder_the_same_counts_as_of_one_elsewhere() {
    for below in ["", "ftp.datasus.gov.br/dissemin/publicos/"] {
        let place = mirrored(below);
        let client = place.client();
        assert_eq!(months(&client), [(3, vec![]), (4, vec![])], "no rivals, and nothing to warn of");
        let pa = QueryParams::dataset("SIA-PA").uf(["AC"]).competencia("202401");
        assert_eq!(rows(&client, &pa).map(told).unwrap(), (2, vec![]));
        let expected = [
            "SIASUS/200801_/Dados/RDAC2401.dbc",
            "SIASUS/teste/PAAC2401.dbc",
            "SIHSUS/DBF/RDAC2401.dbf",
            "SIHSUS/MHJ_14_16/RDAC2402.dbc",
        ];
        assert_eq!(ignored(&client), expected.map(|file| (format!("{below}{file}"), Why::Folder)));
        // As a mirror of a server that takes no connection.
        let config = Config {
            mirrors: vec![place.folder.path().join(below).display().to_string()],
            home: Some(place.elsewhere.path().join("home")),
            ..Config::default()
        };
        let elsewhere = Client::open_with("ftp://127.0.0.1:1/publicos", config).unwrap();
        assert_eq!(elsewhere.datasets().unwrap().datasets, client.datasets().unwrap().datasets);
        // A sistema's folder alone is of the tree as well.
        let alone = place.client_of(&format!("{below}SIHSUS"));
        assert_eq!(months(&alone), [(3, vec![]), (4, vec![])]);
        assert_eq!(ignored(&alone).len(), 2);
        // Who opens a folder of copies wants these.
        assert_eq!(rows(&place.client_of(&format!("{below}SIHSUS/DBF")), &rd_ac()).map(told).unwrap(), (6, vec![]));
    }
}

#[test]
fn what_stands_in_the_tree_outside_its_folders_and_nowhere_else_is_told() {
    let place = mirrored("");
    place.dbc("SIHSUS/DBF/RDAC2403.dbc", 30, 5);
    let error = place.rows(&rd().uf(["AC"]).competencia("202403")).unwrap_err();
    assert!(error.code() == Code::NotFound && error.detail().contains("SIHSUS/DBF/RDAC2403.dbc"), "{error}");
    let (rows, report) = place.rows(&rd()).unwrap();
    assert_eq!(rows, 7);
    let told = |warning: &String| warning.contains("SIHSUS/DBF/RDAC2403.dbc") && warning.contains("outra pasta");
    assert_eq!(report.warnings.iter().filter(|warning| told(warning)).count(), 1, "{:?}", report.warnings);
}

#[test]
fn a_folder_of_ones_own_keeps_all_of_its_files() {
    // Flat, with a copy: rivals, as ever.
    let place = Place::new();
    place.dbc("RDAC2401.dbc", 0, 3).dbc("DBF/RDAC2401.dbc", 0, 4).dbc("DBF/RDAC2402.dbc", 0, 4);
    assert_eq!(place.rows(&rd_ac()).unwrap_err().code(), Code::Conflict);
    // Beside the tree, and what is made of it.
    let place = mirrored("");
    place.dbc("meus/RDAC2403.dbc", 0, 2).parquet("SIHSUS/parquet/RDAC2404.parquet", 0, 2);
    assert_eq!(place.rows(&rd().uf(["AC"]).competencia(["202403", "202404"])).unwrap().0, 4);
    // A sistema's folder by another name may be anything.
    let place = Place::new();
    place.dbc("sih/200801_/Dados/RDAC2401.dbc", 0, 3).dbc("sih/DBF/RDAC2401.dbc", 0, 4);
    assert_eq!(place.rows(&rd_ac()).unwrap_err().code(), Code::Conflict);
    assert_eq!(ignored(&place.client()), []);
}

/// Of a month in parts, one that stands elsewhere is not in the answer.
#[test]
fn a_part_outside_the_folder_is_told() {
    let place = Place::new();
    place.dbc("SIASUS/200801_/Dados/PASP2401a.dbc", 0, 2).dbc("SIASUS/teste/PASP2401a.dbc", 0, 3);
    let pa = QueryParams::dataset("SIA-PA").uf(["SP"]).competencia("202401");
    assert_eq!(rows(&place.client(), &pa).map(told).unwrap(), (2, vec![]), "the same part twice");
    place.dbc("SIASUS/teste/PASP2401b.dbc", 10, 4);
    let (read, warnings) = rows(&place.client(), &pa).map(told).unwrap();
    assert_eq!((read, warnings.len()), (2, 1), "{warnings:#?}");
    assert!(warnings[0].contains("PASP2401b.dbc"), "{warnings:#?}");
}
