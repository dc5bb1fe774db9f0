//! An S3 server of the tests' own (SeaweedFS): data of its own, free ports, loopback only, stopped by pid when the tests end.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use datasus::{Config, Secret};

pub const KEY: &str = "chave-de-teste";
/// Nothing that the library shows may hold it.
pub const SECRET: &str = "hunter2-CANARY-s3";
pub const BUCKET: &str = "datasus";

pub struct Server {
    pub port: u16,
    // Its standard input is the server's life line: when this process ends, however it ends, the keeper stops it.
    keeper: Child,
}

/// The server that the tests share; none, and said, where there is no program.
#[track_caller]
pub fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| program().map(start)).as_ref();
    if server.is_none() {
        crate::skip::for_want_of_a_tool("no S3 server: run `make servers`, or set DATASUS_WEED");
    }
    server
}

fn program() -> Option<PathBuf> {
    crate::servers::program("DATASUS_WEED", "seaweedfs-4.48/weed")
}

fn start(weed: PathBuf) -> Server {
    // A port that was free may be another's by now.
    (0..5).find_map(|_| try_start(&weed)).expect("no S3 server: its ports are taken")
}

/// None: somebody else has taken one of its ports.
fn try_start(weed: &Path) -> Option<Server> {
    let folder = tempfile::Builder::new().prefix("datasus-s3-").tempdir().unwrap().keep();
    let identity = serde_json::json!({"identities": [{
        "name": "test",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]});
    std::fs::write(folder.join("s3.json"), identity.to_string()).unwrap();
    std::fs::create_dir(folder.join("data")).unwrap();
    // All at once, so that no two are the same.
    let bound: Vec<TcpListener> = (0..8).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = bound.iter().map(|one| one.local_addr().unwrap().port()).collect();
    drop(bound);
    let names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"];
    let mut line = format!(
        "'{}' mini -dir=data -ip=127.0.0.1 -ip.bind=127.0.0.1 -s3.config=s3.json -bucket={BUCKET} \
         -master.telemetry=false -webdav=false -admin.ui=false -metricsPort=0 -s3.port.iceberg=0 -s3.port={} -s3.port.grpc={}",
        weed.display(),
        ports[6],
        ports[7]
    );
    names.iter().zip(&ports).for_each(|(name, port)| line.push_str(&format!(" -{name}={port}")));
    let shown = folder.display();
    let keep = format!(
        "cd '{shown}'; {line} > log 2>&1 & pid=$!; read _; kill -KILL $pid; wait $pid 2> /dev/null; rm -rf '{shown}'"
    );
    let keeper = Command::new("sh").arg("-c").arg(keep).stdin(Stdio::piped()).spawn().unwrap();
    let mut server = Server { port: ports[6], keeper };
    let until = Instant::now() + Duration::from_secs(300);
    let answers = |port: u16| {
        let store = store(&Config { s3_timeout: 5.0, ..config(port) });
        TcpStream::connect(("127.0.0.1", port)).is_ok()
            && datasus::store::Store::list(&store, &crate::at("s3://datasus")).is_ok()
    };
    while !answers(server.port) {
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        if log.contains("address already in use") {
            drop(server.keeper.stdin.take());
            server.keeper.wait().unwrap();
            return None;
        }
        assert!(Instant::now() < until, "no server: {log}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(server)
}

/// Settings by which the server of this port lets one in.
pub fn config(port: u16) -> Config {
    Config {
        s3_endpoint: Some(format!("http://127.0.0.1:{port}")),
        s3_key: Some(Secret::new(KEY)),
        s3_secret: Some(Secret::new(SECRET)),
        language: datasus::Language::En,
        ..Config::default()
    }
}

/// A store of these settings, whose copies and notes are in its `remote_cache`.
pub fn store(config: &Config) -> datasus::store::S3 {
    let root = config.remote_cache.clone().unwrap_or_else(|| std::env::temp_dir().join("datasus-s3-none"));
    let notes = config.remote_cache.as_ref().map(|root| root.join("uploads"));
    let cache = datasus::store::ChunkCache::at(root, config.remote_cache_limit);
    datasus::store::S3::new(datasus::store::S3Settings::of(config, notes).unwrap(), cache.into()).unwrap()
}
