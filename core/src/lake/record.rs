//! What lies beside each object and makes it count: its provenance, columns and hash.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::file::fingerprint;
use super::made::{stem, suffix};
use super::{BadCells, ConvertOptions, LakeFile, Provenance, RowGroup, bad_cells};
use crate::base::{Error, Odd, Result, Trusted, WholeFile, is_sealed, sealed_json};
use crate::catalog::LogicalType;
use crate::columnar::arrow_footer;
use crate::source::folder::SourceFile;
use crate::store::{At, Location, Object, State, Stores};

/// Bytes of a record. One of a thousand columns and row groups has some hundred thousand.
pub(super) const MOST: u64 = 32 << 20;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub provenance: Provenance,
    pub columns: Vec<(String, LogicalType)>,
    /// True: it comes from a Parquet, and types that the catalogue does not know stand in the object's footer.
    #[serde(default)]
    pub own_types: bool,
    pub row_groups: Vec<RowGroup>,
    pub bytes: u64,
    pub sha256: String,
    /// The source's, when it was converted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// SHA-256 of the list of values that did not parse, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_cells: Option<String>,
    /// In another store: the name of the object, beside the record's, and the version of it that was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<State>,
}

impl Record {
    fn schema(&self, stores: &Stores, object: &Location) -> Result<Option<SchemaRef>> {
        if self.own_types {
            return match arrow_footer(&At::of(stores.open(object)?)) {
                Ok(footer) => Ok(Some(footer.schema().clone())),
                Err(error) => Error::within(&error).map_or(Ok(None), Err),
            };
        }
        let fields = self.columns.iter().map(|(name, kind)| Field::new(name, kind.arrow(), true));
        Ok(Some(Arc::new(Schema::new(fields.collect::<Vec<_>>()))))
    }

    /// The same of an object of this machine, with what lies beside it.
    pub(super) fn local_file(&self, of: (&Stores, &SourceFile), object: &Path) -> Option<LakeFile> {
        let (location, bad_cells) = (Location::file(object), bad_cells::path_of(object));
        let object = Object { location, size: self.bytes, mtime_ns: 0, state: None, identity: None };
        self.lake_file(of, object, Some(bad_cells)).ok().flatten()
    }

    /// None where the object's footer, if it is needed, is not what it should be. `bad_cells`: where their list is, if there is one.
    pub(super) fn lake_file(
        &self,
        (stores, file): (&Stores, &SourceFile),
        object: Object,
        bad_cells: Option<PathBuf>,
    ) -> Result<Option<LakeFile>> {
        let Some(schema) = self.schema(stores, &object.location)? else { return Ok(None) };
        let listed = self.bad_cells.clone().zip(bad_cells);
        Ok(Some(LakeFile {
            id: file.id.clone(),
            location: file.location.clone(),
            stores: stores.clone(),
            bad_cells: listed.map(|(sha256, path)| BadCells { path, sha256 }),
            path: object.location.whole(),
            object,
            held: Vec::new(),
            rows: self.provenance.rows,
            bytes: self.bytes,
            row_groups: self.row_groups.clone(),
            fingerprint: fingerprint(&schema),
            schema,
            // A file may have moved to the final ones since, as it is; and of the same content another machine may have one of another time.
            source: Provenance {
                preliminary: file.version.preliminary,
                mtime_ns: file.mtime_ns,
                ..self.provenance.clone()
            },
            state: file.state,
            native_parquet: false,
            sha256: Some(self.sha256.clone()),
        }))
    }

    /// Writes the record; from then on the object counts.
    pub(super) fn publish(&self, object: &Path) -> Result<()> {
        let path = path_of(object);
        let mut out = WholeFile::create(&path)?;
        let json = sealed_json(self)?;
        out.write_all(&json).map_err(|e| Error::io(e, &path))?;
        out.publish()
    }
}

pub(super) fn path_of(object: &Path) -> PathBuf {
    object.with_extension("parquet.json")
}

/// The object no longer counts.
pub(super) fn forget(object: &Path) -> Result<()> {
    let path = path_of(object);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(error, &path)),
        _ => Ok(()),
    }
}

/// The object and what lies beside it go, which are elsewhere by now.
pub(super) fn remove(object: &Path) -> Result<()> {
    forget(object)?;
    for path in [bad_cells::path_of(object), object.to_owned()] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(error, &path)),
            _ => {}
        }
    }
    Ok(())
}

