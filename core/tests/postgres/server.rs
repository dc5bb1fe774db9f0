//! A PostgreSQL of the tests' own: own data folder, free port, loopback only, stopped by pid when the tests end.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// The password; nothing that the library shows may hold it.
pub const PASSWORD: &str = "hunter2-CANARY";

pub struct Server {
    pub port: u16,
    pub folder: PathBuf,
    bin: PathBuf,
    // Its standard input is the server's life line: when this process ends, however it ends, the keeper stops it.
    keeper: Child,
}

/// The server that the tests of one binary share.
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(""))
}

impl Server {
    /// Starts a server with more lines for its configuration.
    pub fn start(settings: &str) -> Server {
        let bin = bin();
        let folder = tempfile::Builder::new().prefix("datasus-postgres-").tempdir().unwrap().keep();
        let as_root = is_root();
        if as_root {
            assert!(Command::new("chown").arg("postgres").arg(&folder).status().unwrap().success());
        }
        let data = folder.join("data");
        let password = folder.join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        let mut initdb = as_postgres(as_root, &bin.join("initdb"));
        initdb.arg("-D").arg(&data).args(["-U", "postgres", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8"]);
        initdb.args(["--locale", "C.UTF-8"]).arg("--pwfile").arg(&password);
        let made = initdb.output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        // A port that was free may be another's by now.
        let started = (0..5).find_map(|_| Server::try_start(&bin, &folder, settings));
        started
            .unwrap_or_else(|| panic!("no server: {}", std::fs::read_to_string(folder.join("log")).unwrap_or_default()))
    }

    /// None: somebody else has taken its port.
    fn try_start(bin: &Path, folder: &Path, settings: &str) -> Option<Server> {
        let (as_root, data) = (is_root(), folder.join("data"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let token = format!("datasus-test-{port}-{}", std::process::id());
        let socket = folder.display();
        let mut conf = std::fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        writeln!(
            conf,
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{socket}'\nfsync = off\n\
             cluster_name = '{token}'\nmax_connections = 80\nlogging_collector = off\n{settings}"
        )
        .unwrap();
        let mut run = as_postgres(as_root, &bin.join("postgres"));
        run.arg("-D").arg(&data);
        let line: Vec<String> = std::iter::once(run.get_program())
            .chain(run.get_args())
            .map(|part| format!("'{}'", part.to_str().unwrap()))
            .collect();
        let log = folder.join("log");
        let _ = std::fs::remove_file(&log);
        let keep = format!(
            "{} > '{}' 2>&1 & pid=$!; read _; kill -INT $pid; wait $pid; rm -rf '{}'",
            line.join(" "),
            log.display(),
            folder.display()
        );
        let keeper = Command::new("sh").arg("-c").arg(keep).stdin(Stdio::piped()).spawn().unwrap();
        let mut server = Server { port, folder: folder.into(), bin: bin.into(), keeper };
        let until = Instant::now() + Duration::from_secs(300);
        // Its own, and no other that happens to answer there, before anything is written.
        let who = "SELECT current_setting('data_directory') || ' ' || current_setting('cluster_name')";
        let own = vec![vec![format!("{} {token}", data.display())]];
        while server.try_psql("postgres", PASSWORD, who).ok().as_ref() != Some(&own) {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            if said.contains("could not create any TCP/IP sockets") {
                // The server has ended by itself, and its folder stays for the next.
                server.keeper.kill().unwrap();
                server.keeper.wait().unwrap();
                return None;
            }
            assert!(Instant::now() < until, "no server: {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    /// Has the server read its configuration anew, `pg_hba.conf` and certificates among it, and waits until every new session has what
    /// it says: the server reads all of it before it takes the next one.
    #[allow(dead_code, reason = "not every test binary changes it")]
    pub fn reload(&self) {
        static RELOADS: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("reload {} ", RELOADS.fetch_add(1, SeqCst));
        self.psql_all(&[&format!("ALTER SYSTEM SET log_line_prefix = '{mark}'"), "SELECT pg_reload_conf()"]);
        let end = Instant::now() + Duration::from_secs(120);
        while self.psql("SHOW log_line_prefix") != [[mark.as_str()]] {
            assert!(Instant::now() < end, "the server does not read its configuration");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// One of the server's own programs.
    #[allow(dead_code, reason = "not every test binary runs one")]
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    pub fn url(&self) -> String {
        self.url_of("postgres", PASSWORD, "postgres", "")
    }

    pub fn url_of(&self, user: &str, password: &str, database: &str, query: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}{query}", self.port)
    }

    /// Runs SQL by psql, a client that shares nothing with ours; rows of texts, NULL as `<NULL>`.
    pub fn psql(&self, sql: &str) -> Vec<Vec<String>> {
        self.try_psql("postgres", PASSWORD, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub fn try_psql(&self, user: &str, password: &str, sql: &str) -> Result<Vec<Vec<String>>, String> {
        self.run_psql(user, password, &[sql])
    }

    fn run_psql(&self, user: &str, password: &str, commands: &[&str]) -> Result<Vec<Vec<String>>, String> {
        let done = Command::new(self.bin.join("psql"))
            .env("PGPASSWORD", password)
            .env("PGCONNECT_TIMEOUT", "60")
            .args(["-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", "-P", "null=<NULL>", "-h", "127.0.0.1"])
            .args(["-p", &self.port.to_string(), "-U", user, "-d", "postgres"])
            .args(commands.iter().flat_map(|command| ["-c", command]))
            .output()
            .unwrap();
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&done.stdout[..]);
        Ok(reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect())
    }

    /// Runs several commands in one session, `\\copy` among them; the rows of the last one.
    pub fn psql_all(&self, commands: &[&str]) -> Vec<Vec<String>> {
        self.run_psql("postgres", PASSWORD, commands).unwrap_or_else(|error| panic!("{commands:?}: {error}"))
    }

    /// A file in the server's folder that it can read, and nobody else.
    pub fn private_file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, content).unwrap();
        assert!(Command::new("chmod").arg("600").arg(&path).status().unwrap().success());
        if is_root() {
            assert!(Command::new("chown").arg("postgres").arg(&path).status().unwrap().success());
        }
        path
    }
}

fn as_postgres(as_root: bool, program: &Path) -> Command {
    if !as_root {
        return Command::new(program);
    }
    // PostgreSQL does not run as root; setpriv becomes the program, so that its pid is the server's.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command
}

pub fn is_root() -> bool {
    String::from_utf8_lossy(&Command::new("id").arg("-u").output().unwrap().stdout).trim() == "0"
}

fn bin() -> PathBuf {
    if let Some(folder) = std::env::var_os("DATASUS_POSTGRES_BIN") {
        return folder.into();
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|bin| bin.join("postgres").exists())
        .collect();
    found.sort();
    found.pop().expect("PostgreSQL's server programs: apt-get install postgresql-15, or set DATASUS_POSTGRES_BIN")
}
