//! A tree on a web server: listed by its index pages, by a file with all paths (`?index=`), or as a bucket that lists itself; read by GET, and
//! by Range where a file goes on. TLS is verified, with an authority of one's own where it is named; proxies come from the environment.

mod body;
mod failure;
mod index;
mod redirects;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use flate2::write::MultiGzDecoder;
use reqwest::header::{self, HeaderMap};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};

use super::runtime;
use super::tree::{changed, folder_and_name, gone};
use crate::base::{Cancel, Code, Error, Result};
use crate::store::{Modified, Patience, Taker, Tree, TreeEntry};

use body::{Body, Unpacked};
use failure::{no_authority, unreadable_address};
use index::Bucket;
use redirects::redirected;

/// Bytes of a listing.
const LONGEST_LISTING: usize = 256 << 20;

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
        self.check(&response, path)?;
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
        self.check(&response, path)?;
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
        self.check(&response, path)?;
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

fn said(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// `bytes 100-199/200`
fn range_begin(headers: &HeaderMap) -> Option<u64> {
    said(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
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
}
