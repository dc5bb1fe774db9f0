//! TLS before the cluster, whose server lets nobody in without its token.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use datasus::{Client, Code, Config, QueryParams, Secret};
use rustls::ServerConnection;

use crate::authority::{Authority, authority};
use crate::cluster::{TOKEN, cluster, config};
use crate::tls_server::tls_of;

/// TLS before this server, by a certificate of `authority` for 127.0.0.1. Gives its port.
fn terminate(authority: &Authority, server: String) -> u16 {
    let mut config = tls_of(authority);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (tls, server) = (ServerConnection::new(config.clone()).unwrap(), server.clone());
            std::thread::spawn(move || pass(client, tls, &server));
        }
    });
    port
}

/// Both ways at once, until either side ends.
fn pass(mut client: TcpStream, tls: ServerConnection, server: &str) -> std::io::Result<()> {
    let mut upstream = TcpStream::connect(server)?;
    let tls = Arc::new(Mutex::new(tls));
    let (mut back, mut answers, of_answers) = (client.try_clone()?, upstream.try_clone()?, tls.clone());
    std::thread::spawn(move || -> std::io::Result<()> {
        let mut bytes = [0; 16 << 10];
        loop {
            let read = answers.read(&mut bytes)?;
            let mut tls = of_answers.lock().unwrap();
            if read == 0 {
                tls.send_close_notify();
            }
            tls.writer().write_all(&bytes[..read])?;
            while tls.wants_write() {
                tls.write_tls(&mut back)?;
            }
            if read == 0 {
                return back.shutdown(Shutdown::Both);
            }
        }
    });
    let mut bytes = [0; 16 << 10];
    loop {
        let read = client.read(&mut bytes)?;
        if read == 0 {
            return upstream.shutdown(Shutdown::Both);
        }
        let (mut sent, mut plain) = (&bytes[..read], Vec::new());
        let mut tls = tls.lock().unwrap();
        while !sent.is_empty() {
            tls.read_tls(&mut sent)?;
            let state = tls.process_new_packets();
            while tls.wants_write() {
                tls.write_tls(&mut client)?;
            }
            let readable = state.map_err(std::io::Error::other)?.plaintext_bytes_to_read();
            let before = plain.len();
            plain.resize(before + readable, 0);
            tls.reader().read_exact(&mut plain[before..])?;
        }
        drop(tls);
        upstream.write_all(&plain)?;
    }
}

#[test]
fn a_cluster_behind_tls_is_asked_with_a_token_and_without_the_right_one_it_is_ds_401() {
    let Some(cluster) = cluster() else { return };
    let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::many::write(source.path(), 1, 100_000);
    let (right, other) = (authority("datasus tests"), authority("another"));
    let port = terminate(&right, cluster.bare().trim_start_matches("sc://").to_owned());
    let pem = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let ca = pem("right.pem", &right.pem);
    let ask = |address: String, ca: &Option<std::path::PathBuf>| {
        let config = Config { engine: Some(Secret::new(address)), ca: ca.clone(), ..config(place.path()) };
        let client = Client::open_with(source.path(), config).unwrap();
        let rows = client.query(&QueryParams::dataset("SIH-RD").columns(["N_AIH", "VAL_TOT"]))?.collect_batches()?;
        Ok::<usize, datasus::Error>(rows.iter().map(|batch| batch.num_rows()).sum())
    };
    let front = |rest: &str| format!("sc://127.0.0.1:{port}/;use_ssl=true{rest}");
    assert_eq!(ask(front(&format!(";token={TOKEN}")), &ca).unwrap(), 100_000);
    for address in [front(";token=CANARY-wrong"), front(""), format!("{}/;token=CANARY-wrong", cluster.bare())] {
        let error = ask(address, &ca).unwrap_err();
        assert_eq!((error.code(), error.retryable()), (Code::CredentialsRefused, false), "{error}");
        assert!(error.detail().contains("`token`"), "{error}");
        assert!(!format!("{error:?} {}", error.to_json()).contains("CANARY"), "{error}");
    }
    // Of an authority that nobody named, and one that says TLS to a server without it.
    for (address, ca) in [
        (front(&format!(";token={TOKEN}")), None),
        (front(&format!(";token={TOKEN}")), pem("other.pem", &other.pem)),
        (format!("{}/;use_ssl=true;token={TOKEN}", cluster.bare()), ca),
    ] {
        let error = ask(address, &ca).unwrap_err();
        assert_eq!(error.code(), Code::Unreachable, "{error}");
        assert!(!format!("{error:?} {}", error.to_json()).contains("CANARY"), "{error}");
    }
}
