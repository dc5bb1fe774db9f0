//! A Redis of the tests' own: loopback, free port, no data on disk, stopped by pid when its test ends.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::quiet;

pub struct Server {
    pub port: u16,
    child: Child,
    place: TempDir,
}

pub const PASSWORD: &str = "hunter2-CANARY";

impl Server {
    /// None, with a line that says so, where there is no program.
    pub fn start() -> Option<Server> {
        let place = TempDir::new().unwrap();
        Server::with(place, |port| vec!["--port".into(), port.to_string()], 0)
    }

    /// `arguments`: what says on which port it listens. 0 is any that is free: another one where somebody was faster.
    pub fn with(place: TempDir, arguments: impl Fn(u16) -> Vec<String>, port: u16) -> Option<Server> {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = std::env::var_os("DATASUS_REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        for _ in 0..5 {
            let port = if port == 0 { free() } else { port };
            let mut command = Command::new(&program);
            command.args(arguments(port)).args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.args(["--requirepass", PASSWORD]).arg("--dir").arg(place.path());
            let Ok(mut child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
                crate::skip::for_want_of_a_tool(
                    "no redis-server: apt-get install redis-tools, or set DATASUS_REDIS_SERVER",
                );
                return None;
            };
            if answers(&mut child, port) {
                return Some(Server { port, child, place });
            }
        }
        panic!("a Redis ends as soon as it is started");
    }

    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same behind a proxy.
    pub fn url_at(&self, port: u16) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{port}/0")
    }

    pub fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    pub fn place(&self) -> &std::path::Path {
        self.place.path()
    }
}

/// Waits until it takes connections; false where it has ended.
fn answers(child: &mut Child, port: u16) -> bool {
    let until = Instant::now() + quiet::HANGS;
    while child.try_wait().unwrap().is_none() {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        assert!(Instant::now() < until, "no Redis on port {port}");
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
