//! Labels and derived columns of genuine and made files: what they say, alike in a scan, in groups and in SQL.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datasus::catalog::Catalog;
use datasus::labels::{Input, derived_columns, dictionary_type, label_column};
use datasus::{Client, Op, QueryParams, Report, col};

use crate::answers::{batch, day, genuine, number, rows, write};

#[test]
fn ages_of_admissions_are_those_between_birth_and_admission() {
    let Some((client, _place)) = genuine(&["sih/RDAC2401.dbc"]) else { return };
    let columns =
        ["idade_anos", "idade_dias", "NASC", "DT_INTER", "DT_SAIDA", "IDENT", "faixa_etaria", "permanencia_dias"];
    let (rows, _) = rows(&client, &QueryParams::dataset("SIH-RD").columns(columns));
    let mut right = 0;
    for row in &rows {
        let at = if row[5].as_deref() == Some("5") { &row[4] } else { &row[3] };
        let (born, at) = (day(&row[2]).unwrap(), day(at).unwrap());
        right += u32::from(number(&row[0]) == at.years_since(born).map(i64::from));
        assert!(number(&row[0]).is_none_or(|years| (0..130).contains(&years)), "{row:?}");
        let years = number(&row[0]).unwrap();
        let band = if years >= 80 {
            "80 anos e mais".into()
        } else {
            format!("{} a {} anos", years / 5 * 5, years / 5 * 5 + 4)
        };
        assert_eq!(row[6].as_ref(), Some(&band), "{row:?}");
        assert_eq!(number(&row[7]), Some((day(&row[4]).unwrap() - day(&row[3]).unwrap()).num_days()));
    }
    assert_eq!((right, rows.len()), (4_315, 4_315));
}

#[test]
fn conditions_sensitive_to_primary_care_are_as_many_as_the_ministrys_table_says() {
    let Some((client, _place)) = genuine(&["sih/RDAC2401.dbc"]) else { return };
    let params = QueryParams::dataset("SIH-RD").group_by(["csap"]).count("n").order_by("csap", false);
    let (groups, _) = rows(&client, &params);
    let named: i64 = groups.iter().filter(|row| row[0].is_some()).filter_map(|row| number(&row[1])).sum();
    let all: i64 = groups.iter().filter_map(|row| number(&row[1])).sum();
    assert_eq!((named, all), (710, 4_315));
    // In the order of the table, and not of the alphabet: 2 before 10.
    let numbers: Vec<i64> = groups.iter().filter_map(|row| row[0].as_ref()?.split('.').next()?.parse().ok()).collect();
    assert!(numbers.is_sorted() && numbers.len() > 10, "{numbers:?}");
    let (chapters, _) = rows(&client, &QueryParams::dataset("SIH-RD").columns(["cid_capitulo", "DIAG_PRINC"]));
    assert!(chapters.iter().all(|row| row[0].is_some()));
}

#[test]
fn every_label_of_an_admission_is_the_ministrys() {
    let Some((client, _place)) = genuine(&["sih/RDAC2401.dbc"]) else { return };
    let params = QueryParams::dataset("SIH-RD")
        .columns(["SEXO", "RACA_COR", "IDENT", "COMPLEX", "MUNIC_RES", "COD_IDADE", "IDADE"])
        .all_labels();
    let (rows, report) = rows(&client, &params);
    let mut sexes = BTreeMap::new();
    for row in &rows {
        let expected = [("1", "Masculino"), ("3", "Feminino")];
        assert_eq!(
            expected.iter().find(|(code, _)| row[0].as_deref() == Some(code)).map(|(_, l)| *l),
            row[1].as_deref()
        );
        *sexes.entry(row[1].clone()).or_insert(0) += 1;
        let race = match row[2].as_deref() {
            Some("01") => Some("Branca"),
            Some("02") => Some("Preta"),
            Some("03") => Some("Parda"),
            Some("04") => Some("Amarela"),
            Some("05") => Some("Indígena"),
            _ => None,
        };
        assert!(race.is_none() || row[3].as_ref().map(|l| l.to_lowercase()) == race.map(str::to_lowercase), "{row:?}");
    }
    assert!(sexes.len() == 2 && rows.len() == 4_315, "{sexes:?}");
    assert_eq!(report.unlabelled, []);
    // All of them: what the table lacks is counted.
    let (batch, report) = batch(&client, &QueryParams::dataset("SIH-RD").all_labels());
    println!("{} columns, without a label: {:?}", batch.num_columns(), report.unlabelled);
    assert!(batch.num_columns() > 150, "{}", batch.num_columns());
}

