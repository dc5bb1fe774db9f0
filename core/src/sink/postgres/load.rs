//! Loaders: each a thread with a connection, which encodes chunks and copies them into the staging table.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::ops::Range;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;

use ::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use ::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use futures_util::SinkExt;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_postgres::{Client, Statement};

use super::connect;
use super::connections::Counted;
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
    /// True once a loader has ended without loading everything: nobody may wait for it.
    pub failed: watch::Sender<bool>,
}

/// Tells of a loader's end, whatever way it ends: by an error on its way to the server, or by a panic.
struct Ending {
    failed: watch::Sender<bool>,
    well: bool,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.well {
            self.failed.send_replace(true);
        }
    }
}

impl Task {
    /// The error that the job ends with, once it must stop.
    fn check(&self) -> Result<()> {
        self.ctx.check()?;
        if *self.stop.borrow() { Err(interrupted()) } else { Ok(()) }
    }
}

pub(super) type Chunks = Arc<Mutex<mpsc::Receiver<Chunk>>>;

/// Starts a loader; it ends when there are no more chunks, and gives the rows that the server took.
pub(super) fn start(task: Task, chunks: Chunks, number: usize) -> Result<JoinHandle<Result<u64>>> {
    std::thread::Builder::new()
        .name(format!("datasus-copy-{number}"))
        .spawn(move || {
            let mut ending = Ending { failed: task.failed.clone(), well: false };
            // This thread encodes; the other sends, and waits for the server.
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name(format!("datasus-send-{number}"))
                .enable_all()
                .build()
                .map_err(|error| Error::internal(format!("no runtime: {error}")))?;
            let loaded = runtime.block_on(run(task, &chunks));
            ending.well = loaded.is_ok();
            loaded
        })
        .map_err(|error| Error::internal(format!("cannot start a loader: {error}")))
}

async fn run(task: Task, chunks: &Chunks) -> Result<u64> {
    let mut stop = task.stop.clone();
    let client = tokio::select! {
        biased;
        stopped = stopped(&mut stop, &task.ctx) => return Err(stopped),
        client = connect::session(&task.url) => Arc::new(client?),
    };
    let _counted = Counted::at_work();
    let task = Arc::new(task);
    let loaded = tokio::select! {
        biased;
        stopped = stopped(&mut stop, &task.ctx) => Err(stopped),
        loaded = load(&task, &client, chunks) => loaded,
    };
    if loaded.is_err() {
        connect::interrupt(&client, &task.url).await;
    }
    loaded
}

/// While the server takes one group of units, the next is being encoded.
async fn load(task: &Arc<Task>, client: &Arc<Client>, chunks: &Chunks) -> Result<u64> {
    // The staging table's own commits may be lost, rows and ledger together: the last one, which makes it the target, is
    // durable and comes after a count.
    let set = async { client.batch_execute("SET synchronous_commit = off").await.explained(&task.url) };
    let copy = async { client.prepare(&task.copy).await.explained(&task.url) };
    let (_, statement, ledger) = tokio::try_join!(set, copy, task.claim.prepare(client, &task.url))?;
    let schema = if task.ordered { with_order(&task.schema) } else { task.schema.clone() };
    let encoder = Encoder::new(&schema, &task.targets)
        .map_err(|mismatch| Error::internal(format!("column {} lost its type {:?}", mismatch.column, mismatch.from)))?;
    let (task, client, turn) = (task.clone(), client.clone(), Arc::default());
    let sender = Sender { task: task.clone(), client, statement, ledger, turn };
    let mut grouper = Grouper { task: task.clone(), schema, encoder };
    let mut rows = 0;
    let mut under_way: VecDeque<(Group, tokio::task::JoinHandle<Result<Copied>>)> = VecDeque::new();
    loop {
        let next = next_group(chunks, task.state.checkpoint_rows).await;
        let ended = next.is_none();
        if let Some(mut group) = next {
            let encoded = grouper.encode(&mut group)?;
            under_way.push_back((group, tokio::spawn(sender.clone().send(encoded))));
        }
        while let Some((mut group, sent)) = if ended || under_way.len() > 1 { under_way.pop_front() } else { None } {
            let mut copied = sent.await.map_err(Error::internal)??;
            loop {
                match copied {
                    Copied::Rows(taken) => break rows += taken,
                    Copied::Refused { part, row, why } => {
                        group.refuse(part, row, letters::of_chunk(&task.state, &group.parts[part].chunk, row, why)?);
                        let again = grouper.encode(&mut group)?;
                        copied = sender.clone().send(again).await?;
                    }
                }
            }
        }
        if ended {
            return Ok(rows);
        }
    }
}

