//! TypeScript: what is given with the contract's keys, what is told in camel case.

use super::model::{Field, Model, Named, Shape, Type, camel};

pub fn file(model: &Model) -> String {
    let mut out =
        "/** The contract, as the core has it. Generated (`make contract`): change the core instead. */\n".to_owned();
    for one in &model.types {
        out += "\n";
        out += &declaration(one);
    }
    out += "\n/** The parts of what is told that are records themselves, by their keys in the contract. @internal */\n";
    out += "export const PARTS: Record<string, Record<string, string>> = {\n";
    for one in model.types.iter().filter(|one| !one.given) {
        let Shape::Record(fields) = &one.shape else { continue };
        let parts: Vec<String> = fields
            .iter()
            .filter_map(|field| Some(format!("{}: '{}'", field.name, part(model, &field.kind)?)))
            .collect();
        if !parts.is_empty() {
            out += &format!("  {}: {{ {} }},\n", one.name, parts.join(", "));
        }
    }
    out + "}\n"
}

/// The record that a field holds, or a list of them, of those that are told.
pub fn part<'m>(model: &'m Model, kind: &'m Type) -> Option<&'m str> {
    match kind {
        Type::Nullable(inner) | Type::List(inner) => part(model, inner),
        Type::Named(name) => {
            let one = model.named(name);
            (!one.given && matches!(one.shape, Shape::Record(_))).then_some(name.as_str())
        }
        _ => None,
    }
}

fn comment(doc: &str, indent: &str) -> String {
    if doc.is_empty() { String::new() } else { format!("{indent}/** {doc} */\n") }
}

fn declaration(one: &Named) -> String {
    let doc = comment(&one.doc, "");
    let name = &one.name;
    match &one.shape {
        Shape::Record(fields) => {
            let lines: String = fields.iter().map(|field| line(field, one.given, "  ")).collect();
            format!("{doc}export interface {name} {{\n{lines}}}\n")
        }
        Shape::Words(words) => {
            let told: Vec<String> = words
                .iter()
                .filter(|(_, doc)| !doc.is_empty())
                .map(|(word, doc)| format!(" * - `{word}`: {doc}\n"))
                .collect();
            let doc = match told.is_empty() {
                true => doc,
                false => format!("/**\n * {}\n *\n{} */\n", one.doc, told.concat()),
            };
            format!("{doc}export type {name} = {}\n", union(words.iter().map(|(word, _)| word)))
        }
        Shape::Other(kind) => format!("{doc}export type {name} = {}\n", text(kind, one.given)),
    }
}

fn line(field: &Field, given: bool, indent: &str) -> String {
    let name = if given { field.name.clone() } else { camel(&field.name) };
    let mark = if field.required { "" } else { "?" };
    format!("{}{indent}{name}{mark}: {}\n", comment(&field.doc, indent), text(&field.kind, given))
}

fn union<'w>(words: impl Iterator<Item = &'w String>) -> String {
    words.map(|word| format!("'{}'", word.escape_default())).collect::<Vec<_>>().join(" | ")
}

fn text(kind: &Type, given: bool) -> String {
    match kind {
        Type::Text => "string".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Number | Type::Integer(_) => "number".to_owned(),
        Type::Any => "unknown".to_owned(),
        Type::Map(inner) => format!("Record<string, {}>", text(inner, given)),
        Type::List(inner) => match text(inner, given) {
            several if several.contains('|') => format!("({several})[]"),
            one => format!("{one}[]"),
        },
        Type::Texts(count) => format!("[{}]", vec!["string"; *count].join(", ")),
        Type::Nullable(inner) => format!("{} | null", text(inner, given)),
        Type::Named(name) => name.clone(),
        Type::Words(words) => union(words.iter()),
        Type::Union(all) => all.iter().map(|one| text(one, given)).collect::<Vec<_>>().join(" | "),
        Type::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| line(&Field { doc: String::new(), ..field.clone() }, given, "").trim_end().to_owned())
                .collect();
            format!("{{ {} }}", fields.join("; "))
        }
    }
}
