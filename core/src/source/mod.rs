//! Where files come from, and how their records are read.

pub mod dbc;
pub mod folder;
