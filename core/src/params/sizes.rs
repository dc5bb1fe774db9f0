//! How large a query may be: asked before anything of it is looked up, compared or guessed, so that a size costs nothing.

use serde_json::Value;

use crate::base::{Code, Error, MOST_JSON, Problem, Result, Text, clip, text};

use super::{CompetenciaParam, Filter, QueryParams};

/// Bytes of a name: of a dataset, a column, a UF, a parameter.
pub const MOST_OF_NAME: usize = 512;
/// Bytes of a text that conditions compare with, or that is bound.
const MOST_OF_TEXT: usize = 1 << 20;
/// Conditions, however they are nested, and the values of all of them.
const MOST_CONDITIONS: usize = 1_024;
const MOST_VALUES: usize = 200_000;
/// Problems that one answer names.
pub(super) const MOST_PROBLEMS: usize = 50;

/// Refuses (DS-422) what is larger than any query needs to be.
pub fn check_sizes(params: &QueryParams) -> Result<()> {
    let mut sizes = Sizes::default();
    sizes.names("dataset", 1, [params.dataset.as_str()]);
    sizes.names("uf", 1_024, params.uf.iter().flat_map(|ufs| ufs.iter()));
    match &params.competencia {
        Some(CompetenciaParam::Listed(listed)) => sizes.names("competencia", 4_096, listed.iter()),
        Some(CompetenciaParam::Range { from, to }) => sizes.names("competencia", 2, [from.as_str(), to]),
        None => {}
    }
    sizes.names("columns", 4_096, params.columns.iter().flatten().map(String::as_str));
    let of_labels = params.labels.as_ref().and_then(|labels| labels.wanted().1).unwrap_or_default();
    sizes.names("labels", 4_096, of_labels.iter().map(String::as_str));
    sizes.names("group_by", 256, params.group_by.iter().map(String::as_str));
    sizes.names("order_by", 256, params.order_by.iter().map(|key| key.column.as_str()));
    let of_aggregates = params.aggregates.iter();
    sizes.names("aggregates", 1_024, of_aggregates.clone().map(|of| of.column.as_deref().unwrap_or_default()));
    sizes.names("aggregates", usize::MAX, of_aggregates.filter_map(|of| of.alias.as_deref()));
    sizes.names("bind", 1_024, params.bind.keys().map(String::as_str));
    for (name, value) in &params.bind {
        sizes.value(&format!("bind.{}", clip(name)), value, 0);
    }
    for filter in &params.filters {
        sizes.filter(filter, 0);
    }
    sizes.total();
    match sizes.problems.is_empty() {
        true => Ok(()),
        false => Err(Error::from_problems(sizes.problems).stage("validate")),
    }
}

/// The problems of an answer as an error: the first of them, and how many more there are.
pub(super) fn told(mut problems: Vec<Problem>, more: usize) -> Error {
    let more = more + problems.len().saturating_sub(MOST_PROBLEMS);
    problems.truncate(MOST_PROBLEMS);
    if let (1.., Some(last)) = (more, problems.last()) {
        let and_more =
            text!("e mais {more} problemas; corrija estes primeiro", "and {more} problems more; mend these first");
        let code = last.code;
        problems.push(Problem::new(code, and_more).with("problems_not_named", more));
    }
    Error::from_problems(problems)
}

#[derive(Default)]
struct Sizes {
    problems: Vec<Problem>,
    bytes: usize,
    conditions: usize,
    values: usize,
}

