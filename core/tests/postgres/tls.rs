//! R17: what a certificate must be for the connection to be made, and what is said when it is not.

use datasus::Code;
use datasus::sink::postgres::Mode;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::authority::{Authority, authority};
use crate::server::{PASSWORD, Server};
use crate::*;

/// Certificate and key for `name`.
fn certificate(authority: &Authority, name: &str, expired: bool) -> (String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if expired {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, &authority.issuer).unwrap().pem(), key.serialize_pem())
}

#[test]
fn only_a_certificate_of_the_right_name_age_and_authority_is_believed() {
    canary::listen();
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let server = Server::start("");
    let ca = server.private_file("ca.pem", &ours.pem);
    let shown_ca = ca.display().to_string();
    let present = |(certificate, key): (String, String)| {
        let certificate = server.private_file("server.pem", &certificate);
        let key = server.private_file("server.key", &key);
        server.psql(&format!("ALTER SYSTEM SET ssl_cert_file = '{}'", certificate.display()));
        server.psql(&format!("ALTER SYSTEM SET ssl_key_file = '{}'", key.display()));
        server.psql("ALTER SYSTEM SET ssl = on");
        server.reload();
        assert_eq!(server.psql("SHOW ssl"), [["on"]]);
    };
    let mut table = 0;
    let mut attempt = |host: &str, query: &str| {
        let url = format!("postgres://postgres:{PASSWORD}@{host}:{}/postgres?{query}", server.port);
        let (_folder, client) = client_at(&url);
        table += 1;
        load(&client, &january(), to(&format!("tls.t{table}"), Mode::Create)).map_err(|error| {
            assert_eq!(error.code(), Code::CredentialsRefused, "{error:?}");
            assert!(!error.retryable());
            error.diagnostic()["cause"].as_str().unwrap_or_default().to_owned()
        })
    };
    let full = format!("sslmode=verify-full&sslrootcert={shown_ca}");
    let of_ca = format!("sslmode=verify-ca&sslrootcert={shown_ca}");

    // Before it offers TLS at all: no downgrade to plaintext.
    assert_eq!(attempt("localhost", &full).unwrap_err(), "tls_not_offered");
    assert_eq!(attempt("localhost", "sslmode=require").unwrap_err(), "tls_not_offered");

    present(certificate(&ours, "localhost", false));
    attempt("localhost", &full).unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM tls.t3"), [["40"]]);
    assert_eq!(attempt("127.0.0.1", &full).unwrap_err(), "tls_wrong_name");
    attempt("127.0.0.1", &of_ca).unwrap();
    attempt("127.0.0.1", "sslmode=require").unwrap();
    // Without the file, the system's authorities count, and ours is not one of them.
    assert_eq!(attempt("localhost", "sslmode=verify-full").unwrap_err(), "tls_unknown_ca");

    present(certificate(&ours, "localhost", true));
    assert_eq!(attempt("localhost", &full).unwrap_err(), "tls_expired");
    present(certificate(&theirs, "localhost", false));
    assert_eq!(attempt("localhost", &full).unwrap_err(), "tls_unknown_ca");
    assert_eq!(attempt("127.0.0.1", &of_ca).unwrap_err(), "tls_unknown_ca");

    let (_folder, client) = client_at(&format!(
        "postgres://postgres:{PASSWORD}@localhost:{}/postgres?sslmode=verify-full&sslrootcert=/none.pem",
        server.port
    ));
    let error = load(&client, &january(), to("tls.x", Mode::Create)).unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["cause"].as_str()), (Code::InvalidParams, Some("tls_no_roots")));
}
