//! The staging table of a job, and those that dead jobs left.

use postgres_protocol::escape::escape_identifier;
use tokio_postgres::Client;

use super::TableName;
use super::failure::Explained;
use super::shape::Column;
use super::typed::{Cells, name as name_of, oid, text as text_of};
use super::url::Url;
use crate::base::{Code, Error};
use crate::base::{Result, text};
use crate::recovery::SinkState;

pub(super) const PREFIX: &str = "datasus_stage_";
/// Place of a row in the result, for `upsert`: the last one of a key counts.
pub(super) const ORDER: &str = "datasus_ordem";

/// Name of the staging table of a job, beside its target; a job may have several targets.
pub(super) fn name(target: &TableName, job_id: &str) -> TableName {
    let of_target = crc32fast::hash(target.table.as_bytes());
    let table = format!("{PREFIX}{}_{of_target:08x}", job_id.to_lowercase());
    TableName { schema: target.schema.clone(), table }
}

/// Makes a schema that is missing. `CREATE SCHEMA IF NOT EXISTS` would ask for a right that nobody needs when it is there.
pub(super) async fn create_schema(client: &Client, url: &Url, schema: &str) -> Result<()> {
    let created = client.batch_execute(&format!("CREATE SCHEMA {}", escape_identifier(schema))).await;
    match created {
        Err(error) if another_was_quicker(&error) => Ok(()),
        other => other.explained(url),
    }
}

/// Another session made the same thing at the same time, which `IF NOT EXISTS` does not see: a schema, a table, the type of
/// its rows, or their entries in the catalogue.
pub(super) fn another_was_quicker(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|state| ["42P06", "42P07", "42710", "23505"].contains(&state.code()))
}

/// Takes the lock that says that the job lives. Sessions that its dead process left behind are ended; DS-409 where another
/// process holds it.
pub(super) async fn lock(client: &Client, url: &Url, stage: &TableName, state: &SinkState) -> Result<()> {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        let locked = client.query_typed_one(TRY_LOCK, &[text_of(&stage.table)]).await;
        if locked.explained(url)?.cell::<bool>(0)? {
            return Ok(());
        }
        if state.foreign || std::time::Instant::now() >= until {
            return Err(Error::new(
                Code::Conflict,
                text!("Outra sessão já carrega este trabalho", "Another session is loading this job already"),
            )
            .stage("postgres"));
        }
        // The process that had them is dead, or has given them up: it may not have told the server yet. Their end is asked for again
        // and again: one that is on its way is in no list.
        end_sessions(client, url, state).await?;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// The name of the sessions of a job's sink.
pub(super) fn application_name(state: &SinkState) -> String {
    format!("datasus {} {}", state.job_id, state.number)
}

/// Ends the other sessions of a job's sink, whose process is dead or has given them up.
pub(super) async fn end_sessions(client: &Client, url: &Url, state: &SinkState) -> Result<()> {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = $1 AND usename = current_user AND pid <> pg_backend_pid()";
    client.execute_typed(sql, &[text_of(&application_name(state))]).await.explained(url).map(drop)
}

/// How long a dead process's session may take to go.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

const TRY_LOCK: &str = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";

/// The SQL that makes the staging table. What the target asks of each row it asks too, so that the COPY names the row that fails.
pub(super) async fn definition(
    client: &Client,
    url: &Url,
    stage: &TableName,
    columns: &[Column],
    ordered: bool,
    target: Option<u32>,
) -> Result<String> {
    let mut list: Vec<String> = columns
        .iter()
        .map(|column| {
            let not_null = if column.not_null { " NOT NULL" } else { "" };
            format!("{} {}{not_null}", escape_identifier(&column.name), column.sql_type)
        })
        .collect();
    if ordered {
        list.push(format!("{} bigint", escape_identifier(ORDER)));
    }
    if let Some(table) = target {
        // NOT VALID ones too: they let old rows be, and refuse new ones like any other.
        let sql = "SELECT conname::text, pg_get_constraintdef(oid),
                array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = conrelid AND a.attnum = ANY(conkey))
            FROM pg_constraint WHERE conrelid = $1 AND contype = 'c'";
        for row in client.query_typed(sql, &[oid(&table)]).await.explained(url)? {
            let (name, check, of): (String, String, Vec<String>) = (row.cell(0)?, row.cell(1)?, row.cell(2)?);
            if of.iter().all(|name| columns.iter().any(|column| column.name == *name)) {
                list.push(format!("CONSTRAINT {} {check}", escape_identifier(&name)));
            }
        }
    }
    Ok(format!("CREATE TABLE {} ({})", stage.sql(), list.join(", ")))
}

/// DS-422 where the result has the column that says where a row stands.
pub(super) fn own_column() -> Error {
    Error::new(
        Code::InvalidParams,
        text!(
            "A coluna {ORDER} é do datasus durante a carga; dê outro nome à do resultado (AS ordem)",
            "Column {ORDER} is datasus's own during the load; give the result's another name (AS ordem)"
        ),
    )
    .column(ORDER)
    .stage("postgres")
}

/// Drops the staging tables that nobody will come back for: of jobs of the record that have no session, and were not touched
/// for a week. A job's own is not among them, however late it goes on; nor is any table that the record does not list,
/// whatever it is called, or that is not called as we call them, whatever the record lists.
pub(super) async fn drop_stale(client: &Client, url: &Url, own: &TableName) -> Result<()> {
    let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname LIKE 'datasus\\_stage\\_%' AND c.relname <> $2
          AND pg_has_role(c.relowner, 'USAGE')
          AND EXISTS (SELECT 1 FROM datasus.jobs j WHERE j.stage = n.nspname || '.' || c.relname)
          AND NOT EXISTS (SELECT 1 FROM datasus.jobs j
            WHERE j.stage = n.nspname || '.' || c.relname AND j.touched_at > now() - interval '7 days')";
    let schema = &own.schema;
    for row in client.query_typed(sql, &[name_of(schema), name_of(&own.table)]).await.explained(url)? {
        let table: String = row.cell(0)?;
        let lock = client.query_typed_one(TRY_LOCK, &[text_of(&table)]).await;
        if lock.explained(url)?.cell::<bool>(0)? {
            let stale = TableName { schema: schema.clone(), table: table.clone() };
            tracing::info!(table = %stale, "dropping the staging table of a dead job");
            client.batch_execute(&format!("DROP TABLE IF EXISTS {}", stale.sql())).await.explained(url)?;
            let of = "DELETE FROM datasus.ledger l USING datasus.jobs j
                WHERE j.stage = $1 AND l.job = j.job AND l.sink = j.sink";
            client.execute_typed(of, &[text_of(&stale.to_string())]).await.explained(url)?;
            let forget = "DELETE FROM datasus.jobs WHERE stage = $1";
            client.execute_typed(forget, &[text_of(&stale.to_string())]).await.explained(url)?;
            let unlock = "SELECT pg_advisory_unlock(hashtextextended($1, 0))";
            client.query_typed(unlock, &[text_of(&table)]).await.explained(url)?;
        }
    }
    Ok(())
}
