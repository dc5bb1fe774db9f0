//! One DBC or DBF file by itself, straight to Arrow: no lake, no query.
//!
//! ```no_run
//! use datasus::source::{RecordsOf, TypedRecords};
//! use datasus::{Catalog, Language};
//!
//! let wanted = RecordsOf { columns: Some(vec!["CNES".into(), "VAL_TOT".into()]), ..Default::default() };
//! let records = TypedRecords::open("RDAC2401.dbc".as_ref(), &wanted, Catalog::builtin(), Language::Pt)?;
//! for batch in records {
//!     println!("{} linhas", batch?.num_rows()); // a damaged file ends with DS-460
//! }
//! # Ok::<(), datasus::Error>(())
//! ```

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::Deserialize;

use super::dbc::{Batches, Encoding, EncodingChoice, Layout, OutputColumn, ReadOptions, RecordFile, Summary};
use super::header_columns::type_of;
use super::{FileSummary, Unlabelled};
use serde_json::Value;

use crate::base::{
    Cancel, Code, Error, Language, Problem, Result, Text, TraceId, clip, did_you_mean, exact_json, expand_home,
    json_words, options_by_name, text,
};
use crate::catalog::{Catalog, Competencia, Grupo, LogicalType};

/// Names of columns that one call takes, and problems that it names.
const MOST_COLUMNS: usize = 4_096;
pub(crate) const MOST_PROBLEMS: usize = 50;

/// What of a file is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordsOf {
    /// In this order, in any case, labels and derived columns (`idade_anos`) among them; none: every column, in the file's order.
    pub columns: Option<Vec<String>>,
    /// Whose types the columns have, where the file's name does not tell: `SIH-RD`.
    pub dataset: Option<String>,
    /// False: every column is text, as it stands in the file. True: numbers, money and days have the catalogue's types, or
    /// the header's where the catalogue has no columns of the dataset; a value that does not parse is NULL, and counted. Codes
    /// have the form that the catalogue states for the file's time.
    pub typed: bool,
    /// True: a DBC whose CRC-32 does not match ends with DS-460. False: it is not looked at.
    pub verify_crc: bool,
    /// Rows of a batch, but for the last.
    pub batch_rows: usize,
    /// Of the errors and warnings; none: as the call says.
    pub language: Option<Language>,
    /// What text is written in: `latin-1`, `cp850`, `cp1252`, `utf-8`, or `auto`, which reads the file once before and says in
    /// a warning what it found. None: Latin-1 for files and datasets of the catalogue, which are never guessed; `auto` for
    /// others.
    pub encoding: Option<String>,
    /// True: where the header declares more records than there are, those that are there are read, with a warning. False:
    /// DS-460.
    pub partial: bool,
    /// Words for codes, as in a query: true, or a list of columns, puts `<COLUMN>_rotulo` beside each column that has a list of
    /// labels. [`open_records`](crate::labels::open_records) makes them and what is derived.
    pub labels: Option<LabelsOf>,
    /// True: a label stands in its code's place.
    pub labels_only: bool,
}

/// Whether labels are wanted, and of which columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum LabelsOf {
    /// Of all columns that have a list, or of none.
    All(bool),
    /// Of these.
    Columns(Vec<String>),
}

impl LabelsOf {
    /// Whether any is.
    pub fn wanted(&self) -> bool {
        !matches!(self, LabelsOf::All(false))
    }

    /// The columns that are named; none: all.
    pub fn names(&self) -> Option<&[String]> {
        match self {
            LabelsOf::All(_) => None,
            LabelsOf::Columns(names) => Some(names),
        }
    }
}

impl RecordsOf {
    /// Reads an object with any of the fields. For bindings; an unknown key or a value of another kind is DS-400.
    pub fn from_json(json: &str) -> Result<Self> {
        let refused = |Text { pt, en }: Text| {
            Error::new(Code::Malformed, text!("Opções de leitura inválidas: {pt}", "Invalid options of reading: {en}"))
                .stage("validate")
        };
        let value = exact_json(json).map_err(|error| refused(error.what))?;
        if !value.is_object() {
            return Err(refused(options_by_name()));
        }
        serde_json::from_value(value).map_err(|error| refused(json_words(&error)))
    }
}

impl Default for RecordsOf {
    fn default() -> Self {
        RecordsOf {
            columns: None,
            dataset: None,
            typed: true,
            verify_crc: true,
            batch_rows: 65_536,
            encoding: None,
            partial: false,
            language: None,
            labels: None,
            labels_only: false,
        }
    }
}

