//! Where a cluster listens: `sc://host:15002/;use_ssl=true;token=...`, as Spark writes it.

use percent_encoding::percent_decode_str;

use crate::base::{Code, Error, Result, Secret, Text, text};

/// Spark's own.
const PORT: u16 = 15_002;

/// The parts of an address.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Address {
    /// As it stands in a URI: an IPv6 in brackets.
    pub host: String,
    pub port: u16,
    pub tls: bool,
    pub token: Option<Secret>,
    /// Whom the server takes us for.
    pub user: String,
    /// What a server behind others asks for, by name (`x-...`).
    pub headers: Vec<(String, Secret)>,
}

impl Address {
    /// DS-422 for what is none. No error shows more of it than the names of its parameters.
    pub fn parse(given: &Secret) -> Result<Self> {
        let rest = given.reveal().trim().strip_prefix("sc://").ok_or_else(|| {
            wrong(text!("esperado um endereço `sc://servidor:15002`", "expected an address `sc://server:15002`"))
        })?;
        let (authority, parameters) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host_and_port(authority)?;
        let loopback = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        let mut address = Address { host, port, tls: false, token: None, user: "datasus".into(), headers: Vec::new() };
        for parameter in parameters.split(';').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            let name = name.to_ascii_lowercase();
            match (name.as_str(), value.as_str()) {
                ("use_ssl", "true") => address.tls = true,
                ("use_ssl", "false") => address.tls = false,
                ("token", token) if is_visible(token) => address.token = Some(Secret::new(token)),
                ("user_id", user) if is_visible(user) => address.user = user.to_owned(),
                (header, value) if is_header(header) && is_visible(value) => {
                    address.headers.push((header.to_owned(), Secret::new(value)));
                }
                ("use_ssl" | "token" | "user_id", _) => {
                    return Err(wrong(text!(
                        "o valor de `{name}` não serve; exemplo: `/;use_ssl=true;token=...`",
                        "the value of `{name}` will not do; example: `/;use_ssl=true;token=...`"
                    )));
                }
                _ => {
                    return Err(wrong(text!(
                        "depois do servidor vêm, com `;` entre eles, `use_ssl=true`, `token=...`, `user_id=...` e cabeçalhos `x-...`",
                        "behind the server stand, with `;` between them, `use_ssl=true`, `token=...`, `user_id=...` and headers `x-...`"
                    )));
                }
            }
        }
        if !address.tls && !loopback && (address.token.is_some() || !address.headers.is_empty()) {
            return Err(wrong(text!(
                "um token sem TLS seria lido por quem estiver no caminho; acrescente `use_ssl=true`",
                "a token without TLS could be read by anyone on the way; add `use_ssl=true`"
            )));
        }
        Ok(address)
    }

    /// What may be shown of it.
    pub fn shown(&self) -> String {
        format!("sc://{}:{}", self.host, self.port)
    }

    pub fn uri(&self) -> String {
        format!("{}://{}:{}", if self.tls { "https" } else { "http" }, self.host, self.port)
    }
}

fn host_and_port(authority: &str) -> Result<(String, u16)> {
    let (host, port) = match authority.rfind(']') {
        Some(end) => (&authority[..=end], authority[end + 1..].strip_prefix(':')),
        None => authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(PORT), str::parse).ok().filter(|port| *port != 0);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    match port {
        Some(port) if !host.is_empty() && host.chars().all(plain) => Ok((host.to_ascii_lowercase(), port)),
        _ => Err(wrong(text!(
            "esperado `sc://servidor:15002`, com o nome ou o número de um servidor e uma porta",
            "expected `sc://server:15002`, with the name or number of a server and a port"
        ))),
    }
}

fn is_header(name: &str) -> bool {
    name.starts_with("x-") && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether it can stand in a header.
fn is_visible(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn wrong(why: Text) -> Error {
    let Text { pt, en } = why;
    Error::new(
        Code::InvalidParams,
        text!("Configuração inválida: `engine`: {pt}", "Invalid configuration: `engine`: {en}"),
    )
    .with("valid_examples", vec!["sc://localhost:15002", "sc://spark.example:443/;use_ssl=true;token=..."])
    .stage("config")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(given: &str) -> Result<Address> {
        Address::parse(&Secret::new(given))
    }

    #[test]
    fn an_address_is_read_as_spark_reads_it() {
        let plain = parse("sc://LocalHost").unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.tls), ("localhost", 15_002, false));
        let whole = parse("sc://spark.example:443/;use_ssl=true;token=a%2Fb;user_id=ana;x-cluster-id=c1").unwrap();
        assert_eq!((whole.uri().as_str(), whole.user.as_str()), ("https://spark.example:443", "ana"));
        assert_eq!(whole.token.as_ref().map(Secret::reveal), Some("a/b"));
        assert_eq!((whole.headers[0].0.as_str(), whole.headers[0].1.reveal()), ("x-cluster-id", "c1"));
        assert_eq!(parse("sc://[::1]:7").unwrap().uri(), "http://[::1]:7");
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_secret_is_said() {
        for given in [
            "http://h:1",
            "sc://",
            "sc://h:x",
            "sc://h:0",
            "sc://u:CANARY@h:1",
            "sc://h:1/path;token=CANARY",
            "sc://h:1/;use_ssl=maybe;token=CANARY",
            "sc://h:1/;token=CANARY",
            "sc://h:1/;x-key=CANARY",
            "sc://h:1/;use_ssl=true;token=CANARY%0a",
        ] {
            let error = parse(given).unwrap_err();
            assert_eq!(error.code(), Code::InvalidParams, "{given}");
            assert!(!format!("{error:?} {error} {:?}", error.diagnostic()).contains("CANARY"), "{given}: {error}");
        }
        assert!(!format!("{:?}", parse("sc://localhost/;token=CANARY").unwrap()).contains("CANARY"));
    }
}
