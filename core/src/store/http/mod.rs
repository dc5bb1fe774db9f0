//! A tree on a web server: listed by its index pages, by a file with all paths (`?index=`), or as a bucket that lists itself; read by GET, and
//! by Range where a file goes on. TLS is verified, with an authority of one's own where it is named; proxies come from the environment.

mod body;
mod failure;
mod headers;
mod index;
mod redirects;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use flate2::write::MultiGzDecoder;
use reqwest::header;
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};

use super::runtime;
use super::tree::{changed, folder_and_name, gone};
use crate::base::{Cancel, Code, Error, Result};
use crate::store::{Modified, Patience, Taker, Tree, TreeEntry};

use body::{Body, Unpacked};
use failure::{no_authority, unreadable_address};
use headers::{Validator, modified, range_begin, said};
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
    /// Where the bucket is, and what stands in its keys before those of the tree.
    Bucket(Url, String),
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
        if response.status() == StatusCode::FORBIDDEN {
            return Err(self.no_listing(path));
        }
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

    /// The places where the bucket may be: the base itself, or a folder above it, where the base lies in the bucket.
    fn buckets(&self) -> Vec<(Url, String)> {
        let path = self.base.path();
        let ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at + 1).collect();
        let at = |end: &usize| {
            let mut url = self.base.clone();
            url.set_path(&path[..*end]);
            (url, index::decoded(&path[*end..]))
        };
        ends.iter().rev().map(at).collect()
    }

    fn of_bucket(
        &self,
        (bucket, before): &(Url, String),
        folder: &str,
        cancel: &Cancel,
    ) -> Result<Option<Vec<TreeEntry>>> {
        let prefix = if folder.is_empty() { before.clone() } else { format!("{before}{folder}/") };
        let (mut all, mut next): (Vec<TreeEntry>, Option<(&str, String)>) = (Vec::new(), None);
        loop {
            let mut url = bucket.clone();
            url.query_pairs_mut()
                .append_pair("list-type", "2")
                .append_pair("delimiter", "/")
                .append_pair("prefix", &prefix);
            if let Some((key, value)) = &next {
                url.query_pairs_mut().append_pair(key, value);
            }
            let Some(page) = Bucket::of(&self.text(url, folder, cancel)?) else { return Ok(None) };
            let behind = page.next();
            all.extend(page.entries(&prefix));
            match behind {
                None => break,
                // It would go round for ever.
                again if again == next => return Err(self.not_a_listing(folder)),
                _ => next = behind,
            }
        }
        // It has no folders, but for what its keys begin with.
        match all.is_empty() && !folder.is_empty() {
            true => Err(gone(&self.address, folder, "ListObjects: 0")),
            false => Ok(Some(all)),
        }
    }

    /// Asks where the bucket is, if there is one.
    fn find_bucket(&self, cancel: &Cancel) -> Result<Option<(Url, String)>> {
        for place in self.buckets() {
            match self.of_bucket(&place, "", cancel) {
                // Above the base an empty answer says nothing of it.
                Ok(Some(entries)) if place.1.is_empty() || !entries.is_empty() => return Ok(Some(place)),
                Ok(_) => {}
                Err(error) if matches!(error.code(), Code::NotFound | Code::Forbidden) => {}
                Err(error) => return Err(error),
            }
            // A base that answers as a web page is no folder of a bucket.
            if place.1.is_empty() && self.of_page("", cancel).is_ok() {
                return Ok(None);
            }
        }
        Ok(None)
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
                let text = self.text(url, at, cancel)?;
                let read = Arc::new(index::of_paths(&text).ok_or_else(|| self.no_paths(at))?);
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
        let form = match form {
            Form::Unknown => {
                let found = self.find_bucket(cancel)?;
                found.map_or(Form::Pages, |(bucket, before)| Form::Bucket(bucket, before))
            }
            known => known,
        };
        let entries = match &form {
            Form::Bucket(bucket, before) => {
                let listed = self.of_bucket(&(bucket.clone(), before.clone()), folder, cancel);
                listed.and_then(|listed| listed.ok_or_else(|| self.not_a_listing(folder)))
            }
            _ => self.of_page(folder, cancel),
        };
        // What else fails may say nothing of the form.
        if entries.as_ref().map_or_else(|error| error.code() == Code::NotFound, |_| true) {
            *self.form() = form;
        }
        entries
    }

    fn stat(&self, path: &str, cancel: &Cancel) -> Result<TreeEntry> {
        let response = self.send(self.client.request(Method::HEAD, self.url(path)), cancel)?;
        self.check(&response, path)?;
        let headers = response.headers();
        // Of a body that is packed on its way the length is that of the packed one.
        let packed = headers.contains_key(header::CONTENT_ENCODING);
        let size = said(headers, header::CONTENT_LENGTH).filter(|_| !packed).and_then(|size| size.parse().ok());
        let ns = modified(headers).map(|seconds| seconds * 1_000_000_000);
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
        // What is there goes on only where the server itself says that the rest is of the same.
        let same = Validator::of(listed);
        let have = if same.is_some() { have } else { 0 };
        if let Some(same) = same.as_ref().filter(|_| have > 0) {
            request = request.header(header::RANGE, format!("bytes={have}-")).header(header::IF_RANGE, same.text());
        }
        let response = self.send(request, cancel)?;
        self.check(&response, path)?;
        let headers = response.headers().clone();
        let packed = said(&headers, header::CONTENT_ENCODING).is_some_and(|way| way.eq_ignore_ascii_case("gzip"));
        if same.is_some_and(|same| same.is_contradicted_by(&headers)) {
            return Err(changed(&self.address, path, None));
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
            return Err(changed(&self.address, path, Some((size, from + length))));
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
