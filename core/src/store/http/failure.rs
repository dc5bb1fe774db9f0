//! What a web server refuses, and what breaks on the way: which of it is worth another try, and what there is to do.

use std::path::Path;

use reqwest::{Response, StatusCode};

use super::HttpTree;
use crate::base::{Code, Error, Result, Text, masked, text};
use crate::store::tree::{away, changed, gone, lost};

impl HttpTree {
    /// An error for an answer that is none of success.
    pub(super) fn check(&self, response: &Response, path: &str) -> Result<()> {
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let (address, said) = (&self.address, status.to_string());
        Err(match status {
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => gone(address, path, &said),
            StatusCode::PRECONDITION_FAILED => changed(address, path, None),
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => Error::new(
                Code::CredentialsRefused,
                text!(
                    "{address} recusou o usuário ou a senha (\"{said}\"); confira-os no endereço",
                    "{address} refused the user or the password (\"{said}\"); check them in the address"
                ),
            )
            .stage("download"),
            status if status.is_server_error() || matches!(status.as_u16(), 408 | 416 | 425 | 429) => lost(text!(
                "{address} não atende agora (\"{said}\"); tente de novo mais tarde",
                "{address} does not serve now (\"{said}\"); try again later"
            ))
            .with("server_reply", said),
            _ => Error::new(
                Code::Unreachable,
                text!(
                    "{address} recusou o que lhe foi pedido (\"{said}\")",
                    "{address} refused what it was asked (\"{said}\")"
                ),
            )
            .with("server_reply", said)
            .stage("download"),
        })
    }

    pub(super) fn broken(&self, error: &reqwest::Error) -> Error {
        let mut why = masked(&error.to_string()).into_owned();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            why = format!("{why}: {inner}");
            source = inner.source();
        }
        let address = &self.address;
        if why.contains("certificate") || why.contains("UnknownIssuer") {
            return Error::new(
                Code::Unreachable,
                text!(
                    "O certificado de {address} não é confiável aqui; se a autoridade é da sua rede, diga o arquivo PEM dela em `ca` (DATASUS_CA)",
                    "The certificate of {address} is not trusted here; if its authority is your network's own, name its PEM file by `ca` (DATASUS_CA)"
                ),
            )
            .with("cause", "tls")
            .with("tls_message", why)
            .stage("download");
        }
        if error.is_redirect() {
            return Error::new(
                Code::Unreachable,
                text!(
                    "{address} manda a outro endereço que não se aceita",
                    "{address} sends to another address that is not accepted"
                ),
            )
            .with("cause", "redirect")
            .with("http_message", why)
            .stage("download");
        }
        let words = match error.is_timeout() {
            true => text!("não houve resposta a tempo", "there was no answer in time"),
            false => text!("a conexão falhou", "the connection failed"),
        };
        if error.is_connect() {
            return away(address, words, self.patience.connect.as_secs_f64()).with("http_message", why);
        }
        let Text { pt, en } = words;
        let cause = if error.is_timeout() { "stalled" } else { "broken" };
        lost(text!(
            "A transferência de {address} parou: {pt}; tente de novo mais tarde",
            "The transfer from {address} stopped: {en}; try again later"
        ))
        .with("cause", cause)
        .with("http_message", why)
    }

    pub(super) fn not_a_listing(&self, folder: &str) -> Error {
        let address = &self.address;
        lost(text!(
            "{address} não lista a pasta {folder}: a resposta não é um índice nem a lista de um bucket. Diga uma lista de caminhos no endereço, com ?index=",
            "{address} does not list the folder {folder}: its answer is no index and no listing of a bucket. Name a file of paths in the address, by ?index="
        ))
        .with("cause", "listing")
    }

    pub(super) fn no_paths(&self, at: &str) -> Error {
        let address = &self.address;
        lost(text!(
            "{at}, de {address}, não é uma lista de caminhos: veio uma página, ou nada. Confira o que o endereço diz em ?index=",
            "{at} of {address} is no file of paths: a page came, or nothing. Check what the address says in ?index="
        ))
        .with("cause", "listing")
    }

    /// DS-403: a listing is refused, of which nobody can tell what it would say.
    pub(super) fn no_listing(&self, folder: &str) -> Error {
        let address = &self.address;
        Error::new(
            Code::Forbidden,
            text!(
                "{address} não deixa listar a pasta \"{folder}\" (403): ela pode ter arquivos. Confira o endereço e as permissões, ou diga uma lista de caminhos, com ?index=",
                "{address} does not let the folder \"{folder}\" be listed (403): it may have files. Check the address and the permissions, or name a file of paths, by ?index="
            ),
        )
        .with("server_reply", "403 Forbidden")
        .stage("download")
    }

    pub(super) fn not_the_range(&self, path: &str) -> Error {
        let address = &self.address;
        lost(text!(
            "{address} mandou outro pedaço de {path} que o pedido",
            "{address} sent another part of {path} than it was asked for"
        ))
    }

    pub(super) fn not_packed(&self, path: &str, error: &std::io::Error) -> Error {
        let address = &self.address;
        lost(text!(
            "{path} veio de {address} comprimido, e não se descomprime",
            "{path} came from {address} packed, and cannot be unpacked"
        ))
        .with("gzip_message", error.to_string())
    }
}

pub(super) fn unreadable_address(given: &str) -> Error {
    let shown = masked(given).into_owned();
    Error::new(
        Code::InvalidParams,
        text!(
            "O endereço {shown} não se lê; esperado https://servidor/pasta/",
            "The address {shown} cannot be read; expected https://server/folder/"
        ),
    )
    .with("valid_examples", vec!["https://espelho.exemplo/dissemin/publicos/"])
    .stage("source")
}

pub(super) fn no_authority(path: &Path, error: &reqwest::Error) -> Error {
    let path = path.display();
    Error::new(
        Code::InvalidParams,
        text!(
            "Nenhum certificado de autoridade em {path}; diga um arquivo PEM",
            "No authority's certificate in {path}; name a PEM file"
        ),
    )
    .with("tls_message", error.to_string())
    .stage("source")
}
