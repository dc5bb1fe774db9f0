//! What the catalogue, aggregates and user SQL can give, from the engine to the table.

use datasus::Code;
use datasus::params::Options;
use datasus::sink::postgres::Mode;

use crate::server::shared;
use crate::*;

/// SQL, the column's type in the new table, and its value as psql shows it in UTC.
const VALUES: &[(&str, &str, &str)] = &[
    ("true", "boolean", "t"),
    ("CAST(-128 AS TINYINT)", "smallint", "-128"),
    ("CAST(255 AS UTINYINT)", "smallint", "255"),
    ("CAST(-32768 AS SMALLINT)", "smallint", "-32768"),
    ("CAST(65535 AS USMALLINT)", "integer", "65535"),
    ("CAST(-2147483648 AS INTEGER)", "integer", "-2147483648"),
    ("CAST(4294967295 AS UINTEGER)", "bigint", "4294967295"),
    ("CAST(-9223372036854775808 AS BIGINT)", "bigint", "-9223372036854775808"),
    ("CAST(18446744073709551615 AS UBIGINT)", "numeric(20,0)", "18446744073709551615"),
    (
        "CAST(-170141183460469231731687303715884105727 AS HUGEINT)",
        "numeric(39,0)",
        "-170141183460469231731687303715884105727",
    ),
    (
        "CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0))",
        "numeric(39,0)",
        "99999999999999999999999999999999999999",
    ),
    ("CAST('-123456789012.34' AS DECIMAL(14,2))", "numeric(14,2)", "-123456789012.34"),
    ("CAST('0.1' AS DECIMAL(4,1))", "numeric(4,1)", "0.1"),
    (
        "CAST('1234567890123456789012345678.0123456789' AS DECIMAL(38,10))",
        "numeric(38,10)",
        "1234567890123456789012345678.0123456789",
    ),
    ("CAST('NaN' AS DOUBLE)", "double precision", "NaN"),
    ("CAST(0.1 AS DOUBLE)", "double precision", "0.1"),
    ("CAST('-Infinity' AS FLOAT)", "real", "-Infinity"),
    ("'ação, \"São João\" 🩺'", "text", "ação, \"São João\" 🩺"),
    ("CAST('\\x00\\xFF' AS BLOB)", "bytea", "\\x00ff"),
    ("CAST('550e8400-e29b-41d4-a716-446655440000' AS UUID)", "text", "550e8400-e29b-41d4-a716-446655440000"),
    ("DATE '0001-01-01'", "date", "0001-01-01"),
    ("DATE '2024-02-29'", "date", "2024-02-29"),
    ("TIME '23:59:59.999999'", "time without time zone", "23:59:59.999999"),
    ("TIMESTAMP '1969-12-31 23:59:59.5'", "timestamp without time zone", "1969-12-31 23:59:59.5"),
    ("CAST('2024-01-01 00:00:00-03:00' AS TIMESTAMPTZ)", "timestamp with time zone", "2024-01-01 03:00:00+00"),
    ("INTERVAL 14 MONTH", "interval", "1 year 2 mons"),
    ("CAST(NULL AS VARCHAR)", "text", "<NULL>"),
    ("NULL", "integer", "<NULL>"),
    // aggregates
    ("sum(VAL_TOT)", "numeric(38,2)", "5068.60"),
    ("count(*)", "bigint", "40"),
    ("sum(IDADE)", "numeric(39,0)", "780"),
    ("avg(IDADE)", "double precision", "19.5"),
    ("max(DT_INTER)", "date", "2024-01-28"),
    ("bool_or(SEXO = '3')", "boolean", "t"),
    ("string_agg(DISTINCT SEXO, ';' ORDER BY SEXO)", "text", "1;3"),
];

#[test]
fn every_type_of_a_query_reaches_its_column_exactly() {
    let (_folder, client) = client();
    let list: Vec<String> = VALUES.iter().enumerate().map(|(n, (sql, ..))| format!("{sql} AS c{n}")).collect();
    let params = sql(&format!("SELECT {} FROM sih_rd", list.join(", "))).uf(["AC"]).competencia("202401");
    load(&client, &params, to("tipos.todos", Mode::Create)).unwrap();
    let types = shared().psql(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute \
         WHERE attrelid = 'tipos.todos'::regclass AND attnum > 0 ORDER BY attnum",
    );
    let values = &shared().psql_all(&["SET timezone = 'UTC'", "SELECT * FROM tipos.todos"])[0];
    for (n, (sql, kind, value)) in VALUES.iter().enumerate() {
        assert_eq!((types[n][0].as_str(), values[n].as_str()), (*kind, *value), "{sql}");
    }
}

#[test]
fn a_list_is_refused_with_advice_and_nothing_is_left() {
    let (_folder, client) = client();
    for list in ["[1, 2]", "list(range)", "{'a': 1}"] {
        let error = load(&client, &sql(&format!("SELECT {list} AS x FROM range(3)")), to("listas.t", Mode::Create))
            .unwrap_err();
        assert_eq!((error.code(), error.context().column.as_deref()), (Code::InvalidParams, Some("x")), "{error:?}");
        assert!(error.detail().contains("unnest(...)"), "{error:?}");
    }
    assert_eq!(shared().psql("SELECT to_regclass('listas.t')"), [["<NULL>"]]);
    assert_eq!(stages("listas"), [[""; 0]; 0]);
}

/// What PostgreSQL has no place for ends the load at its row; it is never changed to fit.
#[test]
fn a_value_without_a_place_in_postgresql_is_named() {
    let (_folder, client) = client();
    let rows = "CASE WHEN range = 70001 THEN %bad ELSE %good END AS x FROM range(100000)";
    for (good, bad, says) in [
        ("'a'", "chr(0)", "NUL"),
        ("DATE '2024-01-01'", "CAST('infinity' AS DATE)", "date"),
        ("TIMESTAMP '2024-01-01 00:00:00'", "CAST('-infinity' AS TIMESTAMP)", "timestamp"),
    ] {
        let text = format!("SELECT {}", rows.replace("%bad", bad).replace("%good", good));
        let none = Options { dead_letter_limit: Some(0.0), ..Options::default() };
        let error = load(&client, &sql(&text).options(none), to("sem_lugar.t", Mode::Create)).unwrap_err();
        assert_eq!(
            (error.code(), error.context().row, error.context().column.as_deref()),
            (Code::TooManyDeadLetters, Some(70_001), Some("x")),
            "{error:?}"
        );
        assert!(error.detail().contains(says), "{error:?}");
    }
    assert_eq!(shared().psql("SELECT to_regclass('sem_lugar.t')"), [["<NULL>"]]);
    assert_eq!(stages("sem_lugar"), [[""; 0]; 0]);
}
