//! What is brought from elsewhere: trees on other servers, and what a client makes of them.

mod ftp;
#[path = "../ftp_server/mod.rs"]
mod ftp_server;
mod http;
mod kills;
mod query;
#[path = "../quiet/mod.rs"]
mod quiet;
mod real_servers;
mod refresh;
mod room;
#[path = "../servers/mod.rs"]
mod servers;
mod site;
#[path = "../skip/mod.rs"]
mod skip;
mod tree;
