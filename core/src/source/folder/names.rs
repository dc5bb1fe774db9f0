//! What the names below a folder say. Sorting them takes longer than reading them, so that it is done once for a listing; of the
//! files themselves only those are asked that somebody wants.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::{
    ARCHIVES, FileKind, Ignored, Listing, Piece, SourceFile, Version, Why, extension, partition, preliminary, same,
    tree,
};
use crate::base::Result;
use crate::catalog::{Catalog, Dataset, FileId};
use crate::store::{Entry, Listed, Location, Object, Stores};

/// Files that are asked for size and time by one thread at least.
const ASKED_TOGETHER: usize = 512;

/// The names below a root, and what they stand for.
#[derive(Debug)]
pub struct Names {
    root: Location,
    listed: Arc<Listed>,
    /// In order of location.
    files: Vec<Named>,
    ignored: Arc<[Ignored]>,
}

/// A file of the catalogue, by its name.
#[derive(Debug, Clone)]
struct Named {
    id: FileId,
    /// In the listing.
    at: usize,
    kind: FileKind,
    version: Version,
}

/// The names of a source, for as long as its store gives the same listing.
#[derive(Debug, Default)]
pub struct KnownNames(Mutex<Option<Arc<Names>>>);

impl KnownNames {
    /// The names below `root`, which is the same in every call.
    pub fn of(&self, stores: &Stores, root: &Location, catalog: &Catalog) -> Result<Arc<Names>> {
        let listed = stores.list(root)?;
        let last = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = last().as_ref().filter(|known| Arc::ptr_eq(&known.listed, &listed)) {
            return Ok(known.clone());
        }
        let names = Names::of(listed, root, catalog);
        *last() = Some(names.clone());
        Ok(names)
    }
}

impl Names {
    /// What the names of a listing say.
    pub fn of(listed: Arc<Listed>, root: &Location, catalog: &Catalog) -> Arc<Self> {
        let mut files = Vec::new();
        let of_link = |all: &[Location], why| -> Vec<Ignored> {
            all.iter().map(|location| Ignored { location: location.clone(), why }).collect()
        };
        let mut all_ignored = of_link(&listed.broken, Why::Link);
        all_ignored.extend(of_link(&listed.not_entered, Why::Depth));
        all_ignored.extend(of_link(&listed.elsewhere, Why::Folder));
        let mut partitions = partition::Partitions::new(root.path(), catalog);
        let mut folders = preliminary::Folders::new(root.path(), catalog);
        let records: HashSet<&Path> =
            listed.found.iter().map(|entry| entry.location.path()).filter(|path| is_record(path)).collect();
        for (at, Entry { location, .. }) in listed.found.iter().enumerate() {
            let (name, path) = (location.name(), location.path());
            let mut ignore = |why| all_ignored.push(Ignored { location: location.clone(), why });
            let Some(kind) = FileKind::of(&name) else {
                match ARCHIVES.contains(&extension(&name).as_str()) {
                    true => ignore(Why::Archive),
                    // A record goes with its object, which is not listed either.
                    false if records.contains(path) => {}
                    false => ignore(Why::Name),
                }
                continue;
            };
            if kind == FileKind::Parquet && records.contains(path.with_extension("parquet.json").as_path()) {
                continue;
            }
            let mut of_partition = || (kind == FileKind::Parquet).then(|| partitions.of(path)).flatten();
            let named = catalog.read_name(&name).map(|name| (name, None));
            let Some((name, partition)) = named.or_else(|| of_partition().map(|(name, folder)| (name, Some(folder))))
            else {
                ignore(if kind == FileKind::Zip { Why::Archive } else { Why::Name });
                continue;
            };
            let preliminary = name.preliminary || folders.are_preliminary(path);
            let version = Version { preliminary, dated: name.dated, partition, sha256: None };
            files.push(Named { id: name.id, at, kind, version });
        }
        drop(records);
        let path = |named: &Named| listed.found[named.at].location.path();
        let ministrys = files.iter().enumerate().filter(|(_, named)| named.kind != FileKind::Parquet);
        let outside = tree::outside(ministrys.map(|(number, named)| (number, &named.id, path(named))), catalog);
        all_ignored.extend(outside.iter().map(|number| {
            let location = listed.found[files[*number].at].location.clone();
            Ignored { location, why: Why::Folder }
        }));
        let mut number = 0..;
        files.retain(|_| number.next().is_none_or(|number| !outside.contains(&number)));
        all_ignored.sort_by(|a, b| a.location.cmp(&b.location));
        Arc::new(Names { root: root.clone(), listed, files, ignored: all_ignored.into() })
    }

