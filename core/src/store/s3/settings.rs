//! What a client knows of an S3 server: where it is, and by which keys it lets one in. All of it comes from the application.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::keys::{Keys, wrong};
use super::profile;
use crate::base::{Code, Error, Result, Secret, is_metadata_host, refuse_address, text};
use crate::config::{Config, S3Credentials};

/// Settings of [`S3`](super::S3), as the keys `s3_*` of [`Config`] say them.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// `http` or `https`, host and port; none: Amazon's.
    pub endpoint: Option<String>,
    /// None: the profile's, or `us-east-1`.
    pub region: Option<String>,
    /// Whether the bucket stands in the path; none: where there is an endpoint.
    pub path_style: Option<bool>,
    /// None: the profile's, or requests are not signed.
    pub keys: Option<Keys>,
    /// Of Amazon's file of keys.
    pub profile: Option<String>,
    /// Whether the keys are the machine's.
    pub credentials: S3Credentials,
    /// Certificates of a private authority, in PEM.
    pub ca: Option<PathBuf>,
    /// Of all requests.
    pub proxy: Option<Secret>,
    /// How long a server may be silent.
    pub timeout: Duration,
    /// Folder in which uploads are noted until they are done, so that another process ends those of one that was killed.
    pub notes: Option<PathBuf>,
}

impl Default for S3Settings {
    fn default() -> Self {
        S3Settings {
            endpoint: None,
            region: None,
            path_style: None,
            keys: None,
            profile: None,
            credentials: S3Credentials::Keys,
            ca: None,
            proxy: None,
            timeout: Duration::from_secs(30),
            notes: None,
        }
    }
}

impl S3Settings {
    /// DS-422 where half of a key is given.
    pub fn of(config: &Config, notes: Option<PathBuf>) -> Result<Self> {
        let keys = match (&config.s3_key, &config.s3_secret) {
            (Some(key), Some(secret)) => {
                Some(Keys { key: key.clone(), secret: secret.clone(), token: config.s3_token.clone() })
            }
            (None, None) => None,
            (key, _) => {
                let (given, missing) = if key.is_some() { ("s3_key", "s3_secret") } else { ("s3_secret", "s3_key") };
                return Err(wrong(text!(
                    "`{given}` foi dado sem `{missing}`: uma chave são as duas partes",
                    "`{given}` was given without `{missing}`: a key is both"
                )));
            }
        };
        Ok(S3Settings {
            endpoint: config.s3_endpoint.clone(),
            region: config.s3_region.clone(),
            path_style: config.s3_path_style,
            keys,
            profile: config.s3_profile.clone(),
            credentials: config.s3_credentials,
            ca: config.s3_ca.clone().or_else(|| config.ca.clone()),
            proxy: config.s3_proxy.clone(),
            timeout: Duration::from_secs_f64(config.s3_timeout),
            notes,
        })
    }

    /// The same with what the profile says; DS-422 and DS-403 for what cannot be, or must not.
    pub(super) fn settled(mut self) -> Result<Self> {
        if let Some(endpoint) = &self.endpoint {
            refuse_address(endpoint).map_err(|error| error.stage("config"))?;
            let url = Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            let Some(url) = url.filter(|url| url.has_host() && matches!(url.path(), "" | "/") && url.query().is_none())
            else {
                return Err(wrong(text!(
                    "`s3_endpoint` deve ser um endereço como https://minio.exemplo:9000, sem balde nem pasta",
                    "`s3_endpoint` must be an address like https://minio.example:9000, without bucket or folder"
                ))
                .with("received", endpoint.as_str()));
            };
            refuse_metadata(&url)?;
            self.endpoint = Some(endpoint.trim_end_matches('/').to_owned());
        }
        if let (Some(name), S3Credentials::Keys, None) = (&self.profile, self.credentials, &self.keys) {
            let found = profile::read(name)?;
            self.region = self.region.or(found.region);
            self.keys = Some(found.keys);
        }
        Ok(self)
    }

