//! A server that is not Apache's (Sail): what it is asked it answers from files in S3, which it reads by itself; what it would leave out
//! is an error.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use datasus::store::Store;
use datasus::{AggregateFn, Client, Code, Config, QueryParams, Secret, col};

use crate::cluster::{config, is_asked_for};
use crate::s3::{BUCKET, KEY, SECRET, Server, shared, store};
use crate::skip;

/// It ends with its standard input.
struct Sail {
    address: String,
    folder: PathBuf,
    life: Option<ChildStdin>,
    program: Child,
}

impl Drop for Sail {
    fn drop(&mut self) {
        drop(self.life.take());
        let _ = self.program.wait();
    }
}

#[track_caller]
fn sail(server: &Server) -> Option<Sail> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/spark_cluster.py");
    let mut program = Command::new("python3")
        .arg(program)
        .arg("--sail")
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", server.port))
        .envs([("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_REGION", "us-east-1")])
        .envs([("AWS_ALLOW_HTTP", "true"), ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "false")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (life, mut told) = (program.stdin.take().unwrap(), String::new());
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut told).unwrap();
    let Ok(told) = serde_json::from_str::<serde_json::Value>(&told) else {
        drop(life);
        program.wait().unwrap();
        skip::for_want_of_a_tool("no Sail: `bash setup/spark.sh sail` fetches it");
        return None;
    };
    let of = |name: &str| told[name].as_str().unwrap().to_owned();
    Some(Sail { address: of("connect"), folder: of("folder").into(), life: Some(life), program })
}

fn grouped() -> QueryParams {
    QueryParams::dataset("SIH-RD")
        .group_by(["CNES"])
        .aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
        .aggregate(AggregateFn::CountDistinct, "N_AIH", "n")
        .filter(col("IDADE").ge(18))
        .order_by("CNES", false)
}

fn rows(client: &Client, params: &QueryParams) -> Result<arrow::array::RecordBatch, datasus::Error> {
    let rows = client.query(params)?;
    let schema = rows.schema();
    Ok(arrow::compute::concat_batches(&schema, &rows.collect_batches()?).unwrap())
}

#[test]
fn groups_of_files_in_s3_are_made_where_they_lie_and_what_a_server_does_not_say_is_refused() {
    if !is_asked_for() {
        return;
    }
    let Some(server) = shared() else { return };
    let Some(sail) = sail(server) else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 3, 20_000);
    let s3 = crate::s3::config(server.port);
    let to = store(&s3);
    for file in std::fs::read_dir(source.path()).unwrap() {
        let file = file.unwrap();
        let at = crate::at(&format!("s3://{BUCKET}/sail/{}", file.file_name().display()));
        to.create(&at, std::fs::read(file.path()).unwrap()).unwrap();
    }
    let of = |engine: Option<&str>| {
        let config = Config {
            engine: engine.map(Secret::new),
            remote_cache: Some(place.path().join("copies")),
            s3_endpoint: s3.s3_endpoint.clone(),
            s3_key: s3.s3_key.clone(),
            s3_secret: s3.s3_secret.clone(),
            ..config(place.path())
        };
        Client::open_with(format!("s3://{BUCKET}/sail"), config).unwrap()
    };
    let (here, there) = (of(None), of(Some(&sail.address)));
    let answer = rows(&there, &grouped()).unwrap();
    assert!(!place.path().join("copies").join("objects").exists());
    assert_eq!(answer, rows(&here, &grouped()).unwrap());
    assert_eq!(answer.num_rows(), 97);
    // Which row of which file it is, it does not say.
    let plain = QueryParams::dataset("SIH-RD").columns(["N_AIH"]).limit(10);
    let by_month =
        QueryParams::dataset("SIH-RD").group_by(["datasus_competencia"]).aggregate(AggregateFn::Sum, "VAL_TOT", "v");
    for params in [plain, by_month] {
        let error = rows(&there, &params).unwrap_err();
        assert_eq!(error.code(), Code::InvalidParams, "{error}");
        assert!(error.detail().contains("not Apache's"), "{error}");
    }
}

/// This process goes back to where it was.
struct Back(PathBuf);

impl Drop for Back {
    fn drop(&mut self) {
        std::env::set_current_dir(&self.0).unwrap();
    }
}

/// Sail leaves out what it does not see without a word. What this process and it see under one path are two folders here, as they would be
/// of two machines that share none.
#[test]
fn a_file_that_such_a_server_does_not_see_is_never_left_out() {
    if !is_asked_for() {
        return;
    }
    let Some(server) = shared() else { return };
    let Some(sail) = sail(server) else { return };
    let place = tempfile::tempdir().unwrap();
    let (seen_here, seen_there) = (place.path().join("fonte"), sail.folder.join("fonte"));
    std::fs::create_dir(&seen_here).unwrap();
    std::fs::create_dir(&seen_there).unwrap();
    crate::many::write(&seen_here, 3, 1_000);
    let _back = Back(std::env::current_dir().unwrap());
    std::env::set_current_dir(place.path()).unwrap();
    let engine = Some(Secret::new(&sail.address));
    let client = Client::open_with("/proc/self/cwd/fonte", Config { engine, ..config(place.path()) }).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(&seen_here).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    for (number, name) in files.iter().enumerate() {
        std::fs::copy(seen_here.join(name), seen_there.join(name)).unwrap();
        match rows(&client, &grouped()) {
            Ok(answer) => assert_eq!((number, answer.num_rows()), (2, 97)),
            Err(error) => assert_eq!((number < 2, error.code()), (true, Code::NotFound), "{error}"),
        }
    }
}
