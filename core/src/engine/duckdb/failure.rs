//! From DuckDB's errors to ours.

use serde_json::Value;

use super::user_sql;
use crate::base::{Cause, Code, Ctx, Error, text};
use crate::plan::Statement;

/// What the engine says, taken apart: it answers in JSON (`errors_as_json`), but not for every error.
pub(super) struct Complaint {
    /// `Binder`, `Out of Memory`, ...
    pub kind: String,
    pub message: String,
    /// Byte in the statement's text.
    pub position: Option<usize>,
    /// `COLUMN_NOT_FOUND`, ...
    pub subtype: String,
    pub name: String,
    pub candidates: Vec<String>,
}

impl Complaint {
    fn read(message: &str) -> Self {
        // `Binder Error: {...}` before the first row, `{...}` alone later, or no JSON at all.
        let (kind, rest) = message.split_once(" Error: ").unwrap_or(("", message));
        let json: Value = serde_json::from_str(rest).or_else(|_| serde_json::from_str(message)).unwrap_or(Value::Null);
        let of = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        Complaint {
            kind: json["exception_type"].as_str().unwrap_or(kind).to_owned(),
            message: if json.is_object() { of("exception_message") } else { rest.to_owned() },
            position: of("position").parse().ok(),
            subtype: of("error_subtype"),
            name: of("name"),
            candidates: of("candidates").split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        }
    }

    /// The first line; the rest is the engine's advice.
    pub fn first(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

fn message_of(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// The engine says no more than that it was interrupted.
pub(super) fn is_interrupt(error: &duckdb::Error) -> bool {
    Complaint::read(&message_of(error)).first() == "Interrupted!"
}

/// The error that the job ends with. A set cancel token wins: an interrupt comes back as an unknown error.
pub(super) fn explain(error: duckdb::Error, statement: &Statement, ctx: &Ctx) -> Error {
    if let Err(cancelled) = ctx.check() {
        return cancelled;
    }
    let message = message_of(&error);
    let complaint = Complaint::read(&message);
    let first = complaint.first().to_owned();
    let kind = complaint.kind.as_str();
    let named = |needle: &str| message.contains(needle);
    let made = if kind == "Out of Memory" && (named("max_temp_directory_size") || named("offload")) {
        Error::new(
            Code::DiskFull,
            text!(
                "O espaço reservado para dados temporários acabou. Aumente `spill_limit` ou restrinja a consulta",
                "The space for temporary data is used up: {first}. Raise `spill_limit` or narrow the query"
            ),
        )
    } else if kind == "Out of Memory" {
        Error::new(
            Code::OutOfMemory,
            text!(
                "A memória concedida à consulta não bastou. Aumente `memory_limit` ou restrinja a consulta",
                "The memory granted to the query was not enough: {first}. Raise `memory_limit` or narrow the query"
            ),
        )
        .caused_by(Cause::EngineMemory)
    } else if named("No space left on device") {
        Error::new(
            Code::DiskFull,
            text!("Disco cheio; libere espaço e repita", "Disk full: {first}; free some space and try again"),
        )
    } else if statement.from_user && user_sql::is_theirs(&complaint) {
        // A place in a text that the user did not write says nothing.
        let mut complaint = match statement.written {
            Some(_) => Complaint { position: None, ..complaint },
            None => complaint,
        };
        complaint.candidates = user_sql::candidates(&complaint, &statement.views);
        user_sql::explain(&complaint, &statement.sql)
    } else if kind == "Conversion" {
        let value = user_sql::between(&first, '\'', '\'').unwrap_or("?");
        Error::new(
            Code::InvalidParams,
            text!(
                "O valor \"{value}\" do Parquet do usuário não cabe no tipo que o catálogo dá à coluna; corrija-o na origem, ou leia o DBC",
                "A value of the user's Parquet does not fit the catalogue's type: {first}"
            ),
        )
    } else if kind == "Out of Range" {
        Error::new(
            Code::InvalidParams,
            text!(
                "O resultado não cabe em seu tipo (a soma é grande demais); restrinja a consulta, ou some em SQL com CAST(coluna AS DOUBLE)",
                "The result does not fit its type (the sum is too large): {first}. Narrow the query, or sum in SQL with CAST(column AS DOUBLE)"
            ),
        )
    } else if kind == "IO" {
        Error::new(
            Code::Unreachable,
            text!(
                "Falha de leitura no Parquet; confira o disco, e repita",
                "Reading the Parquet failed: {first}; check the disk, and try again"
            ),
        )
    } else if named("parquet") || named("Parquet") || named("ZSTD") || named("TProtocolException") || named("thrift") {
        Error::new(
            Code::DamagedFile,
            text!(
                "Parquet danificado. Apague o arquivo do lake para convertê-lo de novo",
                "Damaged Parquet: {first}. Delete the file from the lake to convert it again"
            ),
        )
    } else {
        Error::internal(format!("duckdb: {first}"))
    };
    // A problem of the user's SQL has it already.
    let made = if made.diagnostic().contains_key("engine_message") { made } else { made.with("engine_message", first) };
    made.stage("query").because(error)
}
