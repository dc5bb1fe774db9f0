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
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    let list = format!("&[{}]", entries.join("\n"));
    std::fs::write(Path::new(&out).join("catalog.rs"), list).expect("OUT_DIR is writable");
}
