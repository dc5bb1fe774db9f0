//! From params to a [`Query`]: every problem at once, each with what was expected and what is near.

mod columns;
mod filters;
mod forms;
mod labels;
mod sql;
mod when_and_where;

use std::sync::Arc;

use crate::base::{Code, Error, Problem, Result, Text, clip, text};
use crate::catalog::{Catalog, Grupo, LogicalType};
use crate::labels::{Derived, Edition};

use super::sizes::{MOST_PROBLEMS, told};
use super::{Ask, Extent, Query, QueryParams, Scope, Structured};

pub(crate) use forms::unknown_words;
pub use sql::{Compared, Constant, SqlUse, validate_question, validate_sql};

/// Checks `params` against the catalogue.
///
/// `file_columns` gives the columns that the source's files of a table have beyond the catalogue's, and their types: asked only for a
/// column that the catalogue does not know, of the selected files first, and of the others where these do not have it.
pub fn validate(params: &QueryParams, catalog: &'static Catalog, file_columns: FileColumns) -> Result<Query> {
    let mut check = Check::new(Vec::new(), file_columns);
    check.contract(params.contract);
    check.grupo = check.dataset(&params.dataset, catalog);
    if let Some(name) = params.bind.keys().next() {
        let problem = check.wrong(text!(
            "`bind` só vale com `sql`; os valores de `where` já vão separados do texto",
            "`bind` goes with `sql` only; values of `where` are bound anyway"
        ));
        problem.diagnostic.insert("received".into(), clip(name).into());
    }
    let ufs = params.uf.as_ref().map(|ufs| check.ufs(ufs));
    let competencias = params.competencia.as_ref().map(|c| check.competencias(c));
    check.scope = check.grupo.map(|grupo| {
        let (ufs, competencias) = (ufs.clone(), competencias.clone());
        Scope { grupo, ufs, competencias, header_columns: Vec::new(), edition: Edition::default() }
    });
    let projection = check.projection(params);
    let (projection, labels) = check.labels(params, projection);
    let predicates = check.predicates(&params.filters);
    let order_by = check.order(params, &projection);
    check.limit(params.limit);
    check.options(params);
    if let Some(error) = check.failed.take() {
        return Err(error);
    }
    match (check.scope, check.problems.is_empty()) {
        (Some(scope), true) => Ok(Query {
            scopes: vec![scope],
            own_tables: Vec::new(),
            ask: Ask::Structured(Structured {
                projection,
                predicates,
                order_by,
                limit: params.limit,
                derived: check.derived,
                labels,
            }),
            options: params.options.clone(),
            notes: check.notes,
        }),
        _ => Err(told(check.problems, 0).stage("validate")),
    }
}

/// The columns of a table's files that the catalogue does not know.
pub type FileColumns<'a> = &'a dyn Fn(&Scope, Extent) -> Result<Vec<(String, LogicalType)>>;

struct Check<'a> {
    problems: Vec<Problem>,
    /// What the report is to say.
    notes: Vec<Text>,
    grupo: Option<&'static Grupo>,
    /// Of a structured query, once its UF and competência are known.
    scope: Option<Scope>,
    selected: Option<Vec<(String, LogicalType)>>,
    of_dataset: Option<Vec<(String, LogicalType)>>,
    file_columns: FileColumns<'a>,
    /// Labels and derived columns that were named.
    derived: Vec<Arc<Derived>>,
    /// Why the files could not be asked.
    failed: Option<Error>,
}

impl<'a> Check<'a> {
    fn new(problems: Vec<Problem>, file_columns: FileColumns<'a>) -> Self {
        Check {
            problems,
            notes: Vec::new(),
            grupo: None,
            scope: None,
            selected: None,
            of_dataset: None,
            file_columns,
            derived: Vec::new(),
            failed: None,
        }
    }

    /// The columns of the files, asked once.
    fn of_files(&mut self, extent: Extent) -> &[(String, LogicalType)] {
        let asked = match extent {
            Extent::Selected => &mut self.selected,
            Extent::Dataset => &mut self.of_dataset,
        };
        asked.get_or_insert_with(|| {
            let columns = self.scope.as_ref().map(|scope| (self.file_columns)(scope, extent));
            columns.unwrap_or_else(|| Ok(Vec::new())).unwrap_or_else(|error| {
                self.failed.get_or_insert(error);
                Vec::new()
            })
        })
    }
    /// Whether there are as many problems as an answer names: what may have been meant is not looked for any more.
    fn is_full(&self) -> bool {
        self.problems.len() >= MOST_PROBLEMS
    }

    /// A word for the report, once; of a list of thousands the first ones are enough.
    fn note(&mut self, note: Option<Text>) {
        self.notes.extend(note.filter(|note| self.notes.len() < MOST_PROBLEMS && !self.notes.contains(note)));
    }

