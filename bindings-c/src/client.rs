//! The client.

use std::ffi::c_char;
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::Arc;

use arrow::ffi_stream::FFI_ArrowArrayStream;
use datasus::base::TraceId;
use datasus::{Config, Error, Result};
use serde::Serialize;

use crate::args::{Out, hand_in, live, not_one_of, optional, text};
use crate::cancel::{CancelHandle, cancel_or_none};
use crate::error::ErrorOut;
use crate::fence::fence;
use crate::held::{CLIENTS, Held};
use crate::host::at_exit;
use crate::job::{JobHandle, give_job};
use crate::rows::Query;
use crate::status::Status;
use crate::text::TextOut;

/// A source of DATASUS files, opened. Any thread may use it, and several at once.
pub struct ClientHandle([u8; 0]);

/// Runs a call on a client that is alive; errors come in its language.
pub fn with<T>(client: *mut ClientHandle, work: impl FnOnce(&Arc<Held>) -> Result<T>) -> Result<T> {
    let held = live(&CLIENTS, client, "client")?;
    work(&held).map_err(|error| error.traced(&TraceId::new(), held.language))
}

pub fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// Opens a folder of DBC, DBF or Parquet files in any layout, or one file; only the list of files is read, when a query asks.
///
/// `config`: a JSON object with any of declared (files of any name by dataset, {"SIH-RD": ["rd_*.parquet"]}; `source` may then be
/// ""), tables (of one's own for SQL, by name: a Parquet or CSV), csv (how these are
/// written, by name: delimiter, encoding, types), lake, output, state, spill, memory_limit, spill_limit, postgres, s3_endpoint, s3_region,
/// s3_path_style, s3_key, s3_secret, s3_token, s3_profile, s3_credentials, s3_ca, s3_proxy, s3_timeout, mirrors, home, refresh,
/// refresh_after, keep_files, max_download, transfers, ca, remote_cache,
/// remote_cache_limit, cache_memory, cache_folder, cache_limit, cache_entry_limit, cache_level, redis, redis_secret, redis_level, redis_ca, redis_ttl,
/// rate_limit, processes, deadline, threads, engine, engine_folder, isolation, worker, max_priority, on_emergency, chunk_rows, verify_crc, language ("pt", "en"); what is left out comes from the DATASUS_* variables,
/// and from the defaults; NULL: all of it. `client` receives the handle, to be released with datasus_client_release. DS-400: config is no
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
    let config = Config::from_env_and(&crate::args::json(config, "config")?)?;
    let language = config.language;
    if datasus::telemetry::is_asked_for() {
        crate::log::begin()?;
    }
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
/// NULL, receives a handle to watch and cancel it with, from any thread. While the text of SQL is parsed there is none yet: the
/// call comes back within hundredths of a second, at the latest after `options.deadline` or 30 s (DS-504), and
/// datasus_client_query_until can be cancelled meanwhile. DS-400, DS-422: what is wrong with params, every problem
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
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_query", error, || unsafe { query(client, params, null_mut(), stream, job) })
}

/// The same, until `cancel` is set (datasus_cancel_new, datasus_cancel_set by any thread): the call ends with DS-499, and so does the
/// query that it has started. `cancel` may be NULL, and released once this has returned.
///
/// # Safety
/// As for datasus_client_query.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_query_until(
    client: *mut ClientHandle,
    params: *const c_char,
    cancel: *mut CancelHandle,
    stream: *mut FFI_ArrowArrayStream,
    job: *mut *mut JobHandle,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_query_until", error, || unsafe { query(client, params, cancel, stream, job) })
}

/// # Safety
/// As for datasus_client_query.
unsafe fn query(
    client: *mut ClientHandle,
    params: *const c_char,
    cancel: *mut CancelHandle,
    stream: *mut FFI_ArrowArrayStream,
    job: *mut *mut JobHandle,
) -> Result<()> {
    // SAFETY: as the caller promises.
    let (params, stream, job) =
        unsafe { (text(params, "params")?, Out::new(stream, "stream")?, Out::optional(job, "job")?) };
    let cancel = cancel_or_none(cancel)?;
    let pending = with(client, |held| held.client.begin_query_until(&held.client.params(params)?, &cancel))?;
    if let Some(job) = job {
        give_job(job, pending.job().clone());
    }
    stream.stream(Box::new(Query::new(pending)));
    Ok(())
}

