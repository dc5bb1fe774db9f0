//! A query that has passed validation: nothing in it needs to be checked again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::Text;
use crate::catalog::{Competencia, FileId, Grupo, LogicalType, Uf};
use crate::labels::{Derived, Edition, derived_columns_named, derived_columns_of};
use crate::source::declared::OwnTable;

use super::{AggregateFn, Op, Options};

/// What the plan is made from.
#[derive(Debug, Clone)]
pub struct Query {
    /// The tables that it reads: one for a structured query, any number for SQL.
    pub scopes: Vec<Scope>,
    /// Tables of the client's own that its SQL reads.
    pub own_tables: Vec<Arc<OwnTable>>,
    /// What is asked.
    pub ask: Ask,
    /// How it is run.
    pub options: Options,
    /// What the report is to say of the query itself.
    pub notes: Vec<Text>,
}

/// Columns that every dataset has, by name only: the source's file, its UF and its competência, as text. No star shows them.
pub const ORIGIN: [&str; 3] = ["datasus_arquivo", "datasus_uf", "datasus_competencia"];

/// One of [`ORIGIN`] by its name, in any case.
pub fn origin_column(name: &str) -> Option<&'static str> {
    ORIGIN.into_iter().find(|column| column.eq_ignore_ascii_case(name))
}

/// A table, and which of its files are wanted.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The dataset, as the catalogue knows it.
    pub grupo: &'static Grupo,
    /// None: every UF that the source holds.
    pub ufs: Option<BTreeSet<Uf>>,
    /// None: every competência that the source holds.
    pub competencias: Option<BTreeSet<Competencia>>,
    /// Where the catalogue has no columns: those of all the dataset's files in the source, with the types of their headers.
    pub header_columns: Vec<(String, LogicalType)>,
    /// Which kits its labels are of.
    pub edition: Edition,
}

/// Which of a table's files are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Those that the query's UF and competência select.
    Selected,
    /// All of the dataset.
    Dataset,
}

impl Scope {
    /// Whether UF and competência select the file. In national files the UF is a column, by which the plan filters.
    pub fn selects(&self, id: &FileId) -> bool {
        self.grupo.dataset == id.dataset
            && (self.grupo.national.is_some() || self.ufs.as_ref().is_none_or(|ufs| ufs.contains(&id.uf)))
            && self.competencias.as_ref().is_none_or(|all| all.contains(&id.competencia))
    }
}

impl Query {
    /// Takes the labels of these kits, in the place of the built-in ones alone.
    pub fn set_edition(&mut self, edition: Edition) {
        self.scopes.iter_mut().for_each(|scope| scope.edition = edition);
        match &mut self.ask {
            Ask::Structured(ask) => {
                let Some(scope) = self.scopes.first() else { return };
                // They are of the built-in lists as they are.
                if edition == Edition::default() || (ask.derived.is_empty() && ask.labels.columns.is_empty()) {
                    return;
                }
                let all = derived_columns_of(scope.grupo, edition);
                for one in ask.derived.iter_mut().chain(&mut ask.labels.columns) {
                    if let Some(of_edition) = all.iter().find(|other| other.name == one.name) {
                        *one = of_edition.clone();
                    }
                }
            }
            Ask::Sql(sql) => {
                for scope in &self.scopes {
                    for derived in derived_columns_named(scope.grupo, edition, sql.columns.clone().iter()) {
                        if sql.columns.contains(&derived.name.to_uppercase()) {
                            sql.columns.extend(derived.inputs.iter().map(|input| input.to_uppercase()));
                        }
                    }
                }
            }
            Ask::Catalog(_) => {}
        }
    }
}

/// What is asked of the tables.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Columns, conditions and figures.
    Structured(Structured),
    /// A statement of the user's.
    Sql(Sql),
    /// Of the catalogue instead.
    Catalog(Question),
}

impl Ask {
    /// Names of columns that stand in it; in SQL whatever could be one.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Ask::Structured(ask) => ask.columns().into_iter().collect(),
            Ask::Sql(sql) => sql.columns.iter().map(String::as_str).collect(),
            Ask::Catalog(_) => Vec::new(),
        }
    }

    /// Whether a column is named, and not only what another one is made of.
    pub(crate) fn writes(&self, column: &str) -> bool {
        match self {
            Ask::Structured(ask) => ask.written().contains(column),
            Ask::Sql(sql) => sql.columns.contains(&column.to_uppercase()),
            Ask::Catalog(_) => false,
        }
    }
}

