//! The catalogue: names both ways, and against what genuine headers and the FTP tree say.

mod skip;
mod tree;

use std::path::{Path, PathBuf};

use datasus::catalog::{Catalog, Competencia, Dataset, FileId, LogicalType, Period, Uf};

fn facts_folder() -> PathBuf {
    let folder = std::env::var_os("DATASUS_FACTS").map(PathBuf::from);
    folder.unwrap_or_else(|| Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../shared/data/facts"))
}

fn facts(name: &str) -> Option<csv::Reader<std::fs::File>> {
    let path = facts_folder().join(name);
    if !path.is_file() {
        skip::for_want_of_data(&format!("no facts: {name}; set DATASUS_FACTS to its folder"));
        return None;
    }
    Some(csv::ReaderBuilder::new().flexible(true).from_path(path).unwrap())
}

#[test]
fn every_file_of_the_catalogue_is_read() {
    for (name, text) in Catalog::builtin_files() {
        assert!(Catalog::check_file(text).unwrap_or_else(|why| panic!("{name}: {why}")) > 0);
    }
    let datasets: Vec<String> = Catalog::builtin().datasets().map(|g| g.dataset.to_string()).collect();
    for wanted in
        "SIH-RD SIH-SP SIH-RJ SIH-ER SIA-PA SIA-AB SIA-ABO SIA-ACF SIA-AD SIA-AM SIA-AMP SIA-AN SIA-AQ SIA-AR \
                   SIA-ATD SIA-BI SIA-PS SIA-SAD CNES-ST CNES-PF CNES-LT CNES-EQ CNES-SR CNES-EP CNES-HB CNES-DC \
                   CNES-IN CNES-RC CNES-EE CNES-EF CNES-GM SIM-DO SIM-DOR SIM-DORIG SIM-DOFET SIM-DOEXT SIM-DOINF \
                   SIM-DOMAT SIM-DOREXT SINASC-DN SINASC-DNR SINASC-DNRIG SINASC-DNREXT SINASC-DNEX CIHA-CIHA CIH-CR \
                   IBGE-POPSVS IBGE-POPTCU IBGE-POP RESP-RESP PCE-PCE PNI-CPNI PNI-DPNI SISPRENATAL-PN SISCOLO-CC SISMAMA-MM \
                   PO-PO ESUSNOTIFICA-DCCR SIM-DOBR SINASC-DNBR"
            .split_whitespace()
    {
        assert!(datasets.iter().any(|d| d == wanted), "{wanted}");
    }
}

#[test]
fn names_that_bite_are_told_apart() {
    let catalog = Catalog::builtin();
    for (name, expected) in [
        ("RDAC2401.dbc", "SIH-RD AC 202401 -"),
        ("rdac2401.DBC", "SIH-RD AC 202401 -"),
        ("SPSP2301.dbc", "SIH-SP SP 202301 -"),
        ("DORR2022.dbc", "SIM-DO RR 2022 -"),
        ("DORRR79.DBC", "SIM-DOR RR 1979 -"),
        ("DORO1998.dbc", "SIM-DO RO 1998 -"),
        ("DORIG95.DBC", "SIM-DORIG EX 1995 -"),
        ("DOINF21.dbc", "SIM-DOINF BR 2021 -"),
        ("DOFET90.DBC", "SIM-DOFET BR 1990 -"),
        ("DOREXT22.dbc", "SIM-DOREXT EX 2022 -"),
        ("DNEX2022.dbc", "SINASC-DNEX EX 2022 -"),
        ("DNREXT22.dbc", "SINASC-DNREXT EX 2022 -"),
        ("DNRIG95.DBC", "SINASC-DNRIG EX 1995 -"),
        ("DNRAM94.DBC", "SINASC-DNR AM 1994 -"),
        ("DNRBA1994.dbc", "SINASC-DNR BA 1994 -"),
        ("DNAC2009.DBC", "SINASC-DN AC 2009 -"),
        ("PASP2401a.dbc", "SIA-PA SP 202401 a"),
        ("BIMG2412_1.dbc", "SIA-BI MG 202412 1"),
        ("paal9703.dbc", "SIA-PA AL 199703 -"),
        ("ABAC2401.dbc", "SIA-AB AC 202401 -"),
        ("ABOAC2401.dbc", "SIA-ABO AC 202401 -"),
        ("AMPE2401.dbc", "SIA-AM PE 202401 -"),
        ("AMPPE2401.dbc", "SIA-AMP PE 202401 -"),
        ("ZIKABR20.dbc", "SINAN-ZIKA BR 2020 -"),
        ("CIHAAC1106.dbc", "CIHA-CIHA AC 201106 -"),
        ("RDSP2401.parquet", "SIH-RD SP 202401 -"),
        ("POPSBR22.zip", "IBGE-POPSVS BR 2022 -"),
        ("POP22.dbf", "IBGE-POPSVS BR 2022 -"),
        ("POPBR81.ZIP", "IBGE-POP BR 1981 -"),
        ("PROJUF70.dbf", "IBGE-PROJUF BR 2070 -"),
        ("CMBR2212.dbc", "SIH-CM BR 202212 -"),
        ("CMPR1001.dbc", "SISMAMA-CM PR 201001 -"),
        ("DOBR2022.dbc", "SIM-DOBR BR 2022 -"),
        ("CPNIIG13.dbf", "PNI-CPNIIG EX 2013 -"),
    ] {
        let id = catalog.identify(name).unwrap_or_else(|| panic!("{name}"));
        let part = id.part.clone().unwrap_or("-".into());
        assert_eq!(format!("{} {} {} {part}", id.dataset, id.uf, id.competencia), expected, "{name}");
    }
    for (name, expected) in [
        ("RDAC2401 (1).dbc", "SIH-RD AC 202401 - - final"),
        ("PASP2401a - Cópia (2).DBC", "SIA-PA SP 202401 a - final"),
        ("Cópia de DORR2022.dbc", "SIM-DO RR 2022 - - final"),
        ("DORR2022 (3ª cópia).dbc", "SIM-DO RR 2022 - - final"),
        ("DORR2022 (another copy).dbc", "SIM-DO RR 2022 - - final"),
        ("RDAC2401@20240301.dbc", "SIH-RD AC 202401 - 20240301 final"),
        ("sih-rd_202401-ac@20240301.dbc", "SIH-RD AC 202401 - 20240301 final"),
        ("sih-rd_202401-ac@20240301 (1).dbc", "SIH-RD AC 202401 - 20240301 final"),
        ("sih-rd_202401-ac_20240301.dbc", "SIH-RD AC 202401 - 20240301 final"),
        ("sia-pa_202401-sp-a@20240301.dbc", "SIA-PA SP 202401 a 20240301 final"),
        ("sim-do-cid10_2020-ac@20240301.dbc", "SIM-DO AC 2020 - 20240301 final"),
        ("sim-do-cid09_1979-rr@20240301.dbc", "SIM-DOR RR 1979 - 20240301 final"),
        ("sim-doinf-cid10_2021@20240301.dbc", "SIM-DOINF BR 2021 - 20240301 final"),
        ("sim-dorext-cid10_2022@20240301.dbc", "SIM-DOREXT EX 2022 - 20240301 final"),
        ("sinan-zika-preliminar_2020-br@20240301.dbc", "SINAN-ZIKA BR 2020 - 20240301 preliminary"),
        ("SIM_DO_RO_2022.parquet", "SIM-DO RO 2022 - - final"),
        ("SIH_RJ_RJ_2022_01.parquet", "SIH-RJ RJ 202201 - - final"),
        ("RDAC2401.dbc.parquet", "SIH-RD AC 202401 - - final"),
    ] {
        let found = catalog.read_name(name).unwrap_or_else(|| panic!("{name}"));
        let (id, part) = (&found.id, found.id.part.clone().unwrap_or("-".into()));
        let dated = found.dated.map_or("-".to_owned(), |day| day.to_string());
        let state = if found.preliminary { "preliminary" } else { "final" };
        assert_eq!(format!("{} {} {} {part} {dated} {state}", id.dataset, id.uf, id.competencia), expected, "{name}");
    }
    for other in [
        "RDAC2401 (1a).dbc",
        "RDAC2401 nova.dbc",
        "RDAC2401@20241301.dbc",
        "RDAC2401_v2.dbc",
        "sih-rd_202401.dbc",
        "sih-rd_2024-ac.dbc",
        "sih-rd_202401-ac-a@20240301.dbc",
        "sim-do-cid10_2020-br@20240301.dbc",
        "SIM_DOMAT_RO_2022.parquet",
        "SINAN_DENGUE_RO_2022.parquet",
        "RDAC2401.dbc.gz",
        "copia.dbc",
        "(1).dbc",
    ] {
        assert_eq!(catalog.read_name(other), None, "{other}");
    }
    for other in
        ["HBufAAmm.dbc", "CADMUN.DBF", "RDXX2401.dbc", "RDAC2413.dbc", "RDAC2401.zip", "RDAC24011.dbc", "TB_SIGTAP.dbf"]
    {
        assert_eq!(catalog.identify(other), None, "{other}");
    }
}

#[test]
fn every_name_reads_back_as_itself_and_as_nothing_else() {
    let catalog = Catalog::builtin();
    for grupo in catalog.datasets() {
        let ufs: Vec<Uf> = grupo.national.map_or_else(|| Uf::all().collect(), |uf| vec![uf]);
        for uf in ufs {
            for ano in [1994, 1999, 2000, 2012, 2024] {
                let competencia = match grupo.period {
                    Period::Month => Competencia::month(ano, 12),
                    Period::Year => Competencia::year(ano),
                };
                let id = FileId { dataset: grupo.dataset.clone(), uf, competencia: competencia.unwrap(), part: None };
                let name = id.file_name(catalog);
                let stem = name.rsplit_once('.').unwrap().0;
                assert_eq!(catalog.readings(stem), [id], "{name}");
            }
        }
    }
}

#[test]
fn aliases_tables_and_gaps_are_known() {
    let catalog = Catalog::builtin();
    assert_eq!(catalog.dataset("sinan-dengue").unwrap().dataset, Dataset::new("SINAN", "DENG"));
    assert_eq!(catalog.dataset("CIHA").unwrap().dataset.to_string(), "CIHA-CIHA");
    assert_eq!(catalog.by_table("sih_rd").unwrap().dataset.to_string(), "SIH-RD");
    let rd = catalog.dataset("SIH-RD").unwrap();
    let (rr, gap) = (Uf::parse("RR").unwrap(), Competencia::month(1995, 8).unwrap());
    assert!(catalog.is_known_gap(&rd.dataset, rr, gap));
    assert!(!catalog.is_known_gap(&rd.dataset, rr, Competencia::month(1996, 2).unwrap()));
    assert_eq!(rd.column("val_tot").unwrap().kind, LogicalType::Decimal { precision: 14, scale: 2 });
}

#[test]
fn datasets_are_found_by_what_people_call_them() {
    let catalog = Catalog::builtin();
    let read = |name: &str| catalog.read(name).map(|grupo| grupo.dataset.to_string());
    for (name, dataset) in [
        ("SIH-RD", "SIH-RD"),
        (" sih_rd ", "SIH-RD"),
        ("rd", "SIH-RD"),
        ("DO", "SIM-DO"),
        ("dengue", "SINAN-DENG"),
        ("zika", "SINAN-ZIKA"),
        ("Zika vírus", "SINAN-ZIKA"),
        ("hanseniase", "SINAN-HANS"),
        ("leitos", "CNES-LT"),
    ] {
        assert_eq!(read(name).as_deref(), Some(dataset), "{name}");
    }
    for name in ["", "SIM", "SINAN", "aids", "óbitos"] {
        assert_eq!(read(name), None, "{name:?} is not the name of one dataset");
    }
    // What most people look for comes first.
    for (name, first) in [
        ("SIM", "SIM-DO"),
        ("cnes", "CNES-ST"),
        ("SIA", "SIA-PA"),
        ("sinan", "SINAN-DENG"),
        ("SIH-RDD", "SIH-RD"),
        ("mortalidade", "SIM-DO"),
        ("Nascidos Vivos", "SINASC-DN"),
        ("CNES-XX", "CNES-ST"),
        ("aids", "SINAN-AIDA"),
    ] {
        assert_eq!(catalog.near(name).first().map(String::as_str), Some(first), "{name}: {:?}", catalog.near(name));
    }
    assert!(catalog.near("qqqqqqqq").is_empty());
}

#[test]
fn a_meaning_without_a_source_is_refused() {
    let file = |column: &str| {
        format!(
            "sistema = \"X\"\nnome = \"X\"\n[sources]\na = \"A\"\n[[grupo]]\ngrupo = \"G\"\nnome = \"G\"\nperiod = \"month\"\n\
             files = [\"G{{UF}}{{YY}}{{MM}}\"]\nfolders = []\ncolumns = [{{ name = \"C\", type = \"text\", layouts = \"C1 2024-2024\", {column} }}]"
        )
    };
    assert_eq!(Catalog::check_file(&file("meaning = \"m\", source = \"a\"")), Ok(1));
    assert!(Catalog::check_file(&file("meaning = \"m\"")).unwrap_err().contains("without a source"));
    assert!(Catalog::check_file(&file("meaning = \"m\", source = \"b\"")).unwrap_err().contains("[sources]"));
}

#[test]
fn a_form_needs_a_source_and_codings_follow_each_other() {
    let checked = |column: &str| {
        Catalog::check_file(&format!(
            "sistema = \"X\"\nnome = \"X\"\n[sources]\na = \"A\"\n[[grupo]]\ngrupo = \"G\"\nnome = \"G\"\nperiod = \"month\"\n\
             files = [\"G{{UF}}{{YY}}{{MM}}\"]\nfolders = []\ncolumns = [{{ name = \"C\", layouts = \"C1 2024-2024\", {column} }}]"
        ))
    };
    let form = |form: &str| checked(&format!("type = \"text\", {form}"));
    assert_eq!(form("form = \"digits(7)\", form_source = \"a\""), Ok(1));
    assert!(form("form = \"digits(7)\"").unwrap_err().contains("without a source"));
    assert!(form("form = \"digits(7)\", form_source = \"b\"").unwrap_err().contains("[sources]"));
    assert!(form("form = \"sete\", form_source = \"a\"").unwrap_err().contains("not a form"));
    let number = checked("type = \"integer(2)\", form = \"digits(2)\", form_source = \"a\"");
    assert!(number.unwrap_err().contains("which is text"));
    let coding = |keys: &str| format!("{{ {keys}, meaning = \"m\", source = \"a\" }}");
    let codings = |codings: &[&str]| {
        form(&format!("codings = [{}]", codings.iter().map(|keys| coding(keys)).collect::<Vec<_>>().join(", ")))
    };
    assert_eq!(codings(&["to = \"200712\", form = \"digits(8)\"", "from = \"200801\""]), Ok(1));
    assert!(codings(&["to = \"200801\"", "from = \"200801\""]).unwrap_err().contains("overlaps"));
    assert!(codings(&["to = \"2007\"", "from = \"2008\""]).unwrap_err().contains("monthly"));
    let both = form(&format!("form = \"digits(7)\", form_source = \"a\", codings = [{}]", coding("to = \"200712\"")));
    assert!(both.unwrap_err().contains("one form"));
}

#[test]
fn genuine_headers_agree_with_the_catalogue() {
    let Some(mut facts) = facts("columns.csv") else { return };
    let catalog = Catalog::builtin();
    let mut layouts = 0;
    for row in facts.records().map(Result::unwrap) {
        // The facts list CIH's CR under CIHA, and RESP under SINAN.
        let sistema = match &row[1] {
            "CR" => "CIH",
            "RESP" => "RESP",
            _ => &row[0],
        };
        let name = format!("{sistema}-{}", &row[1]);
        let grupo = catalog.dataset(&name).unwrap_or_else(|| panic!("{name}"));
        let column = grupo.column(&row[2]).unwrap_or_else(|| panic!("{name} {}", &row[2]));
        let era = column.eras.iter().find(|era| {
            era.dbf_type.to_string() == row[3]
                && era.width.to_string() == row[4]
                && era.decimals.to_string() == row[5]
                && era.first_year.to_string() == row[6]
                && era.last_year.to_string() == row[7]
        });
        assert!(era.is_some(), "{name} {} {row:?}", &row[2]);
        layouts += 1;
    }
    println!("catalogue: {layouts} column layouts of genuine headers agree");
}

/// Names alone tell a code that is stored as a number, wherever the catalogue knows better.
#[test]
fn names_of_codes_agree_with_what_the_catalogue_says_of_numeric_fields() {
    let mut looked = 0;
    for grupo in Catalog::builtin().datasets() {
        for column in grupo.columns.iter().filter(|column| column.eras.iter().any(|era| era.dbf_type == 'N')) {
            looked += 1;
            let by_name = datasus::catalog::is_code_name(&column.name);
            // Names that say nothing, and say nothing wrong.
            if !["SP_NUM_PR", "SP_CGCHOSP"].contains(&column.name.as_str()) {
                assert_eq!(by_name, column.kind == LogicalType::Text, "{} {}", grupo.dataset, column.name);
            }
        }
    }
    assert!(looked > 250, "{looked}");
    for code in
        ["CO_UNIDADE", "ID_MUNICIP", "CS_SEXO", "TP_NOT", "NU_NOTIFIC", "SG_UF_NOT", "NU_CNES", "N_AIH", "CODMUNRES"]
    {
        assert!(datasus::catalog::is_code_name(code), "{code}");
    }
    for number in ["NU_IDADE_N", "QT_DOSE", "PESO", "IDADE", "NU_LESOES", "VAL_TOT", "COMPRIMENTO"] {
        assert!(!datasus::catalog::is_code_name(number), "{number}");
    }
}

/// A genuine table of dengue, made by read.dbc: every column is known, and its days are days.
#[test]
fn a_genuine_table_of_dengue_agrees_with_the_catalogue() {
    let folder = std::env::var_os("DATASUS_REAL_DATA").map(PathBuf::from);
    let folder = folder
        .unwrap_or_else(|| Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../shared/data/real"));
    let Ok(file) = std::fs::File::open(folder.join("../wild/parquet_r/sinan/SINAN_DENGUE_RO_2022.parquet")) else {
        skip::for_want_of_data("no genuine table of dengue");
        return;
    };
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let grupo = Catalog::builtin().dataset("SINAN-DENG").unwrap();
    for field in reader.schema().fields() {
        let column = grupo.column(field.name()).unwrap_or_else(|| panic!("{}", field.name()));
        assert_eq!(column.kind.arrow(), *field.data_type(), "{}", field.name());
    }
    assert_eq!(reader.schema().fields().len(), 121);
}

#[test]
fn the_great_agravos_have_columns() {
    for (name, least, dates, text) in [
        ("SINAN-DENG", 195, &["DT_SIN_PRI", "DT_OBITO", "CON_DT_ENC"][..], &["CLASSI_FIN", "ALRM_PLAQ"][..]),
        ("SINAN-CHIK", 122, &["DT_PRNT"], &["RES_CHIKS1"]),
        ("SINAN-ZIKA", 38, &["DT_NOTIFIC"], &["CLASSI_FIN"]),
        ("SINAN-TUBE", 97, &["DT_INIC_TR", "DT_DIAG"], &["TRATAMENTO", "SITUA_ENCE"]),
        ("SINAN-HANS", 63, &["DTALTA_N", "DTINICTRAT"], &["FORMACLINI"]),
        ("SINAN-VIOL", 159, &["DT_OCOR"], &["LES_AUTOP", "HORA_OCOR"]),
    ] {
        let grupo = Catalog::builtin().dataset(name).unwrap();
        assert!(grupo.columns.len() >= least, "{name}: {}", grupo.columns.len());
        let kind = |column: &&str| grupo.column(column).unwrap_or_else(|| panic!("{name} {column}")).kind.clone();
        assert!(dates.iter().all(|column| matches!(kind(column), LogicalType::Date { .. })), "{name}");
        assert!(text.iter().all(|column| kind(column) == LogicalType::Text), "{name}");
        assert_eq!(grupo.column("NU_IDADE_N").unwrap().kind, LogicalType::Integer { digits: 4 }, "{name}");
        for event in grupo.event_dates.iter().chain(grupo.uf_column.iter().map(|uf| &uf.name)) {
            assert!(grupo.column(event).is_some(), "{name}: {event}");
        }
    }
}

#[test]
fn every_agravo_and_folder_of_the_ftp_tree_is_in_the_catalogue() {
    let Some(mut facts) = facts("ftp_tree.csv") else { return };
    let catalog = Catalog::builtin();
    let mut agravos = std::collections::BTreeSet::new();
    for row in facts.records().map(Result::unwrap).filter(|row| row[0].starts_with("sinan-")) {
        // A name with a comma is not quoted in this file: count from the end.
        let cell = |from_end: usize| row[row.len() - from_end].trim().to_owned();
        let (folder, prefix) = (cell(4), cell(3));
        let grupo = catalog.dataset(&format!("SINAN-{prefix}")).unwrap_or_else(|| panic!("{prefix}"));
        assert!(grupo.folders.iter().any(|f| f.path == folder), "{prefix} {folder}");
        agravos.insert(prefix);
    }
    println!("catalogue: {} agravos", agravos.len());
}

#[test]
fn coverage_of_meanings_is_told() {
    // Columns with a meaning, at least; a column without one has no named source yet.
    for (name, least) in [
        ("SIH-RD", 113),
        ("SIH-SP", 28),
        ("SIA-PA", 60),
        ("CNES-ST", 197),
        ("CNES-LT", 24),
        ("SIM-DO", 89),
        ("SINASC-DN", 66),
        ("SINAN-DENG", 132),
        ("SINAN-CHIK", 114),
        ("SINAN-ZIKA", 30),
        ("SINAN-TUBE", 87),
        ("SINAN-HANS", 60),
        ("SINAN-VIOL", 150),
    ] {
        let grupo = Catalog::builtin().dataset(name).unwrap();
        let without: Vec<&str> =
            grupo.columns.iter().filter(|c| c.meaning.is_none()).map(|c| c.name.as_str()).collect();
        let (all, with) = (grupo.columns.len(), grupo.columns.len() - without.len());
        println!("{name}: {with} of {all} columns have a meaning; without: {}", without.join(" "));
        assert!(with >= least, "{name}");
    }
    let (mut groups, mut with_any, mut columns, mut with_one) = (0, 0, 0, 0);
    for grupo in Catalog::builtin().datasets().filter(|grupo| grupo.columns.iter().any(|c| !c.eras.is_empty())) {
        let with = grupo.columns.iter().filter(|column| column.meaning.is_some()).count();
        (groups, columns, with_one) = (groups + 1, columns + grupo.columns.len(), with_one + with);
        with_any += usize::from(with > 0);
    }
    println!("{with_any} of {groups} groups of genuine headers have meanings: {with_one} of {columns} columns");
    assert!(with_any >= 62, "{with_any} of {groups}");
}

/// The ministry's own words count: of what projects describe, a source says so.
#[test]
fn meanings_are_the_ministrys_where_it_gives_one() {
    let projects =
        ["Dicionário de dados do PyPI omnisus", "Base dos Dados", "Descrições de colunas do projeto", "healthbr-data"];
    let (mut official, mut of_projects, mut groups) = (0, 0, std::collections::BTreeSet::new());
    for grupo in Catalog::builtin().datasets().filter(|grupo| grupo.columns.iter().any(|c| !c.eras.is_empty())) {
        for (column, meaning) in grupo.columns.iter().filter_map(|column| Some((column, column.meaning.as_ref()?))) {
            if !projects.iter().any(|project| meaning.source.starts_with(project)) {
                official += 1;
                groups.insert(grupo.dataset.to_string());
                continue;
            }
            of_projects += 1;
            // A name in other letters (`Ufmun`) is no meaning.
            let known = ["SEXO", "IDADE", "CNES", "CONTADOR", "ORIGEM"].contains(&column.name.as_str());
            assert!(known || meaning.pt.to_uppercase() != column.name, "{} {}", grupo.dataset, column.name);
        }
    }
    println!("{official} meanings of the ministry in {} groups, {of_projects} of projects", groups.len());
    assert!(official >= 2_550 && groups.len() >= 62, "{official} in {}", groups.len());
}
