//! `datasus-worker` as packages bring it.

fn main() {
    datasus::worker::main();
    eprintln!("datasus-worker: the library starts it, where `isolation` (DATASUS_ISOLATION) says so");
    std::process::exit(2);
}
