//! The server's address. The password in it is never shown: errors name host, port and database.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};

use super::address::Address;
use super::passage::Refusals;
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
    /// How long data may stay without an answer (`tcp_user_timeout`).
    pub silence: Duration,
    /// Roles that may own the record of loads, besides those who could harm the loader anyway.
    pub owners: Vec<String>,
    /// TLS from the first byte (`sslnegotiation=direct`).
    pub direct: bool,
    /// Of the sessions that were opened by this address.
    pub refusals: Refusals,
    /// The parameters that may be seen.
    kept: Vec<(String, String)>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that does not acknowledge for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);

impl Url {
    pub(super) fn parse(secret: &Secret) -> Result<Self> {
        let Address { mut config, trust, root, owners, direct, mut kept } = Address::read(secret)?;
        let direct = direct && trust != Trust::Disable;
        if direct && trust == Trust::Prefer {
            return Err(malformed("sslnegotiation, sslmode"));
        }
        // The driver hands every stream to `Passage` at once, which asks for TLS or not.
        config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        if config.get_application_name().is_none() {
            config.application_name("datasus");
        }
        let each = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        config.connect_timeout(each);
        let silence = config.get_tcp_user_timeout().copied().unwrap_or(SILENCE);
        config.tcp_user_timeout(silence);
        let hosts: Vec<String> = config.get_hosts().iter().map(host_name).collect();
        if hosts.is_empty() || config.get_user().is_none_or(str::is_empty) {
            return Err(malformed("host, user"));
        }
        for (count, part) in [(config.get_ports().len(), "port"), (config.get_hostaddrs().len(), "hostaddr")] {
            let one_for_all = count == 0 || (count == 1 && part == "port");
            if !one_for_all && count != hosts.len() {
                return Err(malformed(part));
            }
        }
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let database = config.get_dbname().or(config.get_user()).unwrap_or_default().to_owned();
        // Where there are addresses, the names are for certificates alone.
        let this_machine = |host: &String| match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => host == "localhost" || host.starts_with('/'),
        };
        let local = match config.get_hostaddrs() {
            [] => hosts.iter().all(this_machine),
            addresses => addresses.iter().all(IpAddr::is_loopback),
        };
        let sockets = hosts.iter().filter(|host| host.starts_with('/')).count();
        if sockets > 0 && (sockets < hosts.len() || !config.get_hostaddrs().is_empty()) {
            return Err(malformed("host"));
        }
        let shown = format!("{}:{port}/{database}", hosts.join(","));
        let patience = each * u32::try_from(hosts.len() + 1).unwrap_or(u32::MAX);
        kept.sort_unstable();
        Ok(Url {
            config,
            trust,
            root,
            shown,
            local,
            patience,
            silence,
            owners,
            direct,
            refusals: Refusals::default(),
            kept,
        })
    }

    /// The address without its secrets, and whether it had any. Equal for equal ways to a server; made from what was read,
    /// never from the text.
    pub(super) fn without_secrets(&self) -> (String, bool) {
        let config = &self.config;
        let ports = config.get_ports();
        let host = |(number, host): (usize, &Host)| {
            let name = match host_name(host) {
                name if name.contains(':') => format!("[{name}]"),
                name => encoded(&name),
            };
            let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
            format!("{name}:{port}")
        };
        let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(host).collect();
        let (user, database) = (config.get_user().unwrap_or_default(), config.get_dbname());
        let database = database.map_or_else(String::new, |name| format!("/{}", encoded(name)));
        let pairs = self.kept.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect::<Vec<_>>();
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        let secrets = config.get_password().is_some() || config.get_options().is_some();
        (format!("postgres://{}@{}{database}{query}", encoded(user), hosts.join(",")), secrets)
    }

    /// `said` without the password, whoever says it: a server knows it where it asked for it in clear.
    pub(super) fn without_password(&self, said: &str) -> String {
        // A shorter one would be found in every other word.
        match self.config.get_password().and_then(|password| std::str::from_utf8(password).ok()) {
            Some(password) if password.len() > 3 => said.replace(password, "***"),
            _ => said.to_owned(),
        }
    }

    /// All of its hosts are sockets of the file system: some and others at once are refused.
    #[cfg(unix)]
    pub(super) fn on_socket(&self) -> bool {
        matches!(self.config.get_hosts().first(), Some(Host::Unix(_)))
    }

    #[cfg(unix)]
    pub(super) fn sockets(&self) -> Vec<PathBuf> {
        let ports = self.config.get_ports();
        let socket = |(number, host): (usize, &Host)| match host {
            Host::Unix(folder) => {
                let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
                Some(folder.join(format!(".s.PGSQL.{port}")))
            }
            Host::Tcp(_) => None,
        };
        self.config.get_hosts().iter().enumerate().filter_map(socket).collect()
    }

    /// Equal for addresses of one database, whoever asks for it and how.
    pub(super) fn database(&self) -> String {
        let (address, _) = self.without_secrets();
        let place = address.split_once('@').map_or("", |(_, place)| place);
        let place = place.split('?').next().unwrap_or_default();
        match self.config.get_dbname() {
            Some(_) => place.to_owned(),
            None => format!("{place}/{}", encoded(self.config.get_user().unwrap_or_default())),
        }
    }
}

