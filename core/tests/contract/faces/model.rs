//! The contract's schema, as far as ours goes, in a form from which languages are written.

use std::collections::BTreeSet;

use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    Text,
    Bool,
    Number,
    /// A whole number; true: it may be negative.
    Integer(bool),
    /// Anything that JSON has.
    Any,
    /// An object of any keys.
    Map(Box<Type>),
    List(Box<Type>),
    /// A list of so many texts.
    Texts(usize),
    Nullable(Box<Type>),
    /// A type of the contract by its name.
    Named(String),
    /// A text that is one of these.
    Words(Vec<String>),
    Union(Vec<Type>),
    Object(Vec<Field>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    pub doc: String,
    pub kind: Type,
    /// It is always there.
    pub required: bool,
    pub default: Option<Value>,
    pub minimum: Option<Value>,
    pub maximum: Option<Value>,
}

#[derive(Debug, Clone)]
pub struct Named {
    pub name: String,
    pub doc: String,
    pub shape: Shape,
    /// It is given, as JSON; else it is told.
    pub given: bool,
}

#[derive(Debug, Clone)]
pub enum Shape {
    Record(Vec<Field>),
    /// Words, each with what it means.
    Words(Vec<(String, String)>),
    Other(Type),
}

pub struct Model {
    pub types: Vec<Named>,
}

impl Model {
    pub fn of(schema: &Value) -> Self {
        let defs = schema["$defs"].as_object().unwrap();
        let mut given = BTreeSet::new();
        for root in schema["inputs"].as_array().unwrap() {
            reach(root.as_str().unwrap(), schema, &mut given);
        }
        let of = |(name, form): (&String, &Value)| Named {
            name: name.clone(),
            doc: doc(form),
            shape: shape(form, schema),
            given: given.contains(name),
        };
        Model { types: defs.iter().filter(|(_, form)| !is_text(form)).map(of).collect() }
    }

    pub fn named(&self, name: &str) -> &Named {
        self.types.iter().find(|one| one.name == name).unwrap_or_else(|| panic!("no {name} in the contract"))
    }

    pub fn fields(&self, name: &str) -> &[Field] {
        match &self.named(name).shape {
            Shape::Record(fields) => fields,
            other => panic!("{name} is no record: {other:?}"),
        }
    }
}

/// `records_processed` as `recordsProcessed`.
pub fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + &part[..1].to_uppercase() + &part[1..])
}

fn reach(name: &str, schema: &Value, found: &mut BTreeSet<String>) {
    if found.insert(name.to_owned()) {
        follow(&schema["$defs"][name], schema, found);
    }
}

fn follow(form: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    match form {
        Value::Object(map) => {
            if let Some(name) = form["$ref"].as_str() {
                reach(name.rsplit('/').next().unwrap(), schema, found);
            }
            map.values().for_each(|inner| follow(inner, schema, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| follow(inner, schema, found)),
        _ => {}
    }
}

/// A text whose name says nothing to a machine.
fn is_text(form: &Value) -> bool {
    form["type"] == "string" && form["enum"].is_null() && form["const"].is_null()
}

/// Without what only rustdoc follows.
fn doc(form: &Value) -> String {
    let text = form["description"].as_str().unwrap_or_default();
    // What follows the first paragraph is about Rust.
    let text = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    text.replace("[`crate::", "[`").replace("[`", "`").replace("`]", "`").replace("`Client::", "`Client.")
}

fn shape(form: &Value, schema: &Value) -> Shape {
    if form["properties"].is_object()
        && form["oneOf"].as_array().is_none_or(|all| all.iter().all(|one| one["type"].is_null()))
    {
        return Shape::Record(fields(form, schema));
    }
    if let Some(words) = words(form) {
        return Shape::Words(words);
    }
    Shape::Other(kind(form, schema))
}

fn words(form: &Value) -> Option<Vec<(String, String)>> {
    if let Some(word) = form["const"].as_str() {
        return Some(vec![(word.to_owned(), doc(form))]);
    }
    if let Some(all) = form["enum"].as_array() {
        return all.iter().map(|word| Some((word.as_str()?.to_owned(), String::new()))).collect();
    }
    let each = form["oneOf"].as_array()?.iter().map(words).collect::<Option<Vec<_>>>()?;
    Some(each.into_iter().flatten().collect())
}

fn fields(form: &Value, schema: &Value) -> Vec<Field> {
    let required = |name: &str| form["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let of = |(name, of): (&String, &Value)| Field {
        name: name.clone(),
        doc: doc(of),
        kind: kind(of, schema),
        required: required(name),
        default: of.get("default").cloned(),
        minimum: of.get("minimum").cloned(),
        maximum: of.get("maximum").cloned(),
    };
    form["properties"].as_object().unwrap().iter().map(of).collect()
}

fn kind(form: &Value, schema: &Value) -> Type {
    if let Some(name) = form["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        return if is_text(&schema["$defs"][name]) { Type::Text } else { Type::Named(name.to_owned()) };
    }
    if let Some(words) = words(form) {
        return Type::Words(words.into_iter().map(|(word, _)| word).collect());
    }
    if let Some(all) = form["anyOf"].as_array().or(form["oneOf"].as_array()) {
        let but_null: Vec<Type> = all.iter().filter(|one| one["type"] != "null").map(|one| kind(one, schema)).collect();
        let nullable = but_null.len() < all.len();
        let inner = match <[Type; 1]>::try_from(but_null) {
            Ok([only]) => only,
            Err(several) => Type::Union(several),
        };
        return if nullable { Type::Nullable(inner.into()) } else { inner };
    }
    if let Some(all) = form["type"].as_array() {
        let only = all.iter().find(|one| *one != "null").unwrap();
        let mut plain = form.clone();
        plain["type"] = only.clone();
        return Type::Nullable(kind(&plain, schema).into());
    }
    match form["type"].as_str() {
        Some("string") => Type::Text,
        Some("boolean") => Type::Bool,
        Some("number") => Type::Number,
        Some("integer") => Type::Integer(form["format"].as_str().is_some_and(|format| format.starts_with("int"))),
        Some("array") => match form["prefixItems"].as_array() {
            Some(each) => Type::Texts(each.len()),
            None => Type::List(kind(&form["items"], schema).into()),
        },
        Some("object") if form["properties"].is_object() => Type::Object(fields(form, schema)),
        Some("object") => match form.get("additionalProperties") {
            Some(Value::Object(_)) => Type::Map(kind(&form["additionalProperties"], schema).into()),
            _ => Type::Map(Type::Any.into()),
        },
        _ => Type::Any,
    }
}
