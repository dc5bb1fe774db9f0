//! The same tree on a web server: index pages, a bucket that lists itself, a file of paths; and what web servers do besides.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use datasus::base::{Cancel, CancelReason};
use datasus::{Client, Code, Config, Pending, Result};

use crate::site::{Server, Site, listening, serve, site};
use crate::tree::{Place, admissions, bytes, open, rows};

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
fn no_page_of_a_listing_is_lost_and_a_bucket_is_found_above_the_base() {
    for first_version in [false, true] {
        let bucket = Site { bucket: true, no_index: true, first_version, ..site(40) };
        let (server, place) = (Server::start(bucket), Place::new());
        let months = admissions(&["202401", "202402", "202403"]);
        assert_eq!(rows(&open(&server.address, place.config()), &months).unwrap(), 120, "{first_version}");
    }
    // The tree begins below a prefix of the bucket.
    let mut below = Site { bucket: true, no_index: true, ..Site::default() };
    for (path, file) in site(40).files {
        below.files.insert(path.replace("/base/", "/base/dissemin/publicos/"), file);
    }
    let (server, place) = (Server::start(below), Place::new());
    let client = open(&format!("{}dissemin/publicos/", server.address), place.config());
    assert_eq!(rows(&client, &admissions(&["202403"])).unwrap(), 40, "{:?}", server.site.lock().unwrap().log);
}

#[test]
fn a_listing_that_is_refused_is_no_empty_folder_and_the_next_source_is_asked() {
    let (server, place) = (Server::start(Site { no_listing: true, ..site(30) }), Place::new());
    let error = rows(&open(&server.address, place.config()), &admissions(&["202401"])).unwrap_err();
    assert_eq!(error.code(), Code::Forbidden, "{error}");
    let (well, place) = (Server::start(site(20)), Place::new());
    let config = Config { mirrors: vec![well.address.clone()], ..place.config() };
    assert_eq!(rows(&open(&server.address, config), &admissions(&["202401"])).unwrap(), 20);
    // A mirror that has not all folders, before one that has.
    let (half, place) = (Server::start(Site::default()), Place::new());
    let config = Config { mirrors: vec![well.address.clone()], ..place.config() };
    assert_eq!(rows(&open(&half.address, config), &admissions(&["202402"])).unwrap(), 20);
}

#[test]
fn a_page_in_the_place_of_a_listing_is_no_empty_folder_and_the_next_source_is_asked() {
    for ending in ["", "?index=tudo.txt"] {
        let (portal, well, place) =
            (Server::start(Site { welcome: true, ..site(30) }), Server::start(site(20)), Place::new());
        let source = format!("{}{ending}", portal.address);
        let error = rows(&open(&source, place.config()), &admissions(&["202401"])).unwrap_err();
        assert_eq!(
            (error.code(), error.diagnostic()["cause"].as_str()),
            (Code::Unreachable, Some("listing")),
            "{error}"
        );
        let config = Config { mirrors: vec![well.address.clone()], ..place.config() };
        assert_eq!(rows(&open(&source, config), &admissions(&["202401"])).unwrap(), 20, "{ending}");
    }
}

#[test]
fn a_server_that_lists_and_then_does_not_answer_leaves_the_file_to_the_next_source() {
    let (ill, well, place) = (Server::start(site(20)), Server::start(site(20)), Place::new());
    let client = open(&ill.address, Config { mirrors: vec![well.address.clone()], ..place.config() });
    let month = admissions(&["202401"]);
    assert_eq!(client.plan_sync(std::slice::from_ref(&month)).unwrap().files, 1);
    ill.site.lock().unwrap().busy = u32::MAX;
    assert_eq!(rows(&client, &month).unwrap(), 20);
    // One that is gone is said as of any other server.
    let (server, place) = (Server::start(site(30)), Place::new());
    let client = open(&server.address, place.config());
    client.plan_sync(std::slice::from_ref(&month)).unwrap();
    server.site.lock().unwrap().files.remove("/base/SIHSUS/200801_/Dados/RDAC2401.dbc");
    let error = rows(&client, &month).unwrap_err();
    assert!(error.code() == Code::NotFound && error.detail().contains("stood in the listing of"), "{error}");
}

#[test]
fn a_stop_ends_a_question_for_one_file_that_nobody_answers() {
    let (port, site) = listening(site(30), |mut stream, site| {
        let mut first = [0; 4];
        if stream.peek(&mut first).is_ok() && first == *b"HEAD" {
            site.lock().unwrap().log.push("HEAD".into());
            // Until the other side goes.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
            return;
        }
        drop(serve(&mut stream, site));
    });
    let place = Place::new();
    // As patient as outside of tests: 60 s, three times.
    let client = Client::builder(format!("http://127.0.0.1:{port}/base/")).config(place.config()).open().unwrap();
    let cancel = Cancel::default();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| client.begin_query_until(&admissions(&["202401"]), &cancel).and_then(Pending::wait));
        while !site.lock().unwrap().log.iter().any(|line| line == "HEAD") {
            assert!(!waits.is_finished(), "nobody asked for the file");
            std::thread::sleep(Duration::from_millis(2));
        }
        let asked = Instant::now();
        cancel.set(CancelReason::Interrupted);
        let rows =
            waits.join().unwrap().and_then(|rows| rows.map(|batch| Ok(batch?.num_rows() as u64)).sum::<Result<u64>>());
        assert_eq!(rows.map_err(|error| error.code()), Err(Code::Cancelled));
        assert!(asked.elapsed() < Duration::from_secs(25), "{:?}", asked.elapsed());
    });
}

