//! What jobs left: to go on with, to read, to give up.

use std::ffi::c_char;
use std::ptr::null_mut;

use datasus::Result;

use crate::args::{Out, text};
use crate::cancel::{CancelHandle, cancel_or_none};
use crate::client::{ClientHandle, json, say, with};
use crate::error::ErrorOut;
use crate::fence::fence;
use crate::job::{JobHandle, give_job};
use crate::status::Status;
use crate::text::TextOut;

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
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_resume", error, || unsafe { resume(client, job_id, null_mut(), job) })
}

/// The same, until `cancel` is set, as datasus_client_query_until: the call ends with DS-499, and so does the job that goes on.
///
/// # Safety
/// As for datasus_client_resume.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_resume_until(
    client: *mut ClientHandle,
    job_id: *const c_char,
    cancel: *mut CancelHandle,
    job: *mut *mut JobHandle,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_resume_until", error, || unsafe { resume(client, job_id, cancel, job) })
}

/// # Safety
/// As for datasus_client_resume.
unsafe fn resume(
    client: *mut ClientHandle,
    job_id: *const c_char,
    cancel: *mut CancelHandle,
    job: *mut *mut JobHandle,
) -> Result<()> {
    // SAFETY: as the caller promises.
    let (job_id, job) = unsafe { (text(job_id, "job_id")?, Out::new(job, "job")?) };
    let cancel = cancel_or_none(cancel)?;
    give_job(job, with(client, |held| held.client.resume_until(job_id, &cancel))?);
    Ok(())
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
