//! `replace_by`: what the load brings takes the place of what it was loaded as before, and of nothing else.

use std::collections::BTreeSet;

use postgres_protocol::escape::escape_identifier;
use tokio_postgres::Client;

use super::failure::Explained;
use super::loaded::Loaded;
use super::loads::Loads;
use super::shape::Table;
use super::typed::{Cells, texts};
use super::url::Url;
use super::{ReplaceBy, TableName};
use crate::base::{Code, Error, Result, Text, text};
use crate::sink::{ORIGIN_COLUMNS, ResultInfo, SourceKey};

/// DS-409 where a table that others made does not say which load its rows come from.
pub(super) fn require_origin(target: &TableName, table: &Table) -> Result<()> {
    let Some(missing) = ORIGIN_COLUMNS.iter().find(|name| !table.columns.iter().any(|c| c.name == **name)) else {
        return Ok(());
    };
    let drop = format!("DROP TABLE {}", target.sql());
    Err(Error::new(
        Code::Conflict,
        text!(
            "{target} não tem a coluna {missing}: não se sabe de que carga vêm suas linhas. Carregue com `replace` tudo o que ela deve conter; para depois trocar só o que uma carga traz, apague-a ({drop}) e carregue tudo com `replace_by`",
            "{target} has no column {missing}: which load its rows come from is not known. Load by `replace` all that it should hold; to replace only what a load brings later on, drop it ({drop}) and load all of it by `replace_by`"
        ),
    )
    .column(*missing)
    .stage("postgres"))
}

/// The sources of the table whose rows go. DS-409 where they were loaded otherwise than those that would take their
/// place, or where it is not known how they were.
pub(super) fn replaced<'l>(
    loads: &'l Loads,
    target: &TableName,
    by: ReplaceBy,
    info: &ResultInfo,
) -> Result<Vec<&'l Loaded>> {
    loads.refuse_lost(target)?;
    let month = |key: &SourceKey| (key.uf.clone(), key.period.clone());
    let brought: BTreeSet<(String, String)> = info.sources.iter().map(month).collect();
    if by == ReplaceBy::Competencia
        && let Some(lost) = info.incomplete.iter().find(|lost| brought.contains(&month(lost)))
    {
        let lost = lost.shown();
        return Err(refused(
            target,
            text!(
                "{lost} não pôde ser lido, e o que a tabela tem dele se perderia; corrija o arquivo, ou use a opção `replace_by` com `source_file`",
                "{lost} could not be read, and what the table has of it would be lost; mend the file, or use the option `replace_by` with `source_file`"
            ),
        ));
    }
    // Its rows keep the origin that they had, and no longer are what came from there.
    if let Some(one) = loads.all.iter().find(|one| one.upserted) {
        return Err(otherwise(target, &one.shown(), "upsert", info));
    }
    let mut replaced = Vec::new();
    for one in &loads.all {
        if one.is_of_before() {
            if info.sources.iter().any(|source| source.period == one.key.period) {
                return Err(otherwise(target, &one.key.name, "?", info));
            }
            continue;
        }
        if !brought.contains(&month(&one.key)) {
            continue;
        }
        let shown = one.key.shown();
        let same = one.query.is_some() && one.query == info.query;
        if !same || !one.origin {
            let how = match (&one.query, one.origin) {
                (Some(query), true) => query.as_str(),
                (Some(_), false) => "append",
                (None, _) => "?",
            };
            return Err(otherwise(target, &shown, how, info));
        }
        // A whole month stands for its parts, but not the other way round.
        let of_month = || info.sources.iter().filter(|source| month(source) == month(&one.key));
        let is_brought = of_month().any(|source| source.part == one.key.part || source.part.is_empty());
        match by {
            ReplaceBy::Competencia => replaced.push(one),
            ReplaceBy::SourceFile if is_brought => replaced.push(one),
            ReplaceBy::SourceFile if one.key.part.is_empty() => {
                return Err(refused(
                    target,
                    text!(
                        "a tabela tem {shown} inteiro, e esta carga traz só partes dele; use a opção `replace_by` competencia",
                        "the table has the whole of {shown}, and this load brings parts of it alone; use the option `replace_by` competencia"
                    ),
                ));
            }
            ReplaceBy::SourceFile => {}
        }
    }
    Ok(replaced)
}

