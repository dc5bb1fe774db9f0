//! Loaders: each a thread with a connection, which encodes chunks and copies them into the staging table.

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
use super::url::Url;
use crate::base::{Chunk, Code, Ctx, Error, Result, text};

/// Bytes of tuples that go out at once.
const PIECE: usize = 1 << 20;
/// Rows that are encoded between two looks at the size of the piece.
const STEP: usize = 2_048;
/// Rows of one COPY, about. The server's answer comes at its end, so that what follows an error is sent for nothing.
const COPY_ROWS: usize = 256 << 10;

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
    // The staging table's own commits may be lost: the last one, which makes it the target, is durable and comes after.
    client.batch_execute("SET synchronous_commit = off").await.explained(&task.url)?;
    let statement = client.prepare(&task.copy).await.explained(&task.url)?;
    let schema = if task.ordered { with_order(&task.schema) } else { task.schema.clone() };
    let mut encoder = Encoder::new(&schema, &task.targets)
        .map_err(|mismatch| Error::internal(format!("column {} lost its type {:?}", mismatch.column, mismatch.from)))?;
    let mut rows = 0;
    loop {
        let next = chunks.lock().await.recv().await;
        let Some(chunk) = next else { return Ok(rows) };
        rows += copy(task, client, &statement, &mut encoder, &schema, chunk, chunks).await?;
    }
}

/// One COPY for `chunk` and some of those that follow it.
async fn copy(
    task: &Task,
    client: &Client,
    statement: &Statement,
    encoder: &mut Encoder,
    schema: &SchemaRef,
    chunk: Chunk,
    chunks: &Chunks,
) -> Result<u64> {
    let sink: CopyInSink<Bytes> = client.copy_in(statement).await.explained(&task.url)?;
    let mut sink = std::pin::pin!(sink);
    let mut piece = Vec::with_capacity(PIECE + (PIECE >> 2));
    piece.extend_from_slice(&HEADER);
    let mut places = Places::default();
    let mut broken = false;
    let mut next = Some(chunk);
    while let Some(chunk) = next.take().filter(|_| !broken) {
        let batch = if task.ordered { numbered(&chunk, schema)? } else { chunk.batch.clone() };
        let first = chunk.origin.first_row;
        places.add(first, batch.num_rows());
        let mut row = 0;
        while row < batch.num_rows() && !broken {
            let to = batch.num_rows().min(row + STEP);
            encoder.encode(&batch, row..to, &mut piece).map_err(|unfit| refused(&unfit, schema, first))?;
            row = to;
            if piece.len() >= PIECE {
                let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE + (PIECE >> 2)));
                broken = sink.send(Bytes::from(full)).await.is_err();
            }
        }
        if places.rows < COPY_ROWS {
            next = chunks.lock().await.recv().await;
        }
    }
    piece.extend_from_slice(&TRAILER);
    // After a break `finish` has the reason, where the server gave one.
    let _ = sink.send(Bytes::from(piece)).await;
    let copied = sink.finish().await.map_err(|error| at_row(error, task, &places))?;
    if copied != places.rows as u64 {
        let sent = places.rows;
        return Err(Error::internal(format!("PostgreSQL counted {copied} rows of {sent}")).stage("postgres"));
    }
    Ok(copied)
}

/// Which rows of the result the lines of a COPY are.
#[derive(Default)]
struct Places {
    /// First line (from 0) and the row that it is, of each chunk.
    chunks: Vec<(usize, u64)>,
    rows: usize,
}

impl Places {
    fn add(&mut self, first_row: u64, rows: usize) {
        self.chunks.push((self.rows, first_row));
        self.rows += rows;
    }

    /// The row of a line, counted from 0.
    fn row(&self, line: u64) -> Option<u64> {
        let line = usize::try_from(line).ok()?;
        let (first_line, first_row) = self.chunks.iter().rev().find(|(first, _)| *first <= line)?;
        Some(first_row + (line - first_line) as u64)
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
    let first = chunk.origin.first_row as i64;
    let order = Int64Array::from_iter_values(first..first + chunk.batch.num_rows() as i64);
    let mut columns = chunk.batch.columns().to_vec();
    columns.push(Arc::new(order) as ArrayRef);
    RecordBatch::try_new(schema.clone(), columns).map_err(Error::internal)
}

/// A value that the encoder does not hand over.
fn refused(unfit: &Unfit, schema: &Schema, first: u64) -> Error {
    let (column, value) = (schema.field(unfit.column).name(), &unfit.value);
    let row = first + unfit.row as u64;
    let (pt, en) = (&unfit.why.pt, &unfit.why.en);
    Error::new(
        Code::InvalidParams,
        text!(
            "Linha {row}, coluna {column}: {pt}; valor {value:?}",
            "Row {row}, column {column}: {en}; value {value:?}"
        ),
    )
    .with("received", value.as_str())
    .row(row)
    .column(column)
    .stage("postgres")
}

/// A row that the server did not take: it names the line of the COPY.
fn at_row(error: tokio_postgres::Error, task: &Task, places: &Places) -> Error {
    let place = failure::place_in_copy(&error);
    let mut made = failure::explain(error, &task.url);
    if let Some((line, column)) = place {
        if let Some(row) = places.row(line.saturating_sub(1)) {
            made = made.row(row);
        }
        if let Some(column) = column {
            made = made.column(column);
        }
    }
    made
}
