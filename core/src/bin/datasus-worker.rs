//! The engine alone, for SQL that runs in a process of its own: started by the library, and of no use by itself.

fn main() {
    datasus::worker::main();
    eprintln!("datasus-worker: the library starts it, where `isolation` (DATASUS_ISOLATION) says so");
    std::process::exit(2);
}
