//! The sentences of the gate: what was refused, where, and what to write instead.

use serde_json::Value;

use super::{MAX_BYTES, MAX_PARTS};
use crate::base::{Code, Place, Problem, text};

pub(super) fn too_long(bytes: usize) -> Problem {
    Problem::new(
        Code::InvalidParams,
        text!(
            "O SQL tem {bytes} bytes; o máximo é {MAX_BYTES}. Passe valores por `bind`",
            "The SQL has {bytes} bytes; at most {MAX_BYTES} are accepted. Pass values by `bind`"
        ),
    )
    .with("received", bytes)
    .with("maximum", MAX_BYTES)
}

pub(super) fn too_deep() -> Problem {
    Problem::new(
        Code::InvalidParams,
        text!(
            "O SQL é aninhado demais; divida-o em CTEs (WITH ...)",
            "The SQL is nested too deeply; divide it into CTEs (WITH ...)"
        ),
    )
}

pub(super) fn too_many_parts() -> Problem {
    Problem::new(
        Code::InvalidParams,
        text!(
            "O SQL tem mais de {MAX_PARTS} CTEs e operações de conjunto (UNION, ...)",
            "The SQL has more than {MAX_PARTS} CTEs and set operations (UNION, ...)"
        ),
    )
    .with("maximum", MAX_PARTS)
}

pub(super) fn empty() -> Problem {
    Problem::new(Code::InvalidParams, text!("O SQL está vazio", "The SQL is empty"))
        .with("valid_examples", vec!["SELECT count(*) FROM sih_rd"])
}

pub(super) fn several(count: usize) -> Problem {
    Problem::new(
        Code::Forbidden,
        text!(
            "O SQL tem {count} comandos; só um SELECT é aceito",
            "The SQL has {count} statements; only one SELECT is accepted"
        ),
    )
    .with("received", count)
}

/// The parser's own error, or its word that this is no SELECT.
pub(super) fn from_parser(sql: &str, answer: &Value) -> Problem {
    let message = answer["error_message"].as_str().unwrap_or_default();
    if answer["error_type"] == "not implemented" && message.starts_with("Only SELECT") {
        return Problem::new(
            Code::Forbidden,
            text!(
                "Só um SELECT é aceito. PIVOT também não é: use agregados com FILTER (WHERE ...)",
                "Only a SELECT is accepted. PIVOT is not one either: use aggregates with FILTER (WHERE ...)"
            ),
        )
        .with("engine_message", message);
    }
    if message.starts_with("Mixing named and positional") {
        return positional();
    }
    let position = answer["position"].as_str().and_then(|at| at.parse().ok());
    let place = position.map(|at| Place::of(sql, at).words());
    let (pt, en) = place.map(|words| (words.pt, words.en)).unwrap_or_default();
    let (message_pt, message_en) = (portuguese(message), message);
    let problem = Problem::new(
        Code::InvalidParams,
        text!("Erro de sintaxe no SQL{pt}: {message_pt}", "Syntax error in the SQL{en}: {message_en}"),
    )
    .with("engine_message", message);
    located(problem, sql, position)
}

pub(super) fn positional() -> Problem {
    Problem::new(
        Code::InvalidParams,
        text!(
            "Parâmetros têm nome: escreva $nome no SQL e {{\"bind\": {{\"nome\": valor}}}} (não `?` nem `$1`)",
            "Parameters have names: write $name in the SQL and {{\"bind\": {{\"name\": value}}}} (neither `?` nor `$1`)"
        ),
    )
    .with("valid_examples", vec!["SELECT count(*) FROM sih_rd WHERE CNES = $cnes"])
}

pub(super) fn table(sql: &str, node: &Value, name: &str, near: Vec<String>) -> Problem {
    let position = position(node);
    let shown = clip(name);
    let looks_like_file = name.contains(['/', '.', '\\', ':', '*']);
    let problem = if looks_like_file {
        Problem::new(
            Code::Forbidden,
            text!(
                "{shown:?} não é uma tabela do catálogo; arquivos não podem ser lidos pelo SQL",
                "{shown:?} is not a table of the catalogue; files cannot be read by SQL"
            ),
        )
    } else {
        let hint = near.first().cloned().unwrap_or_else(|| "sih_rd, cnes_st, sim_do, ...".to_owned());
        Problem::new(
            Code::NotFound,
            text!(
                "Não há tabela {shown:?} no catálogo; quis dizer {hint}?",
                "There is no table {shown:?} in the catalogue; did you mean {hint}?"
            ),
        )
        .with("did_you_mean", near)
    };
    located(problem.with("received", shown), sql, position)
}

