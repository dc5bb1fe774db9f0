//! A lake in S3 answers as one in a folder, several machines fill it at once, and only what is asked for is read.

use std::collections::BTreeMap;
use std::path::Path;

use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::source::write_example_data;
use datasus::store::{At, S3, Store};
use datasus::{AggregateFn, Client, Code, Config, QueryParams};
use parquet::file::reader::{ChunkReader, Length};

use crate::at;
use crate::proxy::{Fate, Proxy, Seen};
use crate::server::{config, shared, store};

/// A machine of its own: nothing of its folders is another's.
fn machine(place: &Path, port: u16, lake: &str) -> Config {
    Config {
        lake: Some(lake.into()),
        output: Some(place.join("out")),
        state: Some(place.join("jobs")),
        spill: Some(place.join("spill")),
        remote_cache: Some(place.join("copies")),
        ..config(port)
    }
}

fn text(client: &Client, params: &QueryParams) -> String {
    let batches: Vec<_> = client.query(params).unwrap().map(|batch| batch.unwrap()).collect();
    arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
}

/// Plain rows, by a scan; rows by DuckDB; the user's SQL, with a join; a whole table.
fn asked(client: &Client) -> Vec<String> {
    let all = |dataset: &str| QueryParams::dataset(dataset).uf(["AC"]);
    let grouped =
        all("SIH-RD").group_by(["SEXO"]).aggregate(AggregateFn::Count, "CNES", "quantos").order_by("SEXO", false);
    let ordered = all("SIH-RD").columns(["N_AIH", "VAL_TOT"]).order_by("VAL_TOT", true).limit(7);
    let sql = QueryParams::sql(
        "SELECT r.CNES, count(*) AS n, sum(r.VAL_TOT) AS valor, max(r.datasus_arquivo) AS arquivo FROM sih_rd r \
         JOIN cnes_st c ON c.CNES = r.CNES GROUP BY r.CNES ORDER BY 1",
    )
    .uf(["AC"]);
    let count = QueryParams::sql("SELECT count(*) AS n FROM sih_rd").uf(["AC"]);
    let star = QueryParams::sql("SELECT * FROM sim_do ORDER BY ALL LIMIT 20").uf(["AC"]);
    let plain = all("SIH-RD").columns(["CNES", "VAL_TOT", "DT_INTER", "datasus_arquivo"]);
    [plain, grouped, ordered, sql, count, star, all("SINASC-DN").limit(50)].iter().map(|p| text(client, p)).collect()
}

fn sent(seen: &[Seen], method: &str) -> usize {
    seen.iter().filter(|seen| seen.method == method).count()
}

fn put_folder(store: &S3, folder: &Path, to: &str) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let at_ = format!("{to}/{}", entry.file_name().unwrap().to_str().unwrap());
        if entry.is_dir() {
            put_folder(store, &entry, &at_);
        } else {
            let mut upload = store.begin(&at(&at_), true).unwrap();
            std::io::copy(&mut std::fs::File::open(&entry).unwrap(), &mut upload).unwrap();
            upload.publish().unwrap();
        }
    }
}

fn names(store: &S3, root: &str) -> Vec<String> {
    store.list(&at(root)).unwrap().found.iter().map(|entry| entry.location.name()).collect()
}

#[test]
fn a_lake_and_a_source_in_s3_answer_as_folders_do_and_machines_share_what_is_converted() {
    let Some(server) = shared() else { return };
    let (source, copied, here) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_example_data(source.path(), 200).unwrap();
    // Another machine's copy of the same files, of another time.
    for entry in std::fs::read_dir(source.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let copy = copied.path().join(entry.file_name().unwrap());
        std::fs::copy(&entry, &copy).unwrap();
        let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
        std::fs::File::options().write(true).open(&copy).unwrap().set_modified(then).unwrap();
    }
    let local = Config { lake: Some(here.path().join("lake")), ..machine(here.path(), server.port, "") };
    let expected = asked(&Client::open_with(source.path(), local).unwrap());

    let proxy = Proxy::before(server.port);
    let (one, two, three) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lake = "s3://datasus/partilhado/lake";
    let first = Client::open_with(source.path(), machine(one.path(), proxy.port, lake)).unwrap();
    assert_eq!(asked(&first), expected);
    assert!(sent(&proxy.take(), "PUT") > 0);
    // Nothing of what was in the making is left on the machine.
    let made = walk(&one.path().join("copies/lakes"));
    assert!(made.iter().all(|name| !name.ends_with(".parquet") && !name.ends_with(".json")), "{made:?}");
    assert_eq!(asked(&first), expected);
    let second = Client::open_with(copied.path(), machine(two.path(), proxy.port, lake)).unwrap();
    assert_eq!(asked(&second), expected);
    assert_eq!(sent(&proxy.take(), "PUT"), 0, "what one machine has converted no other converts");

    // The source itself in S3, flat, and its jobs' state here.
    put_folder(&store(&config(server.port)), source.path(), "s3://datasus/partilhado/fonte");
    let remote = Client::open_with("s3://datasus/partilhado/fonte", machine(three.path(), proxy.port, lake)).unwrap();
    assert_eq!(asked(&remote), expected);
    assert_eq!(sent(&proxy.take(), "PUT"), 0, "the same content, wherever its files lie");
    let holdings = |client: &Client| serde_json::to_value(client.datasets().unwrap()).unwrap();
    assert_eq!(holdings(&remote), holdings(&first));
    let explain = remote.explain(&QueryParams::dataset("SIH-RD").uf(["AC"]).columns(["CNES"])).unwrap();
    assert!(explain.to_convert.is_empty() && explain.bytes.read < explain.bytes.present);

    // An object that another program has changed is converted again, and never read as it is.
    let store = store(&config(server.port));
    let objects = store.list(&at(&format!("{lake}/sistema=SIH/grupo=RD/uf=AC"))).unwrap();
    let object = objects.found.iter().find(|entry| entry.location.name().ends_with(".parquet")).unwrap();
    let size = object.object.as_ref().unwrap().size as usize;
    let mut upload = store.begin(&object.location, true).unwrap();
    std::io::Write::write_all(&mut upload, &vec![0; size]).unwrap();
    upload.publish().unwrap();
    assert_eq!(asked(&first), expected);
    assert!(sent(&proxy.take(), "PUT") > 0);
}

fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(walk(&entry));
        } else {
            found.push(entry.to_str().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn of_machines_that_convert_the_same_file_at_once_one_is_first_and_the_others_take_its_object() {
    let Some(server) = shared() else { return };
    let source = tempfile::tempdir().unwrap();
    admissions(&source.path().join("RDAC2401.dbc"), 500);
    let lake = "s3://datasus/juntos/lake";
    let slow = Proxy::before(server.port);
    // Its record waits until the other machine's is there.
    slow.rule(|seen, _| match seen.method == "PUT" && seen.target.contains(".json") {
        true => Fate::Hold,
        false => Fate::Pass,
    });
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let query = QueryParams::dataset("SIH-RD").columns(["N_AIH"]);
    let rows = |client: Client| text(&client, &query).lines().count();
    let late = Client::open_with(source.path(), machine(one.path(), slow.port, lake)).unwrap();
    let late = std::thread::spawn({
        let query = query.clone();
        move || text(&late, &query).lines().count()
    });
    while !slow.seen().iter().any(|seen| seen.method == "PUT" && seen.target.contains(".json")) {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let first = rows(Client::open_with(source.path(), machine(two.path(), server.port, lake)).unwrap());
    let before = names(&store(&config(server.port)), lake);
    assert_eq!(before.iter().filter(|name| name.ends_with(".parquet")).count(), 2, "{before:?}");
    slow.release();
    assert_eq!((first, late.join().unwrap()), (504, 504));
    let after = names(&store(&config(server.port)), lake);
    let ends = |end: &str| after.iter().filter(|name| name.ends_with(end)).count();
    assert_eq!((ends(".parquet"), ends(".json")), (1, 1), "one object and its record: {after:?}");
}

/// A month of admissions with every column that the catalogue knows.
fn admissions(path: &Path, rows: usize) {
    let columns = &datasus::catalog::Catalog::builtin().read("SIH-RD").unwrap().columns;
    let fields: Vec<(&str, u8, u8, u8)> = columns
        .iter()
        .map(|column| match column.kind.arrow() {
            arrow::datatypes::DataType::Utf8 | arrow::datatypes::DataType::Date32 => {
                (column.name.as_str(), b'C', if column.name == "N_AIH" { 13 } else { 8 }, 0)
            }
            arrow::datatypes::DataType::Decimal128(_, scale) => (column.name.as_str(), b'N', 9, scale as u8),
            _ => (column.name.as_str(), b'N', 4, 0),
        })
        .collect();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = DbcWriter::create(file, &fields, WriteOptions::default()).unwrap();
    for row in 0..rows {
        let cells: Vec<String> = fields
            .iter()
            .enumerate()
            .map(|(column, (name, kind, width, scale))| {
                let odd = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ ((column as u64) << 40)) >> 20;
                match (*name, kind) {
                    ("N_AIH", _) => format!("{row:013}"),
                    (name, b'C') if name.starts_with("DT_") || name == "NASC" => format!("202401{:02}", odd % 28 + 1),
                    (_, b'C') => format!("{:0width$}", odd % 100_000_000, width = *width as usize),
                    (_, _) if *scale > 0 => format!("{:>9}", format!("{}.{:02}", odd % 10_000, odd % 100)),
                    _ => format!("{:>4}", odd % 100),
                }
            })
            .collect();
        writer.write(&cells.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    }
    writer.finish().unwrap();
}

/// Bytes of the chunks of these columns of an object, and of its footer.
fn own_bytes(store: &S3, root: &str, columns: &[&str]) -> (u64, u64) {
    let listed = store.list(&at(root)).unwrap();
    let object = listed.found.iter().find(|entry| entry.location.name().ends_with(".parquet")).unwrap();
    let opened = At::of(store.open(&object.location).unwrap());
    let tail = opened.get_bytes(opened.len() - 8, 8).unwrap();
    let footer = u64::from(u32::from_le_bytes(tail[..4].try_into().unwrap())) + 8;
    let metadata = parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(&opened).unwrap();
    let of_group = |group: &parquet::file::metadata::RowGroupMetaData| -> u64 {
        let wanted = |name: &str| columns.contains(&name);
        group.columns().iter().filter(|c| wanted(c.column_descr().name())).map(|c| c.byte_range().1).sum()
    };
    (metadata.row_groups().iter().map(of_group).sum(), footer)
}

#[test]
fn only_the_planned_column_chunks_of_the_planned_files_are_fetched() {
    let Some(server) = shared() else { return };
    let source = tempfile::tempdir().unwrap();
    let ufs = "AC AL AM AP BA CE DF ES GO MA MG MS MT PA PB PE PI PR RJ RN RO RR RS SC SE SP TO";
    for uf in ufs.split(' ') {
        admissions(&source.path().join(format!("RD{uf}2401.dbc")), if uf == "SP" { 30_000 } else { 50 });
    }
    let lake = "s3://datasus/contado/lake";
    let filled = tempfile::tempdir().unwrap();
    let client = Client::open_with(source.path(), machine(filled.path(), server.port, lake)).unwrap();
    let report = client.sync(&QueryParams::dataset("SIH-RD")).unwrap();
    assert_eq!(report.files, 27);
    let three = ["DIAG_PRINC", "MUNIC_RES", "VAL_TOT"];
    let sp = format!("{lake}/sistema=SIH/grupo=RD/uf=SP");
    let (chunks, footer) = own_bytes(&store(&config(server.port)), &sp, &three);
    let most = chunks as f64 * 1.3 + footer as f64;

    let proxy = Proxy::before(server.port);
    let measure = |what: &str, params: &QueryParams| {
        let place = tempfile::tempdir().unwrap();
        let client = Client::open_with(source.path(), machine(place.path(), proxy.port, lake)).unwrap();
        proxy.take();
        let rows = client.query(params).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>();
        let bytes: u64 = proxy.take().iter().map(|seen| seen.bytes).sum();
        println!("{what}: {bytes} bytes sent; chunks {chunks}, footer {footer}: {:.3}", bytes as f64 / chunks as f64);
        assert!(bytes as f64 <= most, "{what}: {bytes} bytes of {most}");
        // Once more: DuckDB's copies are there.
        client.query(params).unwrap().for_each(|batch| drop(batch.unwrap()));
        (rows, proxy.take().iter().map(|seen| seen.bytes).sum::<u64>(), client)
    };
    let plain = QueryParams::dataset("SIH-RD").uf(["SP"]).columns(three);
    let (rows, ..) = measure("plain rows", &plain);
    assert_eq!(rows, 30_000);
    let grouped = QueryParams::dataset("SIH-RD").uf(["SP"]).group_by(["MUNIC_RES", "DIAG_PRINC"]).aggregate(
        AggregateFn::Sum,
        "VAL_TOT",
        "valor",
    );
    let (_, again, client) = measure("by DuckDB", &grouped);
    assert!(again < chunks / 4, "{again} bytes for what is in the cache");
    drop(client);
}

#[test]
fn the_cache_is_bounded_and_says_so() {
    let Some(server) = shared() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    admissions(&source.path().join("RDAC2401.dbc"), 2_000);
    let small = Config { remote_cache_limit: 1_000, ..machine(place.path(), server.port, "s3://datasus/pouco/lake") };
    let client = Client::open_with(source.path(), small).unwrap();
    let by_sex = QueryParams::dataset("SIH-RD").group_by(["SEXO"]).aggregate(AggregateFn::Count, "N_AIH", "n");
    let error = client.query(&by_sex).map(drop).unwrap_err();
    assert!(error.code() == Code::DiskFull && error.detail().contains("remote_cache_limit"), "{error}");
    // A scan needs no copy.
    assert_eq!(text(&client, &QueryParams::dataset("SIH-RD").columns(["SEXO"])).lines().count(), 2_004);
}

#[test]
fn where_no_folder_is_here_one_is_asked_for() {
    let homeless = Config { lake: Some("s3://datasus/lake".into()), ..config(1) };
    let error = Client::open_with("s3://datasus/fonte", homeless.clone()).map(drop).unwrap_err();
    assert!(error.code() == Code::InvalidParams && error.detail().contains("state"), "{error}");
    let kinds: BTreeMap<&str, Config> = BTreeMap::from([
        ("s3_secret", Config { s3_secret: None, ..homeless.clone() }),
        ("s3_timeout", Config { s3_timeout: 0.0, ..homeless.clone() }),
        ("metadata", Config { s3_endpoint: Some("http://169.254.169.254/".into()), ..homeless }),
    ]);
    for (named, config) in kinds {
        let error = Client::open_with("s3://datasus/fonte", config).map(drop).unwrap_err();
        assert!(error.detail().contains(named), "{error}");
    }
}
