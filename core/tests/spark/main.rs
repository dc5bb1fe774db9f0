//! Queries on a real Spark cluster: the answers that this machine gives, and what becomes of them when the cluster fails.
//! `make test-cluster` runs them.
#![cfg(target_os = "linux")]

mod answers;
#[path = "../authority/mod.rs"]
mod authority;
mod cluster;
mod ends;
mod front;
#[path = "../differential/independent.rs"]
mod independent;
#[path = "../many/mod.rs"]
mod many;
#[path = "../differential/oracle.rs"]
#[allow(dead_code, reason = "other forms are another binary's")]
mod oracle;
#[path = "../proxy/mod.rs"]
mod proxy;
#[path = "../differential/question.rs"]
#[allow(dead_code, reason = "its SQL is another binary's")]
mod question;
#[path = "../differential/random.rs"]
mod random;
#[path = "../postgres/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../skip/mod.rs"]
mod skip;
mod writing;
