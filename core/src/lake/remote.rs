//! A lake in another store, S3 above all, which several machines fill at once without a server that locks.
//!
//! Objects are converted in a folder of this machine, and go up under a name that nobody else gives; the record that names one is made
//! by a conditional request, so that of several machines one is first, and the others take what it made. What is there is never
//! written again. Who reads compares size and version of an object with its record, and fetches no more of it than is asked for.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::made::{stem, suffix};
use super::record::{self, Record};
use super::seen::Seen;
use super::{ConvertOptions, LakeFile};
use crate::base::{Error, Result, Trusted, is_sealed, sealed_json};
use crate::catalog::FileId;
use crate::source::folder::{FileKind, SourceFile};
use crate::store::{Location, Object, Reader, State, Stores};

/// Files of one dataset and UF from which on the UF is listed at once, and not each partition.
const MANY: usize = 4;
/// An object that no record names is nobody's after so long: no upload of a record takes that time.
const ORPHANED: Duration = Duration::from_secs(24 * 60 * 60);
/// Records that are kept in memory.
const MOST_RECORDS: usize = 100_000;

#[derive(Debug)]
pub(super) struct Remote {
    root: Location,
    /// What was read of them, by their versions: they never change.
    records: Mutex<HashMap<Version, Option<Arc<Record>>>>,
}

/// An object as it was at one time.
type Version = (Location, i64, Option<State>);

/// Names and versions of what lies in one partition.
type Names = Arc<BTreeMap<String, Object>>;

/// What one job sees of the lake.
pub(super) struct Shelf {
    stores: Stores,
    listed: Mutex<HashMap<PathBuf, Names>>,
}

impl Shelf {
    pub fn new(stores: &Stores) -> Self {
        Shelf { stores: stores.clone(), listed: Mutex::default() }
    }

    fn listed(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Names>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Others may have been at it.
    pub fn forget(&self, partition: &Path) {
        self.listed().remove(partition);
    }
}

impl Remote {
    pub fn at(root: Location) -> Self {
        Remote { root, records: Mutex::default() }
    }

    pub fn root(&self) -> &Location {
        &self.root
    }

    /// Lists what many of `files` have in common at once.
    pub fn list(&self, shelf: &Shelf, files: &[SourceFile], partition: impl Fn(&FileId) -> PathBuf) -> Result<()> {
        let mut together: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for file in files.iter().filter(|file| file.kind != FileKind::Parquet) {
            let partition = partition(&file.id);
            // sistema, grupo and UF.
            let above: PathBuf = partition.iter().take(3).collect();
            together.entry(above).or_default().push(partition);
        }
        for (above, partitions) in together.into_iter().filter(|(_, partitions)| partitions.len() >= MANY) {
            let mut found = self.below(shelf, &above)?;
            let mut listed = shelf.listed();
            for partition in partitions {
                let names = found.remove(&partition).unwrap_or_default();
                listed.entry(partition).or_insert_with(|| Arc::new(names));
            }
        }
        Ok(())
    }

    /// What lies below a folder of the lake, by its partitions.
    fn below(&self, shelf: &Shelf, folder: &Path) -> Result<HashMap<PathBuf, BTreeMap<String, Object>>> {
        let mut found: HashMap<PathBuf, BTreeMap<String, Object>> = HashMap::new();
        for entry in &shelf.stores.list(&self.place(folder))?.found {
            let below = entry.location.below(&self.root);
            let object = entry.object.clone().map_or_else(|| shelf.stores.stat(&entry.location), Ok)?;
            let partition = below.parent().unwrap_or(Path::new("")).to_owned();
            found.entry(partition).or_default().insert(entry.location.name(), object);
        }
        Ok(found)
    }

    fn names(&self, shelf: &Shelf, partition: &Path) -> Result<Names> {
        if let Some(known) = shelf.listed().get(partition) {
            return Ok(known.clone());
        }
        let names = Arc::new(self.below(shelf, partition)?.remove(partition).unwrap_or_default());
        shelf.listed().insert(partition.to_owned(), names.clone());
        Ok(names)
    }

    fn place(&self, below: &Path) -> Location {
        self.root.at(self.root.path().join(below))
    }

