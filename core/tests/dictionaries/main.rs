//! The ministry's tables of labels: read as TabWin reads them, and compiled into the built-in dictionary.

mod answers;
mod compiled;
mod facts;
mod file_alone;
#[path = "../ftp_server/mod.rs"]
mod ftp_server;
#[path = "../genuine/mod.rs"]
mod genuine;
mod groups;
mod kits;
mod own_names;
mod profiles;
mod queries;
mod rates;
mod sinan;
mod sync;
mod tables;
