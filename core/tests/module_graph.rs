//! The line that data travels has no way back: a room uses only those that stand before it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// In order: each may use those before it. `lib` is the door and uses all.
const ROOMS: &[&str] = &[
    "base",
    "columnar",
    "config",
    "governor",
    "metrics",
    "recovery",
    "scheduler",
    "catalog",
    "store",
    "telemetry",
    "mirror",
    "source",
    "labels",
    "lake",
    "params",
    "gate",
    "plan",
    "engine",
    "cache",
    "limit",
    "estimate",
    "sink",
    "run",
    "client",
    "worker",
    "contract",
    "faces",
];
/// What unit tests alone are compiled with.
const OF_TESTS: &[&str] = &["skip"];
/// What the core does not know.
const FOREIGN: &[&str] = &["tokio", "pyo3", "napi", "uniffi"];
/// An async runtime is at home only in a sink or source that owns one.
const OWN_RUNTIME: &[&str] = &["sink/postgres", "store", "store/s3"];

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
            for used in used(&code[at + 7..]).into_iter().filter(|name| !OF_TESTS.contains(&name.as_str())) {
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

/// What a file of `room` takes from its neighbours: names behind `super::` (`up` folders below the room), or behind `prefix`.
fn taken(text: &str, up: usize, prefix: &str) -> BTreeSet<String> {
    let above = "super::".repeat(up + 1);
    let mut names = BTreeSet::new();
    for line in text.split("#[cfg(test)]").next().unwrap_or_default().split(';') {
        let code: String = line.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        for way in [above.as_str(), prefix] {
            for (at, _) in code.match_indices(way) {
                // Not the end of another path, nor of a longer one of `super`.
                if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                    let rest: String = code[at + way.len()..].chars().filter(|c| !c.is_whitespace()).collect();
                    names.extend(used(&rest).into_iter().filter(|name| name != "super" && name != "self"));
                }
            }
        }
    }
    names
}

/// Which module of a room gives each name that its `mod.rs` hands on.
fn handed_on(text: &str) -> BTreeMap<String, String> {
    let mut from = BTreeMap::new();
    for statement in text.split(';') {
        let code: String = statement.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let Some((_, path)) = code.split_once("use ") else { continue };
        let path = path.trim().trim_start_matches("self::");
        if let Some((module, names)) = path.split_once("::") {
            for name in used(names) {
                from.insert(name, module.trim().to_owned());
            }
        }
    }
    from
}

/// The arrows between the modules of the folder `room`, which others name by `prefix`.
fn within(room: &Path, prefix: &str) -> BTreeMap<String, BTreeSet<String>> {
    fn files(folder: &Path, up: usize, module: Option<&str>, into: &mut Vec<(String, usize, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                files(&path, up + 1, module.or(Some(&stem)), into);
            } else if path.extension().is_some_and(|e| e == "rs") && stem != "tests" && stem != "lib" {
                // A folder's `mod.rs` stands where the folder does.
                let (own, up) =
                    if stem == "mod" { (module, up.saturating_sub(1)) } else { (module.or(Some(&stem)), up) };
                if let Some(own) = own {
                    into.push((own.to_owned(), up, std::fs::read_to_string(&path).unwrap()));
                }
            }
        }
    }
    let mut all = Vec::new();
    files(room, 0, None, &mut all);
    let facade = ["mod.rs", "lib.rs"].iter().find_map(|name| std::fs::read_to_string(room.join(name)).ok());
    let from = handed_on(&facade.unwrap_or_default());
    let modules: BTreeSet<String> = all.iter().map(|(module, ..)| module.clone()).collect();
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, up, text) in &all {
        let names = taken(text, *up, prefix).into_iter();
        let to =
            names.map(|name| if modules.contains(&name) { name } else { from.get(&name).cloned().unwrap_or(name) });
        arrows.entry(module.clone()).or_default().extend(to.filter(|to| modules.contains(to) && to != module));
    }
    arrows
}

/// Modules that reach each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reached = |from: &String| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            for to in arrows.get(at).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    open.push(to);
                }
            }
        }
        seen
    };
    let all: BTreeMap<&String, BTreeSet<String>> = arrows.keys().map(|module| (module, reached(module))).collect();
    let circle = |module: &&String| -> Vec<String> {
        all[*module].iter().filter(|other| all.get(other).is_some_and(|back| back.contains(*module))).cloned().collect()
    };
    all.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// Inside a room, and inside each face, the files too stand in an order: none uses one that uses it, however far around. A room's own
/// `mod.rs`, a crate's `lib.rs` and tests stand aside.
#[test]
fn no_file_of_a_room_or_a_face_uses_one_that_uses_it() {
    let core = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).to_owned();
    let mut rooms: Vec<(String, std::path::PathBuf, String)> = ROOMS
        .iter()
        .map(|room| ((*room).to_owned(), core.join("src").join(room), format!("crate::{room}::")))
        .filter(|(_, folder, _)| folder.is_dir())
        .collect();
    for face in ["bindings-c", "bindings-node", "bindings-python"] {
        rooms.push((face.to_owned(), core.join("..").join(face).join("src"), "crate::".into()));
    }
    let mut found = BTreeSet::new();
    for (room, folder, prefix) in &rooms {
        found.extend(circles(&within(folder, prefix)).into_iter().map(|circle| (room, circle)));
    }
    assert!(found.is_empty(), "circles: {found:#?}");
}

#[test]
fn a_circle_is_seen() {
    let folder = std::env::temp_dir().join(format!("datasus-circle-{}", std::process::id()));
    let room = folder.join("room");
    std::fs::create_dir_all(room.join("c")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(room.join(name), text).unwrap();
    write("mod.rs", "mod a;\nmod b;\nmod c;\npub use c::{Deep, Other};\n");
    write("a.rs", "use super::b::{\n    One,\n    Two,\n};\n");
    write("b.rs", "use super::Deep;\n");
    write("c/mod.rs", "mod deep;\npub use deep::Deep;\n");
    write("c/deep.rs", "use super::Deep;\n// use super::super::a::X;\n");
    assert!(circles(&within(&room, "crate::room::")).is_empty());
    write("c/deep.rs", "use super::super::{a::X, b};\n");
    assert_eq!(circles(&within(&room, "crate::room::")), [vec!["a".into(), "b".into(), "c".into()]].into());
    write("c/deep.rs", "use crate::room::a::X;\n#[cfg(test)]\nuse super::super::b;");
    assert_eq!(circles(&within(&room, "crate::room::")).len(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn arithmetic_is_checked_for_overflow_also_where_it_is_fast() {
    let most = std::hint::black_box(u8::MAX);
    assert!(std::panic::catch_unwind(|| std::hint::black_box(most + 1)).is_err());
}
