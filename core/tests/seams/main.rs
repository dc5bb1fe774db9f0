//! What a program may bring itself: a target, an engine, a store. Each is made here with nothing but what the crate shows.

mod engine;
#[path = "../many/mod.rs"]
mod many;
#[path = "../placed/mod.rs"]
mod placed;
mod store;
mod target;

use placed::config;
