//! A load at work: chunks handed to loaders over several connections, counted at its end, and published.

use std::thread::JoinHandle;

use crossbeam_channel::{Sender as Done, bounded, select};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio_postgres::Client;

use super::connections::Counted;
use super::failure::Explained;
use super::indexing::Landed;
use super::load::{self, Chunks, Task};
use super::monotone::Monotone;
use super::publish::{self, Publish};
use super::shape::Column;
use super::url::Url;
use super::{Postgres, TableName, connect, letters};
use crate::base::{Chunk, Code, CommittedUnits, Ctx, Error, Result, Text, text};
use crate::recovery::SinkState;
use crate::sink::ResultInfo;

/// A load at work. Dropped before its end, it stops the loaders; the staging table stays for the next attempt.
pub(super) struct Loading {
    pub(super) runtime: Runtime,
    pub(super) client: Client,
    pub(super) url: Url,
    pub(super) stage: TableName,
    pub(super) columns: Vec<Column>,
    pub(super) ctx: Ctx,
    pub(super) stop: watch::Sender<bool>,
    pub(super) failed: watch::Receiver<bool>,
    pub(super) _cancel_bridge: Done<()>,
    pub(super) _allowed: Counted,
    pub(super) task: Task,
    /// None once all chunks have been handed out.
    pub(super) to_loaders: Option<mpsc::Sender<Chunk>>,
    pub(super) chunks: Chunks,
    pub(super) loaders: Vec<JoinHandle<Result<u64>>>,
    pub(super) sent_chunks: usize,
    pub(super) sent_rows: u64,
    pub(super) sent_bytes: u64,
    /// Units and rows that earlier attempts left.
    pub(super) held: CommittedUnits,
    pub(super) held_units: u64,
    pub(super) held_rows: u64,
    /// Columns that may get an index.
    pub(super) in_order: Vec<Monotone>,
    pub(super) landed: Landed,
    pub(super) warnings: Vec<Text>,
}

/// Turns the job's cancel token, which threads wait on, into one that tasks can wait on.
pub(super) fn bridge(ctx: &Ctx, stop: watch::Sender<bool>) -> Result<Done<()>> {
    let (done, ended) = bounded::<()>(0);
    let cancel = ctx.cancel.clone();
    std::thread::Builder::new()
        .name("datasus-pg-cancel".into())
        .spawn(move || {
            select! {
                recv(ended) -> _ => {}
                recv(cancel.signal()) -> _ => {
                    let _ = stop.send(true);
                }
            }
        })
        .map_err(|error| Error::internal(format!("cannot start the cancel thread: {error}")))?;
    Ok(done)
}

impl Loading {
    pub(super) fn send(&mut self, chunk: &Chunk, connections: usize) -> Result<()> {
        self.ctx.check()?;
        // A small result needs one connection only.
        if self.loaders.len() < connections && self.loaders.len() <= self.sent_chunks {
            let loader = load::start(self.task.clone(), self.chunks.clone(), self.loaders.len())?;
            self.loaders.push(loader);
        }
        let Loading { runtime, to_loaders, failed, task, ctx, .. } = self;
        let sender = to_loaders.as_ref().ok_or_else(|| Error::internal("a chunk came after the end"))?;
        let mut stopped = task.stop.clone();
        // Room comes only from loaders that are at work: one that has gone, or never came to the server, makes none.
        let sent = runtime.block_on(async {
            tokio::select! {
                biased;
                why = load::stopped(&mut stopped, ctx) => Err(why),
                _ = failed.wait_for(|failed| *failed) => Ok(false),
                sent = sender.send(chunk.clone()) => Ok(sent.is_ok()),
            }
        })?;
        if !sent {
            return Err(self.settle().err().unwrap_or_else(|| Error::internal("the loaders went away")));
        }
        self.in_order.iter_mut().for_each(|column| column.see(&chunk.batch));
        self.sent_chunks += 1;
        self.sent_rows += chunk.batch.num_rows() as u64;
        self.sent_bytes += chunk.batch.get_array_memory_size() as u64;
        Ok(())
    }

