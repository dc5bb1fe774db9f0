//! Lists the catalogue's files, so that adding a sistema is adding a file; and lets tests and examples find the
//! prebuilt libduckdb that `make setup` fetched, without LD_LIBRARY_PATH.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if let Ok(folder) = std::env::var("DUCKDB_LIB_DIR") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
    println!("cargo:rerun-if-changed=catalog");
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files: Vec<PathBuf> = std::fs::read_dir(here.join("catalog"))
        .expect("core/catalog is part of the source")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let entries: Vec<String> = files
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // The text itself, not its path: a target folder may serve several clones.
            let text = std::fs::read_to_string(path).expect("a catalogue file is readable UTF-8");
            format!("({name:?}, {text:?}),")
        })
        .collect();
    println!("cargo:rustc-env=DATASUS_BUILD={:016x}", source_text(&here));
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    let list = format!("&[{}]", entries.join("\n"));
    std::fs::write(Path::new(&out).join("catalog.rs"), list).expect("OUT_DIR is writable");
}

/// A number that changes with any file of the source: what one build has kept is no answer of another.
fn source_text(here: &Path) -> u64 {
    let parts = ["src", "catalog", "labels"];
    parts.iter().for_each(|part| println!("cargo:rerun-if-changed={part}"));
    let (mut folders, mut files) = (parts.map(|part| here.join(part)).to_vec(), vec![here.join("Cargo.toml")]);
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).expect("the source can be read");
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    files.sort();
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        let text = std::fs::read(&file).expect("the source can be read");
        // FNV-1a.
        text.iter().for_each(|byte| sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }
    sum
}
