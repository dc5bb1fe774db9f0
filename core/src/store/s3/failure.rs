//! From what a server said, or did not say, to our errors; and whether to ask once more.

use std::error::Error as _;

use object_store::client::{HttpError, HttpErrorKind};

use super::service::Said;
use super::settings::S3Settings;
use crate::base::{Cause, Code, Error, Text, text};
use crate::config::S3Credentials;
use crate::store::Location;

/// Why a call has failed, for who called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is no such object.
    Missing,
    /// There is one, and there was to be none.
    Exists,
    Other,
}

pub(super) struct Failure {
    pub error: Error,
    pub kind: Kind,
    /// The cause may be past when it is asked once more.
    pub again: bool,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

pub(super) fn explain(error: object_store::Error, said: Option<Said>, at: &Location, settings: &S3Settings) -> Failure {
    let server = settings.server();
    let failed = match said {
        Some(said) => refused(said, at, settings, &server),
        None => broken(&error, at, settings, &server),
    };
    let Failure { error: made, kind, again } = failed;
    let made = made.with("server", server).file(at.to_string()).because(Why(error.to_string()));
    Failure { error: made, kind, again }
}

/// What the library says, which holds the request's address and no key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Why(String);

fn refused(said: Said, at: &Location, settings: &S3Settings, server: &str) -> Failure {
    let Said { status, code, region, date } = said;
    let bucket = at.path().iter().next().unwrap_or_default().to_string_lossy().into_owned();
    let named = if code.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status} {code}") };
    let no_keys = settings.keys.is_none() && settings.credentials == S3Credentials::Keys;
    let (pt, en) = match no_keys {
        true => (
            "; nenhuma chave foi dada: veja s3_key e s3_secret, ou s3_profile",
            "; no key was given: see s3_key and s3_secret, or s3_profile",
        ),
        false => ("", ""),
    };
    let (kind, again, number, detail) = match (status, code.as_str()) {
        (_, "RequestTimeTooSkewed") => {
            let theirs = date.as_deref().unwrap_or("?");
            let ours = chrono::Utc::now().to_rfc2822();
            let detail = text!(
                "{server} recusou o pedido porque os relógios divergem: o dele marca {theirs}, o desta máquina {ours}; acerte o relógio (NTP)",
                "{server} refused the request because the clocks differ: its own says {theirs}, this machine's {ours}; set the clock (NTP)"
            );
            (Kind::Other, false, Code::CredentialsRefused, detail)
        }
        (401, _)
        | (
            _,
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "InvalidSecurity",
        ) => (
            Kind::Other,
            false,
            Code::CredentialsRefused,
            text!(
                "{server} recusou a chave ao acessar {at} ({named}){pt}; confira s3_key, s3_secret e s3_token",
                "{server} refused the key for {at} ({named}){en}; check s3_key, s3_secret and s3_token"
            ),
        ),
        (301 | 307 | 308, _)
        | (_, "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            let region = region.unwrap_or_else(|| "?".into());
            let detail = text!(
                "O balde {bucket} não está neste servidor ou região ({named}); região indicada por {server}: {region}. Ajuste s3_region ou s3_endpoint: desvios não são seguidos",
                "Bucket {bucket} is not at this server or region ({named}); region named by {server}: {region}. Set s3_region or s3_endpoint: redirects are not followed"
            );
            (Kind::Other, false, Code::InvalidParams, detail)
        }
        (_, "NoSuchBucket") => (
            Kind::Other,
            false,
            Code::NotFound,
            text!(
                "{server} não tem o balde {bucket}; confira o nome, ou crie-o",
                "{server} has no bucket {bucket}; check its name, or create it"
            ),
        ),
        (404, _) => (
            Kind::Missing,
            false,
            Code::NotFound,
            text!("{at} não existe em {server}; confira o caminho", "{at} does not exist at {server}; check the path"),
        ),
        (403, _) => (
            Kind::Other,
            false,
            Code::Forbidden,
            text!(
                "{server} não permite acessar {at} ({named}){pt}; confira as permissões da chave",
                "{server} does not allow access to {at} ({named}){en}; check the key's permissions"
            ),
        ),
        (409, _) => (Kind::Other, true, Code::Unreachable, busy(server, at, &named)),
        (412, _) => (
            Kind::Exists,
            false,
            Code::Unreachable,
            text!(
                "{at} mudou durante a leitura; repita a consulta",
                "{at} changed while it was read; run the query again"
            ),
        ),
        (416, _) => (
            Kind::Other,
            false,
            Code::Unreachable,
            text!(
                "{at} ficou menor durante a leitura; repita a consulta",
                "{at} became shorter while it was read; run the query again"
            ),
        ),
        (507, _) | (_, "QuotaExceeded" | "XMinioStorageFull") => (
            Kind::Other,
            false,
            Code::DiskFull,
            text!(
                "{server} está cheio ({named}); libere espaço e repita",
                "{server} is full ({named}); free some space and try again"
            ),
        ),
        (429 | 500.., _) | (_, "RequestTimeout" | "SlowDown") => {
            (Kind::Other, true, Code::Unreachable, busy(server, at, &named))
        }
        _ => (
            Kind::Other,
            false,
            Code::Unreachable,
            text!("{server} recusou o pedido de {at} ({named})", "{server} refused the request for {at} ({named})"),
        ),
    };
    let mut error = Error::new(number, detail).with("http_status", status);
    if !code.is_empty() {
        error = error.with("s3_code", code);
    }
    if matches!(status, 412 | 416) {
        error = error.caused_by(Cause::SourceChanged);
    }
    Failure { error, kind, again }
}

