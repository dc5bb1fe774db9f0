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
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
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
        crate::genuine::skip::on_this_machine("not root, no right to mount a tmpfs: a full disk of the server");
        return;
    }
    let server = Server::start("");
    let small = server.folder.join("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(&small).status();
    if !mounted.is_ok_and(|status| status.success()) {
        crate::genuine::skip::on_this_machine("no right to mount a tmpfs: a full disk of the server");
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

/// Loaders that wait for a session, and a sink that waits for a loader: both have an end.
#[test]
fn a_role_that_may_open_one_session_ends_the_job_and_is_told_how_many_it_needs() {
    let server = shared();
    server.psql(&format!(
        "CREATE ROLE uma_so LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 1; GRANT CREATE ON DATABASE postgres TO uma_so; \
         CREATE SCHEMA uma AUTHORIZATION uma_so"
    ));
    let (_folder, admin) = client();
    load(&admin, &january(), to("prepara_uma.t", Mode::Create)).unwrap();
    server.psql("GRANT USAGE ON SCHEMA datasus TO uma_so; GRANT ALL ON ALL TABLES IN SCHEMA datasus TO uma_so");
    let (_folder, client) = client_at(&server.url_of("uma_so", PASSWORD, "postgres", ""));
    let units = datasus::Options { checkpoint_rows: Some(5), ..Default::default() };
    let error = load(&client, &both_months().options(units), to("uma.t", Mode::Create)).unwrap_err();
    assert_eq!((error.code(), error.context().sqlstate.as_deref()), (Code::Unreachable, Some("53300")), "{error:?}");
    assert!(error.detail().contains("`connections` + 1"), "{error:?}");
    assert_eq!(server.psql("SELECT to_regclass('uma.t')"), [["<NULL>"]]);
    client.discard(&client.jobs().unwrap()[0].job_id).unwrap();
}

/// Lets all sessions through but the second, which it keeps at the door: the first loader's.
fn a_door(server_port: u16) -> (u16, std::sync::mpsc::Receiver<()>) {
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = door.local_addr().unwrap().port();
    let (knocks, knocked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut waiting = Vec::new();
        for (number, stream) in door.incoming().enumerate() {
            let stream = stream.unwrap();
            if number == 1 {
                waiting.push(stream);
                let _ = knocks.send(());
                continue;
            }
            let server = std::net::TcpStream::connect(("127.0.0.1", server_port)).unwrap();
            let ways = [(stream.try_clone().unwrap(), server.try_clone().unwrap()), (server, stream)];
            for (mut from, mut to) in ways {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    (port, knocked)
}

#[test]
fn a_loader_that_never_gets_in_is_given_up_by_a_cancel_and_by_a_deadline() {
    let units = |deadline| datasus::Options { checkpoint_rows: Some(5), deadline, ..Default::default() };
    let at = |port: u16| format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/postgres?connect_timeout=300");
    let table = || Postgres { connections: 1, ..to("porta.t", Mode::Create) };
    let (port, knocked) = a_door(shared().port);
    let (_folder, client) = client_at(&at(port));
    let job = client.submit(&both_months().options(units(None)), table()).unwrap();
    knocked.recv_timeout(Duration::from_secs(60)).expect("no loader came to the door");
    job.cancel();
    assert_eq!(job.wait().unwrap_err().code(), Code::Cancelled);

    let (port, _knocked) = a_door(shared().port);
    let (_folder, client) = client_at(&at(port));
    let error = load(&client, &both_months().options(units(Some(2.0))), table()).unwrap_err();
    assert_eq!(error.code(), Code::DeadlinePassed, "{error:?}");
    assert_eq!(shared().psql("SELECT to_regclass('porta.t')"), [["<NULL>"]]);
}

/// A crash of the server right after the load, before anything but the load's own COMMIT wrote its log to the disk.
#[test]
fn the_last_commit_is_on_the_disk_whatever_the_server_and_the_role_say() {
    canary::listen();
    let server = Server::start("synchronous_commit = off\nwal_writer_delay = 10s");
    server.psql("ALTER ROLE postgres SET synchronous_commit = off");
    let (_folder, client) = client_at(&server.url());
    let writer = server.psql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")[0][0].clone();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &writer]).status().unwrap().success());
    signal("-STOP");
    load(&client, &january(), Postgres { analyze: false, ..to("dura.t", Mode::Create) }).unwrap();
    // The postmaster ends everybody and starts anew from the disk.
    signal("-KILL");
    let until = Instant::now() + Duration::from_secs(60);
    let rows = loop {
        // Sessions of before the crash may answer still.
        let asked = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walwriter' AND pid <> ".to_owned();
        match server.try_psql("postgres", PASSWORD, &(asked + &writer)) {
            Ok(fresh) if fresh == [["1"]] => break server.psql("SELECT count(*) FROM dura.t"),
            _ => assert!(Instant::now() < until, "the server did not come back"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(rows, [["40"]]);
}

/// A password with the signs that end other parts of an address.
#[test]
fn no_file_of_the_state_folder_holds_the_password() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for address in [
        format!("postgres://ana:p?CANARY@127.0.0.1:{closed}/saude"),
        format!("postgres://ana:p%40/CANARY&x=y@127.0.0.1:{closed}/saude?pass%77ord=CANARY"),
        format!("postgres://ana@127.0.0.1:{closed}/saude?options=-c%20x%3DCANARY"),
    ] {
        let (folder, client) = client();
        let named = Postgres { url: Some(Secret::new(&address)), ..to("falhas.t", Mode::Create) };
        let error = load(&client, &january(), named).unwrap_err();
        assert_eq!((error.code(), &error.diagnostic()["resumable"]), (Code::Unreachable, &true.into()), "{error:?}");
        let job = client.jobs().unwrap().remove(0);
        assert!(!serde_json::to_string(&job).unwrap().contains(canary::WORD), "{job:?}");
        let state = folder.path().join(".datasus/jobs").join(&job.job_id);
        let mut files = 0;
        for entry in std::fs::read_dir(&state).unwrap() {
            let path = entry.unwrap().path();
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(canary::WORD), "{}: {text}", path.display());
            files += 1;
        }
        assert!(files > 0);
    }
    // An address where a destination is due is not quoted either.
    for wrong in [r#"{"postgres": "postgres://ana:CANARY@h/d"}"#, r#"["postgres://ana:CANARY@h/d"]"#] {
        let error = Destination::list_from_json(wrong).unwrap_err();
        assert!(!format!("{error} {error:?} {}", error.to_json()).contains(canary::WORD), "{error:?}");
    }
}
