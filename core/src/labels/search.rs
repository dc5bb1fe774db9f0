//! Columns by words: in their names, in what they mean, and in the labels of their codes.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::derived_columns;
use super::dictionary::Dictionary;
use super::word_list::WordList;
use crate::base::fold;
use crate::catalog::{Catalog, Dataset, Grupo, LogicalType};

/// Labels that are told of a column.
const LABELS: usize = 5;
/// Fewer letters are in too many words.
const LEAST_INSIDE: usize = 3;

/// A column in which the words were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Found {
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub dataset: Dataset,
    /// As queries name it.
    pub column: String,
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub kind: LogicalType,
    /// In Portuguese; none where no source says it.
    pub meaning: Option<String>,
    /// True: one that the dataset has by name alone.
    pub derived: bool,
    /// Where the words were found; of several places the first.
    pub found_in: FoundIn,
    /// Labels of its codes in which the words are, or words that a derived column has, five at most.
    pub labels: Vec<String>,
}

/// Where words were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum FoundIn {
    /// In the column's name.
    Name,
    /// In what it means.
    Meaning,
    /// In a label of its codes, or in a word that a derived column has.
    Label,
}

/// The words of a text, folded.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric() && !('\u{300}'..='\u{36f}').contains(&c));
    parts.map(fold).filter(|word| !word.is_empty()).collect()
}

/// How well a word fits one of `words`: 3 is it, 2 begins one, 1 is in one, 0 does not.
fn fit(wanted: &str, words: &[String]) -> u32 {
    let one = |word: &String| match word {
        word if word == wanted => 3,
        word if word.starts_with(wanted) => 2,
        word if wanted.len() >= LEAST_INSIDE && word.contains(wanted) => 1,
        _ => 0,
    };
    words.iter().map(one).max().unwrap_or(0)
}

/// How well all of the words fit a text together; none where one does not.
fn fit_all(wanted: &[String], text: &str) -> Option<u32> {
    let words = words(text);
    wanted.iter().try_fold(0, |sum, wanted| match fit(wanted, &words) {
        0 => None,
        fit => Some(sum + fit),
    })
}

/// What is looked at of a column.
struct Candidate<'c> {
    name: &'c str,
    kind: &'c LogicalType,
    meaning: Option<&'c str>,
    words: Option<Words<'c>>,
    derived: bool,
}

/// What a column's values are called.
#[derive(Clone, Copy)]
enum Words<'c> {
    /// Labels of this list.
    Of(&'c str),
    /// A derived column's own.
    These(&'c WordList),
}

/// How well the best label fits, and those in which the words are.
type Fitting = (u32, Vec<String>);

/// What was found of lists and of words, which many datasets share.
#[derive(Default)]
struct Labels {
    of_lists: HashMap<(Vec<String>, String), Fitting>,
    of_words: HashMap<(Vec<String>, WordList), Fitting>,
}

impl Labels {
    fn fitting(&mut self, wanted: &[String], words: Words<'_>) -> Fitting {
        match words {
            Words::These(words) => {
                let key = (wanted.to_vec(), words.clone());
                self.of_words.entry(key).or_insert_with(|| of_labels(wanted, words)).clone()
            }
            Words::Of(list) => {
                let labels = || Dictionary::built_in().list(list);
                let found = || labels().map(|list| of_labels(wanted, list.labels())).unwrap_or_default();
                self.of_lists.entry((wanted.to_vec(), list.to_owned())).or_insert_with(found).clone()
            }
        }
    }
}

/// The columns in which all of `text`'s words are, the best first: of `grupo`, or of every dataset.
pub fn search(text: &str, grupo: Option<&'static Grupo>) -> Vec<Found> {
    let (wanted, whole) = (words(text), fold(text));
    if wanted.is_empty() {
        return Vec::new();
    }
    let grupos: Vec<&'static Grupo> = match grupo {
        Some(grupo) => vec![grupo],
        None => Catalog::builtin().datasets().collect(),
    };
    let mut labels = Labels::default();
    let mut found: Vec<(u32, Found)> = Vec::new();
    for grupo in grupos {
        let derived = derived_columns(grupo);
        let lists: BTreeMap<&str, &str> =
            derived.iter().filter_map(|one| Some((one.label_of.as_deref()?, one.list.as_deref()?))).collect();
        let of_files = grupo.columns.iter().map(|column| Candidate {
            name: &column.name,
            kind: &column.kind,
            meaning: column.meaning.as_ref().map(|meaning| meaning.pt.as_str()),
            words: lists.get(column.name.as_str()).copied().map(Words::Of),
            derived: false,
        });
        // Of a column that files have and the catalogue knows no more than the name of, its words say what it is.
        let of_fields = lists.iter().filter(|(name, _)| grupo.column(name).is_none()).map(|(name, list)| Candidate {
            name,
            kind: &LogicalType::Text,
            meaning: None,
            words: Some(Words::Of(list)),
            derived: false,
        });
        // A label's own column would be found with each of its codes'.
        let made = derived.iter().filter(|one| one.label_of.is_none()).map(|one| Candidate {
            name: &one.name,
            kind: &one.kind,
            meaning: Some(&one.meaning.pt),
            words: one.words().map(Words::These),
            derived: true,
        });
        found.extend(of_files.chain(of_fields).chain(made).filter_map(|one| {
            let (score, found_in, labels) = look(&wanted, &whole, &one, &mut labels)?;
            Some((
                score,
                Found {
                    dataset: grupo.dataset.clone(),
                    column: one.name.to_owned(),
                    kind: one.kind.clone(),
                    meaning: one.meaning.map(str::to_owned),
                    derived: one.derived,
                    found_in,
                    labels,
                },
            ))
        }));
    }
    found.sort_by_key(|one| std::cmp::Reverse(one.0));
    found.into_iter().map(|(_, found)| found).collect()
}

