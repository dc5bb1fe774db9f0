//! The same answers as in the process: rows, types, errors, reports.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datasus::{AggregateFn, Client, Csv, Error, Isolation, QueryParams};

use crate::{config, genuine, many, metric, open, rows, source, sql};

/// The acceptance queries of the project, over tables of either kind of data.
const ACCEPTANCE: [&str; 12] = [
    "SELECT substr(UF_ZI, 1, 2) AS uf, ANO_CMPT || MES_CMPT AS competencia, substr(DIAG_PRINC, 1, 1) AS cap, count(*) AS n, sum(VAL_TOT) AS valor FROM sih_rd GROUP BY ALL ORDER BY n DESC, uf, competencia, cap",
    "SELECT count(*), sum(MORTE), round(100.0 * sum(MORTE) / count(*), 2), avg(DIAS_PERM) FROM sih_rd",
    "SELECT PROC_REA, count(*) AS n, sum(VAL_TOT) AS valor FROM sih_rd GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT 5",
    "SELECT MUNIC_RES, SEXO, count(*) AS n FROM sih_rd GROUP BY ALL ORDER BY ALL",
    "SELECT substr(CAUSABAS, 1, 3) AS causa, count(*) AS n, count(*) FILTER (WHERE IDADE <= '400') AS infantil FROM sim_do GROUP BY 1 ORDER BY 1",
    "SELECT CODLEITO, sum(QT_EXIST), sum(QT_SUS) FROM cnes_lt GROUP BY 1 ORDER BY 1",
    "SELECT TP_UNID, count(*) AS n FROM cnes_st GROUP BY 1 ORDER BY 1",
    "SELECT count(*), count(*) FILTER (WHERE TRY_CAST(PESO AS INTEGER) < 2500), count(*) FILTER (WHERE PARTO = '2'), count(*) FILTER (WHERE CONSULTAS = '4') FROM sinasc_dn",
    "SELECT PROC_REA, sum(QT_DIARIAS) AS dias, sum(VAL_SH) AS valor FROM sih_rd GROUP BY 1 ORDER BY 1",
    "SELECT s.NAT_JUR, count(*) AS n, sum(r.VAL_TOT) AS valor FROM sih_rd r JOIN (SELECT DISTINCT CNES, NAT_JUR FROM cnes_st) s USING (CNES) GROUP BY 1 ORDER BY 1",
    "SELECT ANO_CMPT, count(*) AS n, count(DIAGSEC1) AS com_segundo FROM sih_rd GROUP BY 1 ORDER BY 1",
    "SELECT idade_anos, SEXO_rotulo, sum(UTI_MES_TO), sum(VAL_UTI), row_number() OVER (ORDER BY count(*) DESC, idade_anos, SEXO_rotulo) AS lugar FROM sih_rd GROUP BY 1, 2 ORDER BY lugar",
];

fn answer(client: &Client, params: &QueryParams) -> Result<RecordBatch, Error> {
    let rows = client.query(params)?;
    let schema = rows.schema();
    Ok(concat_batches(&schema, &rows.collect_batches()?).unwrap())
}

/// Those that have an answer in the process.
fn compared(folder: &Path) -> usize {
    let [here, there] = [Isolation::None, Isolation::Process].map(|isolation| open(folder, isolation));
    let told = ACCEPTANCE.iter().map(|text| {
        let [here, there] = [&here, &there].map(|client| answer(client, &sql(text)));
        match (here, there) {
            (Ok(here), Ok(there)) => {
                assert_eq!(here, there, "{text}");
                1
            }
            (here, there) => {
                let told = [here, there].map(|one| one.err().map(|error| (error.code(), error.detail().to_owned())));
                assert_eq!(told[0], told[1], "{text}");
                println!("{:?}: {text}", told[0]);
                0
            }
        }
    });
    let ran = told.sum();
    assert_eq!(metric(&there, "datasus_engine_workers_crashed_total"), 0.0);
    ran
}

#[test]
fn the_acceptance_queries_have_the_answers_that_they_have_in_the_process() {
    assert!(compared(source().path()) >= 11);
    if let Some(real) = genuine::folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["RDAC2401.dbc", "DORR2022.dbc", "LTBA2301.dbc", "STAC2401.dbc", "DNAP2019.dbc", "RDRR1412.dbc"] {
            std::os::unix::fs::symlink(real.join(name), folder.path().join(name)).unwrap();
        }
        assert_eq!(compared(folder.path()), ACCEPTANCE.len());
    }
}

#[test]
fn every_type_and_many_batches_come_as_they_are() {
    let source = source();
    many::write(source.path(), 2, 150_000);
    let [here, there] = [Isolation::None, Isolation::Process].map(|isolation| open(source.path(), isolation));
    for text in [
        "SELECT r::UTINYINT AS a, r::DOUBLE / 3 AS b, (r * 1.5)::DECIMAL(38, 3) AS c, DATE '2020-01-01' + CAST(r % 9 AS INTEGER) AS d, TIMESTAMP '2020-01-01 00:00:01.5' AS e, CAST(NULL AS INTEGER) AS f, [r, NULL] AS g, {'x': r, 'y': ['a']} AS h, r::HUGEINT AS i, r % 2 = 0 AS k, INTERVAL 3 DAY AS l, 'ã' || r AS m FROM range(200) t(r)",
        "SELECT N_AIH, CNES, IDADE, VAL_TOT FROM sih_rd ORDER BY N_AIH",
        "SELECT CNES FROM sih_rd WHERE false",
        "SELECT count(*) FROM sih_rd WHERE CNES IN (SELECT CNES FROM cnes_st)",
    ] {
        assert_eq!(answer(&here, &sql(text)).unwrap(), answer(&there, &sql(text)).unwrap(), "{text}");
    }
    let bound = sql(
        "SELECT count(*) FROM sih_rd WHERE IDADE > $idade AND VAL_TOT > $valor AND CNES <> $cnes AND $nulo IS NULL",
    )
    .bind("idade", 40)
    .bind("valor", serde_json::json!(12.5))
    .bind("cnes", "2000001")
    .bind("nulo", serde_json::Value::Null);
    assert_eq!(answer(&here, &bound).unwrap(), answer(&there, &bound).unwrap());
    let batches = there.query(&sql("SELECT N_AIH FROM sih_rd")).unwrap().collect_batches().unwrap();
    assert!(batches.iter().all(|batch| batch.num_rows() <= 65_536) && batches.len() >= 4, "{}", batches.len());
}

