//! The sentences of the gate: what was refused, where, and what to write instead.

use serde_json::Value;

use super::{MAX_BYTES, MAX_PARTS};
use crate::base::{Code, Place, Problem, text};
use crate::catalog::Catalog;

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
    Problem::new(
        Code::InvalidParams,
        text!(
            "O SQL está vazio; escreva, por exemplo, SELECT count(*) FROM sih_rd",
            "The SQL is empty; write, for example, SELECT count(*) FROM sih_rd"
        ),
    )
    .with("valid_examples", vec!["SELECT count(*) FROM sih_rd"])
}

pub(super) fn several(count: usize) -> Problem {
    Problem::new(
        Code::Forbidden,
        text!(
            "O SQL tem {count} comandos, e só um SELECT é aceito; faça uma consulta para cada um",
            "The SQL has {count} statements, and only one SELECT is accepted; make a query of each"
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
                "Só um SELECT é aceito, por exemplo SELECT count(*) FROM sih_rd (ou SHOW TABLES, DESCRIBE sih_rd). PIVOT também não é: use agregados com FILTER (WHERE ...)",
                "Only a SELECT is accepted, for example SELECT count(*) FROM sih_rd (or SHOW TABLES, DESCRIBE sih_rd). PIVOT is not one either: use aggregates with FILTER (WHERE ...)"
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
    if crate::base::holds_secret(sql) {
        // Pieces of it would not be known for those of a password.
        return Problem::new(Code::InvalidParams, text!("Erro de sintaxe no SQL{pt}", "Syntax error in the SQL{en}"));
    }
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
            "Parâmetros têm nome: escreva $nome no SQL, e o valor de nome em `bind` (não `?` nem `$1`); por exemplo WHERE CNES = $cnes",
            "Parameters have names: write $name in the SQL, and the value of name in `bind` (neither `?` nor `$1`); for example WHERE CNES = $cnes"
        ),
    )
    .with("valid_examples", vec!["SELECT count(*) FROM sih_rd WHERE CNES = $cnes"])
}

