//! The sink itself: a session that looks after the tables, and loaders that fill the staging table.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::arrow::datatypes::SchemaRef;
use postgres_protocol::escape::escape_identifier;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_postgres::Client;

use super::connections::Counted;
use super::failure::Explained;
use super::index::Indexes;
use super::indexing::{Indexing, Landed};
use super::ledger::{self, Begun};
use super::load::{self, Task};
use super::loading::{Loading, bridge};
use super::loads::{self, Loads};
use super::monotone::Monotone;
use super::publish;
use super::shape::{self, Column};
use super::url::Url;
use super::{
    Mode, Postgres, TableName, append, connect, index, partition, replace, rights, sampling_guard, stage, there, unique,
};
use crate::base::{Cause, Chunk, Code, CommittedUnits, Ctx, Error, Result, Text, text};
use crate::recovery::SinkState;
use crate::sink::{Afterwards, ResultInfo, Sink, Stored, Target};

pub(super) struct PostgresSink {
    options: Postgres,
    url: Url,
    target: TableName,
    info: ResultInfo,
    state: SinkState,
    // Neither before the start and after a failure.
    loading: Option<Loading>,
    /// An earlier attempt has published these rows.
    published: Option<u64>,
    rows: u64,
    ctx: Ctx,
}

impl PostgresSink {
    pub(super) fn new(options: Postgres, mut url: Url, target: TableName, info: ResultInfo, state: SinkState) -> Self {
        // By this name the sessions of a dead attempt are found.
        url.config.application_name(stage::application_name(&state));
        PostgresSink { options, url, target, info, state, loading: None, published: None, rows: 0, ctx: Ctx::default() }
    }

