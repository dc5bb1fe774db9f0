//! The indexes of a table, made once its rows are there: concurrently, so that readers and writers go on, and outside of the load's
//! transaction, so that none of them is a reason for the load to fail.
//!
//! An index is built under a name of ours ([`INDEX_PREFIX`]) and gets its own once it is valid. What a build that died left is known by that
//! name: the next load drops it where it is invalid, and takes it where it is whole. Who builds holds an advisory lock on the table,
//! and a session whose process is gone is ended by the server ([`WATCHED`]), so that a dead builder keeps nobody waiting.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use postgres_protocol::escape::escape_identifier;
use tokio::sync::watch;
use tokio_postgres::Client;

use super::failure::Explained;
use super::identifier::INDEX_PREFIX;
use super::index::Indexes;
use super::mark::mark;
use super::shape::{self, Table};
use super::typed::{Cells, oids, text as text_of};
use super::url::Url;
use super::{Postgres, TableName, connect, index, load};
use crate::base::{Ctx, Error, IndexState, Result, TableIndex, Text, text};
use crate::sink::ResultInfo;

/// Indexes of a table that nobody asked for by name.
const MOST: usize = 5;
/// Names of them in a warning, for each reason.
const SHOWN: usize = 5;
/// For another session's builds of the same table, and for a dead one's end.
const PATIENCE: Duration = Duration::from_secs(10);
/// To drop what is not whole; what others hold for longer waits for the next load.
const DROP: Duration = Duration::from_secs(15);
/// Servers before 14 do not have it: there a session ends when it next speaks.
const WATCHED: &str = "SELECT set_config('client_connection_check_interval', '1s', false)
    FROM pg_settings WHERE name = 'client_connection_check_interval'";

/// Tables whose rows lie in the order in which they came: they are of one load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fresh {
    /// All of the target.
    Whole,
    /// Partitions of it.
    These(Vec<TableName>),
}

/// Where a load's rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Landed {
    pub fresh: Fresh,
    /// Beside the target lies what a build left.
    pub left: bool,
}

impl Landed {
    /// In a new table.
    pub(super) fn alone() -> Self {
        Landed { fresh: Fresh::Whole, left: false }
    }

    /// Somewhere in a table.
    pub(super) fn among_others(fresh: Vec<TableName>, left: bool) -> Self {
        Landed { fresh: Fresh::These(fresh), left }
    }
}

pub(super) struct Indexing<'i> {
    pub url: &'i Url,
    pub options: &'i Postgres,
    pub info: &'i ResultInfo,
    pub target: &'i TableName,
    /// Columns by whose values the rows came in order.
    pub in_order: &'i BTreeSet<String>,
    pub landed: &'i Landed,
    pub ctx: &'i Ctx,
}

struct Wanted {
    column: String,
    why: Text,
}

/// What is not there, and why.
struct Failed {
    what: String,
    why: Text,
}

/// A table that holds rows itself.
struct Leaf {
    oid: u32,
    name: TableName,
}

/// An index as the server has it.
struct Known {
    leaf: u32,
    name: String,
    column: String,
    valid: bool,
    method: String,
}