#[test]
fn robsons_group_is_the_ministrys_in_every_birth() {
    let Some((client, _place)) = genuine(&["sinasc/DNAP2019.dbc"]) else { return };
    let columns = ["robson", "TPROBSON", "baixo_peso", "prematuro", "PESO", "sexo_nome", "SEXO"];
    let (rows, _) = rows(&client, &QueryParams::dataset("SINASC-DN").columns(columns));
    let right = rows.iter().filter(|row| row[0] == row[1]).count();
    assert_eq!((right, rows.len()), (15_356, 15_356));
    let known: Vec<i64> = rows.iter().filter_map(|row| number(&row[2])).collect();
    assert_eq!((known.iter().sum::<i64>(), known.len()), (1_339, 15_355));
    let (old, _place) = genuine(&["sinasc/DNAC2010.DBC"]).unwrap();
    let (rows, _) = self::rows(&old, &QueryParams::dataset("SINASC-DN").columns(["robson"]));
    assert!(rows.iter().all(|row| row[0].is_none()), "the form of 2010 does not follow the rule");
}

#[test]
fn epidemiological_weeks_are_those_that_the_file_has() {
    let Some((client, _place)) = genuine(&["sinan/LEIVBR18.dbc"]) else { return };
    let columns = ["semana_epidemiologica_dt_sin_pri", "SEM_PRI", "DT_SIN_PRI"];
    let (rows, _) = rows(&client, &QueryParams::dataset("SINAN-LEIV").columns(columns));
    let same = rows.iter().filter(|row| row[0].as_deref() == row[1].as_deref()).count();
    assert_eq!((same, rows.len()), (10_791, 10_796));
    let other: Vec<_> = rows.iter().filter(|row| row[0] != row[1]).map(|row| row[1].clone()).collect();
    assert!(other.iter().all(|week| week.as_ref().is_some_and(|week| week.len() == 4)), "{other:?}");
}

#[test]
fn infant_deaths_by_component() {
    let Some((client, _place)) = genuine(&["sim/DOINF21.dbc"]) else { return };
    let params = QueryParams::dataset("SIM-DOINF")
        .group_by(["obito_infantil_componente"])
        .count("n")
        .order_by("obito_infantil_componente", false);
    let (groups, _) = rows(&client, &params);
    let counts: Vec<i64> = groups.iter().filter_map(|row| number(&row[1])).collect();
    assert_eq!(counts[..3], [16_747, 5_708, 9_395], "{groups:?}");
    let (days, _) =
        rows(&client, &QueryParams::dataset("SIM-DOINF").columns(["idade_dias", "IDADE", "DTNASC", "DTOBITO"]));
    let unit_2: Vec<_> = days.iter().filter(|row| row[1].as_deref().is_some_and(|age| age.starts_with('2'))).collect();
    let same = unit_2.iter().filter(|row| {
        day(&row[2]).zip(day(&row[3])).is_some_and(|(born, died)| number(&row[0]) == Some((died - born).num_days()))
    });
    assert_eq!((same.count(), unit_2.len()), (14_684, 15_024));
}

