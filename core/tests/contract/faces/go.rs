//! Go: a struct for each record, a type with constants for each enumeration.

use serde_json::Value;

use super::model::{Field, Model, Named, Shape, Type};

/// Written by hand: what JSON writes in several ways (`unions.go`), and what Go has no use for.
const BY_HAND: [&str; 7] =
    ["Storage", "LogicalType", "OneOrMany", "CompetenciaParam", "Labels", "Destination", "DestinationOptions"];
const NOT_IN_GO: [&str; 4] = ["ArrowStream", "Format", "Ndjson", "Numbers"];

const HEAD: &str =
    "// Code generated from the core's JSON Schema by `make contract`. DO NOT EDIT.\n\npackage datasus\n";

pub fn file(model: &Model) -> String {
    let mut out = HEAD.to_owned();
    for one in &model.types {
        if BY_HAND.contains(&one.name.as_str()) || NOT_IN_GO.contains(&one.name.as_str()) {
            continue;
        }
        out += "\n";
        out += &match &one.shape {
            Shape::Words(words) => enumeration(one, words),
            Shape::Record(fields) => record(one, fields),
            Shape::Other(Type::Union(all)) => record(one, &merged(all)),
            Shape::Other(other) => panic!("{}: {other:?}", one.name),
        };
    }
    out
}

/// The fields of all alternatives, each of which may be left out.
fn merged(all: &[Type]) -> Vec<Field> {
    let mut out = Vec::new();
    for one in all {
        let Type::Object(fields) = one else { panic!("{one:?}") };
        for field in fields {
            out.push(Field { required: false, ..field.clone() });
        }
    }
    out
}

fn type_name(name: &str) -> String {
    match name {
        "QueryParams" => "Params".to_owned(),
        "Csv" => "CSV".to_owned(),
        "Parquet" | "Postgres" => name.to_owned(),
        _ => name.to_owned(),
    }
}

/// `sha256` as `SHA256`, `verify_crc` as `VerifyCRC`.
fn field_name(name: &str) -> String {
    let part = |part: &str| match part {
        "id" | "url" | "uf" | "sql" | "crc" | "sha256" | "gb" | "rps" | "pid" | "bom" => part.to_uppercase(),
        "ufs" => "UFs".to_owned(),
        _ => part[..1].to_uppercase() + &part[1..],
    };
    name.split('_').map(part).collect()
}

/// With a small first letter, where it begins with a word.
fn lowered(doc: &str) -> String {
    let mut letters = doc.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain([second]).chain(letters).collect()
        }
        _ => doc.to_owned(),
    }
}

fn comment(name: &str, doc: &str, indent: &str) -> String {
    if doc.is_empty() {
        return String::new();
    }
    let mut lines = vec![format!("{indent}//")];
    let text = if name.is_empty() { doc.to_owned() } else { format!("{name}: {}", lowered(doc)) };
    for word in text.split(' ') {
        if lines.last().is_some_and(|line| line.chars().count() + word.chars().count() > 118) {
            lines.push(format!("{indent}//"));
        }
        let line = lines.last_mut().unwrap();
        line.push(' ');
        line.push_str(word);
    }
    lines.join("\n") + "\n"
}

fn enumeration(one: &Named, words: &[(String, String)]) -> String {
    let name = type_name(&one.name);
    let mut out = comment(&name, &one.doc, "");
    out += &format!("type {name} string\n\nconst (\n");
    let constant = |word: &str| match word {
        "," => Some("Comma".to_owned()),
        ";" => Some("Semicolon".to_owned()),
        "\t" => Some("Tab".to_owned()),
        "|" => Some("Pipe".to_owned()),
        "crlf" => Some("CRLF".to_owned()),
        "lf" => Some("LF".to_owned()),
        _ if word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => Some(field_name(word)),
        // Another way of writing one of the others.
        _ => None,
    };
    let each: Vec<(String, &str, &str)> = words
        .iter()
        .filter_map(|(word, doc)| Some((format!("{name}{}", constant(word)?), word.as_str(), doc.as_str())))
        .collect();
    let rows: Vec<Row> = each
        .iter()
        .map(|(constant, word, doc)| Row {
            comment: comment("", doc, "\t"),
            cells: vec![constant.clone(), name.clone(), format!("= {word:?}")],
        })
        .collect();
    out + &aligned(&rows) + ")\n"
}

