//! The ministry's tables of labels: read as TabWin reads them, and compiled into the built-in dictionary.

mod compiled;
#[path = "../genuine/mod.rs"]
mod genuine;
mod kits;
mod profiles;
mod queries;
mod rates;
