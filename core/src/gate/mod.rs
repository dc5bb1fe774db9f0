//! What user SQL may pass: one SELECT over the catalogue's tables, made of functions, tables and types that are known
//! to do no harm. What the gate does not know it refuses.
//!
//! The text is parsed by the engine itself (`json_serialize_sql`), so the tree that is judged here is the tree that
//! runs. Locks of the engine alone are not enough: in DuckDB 1.5.5 a plain `SELECT * FROM enable_logging(...)` passes
//! them and can abort the host process. `PIVOT` cannot be serialised by the engine, and so is refused.

mod apart;
mod beside;
mod bounded;
mod compared;
mod expression;
mod functions;
mod given;
mod like;
mod limits;
mod parse;
mod query;
mod question;
mod refusal;
mod scan;
mod scope;
mod sought;
mod star;
mod types;
mod walk;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::base::{Deaf, Error, Problem, Result};
use crate::catalog::{Catalog, Grupo};
use crate::params::{Compared, Syntax};

pub use apart::{MOST_TIME, Patience};
pub(crate) use beside::beside;
pub use functions::is_aggregate;
#[doc(hidden)]
pub use functions::names as function_names;
pub use star::{Hidden, without};

pub use question::question;
pub use sought::{Sought, sought};

/// Bytes of text at most.
pub const MAX_BYTES: usize = 64 << 10;
/// Common table expressions and set operations at most, together.
pub const MAX_PARTS: usize = 64;
/// For tests: what is judged next hangs.
#[doc(hidden)]
pub static HANGS: Deaf = Deaf::new();

/// A text that may run, and what it uses.
#[derive(Debug, Clone)]
pub struct Passed {
    /// The statement as the engine gets it.
    pub sql: String,
    /// Tables of the catalogue that it reads.
    pub tables: Vec<&'static Grupo>,
    /// Tables of the client's own that it reads.
    pub own: BTreeSet<String>,
    /// Names of its parameters (`$nome`), without the sign.
    pub parameters: BTreeSet<String>,
    /// Names that may be columns, in upper case.
    pub columns: BTreeSet<String>,
    /// True: a star somewhere, or what else reads columns that it does not name (a whole row, `#1`, other names for the columns
    /// of a table), so that any column may be read.
    pub star: bool,
    /// True: its outermost query says in which order the rows come.
    pub ordered: bool,
    /// Columns that are compared with constants.
    pub compared: Vec<Compared>,
    /// Which names stand where.
    pub syntax: Syntax,
}

/// Judges `sql`. What is refused is named with its position, every refusal in one answer: DS-403 for what nobody may
/// do here, DS-404 for a table that does not exist, DS-422 for a text that is wrong or too large.
pub fn pass(sql: &str, catalog: &'static Catalog) -> Result<Passed> {
    pass_within(sql, &BTreeMap::new(), catalog, &Patience::default())
}

/// The same, with the values of its parameters. DS-504 or DS-499 where that takes longer than `patience` allows; the thread that parses is then left to itself.
pub fn pass_within(
    sql: &str,
    binds: &BTreeMap<String, Value>,
    catalog: &'static Catalog,
    patience: &Patience,
) -> Result<Passed> {
    pass_with(sql, binds, catalog, &[], patience)
}

/// The same, where tables of the names in `own` may be read as well, which are in lower case.
pub fn pass_with(
    sql: &str,
    binds: &BTreeMap<String, Value>,
    catalog: &'static Catalog,
    own: &[String],
    patience: &Patience,
) -> Result<Passed> {
    let (sql, binds, own) = (sql.to_owned(), binds.clone(), own.to_vec());
    let judge = move || -> std::result::Result<Passed, Vec<Problem>> {
        walk::judge(&sql, parse::tree(&sql)?, &binds, (catalog, &own))
    };
    patience.wait(judge)?.map_err(|problems| Error::from_problems(problems).stage("gate"))
}

#[cfg(test)]
mod tests;
