//! Groups by words: made by way of the codes, and the same as if a word had been looked up in each row.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use datasus::catalog::Catalog;
use datasus::labels::derived_column;
use datasus::{AggregateFn, CacheMode, Client, Filter, Options, QueryParams, col};

use crate::answers::{genuine, rows, write};

type Rows = Vec<Vec<Option<String>>>;

fn uncached(params: QueryParams) -> QueryParams {
    params.options(Options { cache: CacheMode::Off, ..Options::default() })
}

/// SQL looks a word up in each row; so the same question in it is the other way round. `numbers`: the column of the figures.
fn compare(
    client: &Client,
    dataset: &str,
    keys: &[&str],
    numbers: Option<&str>,
    filter: Option<(Filter, &str)>,
) -> Rows {
    let mut params = QueryParams::dataset(dataset).group_by(keys.iter().copied()).count("n");
    let mut figures = "count(*) AS n".to_owned();
    if let Some(of) = numbers {
        for (function, name) in [
            (AggregateFn::Sum, "sum"),
            (AggregateFn::Min, "min"),
            (AggregateFn::Max, "max"),
            (AggregateFn::Count, "count"),
        ] {
            params = params.aggregate(function, of, &format!("f_{name}"));
            figures.push_str(&format!(", {name}({of}) AS f_{name}"));
        }
    }
    let mut condition = String::new();
    if let Some((filter, text)) = filter {
        params = params.filter(filter);
        condition = format!("WHERE {text}");
    }
    let table = Catalog::builtin().read(dataset).unwrap().dataset.table();
    let list = keys.join(", ");
    let sql = format!("SELECT {list}, {figures} FROM {table} {condition} GROUP BY {list}");
    let (mut found, of_params) = rows(client, &uncached(params.clone()));
    let (mut expected, of_sql) = rows(client, &uncached(QueryParams::sql(sql.clone())));
    found.sort();
    expected.sort();
    assert!(!found.is_empty(), "{sql}");
    assert_eq!(found, expected, "{sql}");
    assert_eq!(of_params.unlabelled, of_sql.unlabelled, "{sql}");
    // In order, and some of them.
    let mut ordered = uncached(params);
    for key in keys {
        ordered = ordered.order_by(*key, false);
    }
    let (all, _) = rows(client, &ordered);
    let (some, _) = rows(client, &ordered.clone().limit(3));
    assert_eq!(some, all[..all.len().min(3)], "{sql}");
    let first = derived_column(Catalog::builtin().read(dataset).unwrap(), keys[0]).unwrap();
    let words = first.words().unwrap();
    let place = |row: &Vec<Option<String>>| {
        row[0].as_ref().map_or(usize::MAX, |word| words.iter().position(|known| known == word).unwrap())
    };
    assert!(all.iter().map(place).collect::<Vec<_>>().is_sorted(), "{sql} {all:?}");
    found
}

fn made() -> (Client, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    let text = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
    // 1 and 3 are sexes, 2 is Feminino's older code, 7 is none's; race 00 to 99 is `Ignorado` but for five.
    let batch = RecordBatch::try_from_iter([
        ("SEXO", text(vec![Some("1"), Some("3"), Some("2"), None, Some("7"), Some("3"), Some("1"), Some("7")])),
        (
            "RACA_COR",
            text(vec![Some("01"), Some("98"), Some("97"), Some("99"), None, Some("03"), Some("XX"), Some("XX")]),
        ),
        (
            "DIAG_PRINC",
            text(vec![
                Some("A09"),
                Some("J159"),
                Some("A000"),
                Some("ZZZZ"),
                None,
                Some("O800"),
                Some("A09"),
                Some("O829"),
            ]),
        ),
        (
            "DIAS_PERM",
            Arc::new(Int32Array::from(vec![Some(3), None, Some(0), Some(9), Some(1), Some(40), None, Some(2)]))
                as ArrayRef,
        ),
    ])
    .unwrap();
    // In 1995 the causes were ICD-9's: their words depend on the competência.
    for file in ["RDAC2401.parquet", "RDAC2402.parquet", "RDAC9501.parquet"] {
        write(&place.path().join(file), &batch);
    }
    (Client::open(place.path()).unwrap(), place)
}

