//! Which units a job's staging table holds. The record of a unit is written in the transaction that copies its rows, so
//! that both are there or neither is, whatever dies between two of them.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::{Client, Row, Statement};

use super::failure::{self, Explained};
use super::there::There;
use super::typed::{Cells, int, long, name, text as text_of};
use super::url::Url;
use super::{TableName, shape, stage};
use crate::base::{Code, CommittedUnits, Error, Result, UnitId, text};
use crate::recovery::SinkState;

/// A job's right to write, as long as no other attempt has begun.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    job: String,
    sink: i32,
    epoch: i64,
}

/// What an earlier attempt left.
pub(super) struct Begun {
    pub claim: Claim,
    pub rows: u64,
    pub units: u64,
    pub held: CommittedUnits,
}

const FORGET_UNITS: &str = "DELETE FROM datasus.ledger WHERE job = $1 AND sink = $2";

pub(super) async fn ensure(client: &Client, url: &Url, there: &There) -> Result<()> {
    if there.ledger {
        return Ok(());
    }
    let sql = "CREATE TABLE IF NOT EXISTS datasus.jobs (
            job text NOT NULL, sink int NOT NULL, epoch bigint NOT NULL, stage text NOT NULL, shape text NOT NULL,
            touched_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (job, sink));
        COMMENT ON TABLE datasus.jobs IS 'Cargas em andamento ou interrompidas (datasus)';
        CREATE TABLE IF NOT EXISTS datasus.ledger (
            job text NOT NULL, sink int NOT NULL, unit bigint NOT NULL, rows bigint NOT NULL,
            PRIMARY KEY (job, sink, unit));
        COMMENT ON TABLE datasus.ledger IS 'Unidades que as cargas em andamento já gravaram (datasus)'";
    match client.batch_execute(sql).await {
        Err(error) if stage::another_was_quicker(&error) => Ok(()),
        other => other.explained(url),
    }
}

/// Begins an attempt: from now on no earlier one can commit. `shape` says what the target and the rows look like; DS-409
/// where it is not what the earlier attempt saw. An attempt that goes on with no staging table makes one (`definition`).
pub(super) async fn begin(
    client: &Client,
    url: &Url,
    state: &SinkState,
    stage: &TableName,
    shape: &str,
    definition: &str,
) -> Result<Begun> {
    let (job, sink) = (&state.job_id, state.number as i32);
    let sql = "SELECT (SELECT shape FROM datasus.jobs WHERE job = $1 AND sink = $2),
        EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $3 AND c.relname = $4)";
    let values = [text_of(job), int(&sink), name(&stage.schema), name(&stage.table)];
    let row = client.query_typed_one(sql, &values).await.explained(url)?;
    let (known, there): (Option<String>, bool) = (row.cell(0)?, row.cell(1)?);
    if there && known.as_deref().is_some_and(|known| shape::without_oid(known) != shape) {
        return Err(changed(known.as_deref().unwrap_or_default(), shape));
    }
    let goes_on = there && known.is_some();
    // Waits for a transaction of an earlier attempt that is still at work: it holds the row.
    let sql = "INSERT INTO datasus.jobs (job, sink, epoch, stage, shape) VALUES ($1, $2, 1, $3, $4)
        ON CONFLICT (job, sink) DO UPDATE SET epoch = jobs.epoch + 1, stage = $3, shape = $4, touched_at = now()
        RETURNING epoch";
    let shown = stage.to_string();
    let values = [text_of(job), int(&sink), text_of(&shown), text_of(&shape)];
    let begun = client.query_typed_one(sql, &values);
    let row = if goes_on {
        begun.await.explained(url)?
    } else {
        // All of it or nothing, in one round trip. What a crash of the server takes back, it takes with all that came after it.
        let make = format!("DROP TABLE IF EXISTS {}; {definition}", stage.sql());
        // The first that fails says why; the others say that one has failed.
        let (begun, row, forgotten, made, ended) = tokio::join!(
            client.batch_execute("BEGIN; SET LOCAL synchronous_commit = off"),
            begun,
            client.execute_typed(FORGET_UNITS, &values[..2]),
            client.batch_execute(&make),
            client.batch_execute("COMMIT"),
        );
        begun.explained(url)?;
        let row = row.explained(url)?;
        forgotten.explained(url)?;
        made.and(ended).explained(url)?;
        row
    };
    let claim = Claim { job: job.clone(), sink, epoch: row.cell(0)? };
    let held = if goes_on { claim.units(client, url).await? } else { HashMap::new() };
    let (units, rows) = (held.len() as u64, held.values().sum());
    let held = if held.is_empty() {
        CommittedUnits::Nothing
    } else {
        CommittedUnits::These(Arc::new(held.into_keys().collect()))
    };
    Ok(Begun { claim, rows, units, held })
}

