//! What stands in an address: read once, and the driver is told the parts and never the text.
//!
//! It is cut as libpq and the driver cut it: what stands before the first `@` is user and password, whatever it holds.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, LoadBalanceHosts, TargetSessionAttrs};

use super::url::{Trust, malformed};
use crate::base::{Result, Secret};

pub(super) struct Address {
    /// Who, where and with which password.
    pub config: Config,
    pub trust: Trust,
    /// PEM of the authorities; none: those of the system.
    pub root: Option<PathBuf>,
    pub owners: Vec<String>,
    /// TLS from the first byte.
    pub direct: bool,
    /// The parameters that may be seen.
    pub kept: Vec<(String, String)>,
}

/// Parameters that hold no secret and say how to get to the server; user, hosts, ports and database have their places.
const KEPT: [&str; 14] = [
    "datasus_owner",
    "sslmode",
    "sslrootcert",
    "sslnegotiation",
    "channel_binding",
    "hostaddr",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "load_balance_hosts",
];

/// Seconds that one may be told to wait: eleven days.
const LONGEST: u64 = 1_000_000;
const PORT: u16 = 5432;

impl Address {
    pub(super) fn read(secret: &Secret) -> Result<Self> {
        let text = secret.reveal();
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let rest = rest.ok_or_else(|| malformed("postgres://"))?;
        let (login, rest) = rest.split_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
        refuse_what_ends_in_another_place(login, place)?;
        let mut read = Address {
            config: Config::new(),
            trust: Trust::Prefer,
            root: None,
            owners: Vec::new(),
            direct: false,
            kept: Vec::new(),
        };
        if let Some(login) = login {
            let (user, password) = login.split_once(':').map_or((login, None), |(user, word)| (user, Some(word)));
            read.config.user(decoded(user)?);
            if let Some(password) = password {
                let password: Vec<u8> = percent_decode_str(password).collect();
                if password.contains(&0) {
                    return Err(malformed("%00"));
                }
                read.config.password(password);
            }
        }
        if !hosts.is_empty() {
            hosts.split(',').try_for_each(|host| read.authority(host))?;
        }
        if !database.is_empty() {
            read.config.dbname(decoded(database)?);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| malformed("url"))?;
            read.parameter(decoded(key)?, decoded(value)?)?;
        }
        Ok(read)
    }

    /// `name`, `name:port`, `[address]:port`.
    fn authority(&mut self, text: &str) -> Result<()> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(|| malformed("host"))?;
                let port = rest.strip_prefix(':');
                if port.is_none() && !rest.is_empty() {
                    return Err(malformed("host"));
                }
                (host, port)
            }
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        self.host(&decoded(host)?)?;
        self.port(&port.map_or_else(|| Ok(String::new()), decoded)?)
    }

    fn host(&mut self, host: &str) -> Result<()> {
        // Anything else is a part of the password, which nobody may see as a host.
        let of_host = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
        #[cfg(unix)]
        if host.starts_with('/') {
            self.config.host_path(host);
            return Ok(());
        }
        if host.is_empty() || !host.chars().all(of_host) {
            return Err(malformed("host"));
        }
        self.config.host(host);
        Ok(())
    }

    fn port(&mut self, port: &str) -> Result<()> {
        let port = if port.is_empty() { PORT } else { port.parse().map_err(|_| malformed("port"))? };
        self.config.port(port);
        Ok(())
    }

    fn parameter(&mut self, key: String, value: String) -> Result<()> {
        let config = &mut self.config;
        match (key.as_str(), value.as_str()) {
            ("user", user) => _ = config.user(user),
            ("password", password) => _ = config.password(password),
            ("dbname", name) => _ = config.dbname(name),
            ("options", options) => _ = config.options(options),
            ("application_name", name) => _ = config.application_name(name),
            ("host", hosts) => hosts.split(',').try_for_each(|host| self.host(host))?,
            ("port", ports) => ports.split(',').try_for_each(|port| self.port(port))?,
            ("hostaddr", addresses) => {
                for address in addresses.split(',') {
                    config.hostaddr(address.parse().map_err(|_| malformed("hostaddr"))?);
                }
            }
            ("datasus_owner", roles) => self.owners.extend(roles.split(',').map(|role| role.trim().to_owned())),
            ("sslrootcert", "system") => self.root = None,
            ("sslrootcert", path) => self.root = Some(PathBuf::from(path)),
            ("sslmode", "disable") => self.trust = Trust::Disable,
            ("sslmode", "prefer" | "allow") => self.trust = Trust::Prefer,
            ("sslmode", "require") => self.trust = Trust::Require,
            ("sslmode", "verify-ca") => self.trust = Trust::VerifyCa,
            ("sslmode", "verify-full") => self.trust = Trust::VerifyFull,
            ("sslnegotiation", "postgres") => self.direct = false,
            ("sslnegotiation", "direct") => self.direct = true,
            ("channel_binding", "disable") => _ = config.channel_binding(ChannelBinding::Disable),
            ("channel_binding", "prefer") => _ = config.channel_binding(ChannelBinding::Prefer),
            ("channel_binding", "require") => _ = config.channel_binding(ChannelBinding::Require),
            ("target_session_attrs", "any") => _ = config.target_session_attrs(TargetSessionAttrs::Any),
            ("target_session_attrs", "read-write") => _ = config.target_session_attrs(TargetSessionAttrs::ReadWrite),
            ("target_session_attrs", "read-only") => _ = config.target_session_attrs(TargetSessionAttrs::ReadOnly),
            ("load_balance_hosts", "disable") => _ = config.load_balance_hosts(LoadBalanceHosts::Disable),
            ("load_balance_hosts", "random") => _ = config.load_balance_hosts(LoadBalanceHosts::Random),
            ("keepalives", on) => _ = config.keepalives(whole(on, "keepalives")? != 0),
            ("keepalives_retries", count) => {
                let count = u32::try_from(whole(count, "keepalives_retries")?);
                config.keepalives_retries(count.map_err(|_| malformed("keepalives_retries"))?);
            }
            ("connect_timeout", time) => _ = seconds(time, "connect_timeout")?.map(|time| config.connect_timeout(time)),
            ("tcp_user_timeout", time) => {
                _ = seconds(time, "tcp_user_timeout")?.map(|time| config.tcp_user_timeout(time));
            }
            ("keepalives_idle", time) => _ = seconds(time, "keepalives_idle")?.map(|time| config.keepalives_idle(time)),
            ("keepalives_interval", time) => {
                _ = seconds(time, "keepalives_interval")?.map(|time| config.keepalives_interval(time));
            }
            // Of a key that nobody knows nothing is shown.
            (key, _) => return Err(malformed(KEPT.iter().find(|kept| **kept == key).unwrap_or(&"url"))),
        }
        if KEPT.contains(&key.as_str()) {
            self.kept.push((key, value));
        }
        Ok(())
    }
}

