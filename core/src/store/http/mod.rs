//! A tree on a web server: listed by its index pages, by a file with all paths (`?index=`), or as a bucket that lists itself; read by GET, and
//! by Range where a file goes on. TLS is verified, with an authority of one's own where it is named; proxies come from the environment.

mod index;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use flate2::write::MultiGzDecoder;
use reqwest::header::{self, HeaderMap};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};

use super::runtime;
use super::tree::{away, changed, folder_and_name, gone, lost};
use crate::base::{Cancel, Code, Error, Result, Text, masked, text};
use crate::store::{Modified, Patience, Taker, Tree, TreeEntry};

use index::Bucket;

/// Bytes that are handed on at once.
const READ: usize = 256 << 10;
/// Bytes of a listing.
const LONGEST_LISTING: usize = 256 << 20;
const MOST_REDIRECTS: usize = 5;

/// A tree of files behind an address of the web.
#[derive(Debug)]
pub struct HttpTree {
    client: Client,
    /// Ends with a slash.
    base: Url,
    address: String,
    /// The file with all paths, below the base.
    index: Option<String>,
    patience: Patience,
    form: Mutex<Form>,
}

/// How it lists, once that is known.
#[derive(Debug, Clone)]
enum Form {
    Unknown,
    Bucket,
    Pages,
    /// All paths, and when they were read.
    Paths(Instant, Arc<BTreeMap<String, Vec<TreeEntry>>>),
}

