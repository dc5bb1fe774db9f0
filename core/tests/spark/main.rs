//! Queries on a real Spark cluster: the answers that this machine gives, and what becomes of them when the cluster fails.
//! `make test` and `make test-cluster` run them; without DATASUS_CLUSTER=1 nothing is started.
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
#[path = "../s3/server.rs"]
mod s3;
mod sail;
#[path = "../postgres/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../servers/mod.rs"]
mod servers;
#[path = "../skip/mod.rs"]
mod skip;
#[path = "../authority/server.rs"]
mod tls_server;
mod writing;

fn at(text: &str) -> datasus::store::Location {
    datasus::store::Location::parse(std::path::Path::new(text))
}
