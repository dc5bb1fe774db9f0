//! What fails late: an index in the middle of its build, and a destination after another has published.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use datasus::sink::postgres::Mode;
use datasus::{Code, IndexState, Postgres, Secret};

use crate::indexes::{invalid, made_folder, of, server, told, until};
use crate::proxy::{self, Breaks};
use crate::server::{PASSWORD, Server};
use crate::*;

/// The server makes the index known, reads the rows, and meets a text that is longer than an index may hold.
#[test]
fn an_index_that_the_server_gives_up_in_mid_build_is_dropped_and_the_others_are_made() {
    // Of its own: others' builds are invalid while they last.
    let server = Server::start("");
    let folder = made_folder();
    let client = open(folder.path(), &server.url());
    let texts = sql("SELECT i AS n, CASE WHEN i = 13 THEN \
             (SELECT string_agg(md5(CAST(j AS VARCHAR)), '' ORDER BY j) FROM range(400) t(j)) \
         WHEN i % 2 = 0 THEN 'a' ELSE 'z' END AS laudo FROM range(20) r(i) ORDER BY i");
    let both = || Postgres { indexes: Some(vec!["laudo".into(), "n".into()]), ..to("tarde.laudos", Mode::Append) };
    let report = load(&client, &texts, both()).unwrap();
    let (made, failed) = (IndexState::Made, IndexState::Failed);
    assert_eq!(told(&report), [("laudo", "btree", failed), ("n", "brin", made)], "{report}");
    assert!(report.indexes[0].why.contains("index row"), "{report}");
    assert!(report.warnings.iter().any(|warning| warning.contains("tarde.laudos.laudo")), "{report}");
    let only_n = ["CREATE INDEX laudos_n_idx ON tarde.laudos USING brin (n)"];
    assert_eq!((invalid(&server), of(&server, "tarde.laudos")), ("0".into(), only_n.map(str::to_owned).to_vec()));
    assert_eq!(server.psql("SELECT count(*), max(length(laudo)) FROM tarde.laudos"), [["20", "12800"]]);
    // The server had made it: what is left of a build of its own that fails is invalid.
    let sql = "CREATE INDEX CONCURRENTLY deles ON tarde.laudos (laudo)";
    assert!(server.try_psql("postgres", PASSWORD, sql).is_err());
    assert_eq!(invalid(&server), "1");
    server.psql("DROP INDEX tarde.deles");

    // The next load tries again, and makes none twice.
    let more = Postgres { allow_reload: true, ..both() };
    let report = load(&client, &texts, more).unwrap();
    let states: Vec<_> = told(&report).into_iter().map(|(column, _, state)| (column, state)).collect();
    assert_eq!(states, [("laudo", failed), ("n", IndexState::Present)], "{report}");
    assert_eq!((invalid(&server).as_str(), of(&server, "tarde.laudos").len()), ("0", 1));
}

/// Of two servers the second goes away when the first is about to say that the rows are there.
#[test]
fn no_index_is_made_while_another_destination_has_not_published_and_the_resume_makes_them() {
    let first = Server::start("");
    // A resume knows one address with its password: the client's own.
    let rules = first.folder.join("data/pg_hba.conf");
    let strict = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("host all aberta 127.0.0.1/32 trust\n{strict}")).unwrap();
    first.psql_all(&["CREATE ROLE aberta SUPERUSER LOGIN", "SELECT pg_reload_conf()"]);
    until("the role is let in", || first.try_psql("aberta", "", "SELECT 1").is_ok());
    let of_first = || Some(Secret::new(format!("postgres://aberta@127.0.0.1:{}/postgres", first.port)));

    server().psql("CREATE DATABASE segundo");
    let breaks = Arc::new(Breaks::default());
    let url = server().url_of("postgres", PASSWORD, "segundo", "");
    let proxied = format!(":{}/", proxy::start(server().port, breaks.clone()));
    let folder = made_folder();
    let client = open(folder.path(), &url.replace(&format!(":{}/", server().port), &proxied));
    load(&client, &january(), Postgres { url: of_first(), ..to("primeiro.t", Mode::Append) }).unwrap();
    let with = |table: &str, url| Postgres { url, indexes: Some(vec!["cnes".into()]), ..to(table, Mode::Append) };

    // The rows wait for the table, and then their COMMIT for a replica that is not there.
    let lock = "BEGIN; LOCK TABLE primeiro.t; SELECT pg_sleep(600)";
    let february = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202402");
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| first.try_psql("postgres", PASSWORD, lock));
        let waits = |of: &str| first.psql(&format!("SELECT count(*) FROM pg_stat_activity WHERE {of}"))[0][0] != "0";
        until("the table is held", || waits("wait_event = 'PgSleep'"));
        let job = client.submit(&february, (with("primeiro.t", of_first()), with("segundo.t", None))).unwrap();
        until("the rows wait", || waits("wait_event_type = 'Lock'"));
        first.psql_all(&["ALTER SYSTEM SET synchronous_standby_names = 'ninguem'", "SELECT pg_reload_conf()"]);
        // A COMMIT waits once the checkpointer has read that, which one of ours tells.
        let mut probes: Vec<std::thread::ScopedJoinHandle<_>> = Vec::new();
        until("commits wait", || {
            if probes.last().is_none_or(|probe| probe.is_finished()) {
                let sql = format!("CREATE TABLE sonda{} ()", probes.len());
                let first = &first;
                probes.push(scope.spawn(move || first.try_psql("postgres", PASSWORD, &sql)));
            }
            waits("wait_event = 'SyncRep' AND application_name = 'psql'")
        });
        first.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
        assert!(holder.join().unwrap().is_err(), "nobody ended the holder");
        until("the first commits", || waits("wait_event = 'SyncRep' AND application_name LIKE 'datasus %'"));
        breaks.down.store(true, SeqCst);
        server().psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = 'segundo' AND pid <> pg_backend_pid()",
        );
        first.psql_all(&["ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"]);
        let error = job.wait().unwrap_err();
        assert_eq!((error.code(), &error.diagnostic()["resumable"]), (Code::Unreachable, &true.into()), "{error:?}");
        assert_eq!(first.psql("SELECT count(*) FROM primeiro.t"), [["60"]], "the first had published");
        assert_eq!((of(&first, "primeiro.t").len(), invalid(&first).as_str()), (0, "0"));

        breaks.down.store(false, SeqCst);
        let report = client.resume(job.id()).unwrap().wait().unwrap();
        let tables: Vec<(&str, IndexState)> =
            report.indexes.iter().map(|one| (one.table.as_str(), one.state)).collect();
        assert_eq!(tables, [("primeiro.t", IndexState::Made), ("segundo.t", IndexState::Made)], "{report}");
    });
    assert_eq!(first.psql("SELECT count(*), count(DISTINCT (n_aih, mes_cmpt)) FROM primeiro.t"), [["60", "60"]]);
    assert_eq!((of(&first, "primeiro.t").len(), invalid(&first).as_str()), (1, "0"));
}
