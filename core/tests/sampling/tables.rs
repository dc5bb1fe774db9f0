//! Samples in PostgreSQL: they say what they are, and never share a table with exact rows.

use datasus::sink::postgres::{Mode, ReplaceBy};
use datasus::{Error, Postgres, Report};

use crate::server::shared;
use crate::*;

fn load(client: &Client, month: &str, how: OnEmergency, to: Postgres) -> Result<Report, Error> {
    let params = all().competencia(month).options(on(how));
    client.export(&params, Postgres { analyze: false, ..to })
}

fn to(table: &str, mode: Mode) -> Postgres {
    Postgres { table: Some(table.into()), mode, ..Postgres::default() }
}

fn client_of_tables(place: &Path) -> Client {
    let config = Config { postgres: Some(Secret::new(shared().url())), ..config(place) };
    Client::open_with(data(), config).unwrap()
}

fn count(table: &str) -> u64 {
    shared().psql(&format!("SELECT count(*) FROM {table}"))[0][0].parse().unwrap()
}

#[test]
fn a_table_of_a_sample_says_so_and_takes_only_rows_of_the_same_kind() {
    use OnEmergency::{Sample, Spill};
    let _memory = emergency();
    let place = tempfile::tempdir().unwrap();
    let client = client_of_tables(place.path());
    let exact = load(&client, "202301", Spill, to("amostra.exata", Mode::Create)).unwrap();
    assert_eq!((exact.records_processed, exact.sampling), (10_000, None));
    let first = load(&client, "202301", Sample, to("amostra.a", Mode::Create)).unwrap();
    let kept = first.sampling.unwrap().rows_kept;
    assert_eq!((count("amostra.a"), first.records_processed), (kept, kept));
    let comment = |table: &str| shared().psql(&format!("SELECT obj_description('{table}'::regclass)"))[0][0].clone();
    assert!(comment("amostra.a").contains(&format!("AMOSTRA de 10 % das linhas ({kept} de 10000")));
    assert!(!comment("amostra.exata").contains("AMOSTRA"));

    // A table that only others have written to holds exact rows.
    shared().psql("CREATE TABLE amostra.alheia AS SELECT * FROM amostra.exata LIMIT 0");
    let replace_by = |table: &str| Postgres { replace_by: ReplaceBy::Competencia, ..to(table, Mode::ReplaceBy) };
    load(&client, "202301", Spill, replace_by("amostra.por_mes")).unwrap();
    let upsert = |table: &str| Postgres { key: vec!["n_aih".into()], ..to(table, Mode::Upsert) };
    load(&client, "202301", Sample, upsert("amostra.por_chave")).unwrap();
    for (how, to) in [
        (Sample, to("amostra.exata", Mode::Append)),
        (Sample, to("amostra.alheia", Mode::Append)),
        (Sample, replace_by("amostra.por_mes")),
        (Spill, to("amostra.a", Mode::Append)),
        (Spill, upsert("amostra.por_chave")),
    ] {
        let table = to.table.clone().unwrap();
        let before = count(&table);
        let refused = load(&client, "202302", how, to).unwrap_err();
        assert_eq!(refused.code(), Code::Conflict, "{table}: {refused}");
        assert!(refused.detail().contains("do not mix"), "{table}: {refused}");
        assert_eq!(count(&table), before);
    }

    let second = load(&client, "202302", Sample, to("amostra.a", Mode::Append)).unwrap();
    assert_eq!(count("amostra.a"), kept + second.records_processed);
    load(&client, "202302", Sample, upsert("amostra.por_chave")).unwrap();
    // A table that is made anew is what its rows are.
    load(&client, "202301", Spill, to("amostra.a", Mode::Replace)).unwrap();
    load(&client, "202302", Spill, to("amostra.a", Mode::Append)).unwrap();
    assert_eq!((count("amostra.a"), comment("amostra.a").contains("AMOSTRA")), (20_000, false));
    assert!(client.jobs().unwrap().is_empty());
}

#[test]
fn a_record_of_loads_from_before_there_were_samples_is_of_exact_rows() {
    let _memory = emergency();
    let place = tempfile::tempdir().unwrap();
    let server = server::Server::start("");
    let config = Config { postgres: Some(Secret::new(server.url())), ..config(place.path()) };
    let client = Client::open_with(data(), config).unwrap();
    load(&client, "202301", OnEmergency::Spill, to("antiga.t", Mode::Create)).unwrap();
    server.psql("ALTER TABLE datasus.loads DROP COLUMN sampling");
    let refused = load(&client, "202302", OnEmergency::Sample, to("antiga.t", Mode::Append)).unwrap_err();
    assert!(refused.detail().contains("do not mix"), "{refused}");
    load(&client, "202302", OnEmergency::Spill, to("antiga.t", Mode::Append)).unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM antiga.t"), [["20000"]]);
}
