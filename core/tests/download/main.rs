//! What is brought from elsewhere: trees on other servers, and what a client makes of them.

mod ftp;
mod http;
#[path = "../ftp_server/mod.rs"]
mod ftp_server;
mod kills;
mod query;
mod refresh;
mod tree;
