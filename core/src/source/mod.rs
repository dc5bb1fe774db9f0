//! Where files come from.

pub mod dbc;