impl Sizes {
    /// Names of a list that has so many at most. The first one that is too long is told; there may be thousands.
    fn names<'n>(&mut self, key: &str, most: usize, names: impl IntoIterator<Item = &'n str>) {
        let (mut count, mut long) = (0, None);
        for name in names {
            count += 1;
            self.bytes = self.bytes.saturating_add(name.len());
            long = long.or((name.len() > MOST_OF_NAME).then_some(name));
        }
        if count > most {
            self.wrong(key, count, most, text!("{count} itens", "{count} items"), text!("{most}", "{most}"));
        }
        if let Some(name) = long {
            let (bytes, shown) = (name.len(), clip(name));
            let came = text!("um nome de {bytes} bytes, \"{shown}\"", "a name of {bytes} bytes, \"{shown}\"");
            self.wrong(key, bytes, MOST_OF_NAME, came, text!("{MOST_OF_NAME} bytes", "{MOST_OF_NAME} bytes"));
        }
    }

    fn filter(&mut self, filter: &Filter, depth: usize) {
        // Deeper ones are refused by the validation.
        if depth > 20 || self.conditions > MOST_CONDITIONS {
            return;
        }
        match filter {
            Filter::Any { any: list } | Filter::All { all: list } => {
                self.conditions += 1;
                list.iter().for_each(|filter| self.filter(filter, depth + 1));
            }
            Filter::Not { not } => self.filter(not, depth + 1),
            Filter::Compare { column, value, .. } => {
                self.conditions += 1;
                self.names("where", usize::MAX, [column.as_str()]);
                self.value("where", value, 0);
            }
        }
        if self.conditions == MOST_CONDITIONS + 1 {
            // Of those behind it nothing is asked.
            self.conditions += 1;
            let came = text!("mais de {MOST_CONDITIONS} condições", "more than {MOST_CONDITIONS} conditions");
            let most = text!(
                "{MOST_CONDITIONS}; junte valores numa lista (`in`)",
                "{MOST_CONDITIONS}; put values into a list (`in`)"
            );
            self.wrong("where", MOST_CONDITIONS + 1, MOST_CONDITIONS, came, most);
        }
    }

    fn value(&mut self, key: &str, value: &Value, depth: usize) {
        if self.values > MOST_VALUES || depth > 8 {
            return;
        }
        match value {
            Value::Array(list) => list.iter().for_each(|value| self.value(key, value, depth + 1)),
            Value::Object(map) => map.values().for_each(|value| self.value(key, value, depth + 1)),
            Value::String(said) => {
                self.values += 1;
                self.bytes = self.bytes.saturating_add(said.len());
                let bytes = said.len();
                if bytes > MOST_OF_TEXT {
                    let came = text!("um texto de {bytes} bytes", "a text of {bytes} bytes");
                    self.wrong(key, bytes, MOST_OF_TEXT, came, text!("{MOST_OF_TEXT} bytes", "{MOST_OF_TEXT} bytes"));
                }
            }
            _ => self.values += 1,
        }
        if self.values == MOST_VALUES + 1 {
            self.values += 1;
            let came = text!("mais de {MOST_VALUES} valores", "more than {MOST_VALUES} values");
            self.wrong(key, MOST_VALUES + 1, MOST_VALUES, came, text!("{MOST_VALUES}", "{MOST_VALUES}"));
        }
    }

    fn total(&mut self) {
        let bytes = self.bytes;
        if bytes > MOST_JSON {
            let came = text!("{bytes} bytes de textos", "{bytes} bytes of texts");
            self.wrong("params", bytes, MOST_JSON, came, text!("{MOST_JSON} bytes", "{MOST_JSON} bytes"));
        }
    }

    fn wrong(&mut self, key: &str, received: usize, maximum: usize, came: Text, most: Text) {
        if self.problems.len() >= MOST_PROBLEMS {
            return;
        }
        let (came_pt, came_en, most_pt, most_en) = (came.pt, came.en, most.pt, most.en);
        let problem = Problem::new(
            Code::InvalidParams,
            text!(
                "`{key}`: o máximo é {most_pt}; recebido {came_pt}",
                "`{key}`: at most {most_en}; received {came_en}"
            ),
        );
        self.problems
            .push(problem.with("path", format!("$.{key}")).with("received", received).with("maximum", maximum));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_too_large_is_told_with_its_bound_and_never_echoed() {
        let long = "x".repeat(10 << 20);
        let many = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>();
        let of = |value: Value| serde_json::from_value::<QueryParams>(value).unwrap();
        for (params, path, maximum) in [
            (of(json!({"dataset": long})), "$.dataset", 512),
            (of(json!({"dataset": "SIH-RD", "columns": [long]})), "$.columns", 512),
            (of(json!({"dataset": "SIH-RD", "columns": many(4_097)})), "$.columns", 4_096),
            (of(json!({"dataset": "SIH-RD", "uf": many(1_025)})), "$.uf", 1_024),
            (of(json!({"dataset": "SIH-RD", "competencia": {"from": "2024", "to": long}})), "$.competencia", 512),
            (of(json!({"dataset": "SIH-RD", "group_by": many(257)})), "$.group_by", 256),
            (
                of(json!({"dataset": "SIH-RD", "where": [{"column": "CNES", "op": "eq", "value": long}]})),
                "$.where",
                1 << 20,
            ),
            (of(json!({"sql": "SELECT 1", "bind": {"x": long}})), "$.bind.x", 1 << 20),
        ] {
            let error = check_sizes(&params).unwrap_err();
            let told = error.to_json();
            assert_eq!((&told["error_code"], &told["diagnostic"]["path"]), (&json!("DS-422"), &json!(path)), "{error}");
            assert_eq!(told["diagnostic"]["maximum"], maximum, "{error}");
            assert!(told.to_string().len() < 4_000, "{}", told.to_string().len());
        }
        let order = (0..100_000).fold(QueryParams::dataset("SIH-RD"), |params, _| params.order_by("CNES", false));
        assert!(check_sizes(&order).unwrap_err().to_string().contains("256"));
        let all =
            (0..2_000).fold(QueryParams::dataset("SIH-RD"), |params, n| params.filter(super::super::col("A").eq(n)));
        assert_eq!(check_sizes(&all).unwrap_err().problems().len(), 1);
        let values = super::super::col("CNES").is_in((0..9_999).map(|n| format!("{n:07}")));
        assert!(check_sizes(&QueryParams::dataset("SIH-RD").uf(["AC"]).filter(values)).is_ok());
    }
}