#[test]
fn ages_of_notifications_have_four_digits_and_races_are_not_swapped() {
    let Some((client, _place)) = genuine(&["sinan/ZIKABR20.dbc"]) else { return };
    let columns = ["idade_anos", "NU_IDADE_N", "CS_ESCOL_N", "CS_ESCOL_N_rotulo", "CS_RACA", "raca_cor_nome"];
    let (rows, _) = rows(&client, &QueryParams::dataset("SINAN-ZIKA").columns(columns));
    let unit_4: Vec<_> = rows.iter().filter(|row| number(&row[1]).is_some_and(|age| age / 1000 == 4)).collect();
    assert_eq!(unit_4.len(), 19_974);
    assert!(unit_4.iter().all(|row| number(&row[0]) == number(&row[1]).map(|age| age - 4_000)));
    // `09` and `9` are one answer.
    let of = |code: &str| rows.iter().find(|row| row[2].as_deref() == Some(code)).map(|row| row[3].clone());
    if let (Some(short), Some(long)) = (of("9"), of("09")) {
        assert_eq!(short, long);
    }
    assert!(rows.iter().filter(|row| row[4].as_deref() == Some("3")).all(|row| row[5].as_deref() == Some("Amarela")));
}

#[test]
fn race_and_sex_of_outpatient_care_are_not_those_of_other_systems() {
    let Some((client, _place)) = genuine(&["sia/PAAC2401.dbc"]) else { return };
    let params =
        QueryParams::dataset("SIA-PA").group_by(["PA_RACACOR", "PA_RACACOR_rotulo", "raca_cor_nome"]).count("n");
    let (groups, report) = rows(&client, &params);
    let of = |code: &str| groups.iter().find(|row| row[0].as_deref() == Some(code)).unwrap().clone();
    assert_eq!(of("03")[1..], [Some("PARDA".into()), Some("Parda".into()), Some("49776".into())]);
    assert_eq!(of("04")[1..], [Some("AMARELA".into()), Some("Amarela".into()), Some("21192".into())]);
    assert_eq!(report.unlabelled, []);
    let params = QueryParams::dataset("SIA-PA").group_by(["PA_SEXO", "sexo_nome"]).count("n");
    let (mut sexes, _) = rows(&client, &params);
    sexes.sort();
    let text = |cells: [&str; 3]| cells.map(|cell| (!cell.is_empty()).then(|| cell.to_owned())).to_vec();
    let expected = [["0", "", "23685"], ["F", "Feminino", "48445"], ["M", "Masculino", "33706"]];
    assert_eq!(sexes, expected.map(text));
    let params = QueryParams::dataset("SIA-PA").columns(["PA_IDADE", "idade_anos"]).filter(col("PA_IDADE").eq("999"));
    let (unknown, _) = rows(&client, &params);
    assert_eq!(unknown.len(), 4_811);
    assert!(unknown.iter().all(|row| row[1].is_none()));
    // Across two fields.
    let (finance, report) =
        rows(&client, &QueryParams::dataset("SIA-PA").group_by(["PA_TPFIN_rotulo", "PA_SUBFIN_rotulo"]).count("n"));
    println!("{finance:?} {:?}", report.unlabelled);
    let (invasion, report) = rows(&client, &QueryParams::dataset("SIA-PA").group_by(["PA_UFDIF_rotulo"]).count("n"));
    assert!(invasion.iter().any(|row| row[0].is_none() && row[1].as_deref() == Some("23685")), "{invasion:?}");
    assert_eq!((report.unlabelled[0].count, report.unlabelled[0].codes.as_slice()), (23_685, &["9".to_owned()][..]));
}

#[test]
fn blanks_of_facilities_have_the_label_that_their_table_gives_them() {
    let Some((client, _place)) = genuine(&["cnes/STAC2401.dbc"]) else { return };
    let all = QueryParams::dataset("CNES-ST").columns(["TPGESTAO", "CLIENTEL", "NAT_JUR"]).all_labels();
    let (found, report) = rows(&client, &all);
    // A range of the table begins with a blank (`  -99`), and stands behind the codes that it would hide.
    let blank: Vec<_> = found.iter().filter(|row| row[2].is_none()).collect();
    assert_eq!(blank.len(), 22);
    assert!(blank.iter().all(|row| row[3].as_deref() == Some("Fluxo de Clientela não informado")), "{blank:?}");
    assert_eq!(found.iter().filter(|row| row[3].as_deref() == Some("Atendimento de demanda espontânea")).count(), 821);
    // The first row of that table catches everything.
    assert_eq!(found.iter().filter(|row| row[1].as_deref() == Some("MUNICIPAL")).count(), 1_185);
    println!("{:?}", report.unlabelled);
}

