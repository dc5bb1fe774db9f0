//! S3: the store, against a real server (SeaweedFS) and a way to it that breaks.

#![allow(clippy::single_range_in_vec_init)]

#[path = "../authority/mod.rs"]
mod authority;
mod cache;
mod lake;
#[path = "../logged/mod.rs"]
mod logged;
#[path = "../many/mod.rs"]
mod many;
mod outputs;
mod proxy;
mod server;
#[path = "../skip/mod.rs"]
mod skip;
mod store;
mod tls;

use std::path::Path;

use datasus::store::Location;

fn at(text: &str) -> Location {
    Location::parse(Path::new(text))
}
