//! A web server of the tests' own: index pages, a bucket that lists itself, a file of paths; and what web servers do besides.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use flate2::write::GzEncoder;

use crate::tree::bytes;

#[derive(Default)]
pub struct Site {
    pub files: BTreeMap<String, Vec<u8>>,
    /// Lists itself by ListObjectsV2, two keys a page.
    pub bucket: bool,
    /// No index pages.
    pub no_index: bool,
    /// Bodies are packed, whatever was asked.
    pub gzip: bool,
    /// A page of its own in the place of files, with success.
    pub captive: bool,
    /// A page of its own in the place of every listing, with success.
    pub welcome: bool,
    /// So many bodies end early, after so many bytes.
    pub cuts: Vec<usize>,
    /// So many requests are answered by 503.
    pub busy: u32,
    /// Everything is elsewhere.
    pub redirect: Option<String>,
    /// Answers to ListObjects are of the protocol's first version, whatever was asked.
    pub first_version: bool,
    /// Listings are refused by 403.
    pub no_listing: bool,
    /// No ETag: a file is known by its time.
    pub no_tags: bool,
    /// Bodies come in chunks, of a length that nobody says.
    pub chunked: bool,
    /// `Last-Modified` of files.
    pub time: Option<&'static str>,
    pub log: Vec<String>,
}

pub struct Server {
    pub address: String,
    pub site: Arc<Mutex<Site>>,
}

pub fn serve(stream: &mut (impl Read + Write), site: &Mutex<Site>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let stream = reader.into_inner();
    let Some(request) = head.first().cloned() else { return Ok(()) };
    let said = |name: &str| {
        let of = |line: &String| {
            line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned())
        };
        head.iter().find_map(of)
    };
    let mut site = site.lock().unwrap();
    site.log.push(format!("{request} {}", said("range").unwrap_or_default()).trim().to_owned());
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // As a proxy is asked.
    let path = path.strip_prefix("http://").map_or(path, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = path.replace("%20", " ");
    let mut answer = |status: &str, headers: &str, body: &[u8], sent: usize| -> std::io::Result<()> {
        let length = body.len();
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n")?;
        if method != "HEAD" {
            stream.write_all(&body[..sent.min(length)])?;
        }
        stream.flush()
    };
    if site.busy > 0 {
        site.busy -= 1;
        return answer("503 Slow Down", "", b"", 0);
    }
    if let Some(to) = &site.redirect {
        return answer("302 Found", &format!("Location: {to}{target}\r\n"), b"", 0);
    }
    if site.no_listing && path.ends_with('/') {
        return answer("403 Forbidden", "", b"<Error><Code>AccessDenied</Code></Error>", usize::MAX);
    }
    if site.bucket && query.contains("list-type=2") && path == "/base/" {
        let xml = listing(&site, query);
        return answer("200 OK", "", xml.as_bytes(), usize::MAX);
    }
    if site.welcome && (path.ends_with('/') || path.ends_with(".txt")) {
        let page = b"<!DOCTYPE html><html><a href=\"#top\">Wi-Fi</a><a href=\"/login\">Log in</a></html>";
        return answer("200 OK", "", page, usize::MAX);
    }
    if path.ends_with('/') {
        if site.no_index || !site.files.keys().any(|file| file.starts_with(&path)) {
            return answer("404 Not Found", "", b"no", usize::MAX);
        }
        let mut names: Vec<String> = site
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(&path))
            .map(|below| below.split_once('/').map_or(below.to_owned(), |(folder, _)| format!("{folder}/")))
            .collect();
        names.dedup();
        let links: String = names.iter().map(|name| format!("<a href=\"{name}\">{name}</a>\n")).collect();
        return answer("200 OK", "", format!("<html><a href=\"../\">..</a>{links}</html>").as_bytes(), usize::MAX);
    }
    let Some(file) = site.files.get(&path).cloned() else { return answer("404 Not Found", "", b"no", usize::MAX) };
    if site.captive && path.ends_with(".dbc") {
        let page = b"<!DOCTYPE html><html>Wi-Fi</html>".repeat(1 + file.len() / 33);
        return answer("200 OK", "", &page[..file.len()], usize::MAX);
    }
    let tag = format!(
        "\"{:08x}\"",
        file.iter().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(*byte)))
    );
    let time = site.time.unwrap_or("Wed, 29 May 2024 16:10:00 GMT");
    let mut headers = format!("Last-Modified: {time}\r\n");
    if !site.no_tags {
        headers.push_str(&format!("ETag: {tag}\r\n"));
    }
    if site.gzip {
        let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&file)?;
        headers.push_str("Content-Encoding: gzip\r\n");
        return answer("200 OK", &headers, &packed.finish()?, usize::MAX);
    }
    let cut =
        if method == "GET" && path.ends_with(".dbc") { site.cuts.pop().unwrap_or(usize::MAX) } else { usize::MAX };
    let from = said("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    if site.chunked {
        if method == "HEAD" {
            return write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}\r\n");
        }
        write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n{headers}\r\n")?;
        let sent = cut.min(file.len());
        write!(stream, "{sent:x}\r\n")?;
        stream.write_all(&file[..sent])?;
        // The last chunk, which says that this is all, is missing from one that is cut.
        return stream.write_all(if sent < file.len() { b"\r\n" } else { b"\r\n0\r\n\r\n" });
    }
    match from.filter(|_| said("if-range").is_none_or(|known| known == if site.no_tags { time } else { &tag })) {
        Some(from) => {
            headers.push_str(&format!("Content-Range: bytes {from}-{}/{}\r\n", file.len() - 1, file.len()));
            answer("206 Partial Content", &headers, &file[from..], cut)
        }
        None => answer("200 OK", &headers, &file, cut),
    }
}