/// A rule is one code for both engines; what differs is how its inputs come to it.
#[test]
fn the_scan_and_the_engine_derive_the_same() {
    let files = [
        ("sih/RDAC2401.dbc", "SIH-RD", "sih_rd"),
        ("sih/RDRR9504.dbc", "SIH-RD", "sih_rd"),
        ("sim/DORR2022.dbc", "SIM-DO", "sim_do"),
        ("sinasc/DNAP2005.dbc", "SINASC-DN", "sinasc_dn"),
        ("cnes/STAC2401.dbc", "CNES-ST", "cnes_st"),
        ("ciha/CIHAAC1106.dbc", "CIHA-CIHA", "ciha_ciha"),
    ];
    let folder = match crate::genuine::folder() {
        Some(folder) => files.iter().all(|(file, ..)| folder.join(file).exists()).then_some(folder),
        None => None,
    };
    if folder.is_none() {
        return;
    }
    for (file, dataset, _) in files {
        let (client, _place) = genuine(&[file]).unwrap();
        let grupo = Catalog::builtin().read(dataset).unwrap();
        let table = grupo.dataset.table();
        let names: Vec<String> = derived_columns(grupo).iter().map(|one| one.name.clone()).collect();
        let key = "datasus_competencia";
        for some in names.chunks(12) {
            let columns = || some.iter().cloned().chain([key.to_owned()]);
            let (mut scanned, _) = rows(&client, &QueryParams::dataset(dataset).columns(columns()));
            let list = columns().collect::<Vec<_>>().join(", ");
            let (mut selected, _) = rows(&client, &QueryParams::sql(format!("SELECT {list} FROM {table}")));
            scanned.sort();
            selected.sort();
            assert_eq!(scanned.len(), selected.len());
            let differs = scanned.iter().zip(&selected).find(|(a, b)| a != b);
            assert!(differs.is_none(), "{file}: {list} {differs:?}");
        }
    }
}

/// A scan reads codes behind the dictionaries of a file, and so do the rows of batches that are a slice of one.
#[test]
fn codes_behind_a_dictionary_have_the_words_that_they_have_in_rows() {
    let codes: Vec<Option<&str>> = (0..4)
        .flat_map(|_| {
            [
                Some("1"),
                None,
                Some("03"),
                Some("A09"),
                Some("9"),
                Some(""),
                Some("120040"),
                Some("ZZ"),
                Some("I219"),
                Some("02"),
            ]
        })
        .collect();
    let plain: ArrayRef = Arc::new(StringArray::from(codes));
    let coded = cast(&plain, &dictionary_type()).unwrap();
    let mut compared = 0;
    for grupo in Catalog::builtin().datasets() {
        for one in derived_columns(grupo).iter().filter(|one| one.words().is_some()) {
            let given = |first: &ArrayRef| -> Vec<Input> {
                let others = one.inputs.iter().skip(1).map(|name| match name.as_str() {
                    "datasus_competencia" => Input::Text("202401".into()),
                    _ => Input::Null,
                });
                [Input::Array(first.clone())].into_iter().chain(others).collect()
            };
            let of = |codes: &ArrayRef| one.compute(&given(codes), codes.len(), false).unwrap();
            assert_eq!(&of(&coded), &of(&plain), "{one:?}");
            assert_eq!(&of(&coded.slice(7, 12)), &of(&plain.slice(7, 12)), "{one:?}");
            compared += 1;
        }
    }
    assert!(compared > 1_000, "{compared}");
}

