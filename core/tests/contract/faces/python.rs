//! Python: what is told as typed records, options as a `TypedDict`, the names of the datasets.

use datasus::Catalog;

use super::model::{Model, Named, Shape, Type};
use super::typescript::part;

const HEAD: &str = r#""""The contract, typed: what is told, part by part, the options of a query, and the names of the datasets.

Generated from the core's JSON Schema (``make contract``): change the core instead.

Examples
--------
>>> import datasus
>>> from datasus.contract import Performance
>>> report = client.export("SIH-RD", columns=["CNES"], to=datasus.Csv("contract.csv"))
>>> isinstance(report.performance, Performance), report.performance.duration_sec >= 0
(True, True)
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypedDict

from ._record import Record

"#;

pub fn file(model: &Model) -> String {
    let mut out = HEAD.to_owned();
    out += "#: Every dataset of the catalogue. Its aliases (``RD``, ``dengue``) and any case are read as well.\n";
    let names: Vec<String> = Catalog::builtin().datasets().map(|grupo| grupo.dataset.to_string()).collect();
    out += &words("DatasetName", &names);
    for one in &model.types {
        if let Shape::Words(all) = &one.shape {
            out += "\n";
            out += &comment(&one.doc, "");
            out += &words(&one.name, &all.iter().map(|(word, _)| word.clone()).collect::<Vec<_>>());
        }
    }
    for one in ordered(model) {
        out += "\n\n";
        out += &record(model, one);
    }
    out += "\n\n";
    out += &options(model);
    out
}

/// Literals, in one line where they fit.
fn words(name: &str, words: &[String]) -> String {
    let all: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    let line = format!("{name} = Literal[{}]\n", all.join(", "));
    if line.trim_end().chars().count() <= 120 {
        return line;
    }
    let each: String = all.iter().map(|word| format!("    {word},\n")).collect();
    format!("{name} = Literal[\n{each}]\n")
}

fn sentence(doc: &str) -> String {
    doc.replace('`', "``")
}

/// Records that are told, parts before what they are parts of.
fn ordered(model: &Model) -> Vec<&Named> {
    fn add<'m>(model: &'m Model, one: &'m Named, out: &mut Vec<&'m Named>) {
        let Shape::Record(fields) = &one.shape else { return };
        if one.given || out.iter().any(|seen| seen.name == one.name) {
            return;
        }
        for field in fields {
            if let Some(name) = part(model, &field.kind) {
                add(model, model.named(name), out);
            }
        }
        out.push(one);
    }
    let mut out = Vec::new();
    model.types.iter().for_each(|one| add(model, one, &mut out));
    out
}

/// An attribute's name: `from` is a word of Python's.
fn attribute(name: &str) -> String {
    if ["from", "not", "as", "in"].contains(&name) { format!("{name}_") } else { name.to_owned() }
}

fn record(model: &Model, one: &Named) -> String {
    let Shape::Record(fields) = &one.shape else { return String::new() };
    let mut out = format!("class {}(Record):\n{}\n", one.name, docstring(&one.doc));
    let parts: Vec<String> =
        fields.iter().filter_map(|field| Some(format!("{:?}: {}", field.name, part(model, &field.kind)?))).collect();
    let dictionary = |name: &str, kind: &str, all: &[String]| {
        let line = format!("    {name}: ClassVar[dict[str, {kind}]] = {{{}}}\n", all.join(", "));
        if line.trim_end().len() <= 120 {
            return line;
        }
        let each: String = all.iter().map(|one| format!("        {one},\n")).collect();
        format!("    {name}: ClassVar[dict[str, {kind}]] = {{\n{each}    }}\n")
    };
    let left_out: Vec<String> = fields
        .iter()
        .filter(|field| !field.required)
        .map(|field| {
            format!("{:?}: {}", field.name, if matches!(field.kind, Type::List(_)) { "list" } else { "type(None)" })
        })
        .collect();
    if !parts.is_empty() {
        out += &dictionary("_parts", "type[Record]", &parts);
    }
    if !left_out.is_empty() {
        out += &dictionary("_left_out", "type[Any]", &left_out);
    }
    if !parts.is_empty() || !left_out.is_empty() {
        out += "\n";
    }
    for field in fields {
        if !field.doc.is_empty() {
            out += &comment(&field.doc, "    ");
        }
        let nullable = !field.required && !matches!(field.kind, Type::List(_) | Type::Nullable(_));
        let text = text(model, &field.kind);
        out += &format!("    {}: {text}{}\n", attribute(&field.name), if nullable { " | None" } else { "" });
    }
    out
}

/// A comment of lines that are not too long.
fn comment(doc: &str, indent: &str) -> String {
    wrapped(doc, &format!("{indent}#: "))
}

fn docstring(doc: &str) -> String {
    let lines = wrapped(doc, "    ");
    let text = lines.trim();
    match text.contains('\n') {
        true => format!("    \"\"\"{text}\n    \"\"\"\n"),
        false => format!("    \"\"\"{text}\"\"\"\n"),
    }
}

/// In lines that begin with `head` and are not too long.
fn wrapped(doc: &str, head: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in sentence(doc).split(' ') {
        match lines.last_mut().filter(|line| line.chars().count() + word.chars().count() < 114) {
            Some(line) => *line += &format!(" {word}"),
            None => lines.push(format!("{head}{word}")),
        }
    }
    lines.join("\n") + "\n"
}

fn options(model: &Model) -> String {
    let mut out = String::from("class Options(TypedDict, total=False):\n");
    out += &format!("{}\n", docstring(&model.named("Options").doc));
    for field in model.fields("Options") {
        out += &comment(&field.doc, "    ");
        out += &format!(
            "    {}: {}\n",
            field.name,
            match text(model, &field.kind) {
                nullable if nullable.ends_with("| None") => nullable,
                plain => format!("{plain} | None"),
            }
        );
    }
    out
}

fn text(model: &Model, kind: &Type) -> String {
    type_text(kind, "dict[str, Any]", &|name| {
        let one = model.named(name);
        match &one.shape {
            Shape::Words(_) => name.to_owned(),
            // The contract's JSON, which may be given again.
            Shape::Record(_) if one.given => "dict[str, Any]".to_owned(),
            Shape::Record(_) => name.to_owned(),
            Shape::Other(kind) => text(model, kind),
        }
    })
}

/// A type in Python; `object`: one without a name, `named`: one with.
pub(super) fn type_text(kind: &Type, object: &str, named: &dyn Fn(&str) -> String) -> String {
    let text = |kind: &Type| type_text(kind, object, named);
    match kind {
        Type::Text => "str".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Number => "float".to_owned(),
        Type::Integer(_) => "int".to_owned(),
        Type::Any => "Any".to_owned(),
        Type::Map(inner) => format!("dict[str, {}]", text(inner)),
        Type::List(inner) => format!("list[{}]", text(inner)),
        Type::Texts(_) => "list[str]".to_owned(),
        Type::Nullable(inner) => format!("{} | None", text(inner)),
        Type::Words(words) => literal(words.iter()),
        Type::Union(all) => {
            let mut each: Vec<String> = all.iter().map(text).collect();
            each.dedup();
            each.join(" | ")
        }
        Type::Object(_) => object.to_owned(),
        Type::Named(name) => named(name),
    }
}

pub(super) fn literal<'w>(words: impl Iterator<Item = &'w String>) -> String {
    format!("Literal[{}]", words.map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", "))
}
