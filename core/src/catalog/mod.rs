//! What the ministry publishes: sistemas, grupos, file names, columns and their types.

mod competencia;
mod dataset;
mod logical_type;
mod uf;

pub use competencia::Competencia;
pub use dataset::Dataset;
pub use logical_type::{DateFormat, LogicalType};
pub use uf::Uf;
