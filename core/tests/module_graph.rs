//! The line that data travels has no way back: a room uses only those that stand before it.

use std::collections::BTreeSet;
use std::path::Path;

/// In order: each may use those before it. `lib` is the door and uses all.
const ROOMS: &[&str] = &[
    "base",
    "config",
    "governor",
    "metrics",
    "recovery",
    "scheduler",
    "catalog",
    "store",
    "source",
    "lake",
    "params",
    "gate",
    "plan",
    "engine",
    "sink",
    "run",
    "client",
    "contract",
];
/// What the core does not know.
const FOREIGN: &[&str] = &["tokio", "pyo3", "napi", "uniffi"];
/// An async runtime is at home only in a sink or source that owns one.
const OWN_RUNTIME: &[&str] = &["sink/postgres"];

/// The arrows of a file that go up, or nowhere, as `room -> room (line)`.
fn upward(room: &str, text: &str) -> Vec<String> {
    let position = |name: &str| ROOMS.iter().position(|r| *r == name);
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for foreign in FOREIGN {
            if code.contains(&format!("{foreign}::")) {
                found.push(format!("{room} -> {foreign} (line {})", number + 1));
            }
        }
        for (at, _) in code.match_indices("crate::") {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            for used in used(&code[at + 7..]) {
                let allowed = match (position(room), position(&used)) {
                    (Some(from), Some(to)) => to <= from,
                    _ => false,
                };
                if !allowed {
                    found.push(format!("{room} -> {used} (line {})", number + 1));
                }
            }
        }
    }
    found
}

/// The first names of a path, or of each path in braces.
fn used(path: &str) -> BTreeSet<String> {
    let name = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    match path.strip_prefix('{') {
        None => [name(path)].into(),
        Some(list) => {
            let mut depth = 0;
            let flat: String = list
                .chars()
                .take_while(|c| {
                    depth += i32::from(*c == '{') - i32::from(*c == '}');
                    depth >= 0
                })
                .collect();
            let mut depth = 0;
            flat.split(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                c == ',' && depth == 0
            })
            .map(name)
            .filter(|name| !name.is_empty())
            .collect()
        }
    }
}

fn walk(folder: &Path, room: Option<&str>, found: &mut Vec<String>, files: &mut usize) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            walk(&path, room.or(Some(&stem)), found, files);
        } else if stem != "lib" && path.extension().is_some_and(|e| e == "rs") {
            let room = room.unwrap_or(&stem);
            let text = std::fs::read_to_string(&path).unwrap();
            let at_home = OWN_RUNTIME.iter().any(|owner| path.parent().unwrap().ends_with(owner));
            let arrows = upward(room, &text).into_iter().filter(|arrow| !(at_home && arrow.contains("-> tokio")));
            found.extend(arrows.map(|arrow| format!("{}: {arrow}", path.display())));
            *files += 1;
        }
    }
}

#[test]
fn no_room_uses_one_that_stands_after_it() {
    let (mut found, mut files) = (Vec::new(), 0);
    walk(&Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("src"), None, &mut found, &mut files);
    assert!(files > 40, "{files} files");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_arrow_that_goes_up_is_seen() {
    assert_eq!(upward("lake", "use crate::plan::Plan;"), ["lake -> plan (line 1)"]);
    assert_eq!(upward("base", "\nuse crate::{base::Error, run::{Job, Report}};"), ["base -> run (line 2)"]);
    assert_eq!(upward("plan", "let x: crate::Error;"), ["plan -> Error (line 1)"]);
    assert_eq!(upward("sink", "tokio::spawn(x)"), ["sink -> tokio (line 1)"]);
    assert!(upward("run", "use crate::{base::Error, sink::Csv}; // crate::client").is_empty());
}

#[test]
fn arithmetic_is_checked_for_overflow_in_the_one_profile() {
    let most = std::hint::black_box(u8::MAX);
    assert!(std::panic::catch_unwind(|| std::hint::black_box(most + 1)).is_err());
}
