//! TLS by rustls, and how far a certificate is believed.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::{Trust, Url};
use crate::base::{Code, Error, Result, text};

pub(super) fn connector(url: &Url) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal(format!("TLS: {error}")))?;
    let chain = match url.trust {
        Trust::VerifyFull => {
            let config = builder.with_root_certificates(roots(url)?).with_no_client_auth();
            return Ok(MakeRustlsConnect::new(named(config, url)));
        }
        Trust::VerifyCa => Some(
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots(url)?), provider.clone())
                .build()
                .map_err(|error| unreadable(url, &error.to_string()))?,
        ),
        Trust::Disable | Trust::Prefer | Trust::Require => None,
    };
    let verifier = Arc::new(AnyName { chain, provider });
    let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(MakeRustlsConnect::new(named(config, url)))
}

/// TLS from the first byte must say what it is for.
fn named(mut config: ClientConfig, url: &Url) -> ClientConfig {
    if url.direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    config
}

fn roots(url: &Url) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    match &url.root {
        Some(path) => {
            let certificates = CertificateDer::pem_file_iter(path)
                .and_then(|list| list.collect::<std::result::Result<Vec<_>, _>>())
                .map_err(|error| unreadable(url, &error.to_string()))?;
            store.add_parsable_certificates(certificates);
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() {
        return Err(unreadable(url, "0"));
    }
    Ok(store)
}

fn unreadable(url: &Url, why: &str) -> Error {
    let path = url.root.as_ref().map_or_else(|| "system".into(), |path| path.display().to_string());
    Error::new(
        Code::InvalidParams,
        text!(
            "Nenhum certificado de autoridade em {path}; diga o arquivo PEM por `sslrootcert`",
            "No authority's certificate in {path} ({why}); name the PEM file by `sslrootcert`"
        ),
    )
    .with("cause", "tls_no_roots")
    .stage("postgres")
}

/// Less than `verify-full`, as libpq has it: the name does not count, and without a chain to check anybody's certificate
/// will do. Whoever presents it must hold its key all the same.
#[derive(Debug)]
struct AnyName {
    /// `verify-ca` has one; `prefer` and `require` have none.
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
