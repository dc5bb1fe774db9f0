//! The ministry's tree, in a folder or a bucket that is opened alone: as of a tree elsewhere, a file counts where the ministry publishes
//! its dataset, and what stands in the tree once more (`SIHSUS/DBF`, `SINASC/NOV`, `SIASUS/teste`) is no version of it.
//!
//! A sistema's folder is the tree's where one of its files lies in it as on the ministry's server
//! (`.../SIHSUS/200801_/Dados/RDAC2401.dbc`). Where it has another name (`sih/200801_/Dados`, as `wget --cut-dirs` leaves it), it may be
//! the user's own, and only what stands there twice is left out. Beside it, and where no file lies as on the server, all files count; so
//! does Parquet, of which the ministry publishes none.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::catalog::{Catalog, Competencia, Dataset, FileId, Grupo, Uf};

/// Where in the tree a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place<'n> {
    /// The sistema's folder.
    top: &'n Path,
    /// It is called as on the ministry's server.
    named: bool,
}

/// Of these files, by number, those that lie in a tree and not where the ministry publishes their dataset.
pub(super) fn outside<'n>(
    files: impl Iterator<Item = (usize, &'n FileId, &'n Path)>,
    catalog: &Catalog,
) -> HashSet<usize> {
    let mut trees: HashSet<&Path> = HashSet::new();
    let mut others: Vec<(usize, &FileId, &Path, Option<&Path>)> = Vec::new();
    // Files of one folder and dataset follow each other.
    let mut last: Option<(&Path, &Dataset, Option<Place>)> = None;
    for (number, id, path) in files {
        let Some(folder) = path.parent() else { continue };
        let place = match last {
            Some((known, dataset, place)) if known.as_os_str() == folder.as_os_str() && *dataset == id.dataset => place,
            _ => catalog.dataset(&id.dataset.to_string()).and_then(|grupo| place_of(folder, grupo)),
        };
        last = Some((folder, &id.dataset, place));
        match place {
            Some(Place { top, named: true }) => _ = trees.insert(top),
            _ => others.push((number, id, folder, place.map(|place| place.top))),
        }
    }
    // A sistema's folder with its own name is no other sistema's.
    let of_own = |top: Option<&'n Path>| top.filter(|top| !trees.contains(top));
    let mut own: HashMap<&Path, HashSet<(&Dataset, Uf, Competencia)>> = HashMap::new();
    for (_, id, _, top) in &others {
        if let Some(top) = of_own(*top) {
            own.entry(top).or_default().insert(id.of_month());
        }
    }
    let is_outside = |id: &FileId, folder: &Path| {
        let twice = |top: &Path| own.get(top).is_some_and(|published| published.contains(&id.of_month()));
        folder.ancestors().any(|above| trees.contains(above) || twice(above))
    };
    let strays = others.into_iter().filter(|(_, id, folder, top)| of_own(*top).is_none() && is_outside(id, folder));
    strays.map(|(number, ..)| number).collect()
}

/// None where the ministry does not publish the dataset in a folder with these names.
fn place_of<'n>(folder: &'n Path, grupo: &Grupo) -> Option<Place<'n>> {
    let of = |published: &str| {
        let names = || published.split('/').rev();
        let count = names().count();
        let alike = folder.components().rev().zip(names());
        let alike = alike.take_while(|(part, name)| part.as_os_str().eq_ignore_ascii_case(name)).count();
        // A single name, `Dados`, says nothing.
        let cut = alike + 1 == count && alike > 1;
        (alike == count || cut).then(|| folder.ancestors().nth(count - 1).map(|top| Place { top, named: !cut }))?
    };
    let places: Vec<Place> = grupo.folders.iter().filter_map(|published| of(published.in_tree())).collect();
    places.iter().find(|place| place.named).or(places.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_of_the_tree_by_the_names_that_it_ends_in() {
        let place = |folder: &'static str, dataset: &str| {
            let place = place_of(Path::new(folder), Catalog::builtin().dataset(dataset).unwrap());
            place.map(|place| (place.top.to_str().unwrap(), place.named))
        };
        let named = |top| Some((top, true));
        assert_eq!(place("/d/dissemin/publicos/SIHSUS/200801_/Dados", "SIH-RD"), named("/d/dissemin/publicos/SIHSUS"));
        assert_eq!(place("sihsus/199201_200712/dados", "SIH-RD"), named("sihsus"));
        assert_eq!(place("d/CNES/200508_/Dados/ST", "CNES-ST"), named("d/CNES"));
        assert_eq!(place("PNI/DADOS", "PNI-CPNI"), named("PNI"));
        assert_eq!(place("/d/sih/200801_/Dados", "SIH-RD"), Some(("/d/sih", false)));
        assert_eq!(place("200801_/Dados", "SIH-RD"), Some(("", false)));
        for (folder, dataset) in [
            ("/d/SIHSUS/DBF", "SIH-RD"),
            ("/d/SIHSUS", "SIH-RD"),
            ("/d/Dados", "SIH-RD"),
            ("/d/pni/meus/DADOS", "PNI-CPNI"),
            ("/d/SIHSUS/200801_/Dados", "SIA-PA"),
            ("", "SIH-RD"),
        ] {
            // Its last two folders are those of SIA's as well.
            let expected = (dataset == "SIA-PA").then_some(("/d/SIHSUS", false));
            assert_eq!(place(folder, dataset), expected, "{folder}");
        }
    }
}
