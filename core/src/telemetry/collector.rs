//! Where spans go: an address that speaks OTLP over HTTP, in JSON.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};
use serde_json::Value;

use crate::base::{Cancel, Code, Error, Result, Secret, text};
use crate::store::runtime;

/// For one request, however far it has come.
const PATIENCE: Duration = Duration::from_secs(10);

const ADDRESS: &str = "DATASUS_OTLP";

/// Whether the environment names a collector.
pub fn is_asked_for() -> bool {
    std::env::var_os(ADDRESS).is_some_and(|said| !said.is_empty())
}

/// A collector, and who sends to it.
#[derive(Debug, Clone)]
pub struct Collector {
    url: Url,
    service: String,
    headers: HeaderMap,
}

impl Collector {
    /// `http://host:4318`, or with a path of its own; `/v1/traces` is behind it.
    pub fn at(base: &str) -> Result<Self> {
        let has_host = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let mut url = Url::parse(base).ok().filter(has_host).ok_or_else(|| no_address(base))?;
        let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Collector { url, service: "datasus".to_owned(), headers: HeaderMap::new() })
    }

    /// The name under which the process is found (`service.name`); `datasus` where none is given.
    #[must_use]
    pub fn service(self, name: &str) -> Self {
        Collector { service: name.to_owned(), ..self }
    }

    /// A header of each request, such as a token; it is shown nowhere.
    pub fn header(mut self, name: &str, value: &Secret) -> Result<Self> {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| no_header())?;
        let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| no_header())?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// By `DATASUS_OTLP`, and OpenTelemetry's own `OTEL_SERVICE_NAME` and `OTEL_EXPORTER_OTLP_HEADERS` (`name=value,…`). None where it is
    /// not set.
    pub fn of_environment() -> Result<Option<Self>> {
        Collector::of(|name| std::env::var(name).ok().filter(|said| !said.is_empty()))
    }

    pub(super) fn of(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let Some(base) = get(ADDRESS) else { return Ok(None) };
        let mut collector = Collector::at(&base)?;
        if let Some(name) = get("OTEL_SERVICE_NAME") {
            collector = collector.service(&name);
        }
        for pair in
            get("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default().split(',').filter(|pair| !pair.trim().is_empty())
        {
            let (name, value) = pair.split_once('=').ok_or_else(no_header)?;
            let value = percent_decode_str(value.trim()).decode_utf8().map_err(|_| no_header())?;
            collector = collector.header(name.trim(), &Secret::new(&*value))?;
        }
        Ok(Some(collector))
    }

    pub(super) fn name(&self) -> &str {
        &self.service
    }

    /// Its address without user and password.
    pub(super) fn shown(&self) -> String {
        let mut url = self.url.clone();
        let _ = (url.set_username(""), url.set_password(None));
        url.set_query(None);
        url.to_string()
    }

    /// What speaks to it. A redirect is refused: a header may be a token.
    pub(super) fn client(&self) -> Result<Client> {
        let built = Client::builder()
            .user_agent(concat!("datasus/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .default_headers(self.headers.clone())
            .timeout(PATIENCE)
            .build();
        built.map_err(|error| Error::internal(format!("HTTP: {error}")))
    }

    /// One request; the status, or why there was none.
    pub(super) fn post(&self, client: &Client, body: &Value) -> std::result::Result<u16, String> {
        let request = client.post(self.url.clone()).header("content-type", "application/json").body(body.to_string());
        let sent = runtime::wait(&Cancel::default(), async move { request.send().await });
        match sent.map_err(|error| error.detail().to_owned())? {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) => Err(error.without_url().to_string()),
        }
    }
}

fn no_address(given: &str) -> Error {
    let given = crate::base::masked(given).into_owned();
    Error::new(
        Code::InvalidParams,
        text!(
            "DATASUS_OTLP: esperado o endereço de um coletor, por exemplo http://127.0.0.1:4318; recebido {given}",
            "DATASUS_OTLP: expected the address of a collector, for example http://127.0.0.1:4318; got {given}"
        ),
    )
    .stage("config")
}

fn no_header() -> Error {
    Error::new(
        Code::InvalidParams,
        text!(
            "OTEL_EXPORTER_OTLP_HEADERS: esperado nome=valor,nome=valor, com o valor codificado como em um endereço",
            "OTEL_EXPORTER_OTLP_HEADERS: expected name=value,name=value, with the value encoded as in an address"
        ),
    )
    .stage("config")
}
