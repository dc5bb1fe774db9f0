//! A small tree of made-up files on a server, and a client of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use datasus::store::Patience;
use datasus::{Client, Config, Language, QueryParams, Result};

use crate::ftp_server::FtpServer;

pub const SIH: &str = "/dissemin/publicos/SIHSUS/200801_/Dados";

/// Made-up files of the ministry's form, of so many rows.
pub fn example(rows: u32) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    // Once each: other tests may read them.
    static WRITTEN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let root = FOLDER.get_or_init(|| std::env::temp_dir().join(format!("datasus-download-{}", std::process::id())));
    let folder = root.join(rows.to_string());
    if written.insert(rows) {
        datasus::source::write_example_data(&folder, rows).unwrap();
    }
    folder
}

pub fn bytes(name: &str, rows: u32) -> Vec<u8> {
    std::fs::read(example(rows).join(name)).unwrap()
}

/// A server with the admissions of AC, January to March 2024.
pub fn serving(rows: u32) -> FtpServer {
    let server = FtpServer::start();
    for name in ["RDAC2401.dbc", "RDAC2402.dbc", "RDAC2403.dbc"] {
        server.put(&format!("{SIH}/{name}"), &bytes(name, rows));
    }
    // The older folder of the dataset, without files.
    server.manners().folders.insert("/dissemin/publicos/SIHSUS/199201_200712/Dados".into());
    server
}

pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn config(&self) -> Config {
        Config {
            home: Some(self.path().join("home")),
            output: Some(self.path().into()),
            language: Language::En,
            ..Config::default()
        }
    }

    /// What lies below the home folder, by its path, hidden names as well.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.path().join("home")];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type().unwrap().is_dir() {
                    true => open.push(entry.path()),
                    false => {
                        let path = entry.path();
                        found.push(path.strip_prefix(self.path()).unwrap().display().to_string());
                    }
                }
            }
        }
        found.sort();
        found
    }
}

/// Of a server that is slow because the machine is, it is not tired.
pub fn patience() -> Patience {
    Patience { connect: Duration::from_secs(2), ..Patience::default() }
}

/// A client that takes a short silence for the end.
pub fn impatient_client_of(server: &FtpServer, config: Config) -> Client {
    let patience = Patience { silent: Duration::from_millis(500), ..patience() };
    Client::builder(server.address("/dissemin/publicos")).config(config).patience(patience).open().unwrap()
}

pub fn client_of(server: &FtpServer, config: Config) -> Client {
    open(&server.address("/dissemin/publicos"), config)
}

pub fn open(source: &str, config: Config) -> Client {
    Client::builder(source).config(config).patience(patience()).open().unwrap()
}

pub fn admissions(months: &[&str]) -> QueryParams {
    QueryParams::dataset("SIH-RD").uf(["AC"]).competencia(months.to_vec()).columns(["N_AIH", "VAL_TOT"])
}

/// Rows of an answer.
pub fn rows(client: &Client, params: &QueryParams) -> Result<u64> {
    client.query(params)?.map(|batch| Ok(batch?.num_rows() as u64)).sum()
}