impl Indexing<'_> {
    /// What became of each index is told to the report; the warnings are of those that are not there.
    pub(super) async fn make(&self, client: &Client, stop: &mut watch::Receiver<bool>) -> Vec<Text> {
        let mut failed = Vec::new();
        if let Err(error) = self.try_make(client, stop, &mut failed).await
            && failed.is_empty()
        {
            failed.push(Failed { what: self.target.to_string(), why: error.sentence().clone() });
        }
        if failed.is_empty() {
            return Vec::new();
        }
        let count = failed.len();
        // Most fail for one reason.
        let mut reasons: Vec<(Text, Vec<String>)> = Vec::new();
        for Failed { what, why } in failed {
            match reasons.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, all)) => all.push(what),
                None => reasons.push((why, vec![what])),
            }
        }
        let each = |get: fn(&Text) -> &str| {
            let shown = reasons.iter().take(3).map(|(why, all)| {
                let more = if all.len() > SHOWN { ", …" } else { "" };
                format!("{}{more} ({})", all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", "), get(why))
            });
            shown.collect::<Vec<_>>().join("; ")
        };
        let (pt, en) = (each(|why| &why.pt), each(|why| &why.en));
        vec![text!(
            "A carga terminou, e {count} índice(s) não: {pt}. Sem eles as consultas só demoram mais; a próxima carga os tenta de novo",
            "The load is complete, and {count} index(es) are not: {en}. Without them queries only take longer; the next load tries again"
        )]
    }

    async fn try_make(
        &self,
        client: &Client,
        stop: &mut watch::Receiver<bool>,
        failed: &mut Vec<Failed>,
    ) -> Result<()> {
        let url = self.url;
        // Of most loads nothing is wanted, and nothing was left.
        if !self.may_want() && !self.landed.left {
            return Ok(());
        }
        let Some(table) = shape::find(client, url, self.target).await? else { return Ok(()) };
        let wanted = self.wanted(&table);
        let leaves = leaves(client, url, &table).await?;
        if wanted.is_empty() && known(client, url, &leaves, true).await?.is_empty() {
            return Ok(());
        }
        client.query_typed(WATCHED, &[]).await.explained(url)?;
        if !self.lock(client, stop).await? {
            let what = self.target.to_string();
            let why = text!("outra sessão ainda faz os seus índices", "another session is still making its indexes");
            failed.push(Failed { what, why });
            return Ok(());
        }
        let made = self.under_lock(client, stop, &table, &wanted, &leaves, failed).await;
        let unlock = "SELECT pg_advisory_unlock(hashtextextended($1, 0))";
        let unlocked = client.query_typed(unlock, &[text_of(&self.lock_name())]).await.explained(url);
        made.and(unlocked.map(drop))
    }

    fn may_want(&self) -> bool {
        match self.options.wanted_indexes() {
            Indexes::Auto => !self.info.indexed.is_empty(),
            Indexes::These(these) => !these.is_empty(),
        }
    }

    fn lock_name(&self) -> String {
        format!("datasus indexes {}", self.target)
    }

    async fn lock(&self, client: &Client, stop: &mut watch::Receiver<bool>) -> Result<bool> {
        let (name, until) = (self.lock_name(), Instant::now() + PATIENCE);
        loop {
            let sql = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";
            let row = client.query_typed_one(sql, &[text_of(&name)]).await.explained(self.url)?;
            if row.cell::<bool>(0)? {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            tokio::select! {
                biased;
                why = load::stopped(stop, self.ctx) => return Err(why),
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
        }
    }

    /// By name as the table has them, each once.
    fn wanted(&self, table: &Table) -> Vec<Wanted> {
        let named = |name: &str| shape::named(table, name).map(|column| column.name.clone());
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut add = |column: Option<String>, why: Text, most: usize| {
            if let Some(column) = column.filter(|column| !wanted.iter().any(|one| one.column == *column))
                && wanted.len() < most
            {
                wanted.push(Wanted { column, why });
            }
        };
        match self.options.wanted_indexes() {
            Indexes::These(these) => {
                let why = || text!("pedido em `indexes`", "asked for in `indexes`");
                these.iter().for_each(|name| add(named(name), why(), usize::MAX));
            }
            Indexes::Auto if is_ours(table) => {
                self.info.indexed.iter().for_each(|one| add(named(&one.column), one.why.clone(), MOST));
            }
            Indexes::Auto => {}
        }
        wanted
    }

    async fn under_lock(
        &self,
        client: &Client,
        stop: &mut watch::Receiver<bool>,
        table: &Table,
        wanted: &[Wanted],
        leaves: &[Leaf],
        failed: &mut Vec<Failed>,
    ) -> Result<()> {
        let url = self.url;
        for left in known(client, url, leaves, true).await? {
            let Some(leaf) = leaves.iter().find(|leaf| leaf.oid == left.leaf) else { continue };
            let done = match left.valid {
                true => self.rename(client, leaf, &left.name, &left.column).await.map(drop),
                false => self.drop_index(client, leaf, &left.name).await,
            };
            // It waits for the next load, and those that are wanted do not wait for it.
            if let Err(error) = done {
                failed.push(Failed { what: format!("{}.{}", leaf.name, left.name), why: error.sentence().clone() });
            }
        }
        let present = known(client, url, leaves, false).await?;
        let mut broken: Option<Error> = None;
        for leaf in leaves {
            for Wanted { column, why } in wanted {
                let found = present.iter().find(|one| one.leaf == leaf.oid && one.column == *column);
                // Of one that is there, what it is: not what it would be made as.
                let method = found.map_or_else(|| self.method(table, leaf, column), |found| found.method.as_str());
                let tell = |name: Option<String>, state, why: &Text| {
                    let (table, why) = (leaf.name.to_string(), why.get(self.ctx.language).to_owned());
                    self.ctx.tell_index(TableIndex::new(table, column, method, name, state, why));
                };
                if let Some(found) = found {
                    tell(Some(found.name.clone()), IndexState::Present, why);
                    continue;
                }
                let made = match &broken {
                    None => self.build(client, stop, leaf, column, method).await,
                    Some(error) => Err(error.clone()),
                };
                match made {
                    Ok(name) => tell(Some(name), IndexState::Made, why),
                    Err(error) => {
                        let (Text { pt, en }, name) = (error.sentence(), &leaf.name);
                        let (wpt, wen) = (&why.pt, &why.en);
                        failed.push(Failed { what: format!("{name}.{column}"), why: error.sentence().clone() });
                        tell(None, IndexState::Failed, &text!("{wpt}; {pt}", "{wen}; {en}"));
                        // Of a job that must end, a server that is gone, or a transaction that is waited for in vain, no other
                        // will be made either.
                        let waited = error.context().sqlstate.as_deref() == Some("55P03");
                        if waited || self.ctx.check().is_err() || client.is_closed() {
                            broken.get_or_insert(error);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A btree but where the rows of the table lie in the column's order.
    fn method(&self, table: &Table, leaf: &Leaf, column: &str) -> &'static str {
        let fresh = match &self.landed.fresh {
            Fresh::Whole => true,
            Fresh::These(these) => these.contains(&leaf.name),
        };
        if fresh && self.in_order.contains(column) && index::takes_brin(table, column) { "brin" } else { "btree" }
    }

    async fn build(
        &self,
        client: &Client,
        stop: &mut watch::Receiver<bool>,
        leaf: &Leaf,
        column: &str,
        method: &str,
    ) -> Result<String> {
        self.ctx.check()?;
        let making = format!("{INDEX_PREFIX}{}", ulid::Ulid::new().to_string().to_lowercase());
        let (name, on, of) = (escape_identifier(&making), leaf.name.sql(), escape_identifier(column));
        let sql = format!("CREATE INDEX CONCURRENTLY {name} ON {on} USING {method} ({of})");
        let built = tokio::select! {
            biased;
            why = load::stopped(stop, self.ctx) => {
                connect::interrupt(client, self.url).await;
                Err(why)
            }
            built = client.batch_execute(&sql) => built.explained(self.url),
        };
        let whole = match built {
            Ok(()) => self.rename(client, leaf, &making, column).await,
            Err(error) => Err(error),
        };
        if whole.is_err()
            && !client.is_closed()
            && let Err(left) = self.drop_index(client, leaf, &making).await
        {
            tracing::warn!(index = %making, error = %left, "an index that is not whole stays until the next load");
        }
        whole
    }

    async fn rename(&self, client: &Client, leaf: &Leaf, making: &str, column: &str) -> Result<String> {
        let TableName { schema, table } = &leaf.name;
        let name = index::free_name(client, self.url, schema, &index::name(table, column, "idx")).await?;
        let (schema, making) = (escape_identifier(schema), escape_identifier(making));
        let sql = format!("ALTER INDEX {schema}.{making} RENAME TO {}", escape_identifier(&name));
        client.batch_execute(&sql).await.explained(self.url)?;
        Ok(name)
    }

    /// Waits for what others do with the table, but not for ever.
    async fn drop_index(&self, client: &Client, leaf: &Leaf, making: &str) -> Result<()> {
        let url = self.url;
        let (schema, making) = (escape_identifier(&leaf.name.schema), escape_identifier(making));
        let setting = client.query_typed_one("SELECT current_setting('lock_timeout')", &[]).await.explained(url)?;
        let before: String = setting.cell(0)?;
        client.batch_execute("SET lock_timeout = '5s'").await.explained(url)?;
        let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {schema}.{making}");
        let dropped = match tokio::time::timeout(DROP, client.batch_execute(&sql)).await {
            Ok(dropped) => dropped.explained(url),
            Err(_) => {
                connect::interrupt(client, url).await;
                Err(super::failure::stalled(url, DROP))
            }
        };
        let again = "SELECT set_config('lock_timeout', $1, false)";
        let reset = client.query_typed(again, &[text_of(&before)]).await.explained(url);
        dropped.and(reset.map(drop))
    }
}

/// A table whose comment is the one that we gave it: others' get an index only where it is asked for.
fn is_ours(table: &Table) -> bool {
    let comment = table.comment.as_deref();
    table.owned && !mark(comment).is_empty() && comment.is_some_and(|comment| comment.starts_with("DATASUS: "))
}

/// The tables that hold the rows of `table`: itself, or its partitions. Of what inherits from it only itself is loaded.
async fn leaves(client: &Client, url: &Url, table: &Table) -> Result<Vec<Leaf>> {
    let sql = "WITH RECURSIVE kin(oid) AS (SELECT c.oid FROM pg_class c WHERE c.oid = ANY($1)
            UNION SELECT i.inhrelid FROM pg_inherits i JOIN kin k ON i.inhparent = k.oid
                JOIN pg_class p ON p.oid = k.oid AND p.relkind = 'p')
        SELECT c.oid, n.nspname::text, c.relname::text FROM kin k JOIN pg_class c ON c.oid = k.oid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' ORDER BY 2, 3";
    let rows = client.query_typed(sql, &[oids(&vec![table.oid])]).await.explained(url)?;
    let leaf = |row: &tokio_postgres::Row| {
        Ok(Leaf { oid: row.cell(0)?, name: TableName { schema: row.cell(1)?, table: row.cell(2)? } })
    };
    rows.iter().map(leaf).collect()
}

/// Whole-table indexes that begin with a column, by what they are and not by what they are called: those that a build left
/// (`left`), or the valid ones.
async fn known(client: &Client, url: &Url, leaves: &[Leaf], left: bool) -> Result<Vec<Known>> {
    let sql = "SELECT i.indrelid, x.relname::text, a.attname::text, i.indisvalid,
            -- Ours end in a ULID, and are never unique.
            x.relname::text ~ ('^' || $2 || '[0-9a-z]{26}$') AND NOT i.indisunique AS left, m.amname::text
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = ANY($1) AND i.indpred IS NULL AND m.amname IN ('btree', 'hash', 'brin')
          AND i.indcollation[0] IN (0, a.attcollation) ORDER BY i.indexrelid";
    let all: Vec<u32> = leaves.iter().map(|leaf| leaf.oid).collect();
    let rows = client.query_typed(sql, &[oids(&all), text_of(&INDEX_PREFIX)]).await.explained(url)?;
    let mut found = Vec::new();
    for row in &rows {
        let (leaf, name, column) = (row.cell(0)?, row.cell(1)?, row.cell(2)?);
        let one = Known { leaf, name, column, valid: row.cell(3)?, method: row.cell(5)? };
        if row.cell::<bool>(4)? == left && (left || one.valid) {
            found.push(one);
        }
    }
    Ok(found)
}
