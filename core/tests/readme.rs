//! Both READMEs name commands that exist; what stands in English and in Portuguese says the same.

use std::path::{Path, PathBuf};

#[path = "readme/pairs.rs"]
mod pairs;

#[path = "readme/events.rs"]
mod events;

fn root() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("..")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Inside fenced blocks, the lines that are neither drawing nor comment.
fn commands(text: &str) -> Vec<String> {
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        if line.starts_with("```") {
            inside = !inside && line.len() > 3;
            return false;
        }
        inside
    });
    lines
        .map(|line| line.split(['#', '/']).next().unwrap_or("").trim().to_owned())
        .filter(|l| l.starts_with("make"))
        .collect()
}

#[test]
fn every_make_target_in_the_readmes_exists_and_both_say_the_same() {
    let (english, portuguese, makefile) = (read("README.md"), read("README.pt-BR.md"), read("Makefile"));
    for word in [&english, &portuguese].iter().flat_map(|text| text.split("make ").skip(1)) {
        let target: String = word.chars().take_while(|c| c.is_ascii_lowercase()).collect();
        if !target.is_empty() && word.starts_with(|c: char| c.is_ascii_lowercase()) {
            assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
        }
    }
    let headings = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    let fences = |text: &str| text.matches("```").count();
    assert_eq!((headings(&english), fences(&english)), (headings(&portuguese), fences(&portuguese)));
    assert_eq!(commands(&english), commands(&portuguese));
    assert!(!commands(&english).is_empty());
}

/// The Rust example of the READMEs is the one that the crate's own documentation compiles.
#[test]
fn the_readmes_show_the_api_that_compiles() {
    let documented = read("core/src/lib.rs");
    for line in [
        "use datasus::{Client, Csv, Parquet, QueryParams, col};",
        "for batch in client.query(&params)? {",
        "use datasus::{Postgres, sink::postgres::Mode};",
        ".competencia(\"202401\").bind(\"sexo\", \"3\");",
        "let table = Postgres { table: Some(\"sih_data.valor_por_cnes\".into()), mode: Mode::Replace, ..Default::default() };",
        "let report = client.export(&params, table)?;",
    ] {
        for text in [read("README.md"), read("README.pt-BR.md"), documented.clone()] {
            assert!(text.contains(line), "{line}");
        }
    }
}

/// Whatever the language: one line to the ministry's server, and what it does without a network.
#[test]
fn the_first_example_of_each_language_opens_the_ministrys_server_and_its_page_says_what_happens_offline() {
    for (page, languages) in [
        ("README.md", &["rust", "python", "js", "c", "go"][..]),
        ("README.pt-BR.md", &["rust", "python", "js", "c", "go"]),
        ("bindings-python/README.md", &["python"]),
        ("bindings-node/README.md", &["ts"]),
        ("bindings-c/README.md", &["c", "go"]),
    ] {
        let text = read(page);
        for language in languages {
            let (_, block) = text.split_once(&format!("\n```{language}\n")).unwrap();
            let (example, _) = block.split_once("\n```").unwrap();
            let opened = example.lines().find(|line| line.to_lowercase().contains("open(")).unwrap_or_default();
            assert!(opened.contains("datasus://"), "{page}, {language}: {example}");
        }
        let mut parts = text.split("\n\n");
        assert!(parts.any(|part| part.contains("DS-502") && part.contains(" lake ")), "{page}");
    }
}

/// Texts that teach, below the project's root.
fn taught(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let skipped = ["target", "node_modules", "tests", "benches", "core", "shared"].contains(&name.as_str());
        let teaches = [".md", ".py", ".ts", ".mjs", ".go", ".c", ".ipynb", ".rs"].iter().any(|end| name.ends_with(end));
        match path.is_dir() {
            true if !skipped && !name.starts_with('.') => taught(&path, into),
            false if teaches => into.push(path),
            _ => {}
        }
    }
}

#[test]
fn no_example_takes_idade_alone_for_an_age() {
    let root = root();
    let mut files = vec![root.join("core/src/lib.rs"), root.join("core/src/params/filter.rs")];
    taught(&root, &mut files);
    assert!(files.len() > 50, "{}", files.len());
    let compares = ["between", ".lt(", ".le(", "\", \"op\": \"between", "< 1", "<= 1", "BETWEEN"];
    let mut seen = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        for (at, _) in text.match_indices("IDADE").filter(|(at, _)| !text[..*at].ends_with('_')) {
            let after: String = text[at..].chars().take(40).collect();
            if compares.iter().any(|sign| after.replace('\\', "").contains(sign)) {
                seen += 1;
                let before: String = text[..at].chars().rev().take(250).collect::<Vec<_>>().into_iter().rev().collect();
                assert!(before.contains("COD_IDADE"), "{}: {after}", file.display());
            }
        }
    }
    assert!(seen > 5, "only {seen} conditions on IDADE were found");
}