    fn open(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<Option<Loading>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::internal(format!("no runtime: {error}")))?;
        let (stop, mut stopped) = watch::channel(false);
        let bridge = bridge(ctx, stop.clone())?;
        let opened = runtime.block_on(async {
            tokio::select! {
                biased;
                why = load::stopped(&mut stopped, ctx) => Err(why),
                opened = self.prepare(schema) => opened,
            }
        });
        let Prepared { client, columns, stage, begun, ordered, warnings } = match opened? {
            Found::Published(rows) => {
                self.published = Some(rows);
                return Ok(None);
            }
            Found::Prepared(prepared) => *prepared,
        };
        self.state.dead_letters.keep_only(self.state.number, &begun.held)?;
        let mut names: Vec<String> = columns.iter().map(|column| escape_identifier(&column.name)).collect();
        let mut targets: Vec<_> = columns.iter().map(|column| column.target).collect();
        if ordered {
            names.push(escape_identifier(stage::ORDER));
            targets.extend(super::copy::sql_type(&::arrow::datatypes::DataType::Int64).map(|(_, target)| target));
        }
        let (fails, failed) = watch::channel(false);
        let task = Task {
            url: self.url.clone(),
            copy: format!("COPY {} ({}) FROM STDIN (FORMAT binary)", stage.sql(), names.join(", ")),
            schema: schema.clone(),
            targets,
            ordered,
            ctx: ctx.clone(),
            claim: begun.claim,
            state: self.state.clone(),
            stop: stopped,
            failed: fails,
        };
        let (to_loaders, chunks) = mpsc::channel(1);
        let chunks = Arc::new(Mutex::new(chunks));
        let in_order = self.watched(&columns, &begun.held);
        let allowed = Counted::allowed(self.options.connections);
        // Goes to the server while the first rows are read.
        let first = load::start(task.clone(), chunks.clone(), 0)?;
        Ok(Some(Loading {
            runtime,
            client,
            url: self.url.clone(),
            stage,
            columns,
            ctx: ctx.clone(),
            stop,
            failed,
            _cancel_bridge: bridge,
            _allowed: allowed,
            task,
            to_loaders: Some(to_loaders),
            chunks,
            loaders: vec![first],
            sent_chunks: 0,
            sent_rows: 0,
            sent_bytes: 0,
            held: begun.held,
            held_units: begun.units,
            held_rows: begun.rows,
            in_order,
            landed: Landed::among_others(Vec::new(), false),
            warnings,
        }))
    }

    /// The columns whose order is looked at while they are loaded. Of an attempt that goes on not all of it would be seen.
    fn watched(&self, columns: &[Column], held: &CommittedUnits) -> Vec<Monotone> {
        if *held != CommittedUnits::Nothing {
            return Vec::new();
        }
        let auto = || self.info.indexed.iter().map(|one| one.column.as_str()).collect::<Vec<_>>();
        let names = match self.options.wanted_indexes() {
            Indexes::Auto => auto(),
            Indexes::These(these) => these.iter().map(String::as_str).collect(),
        };
        let is_one = |column: &&Column| names.iter().any(|name| name.to_lowercase() == column.name.to_lowercase());
        let places = columns.iter().enumerate().filter(|(_, column)| is_one(column));
        places.map(|(place, column)| Monotone::new(&column.name, place)).collect()
    }

    /// Makes the indexes of the target over a session of its own, where an earlier attempt had got to its end.
    fn index_published(&self) -> Result<Vec<Text>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::internal(format!("no runtime: {error}")))?;
        let (stop, mut stopped) = watch::channel(false);
        let _bridge = bridge(&self.ctx, stop)?;
        // What lies beside it nobody has looked at.
        let (in_order, landed) = (BTreeSet::new(), Landed::among_others(Vec::new(), true));
        runtime.block_on(async {
            let client = connect::session(&self.url).await?;
            Ok(self.indexing(&in_order, &landed).make(&client, &mut stopped).await)
        })
    }

    fn indexing<'i>(&'i self, in_order: &'i BTreeSet<String>, landed: &'i Landed) -> Indexing<'i> {
        let PostgresSink { options, url, target, info, ctx, .. } = self;
        Indexing { url, options, info, target, in_order, landed, ctx }
    }

    /// Everything that can be refused before the first row: names, rights, shapes, sources.
    async fn prepare(&self, schema: &SchemaRef) -> Result<Found> {
        let (url, target) = (&self.url, &self.target);
        let client = connect::session(url).await?;
        let stage = stage::name(target, &self.state.job_id);
        stage::lock(&client, url, &stage, &self.state).await?;
        // Asked under the lock: a COMMIT of an earlier attempt may have been under way till now.
        let (there, existing) = tokio::try_join!(there::ask(&client, url, &stage), shape::find(&client, url, target))?;
        if there.loads
            && let Some(rows) = publish::published(&client, url, &self.state.job_id, target).await?
        {
            return Ok(Found::Published(rows));
        }
        let mut warnings = Vec::new();
        if !url.local && !there.encrypted {
            let shown = &url.shown;
            warnings.push(text!(
                "A conexão com {shown} não é cifrada; use sslmode=verify-full no endereço",
                "The connection to {shown} is not encrypted; use sslmode=verify-full in the address"
            ));
        }
        let kept = match (self.options.mode, &existing) {
            (Mode::Create, Some(_)) => return Err(publish::exists(target)),
            (Mode::Replace, Some(table)) => {
                publish::refuse_part(target, table)?;
                None
            }
            (Mode::Create | Mode::Replace, _) => None,
            (_, existing) => existing.as_ref(),
        };
        if let Some(table) = kept {
            let says = schema.field_with_name(partition::COLUMN).is_ok();
            partition::require(target, table, self.options.partition_by, says)?;
        }
        let columns = shape::columns(schema, kept, target)?;
        if let Indexes::These(asked) = self.options.wanted_indexes() {
            index::columns(asked, &columns)?;
        }
        if let Some(table) = &existing {
            rights::require(&client, url, target, table, &columns, (&self.options, &self.info)).await?;
        }
        if !there.schema {
            stage::create_schema(&client, url, &target.schema).await?;
        }
        loads::ensure(&client, url, &there).await?;
        ledger::ensure(&client, url, &there).await?;
        if !there.whole() {
            // Another role may have been quicker.
            there::ask(&client, url, &stage).await?;
        }
        let key = index::columns(&self.options.key, &columns)?;
        if let Some(table) = kept {
            let mut held = loads::of(&client, url, target, table, false).await?;
            if self.refuse_known(&held, target).is_err() {
                held = held.looked_at(&client, url, target).await?;
                self.refuse_known(&held, target)?;
            }
            match self.options.mode {
                Mode::Upsert => index::require_unique(&client, url, target, table.oid, &key).await?,
                Mode::ReplaceBy => {
                    replace::require_origin(target, table)?;
                    replace::refuse_unrecorded(&client, url, target, table, &held, &self.info).await?;
                }
                _ => {}
            }
        }
        stage::drop_stale(&client, url, &stage).await?;
        let oid = kept.map(|table| table.oid);
        let ordered = match (self.options.mode, oid) {
            (Mode::Upsert, None) => true,
            (Mode::Append | Mode::ReplaceBy | Mode::Upsert, Some(oid)) => {
                let keys = unique::keys(&client, url, oid, &columns).await?;
                warnings.extend(keys.warning(target, &key));
                self.options.mode == Mode::Upsert || !keys.checked.is_empty()
            }
            _ => false,
        };
        if ordered && columns.iter().any(|column| column.name == stage::ORDER) {
            return Err(stage::own_column());
        }
        self.state.begins()?;
        let shape = shape::fingerprint(kept, &columns, ordered);
        let definition = stage::definition(&client, url, &stage, &columns, ordered, oid).await?;
        let begun = ledger::begin(&client, url, &self.state, &stage, &shape, &definition).await?;
        Ok(Found::Prepared(Box::new(Prepared { client, columns, stage, begun, ordered, warnings })))
    }
}