fn listing(site: &Site, query: &str) -> String {
    let said =
        |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)).map(|value| value.replace("%2F", "/"));
    let prefix = format!("/base/{}", said("prefix=").unwrap_or_default());
    let first = said("continuation-token=").or_else(|| said("marker="));
    let first: usize = first.and_then(|token| token.parse().ok()).unwrap_or(0);
    let (mut folders, mut keys) = (Vec::new(), Vec::new());
    for (path, file) in site.files.iter().filter(|(path, _)| path.starts_with(&prefix)) {
        match path[prefix.len()..].split_once('/') {
            Some((folder, _)) if folders.contains(&folder) => {}
            Some((folder, _)) => folders.push(folder),
            None => keys.push((path.trim_start_matches("/base/"), file)),
        }
    }
    let page: String = keys.iter().skip(first).take(2).map(|(key, file)| {
        let tag = file.iter().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(*byte)));
        let size = file.len();
        format!("<Contents><Key>{key}</Key><LastModified>2024-05-29T16:10:00.000Z</LastModified><ETag>&quot;{tag:08x}&quot;</ETag><Size>{size}</Size></Contents>")
    }).collect();
    let next = first + 2;
    let more = (keys.len() > next).then(|| match site.first_version {
        true => format!("<NextMarker>{next}</NextMarker>"),
        false => format!("<NextContinuationToken>{next}</NextContinuationToken>"),
    });
    let more = more.map(|next| format!("<IsTruncated>true</IsTruncated>{next}"));
    let prefixes: String = folders
        .iter()
        .map(|folder| {
            format!(
                "<CommonPrefixes><Prefix>{}{folder}/</Prefix></CommonPrefixes>",
                prefix.trim_start_matches("/base/")
            )
        })
        .collect();
    format!("<?xml version=\"1.0\"?><ListBucketResult>{}{page}{prefixes}</ListBucketResult>", more.unwrap_or_default())
}

pub fn listening(
    site: Site,
    each: impl Fn(TcpStream, &Mutex<Site>) + Send + Sync + Copy + 'static,
) -> (u16, Arc<Mutex<Site>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (port, site) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(site)));
    let serving = site.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let site = serving.clone();
            std::thread::spawn(move || each(stream, &site));
        }
    });
    (port, site)
}

impl Server {
    pub fn start(site: Site) -> Self {
        let (port, site) = listening(site, |mut stream, site| drop(serve(&mut stream, site)));
        Server { address: format!("http://127.0.0.1:{port}/base/"), site }
    }

    pub fn asked(&self, method: &str, ending: &str) -> usize {
        let log = &self.site.lock().unwrap().log;
        log.iter().filter(|line| line.starts_with(method) && line.contains(ending)).count()
    }
}

pub fn site(count: u32) -> Site {
    let mut site = Site::default();
    for name in ["RDAC2401.dbc", "RDAC2402.dbc", "RDAC2403.dbc"] {
        site.files.insert(format!("/base/SIHSUS/200801_/Dados/{name}"), bytes(name, count));
    }
    site
}
