//! Rows by the million: none lost, none doubled, over any number of connections; memory does not grow with them.

use std::process::Command;

use datasus::Postgres;
use datasus::sink::postgres::Mode;

use crate::server::shared;
use crate::*;

fn rows(count: u64) -> datasus::QueryParams {
    let texts: Vec<String> = (0..8).map(|n| format!("'texto ' || (range % 9{n}7) AS t{n}")).collect();
    let money: Vec<String> = (0..3).map(|n| format!("CAST(range % 100000{n} AS DECIMAL(12,2)) AS d{n}")).collect();
    sql(&format!("SELECT range AS n, {}, {} FROM range({count})", texts.join(", "), money.join(", ")))
}

#[test]
fn many_connections_lose_and_double_nothing() {
    let (_folder, client) = client();
    for connections in [1, 2, 5] {
        let table = format!("muitas.t{connections}");
        load(&client, &rows(300_000), Postgres { connections, ..to(&table, Mode::Create) }).unwrap();
        let check = format!("SELECT count(*), count(DISTINCT n), sum(n), sum(d1) = sum(n % 1000001) FROM {table}");
        assert_eq!(shared().psql(&check), [["300000", "300000", "44999850000", "t"]], "{connections} connections");
        shared().psql(&format!("DROP TABLE {table}"));
    }
    assert_eq!(
        load(&client, &rows(1), Postgres { connections: 0, ..to("muitas.x", Mode::Create) }).unwrap_err().code(),
        datasus::Code::InvalidParams
    );
}

/// Prints the peak of a process that does nothing but this load.
#[test]
#[ignore = "runs in a child process"]
fn one_load() {
    let Ok(url) = std::env::var("DATASUS_TEST_URL") else { return };
    let count: u64 = std::env::var("DATASUS_TEST_ROWS").unwrap().parse().unwrap();
    let (_folder, client) = client_at(&url);
    let report = load(&client, &rows(count), to(&format!("memoria.t{count}"), Mode::Replace)).unwrap();
    println!("\npeak {} rows/s {}", report.performance.memory_peak_gb, report.performance.throughput_rps);
}

#[test]
fn memory_does_not_grow_with_the_rows() {
    let peak = |count: u64| -> f64 {
        let done = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "large::one_load", "--nocapture"])
            .env("DATASUS_TEST_URL", shared().url())
            .env("DATASUS_TEST_ROWS", count.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let line = said.lines().find(|line| line.starts_with("peak ")).unwrap_or_else(|| panic!("{said}"));
        println!("{count} rows: {line}");
        shared().psql(&format!("DROP TABLE memoria.t{count}"));
        line.split(' ').nth(1).unwrap().parse().unwrap()
    };
    let (few, many) = (peak(1_000_000), peak(3_000_000));
    // The rows between the two are some 270 MB.
    assert!(many < few + 0.06 && many < 0.25, "{few} GB for 1 M rows, {many} GB for 3 M");
}
