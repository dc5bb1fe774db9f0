//! Parquet that is known by its folder: the files there are one version of what the folder's name says.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::catalog::{Catalog, Competencia, FileId, FoundName, Period, Uf};

/// What each folder stands for, asked once.
pub(super) struct Partitions<'c> {
    root: &'c Path,
    catalog: &'c Catalog,
    known: HashMap<PathBuf, Option<FoundName>>,
}

impl<'c> Partitions<'c> {
    pub fn new(root: &'c Path, catalog: &'c Catalog) -> Self {
        Partitions { root, catalog, known: HashMap::new() }
    }

    /// What a file's folder stands for, and the folder.
    pub fn of(&mut self, file: &Path) -> Option<(FoundName, PathBuf)> {
        let folder = file.parent()?;
        if !self.known.contains_key(folder) {
            let keys = || of_keys(folder, self.root, self.catalog).map(FoundName::from);
            let name = of_named(folder, self.root, self.catalog).or_else(keys);
            self.known.insert(folder.to_owned(), name);
        }
        Some((self.known.get(folder)?.clone()?, folder.to_owned()))
    }
}

/// `RDAC2401.parquet/` of PySUS, Spark and others; it may be the opened folder itself.
fn of_named(folder: &Path, root: &Path, catalog: &Catalog) -> Option<FoundName> {
    folder.strip_prefix(root).ok()?;
    let name = folder.file_name()?.to_str()?;
    let parquet = name.len() > 8 && name.get(name.len() - 8..)?.eq_ignore_ascii_case(".parquet");
    parquet.then(|| catalog.read_name(name)).flatten()
}

/// `sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01/`, or `sih-rd/uf=AC/ano=2024/mes=01/`.
fn of_keys(folder: &Path, root: &Path, catalog: &Catalog) -> Option<FileId> {
    let below = folder.strip_prefix(root).ok()?;
    let mut keyed = false;
    let (mut sistema, mut grupo, mut uf, mut ano, mut mes, mut dataset) = (None, None, None, None, None, None);
    for part in below.components() {
        let part = part.as_os_str().to_str()?;
        // What those who write such folders have not finished, or keep for themselves: `_temporary`.
        if keyed && part.starts_with('_') {
            return None;
        }
        keyed |= part.contains('=');
        match part.split_once('=') {
            Some((key, value)) => match key.to_lowercase().as_str() {
                "sistema" => sistema = Some(value),
                "grupo" => grupo = Some(value),
                "uf" => uf = Some(Uf::parse(value)?),
                "ano" => ano = Some(value.parse::<u16>().ok()?),
                "mes" => mes = Some(value.parse::<u8>().ok()?),
                _ => {}
            },
            None => dataset = catalog.dataset(part).or(dataset),
        }
    }
    let grupo = match (sistema, grupo) {
        (Some(sistema), Some(grupo)) => catalog.dataset(&format!("{sistema}-{grupo}"))?,
        _ => dataset?,
    };
    let competencia = match grupo.period {
        Period::Month => Competencia::month(ano?, mes?)?,
        Period::Year => Competencia::year(ano?)?,
    };
    Some(FileId { dataset: grupo.dataset.clone(), uf: uf.or(grupo.national)?, competencia, part: None })
}