    pub(super) fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("us-east-1")
    }

    /// Whether buckets stand in the path. A dot in a bucket's name is in no certificate.
    pub(super) fn is_path_style(&self, bucket: &str) -> bool {
        self.path_style.unwrap_or(self.endpoint.is_some() || bucket.contains('.'))
    }

    /// Where requests for `bucket` go, as the library takes it; none: Amazon's.
    pub(super) fn endpoint_of(&self, bucket: &str) -> Option<String> {
        let endpoint = self.endpoint.as_ref()?;
        match self.is_path_style(bucket) {
            true => Some(endpoint.clone()),
            false => Some(endpoint.replacen("://", &format!("://{bucket}."), 1)),
        }
    }

    /// For people.
    pub(super) fn server(&self) -> String {
        self.endpoint.clone().unwrap_or_else(|| format!("Amazon S3 ({})", self.region()))
    }
}

/// DS-403: addresses at which a machine's own keys are given out are no server of objects.
fn refuse_metadata(url: &Url) -> Result<()> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.').to_lowercase();
    match is_metadata_host(&host) {
        false => Ok(()),
        true => Err(Error::new(
            Code::Forbidden,
            text!(
                "`s3_endpoint` aponta para o serviço de metadados desta máquina ({host}), que não guarda objetos; indique o servidor S3",
                "`s3_endpoint` points at this machine's metadata service ({host}), which holds no objects; name the S3 server"
            ),
        )
        .with("received", host)
        .stage("config")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(endpoint: &str) -> Result<S3Settings> {
        S3Settings { endpoint: Some(endpoint.into()), ..Default::default() }.settled()
    }

    #[test]
    fn an_endpoint_is_a_server_and_never_the_machines_metadata_service() {
        for good in ["http://127.0.0.1:9000", "https://minio.saude.example/", "http://[::1]:8333"] {
            assert!(at(good).is_ok(), "{good}");
        }
        for metadata in [
            "http://169.254.169.254",
            "http://169.254.170.2:80/",
            "http://[fd00:ec2::254]",
            "http://[fe80::1]:80",
            "http://[::ffff:169.254.169.254]",
            "http://metadata.google.internal.",
            "http://100.100.100.200",
            // As some resolvers read it.
            "http://2852039166",
        ] {
            assert_eq!(at(metadata).unwrap_err().code(), Code::Forbidden, "{metadata}");
        }
        for odd in ["minio:9000", "ftp://minio", "https://minio/balde", "http://", "https://m/?x=1"] {
            assert_eq!(at(odd).unwrap_err().code(), Code::InvalidParams, "{odd}");
        }
        let login = at("https://ana:CANARY@minio").unwrap_err();
        assert!(login.code() == Code::InvalidParams && !format!("{login:?}").contains("CANARY"), "{login}");
    }

    #[test]
    fn a_bucket_stands_in_the_path_or_in_the_name() {
        let of = |path_style| S3Settings { path_style, ..at("https://minio:9000").unwrap() };
        assert_eq!(of(None).endpoint_of("balde").as_deref(), Some("https://minio:9000"));
        assert_eq!(of(Some(false)).endpoint_of("balde").as_deref(), Some("https://balde.minio:9000"));
        let amazon = S3Settings::default();
        assert!(amazon.endpoint_of("balde").is_none() && !amazon.is_path_style("balde") && amazon.is_path_style("a.b"));
    }

    #[test]
    fn half_a_key_is_refused_and_no_key_is_shown() {
        let config = Config { s3_key: Some(Secret::new("CANARY")), ..Config::default() };
        let error = S3Settings::of(&config, None).unwrap_err();
        assert!(error.detail().contains("s3_secret"), "{error}");
        let whole = Config { s3_secret: Some(Secret::new("CANARY-2")), ..config };
        let settings = S3Settings::of(&whole, None).unwrap();
        assert!(!format!("{settings:?}{whole:?}").contains("CANARY"));
    }
}