impl PostgresSink {
    /// DS-409 where what the table holds, and what comes, do not go together.
    fn refuse_known(&self, held: &Loads, target: &TableName) -> Result<()> {
        sampling_guard::refuse(held, target, &self.info, &self.options)?;
        match self.options.mode {
            Mode::ReplaceBy => replace::replaced(held, target, self.options.replace_by, &self.info).map(drop),
            _ => append::refuse_known(held, target, &self.options, &self.info),
        }
    }
}

/// What the way to the first row leads to.
enum Found {
    /// An earlier attempt had got to its end: so many rows.
    Published(u64),
    Prepared(Box<Prepared>),
}

struct Prepared {
    client: Client,
    columns: Vec<Column>,
    stage: TableName,
    begun: Begun,
    ordered: bool,
    warnings: Vec<Text>,
}

/// A server that is away may come back, and the ledger says what it holds.
fn lost(error: Error) -> Error {
    if error.code() == Code::Unreachable { error.caused_by(Cause::TargetLost) } else { error }
}

impl Sink for PostgresSink {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn wants_origin(&self) -> bool {
        self.options.limits().wants_origin
    }

    fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<()> {
        self.ctx = ctx.clone();
        self.loading = self.open(schema, ctx).map_err(lost)?;
        Ok(())
    }

    fn held(&self) -> CommittedUnits {
        match &self.loading {
            Some(loading) => loading.held.clone(),
            None if self.published.is_some() => CommittedUnits::Everything,
            None => CommittedUnits::Nothing,
        }
    }

    fn held_rows(&self) -> u64 {
        self.published.or_else(|| Some(self.loading.as_ref()?.held_rows)).unwrap_or(0)
    }

    fn write(&mut self, chunk: &Chunk) -> Result<()> {
        // Taken out, so that a failure drops the load.
        let mut loading = self.loading.take().ok_or_else(|| Error::internal("the PostgreSQL sink is not open"))?;
        loading.send(chunk, self.options.connections).map_err(lost)?;
        self.loading = Some(loading);
        Ok(())
    }

    fn seal(&mut self) -> Result<()> {
        if self.published.is_some() {
            return Ok(());
        }
        let mut loading = self.loading.take().ok_or_else(|| Error::internal("the PostgreSQL sink is not open"))?;
        self.rows = loading.seal(&self.options, &self.state, &self.info, &self.target).map_err(lost)?;
        self.loading = Some(loading);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Stored> {
        let (mut stored, then) = self.finish_first()?;
        stored.warnings.extend(then.map(|then| then()).unwrap_or_default());
        Ok(stored)
    }

    /// Afterwards the indexes are made: of rows that are there, whatever becomes of these.
    fn finish_first(mut self: Box<Self>) -> Result<(Stored, Option<Afterwards>)> {
        let stored = |of: &Self, bytes, warnings| Stored {
            sink: "postgres",
            location: of.target.to_string(),
            rows: of.rows,
            bytes,
            warnings,
        };
        if let Some(rows) = self.published {
            self.rows = rows;
            let stored = stored(&self, 0, Vec::new());
            let then = move || self.index_published().unwrap_or_else(|error| vec![error.sentence().clone()]);
            return Ok((stored, Some(Box::new(then))));
        }
        let mut loading = self.loading.take().ok_or_else(|| Error::internal("the PostgreSQL sink is not open"))?;
        loading.publish(&self.options, &self.state, &self.target).map_err(lost)?;
        let stored = stored(&self, loading.sent_bytes, std::mem::take(&mut loading.warnings));
        let then = move || {
            let in_order = loading.in_order.iter().filter(|column| column.holds()).map(|column| column.name.clone());
            let (in_order, mut stopped) = (in_order.collect(), loading.task.stop.clone());
            let Loading { runtime, client, landed, .. } = &mut loading;
            runtime.block_on(self.indexing(&in_order, landed).make(client, &mut stopped))
        };
        Ok((stored, Some(Box::new(then))))
    }

    /// Drops what the job left on the server.
    fn discard(self: Box<Self>) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::internal(format!("no runtime: {error}")))?;
        let (url, stage) = (&self.url, stage::name(&self.target, &self.state.job_id));
        runtime.block_on(async {
            let brief = connect::Brief::open(url).await?;
            let (client, drop) = (&brief.client, format!("DROP TABLE IF EXISTS {}", stage.sql()));
            brief.within(url, stage::lock(client, url, &stage, &self.state)).await?;
            brief.within(url, there::ask(client, url, &stage)).await?;
            brief.within(url, async { client.batch_execute(&drop).await.explained(url) }).await?;
            brief.within(url, ledger::forget(client, url, &self.state)).await
        })
    }
}
