//! The contract as JSON: its schema, its round trip, and the table of codes.

mod faces;
mod outputs;

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datasus::source::{RecordsOf, TypedRecords, write_example_data};
use datasus::{
    AggregateFn, Catalog, Client, Code, Config, Csv, Destination, Language, Parquet, QueryParams, Retry, col,
};
use serde_json::json;

#[test]
fn a_query_built_fluently_is_the_one_that_its_json_gives() {
    let built = QueryParams::dataset("SIH-RD")
        .uf(["SP", "RJ"])
        .competencia("202301".."202312")
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
    let wanted = "contract dataset sql bind uf competencia columns labels labels_only where group_by aggregates order_by limit options";
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
fn a_competencia_is_said_as_people_have_it() {
    let of = |params: QueryParams| serde_json::to_value(&params).unwrap()["competencia"].clone();
    let rd = || QueryParams::dataset("SIH-RD");
    assert_eq!(of(rd().competencia("2024-01")), json!("2024-01"));
    assert_eq!(of(rd().competencia(2024)), json!("2024"));
    assert_eq!(of(rd().competencia(datasus::Competencia::month(2024, 1).unwrap())), json!("202401"));
    assert_eq!(of(rd().competencia(["202401", "202403"])), json!(["202401", "202403"]));
    let year = json!({"from": "202401", "to": "202412"});
    assert_eq!(of(rd().competencia("202401".."202412")), year);
    assert_eq!(of(rd().competencia("202401"..="202412")), year);
    assert_eq!(of(rd().competencia(202401..=202412)), year);
    // Both ends are of it, as where JSON says so.
    let (_folder, client) = folder_and_client(Language::Pt);
    let answer = client.query(&rd().uf(["AC"]).competencia("202401".."202402").count("n")).unwrap();
    assert_eq!(answer.collect_batches().unwrap()[0].column(0).as_primitive::<Int64Type>().value(0), 40);
    // What is said wrong is told as such, whatever it was said with.
    for wrong in [rd().competencia(-1), rd().competencia("202413"), rd().competencia("202402".."202401")] {
        assert_eq!(client.query(&wrong).err().unwrap().code(), Code::InvalidParams);
    }
}

#[test]
fn rows_are_counted_without_a_column() {
    let counted = |form: serde_json::Value| {
        QueryParams::from_value(json!({"dataset": "SIH-RD", "aggregates": [form]})).unwrap().aggregates
    };
    let rust = QueryParams::dataset("SIH-RD").count("n").aggregates;
    assert_eq!(rust, counted(json!({"fn": "count(*)", "as": "n"})));
    assert_eq!(rust, counted(json!({"fn": "count", "as": "n"})));
}

#[test]
fn what_is_wrong_in_a_query_is_told_by_its_place_and_its_schema() {
    for (params, path, said) in [
        (json!({"dataset": "RD", "bind": []}), "$.bind", "expected an object, for example {\"cnes\": \"2000733\"}"),
        (
            json!({"dataset": "RD", "columns": ["CNES", 1]}),
            "$.columns",
            "expected a list of texts, for example [\"CNES\", \"VAL_TOT\"]",
        ),
        (
            json!({"dataset": "RD", "uf": ["AC", null]}),
            "$.uf",
            "expected a UF (sigla, name or IBGE code) or a list of them",
        ),
        (
            json!({"dataset": "RD", "competencia": {"from": "202401", "until": "x"}}),
            "$.competencia.until",
            "there are: from, to",
        ),
        (json!({"dataset": "RD", "competencia": {"from": "202401"}}), "$.competencia.to", "a month or a year"),
        (json!({"dataset": "RD", "competencia": 1.5}), "$.competencia", "a month or a year, a list of them, or"),
        (json!({"dataset": "RD", "where": {"SEXO": "3"}}), "$.where", "expected a list of conditions"),
        (
            json!({"dataset": "RD", "where": [{"any": [{"column": "SEXO"}]}]}),
            "$.where[0].any[0].op",
            "expected one of eq, ne,",
        ),
        (
            json!({"dataset": "RD", "where": [{"not": {"column": 3, "op": "eq"}}]}),
            "$.where[0].not.column",
            "expected a text",
        ),
        (
            json!({"dataset": "RD", "where": [{"any": [], "column": "SEXO", "op": "eq"}]}),
            "$.where[0].any",
            "There is no parameter `any`",
        ),
        (
            json!({"dataset": "RD", "aggregates": [{"fn": "summ", "column": "VAL_TOT"}]}),
            "$.aggregates[0].fn",
            "sum, avg, min, max, count(*)",
        ),
        (json!({"dataset": "RD", "aggregates": [{}]}), "$.aggregates[0].fn", "received no value"),
        (json!({"dataset": "RD", "order_by": [{"column": "A", "desc": 1}]}), "$.order_by[0].desc", "true or false"),
        (
            json!({"dataset": "RD", "options": {"deadline": "1"}}),
            "$.options.deadline",
            "a number of seconds, for example 30.5",
        ),
        (
            json!({"dataset": "RD", "options": {"dead_letter_limit": "1"}}),
            "$.options.dead_letter_limit",
            "a number from 0 to 1",
        ),
        (
            json!({"dataset": "RD", "options": {"checkpoint_rows": -1}}),
            "$.options.checkpoint_rows",
            "a whole number from 1 to 10000000",
        ),
        (
            json!({"dataset": "RD", "options": {"prioridade": "user"}}),
            "$.options.prioridade",
            "did you mean `priority`?",
        ),
        (json!({"dataset": "RD", "options": null}), "$.options", "expected an object"),
        (json!({"dataset": null}), "$.dataset", "expected a text, for example \"SIH-RD\""),
        (json!([1]), "$", "The query: expected an object"),
    ] {
        let error = QueryParams::from_value(params.clone()).unwrap_err();
        let error = error.traced(&datasus::base::TraceId::new(), Language::En);
        assert_eq!((error.code(), &error.diagnostic()["path"]), (Code::Malformed, &json!(path)), "{params} {error}");
        assert!(error.detail().contains(said), "{params}: {error}");
    }
    // Null is nothing where nothing is allowed.
    let params = json!({"dataset": "RD", "uf": null, "competencia": null, "columns": null, "limit": null,
        "options": {"deadline": null, "on_emergency": null}});
    assert_eq!(QueryParams::from_value(params).unwrap(), QueryParams::dataset("RD"));
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
    let report = client.export(&QueryParams::sql(" show tables ; "), Csv::to("t.csv")).unwrap();
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
