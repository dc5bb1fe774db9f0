//! The catalogue: every `core/catalog/*.toml`, read once.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Competencia, Dataset, Grupo, Uf, toml_form};

/// Name and text of each file, as the build script listed them.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// What the ministry publishes, as far as it is known here.
#[derive(Debug, Default)]
pub struct Catalog {
    grupos: Vec<Grupo>,
    // Upper-case names and aliases, and lower-case table names.
    by_name: HashMap<String, usize>,
}

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
        self.grupos.push(grupo);
    }

    /// A dataset by its name or an alias, in any case: `SIH-RD`, `SINAN-DENGUE`.
    pub fn dataset(&self, name: &str) -> Option<&Grupo> {
        self.grupos.get(*self.by_name.get(&name.trim().to_uppercase())?)
    }

    /// A dataset by the name of its table: `sih_rd`.
    pub fn by_table(&self, table: &str) -> Option<&Grupo> {
        self.grupos.get(*self.by_name.get(&table.to_lowercase())?)
    }

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
