//! A Redis of the tests' own: loopback, free port, no data on disk, stopped by pid when its test ends.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

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

    /// `arguments`: what says on which port it listens.
    pub fn with(place: TempDir, arguments: impl Fn(u16) -> Vec<String>, port: u16) -> Option<Server> {
        let program = std::env::var_os("DATASUS_REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = if port == 0 { free() } else { port };
        let mut command = Command::new(program);
        command.args(arguments(port)).args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--requirepass", PASSWORD]).arg("--dir").arg(place.path());
        let Ok(child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
            crate::skip::for_want_of_a_tool(
                "no redis-server: apt-get install redis-tools, or set DATASUS_REDIS_SERVER",
            );
            return None;
        };
        let server = Server { port, child, place };
        let until = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "no Redis on port {port}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(server)
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

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