/// The records of one file, as an iterator of batches; records marked deleted are left out. A damaged file ends with DS-460
/// as its last item.
pub struct TypedRecords {
    batches: Batches,
    name: String,
    warnings: Vec<String>,
    language: Language,
    made: Option<Box<dyn Make>>,
    /// By an error.
    ended: bool,
}

/// What becomes of a file's batches.
pub(crate) trait Make: Send + Sync {
    fn schema(&self) -> SchemaRef;

    fn batch(&mut self, read: RecordBatch) -> Result<RecordBatch>;

    /// Of the batches so far.
    fn unlabelled(&self) -> Vec<Unlabelled>;
}

impl TypedRecords {
    /// Opens the file and checks what is asked: DS-404 no such file, DS-422 no such column (every one named), dataset or
    /// encoding, DS-460 not a DBC or DBF, or a column of a type that is not read.
    pub fn open(path: &Path, wanted: &RecordsOf, catalog: &'static Catalog, language: Language) -> Result<Self> {
        let language = wanted.language.unwrap_or(language);
        let opened = TypedRecords::opened(path, wanted, catalog, language);
        opened.map_err(|error| error.traced(&TraceId::new(), language))
    }

    fn opened(path: &Path, wanted: &RecordsOf, catalog: &'static Catalog, language: Language) -> Result<Self> {
        let path = &expand_home(path);
        let choice = wanted.encoding.as_deref().map(str::parse::<EncodingChoice>).transpose()?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let id = catalog.identify(&name);
        let grupo = match (&wanted.dataset, &id) {
            (Some(dataset), _) => Some(catalog.read(dataset).ok_or_else(|| no_dataset(dataset, catalog))?),
            (None, Some(id)) => catalog.dataset(&id.dataset.to_string()),
            (None, None) => None,
        };
        let (encoding, chosen) = encoding(path, &name, choice, grupo);
        let options =
            ReadOptions { verify_crc: wanted.verify_crc, encoding, partial: wanted.partial, ..Default::default() };
        let file = RecordFile::open(path, &options)?;
        let competencia = id.as_ref().map(|id| id.competencia);
        let columns = columns(&file, wanted, grupo.filter(|_| wanted.typed), competencia)?;
        let warnings = file.warnings().iter().chain(&chosen).map(|warning| warning.get(language).to_owned()).collect();
        let reference_year = competencia.map_or(2099, Competencia::ano);
        let layout = Layout { columns, batch_rows: wanted.batch_rows, filter: None, reference_year };
        Ok(TypedRecords {
            batches: file.batches(layout)?,
            name: name.into_owned(),
            warnings,
            language,
            made: None,
            ended: false,
        })
    }

    /// Ends with DS-499 once `cancel` is set.
    pub fn cancel_with(self, cancel: Cancel) -> Self {
        TypedRecords { batches: self.batches.cancel_with(cancel), ..self }
    }

    /// The same with batches made of these, and what is to be said of them.
    pub(crate) fn with_made(mut self, made: Box<dyn Make>, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        TypedRecords { made: Some(made), ..self }
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> SchemaRef {
        self.made.as_ref().map_or_else(|| self.batches.schema(), |made| made.schema())
    }

    /// What is odd about the file and does no harm.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What was read: deleted and unreadable records, values that did not parse. Complete after the last batch.
    pub fn summary(&self) -> Summary {
        self.batches.summary()
    }

    /// The same, and the warnings, as the contract has them; for bindings.
    pub fn file_summary(&self) -> FileSummary {
        let unlabelled = self.made.as_ref().map(|made| made.unlabelled()).unwrap_or_default();
        FileSummary::of(self.summary(), unlabelled, &self.name, &self.warnings, self.language)
    }

    /// Its JSON.
    pub fn summary_json(&self) -> Value {
        serde_json::to_value(self.file_summary()).unwrap_or_default()
    }
}

impl Iterator for TypedRecords {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.batches.next()?;
        let next = match &mut self.made {
            Some(made) => next.and_then(|batch| made.batch(batch)),
            None => next,
        };
        self.ended = next.is_err();
        Some(next.map_err(|error| error.traced(&TraceId::new(), self.language)))
    }
}

