//! A job that left something, and how it stands.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{Error, Owner};

/// How the process that ran a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Standing {
    /// A process works at it now.
    Running,
    /// Its process died.
    Crashed,
    /// It began on another machine, or in another container, and nobody holds it here.
    Foreign,
    /// It failed, and can be resumed.
    Failed,
    /// It has ended; only its dead letters are left.
    Ended,
    /// What its folder holds cannot be read, or is not to be trusted; the error says why. Nothing but `discard` goes on.
    Unreadable,
}

/// A job that left something.
#[derive(Debug, Clone)]
pub struct Found {
    /// Of the job.
    pub id: String,
    /// How it stands.
    pub standing: Standing,
    /// The process that has it, or had it.
    pub owner: Option<Owner>,
    /// What it was to do.
    pub plan: Value,
    /// How it ended, if it did.
    pub end: Option<End>,
    /// Its folder.
    pub path: PathBuf,
    /// Why nothing of it can be read, where that is so.
    pub unreadable: Option<Error>,
}

/// How a job ended that left something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// True: what it left goes on in a resume.
    pub resumable: bool,
    /// The error, in the contract's form; none for a job that completed with dead letters.
    pub error: Option<Value>,
    /// Records that were not taken.
    pub dead_letters: u64,
}
