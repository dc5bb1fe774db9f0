//! The last act: one transaction that makes the staged rows the target's. All but its COMMIT comes before any sink of
//! the job publishes, so that a table that refuses the rows takes no other result with it.

use postgres_protocol::escape::{escape_identifier, escape_literal};
use tokio_postgres::Client;

use super::failure::{self, Explained};
use super::ledger::Claim;
use super::shape::{self, Column, Table};
use super::url::Url;
use super::{Mode, Postgres, ReplaceBy, TableName, connect, index, letters, mixture, stage, unique};
use crate::base::{Code, Error, Language, Result, text};
use crate::recovery::SinkState;
use crate::sink::{ORIGIN_COLUMNS, SourceKey, Subject};

pub(super) struct Publish<'p> {
    pub url: &'p Url,
    pub options: &'p Postgres,
    pub state: &'p SinkState,
    pub subject: &'p Subject,
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
    match client.batch_execute("COMMIT").await {
        Ok(()) => Ok(()),
        // No answer to COMMIT: the record of loads says whether it took effect.
        Err(error) if failure::is_lost(&error) => {
            let fresh = connect::session(url).await?;
            match published(&fresh, url, job_id, target).await? {
                Some(_) => Ok(()),
                None => Err(failure::explain(error, url)),
            }
        }
        Err(error) => Err(failure::explain(error, url)),
    }
}

/// Rows of the job that are the target's already; none where it has not been published.
pub(super) async fn published(client: &Client, url: &Url, job_id: &str, target: &TableName) -> Result<Option<u64>> {
    let known = client.query("SELECT 1 WHERE to_regclass('datasus.loads') IS NOT NULL", &[]).await.explained(url)?;
    if known.is_empty() {
        return Ok(None);
    }
    let sql = "SELECT max(rows) FROM datasus.loads WHERE job = $1 AND schema_name = $2 AND table_name = $3";
    let found = client.query_one(sql, &[&job_id, &target.schema, &target.table]).await.explained(url)?;
    Ok(found.get::<_, Option<i64>>(0).map(|rows| rows as u64))
}