#[test]
fn errors_say_what_they_say_in_the_process() {
    let source = source();
    let [here, there] = [Isolation::None, Isolation::Process].map(|isolation| open(source.path(), isolation));
    for text in [
        "SELECT CNESS FROM sih_rd",
        "SELECT CNES, count(*) FROM sih_rd",
        "SELECT CAST(DIAG_PRINC AS INTEGER) FROM sih_rd",
        "SELECT CAST(CASE WHEN r = 3000000 THEN 'x' ELSE '1' END AS INTEGER) FROM range(4000000) t(r)",
        "SELECT sum(r * 9223372036854775807) FROM range(3) t(r)",
    ] {
        let [mut here, mut there] =
            [&here, &there].map(|client| answer(client, &sql(text)).map(drop).unwrap_err().to_json());
        // Each is a job of its own.
        for error in [&mut here, &mut there] {
            error["trace_id"].take();
        }
        assert_eq!(here, there, "{text}");
    }
}

#[test]
fn a_report_and_a_file_are_those_of_the_process_and_so_is_everything_that_the_engine_runs() {
    let source = source();
    let out = tempfile::tempdir().unwrap();
    let params = sql("SELECT CNES, count(*) AS n, sum(VAL_TOT) AS valor FROM sih_rd GROUP BY 1 ORDER BY 1");
    let grouped = QueryParams::dataset("SIH-RD")
        .group_by(["CNES"])
        .aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
        .order_by("CNES", false);
    let told = [Isolation::None, Isolation::Process, Isolation::All].map(|isolation| {
        let config = datasus::Config { output: Some(out.path().into()), ..config(isolation) };
        let client = Client::open_with(source.path(), config).unwrap();
        let name = format!("{isolation:?}.csv");
        let report = client.export(&params, Csv::to(&name)).unwrap();
        let rows = answer(&client, &grouped).unwrap();
        if isolation == Isolation::All {
            // One for the file, one for the groups.
            assert!(metric(&client, "datasus_engine_workers_started_total") >= 2.0);
        }
        let report = serde_json::to_value(&report).unwrap();
        let told = ["status", "records_processed", "mode", "dead_letters", "attempts", "cache", "sources", "warnings"];
        let report = told.map(|key| report[key].clone());
        (report, std::fs::read_to_string(out.path().join(name)).unwrap(), rows)
    });
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
}

#[test]
fn a_small_answer_takes_one_worker_and_the_next_one_waits_already() {
    let source = source();
    let client = open(source.path(), Isolation::Process);
    for _ in 0..5 {
        assert_eq!(rows(&client, "SELECT CNES FROM sih_rd LIMIT 3").unwrap(), 3);
    }
    assert!(metric(&client, "datasus_engine_workers_started_total") >= 5.0);
    assert_eq!(metric(&client, "datasus_engine_workers{state=\"running\"}"), 0.0);
    assert!(metric(&client, "datasus_engine_workers{state=\"waiting\"}") <= 2.0);
}

/// The worker cannot see the lake's kits once it is shut in, and is another process than the one that read them.
#[test]
fn labels_of_kits_that_were_fetched_are_those_of_the_process() {
    let (source, place) = (source(), tempfile::tempdir().unwrap());
    let kit = place.path().join("kits/TAB_SIH");
    std::fs::create_dir_all(kit.join("CNV")).unwrap();
    let row = |number: u32, label: &str, codes: &str| format!("{number:7}  {label:<51}{codes}\r\n");
    let rows = [row(3, "Ignorado", "0-9"), row(1, "Homem", "1"), row(2, "Mulher", "2,3")].concat();
    std::fs::write(kit.join("CNV/SEXO.CNV"), format!("3 1\r\n{rows}\x1a")).unwrap();
    std::fs::write(kit.join("RD2008.DEF"), "; AIH\r\n").unwrap();
    let text = sql("SELECT SEXO_rotulo, count(*) AS n FROM sih_rd GROUP BY 1 ORDER BY 1");
    let groups = QueryParams::dataset("SIH-RD").group_by(["SEXO_rotulo"]).count("n");
    let groups = QueryParams { options: text.options.clone(), ..groups }.order_by("SEXO_rotulo", false);
    let told = [Isolation::None, Isolation::Process, Isolation::All].map(|isolation| {
        let lake = Some(place.path().join("lake"));
        let client = Client::open_with(source.path(), datasus::Config { lake, ..config(isolation) }).unwrap();
        client.sync_dictionaries(kit.to_str()).unwrap();
        [&text, &groups].map(|params| answer(&client, params).unwrap())
    });
    assert!(format!("{:?}", told[0][0].column(0)).contains("Mulher"), "{told:?}");
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
}
