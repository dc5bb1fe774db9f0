//! Errors of the user's own SQL: DS-422, with the place, and the engine's advice in the user's language.

use std::sync::Arc;

use super::failure::Complaint;
use crate::base::{Code, Error, Place, Problem, Text, did_you_mean, text};
use crate::catalog::{Catalog, Grupo};
use crate::labels::{Derived, derived_columns};
use crate::params::origin_column;
use crate::plan::View;

/// Whether the text is at fault, and not a file, a limit or the engine.
pub(super) fn is_theirs(complaint: &Complaint) -> bool {
    [
        "Binder",
        "Catalog",
        "Conversion",
        "Invalid Input",
        "Out of Range",
        "Parser",
        "Syntax",
        "Mismatch Type",
        "Invalid type",
    ]
    .contains(&complaint.kind.as_str())
        || (complaint.kind == "Not implemented" || complaint.kind == "Not Implemented")
}

/// What was meant: of a column, what its name is near to, labels and derived columns of the tables among them. What the engine
/// proposes may have nothing in common with the name.
pub(super) fn candidates(complaint: &Complaint, views: &[View]) -> Vec<String> {
    if !is_no_column(complaint) {
        return complaint.candidates.clone();
    }
    let is_read = |grupo: &&Grupo| {
        let table = grupo.dataset.table();
        views.iter().any(|view| view.name.trim_matches('"').eq_ignore_ascii_case(&table))
    };
    let tables = Catalog::builtin().datasets().filter(is_read);
    let made: Vec<Arc<Derived>> = tables.flat_map(|grupo| derived_columns(grupo).to_vec()).collect();
    let of_files = complaint.candidates.iter().map(String::as_str);
    did_you_mean(name_in(complaint), of_files.chain(made.iter().map(|one| one.name.as_str())))
}

fn is_no_column(complaint: &Complaint) -> bool {
    complaint.subtype == "COLUMN_NOT_FOUND" || complaint.first().starts_with("Referenced column")
}

fn name_in(complaint: &Complaint) -> &str {
    quoted(complaint.first()).unwrap_or(complaint.name.as_str())
}

pub(super) fn explain(complaint: &Complaint, sql: &str) -> Error {
    let Text { pt, en } = sentence(complaint);
    let place = complaint.position.map(|at| Place::of(sql, at));
    let words = place.as_ref().map(Place::words);
    let (at_pt, at_en) = words.map(|words| (words.pt, words.en)).unwrap_or_default();
    let mut problem =
        Problem::new(Code::InvalidParams, text!("Erro no SQL{at_pt}: {pt}", "Error in the SQL{at_en}: {en}"))
            .with("engine_message", complaint.message.as_str());
    if let Some(place) = place {
        problem = place.mark(problem);
    }
    if !complaint.candidates.is_empty() {
        problem = problem.with("did_you_mean", complaint.candidates.iter().take(5).cloned().collect::<Vec<_>>());
    }
    Error::from_problems(vec![problem])
}

