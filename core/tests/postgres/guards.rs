//! What others put where the loader writes: a record planted beforehand, tables called like ours, triggers that take rows away.

use datasus::sink::postgres::{Mode, ReplaceBy};
use datasus::{Code, Postgres};

use crate::reloads::{client_of, of, rd, refused};
use crate::server::{PASSWORD, Server, shared};
use crate::*;

/// Runs SQL in a database of its own, since all databases but it share nothing of the record; as superuser unless it says otherwise.
fn within(database: &str, sql: &str) -> Vec<Vec<String>> {
    shared().psql_all(&[&format!("\\c {database}"), sql])
}

fn database(name: &str) -> (String, tempfile::TempDir, Client) {
    let server = shared();
    server.psql(&format!("CREATE DATABASE {name}"));
    let url = server.url_of("postgres", PASSWORD, name, "");
    let (folder, client) = client_at(&url);
    (url, folder, client)
}

fn forbidden(outcome: Result<Report, Error>, found: &str) {
    let error = outcome.unwrap_err();
    assert_eq!((error.code(), error.context().stage), (Code::Forbidden, Some("postgres")), "{found}: {error:?}");
    assert!(error.detail().contains(found), "{found}: {error:?}");
    assert!(error.diagnostic()["found"].as_array().unwrap().len() < 21, "{error:?}");
}

