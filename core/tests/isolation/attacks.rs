//! What the gate refuses, with the gate turned off: the host lives through all of it, and so do its files. `DATASUS_UNGATED` (40) says
//! how many of the texts run; `make soak` has them all.

use std::net::TcpListener;
use std::time::Duration;

use datasus::{Config, Isolation};

use crate::ungated::{Ungated, view};
use crate::{config, metric, own_program, source, still_answers, workers};

#[path = "../hostile/grammar.rs"]
#[allow(dead_code, reason = "edges are asked elsewhere")]
mod grammar;
#[path = "../../src/gate/tests/attacks.rs"]
mod refused;
#[path = "../../src/gate/tests/hostile.rs"]
#[allow(dead_code, reason = "what is harmless runs elsewhere")]
mod texts;

fn bounds(isolation: Isolation) -> Config {
    Config { memory_limit: Some(128 << 20), spill_limit: 64 << 20, ..config(isolation) }
}

/// Bytes of a process's status.
fn memory(process: &str, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let value = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) << 10
}

#[test]
fn the_host_lives_through_every_attack_with_the_gate_turned_off() {
    let (source, folder) = (source(), tempfile::tempdir().unwrap());
    let program = own_program(folder.path());
    let ungated = Ungated::open(source.path(), Config { worker: Some(program.clone()), ..bounds(Isolation::Process) });
    let files = || {
        let listed = std::fs::read_dir(source.path()).unwrap().map(|entry| entry.unwrap());
        let mut listed: Vec<_> = listed.map(|file| (file.file_name(), file.metadata().unwrap().len())).collect();
        listed.sort();
        listed
    };
    still_answers(&ungated.client);
    let before = files();
    let mut grammar = grammar::Grammar::seeded(18);
    let mut texts: Vec<String> = refused::ATTACKS.iter().map(|text| (*text).to_owned()).collect();
    texts.extend(texts::refused().into_iter().map(|(_, text)| text));
    texts.extend((0..100).map(|_| grammar.text()));
    let most = std::env::var("DATASUS_UNGATED").ok().and_then(|most| most.parse().ok()).unwrap_or(40);
    let texts: Vec<String> = texts.iter().step_by((texts.len() / most).max(1)).cloned().collect();
    let (mut counts, mut peak) = (std::collections::BTreeMap::<String, usize>::new(), 0);
    for text in &texts {
        let ended = ungated.run(text, Vec::new(), 0.3);
        peak = workers(&program).iter().map(|one| memory(&one.to_string(), "VmHWM")).max().unwrap_or(0).max(peak);
        let code = ended.map_or_else(|error| error.code().to_string(), |_| "ran".into());
        if code == "DS-500" {
            println!("DS-500: {}", text.chars().take(120).collect::<String>());
        }
        *counts.entry(code).or_default() += 1;
        still_answers(&ungated.client);
    }
    println!("{} texts: {counts:?}; {} MB in a worker at most", texts.len(), peak >> 20);
    assert_eq!(files(), before);
    assert!(memory("self", "VmHWM") < 1 << 30, "{}", memory("self", "VmHWM"));
    let known = |code: &String| {
        ["ran", "DS-403", "DS-422", "DS-500", "DS-502", "DS-503", "DS-504", "DS-507"].contains(&code.as_str())
    };
    assert!(counts.keys().all(known), "{counts:?}");
    let crashed = metric(&ungated.client, "datasus_engine_workers_crashed_total");
    println!("{crashed} crashed");
}

/// Tables are made before the engine's own door is shut: what they read then the kernel alone refuses.
#[test]
fn no_file_beside_the_planned_ones_is_read_or_written_and_nobody_is_called() {
    let (source, beside) = (source(), tempfile::tempdir().unwrap());
    let planted = beside.path().join("segredo.csv");
    std::fs::write(&planted, "a,b\n1,2\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let written = beside.path().join("escrito.csv");
    let made_of = |relation: &str| view("v", &format!("SELECT 1; CREATE TEMP TABLE x AS SELECT * FROM {relation}"));
    let reads = made_of(&format!("read_csv('{}')", planted.display()));
    let writes = view("x", &format!("SELECT 1 AS a; COPY (SELECT 1) TO '{}'", written.display()));
    let environment = made_of("read_text('/proc/self/environ')");
    let calls = view("x", &format!("SELECT 1 AS a; INSTALL httpfs FROM 'http://127.0.0.1:{port}'"));
    let [here, there] = [Isolation::None, Isolation::Process].map(|which| Ungated::open(source.path(), bounds(which)));
    let run = |of: &Ungated, table: &datasus::plan::View| of.run("SELECT count(*) FROM x", vec![table.clone()], 5.0);
    for table in [&reads, &writes, &environment, &calls] {
        let error = run(&there, table).unwrap_err();
        println!("{error}");
        assert!(!error.detail().contains("SIG"), "{error}");
    }
    assert!(!written.exists());
    assert!(listener.accept().is_err(), "a worker has called");
    still_answers(&there.client);
    assert_eq!(run(&here, &reads).unwrap(), 1, "the test would see a file that is read");
    run(&here, &writes).unwrap();
    assert!(std::fs::remove_file(&written).is_ok(), "the test would see a file that is written");
    assert_eq!(run(&here, &environment).unwrap(), 1);
    std::thread::scope(|scope| {
        let called = scope.spawn(|| run(&here, &calls));
        let mut seen = false;
        for _ in 0..2_000 {
            seen |= listener.accept().is_ok();
            if seen || called.is_finished() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(seen, "the test would see a call");
        drop(called.join());
    });
}
