//! Answers in a real Redis: shared by machines, and in nobody's way when it is down, slow, full of something else, or lies.

use std::path::Path;
use std::time::{Duration, Instant};

use datasus::{AggregateFn, CacheMode, CacheUse, Client, Code, Config, QueryParams, Secret};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::proxy::{self, Hold};
use crate::quiet;
use crate::server::{PASSWORD, Server};
use crate::{ask, config, grouped, open, write};

fn with(place: &Path, url: String) -> Config {
    Config { redis: Some(Secret::new(url)), ..config(place) }
}

fn counted(client: &Client, why: &str) -> u64 {
    let name = format!("datasus_cache_failures_total{{why=\"{why}\"}} ");
    client.metrics().lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let last = Instant::now() + quiet::HANGS;
    while !is_so() {
        assert!(Instant::now() < last, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn keys(connection: &mut redis::Connection) -> Vec<String> {
    redis::cmd("KEYS").arg("*").query(connection).unwrap()
}

/// Until Redis has so many answers. One that was late is not asked for a while, and what is to be kept meanwhile is not: it is asked for
/// again then.
fn until_kept(server: &Server, number: usize, client: &Client, params: &QueryParams) {
    until("the answer is not in Redis", || {
        let kept = || keys(&mut server.connection()).len() == number;
        std::thread::sleep(Duration::from_millis(100));
        if !kept() {
            ask(client, &crate::with(params.clone(), CacheMode::Refresh));
        }
        kept()
    });
}

/// Another machine: the same files elsewhere, and nothing in memory. It asks once Redis is reached.
fn elsewhere(url: String) -> (TempDir, TempDir, Client, std::sync::Arc<crate::Gate>) {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(source.path(), "AC", 30, "100.00");
    let (client, gate) = open(source.path(), with(place.path(), url));
    (place, source, client, gate)
}

#[test]
fn machines_share_answers_and_what_is_poisoned_is_none() {
    let Some(server) = Server::start() else { return };
    let mut connection = server.connection();
    let (_place, _source, client, _) = elsewhere(server.url());
    let (expected, report) = ask(&client, &grouped());
    assert_eq!(report.cache, CacheUse::Miss);
    until_kept(&server, 1, &client, &grouped());
    let key = keys(&mut connection).remove(0);
    let tagged = key.strip_prefix("datasus:answer:{").and_then(|rest| rest.strip_suffix("}")).unwrap().to_owned();
    assert_eq!(tagged.len(), 64, "{key}: a cluster holds it by what stands in braces");
    let ttl: i64 = redis::cmd("TTL").arg(&key).query(&mut connection).unwrap();
    assert!((86_300..=86_400).contains(&ttl), "{ttl}");
    let good: Vec<u8> = redis::cmd("GET").arg(&key).query(&mut connection).unwrap();
    assert!(!good.windows(5).any(|bytes| bytes == b"DOCAN"));

    // The first question of a new client may come before its connection: asked again by others until one hits.
    let hits = || {
        let (_place, _source, client, gate) = elsewhere(server.url());
        std::thread::sleep(Duration::from_millis(50));
        let (rows, report) = ask(&client, &grouped());
        assert_eq!(rows, expected);
        assert_eq!(gate.runs(), usize::from(report.cache == CacheUse::Miss));
        report.cache == CacheUse::HitL2
    };
    until("no hit in Redis", hits);

    let set = |value: &[u8]| redis::cmd("SET").arg(&key).arg(value).query::<()>(&mut server.connection()).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut other = good.clone();
    other[8] ^= 1;
    for poison in [flipped, other, good[..50].to_vec(), b"x".repeat(1 << 20), b"DSUSRES1".to_vec()] {
        // Who asked before may write the right answer over it late: then it was no poison, and it is set again.
        let seen = || {
            let (_place, _source, client, gate) = elsewhere(server.url());
            let (rows, report) = ask(&client, &grouped());
            assert_eq!(rows, expected);
            assert_eq!(gate.runs(), usize::from(report.cache == CacheUse::Miss));
            report.cache == CacheUse::Miss && counted(&client, "damaged") == 1
        };
        until("the poison was not seen", || {
            set(&poison);
            seen()
        });
    }
    // A value of another type.
    let refused = || {
        redis::cmd("DEL").arg(&key).query::<()>(&mut server.connection()).unwrap();
        redis::cmd("LPUSH").arg(&key).arg("x").query::<()>(&mut server.connection()).unwrap();
        let (_place, _source, client, _) = elsewhere(server.url());
        let (rows, report) = ask(&client, &grouped());
        assert_eq!(rows, expected);
        report.cache == CacheUse::Miss && counted(&client, "redis-refused") >= 1
    };
    until("another type was not seen", refused);
    let text = format!("{:?}{}", report, client.metrics());
    assert!(!text.contains(PASSWORD));
}

/// What has no keyed hash of the client's secret, or another's, is no answer, however right its sum is.
#[test]
fn with_a_secret_an_answer_that_others_have_written_is_refused_and_counted() {
    let Some(server) = Server::start() else { return };
    let machine = |secret: Option<&str>, level: Option<i32>| {
        let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        write(source.path(), "AC", 3_000, "100.00");
        let config =
            Config { redis_secret: secret.map(Secret::new), redis_level: level, ..with(place.path(), server.url()) };
        let (client, _) = open(source.path(), config);
        std::thread::sleep(Duration::from_millis(50));
        (place, source, client)
    };
    let ours = Some("a secret of our machines");
    let all = QueryParams::sql("SELECT N_AIH, CNES, VAL_TOT FROM sih_rd ORDER BY N_AIH");
    let first = machine(ours, Some(19));
    let (expected, report) = ask(&first.2, &all);
    assert_eq!(report.cache, CacheUse::Miss);
    until_kept(&server, 1, &first.2, &all);
    let key = keys(&mut server.connection()).remove(0);
    let get = || redis::cmd("GET").arg(&key).query::<Vec<u8>>(&mut server.connection()).unwrap();
    let set = |value: &[u8]| redis::cmd("SET").arg(&key).arg(value).query::<()>(&mut server.connection()).unwrap();
    let good = get();
    assert_eq!(&good[32..40], b"DSUSRES1", "the keyed hash comes first");
    until("no hit by the secret", || ask(&machine(ours, None).2, &all).1.cache == CacheUse::HitL2);
    let mut flipped = good.clone();
    flipped[40] ^= 1;
    // The same without its hash, whose own sum is right; and one that is longer than any.
    for forged in [good[32..].to_vec(), flipped, vec![b'x'; 200], good[..20].to_vec()] {
        let refused = || {
            set(&forged);
            let other = machine(ours, None);
            let (rows, report) = ask(&other.2, &all);
            assert_eq!(rows, expected);
            report.cache == CacheUse::Miss && counted(&other.2, "forged") == 1
        };
        until("it was not seen", refused);
    }
    // Who has another secret, or none, has answers of its own under names of its own.
    for (number, other) in [Some("a secret of somebody else"), None].into_iter().enumerate() {
        let asked = machine(other, Some(1));
        assert_eq!(ask(&asked.2, &all).1.cache, CacheUse::Miss);
        until_kept(&server, 2 + number, &asked.2, &all);
        assert_eq!(counted(&asked.2, "forged"), 0);
    }
    let sizes: Vec<usize> = keys(&mut server.connection())
        .iter()
        .map(|name| redis::cmd("STRLEN").arg(name).query(&mut server.connection()).unwrap())
        .collect();
    assert!(
        sizes.iter().all(|size| *size >= good.len()) && sizes.iter().any(|size| *size > good.len()),
        "{sizes:?} {}",
        good.len()
    );
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let short = Config { redis_secret: Some(Secret::new("short-CANARY")), ..with(place.path(), server.url()) };
    let error = Client::open_with(source.path(), short).err().unwrap();
    assert!(error.code() == Code::InvalidParams && !format!("{error:?}").contains("CANARY"), "{error}");
}

#[test]
fn of_a_cluster_each_answer_is_with_the_node_that_holds_its_slot() {
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let node = || {
        let bus = std::cell::Cell::new(0);
        let arguments = |port: u16| {
            bus.set(free());
            let words = ["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"].map(str::to_owned);
            [&["--port".into(), port.to_string(), "--cluster-port".into(), bus.get().to_string()], &words[..]].concat()
        };
        Server::with(TempDir::new().unwrap(), arguments, 0).map(|server| (server, bus.get()))
    };
    let (Some((left, _)), Some((right, right_bus))) = (node(), node()) else { return };
    let tell = |server: &Server, words: &[&str]| -> redis::Value {
        let mut command = redis::cmd("CLUSTER");
        command.arg(words);
        command.query(&mut server.connection()).unwrap()
    };
    tell(&left, &["ADDSLOTSRANGE", "0", "8191"]);
    tell(&right, &["ADDSLOTSRANGE", "8192", "16383"]);
    tell(&left, &["MEET", "127.0.0.1", &right.port.to_string(), &right_bus.to_string()]);
    until("no cluster", || {
        [&left, &right].iter().all(|node| format!("{:?}", tell(node, &["INFO"])).contains("cluster_state:ok"))
    });
    let questions: Vec<_> = (0..8).map(|n| grouped().aggregate(AggregateFn::Count, "CNES", &format!("n{n}"))).collect();
    let size = |server: &Server| keys(&mut server.connection()).len();
    let (_place, _source, client, _) = elsewhere(left.url());
    until("not all are kept", || {
        let refresh = |params: &QueryParams| crate::with(params.clone(), CacheMode::Refresh);
        questions.iter().for_each(|params| drop(ask(&client, &refresh(params))));
        std::thread::sleep(Duration::from_millis(200));
        size(&left) + size(&right) == 8
    });
    assert!(size(&left) > 0 && size(&right) > 0, "{} and {}", size(&left), size(&right));
    // Another machine knows the other node.
    let hits = |params: &QueryParams| {
        let (_place, _source, client, _) = elsewhere(right.url());
        std::thread::sleep(Duration::from_millis(50));
        ask(&client, params).1.cache == CacheUse::HitL2
    };
    for params in &questions {
        until("no hit", || hits(params));
    }
    // A slot on its way from one node to the other.
    let key = keys(&mut left.connection()).remove(0);
    let text = |value: redis::Value| redis::from_redis_value::<String>(value).unwrap();
    let slot = redis::from_redis_value::<i64>(tell(&left, &["KEYSLOT", &key])).unwrap().to_string();
    let (from, to) = (text(tell(&left, &["MYID"])), text(tell(&right, &["MYID"])));
    tell(&right, &["SETSLOT", &slot, "IMPORTING", &from]);
    tell(&left, &["SETSLOT", &slot, "MIGRATING", &to]);
    let mut migrate = redis::cmd("MIGRATE");
    migrate.arg("127.0.0.1").arg(right.port).arg(&key).arg(0).arg(5_000).arg("AUTH").arg(PASSWORD);
    migrate.query::<()>(&mut left.connection()).unwrap();
    assert_eq!(size(&left) + size(&right), 8);
    for params in &questions {
        until("no hit while a slot moves", || hits(params));
    }
}

/// How often a Redis that never answers may be asked within `took`: at first, and after pauses each twice as long as the last.
fn most_asked(took: Duration) -> u64 {
    let pauses = (0..).map(|number| Duration::from_millis(500) * 2u32.pow(number));
    let ends = pauses.scan(Duration::ZERO, |end, pause| {
        *end += pause;
        Some(*end)
    });
    1 + ends.take_while(|end| *end <= took).count() as u64
}

/// Who asks in vain has waited for 30 ms, and hardly any job asks: that is what makes it 50 ms.
fn hardly_any_asked(client: &Client, took: Duration) {
    let most = most_asked(took);
    let failed = counted(client, "redis-slow") + counted(client, "redis-unreachable");
    // Who keeps answers may have found the same, beside the jobs.
    assert!((1..=2 * most).contains(&failed), "{failed} in {took:?}");
    let skipped = counted(client, "redis-skipped");
    assert!(skipped >= 20 - most.min(19), "{skipped} in {took:?}");
}

#[test]
fn a_redis_that_is_down_or_does_not_answer_costs_a_job_no_more_than_fifty_milliseconds() {
    let Some(server) = Server::start() else { return };
    // Nothing passes: connections are taken, and nothing is answered.
    let hold = Hold::after(0);
    let port = proxy::holding(server.port, hold.clone());
    let questions = |number: usize| grouped().aggregate(AggregateFn::Count, "CNES", &format!("n{number}"));
    let place = TempDir::new().unwrap();
    let source = TempDir::new().unwrap();
    write(source.path(), "AC", 30, "100.00");
    let time = |client: &Client, from: usize| {
        let began = Instant::now();
        (from..from + 20).for_each(|number| assert_eq!(ask(client, &questions(number)).1.cache, CacheUse::Miss));
        began.elapsed()
    };
    let (without, _) = open(source.path(), config(place.path()));
    ask(&without, &grouped());
    let base = time(&without, 0);
    let (slow, _) = open(source.path(), with(place.path(), server.url_at(port)));
    let slowly = time(&slow, 0);
    hardly_any_asked(&slow, slowly);
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (down, _) = open(source.path(), with(place.path(), server.url_at(refused)));
    let without_one = time(&down, 0);
    hardly_any_asked(&down, without_one);
    let per_job = |took: Duration| took.saturating_sub(base) / 20;
    println!(
        "per job: {:?} alone, {:?} more with a Redis that is silent, {:?} with none there",
        base / 20,
        per_job(slowly),
        per_job(without_one)
    );
    assert!(per_job(slowly).max(per_job(without_one)) <= quiet::most(Duration::from_millis(50)));
    // It is asked again once it answers.
    hold.release();
    let kept = || redis::cmd("DBSIZE").query::<usize>(&mut server.connection()).unwrap();
    let asked = std::cell::Cell::new(100);
    until("nothing was kept", || {
        // Another question each time.
        asked.set(asked.get() + 1);
        ask(&slow, &questions(asked.get()));
        std::thread::sleep(Duration::from_millis(100));
        kept() > 0
    });
}

#[test]
fn over_tls_only_to_whom_the_authority_vouches_for() {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let of_server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let files = TempDir::new().unwrap();
    let file = |name: &str, text: String| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (ca, own, private) =
        (file("ca.pem", certificate), file("own.pem", of_server.pem()), file("key.pem", key.serialize_pem()));
    let arguments = |port: u16| {
        let words = ["--port", "0", "--tls-auth-clients", "no", "--tls-port"].map(str::to_owned);
        let shown = |path: &Path| path.display().to_string();
        let named = ["--tls-cert-file".into(), shown(&own), "--tls-key-file".into(), shown(&private)];
        [&words[..], &[port.to_string()], &named, &["--tls-ca-cert-file".into(), shown(&ca)]].concat()
    };
    let Some(server) = Server::with(TempDir::new().unwrap(), arguments, 0) else { return };
    let url = format!("rediss://:{PASSWORD}@localhost:{}/0", server.port);
    let ask_twice = |ca: Option<std::path::PathBuf>| {
        let machine = || {
            let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            write(source.path(), "AC", 30, "100.00");
            let (client, _) = open(source.path(), Config { redis_ca: ca.clone(), ..with(place.path(), url.clone()) });
            std::thread::sleep(Duration::from_millis(100));
            (place, source, client)
        };
        let first = machine();
        ask(&first.2, &grouped());
        std::thread::sleep(Duration::from_millis(200));
        let second = machine();
        (
            ask(&second.2, &grouped()).1.cache,
            counted(&second.2, "redis-unreachable") + counted(&second.2, "redis-refused"),
        )
    };
    let untrusted = ask_twice(None);
    assert_eq!(untrusted.0, CacheUse::Miss, "an authority that nobody named");
    until("no hit over TLS", || ask_twice(Some(ca.clone())).0 == CacheUse::HitL2);
    assert!(server.place().exists());
}

#[test]
fn an_address_that_is_none_is_told_without_its_password() {
    let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for url in ["http://u:hunter2-CANARY@host/", "redis://u:hunter2-CANARY@host:x/0", "hunter2-CANARY"] {
        let error = Client::open_with(source.path(), with(place.path(), url.to_owned())).err().unwrap();
        assert_eq!(error.code(), Code::InvalidParams);
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
    }
}

#[test]
fn the_hundred_and_first_question_of_a_key_waits_over_all_processes_that_share_a_redis() {
    let Some(server) = Server::start() else { return };
    let machine = |url: Option<String>| {
        let (place, source) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        write(source.path(), "AC", 3, "100.00");
        let config = Config { redis: url.map(Secret::new), cache_memory: 0, rate_limit: 20, ..config(place.path()) };
        (Client::open_with(source.path(), config).unwrap(), place, source)
    };
    let key = |name: &str| {
        let mut params = grouped();
        params.options.rate_key = Some(name.into());
        params
    };
    // Without Redis each process counts for itself, and who gives no key is not counted.
    let (alone, _place, _source) = machine(None);
    let began = Instant::now();
    let mut asked = 0;
    let error = loop {
        match alone.query(&key("ana")) {
            Ok(rows) => rows.for_each(drop),
            Err(error) => break error,
        }
        asked += 1;
        assert!(asked <= 60, "nobody is refused");
    };
    // 20 at once, and one more every 3 s that these take.
    assert!((20..=21 + began.elapsed().as_secs() / 3).contains(&asked), "{asked}");
    assert_eq!((error.code(), error.retryable()), (Code::QueueFull, true));
    let seconds = error.diagnostic()["retry_after_sec"].as_u64().unwrap();
    assert!((1..=3).contains(&seconds), "{error}");
    ask(&alone, &key("bia"));
    ask(&alone, &grouped());

    let (left, right) = (machine(Some(server.url())), machine(Some(server.url())));
    let counted = || keys(&mut server.connection()).iter().any(|key| key.starts_with("datasus:rate:{"));
    until("Redis does not count", || {
        ask(&left.0, &key(&format!("warm {:?}", Instant::now())));
        std::thread::sleep(Duration::from_millis(600));
        counted()
    });
    assert!(!keys(&mut server.connection()).iter().any(|key| key.contains("warm")), "no name of a key is kept");
    until("Redis does not count for the other", || {
        let before = keys(&mut server.connection()).len();
        ask(&right.0, &key(&format!("{:?}", Instant::now())));
        std::thread::sleep(Duration::from_millis(600));
        keys(&mut server.connection()).len() > before
    });
    let passes = |client: &Client, name: &str| match client.explain(&grouped()).and_then(|_| client.query(&key(name))) {
        Ok(rows) => {
            rows.for_each(drop);
            true
        }
        Err(error) => {
            assert_eq!(error.code(), Code::QueueFull, "{error}");
            false
        }
    };
    // 20 at once, and one every 3 s meanwhile; alone each would let 20 pass. A Redis that is late once is left alone for a while, and
    // each counts for itself: another key is asked for then.
    let rounds = std::cell::Cell::new(0);
    until("each counts for itself", || {
        rounds.set(rounds.get() + 1);
        let (name, began) = (format!("caio {}", rounds.get()), Instant::now());
        let passed =
            (0..60).filter(|turn| passes(if turn % 2 == 0 { &left.0 } else { &right.0 }, &name)).count() as u64;
        println!("{passed} of 60 at 20 a minute passed in {:?}", began.elapsed());
        assert!(passed >= 20, "{passed}");
        passed <= 21 + began.elapsed().as_secs() / 3
    });
}
