//! What a job asks of the memory governor before it starts.

use super::environment::Environment;
use super::execution::Execution;
use super::parking::{LEAST_TO_READ, SharedLease};
use crate::base::Result;
use crate::engine::Settings;
use crate::estimate::Rows;
use crate::governor::{Mode, Work};
use crate::params::{Ask, Projection, Query};
use crate::plan::Statement;

/// Bytes that a value takes when it is decoded, about.
const VALUE_BYTES: u64 = 16;
/// With less than that DuckDB cannot run a query.
const LEAST: u64 = 64 << 20;

/// What one thread that reads takes, about.
const PER_READER: u64 = 16 << 20;

/// What SQL of a user takes beside what the engine counts: joins and sorts go so far beyond its limit.
const UNCOUNTED: u64 = 512 << 20;

/// What the engine may count of a share for SQL of a user: with what it does not count, the statement shall stay within the share, or
/// it is interrupted where memory is scarce.
fn counted(share: u64) -> u64 {
    (share - UNCOUNTED.min(share / 5 * 2)).max(LEAST.min(share))
}

/// A job's share of the memory; given back when it is dropped.
pub(super) struct Share {
    pub lease: SharedLease,
    pub mode: Mode,
}

/// The columns that a query reads, where no file says which there are.
pub(super) fn columns_of(query: &Query) -> Vec<String> {
    match query.columns_read() {
        Some(read) => read.into_iter().map(str::to_owned).collect(),
        None => query.scopes.iter().flat_map(|scope| &scope.grupo.columns).map(|column| column.name.clone()).collect(),
    }
}

impl Environment {
    /// Statements run elsewhere, and this process only takes their rows.
    pub(super) fn is_cluster(&self) -> bool {
        self.engine.writer().is_some()
    }

    /// What a job needs over so many source rows: at the most, or as it was foreseen.
    pub(super) fn work(
        &self,
        query: &Query,
        statement: Option<&Statement>,
        rows: u64,
        settings: &Settings,
        foreseen: Option<&Rows>,
    ) -> Work {
        let (sort, groups) = match &query.ask {
            _ if self.is_cluster() => (false, None),
            Ask::Sql(_) => (true, Some(rows)),
            Ask::Catalog(_) => (false, None),
            Ask::Structured(ask) => {
                let grouped = matches!(ask.projection, Projection::Grouped { .. });
                (!ask.order_by.is_empty(), grouped.then_some(rows))
            }
        };
        let scanned = statement.map_or(query.is_plain_scan() && !sort, |statement| statement.scan.is_some());
        // What sorts and groups is elsewhere.
        let scanned = scanned || self.is_cluster();
        let sort = sort || !scanned;
        let columns = statement.map_or_else(|| columns_of(query).len(), |statement| statement.columns.len());
        let work = Work {
            rows,
            row_bytes: columns as u64 * VALUE_BYTES,
            sort,
            groups,
            sinks: 1,
            threads: settings.threads as u64,
            chunk_rows: settings.chunk_rows as u64,
            chunk_bytes: settings.throttle.batch_bytes(),
            reads_only: !sort && groups.is_none() && scanned,
            ahead_bytes: settings.ahead_bytes,
            ..Work::default()
        };
        match foreseen {
            Some(foreseen) if sort || groups.is_some() => {
                Work { sort: false, groups: None, joined_rows: foreseen.held.high().ceil() as u64, ..work }
            }
            _ => work,
        }
    }

    /// Waits for a share for a job. `alone`: for all that there is, with one thread.
    pub(super) fn share(&self, execution: &Execution, alone: bool, settings: &mut Settings) -> Result<Share> {
        let (rows, statement, ctx) = (execution.rows_read(), &execution.statement, execution.run.ctx);
        let query = &execution.prepared.query;
        let work = self.work(query, Some(statement), rows, settings, None);
        let holds = work.sort || work.groups.is_some();
        let mut ask = work.ask();
        let least = if holds { LEAST } else { LEAST_TO_READ };
        // As if all rows were sorted and each were a group of its own: where that is much, an estimate says what it is at its most.
        if holds && !alone && ask.want > 4 * least {
            let foreseen = self.foreseen(execution);
            let estimated =
                foreseen.map(|foreseen| self.work(query, Some(statement), rows, settings, Some(&foreseen)).ask().want);
            ask.want = estimated.map_or(ask.want, |want| want.min(ask.want));
        }
        ask.want = ask.want.clamp(4 * least, settings.memory_limit.max(4 * least));
        ask.least = least;
        if alone {
            (ask.want, ask.least, settings.threads) = (u64::MAX, u64::MAX, 1);
        }
        settings.answer = execution.kept.clone();
        let mut lease = self.governor.lease(ask, &ctx.cancel)?;
        let (bytes, want, at_most) = (lease.bytes(), ask.want, work.ask().want);
        tracing::debug!(trace_id = %ctx.trace_id, bytes, want, at_most, "has its share of the memory");
        settings.hold = Some(lease.hold());
        settings.memory_limit = settings.memory_limit.min(lease.bytes().max(LEAST));
        if statement.from_user {
            settings.memory_limit = counted(settings.memory_limit);
        }
        if work.reads_only {
            // Fewer threads, less ahead: what it reads with follows what it got.
            let threads = lease.bytes() / PER_READER;
            settings.threads = settings.threads.min(usize::try_from(threads).unwrap_or(usize::MAX)).max(1);
            settings.ahead_bytes = settings.ahead_bytes.min(lease.bytes() / 2);
            lease.can_do_with(LEAST_TO_READ);
        }
        let mode = lease.mode_at_start();
        Ok(Share { lease: SharedLease::new(lease), mode })
    }
}
