//! Writes the conformance cases' folder `made`: `cargo run --example made_files -- <folder>`. For the runners of other languages.

#[path = "../../tests/conformance/made.rs"]
mod made;

fn main() {
    let Some(folder) = std::env::args_os().nth(1).map(std::path::PathBuf::from) else {
        eprintln!("made_files: expected a folder");
        std::process::exit(2);
    };
    if let Err(error) = std::fs::create_dir_all(&folder) {
        eprintln!("made_files: {}: {error}", folder.display());
        std::process::exit(1);
    }
    made::write(&folder);
}
