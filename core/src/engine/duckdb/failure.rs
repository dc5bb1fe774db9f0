//! From DuckDB's errors to ours.

use crate::base::{Code, Ctx, Error, text};

/// The error that the job ends with. A set cancel token wins: an interrupt comes back as an unknown error.
pub(super) fn explain(error: duckdb::Error, ctx: &Ctx) -> Error {
    if let Err(cancelled) = ctx.check() {
        return cancelled;
    }
    let message = match &error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    };
    let (kind, rest) = message.split_once(": ").unwrap_or(("", &message));
    let first = rest.lines().next().unwrap_or(rest).to_owned();
    let named = |needle: &str| message.contains(needle);
    let made = if kind == "Out of Memory Error" && (named("max_temp_directory_size") || named("offload")) {
        Error::new(
            Code::DiskFull,
            text!(
                "O espaço reservado para dados temporários acabou: {first}. Aumente `spill_limit` ou restrinja a consulta",
                "The space for temporary data is used up: {first}. Raise `spill_limit` or narrow the query"
            ),
        )
    } else if kind == "Out of Memory Error" {
        Error::new(
            Code::OutOfMemory,
            text!(
                "A memória concedida à consulta não bastou: {first}. Aumente `memory_limit` ou restrinja a consulta",
                "The memory granted to the query was not enough: {first}. Raise `memory_limit` or narrow the query"
            ),
        )
    } else if named("No space left on device") {
        Error::new(
            Code::DiskFull,
            text!("Disco cheio: {first}; libere espaço e repita", "Disk full: {first}; free some space and try again"),
        )
    } else if kind == "Conversion Error" {
        Error::new(
            Code::InvalidParams,
            text!(
                "Um valor do Parquet do usuário não cabe no tipo do catálogo: {first}",
                "A value of the user's Parquet does not fit the catalogue's type: {first}"
            ),
        )
    } else if kind == "Out of Range Error" {
        Error::new(
            Code::InvalidParams,
            text!("O resultado não cabe em seu tipo: {first}", "The result does not fit its type: {first}"),
        )
    } else if kind == "IO Error" {
        Error::new(
            Code::Unreachable,
            text!("Falha de leitura no Parquet: {first}", "Reading the Parquet failed: {first}"),
        )
    } else if named("parquet") || named("Parquet") || named("ZSTD") || named("TProtocolException") || named("thrift") {
        Error::new(
            Code::DamagedFile,
            text!(
                "Parquet danificado: {first}. Apague o arquivo do lake para convertê-lo de novo",
                "Damaged Parquet: {first}. Delete the file from the lake to convert it again"
            ),
        )
    } else {
        Error::internal(format!("duckdb: {first}"))
    };
    made.stage("query").because(error)
}
