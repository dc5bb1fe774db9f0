//! What other languages see of the contract: written from its schema with `DATASUS_BLESS=1` (`make contract`), compared without.

mod docs;
mod exported;
mod go;
mod model;
mod pydantic;
mod python;
mod typescript;

use std::path::{Path, PathBuf};

use model::Model;

fn at(name: &str) -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("..").join(name)
}

/// A file as it should be, given what stands there.
type Made = fn(&Model, &str) -> String;

const FILES: &[(&str, Made)] = &[
    ("bindings-node/ts/contract.ts", |model, _| typescript::file(model)),
    ("bindings-python/python/datasus/contract.py", |model, _| python::file(model)),
    ("bindings-python/python/datasus/models.py", |model, _| pydantic::file(model)),
    ("bindings-c/go/contract.go", |model, _| go::file(model)),
    ("docs/contract.md", docs::in_english),
    ("docs/pt/contract.md", docs::in_portuguese),
];

#[test]
fn every_generated_file_is_what_the_core_says() {
    let model = Model::of(&datasus::contract::schema());
    let bless = std::env::var_os("DATASUS_BLESS").is_some();
    let mut stale = Vec::new();
    for (name, made) in FILES {
        let is = std::fs::read_to_string(at(name)).unwrap_or_default();
        let should = made(&model, &is);
        if is == should {
            continue;
        }
        if bless {
            std::fs::write(at(name), should).unwrap();
        } else {
            let line = is.lines().zip(should.lines()).position(|(a, b)| a != b).unwrap_or(0);
            let shown = should.lines().nth(line).unwrap_or_default();
            stale.push(format!("{name}, line {}: the core says {shown:?}", line + 1));
        }
    }
    assert!(stale.is_empty(), "run `make contract`, and look at what changed:\n{}", stale.join("\n"));
}

/// What is written by hand because it is more comfortable than the contract names every key of it nonetheless.
#[test]
fn what_faces_write_by_hand_has_every_key_of_the_contract() {
    let model = Model::of(&datasus::contract::schema());
    let hand = [
        ("bindings-python/python/datasus/_open.py", "Config", "    {snake}: "),
        ("bindings-python/python/datasus/_client.py", "QueryParams", "        {snake}: "),
        ("bindings-python/python/datasus/_sinks.py", "Csv", "    {snake}: "),
        ("bindings-python/python/datasus/_sinks.py", "Parquet", "    {snake}: "),
        ("bindings-python/python/datasus/_sinks.py", "Postgres", "    {snake}: "),
        ("bindings-node/ts/client.ts", "Config", "  {camel}?: "),
    ];
    for (file, name, form) in hand {
        let text = std::fs::read_to_string(at(file)).unwrap();
        for field in model.fields(name).iter().filter(|field| !["contract", "options"].contains(&field.name.as_str())) {
            let line = form.replace("{snake}", &field.name).replace("{camel}", &model::camel(&field.name));
            assert!(text.contains(&line), "{file}: {line:?} of {name}");
        }
    }
}
