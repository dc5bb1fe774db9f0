//! Several sinks in one pass over the result.
//!
//! Each chunk goes to all sinks at once, every sink sees the chunks in order, and the slowest sets the pace. When
//! one fails, the others are abandoned and the error's diagnostic has the state of each.

use std::sync::Arc;

use ::arrow::datatypes::SchemaRef;
use serde_json::{Value, json};

use super::{Sink, Stored};
use crate::base::{Chunk, Ctx, Error, Result};

/// The sinks of one job.
pub struct FanOut {
    sinks: Vec<Box<dyn Sink>>,
    rows: u64,
}

impl FanOut {
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        FanOut { sinks, rows: 0 }
    }

    /// Starts all, in order; none is left open when one fails.
    pub fn start(&mut self, schema: &SchemaRef, ctx: &Ctx) -> Result<(), Arc<Error>> {
        let outcomes: Vec<Result<()>> = self.sinks.iter_mut().map(|sink| sink.start(schema, ctx)).collect();
        self.settle(outcomes)
    }

    /// Gives `chunk` to all of them, each in a thread of its own where there are several.
    pub fn write(&mut self, chunk: &Chunk) -> Result<(), Arc<Error>> {
        let outcomes: Vec<Result<()>> = match self.sinks.as_mut_slice() {
            [] => return Err(Arc::new(Error::internal("a chunk came after the sinks had ended"))),
            [only] => vec![only.write(chunk)],
            // Not on the shared pool: a stream's sink may block for as long as its reader likes.
            [first, rest @ ..] => std::thread::scope(|scope| {
                let others: Vec<_> = rest.iter_mut().map(|sink| scope.spawn(|| sink.write(chunk))).collect();
                let mut outcomes = vec![first.write(chunk)];
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

    /// Publishes all, in order. A failure names those that were published before it.
    pub fn finish(mut self) -> Result<Vec<Stored>, Arc<Error>> {
        let mut stored: Vec<Stored> = Vec::new();
        let mut waiting = std::mem::take(&mut self.sinks).into_iter();
        while let Some(sink) = waiting.next() {
            let name = sink.name();
            match sink.finish() {
                Ok(done) => stored.push(done),
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
        Ok(stored)
    }

    /// Ends all without a result; streams hand `why` to their readers.
    pub fn abandon(mut self, why: &Arc<Error>) {
        self.abandon_all(why);
    }

    fn abandon_all(&mut self, why: &Arc<Error>) {
        std::mem::take(&mut self.sinks).into_iter().for_each(|sink| sink.abandon(why));
    }

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

#[cfg(test)]
mod tests;
