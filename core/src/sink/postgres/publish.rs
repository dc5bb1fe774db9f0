//! The last act: one transaction that makes the staged rows the target's. All but its COMMIT comes before any sink of
//! the job publishes, so that a table that refuses the rows takes no other result with it.

use postgres_protocol::escape::{escape_identifier, escape_literal};
use tokio_postgres::Client;

use super::failure::{self, Explained};
use super::indexing::Landed;
use super::ledger::Claim;
use super::loaded::Loaded;
use super::shape::{self, Column, Table};
use super::typed::{Cells, text as text_of};
use super::url::Url;
use super::{
    Mode, Postgres, TableName, append, connect, letters, loads, mark, partition, replace, sampling_guard, stage,
    swallow, unique,
};
use crate::base::{Code, Error, Language, Result, text};
use crate::recovery::SinkState;
use crate::sink::{ORIGIN_COLUMNS, ResultInfo};

pub(super) struct Publish<'p> {
    pub url: &'p Url,
    pub options: &'p Postgres,
    pub state: &'p SinkState,
    pub info: &'p ResultInfo,
    pub target: &'p TableName,
    pub stage: &'p TableName,
    pub columns: &'p [Column],
    /// The staging table says where each row stands.
    pub ordered: bool,
    /// Of the staging table.
    pub rows: u64,
    pub claim: &'p Claim,
    pub language: Language,
}

/// Makes visible what [`Publish::prepare`] has made ready.
pub(super) async fn commit(client: &Client, url: &Url, job_id: &str, target: &TableName) -> Result<()> {
    let unanswered = match tokio::time::timeout(url.silence, client.batch_execute("COMMIT")).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) if failure::is_lost(&error) => failure::explain(error, url),
        Ok(Err(error)) => return Err(failure::explain(error, url)),
        // A server that has stopped keeps its connections.
        Err(_) => failure::stalled(url, url.silence),
    };
    // No answer to COMMIT: the record of loads says whether it took effect.
    let fresh = connect::Brief::open(url).await?;
    match fresh.within(url, published(&fresh.client, url, job_id, target)).await? {
        Some(_) => Ok(()),
        None => Err(unanswered),
    }
}

/// Rows of the job that are the target's already; none where it has not been published.
pub(super) async fn published(client: &Client, url: &Url, job_id: &str, target: &TableName) -> Result<Option<u64>> {
    let sql = "SELECT max(rows) FROM datasus.loads WHERE job = $1 AND schema_name = $2 AND table_name = $3";
    let values = [text_of(&job_id), text_of(&target.schema), text_of(&target.table)];
    let found = client.query_typed_one(sql, &values).await.explained(url)?;
    Ok(found.cell::<Option<i64>>(0)?.map(|rows| rows as u64))
}

