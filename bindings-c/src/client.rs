//! The client.

use std::ffi::{c_char, c_void};
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::Arc;
use std::time::Duration;

use arrow::ffi_stream::FFI_ArrowArrayStream;
use crossbeam_channel::{RecvTimeoutError, bounded};
use datasus::base::{Cancel, CancelReason, TraceId};
use datasus::{Config, Destination, Error, Language, QueryParams, Result};
use serde::Serialize;

use crate::error::ErrorOut;
use crate::fence::{fence, fenced};
use crate::given::{Out, hand_in, live, not_one_of, optional, text};
use crate::host::at_exit;
use crate::job::{JobHandle, give_job};
use crate::rows::Query;
use crate::status::Status;
use crate::text::TextOut;
use crate::ticket::Tickets;

/// A source of DATASUS files, opened. Any thread may use it, and several at once.
pub struct ClientHandle([u8; 0]);

pub struct Held {
    client: datasus::Client,
    language: Language,
}

pub static CLIENTS: Tickets<Held> = Tickets::new();

/// Called ten times a second or more by the thread that waits; false ends the wait. It must return, and must not throw.
pub type KeepGoing = Option<unsafe extern "C" fn(user: *mut c_void) -> bool>;

/// Runs a call on a client that is alive; errors come in its language.
fn with<T>(client: *mut ClientHandle, work: impl FnOnce(&Arc<Held>) -> Result<T>) -> Result<T> {
    let held = live(&CLIENTS, client, "client")?;
    work(&held).map_err(|error| error.traced(&TraceId::new(), held.language))
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// Opens a folder of DBC, DBF or Parquet files in any layout, or one file; only the list of files is read, when a query asks.
///
/// `config`: a JSON object with any of lake, output, state, spill, memory_limit, spill_limit, postgres, deadline, threads,
/// max_priority, chunk_rows, verify_crc, language ("pt", "en"); what is left out comes from the DATASUS_* variables, and from the
/// defaults; NULL: all of it. `client` receives the handle, to be released with datasus_client_release. DS-400: config is no
/// JSON, or has an unknown key; DS-404: there is no such folder; DS-422: a setting cannot work.
///
/// # Safety
/// `source`: a text; `config`: a text or NULL; `client`: a place for a handle; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_open(
    source: *const c_char,
    config: *const c_char,
    client: *mut *mut ClientHandle,
    error: *mut ErrorOut,
) -> Status {
    fence("datasus_client_open", error, || {
        // SAFETY: the caller's promise is the same.
        let (out, source, config) =
            unsafe { (Out::new(client, "client")?, text(source, "source")?, optional(config, "config")?) };
        open(out, source, config.unwrap_or("{}"))
    })
}

fn open(out: Out<*mut ClientHandle>, source: &str, config: &str) -> Result<()> {
    at_exit();
    let config = Config::from_env_and(&crate::given::json(config, "config")?)?;
    let language = config.language;
    let client = datasus::Client::open_with(source, config)?;
    out.put(without_provenance_mut(CLIENTS.keep(Held { client, language })));
    Ok(())
}

/// Releases a client; NULL is fine. Its jobs and streams go on. DS-422: released already. Any thread.
///
/// # Safety
/// Any value is allowed: a handle is looked up, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_release(client: *mut ClientHandle) -> Status {
    fence("datasus_client_release", null_mut(), || hand_in(&CLIENTS, client, "client").map(drop))
}

/// Starts a query, and returns when it has been checked and queued.
///
/// `params`: the contract's JSON (datasus_json_schema). `stream` receives the rows, which come as they are taken; its get_schema
/// waits until files are converted and the query has begun (of aggregates and SQL: until their first rows are there). Releasing it before its end cancels the query. `job`, unless it is
/// NULL, receives a handle to watch and cancel it with, from any thread. DS-400, DS-422: what is wrong with params, every problem
/// at once; DS-429: the queue is full. Everything later is the stream's error (datasus_stream_error): DS-404 missing files, DS-460
/// a damaged one, DS-499 cancelled, DS-504 too late.
///
/// # Safety
/// `params`: a text; `stream`: a place for an ArrowArrayStream; `job`: NULL or a place for a handle; `error`: NULL or a
/// datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_query(
    client: *mut ClientHandle,
    params: *const c_char,
    stream: *mut FFI_ArrowArrayStream,
    job: *mut *mut JobHandle,
    error: *mut ErrorOut,
) -> Status {
    fence("datasus_client_query", error, || {
        // SAFETY: the caller's promise is the same.
        let (params, stream, job) =
            unsafe { (text(params, "params")?, Out::new(stream, "stream")?, Out::optional(job, "job")?) };
        let pending = with(client, |held| held.client.begin_query(&QueryParams::from_json(params)?))?;
        if let Some(job) = job {
            give_job(job, pending.job().clone());
        }
        stream.stream(Box::new(Query::new(pending)));
        Ok(())
    })
}

