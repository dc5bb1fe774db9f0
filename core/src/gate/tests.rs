//! What passes, and what does not. (`core/tests/sql.rs` runs the attacks through a client as well.)

mod attacks;
mod hostile;
mod notebooks;

use attacks::ATTACKS;

use super::*;
use crate::base::Code;

fn judge(sql: &str) -> Result<Passed> {
    pass(sql, Catalog::builtin())
}

#[test]
fn what_reads_columns_without_naming_them_counts_as_a_star() {
    let star = |sql: &str| pass(sql, Catalog::builtin()).unwrap().star;
    for sql in [
        "SELECT * FROM sih_rd",
        "SELECT t FROM sih_rd t",
        "SELECT count(DISTINCT T) FROM sih_rd AS t",
        "SELECT sih_rd FROM sih_rd",
        "SELECT idade FROM sih_rd WHERE EXISTS (SELECT r FROM sih_rd r)",
        "SELECT a FROM sih_rd AS t(a, b)",
        "SELECT #1 FROM sih_rd",
        "SELECT sih_rd.idade FROM sih_rd NATURAL JOIN cnes_st",
    ] {
        assert!(star(sql), "{sql}");
    }
    for sql in [
        "SELECT t.idade FROM sih_rd t",
        "SELECT idade AS t FROM sih_rd",
        "WITH c(a) AS (SELECT idade FROM sih_rd) SELECT c FROM c",
        "SELECT idade, count(*) FROM sih_rd GROUP BY 1 ORDER BY 1",
    ] {
        assert!(!star(sql), "{sql}");
    }
}

#[test]
fn what_an_analyst_writes_passes() {
    for sql in [
        "SELECT count(*) FROM sih_rd",
        "FROM SIH_RD SELECT CNES, sum(VAL_TOT) AS valor GROUP BY ALL ORDER BY valor DESC NULLS LAST LIMIT 5 OFFSET 1",
        "WITH a AS (SELECT 1 x), b AS (SELECT x FROM a) SELECT * FROM b UNION ALL BY NAME SELECT x FROM a",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t",
        "SELECT * EXCLUDE (UF_ZI) REPLACE (VAL_TOT * 2 AS VAL_TOT) FROM sih_rd QUALIFY row_number() OVER (PARTITION BY CNES ORDER BY DT_INTER DESC) = 1",
        "SELECT CASE WHEN IDADE BETWEEN 0 AND 17 THEN 'a' ELSE lpad(CNES, 7, '0') END, extract(year FROM DT_INTER), DT_INTER + INTERVAL 1 MONTH FROM sih_rd WHERE CNES IN (SELECT CNES FROM cnes_st) AND SEXO NOT IN ('1') AND NOT EXISTS (SELECT 1)",
        "SELECT a.CNES, b.TP_UNID FROM sih_rd a LEFT JOIN cnes_st b USING (CNES), (VALUES (1, 'x')) v(i, t), range(3) r(k)",
        "SELECT sum(VAL_TOT) FILTER (WHERE MES_CMPT = '12'), string_agg(DISTINCT CNES, ',' ORDER BY CNES), count(DISTINCT N_AIH), quantile_cont(IDADE, 0.5) FROM sih_rd WHERE DIAG_PRINC LIKE 'J%' AND CNES = $cnes",
        "SELECT list_transform([1, 2], x -> x + 1), {'a': 1}, [1, 2][1], TRY(CAST('x' AS INTEGER)), TRY_CAST('1' AS DECIMAL(10, 2)), NULL, 1.5, true",
        "SELECT lag(VAL_TOT, 1) OVER w, avg(VAL_TOT) OVER (ORDER BY DT_INTER ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) FROM sih_rd WINDOW w AS (ORDER BY DT_INTER)",
        "SELECT UF_ZI, MES_CMPT, count(*) FROM sih_rd GROUP BY GROUPING SETS ((UF_ZI), (UF_ZI, MES_CMPT), ()) HAVING count(*) > 1;",
        "SELECT median(COLUMNS('^VAL_.*')) FROM sih_rd -- comentário",
        "SELECT strptime(DTOBITO::VARCHAR, '%d%m%Y') FROM sim_do ORDER BY 1 COLLATE noaccent",
    ] {
        if let Err(error) = judge(sql) {
            panic!("{sql}: {error:?}");
        }
    }
    let passed = judge("SELECT a.CNES FROM sih_rd a JOIN cnes_st USING (CNES) WHERE uf_zi = $uf").unwrap();
    let tables: Vec<String> = passed.tables.iter().map(|grupo| grupo.dataset.to_string()).collect();
    assert_eq!(tables, ["SIH-RD", "CNES-ST"]);
    assert!(passed.columns.contains("UF_ZI") && passed.parameters.contains("uf") && !passed.star);
}

#[test]
fn every_attack_is_refused_and_the_next_query_is_judged_rightly() {
    assert!(ATTACKS.len() >= 80, "{}", ATTACKS.len());
    for sql in ATTACKS {
        match judge(sql) {
            Ok(_) => panic!("passed: {sql}"),
            Err(error) => assert!(
                matches!(error.code(), Code::Forbidden | Code::InvalidParams | Code::NotFound),
                "{sql}: {error:?}"
            ),
        }
    }
    assert!(judge("SELECT count(*) FROM sih_rd").is_ok());
}