impl Publish<'_> {
    /// Everything that can fail: begins the transaction, leaves it open, and gives the rows that it publishes, and what of the target
    /// holds them alone.
    pub(super) async fn prepare(&self, client: &Client) -> Result<(u64, Landed)> {
        // Two first loads of a table that is not there have no table to lock: the second finds what the first has made. What is
        // there is looked at under the lock, though it is asked with it.
        let lock = format!(
            "BEGIN; {}; SELECT pg_advisory_xact_lock(hashtextextended({}, 0))",
            connect::durable(true),
            escape_literal(&format!("datasus {}", self.target))
        );
        let (url, target) = (self.url, self.target);
        let begin = async { client.batch_execute(&lock).await.explained(url) };
        let (begun, existing) = tokio::join!(begin, shape::find(client, url, target));
        begun?;
        let (rows, mark, landed) = self.within(client, existing?).await?;
        let has = |name: &&str| self.columns.iter().any(|column| column.name == **name);
        let origin = ORIGIN_COLUMNS.iter().all(has);
        // What the table would ask at COMMIT only, it asks now.
        let asked = async { client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await.explained(url) };
        let remembered = loads::remember(client, url, target, (self.options, self.info), rows, &mark, origin);
        // Of several errors the first says why.
        let (asked, ended, remembered) = tokio::join!(asked, self.claim.end(client, url), remembered);
        asked.and(ended).and(remembered)?;
        Ok((rows, landed))
    }

    /// Rows that the target's keys refuse become dead letters, durable before the transaction ends.
    async fn take_out(&self, client: &Client, table: &Table) -> Result<u64> {
        let refused = unique::take_out(self, client, table.oid).await?;
        let (count, first) = (refused.len() as u64, refused.first().cloned());
        if count > 0 {
            let dead_letters = &self.state.dead_letters;
            dead_letters.add(refused)?;
            let all = dead_letters.count(self.state.number)?;
            letters::refuse_too_many(self.state, all, self.rows + all - count, first.as_ref())?;
        }
        Ok(self.rows - count)
    }

    /// The rows, the table's mark, and where the rows lie alone. `existing`: the table may have changed, or come, or gone, since the
    /// job began.
    async fn within(&self, client: &Client, existing: Option<Table>) -> Result<(u64, String, Landed)> {
        let (mark, mut landed) = (mark::new_mark(), Landed::alone());
        match (self.options.mode, &existing) {
            (Mode::Create, Some(_)) => return Err(exists(self.target)),
            (Mode::Replace, found) => {
                if let Some(table) = found {
                    refuse_part(self.target, table)?;
                    client.batch_execute(&format!("DROP TABLE {}", self.target.sql())).await.explained(self.url)?;
                }
                self.make(client, &mark).await?;
            }
            (Mode::Create | Mode::Append | Mode::ReplaceBy, None) => self.make(client, &mark).await?,
            (Mode::Upsert, None) => {
                self.upsert_into_new(client, &mark).await?;
                landed = Landed::among_others(Vec::new(), false);
            }
            (Mode::Append | Mode::ReplaceBy | Mode::Upsert, Some(_)) => return self.load_existing(client).await,
        }
        loads::forget(client, self.url, self.target).await?;
        Ok((self.rows, mark, landed))
    }

    /// The target, which is not there.
    async fn make(&self, client: &Client, mark: &str) -> Result<()> {
        if self.options.partition_by.is_none() {
            return self.rename_stage(client, mark).await;
        }
        let (url, target) = (self.url, self.target);
        client.batch_execute(&partition::definition(target, self.columns)).await.explained(url)?;
        self.describe(client, target, Some(mark)).await?;
        let table = shape::find(client, url, target).await?.ok_or_else(|| went_away(target))?;
        partition::ensure(client, url, target, &table, self.info).await?;
        self.move_rows(client, &table, self.rows).await
    }

    async fn load_existing(&self, client: &Client) -> Result<(u64, String, Landed)> {
        let (url, target, options, info) = (self.url, self.target, self.options, self.info);
        // Readers go on; another load of this table waits.
        let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", target.sql());
        client.batch_execute(&lock).await.explained(url)?;
        // Looked at under the lock: what others changed before they gave it up counts.
        let table = shape::find(client, url, target).await?.ok_or_else(|| went_away(target))?;
        self.same_shape(&table)?;
        let says = self.columns.iter().any(|column| column.name == partition::COLUMN);
        partition::require(target, &table, options.partition_by, says)?;
        let held = loads::of(client, url, target, &table, true).await?.looked_at(client, url, target).await?;
        sampling_guard::refuse(&held, target, info, options)?;
        append::refuse_known(&held, target, options, info)?;
        self.add_columns(client, &table).await?;
        let fresh = match says && partition::is_partitioned(&table) {
            true => partition::ensure(client, url, target, &table, info).await?,
            false => Vec::new(),
        };
        let mark = loads::settle(client, url, target, &table, &held).await?;
        let rows = match options.mode {
            Mode::Upsert => {
                self.upsert(client, &swallow::of(client, url, table.oid).await?).await?;
                self.rows
            }
            Mode::ReplaceBy => {
                replace::require_origin(target, &table)?;
                let by = options.replace_by;
                let replaced = replace::replaced(&held, target, by, info)?;
                replace::delete(client, url, target, &table, (&held, &replaced), by, info).await?;
                self.refuse_kept(client, &table, &replaced).await?;
                loads::forget_sources(client, url, target, &mark, &replaced).await?;
                self.add_rows(client, &table).await?
            }
            _ => self.add_rows(client, &table).await?,
        };
        Ok((rows, mark, Landed::among_others(fresh, table.index_left)))
    }

    async fn add_rows(&self, client: &Client, table: &Table) -> Result<u64> {
        let rows = self.take_out(client, table).await?;
        self.move_rows(client, table, rows).await?;
        Ok(rows)
    }

    /// The columns that the rows were encoded for must still have their types.
    fn same_shape(&self, table: &Table) -> Result<()> {
        let changed = self.columns.iter().find(|column| {
            let found = table.columns.iter().find(|found| found.name == column.name);
            found.map_or(!column.is_new, |found| found.sql_type != column.sql_type)
        });
        let Some(column) = changed else { return Ok(()) };
        let (name, target) = (&column.name, self.target);
        Err(Error::new(
            Code::Conflict,
            text!(
                "{target}: a coluna {name} mudou durante a carga; repita",
                "{target}: column {name} changed during the load; run it again"
            ),
        )
        .column(name.as_str())
        .stage("postgres"))
    }

    /// Additive drift: columns of the result that the table does not have yet.
    async fn add_columns(&self, client: &Client, table: &Table) -> Result<()> {
        let missing = self.columns.iter().filter(|c| !table.columns.iter().any(|known| known.name == c.name));
        let adds: Vec<String> =
            missing.map(|c| format!("ADD COLUMN {} {}", escape_identifier(&c.name), c.sql_type)).collect();
        if adds.is_empty() {
            return Ok(());
        }
        let sql = format!("ALTER TABLE {} {}", self.target.sql(), adds.join(", "));
        client.batch_execute(&sql).await.explained(self.url)?;
        self.describe(client, self.target, None).await
    }

    /// The staging table becomes the target.
    async fn rename_stage(&self, client: &Client, mark: &str) -> Result<()> {
        let about = self.description(self.stage, Some(mark));
        let (stage, table) = (self.stage.sql(), escape_identifier(&self.target.table));
        // Made for a table that has gone meanwhile: what it asked of the rows they have been asked.
        let order = match self.ordered {
            true => format!("ALTER TABLE {stage} DROP COLUMN {};", escape_identifier(stage::ORDER)),
            false => String::new(),
        };
        let sql = format!("{about} {order} ALTER TABLE {stage} RENAME TO {table};");
        client.batch_execute(&sql).await.explained(self.url)
    }

    /// Comments of the new columns, and of a new table, with its mark.
    pub(super) async fn describe(&self, client: &Client, table: &TableName, mark: Option<&str>) -> Result<()> {
        client.batch_execute(&self.description(table, mark)).await.explained(self.url)
    }

    fn description(&self, table: &TableName, mark: Option<&str>) -> String {
        let about = |mark| escape_literal(&mark::marked(&self.info.about, mark));
        let mut sql = mark.map_or_else(String::new, |m| format!("COMMENT ON TABLE {} IS {};", table.sql(), about(m)));
        for column in self.columns.iter().filter(|column| column.is_new) {
            let meaning = self.info.columns.iter().find(|(name, _)| name.to_lowercase() == column.name);
            if let Some((_, meaning)) = meaning {
                let name = escape_identifier(&column.name);
                sql.push_str(&format!("COMMENT ON COLUMN {}.{name} IS {};", table.sql(), escape_literal(meaning)));
            }
        }
        sql
    }

    /// A DELETE that a trigger or a rule turned into nothing left the rows that were to be replaced.
    async fn refuse_kept(&self, client: &Client, table: &Table, replaced: &[&Loaded]) -> Result<()> {
        let by = swallow::of(client, self.url, table.oid).await?;
        if by.is_empty() {
            return Ok(());
        }
        let (url, target) = (self.url, self.target);
        match replace::left(client, url, target, table, replaced, self.options.replace_by, self.info).await? {
            0 => Ok(()),
            rows => Err(swallow::still_there(target, &by, rows)),
        }
    }

    async fn move_rows(&self, client: &Client, table: &Table, rows: u64) -> Result<()> {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let (target, stage, list) = (self.target.sql(), self.stage.sql(), quoted(&names));
        let moved =
            client.execute_typed(&format!("INSERT INTO {target} ({list}) SELECT {list} FROM {stage}"), &[]).await;
        let moved = moved.explained(self.url)?;
        if moved != rows {
            let by = swallow::of(client, self.url, table.oid).await?;
            return Err(swallow::refused(self.url, self.target, &by, moved, rows));
        }
        client.batch_execute(&format!("DROP TABLE {stage}")).await.explained(self.url)
    }
}