impl Claim {
    async fn units(&self, client: &Client, url: &Url) -> Result<HashMap<UnitId, u64>> {
        let sql = "SELECT unit, rows FROM datasus.ledger WHERE job = $1 AND sink = $2";
        let rows = client.query_typed(sql, &[text_of(&self.job), int(&self.sink)]).await.explained(url)?;
        let unit = |row: &Row| Ok((UnitId(row.cell::<i64>(0)? as u64), row.cell::<i64>(1)? as u64));
        rows.iter().map(unit).collect()
    }

    /// Units and rows that the ledger has.
    pub(super) async fn totals(&self, client: &Client, url: &Url) -> Result<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(rows), 0)::bigint FROM datasus.ledger WHERE job = $1 AND sink = $2";
        let row = client.query_typed_one(sql, &[text_of(&self.job), int(&self.sink)]).await.explained(url)?;
        Ok((row.cell::<i64>(0)? as u64, row.cell::<i64>(1)? as u64))
    }

    /// The statement of [`Claim::write`].
    pub(super) async fn prepare(&self, client: &Client, url: &Url) -> Result<Statement> {
        let sql = "INSERT INTO datasus.ledger (job, sink, unit, rows) SELECT $1, $2, v.unit, v.rows FROM
             (SELECT 1 FROM datasus.jobs WHERE job = $1 AND sink = $2 AND epoch = $3 FOR SHARE) mine,
             unnest($4::bigint[], $5::bigint[]) v(unit, rows)";
        client.prepare(sql).await.explained(url)
    }

    /// Writes the records of some units, each with its rows; the first act of their transaction, so that whoever wrote one
    /// of them before, and has not been heard of since, is waited for. DS-409 where another attempt has begun.
    pub(super) async fn write(
        &self,
        client: &Client,
        url: &Url,
        statement: &Statement,
        units: &[(UnitId, usize)],
    ) -> Result<()> {
        let numbers: Vec<i64> = units.iter().map(|(unit, _)| unit.0 as i64).collect();
        let rows: Vec<i64> = units.iter().map(|(_, rows)| *rows as i64).collect();
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&self.job, &self.sink, &self.epoch, &numbers, &rows];
        match client.execute(statement, &values).await {
            Err(error) if error.code().is_some_and(|state| state.code() == "23505") => Err(overtaken(error)),
            Err(error) => Err(failure::explain(error, url)),
            Ok(written) if written == units.len() as u64 => Ok(()),
            Ok(_) => Err(fenced()),
        }
    }

    /// Forgets the job's units; part of the transaction that publishes them. DS-409 where another attempt has begun.
    pub(super) async fn end(&self, client: &Client, url: &Url) -> Result<()> {
        let sql = "DELETE FROM datasus.jobs WHERE job = $1 AND sink = $2 AND epoch = $3";
        let values = [text_of(&self.job), int(&self.sink), long(&self.epoch)];
        let (mine, forgotten) =
            tokio::join!(client.execute_typed(sql, &values), client.execute_typed(FORGET_UNITS, &values[..2]));
        let mine = mine.explained(url)?;
        forgotten.explained(url)?;
        if mine == 1 { Ok(()) } else { Err(fenced()) }
    }
}

/// Forgets a job that will not go on.
pub(super) async fn forget(client: &Client, url: &Url, state: &SinkState) -> Result<()> {
    let known = "SELECT 1 WHERE to_regclass('datasus.ledger') IS NOT NULL";
    if client.query_typed(known, &[]).await.explained(url)?.is_empty() {
        return Ok(());
    }
    let (job, sink) = (&state.job_id, state.number as i32);
    for sql in ["DELETE FROM datasus.jobs WHERE job = $1 AND sink = $2", FORGET_UNITS] {
        client.execute_typed(sql, &[text_of(job), int(&sink)]).await.explained(url)?;
    }
    Ok(())
}

fn changed(known: &str, shape: &str) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "A tabela mudou desde que este trabalho parou, e continuá-lo não seria exato; desfaça a mudança, ou descarte o trabalho e repita-o",
            "The table has changed since this job stopped, and going on would not be exact; undo the change, or discard the job and run it again"
        ),
    )
    .with("expected_format", known)
    .with("received", shape)
    .stage("postgres")
}

fn fenced() -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "Outra tentativa deste trabalho começou; esta terminou sem gravar mais nada",
            "Another attempt of this job has begun; this one ended without writing any more"
        ),
    )
    .stage("postgres")
}

/// A unit is there that was not when the attempt began: a COMMIT that was given up took effect after all.
fn overtaken(error: tokio_postgres::Error) -> Error {
    Error::new(
        Code::Unreachable,
        text!(
            "Uma gravação anterior chegou ao PostgreSQL mais tarde; a tentativa recomeça do que está lá",
            "An earlier write reached PostgreSQL after all; the attempt starts again from what is there"
        ),
    )
    .stage("postgres")
    .because(error)
}