#[test]
fn code_that_another_role_planted_in_the_record_never_runs_with_the_loaders_rights() {
    let (_url, _folder, client) = database("plantado");
    let server = shared();
    server.psql(&format!(
        "CREATE ROLE mallory LOGIN PASSWORD '{PASSWORD}'; GRANT CREATE ON DATABASE plantado TO mallory"
    ));
    let record = "CREATE TABLE datasus.loads (table_oid oid NOT NULL, schema_name text NOT NULL, table_name text NOT NULL,
            source text NOT NULL, hash text NOT NULL, period text NOT NULL, job text NOT NULL, mode text NOT NULL,
            rows bigint NOT NULL, loaded_at timestamptz NOT NULL DEFAULT now(), sampling text, mark text NOT NULL DEFAULT '',
            dataset text NOT NULL DEFAULT '', uf text NOT NULL DEFAULT '', part text NOT NULL DEFAULT '',
            origin boolean NOT NULL DEFAULT false, query text,
            PRIMARY KEY (table_oid, job, source, hash, dataset, uf, period, part));
        CREATE TABLE datasus.jobs (job text NOT NULL, sink int NOT NULL, epoch bigint NOT NULL, stage text NOT NULL,
            shape text NOT NULL, touched_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (job, sink));
        CREATE TABLE datasus.ledger (job text NOT NULL, sink int NOT NULL, unit bigint NOT NULL, rows bigint NOT NULL,
            PRIMARY KEY (job, sink, unit))";
    let ascends = "CREATE FUNCTION datasus.sobe() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN ALTER ROLE mallory SUPERUSER; RETURN NEW; END$$";
    let value = "CREATE FUNCTION datasus.sobe() RETURNS text LANGUAGE plpgsql AS
        $$BEGIN ALTER ROLE mallory SUPERUSER; RETURN ''; END$$";
    let plants = [
        format!(
            "{ascends}; CREATE TRIGGER t BEFORE INSERT ON datasus.ledger FOR EACH ROW EXECUTE FUNCTION datasus.sobe()"
        ),
        format!("{value}; ALTER TABLE datasus.loads ALTER mark SET DEFAULT datasus.sobe()"),
        format!("{value}; ALTER TABLE datasus.jobs ADD CHECK (datasus.sobe() = '')"),
        format!(
            "{value}; DROP TABLE datasus.loads; CREATE VIEW datasus.loads AS SELECT datasus.sobe() AS job, 1 AS rows,
                '' AS schema_name, '' AS table_name"
        ),
    ];
    for plant in &plants {
        within("plantado", &format!("SET ROLE mallory; CREATE SCHEMA datasus; {record}; {plant}"));
        forbidden(load(&client, &january(), to("alvo.t", Mode::Append)), "owner mallory");
        assert_eq!(server.psql("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), [["f"]], "{plant}");
        within("plantado", "DROP SCHEMA datasus CASCADE");
    }
    // Her table alone, in a schema of ours: a race, or a right that was given too far.
    within(
        "plantado",
        "CREATE SCHEMA datasus; GRANT ALL ON SCHEMA datasus TO mallory; SET ROLE mallory;
        CREATE TABLE datasus.ledger (job text, sink int, unit bigint, rows bigint)",
    );
    forbidden(load(&client, &january(), to("alvo.t", Mode::Append)), "datasus.ledger: owner mallory");
    within("plantado", "DROP SCHEMA datasus CASCADE");
    // Whom the address names is trusted: it is the user's to say.
    within("plantado", &format!("SET ROLE mallory; CREATE SCHEMA datasus; {record}"));
    let url = server.url_of("postgres", PASSWORD, "plantado", "?datasus_owner=outra,mallory");
    load(&client, &january(), Postgres { url: Some(Secret::new(url)), ..to("alvo.t", Mode::Append) }).unwrap();
}

#[test]
fn a_record_of_a_trusted_owner_works_and_what_was_added_to_it_is_named() {
    let (_url, _folder, client) = database("confiado");
    let server = shared();
    // The administrator makes it, the loader belongs to the group that owns it.
    server.psql(&format!(
        "CREATE ROLE equipe; CREATE ROLE carregadora LOGIN PASSWORD '{PASSWORD}' IN ROLE equipe; \
         GRANT CREATE ON DATABASE confiado TO carregadora"
    ));
    load(&client, &january(), to("alvo.a", Mode::Append)).unwrap();
    within(
        "confiado",
        "ALTER SCHEMA datasus OWNER TO equipe; ALTER TABLE datasus.loads OWNER TO equipe;
        ALTER TABLE datasus.jobs OWNER TO equipe; GRANT ALL ON ALL TABLES IN SCHEMA datasus TO equipe",
    );
    let hers = server.url_of("carregadora", PASSWORD, "confiado", "");
    let by_her = |table: &str| {
        let url = Some(Secret::new(&hers));
        load(&client, &january(), Postgres { url, ..to(table, Mode::Append) })
    };
    by_her("dela.a").unwrap();
    // To the superuser the group is nobody: it could do him harm.
    forbidden(load(&client, &january(), to("alvo.b", Mode::Append)), "owner equipe");
    within(
        "confiado",
        "ALTER SCHEMA datasus OWNER TO postgres; ALTER TABLE datasus.loads OWNER TO postgres;
        ALTER TABLE datasus.jobs OWNER TO postgres; GRANT USAGE ON SCHEMA datasus TO equipe;
        GRANT ALL ON ALL TABLES IN SCHEMA datasus TO equipe",
    );
    by_her("dela.b").unwrap();
    let f = "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'";
    within("confiado", f);
    for (found, add, remove) in [
        (
            "datasus.jobs: trigger gatilho",
            "CREATE TRIGGER gatilho BEFORE DELETE ON datasus.jobs FOR EACH ROW EXECUTE FUNCTION public.f()",
            "DROP TRIGGER gatilho ON datasus.jobs",
        ),
        (
            "datasus.ledger: rule regra",
            "CREATE RULE regra AS ON INSERT TO datasus.ledger DO INSTEAD NOTHING",
            "DROP RULE regra ON datasus.ledger",
        ),
        (
            "datasus.loads: row-level security",
            "ALTER TABLE datasus.loads ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE datasus.loads DISABLE ROW LEVEL SECURITY",
        ),
        (
            "datasus.loads: policy politica",
            "CREATE POLICY politica ON datasus.loads USING (true)",
            "DROP POLICY politica ON datasus.loads",
        ),
        (
            "datasus.jobs: default of shape",
            "ALTER TABLE datasus.jobs ALTER shape SET DEFAULT upper('x')",
            "ALTER TABLE datasus.jobs ALTER shape DROP DEFAULT",
        ),
        (
            "datasus.ledger: constraint conferida",
            "ALTER TABLE datasus.ledger ADD CONSTRAINT conferida CHECK (rows < 100000000)",
            "ALTER TABLE datasus.ledger DROP CONSTRAINT conferida",
        ),
        (
            "datasus.ledger: type of rows numeric",
            "ALTER TABLE datasus.ledger ALTER rows TYPE numeric",
            "ALTER TABLE datasus.ledger ALTER rows TYPE bigint",
        ),
        (
            "datasus.loads: type of query public.dominio",
            "CREATE DOMAIN public.dominio AS text; ALTER TABLE datasus.loads ALTER query TYPE public.dominio",
            "ALTER TABLE datasus.loads ALTER query TYPE text",
        ),
        (
            "datasus.loads: index por_expressao",
            "CREATE INDEX por_expressao ON datasus.loads (upper(job))",
            "DROP INDEX datasus.por_expressao",
        ),
        (
            "datasus.jobs: inheritance",
            "CREATE TABLE public.filha () INHERITS (datasus.jobs)",
            "DROP TABLE public.filha",
        ),
        (
            "datasus.ledger: kind p",
            "ALTER TABLE datasus.ledger RENAME TO l; CREATE TABLE datasus.ledger (LIKE datasus.l) PARTITION BY HASH (unit)",
            "DROP TABLE datasus.ledger; ALTER TABLE datasus.l RENAME TO ledger",
        ),
    ] {
        within("confiado", add);
        forbidden(by_her("dela.c"), found);
        within("confiado", remove);
    }
    by_her("dela.c").unwrap();
}

#[test]
fn only_staging_tables_that_the_record_lists_are_dropped() {
    let server = shared();
    let (_folder, client) = client();
    load(&client, &january(), to("velhas.t", Mode::Append)).unwrap();
    server.psql(
        "CREATE TABLE velhas.datasus_stage_report AS SELECT 1 AS a; CREATE TABLE velhas.dados AS SELECT 1 AS a; \
         CREATE TABLE velhas.datasus_stage_morta AS SELECT 1 AS a; CREATE TABLE velhas.datasus_stage_viva AS SELECT 1 AS a; \
         INSERT INTO datasus.jobs VALUES ('morta', 0, 1, 'velhas.datasus_stage_morta', '', now() - interval '8 days'), \
         ('plantada', 0, 1, 'velhas.dados', '', now() - interval '8 days'), \
         ('viva', 0, 1, 'velhas.datasus_stage_viva', '', now() - interval '6 days')",
    );
    load(&client, &both_months(), to("velhas.u", Mode::Append)).unwrap();
    let left = server.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'velhas' ORDER BY 1");
    assert_eq!(left, [["dados"], ["datasus_stage_report"], ["datasus_stage_viva"], ["t"], ["u"]]);
    server.psql("DELETE FROM datasus.jobs WHERE job IN ('plantada', 'viva')");
}

#[test]
fn the_record_the_staging_tables_and_the_servers_own_are_no_targets() {
    let (_folder, client) = client();
    for table in [
        "datasus.loads",
        "datasus.nova",
        "sih_data.datasus_stage_report",
        "pg_catalog.pg_class",
        "information_schema.x",
    ] {
        for mode in [Mode::Append, Mode::Replace] {
            let error = load(&client, &january(), to(table, mode)).unwrap_err();
            assert_eq!(error.code(), Code::InvalidParams, "{error:?}");
            assert!(error.detail().contains("cannot be a target"), "{error:?}");
        }
    }
    let (_folder, client) = client_at("postgres://ninguem@127.0.0.1:1/x");
    let error = load(&client, &january(), to("datasus.loads", Mode::Replace)).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams, "it is known without a server: {error:?}");
}

