//! Conditions, and the values that they compare with.

use crate::base::{clip, text, value_words};
use crate::catalog::LogicalType;
use crate::labels::derived_column;
use crate::params::values::scalar;
use crate::params::{Filter, Op, Predicate, Scalar};

use super::Check;
use super::forms::literal;

/// Most values of one `in`.
const MAX_VALUES: usize = 10_000;

impl Check<'_> {
    pub(super) fn predicates(&mut self, filters: &[Filter]) -> Vec<Predicate> {
        filters.iter().filter_map(|f| self.predicate(f, 0)).collect()
    }

    fn predicate(&mut self, filter: &Filter, depth: usize) -> Option<Predicate> {
        if depth > 16 {
            self.wrong(text!(
                "Condições aninhadas além de 16 níveis; junte-as numa só lista (`all` ou `any`)",
                "Conditions nested deeper than 16 levels; put them into one list (`all` or `any`)"
            ));
            return None;
        }
        match filter {
            Filter::Any { any } => {
                Some(Predicate::Any(any.iter().filter_map(|f| self.predicate(f, depth + 1)).collect()))
            }
            Filter::All { all } => {
                Some(Predicate::All(all.iter().filter_map(|f| self.predicate(f, depth + 1)).collect()))
            }
            Filter::Not { not } => Some(Predicate::Not(Box::new(self.predicate(not, depth + 1)?))),
            Filter::Compare { column, op, value } => {
                let (column, kind) = self.column(column, "where")?;
                let values = self.values(&column, &kind, *op, value)?;
                self.range_of_words(&column, *op);
                let (op, values) = self.in_form(&column, *op, values);
                Some(Predicate::Compare { column, kind, op, values })
            }
        }
    }

    fn values(&mut self, column: &str, kind: &LogicalType, op: Op, value: &serde_json::Value) -> Option<Vec<Scalar>> {
        let list: Vec<&serde_json::Value> = match (op, value) {
            (Op::IsNull | Op::NotNull, serde_json::Value::Null) => return Some(Vec::new()),
            (Op::Between, serde_json::Value::Array(pair)) if pair.len() == 2 => pair.iter().collect(),
            (Op::In | Op::NotIn, serde_json::Value::Array(list)) if (1..=MAX_VALUES).contains(&list.len()) => {
                list.iter().collect()
            }
            (Op::StartsWith, serde_json::Value::String(_)) if *kind == LogicalType::Text => vec![value],
            (Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge, one) if !one.is_array() && !one.is_null() => {
                vec![one]
            }
            _ => {
                let (pt, expected, example) = match op {
                    Op::IsNull | Op::NotNull => ("nenhum valor", "no value", ""),
                    Op::Between => ("uma lista de dois valores", "list of two values", "[0, 17]"),
                    Op::In | Op::NotIn => {
                        ("uma lista de 1 a 10000 valores", "list of 1 to 10000 values", "[\"01\", \"03\"]")
                    }
                    Op::StartsWith => ("um texto, numa coluna de texto", "text, on a text column", "\"J18\""),
                    _ => ("um valor (sem valor: `is_null` ou `not_null`)", "one value; for NULL use is_null", "\"03\""),
                };
                let (name, came, shown) = (op.name(), value_words(value), clip(&value.to_string()));
                let (came_pt, came_en) = (came.pt, came.en);
                let (as_pt, as_en) = match example {
                    "" => (String::new(), String::new()),
                    _ => (format!(", por exemplo {example}"), format!(", for example {example}")),
                };
                let problem = self.wrong(text!(
                    "{column}: a condição `{name}` leva {pt}{as_pt}; recebido {came_pt}",
                    "{column}: the condition `{name}` takes {expected}{as_en}; received {came_en}"
                ));
                problem.diagnostic.insert("column".into(), column.into());
                problem.diagnostic.insert("expected_format".into(), expected.into());
                problem.diagnostic.insert("received".into(), shown.into());
                problem.diagnostic.insert("operator".into(), name.into());
                if !example.is_empty() {
                    problem.diagnostic.insert("valid_examples".into(), vec![example].into());
                }
                return None;
            }
        };
        let mut scalars = Vec::with_capacity(list.len());
        for value in list {
            match scalar(column, kind, value) {
                Ok(scalar) => scalars.push(scalar),
                Err(problem) => {
                    self.problems.push(*problem);
                    return None;
                }
            }
        }
        Some(scalars)
    }

    /// Words stand in the order of their list, and would be compared as texts: `5 a 9 anos` behind `20 a 24 anos`.
    fn range_of_words(&mut self, column: &str, op: Op) {
        let ranged = matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::Between);
        let Some(derived) = self.derived.iter().find(|one| ranged && one.name == column) else { return };
        if derived.words().is_none_or(|words| words.iter().is_sorted()) {
            return;
        }
        let (name, op) = (derived.name.clone(), op.name());
        let has_ages = self.grupo.is_some_and(|grupo| derived_column(grupo, "idade_anos").is_some());
        let (pt, en) = match has_ages && name.starts_with("faixa_etaria") {
            true => ("; para um intervalo de idades, compare idade_anos", "; for a range of ages, compare idade_anos"),
            false => ("", ""),
        };
        let problem = self.wrong(text!(
            "{name}: `{op}` compararia palavras pela ordem alfabética, que não é a da lista; use `in` com as palavras{pt}",
            "{name}: `{op}` would compare words by the alphabet, which is not the order of their list; use `in` with the words{en}"
        ));
        problem.diagnostic.insert("column".into(), name.into());
        problem.diagnostic.insert("operator".into(), op.into());
    }

    /// Codes in the form of their column.
    fn in_form(&mut self, column: &str, op: Op, values: Vec<Scalar>) -> (Op, Vec<Scalar>) {
        let Some(column) = self.grupo.and_then(|grupo| grupo.column(column)) else { return (op, values) };
        let mut written = Vec::with_capacity(values.len());
        for value in values {
            let Scalar::Text(text) = &value else {
                written.push(value);
                continue;
            };
            let (of_value, note) = literal(column, op, text);
            self.note(note);
            written.extend(of_value.into_iter().map(Scalar::Text));
        }
        match (op, written.len()) {
            (Op::Eq, 2..) => (Op::In, written),
            (Op::Ne, 2..) => (Op::NotIn, written),
            _ => (op, written),
        }
    }
}
