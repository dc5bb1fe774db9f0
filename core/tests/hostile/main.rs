//! Attacks on the host's process: each in a child with a bound of time and of memory, so that a crash or a hang is seen.
#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "not every module needs all of it")]
mod child;
mod files;
mod grammar;
#[path = "../governor/group.rs"]
#[allow(dead_code, reason = "its usage file is the governor tests'")]
mod group;
#[path = "../logged/mod.rs"]
mod logged;
mod made_parquet;
#[path = "../many/mod.rs"]
mod many;
mod memory;
mod mutants;
mod secrets;
mod server;
mod sizes;
mod sql;
mod workers;
