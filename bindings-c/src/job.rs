//! A job seen from C.

use std::ptr::{null_mut, without_provenance_mut};
use std::time::Duration;

use datasus::governor::Governor;
use datasus::{Job, Mode, Phase, ProgressSnapshot, Result};

use crate::args::{Out, hand_in, live, not_one_of};
use crate::error::ErrorOut;
use crate::fence::{fence, fence_status};
use crate::status::{JobState, Status};
use crate::text::TextOut;
use crate::ticket::Tickets;

/// A query at work. Any thread may use it, and several at once.
pub struct JobHandle([u8; 0]);

pub static JOBS: Tickets<Job> = Tickets::new();

pub fn give_job(out: Out<*mut JobHandle>, job: Job) {
    out.put(without_provenance_mut(JOBS.keep(job)));
}

/// How far a job has come. Where the caller makes it, it sets `struct_size` (0 stands for that of version 1).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// sizeof(datasus_progress) as the caller was compiled.
    pub struct_size: u32,
    /// A datasus_job_state.
    pub state: i32,
    /// How full the memory is: 0 normal, 1 conservative (from 70 % on), 2 emergency (from 85 %), 3 maintenance (by hand).
    pub mode: i32,
    /// Rows delivered.
    pub rows: u64,
    /// Rows that there will be; -1 while unknown.
    pub rows_total: i64,
    /// Bytes of source files that were read to be converted; in phase 4, that have come.
    pub bytes: u64,
    pub files_done: u64,
    pub files_total: u64,
    /// Share of the phase's work done, from 0 to 1, and 1 once the job is complete; -1 while unknown.
    pub fraction: f64,
    /// What the job is busy with: 0 it waits, 1 files become Parquet, 2 the engine computes, 3 rows go into files and tables, 4 files
    /// are downloaded.
    pub phase: i32,
    /// Seconds since the job was submitted, until its end.
    pub elapsed_sec: f64,
    /// Seconds that the phase will take at its pace so far; -1 while unknown.
    pub remaining_sec: f64,
    /// Bytes that are downloaded or converted in this phase, all in all; -1 in others.
    pub bytes_total: i64,
    /// Bytes downloaded a second, on average; -1 in other phases.
    pub bytes_per_sec: f64,
}

/// Bytes of version 1, which ended with `fraction`.
const VERSION_1: usize = std::mem::offset_of!(Progress, phase);

impl Progress {
    pub fn new(state: datasus::Status, of: &ProgressSnapshot) -> Self {
        let mode = match Governor::of_process().mode() {
            Mode::Normal => 0,
            Mode::Conservative => 1,
            Mode::Emergency => 2,
            Mode::Maintenance => 3,
        };
        Progress {
            struct_size: size_of::<Progress>() as u32,
            state: JobState::from(state) as i32,
            mode,
            rows: of.rows,
            rows_total: of.rows_total.and_then(|rows| i64::try_from(rows).ok()).unwrap_or(-1),
            bytes: of.bytes,
            files_done: of.files_done,
            files_total: of.files_total,
            fraction: of.fraction.unwrap_or(-1.0),
            phase: match of.phase {
                Phase::Waiting => 0,
                Phase::Converting => 1,
                Phase::Running => 2,
                Phase::Loading => 3,
                Phase::Downloading => 4,
                _ => -1,
            },
            elapsed_sec: of.elapsed_sec,
            remaining_sec: of.remaining_sec.unwrap_or(-1.0),
            bytes_total: of.bytes_total.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(-1),
            bytes_per_sec: of.bytes_per_sec.unwrap_or(-1.0),
        }
    }
}

/// The job's id, a ULID, by which datasus_client_resume and others find it. The text is the caller's.
///
/// # Safety
/// `id`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_job_id(job: *mut JobHandle, id: *mut TextOut, error: *mut ErrorOut) -> Status {
    fence("datasus_job_id", error, || {
        // SAFETY: the caller's promise is the same.
        let out = unsafe { Out::new(id, "id")? };
        out.say(live(&JOBS, job, "job")?.id());
        Ok(())
    })
}