/// What SQL asks of the catalogue.
#[derive(Debug, Clone)]
pub enum Question {
    /// `SHOW TABLES`.
    Tables {
        /// Names of the user's own.
        own: Vec<String>,
    },
    /// `DESCRIBE t` of a table of the user's own.
    Own {
        /// The table.
        name: String,
        /// Its columns, which the files say.
        columns: Vec<(String, arrow::datatypes::DataType)>,
    },
    /// `DESCRIBE t`; `of_files`: columns that the source's files have, where the catalogue knows none.
    Columns {
        /// The dataset.
        grupo: &'static Grupo,
        /// Columns that the catalogue does not know, of its files.
        of_files: Vec<(String, LogicalType)>,
    },
}

/// A query of columns, conditions and figures, checked.
#[derive(Debug, Clone)]
pub struct Structured {
    /// What the answer's columns are.
    pub projection: Projection,
    /// Which all rows hold.
    pub predicates: Vec<Predicate>,
    /// The first one counts most.
    pub order_by: Vec<Sort>,
    /// So many rows at most.
    pub limit: Option<u64>,
    /// Labels and derived columns that it names.
    pub derived: Vec<Arc<Derived>>,
    /// In [`Projection::All`]: the labels that stand beside their codes, or in their place.
    pub labels: Labelled,
}

/// Labels of columns that the answer has without naming them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labelled {
    /// The columns of the labels.
    pub columns: Vec<Arc<Derived>>,
    /// True: a label stands in its code's place.
    pub only: bool,
}

impl Structured {
    /// What makes a group; none: it does not group.
    pub fn keys(&self) -> Option<&[String]> {
        match &self.projection {
            Projection::Grouped { keys, .. } => Some(keys),
            Projection::All | Projection::Columns(_) => None,
        }
    }

    /// The columns that it names; those of the files stand for themselves in [`Projection::All`]. What is ordered by a figure's
    /// name reads no column of that name.
    pub fn columns(&self) -> BTreeSet<&str> {
        let mut names = self.written();
        let derived = self.derived.iter().filter(|derived| names.contains(derived.name.as_str()));
        let inputs: Vec<&str> = derived.flat_map(|derived| derived.inputs.iter().map(String::as_str)).collect();
        names.extend(inputs);
        if matches!(self.projection, Projection::All) {
            let of_labels = self.labels.columns.iter().flat_map(|label| &label.inputs);
            names.extend(of_labels.map(String::as_str).filter(|name| origin_column(name).is_some()));
        }
        names
    }

    /// The same without what those are made of.
    fn written(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        let mut aliases = BTreeSet::new();
        match &self.projection {
            Projection::All => {}
            Projection::Columns(columns) => names.extend(columns.iter().map(String::as_str)),
            Projection::Grouped { keys, figures } => {
                names.extend(keys.iter().map(String::as_str));
                names.extend(figures.iter().filter_map(|figure| Some(figure.column.as_ref()?.0.as_str())));
                aliases.extend(figures.iter().map(|figure| figure.alias.as_str()));
            }
        }
        self.predicates.iter().for_each(|predicate| predicate.columns(&mut names));
        let sorted = self.order_by.iter().map(|key| key.column.as_str());
        names.extend(sorted.filter(|name| !aliases.contains(name)));
        names
    }
}

/// The user's own SQL; it has passed the gate.
#[derive(Debug, Clone)]
pub struct Sql {
    /// As the gate lets it pass.
    pub text: String,
    /// Values of its parameters.
    pub binds: BTreeMap<String, BindValue>,
    /// Names that may be columns, in upper case.
    pub columns: BTreeSet<String>,
    /// True: any column may be read.
    pub star: bool,
    /// True: it says in which order its rows come.
    pub ordered: bool,
    /// What it is built of.
    pub syntax: Syntax,
}

/// Which names stand where in a text that has passed the gate.
#[derive(Debug, Clone, Default)]
pub struct Syntax {
    /// Columns in upper case, behind the table's name in lower case where the text has one.
    pub references: BTreeSet<(Option<String>, String)>,
    /// Tables by the names that the text gives them, in lower case.
    pub tables: BTreeMap<String, BTreeSet<String>>,
    /// The statement as the engine's parser sees it.
    pub statement: serde_json::Value,
    /// Bytes that the values of a row that are no short ones may have together.
    pub long_bytes: u64,
}