fn record(one: &Named, fields: &[Field]) -> String {
    let name = type_name(&one.name);
    let mut out = comment(&name, &one.doc, "");
    out += &format!("type {name} struct {{\n");
    let rows: Vec<Row> = fields
        .iter()
        .map(|field| {
            let (kind, option) = of(field, one.given);
            Row {
                comment: comment("", &field.doc, "\t"),
                cells: vec![field_name(&field.name), kind, format!("`json:\"{}{option}\"`", field.name)],
            }
        })
        .collect();
    out + &aligned(&rows) + "}\n"
}

/// Type and option of a field. What is given and left out is not in the JSON; a number or truth that would be its own default's
/// opposite is behind a pointer, so that 0 and false can be said.
fn of(field: &Field, given: bool) -> (String, &'static str) {
    let kind = text(&field.kind);
    let bare = kind.trim_start_matches('*').to_owned();
    if !given {
        return match (&field.kind, field.required) {
            (Type::List(_) | Type::Map(_), true) => (kind, ""),
            (_, true) => (kind, ""),
            (Type::List(_) | Type::Map(_), false) => (kind, ",omitempty"),
            (_, false) => (if kind.starts_with('*') { kind } else { format!("*{kind}") }, ",omitempty"),
        };
    }
    let zero_is_said = field.minimum.as_ref().is_some_and(|least| least.as_f64() == Some(0.0))
        && field.name != "contract"
        && field.name != "deadline";
    match bare.as_str() {
        _ if field.required => (bare, ""),
        "any" => (bare, ",omitempty"),
        "bool" if field.default == Some(Value::Bool(true)) => ("*bool".to_owned(), ",omitempty"),
        "uint64" | "int64" | "float64" if zero_is_said => (format!("*{bare}"), ",omitempty"),
        _ if bare.starts_with("[]") || bare == "Texts" => (bare, ",omitzero"),
        "Options" | "Filter" | "Params" => (format!("*{bare}"), ",omitempty"),
        _ => (bare, ",omitempty"),
    }
}

fn text(kind: &Type) -> String {
    match kind {
        Type::Text => "string".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Number => "float64".to_owned(),
        Type::Integer(true) => "int64".to_owned(),
        Type::Integer(false) => "uint64".to_owned(),
        Type::Any => "any".to_owned(),
        Type::Map(inner) => format!("map[string]{}", text(inner)),
        Type::List(inner) => format!("[]{}", text(inner)),
        Type::Texts(count) => format!("[{count}]string"),
        Type::Nullable(inner) => match text(inner) {
            own if own.starts_with("[]") || own.starts_with("map[") || own == "any" || own == "Texts" => own,
            plain => format!("*{plain}"),
        },
        Type::Words(_) => "string".to_owned(),
        Type::Union(_) | Type::Object(_) => "any".to_owned(),
        Type::Named(name) => match name.as_str() {
            "OneOrMany" => "Texts".to_owned(),
            "CompetenciaParam" | "Labels" => "any".to_owned(),
            _ => type_name(name),
        },
    }
}

struct Row {
    comment: String,
    cells: Vec<String>,
}

/// As gofmt aligns: lines that no comment parts have their cells below each other.
fn aligned(rows: &[Row]) -> String {
    let mut out = String::new();
    let mut start = 0;
    while start < rows.len() {
        let mut end = start + 1;
        while end < rows.len() && rows[end].comment.is_empty() {
            end += 1;
        }
        let section = &rows[start..end];
        let width = |cell: usize| section.iter().map(|row| row.cells[cell].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..section[0].cells.len()).map(width).collect();
        for row in section {
            out += &row.comment;
            let cells: Vec<String> =
                row.cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            out += &format!("\t{}\n", cells.join(" ").trim_end());
        }
        start = end;
    }
    out
}
