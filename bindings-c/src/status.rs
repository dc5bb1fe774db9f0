//! What functions return, and what a job's state is, as numbers.

use datasus::Code;

/// What a function returns: 0, or the number of the error's code (DS-422 is 422).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// Not an error: the time is up, and the job goes on. From datasus_job_wait only.
    NotYet = 1,
    /// DS-400: malformed JSON, or an unknown key.
    Malformed = 400,
    /// DS-401: credentials were refused.
    CredentialsRefused = 401,
    /// DS-403: a path or function outside what the client may touch.
    Forbidden = 403,
    /// DS-404: no such dataset, table or job; or files are missing.
    NotFound = 404,
    /// DS-409: the target has another shape, or a job is in another state.
    Conflict = 409,
    /// DS-413: more rows than the sink takes.
    TooManyRows = 413,
    /// DS-422: a parameter is wrong; also NULL, text that is not UTF-8, and a handle that was released.
    InvalidParams = 422,
    /// DS-424: more dead letters than allowed.
    TooManyDeadLetters = 424,
    /// DS-429: the queue is full; try again later.
    QueueFull = 429,
    /// DS-460: a source file is damaged.
    DamagedFile = 460,
    /// DS-498: used in a forked child.
    Forked = 498,
    /// DS-499: cancelled.
    Cancelled = 499,
    /// DS-500: a defect of the library.
    Internal = 500,
    /// DS-502: a source, store or database is unreachable or broke off; try again later.
    Unreachable = 502,
    /// DS-503: memory is exhausted; try again later.
    OutOfMemory = 503,
    /// DS-504: the deadline passed.
    DeadlinePassed = 504,
    /// DS-507: the disk is full.
    DiskFull = 507,
}

impl From<Code> for Status {
    fn from(code: Code) -> Self {
        match code {
            Code::Malformed => Status::Malformed,
            Code::CredentialsRefused => Status::CredentialsRefused,
            Code::Forbidden => Status::Forbidden,
            Code::NotFound => Status::NotFound,
            Code::Conflict => Status::Conflict,
            Code::TooManyRows => Status::TooManyRows,
            Code::InvalidParams => Status::InvalidParams,
            Code::TooManyDeadLetters => Status::TooManyDeadLetters,
            Code::QueueFull => Status::QueueFull,
            Code::DamagedFile => Status::DamagedFile,
            Code::Forked => Status::Forked,
            Code::Cancelled => Status::Cancelled,
            Code::Internal => Status::Internal,
            Code::Unreachable => Status::Unreachable,
            Code::OutOfMemory => Status::OutOfMemory,
            Code::DeadlinePassed => Status::DeadlinePassed,
            Code::DiskFull => Status::DiskFull,
        }
    }
}

/// Where a job stands.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits for a slot.
    Queued = 0,
    Running = 1,
    /// It waits for its reader, and others use its slot.
    Parked = 2,
    /// It waits before another attempt.
    Retrying = 3,
    Completed = 4,
    Failed = 5,
    Cancelled = 6,
}

impl From<datasus::Status> for JobState {
    fn from(status: datasus::Status) -> Self {
        match status {
            datasus::Status::Queued => JobState::Queued,
            datasus::Status::Running => JobState::Running,
            datasus::Status::Parked => JobState::Parked,
            datasus::Status::Retrying => JobState::Retrying,
            datasus::Status::Completed => JobState::Completed,
            datasus::Status::Failed => JobState::Failed,
            datasus::Status::Cancelled => JobState::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_of_its_own_number() {
        for code in Code::ALL {
            assert_eq!(Status::from(*code) as i32, i32::from(code.number()));
        }
    }
}
