//! S3: the store, against a real server (SeaweedFS) and a way to it that breaks.

#![allow(clippy::single_range_in_vec_init)]

#[path = "../authority/mod.rs"]
mod authority;
mod cache;
mod growing;
mod kills;
mod lake;
#[path = "../logged/mod.rs"]
mod logged;
#[path = "../many/mod.rs"]
mod many;
mod moto;
mod multipart;
mod outputs;
mod proxy;
mod server;
#[path = "../servers/mod.rs"]
mod servers;
#[path = "../skip/mod.rs"]
mod skip;
mod store;
mod tls;
#[path = "../authority/server.rs"]
mod tls_server;
mod tree;

use std::path::Path;

use datasus::store::Location;

fn at(text: &str) -> Location {
    Location::parse(Path::new(text))
}
