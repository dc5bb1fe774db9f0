//! The catalogue: every `core/catalog/*.toml`, read once.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Competencia, Dataset, Grupo, Uf, toml_form};
use crate::base::{did_you_mean, fold};

/// Name and text of each file, as the build script listed them.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// What the ministry publishes, as far as it is known here.
#[derive(Debug, Default)]
pub struct Catalog {
    grupos: Vec<Grupo>,
    // Upper-case names and aliases, and lower-case table names.
    by_name: HashMap<String, usize>,
    // Folded names, and what people say for short, with every dataset that it may mean.
    by_word: HashMap<String, Vec<usize>>,
}

/// Bytes of anything that is looked up here.
const LONGEST: usize = 512;

impl Catalog {
    /// The catalogue that comes with the SDK.
    pub fn builtin() -> &'static Catalog {
        static BUILTIN: OnceLock<Catalog> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            let mut catalog = Catalog::default();
            for (name, text) in FILES {
                match toml_form::read(text) {
                    Ok(grupos) => grupos.into_iter().for_each(|grupo| catalog.add(grupo)),
                    // A test reads every file that ships: this cannot happen in a release.
                    Err(why) => tracing::error!(file = name, %why, "catalogue file not read"),
                }
            }
            catalog
        })
    }

    /// Why a text is not a file of the catalogue, if it is not.
    pub fn check_file(text: &str) -> Result<usize, String> {
        toml_form::read(text).map(|grupos| grupos.len())
    }

    /// The files that come with the SDK, by name.
    pub fn builtin_files() -> &'static [(&'static str, &'static str)] {
        FILES
    }

    fn add(&mut self, grupo: Grupo) {
        let index = self.grupos.len();
        let names = std::iter::once(grupo.dataset.to_string()).chain(grupo.aliases.iter().map(|a| a.to_uppercase()));
        for name in names.chain([grupo.dataset.table()]) {
            self.by_name.insert(name, index);
        }
        let short = |alias: &String| alias.split_once('-').map(|(_, short)| short.to_owned());
        let words = [grupo.dataset.to_string(), grupo.dataset.grupo().to_owned(), grupo.nome.clone()].into_iter();
        for word in words.chain(grupo.aliases.iter().cloned()).chain(grupo.aliases.iter().filter_map(short)) {
            let meant = self.by_word.entry(fold(&word)).or_default();
            if !meant.contains(&index) {
                meant.push(index);
            }
        }
        self.grupos.push(grupo);
    }

    /// A dataset by its name or an alias, in any case: `SIH-RD`, `SINAN-DENGUE`.
    pub fn dataset(&self, name: &str) -> Option<&Grupo> {
        self.grupos.get(*self.by_name.get(&name.trim().to_uppercase())?)
    }

    /// A dataset as people name it: `SIH-RD`, `sih_rd`, its grupo alone (`RD`), its disease (`dengue`) or title (`Leitos`),
    /// where that is the name of one dataset only.
    pub fn read(&self, name: &str) -> Option<&Grupo> {
        if name.len() > LONGEST {
            return None;
        }
        let only = || match self.by_word.get(&fold(name))?[..] {
            [index] => self.grupos.get(index),
            _ => None,
        };
        self.dataset(name).or_else(only)
    }

    /// The datasets that a name which is none may have meant, three at most; what most people look for comes first.
    pub fn near(&self, name: &str) -> Vec<String> {
        if name.len() > LONGEST {
            return Vec::new();
        }
        let folded = fold(name);
        let mut by_use: Vec<&Grupo> = self.grupos.iter().collect();
        by_use.sort_by_key(|grupo| grupo.rank);
        let named = |grupos: Vec<&&Grupo>| grupos.iter().take(3).map(|grupo| grupo.dataset.to_string()).collect();
        let of_sistema = |part: &str| -> Vec<&&Grupo> {
            by_use.iter().filter(|grupo| fold(grupo.dataset.sistema()) == part).collect()
        };
        let whole = of_sistema(&folded);
        if !whole.is_empty() {
            return named(whole);
        }
        let names: Vec<String> = by_use.iter().map(|grupo| grupo.dataset.to_string()).collect();
        let near = did_you_mean(name, names.iter().map(String::as_str));
        if !near.is_empty() {
            return near;
        }
        let says = |grupo: &&&Grupo| {
            folded.len() > 3 && [&grupo.nome, &grupo.sistema_nome].iter().any(|nome| fold(nome).contains(&folded))
        };
        let saying: Vec<&&Grupo> = by_use.iter().filter(says).collect();
        if !saying.is_empty() {
            return named(saying);
        }
        // As the titles are spelt, or some dataset of the sistema that stands before the hyphen.
        let titles = did_you_mean(name, by_use.iter().map(|grupo| grupo.nome.as_str()));
        if !titles.is_empty() {
            return named(by_use.iter().filter(|grupo| titles.contains(&grupo.nome)).collect());
        }
        named(of_sistema(&fold(name.split(['-', '_', ' ']).next().unwrap_or_default())))
    }

    /// A dataset by the name of its table: `sih_rd`.
    pub fn by_table(&self, table: &str) -> Option<&Grupo> {
        self.grupos.get(*self.by_name.get(&table.to_lowercase())?)
    }

    /// In the catalogue's order.
    pub fn datasets(&self) -> impl Iterator<Item = &Grupo> {
        self.grupos.iter()
    }

    /// Whether it is known that no such file was ever published.
    pub fn is_known_gap(&self, dataset: &Dataset, uf: Uf, competencia: Competencia) -> bool {
        self.dataset(&dataset.to_string()).is_some_and(|grupo| {
            grupo.gaps.iter().any(|gap| gap.uf == uf && gap.from <= competencia && competencia <= gap.to)
        })
    }
}
