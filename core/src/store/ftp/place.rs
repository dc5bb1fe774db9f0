//! `ftp://user:password@host:port/path`, taken apart.

use percent_encoding::percent_decode_str;

use crate::base::{Code, Error, Result, Secret, text};

#[derive(Debug, Clone)]
pub(super) struct Place {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Secret,
    /// The tree's root at the server, without a blank end: `/dissemin/publicos`.
    pub root: String,
    /// As it is shown.
    pub address: String,
}

impl Place {
    pub fn of(given: &str) -> Result<Self> {
        let wrong = || {
            Error::new(
                Code::InvalidParams,
                text!(
                    "O endereço não se lê; esperado ftp://servidor/pasta, como ftp://ftp.datasus.gov.br/dissemin/publicos",
                    "The address cannot be read; expected ftp://server/folder, as ftp://ftp.datasus.gov.br/dissemin/publicos"
                ),
            )
            .with("valid_examples", vec!["ftp://ftp.datasus.gov.br/dissemin/publicos"])
            .stage("source")
        };
        let rest = given.strip_prefix("ftp://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
        let decoded =
            |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(|_| wrong());
        let (user, password) = match login {
            Some(login) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                (decoded(user)?, decoded(password)?)
            }
            // What anonymous servers ask for is any address.
            None => ("anonymous".to_owned(), "anonymous@".to_owned()),
        };
        // `[::1]:2121`
        let (host, port) = match host.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((inner, "")) => (inner, None),
            Some((inner, port)) => (inner, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
            None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(21), |port| port.parse::<u16>().map_err(|_| wrong()))?;
        if host.is_empty() || host.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(wrong());
        }
        let path = decoded(path)?;
        let path = path.trim_matches('/');
        let root = if path.is_empty() { String::new() } else { format!("/{path}") };
        let shown = if port == 21 { host.to_owned() } else { format!("{host}:{port}") };
        Ok(Place {
            host: host.to_owned(),
            port,
            user,
            password: Secret::new(password),
            address: format!("ftp://{shown}{root}"),
            root,
        })
    }

    /// The whole path of one of the tree's.
    pub fn whole(&self, path: &str) -> String {
        match path.is_empty() {
            true if self.root.is_empty() => "/".to_owned(),
            true => self.root.clone(),
            false => format!("{}/{path}", self.root),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_their_passwords_never_shown() {
        let of = |text: &str| Place::of(text).unwrap();
        let place = of("ftp://ftp.datasus.gov.br/dissemin/publicos/");
        assert_eq!(
            (place.host.as_str(), place.port, place.root.as_str()),
            ("ftp.datasus.gov.br", 21, "/dissemin/publicos")
        );
        assert_eq!(place.whole("SIHSUS/200801_/Dados"), "/dissemin/publicos/SIHSUS/200801_/Dados");
        assert_eq!((place.user.as_str(), place.whole("")), ("anonymous", "/dissemin/publicos".into()));
        let place = of("ftp://ana:a%40b:c@[::1]:2121");
        assert_eq!((place.host.as_str(), place.port, place.password.reveal()), ("::1", 2121, "a@b:c"));
        assert_eq!((place.whole(""), place.whole("x.dbc")), ("/".into(), "/x.dbc".into()));
        assert!(!place.address.contains("ana") && !format!("{place:?}").contains("a@b"), "{place:?}");
        for odd in ["ftp://", "ftp:///x", "http://x/", "ftp://h:port/x", "ftp://a b/x"] {
            assert_eq!(Place::of(odd).unwrap_err().code(), Code::InvalidParams, "{odd}");
        }
    }
}
