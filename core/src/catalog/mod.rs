//! What the ministry publishes: sistemas, grupos, file names, columns and their types.
//!
//! The truth is in `core/catalog/*.toml`, one file per sistema; a fact there names its source.

mod code_names;
mod column;
mod competencia;
mod dataset;
mod file_id;
mod file_name;
mod files;
mod form;
mod grupo;
mod logical_type;
mod pattern;
mod toml_form;
mod uf;
mod wild_name;

pub use code_names::is_code_name;
pub use column::{Coding, Column, Era, Meaning, StatedForm};
pub use competencia::Competencia;
pub use dataset::Dataset;
pub use file_id::FileId;
pub use files::Catalog;
pub use form::{Form, Normal};
pub use grupo::{FieldsOf, FtpFolder, Gap, Grupo, Period, RowKeys, UfCoding, UfColumn};
pub use logical_type::{DateFormat, LogicalType};
pub use uf::Uf;
pub use wild_name::FoundName;