#[test]
fn groups_by_words_are_those_of_their_codes_together() {
    let (client, _place) = made();
    let women = || Some((col("sexo_nome").eq("Feminino"), "sexo_nome = 'Feminino'"));
    let short = || Some((col("DIAS_PERM").lt(9), "DIAS_PERM < 9"));
    for keys in [
        &["sexo_nome"][..],
        &["SEXO_rotulo"],
        &["RACA_COR_rotulo"],
        &["cid_capitulo"],
        &["DIAG_PRINC_rotulo", "SEXO"],
        &["SEXO_rotulo", "SEXO", "RACA_COR_rotulo"],
        &["cid_capitulo", "SEXO_rotulo", "datasus_competencia"],
    ] {
        compare(&client, "SIH-RD", keys, Some("DIAS_PERM"), None);
        compare(&client, "SIH-RD", keys, Some("DIAS_PERM"), women());
        compare(&client, "SIH-RD", keys, None, short());
    }
    // Two codes are one word, and its group is one.
    let groups = compare(&client, "SIH-RD", &["sexo_nome"], Some("DIAS_PERM"), None);
    let women: Vec<_> = groups.iter().filter(|row| row[0].as_deref() == Some("Feminino")).collect();
    assert_eq!(
        women,
        [&[Some("Feminino"), Some("9"), Some("120"), Some("0"), Some("40"), Some("6")]
            .map(|c| c.map(str::to_owned))
            .to_vec()]
    );
}

#[test]
fn what_does_not_add_up_is_made_of_the_rows() {
    let (client, _place) = made();
    let params = QueryParams::dataset("SIH-RD")
        .group_by(["sexo_nome"])
        .aggregate(AggregateFn::Avg, "DIAS_PERM", "mean")
        .aggregate(AggregateFn::CountDistinct, "DIAG_PRINC", "causes")
        .competencia("202401");
    let (mut found, _) = rows(&client, &uncached(params));
    let sql = "SELECT sexo_nome, avg(DIAS_PERM), count(DISTINCT DIAG_PRINC) FROM sih_rd WHERE datasus_competencia = '202401' GROUP BY 1";
    let (mut expected, _) = rows(&client, &uncached(QueryParams::sql(sql)));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_statement_looks_words_up_by_group() {
    let (client, _place) = made();
    rows(&client, &QueryParams::dataset("SIH-RD").group_by(["SEXO", "N_AIH", "DIAG_PRINC"]));
    let sql = |keys: &[&str], competencia: &str| {
        let params = QueryParams::dataset("SIH-RD").group_by(keys.iter().copied()).count("n");
        client.explain(&params.competencia(competencia)).unwrap().sql.unwrap()
    };
    assert!(sql(&["SEXO_rotulo"], "202401").contains("GROUP BY \"SEXO\")"));
    // Numbers of records are as many as rows.
    assert!(!sql(&["N_AIH_rotulo"], "202401").contains("GROUP BY \"N_AIH\""));
    // Files of one edition of the causes have no competência in their groups.
    assert!(sql(&["cid_capitulo"], "202401").contains("GROUP BY \"DIAG_PRINC\")"));
}

#[test]
fn groups_by_words_of_genuine_files_are_those_of_their_codes() {
    for (file, dataset, keys, numbers) in [
        (
            "sih/RDAC2401.dbc",
            "SIH-RD",
            &[
                "ESPEC_rotulo",
                "DIAG_PRINC_rotulo",
                "cid_grupo",
                "faixa_etaria",
                "municipio_nome_residencia",
                "COD_IDADE_rotulo",
            ][..],
            "VAL_TOT",
        ),
        ("cnes/STAC2401.dbc", "CNES-ST", &["TPGESTAO_rotulo", "NAT_JUR_rotulo", "CLIENTEL_rotulo"], "COMPETEN"),
        (
            "sinan/ZIKABR20.dbc",
            "SINAN-ZIKA",
            &["CS_ESCOL_N_rotulo", "raca_cor_nome", "uf_sigla_residencia"],
            "NU_IDADE_N",
        ),
        ("sim/DORR2022.dbc", "SIM-DO", &["OCUP_rotulo", "RACACOR_rotulo", "cid_capitulo"], "DTOBITO"),
    ] {
        let Some((client, _place)) = genuine(&[file]) else { return };
        let number = Catalog::builtin().read(dataset).unwrap().column(numbers).is_some_and(|column| {
            !matches!(column.kind, datasus::catalog::LogicalType::Text | datasus::catalog::LogicalType::Date { .. })
        });
        let numbers = number.then_some(numbers);
        for key in keys {
            compare(&client, dataset, &[key], numbers, None);
        }
        compare(&client, dataset, &keys[..2], numbers, None);
    }
}