/// How well a column fits, where, and by which labels; none where it does not. Words may be in several of its places: `sexo feminino`.
fn look(
    wanted: &[String],
    whole: &str,
    column: &Candidate<'_>,
    known: &mut Labels,
) -> Option<(u32, FoundIn, Vec<String>)> {
    let (label_fit, labels) = column.words.map(|words| known.fitting(wanted, words)).unwrap_or_default();
    let exact = fold(column.name) == whole;
    let name = fit_all(wanted, column.name).or(exact.then_some(3));
    let meaning = column.meaning.and_then(|meaning| fit_all(wanted, meaning));
    let per_word = 100 / wanted.len() as u32;
    if let Some(fit) = name {
        return Some((if exact { 2_000 } else { 1_000 + fit * per_word }, FoundIn::Name, labels));
    }
    if let Some(fit) = meaning {
        return Some((500 + fit * per_word, FoundIn::Meaning, labels));
    }
    if label_fit > 0 {
        return Some((label_fit * per_word, FoundIn::Label, labels));
    }
    let together = format!("{} {}", column.name, column.meaning.unwrap_or_default());
    if let Some(fit) = fit_all(wanted, &together) {
        return Some((400 + fit * per_word, FoundIn::Meaning, labels));
    }
    // `sexo feminino`: what neither says, a label does.
    let is_said = |word: &String| fit_all(std::slice::from_ref(word), &together).is_some();
    let rest: Vec<String> = wanted.iter().filter(|word| !is_said(word)).cloned().collect();
    let words = column.words.filter(|_| rest.len() < wanted.len())?;
    let (fit, labels) = known.fitting(&rest, words);
    (fit > 0).then(|| (350 + fit * per_word, FoundIn::Label, labels))
}

/// How well the best of these labels fits, and those that fit, the best first.
fn of_labels(wanted: &[String], labels: &WordList) -> Fitting {
    let mut fitting: Vec<(u32, &str)> =
        labels.iter().filter_map(|label| Some((fit_all(wanted, label)?, label))).collect();
    fitting.sort_by_key(|one| std::cmp::Reverse(one.0));
    let best = fitting.first().map_or(0, |(fit, _)| *fit);
    (best, fitting.into_iter().take(LABELS).map(|(_, label)| label.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str, dataset: &str) -> Vec<String> {
        let grupo = Catalog::builtin().read(dataset).unwrap();
        search(text, Some(grupo)).into_iter().map(|found| found.column).collect()
    }

    #[test]
    fn a_name_stands_before_a_meaning_and_that_before_a_label() {
        let found = search("sexo", Catalog::builtin().read("SIH-RD"));
        assert_eq!((found[0].column.as_str(), found[0].found_in), ("SEXO", FoundIn::Name));
        assert!(found.is_sorted_by_key(|one| one.found_in), "{found:?}");
        let feminine = search("feminino", Catalog::builtin().read("SIH-RD"));
        assert_eq!((feminine[0].column.as_str(), feminine[0].found_in), ("SEXO", FoundIn::Label));
        assert_eq!(feminine[0].labels, ["Feminino"]);
        let both = search("sexo feminino", Catalog::builtin().read("SIH-RD"));
        assert_eq!((both[0].column.as_str(), &both[0].labels[..]), ("SEXO", &["Feminino".to_owned()][..]));
    }

    #[test]
    fn neither_case_nor_accents_count_and_every_word_does() {
        assert_eq!(columns("ÓBITO", "SIH-RD"), columns("obito", "SIH-RD"));
        assert!(columns("obito", "SIH-RD").contains(&"MORTE".to_owned()));
        assert!(columns("diagnostico principal", "SIH-RD").contains(&"DIAG_PRINC".to_owned()));
        assert_eq!(columns("diagnostico zebra", "SIH-RD"), Vec::<String>::new());
        assert_eq!(columns("  ", "SIH-RD"), Vec::<String>::new());
        assert!(columns("idade_anos", "SIH-RD")[0] == "idade_anos");
        assert_eq!(columns("diag_princ", "SIH-RD")[0], "DIAG_PRINC");
    }

    #[test]
    fn words_that_a_derived_column_has_are_found_as_labels_are() {
        let found = search("acrelandia", Catalog::builtin().read("SIH-RD"));
        let by_name: Vec<_> = found.iter().filter(|one| one.labels == ["Acrelândia"]).collect();
        assert!(by_name.iter().any(|one| one.derived && one.column.starts_with("municipio_nome")), "{found:?}");
        assert!(by_name.iter().all(|one| one.found_in == FoundIn::Label), "{found:?}");
        assert_eq!(columns("acrelandia zebra", "SIH-RD"), Vec::<String>::new());
    }

    #[test]
    fn the_whole_catalogue_is_searched() {
        let found = search("feminino", None);
        let datasets: std::collections::BTreeSet<String> = found.iter().map(|one| one.dataset.to_string()).collect();
        assert!(
            ["SIH-RD", "SIM-DO", "SINASC-DN", "SIA-PA"].iter().all(|name| datasets.contains(*name)),
            "{datasets:?}"
        );
    }
}
