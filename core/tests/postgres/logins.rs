//! What a password is sent to, and how an address may spell it: real logins.

use std::path::Path;

use datasus::sink::postgres::Mode;
use datasus::{Code, Error};

use crate::server::{PASSWORD, Server};
use crate::*;

/// Every login by `method` from now on, and of its passwords none in clear but with `password`.
fn ask_for(server: &Server, method: &str) {
    let rules = format!("local all all {method}\nhost all all 127.0.0.1/32 {method}\n");
    std::fs::write(server.folder.join("data/pg_hba.conf"), rules).unwrap();
    server.reload();
    let last = "SELECT count(*), count(*) FILTER (WHERE auth_method = '{}') FROM pg_hba_file_rules";
    assert_eq!(server.psql(&last.replace("{}", method)), [["2", "2"]]);
}

fn attempt(url: &str, table: &str) -> Result<Report, Error> {
    let (_folder, client) = client_at(url);
    load(&client, &january(), to(table, Mode::Create))
}

fn escaped(path: &Path) -> String {
    path.display().to_string().replace('/', "%2F")
}

#[test]
fn a_password_goes_in_clear_to_this_machine_and_to_no_other() {
    canary::listen();
    let server = Server::start("");
    ask_for(&server, "password");
    let (port, socket) = (server.port, escaped(&server.folder));
    for (number, place) in [
        format!("127.0.0.1:{port}/postgres?sslmode=disable"),
        format!("127.0.0.1:{port}/postgres"),
        format!("localhost:{port}/postgres"),
        format!("{socket}:{port}/postgres"),
        format!("db.example.org:{port}/postgres?hostaddr=127.0.0.1"),
    ]
    .iter()
    .enumerate()
    {
        let table = format!("clear.t{number}");
        attempt(&format!("postgres://postgres:{PASSWORD}@{place}"), &table).unwrap_or_else(|e| panic!("{place}: {e}"));
        assert_eq!(server.psql(&format!("SELECT count(*) FROM {table}")), [["40"]]);
        // The server looks at what it was sent.
        let refused = attempt(&format!("postgres://postgres:CANARY-wrong@{place}"), "clear.x").unwrap_err();
        assert_eq!(refused.code(), Code::CredentialsRefused, "{place}: {refused}");
        assert!(!refused.to_json().to_string().contains("cleartext_password"), "{place}: {refused:?}");
    }
    // The same server by ways of which nothing says that they stay here.
    for place in [
        format!("0.0.0.0:{port}/postgres"),
        format!("0.0.0.0:{port}/postgres?sslmode=disable"),
        format!("localhost:{port}/postgres?hostaddr=0.0.0.0"),
        format!("0.0.0.0:{port},127.0.0.1:{port}/postgres"),
    ] {
        let refused = attempt(&format!("postgres://postgres:{PASSWORD}@{place}"), "clear.x").unwrap_err();
        assert_eq!(refused.code(), Code::CredentialsRefused, "{place}: {refused}");
        assert_eq!(refused.diagnostic()["cause"], "cleartext_password", "{place}: {refused:?}");
        assert!(!refused.retryable());
    }
    // SCRAM proves that both know the password and sends none: no TLS is needed for it.
    ask_for(&server, "scram-sha-256");
    attempt(&format!("postgres://postgres:{PASSWORD}@0.0.0.0:{port}/postgres"), "clear.scram").unwrap();
}

#[test]
fn a_password_logs_in_however_its_address_spells_it() {
    canary::listen();
    let server = Server::start("");
    let password = "CANARY?p/#:@&=%é x";
    server.psql(&format!("CREATE ROLE \"an@a\" LOGIN SUPERUSER PASSWORD '{password}'"));
    server.psql("CREATE ROLE bia LOGIN SUPERUSER PASSWORD 'CANARY?pass/w#rd:&='");
    let (port, socket) = (server.port, escaped(&server.folder));
    let all = "CANARY%3Fp%2F%23%3A%40%26%3D%25%C3%A9%20x";
    let some = "CANARY%3Fp/%23:@%26=%25é x";
    for (number, address) in [
        format!("an%40a:{all}@127.0.0.1:{port}/postgres"),
        // Of the signs only those that end something must be written in another way.
        format!("an%40a:{}@127.0.0.1:{port}/postgres", some.replace('@', "%40")),
        format!("bia:CANARY?pass/w#rd:&=@127.0.0.1:{port}/postgres"),
        format!("an%40a@127.0.0.1:{port}/postgres?password={all}"),
        format!("an%40a@127.0.0.1:{port}/postgres?p%61ssword={}", some.replace('?', "%3F")),
        format!("an%40a:CANARY-another@127.0.0.1:{port}/postgres?connect_timeout=9&pass%77ord={all}"),
        format!("127.0.0.1:{port}/postgres?user=an%40a&password={all}&sslmode=prefer"),
        format!("?host=127.0.0.1&port={port}&dbname=postgres&user=an%40a&password={all}"),
        format!("an%40a:{all}@{socket}:{port}/postgres"),
        format!("an%40a:{all}@/postgres?host={socket}&port={port}"),
        format!("an%40a:{all}@127.0.0.1:1,127.0.0.1:{port}/postgres"),
    ]
    .iter()
    .enumerate()
    {
        let table = format!("spelled.t{number}");
        attempt(&format!("postgresql://{address}"), &table).unwrap_or_else(|error| panic!("{address}: {error}"));
        assert_eq!(server.psql(&format!("SELECT count(*) FROM {table}")), [["40"]]);
    }
    // One that could be cut in two places is sent nowhere.
    for address in [
        format!("an%40a:CANARYp@ss@127.0.0.1:{port}/postgres"),
        format!("an@a:{all}@127.0.0.1:{port}/postgres"),
        format!("127.0.0.1:{port}/postgres?user=an%40a&password=CANARYp@ss"),
    ] {
        let refused = attempt(&format!("postgresql://{address}"), "spelled.x").unwrap_err();
        assert_eq!(refused.code(), Code::InvalidParams, "{address}: {refused}");
        assert!(refused.to_string().contains("%40"), "{refused}");
    }
    server.psql("DROP SCHEMA spelled CASCADE");
}
