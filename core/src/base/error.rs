//! The one error of the SDK: what happened, where, what was expected, and whether to try again.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::clip::{clip_fact, clip_sentence};
use super::{Cause, Code, Language, Odd, Retry, Text, TraceId, io_words, masked, masked_json, text};

/// What everything that can fail gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in a shape that every binding carries unchanged.
///
/// [`Error::to_json`] gives the contract's form; `Display` gives the sentence for people, in the
/// language of the client that made it (Portuguese unless asked otherwise).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    problems: Vec<Problem>,
    context: Context,
    language: Language,
    trace_id: Option<TraceId>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    cause: Option<Cause>,
}

/// One thing that is wrong; an answer to a query lists all of them.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The kind of the problem.
    pub code: Code,
    /// What is wrong, and what to do.
    pub detail: Text,
    /// Facts for programs: `expected_format`, `received`, `valid_examples`, `did_you_mean`, ...
    pub diagnostic: Map<String, Value>,
}

/// Where it went wrong; what is not known is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The part of the way on which it happened: `validate`, `convert`, `query`, ...
    pub stage: Option<&'static str>,
    /// The file that it is about.
    pub file: Option<String>,
    /// Byte offset in `file`.
    pub offset: Option<u64>,
    /// Row in `file`, or of the result where no file is named, counted from 0.
    pub row: Option<u64>,
    /// The column that it is about.
    pub column: Option<String>,
    /// PostgreSQL's code.
    pub sqlstate: Option<String>,
}

impl Problem {
    /// One problem of a request.
    pub fn new(code: Code, detail: Text) -> Self {
        let detail = Text { pt: clip_sentence(detail.pt), en: clip_sentence(detail.en) };
        Problem { code, detail, diagnostic: Map::new() }
    }

    /// Adds a fact to the diagnostic.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.diagnostic.insert(key.to_owned(), clip_fact(value.into()));
        self
    }
}

impl Error {
    /// An error of this kind that says this.
    pub fn new(code: Code, detail: Text) -> Self {
        Error::from_problems(vec![Problem::new(code, detail)])
    }

    /// All problems of one answer; the first gives the error its code.
    ///
    /// An empty list would be a defect of the caller and becomes DS-500.
    pub fn from_problems(mut problems: Vec<Problem>) -> Self {
        if problems.is_empty() {
            problems.push(Problem::new(
                Code::Internal,
                text!("Erro sem problema: defeito do datasus", "An error without a problem: a defect of datasus"),
            ));
        }
        // Whatever they quote, no password leaves by them.
        for Problem { detail, diagnostic, .. } in &mut problems {
            *detail = Text { pt: masked(&detail.pt).into_owned(), en: masked(&detail.en).into_owned() };
            diagnostic.values_mut().for_each(|value| *value = masked_json(value.take()));
        }
        Error(Box::new(Inner {
            problems,
            context: Context::default(),
            language: Language::default(),
            trace_id: None,
            source: None,
            cause: None,
        }))
    }

    /// What a caught panic said, as DS-500; `place` says whose it was.
    pub fn panicked(place: &str, panic: &(dyn std::any::Any + Send)) -> Self {
        let what = panic.downcast_ref::<String>().map(String::as_str);
        let what = what.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic");
        Error::internal(format!("{place}: {what}"))
    }

    /// A defect of ours: `what` names it in English, for the report that the user sends us.
    pub fn internal(what: impl std::fmt::Display) -> Self {
        let made = Error::new(
            Code::Internal,
            text!(
                "Defeito interno do datasus (\"{what}\"); por favor, relate-o com o trace_id",
                "A defect inside datasus: {what}. Please report it with the trace_id"
            ),
        );
        made.with("defect", what.to_string())
    }

