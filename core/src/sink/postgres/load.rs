//! Loaders: each a thread with a connection, which encodes chunks and copies them into the staging table.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;

use ::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use ::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use futures_util::SinkExt;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_postgres::{Client, CopyInSink, Statement};

use super::connect;
use super::copy::{Encoder, HEADER, TRAILER, Target, Unfit};
use super::failure::{self, Explained};
use super::ledger::Claim;
use super::letters::{self, Refusal};
use super::url::Url;
use crate::base::{Chunk, Code, Ctx, Error, Result, UnitId, text};
use crate::recovery::{DeadLetter, SinkState};

/// Bytes of tuples that go out at once.
const PIECE: usize = 1 << 20;
/// Rows that are encoded between two looks at the size of the piece.
const STEP: usize = 2_048;
/// Places of a row's order that a unit has: its number stands above them.
pub(super) const PLACE_BITS: u32 = 24;

/// What every loader of a job does.
#[derive(Clone)]
pub(super) struct Task {
    pub url: Url,
    /// `COPY ... FROM STDIN (FORMAT binary)`.
    pub copy: String,
    pub schema: SchemaRef,
    pub targets: Vec<Target>,
    /// Adds the place of each row in the result.
    pub ordered: bool,
    pub ctx: Ctx,
    pub claim: Claim,
    pub state: SinkState,
    /// True when the job must stop, whatever a loader waits for.
    pub stop: watch::Receiver<bool>,
}

pub(super) type Chunks = Arc<Mutex<mpsc::Receiver<Chunk>>>;

/// Starts a loader; it ends when there are no more chunks, and gives the rows that the server took.
pub(super) fn start(task: Task, chunks: Chunks, number: usize) -> Result<JoinHandle<Result<u64>>> {
    std::thread::Builder::new()
        .name(format!("datasus-copy-{number}"))
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Error::internal(format!("no runtime: {error}")))?;
            runtime.block_on(run(task, &chunks))
        })
        .map_err(|error| Error::internal(format!("cannot start a loader: {error}")))
}

async fn run(task: Task, chunks: &Chunks) -> Result<u64> {
    let url = task.url.clone();
    let mut stop = task.stop.clone();
    let client = tokio::select! {
        biased;
        stopped = stopped(&mut stop, &task.ctx) => return Err(stopped),
        client = connect::session(&url) => client?,
    };
    let loaded = tokio::select! {
        biased;
        stopped = stopped(&mut stop, &task.ctx) => Err(stopped),
        loaded = load(&task, &client, chunks) => loaded,
    };
    if loaded.is_err() {
        // Nobody will take what is left; the sender sees that at its next chunk.
        chunks.lock().await.close();
        connect::interrupt(&client, &url).await;
    }
    loaded
}

async fn load(task: &Task, client: &Client, chunks: &Chunks) -> Result<u64> {
    // The staging table's own commits may be lost, rows and ledger together: the last one, which makes it the target, is
    // durable and comes after a count.
    client.batch_execute("SET synchronous_commit = off").await.explained(&task.url)?;
    let statement = client.prepare(&task.copy).await.explained(&task.url)?;
    let schema = if task.ordered { with_order(&task.schema) } else { task.schema.clone() };
    let encoder = Encoder::new(&schema, &task.targets)
        .map_err(|mismatch| Error::internal(format!("column {} lost its type {:?}", mismatch.column, mismatch.from)))?;
    let mut loader = Loader { task, client, statement, schema, encoder };
    let mut rows = 0;
    while let Some(mut group) = next_group(chunks, task.state.checkpoint_rows).await {
        rows += loader.commit(&mut group).await?;
    }
    Ok(rows)
}

/// Units of one transaction: as many as make a checkpoint.
async fn next_group(chunks: &Chunks, rows: u64) -> Option<Vec<Part>> {
    let mut chunks = chunks.lock().await;
    let mut group = vec![Part::of(chunks.recv().await?)];
    let mut so_far = group[0].chunk.batch.num_rows() as u64;
    while so_far < rows
        && let Some(chunk) = chunks.recv().await
    {
        so_far += chunk.batch.num_rows() as u64;
        group.push(Part::of(chunk));
    }
    Some(group)
}

