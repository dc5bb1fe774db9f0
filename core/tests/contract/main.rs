//! The contract as JSON: its schema, its round trip, and the table of codes.

mod outputs;

use std::collections::BTreeSet;

use datasus::source::{RecordsOf, TypedRecords, write_example_data};
use datasus::{
    AggregateFn, Catalog, Client, Code, Config, Csv, Destination, Language, Parquet, QueryParams, Retry, col,
};
use serde_json::json;

#[test]
fn a_query_built_fluently_is_the_one_that_its_json_gives() {
    let built = QueryParams::dataset("SIH-RD")
        .uf(["SP", "RJ"])
        .competencia("202301", "202312")
        .filter(col("IDADE").between(0, 17) & col("SEXO").eq("3"))
        .group_by(["CNES"])
        .aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
        .order_by("valor", true)
        .limit(100);
    let json = json!({
        "dataset": "SIH-RD", "uf": ["SP", "RJ"], "competencia": {"from": "202301", "to": "202312"},
        "where": [{"all": [{"column": "IDADE", "op": "between", "value": [0, 17]}, {"column": "SEXO", "op": "eq", "value": "3"}]}],
        "group_by": ["CNES"], "aggregates": [{"fn": "sum", "column": "VAL_TOT", "as": "valor"}],
        "order_by": [{"column": "valor", "desc": true}], "limit": 100
    });
    assert_eq!(serde_json::to_value(&built).unwrap(), json);
    assert_eq!(QueryParams::from_value(json).unwrap(), built);
}

#[test]
fn the_schema_names_every_key_and_allows_no_other() {
    let schema = QueryParams::json_schema();
    let keys: BTreeSet<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = "contract dataset sql bind uf competencia columns where group_by aggregates order_by limit options";
    assert_eq!(keys, wanted.split(' ').collect());
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["oneOf"], json!([{"required": ["dataset"]}, {"required": ["sql"]}]));
    // What a query may say as a number, the schema allows.
    println!("{schema}");
    assert!(schema["$defs"]["OneOrMany"].to_string().contains("\"integer\""), "{}", schema["$defs"]["OneOrMany"]);
    let range = schema["$defs"]["CompetenciaParam"].to_string();
    assert!(range.contains("\"from\"") && range.contains("\"integer\""), "{range}");
}

#[test]
fn codes_are_unique_and_only_passing_causes_are_retried() {
    let numbers: BTreeSet<u16> = Code::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(numbers.len(), Code::ALL.len());
    let later: Vec<u16> = Code::ALL.iter().filter(|c| c.retry() == Retry::Later).map(|c| c.number()).collect();
    assert_eq!(later, [429, 502, 503, 504, 507]);
    assert!(Code::ALL.iter().all(|code| code.as_str() == format!("DS-{}", code.number())));
}

fn folder_and_client(language: Language) -> (tempfile::TempDir, Client) {
    let folder = tempfile::tempdir().unwrap();
    write_example_data(folder.path(), 20).unwrap();
    let output = Some(folder.path().join("out"));
    let client = Client::open_with(folder.path(), Config { output, language, ..Default::default() }).unwrap();
    (folder, client)
}

#[test]
fn an_errors_text_alone_says_what_was_expected_what_came_and_gives_an_example() {
    for (params, pt, en) in [
        (
            r#"{"dataset": "SIH-RD", "limit": "10"}"#,
            "DS-400: `limit`: esperado um número inteiro de 0 a 9223372036854775807, por exemplo 100; recebido \"10\"",
            "DS-400: `limit`: expected a whole number from 0 to 9223372036854775807, for example 100; received \"10\"",
        ),
        (
            r#"{"dataset": "SIH-RD", "where": [{"column": "SEXO", "op": "eq", "value": "3"}, {"column": "SEXO", "op": "like"}]}"#,
            "DS-400: `where`, item 2, `op`: esperado um destes: eq, ne,",
            "DS-400: `where`, item 2, `op`: expected one of eq, ne,",
        ),
        (
            r#"{"dataset": "SIH-RD", "where": [{"column": "ESPEC", "op": "eq", "value": null}]}"#,
            "DS-422: ESPEC: a condição `eq` leva um valor (sem valor: `is_null` ou `not_null`), por exemplo \"03\"; recebido nenhum valor",
            "DS-422: ESPEC: the condition `eq` takes one value; for NULL use is_null, for example \"03\"; received no value",
        ),
        (
            r#"{"dataset": "SIH-RD", "uf": "Acrre", "competencia": "jan/2024"}"#,
            "DS-422: A UF \"Acrre\" não existe; quis dizer AC? Escreva a sigla, o nome ou o código do IBGE, por exemplo SP, São Paulo ou 35\nDS-422: Formato de competência inválido: esperado um mês, por exemplo 2024-01, 01/2024 ou 202401, ou um ano inteiro, como 2024; recebido \"jan/2024\"",
            "DS-422: There is no UF \"Acrre\"; did you mean AC? Write its sigla, name or IBGE code, for example SP, São Paulo or 35\nDS-422: Invalid format of competência",
        ),
        ("{", "DS-400: A consulta em JSON, por exemplo", "DS-400: The query's JSON, for example"),
    ] {
        for (language, expected) in [(Language::Pt, pt), (Language::En, en)] {
            let (_folder, client) = folder_and_client(language);
            let error = client.params(params).and_then(|params| client.query(&params)).err().unwrap();
            let said = error.to_string();
            assert!(said.starts_with(expected), "{said}\ninstead of\n{expected}");
        }
    }
}