impl Publish<'_> {
    /// Everything that can fail: begins the transaction, leaves it open, and gives the rows that it publishes.
    pub(super) async fn prepare(&self, client: &Client) -> Result<u64> {
        client.batch_execute(&format!("BEGIN; {}", connect::durable(true))).await.explained(self.url)?;
        let rows = self.within(client).await?;
        self.claim.end(client, self.url).await?;
        self.remember(client, rows).await?;
        Ok(rows)
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

    async fn within(&self, client: &Client) -> Result<u64> {
        let execute = async |sql: String| client.batch_execute(&sql).await.explained(self.url);
        // The table may have changed, or come, or gone, since the job began.
        let existing = shape::find(client, self.url, self.target).await?;
        match (self.options.mode, &existing) {
            (Mode::Create, Some(_)) => return Err(exists(self.target)),
            (Mode::Replace, Some(_)) => {
                self.index_stage(client).await?;
                execute(format!("DROP TABLE {}", self.target.sql())).await?;
                self.rename_stage(client).await?;
            }
            (Mode::Create | Mode::Replace, None) | (Mode::Append | Mode::ReplaceBy, None) => {
                self.index_stage(client).await?;
                self.rename_stage(client).await?;
            }
            (Mode::Upsert, None) => {
                let list: Vec<String> =
                    self.columns.iter().map(|c| format!("{} {}", escape_identifier(&c.name), c.sql_type)).collect();
                execute(format!("CREATE TABLE {} ({})", self.target.sql(), list.join(", "))).await?;
                let key = index::columns(&self.options.key, self.columns, true)?;
                let name = index::name(&self.target.table, &key.join("_"), "key");
                execute(format!(
                    "CREATE UNIQUE INDEX {} ON {} ({})",
                    escape_identifier(&name),
                    self.target.sql(),
                    quoted(&key)
                ))
                .await?;
                self.describe(client, self.target).await?;
                self.upsert(client).await?;
            }
            (Mode::Append | Mode::ReplaceBy | Mode::Upsert, Some(table)) => {
                // Readers go on; another load of this table waits.
                execute(format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", self.target.sql())).await?;
                self.same_shape(table)?;
                mixture::refuse(client, self.url, self.target, table.oid, self.subject).await?;
                self.add_columns(client, table).await?;
                match self.options.mode {
                    Mode::Upsert => self.upsert(client).await?,
                    Mode::ReplaceBy => {
                        self.delete_same(client, table).await?;
                        let rows = self.take_out(client, table).await?;
                        self.move_rows(client, rows).await?;
                        return Ok(rows);
                    }
                    _ => {
                        refuse_known(client, self.url, self.target, table.oid, self.options, self.subject).await?;
                        let rows = self.take_out(client, table).await?;
                        self.move_rows(client, rows).await?;
                        return Ok(rows);
                    }
                }
            }
        }
        Ok(self.rows)
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
        self.describe(client, self.target).await
    }

    async fn index_stage(&self, client: &Client) -> Result<()> {
        for (number, column) in self.indexed()?.iter().enumerate() {
            let name = escape_identifier(&format!("{}_{number}", self.stage.table));
            let sql = format!("CREATE INDEX {name} ON {} ({})", self.stage.sql(), escape_identifier(column));
            client.batch_execute(&sql).await.explained(self.url)?;
        }
        Ok(())
    }

    fn indexed(&self) -> Result<Vec<&str>> {
        match &self.options.indexes {
            Some(asked) => index::columns(asked, self.columns, true),
            None => index::columns(&self.subject.filtered, self.columns, false),
        }
    }

    /// The staging table becomes the target, indexes and all.
    async fn rename_stage(&self, client: &Client) -> Result<()> {
        self.describe(client, self.stage).await?;
        let table = escape_identifier(&self.target.table);
        let mut sql = format!("ALTER TABLE {} RENAME TO {table};", self.stage.sql());
        let schema = escape_identifier(&self.target.schema);
        for (number, column) in self.indexed()?.iter().enumerate() {
            let old = escape_identifier(&format!("{}_{number}", self.stage.table));
            let new = self.free_name(client, &index::name(&self.target.table, column, "idx")).await?;
            sql.push_str(&format!("ALTER INDEX {schema}.{old} RENAME TO {};", escape_identifier(&new)));
        }
        client.batch_execute(&sql).await.explained(self.url)
    }

    /// `name`, with a number where something else in the schema is called so.
    async fn free_name(&self, client: &Client, name: &str) -> Result<String> {
        let sql = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $1 AND c.relname = $2";
        for number in 0..1_000 {
            let candidate = match number {
                0 => name.to_owned(),
                _ => format!("{}{number}", &name[..name.len().min(super::identifier::MAX_BYTES - 4)]),
            };
            let taken = client.query(sql, &[&self.target.schema, &candidate]).await.explained(self.url)?;
            if taken.is_empty() {
                return Ok(candidate);
            }
        }
        Ok(format!("{}_idx", self.stage.table))
    }

    async fn describe(&self, client: &Client, table: &TableName) -> Result<()> {
        let mut sql = format!("COMMENT ON TABLE {} IS {};", table.sql(), escape_literal(&self.subject.about));
        for column in self.columns.iter().filter(|column| column.is_new) {
            let meaning = self.subject.columns.iter().find(|(name, _)| name.to_lowercase() == column.name);
            if let Some((_, meaning)) = meaning {
                let name = escape_identifier(&column.name);
                sql.push_str(&format!("COMMENT ON COLUMN {}.{name} IS {};", table.sql(), escape_literal(meaning)));
            }
        }
        client.batch_execute(&sql).await.explained(self.url)
    }

    async fn move_rows(&self, client: &Client, rows: u64) -> Result<()> {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let (target, stage, list) = (self.target.sql(), self.stage.sql(), quoted(&names));
        let moved = client.execute(&format!("INSERT INTO {target} ({list}) SELECT {list} FROM {stage}"), &[]).await;
        let moved = moved.explained(self.url)?;
        if moved != rows {
            return Err(Error::internal(format!("{moved} rows of {rows} moved")).stage("postgres"));
        }
        client.batch_execute(&format!("DROP TABLE {stage}")).await.explained(self.url)
    }

    async fn upsert(&self, client: &Client) -> Result<()> {
        let key = index::columns(&self.options.key, self.columns, true)?;
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let (target, stage, list, keys) = (self.target.sql(), self.stage.sql(), quoted(&names), quoted(&key));
        let null =
            key.iter().map(|name| format!("{} IS NULL", escape_identifier(name))).collect::<Vec<_>>().join(" OR ");
        let order = escape_identifier(stage::ORDER);
        let nulls = client
            .query_one(&format!("SELECT count(*), min({order}) FROM {stage} WHERE {null}"), &[])
            .await
            .explained(self.url)?;
        if let (count @ 1.., Some(first)) = (nulls.get::<_, i64>(0), nulls.get::<_, Option<i64>>(1)) {
            let first = letters::Place::of_order(self.state, first as u64);
            let (pt, en) = first.shown();
            let error = Error::new(
                Code::InvalidParams,
                text!(
                    "{count} linha(s) sem valor na chave ({keys}), a primeira {pt}: não se pode saber que linha atualizam",
                    "{count} row(s) without a value in the key ({keys}), the first {en}: which row they update cannot be known"
                ),
            );
            return Err(first.named(error).stage("postgres"));
        }
        let sets: Vec<String> = names
            .iter()
            .filter(|name| !key.contains(name))
            .map(|name| escape_identifier(name))
            .map(|name| format!("{name} = EXCLUDED.{name}"))
            .collect();
        let action = if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", sets.join(", ")) };
        let sql = format!(
            "INSERT INTO {target} ({list}) SELECT DISTINCT ON ({keys}) {list} FROM {stage} ORDER BY {keys}, {order} DESC
             ON CONFLICT ({keys}) DO {action}"
        );
        client.batch_execute(&sql).await.explained(self.url)?;
        client.batch_execute(&format!("DROP TABLE {stage}")).await.explained(self.url)
    }

    /// Rows of the same competências, or of the same files.
    async fn delete_same(&self, client: &Client, table: &Table) -> Result<()> {
        let [file, period] = ORIGIN_COLUMNS;
        let (column, loads_column, keys) = match self.options.replace_by {
            ReplaceBy::SourceFile => (file, "source", unique(&self.subject.sources, |source| &source.name)),
            ReplaceBy::Competencia => (period, "period", unique(&self.subject.sources, |source| &source.period)),
        };
        let sql = format!("DELETE FROM {} WHERE {} = ANY($1)", self.target.sql(), escape_identifier(column));
        client.execute(&sql, &[&keys]).await.explained(self.url)?;
        let sql = format!("DELETE FROM datasus.loads WHERE table_oid = $1 AND {loads_column} = ANY($2)");
        client.execute(&sql, &[&table.oid, &keys]).await.explained(self.url)?;
        Ok(())
    }

    async fn remember(&self, client: &Client, rows: u64) -> Result<()> {
        let find = "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $1 AND c.relname = $2";
        let (schema, table) = (&self.target.schema, &self.target.table);
        let oid: u32 = client.query_one(find, &[schema, table]).await.explained(self.url)?.get(0);
        let nothing = [SourceKey { name: String::new(), hash: String::new(), period: String::new() }];
        let sources = if self.subject.sources.is_empty() { &nothing[..] } else { &self.subject.sources };
        let of = |get: fn(&SourceKey) -> &String| sources.iter().map(|source| get(source).as_str()).collect::<Vec<_>>();
        let mode = serde_json::to_value(self.options.mode).unwrap_or_default();
        let sql =
            "INSERT INTO datasus.loads (table_oid, schema_name, table_name, source, hash, period, job, mode, rows, sampling)
            SELECT $1, $2, $3, s.source, s.hash, s.period, $4, $5, $6, $10
            FROM unnest($7::text[], $8::text[], $9::text[]) s(source, hash, period) ON CONFLICT DO NOTHING";
        let (names, hashes, periods) = (of(|s| &s.name), of(|s| &s.hash), of(|s| &s.period));
        let (mode, rows) = (mode.as_str().unwrap_or_default(), rows as i64);
        let job = &self.subject.job_id;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 10] =
            [&oid, schema, table, job, &mode, &rows, &names, &hashes, &periods, &self.subject.sampling];
        client.execute(sql, &values).await.explained(self.url)?;
        Ok(())
    }
}

