//! The PostgreSQL sink against a server of the tests' own.
//!
//! Everything that the library logs is listened to at TRACE, and everything that it answers is searched: the server's
//! password must stand nowhere (R16).

#[path = "../authority/mod.rs"]
mod authority;
mod canary;
mod failures;
#[path = "../genuine/mod.rs"]
mod genuine;
mod guards;
mod indexes;
mod interrupted;
mod kept;
mod labels;
mod large;
mod late_indexes;
mod logins;
#[path = "../../../tests/conformance/made.rs"]
mod made;
#[path = "../many/mod.rs"]
mod many;
mod modes;
mod names;
mod order;
mod partitions;
#[path = "../proxy/mod.rs"]
mod proxy;
#[path = "../quiet/mod.rs"]
mod quiet;
mod reloads;
mod server;
mod sinks;
mod tables;
mod tls;
mod trips;
mod types;
mod values;

use std::path::Path;
use std::sync::Arc;

use datasus::sink::Destinations;
use datasus::sink::postgres::Mode;
use datasus::{Client, Config, Destination, Error, Language, Postgres, QueryParams, Report, Secret};
use tempfile::TempDir;

/// Made-up admissions (`tests/conformance/made.rs`) and a client on them whose PostgreSQL is `url`.
fn client_at(url: &str) -> (TempDir, Client) {
    canary::listen();
    let folder = tempfile::tempdir().unwrap();
    made::write(folder.path());
    let client = open(folder.path(), url);
    (folder, client)
}

fn client() -> (TempDir, Client) {
    client_at(&server::shared().url())
}

fn open(folder: &Path, url: &str) -> Client {
    let output = folder.join("out");
    std::fs::create_dir_all(&output).unwrap();
    let config = Config {
        output: Some(output),
        postgres: Some(Secret::new(url)),
        language: Language::En,
        memory_limit: Some(512 << 20),
        ..Config::default()
    };
    assert!(!format!("{config:?} {}", serde_json::to_string(&config).unwrap()).contains(canary::WORD));
    Client::open_with(folder, config).unwrap()
}

/// A client whose source has three million rows, on the shared server; behind the proxy where it is to hold the load.
fn client_of_many(hold: Option<&Arc<proxy::Hold>>) -> (TempDir, Client) {
    canary::listen();
    let folder = tempfile::tempdir().unwrap();
    many::write(folder.path(), 3, 1_000_000);
    let url = hold.map_or_else(|| server::shared().url(), held);
    let client = open(folder.path(), &url);
    (folder, client)
}

/// The shared server behind a proxy that holds each connection which loads after some 100,000 rows.
fn held(hold: &Arc<proxy::Hold>) -> String {
    let server = server::shared();
    server.url().replace(&format!(":{}/", server.port), &format!(":{}/", proxy::holding(server.port, hold.clone())))
}

fn hold() -> Arc<proxy::Hold> {
    proxy::Hold::after(8 << 20)
}

fn all_of_many() -> QueryParams {
    QueryParams::dataset("SIH-RD")
}

fn january() -> QueryParams {
    QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202401")
}

fn both_months() -> QueryParams {
    QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202401".."202402")
}

fn to(table: &str, mode: Mode) -> Postgres {
    Postgres { table: Some(table.into()), mode, ..Postgres::default() }
}

/// Loads, and looks for the password in whatever comes back.
fn load(client: &Client, params: &QueryParams, to: impl Into<Destinations>) -> Result<Report, Error> {
    let outcome = client.export(params, to);
    let shown = match &outcome {
        Ok(report) => format!("{report} {report:?} {}", report.to_json()),
        Err(error) => format!("{error} {error:?} {}", error.to_json()),
    };
    assert!(!shown.contains(canary::WORD), "{shown}");
    canary::check();
    outcome
}

fn sql(text: &str) -> QueryParams {
    QueryParams::sql(text)
}

/// Tables that jobs left beside their targets.
fn stages(schema: &str) -> Vec<Vec<String>> {
    server::shared().psql(&format!(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
         WHERE nspname = '{schema}' AND relname LIKE 'datasus\\_stage%'"
    ))
}
