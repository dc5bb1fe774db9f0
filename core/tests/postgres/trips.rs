//! How often a load asks the server something: each answer that is waited for is a round trip.

use datasus::Postgres;
use datasus::sink::postgres::Mode;

use crate::server::Server;
use crate::*;

/// What the server was asked since `from` bytes of its log. An unnamed statement is parsed, bound and executed in one go; a
/// prepared one takes another.
fn asked(server: &Server, from: usize) -> Vec<String> {
    let log = std::fs::read_to_string(server.folder.join("log")).unwrap();
    let is_asked = |line: &&str| {
        line.contains("ms  statement: ")
            || line.contains("ms  execute ")
            || line.contains("ms  parse ") && !line.contains("ms  parse <unnamed>")
    };
    log[from..].lines().filter(is_asked).map(str::to_owned).collect()
}

#[test]
fn a_load_asks_little_before_and_after_its_rows() {
    let server = Server::start("log_min_duration_statement = 0");
    let (_folder, client) = client_at(&server.url());
    let log = || std::fs::metadata(server.folder.join("log")).unwrap().len() as usize;
    let one = |table: &str, mode| Postgres { connections: 1, ..to(table, mode) };
    // Makes the schemas, and our own tables.
    load(&client, &january(), one("viagens.a", Mode::Create)).unwrap();
    for (table, mode, most) in [
        ("viagens.b", Mode::Create, 31),
        ("viagens.c", Mode::Replace, 31),
        ("viagens.c", Mode::Replace, 32),
        ("viagens.d", Mode::ReplaceBy, 31),
        ("viagens.d", Mode::ReplaceBy, 42),
    ] {
        let from = log();
        load(&client, &january(), one(table, mode)).unwrap();
        let asked = asked(&server, from);
        println!("{table} {mode:?}: {}", asked.len());
        assert!(asked.len() <= most && asked.len() > 20, "{table} {mode:?}: {}\n{}", asked.len(), asked.join("\n"));
    }
}
