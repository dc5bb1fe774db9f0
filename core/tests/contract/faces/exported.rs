//! What the crate exports is on purpose: `core/api.txt` names it, enumerations and outputs can grow, and what only the faces of other
//! languages use stands in one hidden module.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn src() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("src")
}

/// The statements of a file that export something: without tests, and what rustdoc is not to show.
fn exports(text: &str) -> Vec<String> {
    let (mut found, mut hidden, mut open) = (Vec::new(), false, String::new());
    for line in text.lines() {
        if !open.is_empty() {
            open += line.trim();
            if line.contains(';') {
                found.push(std::mem::take(&mut open));
            }
            continue;
        }
        match line {
            "#[doc(hidden)]" | "#[cfg(test)]" => hidden = true,
            _ if line.starts_with("pub use ") && !line.contains(';') => open = line.to_owned(),
            _ if line.starts_with("pub ") => {
                if !std::mem::take(&mut hidden) {
                    found.push(line.to_owned());
                }
            }
            _ if line.starts_with("#[") || line.starts_with("///") => {}
            _ => hidden = false,
        }
    }
    found
}

/// The names of `a::{B, c::D as E}`, each as it is exported.
fn names(path: &str) -> Vec<String> {
    let path = path.trim().trim_end_matches(';');
    let last = |one: &str| {
        let one = one.split(" as ").last().unwrap_or(one);
        one.rsplit("::").next().unwrap_or(one).trim().to_owned()
    };
    match path.split_once('{') {
        Some((_, list)) => list.trim_end_matches('}').split(',').map(last).filter(|name| !name.is_empty()).collect(),
        None => vec![last(path)],
    }
}

/// What `module`, whose text lies at `file`, exports: every name with its whole path.
fn of_module(module: &str, file: &Path, out: &mut BTreeSet<String>) {
    let text = std::fs::read_to_string(file).unwrap();
    for export in exports(&text) {
        let rest = export.trim_start_matches("pub ");
        if let Some(path) = rest.strip_prefix("use ") {
            out.extend(names(path).into_iter().map(|name| format!("{module}::{name}")));
        } else if let Some(name) = rest.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            let folder = match file.file_stem().unwrap().to_str().unwrap() {
                "mod" | "lib" => file.parent().unwrap().to_owned(),
                stem => file.with_file_name(stem),
            };
            let [one, several] = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")];
            of_module(&format!("{module}::{name}"), if one.exists() { &one } else { &several }, out);
        } else {
            let mut words = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
            let kinds = ["struct", "enum", "trait", "fn", "const", "static", "type"];
            if let Some(kind) = words.next().filter(|word| kinds.contains(word))
                && let Some(name) = words.next()
            {
                out.insert(format!("{module}::{name} ({kind})"));
            }
        }
    }
}

#[test]
fn what_the_crate_exports_is_what_its_list_names() {
    let mut exported = BTreeSet::new();
    of_module("datasus", &src().join("lib.rs"), &mut exported);
    assert!(
        exported.contains("datasus::Client") && exported.contains("datasus::sink::postgres::Mode"),
        "{exported:#?}"
    );
    let is: String = exported.iter().map(|line| format!("{line}\n")).collect();
    let list = src().join("../api.txt");
    if std::env::var_os("DATASUS_BLESS").is_some() {
        std::fs::write(&list, &is).unwrap();
    }
    let was = std::fs::read_to_string(&list).unwrap_or_default();
    let [is, was] = [&is, &was].map(|text| text.lines().collect::<BTreeSet<_>>());
    let (more, less): (Vec<_>, Vec<_>) = (is.difference(&was).collect(), was.difference(&is).collect());
    assert!(
        more.is_empty() && less.is_empty(),
        "exported, and not in core/api.txt: {more:#?}; in it, and not exported: {less:#?}. Make what users need not see \
         `pub(crate)`, or write the list anew: DATASUS_BLESS=1 cargo test --workspace --test contract faces"
    );
    // What is hidden is one module, which says what it is for, and the parts that it hands on.
    let hidden = exported.iter().filter(|name| name.contains("::faces") || name.contains("::of_faces")).count();
    assert_eq!(hidden, 0);
    assert!(
        std::fs::read_to_string(src().join("faces.rs")).unwrap().starts_with("//! What the faces of other languages")
    );
}

/// Each of them must be known whole to whoever acts on it, or the answer is wrong: a new one is to break the build.
const CLOSED: [(&str, &str); 17] = [
    ("Predicate", "an engine that knows a condition not gives other rows"),
    ("Projection", "the same, of columns"),
    ("Ask", "the same, of the question"),
    ("Scalar", "the same, of a value"),
    ("BindValue", "the same, of a parameter's value"),
    ("Test", "the same, of records"),
    ("Binds", "the same, of a statement's parameters"),
    ("Output", "the same, of a scan's column"),
    ("Next", "a reader that does not know an end waits for ever"),
    ("CommittedUnits", "a sink that does not know what it holds writes it twice"),
    ("LogicalType", "values of a type that is not known are written wrong"),
    ("DateFormat", "the same"),
    ("Form", "the same, of codes"),
    ("Period", "files of another span are looked for by the wrong name"),
    ("Status", "C gives each a number of its own"),
    ("Mode", "the same"),
    ("Input", "a label that is made of the wrong thing is wrong"),
];

/// Every `pub enum` of the rooms, with whether it can grow, and every record of the contract's outputs.
fn kinds(folder: &Path, found: &mut BTreeMap<String, bool>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            kinds(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut attributes = String::new();
        for line in text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().lines() {
            let name = |kind: &str| {
                let rest = line.strip_prefix(kind)?;
                Some(rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned())
            };
            match name("pub enum ") {
                Some(name) => {
                    let grows = attributes.contains("non_exhaustive");
                    found.entry(name).and_modify(|all| *all &= grows).or_insert(grows);
                    attributes.clear();
                }
                None if line.starts_with("#[") || line.starts_with("    ") || line.starts_with(")]") => {
                    attributes += line;
                }
                None if line.starts_with("///") => {}
                None => attributes.clear(),
            }
        }
    }
}

#[test]
fn an_enumeration_that_is_exported_can_grow_unless_it_must_be_known_whole() {
    let mut exported = BTreeSet::new();
    of_module("datasus", &src().join("lib.rs"), &mut exported);
    let name_of = |path: &String| path.rsplit("::").next().unwrap().trim_end_matches(" (enum)").to_owned();
    let exported: BTreeSet<String> = exported.iter().map(name_of).collect();
    let mut all = BTreeMap::new();
    kinds(&src(), &mut all);
    assert!(all.len() > 50, "{all:?}");
    let closed = |name: &str| CLOSED.iter().any(|(one, _)| *one == name);
    let bare: Vec<&String> = all
        .iter()
        .filter(|(name, grows)| exported.contains(*name) && !**grows && !closed(name))
        .map(|(name, _)| name)
        .collect();
    assert!(bare.is_empty(), "without #[non_exhaustive], and not among those that are closed: {bare:?}");
    let stale: Vec<&str> = CLOSED.iter().map(|(name, _)| *name).filter(|name| all.get(*name) != Some(&false)).collect();
    assert!(stale.is_empty(), "{stale:?}");
}