/// The usual sentences in both languages; any other is quoted as the engine gives it, in English only: its words are English.
fn sentence(complaint: &Complaint) -> Text {
    let first = complaint.first();
    let name = name_in(complaint);
    let near = complaint.candidates.first().map(String::as_str);
    if is_no_column(complaint) {
        if let Some(name) = origin_column(name) {
            return text!(
                "{name} fica fora de `*`: uma CTE ou subconsulta que a queira passar adiante escreve SELECT *, {name}",
                "`*` leaves {name} out: a CTE or subquery that is to pass it on writes SELECT *, {name}"
            );
        }
        return match near {
            Some(near) => text!(
                "nenhuma tabela do FROM tem a coluna \"{name}\"; quis dizer {near}?",
                "no table of the FROM has a column \"{name}\"; did you mean {near}?"
            ),
            None => text!(
                "nenhuma tabela do FROM tem a coluna \"{name}\"; DESCRIBE sih_rd mostra as de uma tabela",
                "no table of the FROM has a column \"{name}\"; DESCRIBE sih_rd lists those of a table"
            ),
        };
    }
    if first.contains("must appear in the GROUP BY clause") {
        // Without quotes where the column stands in HAVING: `column N must ...`.
        let name = quoted(first).or_else(|| first.split(' ').nth(1)).unwrap_or("?");
        return text!(
            "falta GROUP BY: a coluna \"{name}\" aparece ao lado de um agregado. Ponha-a em GROUP BY (ou use GROUP BY ALL), ou escreva any_value({name}) se o valor exato não importa",
            "GROUP BY is missing: column \"{name}\" stands beside an aggregate. Put it into GROUP BY (or use GROUP BY ALL), or write any_value({name}) if its exact value does not matter"
        );
    }
    if first.starts_with("Ambiguous reference to column") {
        let uses = first.split_once("(use: ").map_or("", |(_, rest)| rest.trim_end_matches(')')).replace('"', "");
        let ou = uses.replace(" or ", " ou ");
        return text!(
            "a coluna \"{name}\" existe em mais de uma tabela; escreva {ou}",
            "column \"{name}\" is in more than one table; write {uses}"
        );
    }
    if first.starts_with("Referenced table") {
        return text!(
            "\"{name}\" não é tabela nem apelido deste FROM; com apelido (FROM sih_rd r) use o apelido",
            "\"{name}\" is neither a table nor an alias of this FROM; with an alias (FROM sih_rd r) use the alias"
        );
    }
    if first.starts_with("No function matches") || first.starts_with("Could not choose a best candidate function") {
        let call = between(first, '\'', '\'').or_else(|| quoted(first)).unwrap_or(first);
        return text!(
            "os tipos não servem à função: {call}. Códigos são texto: converta com CAST(coluna AS INTEGER) ou compare com texto entre aspas",
            "the types do not fit the function: {call}. Codes are text: convert with CAST(column AS INTEGER) or compare with quoted text"
        );
    }
    if first.starts_with("Cannot compare values of type") {
        let types: Vec<&str> =
            first.split(' ').filter(|word| word.len() > 2 && !word.chars().any(char::is_lowercase)).collect();
        let types = types.iter().map(|name| name.trim_matches(|c: char| ".,-".contains(c))).collect::<Vec<_>>();
        let (types_pt, types_en) = (types.join(" e "), types.join(" and "));
        return text!(
            "{types_pt} não se comparam. Códigos são texto: ponha o valor entre aspas, ou converta a coluna com CAST",
            "{types_en} do not compare. Codes are text: quote the value, or convert the column with CAST"
        );
    }
    if let Some(rest) = first.strip_prefix("Could not convert string ") {
        let value = between(rest, '\'', '\'').unwrap_or(rest);
        let kind = rest.split_once(" to ").map_or("?", |(_, kind)| kind.split(' ').next().unwrap_or(kind));
        return text!(
            "o texto \"{value}\" não pode ser convertido em {kind}; use TRY_CAST para obter NULL, ou compare texto com texto",
            "the text \"{value}\" cannot be converted to {kind}; use TRY_CAST to get NULL, or compare text with text"
        );
    }
    if let Some(clause) = first.strip_suffix(" clause cannot contain aggregates!") {
        return text!("{clause} não pode conter agregados; use HAVING", "{clause} cannot hold aggregates; use HAVING");
    }
    if let Some(clause) = first.strip_suffix(" clause cannot contain window functions!") {
        return text!(
            "{clause} não pode conter funções de janela; use QUALIFY",
            "{clause} cannot hold window functions; use QUALIFY"
        );
    }
    if first.starts_with("aggregate function calls cannot be nested") {
        return text!(
            "um agregado não pode conter outro; calcule o de dentro numa CTE",
            "an aggregate cannot hold another; compute the inner one in a CTE"
        );
    }
    if first.starts_with("Set operations can only apply") {
        return text!(
            "as partes de UNION, EXCEPT e INTERSECT precisam do mesmo número de colunas",
            "the parts of UNION, EXCEPT and INTERSECT need the same number of columns"
        );
    }
    if first.starts_with("More than one row returned by a subquery") {
        return text!(
            "uma subconsulta usada como valor devolveu mais de uma linha; use IN, um agregado ou LIMIT 1",
            "a subquery used as a value returned more than one row; use IN, an aggregate or LIMIT 1"
        );
    }
    if first.starts_with("Overflow in") || complaint.kind == "Out of Range" {
        return text!(
            "o resultado não cabe em seu tipo (a conta passa do limite); use CAST(coluna AS DOUBLE), ou DECIMAL(38,2)",
            "the result does not fit its type: {first}. Use CAST(column AS DOUBLE), or DECIMAL(38,2)"
        );
    }
    if complaint.kind == "Conversion" {
        return text!(
            "um valor não pode ser convertido; use TRY_CAST para obter NULL no lugar dele",
            "impossible conversion: {first}. Use TRY_CAST to get NULL in its place"
        );
    }
    text!(
        "o banco de dados não aceita esta consulta; confira nomes, tipos e funções (as palavras dele estão em engine_message)",
        "{first}"
    )
}

/// What stands in the first pair of double quotes.
fn quoted(text: &str) -> Option<&str> {
    between(text, '"', '"')
}

pub(super) fn between(text: &str, open: char, close: char) -> Option<&str> {
    let rest = text.split_once(open)?.1;
    rest.split_once(close).map(|(inside, _)| inside)
}