    /// Waits for the loaders; the rows that the server took, or the first error.
    fn settle(&mut self) -> Result<u64> {
        self.to_loaders = None;
        let mut rows = 0;
        let mut first: Option<Error> = None;
        for loader in self.loaders.drain(..) {
            match loader.join().unwrap_or_else(|_| Err(Error::internal("a loader panicked"))) {
                Ok(loaded) => rows += loaded,
                Err(error) => {
                    first.get_or_insert(error);
                }
            }
        }
        self.ctx.check()?;
        match first {
            Some(error) => Err(error),
            None => Ok(rows),
        }
    }

    /// Every row that was sent is in the staging table, or is a dead letter; gives the rows.
    fn counted(&mut self, state: &SinkState) -> Result<u64> {
        let loaded = self.settle()?;
        let letters = state.dead_letters.count(state.number)?;
        let all = self.held_rows + self.sent_rows;
        let Loading { runtime, client, url, task, ctx, .. } = self;
        let mut stopped = task.stop.clone();
        let (units, rows) = runtime.block_on(async {
            tokio::select! {
                biased;
                why = load::stopped(&mut stopped, ctx) => Err(why),
                totals = task.claim.totals(client, url) => totals,
            }
        })?;
        let expected = (self.held_units + self.sent_chunks as u64, self.held_rows + loaded);
        if (units, rows) != expected {
            let wanted = expected.0;
            // A server that crashed may have lost the last commits: those units come again.
            return Err(Error::new(
                Code::Unreachable,
                text!(
                    "O PostgreSQL perdeu gravações recentes ({units} de {wanted} unidades); a tentativa recomeça do que está lá",
                    "PostgreSQL lost recent writes ({units} of {wanted} units); the attempt starts again from what is there"
                ),
            )
            .stage("postgres"));
        }
        let refused_before = letters.saturating_sub(self.sent_rows - loaded);
        let first = if letters == 0 { None } else { state.dead_letters.first(state.number)? };
        letters::refuse_too_many(state, letters, all + refused_before, first.as_ref())?;
        Ok(rows)
    }

    pub(super) fn seal(
        &mut self,
        options: &Postgres,
        state: &SinkState,
        info: &ResultInfo,
        target: &TableName,
    ) -> Result<u64> {
        let rows = self.counted(state)?;
        let Loading { runtime, client, url, stage, columns, ctx, task, .. } = self;
        let mut stopped = task.stop.clone();
        let ordered = task.ordered;
        let (claim, language) = (&task.claim, ctx.language);
        let publish = Publish { url, options, state, info, target, stage, columns, ordered, rows, claim, language };
        let prepared = runtime.block_on(async {
            tokio::select! {
                biased;
                why = load::stopped(&mut stopped, ctx) => Err(why),
                prepared = publish.prepare(client) => prepared,
            }
        });
        if prepared.is_err() {
            // The statement may still run, and hold the table.
            runtime.block_on(connect::interrupt(client, url));
        }
        let (rows, landed) = prepared?;
        self.landed = landed;
        Ok(rows)
    }

    pub(super) fn publish(&mut self, options: &Postgres, state: &SinkState, target: &TableName) -> Result<()> {
        let Loading { runtime, client, url, task, ctx, .. } = self;
        // What the server makes of a COMMIT is waited for, as long as it may be silent: without its word nobody would know what the
        // table holds. A resume asks again.
        runtime.block_on(publish::commit(client, url, &state.job_id, target))?;
        if !options.analyze {
            return Ok(());
        }
        let analyze = format!("ANALYZE {}", target.sql());
        let mut stopped = task.stop.clone();
        // The rows are there by now, so that a cancel or the deadline ends this alone.
        let analyzed = runtime.block_on(async {
            tokio::select! {
                biased;
                why = load::stopped(&mut stopped, ctx) => Err(why),
                analyzed = client.batch_execute(&analyze) => analyzed.explained(url),
            }
        });
        if let Err(error) = analyzed {
            runtime.block_on(connect::interrupt(client, url));
            self.warnings.push(text!(
                "A carga terminou, mas ANALYZE falhou; rode-o mais tarde, para que as consultas escolham bons planos",
                "The load is complete, but ANALYZE failed: {error}"
            ));
        }
        Ok(())
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.to_loaders = None;
        for loader in self.loaders.drain(..) {
            let _ = loader.join();
        }
    }
}