/// The address as it may be stored, and whether secrets were left out; DS-422 where it is none.
pub(crate) fn stored_address(secret: &Secret) -> Result<(String, bool)> {
    Url::parse(secret).map(|url| url.without_secrets())
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

pub(super) fn malformed(part: &str) -> Error {
    Error::new(
        Code::InvalidParams,
        text!(
            "Endereço do PostgreSQL inválido ({part}): esperado postgres://usuario:senha@host:5432/banco?sslmode=verify-full, com os sinais da senha em %XX (@ é %40, / é %2F)",
            "Invalid address of PostgreSQL ({part}): expected postgres://user:password@host:5432/database?sslmode=verify-full, with the password's signs as %XX (@ is %40, / is %2F)"
        ),
    )
    .with("expected_format", "postgres://user:password@host:port/database")
    .with("part", part)
    .stage("postgres")
}

/// All but letters, digits and `-._~`.
const SIGNS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SIGNS).to_string()
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
    }

    #[test]
    fn secrets_are_left_out_wherever_they_stand_and_the_rest_leads_to_the_same_server() {
        for (address, kept) in [
            ("u:hunter2@h:5433/d?sslmode=require", "u@h:5433/d?sslmode=require"),
            ("u@h/d?password=hunter2&connect_timeout=3", "u@h:5432/d?connect_timeout=3"),
            ("u@h/d?pass%77ord=hunter2", "u@h:5432/d"),
            ("u:p?hunter2@h/d", "u@h:5432/d"),
            ("u:p?password=hunter2&x@h/d", "u@h:5432/d"),
            ("u:hunter2/:?#&=%40@h/d", "u@h:5432/d"),
            ("u:hunter2%3Fa@[::1]:99,b:98/d%20e", "u@[::1]:99,b:98/d%20e"),
            ("u:hunter2@/d?host=%2Fvar%2Frun", "u@%2Fvar%2Frun:5432/d"),
            ("u:x@h/d?options=-c%20app.key%3Dhunter2&application_name=hunter2", "u@h:5432/d"),
            ("?host=h&user=u&dbname=d&port=7&password=hunter2", "u@h:7/d"),
        ] {
            let url = Url::parse(&Secret::new(format!("postgresql://{address}"))).unwrap();
            let (stored, left_out) = url.without_secrets();
            assert_eq!((stored.as_str(), left_out), (format!("postgres://{kept}").as_str(), true), "{address}");
            assert!(!format!("{stored} {}", url.shown).contains("hunter2"), "{address}: {stored}, {}", url.shown);
            assert_eq!(stored_address(&Secret::new(&stored)).unwrap(), (stored, false), "{address}");
        }
    }

    #[test]
    fn what_would_show_a_part_of_a_password_as_something_else_is_refused_without_showing_it() {
        for wrong in [
            "host=x user=u password=hunter2",
            "host=x user=u password=hunter2@y",
            "postgres://ana:hunter2@h/db?sslmode=always",
            "postgres://ana:hunter2@h:port/db",
            "postgres://ana:x@hunter2@h/db",
            "postgres://ana:x@hunter2/y@h/db",
            "postgres://ana:x@y?hunter2@h/db",
            "postgres://ana:x@hunter 2/db",
            "postgres://h/d?user=ana&password=x@hunter2",
            "postgres://10.0.0.1:5432/d?user=ana&password=x@hunter2",
            "postgres://ana:hunter2",
            "postgres://ana:hunter2/db",
            "postgres://ana:hunter2%FF@h/d?sslrootcert=%FF",
            "postgres://:hunter2@h/d",
            "postgres://ana:hunter2@a,b,c/d?port=1,2",
            "postgres://ana:hunter2@a,b/d?hostaddr=127.0.0.1",
        ] {
            let error = Url::parse(&Secret::new(wrong)).err().unwrap_or_else(|| panic!("{wrong}"));
            assert_eq!(error.code(), Code::InvalidParams);
            assert!(!format!("{error} {error:?} {}", error.to_json()).contains("hunter"), "{wrong}: {error:?}");
        }
    }

    #[test]
    fn two_addresses_of_one_database_are_one_place() {
        let place = |address: &str| Url::parse(&Secret::new(address)).unwrap().database();
        assert_eq!(place("postgres://a:x@h/d"), place("postgresql://b:y@h:5432/d?connect_timeout=1"));
        assert_eq!(place("postgres://d:x@h"), place("postgres://b:y@h/d"));
        assert_ne!(place("postgres://a:x@h/d"), place("postgres://a:x@h/e"));
    }
}