#[test]
fn triggers_and_rules_that_take_rows_away_are_named_and_nothing_changes() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4), ("RDAC2402.parquet", 6)]);
    server.psql(
        "CREATE SCHEMA come; CREATE FUNCTION come.um() RETURNS trigger LANGUAGE plpgsql AS \
         $$BEGIN IF NEW.sexo = '3' THEN RETURN NULL; END IF; RETURN NEW; END$$; \
         CREATE FUNCTION come.fica() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    );
    let (january, february) = (of("AC", "202401"), of("AC", "202402"));
    let upsert = |table: &str| Postgres { key: vec!["n_aih".into()], ..to(table, Mode::Upsert) };
    let by_file = |table: &str| Postgres { replace_by: ReplaceBy::SourceFile, ..to(table, Mode::ReplaceBy) };
    let trigger = |table: &str| {
        format!("CREATE TRIGGER come_um BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION come.um()")
    };
    let rule = |table: &str| format!("CREATE RULE nada AS ON INSERT TO {table} DO INSTEAD NOTHING");
    let keeps =
        |table: &str| format!("CREATE TRIGGER fica BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION come.fica()");
    let again = |table: &str| Postgres { allow_reload: true, ..to(table, Mode::Append) };
    for (name, first, then, plant, named) in [
        ("come.a", again("come.a"), &february, trigger("come.a"), "TRIGGER come_um ON come.a"),
        ("come.b", again("come.b"), &february, rule("come.b"), "RULE nada ON come.b"),
        ("come.c", upsert("come.c"), &february, trigger("come.c"), "TRIGGER come_um ON come.c"),
        ("come.d", to("come.d", Mode::ReplaceBy), &january, keeps("come.d"), "TRIGGER fica ON come.d"),
        ("come.e", by_file("come.e"), &january, keeps("come.e"), "TRIGGER fica ON come.e"),
        ("come.f", to("come.f", Mode::ReplaceBy), &february, trigger("come.f"), "TRIGGER come_um ON come.f"),
    ] {
        load(&client, &january, first.clone()).unwrap();
        server.psql(&plant);
        let error = refused(load(&client, then, first.clone()));
        assert!(error.detail().contains(named), "{name}: {error:?}");
        assert_eq!(error.diagnostic()["triggers"], serde_json::json!([named]), "{name}");
        assert_eq!(server.psql(&format!("SELECT count(*) FROM {name}")), [["4"]], "{name}");
        // Switched off, it says nothing.
        if plant.contains("TRIGGER") {
            server.psql(&format!("ALTER TABLE {name} DISABLE TRIGGER USER"));
            load(&client, then, first).unwrap();
        }
    }
}

