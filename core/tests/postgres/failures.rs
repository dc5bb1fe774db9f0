//! What a user meets: no server, no rights, no room. Each its own error, and nothing left behind.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use datasus::sink::postgres::Mode;
use datasus::{Code, Postgres};

use crate::server::{PASSWORD, Server, is_root, shared};
use crate::*;

fn fails(url: &str, table: &str) -> datasus::Error {
    let (_folder, client) = client_at(url);
    let error = load(&client, &january(), to(table, Mode::Create)).unwrap_err();
    assert_eq!(error.context().stage, Some("postgres"), "{error:?}");
    error
}

#[test]
fn an_address_that_does_not_answer_or_does_not_let_in_says_which() {
    let server = shared();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = fails(&format!("postgres://ana:{PASSWORD}@127.0.0.1:{closed}/saude"), "falhas.t");
    assert_eq!((error.code(), error.retryable()), (Code::Unreachable, true));
    assert!(error.detail().contains(&format!("127.0.0.1:{closed}/saude")), "{error:?}");

    let error = fails(&server.url_of("postgres", "wrong-CANARY", "postgres", ""), "falhas.t");
    assert_eq!((error.code(), error.context().sqlstate.as_deref()), (Code::CredentialsRefused, Some("28P01")));
    let error = fails(&format!("postgres://postgres@127.0.0.1:{}/postgres", server.port), "falhas.t");
    assert_eq!(error.code(), Code::CredentialsRefused);
    assert!(error.detail().contains("password"), "{error:?}");
    let error = fails(&server.url_of("postgres", PASSWORD, "nao_existe", ""), "falhas.t");
    assert_eq!((error.code(), error.context().sqlstate.as_deref()), (Code::NotFound, Some("3D000")));
    let error = fails(&server.url_of("postgres", PASSWORD, "postgres", "?sslmode=verify-full"), "falhas.t");
    assert_eq!(
        (error.code(), error.diagnostic()["cause"].as_str()),
        (Code::CredentialsRefused, Some("tls_not_offered"))
    );
    let error = fails("host=127.0.0.1 password=CANARY", "falhas.t");
    assert_eq!(
        (error.code(), error.diagnostic()["expected_format"].as_str()),
        (Code::InvalidParams, Some("postgres://user:password@host:port/database"))
    );

    let (_folder, client) = client();
    let nowhere = Client::open_with(_folder.path(), Config { postgres: None, ..Config::default() }).unwrap();
    let error = load(&nowhere, &january(), Postgres::default()).unwrap_err();
    assert!(error.detail().contains("DATASUS_POSTGRES"), "{error:?}");
    drop(client);
}

#[test]
fn a_port_that_speaks_something_else_or_nothing_does_not_hang() {
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = web.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in web.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = fails(&format!("postgres://ana:CANARY@127.0.0.1:{port}/x"), "falhas.t");
    assert_eq!(error.code(), Code::Unreachable, "{error:?}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let began = Instant::now();
    let error = fails(&format!("postgres://ana:CANARY@127.0.0.1:{port}/x?connect_timeout=1"), "falhas.t");
    assert_eq!(error.code(), Code::Unreachable, "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[test]
fn who_has_no_rights_is_told_what_to_ask_for() {
    let server = shared();
    server.psql(&format!(
        "CREATE ROLE leitora LOGIN PASSWORD '{PASSWORD}'; CREATE SCHEMA restrito; GRANT USAGE ON SCHEMA restrito TO leitora; \
         CREATE TABLE restrito.visivel (n_aih text); GRANT SELECT ON restrito.visivel TO leitora"
    ));
    let url = server.url_of("leitora", PASSWORD, "postgres", "");
    for table in ["restrito.t", "esquema_novo.t"] {
        let error = fails(&url, table);
        assert_eq!((error.code(), error.context().sqlstate.as_deref()), (Code::Forbidden, Some("42501")), "{error:?}");
        assert!(error.detail().contains("Ask for"), "{error:?}");
    }
    server.psql("CREATE VIEW restrito.v AS SELECT 1 AS n_aih");
    let error = fails(&server.url(), "restrito.v");
    assert_eq!(error.code(), Code::Conflict);
    assert!(error.detail().contains("not a table"), "{error:?}");
}

/// What a careful administrator grants: the schemas, and nothing else.
#[test]
fn a_role_with_two_schemas_of_its_own_can_load() {
    let server = shared();
    let (_folder, admin) = client();
    load(&admin, &january(), to("prepara.t", Mode::Create)).unwrap();
    server.psql(&format!(
        "CREATE ROLE carga LOGIN PASSWORD '{PASSWORD}'; CREATE SCHEMA da_carga AUTHORIZATION carga; \
         GRANT USAGE ON SCHEMA datasus TO carga; GRANT SELECT, INSERT, UPDATE, DELETE ON datasus.loads, datasus.jobs, datasus.ledger TO carga"
    ));
    let (_folder, client) = client_at(&server.url_of("carga", PASSWORD, "postgres", ""));
    load(&client, &january(), to("da_carga.rd", Mode::ReplaceBy)).unwrap();
    load(&client, &both_months(), to("da_carga.rd", Mode::ReplaceBy)).unwrap();
    assert_eq!(server.psql("SELECT count(*), tableowner FROM da_carga.rd, pg_tables WHERE tablename = 'rd' AND schemaname = 'da_carga' GROUP BY 2"), [["60", "carga"]]);
}

/// A server of its own whose tables lie on a small tmpfs.
#[test]
fn a_full_disk_of_the_server_is_507_and_the_next_load_passes() {
    canary::listen();
    if !is_root() {
        println!("SKIPPED (not root, cannot mount a tmpfs): a full disk of the server");
        return;
    }
    let server = Server::start("");
    let small = server.folder.join("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(&small).status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("SKIPPED (no right to mount a tmpfs): a full disk of the server");
        return;
    }
    let space = small.join("space");
    std::fs::create_dir(&space).unwrap();
    assert!(Command::new("chown").arg("postgres").arg(&space).status().unwrap().success());
    server.psql(&format!("CREATE TABLESPACE small LOCATION '{}'", space.display()));
    server.psql("ALTER ROLE postgres SET default_tablespace = 'small'");
    let (_folder, client) = client_at(&server.url());
    let many = |rows: u32| sql(&format!("SELECT range AS n, 'um texto que ocupa espaço' AS t FROM range({rows})"));
    let error = load(&client, &many(2_000_000), to("disco.t", Mode::Create)).unwrap_err();
    let left = server.psql("SELECT relname FROM pg_class WHERE relname = 't'");
    // What was loaded stays for a resume; space is made by giving the job up.
    client.discard(&client.jobs().unwrap()[0].job_id).unwrap();
    let again = load(&client, &many(1_000), to("disco.t", Mode::Create));
    server.psql_all(&["DROP SCHEMA disco CASCADE", "DROP SCHEMA datasus CASCADE", "DROP TABLESPACE small"]);
    assert!(Command::new("umount").arg(&small).status().unwrap().success());
    assert_eq!((error.code(), error.context().sqlstate.as_deref()), (Code::DiskFull, Some("53100")), "{error:?}");
    assert_eq!(left, [[""; 0]; 0]);
    assert_eq!(again.unwrap().records_processed, 1_000);
}
