//! The HTTP client below the object store library: it goes where it is sent and nowhere else (no redirect is followed), and notes
//! what a server said when it refused, which the library keeps to itself.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService};
use reqwest::{Certificate, Client, Proxy, redirect};

use super::keys::wrong;
use super::settings::S3Settings;
use crate::base::{Error, Result, text};

const CONNECT: Duration = Duration::from_secs(5);
/// Of what a server says when it refuses.
const MOST_SAID: usize = 64 << 10;

/// What a server said when it refused.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    pub status: u16,
    /// `SlowDown`, `NoSuchBucket`, ...; empty where it said none.
    pub code: String,
    pub region: Option<String>,
    /// Its clock.
    pub date: Option<String>,
}

/// The last refusal of the requests of one call.
pub(super) type Heard = Arc<Mutex<Option<Said>>>;

tokio::task_local! {
    /// Of the call that this task works at.
    pub(super) static HEARD: Heard;
}

#[derive(Debug, Clone)]
pub(super) struct Service(Client);

impl Service {
    pub fn new(settings: &S3Settings) -> Result<Self> {
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(settings.timeout)
            .user_agent(concat!("datasus/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = &settings.ca {
            let pem = std::fs::read(ca).map_err(|error| Error::io(error, ca).stage("config"))?;
            let found = Certificate::from_pem_bundle(&pem).ok().filter(|found| !found.is_empty());
            let shown = ca.display();
            let certificates = found.ok_or_else(|| {
                wrong(text!(
                    "`s3_ca` ({shown}) não tem certificados em PEM",
                    "`s3_ca` ({shown}) has no certificates in PEM"
                ))
            })?;
            builder = certificates.into_iter().fold(builder, |builder, one| builder.add_root_certificate(one));
        }
        if let Some(proxy) = &settings.proxy {
            // Its own words would show the password.
            let proxy = Proxy::all(proxy.reveal()).map_err(|_| {
                wrong(text!(
                    "`s3_proxy` não é um endereço como http://proxy.exemplo:3128",
                    "`s3_proxy` is no address like http://proxy.example:3128"
                ))
            })?;
            builder = builder.proxy(proxy);
        }
        builder.build().map(Service).map_err(Error::internal)
    }
}

impl HttpConnector for Service {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl HttpService for Service {
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = std::result::Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let response = HttpService::call(&self.0, request).await?;
            match response.status().as_u16() {
                200..300 | 304 => Ok(response),
                status => noted(status, response).await,
            }
        })
    }
}

/// The same response, whose body was read.
async fn noted(status: u16, response: HttpResponse) -> std::result::Result<HttpResponse, HttpError> {
    let (parts, body) = response.into_parts();
    let (mut bytes, mut pieces) = (Vec::new(), body.bytes_stream());
    while let Some(piece) = pieces.next().await.filter(|_| bytes.len() < MOST_SAID) {
        bytes.extend_from_slice(&piece?);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let said = Said {
        status,
        code: between(&text, "Code").unwrap_or_default().to_owned(),
        region: header("x-amz-bucket-region").or_else(|| between(&text, "Region").map(str::to_owned)),
        date: header("date"),
    };
    // Outside of a call nobody listens.
    let _ = HEARD.try_with(|heard| *heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(said));
    Ok(HttpResponse::from_parts(parts, bytes.into()))
}

/// What stands in the first element of this name.
fn between<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(value, _)| value)
}
