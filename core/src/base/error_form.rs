//! An error as the contract has it: what crosses to every language, and what is kept of a job that failed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Context, Error, Language, Problem, Retry, TraceId};

/// What went wrong, in the same shape in every language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ErrorForm {
    /// Always `error`.
    pub status: Failed,
    /// Stable code, as `DS-422`: that of the first problem.
    pub error_code: String,
    /// The sentence for people, in the client's language.
    pub detail: String,
    /// Facts for programs: `expected_format`, `received`, `valid_examples`, `did_you_mean`, ...
    pub diagnostic: Map<String, Value>,
    /// Of the sentences.
    pub language: Language,
    /// Ties the error to log lines and reports.
    pub trace_id: Option<String>,
    /// Whether the same call may be made again.
    pub retry: Retry,
    /// `retry` is `later`.
    pub retryable: bool,
    /// Every problem, the first included, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ProblemForm>,
    /// Where it happened, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextForm>,
}

/// The `status` of every error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ErrorStatus")]
#[non_exhaustive]
pub enum Failed {
    /// The one value.
    Error,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Problem")]
#[non_exhaustive]
pub struct ProblemForm {
    /// `DS-422` and its like.
    pub error_code: String,
    /// What is wrong, and what to do, in the client's language.
    pub detail: String,
    /// Facts for programs.
    pub diagnostic: Map<String, Value>,
}

/// Where an error happened; what is not known is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ErrorContext")]
#[non_exhaustive]
pub struct ContextForm {
    /// The part of the line that failed: `validate`, `convert`, `query`, `csv`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The file that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Byte offset in `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Row in `file`, or of the result where no file is named, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The column that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// PostgreSQL's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
}

impl Error {
    /// The contract's form.
    pub fn form(&self) -> ErrorForm {
        ErrorForm::of(self)
    }

    /// The contract's JSON form.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self.form()).unwrap_or(Value::Null)
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

impl ErrorForm {
    fn of(error: &Error) -> Self {
        let language = error.language();
        let problem = |one: &Problem| ProblemForm {
            error_code: one.code.as_str().to_owned(),
            detail: one.detail.get(language).to_owned(),
            diagnostic: one.diagnostic.clone(),
        };
        let several = if error.problems().len() > 1 { error.problems() } else { &[] };
        let context = error.context();
        ErrorForm {
            status: Failed::Error,
            error_code: error.code().as_str().to_owned(),
            detail: error.detail().to_owned(),
            diagnostic: error.diagnostic().clone(),
            language,
            trace_id: error.trace_id().map(TraceId::to_string),
            retry: error.retry(),
            retryable: error.retryable(),
            problems: several.iter().map(problem).collect(),
            context: (*context != Context::default()).then(|| ContextForm {
                stage: context.stage.map(str::to_owned),
                file: context.file.clone(),
                offset: context.offset,
                row: context.row,
                column: context.column.clone(),
                sqlstate: context.sqlstate.clone(),
            }),
        }
    }
}
