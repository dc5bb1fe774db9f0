//! A connection to Redis that is made when it is needed, and given up when it fails. Of a cluster it goes where it is sent (MOVED, ASK),
//! by the same password and, where the address has it, the same TLS.

use std::collections::HashMap;
use std::time::Duration;

use redis::{Client, Cmd, Connection, ConnectionAddr, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind};

use super::redis_failure::Failure;
use crate::base::is_metadata_host;

/// To connect, and for each answer. Longer than a job waits, so that a connection that came late serves the next.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_millis(200);
/// Where a question is sent before it is given up.
const TURNS: usize = 3;
/// Of a cluster; one that names more is not listened to.
const NODES: usize = 64;

pub(crate) struct Line {
    client: Client,
    answer: Duration,
    /// By `host:port`; that of the settings has no name.
    nodes: HashMap<Option<String>, Connection>,
    /// Which node holds a slot, where that is not the one of the settings.
    moved: HashMap<u16, String>,
}

impl Line {
    pub fn new(client: Client) -> Self {
        Line::patient(client, ANSWER)
    }

    pub fn patient(client: Client, answer: Duration) -> Self {
        Line { client, answer, nodes: HashMap::new(), moved: HashMap::new() }
    }

    /// To the node of the settings.
    pub fn open(&mut self) -> Result<(), Failure> {
        self.node(None).map(drop)
    }

    fn node(&mut self, name: Option<&String>) -> Result<&mut Connection, Failure> {
        let name = name.cloned();
        if !self.nodes.contains_key(&name) {
            let client = match &name {
                None => self.client.clone(),
                Some(name) => elsewhere(&self.client, name).ok_or(Failure::Refused)?,
            };
            let made = client.get_connection_with_timeout(CONNECT).and_then(|made| {
                made.set_read_timeout(Some(self.answer))?;
                made.set_write_timeout(Some(self.answer))?;
                Ok(made)
            });
            if self.nodes.len() >= NODES {
                self.nodes.clear();
            }
            self.nodes.insert(name.clone(), made.map_err(|error| Failure::of(&error))?);
        }
        self.nodes.get_mut(&name).ok_or(Failure::Unreachable)
    }

    /// Asks the node that holds `key`.
    pub fn ask<T: FromRedisValue>(&mut self, key: &str, command: &Cmd) -> Result<T, Failure> {
        let slot = slot(key);
        let mut node = self.moved.get(&slot).cloned();
        let mut asking = false;
        for _ in 0..TURNS {
            let answer = self.node(node.as_ref()).map(|connection| asked(connection, asking, command));
            match answer {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => match error.redirect_node() {
                    Some((to, _)) => {
                        asking = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
                        let to = to.to_owned();
                        // ASK is of this question alone.
                        if !asking {
                            self.moved.insert(slot, to.clone());
                        }
                        node = Some(to);
                    }
                    None => {
                        let failure = Failure::of(&error);
                        if failure != Failure::Refused {
                            // An answer that comes late would be taken for that of the next question.
                            self.forget(node);
                        }
                        return Err(failure);
                    }
                },
                Err(failure) => {
                    self.forget(node);
                    return Err(failure);
                }
            }
        }
        Err(Failure::Refused)
    }

    /// The node of the settings says where its slots are now.
    fn forget(&mut self, node: Option<String>) {
        self.nodes.remove(&node);
        self.moved.retain(|_, to| Some(&*to) != node.as_ref());
    }
}

fn asked<T: FromRedisValue>(connection: &mut Connection, asking: bool, command: &Cmd) -> RedisResult<T> {
    if asking {
        redis::cmd("ASKING").query::<()>(connection)?;
    }
    command.query(connection)
}

/// The same at `host:port`; a node that has no name of its own is at the host that was asked. None: it is no address, or one at which
/// this machine's own keys are given out, to which no password goes on anyone's word.
fn elsewhere(client: &Client, name: &str) -> Option<Client> {
    let info = client.get_connection_info();
    let (to, port) = name.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let own = match info.addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
        _ => return None,
    };
    if is_metadata_host(to) && to != own {
        return None;
    }
    let to = |own: &String| if to.is_empty() { own.clone() } else { to.trim_matches(['[', ']']).to_owned() };
    let addr = match info.addr() {
        ConnectionAddr::Tcp(host, _) => ConnectionAddr::Tcp(to(host), port),
        ConnectionAddr::TcpTls { host, insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host: to(host), port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => return None,
    };
    Client::open(info.clone().set_addr(addr)).ok()
}

/// Of a cluster's 16,384, by CRC-16 (XMODEM) of what stands in braces.
fn slot(key: &str) -> u16 {
    let tagged = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let tag = tagged.filter(|tag| !tag.is_empty()).unwrap_or(key);
    let sum = tag.bytes().fold(0u16, |sum, byte| {
        (0..8).fold(
            sum ^ (u16::from(byte) << 8),
            |sum, _| {
                if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 }
            },
        )
    });
    sum % 16_384
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_slot_that_redis_says() {
        // CLUSTER KEYSLOT of Redis 7.
        assert_eq!(
            (slot("foo"), slot("123456789"), slot("a{foo}b"), slot("{}foo") == slot("foo")),
            (12182, 12739, 12182, false)
        );
        let client = Client::open("redis://:secret@first:6379/0").unwrap();
        let addr = |name: &str| elsewhere(&client, name).map(|client| client.get_connection_info().addr().to_string());
        assert_eq!(addr("10.0.0.2:7001").as_deref(), Some("10.0.0.2:7001"));
        assert_eq!((addr(":7001").as_deref(), addr("nowhere")), (Some("first:7001"), None));
        // Where a cloud's machine asks for its keys the password does not go.
        for name in ["169.254.169.254:80", "[fe80::1]:7001", "fd00:ec2::254:80", "metadata.google.internal:80"] {
            assert_eq!(addr(name), None, "{name}");
        }
        let own = Client::open("redis://169.254.1.1:6379/0").unwrap();
        assert!(elsewhere(&own, "169.254.1.1:7001").is_some(), "which the settings name themselves");
    }
}
