//! The documentation's tables: between `<!-- contract: NAME -->` and `<!-- end -->` stand the keys or words of NAME.

use super::model::{Model, Named, Shape, Type};

pub fn in_english(model: &Model, text: &str) -> String {
    filled(model, text, &ENGLISH)
}

/// Keys and types are the core's; what stands in the last column stays, and a key more has its English sentence until it is translated
/// (`core/tests/readme/pairs.rs` asks for that).
pub fn in_portuguese(model: &Model, text: &str) -> String {
    filled(model, text, &PORTUGUESE)
}

/// Words of the tables that the schema does not hold.
struct Words {
    text: &'static str,
    number: &'static str,
    integer: &'static str,
    any: &'static str,
    object: &'static str,
    list_of: &'static str,
    texts: &'static str,
    or: &'static str,
    as_people_write: &'static str,
    translated: bool,
}

const ENGLISH: Words = Words {
    text: "text",
    number: "number",
    integer: "integer",
    any: "any",
    object: "object",
    list_of: "list of",
    texts: "texts",
    or: ", or ",
    as_people_write: "the same, as people write them",
    translated: false,
};

const PORTUGUESE: Words = Words {
    text: "texto",
    number: "número",
    integer: "inteiro",
    any: "qualquer valor",
    object: "objeto",
    list_of: "lista de",
    texts: "textos",
    or: ", ou ",
    as_people_write: "o mesmo, como se costuma escrever",
    translated: true,
};

fn filled(model: &Model, text: &str, words: &Words) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("<!-- contract: ") {
        let begin = at + "<!-- contract: ".len();
        let Some(length) = rest[begin..].find(" -->") else { break };
        let name = &rest[begin..begin + length];
        let behind = begin + length + " -->\n".len();
        let Some(end) = rest[behind..].find("<!-- end -->") else { panic!("the table of {name} has no end") };
        out += &rest[..behind];
        out += &table(model, model.named(name), words, &rest[behind..behind + end]);
        rest = &rest[behind + end..];
    }
    out + rest
}

/// The last cell of the row of a key, as it stands.
fn standing<'a>(table: &'a str, key: &str) -> Option<&'a str> {
    let row =
        table.lines().find(|line| line.strip_prefix("| ").is_some_and(|row| row.starts_with(&format!("{key} |"))))?;
    row.strip_suffix(" |")?.rsplit_once(" | ").map(|(_, last)| last)
}

fn table(model: &Model, one: &Named, words: &Words, is: &str) -> String {
    let told = |key: &str, doc: &str| {
        let kept = standing(is, key).filter(|kept| words.translated && !kept.is_empty() && !doc.is_empty());
        kept.map_or_else(|| doc.replace('|', "\\|"), str::to_owned)
    };
    let row = |cells: [&str; 3]| format!("| {} | {} | {} |\n", cells[0], cells[1], cells[2]);
    match &one.shape {
        Shape::Words(all) => {
            let written = |word: &str| format!("`{}`", word.replace('|', "\\|"));
            let (documented, others): (Vec<_>, Vec<_>) = all.iter().partition(|(_, doc)| !doc.is_empty());
            let mut rows: String = documented
                .iter()
                .map(|(word, doc)| format!("| {} | {} |\n", written(word), told(&written(word), doc)))
                .collect();
            if !others.is_empty() && !documented.is_empty() {
                let others: Vec<String> = others.iter().map(|(word, _)| written(word)).collect();
                rows += &format!("| {} | {} |\n", others.join(", "), words.as_people_write);
            }
            format!("| | |\n|---|---|\n{rows}")
        }
        Shape::Record(fields) => {
            let rows: String = fields
                .iter()
                .map(|field| {
                    let default = match &field.default {
                        Some(value) if !value.is_null() && !value.is_array() && !value.is_object() => {
                            format!(" = {value}")
                        }
                        _ => String::new(),
                    };
                    let kind = kind(model, &field.kind, words);
                    let name = format!("`{}`", field.name);
                    row([&name, &format!("{kind}{default}"), &told(&name, &field.doc)])
                })
                .collect();
            format!("| | | |\n|---|---|---|\n{rows}")
        }
        Shape::Other(other) => panic!("{} has no table: {other:?}", one.name),
    }
}

fn kind(model: &Model, of: &Type, words: &Words) -> String {
    match of {
        Type::Text => words.text.to_owned(),
        Type::Bool => "true, false".to_owned(),
        Type::Number => words.number.to_owned(),
        Type::Integer(_) => words.integer.to_owned(),
        Type::Any => words.any.to_owned(),
        Type::Map(_) | Type::Object(_) => words.object.to_owned(),
        Type::List(inner) => format!("{} {}", words.list_of, kind(model, inner, words)),
        Type::Texts(count) => format!("{count} {}", words.texts),
        Type::Nullable(inner) => format!("{}, null", kind(model, inner, words)),
        Type::Words(all) => all.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Type::Union(all) => all.iter().map(|one| kind(model, one, words)).collect::<Vec<_>>().join(words.or),
        Type::Named(name) => match &model.named(name).shape {
            Shape::Words(all) => {
                all.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ").replace('|', "\\|")
            }
            _ => format!("`{name}`"),
        },
    }
}