/// The object of this very version of the source, read as `options` say: same name, size and time, and the SHA-256 where that is
/// known beforehand, else the same state. What is whole comes before what is partial, and what was verified before what was not.
pub(super) fn find(
    folder: &Path,
    of: (&Stores, &SourceFile),
    options: &ConvertOptions,
    trusted: Trusted,
) -> Option<LakeFile> {
    let file = of.1;
    let sure = |record: &Record| match &file.version.sha256 {
        Some(sha256) => record.provenance.sha256.as_ref() == Some(sha256),
        None => file.state.is_none() || record.state == file.state,
    };
    find_such(folder, of, options, trusted, &sure)
}

/// Whether there is an object of a source of this name, size and time, whatever it held.
pub(super) fn has_alike(folder: &Path, of: (&Stores, &SourceFile), options: &ConvertOptions, trusted: Trusted) -> bool {
    find_such(folder, of, options, trusted, &|_| true).is_some()
}

fn find_such(
    folder: &Path,
    of: (&Stores, &SourceFile),
    options: &ConvertOptions,
    trusted: Trusted,
    such: &dyn Fn(&Record) -> bool,
) -> Option<LakeFile> {
    let ways = [(false, false), (false, true), (true, false), (true, true)];
    let allowed =
        |(partial, unverified): &(bool, bool)| (options.partial || !partial) && (!options.verify_crc || !unverified);
    ways.into_iter().filter(allowed).find_map(|(partial, unverified)| {
        find_with(folder, of, &suffix(&of.1.id.dataset, options, partial, unverified), trusted, such)
    })
}

fn find_with(
    folder: &Path,
    (stores, file): (&Stores, &SourceFile),
    suffix: &str,
    trusted: Trusted,
    such: &dyn Fn(&Record) -> bool,
) -> Option<LakeFile> {
    let (prefix, suffix) = (format!("{}-", stem(file)), format!("{suffix}.json"));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&prefix) && name.ends_with(&suffix))
        .collect();
    names.sort();
    names.into_iter().find_map(|name| {
        let record = read(&folder.join(&name), trusted)?;
        let same = record.provenance.size == file.size
            && record.provenance.mtime_ns == file.mtime_ns
            && record.provenance.file == file.name()
            && such(&record);
        let object = folder.join(name.strip_suffix(".json")?);
        let found = same.then(|| std::fs::symlink_metadata(&object).ok()).flatten()?;
        if found.len() != record.bytes || !told(&object, trusted.check(&found, false)) {
            return None;
        }
        record.local_file((stores, file), &object)
    })
}

/// A record that counts: none where it is damaged, or not of those who share the lake.
pub(super) fn read(path: &Path, trusted: Trusted) -> Option<Record> {
    let read = trusted.read_all(path, MOST);
    told(path, read.as_ref().map(drop));
    let text = read.ok()?;
    // One without a seal is of a version that made none, and whether it is what was written cannot be known.
    is_sealed(&text)?.then(|| serde_json::from_slice(&text).ok()).flatten()
}

/// Whether it may be trusted; where not, the log says why.
fn told<E: std::borrow::Borrow<std::io::Error>>(path: &Path, checked: std::result::Result<(), E>) -> bool {
    let odd = checked.as_ref().err().and_then(|error| Odd::of(error.borrow()));
    if let Some(odd) = odd {
        tracing::warn!(file = %path.display(), why = %odd, "a file in the lake is not to be trusted, and is not used");
    }
    checked.is_ok()
}

/// Removes what a killed conversion of this file left behind; called under its lock.
pub(super) fn sweep_partials(folder: &Path, stem: &str) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Of this file alone: another's name may begin like it, and be at work.
        let version = name.strip_prefix(&format!(".{stem}-c")).and_then(|rest| rest.split_once(".parquet"));
        let is_object = version.is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
        // Of its record, the source's hash stands between the two.
        let of_record = name.strip_prefix(&format!(".{stem}-")).and_then(|rest| rest.split_once("-c"));
        let is_record = of_record.is_some_and(|(hash, rest)| {
            hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && rest.contains(".parquet.json.")
        });
        if (is_object || is_record) && name.ends_with(".partial") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
