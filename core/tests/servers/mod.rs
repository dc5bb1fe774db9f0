//! Servers' programs that `make servers` fetched: where they are, and how they end with the tests, however these end.
#![allow(dead_code)]

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// The program named by a variable, or the one in the cache.
pub fn program(variable: &str, below_the_cache: &str) -> Option<PathBuf> {
    let set = std::env::var_os(variable).map(PathBuf::from);
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let datasus = || Some(named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?.join("datasus"));
    let cached = || Some(named("DATASUS_CACHE").or_else(datasus)?.join(below_the_cache));
    set.or_else(cached).filter(|path| path.is_file())
}

/// A Python that has the servers of `setup/servers.txt`.
pub fn python() -> Option<PathBuf> {
    let pins = hex::encode(Sha256::digest(include_bytes!("../../../setup/servers.txt")));
    program("DATASUS_SERVERS_PYTHON", &format!("servers-{}/bin/python", &pins[..12]))
}

/// A server at work. Its keeper's standard input is its life line: when this process ends, the keeper stops it, by its pid.
pub struct Running {
    pub port: u16,
    folder: PathBuf,
    keeper: Option<Child>,
}

impl Running {
    /// Runs a line of shell in a folder that goes with it, until the port answers.
    pub fn start(folder: PathBuf, line: &str, port: u16) -> Self {
        let shown = folder.display();
        let keep = format!(
            "cd '{shown}'; {line} > log 2>&1 & pid=$!; read _; kill -KILL $pid; wait $pid 2> /dev/null; rm -rf '{shown}'"
        );
        let keeper = Command::new("sh").arg("-c").arg(keep).stdin(Stdio::piped()).spawn().unwrap();
        let running = Running { port, folder, keeper: Some(keeper) };
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "no server: {}", running.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops it, and waits until it has.
    pub fn stop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A folder for such a server, which any user may read.
pub fn folder(prefix: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::Builder::new().prefix(prefix).tempdir().unwrap().keep();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