pub(super) fn table(sql: &str, node: &Value, name: &str, catalog: &Catalog) -> Problem {
    let table = |dataset: &String| catalog.dataset(dataset).map(|grupo| grupo.dataset.table());
    let near: Vec<String> = match catalog.read(name) {
        Some(grupo) => vec![grupo.dataset.table()],
        None => catalog.near(name).iter().filter_map(table).collect(),
    };
    let position = position(node);
    let shown = clip(name);
    let looks_like_file = name.contains(['/', '.', '\\', ':', '*']);
    let problem = if looks_like_file {
        Problem::new(
            Code::Forbidden,
            text!(
                "\"{shown}\" não é uma tabela do catálogo, por exemplo sih_rd (SHOW TABLES mostra todas); arquivos não podem ser lidos pelo SQL",
                "\"{shown}\" is not a table of the catalogue, for example sih_rd (SHOW TABLES lists all); files cannot be read by SQL"
            ),
        )
    } else {
        let hint = if near.is_empty() { "sih_rd, cnes_st, sim_do".to_owned() } else { near.join(", ") };
        Problem::new(
            Code::NotFound,
            text!(
                "Não há tabela \"{shown}\" no catálogo; quis dizer {hint}? SHOW TABLES mostra todas",
                "There is no table \"{shown}\" in the catalogue; did you mean {hint}? SHOW TABLES lists all"
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
            "Escreva \"{shown}\" sem catálogo nem esquema, por exemplo FROM sih_rd: só as tabelas do catálogo e as funções da lista são aceitas",
            "Write \"{shown}\" without catalogue or schema, for example FROM sih_rd: only the catalogue's tables and the listed functions are accepted"
        ),
    );
    located(problem.with("received", shown), sql, position(node))
}

pub(super) fn function(sql: &str, node: &Value, name: &str, near: Vec<String>) -> Problem {
    let shown = clip(name);
    let (pt, en) = match near.first() {
        Some(near) => (format!("; quis dizer {near}?"), format!("; did you mean {near}?")),
        None => (".".to_owned(), ".".to_owned()),
    };
    let problem = Problem::new(
        Code::Forbidden,
        text!(
            "A função \"{shown}\" não é aceita{pt} As aceitas estão em docs/sql.md",
            "Function \"{shown}\" is not accepted{en} Those that are: docs/sql.md"
        ),
    );
    located(problem.with("received", shown).with("did_you_mean", near), sql, position(node))
}

pub(super) fn argument(sql: &str, node: &Value, name: &str, least: i64, most: i64) -> Problem {
    let problem = Problem::new(
        Code::InvalidParams,
        text!(
            "{name}: o comprimento, a distância ou a posição deve ser um número inteiro escrito no SQL ou em `bind`, de {least} a {most}; por exemplo lag(x, 1)",
            "{name}: the length, offset or position must be a whole number written in the SQL or in `bind`, {least} to {most}; for example lag(x, 1)"
        ),
    );
    located(problem.with("received", name).with("minimum", least).with("maximum", most), sql, position(node))
}

/// A separator or a replacement.
pub(super) fn piece(sql: &str, node: &Value, name: &str, most: usize) -> Problem {
    let problem = Problem::new(
        Code::InvalidParams,
        text!(
            "{name}: o que se procura, substitui ou separa deve ser um texto escrito no SQL ou em `bind`, de até {most} caracteres; por exemplo replace(x, ',', '.')",
            "{name}: what is searched for, put in its place or between must be a text written in the SQL or in `bind`, of up to {most} characters; for example replace(x, ',', '.')"
        ),
    );
    located(problem.with("received", name).with("maximum", most), sql, position(node))
}

pub(super) fn regexp(sql: &str, node: &Value, name: &str, most: usize) -> Problem {
    let problem = Problem::new(
        Code::InvalidParams,
        text!(
            "{name}: a expressão regular deve ser um texto escrito no SQL ou em `bind`, de até {most} caracteres e 100 repetições entre chaves; por exemplo regexp_matches(x, '^J1[0-8]')",
            "{name}: the regular expression must be a text written in the SQL or in `bind`, of up to {most} characters and 100 repetitions in braces; for example regexp_matches(x, '^J1[0-8]')"
        ),
    );
    located(problem.with("received", name).with("maximum", most), sql, position(node))
}

/// The pattern of LIKE.
pub(super) fn pattern_computed(sql: &str, node: &Value) -> Problem {
    let problem = Problem::new(
        Code::InvalidParams,
        text!(
            "O padrão de LIKE, ILIKE e GLOB deve ser um texto escrito no SQL ou em `bind`, com os curingas (WHERE x LIKE $padrao, e em `bind` o valor J1% para padrao); entre colunas use `starts_with(a, b)`, `ends_with(a, b)` ou `contains(a, b)`",
            "The pattern of LIKE, ILIKE and GLOB must be a text written in the SQL or in `bind`, wildcards included (WHERE x LIKE $pattern, and in `bind` the value J1% for pattern); between columns use `starts_with(a, b)`, `ends_with(a, b)` or `contains(a, b)`"
        ),
    );
    located(problem, sql, position(node))
}

/// An aggregate that gives each row a value as long as all the rows.
pub(super) fn whole_over(sql: &str, node: &Value, name: &str) -> Problem {
    let problem = Problem::new(
        Code::InvalidParams,
        text!(
            "{name} com OVER não é aceito: cada linha teria um valor tão longo quanto as linhas todas. Use GROUP BY numa CTE, e junte-a com JOIN",
            "{name} with OVER is not accepted: each row would have a value as long as all the rows. Use GROUP BY in a CTE, and JOIN it"
        ),
    );
    located(problem.with("received", name), sql, position(node))
}

/// An aggregate that looks at all rows of each frame.
pub(super) fn slow_over(sql: &str, node: &Value, name: &str) -> Problem {
    let problem = Problem::new(
        Code::InvalidParams,
        text!(
            "{name} com OVER não é aceito assim (mad, ou DISTINCT com EXCLUDE): cada linha leria outra vez todas as do seu quadro. Use GROUP BY numa CTE, e junte-a com JOIN",
            "{name} with OVER is not accepted like this (mad, or DISTINCT with EXCLUDE): each row would read all those of its frame again. Use GROUP BY in a CTE, and JOIN it"
        ),
    );
    located(problem.with("received", name), sql, position(node))
}

pub(super) fn type_name(sql: &str, node: &Value, name: &str) -> Problem {
    let shown = clip(name);
    let problem = Problem::new(
        Code::Forbidden,
        text!(
            "O tipo \"{shown}\" não é aceito em CAST; use VARCHAR, BIGINT, DECIMAL(p,s), DOUBLE, DATE, TIMESTAMP, ...",
            "Type \"{shown}\" is not accepted in CAST; use VARCHAR, BIGINT, DECIMAL(p,s), DOUBLE, DATE, TIMESTAMP, ..."
        ),
    );
    located(problem.with("received", shown), sql, position(node))
}

pub(super) fn cte_name(name: &str) -> Problem {
    let shown = clip(name);
    Problem::new(
        Code::InvalidParams,
        text!(
            "Nome de CTE \"{shown}\" inválido: letras, dígitos e _, e nenhum nome de tabela do catálogo; por exemplo WITH internacoes AS (...)",
            "Invalid name of a CTE, \"{shown}\": letters, digits and _, and no name of a table of the catalogue; for example WITH admissions AS (...)"
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
        text!(
            "O SQL usa algo que não é aceito: {shown}. O que se aceita está em docs/sql.md, por exemplo SELECT count(*) FROM sih_rd",
            "The SQL uses something that is not accepted: {shown}. What is accepted: docs/sql.md, for example SELECT count(*) FROM sih_rd"
        ),
    );
    located(problem.with("received", shown), sql, position(node))
}

pub(super) fn position(node: &Value) -> Option<usize> {
    // The engine writes "nowhere" as the largest number.
    node["query_location"].as_u64().filter(|at| *at < MAX_BYTES as u64).map(|at| at as usize)
}

pub(super) fn located(problem: Problem, sql: &str, position: Option<usize>) -> Problem {
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
        None if message.contains("unterminated quoted string") => "falta fechar uma aspa".to_owned(),
        None => "confira vírgulas, parênteses e palavras-chave".to_owned(),
    }
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
