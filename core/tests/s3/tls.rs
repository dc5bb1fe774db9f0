//! A server behind TLS: the authority that is named is trusted, any other is not; and no key is in any log, at its most talkative.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use datasus::store::Store;
use datasus::{Code, Config, Secret};
use rustls::{ServerConnection, StreamOwned};

use crate::at;
use crate::authority::{Authority, authority};
use crate::logged::{listen, logged};
use crate::proxy::header;
use crate::server::{SECRET, config, shared, store};
use crate::tls_server::tls_of;

/// TLS before the server of this port, by a certificate of `authority` for 127.0.0.1; one request a connection. Gives its port.
fn terminate(authority: &Authority, server: u16) -> u16 {
    let config = Arc::new(tls_of(authority));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let config = config.clone();
            std::thread::spawn(move || -> std::io::Result<()> {
                let mut client = StreamOwned::new(ServerConnection::new(config).unwrap(), client);
                let mut asked = Vec::new();
                let mut byte = [0];
                while !asked.ends_with(b"\r\n\r\n") && client.read(&mut byte)? == 1 {
                    asked.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&asked).into_owned();
                let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
                let mut body = vec![0; length];
                client.read_exact(&mut body)?;
                let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
                upstream.write_all(head.trim_end_matches("\r\n").as_bytes())?;
                upstream.write_all(b"\r\nconnection: close\r\n\r\n")?;
                upstream.write_all(&body)?;
                let mut answer = Vec::new();
                upstream.read_to_end(&mut answer)?;
                client.write_all(&answer)?;
                client.conn.send_close_notify();
                client.flush()
            });
        }
    });
    port
}

#[test]
fn a_private_authority_is_trusted_where_it_is_named() {
    let Some(server) = shared() else { return };
    let place = tempfile::tempdir().unwrap();
    let (right, wrong) = (authority("datasus tests"), authority("another"));
    let port = terminate(&right, server.port);
    let pem = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let of = |s3_ca| Config { s3_endpoint: Some(format!("https://127.0.0.1:{port}")), s3_ca, ..config(port) };
    let trusting = store(&of(pem("right.pem", &right.pem)));
    assert!(trusting.create(&at("s3://datasus/tls/a"), b"um".to_vec()).unwrap());
    assert_eq!(trusting.stat(&at("s3://datasus/tls/a")).unwrap().size, 2);
    for ca in [None, pem("wrong.pem", &wrong.pem)] {
        let error = store(&of(ca)).stat(&at("s3://datasus/tls/a")).unwrap_err();
        assert_eq!(
            (error.code(), error.diagnostic()["why"].as_str()),
            (Code::Unreachable, Some("certificate")),
            "{error}"
        );
        assert_eq!(error.diagnostic()["attempts"], 1, "a certificate does not become right");
    }
    let error = store(&of(pem("no.pem", "nothing"))).stat(&at("s3://datasus/tls/a")).unwrap_err();
    assert_eq!(error.code(), Code::InvalidParams, "{error}");
}

#[test]
fn no_key_is_in_a_log_an_error_or_a_debug_text() {
    let Some(server) = shared() else { return };
    listen();
    let token = "CANARY-token";
    let right = config(server.port);
    let wrong = Config {
        s3_token: Some(Secret::new(token)),
        s3_proxy: Some(Secret::new("http://ana:CANARY-proxy@127.0.0.1:1")),
        ..right.clone()
    };
    let mut told = format!("{right:?} {wrong:?} {}", serde_json::to_string(&wrong).unwrap());
    for config in [right, wrong] {
        let store = store(&config);
        told.push_str(&format!("{store:?}"));
        match store.list(&at("s3://datasus/nada")) {
            Ok(listed) => assert!(listed.found.is_empty()),
            Err(error) => {
                let source = std::error::Error::source(&error).map(|source| format!("{source} {source:?}"));
                told.push_str(&format!("{error} {error:?} {source:?}"));
            }
        }
    }
    let logged = logged();
    assert!(logged.contains("datasus"), "nothing was logged");
    for canary in [SECRET, token, "CANARY-proxy"] {
        assert!(!told.contains(canary), "{canary} is told");
        let line = logged.lines().find(|line| line.contains(canary));
        assert!(line.is_none(), "{canary} is logged: {line:?}");
    }
}
