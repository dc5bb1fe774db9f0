//! The sentences of the limits on what grows: which one, what came, what to do.

use serde_json::Value;

use super::refusal::{located, position};
use crate::base::{Code, Problem, Text, text};

pub(super) fn too_many(limit: &str, found: u64, most: u64) -> Problem {
    let found_words = if found > 1_000_000_000 { "1000000000+".to_owned() } else { found.to_string() };
    Problem::new(Code::InvalidParams, sentence(limit, &found_words, most))
        .with("limit", limit)
        .with("received", found)
        .with("maximum", most)
}

pub(super) fn at(problem: Problem, sql: &str, node: &Value) -> Problem {
    located(problem, sql, position(node))
}

fn sentence(limit: &str, found: &str, most: u64) -> Text {
    match limit {
        "comments" => text!(
            "Comentários aninhados em {found} níveis; no máximo {most}: retire os /* de dentro",
            "Comments nested {found} deep; at most {most}: remove the inner /*"
        ),
        "signs" => text!(
            "{found} sinais de operadores sem espaço entre eles; no máximo {most}: separe-os ou retire os que sobram",
            "{found} signs of operators without a space between them; at most {most}: separate them, or remove those that are not needed"
        ),
        "tokens" => text!(
            "O SQL tem {found} palavras, números e sinais, contado o que o analisador repete (o operando de CASE x WHEN para cada WHEN; uma janela com nome para cada OVER); no máximo {most}. Passe listas por `bind`, ou escreva CASE WHEN x = ...",
            "The SQL has {found} words, numbers and signs, with what the parser repeats (the operand of CASE x WHEN for each WHEN; a named window for each OVER); at most {most}. Pass lists by `bind`, or write CASE WHEN x = ..."
        ),
        "groupings" | "sets" => text!(
            "CUBE, ROLLUP ou GROUPING SETS demais: {found}; no máximo {most}. Agrupe por menos colunas, ou faça mais de uma consulta",
            "Too many CUBE, ROLLUP or GROUPING SETS: {found}; at most {most}. Group by fewer columns, or make more than one query"
        ),
        "weight" => text!(
            "O SQL fica grande demais quando escrito por extenso: {found} unidades; no máximo {most}. O que multiplica são subconsultas e lambdas aninhadas, apelidos reusados, NOT MATERIALIZED, nullif aninhado, `*` sobre `*` e muitos JOINs: calcule as partes em CTEs, ou faça mais de uma consulta",
            "The SQL is too large once it is written out: {found} units; at most {most}. What multiplies are nested subqueries and lambdas, aliases used again, NOT MATERIALIZED, nested nullif, `*` over `*` and many JOINs: compute the parts in CTEs, or make more than one query"
        ),
        "columns" => text!(
            "Um SELECT daria {found} colunas; no máximo {most}: escreva as que interessam em vez de `*`",
            "A SELECT would give {found} columns; at most {most}: write those that matter instead of `*`"
        ),
        "subqueries" => text!(
            "Subconsultas dentro de expressões aninhadas em {found} níveis; no máximo {most}: calcule as de dentro em CTEs (WITH ...)",
            "Subqueries inside expressions nested {found} deep; at most {most}: compute the inner ones in CTEs (WITH ...)"
        ),
        "lambdas" => text!(
            "Funções lambda aninhadas em {found} níveis; no máximo {most}: use unnest, ou calcule as de dentro em CTEs (WITH ...)",
            "Lambdas nested {found} deep; at most {most}: use unnest, or compute the inner ones in CTEs (WITH ...)"
        ),
        "constructors" => text!(
            "Listas e estruturas aninhadas em {found} níveis; no máximo {most}: use menos níveis",
            "Lists and structs nested {found} deep; at most {most}: use fewer levels"
        ),
        "recursions" => text!(
            "WITH RECURSIVE dentro de WITH RECURSIVE em {found} níveis; no máximo {most}: faça uma CTE depois da outra",
            "WITH RECURSIVE inside WITH RECURSIVE, {found} deep; at most {most}: write one CTE after the other"
        ),
        "relations" => text!(
            "Um SELECT junta {found} tabelas e subconsultas, contadas as de suas CTEs; no máximo {most}: agregue antes (GROUP BY numa CTE), ou faça mais de uma consulta",
            "A SELECT joins {found} tables and subqueries, those of its CTEs included; at most {most}: aggregate first (GROUP BY in a CTE), or make more than one query"
        ),
        "filters" => text!(
            "Um SELECT tem {found} agregados com FILTER; no máximo {most}: escreva sum(CASE WHEN ... THEN x END), ou agrupe também pela coluna que os distingue",
            "A SELECT has {found} aggregates with FILTER; at most {most}: write sum(CASE WHEN ... THEN x END), or group by the column that tells them apart as well"
        ),
        "growth" => text!(
            "Um texto ou lista em WITH RECURSIVE cresce mais que uma vez por passo (por exemplo s || s): {found} bytes a cada {most}; acrescente a cada passo só uma parte",
            "A text or list in WITH RECURSIVE grows more than once in each step (for example s || s): {found} bytes for each {most}; add only a part in each step"
        ),
        "value" => text!(
            "Um valor poderia chegar a {found} bytes; no máximo {most}: encurte antes com left(x, n), ou junte e substitua menos",
            "A value could become {found} bytes long; at most {most}: shorten it first with left(x, n), or join and replace less"
        ),
        "compared" => text!(
            "Distância entre textos longos demais (o produto dos comprimentos pode ser {found}; no máximo {most}): encurte-os antes com left(x, 200)",
            "Distance between texts that are too long (the product of their lengths may be {found}; at most {most}): shorten them first with left(x, 200)"
        ),
        "wildcards" => text!(
            "Padrão com {found} curingas, sem contar o do fim; para um texto deste comprimento, no máximo {most}. Use LIKE sem `_` escrito no SQL, contains(x, 'abc') ou regexp_matches(x, 'a.*b')",
            "Pattern with {found} wildcards, not counting one at its end; for a text of this length at most {most}. Use LIKE without `_` written in the SQL, contains(x, 'abc') or regexp_matches(x, 'a.*b')"
        ),
        other => text!("Limite {other}: {found}; no máximo {most}", "Limit {other}: {found}; at most {most}"),
    }
}