fn made() -> (Client, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    datasus::source::write_example_data(place.path(), 120).unwrap();
    (Client::open(place.path()).unwrap(), place)
}

#[test]
fn labels_stand_beside_their_codes_or_in_their_place() {
    let (client, _place) = made();
    let base = || QueryParams::dataset("SIH-RD").columns(["CNES", "SEXO"]);
    let names = |params: &QueryParams| -> Vec<String> {
        client.query(params).unwrap().schema().fields().iter().map(|field| field.name().clone()).collect()
    };
    assert_eq!(names(&base().labels(["SEXO"])), ["CNES", "SEXO", "SEXO_rotulo"]);
    assert_eq!(names(&base().all_labels()), ["CNES", "SEXO", "SEXO_rotulo"]);
    let only = QueryParams::from_json(
        r#"{"dataset": "SIH-RD", "columns": ["CNES", "SEXO"], "labels": true, "labels_only": true}"#,
    )
    .unwrap();
    assert_eq!(names(&only), ["CNES", "SEXO_rotulo"]);
    let plain =
        QueryParams::from_json(r#"{"dataset": "SIH-RD", "columns": ["CNES", "SEXO"], "labels": false}"#).unwrap();
    assert_eq!(names(&plain), ["CNES", "SEXO"]);
    let schema = client.query(&base().labels(["SEXO"])).unwrap().schema();
    assert_eq!(*schema.field(2).data_type(), dictionary_type());
    let plain = client.query(&base().labels(["SEXO"])).unwrap().with_plain_words();
    assert_eq!(*plain.schema().field(2).data_type(), DataType::Utf8);
    assert!(plain.collect_batches().unwrap().iter().all(|batch| *batch.column(2).data_type() == DataType::Utf8));
    let all = names(&QueryParams::dataset("SIH-RD").all_labels());
    assert!(all.iter().any(|name| name == "SEXO") && all.iter().any(|name| name == "SEXO_rotulo"), "{all:?}");
    let error = client.query(&base().labels(["CNES", "SEXX"])).err().unwrap();
    assert_eq!(error.problems().len(), 2, "{error}");
}

#[test]
fn the_tables_own_text_stands_beside_the_short_one() {
    let (client, _place) = made();
    let params =
        QueryParams::dataset("SIM-DO").group_by(["RACACOR", "RACACOR_rotulo", "RACACOR_rotulo_oficial"]).count("n");
    let (groups, _) = rows(&client, &params);
    let of = |code: &str| groups.iter().find(|row| row[0].as_deref() == Some(code)).map(|row| row[1..3].to_vec());
    let pairs = [("1", "Branca", "Bra"), ("3", "Amarela", "Amar"), ("5", "Indígena", "Indig")];
    let found: Vec<_> = pairs.iter().filter_map(|(code, short, own)| Some((of(code)?, *short, *own))).collect();
    assert!(!found.is_empty(), "{groups:?}");
    for (pair, short, own) in found {
        assert_eq!(pair, [Some(short.to_owned()), Some(own.to_owned())]);
    }
    // It is no label of its own: all labels are the short ones.
    let names = client.query(&QueryParams::dataset("SIM-DO").all_labels()).unwrap().schema();
    assert!(names.fields().iter().all(|field| !field.name().ends_with("_oficial")));
}

#[test]
fn stars_show_the_files_columns_and_labels_come_when_they_are_named() {
    let (client, _place) = made();
    let names = |sql: &str| -> Vec<String> {
        client
            .query(&QueryParams::sql(sql))
            .unwrap()
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    };
    assert!(!names("SELECT * FROM sih_rd").iter().any(|name| name.contains("rotulo")));
    assert_eq!(names("SELECT SEXO_rotulo, idade_anos FROM sih_rd"), ["SEXO_rotulo", "idade_anos"]);
    let (one, _) =
        rows(&client, &QueryParams::sql("SELECT SEXO_rotulo, count(*) AS n FROM sih_rd GROUP BY ALL ORDER BY 1"));
    let (other, _) = rows(
        &client,
        &QueryParams::dataset("SIH-RD").group_by(["SEXO_rotulo"]).count("n").order_by("SEXO_rotulo", true),
    );
    assert_eq!(one, other);
    // The functions behind them are no one's to call.
    assert!(client.query(&QueryParams::sql("SELECT datasus_text('SIH-RD/SEXO_rotulo', SEXO) FROM sih_rd")).is_err());
}

#[test]
fn words_are_conditions_and_keys_like_any_column() {
    let (client, _place) = made();
    let women = QueryParams::dataset("SIH-RD").columns(["SEXO", "sexo_nome"]).filter(col("sexo_nome").eq("Feminino"));
    let (found, _) = rows(&client, &women);
    let (codes, _) = rows(&client, &QueryParams::dataset("SIH-RD").columns(["SEXO"]).filter(col("SEXO").eq("3")));
    assert!(found.len() == codes.len() && !found.is_empty());
    assert!(found.iter().all(|row| row[0].as_deref() == Some("3")));
    let young = QueryParams::dataset("SIH-RD")
        .columns(["idade_anos"])
        .filter(col("idade_anos").lt(18))
        .order_by("idade_anos", true);
    let (young, _) = rows(&client, &young);
    assert!(young.iter().all(|row| number(&row[0]).unwrap() < 18));
    let ages: Vec<_> = young.iter().map(|row| number(&row[0]).unwrap()).collect();
    assert!(ages.iter().rev().is_sorted(), "{ages:?}");
    let _ = Op::Eq;
}

#[test]
fn codes_without_a_label_are_counted_of_the_tables_own_words_as_well() {
    let Some((client, _place)) = genuine(&["sim/DOAP2010.DBC"]) else { return };
    let of = |column: &str| rows(&client, &QueryParams::dataset("SIM-DO").columns([column])).1.unlabelled;
    let (nice, official) = (of("ESC_rotulo"), of("ESC_rotulo_oficial"));
    assert_eq!((official.len(), official[0].column.as_str(), official[0].count), (1, "ESC", 18));
    assert_eq!(nice, official);
    let sql = rows(&client, &QueryParams::sql("SELECT ESC_rotulo_oficial FROM sim_do")).1.unlabelled;
    assert_eq!(sql, official);
}

/// The ministry's table has ten digits, and the column twelve since 2010.
#[test]
fn a_column_that_has_grown_beyond_its_table_has_no_words_of_it() {
    let Some((client, _place)) = genuine(&["sih/RDRR1412.dbc"]) else { return };
    let (found, _) = rows(&client, &QueryParams::dataset("SIH-RD").columns(["INSC_PN", "INSC_PN_rotulo"]));
    assert!(found.iter().any(|row| row[0].as_deref().is_some_and(|code| code.ends_with('1'))));
    assert!(found.iter().all(|row| row[1].is_none()));
}

#[test]
fn codes_without_a_label_are_null_and_counted() {
    let place = tempfile::tempdir().unwrap();
    let text =
        |values: [Option<&str>; 4]| std::sync::Arc::new(StringArray::from_iter(values)) as arrow::array::ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("N_AIH", text([Some("1"), Some("2"), Some("3"), Some("4")])),
        ("TPDISEC1", text([Some("1"), Some("7"), Some("7"), None])),
    ])
    .unwrap();
    write(&place.path().join("RDAC2401.parquet"), &batch);
    let client = Client::open(place.path()).unwrap();
    let expected = |report: &Report| {
        assert_eq!(report.unlabelled.len(), 1, "{:?}", report.unlabelled);
        let one = &report.unlabelled[0];
        assert_eq!((one.column.as_str(), one.count, one.codes.as_slice()), ("TPDISEC1", 2, &["7".to_owned()][..]));
        assert!(report.warnings.iter().any(|warning| warning.contains("unlabelled")), "{:?}", report.warnings);
    };
    let (found, report) = rows(&client, &QueryParams::dataset("SIH-RD").columns(["TPDISEC1"]).all_labels());
    assert!(found[0][1].is_some() && found[1][1].is_none() && found[2][1].is_none(), "{found:?}");
    expected(&report);
    expected(&rows(&client, &QueryParams::dataset("SIH-RD").group_by(["TPDISEC1_rotulo"]).count("n")).1);
    expected(&rows(&client, &QueryParams::sql("SELECT TPDISEC1_rotulo FROM sih_rd")).1);
    // Also where the answer has fewer rows than the file, or the column beside its label.
    let label = || QueryParams::dataset("SIH-RD").columns(["TPDISEC1_rotulo"]);
    for fewer in
        [label().limit(1), label().filter(col("N_AIH").eq("1")), label().filter(col("TPDISEC1_rotulo").is_null())]
    {
        expected(&rows(&client, &fewer).1);
    }
    let groups = || QueryParams::dataset("SIH-RD").group_by(["TPDISEC1_rotulo"]).count("n");
    for fewer in [groups().limit(1), groups().filter(col("N_AIH").eq("2"))] {
        expected(&rows(&client, &fewer).1);
    }
    expected(&rows(&client, &QueryParams::dataset("SIH-RD").columns(["TPDISEC1", "TPDISEC1_rotulo"])).1);
    // In a year of other codes none is put into words.
    write(&place.path().join("RDAC9501.parquet"), &batch);
    let old = QueryParams::dataset("SIH-RD").competencia("199501").columns(["TPDISEC1_rotulo"]);
    let (found, report) = rows(&client, &old);
    assert!(found.iter().all(|row| row[0].is_none()));
    assert_eq!(report.unlabelled[0].count, 3);
}

