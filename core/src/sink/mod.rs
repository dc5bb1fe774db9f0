//! Where results go: the Arrow stream in the process, CSV, Parquet, PostgreSQL, or several of them in one pass.
//!
//! A sink sees chunks of Arrow and nothing of DATASUS. What it leaves behind is whole or absent: a file gets its
//! name in [`Sink::finish`], and a stream that was not finished ends with an error, never short.

pub mod arrow;
pub mod csv;
mod destination;
mod destinations;
mod fan_out;
mod file;
mod level;
pub mod parquet;
pub mod pipe;
pub mod postgres;
mod result_info;
mod resumable_file;
mod target;

use std::sync::Arc;

use ::arrow::datatypes::SchemaRef;

use crate::base::{Chunk, CommittedUnits, Ctx, Error, Result, Text};

pub use crate::store::{OutputRoot, Spared};
pub use csv::Csv;
pub use destination::{CustomTarget, Destination};
pub use destinations::Destinations;
pub use fan_out::FanOut;
pub use parquet::Parquet;
pub use postgres::Postgres;
pub use result_info::{IndexedColumn, ORIGIN_COLUMNS, ResultInfo, SourceKey};
pub use target::{
    AllLimits, Credentials, Identity, Limits, ReadTarget, Replay, StoredAddress, StoredTarget, Target, TargetEnv,
    Targets, refuse_twice,
};

/// A consumer of one job's chunks.
///
/// The runner calls it from one thread at a time: `start` once, `write` for each chunk in the order of the units,
/// then `seal` and `finish`, or `abandon`. After an error only `abandon` or a drop may follow. Dropping it without
/// `finish` leaves nothing visible behind.
pub trait Sink: Send {
    /// The key in `report.storage`: `csv`, `parquet`, `postgres`, `arrow`.
    fn name(&self) -> &'static str;

    /// True: it takes the three columns that say where a row comes from ([`ORIGIN_COLUMNS`]).
    fn wants_origin(&self) -> bool {
        false
    }

    /// Opens the target. Fails with DS-422 where the sink can't hold a column, DS-403 or DS-409 for the target.
    fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<()>;

    /// After `start`: the units that an earlier attempt of the job left in the sink. They do not come again.
    fn held(&self) -> CommittedUnits {
        CommittedUnits::Nothing
    }

    /// Their rows.
    fn held_rows(&self) -> u64 {
        0
    }

    /// Takes one chunk, and may block (back-pressure). Fails with DS-507, DS-413, DS-499, DS-504.
    fn write(&mut self, chunk: &Chunk) -> Result<()>;

    /// Takes everything to its place, durable and not visible yet: what can still go wrong goes wrong here, while the
    /// other sinks of the job can be abandoned too.
    fn seal(&mut self) -> Result<()> {
        Ok(())
    }

    /// After `seal`: makes everything visible in one act.
    fn finish(self: Box<Self>) -> Result<Stored>;

    /// The same, and what is still to be done once every sink of the job has published.
    fn finish_first(self: Box<Self>) -> Result<(Stored, Option<Afterwards>)> {
        Ok((self.finish()?, None))
    }

    /// Ends without a result. A stream hands `why` to its reader; what a durable sink holds stays for another attempt.
    fn abandon(self: Box<Self>, _why: &Arc<Error>) {}

    /// Instead of `start`: removes what earlier attempts of the job left, since there will be no other.
    fn discard(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Work on what is published already, whose failure is a warning: indexes. Where another sink of the job could not publish it is not done.
pub type Afterwards = Box<dyn FnOnce() -> Vec<Text> + Send>;

/// What a sink left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its kind.
    pub sink: &'static str,
    /// The file, relative to the output root; `schema.table`; `memory` for a stream.
    pub location: String,
    /// How many rows it holds.
    pub rows: u64,
    /// How many bytes it has; 0 where that is not known.
    pub bytes: u64,
    /// What people should know.
    pub warnings: Vec<Text>,
}
