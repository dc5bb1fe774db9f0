//! The documentation's tables: between `<!-- contract: NAME -->` and `<!-- end -->` stand the keys or words of NAME.

use super::model::{Model, Named, Shape, Type};

pub fn filled(model: &Model, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("<!-- contract: ") {
        let begin = at + "<!-- contract: ".len();
        let Some(length) = rest[begin..].find(" -->") else { break };
        let name = &rest[begin..begin + length];
        let behind = begin + length + " -->\n".len();
        let Some(end) = rest[behind..].find("<!-- end -->") else { panic!("the table of {name} has no end") };
        out += &rest[..behind];
        out += &table(model, model.named(name));
        rest = &rest[behind + end..];
    }
    out + rest
}

fn table(model: &Model, one: &Named) -> String {
    let row = |cells: [&str; 3]| format!("| {} | {} | {} |\n", cells[0], cells[1], cells[2]);
    match &one.shape {
        Shape::Words(words) => {
            let written = |word: &str| format!("`{}`", word.replace('|', "\\|"));
            let (told, others): (Vec<_>, Vec<_>) = words.iter().partition(|(_, doc)| !doc.is_empty());
            let mut rows: String = told
                .iter()
                .map(|(word, doc)| format!("| {} | {} |\n", written(word), doc.replace('|', "\\|")))
                .collect();
            if !others.is_empty() && !told.is_empty() {
                let others: Vec<String> = others.iter().map(|(word, _)| written(word)).collect();
                rows += &format!("| {} | the same, as people write them |\n", others.join(", "));
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
                    let kind = kind(model, &field.kind);
                    row([&format!("`{}`", field.name), &format!("{kind}{default}"), &field.doc.replace('|', "\\|")])
                })
                .collect();
            format!("| | | |\n|---|---|---|\n{rows}")
        }
        Shape::Other(other) => panic!("{} has no table: {other:?}", one.name),
    }
}

fn kind(model: &Model, of: &Type) -> String {
    match of {
        Type::Text => "text".to_owned(),
        Type::Bool => "true, false".to_owned(),
        Type::Number => "number".to_owned(),
        Type::Integer(_) => "integer".to_owned(),
        Type::Any => "any".to_owned(),
        Type::Map(_) | Type::Object(_) => "object".to_owned(),
        Type::List(inner) => format!("list of {}", kind(model, inner)),
        Type::Texts(count) => format!("{count} texts"),
        Type::Nullable(inner) => format!("{}, null", kind(model, inner)),
        Type::Words(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Type::Union(all) => all.iter().map(|one| kind(model, one)).collect::<Vec<_>>().join(", or "),
        Type::Named(name) => match &model.named(name).shape {
            Shape::Words(words) => {
                words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ").replace('|', "\\|")
            }
            _ => format!("`{name}`"),
        },
    }
}