/// Units of one transaction: as many as make a checkpoint.
struct Group {
    parts: Vec<Part>,
    letters: Vec<DeadLetter>,
}

impl Group {
    fn refuse(&mut self, part: usize, row: usize, letter: DeadLetter) {
        self.parts[part].refused.insert(row);
        self.letters.push(letter);
    }
}

async fn next_group(chunks: &Chunks, rows: u64) -> Option<Group> {
    let mut chunks = chunks.lock().await;
    let mut parts = vec![Part::of(chunks.recv().await?)];
    let mut so_far = parts[0].chunk.batch.num_rows() as u64;
    while so_far < rows
        && let Some(chunk) = chunks.recv().await
    {
        so_far += chunk.batch.num_rows() as u64;
        parts.push(Part::of(chunk));
    }
    Some(Group { parts, letters: Vec::new() })
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

/// A group as the server gets it.
struct Encoded {
    /// Each unit with its rows, but for those that are refused.
    units: Vec<(UnitId, usize)>,
    pieces: Vec<Bytes>,
    places: Places,
    letters: Vec<DeadLetter>,
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

struct Grouper {
    task: Arc<Task>,
    schema: SchemaRef,
    encoder: Encoder,
}

impl Grouper {
    /// Rows that the encoder refuses become letters on the way.
    fn encode(&mut self, group: &mut Group) -> Result<Encoded> {
        let task = self.task.clone();
        let (mut pieces, mut piece) = (Vec::new(), Vec::with_capacity(PIECE + (PIECE >> 2)));
        piece.extend_from_slice(&HEADER);
        let mut places = Places::default();
        for number in 0..group.parts.len() {
            let chunk = group.parts[number].chunk.clone();
            let batch = if task.ordered { numbered(&chunk, &self.schema)? } else { chunk.batch.clone() };
            for range in group.parts[number].ranges() {
                let mut row = range.start;
                while row < range.end {
                    // Nothing is awaited here, and nobody else would look.
                    task.check()?;
                    let mut to = range.end.min(row + STEP);
                    let mut next = to;
                    if let Err(unfit) = self.encoder.encode(&batch, row..to, &mut piece) {
                        (to, next) = (unfit.row, unfit.row + 1);
                        let again = self.encoder.encode(&batch, row..to, &mut piece);
                        again.map_err(|unfit| refused(&unfit, &self.schema))?;
                        let why = Refusal::of(&refused(&unfit, &self.schema), task.ctx.language);
                        group.refuse(number, to, letters::of_chunk(&task.state, &chunk, to, why)?);
                        self.bounded(group)?;
                    }
                    places.add(number, &(row..to));
                    row = next;
                    if piece.len() >= PIECE {
                        let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE + (PIECE >> 2)));
                        pieces.push(Bytes::from(full));
                    }
                }
            }
        }
        piece.extend_from_slice(&TRAILER);
        pieces.push(Bytes::from(piece));
        self.bounded(group)?;
        let unit = |part: &Part| (part.chunk.unit, part.chunk.batch.num_rows() - part.refused.len());
        let units = group.parts.iter().map(unit).collect();
        Ok(Encoded { units, pieces, places, letters: group.letters.clone() })
    }

    /// DS-424 where there are more letters than anyone would look at.
    fn bounded(&self, group: &Group) -> Result<()> {
        let (state, count) = (&self.task.state, group.letters.len() as u64);
        if count <= state.most_dead_letters {
            return Ok(());
        }
        let rows = group.parts.iter().map(|part| part.chunk.batch.num_rows() as u64).sum();
        letters::refuse_too_many(state, count, rows, group.letters.first())
    }
}

