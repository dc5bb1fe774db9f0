//! The genuine DATASUS files, where they are: `DATASUS_REAL_DATA`, or `../shared/data/real` beside the project.
#![allow(dead_code)]

#[path = "../skip/mod.rs"]
pub mod skip;

use std::path::{Path, PathBuf};

pub struct Genuine {
    pub name: String,
    pub path: PathBuf,
    pub rows: u64,
    pub columns: usize,
    pub decoded_sha256: String,
}

/// The folder; none, with a line that says so, where it is not there.
pub fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("DATASUS_REAL_DATA").map(PathBuf::from);
    let folder = named
        .unwrap_or_else(|| Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../shared/data/real"));
    if folder.is_dir() {
        return Some(folder);
    }
    skip::for_want_of_data("no genuine files: set DATASUS_REAL_DATA to their folder");
    None
}

/// Every DBC and DBF of the folder's manifest.
pub fn manifest() -> Option<Vec<Genuine>> {
    let folder = folder()?;
    let text = std::fs::read_to_string(folder.join("MANIFEST.md")).unwrap();
    let files = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells
            .get(1)
            .filter(|name| name.to_lowercase().ends_with(".dbc") || name.to_lowercase().ends_with(".dbf"))?;
        Some(Genuine {
            name: name.to_string(),
            path: folder.join(name),
            rows: cells.get(6)?.parse().ok()?,
            columns: cells[7].parse().unwrap(),
            decoded_sha256: cells[12].trim_matches('`').to_owned(),
        })
    });
    Some(files.collect())
}
