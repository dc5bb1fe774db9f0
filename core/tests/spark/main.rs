//! Queries on a real Spark cluster: the answers that this machine gives, and what becomes of them when the cluster fails.
//! `make test-cluster` runs them.
#![cfg(target_os = "linux")]

mod answers;
mod cluster;
mod ends;
#[path = "../differential/independent.rs"]
mod independent;
#[path = "../many/mod.rs"]
mod many;
#[path = "../differential/oracle.rs"]
#[allow(dead_code, reason = "other forms are another binary's")]
mod oracle;
#[path = "../differential/question.rs"]
#[allow(dead_code, reason = "its SQL is another binary's")]
mod question;
#[path = "../differential/random.rs"]
mod random;
#[path = "../skip/mod.rs"]
mod skip;