/// State and progress, now; does not wait.
///
/// # Safety
/// `progress`: a datasus_progress with its struct_size set; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_job_status(
    job: *mut JobHandle,
    progress: *mut Progress,
    error: *mut ErrorOut,
) -> Status {
    fence("datasus_job_status", error, || {
        // SAFETY: the caller's promise is the same.
        let out = unsafe { Out::new(progress, "progress")? };
        let place = out.as_ptr();
        // SAFETY: it comes first, and valid for a read, as its size was set. The caller's struct may end before ours.
        let given = unsafe { (&raw const (*place).struct_size).read() };
        let bytes = if given == 0 { VERSION_1 } else { (given as usize).min(size_of::<Progress>()) };
        if bytes < VERSION_1 {
            return Err(not_one_of("progress->struct_size", given.into(), "sizeof(datasus_progress)"));
        }
        let job = live(&JOBS, job, "job")?;
        let now = Progress { struct_size: given, ..Progress::new(job.status(), &job.progress()) };
        // SAFETY: the caller's struct has that many bytes, and ours has at least as many.
        unsafe { std::ptr::copy_nonoverlapping((&raw const now).cast::<u8>(), place.cast::<u8>(), bytes) };
        Ok(())
    })
}

/// Asks the job to stop, and returns at once: its stream and datasus_job_wait end with DS-499, within 100 ms. Nothing of it
/// stays. A job that has ended stays as it is. Any thread; not from a signal's handler.
///
/// # Safety
/// `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_job_cancel(job: *mut JobHandle, error: *mut ErrorOut) -> Status {
    fence("datasus_job_cancel", error, || live(&JOBS, job, "job").map(|job| job.cancel()))
}

/// The same as datasus_job_cancel, but what the job has written into files and tables is kept: its error names it, and
/// datasus_client_resume goes on where it stopped. For a program that Ctrl-C ends.
///
/// # Safety
/// `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_job_interrupt(job: *mut JobHandle, error: *mut ErrorOut) -> Status {
    fence("datasus_job_interrupt", error, || live(&JOBS, job, "job").map(|job| job.interrupt()))
}

/// Waits for the job's end, `timeout_ms` milliseconds at most (0: not at all; negative: for as long as it takes).
///
/// DATASUS_STATUS_OK: it is complete, and `report`, unless that is NULL, received the report as JSON, the caller's.
/// DATASUS_STATUS_NOT_YET: it goes on. Anything else is how the job failed, in `error`, every time it is asked. A query is
/// complete when its rows have been taken: one thread that waits before it reads them waits for ever.
///
/// # Safety
/// `report`: NULL or a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_job_wait(
    job: *mut JobHandle,
    timeout_ms: i64,
    report: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    fence_status("datasus_job_wait", error, || {
        // SAFETY: the caller's promise is the same.
        let out = unsafe { Out::optional(report, "report")? };
        wait(&*live(&JOBS, job, "job")?, timeout_ms, out)
    })
}

fn wait(job: &Job, timeout_ms: i64, out: Option<Out<TextOut>>) -> Result<Status> {
    let outcome = match u64::try_from(timeout_ms) {
        Ok(timeout) => job.wait_timeout(Duration::from_millis(timeout)),
        Err(_) => Some(job.wait()),
    };
    let Some(outcome) = outcome else { return Ok(Status::NotYet) };
    let report = outcome?;
    if let Some(out) = out {
        out.say(report.to_json().to_string());
    }
    Ok(Status::Ok)
}

/// Releases the handle; NULL is fine. The job goes on. DS-422: released already. Any thread.
///
/// # Safety
/// Any value is allowed: a handle is looked up, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_job_release(job: *mut JobHandle) -> Status {
    fence("datasus_job_release", null_mut(), || hand_in(&JOBS, job, "job").map(drop))
}