#[test]
fn a_listing_that_an_earlier_process_kept_does_not_make_its_server_the_only_one() {
    let month = admissions(&["202401"]);
    let months = admissions(&["202401", "202403"]);
    let (ill, well, place) = (Server::start(site(20)), Server::start(site(20)), Place::new());
    let config = || Config { mirrors: vec![well.address.clone()], ..place.config() };
    open(&ill.address, config()).plan_sync(std::slice::from_ref(&months)).unwrap();
    {
        let mut site = ill.site.lock().unwrap();
        site.log.clear();
        site.busy = u32::MAX;
    }
    assert_eq!(rows(&open(&ill.address, config()), &months).unwrap(), 40, "HEAD fails as it plans");
    assert_eq!(well.asked("GET", ".dbc"), 2);
    assert_eq!(ill.asked("HEAD", ".dbc"), 9, "three times as it plans, and three for each file that is fetched");
    // It still fails, and what came is here.
    assert_eq!(rows(&open(&ill.address, config()), &months).unwrap(), 40);
    assert_eq!(well.asked("GET", ".dbc"), 2);
    // What is gone meanwhile is said as it is of one that was asked before.
    let (server, place) = (Server::start(site(30)), Place::new());
    open(&server.address, place.config()).plan_sync(std::slice::from_ref(&month)).unwrap();
    server.site.lock().unwrap().files.remove("/base/SIHSUS/200801_/Dados/RDAC2401.dbc");
    let error = rows(&open(&server.address, place.config()), &month).unwrap_err();
    assert!(error.code() == Code::NotFound && error.detail().contains("stood in the listing of"), "{error}");
}

#[test]
fn without_a_tag_a_file_goes_on_by_its_time_and_only_while_that_is_the_same() {
    let (server, place) = (Server::start(Site { cuts: vec![4_000], no_tags: true, ..site(100) }), Place::new());
    assert_eq!(rows(&open(&server.address, place.config()), &admissions(&["202401"])).unwrap(), 100);
    assert_eq!(server.asked("GET", "bytes=4000-"), 1, "{:?}", server.site.lock().unwrap().log);
    // Another file of the same size in its place, between two attempts of two processes.
    let (server, place) = (Server::start(Site { cuts: vec![4_000; 3], no_tags: true, ..site(100) }), Place::new());
    let client = open(&server.address, place.config());
    assert_eq!(rows(&client, &admissions(&["202401"])).unwrap_err().code(), Code::Unreachable);
    let other = bytes("RDAC2403.dbc", 100);
    {
        let mut site = server.site.lock().unwrap();
        let length = site.files["/base/SIHSUS/200801_/Dados/RDAC2401.dbc"].len();
        let mut padded = other.clone();
        padded.resize(length.max(other.len()), 0);
        site.files.insert("/base/SIHSUS/200801_/Dados/RDAC2401.dbc".into(), padded);
        site.time = Some("Thu, 30 May 2024 16:10:00 GMT");
    }
    let again = open(&server.address, Config { keep_files: true, refresh: datasus::Refresh::Always, ..place.config() });
    rows(&again, &admissions(&["202401"])).unwrap();
    let kept = std::fs::read(place.path().join("home/files/SIHSUS/200801_/Dados/RDAC2401.dbc")).unwrap();
    assert!(kept.starts_with(&other), "not the beginning of one and the end of another");
}

#[test]
fn a_body_of_unknown_length_that_is_cut_is_no_whole_file() {
    let (server, place) = (Server::start(Site { cuts: vec![4_000], chunked: true, ..site(100) }), Place::new());
    let client = open(&server.address, Config { keep_files: true, ..place.config() });
    assert_eq!(rows(&client, &admissions(&["202401"])).unwrap(), 100);
    let kept = std::fs::read(place.path().join("home/files/SIHSUS/200801_/Dados/RDAC2401.dbc")).unwrap();
    assert!(kept == bytes("RDAC2401.dbc", 100) && server.asked("GET", ".dbc") == 2);
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

const BEHIND_A_PROXY: &str = "DATASUS_TEST_PROXIED";

/// What the child does, whose environment names a proxy: a server that only the proxy knows.
#[test]
fn a_child_behind_a_proxy() {
    let Ok(home) = std::env::var(BEHIND_A_PROXY) else { return };
    let config = Config { home: Some(home.clone().into()), output: Some(home.into()), ..Config::default() };
    let came = rows(&open("http://espelho.invalid/base/", config), &admissions(&["202401"]));
    println!("CAME {:?}", came.map_err(|error| error.code()));
}

#[test]
fn a_proxy_of_the_environment_is_used_and_no_proxy_leaves_it_out() {
    let (proxy, place) = (Server::start(site(30)), Place::new());
    let address = proxy.address.trim_end_matches("/base/").to_owned();
    let child = |name: &str, without: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["http::a_child_behind_a_proxy", "--exact", "--nocapture"]).stderr(Stdio::null());
        for variable in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(variable).env_remove(variable.to_uppercase());
        }
        command.env(BEHIND_A_PROXY, place.path().join(name)).env("HTTP_PROXY", &address).env("NO_PROXY", without);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let said = child("with", "");
    assert!(said.contains("CAME Ok(30)"), "{said}");
    assert!(proxy.asked("GET http://espelho.invalid/base/", ".dbc") == 1, "{:?}", proxy.site.lock().unwrap().log);
    let before = proxy.site.lock().unwrap().log.len();
    let said = child("without", "espelho.invalid");
    assert!(said.contains("CAME Err(Unreachable)"), "{said}");
    assert_eq!(proxy.site.lock().unwrap().log.len(), before);
}