    /// The record of this version; none where it is not what was written, so that it does not count.
    fn record(&self, stores: &Stores, object: &Object) -> Result<Option<Arc<Record>>> {
        let key = (object.location.clone(), object.mtime_ns, object.state);
        let known = || self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(&key) {
            return Ok(known.clone());
        }
        let at = &object.location;
        let mut text = Vec::new();
        let read = stores.open(at)?;
        let mut read = std::io::Read::take(Reader::new(read), record::MOST);
        std::io::Read::read_to_end(&mut read, &mut text).map_err(|error| at.io(error))?;
        let sealed = is_sealed(&text) == Some(true);
        let record = sealed.then(|| serde_json::from_slice::<Record>(&text).ok()).flatten().map(Arc::new);
        if record.is_none() {
            tracing::warn!(%at, "a record of the lake is not what was written, and is not used");
        }
        let mut records = known();
        if records.len() >= MOST_RECORDS {
            records.clear();
        }
        records.insert(key, record.clone());
        Ok(record)
    }

    /// The object of this content of a source, read as `options` say. A file of another time may hold the same: then its digest tells,
    /// since machines that share a lake have copies of one file.
    pub fn find(
        &self,
        shelf: &Shelf,
        partition: &Path,
        file: &SourceFile,
        options: &ConvertOptions,
        seen: &Seen,
    ) -> Result<Option<LakeFile>> {
        let (names, stores) = (self.names(shelf, partition)?, &shelf.stores);
        let prefix = format!("{}-", stem(file));
        let ways = [(false, false), (false, true), (true, false), (true, true)];
        let allowed = |(partial, unverified): &(bool, bool)| {
            (options.partial || !partial) && (!options.verify_crc || !unverified)
        };
        let mut alike = Vec::new();
        for (partial, unverified) in ways.into_iter().filter(allowed) {
            let end = format!("{}.json", suffix(&file.id.dataset, options, partial, unverified));
            for (_, object) in names.iter().filter(|(name, _)| name.starts_with(&prefix) && name.ends_with(&end)) {
                let Some(record) = self.record(stores, object)? else { continue };
                let of = &record.provenance;
                if of.size == file.size && of.file == file.name() {
                    alike.push((object.location.clone(), record));
                }
            }
        }
        let known = file.version.sha256.is_none();
        let sure = |record: &Record| {
            let same_state = file.state.is_none() || record.state == file.state;
            known && record.provenance.mtime_ns == file.mtime_ns && same_state
        };
        let chosen = match alike.iter().position(|(_, record)| sure(record)) {
            Some(at) => Some(at),
            None if alike.is_empty() => None,
            None => {
                let sha256 = file.version.sha256.clone().map_or_else(|| seen.sha256(stores, file), Ok)?;
                alike.iter().position(|(_, record)| record.provenance.sha256.as_ref() == Some(&sha256))
            }
        };
        let Some((at, record)) = chosen.map(|at| alike.swap_remove(at)) else { return Ok(None) };
        self.lake_file(stores, (partition, &names), file, &at, &record)
    }

    /// None, and the record goes, where its object is not what it says: the source is converted once more.
    fn lake_file(
        &self,
        stores: &Stores,
        (partition, names): (&Path, &Names),
        file: &SourceFile,
        at: &Location,
        record: &Record,
    ) -> Result<Option<LakeFile>> {
        let Some(name) = &record.object else { return Ok(None) };
        let is_it = |object: &Object| {
            object.size == record.bytes && record.stored.is_none_or(|stored| object.state == Some(stored))
        };
        let object = match names.get(name).filter(|object| is_it(object)) {
            Some(object) => Some(object.clone()),
            // It may have come between two pages of the listing.
            None => match stores.stat(&self.place(&partition.join(name))) {
                Ok(object) => Some(object).filter(is_it),
                Err(error) if error.code() == crate::base::Code::NotFound => None,
                Err(error) => return Err(error),
            },
        };
        let Some(object) = object else {
            tracing::warn!(%at, "an object of the lake is not what its record says, and is converted again");
            stores.remove(at)?;
            return Ok(None);
        };
        // It is fetched by who reads a column that has any.
        let bad_cells = self.place(&partition.join(bad_name(name)));
        record.lake_file((stores, file), object, Some(bad_cells.whole()))
    }

