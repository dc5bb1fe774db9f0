//! What is in the columns, compared with what an engine that shares no code with it counts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datasus::base::{Cancel, CancelReason};
use datasus::{Client, Code, Config, Language, Options, Profile, QueryParams, col};
use parquet::arrow::ArrowWriter;

use crate::answers::{genuine, rows};

/// NULLs, different values, the least and the greatest of each column, by DuckDB.
fn by_sql(client: &Client, table: &str, profile: &Profile) -> BTreeMap<String, Vec<Option<String>>> {
    let figures = |(at, name): (usize, &str)| {
        format!(
            "count(*) - count({name}) AS n{at}, count(DISTINCT {name}) AS d{at}, CAST(min({name}) AS VARCHAR) AS l{at}, \
             CAST(max({name}) AS VARCHAR) AS g{at}"
        )
    };
    let mut found = BTreeMap::new();
    for names in profile.columns.chunks(20) {
        let named: Vec<String> = names.iter().map(|column| column.name.as_str()).enumerate().map(figures).collect();
        let params = QueryParams::sql(format!("SELECT {} FROM {table}", named.join(", ")));
        let (all, _) = rows(client, &params);
        for (column, figures) in names.iter().zip(all[0].chunks(4)) {
            found.insert(column.name.clone(), figures.to_vec());
        }
    }
    found
}

#[test]
fn figures_of_genuine_admissions_are_those_of_sql() {
    let Some((client, _place)) = genuine(&["sih/RDAC2401.dbc"]) else { return };
    let profile = client.profile(&QueryParams::dataset("SIH-RD")).unwrap();
    assert_eq!((profile.rows, profile.exact, profile.columns.len()), (4_315, true, 113));
    let expected = by_sql(&client, "sih_rd", &profile);
    for column in &profile.columns {
        let told =
            [Some(column.nulls.to_string()), Some(column.distinct.to_string()), column.min.clone(), column.max.clone()];
        assert_eq!(told.as_slice(), expected[&column.name], "{}", column.name);
        assert!(column.distinct_exact);
    }
    let column = |name: &str| profile.columns.iter().find(|column| column.name == name).unwrap();
    // The most frequent, with their labels: by the same engine.
    for name in ["SEXO", "RACA_COR", "ESPEC", "CAR_INT", "DIAG_PRINC", "MUNIC_RES", "COBRANCA"] {
        let params = QueryParams::sql(format!(
            "SELECT {name}, count(*) AS n FROM sih_rd WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10"
        ));
        let (expected, _) = rows(&client, &params);
        let told: Vec<Vec<Option<String>>> = (column(name).frequent.iter())
            .map(|one| vec![Some(one.value.clone()), Some(one.rows.to_string())])
            .collect();
        assert_eq!(told, expected, "{name}");
    }
    let race = column("RACA_COR");
    let labels: Vec<&str> = race.frequent.iter().filter_map(|one| one.label.as_deref()).collect();
    assert_eq!((labels[0], race.unlabelled, race.label_list.as_deref()), ("Parda", 0, Some("sih/RACACOR")));
    // Zeros of columns that nobody filled are one sentence, behind codes that mean something.
    let place = |part: &str| profile.warnings.iter().position(|warning| warning.contains(part));
    let zeros: Vec<&String> = profile.warnings.iter().filter(|warning| warning.contains("zeros")).collect();
    assert!(zeros.len() == 1 && zeros[0].contains("CBOR (000000: "), "{:#?}", profile.warnings);
    assert!(place("zeros") > place("a lista "), "{:#?}", profile.warnings);
    // The whole is told as rows too.
    let batch = profile.to_batch().unwrap();
    assert_eq!((batch.num_rows(), batch.schema().field(0).name().as_str()), (113, "column"));
    assert_eq!(profile.report.sources.len(), 1);
    assert!(profile.report.sources[0].sha256.is_some());
}

#[test]
fn conditions_and_derived_columns_are_profiled_too() {
    let Some((client, _place)) = genuine(&["sih/RDAC2401.dbc"]) else { return };
    let params = QueryParams::dataset("SIH-RD").columns(["idade_anos", "COD_IDADE"]).filter(col("SEXO").eq("3"));
    let profile = client.profile(&params).unwrap();
    let sql = "SELECT count(*) AS n, count(DISTINCT idade_anos) AS d, min(idade_anos) AS l, max(idade_anos) AS g FROM sih_rd WHERE SEXO = '3'";
    let (expected, _) = rows(&client, &QueryParams::sql(sql));
    let age = &profile.columns[0];
    let told = [profile.rows.to_string(), age.distinct.to_string(), age.min.clone().unwrap(), age.max.clone().unwrap()];
    assert_eq!(expected[0], told.map(Some));
    let names: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["idade_anos", "COD_IDADE"]);
}

