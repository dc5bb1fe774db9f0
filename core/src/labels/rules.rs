//! Which list has the labels of which column: `core/labels/rules.toml`.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

static TEXT: &str = include_str!("../../labels/rules.toml");

/// A file that does not parse is found by the tests of this room.
pub(super) static RULES: LazyLock<Rules> = LazyLock::new(|| toml::from_str(TEXT).unwrap_or_default());

/// Lists that derived columns take, beside those of labels.
const OF_DERIVED: [&str; 3] = ["sih/CID10CAP", "sih/CID10GRUPOS", "sih/SENSIVEISATB03"];

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    pub rule: Vec<Rule>,
    /// By list: a short text for an official one.
    #[serde(default)]
    pub nice: HashMap<String, HashMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub datasets: Vec<String>,
    /// Competências, both included.
    pub from: Option<String>,
    pub to: Option<String>,
    pub columns: BTreeMap<String, Source>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Source {
    List(String),
    Taken {
        list: String,
        /// Columns whose characters stand side by side, `NAME` or `NAME:width`.
        of: Vec<String>,
        /// First of these characters, from 1.
        #[serde(default = "one")]
        at: usize,
    },
}

fn one() -> usize {
    1
}

impl Source {
    pub fn list(&self) -> &str {
        let (Source::List(list) | Source::Taken { list, .. }) = self;
        list
    }
}

/// Names of all lists that a rule names, each once.
pub fn lists() -> Vec<&'static str> {
    let mut all: Vec<&str> = RULES.rule.iter().flat_map(|rule| rule.columns.values()).map(Source::list).collect();
    // Those that derived columns take.
    all.extend(OF_DERIVED);
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn every_rule_is_of_datasets_and_columns_that_there_are() {
        let rules: Rules = toml::from_str(TEXT).unwrap();
        for rule in &rules.rule {
            for name in &rule.datasets {
                let grupo = Catalog::builtin().read(name).unwrap_or_else(|| panic!("{name}"));
                assert_eq!(grupo.dataset.to_string(), *name);
                for of in rule.columns.values() {
                    if let Source::Taken { of, .. } = of {
                        for part in of {
                            let column = part.split(':').next().unwrap();
                            let one_by_one = grupo.columns.is_empty() || grupo.column(column).is_some();
                            assert!(one_by_one, "{name} {column}");
                        }
                    }
                }
            }
        }
    }
}