/// Starts a query into files or tables, and returns when it has been checked and queued.
///
/// `sinks`: a JSON list, or one of it: {"csv": {"path": "a.csv"}}, {"parquet": {...}}, {"postgres": {"table": "sih_data.rd"}}.
/// `job` receives the handle, to be released with datasus_job_release; the job goes on without it. DS-400, DS-422: what is wrong
/// with params or sinks; DS-403: a path outside config's output; DS-409: the target has another shape.
///
/// # Safety
/// `params`, `sinks`: texts; `job`: a place for a handle; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_submit(
    client: *mut ClientHandle,
    params: *const c_char,
    sinks: *const c_char,
    job: *mut *mut JobHandle,
    error: *mut ErrorOut,
) -> Status {
    fence("datasus_client_submit", error, || {
        // SAFETY: the caller's promise is the same.
        let (params, sinks, job) = unsafe { (text(params, "params")?, text(sinks, "sinks")?, Out::new(job, "job")?) };
        let submit = |held: &Arc<Held>| {
            held.client.submit(&QueryParams::from_json(params)?, Destination::list_from_json(sinks)?)
        };
        give_job(job, with(client, submit)?);
        Ok(())
    })
}

/// Goes on with a job where it stopped, in this process or an earlier one: nothing is lost, and nothing comes twice. `job`
/// receives a handle. DS-404: the job left nothing; DS-409: it runs, or cannot go on exactly.
///
/// # Safety
/// `job_id`: a text; `job`: a place for a handle; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_resume(
    client: *mut ClientHandle,
    job_id: *const c_char,
    job: *mut *mut JobHandle,
    error: *mut ErrorOut,
) -> Status {
    fence("datasus_client_resume", error, || {
        // SAFETY: the caller's promise is the same.
        let (job_id, job) = unsafe { (text(job_id, "job_id")?, Out::new(job, "job")?) };
        give_job(job, with(client, |held| held.client.resume(job_id))?);
        Ok(())
    })
}

/// The jobs that earlier processes left or that run now, as a JSON list; the text is the caller's.
///
/// # Safety
/// `jobs`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_jobs(
    client: *mut ClientHandle,
    jobs: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_jobs", error, || unsafe { say(client, jobs, |held| json(&held.client.jobs()?)) })
}

/// Gives a job up, with what it left in its targets; rows that were published stay. DS-404: no such job; DS-409: it runs.
///
/// # Safety
/// `job_id`: a text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_discard(
    client: *mut ClientHandle,
    job_id: *const c_char,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    let job_id = || unsafe { text(job_id, "job_id") };
    fence("datasus_client_discard", error, || with(client, |held| held.client.discard(job_id()?)))
}

/// The records of a job that were not taken, as a JSON list: reason, sqlstate, source file and row, column, raw value. The text
/// is the caller's. DS-404: no such job.
///
/// # Safety
/// `job_id`: a text; `letters`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_dead_letters(
    client: *mut ClientHandle,
    job_id: *const c_char,
    letters: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_dead_letters", error, || unsafe {
        let job_id = text(job_id, "job_id")?;
        say(client, letters, |held| json(&held.client.dead_letters(job_id)?))
    })
}

/// The same as a Parquet file below config's output; `count`, unless it is NULL, receives how many there are. DS-403: a path
/// outside; DS-404: no such job.
///
/// # Safety
/// `job_id`, `path`: texts; `count`: NULL or a place for a number; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_export_dead_letters(
    client: *mut ClientHandle,
    job_id: *const c_char,
    path: *const c_char,
    count: *mut u64,
    error: *mut ErrorOut,
) -> Status {
    fence("datasus_client_export_dead_letters", error, || {
        // SAFETY: the caller's promise is the same.
        let (job_id, path, count) =
            unsafe { (text(job_id, "job_id")?, text(path, "path")?, Out::optional(count, "count")?) };
        let written = with(client, |held| held.client.export_dead_letters(job_id, path))?;
        if let Some(count) = count {
            count.put(written);
        }
        Ok(())
    })
}

/// Sends the dead letters of a completed job to their table once more; `outcome` receives JSON. The text is the caller's.
///
/// # Safety
/// `job_id`: a text; `outcome`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_replay(
    client: *mut ClientHandle,
    job_id: *const c_char,
    outcome: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_replay", error, || unsafe {
        let job_id = text(job_id, "job_id")?;
        say(client, outcome, |held| json(&held.client.replay(job_id)?))
    })
}