    fn wrong(&mut self, detail: Text) -> &mut Problem {
        self.problems.push(Problem::new(Code::InvalidParams, detail));
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    fn contract(&mut self, contract: Option<u32>) {
        if let Some(received) = contract.filter(|c| *c != 1) {
            let problem = self.wrong(text!(
                "Contrato {received} desconhecido; esta versão fala o contrato 1",
                "Unknown contract {received}; this version speaks contract 1"
            ));
            problem.diagnostic.insert("received".into(), received.into());
            problem.diagnostic.insert("expected_format".into(), 1.into());
        }
    }

    fn dataset(&mut self, name: &str, catalog: &'static Catalog) -> Option<&'static Grupo> {
        if let Some(grupo) = catalog.read(name) {
            return Some(grupo);
        }
        if name.is_empty() {
            let problem = self.wrong(text!(
                "Falta `dataset`, por exemplo \"SIH-RD\" (ou `sql`)",
                "`dataset` is missing, for example \"SIH-RD\" (or `sql`)"
            ));
            problem.diagnostic.insert("path".into(), "$.dataset".into());
            problem.diagnostic.insert("valid_examples".into(), vec!["SIH-RD", "CNES-ST", "SIM-DO"].into());
            return None;
        }
        let mut problem = no_dataset(name, catalog);
        problem.diagnostic.insert("expected_format".into(), "SISTEMA-GRUPO".into());
        self.problems.push(problem);
        None
    }

    fn limit(&mut self, limit: Option<u64>) {
        if let Some(rows) = limit.filter(|rows| i64::try_from(*rows).is_err()) {
            let most = i64::MAX;
            let problem = self.wrong(text!(
                "`limit` deve ser de 0 a {most}; recebido {rows}. Para todas as linhas, deixe-o de fora",
                "`limit` must be 0 to {most}; received {rows}. For all rows, leave it out"
            ));
            problem.diagnostic.insert("received".into(), rows.into());
        }
    }

    fn options(&mut self, params: &QueryParams) {
        if let Some(seconds) = params.options.deadline.filter(|s| !(*s > 0.0 && *s <= 1e9)) {
            let problem = self.wrong(text!(
                "`deadline` deve ser um número positivo de segundos, por exemplo 30; recebido {seconds}",
                "`deadline` must be a positive number of seconds, for example 30; received {seconds}"
            ));
            problem.diagnostic.insert("expected_format".into(), "seconds".into());
            problem.diagnostic.insert("received".into(), seconds.into());
        }
        if let Some(rows) = params.options.checkpoint_rows.filter(|rows| !(1..=10_000_000).contains(rows)) {
            let problem = self.wrong(text!(
                "`checkpoint_rows` deve ser de 1 a 10000000, por exemplo 10000; recebido {rows}",
                "`checkpoint_rows` must be 1 to 10000000, for example 10000; received {rows}"
            ));
            problem.diagnostic.insert("received".into(), rows.into());
        }
        if let Some(share) = params.options.dead_letter_limit.filter(|share| !(0.0..=1.0).contains(share)) {
            let problem = self.wrong(text!(
                "`dead_letter_limit` deve ser uma parte das linhas, de 0 a 1, por exemplo 0.01; recebido {share}",
                "`dead_letter_limit` must be a share of the rows, 0 to 1, for example 0.01; received {share}"
            ));
            problem.diagnostic.insert("received".into(), share.into());
        }
    }
}

/// DS-404 with what was meant.
pub fn no_dataset(name: &str, catalog: &Catalog) -> Problem {
    let near = catalog.near(name);
    let (pt, en) = hint(&near);
    let shown = clip(name);
    Problem::new(
        Code::NotFound,
        text!(
            "O conjunto de dados \"{shown}\" não existe{pt} Escreva sistema e grupo, por exemplo SIH-RD, SIM-DO ou CNES-ST; `catalog` mostra todos",
            "There is no dataset \"{shown}\"{en} Write sistema and grupo, for example SIH-RD, SIM-DO or CNES-ST; `catalog` lists all"
        ),
    )
    .with("received", shown)
    .with("did_you_mean", near)
    .with("valid_examples", vec!["SIH-RD", "SIA-PA", "CNES-ST", "SIM-DO", "SINASC-DN"])
}

/// The end of a sentence: "; quis dizer SIH-RD?".
fn hint(near: &[String]) -> (String, String) {
    match near.first() {
        Some(_) => {
            let list = near.join(", ");
            (format!("; quis dizer {list}?"), format!("; did you mean {list}?"))
        }
        None => (".".to_owned(), ".".to_owned()),
    }
}