#[derive(Clone)]
struct Sender {
    task: Arc<Task>,
    client: Arc<Client>,
    statement: Statement,
    ledger: Statement,
    /// One transaction at a time, in the order in which they came. True when one did not come to its end: what follows must
    /// not be committed with what it left open.
    turn: Arc<Mutex<bool>>,
}

impl Sender {
    /// The group's rows and their record in one transaction; its dead letters are durable before it.
    async fn send(self, group: Encoded) -> Result<Copied> {
        let Sender { task, client, .. } = &self;
        let Task { url, claim, state, .. } = task.as_ref();
        let Encoded { units, pieces, places, letters } = group;
        let mut open = self.turn.lock().await;
        if std::mem::replace(&mut *open, true) {
            return Err(Error::internal("the transaction before did not end").stage("postgres"));
        }
        // All three go out at once: an answer to each would be waited for else.
        let (begun, written, sink) = tokio::join!(
            async { client.batch_execute("BEGIN").await.explained(url) },
            claim.write(client, url, &self.ledger, &units),
            async { client.copy_in(&self.statement).await.explained(url) },
        );
        begun?;
        written?;
        let mut sink = Box::pin(sink?);
        for piece in pieces {
            // After a break its end has the reason, where the server gave one.
            if sink.send(piece).await.is_err() {
                break;
            }
        }
        let end = |sql| async move { client.batch_execute(sql).await.explained(url) };
        if letters.is_empty() {
            // The transaction's end goes out with the rows' end, and the next one may follow: of rows that the server refused
            // this COMMIT is a ROLLBACK.
            let mut ends = std::pin::pin!(async { tokio::join!(sink.as_mut().finish(), end("COMMIT")) });
            let ended = poll_fn(|task| Poll::Ready(ends.as_mut().poll(task))).await;
            *open = false;
            drop(open);
            let (copied, ended) = match ended {
                Poll::Ready(both) => both,
                Poll::Pending => ends.await,
            };
            let copied = self.copied(copied, &places)?;
            ended?;
            return Ok(copied);
        }
        let copied = self.copied(sink.as_mut().finish().await, &places)?;
        match copied {
            Copied::Rows(_) => {
                state.dead_letters.add(letters)?;
                end("COMMIT").await?;
            }
            Copied::Refused { .. } => end("ROLLBACK").await?,
        }
        *open = false;
        Ok(copied)
    }

    /// What the server said of a COPY's rows.
    fn copied(&self, said: std::result::Result<u64, tokio_postgres::Error>, places: &Places) -> Result<Copied> {
        match said {
            Ok(copied) if copied == places.rows as u64 => Ok(Copied::Rows(copied)),
            Ok(copied) => Err(failure::miscounted(&self.task.url, copied, places.rows as u64)),
            Err(error) => {
                let place = failure::place_in_copy(&error);
                let of_row = failure::is_of_row(&error);
                let mut explained = failure::explain(error, &self.task.url);
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
    ctx.check().err().unwrap_or_else(interrupted)
}

fn interrupted() -> Error {
    Error::new(Code::Cancelled, text!("A carga foi interrompida", "The load was interrupted"))
}

pub(super) fn with_order(schema: &Schema) -> SchemaRef {
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(super::stage::ORDER, DataType::Int64, false)));
    Arc::new(Schema::new(fields))
}

fn numbered(chunk: &Chunk, schema: &SchemaRef) -> Result<RecordBatch> {
    let unit = (chunk.unit.0 << PLACE_BITS) as i64;
    let order = Int64Array::from_iter_values(chunk.places().map(|place| unit | place as i64));
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
        text!("Coluna {column}: {pt}; recebido \"{value}\"", "Column {column}: {en}; received \"{value}\""),
    )
    .column(column)
    .stage("postgres")
}
