//! The same tree on a web server: index pages, a bucket that lists itself, a file of paths; and what web servers do besides.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use datasus::{Code, Config};
use flate2::write::GzEncoder;

use crate::tree::{Place, admissions, bytes, open, rows};

#[derive(Default)]
struct Site {
    files: BTreeMap<String, Vec<u8>>,
    /// Lists itself by ListObjectsV2, two keys a page.
    bucket: bool,
    /// No index pages.
    no_index: bool,
    /// Bodies are packed, whatever was asked.
    gzip: bool,
    /// A page of its own in the place of files, with success.
    captive: bool,
    /// So many bodies end early, after so many bytes.
    cuts: Vec<usize>,
    /// So many requests are answered by 503.
    busy: u32,
    /// Everything is elsewhere.
    redirect: Option<String>,
    log: Vec<String>,
}

struct Server {
    address: String,
    site: Arc<Mutex<Site>>,
}

fn serve(stream: &mut (impl Read + Write), site: &Mutex<Site>) -> std::io::Result<()> {
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
    if site.bucket && query.contains("list-type=2") {
        let xml = listing(&site, query);
        return answer("200 OK", "", xml.as_bytes(), usize::MAX);
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
    let mut headers = format!("ETag: {tag}\r\nLast-Modified: Wed, 29 May 2024 16:10:00 GMT\r\n");
    if site.gzip {
        let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&file)?;
        headers.push_str("Content-Encoding: gzip\r\n");
        return answer("200 OK", &headers, &packed.finish()?, usize::MAX);
    }
    let cut =
        if method == "GET" && path.ends_with(".dbc") { site.cuts.pop().unwrap_or(usize::MAX) } else { usize::MAX };
    let from = said("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match from.filter(|_| said("if-range").is_none_or(|known| known == tag)) {
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
    let first: usize = said("continuation-token=").and_then(|token| token.parse().ok()).unwrap_or(0);
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
    let more =
        (keys.len() > first + 2).then(|| format!("<NextContinuationToken>{}</NextContinuationToken>", first + 2));
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

fn listening(
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
    fn start(site: Site) -> Self {
        let (port, site) = listening(site, |mut stream, site| drop(serve(&mut stream, site)));
        Server { address: format!("http://127.0.0.1:{port}/base/"), site }
    }

    fn asked(&self, method: &str, ending: &str) -> usize {
        let log = &self.site.lock().unwrap().log;
        log.iter().filter(|line| line.starts_with(method) && line.contains(ending)).count()
    }
}

fn site(count: u32) -> Site {
    let mut site = Site::default();
    for name in ["RDAC2401.dbc", "RDAC2402.dbc", "RDAC2403.dbc"] {
        site.files.insert(format!("/base/SIHSUS/200801_/Dados/{name}"), bytes(name, count));
    }
    site
}

#[test]
fn index_pages_a_bucket_and_a_file_of_paths_list_the_same_and_selected_files_are_asked_by_head() {
    let mut paths = site(40);
    paths.no_index = true;
    let list: String = paths.files.keys().map(|path| format!("{}\n", path.trim_start_matches("/base/"))).collect();
    paths.files.insert("/base/tudo.txt".into(), list.into_bytes());
    let bucket = Site { bucket: true, no_index: true, ..site(40) };
    for (way, site, ending, heads) in
        [("pages", site(40), "", 2), ("bucket", bucket, "", 0), ("paths", paths, "?index=tudo.txt", 2)]
    {
        let (server, place) = (Server::start(site), Place::new());
        let client = open(&format!("{}{ending}", server.address), place.config());
        assert_eq!(rows(&client, &admissions(&["202401", "202403"])).unwrap(), 80, "{way}");
        assert_eq!((server.asked("HEAD", ".dbc"), server.asked("GET", ".dbc")), (heads, 2), "{way}");
        assert_eq!(rows(&client, &admissions(&["202401", "202403"])).unwrap(), 80, "{way}");
        assert_eq!(server.asked("GET", ".dbc"), 2, "{way}");
    }
}

#[test]
fn a_body_that_ends_early_goes_on_by_range_and_busy_servers_are_asked_again() {
    let (server, place) = (Server::start(Site { cuts: vec![4_000], busy: 1, bucket: true, ..site(100) }), Place::new());
    let client = open(&server.address, place.config());
    assert_eq!(rows(&client, &admissions(&["202401"])).unwrap(), 100);
    assert_eq!(server.asked("GET", "bytes=4000-"), 1, "{:?}", server.site.lock().unwrap().log);
    assert_eq!(server.asked("GET", ".dbc"), 2);
}

#[test]
fn a_page_in_the_place_of_a_file_is_refused_and_a_packed_body_is_unpacked() {
    let (server, place) = (Server::start(Site { captive: true, bucket: true, ..site(30) }), Place::new());
    let error = rows(&open(&server.address, place.config()), &admissions(&["202401"])).unwrap_err();
    assert_eq!(
        (error.code(), error.diagnostic()["cause"].as_str()),
        (Code::Unreachable, Some("not_the_file")),
        "{error}"
    );
    assert!(error.detail().contains("<!DOCTYPE html>"), "{error}");
    let (server, place) = (Server::start(Site { gzip: true, ..site(30) }), Place::new());
    assert_eq!(rows(&open(&server.address, place.config()), &admissions(&["202401"])).unwrap(), 30);
}

#[test]
fn redirects_are_followed_on_the_same_host_and_never_into_the_machines_own_network() {
    let there = Server::start(site(30));
    let port = there.address.trim_start_matches("http://127.0.0.1:").trim_end_matches("/base/").to_owned();
    let here = Server::start(Site { redirect: Some(format!("http://127.0.0.1:{port}")), ..Site::default() });
    let place = Place::new();
    // 127.0.0.1 to 127.0.0.1 is the same host; to a name of it, another.
    let client = open(&here.address, place.config());
    assert_eq!(rows(&client, &admissions(&["202401"])).map_err(|e| e.to_string()), Ok(30));
    let inward = Server::start(Site { redirect: Some(format!("http://localhost:{port}")), ..Site::default() });
    let place = Place::new();
    let error = rows(&open(&inward.address, place.config()), &admissions(&["202401"])).unwrap_err();
    assert_eq!(error.diagnostic()["cause"], "redirect", "{error}");
}

#[test]
fn tls_is_verified_and_an_authority_of_ones_own_is_named() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    let key = KeyPair::generate().unwrap();
    let mut about = CertificateParams::new(Vec::new()).unwrap();
    about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = about.self_signed(&key).unwrap();
    let issuer = Issuer::new(about, key);
    let own = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&own, &issuer).unwrap();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
    let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let tls: &'static Arc<rustls::ServerConfig> = Box::leak(Box::new(Arc::new(tls)));
    let (port, _site) = listening(site(30), move |stream, site| {
        let session = rustls::ServerConnection::new(tls.clone()).unwrap();
        let mut stream = rustls::StreamOwned::new(session, stream);
        let _ = serve(&mut stream, site);
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    let (address, place) = (format!("https://localhost:{port}/base/"), Place::new());
    let error = rows(&open(&address, place.config()), &admissions(&["202401"])).unwrap_err();
    assert_eq!(error.code(), Code::Unreachable);
    assert!(error.detail().contains("is not trusted here") && error.detail().contains("DATASUS_CA"), "{error}");
    let pem = place.path().join("ca.pem");
    std::fs::write(&pem, authority.pem()).unwrap();
    let client = open(&address, Config { ca: Some(pem), ..place.config() });
    assert_eq!(rows(&client, &admissions(&["202401"])).unwrap(), 30);
}
