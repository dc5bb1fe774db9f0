//! An error on its way from one process of ours to another: all of it, in both languages, so that it is there what it was here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Cause, Code, Error, Problem, Text};

/// The parts of the way that an engine's errors name.
const STAGES: &[&str] = &["query", "spill", "governor", "gate", "plan", "isolation"];

/// An error without trace and language, which are those of the job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ErrorCarried {
    problems: Vec<Carried>,
    stage: Option<String>,
    file: Option<String>,
    offset: Option<u64>,
    row: Option<u64>,
    column: Option<String>,
    cause: Option<Cause>,
    source: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Carried {
    code: u16,
    pt: String,
    en: String,
    diagnostic: Map<String, Value>,
}

impl From<&Error> for ErrorCarried {
    fn from(error: &Error) -> Self {
        let carried = |problem: &Problem| Carried {
            code: problem.code.number(),
            pt: problem.detail.pt.clone(),
            en: problem.detail.en.clone(),
            diagnostic: problem.diagnostic.clone(),
        };
        let context = error.context();
        ErrorCarried {
            problems: error.problems().iter().map(carried).collect(),
            stage: context.stage.map(str::to_owned),
            file: context.file.clone(),
            offset: context.offset,
            row: context.row,
            column: context.column.clone(),
            cause: error.cause(),
            source: std::error::Error::source(error).map(ToString::to_string),
        }
    }
}

impl From<ErrorCarried> for Error {
    fn from(carried: ErrorCarried) -> Self {
        let problem = |of: Carried| {
            let code = Code::ALL.iter().copied().find(|code| code.number() == of.code).unwrap_or(Code::Internal);
            Problem { diagnostic: of.diagnostic, ..Problem::new(code, Text { pt: of.pt, en: of.en }) }
        };
        let mut error = Error::from_problems(carried.problems.into_iter().map(problem).collect());
        if let Some(stage) = STAGES.iter().copied().find(|stage| carried.stage.as_deref() == Some(*stage)) {
            error = error.stage(stage);
        }
        let ErrorCarried { file, offset, row, column, cause, source, .. } = carried;
        error = file.into_iter().fold(error, Error::file);
        error = offset.into_iter().fold(error, Error::offset);
        error = row.into_iter().fold(error, Error::row);
        error = column.into_iter().fold(error, Error::column);
        error = cause.into_iter().fold(error, Error::caused_by);
        source.into_iter().fold(error, Error::because)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text;

    #[test]
    fn an_error_is_there_what_it_was_here() {
        let second = Problem::new(Code::Forbidden, text!("proibido", "forbidden")).with("name", "x");
        let first = Problem::new(Code::InvalidParams, text!("errado", "wrong")).with("did_you_mean", vec!["a", "b"]);
        let error = Error::from_problems(vec![first, second])
            .stage("query")
            .file("a.parquet")
            .offset(7)
            .row(3)
            .column("CNES")
            .caused_by(Cause::EngineMemory)
            .because("the engine's own words");
        let text = serde_json::to_string(&ErrorCarried::from(&error)).unwrap();
        let there = Error::from(serde_json::from_str::<ErrorCarried>(&text).unwrap());
        assert_eq!(there.to_json(), error.to_json());
        assert_eq!(there.sentence(), error.sentence());
        assert_eq!(there.cause(), Some(Cause::EngineMemory));
        assert_eq!(std::error::Error::source(&there).unwrap().to_string(), "the engine's own words");
    }
}
