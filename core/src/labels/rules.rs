//! Which list has the labels of which column: `core/labels/rules.toml`.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

static TEXT: &str = include_str!("../../labels/rules.toml");

/// Short texts by list; they stand behind the rules.
pub(super) static NICE: LazyLock<HashMap<String, HashMap<String, String>>> =
    LazyLock::new(|| read(&TEXT[rules_end()..]).nice);

/// Of a text that the tests of this room read.
fn read(text: &str) -> Rules {
    toml::from_str(text).unwrap_or_default()
}

fn rules_end() -> usize {
    TEXT.find("\n[nice.").unwrap_or(TEXT.len())
}

/// The rules of one dataset, in the order of the file: a query is of few, and reading those of all takes as long as many a query.
pub(super) fn rules_of(dataset: &str) -> Vec<Rule> {
    let (rules, name) = (&TEXT[..rules_end()], format!("\"{dataset}\""));
    let starts: Vec<usize> = rules.match_indices("[[rule]]").map(|(at, _)| at).chain([rules.len()]).collect();
    let blocks = starts.windows(2).map(|pair| &rules[pair[0]..pair[1]]).filter(|block| block.contains(&name));
    let mut found = read(&blocks.collect::<String>()).rule;
    found.retain(|rule| rule.datasets.iter().any(|of| of == dataset));
    found
}

/// Lists that derived columns take, beside those of labels.
const OF_DERIVED: [&str; 3] = ["sih/CID10CAP", "sih/CID10GRUPOS", "sih/SENSIVEISATB03"];

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[serde(default)]
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
    static ALL: LazyLock<Rules> = LazyLock::new(|| read(TEXT));
    let mut all: Vec<&str> = ALL.rule.iter().flat_map(|rule| rule.columns.values()).map(Source::list).collect();
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
    fn the_rules_of_each_dataset_are_those_of_the_file() {
        let all: Rules = toml::from_str(TEXT).unwrap();
        assert_eq!((all.nice.len(), all.nice.contains_key("sim/RACACOR")), (NICE.len(), true));
        for grupo in Catalog::builtin().datasets() {
            let name = grupo.dataset.to_string();
            let of_file = all.rule.iter().filter(|rule| rule.datasets.contains(&name));
            let shown = |rule: &Rule| format!("{rule:?}");
            assert!(of_file.map(shown).eq(rules_of(&name).iter().map(shown)), "{name}");
        }
        assert!(!rules_of("SIH-RD").is_empty());
    }

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