/// Printed for whoever asks how far it goes.
#[test]
fn coverage_of_labels_by_dataset() {
    let (mut labels, mut columns) = (0, 0);
    for grupo in Catalog::builtin().datasets() {
        let of = derived_columns(grupo);
        let with = grupo.columns.iter().filter(|column| label_column(grupo, &column.name).is_some()).count();
        println!(
            "{}: {with} of {} columns with labels, {} derived",
            grupo.dataset,
            grupo.columns.len(),
            of.iter().filter(|one| one.label_of.is_none()).count()
        );
        labels += with;
        columns += grupo.columns.len();
    }
    assert!(labels > 800, "{labels} of {columns}");
}

/// Batches are counted for as long as anybody holds their buffers: words that are kept for the next ones would count for ever.
#[test]
fn the_words_of_a_batch_are_its_own() {
    let place = tempfile::tempdir().unwrap();
    datasus::source::write_example_data(place.path(), 60).unwrap();
    let client = Client::open(place.path()).unwrap();
    let words = || {
        let mut rows = client.query(&QueryParams::dataset("SIH-RD").columns(["SEXO_rotulo"]).limit(5)).unwrap();
        let batch = rows.next().unwrap().unwrap();
        batch.column(0).as_dictionary::<arrow::datatypes::Int32Type>().values().clone()
    };
    let (first, second) = (words(), words());
    let bytes = |words: &ArrayRef| words.as_string::<i32>().value_data().as_ptr();
    assert!(first.len() > 1 && first.as_ref() == second.as_ref() && bytes(&first) != bytes(&second));
}

/// Where there are ages; elsewhere such a column is unknown in every order.
#[test]
fn bands_out_of_order_are_answered_with_those_in_order() {
    let (client, _place) = made();
    let near = |dataset: &str| {
        let params = QueryParams::dataset(dataset).columns(["faixa_etaria_60_18"]);
        client.query(&params).map(drop).unwrap_err().problems()[0].diagnostic["did_you_mean"].clone()
    };
    assert_eq!(near("SIH-RD"), serde_json::json!(["faixa_etaria_18_60"]));
    assert_eq!(near("CNES-ST"), serde_json::json!([]));
}
