//! The server's address. The password in it is never shown: errors name host, port and database.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::base::{Code, Error, Result, Secret, text};

/// How far the server must prove who it is; as libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    Disable,
    /// TLS where the server offers it; not checked.
    Prefer,
    /// TLS, not checked.
    Require,
    /// TLS, with a certificate from a known authority.
    VerifyCa,
    /// The same, made out for this host.
    VerifyFull,
}

/// A server, and how to get there.
#[derive(Clone)]
pub(super) struct Url {
    pub config: Config,
    pub trust: Trust,
    /// PEM of the authorities; none: those of the system.
    pub root: Option<PathBuf>,
    /// For people: `host:port/database`.
    pub shown: String,
    /// All of its hosts are this machine.
    pub local: bool,
    /// How long opening a session may take, over all hosts.
    pub patience: Duration,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that does not acknowledge for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);

impl Url {
    pub(super) fn parse(secret: &Secret) -> Result<Self> {
        let text = secret.reveal();
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(malformed("postgres://"));
        }
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut trust, mut root, mut kept) = (Trust::Prefer, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => {
                    trust = match mode {
                        "disable" => Trust::Disable,
                        "prefer" | "allow" => Trust::Prefer,
                        "require" => Trust::Require,
                        "verify-ca" => Trust::VerifyCa,
                        "verify-full" => Trust::VerifyFull,
                        _ => return Err(malformed("sslmode")),
                    }
                }
                Some(("sslrootcert", "system")) => root = None,
                Some(("sslrootcert", path)) => root = Some(PathBuf::from(decoded(path))),
                _ => kept.push(pair),
            }
        }
        let plain = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
        // The crate's error may quote what it read.
        let mut config = Config::from_str(&plain).map_err(|_| malformed("url"))?;
        config.ssl_mode(match trust {
            Trust::Disable => SslMode::Disable,
            Trust::Prefer => SslMode::Prefer,
            _ => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("datasus");
        }
        let each = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        config.connect_timeout(each);
        config.tcp_user_timeout(SILENCE);
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        };
        let hosts: Vec<String> = config.get_hosts().iter().map(host).collect();
        if hosts.is_empty() || config.get_user().is_none() {
            return Err(malformed("host, user"));
        }
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let database = config.get_dbname().or(config.get_user()).unwrap_or_default().to_owned();
        let local = hosts
            .iter()
            .all(|host| host == "localhost" || host == "::1" || host.starts_with("127.") || host.starts_with('/'));
        let shown = format!("{}:{port}/{database}", hosts.join(","));
        let patience = each * u32::try_from(hosts.len() + 1).unwrap_or(u32::MAX);
        Ok(Url { config, trust, root, shown, local, patience })
    }
}

fn malformed(part: &str) -> Error {
    Error::new(
        Code::InvalidParams,
        text!(
            "Endereço do PostgreSQL inválido ({part}): esperado postgres://usuario:senha@host:5432/banco?sslmode=verify-full",
            "Invalid address of PostgreSQL ({part}): expected postgres://user:password@host:5432/database?sslmode=verify-full"
        ),
    )
    .with("expected_format", "postgres://user:password@host:port/database")
    .with("part", part)
    .stage("postgres")
}

/// Percent-decoding of a path.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_its_password_is_not_shown() {
        let url = Url::parse(&Secret::new(
            "postgres://ana:hunter2@db.example.org:6543/saude?sslmode=verify-full&sslrootcert=/a%20b/ca.pem&options=-c%20x%3D1",
        ))
        .unwrap();
        assert_eq!((url.trust, url.shown.as_str(), url.local), (Trust::VerifyFull, "db.example.org:6543/saude", false));
        assert_eq!(url.root.as_deref(), Some(std::path::Path::new("/a b/ca.pem")));
        for wrong in [
            "host=x password=hunter2",
            "postgres://ana:hunter2@h/db?sslmode=always",
            "postgres://ana:hunter2@h:port/db",
        ] {
            let error = Url::parse(&Secret::new(wrong)).err().unwrap();
            assert_eq!(error.code(), Code::InvalidParams);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
