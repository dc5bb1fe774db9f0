//! A job that left something, as programs are told of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{ErrorForm, Result, masked_json};
use crate::params::QueryParams;
use crate::recovery::Standing;
use crate::run::stored_plan;
use crate::sink::Destination;

/// A job that left something, as [`crate::Client::jobs`] lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobInfo {
    /// By which it is resumed or discarded.
    pub job_id: String,
    /// How it stands.
    pub standing: Standing,
    /// When it was submitted, as RFC 3339.
    pub created_at: String,
    /// The query, without passwords; null where it cannot be read.
    #[schemars(with = "Option<QueryParams>")]
    pub params: Value,
    /// Where its rows go, without passwords; empty where that cannot be read, which its standing says.
    pub destinations: Vec<JobDestination>,
    /// The error that it ended with, in the contract's form.
    #[schemars(with = "Option<ErrorForm>")]
    pub error: Option<Value>,
    /// Records that were not taken.
    pub dead_letters: u64,
    /// The process that ran it; 0 where that cannot be read.
    pub pid: u32,
    /// The machine that had it.
    pub host: String,
}

/// Where the rows of a job go, as its state keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobDestination {
    /// Its options by its kind, with the name that it has for this job.
    pub to: DestinationOptions,
    /// The address that it named, without its password; null for a file, and where it is the client's own.
    #[serde(default)]
    pub url: Option<String>,
    /// That address had a password, or options for the session, which are not stored.
    #[serde(default)]
    pub password_left_out: bool,
}

/// The options of a destination by its kind: `{"csv": {...}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[non_exhaustive]
pub enum DestinationOptions {
    /// Of a kind that every client knows.
    Known(Destination),
    /// Of a kind of the program's own, or of another version of datasus.
    Other(Map<String, Value>),
}

/// The destinations of a job's stored plan. DS-409 where they are none.
pub(super) fn destinations(plan: &Value) -> Result<Vec<JobDestination>> {
    match plan.get("destinations") {
        Some(stored) => serde_json::from_value(masked_json(stored.clone())).map_err(stored_plan::not_read),
        // No plan at all: that it cannot be read is said already.
        None => Ok(Vec::new()),
    }
}
