//! Pydantic models of a query, for services that take queries as JSON.

use super::model::{Field, Model, Named, Shape, Type};
use super::python::{literal, type_text};

const HEAD: &str = r#""""The query contract as Pydantic models (``pip install 'datasus[models]'``): for services that take queries as JSON.

Generated from the core's JSON Schema (``make contract``): change the core instead. The core checks a query once more, with the
catalogue at hand.

Examples
--------
>>> from datasus.models import QueryParams
>>> params = QueryParams(dataset="SIH-RD", uf="AC", competencia={"from": "202401", "to": "202403"}, columns=["CNES"])
>>> client.query(params).to_arrow().num_rows
300
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

try:
    from pydantic import BaseModel, ConfigDict, Field, model_validator
except ImportError as _missing:
    raise ImportError("pydantic is needed here and not installed: pip install 'datasus[models]'") from _missing

__all__ = [
    "Aggregate",
    "All",
    "Any_",
    "Compare",
    "Not",
    "Options",
    "OrderBy",
    "QueryParams",
    "Range",
]


class _Model(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", populate_by_name=True)
"#;

const TAIL: &str = r#"
    @model_validator(mode="after")
    def _one_of(self) -> QueryParams:
        if (self.dataset is None) == (self.sql is None):
            raise ValueError("expected `dataset` or `sql`, and not both")
        return self


for _model in (Any_, All, Not, QueryParams):
    _model.model_rebuild()
"#;

/// Objects that have no name in the schema.
const FILTERS: [(&str, &str); 4] = [
    ("Compare", "A condition on one column."),
    ("Any_", "At least one of these."),
    ("All", "Every one of these."),
    ("Not", "Rows that do not meet it, and for which it is not unknown."),
];

pub fn file(model: &Model) -> String {
    let mut out = HEAD.to_owned();
    if let Shape::Other(Type::Union(all)) = &model.named("CompetenciaParam").shape {
        let range = all.iter().find_map(|one| if let Type::Object(fields) = one { Some(fields) } else { None });
        out += &class(model, "Range", "Competências from one to another, both included.", range.unwrap());
    }
    let Shape::Other(Type::Union(filters)) = &model.named("Filter").shape else { panic!("a filter is one of several") };
    for ((name, doc), filter) in FILTERS.iter().zip(filters) {
        let Type::Object(fields) = filter else { panic!("{filter:?}") };
        let class = class(model, name, doc, fields);
        out += &if *name == "Any_" {
            class.replacen("(_Model):", "(_Model):  # noqa: N801 - `Any` is typing's", 1)
        } else {
            class
        };
    }
    out += &format!("\n\nFilter = {}\n", FILTERS.map(|(name, _)| name).join(" | "));
    for name in ["Aggregate", "OrderBy", "Options", "QueryParams"] {
        let Named { doc, .. } = model.named(name);
        out += &class(model, name, doc, model.fields(name));
    }
    out + TAIL
}

fn class(model: &Model, name: &str, doc: &str, fields: &[Field]) -> String {
    let doc = match name {
        "QueryParams" => {
            "One query: over one dataset, or one SELECT over several; :meth:`datasus.Client.query` takes it as it is."
                .to_owned()
        }
        _ => doc.replace('`', "``"),
    };
    let mut out = format!("\n\nclass {name}(_Model):\n    \"\"\"{doc}\"\"\"\n\n");
    for field in fields {
        out += &line(model, field);
    }
    out
}

fn line(model: &Model, field: &Field) -> String {
    let reserved = ["from", "not", "as", "fn"].iter().any(|word| *word == field.name && *word != "fn");
    let name = if reserved { format!("{}_", field.name) } else { field.name.clone() };
    let mut of = text(model, &field.kind);
    let default = match (&field.default, &field.kind) {
        _ if field.required => None,
        // Left out, and not empty: `sql` is the other.
        (_, Type::Text) if field.name == "dataset" => {
            of += " | None";
            Some("None".to_owned())
        }
        (_, Type::List(_)) => Some("list".to_owned()),
        (_, Type::Map(_)) => Some("dict".to_owned()),
        (_, Type::Named(name)) if matches!(model.named(name).shape, Shape::Record(_)) => Some(name.clone()),
        (Some(value), _) if !value.is_null() => Some(match value {
            serde_json::Value::Bool(true) => "True".to_owned(),
            serde_json::Value::Bool(false) => "False".to_owned(),
            other => other.to_string(),
        }),
        // Serde leaves out what is false.
        (_, Type::Bool) => Some("False".to_owned()),
        _ => Some("None".to_owned()),
    };
    let mut within = Vec::new();
    match default.as_deref() {
        Some("list" | "dict") => within.push(format!("default_factory={}", default.clone().unwrap())),
        Some(made) if model.types.iter().any(|one| one.name == made) => within.push(format!("default_factory={made}")),
        Some(value) => within.push(format!("default={value}")),
        None => {}
    }
    if reserved {
        within.push(format!("alias={:?}", field.name));
    }
    let simple = within.len() == 1 && within[0].starts_with("default=");
    let is_number = matches!(plain(&field.kind), Type::Integer(_) | Type::Number);
    let bounds = [("ge", &field.minimum), ("le", &field.maximum)];
    let bounds: Vec<String> = bounds
        .iter()
        .filter(|_| is_number)
        .filter_map(|(name, bound)| Some(format!("{name}={}", bound.as_ref()?)))
        .collect();
    let value = match (within.is_empty(), simple && bounds.is_empty()) {
        (true, _) if bounds.is_empty() => String::new(),
        (_, true) => format!(" = {}", within[0].trim_start_matches("default=")),
        _ => {
            within.extend(bounds);
            format!(" = Field({})", within.join(", "))
        }
    };
    let line = format!("    {name}: {of}{value}\n");
    if line.trim_end().len() <= 120 || !of.starts_with("Literal[") {
        return line;
    }
    // Words that do not fit into one line.
    let words: String = of
        .trim_start_matches("Literal[")
        .trim_end_matches(']')
        .split(", ")
        .map(|word| format!("        {word},\n"))
        .collect();
    format!("    {name}: Literal[\n{words}    ]{value}\n")
}

fn plain(kind: &Type) -> &Type {
    if let Type::Nullable(inner) = kind { inner } else { kind }
}

fn text(model: &Model, kind: &Type) -> String {
    type_text(kind, "Range", &|name| match &model.named(name).shape {
        _ if name == "Filter" => name.to_owned(),
        Shape::Words(words) => literal(words.iter().map(|(word, _)| word)),
        Shape::Record(_) => name.to_owned(),
        Shape::Other(kind) => text(model, kind),
    })
}
