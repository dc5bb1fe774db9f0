//! Objects are listed, read and written, and what goes wrong says so by its code.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datasus::base::{Cancel, CancelReason, Cause, TraceId};
use datasus::store::{ReadAt, S3, Store, sha256};
use datasus::{Code, Config, Error, Language, S3Credentials, Secret};

use crate::at;
use crate::proxy::{Fate, Proxy, header};
use crate::server::{SECRET, config, shared, store};

fn put(store: &S3, at_: &str, bytes: &[u8], overwrite: bool) -> datasus::Result<()> {
    let mut upload = store.begin(&at(at_), overwrite)?;
    upload.write_all(bytes).unwrap();
    upload.publish()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let last = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < last, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// As the English speak.
fn english(error: &Error) -> String {
    error.clone().traced(&TraceId::new(), Language::En).detail().to_owned()
}

fn all(object: &Arc<dyn ReadAt>) -> Vec<u8> {
    object.read_ranges(&[0..object.size()]).unwrap()[0].to_vec()
}

#[test]
fn objects_are_listed_read_and_never_replaced_unasked() {
    let Some(server) = shared() else { return };
    let cache = tempfile::tempdir().unwrap();
    let store = store(&Config { remote_cache: Some(cache.path().into()), ..config(server.port) });
    let root = "s3://datasus/lista";
    let large: Vec<u8> = (0..40_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    put(&store, &format!("{root}/b/RDAC2401.dbc"), b"dois", false).unwrap();
    put(&store, &format!("{root}/a.txt"), b"um", false).unwrap();
    put(&store, &format!("{root}/.oculto/x"), b"x", false).unwrap();
    put(&store, &format!("{root}/grande"), &large, false).unwrap();
    let names = |of: &str| -> Vec<String> {
        store.list(&at(of)).unwrap().found.iter().map(|entry| entry.location.to_string()).collect()
    };
    assert_eq!(names(root), ["a.txt", "b/RDAC2401.dbc", "grande"].map(|name| format!("{root}/{name}")));
    assert_eq!(names(&format!("{root}/a.txt")), [format!("{root}/a.txt")]);
    assert!(names("s3://datasus/list").is_empty());
    let listed = store.list(&at(root)).unwrap();
    assert!(Arc::ptr_eq(&listed, &store.list(&at(root)).unwrap()), "nothing has changed");
    for entry in &listed.found {
        assert_eq!(entry.object.as_ref(), Some(&store.stat(&entry.location).unwrap()));
    }
    let code = |result: datasus::Result<()>| result.unwrap_err().code();
    assert_eq!(code(put(&store, &format!("{root}/a.txt"), b"outro", false)), Code::Conflict);
    // It came while the other was written.
    let mut late = store.begin(&at(&format!("{root}/tarde")), false).unwrap();
    late.write_all(b"segundo").unwrap();
    put(&store, &format!("{root}/tarde"), b"primeiro", false).unwrap();
    assert_eq!(code(late.publish()), Code::Conflict);
    assert_eq!(all(&store.open(&at(&format!("{root}/tarde"))).unwrap()), b"primeiro");
    put(&store, &format!("{root}/a.txt"), b"outro", true).unwrap();
    assert!(store.create(&at(&format!("{root}/novo")), b"1".to_vec()).unwrap());
    assert!(!store.create(&at(&format!("{root}/novo")), b"2".to_vec()).unwrap());
    store.remove(&at(&format!("{root}/novo"))).unwrap();
    store.remove(&at(&format!("{root}/novo"))).unwrap();
    assert_eq!(store.stat(&at(&format!("{root}/novo"))).unwrap_err().code(), Code::NotFound);

    let read = store.open(&at(&format!("{root}/grande"))).unwrap();
    use sha2::Digest;
    assert_eq!(sha256(read.clone()).unwrap(), hex::encode(sha2::Sha256::digest(&large)));
    let ranges = [5_u64..9, 39_999_990..40_000_000, 100..100, 1_000_000..1_200_000];
    let expected: Vec<&[u8]> = ranges.iter().map(|r| &large[r.start as usize..r.end as usize]).collect();
    assert_eq!(read.read_ranges(&ranges).unwrap(), expected);
    assert!(read.read_ranges(&[39_999_999..40_000_001]).is_err());
    // What was opened is read, or nothing: another version is no answer.
    put(&store, &format!("{root}/grande"), b"curto", true).unwrap();
    let changed = Error::within(&read.read_ranges(&[0..4]).unwrap_err()).unwrap();
    assert_eq!((changed.code(), changed.cause()), (Code::Unreachable, Some(Cause::SourceChanged)));
    // An upload that is dropped leaves nothing, and no note.
    let mut dropped = store.begin(&at(&format!("{root}/nada")), false).unwrap();
    dropped.write_all(&large).unwrap();
    assert_eq!(std::fs::read_dir(cache.path().join("uploads")).unwrap().count(), 1);
    drop(dropped);
    until("the upload was not ended", || std::fs::read_dir(cache.path().join("uploads")).unwrap().count() == 0);
    assert_eq!(store.stat(&at(&format!("{root}/nada"))).unwrap_err().code(), Code::NotFound);
}

#[test]
fn a_refusal_has_its_code_and_what_may_pass_is_asked_three_times() {
    let Some(server) = shared() else { return };
    let proxy = Proxy::before(server.port);
    let store = store(&config(proxy.port));
    put(&store, "s3://datasus/erros/objeto", &[7; 100_000], true).unwrap();
    let object = at("s3://datasus/erros/objeto");
    let told = |status: u16, code: &str| {
        let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        move || Fate::Answer(status, body.clone())
    };
    let asked = |fate: Box<dyn Fn() -> Fate + Send + Sync>| {
        proxy.rule(move |_, _| fate());
        proxy.take();
        let error = store.list(&at("s3://datasus/erros")).unwrap_err();
        (error.code(), proxy.take().len(), error)
    };
    for (status, s3_code, code, times) in [
        (401, "", Code::CredentialsRefused, 1),
        (403, "AccessDenied", Code::Forbidden, 1),
        (403, "SignatureDoesNotMatch", Code::CredentialsRefused, 1),
        (403, "InvalidAccessKeyId", Code::CredentialsRefused, 1),
        (400, "ExpiredToken", Code::CredentialsRefused, 1),
        (404, "NoSuchBucket", Code::NotFound, 1),
        (503, "SlowDown", Code::Unreachable, 3),
        (507, "XMinioStorageFull", Code::DiskFull, 1),
        (301, "PermanentRedirect", Code::InvalidParams, 1),
    ] {
        let (found, requests, error) = asked(Box::new(told(status, s3_code)));
        assert_eq!((found, requests), (code, times), "{status} {s3_code}: {error}");
        assert!(!format!("{error:?}").contains(SECRET));
    }
    let skewed = || {
        let body = "<Error><Code>RequestTimeTooSkewed</Code></Error>".to_owned();
        Fate::AnswerWith(403, "date: Mon, 01 Jan 2001 00:00:00 GMT".into(), body)
    };
    let (code, times, error) = asked(Box::new(skewed));
    assert_eq!((code, times), (Code::CredentialsRefused, 1));
    assert!(english(&error).contains("clock") && english(&error).contains("01 Jan 2001"), "{error}");
    // A redirect leads nowhere: not to the address that it names.
    let elsewhere = Proxy::before(server.port);
    let to = format!("location: http://127.0.0.1:{}/x", elsewhere.port);
    let (code, ..) = asked(Box::new(move || Fate::AnswerWith(307, to.clone(), String::new())));
    assert_eq!((code, elsewhere.take().len()), (Code::InvalidParams, 0));

    // Silence ends by the read timeout, three times.
    proxy.rule(|_, _| Fate::Stall);
    proxy.take();
    let impatient = crate::server::store(&Config { s3_timeout: 1.0, ..config(proxy.port) });
    let error = impatient.list(&at("s3://datasus/erros")).unwrap_err();
    assert!(error.code() == Code::Unreachable && english(&error).contains("silent for 1 s"), "{error}");
    // The way there may see the last one late.
    until("not asked three times", || proxy.seen().len() >= 3);
    assert_eq!(proxy.take().len(), 3);
    // A body that is cut is no shorter object.
    proxy.rule(|_, _| Fate::Pass);
    let opened = store.open(&object).unwrap();
    proxy.rule(|seen, _| if seen.method == "GET" { Fate::Cut(10_000) } else { Fate::Pass });
    proxy.take();
    let error = Error::within(&opened.read_ranges(&[0..100_000]).unwrap_err()).unwrap();
    assert_eq!((error.code(), proxy.take().len()), (Code::Unreachable, 3), "{error}");
    assert!(english(&error).contains("broke off"), "{error}");
    // Once is passed over.
    proxy.rule(|_, number| if number == 0 { Fate::Cut(10_000) } else { Fate::Pass });
    assert_eq!(all(&opened), [7; 100_000]);
    proxy.rule(|_, number| if number == 0 { Fate::Answer(503, String::new()) } else { Fate::Pass });
    assert_eq!(store.stat(&object).unwrap().size, 100_000);
    // A conditional put that was done, and whose answer is lost, was done by us.
    proxy.rule(|_, number| if number == 0 { Fate::Lose } else { Fate::Pass });
    assert!(store.create(&at("s3://datasus/erros/perdida"), b"minha".to_vec()).unwrap());
    proxy.rule(|_, number| if number == 0 { Fate::Lose } else { Fate::Pass });
    assert!(!store.create(&at("s3://datasus/erros/perdida"), b"de outro".to_vec()).unwrap());

    // A call ends with its job, whatever it waits for.
    proxy.rule(|_, _| Fate::Stall);
    let cancel = Cancel::default();
    let during = store.during(&cancel).unwrap();
    proxy.take();
    let waiting = std::thread::spawn(move || during.stat(&object).unwrap_err().code());
    while proxy.seen().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    cancel.set(CancelReason::Caller);
    assert_eq!(waiting.join().unwrap(), Code::Cancelled);

    let down = crate::server::store(&config(1));
    let error = down.stat(&at("s3://datasus/x")).unwrap_err();
    assert!(error.code() == Code::Unreachable && english(&error).contains("No connection"), "{error}");
}

#[test]
fn wrong_keys_and_buckets_are_refused_by_the_server_itself() {
    let Some(server) = shared() else { return };
    let code = |config: Config, root: &str| store(&config).list(&at(root)).unwrap_err();
    let wrong = Config { s3_secret: Some(Secret::new("errada-CANARY")), ..config(server.port) };
    let error = code(wrong, "s3://datasus/x");
    assert_eq!(error.code(), Code::CredentialsRefused, "{error}");
    assert!(!format!("{error:?} {error}").contains("CANARY"), "{error}");
    let unknown = Config { s3_key: Some(Secret::new("ninguem")), ..config(server.port) };
    assert_eq!(code(unknown, "s3://datasus/x").code(), Code::CredentialsRefused);
    let nameless = Config { s3_key: None, s3_secret: None, ..config(server.port) };
    let error = code(nameless, "s3://datasus/x");
    assert!(error.code() == Code::Forbidden && english(&error).contains("s3_profile"), "{error}");
    for odd in ["s3://", "s3:///x", "s3://a b/x"] {
        assert_eq!(store(&config(server.port)).list(&at(odd)).unwrap_err().code(), Code::InvalidParams, "{odd}");
    }
}

/// Every request, wherever it goes, goes through a proxy that sees its address.
#[test]
fn the_metadata_service_is_asked_only_where_instance_credentials_are_wanted() {
    let proxy = Proxy::before(1);
    proxy.rule(|_, _| Fate::Answer(404, String::new()));
    let through = Config {
        s3_endpoint: Some("http://minio.invalid:9000".into()),
        s3_proxy: Some(Secret::new(format!("http://127.0.0.1:{}", proxy.port))),
        ..Config::default()
    };
    let hosts = |config: Config| -> BTreeSet<String> {
        let _ = store(&config).stat(&at("s3://datasus/x"));
        proxy.take().iter().filter_map(|seen| header(&seen.head, "host").map(str::to_owned)).collect()
    };
    let only = |name: &str| BTreeSet::from([name.to_owned()]);
    assert_eq!(hosts(through.clone()), only("minio.invalid:9000"), "without a key");
    let keyed = Config { s3_key: Some(Secret::new("k")), s3_secret: Some(Secret::new("s")), ..through.clone() };
    assert_eq!(hosts(keyed), only("minio.invalid:9000"), "with a key");
    let instance = Config { s3_credentials: S3Credentials::Instance, ..through.clone() };
    assert_eq!(hosts(instance), only("169.254.169.254"), "as asked");
    let metadata = Config { s3_endpoint: Some("http://169.254.169.254".into()), ..Config::default() };
    let settings = datasus::store::S3Settings::of(&metadata, None).unwrap();
    let cache = Arc::new(datasus::store::ChunkCache::at("/nowhere".into(), 0));
    assert_eq!(S3::new(settings, cache).map(drop).unwrap_err().code(), Code::Forbidden);
}
