//! PostgreSQL, by binary COPY.
//!
//! Rows go into a staging table beside the target over several connections, and become visible in one transaction at
//! the end: by renaming it (`create`, `replace`) or by moving its rows (`append`, `replace_by`, `upsert`). A job that
//! fails or is killed leaves the target as it was; the staging table of a dead job is dropped by the next one.
//!
//! Memory is two chunks per connection. Sources that a table holds are remembered in `datasus.loads`.

mod connect;
pub mod copy;
mod failure;
mod identifier;
mod index;
mod load;
mod options;
mod publish;
mod shape;
mod sink;
mod stage;
mod tls;
mod url;

pub use identifier::TableName;
pub use options::{Mode, Postgres, ReplaceBy};
