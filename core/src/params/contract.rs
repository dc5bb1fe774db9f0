//! `QueryParams`: the query, field by field as in the JSON contract.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::spellings::also;
use super::{Filter, Options};

/// What is expected, as errors say it in both languages.
const UFS: [&str; 2] =
    ["uma UF (sigla, nome ou código do IBGE) ou uma lista delas", "a UF (sigla, name or IBGE code) or a list of them"];
const LABELS: [&str; 2] = ["verdadeiro, falso ou uma lista de colunas", "true, false or a list of columns"];
const MONTH: [&str; 2] = ["um mês ou um ano", "a month or a year"];
const COMPETENCIA: [&str; 2] = [
    "um mês ou um ano, uma lista deles, ou o primeiro e o último (`from` e `to`)",
    "a month or a year, a list of them, or the first and the last (`from` and `to`)",
];

/// One query: over one dataset (`dataset`, `columns`, `where`, ...), or one SELECT over several (`sql`, `bind`).
///
/// Build it fluently or read it from JSON ([`QueryParams::from_json`]); nothing is checked until it runs, and then
/// everything that is wrong is told in one answer (DS-422).
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("datasus-doc-query-{}", std::process::id()));
/// # datasus::source::write_example_data(&folder, 100)?;
/// use datasus::{AggregateFn, Client, QueryParams, col};
///
/// let params = QueryParams::dataset("SIH-RD")
///     .uf(["AC"])
///     .competencia("202401".."202402")
///     .filter(col("VAL_TOT").gt(100))
///     .group_by(["CNES"])
///     .aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
///     .order_by("valor", true)
///     .limit(10);
/// let top = Client::open(&folder)?.query(&params)?.collect_batches()?;
/// assert!(top[0].num_rows() <= 10 && top[0].num_columns() == 2);
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["dataset"]}, {"required": ["sql"]}]))]
pub struct QueryParams {
    /// Version of this contract; 1, or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1)]
    pub contract: Option<u32>,
    /// `SIH-RD`, `CNES-ST`, `SIM-DO`, ..., or for short `RD`, `dengue`; left out (empty) with `sql`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(example = &"SIH-RD")]
    pub dataset: String,
    /// One SELECT over the tables of the catalogue (`sih_rd`, `cnes_st`, ...) instead of `dataset` and the keys that
    /// go with it. Only the files that `uf` and `competencia` choose are in the tables. DuckDB's dialect; 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"SELECT count(*) FROM sih_rd")]
    pub sql: Option<String>,
    /// Values of the SQL's parameters: `{"cnes": "2000733"}` for `$cnes`. Text, number, true, false or null.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = json!({"cnes": "2000733"}))]
    pub bind: BTreeMap<String, Value>,
    /// Siglas, names (`Acre`) or IBGE's codes (`12`); left out: every UF that the source holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"SP", extend("x-expected" = UFS))]
    pub uf: Option<OneOrMany>,
    /// Month (`202401`, `2024-01`, `01/2024`) or year (`2024`) of processing; left out: all that the source holds. A year
    /// stands for its twelve months where a dataset is monthly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"2024-01", extend("x-expected" = COMPETENCIA))]
    pub competencia: Option<CompetenciaParam>,
    /// Columns of the answer, in this order; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["CNES", "VAL_TOT"])]
    pub columns: Option<Vec<String>>,
    /// Words for codes: true, or a list of columns, adds `<COLUMN>_rotulo` beside each column that has a list of labels. Names of labels and of derived columns also stand in `columns`, `where`, `group_by` and `order_by`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["SEXO"], extend("x-expected" = LABELS))]
    pub labels: Option<Labels>,
    /// True: a label of `labels` stands in its code's place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(example = false)]
    pub labels_only: bool,
    /// Conditions that every row must meet.
    #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-expected" = super::filter::CONDITIONS))]
    pub filters: Vec<Filter>,
    /// One row of the answer for each combination of these columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["CNES"])]
    pub group_by: Vec<String>,
    /// Figures over each group (or over everything, without `group_by`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aggregates: Vec<Aggregate>,
    /// Order of the answer; NULL comes last. Left out: the order of the files and of their rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order_by: Vec<OrderBy>,
    /// Rows at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = i64::MAX), example = 100)]
    pub limit: Option<u64>,
    /// How it is run.
    #[serde(default, skip_serializing_if = "Options::is_default")]
    pub options: Options,
}

/// One text, or a list of them. A number (`202401`, `35`) is read as its digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, from = "Words")]
#[schemars(with = "Words")]
#[non_exhaustive]
pub enum OneOrMany {
    /// One of them.
    One(String),
    /// Several of them.
    Many(Vec<String>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(
    rename = "OneOrMany",
    description = "One text, or a list of them. A number (`202401`, `35`) is read as its digits."
)]
enum Words {
    One(Word),
    Many(Vec<Word>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum Word {
    Text(String),
    Number(u64),
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        match word {
            Word::Text(text) => text,
            Word::Number(number) => number.to_string(),
        }
    }
}

impl From<Words> for OneOrMany {
    fn from(words: Words) -> Self {
        match words {
            Words::One(word) => OneOrMany::One(word.into()),
            Words::Many(words) => OneOrMany::Many(words.into_iter().map(Into::into).collect()),
        }
    }
}

fn digits<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Word::deserialize(deserializer).map(Into::into)
}

impl OneOrMany {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
        .iter()
        .map(String::as_str)
    }
}

