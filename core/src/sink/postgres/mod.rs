//! PostgreSQL, by binary COPY.
//!
//! Rows go into a staging table beside the target over several connections, and become visible in one transaction at
//! the end: by renaming it (`create`, `replace`) or by moving its rows (`append`, `replace_by`, `upsert`). A job that
//! fails or is killed leaves the target as it was. The staging table stays for a resume: `datasus.ledger` says which units
//! it holds, written in the transactions that bring their rows. One that nobody touched for a week is dropped.
//!
//! Indexes are made once the rows are there, concurrently, and none of them is a reason to fail.
//!
//! Memory is a checkpoint's rows per connection. Sources that a table holds are remembered in `datasus.loads`.

mod address;
mod append;
mod connect;
mod connections;
pub mod copy;
mod failure;
mod filter;
mod guard;
mod identifier;
mod index;
mod indexing;
mod ledger;
mod letters;
mod load;
mod loaded;
mod loading;
mod loads;
mod mark;
mod monotone;
mod options;
mod partition;
mod passage;
mod publish;
mod replace;
mod replay;
mod rights;
mod sampling_guard;
mod shape;
mod sink;
mod stage;
mod swallow;
mod there;
mod tls;
mod typed;
mod unique;
mod upsert;
mod url;

pub use connections::Connections;
pub use identifier::TableName;
pub use options::{Mode, PartitionBy, Postgres, ReplaceBy};