/// A sign of the password that was not encoded would move the end of what nobody may see.
fn refuse_what_ends_in_another_place(login: Option<&str>, place: &str) -> Result<()> {
    let user = login.map_or("", |login| login.split(':').next().unwrap_or_default());
    // So would one in a parameter: what seems the user is the host, and the password begins with its port.
    let port = login.and_then(|login| login.split_once(':')?.1.split_once('/'));
    let is_place = port.is_some_and(|(port, rest)| {
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && rest.contains('?') && rest.contains('=')
    });
    if user.contains(['/', '?', '#', '&', '=']) || place.contains('@') || is_place {
        return Err(malformed("user:password"));
    }
    Ok(())
}

fn whole(text: &str, part: &str) -> Result<u64> {
    text.parse().map_err(|_| malformed(part))
}

/// None: as if nothing was said.
fn seconds(text: &str, part: &str) -> Result<Option<Duration>> {
    match text.parse::<i64>().map(u64::try_from) {
        Ok(Ok(seconds)) if seconds > LONGEST => Err(malformed(part)),
        Ok(Ok(seconds)) => Ok((seconds > 0).then(|| Duration::from_secs(seconds))),
        // Below nothing; libpq takes it for nothing, too.
        Ok(Err(_)) => Ok(None),
        Err(_) => Err(malformed(part)),
    }
}

fn decoded(text: &str) -> Result<String> {
    let read: String = percent_decode_str(text).decode_utf8().map_err(|_| malformed("UTF-8"))?.into();
    // The protocol's texts end with it.
    if read.contains('\0') { Err(malformed("%00")) } else { Ok(read) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> Result<Address> {
        Address::read(&Secret::new(format!("postgres://{address}")))
    }

    #[test]
    fn the_driver_is_told_what_it_would_have_read_itself() {
        for address in [
            "u:p@h/d",
            "u:p%40ss@h:99/d",
            "u:p:?/#&=%3F@h",
            "u:p%FF@h",
            "u%40x:@h:/",
            "u@[::1]:7,b:8,c/d%20e",
            "u:x@%2Fvar%2Frun:5433/d",
            "h?user=u",
            "?user=u&p%61ssword=p%26&dbname=d%2F&host=%2Ftmp&port=1",
            "u@a,b?port=&hostaddr=127.0.0.1,::1&options=-c%20a%3Db&application_name=x",
            "u@h?channel_binding=require&target_session_attrs=read-write&load_balance_hosts=random",
            "u@h?channel_binding=disable&target_session_attrs=read-only&load_balance_hosts=disable",
            "u@h?keepalives=0&keepalives_idle=3&keepalives_interval=4&keepalives_retries=5",
            "u@h?connect_timeout=7&tcp_user_timeout=8&keepalives=1",
            "u@h?connect_timeout=0&tcp_user_timeout=-8&password=a%3Db=c",
        ] {
            let theirs: Config = format!("postgres://{address}").parse().unwrap();
            assert!(read(address).unwrap().config == theirs, "{address}");
        }
    }

    #[test]
    fn what_no_server_can_be_told_is_refused_by_its_name() {
        for (address, part) in [
            ("u@h:65536", "port"),
            ("u@h?port=-1", "port"),
            ("u@[::1", "host"),
            ("u@[::1]x", "host"),
            ("u@a,,b", "host"),
            ("u@h?hostaddr=h", "hostaddr"),
            ("u@h?connect_timeout=9223372036854775807", "connect_timeout"),
            ("u@h?tcp_user_timeout=x", "tcp_user_timeout"),
            ("u@h?keepalives_retries=4294967296", "keepalives_retries"),
            ("u@h?sslmode=yes", "sslmode"),
            ("u@h?target_session_attrs=primary", "target_session_attrs"),
            ("u@h?unknown=1", "url"),
            ("u@h?password", "url"),
            ("u%00@h", "%00"),
            ("u:p%00@h", "%00"),
            ("u@h?options=%00", "%00"),
        ] {
            let error = read(address).err().unwrap_or_else(|| panic!("{address}"));
            assert_eq!(error.diagnostic()["part"], part, "{address}");
        }
    }
}
