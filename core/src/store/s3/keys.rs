//! What lets one in.

use crate::base::{Code, Error, Secret, Text, text};

/// A key, and its session's token where it is a temporary one.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The access key.
    pub key: Secret,
    /// What it signs with.
    pub secret: Secret,
    /// Of the session, where it is a temporary one.
    pub token: Option<Secret>,
}

/// DS-422 for a setting.
pub(super) fn wrong(said: Text) -> Error {
    let (pt, en) = (said.pt, said.en);
    Error::new(Code::InvalidParams, text!("Configuração inválida: {pt}", "Invalid configuration: {en}")).stage("config")
}
