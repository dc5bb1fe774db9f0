//! The params of a query in SQL.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::base::{Result, Text, clip, did_you_mean, text, value_words};
use crate::catalog::Grupo;
use crate::labels::{Edition, derived_columns_named};
use crate::params::values::bind_value;
use crate::params::{Ask, BindValue, OnEmergency, Query, QueryParams, Question, Scope, Sql, Syntax};

use crate::source::declared::OwnTable;

use super::forms::{mismatch, mismatch_of_number, mismatch_of_prefix, no_word};
use super::{Check, hint};
use crate::params::sizes::told;

/// What the gate found in the user's SQL.
#[derive(Debug, Clone, Default)]
pub struct SqlUse {
    /// Datasets that it reads.
    pub tables: Vec<&'static Grupo>,
    /// Those of the client's own.
    pub own: Vec<Arc<OwnTable>>,
    /// Names of its parameters.
    pub parameters: BTreeSet<String>,
    /// Columns that it names, in upper case.
    pub columns: BTreeSet<String>,
    /// True where it asks for all columns.
    pub star: bool,
    /// True where its own order is the answer's.
    pub ordered: bool,
    /// Columns against constants.
    pub compared: Vec<Compared>,
    /// What it is built of.
    pub syntax: Syntax,
}

/// A column that is compared with a constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// In upper case.
    pub column: String,
    /// What the column is compared with.
    pub value: Constant,
}

/// A constant of the statement's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constant {
    /// Between quotes.
    Text(String),
    /// A whole number: the engine makes a number of the column, and its zeros do not count.
    Number(String),
    /// What the text begins with.
    Prefix(String),
    /// By its name.
    Parameter(String),
}

/// Checks the params of a query in SQL. `used` is the gate's word, or its refusal, which then stands first among the
/// problems.
pub fn validate_sql(params: &QueryParams, text: &str, used: Result<SqlUse>, edition: Edition) -> Result<Query> {
    let (used, refused) = match used {
        Ok(used) => (used, Vec::new()),
        Err(error) => (SqlUse::default(), error.problems().to_vec()),
    };
    let passed = refused.is_empty();
    let mut check = Check::new(refused, &|_, _| Ok(Vec::new()));
    check.contract(params.contract);
    check.not_with_sql(params);
    let mut scopes = Vec::new();
    for &grupo in &used.tables {
        check.grupo = Some(grupo);
        let ufs = params.uf.as_ref().map(|ufs| check.ufs(ufs));
        let competencias = params.competencia.as_ref().map(|c| check.competencias(c));
        scopes.push(Scope { grupo, ufs, competencias, header_columns: Vec::new(), edition: Edition::default() });
    }
    check.once();
    let binds = if passed { check.binds(params, &used.parameters) } else { BTreeMap::new() };
    check.options(params);
    check.sample_of_one_table(params, scopes.len());
    if !check.problems.is_empty() {
        return Err(told(check.problems, 0).stage(if passed { "validate" } else { "gate" }));
    }
    check.compared(&used, &binds, edition);
    let SqlUse { tables, own, mut columns, star, ordered, syntax, .. } = used;
    // What a label or a derived column is made of is read as well.
    let named: Vec<String> = columns.iter().cloned().collect();
    for derived in tables.iter().flat_map(|grupo| derived_columns_named(grupo, Edition::default(), named.iter())) {
        if columns.contains(&derived.name.to_uppercase()) {
            columns.extend(derived.inputs.iter().map(|input| input.to_uppercase()));
        }
    }
    Ok(Query {
        scopes,
        own_tables: own,
        ask: Ask::Sql(Sql { text: text.to_owned(), binds, columns, star, ordered, syntax }),
        options: params.options.clone(),
        notes: check.notes,
    })
}

/// Checks the params beside `SHOW TABLES` or `DESCRIBE t`, which read no file and take no value.
pub fn validate_question(params: &QueryParams, asked: Result<Question>) -> Result<Query> {
    let (asked, refused) = match asked {
        Ok(asked) => (Some(asked), Vec::new()),
        Err(error) => (None, error.problems().to_vec()),
    };
    let mut check = Check::new(refused, &|_, _| Ok(Vec::new()));
    check.contract(params.contract);
    check.not_with_sql(params);
    let given =
        [("bind", !params.bind.is_empty()), ("uf", params.uf.is_some()), ("competencia", params.competencia.is_some())];
    for (key, _) in given.into_iter().filter(|(_, given)| *given) {
        let problem = check.wrong(text!(
            "`{key}` não vale aqui: SHOW TABLES e DESCRIBE perguntam ao catálogo, e não aos arquivos",
            "`{key}` does not go here: SHOW TABLES and DESCRIBE ask the catalogue, not the files"
        ));
        problem.diagnostic.insert("received".into(), key.into());
    }
    check.options(params);
    match asked.filter(|_| check.problems.is_empty()) {
        Some(asked) => Ok(Query {
            scopes: Vec::new(),
            own_tables: Vec::new(),
            ask: Ask::Catalog(asked),
            options: params.options.clone(),
            notes: check.notes,
        }),
        None => Err(told(check.problems, 0).stage("validate")),
    }
}