impl HttpTree {
    /// `https://host/base/`, or `https://host/base/?index=files.txt`. `authority`: a PEM file beside those that the system trusts.
    pub fn open(given: &str, authority: Option<&Path>, patience: Patience) -> Result<Self> {
        // A parser takes a third slash for a slip, and the folder behind it for the host.
        let has_host = |url: &Url| url.has_host() && !given.contains(":///");
        let mut base = Url::parse(given).ok().filter(has_host).ok_or_else(|| unreadable_address(given))?;
        let index = base.query_pairs().find(|(key, _)| key == "index").map(|(_, value)| value.into_owned());
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("datasus/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience.connect)
            .read_timeout(patience.silent)
            .redirect(redirect::Policy::custom(redirected));
        if let Some(path) = authority {
            let pem = std::fs::read(path).map_err(|error| Error::io(error, path).stage("source"))?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| no_authority(path, &error))?;
            builder = certificates.into_iter().fold(builder, |builder, one| builder.add_root_certificate(one));
        }
        let client = builder.build().map_err(|error| Error::internal(format!("HTTP: {error}")))?;
        let mut shown = base.clone();
        // A file of paths is another way to the same tree.
        let _ = (shown.set_username(""), shown.set_password(None));
        Ok(HttpTree { client, base, address: shown.to_string(), index, patience, form: Mutex::new(Form::Unknown) })
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/').filter(|part| !part.is_empty()));
        }
        url
    }

    fn folder_url(&self, folder: &str) -> Url {
        let mut url = self.url(folder);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        url
    }

    fn send(&self, request: RequestBuilder, cancel: &Cancel) -> Result<Response> {
        // What comes is what lies there: sizes are those of the file.
        let request = request.header(header::ACCEPT_ENCODING, "identity");
        let sent = runtime::wait(cancel, async move { request.send().await })?;
        sent.map_err(|error| self.broken(&error))
    }

    /// A body that is a listing; an error for what is refused.
    fn text(&self, url: Url, path: &str, cancel: &Cancel) -> Result<String> {
        let response = self.send(self.client.get(url), cancel)?;
        self.expect(&response, path)?;
        let mut bytes = Body::of(response);
        let mut all = Vec::new();
        while let Some(read) = bytes.next(self, cancel)? {
            all.extend(&read);
            if all.len() > LONGEST_LISTING {
                return Err(self.not_a_listing(path));
            }
        }
        Ok(String::from_utf8(all).unwrap_or_else(|odd| odd.as_bytes().iter().map(|byte| char::from(*byte)).collect()))
    }

    fn expect(&self, response: &Response, path: &str) -> Result<()> {
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let (address, said) = (&self.address, status.to_string());
        Err(match status {
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => gone(address, path, &said),
            StatusCode::PRECONDITION_FAILED => changed(address, path, 0, 0),
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

    fn broken(&self, error: &reqwest::Error) -> Error {
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

    fn not_a_listing(&self, folder: &str) -> Error {
        let address = &self.address;
        lost(text!(
            "{address} não lista a pasta {folder}: a resposta não é um índice nem a lista de um bucket. Diga uma lista de caminhos no endereço, com ?index=",
            "{address} does not list the folder {folder}: its answer is no index and no listing of a bucket. Name a file of paths in the address, by ?index="
        ))
        .with("cause", "listing")
    }

    fn form(&self) -> std::sync::MutexGuard<'_, Form> {
        self.form.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_bucket(&self, folder: &str, cancel: &Cancel) -> Result<Option<Vec<TreeEntry>>> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let (mut all, mut token): (Vec<TreeEntry>, Option<String>) = (Vec::new(), None);
        loop {
            let mut url = self.base.clone();
            url.query_pairs_mut()
                .append_pair("list-type", "2")
                .append_pair("delimiter", "/")
                .append_pair("prefix", &prefix);
            if let Some(token) = &token {
                url.query_pairs_mut().append_pair("continuation-token", token);
            }
            let Some(mut page) = Bucket::of(&self.text(url, folder, cancel)?) else { return Ok(None) };
            token = page.next_continuation_token.take();
            all.extend(page.entries(&prefix));
            if token.is_none() {
                return Ok(Some(all));
            }
        }
    }

    fn of_page(&self, folder: &str, cancel: &Cancel) -> Result<Vec<TreeEntry>> {
        let url = self.folder_url(folder);
        let page = self.text(url.clone(), folder, cancel)?;
        index::of_page(&page, &url).ok_or_else(|| self.not_a_listing(folder))
    }

    /// Of all paths those in `folder`; they are read once for the folders of one query.
    fn of_paths(&self, at: &str, folder: &str, cancel: &Cancel) -> Result<Vec<TreeEntry>> {
        let mut form = self.form();
        let known = match &*form {
            Form::Paths(since, paths) if since.elapsed() < self.patience.silent => Some(paths.clone()),
            _ => None,
        };
        let paths = match known {
            Some(paths) => paths,
            None => {
                let url = self.base.join(at).map_err(|_| unreadable_address(at))?;
                let read = Arc::new(index::of_paths(&self.text(url, at, cancel)?));
                *form = Form::Paths(Instant::now(), read.clone());
                read
            }
        };
        paths.get(folder).cloned().ok_or_else(|| gone(&self.address, folder, at))
    }
}

impl Tree for HttpTree {
    fn address(&self) -> &str {
        &self.address
    }

    fn list(&self, folder: &str, cancel: &Cancel) -> Result<Vec<TreeEntry>> {
        if let Some(at) = &self.index {
            return self.of_paths(at, folder, cancel);
        }
        let form = self.form().clone();
        if !matches!(form, Form::Pages) {
            let listed = match self.of_bucket(folder, cancel) {
                Err(error) if error.code() == Code::NotFound && !matches!(form, Form::Bucket) => None,
                listed => listed?,
            };
            if let Some(entries) = listed {
                *self.form() = Form::Bucket;
                return Ok(entries);
            }
        }
        let entries = self.of_page(folder, cancel)?;
        *self.form() = Form::Pages;
        Ok(entries)
    }

    fn stat(&self, path: &str, cancel: &Cancel) -> Result<TreeEntry> {
        let response = self.send(self.client.request(Method::HEAD, self.url(path)), cancel)?;
        self.expect(&response, path)?;
        let headers = response.headers();
        // Of a body that is packed on its way the length is that of the packed one.
        let packed = headers.contains_key(header::CONTENT_ENCODING);
        let size = said(headers, header::CONTENT_LENGTH).filter(|_| !packed).and_then(|size| size.parse().ok());
        let time =
            said(headers, header::LAST_MODIFIED).and_then(|time| chrono::DateTime::parse_from_rfc2822(time).ok());
        let ns = time.and_then(|time| time.timestamp_nanos_opt());
        Ok(TreeEntry {
            name: folder_and_name(path).1.to_owned(),
            folder: false,
            size,
            modified: ns.map(|ns| Modified { ns, day_only: false }),
            tag: said(headers, header::ETAG).map(str::to_owned),
        })
    }

    fn fetch(&self, path: &str, listed: &TreeEntry, have: u64, to: &mut dyn Taker, cancel: &Cancel) -> Result<()> {
        let mut request = self.client.get(self.url(path));
        // A weak tag is of what means the same, and not of the same bytes.
        let strong = listed.tag.as_deref().filter(|tag| !tag.starts_with("W/"));
        let have = if strong.is_some() { have } else { 0 };
        if let Some(tag) = strong.filter(|_| have > 0) {
            request = request.header(header::RANGE, format!("bytes={have}-")).header(header::IF_RANGE, tag);
        }
        let response = self.send(request, cancel)?;
        self.expect(&response, path)?;
        let headers = response.headers().clone();
        let packed = said(&headers, header::CONTENT_ENCODING).is_some_and(|way| way.eq_ignore_ascii_case("gzip"));
        let found = said(&headers, header::ETAG);
        if let (Some(listed), Some(found)) = (strong, found.filter(|tag| !tag.starts_with("W/")))
            && listed != found
        {
            return Err(changed(&self.address, path, 0, 0));
        }
        let from = match response.status() {
            StatusCode::PARTIAL_CONTENT => match range_begin(&headers) {
                Some(from) if from == have => from,
                _ => return Err(self.not_the_range(path)),
            },
            _ => 0,
        };
        let length: Option<u64> = said(&headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        if let (Some(size), Some(length), false) = (listed.size, length, packed)
            && size != from + length
        {
            return Err(changed(&self.address, path, size, from + length));
        }
        to.begin(from)?;
        let mut body = Body::of(response);
        if !packed {
            while let Some(bytes) = body.next(self, cancel)? {
                to.take(&bytes)?;
            }
            return Ok(());
        }
        let mut unpacked = MultiGzDecoder::new(Unpacked { to, refused: None });
        while let Some(bytes) = body.next(self, cancel)? {
            if let Err(error) = unpacked.write_all(&bytes) {
                let refused = unpacked.get_mut().refused.take();
                return Err(refused.unwrap_or_else(|| self.not_packed(path, &error)));
            }
        }
        unpacked.try_finish().map_err(|error| self.not_packed(path, &error))
    }
}

impl HttpTree {
    fn not_the_range(&self, path: &str) -> Error {
        let address = &self.address;
        lost(text!(
            "{address} mandou outro pedaço de {path} que o pedido",
            "{address} sent another part of {path} than it was asked for"
        ))
    }

    fn not_packed(&self, path: &str, error: &std::io::Error) -> Error {
        let address = &self.address;
        lost(text!(
            "{path} veio de {address} comprimido, e não se descomprime",
            "{path} came from {address} packed, and cannot be unpacked"
        ))
        .with("gzip_message", error.to_string())
    }
}

/// The bytes of an answer, some hundred kilobytes at a time.
struct Body(Option<Response>);

impl Body {
    fn of(response: Response) -> Self {
        Body(Some(response))
    }

    fn next(&mut self, tree: &HttpTree, cancel: &Cancel) -> Result<Option<Vec<u8>>> {
        let Some(mut response) = self.0.take() else { return Ok(None) };
        let (response, read) = runtime::wait(cancel, async move {
            let mut all = Vec::new();
            loop {
                match response.chunk().await {
                    Ok(Some(bytes)) => all.extend_from_slice(&bytes),
                    Ok(None) => return (None, Ok(all)),
                    // What came before counts: the file goes on behind it.
                    Err(error) if all.is_empty() => return (None, Err(error)),
                    Err(_) => return (Some(response), Ok(all)),
                }
                if all.len() >= READ {
                    return (Some(response), Ok(all));
                }
            }
        })?;
        self.0 = response;
        let read = read.map_err(|error| tree.broken(&error))?;
        Ok((!read.is_empty() || self.0.is_some()).then_some(read))
    }
}

/// Takes what was unpacked.
struct Unpacked<'t> {
    to: &'t mut dyn Taker,
    refused: Option<Error>,
}

impl Write for Unpacked<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.to.take(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.refused = Some(error);
                Err(std::io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn said(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// `bytes 100-199/200`
fn range_begin(headers: &HeaderMap) -> Option<u64> {
    said(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// A few steps, never from TLS to none, and never to an address that only this machine's own network knows, but for its own.
fn redirected(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let (to, from) = (attempt.url(), attempt.previous().last());
    let same_host = from.is_some_and(|from| from.host() == to.host());
    let downgraded = from.is_some_and(|from| from.scheme() == "https") && to.scheme() != "https";
    if attempt.previous().len() > MOST_REDIRECTS || downgraded || (!same_host && is_internal(to)) {
        return attempt.error("refused");
    }
    attempt.follow()
}

/// Literal addresses of the machine itself and of the link, where clouds tell secrets.
fn is_internal(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => {
            ip.is_loopback() || ip.is_link_local() || ip.is_private() || ip.is_unspecified()
        }
        Ok(std::net::IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local() || ip.is_unspecified()
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn unreadable_address(given: &str) -> Error {
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

fn no_authority(path: &Path, error: &reqwest::Error) -> Error {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_with_a_slash_and_show_no_password() {
        let of = |given: &str| HttpTree::open(given, None, Patience::default()).unwrap();
        let tree = of("https://ana:segredo@espelho.exemplo/base?index=listas/tudo.txt");
        assert_eq!((tree.address(), tree.index.as_deref()), ("https://espelho.exemplo/base/", Some("listas/tudo.txt")));
        assert_eq!(tree.url("SIM/a b#c.dbc").path(), "/base/SIM/a%20b%23c.dbc");
        assert_eq!(tree.folder_url("").path(), "/base/");
        for odd in ["https://", "https:///x", "https://h:port/"] {
            assert_eq!(
                HttpTree::open(odd, None, Patience::default()).unwrap_err().code(),
                Code::InvalidParams,
                "{odd}"
            );
        }
    }

    #[test]
    fn nobody_is_sent_to_this_machines_own_network() {
        for (url, internal) in [
            ("http://169.254.169.254/latest", true),
            ("http://localhost/x", true),
            ("http://10.0.0.1/x", true),
            ("http://[::1]/x", true),
            ("https://espelho.exemplo/x", false),
            ("https://8.8.8.8/x", false),
        ] {
            assert_eq!(is_internal(&Url::parse(url).unwrap()), internal, "{url}");
        }
    }
}