pub(super) fn qualified(sql: &str, node: &Value, name: &str) -> Problem {
    let shown = clip(name);
    let problem = Problem::new(
        Code::Forbidden,
        text!(
            "Escreva {shown:?} sem catálogo nem esquema: só as tabelas e funções do catálogo são aceitas",
            "Write {shown:?} without catalogue or schema: only the catalogue's tables and functions are accepted"
        ),
    );
    located(problem.with("received", shown), sql, position(node))
}

pub(super) fn function(sql: &str, node: &Value, name: &str, near: Vec<String>) -> Problem {
    let shown = clip(name);
    let (pt, en) = match near.first() {
        Some(near) => (format!("; quis dizer {near}?"), format!("; did you mean {near}?")),
        None => (String::new(), String::new()),
    };
    let problem = Problem::new(
        Code::Forbidden,
        text!("A função {shown:?} não é aceita{pt}", "Function {shown:?} is not accepted{en}"),
    );
    located(problem.with("received", shown).with("did_you_mean", near), sql, position(node))
}

pub(super) fn argument(sql: &str, node: &Value, name: &str, maximum: i64) -> Problem {
    let problem = Problem::new(
        Code::InvalidParams,
        text!(
            "{name}: o comprimento deve ser um número escrito por extenso no SQL, de 0 a {maximum}",
            "{name}: the length must be a number written in the SQL, 0 to {maximum}"
        ),
    );
    located(problem.with("received", name), sql, position(node))
}

pub(super) fn type_name(sql: &str, node: &Value, name: &str) -> Problem {
    let shown = clip(name);
    let problem = Problem::new(
        Code::Forbidden,
        text!(
            "O tipo {shown:?} não é aceito em CAST; use VARCHAR, BIGINT, DECIMAL(p,s), DOUBLE, DATE, TIMESTAMP, ...",
            "Type {shown:?} is not accepted in CAST; use VARCHAR, BIGINT, DECIMAL(p,s), DOUBLE, DATE, TIMESTAMP, ..."
        ),
    );
    located(problem.with("received", shown), sql, position(node))
}

pub(super) fn cte_name(name: &str) -> Problem {
    let shown = clip(name);
    Problem::new(
        Code::InvalidParams,
        text!(
            "Nome de CTE {shown:?} inválido: letras, dígitos e _, e nenhum nome de tabela do catálogo",
            "Invalid name of a CTE, {shown:?}: letters, digits and _, and no name of a table of the catalogue"
        ),
    )
    .with("received", shown)
}

pub(super) fn sample(sql: &str, node: &Value) -> Problem {
    let problem = Problem::new(
        Code::InvalidParams,
        text!(
            "Amostras (SAMPLE, LIMIT n %) não são aceitas em SQL: o resultado não se repetiria",
            "Samples (SAMPLE, LIMIT n %) are not accepted in SQL: the result could not be repeated"
        ),
    );
    located(problem, sql, position(node))
}

/// A piece of syntax that the gate does not know.
pub(super) fn unknown(sql: &str, what: &str, node: &Value) -> Problem {
    let shown = clip(what);
    let problem = Problem::new(
        Code::Forbidden,
        text!("O SQL usa algo que não é aceito: {shown}", "The SQL uses something that is not accepted: {shown}"),
    );
    located(problem.with("received", shown), sql, position(node))
}

fn position(node: &Value) -> Option<usize> {
    // The engine writes "nowhere" as the largest number.
    node["query_location"].as_u64().filter(|at| *at < MAX_BYTES as u64).map(|at| at as usize)
}

fn located(problem: Problem, sql: &str, position: Option<usize>) -> Problem {
    match position {
        Some(at) => Place::of(sql, at).mark(problem),
        None => problem,
    }
}

/// The parser's usual sentences.
fn portuguese(message: &str) -> String {
    match message.strip_prefix("syntax error at or near ") {
        Some(near) => format!("inesperado {near}"),
        None if message == "syntax error at end of input" => "o texto termina antes da hora".to_owned(),
        None if message == "SELECT clause without selection list" => "falta a lista de colunas do SELECT".to_owned(),
        None => message.to_owned(),
    }
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