impl Check<'_> {
    /// Texts that are compared with columns whose codes are written otherwise. The SQL runs as it stands.
    fn compared(&mut self, used: &SqlUse, binds: &BTreeMap<String, BindValue>, edition: Edition) {
        for Compared { column, value } in &used.compared {
            let value = match value {
                Constant::Parameter(name) => match binds.get(name) {
                    Some(BindValue::Text(text)) => &Constant::Text(text.clone()),
                    Some(BindValue::Integer(number)) => &Constant::Number(number.to_string()),
                    _ => continue,
                },
                constant => constant,
            };
            let of_column = |column| match value {
                Constant::Text(text) => mismatch(column, text),
                Constant::Number(text) => mismatch_of_number(column, text),
                Constant::Prefix(text) => mismatch_of_prefix(column, text),
                Constant::Parameter(_) => None,
            };
            // Where two tables have the column, it is not told here whose it is: both must have other codes.
            let of_tables = used.tables.iter().filter_map(|grupo| grupo.column(column));
            let notes: Option<Vec<Text>> = of_tables.map(of_column).collect();
            self.note(notes.into_iter().flatten().next());
            if let Constant::Text(text) = value {
                let all =
                    used.tables.iter().flat_map(|grupo| derived_columns_named(grupo, edition, [column].into_iter()));
                let of_tables = all.filter(|derived| derived.name.eq_ignore_ascii_case(column));
                let notes: Option<Vec<Text>> = of_tables.map(|derived| no_word(&derived, text)).collect();
                self.note(notes.into_iter().flatten().next());
            }
        }
    }

    /// The keys of the structured form that SQL says itself.
    fn not_with_sql(&mut self, params: &QueryParams) {
        let given = [
            ("dataset", !params.dataset.is_empty()),
            ("columns", params.columns.is_some()),
            ("labels", params.labels.is_some()),
            ("where", !params.filters.is_empty()),
            ("group_by", !params.group_by.is_empty()),
            ("aggregates", !params.aggregates.is_empty()),
            ("order_by", !params.order_by.is_empty()),
            ("limit", params.limit.is_some()),
        ];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            let problem = self.wrong(text!(
                "`{key}` não vai junto com `sql`: diga-o no próprio SQL",
                "`{key}` does not go with `sql`: say it in the SQL itself"
            ));
            problem.diagnostic.insert("received".into(), key.into());
        }
    }

    /// Tables that share `uf` and `competencia` share their problems too.
    fn once(&mut self) {
        let mut seen: HashSet<(&'static str, String)> = HashSet::new();
        self.problems.retain(|problem| {
            seen.insert((problem.code.as_str(), format!("{}{:?}", problem.detail.en, problem.diagnostic)))
        });
    }

    /// Every parameter of the SQL has a value, and every value a parameter.
    fn binds(&mut self, params: &QueryParams, parameters: &BTreeSet<String>) -> BTreeMap<String, BindValue> {
        for name in parameters.iter().filter(|name| !params.bind.contains_key(*name)) {
            let near = did_you_mean(name, params.bind.keys().map(String::as_str));
            let (pt, en) = hint(&near);
            let shown = clip(name);
            let problem = self.wrong(text!(
                "Falta em `bind` o valor do parâmetro ${shown}, por exemplo \"2000733\"{pt}",
                "The value of parameter ${shown} is missing in `bind`, for example \"2000733\"{en}"
            ));
            problem.diagnostic.insert("parameter".into(), shown.into());
            problem.diagnostic.insert("did_you_mean".into(), near.into());
        }
        let mut values = BTreeMap::new();
        for (name, value) in &params.bind {
            let shown = clip(name);
            if !parameters.contains(name) {
                let problem = self.wrong(text!(
                    "O SQL não usa o parâmetro ${shown} de `bind`; escreva-o no SQL (WHERE CNES = ${shown}), ou tire-o",
                    "The SQL does not use parameter ${shown} of `bind`; write it in the SQL (WHERE CNES = ${shown}), or leave it out"
                ));
                problem.diagnostic.insert("parameter".into(), shown.into());
                continue;
            }
            match bind_value(value) {
                Some(value) => {
                    values.insert(name.clone(), value);
                }
                None => {
                    let (received, came) = (clip(&value.to_string()), value_words(value));
                    let (came_pt, came_en) = (came.pt, came.en);
                    let problem = self.wrong(text!(
                        "Parâmetro ${shown}: esperado um texto, um número, verdadeiro, falso ou nenhum valor, por exemplo \"2000733\"; recebido {came_pt}. Uma lista vai como texto: `CNES IN (SELECT unnest(string_split(${shown}, ',')))`",
                        "Parameter ${shown}: expected a text, a number, true, false or no value, for example \"2000733\"; received {came_en}. A list goes as text: `CNES IN (SELECT unnest(string_split(${shown}, ',')))`"
                    ));
                    problem.diagnostic.insert("parameter".into(), shown.into());
                    problem.diagnostic.insert("received".into(), received.into());
                }
            }
        }
        values
    }

    /// Of two samples' rows only one pair in a hundred would meet, and a row without its pair says nothing.
    fn sample_of_one_table(&mut self, params: &QueryParams, tables: usize) {
        if tables > 1 && params.options.on_emergency == Some(OnEmergency::Sample) {
            let problem = self.wrong(text!(
                "`on_emergency`: uma amostra (`sample`) não vale com SQL sobre {tables} tabelas: amostras não se juntam; use spill, wait ou fail",
                "`on_emergency`: a sample (`sample`) does not go with SQL over {tables} tables: samples do not join; use spill, wait or fail"
            ));
            problem.diagnostic.insert("received".into(), "sample".into());
        }
    }
}
