//! Both READMEs name commands that exist, and say the same.

use std::path::Path;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("..").join(name)).unwrap()
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
        ".competencia(\"202401\", \"202401\").bind(\"sexo\", \"3\");",
        "let table = Postgres { table: Some(\"sih_data.valor_por_cnes\".into()), mode: Mode::Replace, ..Default::default() };",
        "let report = client.export(&params, [table.into()])?;",
    ] {
        for text in [read("README.md"), read("README.pt-BR.md"), documented.clone()] {
            assert!(text.contains(line), "{line}");
        }
    }
}
