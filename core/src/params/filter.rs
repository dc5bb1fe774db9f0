//! Conditions on rows, and the small language that builds them: `col("VAL_TOT").between(0, 100)`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is expected, as errors say it in both languages.
pub(super) const CONDITIONS: [&str; 2] = ["uma lista de condições", "a list of conditions"];

/// A condition; a row for which it is unknown (NULL) does not meet it, as in SQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Filter {
    /// A column compared with a value, or values.
    Compare {
        #[schemars(example = &"IDADE")]
        /// The column.
        column: String,
        /// How they are compared.
        op: Op,
        /// One value; two for `between`; a list for `in` and `not_in`; none for `is_null` and `not_null`.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        value: Value,
    },
    /// At least one of these.
    Any {
        #[schemars(extend("x-expected" = CONDITIONS))]
        /// Of which one is enough.
        any: Vec<Filter>,
    },
    /// Every one of these.
    All {
        #[schemars(extend("x-expected" = CONDITIONS))]
        /// Which all have to hold.
        all: Vec<Filter>,
    },
    /// Rows that do not meet it, and for which it is not unknown.
    Not {
        /// What does not hold.
        not: Box<Filter>,
    },
}

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = also_in_signs)]
#[non_exhaustive]
pub enum Op {
    /// Equal to the value.
    #[serde(alias = "=", alias = "==")]
    Eq,
    /// Different from the value.
    #[serde(alias = "!=", alias = "<>")]
    Ne,
    /// Less than the value.
    #[serde(alias = "<")]
    Lt,
    /// Not greater than the value.
    #[serde(alias = "<=")]
    Le,
    /// Greater than the value.
    #[serde(alias = ">")]
    Gt,
    /// Not less than the value.
    #[serde(alias = ">=")]
    Ge,
    /// Both ends included.
    Between,
    /// One of the list.
    In,
    /// None of the list.
    NotIn,
    /// Text that begins with the value: `J18` finds `J180` and `J189`.
    StartsWith,
    /// Without a value.
    IsNull,
    /// With a value.
    NotNull,
}

impl Op {
    /// As the contract writes it.
    pub fn name(self) -> &'static str {
        match self {
            Op::Eq => "eq",
            Op::Ne => "ne",
            Op::Lt => "lt",
            Op::Le => "le",
            Op::Gt => "gt",
            Op::Ge => "ge",
            Op::Between => "between",
            Op::In => "in",
            Op::NotIn => "not_in",
            Op::StartsWith => "starts_with",
            Op::IsNull => "is_null",
            Op::NotNull => "not_null",
        }
    }
}

/// The signs that people write for it.
fn also_in_signs(schema: &mut schemars::Schema) {
    super::spellings::also(schema, &["=", "==", "!=", "<>", "<", "<=", ">", ">="]);
}

/// Starts a condition on a column.
pub fn col(name: impl Into<String>) -> Col {
    Col(name.into())
}

/// A column that waits for its condition.
#[derive(Debug, Clone)]
pub struct Col(String);

impl Col {
    fn compare(self, op: Op, value: Value) -> Filter {
        Filter::Compare { column: self.0, op, value }
    }

    /// Equal to the value.
    pub fn eq(self, value: impl Into<Value>) -> Filter {
        self.compare(Op::Eq, value.into())
    }

    /// Different from the value; NULL is neither.
    pub fn ne(self, value: impl Into<Value>) -> Filter {
        self.compare(Op::Ne, value.into())
    }

    /// Less than the value.
    pub fn lt(self, value: impl Into<Value>) -> Filter {
        self.compare(Op::Lt, value.into())
    }

    /// Not more than the value.
    pub fn le(self, value: impl Into<Value>) -> Filter {
        self.compare(Op::Le, value.into())
    }

    /// More than the value.
    pub fn gt(self, value: impl Into<Value>) -> Filter {
        self.compare(Op::Gt, value.into())
    }

    /// Not less than the value.
    pub fn ge(self, value: impl Into<Value>) -> Filter {
        self.compare(Op::Ge, value.into())
    }

    /// Both ends included.
    pub fn between(self, low: impl Into<Value>, high: impl Into<Value>) -> Filter {
        self.compare(Op::Between, Value::Array(vec![low.into(), high.into()]))
    }

    /// One of these.
    pub fn is_in<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Filter {
        self.compare(Op::In, Value::Array(values.into_iter().map(Into::into).collect()))
    }

    /// None of these; NULL is not told apart from them.
    pub fn not_in<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Filter {
        self.compare(Op::NotIn, Value::Array(values.into_iter().map(Into::into).collect()))
    }

    /// Text that begins so: `J18` finds `J180` and `J189`.
    pub fn starts_with(self, prefix: impl Into<String>) -> Filter {
        self.compare(Op::StartsWith, Value::String(prefix.into()))
    }

    /// Without a value.
    pub fn is_null(self) -> Filter {
        self.compare(Op::IsNull, Value::Null)
    }

    /// With a value.
    pub fn not_null(self) -> Filter {
        self.compare(Op::NotNull, Value::Null)
    }
}

impl std::ops::BitAnd for Filter {
    type Output = Filter;

    fn bitand(self, other: Filter) -> Filter {
        match self {
            Filter::All { mut all } => {
                all.push(other);
                Filter::All { all }
            }
            first => Filter::All { all: vec![first, other] },
        }
    }
}

impl std::ops::BitOr for Filter {
    type Output = Filter;

    fn bitor(self, other: Filter) -> Filter {
        match self {
            Filter::Any { mut any } => {
                any.push(other);
                Filter::Any { any }
            }
            first => Filter::Any { any: vec![first, other] },
        }
    }
}

impl std::ops::Not for Filter {
    type Output = Filter;

    fn not(self) -> Filter {
        Filter::Not { not: Box::new(self) }
    }
}