/// The three columns, as texts in SQL.
fn origin_of(table: &Table) -> [String; 3] {
    ORIGIN_COLUMNS.map(|name| {
        let found = table.columns.iter().find(|column| column.name == name);
        let cast = if found.is_some_and(|column| column.sql_type == "text") { "" } else { "::text" };
        format!("{}{cast}", escape_identifier(name))
    })
}

/// UF and competência of what the load brings.
fn months(info: &ResultInfo) -> (Vec<&str>, Vec<&str>) {
    let months: BTreeSet<(&str, &str)> =
        info.sources.iter().map(|source| (source.uf.as_str(), source.period.as_str())).collect();
    months.into_iter().unzip()
}

/// DS-409, before the first row goes out, where a table of which nothing is recorded has rows that would have to go.
pub(super) async fn refuse_unrecorded(
    client: &Client,
    url: &Url,
    target: &TableName,
    table: &Table,
    loads: &Loads,
    info: &ResultInfo,
) -> Result<()> {
    if !loads.all.is_empty() {
        return Ok(());
    }
    let [_, uf, period] = origin_of(table);
    let (ufs, periods) = months(info);
    let sql = format!(
        "SELECT {uf}, {period} FROM {} WHERE ({uf}, {period}) IN (SELECT * FROM unnest($1::text[], $2::text[])) LIMIT 1",
        target.sql()
    );
    match client.query_typed_opt(&sql, &[texts(&ufs), texts(&periods)]).await.explained(url)? {
        None => Ok(()),
        Some(row) => {
            let shown = format!("{} {}", row.cell::<String>(0)?, row.cell::<String>(1)?);
            Err(otherwise(target, &shown, "?", info))
        }
    }
}

/// Deletes the rows of those sources; part of the transaction that publishes.
pub(super) async fn delete(
    client: &Client,
    url: &Url,
    target: &TableName,
    table: &Table,
    (loads, replaced): (&Loads, &[&Loaded]),
    by: ReplaceBy,
    info: &ResultInfo,
) -> Result<()> {
    let [file, uf, period] = origin_of(table);
    let (ufs, periods) = months(info);
    let target_sql = target.sql();
    // Said once more by itself, so that of a partitioned table only the months' own partitions are read.
    let of_months =
        format!("{period} = ANY($2::text[]) AND ({uf}, {period}) IN (SELECT * FROM unnest($1::text[], $2::text[]))");
    if by == ReplaceBy::SourceFile {
        // Files of partitions have one name everywhere, and may have it twice in a month.
        let of = |one: &Loaded| (one.key.uf.clone(), one.key.period.clone(), one.key.name.clone());
        let going: BTreeSet<_> = replaced.iter().map(|one| of(one)).collect();
        let stays = |one: &&Loaded| !replaced.iter().any(|gone| gone.key == one.key);
        if let Some(one) = loads.all.iter().filter(stays).find(|one| going.contains(&of(one))) {
            let (name, shown) = (&one.key.name, one.key.shown());
            return Err(refused(
                target,
                text!(
                    "{name} é o nome de mais de um arquivo de {shown}; use a opção `replace_by` competencia",
                    "{name} is the name of more than one file of {shown}; use the option `replace_by` competencia"
                ),
            ));
        }
        let list =
            |get: fn(&SourceKey) -> &String| replaced.iter().map(|one| get(&one.key).as_str()).collect::<Vec<_>>();
        let sql = format!(
            "DELETE FROM {target_sql}
             WHERE {period} = ANY($2::text[]) AND ({uf}, {period}, {file}) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))"
        );
        let (ufs, periods, names) = (list(|k| &k.uf), list(|k| &k.period), list(|k| &k.name));
        return client
            .execute_typed(&sql, &[texts(&ufs), texts(&periods), texts(&names)])
            .await
            .explained(url)
            .map(drop);
    }
    let sql = format!(
        "WITH gone AS (DELETE FROM {target_sql} WHERE {of_months} RETURNING {file} AS f, {uf} AS u, {period} AS p)
         SELECT DISTINCT f, u, p FROM gone"
    );
    let gone = client.query_typed(&sql, &[texts(&ufs), texts(&periods)]).await.explained(url)?;
    for row in gone {
        let (file, uf, period): (Option<String>, String, String) = (row.cell(0)?, row.cell(1)?, row.cell(2)?);
        let known =
            |one: &&Loaded| one.key.uf == uf && one.key.period == period && Some(&one.key.name) == file.as_ref();
        if !replaced.iter().any(known) {
            let shown = format!("{uf} {period} ({})", file.unwrap_or_default());
            return Err(otherwise(target, &shown, "?", info));
        }
    }
    Ok(())
}

