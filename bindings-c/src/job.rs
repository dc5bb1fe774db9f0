//! A job seen from C.

use std::ptr::{null_mut, without_provenance_mut};
use std::time::Duration;

use datasus::governor::Governor;
use datasus::{Job, Mode, ProgressSnapshot, Result};

use crate::error::ErrorOut;
use crate::fence::{fence, fence_status};
use crate::given::{Out, hand_in, live, not_one_of};
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
    /// Bytes of source files that were read to be converted.
    pub bytes: u64,
    pub files_done: u64,
    pub files_total: u64,
    /// Share of the work done, from 0 to 1; -1 while unknown.
    pub fraction: f64,
}

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
        // SAFETY: valid for a read, as its size was set.
        let given = unsafe { (*out.as_ptr()).struct_size };
        if given != 0 && (given as usize) < size_of::<Progress>() {
            return Err(not_one_of("progress->struct_size", given.into(), "sizeof(datasus_progress)"));
        }
        let job = live(&JOBS, job, "job")?;
        let now = Progress::new(job.status(), &job.progress());
        out.put(Progress { struct_size: given, ..now });
        Ok(())
    })
}

/// Asks the job to stop, and returns at once: its stream and datasus_job_wait end with DS-499, within 100 ms. A job that has
/// ended stays as it is. Any thread; not from a signal's handler.
///
/// # Safety
/// `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_job_cancel(job: *mut JobHandle, error: *mut ErrorOut) -> Status {
    fence("datasus_job_cancel", error, || live(&JOBS, job, "job").map(|job| job.cancel()))
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
    let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
    let Some(outcome) = job.wait(timeout) else { return Ok(Status::NotYet) };
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
