//! Several sinks in one pass over the result.
//!
//! Each chunk goes to all sinks at once, every sink sees the chunks in order, and the slowest sets the pace. When
//! one fails, the others are abandoned and the error's diagnostic has the state of each.

use std::sync::Arc;

use ::arrow::datatypes::SchemaRef;
use serde_json::{Value, json};

use super::{Afterwards, Sink, Stored};
use crate::base::{Chunk, CommittedUnits, Ctx, Error, Result};

/// The sinks of one job.
pub struct FanOut {
    sinks: Vec<Box<dyn Sink>>,
    /// Columns at the end that only the sinks see that want them.
    origin: usize,
    /// What each sink holds from earlier attempts.
    held: Vec<CommittedUnits>,
    rows: u64,
}

impl FanOut {
    /// Of these sinks.
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        FanOut { sinks, origin: 0, held: Vec::new(), rows: 0 }
    }

    /// The last `columns` of the result say where a row comes from.
    pub fn with_origin(self, columns: usize) -> Self {
        FanOut { origin: columns, ..self }
    }

    /// Starts all, in order; none is left open when one fails.
    pub fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<(), Arc<Error>> {
        let plain = without(schema, self.origin);
        let outcomes: Vec<Result<()>> = self
            .sinks
            .iter_mut()
            .map(|sink| if sink.wants_origin() { sink.start(schema, ctx) } else { sink.start(&plain, ctx) })
            .collect();
        self.settle(outcomes)?;
        self.held = self.sinks.iter().map(|sink| sink.held()).collect();
        Ok(())
    }

    /// After `start`: what each sink holds from earlier attempts.
    pub fn held(&self) -> &[CommittedUnits] {
        &self.held
    }

    /// Name of each sink, and the rows that it holds from earlier attempts.
    pub fn held_rows(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.sinks.iter().map(|sink| (sink.name(), sink.held_rows()))
    }

    /// Gives `chunk` to all that do not hold it, each in a thread of its own where there are several.
    pub fn write(&mut self, chunk: &Chunk) -> Result<(), Arc<Error>> {
        let plain = self.plain(chunk).map_err(Arc::new)?;
        let write = |(sink, held): (&mut Box<dyn Sink>, &CommittedUnits)| match held.contains(chunk.unit) {
            true => Ok(()),
            false => sink.write(if sink.wants_origin() { chunk } else { &plain }),
        };
        let mut sinks: Vec<_> = self.sinks.iter_mut().zip(&self.held).collect();
        let outcomes: Vec<Result<()>> = match sinks.as_mut_slice() {
            [] => return Err(Arc::new(Error::internal("a chunk came after the sinks had ended"))),
            [(sink, held)] => vec![write((sink, held))],
            // Not on the shared pool: a stream's sink may block for as long as its reader likes.
            [(sink, held), rest @ ..] => std::thread::scope(|scope| {
                let others: Vec<_> = rest.iter_mut().map(|(sink, held)| scope.spawn(|| write((sink, held)))).collect();
                let mut outcomes = vec![write((sink, held))];
                outcomes.extend(
                    others.into_iter().map(|o| o.join().unwrap_or_else(|_| Err(Error::internal("a sink panicked")))),
                );
                outcomes
            }),
        };
        self.settle(outcomes)?;
        self.rows += chunk.batch.num_rows() as u64;
        Ok(())
    }

    fn plain(&self, chunk: &Chunk) -> Result<Chunk> {
        if self.origin == 0 {
            return Ok(chunk.clone());
        }
        let kept: Vec<usize> = (0..chunk.batch.num_columns().saturating_sub(self.origin)).collect();
        Ok(Chunk { batch: chunk.batch.project(&kept).map_err(Error::internal)?, ..chunk.clone() })
    }

    /// Seals all, then publishes all, in order, and then has each do what comes afterwards. A failure names those that were published
    /// before it.
    pub fn finish(mut self) -> Result<Vec<Stored>, Arc<Error>> {
        let mut sealing = true;
        let outcomes = self.sinks.iter_mut().map(|sink| {
            let sealed = if sealing { sink.seal() } else { Ok(()) };
            sealing &= sealed.is_ok();
            sealed
        });
        let outcomes = outcomes.collect();
        self.settle(outcomes)?;
        let (mut stored, mut afterwards): (Vec<Stored>, Vec<Option<Afterwards>>) = Default::default();
        let mut waiting = std::mem::take(&mut self.sinks).into_iter();
        while let Some(sink) = waiting.next() {
            let name = sink.name();
            match sink.finish_first() {
                Ok((done, then)) => {
                    stored.push(done);
                    afterwards.push(then);
                }
                Err(error) => {
                    let mut states: Vec<Value> = stored
                        .iter()
                        .map(|s| json!({"sink": s.sink, "state": "completed", "rows": s.rows, "location": s.location}))
                        .collect();
                    states.push(json!({"sink": name, "state": "failed", "rows": self.rows}));
                    let rest: Vec<_> = waiting.collect();
                    states.extend(
                        rest.iter().map(|s| json!({"sink": s.name(), "state": "abandoned", "rows": self.rows})),
                    );
                    let error = Arc::new(error.with("sinks", states));
                    rest.into_iter().for_each(|sink| sink.abandon(&error));
                    return Err(error);
                }
            }
        }
        for (stored, then) in stored.iter_mut().zip(afterwards) {
            stored.warnings.extend(then.map(|then| then()).unwrap_or_default());
        }
        Ok(stored)
    }

    /// Ends all without a result; streams hand `why` to their readers.
    pub fn abandon(mut self, why: &Arc<Error>) {
        self.abandon_all(why);
    }

    fn abandon_all(&mut self, why: &Arc<Error>) {
        std::mem::take(&mut self.sinks).into_iter().for_each(|sink| sink.abandon(why));
    }

    /// Every sink's state goes into the error when one fails.
    fn settle(&mut self, outcomes: Vec<Result<()>>) -> Result<(), Arc<Error>> {
        if outcomes.iter().all(Result::is_ok) {
            return Ok(());
        }
        let states: Vec<Value> = self
            .sinks
            .iter()
            .zip(&outcomes)
            .map(|(sink, outcome)| {
                let state = if outcome.is_err() { "failed" } else { "abandoned" };
                json!({"sink": sink.name(), "state": state, "rows": self.rows})
            })
            .collect();
        let first = outcomes.into_iter().find_map(Result::err);
        let first = first.unwrap_or_else(|| Error::internal("a failed sink without an error"));
        let error = Arc::new(first.with("sinks", states));
        self.abandon_all(&error);
        Err(error)
    }
}

fn without(schema: &SchemaRef, origin: usize) -> SchemaRef {
    let kept = schema.fields().len().saturating_sub(origin);
    Arc::new(::arrow::datatypes::Schema::new_with_metadata(schema.fields()[..kept].to_vec(), schema.metadata().clone()))
}

#[cfg(test)]
mod tests;