/// A unit on its way, and its rows that are refused.
struct Part {
    chunk: Chunk,
    refused: BTreeSet<usize>,
}

impl Part {
    fn of(chunk: Chunk) -> Self {
        Part { chunk, refused: BTreeSet::new() }
    }

    /// The rows that go over, as ranges.
    fn ranges(&self) -> Vec<Range<usize>> {
        let mut from = 0;
        let mut ranges = Vec::with_capacity(self.refused.len() + 1);
        for end in self.refused.iter().copied().chain([self.chunk.batch.num_rows()]) {
            if from < end {
                ranges.push(from..end);
            }
            from = end + 1;
        }
        ranges
    }
}

/// What became of a COPY.
enum Copied {
    Rows(u64),
    /// The server did not take a row; nothing of the transaction stays.
    Refused {
        part: usize,
        row: usize,
        why: Refusal,
    },
}

struct Loader<'t> {
    task: &'t Task,
    client: &'t Client,
    statement: Statement,
    schema: SchemaRef,
    encoder: Encoder,
}

impl Loader<'_> {
    /// The group's rows and their record in one transaction; rows that are refused become dead letters, durable before it.
    async fn commit(&mut self, group: &mut [Part]) -> Result<u64> {
        let Task { url, claim, state, .. } = self.task;
        let units: Vec<_> = group.iter().map(|part| (part.chunk.unit, part.chunk.batch.num_rows())).collect();
        let mut letters: Vec<DeadLetter> = Vec::new();
        loop {
            claim.open(self.client, url, &units).await?;
            match self.copy(group, &mut letters).await? {
                Copied::Rows(rows) => {
                    self.bounded(&letters, &units)?;
                    for part in group.iter().filter(|part| !part.refused.is_empty()) {
                        claim.less(self.client, url, part.chunk.unit, part.refused.len()).await?;
                    }
                    state.dead_letters.add(letters)?;
                    self.client.batch_execute("COMMIT").await.explained(url)?;
                    return Ok(rows);
                }
                Copied::Refused { part, row, why } => {
                    self.client.batch_execute("ROLLBACK").await.explained(url)?;
                    letters.push(letters::of_chunk(state, &group[part].chunk, row, why)?);
                    group[part].refused.insert(row);
                    self.bounded(&letters, &units)?;
                }
            }
        }
    }

    /// DS-424 where there are more letters than anyone would look at.
    fn bounded(&self, letters: &[DeadLetter], units: &[(UnitId, usize)]) -> Result<()> {
        let (state, count) = (&self.task.state, letters.len() as u64);
        if count <= state.most_dead_letters {
            return Ok(());
        }
        let rows = units.iter().map(|(_, rows)| *rows as u64).sum();
        letters::refuse_too_many(state, count, rows, letters.first())
    }

    async fn copy(&mut self, group: &mut [Part], letters: &mut Vec<DeadLetter>) -> Result<Copied> {
        let url = &self.task.url;
        let sink: CopyInSink<Bytes> = self.client.copy_in(&self.statement).await.explained(url)?;
        let mut sink = std::pin::pin!(sink);
        let mut piece = Vec::with_capacity(PIECE + (PIECE >> 2));
        piece.extend_from_slice(&HEADER);
        let mut places = Places::default();
        let mut broken = false;
        for (number, part) in group.iter_mut().enumerate() {
            let batch = if self.task.ordered { numbered(&part.chunk, &self.schema)? } else { part.chunk.batch.clone() };
            for range in part.ranges() {
                let mut row = range.start;
                while row < range.end && !broken {
                    let mut to = range.end.min(row + STEP);
                    if let Err(unfit) = self.encoder.encode(&batch, row..to, &mut piece) {
                        to = unfit.row;
                        let again = self.encoder.encode(&batch, row..to, &mut piece);
                        again.map_err(|unfit| refused(&unfit, &self.schema))?;
                        let why = Refusal::of(&refused(&unfit, &self.schema), self.task.ctx.language);
                        letters.push(letters::of_chunk(&self.task.state, &part.chunk, to, why)?);
                        part.refused.insert(to);
                    }
                    places.add(number, &(row..to));
                    row = to + usize::from(part.refused.contains(&to));
                    if piece.len() >= PIECE {
                        let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE + (PIECE >> 2)));
                        broken = sink.send(Bytes::from(full)).await.is_err();
                    }
                }
            }
        }
        piece.extend_from_slice(&TRAILER);
        // After a break `finish` has the reason, where the server gave one.
        let _ = sink.send(Bytes::from(piece)).await;
        match sink.finish().await {
            Ok(copied) if copied == places.rows as u64 => Ok(Copied::Rows(copied)),
            Ok(copied) => {
                let sent = places.rows;
                Err(Error::internal(format!("PostgreSQL counted {copied} rows of {sent}")).stage("postgres"))
            }
            Err(error) => {
                let place = failure::place_in_copy(&error);
                let of_row = error.code().is_some_and(|state| ["22", "23"].contains(&&state.code()[..2]));
                let mut explained = failure::explain(error, url);
                let Some((line, column)) = place else { return Err(explained) };
                if let Some(column) = column {
                    explained = explained.column(column);
                }
                match places.of(line.saturating_sub(1)).filter(|_| of_row) {
                    None => Err(explained),
                    Some((part, row)) => {
                        let why = Refusal::of(&explained, self.task.ctx.language);
                        Ok(Copied::Refused { part, row, why })
                    }
                }
            }
        }
    }
}