/// Which columns get labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Labels {
    /// All that have a list; false: none.
    All(bool),
    #[allow(missing_docs, reason = "the name says it, in every language")]
    Columns(Vec<String>),
}

impl Labels {
    /// Whether any are wanted, and of which columns; none: of all.
    pub(super) fn wanted(&self) -> (bool, Option<&[String]>) {
        match self {
            Labels::All(all) => (*all, None),
            Labels::Columns(columns) => (true, Some(columns)),
        }
    }
}

/// One competência, a list, or a range with both ends included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[non_exhaustive]
pub enum CompetenciaParam {
    /// One, or several.
    Listed(OneOrMany),
    /// From one to another, both included.
    Range {
        #[serde(deserialize_with = "digits")]
        #[schemars(with = "Word", example = &"2024-01", extend("x-expected" = MONTH))]
        /// The first of them.
        from: String,
        #[serde(deserialize_with = "digits")]
        #[schemars(with = "Word", example = &"2024-01", extend("x-expected" = MONTH))]
        /// The last of them.
        to: String,
    },
}

/// A figure over a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// What is computed.
    #[serde(rename = "fn")]
    pub function: AggregateFn,
    /// May be left out (or `*`) for `count` alone, which then counts rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"VAL_TOT")]
    pub column: Option<String>,
    /// Name in the answer; left out: `sum_val_tot`, `count`.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"valor")]
    pub alias: Option<String>,
}

/// How the values of a group become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = also_count_rows)]
#[non_exhaustive]
pub enum AggregateFn {
    /// Rows, or values that are not NULL.
    #[serde(alias = "count(*)")]
    Count,
    /// Different values that are not NULL.
    CountDistinct,
    /// Exact for integers and decimals.
    Sum,
    /// A floating-point mean of the values that are not NULL.
    Avg,
    /// The least; of texts, the first.
    Min,
    /// The greatest; of texts, the last.
    Max,
}

/// `count(*)`, as people write it.
fn also_count_rows(schema: &mut schemars::Schema) {
    also(schema, &["count(*)"]);
}

impl AggregateFn {
    /// As the contract writes it.
    pub fn name(self) -> &'static str {
        match self {
            AggregateFn::Count => "count",
            AggregateFn::CountDistinct => "count_distinct",
            AggregateFn::Sum => "sum",
            AggregateFn::Avg => "avg",
            AggregateFn::Min => "min",
            AggregateFn::Max => "max",
        }
    }
}

/// One key of the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderBy {
    /// A column of the answer, or of the dataset where rows are not grouped.
    #[schemars(example = &"VAL_TOT")]
    pub column: String,
    /// Greatest first; false, or left out: least first.
    #[serde(default)]
    pub desc: bool,
}

impl QueryParams {
    /// Rows of this dataset (`SIH-RD`, or `RD`), all of them as long as nothing else is said.
    pub fn dataset(dataset: impl Into<String>) -> Self {
        QueryParams { dataset: dataset.into(), ..Default::default() }
    }

    /// A query in SQL.
    pub fn sql(sql: impl Into<String>) -> Self {
        QueryParams { sql: Some(sql.into()), ..Default::default() }
    }

    /// Gives the SQL's parameter `$name` its value.
    pub fn bind(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.bind.insert(name.into(), value.into());
        self
    }

    /// Only files of these UFs: siglas, names or IBGE codes.
    pub fn uf<S: Into<String>>(mut self, ufs: impl IntoIterator<Item = S>) -> Self {
        self.uf = Some(OneOrMany::Many(ufs.into_iter().map(Into::into).collect()));
        self
    }

    /// A month (`"202401"`, `"2024-01"`, a [`Competencia`](crate::Competencia)), a year (`2024`), a list of them, or a range of
    /// them with both ends included, `"202401".."202412"` as well as `"202401"..="202412"`: the contract knows no range without
    /// its last month.
    pub fn competencia(mut self, when: impl Into<CompetenciaParam>) -> Self {
        self.competencia = Some(when.into());
        self
    }

    /// These columns, in this order.
    pub fn columns<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Adds `<COLUMN>_rotulo` beside each of these columns.
    pub fn labels<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.labels = Some(Labels::Columns(columns.into_iter().map(Into::into).collect()));
        self
    }

    /// Adds `<COLUMN>_rotulo` beside each column that has a list of labels.
    pub fn all_labels(mut self) -> Self {
        self.labels = Some(Labels::All(true));
        self
    }

    /// Adds a condition; all of them must hold.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// One row for each combination of these columns.
    pub fn group_by<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.group_by = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a figure; `column` is `"*"` to count rows.
    pub fn aggregate(mut self, function: AggregateFn, column: &str, alias: &str) -> Self {
        let column = (column != "*").then(|| column.to_owned());
        self.aggregates.push(Aggregate { function, column, alias: Some(alias.to_owned()) });
        self
    }

    /// Counts the rows of each group, without a column.
    pub fn count(self, alias: &str) -> Self {
        self.aggregate(AggregateFn::Count, "*", alias)
    }

    /// Sorted by this column; NULL comes last. To be called once for each column.
    pub fn order_by(mut self, column: impl Into<String>, desc: bool) -> Self {
        self.order_by.push(OrderBy { column: column.into(), desc });
        self
    }

    /// So many rows at most.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// How it is run.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The JSON Schema of the contract.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(QueryParams).to_value()
    }
}