/// Admissions of a month in a Parquet of one's own, all text.
fn month(place: &Path, name: &str, columns: &[(&str, Vec<Option<String>>)]) {
    let array = |values: &[Option<String>]| Arc::new(values.iter().collect::<StringArray>()) as ArrayRef;
    let columns = columns.iter().map(|(name, values)| (*name, array(values), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(place.join(name)).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn all(value: &str, rows: usize) -> Vec<Option<String>> {
    vec![Some(value.to_owned()); rows]
}

fn three_months(language: Language) -> (Client, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    for (number, race, rows) in [(1, "01", 200), (2, "01", 200), (3, "99", 200), (4, "99", 40)] {
        let mut cause = all("A09", rows);
        cause[0] = Some("ZZZ9".into());
        let mut days = all("2024-01-15", rows);
        days[1] = Some("1776-07-04".into());
        let mut money = all("10.50", rows);
        money[0] = Some("dez".into());
        let cnes = if number == 2 { vec![None; rows] } else { all("2000733", rows) };
        let columns = [
            ("DIAG_PRINC", cause),
            ("RACA_COR", all(race, rows)),
            ("DT_INTER", days),
            ("VAL_TOT", money),
            ("CNES", cnes),
            ("MES_CMPT", all(&format!("{number:02}"), rows)),
        ];
        month(place.path(), &format!("SIH_RD_AC_2024_{number:02}.parquet"), &columns);
    }
    let config = Config { language, ..Config::default() };
    (Client::open_with(place.path(), config).unwrap(), place)
}

#[test]
fn what_changes_from_one_month_to_the_next_is_told() {
    let (client, _place) = three_months(Language::Pt);
    let profile = client.profile(&QueryParams::dataset("SIH-RD")).unwrap();
    let column = |name: &str| profile.columns.iter().find(|column| column.name == name).unwrap();
    let rows: Vec<(String, u64)> =
        profile.competencias.iter().map(|one| (one.competencia.to_string(), one.rows)).collect();
    let months = ["202401", "202402", "202403", "202404"].map(str::to_owned);
    assert_eq!(rows, months.into_iter().zip([200, 200, 200, 40]).collect::<Vec<_>>());
    let race = column("RACA_COR");
    let found: Vec<(&str, String, f64, f64)> = race
        .changes
        .iter()
        .map(|change| (change.value.as_deref().unwrap(), change.to.to_string(), change.before, change.after))
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&("99", "202403".into(), 0.0, 1.0)) && found.contains(&("01", "202403".into(), 1.0, 0.0)));
    assert_eq!(
        race.changes.iter().find(|c| c.value.as_deref() == Some("01")).unwrap().label.as_deref(),
        Some("Branca")
    );
    // It is another one in each competência, which is no news.
    let month = column("MES_CMPT");
    assert_eq!((month.distinct, month.changes.len()), (4, 0));
    let cnes = column("CNES");
    let nulls: Vec<u64> = cnes.by_competencia.iter().map(|one| one.nulls).collect();
    assert_eq!((nulls.as_slice(), cnes.nulls, cnes.changes.len()), ([0, 200, 0, 0].as_slice(), 200, 2));
    assert_eq!(cnes.changes[0].value, None);
    let frequent: Vec<Vec<u64>> = race.by_competencia.iter().map(|one| one.frequent.clone()).collect();
    assert_eq!(frequent, [[200, 0], [200, 0], [0, 200], [0, 40]]);
    let cause = column("DIAG_PRINC");
    assert_eq!((cause.unlabelled, cause.unlabelled_codes.as_slice()), (4, ["ZZZ9".to_owned()].as_slice()));
    let money = column("VAL_TOT");
    assert_eq!((money.bad_values, money.nulls, money.bad_samples[0].as_str()), (4, 4, "dez"));
    assert_eq!((money.min.as_deref(), money.kind.as_str()), (Some("10.50"), "decimal(14, 2)"));
    for said in [
        "RACA_COR: 01 (Branca) passa de 100 % em 202402 a 0 % em 202403; há mais 1 mudança",
        "CNES: NULL passa de 0 % em 202401 a 100 % em 202402; há mais 1 mudança",
        "DIAG_PRINC: 4 linha(s) têm código que a lista cid10 não tem: ZZZ9",
        "VAL_TOT: 4 valor(es)",
        "DT_INTER: há dias antes de 1850; o primeiro é 1776-07-04",
        "menos da metade das linhas usuais (200): 202404 (40)",
    ] {
        assert!(profile.warnings.iter().any(|warning| warning.contains(said)), "{said}: {:#?}", profile.warnings);
    }
    let (english, _place) = three_months(Language::En);
    let warnings = english.profile(&QueryParams::dataset("SIH-RD")).unwrap().warnings;
    assert!(warnings.iter().any(|w| w.contains("goes from 100 % in 202402 to 0 % in 202403")), "{warnings:#?}");
}

#[test]
fn what_is_more_than_columns_and_conditions_is_refused_and_a_profile_can_be_stopped() {
    let (client, _place) = three_months(Language::En);
    let of = || QueryParams::dataset("SIH-RD");
    for params in
        [of().limit(5), of().count("n"), of().order_by("CNES", false), of().all_labels(), QueryParams::sql("SELECT 1")]
    {
        assert_eq!(client.profile(&params).unwrap_err().code(), Code::InvalidParams);
    }
    let cancel = Cancel::default();
    cancel.set(CancelReason::Caller);
    assert_eq!(client.profile_until(&of(), &cancel).unwrap_err().code(), Code::Cancelled);
    let late = of().options(Options { deadline: Some(1e-9), ..Options::default() });
    assert_eq!(client.profile(&late).unwrap_err().code(), Code::DeadlinePassed);
    assert_eq!(client.profile(&of().columns(["NADA"])).unwrap_err().code(), Code::InvalidParams);
}