/// Which rows of the group the lines of a COPY are.
#[derive(Default)]
struct Places {
    /// First line (from 0), part and its row, of each range.
    ranges: Vec<(usize, usize, usize)>,
    rows: usize,
}

impl Places {
    fn add(&mut self, part: usize, rows: &Range<usize>) {
        self.ranges.push((self.rows, part, rows.start));
        self.rows += rows.len();
    }

    /// Part and row of a line, counted from 0.
    fn of(&self, line: u64) -> Option<(usize, usize)> {
        let line = usize::try_from(line).ok().filter(|line| *line < self.rows)?;
        let (first, part, row) = self.ranges.iter().rev().find(|(first, ..)| *first <= line)?;
        Some((*part, row + (line - first)))
    }
}

/// Resolves when the job must stop, with the error that it ends with.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>, ctx: &Ctx) -> Error {
    // A sender that went away without a word is a sink that was dropped.
    let _ = stop.wait_for(|stop| *stop).await;
    let dropped = || Error::new(Code::Cancelled, text!("A carga foi interrompida", "The load was interrupted"));
    ctx.check().err().unwrap_or_else(dropped)
}

pub(super) fn with_order(schema: &Schema) -> SchemaRef {
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(super::stage::ORDER, DataType::Int64, false)));
    Arc::new(Schema::new(fields))
}

fn numbered(chunk: &Chunk, schema: &SchemaRef) -> Result<RecordBatch> {
    let unit = (chunk.unit.0 << PLACE_BITS) as i64;
    let order = Int64Array::from_iter_values((0..chunk.batch.num_rows()).map(|row| unit | chunk.place(row) as i64));
    let mut columns = chunk.batch.columns().to_vec();
    columns.push(Arc::new(order) as ArrayRef);
    RecordBatch::try_new(schema.clone(), columns).map_err(Error::internal)
}

/// A value that the encoder does not hand over.
fn refused(unfit: &Unfit, schema: &Schema) -> Error {
    let (column, value) = (schema.field(unfit.column).name(), &unfit.value);
    let (pt, en) = (&unfit.why.pt, &unfit.why.en);
    Error::new(
        Code::InvalidParams,
        text!("Coluna {column}: {pt}; valor {value:?}", "Column {column}: {en}; value {value:?}"),
    )
    .column(column)
    .stage("postgres")
}