#[test]
fn a_trigger_of_a_partition_and_one_that_meets_a_replay_are_named() {
    let server = shared();
    let (_folder, client) = client_of(&[("RDAC2401.parquet", 4)]);
    server.psql(
        "CREATE SCHEMA pedaco; CREATE FUNCTION pedaco.engole() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
         CREATE TABLE pedaco.t (n_aih text, sexo text) PARTITION BY LIST (sexo); \
         CREATE TABLE pedaco.t1 PARTITION OF pedaco.t FOR VALUES IN ('1'); \
         CREATE TABLE pedaco.t3 PARTITION OF pedaco.t FOR VALUES IN ('3'); \
         CREATE TRIGGER engole BEFORE INSERT ON pedaco.t3 FOR EACH ROW EXECUTE FUNCTION pedaco.engole()",
    );
    let error = refused(load(&client, &rd().columns(["N_AIH", "SEXO"]), to("pedaco.t", Mode::Append)));
    assert!(error.detail().contains("TRIGGER engole ON pedaco.t3"), "{error:?}");

    server.psql("CREATE TABLE pedaco.u (n_aih text, sexo text CONSTRAINT c CHECK (sexo <> '3'))");
    let half = datasus::Options { dead_letter_limit: Some(0.5), ..Default::default() };
    let params = rd().columns(["N_AIH", "SEXO"]).options(half);
    let report = load(&client, &params, to("pedaco.u", Mode::Append)).unwrap();
    assert_eq!(report.dead_letters, 2);
    server.psql("ALTER TABLE pedaco.u DROP CONSTRAINT c; CREATE TRIGGER engole BEFORE INSERT ON pedaco.u FOR EACH ROW EXECUTE FUNCTION pedaco.engole()");
    let replayed = client.replay(&report.job_id).unwrap();
    assert_eq!((replayed.loaded, replayed.left), (0, 2));
    let left = client.dead_letters(&report.job_id).unwrap();
    assert!(left[0].reason.contains("TRIGGER engole ON pedaco.u"), "{left:?}");
    server.psql("ALTER TABLE pedaco.u DISABLE TRIGGER engole");
    assert_eq!(client.replay(&report.job_id).unwrap().loaded, 2);
}

/// Functions and operators of a user's schema never stand for the catalogue's, whatever the role's search_path says.
#[test]
fn names_of_user_schemas_are_not_taken_for_the_servers() {
    let server: &Server = shared();
    server.psql(&format!(
        "CREATE ROLE desviada LOGIN PASSWORD '{PASSWORD}' SUPERUSER; CREATE SCHEMA desvio; \
         CREATE FUNCTION desvio.now() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''desviada''; END'; \
         CREATE FUNCTION desvio.hashtextextended(text, bigint) RETURNS bigint LANGUAGE plpgsql AS \
         'BEGIN RAISE EXCEPTION ''desviada''; END'; CREATE TABLE desvio.pg_class (oid int); \
         ALTER ROLE desviada SET search_path = desvio, pg_catalog"
    ));
    let (_folder, client) = client_at(&server.url_of("desviada", PASSWORD, "postgres", ""));
    load(&client, &january(), to("desvio.t", Mode::ReplaceBy)).unwrap();
    load(&client, &january(), to("desvio.t", Mode::ReplaceBy)).unwrap();
}