    /// The same with `pieces` in the place of what it holds of `datasets`.
    pub fn with_pieces(beside: &Names, datasets: &BTreeSet<Dataset>, pieces: Vec<Piece>) -> Arc<Self> {
        let mut listed = Listed::clone(&beside.listed);
        let mut files: Vec<Named> =
            beside.files.iter().filter(|named| !datasets.contains(&named.id.dataset)).cloned().collect();
        for Piece { id, path, together } in pieces {
            let version = Version { partition: Some(together), ..Version::default() };
            files.push(Named { id, at: listed.found.len(), kind: FileKind::Parquet, version });
            listed.found.push(Entry { location: Location::file(path), object: None });
        }
        Arc::new(Names { root: beside.root.clone(), listed: listed.into(), files, ignored: beside.ignored.clone() })
    }

    /// No file at all.
    pub fn nothing(root: &Location) -> Arc<Self> {
        Arc::new(Names { root: root.clone(), listed: Arc::default(), files: Vec::new(), ignored: Arc::from([]) })
    }

    /// The wanted files as they are now: each is asked anew, since to rewrite a file changes no name.
    pub fn stat(self: &Arc<Self>, stores: &Stores, wanted: impl Fn(&FileId) -> bool) -> Result<Listing> {
        self.stat_by(|location| stores.stat(location), wanted)
    }

    /// The same, asked in another way.
    pub fn stat_by(
        self: &Arc<Self>,
        stat: impl Fn(&Location) -> Result<Object> + Sync,
        wanted: impl Fn(&FileId) -> bool,
    ) -> Result<Listing> {
        let chosen: Vec<&Named> = self.files.iter().filter(|named| wanted(&named.id)).collect();
        let ask = |named: &&Named| -> Result<(SourceFile, Option<(u64, u64)>)> {
            let Entry { location, object } = &self.listed.found[named.at];
            let object = object.clone().map_or_else(|| stat(location), Ok)?;
            let Object { location, size, mtime_ns, state, identity } = object;
            let (id, kind, version) = (named.id.clone(), named.kind, named.version.clone());
            Ok((SourceFile { id, location, kind, size, mtime_ns, state, version }, identity))
        };
        let asked: Vec<_> = match chosen.len() > ASKED_TOGETHER {
            true => chosen.par_iter().with_min_len(ASKED_TOGETHER).map(ask).collect::<Result<_>>()?,
            false => chosen.iter().map(ask).collect::<Result<_>>()?,
        };
        let mut same = same::Same::default();
        asked.into_iter().for_each(|(file, identity)| same.add(file, identity));
        let mut files = same.files();
        files.sort_by(|a, b| (&a.id, &a.location).cmp(&(&b.id, &b.location)));
        Ok(Listing { root: self.root.clone(), files, ignored: self.ignored.clone(), names: self.clone() })
    }

    /// Where the files of the catalogue lie, all of them.
    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        self.files.iter().map(|named| &self.listed.found[named.at].location)
    }
}

/// `RDAC2401-0123456789ab-c3.parquet.json`: the record of a lake's object.
fn is_record(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let Some(object) = name.strip_suffix(".parquet.json") else { return false };
    // Between the hash of the source and the converter's version.
    object.match_indices("-c").any(|(at, _)| {
        let hash = object[..at].rsplit_once('-').map(|(_, hash)| hash).unwrap_or_default();
        let version = object[at + 2..].starts_with(|c: char| c.is_ascii_digit());
        version && hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
