//! Why a statement failed where the engine does not say. It interrupts its other threads when one of them fails, and whoever fetches
//! rows may hear of the interrupt before the failure, which is lost then: in one of a hundred such failures on a busy machine.

use duckdb::params_from_iter;

use super::binds;
use super::failure::is_interrupt;
use crate::base::Result;
use crate::plan::Statement;

/// How often it is asked: each time the same may happen.
const MOST: usize = 3;

/// `error`, or where that is an interrupt that nobody asked for, what the statement fails with when it runs once more; its rows are
/// dropped. `goes_on` is an error once somebody wants it to stop.
pub(super) fn of(
    mut error: duckdb::Error,
    prepared: &mut duckdb::Statement<'_>,
    statement: &Statement,
    goes_on: &dyn Fn() -> Result<()>,
) -> duckdb::Error {
    for _ in 0..MOST {
        if !is_interrupt(&error) || goes_on().is_err() {
            break;
        }
        tracing::debug!("the engine was interrupted by itself; the statement runs once more, for its error");
        match run(prepared, statement, goes_on) {
            // It depends on something else than the data.
            Ok(()) => break,
            Err(reason) => error = reason,
        }
    }
    error
}

fn run(
    prepared: &mut duckdb::Statement<'_>,
    statement: &Statement,
    goes_on: &dyn Fn() -> Result<()>,
) -> duckdb::Result<()> {
    let binds = binds::in_order(prepared, &statement.binds)?;
    let _ = prepared.stream_arrow(params_from_iter(binds))?;
    while goes_on().is_ok() && prepared.step()?.is_some() {}
    Ok(())
}