/// Converts ahead of a query, and waits for it; of `params` only dataset, uf and competencia count. `keep_going`, unless it is
/// NULL, is called meanwhile by the calling thread, with `user`; once it says false the call ends with DS-499, and files that
/// were converted by then stay. `outcome` receives JSON, the caller's. DS-460: a damaged file.
///
/// # Safety
/// `params`: a text; `keep_going`: NULL or a function that `user` suits; `outcome`: a place for a datasus_text; `error`: NULL or
/// a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_sync(
    client: *mut ClientHandle,
    params: *const c_char,
    keep_going: KeepGoing,
    user: *mut c_void,
    outcome: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_sync", error, || unsafe {
        let params = text(params, "params")?;
        let keep_going = || keep_going.is_none_or(|keep_going| keep_going(user));
        say(client, outcome, |held| sync(held.clone(), QueryParams::from_json(params)?, keep_going))
    })
}

/// Between two questions whether to go on.
const ASK: Duration = Duration::from_millis(25);

/// The work has a thread of its own, so that the caller's can ask.
fn sync(held: Arc<Held>, params: QueryParams, keep_going: impl Fn() -> bool) -> Result<String> {
    let (cancel, (done, outcome)) = (Cancel::default(), bounded(1));
    let stop = cancel.clone();
    let work = move || {
        let synced = fenced("datasus-sync", || json(&held.client.sync_until(&params, &cancel)?));
        // Somebody listens until this has come.
        let _ = done.send(synced);
    };
    let thread = std::thread::Builder::new().name("datasus-sync".into()).spawn(work);
    let thread = thread.map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
    let synced = loop {
        match outcome.recv_timeout(ASK) {
            Ok(synced) => break synced,
            Err(RecvTimeoutError::Timeout) if keep_going() => {}
            Err(RecvTimeoutError::Timeout) => stop.set(CancelReason::Caller),
            Err(RecvTimeoutError::Disconnected) => break Err(Error::internal("a call's thread went away")),
        }
    };
    // It has nothing left to do; what it dropped is gone when this returns.
    let _ = thread.join();
    synced
}

/// What a query would read, against what is there, as JSON; converts nothing. The text is the caller's. DS-400, DS-422: what is
/// wrong with params.
///
/// # Safety
/// `params`: a text; `plan`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_explain(
    client: *mut ClientHandle,
    params: *const c_char,
    plan: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_explain", error, || unsafe {
        let params = text(params, "params")?;
        say(client, plan, |held| json(&held.client.explain(&QueryParams::from_json(params)?)?))
    })
}

/// A dataset ("SIH-RD") as the catalogue knows it, as JSON: columns with type, drift and meaning. The text is the caller's.
/// DS-404: no such dataset.
///
/// # Safety
/// `dataset`: a text; `schema`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_schema(
    client: *mut ClientHandle,
    dataset: *const c_char,
    schema: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_schema", error, || unsafe {
        let dataset = text(dataset, "dataset")?;
        say(client, schema, |held| json(&held.client.schema(dataset)?))
    })
}

/// What the source holds, by dataset, as a JSON list. The text is the caller's.
///
/// # Safety
/// `datasets`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_datasets(
    client: *mut ClientHandle,
    datasets: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_datasets", error, || unsafe { say(client, datasets, |held| json(&held.client.datasets()?)) })
}

/// What this client has counted, and the state of the process's queue and memory, in Prometheus' text form. The text is the
/// caller's.
///
/// # Safety
/// `metrics`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_metrics(
    client: *mut ClientHandle,
    metrics: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_metrics", error, || unsafe { say(client, metrics, |held| Ok(held.client.metrics())) })
}

/// Maintenance, for the whole process: 1 on, one job at a time with one thread; 0 off. DS-422: another number.
///
/// # Safety
/// `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_set_maintenance(
    client: *mut ClientHandle,
    on: i32,
    error: *mut ErrorOut,
) -> Status {
    fence("datasus_client_set_maintenance", error, || match on {
        0 | 1 => with(client, |held| held.client.set_maintenance(on == 1)),
        _ => Err(not_one_of("on", on.into(), "0, 1")),
    })
}

/// A call that answers with a text.
///
/// # Safety
/// `place` is NULL or a place for a datasus_text.
unsafe fn say(
    client: *mut ClientHandle,
    place: *mut TextOut,
    work: impl FnOnce(&Arc<Held>) -> Result<String>,
) -> Result<()> {
    // SAFETY: as the caller promises.
    let out = unsafe { Out::new(place, "out")? };
    out.say(with(client, work)?);
    Ok(())
}
