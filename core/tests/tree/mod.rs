//! The names of the ministry's tree: what the catalogue makes of each, and what it does not know.
//!
//! `names.txt` holds one name of every folder and kind; a crawl of the whole tree is read where it lies beside the project.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::Path;

use arrow::array::AsArray;
use datasus::catalog::{Catalog, FileId};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{facts_folder, skip};

#[derive(Default)]
struct Understood {
    /// In a folder in which the catalogue says that the dataset is published.
    published: usize,
    /// Elsewhere: a copy, an earlier version, a test.
    elsewhere: BTreeMap<String, usize>,
    unknown: Vec<String>,
    /// Names of a published file that stands there once more.
    twice: Vec<String>,
    seen: HashSet<(FileId, bool)>,
}

impl Understood {
    fn add(&mut self, path: &str) {
        let (folder, name) = path.rsplit_once('/').unwrap();
        let Some(found) = Catalog::builtin().read_name(name) else {
            self.unknown.push(path.to_owned());
            return;
        };
        let grupo = Catalog::builtin().dataset(&found.id.dataset.to_string()).unwrap();
        if !grupo.is_published_in(folder) {
            *self.elsewhere.entry(folder.to_owned()).or_default() += 1;
            return;
        }
        self.published += 1;
        if !self.seen.insert((found.id, folder.contains("PRELIM"))) {
            self.twice.push(path.to_owned());
        }
    }

    fn told(&self) -> String {
        let elsewhere: usize = self.elsewhere.values().sum();
        let all = self.published + elsewhere + self.unknown.len();
        let share = 100.0 * (self.published + elsewhere) as f64 / all as f64;
        format!(
            "catalogue: {all} names, {share:.3} % understood: {} in its folders, {elsewhere} in others {:?}; not: {:?}; twice in its folders: {:?}",
            self.published, self.elsewhere, self.unknown, self.twice
        )
    }
}

#[test]
fn one_name_of_every_folder_of_the_tree_is_understood_but_for_templates() {
    let mut understood = Understood::default();
    include_str!("names.txt").lines().for_each(|path| understood.add(path));
    println!("{}", understood.told());
    // Templates of names, and a table of no year.
    let unknown = [
        "CNES/200508_/Dados/EF/EFufAAmm.dbc",
        "CNES/200508_/Dados/GM/GMufAAmm.dbc",
        "CNES/200508_/Dados/HB/HBufAAmm.dbc",
        "CNES/200508_/Dados/IN/INufAAmm.dbc",
        "CNES/200508_/Dados/RC/RCufAAmm.dbc",
        "RESP/DADOS/RESPBR.dbc",
    ];
    assert_eq!(understood.unknown, unknown);
    let copies = ["SIHSUS/DBF", "SIHSUS/MHJ_14_16", "SINASC/NOV/DNRES", "SINASC/ANT/DNRES", "SIASUS/teste"];
    for folder in copies {
        assert!(understood.elsewhere.contains_key(folder), "{folder}");
    }
    let others: Vec<&String> =
        understood.elsewhere.keys().filter(|folder| !copies.contains(&folder.as_str())).collect();
    assert_eq!(others, ["CIH/200801_201012/dados2", "SINASC/ANT/DNIGN"]);
}

#[test]
fn the_whole_tree_is_understood() {
    let path = facts_folder().join("../dict/schema/pegasus_tree.parquet");
    let Ok(file) = File::open(&path) else {
        skip::for_want_of_data("no list of the tree's names: pegasus_tree.parquet");
        return;
    };
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut understood = Understood::default();
    for batch in reader.map(Result::unwrap) {
        let column = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
        let (paths, systems, roles, formats) = (column("path"), column("system"), column("role"), column("format"));
        for row in 0..batch.num_rows() {
            let is_table = match formats.value(row) {
                "dbc" | "dbf" => true,
                "zip" => systems.value(row) == "IBGE",
                _ => false,
            };
            if is_table && roles.value(row) == "data" {
                understood.add(paths.value(row));
            }
        }
    }
    println!("{}", understood.told());
    let elsewhere: usize = understood.elsewhere.values().sum();
    assert_eq!(understood.published + elsewhere + understood.unknown.len(), 198_283);
    assert!(understood.unknown.len() < 10, "{:?}", understood.unknown);
    // Of what is published nothing stands twice but two DBF beside their DBC.
    let stems: Vec<&str> = understood.twice.iter().filter_map(|path| Path::new(path).file_stem()?.to_str()).collect();
    assert_eq!(stems, ["STAC2001", "STDF2001"]);
}

/// What is known by name alone is not also known by a header, and every folder of the catalogue stands in the tree.
#[test]
fn fields_by_name_are_those_that_no_header_told() {
    for grupo in Catalog::builtin().datasets().filter(|grupo| !grupo.columns.is_empty()) {
        let sistema = grupo.dataset.sistema();
        // Those list all of theirs: there is a genuine header of one or two of their years.
        if ["RESP", "PCE", "PNI", "SISPRENATAL", "SISCOLO", "SISMAMA", "IBGE"].contains(&sistema) {
            continue;
        }
        for name in grupo.fields.iter().flat_map(|fields| &fields.names) {
            assert!(grupo.column(name).is_none(), "{} {name}", grupo.dataset);
        }
    }
    let dataset = |name: &str| Catalog::builtin().dataset(name).unwrap();
    let fonte = &dataset("SIH-RD").fields.last().unwrap();
    assert_eq!(
        (fonte.names.as_slice(), fonte.from.unwrap().to_string()),
        (&["FONTE_ORC".to_owned()][..], "202503".to_owned())
    );
    let has_phase = |year: u16| {
        let of_year = dataset("PCE-PCE").fields.iter().find(|fields| {
            fields.from.is_some_and(|from| from.ano() <= year) && fields.to.is_some_and(|to| to.ano() >= year)
        });
        of_year.unwrap().names.contains(&"CS_FASE".to_owned())
    };
    assert!(has_phase(2024) && !has_phase(2021));
    assert_eq!(dataset("SIM-DOBR").columns, dataset("SIM-DO").columns);
    assert!(dataset("IBGE-POPSVS").zipped && !dataset("IBGE-PROJUF").zipped && !dataset("SIH-RD").zipped);
    assert!(dataset("SIM-DO").is_published_in("sim/cid10/dores/"));
    assert!(!dataset("SIM-DO").is_published_in("/dissemin/publicos/SIM/CID9/DORES"));
}
