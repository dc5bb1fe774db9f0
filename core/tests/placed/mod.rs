//! A client that leaves nothing outside of one folder.

use std::path::Path;

use datasus::{Config, Language};

/// A client's settings, with all of its folders in `place`.
pub fn config(place: &Path) -> Config {
    Config {
        output: Some(place.join("out")),
        state: Some(place.join("jobs")),
        lake: Some(place.join("lake")),
        spill: Some(place.join("spill")),
        language: Language::En,
        ..Config::default()
    }
}
