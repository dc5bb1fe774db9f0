//! The ministry's tables of labels: read as TabWin reads them, and compiled into the built-in dictionary.

#[path = "../genuine/mod.rs"]
mod genuine;
mod kits;
