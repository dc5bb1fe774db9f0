//! The contract as JSON: its schema, its round trip, and the table of codes.

use std::collections::BTreeSet;

use datasus::{AggregateFn, Code, QueryParams, Retry, col};
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
}

#[test]
fn codes_are_unique_and_only_passing_causes_are_retried() {
    let numbers: BTreeSet<u16> = Code::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(numbers.len(), Code::ALL.len());
    let later: Vec<u16> = Code::ALL.iter().filter(|c| c.retry() == Retry::Later).map(|c| c.number()).collect();
    assert_eq!(later, [429, 502, 503, 504, 507]);
    assert!(Code::ALL.iter().all(|code| code.as_str() == format!("DS-{}", code.number())));
}
