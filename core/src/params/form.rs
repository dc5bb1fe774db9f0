//! A place of the query as the JSON Schema of our own types has it: what it takes, and how errors say that.
//!
//! It knows what schemars makes of the types of the contract, and no more of JSON Schema than that.

use serde_json::Value;

use crate::base::{Text, text};

/// A schema, with what stands beside a reference to it.
#[derive(Clone, Copy)]
pub(super) struct Form<'s> {
    root: &'s Value,
    /// As it stands where it is used: words and examples of that place.
    outer: &'s Value,
    /// Behind references, and without the alternative `null`.
    inner: &'s Value,
}

/// How a value is looked at.
pub(super) enum Kind<'s> {
    /// One of these words.
    Words(Vec<&'s str>),
    /// An object of named keys.
    Object,
    /// One of several such objects, told apart by their keys.
    Objects(Vec<Form<'s>>),
    /// A list whose items are looked at one by one.
    List(Form<'s>),
    /// Anything else: as a whole.
    Plain,
}

impl<'s> Form<'s> {
    pub fn of(root: &'s Value) -> Self {
        Form { root, outer: root, inner: root }
    }

    fn at(&self, schema: &'s Value) -> Self {
        let mut inner = schema;
        loop {
            if let Some(name) = inner["$ref"].as_str().and_then(|to| to.strip_prefix("#/$defs/")) {
                inner = &self.root["$defs"][name];
            } else if let [only] = alternatives(inner)[..] {
                inner = only;
            } else {
                return Form { root: self.root, outer: schema, inner };
            }
        }
    }

    fn alternatives(&self) -> Vec<Form<'s>> {
        alternatives(self.inner).into_iter().map(|one| self.at(one)).collect()
    }

    pub fn kind(&self) -> Kind<'s> {
        if let Some(words) = words(self.inner) {
            return Kind::Words(words);
        }
        if self.inner["properties"].is_object() {
            return Kind::Object;
        }
        let alternatives = self.alternatives();
        if !alternatives.is_empty() && alternatives.iter().all(|one| one.inner["properties"].is_object()) {
            return Kind::Objects(alternatives);
        }
        match self.inner.get("items").map(|items| self.at(items)) {
            Some(items) if !matches!(items.kind(), Kind::Plain) => Kind::List(items),
            _ => Kind::Plain,
        }
    }

    /// The alternative that has named keys, where others have none.
    pub fn object_variant(&self) -> Option<Form<'s>> {
        self.alternatives().into_iter().find(|one| one.inner["properties"].is_object())
    }

    pub fn properties(&self) -> impl Iterator<Item = (&'s str, Form<'s>)> {
        let form = *self;
        self.inner["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(key, schema)| (key.as_str(), form.at(schema)))
    }

    pub fn has_all(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| !self.inner["properties"][key].is_null())
    }

    pub fn required(&self) -> impl Iterator<Item = &'s str> {
        self.inner["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whether null is the same as nothing.
    pub fn is_nullable(&self) -> bool {
        let is_null = |one: &Value| one["type"] == "null";
        match &self.outer["type"] {
            Value::Array(types) => types.iter().any(|one| one == "null"),
            _ => self.outer["anyOf"].as_array().is_some_and(|all| all.iter().any(is_null)) || self.takes_anything(),
        }
    }

    /// Nothing but words about it.
    fn takes_anything(&self) -> bool {
        ["type", "anyOf", "oneOf", "$ref", "enum", "const"].iter().all(|key| self.inner.get(*key).is_none())
    }

    /// Whether the value is of the type; numbers are held against their bounds later, by what they mean.
    pub fn takes(&self, value: &Value) -> bool {
        let several = self.alternatives();
        if !several.is_empty() {
            return several.iter().any(|one| one.takes(value));
        }
        match self.type_name() {
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_u64(),
            Some("number") => value.is_number(),
            Some("object") => value.is_object(),
            Some("array") => match (value, self.inner.get("items")) {
                (Value::Array(list), Some(items)) => {
                    let items = self.at(items);
                    list.iter().all(|item| items.takes(item))
                }
                (given, _) => given.is_array(),
            },
            _ => self.takes_anything(),
        }
    }

    fn type_name(&self) -> Option<&'s str> {
        match &self.inner["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).find(|one| *one != "null"),
            only => only.as_str(),
        }
    }

    /// For people: what was expected.
    pub fn expected(&self) -> Text {
        if let [Some(pt), Some(en)] = [0, 1].map(|language| self.outer["x-expected"][language].as_str()) {
            return text!("{pt}", "{en}");
        }
        let bound = |name: &str| self.outer.get(name).or(self.inner.get(name));
        match (self.type_name(), bound("minimum"), bound("maximum")) {
            (Some("integer"), Some(least), Some(most)) => {
                text!("um número inteiro de {least} a {most}", "a whole number from {least} to {most}")
            }
            (Some("integer"), ..) => text!("um número inteiro", "a whole number"),
            (Some("number"), Some(least), Some(most)) => {
                text!("um número de {least} a {most}", "a number from {least} to {most}")
            }
            (Some("number"), ..) => text!("um número", "a number"),
            (Some("boolean"), ..) => text!("verdadeiro ou falso", "true or false"),
            (Some("string"), ..) => text!("um texto", "a text"),
            (Some("array"), ..) if self.inner["items"]["type"] == "string" => {
                text!("uma lista de textos", "a list of texts")
            }
            (Some("array"), ..) => text!("uma lista", "a list"),
            _ => text!("um objeto", "an object"),
        }
    }

    /// What one may write there, as JSON.
    pub fn example(&self) -> String {
        let given = [self.outer, self.inner].into_iter().find_map(|schema| schema["examples"].get(0));
        match (given, self.type_name()) {
            (Some(example), _) => example.to_string().replace("\",\"", "\", \"").replace("\":\"", "\": \""),
            (None, Some("array")) => "[]".to_owned(),
            (None, Some("boolean")) => "true".to_owned(),
            (None, Some("string")) => "\"VAL_TOT\"".to_owned(),
            (None, Some("integer" | "number")) => "1".to_owned(),
            (None, _) => "{}".to_owned(),
        }
    }
}

/// The alternatives but null; none where there is one schema.
fn alternatives(schema: &Value) -> Vec<&Value> {
    let all = schema["anyOf"].as_array().into_iter().flatten();
    all.filter(|one| one["type"] != "null").collect()
}

/// The words of an enumeration, in their order.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(word) = schema["const"].as_str() {
        return Some(vec![word]);
    }
    if let Some(all) = schema["enum"].as_array() {
        return all.iter().map(Value::as_str).collect();
    }
    let each = schema["oneOf"].as_array()?.iter().map(words).collect::<Option<Vec<_>>>()?;
    Some(each.into_iter().flatten().collect())
}