/// What the text is written in, and what is to be said about it.
fn encoding(
    path: &Path,
    name: &str,
    choice: Option<EncodingChoice>,
    grupo: Option<&Grupo>,
) -> (Encoding, Option<Text>) {
    match (choice, grupo) {
        (Some(EncodingChoice::Known(encoding)), _) => (encoding, None),
        (None, Some(_)) => (Encoding::Latin1, None),
        (Some(EncodingChoice::Auto), Some(grupo)) => {
            let dataset = &grupo.dataset;
            let warning = text!(
                "{name}: os arquivos de {dataset} são latin-1 e assim foi lido, sem procurar outra codificação",
                "{name}: files of {dataset} are latin-1, and it was read so, without a look for another encoding"
            );
            (Encoding::Latin1, Some(warning))
        }
        (None | Some(EncodingChoice::Auto), None) => match Encoding::found(path) {
            Ok(Some(found)) => (found, Some(found.choice_warning(name))),
            // All ASCII; or a file that cannot be read, which the reading itself will say.
            Ok(None) | Err(_) => (Encoding::Latin1, None),
        },
    }
}

fn columns(
    file: &RecordFile,
    wanted: &RecordsOf,
    grupo: Option<&Grupo>,
    competencia: Option<Competencia>,
) -> Result<Vec<OutputColumn>> {
    let fields = &file.header().fields;
    let column = |field: usize| {
        let name = fields[field].name.clone();
        let known = grupo.and_then(|grupo| grupo.column(&name));
        let kind = match grupo {
            // Its types are those of the header, here of this file alone.
            Some(grupo) if grupo.columns.is_empty() => type_of(&fields[field]),
            _ => known.map_or(LogicalType::Text, |column| column.kind.clone()),
        };
        // Without a date only a form of all years is known to be the file's.
        let form = known.and_then(|column| match competencia {
            Some(competencia) => column.form_at(competencia),
            None => column.form.as_ref().map(|stated| stated.form),
        });
        OutputColumn { field, name, kind, form }
    };
    let is_column = |field: &usize| fields[*field].is_column();
    let Some(names) = &wanted.columns else { return Ok((0..fields.len()).filter(is_column).map(column).collect()) };
    check_names(names)?;
    let mut found = Vec::with_capacity(names.len());
    let mut problems = Vec::new();
    for name in names {
        match fields.iter().position(|field| field.is_column() && field.name.eq_ignore_ascii_case(name)) {
            Some(field) => found.push(column(field)),
            // The first ones are enough to mend the call.
            None if problems.len() >= MOST_PROBLEMS => {}
            None => problems.push(no_column(name, fields.iter().map(|field| field.name.as_str()))),
        }
    }
    match problems.is_empty() {
        true => Ok(found),
        false => Err(Error::from_problems(problems).stage("validate")),
    }
}

/// Whether there are names, and not too many.
pub(crate) fn check_names(names: &[String]) -> Result<()> {
    if names.is_empty() {
        let empty = text!(
            "`columns` está vazio; deixe-o de fora para todas as colunas",
            "`columns` is empty; leave it out for all columns"
        );
        return Err(Error::new(Code::InvalidParams, empty).stage("validate"));
    }
    let count = names.len();
    if count > MOST_COLUMNS {
        let many = text!(
            "`columns` tem {count} nomes; o máximo é {MOST_COLUMNS}",
            "`columns` has {count} names; at most {MOST_COLUMNS} are taken"
        );
        let error = Error::new(Code::InvalidParams, many).with("received", count).with("maximum", MOST_COLUMNS);
        return Err(error.stage("validate"));
    }
    Ok(())
}

pub(crate) fn no_column<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Problem {
    let all: Vec<&str> = all.collect();
    let near = did_you_mean(name, all.iter().copied());
    let name = clip(name);
    let listed = if near.is_empty() { all.join(", ") } else { near.join(", ") };
    let detail = text!(
        "O arquivo não tem a coluna \"{name}\"; use uma destas: {listed}",
        "The file has no column \"{name}\"; use one of these: {listed}"
    );
    Problem::new(Code::InvalidParams, detail).with("received", name).with("did_you_mean", near)
}

fn no_dataset(name: &str, catalog: &Catalog) -> Error {
    let near = catalog.near(name);
    let name = clip(name);
    let listed = if near.is_empty() { "SIH-RD, SIM-DO".to_owned() } else { near.join(", ") };
    Error::new(
        Code::InvalidParams,
        text!(
            "O conjunto de dados \"{name}\" não existe; escreva sistema e grupo, por exemplo {listed}",
            "There is no dataset \"{name}\"; write sistema and grupo, for example {listed}"
        ),
    )
    .with("received", name)
    .with("did_you_mean", near)
    .stage("validate")
}