impl Syntax {
    /// Notes that a column was named, in a table if one was.
    pub fn refer(&mut self, table: Option<&str>, column: &str) {
        self.references.insert((table.map(str::to_lowercase), column.to_uppercase()));
    }

    /// Whether the text names a column of `table`: behind its name, or (`alone`) without one.
    pub fn names(&self, table: &str, column: &str, alone: bool) -> bool {
        self.references.iter().any(|(of, name)| {
            name.eq_ignore_ascii_case(column)
                && match of {
                    None => alone,
                    Some(of) => self.tables.get(of).is_some_and(|tables| tables.contains(table)),
                }
        })
    }
}

/// The value of a parameter of the user's SQL.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum BindValue {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Exact, as digits with a point.
    Decimal(String),
    /// Text.
    Text(String),
}

impl Query {
    /// True where each row of the answer is a row of one file: no aggregate, no SQL.
    pub fn is_plain_scan(&self) -> bool {
        matches!(&self.ask, Ask::Structured(ask) if !matches!(ask.projection, Projection::Grouped { .. }))
    }

    /// Whether the answer may depend on a column, by its name in upper case.
    pub fn reads(&self, column: &str) -> bool {
        self.columns_read().is_none_or(|read| read.contains(column))
    }

    /// The columns that the answer may depend on, beside those of the UF; none: all of them.
    pub fn columns_read(&self) -> Option<BTreeSet<&str>> {
        match &self.ask {
            Ask::Sql(sql) => (!sql.star).then(|| sql.columns.iter().map(String::as_str).collect()),
            Ask::Structured(ask) => (!matches!(ask.projection, Projection::All)).then(|| ask.columns()),
            Ask::Catalog(_) => Some(BTreeSet::new()),
        }
    }

    /// The conditions, where they can be told from the query.
    pub fn predicates(&self) -> &[Predicate] {
        match &self.ask {
            Ask::Structured(ask) => &ask.predicates,
            Ask::Sql(_) | Ask::Catalog(_) => &[],
        }
    }
}

/// What the answer's columns are.
#[derive(Debug, Clone)]
pub enum Projection {
    /// Every column of the files.
    All,
    /// Of the rows, in this order.
    Columns(Vec<String>),
    /// One row a group.
    Grouped {
        /// What makes a group.
        keys: Vec<String>,
        /// What is computed of it.
        figures: Vec<Figure>,
    },
}

/// One aggregate, resolved.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What is computed.
    pub function: AggregateFn,
    /// Of which column, and its type; none: of the rows.
    pub column: Option<(String, LogicalType)>,
    /// Its name in the answer.
    pub alias: String,
}

/// A condition, its values of the column's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// A column against one value, or several.
    Compare {
        /// The column.
        column: String,
        /// Its type.
        kind: LogicalType,
        /// How it is compared.
        op: Op,
        /// With what.
        values: Vec<Scalar>,
    },
    /// One of them is enough.
    Any(Vec<Predicate>),
    /// All of them.
    All(Vec<Predicate>),
    /// The other way round.
    Not(Box<Predicate>),
}

/// A value of a condition, in its column's type; it travels to the engine as a bound parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Exact, as digits with a point.
    Decimal(String),
    /// Days since 1970-01-01.
    Date(i32),
}

impl Scalar {
    /// A decimal in units of 10^-`scale`; none for another kind, or where it has more decimals than that.
    pub fn units(&self, scale: i8) -> Option<i128> {
        let Scalar::Decimal(digits) = self else { return None };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let padding = usize::try_from(scale).ok()?.checked_sub(fraction.len())?;
        format!("{whole}{fraction}{}", "0".repeat(padding)).parse().ok()
    }
}

/// One column that the answer is sorted by.
#[derive(Debug, Clone)]
pub struct Sort {
    /// The column.
    pub column: String,
    /// The greatest first.
    pub desc: bool,
}

impl Predicate {
    /// The columns it reads.
    pub fn columns<'a>(&'a self, into: &mut BTreeSet<&'a str>) {
        match self {
            Predicate::Compare { column, .. } => {
                into.insert(column);
            }
            Predicate::Any(all) | Predicate::All(all) => all.iter().for_each(|p| p.columns(into)),
            Predicate::Not(inner) => inner.columns(into),
        }
    }
}
