//! One opened instance that waits for the next statement: opening one takes longer than a small query.
//!
//! Every statement of a user still has an instance of its own. The spare one is opened while a query is planned and
//! after such a statement has ended, with one thread, and belongs to the process that opened it.

use std::sync::{Mutex, PoisonError};

use duckdb::Connection;

use super::super::room;

struct Spare {
    connection: Connection,
    process: u32,
}

static SPARE: Mutex<Option<Spare>> = Mutex::new(None);

/// The spare instance, or a new one.
pub(in crate::engine::duckdb) fn take() -> duckdb::Result<Connection> {
    let waiting = SPARE.lock().unwrap_or_else(PoisonError::into_inner).take();
    match waiting {
        Some(spare) if spare.process == std::process::id() => Ok(spare.connection),
        Some(inherited) => {
            // A forked child has the memory of its parent's instance, but not its threads.
            std::mem::forget(inherited);
            room::open()
        }
        None => room::open(),
    }
}

/// True while one waits, or is being opened.
pub(in crate::engine::duckdb) fn is_there() -> bool {
    SPARE.try_lock().map_or(true, |spare| spare.is_some())
}

/// Opens a spare instance unless there is one.
pub(in crate::engine::duckdb) fn refill() {
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    if spare.is_none() {
        match room::open() {
            Ok(connection) => *spare = Some(Spare { connection, process: std::process::id() }),
            // The next statement opens its own, and says why if it cannot.
            Err(error) => tracing::debug!(%error, "no spare instance"),
        }
    }
}

/// The spare instance is this process's own, which was forked while no thread but the one that forked it ran.
pub(in crate::engine::duckdb) fn adopt() {
    if let Some(spare) = &mut *SPARE.lock().unwrap_or_else(PoisonError::into_inner) {
        spare.process = std::process::id();
    }
}

/// A statement of the kinds that come: groups, an order, texts, decimals.
const EXERCISE: &str = "SELECT k, sum(v) AS v, count(*) AS n, max(t) AS t FROM (SELECT r % 5 AS k, CAST(r AS DECIMAL(12,2)) AS v, \
    CAST(r AS VARCHAR) AS t FROM range(5000) x(r)) WHERE v >= 1 GROUP BY k ORDER BY n DESC, k";

/// Runs a statement on the spare instance, whose pages and heap the next one then finds in place: of a process that has run none, the
/// first one takes twice its time. It leaves nothing behind.
pub(in crate::engine::duckdb) fn exercise() {
    let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Spare { connection, .. }) = &*spare else { return };
    let run = || -> duckdb::Result<()> {
        let mut prepared = connection.prepare(EXERCISE)?;
        drop(prepared.stream_arrow([])?);
        while prepared.step()?.is_some() {}
        Ok(())
    };
    if let Err(error) = run() {
        tracing::debug!(%error, "a spare instance without exercise");
    }
}
