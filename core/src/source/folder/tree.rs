//! The ministry's tree, in a folder or a bucket that is opened alone: as of a tree elsewhere, a file counts where the ministry publishes
//! its dataset, and what stands in the tree once more (`SIHSUS/DBF`, `SINASC/NOV`, `SIASUS/teste`) is no version of it.
//!
//! A sistema's folder is the tree's where one of its files lies in it as on the ministry's server
//! (`.../SIHSUS/200801_/Dados/RDAC2401.dbc`). Beside it, and where no file lies so, all files are the user's own and count; so does
//! Parquet, of which the ministry publishes none.

use std::collections::HashSet;
use std::path::Path;

use crate::catalog::{Catalog, Dataset, FileId, Grupo};

/// Of these files, by number, those that lie in a sistema's folder of the tree and not where the ministry publishes their dataset.
pub(super) fn outside<'n>(
    files: impl Iterator<Item = (usize, &'n FileId, &'n Path)>,
    catalog: &Catalog,
) -> HashSet<usize> {
    let mut trees: HashSet<&Path> = HashSet::new();
    let mut others: Vec<(usize, &Path)> = Vec::new();
    // Files of one folder and dataset follow each other.
    let mut last: Option<(&Path, &Dataset, Option<&Path>)> = None;
    for (number, id, path) in files {
        let Some(folder) = path.parent() else { continue };
        let of_sistema = match last {
            Some((known, dataset, of)) if known.as_os_str() == folder.as_os_str() && *dataset == id.dataset => of,
            _ => catalog.dataset(&id.dataset.to_string()).and_then(|grupo| published_below(folder, grupo)),
        };
        last = Some((folder, &id.dataset, of_sistema));
        match of_sistema {
            Some(folder) => _ = trees.insert(folder),
            None => others.push((number, folder)),
        }
    }
    let others = others.into_iter().filter(|(_, folder)| folder.ancestors().any(|above| trees.contains(above)));
    others.map(|(number, _)| number).collect()
}

/// The sistema's folder above `folder`, where the ministry publishes the dataset in one with these names.
fn published_below<'n>(folder: &'n Path, grupo: &Grupo) -> Option<&'n Path> {
    grupo.folders.iter().find_map(|published| {
        let names = || published.in_tree().split('/').rev();
        let count = names().count();
        let alike = folder.components().rev().zip(names());
        let alike = alike.filter(|(part, name)| part.as_os_str().eq_ignore_ascii_case(name)).count();
        (alike == count).then(|| folder.ancestors().nth(count - 1))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_of_the_tree_by_the_names_that_it_ends_in() {
        for (folder, dataset, expected) in [
            ("/d/dissemin/publicos/SIHSUS/200801_/Dados", "SIH-RD", Some("/d/dissemin/publicos/SIHSUS")),
            ("sihsus/199201_200712/dados", "SIH-RD", Some("sihsus")),
            ("d/CNES/200508_/Dados/ST", "CNES-ST", Some("d/CNES")),
            ("PNI/DADOS", "PNI-CPNI", Some("PNI")),
            ("/d/SIHSUS/DBF", "SIH-RD", None),
            ("/d/SIHSUS", "SIH-RD", None),
            ("/d/sih/200801_/Dados", "SIH-RD", None),
            ("/d/SIHSUS/200801_/Dados", "SIA-PA", None),
            ("200801_/Dados", "SIH-RD", None),
            ("/d/Dados", "SIH-RD", None),
            ("/d/PNI/meus/DADOS", "PNI-CPNI", None),
            ("", "SIH-RD", None),
        ] {
            let found = published_below(Path::new(folder), Catalog::builtin().dataset(dataset).unwrap());
            assert_eq!(found, expected.map(Path::new), "{folder}");
        }
    }
}
