//! Words for codes and derived columns, beside plain columns of the same types; and groups by a label beside groups by its code.

use datasus::{AggregateFn, QueryParams};
use serde_json::Value;

use super::{sinks, stream};
use crate::arguments::Arguments;

/// Five labels, of short lists and of CID-10's, and three derived columns: two numbers and a word.
const WORDS: [&str; 8] = [
    "SEXO_rotulo",
    "RACA_COR_rotulo",
    "ESPEC_rotulo",
    "CAR_INT_rotulo",
    "DIAG_PRINC_rotulo",
    "idade_anos",
    "permanencia_dias",
    "cid_capitulo",
];
/// Six texts and two numbers, as files have them; in the places of the words.
pub const PLAIN: [&str; 8] = ["SEXO", "RACA_COR", "ESPEC", "CAR_INT", "DIAG_PRINC", "IDADE", "DIAS_PERM", "MUNIC_RES"];

fn rows_of(columns: [&'static str; 8]) -> QueryParams {
    QueryParams::dataset("SIH-RD").columns(columns.into_iter().chain(["N_AIH", "VAL_SH", "VAL_TOT"]))
}

pub fn words() -> QueryParams {
    rows_of(WORDS)
}

fn groups(key: &str) -> QueryParams {
    QueryParams::dataset("SIH-RD").group_by([key]).count("internacoes").aggregate(
        AggregateFn::Sum,
        "VAL_TOT",
        "VAL_TOT",
    )
}

/// `query`: `words`, `plain`, `group-label` or `group-code`.
fn asked(arguments: &Arguments) -> Result<QueryParams, String> {
    let params = match arguments.text("query")? {
        "words" => words(),
        "plain" => rows_of(PLAIN),
        "group-label" => groups("DIAG_PRINC_rotulo"),
        "group-code" => groups("DIAG_PRINC"),
        other => return Err(format!("query: expected words, plain, group-label or group-code, received {other:?}")),
    };
    // Each is run, and none is answered from what another one kept.
    Ok(params.options(datasus::Options { cache: datasus::CacheMode::Off, ..datasus::Options::default() }))
}

pub fn streamed(arguments: &Arguments) -> Result<Value, String> {
    stream::take(arguments, &asked(arguments)?, None)
}

pub fn loaded(arguments: &Arguments) -> Result<Value, String> {
    sinks::load(arguments, asked(arguments)?)
}
