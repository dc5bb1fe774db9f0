//! File names, both ways: `RDAC2401.dbc` <-> SIH-RD, AC, 202401.

use super::{Catalog, FileId};

impl FileId {
    /// The ministry's name for it: `RDAC2401.dbc`, `POPSBR22.zip`.
    pub fn file_name(&self, catalog: &Catalog) -> String {
        let grupo = catalog.dataset(&self.dataset.to_string());
        let stem = grupo.and_then(|grupo| grupo.patterns.first()).map(|pattern| pattern.write(self));
        let extension = if grupo.is_some_and(|grupo| grupo.zipped) { "zip" } else { "dbc" };
        format!(
            "{}.{extension}",
            stem.unwrap_or_else(|| format!("{}{}{}", self.dataset.grupo(), self.uf, self.competencia))
        )
    }
}

impl Catalog {
    /// What the name says, as in [`Catalog::read_name`], but for its version.
    pub fn identify(&self, file_name: &str) -> Option<FileId> {
        self.read_name(file_name).map(|name| name.id)
    }

    /// Every reading of a name; the catalogue is sound when there is at most one.
    pub fn readings(&self, stem: &str) -> Vec<FileId> {
        let upper = stem.to_uppercase();
        self.datasets().flat_map(|grupo| grupo.read_stem(&upper)).collect()
    }
}
