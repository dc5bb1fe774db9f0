//! Dead letters, sent to their table once more.

use postgres_protocol::escape::escape_identifier;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::failure::{self, Explained};
use super::letters::Refusal;
use super::shape::{self, Table};
use super::typed::{int, long, text as text_of};
use super::url::Url;
use super::{Mode, Postgres, TableName, connect, identifier, ledger, loads, swallow, there};
use crate::base::{Code, Error, Language, Result, Secret, text};
use crate::recovery::DeadLetter;
use crate::sink::Replay;

/// Inserts each letter in a transaction of its own, whose record makes sure that it is not inserted twice; gives those
/// that are refused again, with the new reason.
pub(super) fn replay(to: &Postgres, replay: Replay) -> Result<Vec<DeadLetter>> {
    let Replay { credentials, job_id, letters, language } = replay;
    if letters.is_empty() {
        return Ok(letters);
    }
    let (url, target, runtime) = way(to, credentials.postgres, job_id)?;
    runtime.block_on(all(to, &url, &target, job_id, letters, language))
}

/// Forgets which letters were loaded, once they are letters no more.
pub(super) fn replayed(to: &Postgres, server: Option<&Secret>, job_id: &str) -> Result<()> {
    let (url, target, runtime) = way(to, server, job_id)?;
    runtime.block_on(async {
        let brief = connect::Brief::open(&url).await?;
        brief.within(&url, there::ask(&brief.client, &url, &no_stage(&target))).await?;
        let (forget, job) = ("DELETE FROM datasus.ledger WHERE job = $1", record(job_id));
        let forgotten = async { brief.client.execute_typed(forget, &[text_of(&job)]).await.explained(&url).map(drop) };
        brief.within(&url, forgotten).await
    })
}

/// What the ledger calls a replay.
fn record(job_id: &str) -> String {
    format!("replay {job_id}")
}

/// A replay writes into its table at once.
fn no_stage(target: &TableName) -> TableName {
    TableName { table: String::new(), ..target.clone() }
}

fn way(to: &Postgres, server: Option<&Secret>, job_id: &str) -> Result<(Url, TableName, Runtime)> {
    let mut url = to.server(server)?;
    url.config.application_name(format!("datasus replay {job_id}"));
    let target = TableName::parse(to.table.as_deref().unwrap_or_default())?;
    identifier::refuse_reserved(&target)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok((url, target, runtime.map_err(|error| Error::internal(format!("no runtime: {error}")))?))
}

async fn all(
    to: &Postgres,
    url: &Url,
    target: &TableName,
    job_id: &str,
    letters: Vec<DeadLetter>,
    language: Language,
) -> Result<Vec<DeadLetter>> {
    let brief = connect::Brief::open(url).await?;
    let client = &brief.client;
    // A letter that is loaded is a letter no more.
    brief.within(url, async { client.batch_execute(&connect::durable(false)).await.explained(url) }).await?;
    let there = brief.within(url, there::ask(client, url, &no_stage(target))).await?;
    brief.within(url, loads::ensure(client, url, &there)).await?;
    brief.within(url, ledger::ensure(client, url, &there)).await?;
    if !there.whole() {
        brief.within(url, there::ask(client, url, &no_stage(target))).await?;
    }
    let Some(table) = brief.within(url, shape::find(client, url, target)).await? else {
        return Err(Error::new(
            Code::NotFound,
            text!("A tabela {target} não existe mais", "Table {target} is not there any more"),
        )
        .stage("postgres"));
    };
    let job = record(job_id);
    let mut left = Vec::new();
    for letter in letters {
        let still = loads::still_has(client, url, job_id, letter.source_file.as_deref());
        if !brief.within(url, still).await? {
            let why = Refusal::of(&replaced(target), language);
            left.push(DeadLetter { reason: why.reason, sqlstate: None, ..letter });
            continue;
        }
        match brief.within(url, one(to, client, url, target, &table, &job, &letter)).await? {
            None => {}
            Some(error) => {
                let why = Refusal::of(&error, language);
                left.push(DeadLetter { reason: why.reason, sqlstate: why.sqlstate, ..letter });
            }
        }
    }
    Ok(left)
}

/// A letter belongs to rows that are there no more: among those that took their place it would be one too many.
fn replaced(target: &TableName) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "outra carga de {target} tomou o lugar das linhas com que esta veio",
            "another load of {target} has taken the place of the rows that this one came with"
        ),
    )
}

/// None: the row is in the table.
async fn one(
    to: &Postgres,
    client: &Client,
    url: &Url,
    target: &TableName,
    table: &Table,
    job: &str,
    letter: &DeadLetter,
) -> Result<Option<Error>> {
    let (mut names, mut places) = (Vec::new(), Vec::new());
    let mut values: Vec<Option<&str>> = Vec::new();
    for (name, value) in &letter.record {
        let Some(column) = shape::named(table, name) else {
            return Ok(Some(Error::new(
                Code::Conflict,
                text!("{target} não tem a coluna {name}", "{target} has no column {name}"),
            )));
        };
        values.push(value.as_str());
        names.push(escape_identifier(&column.name));
        let place = format!("${}::text", values.len());
        // Our text of bytes is their hexadecimal digits.
        places.push(match column.sql_type.as_str() {
            "bytea" => format!("decode({place}, 'hex')"),
            kind => format!("({place})::{kind}"),
        });
        debug_assert!(matches!(value, Value::String(_) | Value::Null));
    }
    let mut sql = format!("INSERT INTO {} ({}) VALUES ({})", target.sql(), names.join(", "), places.join(", "));
    if to.mode == Mode::Upsert {
        let key: Vec<String> = to.key.iter().map(|name| escape_identifier(&of(table, name))).collect();
        let sets: Vec<String> =
            names.iter().filter(|name| !key.contains(name)).map(|name| format!("{name} = EXCLUDED.{name}")).collect();
        let action = if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", sets.join(", ")) };
        sql.push_str(&format!(" ON CONFLICT ({}) DO {action}", key.join(", ")));
    }
    client.batch_execute("BEGIN").await.explained(url)?;
    let (sink, unit) = (letter.sink_number as i32, (letter.unit << super::load::PLACE_BITS | letter.row) as i64);
    let claim = "INSERT INTO datasus.ledger (job, sink, unit, rows) VALUES ($1, $2, $3, 1) ON CONFLICT DO NOTHING";
    if client.execute_typed(claim, &[text_of(&job), int(&sink), long(&unit)]).await.explained(url)? == 0 {
        client.batch_execute("ROLLBACK").await.explained(url)?;
        return Ok(None);
    }
    let given: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
    match client.execute(&sql, &given).await {
        Ok(0) if !sql.ends_with("DO NOTHING") => {
            let by = swallow::of(client, url, table.oid).await?;
            client.batch_execute("ROLLBACK").await.explained(url)?;
            Ok(Some(swallow::refused(url, target, &by, 0, 1)))
        }
        Ok(_) => client.batch_execute("COMMIT").await.explained(url).map(|()| None),
        Err(error) => {
            let of_row = failure::is_of_row(&error);
            let error = failure::explain(error, url);
            if !of_row {
                return Err(error);
            }
            client.batch_execute("ROLLBACK").await.explained(url)?;
            Ok(Some(error))
        }
    }
}

/// The table's own name of a column.
fn of(table: &Table, name: &str) -> String {
    shape::named(table, name).map_or_else(|| name.to_owned(), |column| column.name.clone())
}