/// DS-409 for `append` where the table holds a source of this result already, or an older edition of one.
pub(super) async fn refuse_known(
    client: &Client,
    url: &Url,
    target: &TableName,
    oid: u32,
    options: &Postgres,
    subject: &Subject,
) -> Result<()> {
    if options.again || subject.sources.is_empty() {
        return Ok(());
    }
    let names = unique(&subject.sources, |source| &source.name);
    let hashes = unique(&subject.sources, |source| &source.hash);
    let sql = "SELECT DISTINCT source FROM datasus.loads
        WHERE table_oid = $1 AND (hash = ANY($2) OR source = ANY($3)) AND source <> '' ORDER BY 1";
    let known = client.query(sql, &[&oid, &hashes, &names]).await.explained(url)?;
    if known.is_empty() {
        return Ok(());
    }
    let files: Vec<String> = known.iter().map(|row| row.get(0)).collect();
    let (count, shown) = (files.len(), files.iter().take(5).cloned().collect::<Vec<_>>().join(", "));
    Err(Error::new(
        Code::Conflict,
        text!(
            "{target} já contém {count} arquivo(s) desta consulta ({shown}): as linhas ficariam em dobro. Use o modo (`mode`) replace_by, ou a opção `again` se for de propósito",
            "{target} already holds {count} file(s) of this query ({shown}): their rows would be doubled. Use `mode` replace_by, or the option `again` if that is what you want"
        ),
    )
    .with("sources", files)
    .stage("postgres"))
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

fn unique(sources: &[SourceKey], get: fn(&SourceKey) -> &String) -> Vec<&str> {
    let mut list: Vec<&str> = sources.iter().map(|source| get(source).as_str()).collect();
    list.sort_unstable();
    list.dedup();
    list
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| escape_identifier(name)).collect::<Vec<_>>().join(", ")
}
