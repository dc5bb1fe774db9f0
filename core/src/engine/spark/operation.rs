//! One statement at work on the server: its answers in order, whatever becomes of the connection meanwhile.

use std::collections::BTreeMap;

use tonic::{Status, Streaming};

use super::address::Address;
use super::connection::{Connection, new_id};
use super::proto::execute_plan_response::{ArrowBatch, ExecutionProgress, ObservedMetrics, ResponseType};
use super::proto::expression::literal::LiteralType;
use super::request::COUNT;
use super::{failure, proto};
use crate::base::{ClusterUse, Ctx, Error, Result};
use crate::recovery::Retries;
use crate::store::runtime::wait;

type Stream = Streaming<proto::ExecutePlanResponse>;

pub(super) struct Operation<'c> {
    connection: Connection,
    address: &'c Address,
    ctx: &'c Ctx,
    plan: proto::Plan,
    id: String,
    stream: Option<Stream>,
    /// The server has taken the statement.
    begun: bool,
    /// Of the last answer that came.
    last: Option<String>,
    /// Rows went to whoever asks.
    handed: bool,
    /// Rows of a batch.
    rows: usize,
    complete: bool,
    retries: Retries,
    reconnects: u64,
    /// Tasks that ended, of each stage that ran.
    stages: BTreeMap<i64, u64>,
    /// Rows that a command says it wrote.
    counted: Option<u64>,
}

/// Makes a call until it is answered: where the connection fails it waits and tries again, as often as any job does.
pub(super) fn patiently<T: Send + 'static, F: Future<Output = std::result::Result<T, Status>> + Send + 'static>(
    address: &Address,
    ctx: &Ctx,
    call: impl Fn() -> F,
) -> Result<T> {
    let mut retries = Retries::default();
    loop {
        match wait(&ctx.cancel, call())? {
            Ok(value) => return Ok(value),
            Err(status) => again(&status, address, ctx, &mut retries)?,
        }
    }
}

/// Waits for the next attempt, where there is to be one.
fn again(status: &Status, address: &Address, ctx: &Ctx, retries: &mut Retries) -> Result<()> {
    ctx.check()?;
    if !failure::is_away(status) {
        return Err(failure::explain(status, address));
    }
    let error = failure::away(status, address, retries.attempts());
    let attempt = retries.attempts();
    tracing::warn!(trace_id = %ctx.trace_id, attempt, detail = error.detail(), "attempt failed");
    if retries.wait(&ctx.cancel)? { Ok(()) } else { Err(error) }
}

impl<'c> Operation<'c> {
    /// In a session that has begun with batches of `rows`.
    pub fn new(connection: Connection, address: &'c Address, ctx: &'c Ctx, plan: proto::Plan, rows: usize) -> Self {
        Operation {
            rows,
            handed: false,
            connection,
            address,
            ctx,
            plan,
            id: new_id(),
            stream: None,
            begun: false,
            last: None,
            complete: false,
            retries: Retries::default(),
            reconnects: 0,
            stages: BTreeMap::new(),
            counted: None,
        }
    }

    /// Has a command run to its end; gives how many rows it wrote.
    pub fn counted(&mut self) -> Result<u64> {
        while self.next()?.is_some() {}
        self.counted.ok_or_else(|| Error::internal("spark: a command ended without its count"))
    }

    /// The next rows; none once the server has said that they were the last ones.
    pub fn next(&mut self) -> Result<Option<ArrowBatch>> {
        loop {
            let mut stream = match self.stream.take() {
                Some(stream) => stream,
                None if self.complete => return Ok(None),
                None => match self.attached()? {
                    Some(stream) => stream,
                    None => continue,
                },
            };
            let (stream, came) = wait(&self.ctx.cancel, async move {
                let came = stream.message().await;
                (stream, came)
            })?;
            match came {
                Ok(Some(answer)) => {
                    self.stream = Some(stream);
                    self.retries = Retries::default();
                    self.last = Some(answer.response_id);
                    self.count(&answer.observed_metrics);
                    match answer.response_type {
                        Some(ResponseType::ResultComplete(_)) => self.complete = true,
                        Some(ResponseType::ExecutionProgress(progress)) => self.note(progress),
                        Some(ResponseType::ArrowBatch(rows)) => {
                            self.handed = true;
                            return Ok(Some(rows));
                        }
                        // Of a kind that is not asked for.
                        None => {}
                    }
                }
                // A server ends long streams, to be asked for the rest.
                Ok(None) => {}
                Err(status) => self.comes_again(&status)?,
            }
        }
    }

    /// A stream of what is still to come; none: once more.
    fn attached(&mut self) -> Result<Option<Stream>> {
        let (connection, plan) = (self.connection.clone(), self.plan.clone());
        let (id, last) = (self.id.clone(), self.last.clone());
        let begun = self.begun;
        let attached = wait(&self.ctx.cancel, async move {
            match begun {
                true => connection.reattach(id, last).await,
                false => connection.execute(plan, id).await,
            }
        })?;
        // It may have come there, whatever came back.
        self.begun = true;
        match attached {
            Ok(stream) => Ok(Some(stream)),
            Err(status) => self.comes_again(&status).map(|()| None),
        }
    }

    /// Waits until it is worth to ask for the rest, or for all of it where the server knows nothing of it any more; an error where
    /// there is no more to be had.
    fn comes_again(&mut self, status: &Status) -> Result<()> {
        let (address, ctx) = (self.address, self.ctx);
        if !failure::is_forgotten(status) {
            again(status, address, ctx, &mut self.retries)?;
        } else if self.handed {
            return Err(failure::lost(address));
        } else {
            again(&Status::unavailable("the server has begun anew"), address, ctx, &mut self.retries)?;
            let (connection, rows) = (&self.connection, self.rows);
            patiently(address, ctx, || connection.clone().begin(rows))?;
            (self.begun, self.id, self.last) = (false, new_id(), None);
            // It does all of it once more, under numbers of its own.
            self.stages.clear();
        }
        self.reconnects += 1;
        Ok(())
    }

    fn count(&mut self, metrics: &[ObservedMetrics]) {
        let ours = metrics.iter().find(|metrics| metrics.name == COUNT);
        if let Some(LiteralType::Long(rows)) = ours.and_then(|ours| ours.values.first()?.literal_type.clone()) {
            self.counted = u64::try_from(rows).ok();
        }
    }

    fn note(&mut self, progress: ExecutionProgress) {
        for stage in progress.stages {
            // One without a task that ended was left out, or has yet to begin.
            match u64::try_from(stage.num_completed_tasks) {
                Ok(tasks) if tasks > 0 => drop(self.stages.insert(stage.stage_id, tasks)),
                _ => {}
            }
        }
    }

    /// What it has taken so far.
    pub fn used(&self, engine: &str) -> ClusterUse {
        ClusterUse {
            engine: engine.to_owned(),
            stages: self.stages.len() as u64,
            tasks: self.stages.values().sum(),
            reconnects: self.reconnects,
        }
    }
}
