//! What a program may bring itself: a target, an engine, a store. Each is made here with nothing but what the crate shows.

mod engine;
#[path = "../many/mod.rs"]
mod many;
mod store;
mod target;

use std::path::Path;

use datasus::{Config, Language};

/// A client's settings, with all of its folders in `place`.
fn config(place: &Path) -> Config {
    Config {
        output: Some(place.join("out")),
        state: Some(place.join("jobs")),
        lake: Some(place.join("lake")),
        spill: Some(place.join("spill")),
        language: Language::En,
        ..Config::default()
    }
}
