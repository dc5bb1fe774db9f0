//! Calls of one server: which bucket, how often they are made again, and how long one waits.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ClientOptions, RetryConfig};

use super::failure::{self, Failure, Kind};
use super::service::{HEARD, Heard, Service};
use super::settings::S3Settings;
use crate::base::{Cancel, Code, Error, Result, text};
use crate::config::S3Credentials;
use crate::recovery::Retries;
use crate::store::{Location, runtime};

/// One server.
#[derive(Debug)]
pub(super) struct Client {
    pub settings: S3Settings,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Made with the first bucket: it reads the system's certificates.
    service: Option<Service>,
    buckets: HashMap<String, Arc<AmazonS3>>,
}

/// The library would show its key.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.buckets.keys()).finish()
    }
}

/// A bucket, and the key of an object in it (or of what objects begin with).
#[derive(Clone)]
pub(super) struct Place {
    pub bucket: Arc<AmazonS3>,
    pub bucket_name: String,
    pub key: Key,
}

impl Client {
    pub fn new(settings: S3Settings) -> Result<Self> {
        Ok(Client { settings: settings.settled()?, known: Mutex::default() })
    }

    /// DS-422 for what is no name of an object.
    pub fn place(&self, at: &Location) -> Result<Place> {
        let odd = || {
            Error::new(
                Code::InvalidParams,
                text!(
                    "{at} não é um lugar em S3: escreva s3://balde/pasta",
                    "{at} is no place in S3: write s3://bucket/folder"
                ),
            )
            .with("received", at.to_string())
            .with("valid_examples", vec!["s3://datasus/lake"])
        };
        let path = at.path().to_str().ok_or_else(odd)?;
        let (bucket, key) = path.trim_end_matches('/').split_once('/').unwrap_or((path.trim_end_matches('/'), ""));
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if bucket.is_empty() || !bucket.chars().all(named) {
            return Err(odd());
        }
        let key = Key::parse(key).map_err(|_| odd())?;
        Ok(Place { bucket: self.bucket(bucket)?, bucket_name: bucket.to_owned(), key })
    }

    fn bucket(&self, name: &str) -> Result<Arc<AmazonS3>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = known.buckets.get(name) {
            return Ok(bucket.clone());
        }
        let settings = &self.settings;
        let service = match &known.service {
            Some(service) => service.clone(),
            None => known.service.insert(Service::new(settings)?).clone(),
        };
        let plain = settings.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_region(settings.region())
            .with_virtual_hosted_style_request(!settings.is_path_style(name))
            .with_client_options(ClientOptions::new().with_allow_http(plain))
            .with_http_connector(service)
            // How often something is asked is for this module to say.
            .with_retry(RetryConfig { max_retries: 0, retry_timeout: Duration::ZERO, ..RetryConfig::default() });
        if let Some(endpoint) = settings.endpoint_of(name) {
            builder = builder.with_endpoint(endpoint);
        }
        builder = match (&settings.keys, settings.credentials) {
            // The library then asks the metadata service.
            (_, S3Credentials::Instance) => builder,
            (Some(keys), _) => {
                let builder =
                    builder.with_access_key_id(keys.key.reveal()).with_secret_access_key(keys.secret.reveal());
                keys.token.iter().fold(builder, |builder, token| builder.with_token(token.reveal()))
            }
            // Without this it would ask the metadata service.
            (None, _) => builder.with_skip_signature(true),
        };
        let built = Arc::new(builder.build().map_err(|error| Error::internal(format!("S3: {error}")))?);
        known.buckets.insert(name.to_owned(), built.clone());
        Ok(built)
    }

    /// What `make` gives, which is made again after a failure that may pass: three times in all. Ends with the token.
    pub fn call<T, F>(&self, cancel: &Cancel, at: &Location, make: impl Fn() -> F) -> std::result::Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        let ours = |error| Failure { error, kind: Kind::Other, again: false };
        let mut retries = Retries::default();
        loop {
            let heard = Heard::default();
            let outcome = runtime::wait(cancel, HEARD.scope(heard.clone(), make())).map_err(ours)?;
            let error = match outcome {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let said = heard.lock().unwrap_or_else(PoisonError::into_inner).take();
            let failure = failure::explain(error, said, at, &self.settings);
            if failure.again {
                tracing::debug!(%at, attempt = retries.attempts(), detail = failure.error.detail(), "a request to S3 failed");
            }
            let attempts = retries.attempts();
            if !failure.again || !retries.wait(cancel).map_err(ours)? {
                return Err(Failure { error: failure.error.with("attempts", attempts), ..failure });
            }
        }
    }
}