    /// One of ours among the sources of another's, who carried it: an object's bytes come through readers that know only errors of
    /// the operating system.
    pub fn within(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(own) = error.downcast_ref::<Error>() {
                return Some(own.clone());
            }
            // What is in such an error is not its source.
            let inside = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
            next = inside.map(|inside| inside as &(dyn std::error::Error + 'static)).or_else(|| error.source());
        }
        None
    }

    /// An operating system's error on a file, under the code that fits it; one of ours that came by that way is what it was.
    pub fn io(error: std::io::Error, path: &Path) -> Self {
        use std::io::ErrorKind;
        if let Some(own) = Error::within(&error) {
            return own;
        }
        if let Some(odd) = Odd::of(&error) {
            return Error::odd(odd, path).because(error);
        }
        let (path, words) = (path.display(), io_words(&error));
        let (pt, en) = (words.pt, words.en);
        let (code, detail) = match error.kind() {
            ErrorKind::NotFound => {
                (Code::NotFound, text!("{path} não existe; confira o caminho", "{path} does not exist; check the path"))
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => (
                Code::Forbidden,
                text!(
                    "Sem acesso a {path}: {pt}; confira as permissões, ou escolha outra pasta",
                    "No access to {path}: {en}; check the permissions, or choose another folder"
                ),
            ),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => (
                Code::DiskFull,
                text!(
                    "Disco cheio ao gravar {path}: {pt}; libere espaço e repita",
                    "Disk full while writing {path}: {en}; free some space and try again"
                ),
            ),
            // Before anything is looked up: too long, or with a NUL.
            ErrorKind::InvalidFilename | ErrorKind::InvalidInput if error.raw_os_error() != Some(libc::EINVAL) => (
                Code::InvalidParams,
                text!(
                    "O nome {path} não é aceito aqui: {pt}; use nomes de até 255 bytes, em caminhos de até 4095",
                    "The name {path} is not accepted here: {en}; use names of 255 bytes at most, in paths of 4095"
                ),
            ),
            ErrorKind::IsADirectory => (
                Code::InvalidParams,
                text!(
                    "{path} é uma pasta; era esperado um arquivo, por exemplo {path}/RDAC2401.dbc",
                    "{path} is a folder; a file was expected, for example {path}/RDAC2401.dbc"
                ),
            ),
            _ => (Code::Unreachable, text!("Falha ao acessar {path}: {pt}", "Access to {path} failed: {en}")),
        };
        Error::new(code, detail).file(path.to_string()).because(error)
    }

    /// A path behind which is not what should be there.
    fn odd(odd: Odd, path: &Path) -> Self {
        let (path, words) = (path.display(), odd.words());
        let (pt, en) = (words.pt, words.en);
        let error = match odd {
            Odd::NotAFile => Error::new(
                Code::InvalidParams,
                text!(
                    "{path} não serve: {pt}; indique um arquivo, por exemplo RDAC2401.dbc",
                    "{path} does not do: {en}; name a file, for example RDAC2401.dbc"
                ),
            ),
            _ => Error::new(
                Code::Forbidden,
                text!(
                    "{path} não é confiável: {pt}; apague-o, ou escolha outra pasta",
                    "{path} is not to be trusted: {en}; delete it, or choose another folder"
                ),
            ),
        };
        error.with("why", en).file(path.to_string())
    }

    /// Adds a fact to the first problem's diagnostic.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        if let Some(first) = self.0.problems.first_mut() {
            first.diagnostic.insert(key.to_owned(), clip_fact(masked_json(value.into())));
        }
        self
    }

    /// About this file.
    pub fn file(mut self, file: impl Into<String>) -> Self {
        self.0.context.file = Some(clip_sentence(masked(&file.into()).into_owned()));
        self
    }

    /// At this byte of the file.
    pub fn offset(mut self, offset: u64) -> Self {
        self.0.context.offset = Some(offset);
        self
    }

    /// At this row.
    pub fn row(mut self, row: u64) -> Self {
        self.0.context.row = Some(row);
        self
    }

    /// About this column.
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.0.context.column = Some(clip_sentence(masked(&column.into()).into_owned()));
        self
    }

    /// With PostgreSQL's own code.
    pub fn sqlstate(mut self, state: impl Into<String>) -> Self {
        self.0.context.sqlstate = Some(state.into());
        self
    }

    /// Names the part of the line that failed (`validate`, `convert`, `query`, `csv`, ...), unless one is named.
    pub fn stage(mut self, stage: &'static str) -> Self {
        self.0.context.stage.get_or_insert(stage);
        self
    }

    /// With what caused it, which logs and `source()` tell.
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Says by type why, unless that is said.
    pub fn caused_by(mut self, cause: Cause) -> Self {
        self.0.cause.get_or_insert(cause);
        self
    }

    /// Gives the error the job's trace and language, unless it has a trace already.
    pub fn traced(mut self, trace_id: &TraceId, language: Language) -> Self {
        self.0.trace_id.get_or_insert_with(|| trace_id.clone());
        self.0.language = language;
        self
    }

    /// In which people are told.
    pub(super) fn language(&self) -> Language {
        self.0.language
    }

    /// The kind of the error.
    pub fn code(&self) -> Code {
        self.first().code
    }

    /// The sentence for people.
    pub fn detail(&self) -> &str {
        self.first().detail.get(self.0.language)
    }

    /// The same in both languages.
    pub(crate) fn sentence(&self) -> &Text {
        &self.first().detail
    }

    /// The sentences of every problem, one a line.
    pub fn message(&self) -> String {
        let sentences = self.0.problems.iter().map(|problem| problem.detail.get(self.0.language));
        sentences.collect::<Vec<_>>().join("\n")
    }

    /// The facts of the first problem.
    pub fn diagnostic(&self) -> &Map<String, Value> {
        &self.first().diagnostic
    }

    /// Every problem found, the first included.
    pub fn problems(&self) -> &[Problem] {
        &self.0.problems
    }

    /// Where it happened.
    pub fn context(&self) -> &Context {
        &self.0.context
    }

    /// Of the job or call that failed; none before it is known.
    pub fn trace_id(&self) -> Option<&TraceId> {
        self.0.trace_id.as_ref()
    }

    /// Why, for those who decide whether to try again; none where that is not known by type.
    pub fn cause(&self) -> Option<Cause> {
        self.0.cause
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> Retry {
        self.code().retry()
    }

    /// True where the same call may succeed later.
    pub fn retryable(&self) -> bool {
        self.retry() == Retry::Later
    }

    fn first(&self) -> &Problem {
        // `from_problems` is the only constructor and never leaves the list empty.
        &self.0.problems[0]
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code(), self.detail())?;
        // All of it: who reads only this must not ask again.
        for problem in self.0.problems.iter().skip(1) {
            write!(f, "\n{}: {}", problem.code, problem.detail.get(self.0.language))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}