/// Starts a query into files or tables, and returns when it has been checked and queued.
///
/// `sinks`: a JSON list, or one of it: "a.csv" (or .csv.zst, .parquet), {"csv": {"path": "a.csv"}}, {"parquet": {...}},
/// {"postgres": {"table": "sih_data.rd"}}.
/// `job` receives the handle, to be released with datasus_job_release; the job goes on without it. While the text of SQL is parsed
/// there is none yet, as with datasus_client_query. DS-400, DS-422: what is wrong
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
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_submit", error, || unsafe { submit(client, params, sinks, null_mut(), job) })
}

/// The same, until `cancel` is set, as datasus_client_query_until.
///
/// # Safety
/// As for datasus_client_submit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_submit_until(
    client: *mut ClientHandle,
    params: *const c_char,
    sinks: *const c_char,
    cancel: *mut CancelHandle,
    job: *mut *mut JobHandle,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_submit_until", error, || unsafe { submit(client, params, sinks, cancel, job) })
}

/// # Safety
/// As for datasus_client_submit.
unsafe fn submit(
    client: *mut ClientHandle,
    params: *const c_char,
    sinks: *const c_char,
    cancel: *mut CancelHandle,
    job: *mut *mut JobHandle,
) -> Result<()> {
    // SAFETY: as the caller promises.
    let (params, sinks, job) = unsafe { (text(params, "params")?, text(sinks, "sinks")?, Out::new(job, "job")?) };
    let cancel = cancel_or_none(cancel)?;
    let submit = |held: &Arc<Held>| {
        held.client.submit_until(&held.client.params(params)?, held.client.destinations(sinks)?, &cancel)
    };
    give_job(job, with(client, submit)?);
    Ok(())
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
        say(client, plan, |held| json(&held.client.explain(&held.client.params(params)?)?))
    })
}

/// What a query will take, as JSON: rows, bytes, duration and peak memory, each with low, likely and high, between which 90 of 100
/// queries stay. Nothing is fetched, converted or run. The text is the caller's. DS-400, DS-422: what is wrong with params.
///
/// # Safety
/// `params`: a text; `estimate`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_estimate(
    client: *mut ClientHandle,
    params: *const c_char,
    estimate: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_estimate", error, || unsafe {
        let params = text(params, "params")?;
        say(client, estimate, |held| json(&held.client.estimate(&held.client.params(params)?)?))
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

/// Every dataset that there is, whether the source holds any of it or not, as a JSON list. The text is the caller's.
///
/// # Safety
/// `catalog`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_catalog(
    client: *mut ClientHandle,
    catalog: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_catalog", error, || unsafe { say(client, catalog, |held| json(&held.client.catalog())) })
}

/// The lists of labels, built in and of fetched kits, as a JSON list: which, of whom, from when. The text is the caller's.
///
/// # Safety
/// `dictionaries`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_dictionaries(
    client: *mut ClientHandle,
    dictionaries: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_dictionaries", error, || unsafe {
        say(client, dictionaries, |held| json(&held.client.dictionaries()?))
    })
}

/// Brings the ministry's kits of labels into the lake; `source`: a tree, a zip or a folder, or NULL for the client's own. `outcome`
/// receives JSON, the caller's: `kits`, `failed`, `absent`. DS-404: no kit is there.
///
/// # Safety
/// `source`: NULL or a text; `outcome`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_sync_dictionaries(
    client: *mut ClientHandle,
    source: *const c_char,
    outcome: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_sync_dictionaries", error, || unsafe {
        let source = optional(source, "source")?;
        say(client, outcome, |held| json(&held.client.sync_dictionaries(source)?))
    })
}

/// What the source holds, as JSON: `datasets`, and `ignored`, the files that no query reads, each with the reason. The text is
/// the caller's.
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

/// The same in OpenMetrics' text form, with a job's trace_id as exemplar of each bucket of durations and waits. The text is the
/// caller's.
///
/// # Safety
/// `metrics`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_open_metrics(
    client: *mut ClientHandle,
    metrics: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_open_metrics", error, || unsafe {
        say(client, metrics, |held| Ok(held.client.open_metrics()))
    })
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
pub unsafe fn say(
    client: *mut ClientHandle,
    place: *mut TextOut,
    work: impl FnOnce(&Arc<Held>) -> Result<String>,
) -> Result<()> {
    // SAFETY: as the caller promises.
    let out = unsafe { Out::new(place, "out")? };
    out.say(with(client, work)?);
    Ok(())
}
