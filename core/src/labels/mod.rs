//! Codes to words: the ministry's tables of labels, and what is derived from a record's columns.

mod cnv;
mod dbf;
mod def;
mod kit;
mod lines;
mod tokens;

pub use cnv::{Cnv, CnvRow, Mode};
pub use dbf::DbfTable;
pub use def::{Def, DefLine, LabelTable};
pub use kit::Kit;
pub use tokens::Token;
