//! The staging table of a job, and those that dead jobs left.

use postgres_protocol::escape::escape_identifier;
use tokio_postgres::Client;

use super::TableName;
use super::failure::Explained;
use super::shape::Column;
use super::url::Url;
use crate::base::{Code, Error};
use crate::base::{Result, text};

const PREFIX: &str = "datasus_stage_";
/// Place of a row in the result, for `upsert`: the last one of a key counts.
pub(super) const ORDER: &str = "datasus_ordem";

/// Name of the staging table of a job, beside its target; a job may have several targets.
pub(super) fn name(target: &TableName, job_id: &str) -> TableName {
    let of_target = crc32fast::hash(target.table.as_bytes());
    let table = format!("{PREFIX}{}_{of_target:08x}", job_id.to_lowercase());
    TableName { schema: target.schema.clone(), table }
}

/// Makes the schema where it is missing. `CREATE SCHEMA IF NOT EXISTS` would ask for a right that nobody needs when
/// it is there.
pub(super) async fn ensure_schema(client: &Client, url: &Url, schema: &str) -> Result<()> {
    let known = client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[&schema]).await.explained(url)?;
    if !known.is_empty() {
        return Ok(());
    }
    let created = client.batch_execute(&format!("CREATE SCHEMA {}", escape_identifier(schema))).await;
    match created {
        // Another job was quicker.
        Err(error) if error.code().is_some_and(|state| ["42P06", "23505"].contains(&state.code())) => Ok(()),
        other => other.explained(url),
    }
}

/// The record of what was loaded from where.
pub(super) async fn ensure_loads(client: &Client, url: &Url) -> Result<()> {
    ensure_schema(client, url, "datasus").await?;
    let known = client.query("SELECT 1 WHERE to_regclass('datasus.loads') IS NOT NULL", &[]).await.explained(url)?;
    if !known.is_empty() {
        return Ok(());
    }
    let sql = "CREATE TABLE IF NOT EXISTS datasus.loads (
            table_oid oid NOT NULL, schema_name text NOT NULL, table_name text NOT NULL, source text NOT NULL,
            hash text NOT NULL, period text NOT NULL, job text NOT NULL, mode text NOT NULL, rows bigint NOT NULL,
            loaded_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (table_oid, job, source, hash));
        COMMENT ON TABLE datasus.loads IS 'Arquivos de origem que cada tabela já contém (datasus)'";
    match client.batch_execute(sql).await {
        Err(error) if error.code().is_some_and(|state| ["42P07", "23505"].contains(&state.code())) => Ok(()),
        other => other.explained(url),
    }
}

/// Makes the staging table, after taking the lock that says that its job lives.
pub(super) async fn create(
    client: &Client,
    url: &Url,
    stage: &TableName,
    columns: &[Column],
    ordered: bool,
) -> Result<()> {
    let locked = client.query_one("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", &[&stage.table]).await;
    if !locked.explained(url)?.get::<_, bool>(0) {
        return Err(Error::new(
            Code::Conflict,
            text!("Outra sessão já carrega este trabalho", "Another session is loading this job already"),
        )
        .stage("postgres"));
    }
    let mut list: Vec<String> =
        columns.iter().map(|column| format!("{} {}", escape_identifier(&column.name), column.sql_type)).collect();
    if ordered {
        list.push(format!("{} bigint", escape_identifier(ORDER)));
    }
    client.batch_execute(&format!("CREATE TABLE {} ({})", stage.sql(), list.join(", "))).await.explained(url)
}

/// Drops the staging tables of jobs whose session has gone; those of live ones are locked.
pub(super) async fn drop_stale(client: &Client, url: &Url, schema: &str) -> Result<()> {
    let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname LIKE 'datasus\\_stage\\_%'
          AND pg_has_role(c.relowner, 'USAGE')";
    for row in client.query(sql, &[&schema]).await.explained(url)? {
        let table: String = row.get(0);
        let lock = client.query_one("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", &[&table]).await;
        if lock.explained(url)?.get::<_, bool>(0) {
            let stale = TableName { schema: schema.to_owned(), table: table.clone() };
            tracing::info!(table = %stale, "dropping the staging table of a dead job");
            client.batch_execute(&format!("DROP TABLE IF EXISTS {}", stale.sql())).await.explained(url)?;
            client.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", &[&table]).await.explained(url)?;
        }
    }
    Ok(())
}