/// DS-409 for `replace` of a table whose rows are those of another one too: they would be gone there.
pub(super) fn refuse_part(target: &TableName, table: &Table) -> Result<()> {
    if !table.is_part {
        return Ok(());
    }
    Err(Error::new(
        Code::Conflict,
        text!(
            "{target} é partição de outra tabela (ou herda de uma), que perderia as linhas dela com `replace`; carregue a tabela inteira com replace_by",
            "{target} is a partition of another table (or inherits from one), which would lose its rows by `replace`; load the whole table by replace_by"
        ),
    )
    .with("table", target.to_string())
    .stage("postgres"))
}

fn went_away(target: &TableName) -> Error {
    Error::new(
        Code::Unreachable,
        text!(
            "{target} foi removida enquanto a carga terminava; a tentativa recomeça",
            "{target} was dropped while the load ended; the attempt starts again"
        ),
    )
    .stage("postgres")
}

pub(super) fn exists(target: &TableName) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "A tabela {target} já existe; use outro nome, ou `mode`: append, replace, replace_by ou upsert",
            "Table {target} exists already; use another name, or `mode`: append, replace, replace_by or upsert"
        ),
    )
    .with("table", target.to_string())
    .stage("postgres")
}

pub(super) fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| escape_identifier(name)).collect::<Vec<_>>().join(", ")
}