#[test]
fn no_error_of_a_file_tells_its_system_number() {
    let folder = tempfile::tempdir().unwrap();
    for (language, expected) in
        [(Language::Pt, "é uma pasta; era esperado um arquivo"), (Language::En, "is a folder; a file")]
    {
        let error =
            TypedRecords::open(folder.path(), &RecordsOf::default(), Catalog::builtin(), language).err().unwrap();
        let said = error.to_string();
        assert!(said.contains(expected) && !said.contains("os error"), "{said}");
    }
}

#[test]
fn a_destination_is_told_by_the_ending_of_its_path() {
    let of = |text: &str| Destination::list_from_json(text);
    assert_eq!(of(r#""a.csv""#).unwrap(), [Csv::to("a.csv").into()]);
    assert_eq!(of(r#"["A.PARQUET", "b.csv.zst"]"#).unwrap()[0], Parquet::to("A.PARQUET").into());
    assert!(matches!(&of(r#"["b.csv.zst"]"#).unwrap()[0], Destination::Csv(csv) if csv.zstd.is_some()));
    let error = of(r#""a.xlsx""#).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams);
    assert!(error.detail().contains("\"a.xlsx\"") && error.detail().contains("por exemplo dados.csv"), "{error}");
    let error = of(r#""postgres://u:segredo@h/d""#).unwrap_err();
    assert!(!format!("{error:?}").contains("segredo"), "{error:?}");
    let error = of(r#"{"csv": {"overwrite": 1}}"#).unwrap_err();
    assert!(error.detail().ends_with("esperado verdadeiro ou falso; recebido 1"), "{error}");
    let (folder, client) = folder_and_client(Language::Pt);
    let to = Destination::try_from("a.csv").unwrap();
    let report = client.export(&QueryParams::dataset("RD").columns(["CNES"]), [to.clone()]).unwrap();
    assert_eq!(report.records_processed, 120);
    assert!(folder.path().join("out/a.csv").exists());
    // Said in words, and in no language's syntax.
    let error = client.export(&QueryParams::dataset("RD").columns(["CNES"]), [to]).unwrap_err();
    assert!(error.detail().ends_with("ou peça para substituí-lo com a opção `overwrite`"), "{error}");
}

#[test]
fn the_catalogue_answers_questions_about_tables_as_any_query_does() {
    let (folder, client) = folder_and_client(Language::Pt);
    let known = client.catalog();
    assert!(known.len() > 90 && known.iter().any(|known| known.dataset == "SIM-DO" && known.table == "sim_do"));
    let report = client.export(&QueryParams::sql(" show tables ; "), [Csv::to("t.csv").into()]).unwrap();
    assert_eq!(report.records_processed, known.len() as u64);
    let text = std::fs::read_to_string(folder.path().join("out/t.csv")).unwrap();
    assert!(text.starts_with("name,dataset,nome,period,first,last\r\n"), "{}", &text[..80]);
    let answer = client.query(&QueryParams::sql("DESC \"sih_rd\"")).unwrap();
    let rows: usize = answer.collect_batches().unwrap().iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(rows as u64, known.iter().find(|known| known.table == "sih_rd").unwrap().columns);
    // Where the catalogue knows no column, those of the files are told.
    std::fs::copy(folder.path().join("RDAC2401.dbc"), folder.path().join("ABAC2401.dbc")).unwrap();
    let answer = client.query(&QueryParams::sql("DESCRIBE sia_ab")).unwrap();
    let rows: usize = answer.collect_batches().unwrap().iter().map(|batch| batch.num_rows()).sum();
    assert!(rows > 10, "{rows}");
}
