//! How Redis is asked.

use std::time::Duration;

use crate::base::{Code, Error, Result, Secret, text};
use crate::config::Config;

/// How Redis is asked.
pub struct RedisSettings {
    pub client: ::redis::Client,
    pub ttl: Duration,
    /// Of the keyed hash of values.
    pub secret: Option<Secret>,
    /// Of zstd.
    pub level: i32,
}

impl RedisSettings {
    /// DS-422 where the address cannot be one, or the file of certificates cannot be read.
    pub fn of(config: &Config, url: &Secret) -> Result<Self> {
        let certificates = match &config.redis_ca {
            None => None,
            Some(path) => Some(std::fs::read(path).map_err(|error| Error::io(error, path).stage("config"))?),
        };
        let open = |url: &str| match certificates {
            None => ::redis::Client::open(url),
            Some(root) => ::redis::Client::build_with_tls(
                url,
                ::redis::TlsCertificates { client_tls: None, root_cert: Some(root) },
            ),
        };
        let is_one = ["redis://", "rediss://"].iter().any(|scheme| url.reveal().starts_with(scheme));
        // What is wrong with it is not said: it may hold a password.
        let client = is_one.then(|| open(url.reveal()).ok()).flatten().ok_or_else(|| {
            Error::new(
                Code::InvalidParams,
                text!(
                    "Configuração inválida: `redis` deve ser um endereço como redis://servidor:6379/0, ou rediss:// com TLS",
                    "Invalid configuration: `redis` must be an address as redis://server:6379/0, or rediss:// with TLS"
                ),
            )
            .with("expected_format", "redis://server:6379/0")
            .stage("config")
        })?;
        Ok(RedisSettings {
            client,
            ttl: Duration::from_secs_f64(config.redis_ttl),
            secret: config.redis_secret.clone(),
            level: config.redis_level.unwrap_or(config.cache_level),
        })
    }
}