/// Rows that [`delete`] was to take away and that are there all the same.
pub(super) async fn left(
    client: &Client,
    url: &Url,
    target: &TableName,
    table: &Table,
    replaced: &[&Loaded],
    by: ReplaceBy,
    info: &ResultInfo,
) -> Result<u64> {
    let [file, uf, period] = origin_of(table);
    let (rows, target) = ("SELECT count(*) FROM", target.sql());
    let found = match by {
        ReplaceBy::Competencia => {
            let (ufs, periods) = months(info);
            let sql =
                format!("{rows} {target} WHERE ({uf}, {period}) IN (SELECT * FROM unnest($1::text[], $2::text[]))");
            client.query_typed_one(&sql, &[texts(&ufs), texts(&periods)]).await
        }
        ReplaceBy::SourceFile => {
            let list =
                |get: fn(&SourceKey) -> &String| replaced.iter().map(|one| get(&one.key).as_str()).collect::<Vec<_>>();
            let (ufs, periods, names) = (list(|k| &k.uf), list(|k| &k.period), list(|k| &k.name));
            let sql = format!(
                "{rows} {target}
                 WHERE ({uf}, {period}, {file}) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))"
            );
            client.query_typed_one(&sql, &[texts(&ufs), texts(&periods), texts(&names)]).await
        }
    };
    Ok(found.explained(url)?.cell::<i64>(0)? as u64)
}

fn refused(target: &TableName, why: Text) -> Error {
    let (pt, en) = (why.pt, why.en);
    Error::new(Code::Conflict, text!("{target}: {pt}", "{target}: {en}"))
        .with("table", target.to_string())
        .stage("postgres")
}

/// The rows that would go are not those that would come, or nobody knows.
fn otherwise(target: &TableName, shown: &str, how: &str, info: &ResultInfo) -> Error {
    let ours = info.query.as_deref().unwrap_or("?");
    let why = match how {
        "?" => text!(
            "não se sabe com que `where` e `columns` foram carregadas as linhas de {shown} que a tabela tem",
            "it is not known with which `where` and `columns` the table's rows of {shown} were loaded"
        ),
        "upsert" => text!(
            "um `upsert` ({shown}) pode ter mudado linhas de qualquer competência que a tabela tem",
            "an `upsert` ({shown}) may have changed rows of any competência that the table has"
        ),
        "append" => text!(
            "as linhas de {shown} que a tabela tem não dizem de onde vêm (vieram por outro `mode`)",
            "the table's rows of {shown} do not say where they come from (another `mode` brought them)"
        ),
        _ => text!(
            "as linhas de {shown} que a tabela tem foram carregadas com outra consulta ({how}) que a de agora ({ours})",
            "the table's rows of {shown} were loaded with another query ({how}) than this one ({ours})"
        ),
    };
    let (pt, en) = (why.pt, why.en);
    let drop = format!("DROP TABLE {}", target.sql());
    Error::new(
        Code::Conflict,
        text!(
            "{target}: {pt}; trocá-las perderia ou misturaria linhas. Use a mesma consulta ou outra tabela; ou carregue com `replace` tudo o que esta deve conter; para depois trocar só o que uma carga traz, apague-a ({drop}) e carregue tudo com `replace_by`",
            "{target}: {en}; replacing them would lose or mix rows. Use the same query or another table; or load by `replace` all that this one should hold; to replace only what a load brings later on, drop it ({drop}) and load all of it by `replace_by`"
        ),
    )
    .with("held", shown)
    .with("loaded_with", how)
    .with("received", ours)
    .with("table", target.to_string())
    .stage("postgres")
}