fn busy(server: &str, at: &Location, named: &str) -> Text {
    text!(
        "{server} não conseguiu atender {at} ({named}); tente de novo em alguns minutos",
        "{server} could not serve {at} ({named}); try again in some minutes"
    )
}

/// Nothing came, or not all of it.
fn broken(error: &object_store::Error, at: &Location, settings: &S3Settings, server: &str) -> Failure {
    if matches!(error, object_store::Error::InvalidPath { .. } | object_store::Error::NotSupported { .. }) {
        let detail = text!(
            "O nome {at} não é aceito em S3; use partes sem barras dobradas",
            "The name {at} is not accepted in S3; use parts without doubled slashes"
        );
        return Failure { error: Error::new(Code::InvalidParams, detail), kind: Kind::Other, again: false };
    }
    let (mut kind, mut is_tls, mut source) = (None, false, error.source());
    while let Some(inner) = source {
        if let Some(http) = inner.downcast_ref::<HttpError>() {
            kind.get_or_insert(http.kind());
        }
        is_tls |= inner.is::<rustls::Error>() || inner.to_string().contains("certificate");
        source = inner.source();
    }
    let seconds = settings.timeout.as_secs_f64();
    let detail = match kind {
        _ if is_tls => text!(
            "O certificado de {server} não é confiável; indique a autoridade dele em s3_ca",
            "The certificate of {server} is not trusted; name its authority by s3_ca"
        ),
        Some(HttpErrorKind::Connect) => text!(
            "Sem conexão com {server}; confira s3_endpoint, a rede e o proxy",
            "No connection to {server}; check s3_endpoint, the network and the proxy"
        ),
        Some(HttpErrorKind::Timeout) => text!(
            "{server} ficou {seconds} s sem responder ao pedido de {at}; tente de novo, ou aumente s3_timeout",
            "{server} was silent for {seconds} s at the request for {at}; try again, or raise s3_timeout"
        ),
        _ => text!(
            "A transferência de {at} com {server} foi interrompida antes do fim; tente de novo",
            "The transfer of {at} with {server} broke off before its end; try again"
        ),
    };
    let mut error = Error::new(Code::Unreachable, detail);
    // Another place may have it; what was lost on the way may come at another attempt.
    if !is_tls && kind == Some(HttpErrorKind::Connect) {
        error = error.caused_by(Cause::SourceAway);
    }
    Failure { error: if is_tls { error.with("why", "certificate") } else { error }, kind: Kind::Other, again: !is_tls }
}