    /// Takes a converted object up, from the folder of this machine where it was made.
    pub fn publish(&self, stores: &Stores, partition: &Path, made: &Path) -> Result<()> {
        let local_record = record::path_of(made);
        let unread = || Error::internal(format!("the record {} that was just written", local_record.display()));
        let mut record = record::read(&local_record, Trusted::Own).ok_or_else(unread)?;
        let name = made.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let base = name.strip_suffix(".parquet").unwrap_or(name);
        let unique = format!("{base}-{}.parquet", ulid::Ulid::new());
        let at = self.place(&partition.join(&unique));
        let bad = self.place(&partition.join(bad_name(&unique)));
        let taken = self.take_up(stores, made, &at, record.bad_cells.is_some().then_some(&bad));
        let taken = taken.and_then(|()| {
            record.object = Some(unique);
            record.stored = stores.stat(&at)?.state;
            stores.create(&self.place(&partition.join(format!("{name}.json"))), sealed_json(&record)?)
        });
        if let Ok(true) = taken {
            return Ok(());
        }
        // Another machine was first, or nobody will know of it.
        for left in [&at, &bad] {
            if let Err(error) = stores.remove(left) {
                tracing::warn!(at = %left, %error, "an object that nobody knows stays in the lake");
            }
        }
        taken.map(drop)
    }

    fn take_up(&self, stores: &Stores, made: &Path, at: &Location, bad: Option<&Location>) -> Result<()> {
        let up = |from: &Path, to: &Location| -> Result<()> {
            let mut file = File::open(from).map_err(|error| Error::io(error, from))?;
            let mut upload = stores.begin(to, true)?;
            std::io::copy(&mut file, &mut upload).map_err(|error| to.io(error))?;
            upload.publish()
        };
        bad.map_or(Ok(()), |bad| up(&super::bad_cells::path_of(made), bad))?;
        up(made, at)
    }

    /// Removes what was taken up of this source and never got a record, because its process was killed; others may be at work on
    /// what is younger.
    pub fn sweep(&self, shelf: &Shelf, partition: &Path, stem: &str) {
        let Ok(names) = self.names(shelf, partition) else { return };
        let named: Vec<&String> = names.keys().filter(|name| name.starts_with(&format!("{stem}-"))).collect();
        for name in &named {
            let Some((base, made)) = unique(name) else { continue };
            let has_record = names.contains_key(&format!("{base}.parquet.json"));
            let old = SystemTime::now().duration_since(made).is_ok_and(|age| age > ORPHANED);
            let is_named = has_record && {
                let object = &names[&format!("{base}.parquet.json")];
                let parquet = name.strip_suffix(".bad").unwrap_or(name);
                let record = self.record(&shelf.stores, object).ok().flatten();
                // Of one that cannot be read nobody knows which it names.
                record.is_none_or(|record| record.object.as_deref() == Some(parquet))
            };
            if old && !is_named {
                let _ = shelf.stores.remove(&self.place(&partition.join(name)));
            }
        }
    }
}

/// Of the list of bad values beside an object of this name.
fn bad_name(object: &str) -> String {
    format!("{object}.bad")
}

/// The name without what makes it unique, and when it was given.
fn unique(name: &str) -> Option<(&str, SystemTime)> {
    let base = name.strip_suffix(".bad").unwrap_or(name).strip_suffix(".parquet")?;
    let (base, ulid) = base.rsplit_once('-')?;
    let ulid: ulid::Ulid = ulid.parse().ok()?;
    Some((base, ulid.datetime()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_given_once_says_when() {
        let ulid = ulid::Ulid::new();
        for end in ["", ".bad"] {
            let name = format!("RDAC2401-0123456789ab-c4-{ulid}.parquet{end}");
            assert_eq!(unique(&name), Some(("RDAC2401-0123456789ab-c4", ulid.datetime())));
        }
        for other in ["RDAC2401-0123456789ab-c4.parquet", "RDAC2401-0123456789ab-c4.parquet.json"] {
            assert_eq!(unique(other), None);
        }
    }
}
