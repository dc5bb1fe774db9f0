//! What the user asks for: the JSON contract, its typed form, and its validation with every problem at once.

mod contract;
mod filter;
mod form;
mod json;
mod options;
mod query;
mod sizes;
mod spellings;
mod validate;
mod values;
mod when;

pub use contract::{Aggregate, AggregateFn, CompetenciaParam, Labels, OneOrMany, OrderBy, QueryParams};
pub use filter::{Col, Filter, Op, col};
pub use options::{CacheMode, MissingFiles, OnBadValue, OnEmergency, Options, Priority, Versions};
pub(crate) use query::Figure;
pub use query::{
    Ask, BindValue, Labelled, ORIGIN, Predicate, Projection, Query, Scalar, Scope, Sort, Sql, Structured, Syntax,
};
pub(crate) use validate::unknown_words;
pub use validate::{FileColumns, validate};

pub(crate) use query::{Extent, Question, origin_column};
pub(crate) use sizes::check_sizes;
pub(crate) use validate::{Compared, Constant, SqlUse, no_dataset, validate_question, validate_sql};