#[test]
fn huge_and_deep_texts_are_refused() {
    let chained = |count: usize| {
        let ctes: Vec<String> = (0..count)
            .map(|i| {
                format!("c{i} AS (SELECT * FROM {})", if i == 0 { "sih_rd".into() } else { format!("c{}", i - 1) })
            })
            .collect();
        format!("WITH {} SELECT * FROM c{}", ctes.join(", "), count - 1)
    };
    assert!(judge(&chained(60)).is_ok());
    for sql in [
        chained(400),
        vec!["SELECT 1"; 20_000].join(" UNION "),
        vec!["SELECT 1"; 4_000].join(" UNION "),
        vec!["SELECT 1"; 200].join(" UNION ALL "),
        format!("SELECT {}1{}", "(".repeat(30_000), ")".repeat(30_000)),
        format!("SELECT {}1{}", "abs(".repeat(900), ")".repeat(900)),
        format!("SELECT {}1", "- ".repeat(20_000)),
        format!("SELECT {}true", "NOT ".repeat(10_000)),
        format!("SELECT {}1{}", "(SELECT ".repeat(2_000), ")".repeat(2_000)),
        format!("SELECT {}", vec!["1"; 5_000].join("+")),
        format!("SELECT {}1{}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("SELECT 1 {}", "x".repeat(70_000)),
        format!("SELECT '{}'", "é".repeat(40_000)),
    ] {
        let error = judge(&sql).expect_err(&sql[..60]);
        assert!(matches!(error.code(), Code::InvalidParams | Code::Forbidden), "{error:?}");
    }
    assert!(judge(&format!("SELECT {}", vec!["1"; 200].join("+"))).is_ok(), "a long sum is no attack");
}

#[test]
fn a_refusal_says_where_and_what_is_near() {
    let error = judge("SELECT lowr(CNES)\n  FROM sih_rdd").unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error:?}");
    let of = |key: &str| error.problems().iter().map(|p| p.diagnostic[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("line"), [1, 2].map(serde_json::Value::from));
    assert_eq!(of("did_you_mean")[1][0], "sih_rd");
    assert_eq!(of("did_you_mean")[0][0], "lower");
    let error = judge("SELECT CNES FRM sih_rd WHERE").unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["line"].clone()), (Code::InvalidParams, 1.into()));
}

#[test]
fn what_grows_without_end_is_refused_by_its_limit_and_what_is_large_but_harmless_passes() {
    for (name, sql) in hostile::refused() {
        let began = std::time::Instant::now();
        let error = match judge(&sql) {
            Ok(_) => panic!("passed: {name}"),
            Err(error) => error,
        };
        println!("{name}: {} {:?} {:?}", error.code(), began.elapsed(), error.problems()[0].diagnostic.get("limit"));
        assert!(matches!(error.code(), Code::Forbidden | Code::InvalidParams), "{name}: {error:?}");
    }
    for (name, sql) in hostile::harmless() {
        assert!(judge(&sql).is_ok(), "{name}: {:?}", judge(&sql));
    }
}

#[test]
fn values_of_parameters_are_bounded_like_those_in_the_text() {
    let of = |sql: &str, value: serde_json::Value| {
        let binds = std::collections::BTreeMap::from([("p".to_owned(), value)]);
        pass_within(sql, &binds, Catalog::builtin(), &Patience::default()).map(|_| ())
    };
    let lag = "SELECT lag(IDADE, $p) OVER (ORDER BY CNES) FROM sih_rd";
    assert!(of(lag, 1.into()).is_ok());
    assert_eq!(of(lag, i64::MIN.into()).unwrap_err().code(), Code::InvalidParams);
    assert!(of(lag, "1".into()).is_err());
    let ilike = "SELECT count(*) FROM sih_rd WHERE CNES ILIKE $p";
    assert!(of(ilike, "%20%01%".into()).is_ok());
    assert!(of(ilike, "%a%a%a%a%b".into()).is_err());
    let like = "SELECT count(*) FROM sih_rd WHERE CNES LIKE $p";
    assert!(of(like, "20%".into()).is_ok());
    assert!(of(like, "%a%a%a%a%b".into()).is_err(), "one that is bound is not read in one pass");
    assert!(of("SELECT regexp_matches(CNES, $p) FROM sih_rd", "x".repeat(600).into()).is_err());
    assert!(of("SELECT replace(CNES, '0', $p) FROM sih_rd", "x".repeat(600).into()).is_err());
}

#[test]
fn what_public_notebooks_ask_passes_with_room_to_spare() {
    assert!(notebooks::NOTEBOOKS.len() >= 60, "{}", notebooks::NOTEBOOKS.len());
    let mut most = 0;
    for sql in notebooks::NOTEBOOKS {
        let passed = judge(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let weight = weigh::weight(sql, &passed.syntax.statement, Catalog::builtin());
        assert!(weight < weigh::MAX_WEIGHT / 4, "{weight}: {sql}");
        most = most.max(weight);
    }
    println!("{} texts; the heaviest has {most} of {} units", notebooks::NOTEBOOKS.len(), weigh::MAX_WEIGHT);
}
