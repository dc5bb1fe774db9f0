//! Fetches the ministry's kits of labels and compiles them into the lake.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Session;
use crate::base::{Code, Ctx, Error, Result, expand_home, text};
use crate::labels::{DictionaryEntry, KITS, Kit, KitSource, compile_kit, edition_of};
use crate::mirror::{Mirror, home};
use crate::store::{Location, Stores};

/// Bytes of a kit's zip at most; the largest of the ministry's has 73 MB.
const MOST_ZIP_BYTES: u64 = 1 << 30;
/// Folders below a folder, in which kits are looked for.
const DEPTH: usize = 8;

/// What became of the kits of labels.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct DictionarySync {
    /// Kits that are in the lake now.
    pub kits: Vec<KitSynced>,
    /// Kits that were there and could not be taken; what the lake had of them stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<KitFailed>,
    /// Kits that the source does not have, by the names of their zips.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// What people should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A kit that is in the lake.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct KitSynced {
    /// `sih`, as lists of labels are named.
    pub kit: String,
    /// Where it came from.
    pub source: String,
    /// The day of its newest table.
    pub date: String,
    /// Of its zip, or of its files together.
    pub sha256: String,
    /// Conversion tables.
    pub tables: u64,
    /// Codes and ranges of codes.
    pub rows: u64,
    /// False: the lake had this very kit.
    pub new: bool,
}

/// A kit that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct KitFailed {
    /// `sih`, as lists of labels are named.
    pub kit: String,
    /// Where it lies.
    pub source: String,
    /// Why: `DS-460`.
    pub error_code: String,
    /// The same in words.
    pub detail: String,
}

/// A kit that was found.
struct Found {
    of: &'static KitSource,
    at: Place,
}

enum Place {
    /// A folder, or a zip.
    Here(PathBuf),
    Store(Stores, Location),
    Tree(Arc<Mirror>, Location),
}

impl Session {
    /// Brings the kits of `source` (none: of the client's own) into the lake: a tree like the ministry's, whose listings are read, a
    /// zip, or a folder with zips or unpacked kits.
    pub fn sync_dictionaries(&self, source: Option<&str>) -> Result<DictionarySync> {
        let ctx = self.ctx();
        self.bring(source, &ctx).map_err(|error| self.traced(error.stage("labels"), &ctx))
    }

    fn bring(&self, source: Option<&str>, ctx: &Ctx) -> Result<DictionarySync> {
        let mut done = DictionarySync::default();
        let (named, found) = self.find_kits(source, ctx)?;
        if found.is_empty() {
            let names: Vec<&str> = KITS.iter().map(|kit| kit.file).collect();
            let list = names.iter().take(6).copied().collect::<Vec<_>>().join(", ");
            return Err(Error::new(
                Code::NotFound,
                text!(
                    "{named} não tem nenhum kit de tabelas do DATASUS; esperados zips ou pastas com seus nomes, por exemplo {list}",
                    "{named} has no kit of DATASUS tables; expected zips or folders of their names, for example {list}"
                ),
            )
            .with("received", named)
            .with("valid_examples", names));
        }
        done.absent = (KITS.iter())
            .filter(|kit| found.iter().all(|found| found.of.kit != kit.kit))
            .map(|kit| kit.file.to_owned())
            .collect();
        let folder = self.dictionaries_folder();
        let mut first_failure: Option<Error> = None;
        for one in found {
            ctx.check()?;
            let shown = one.at.to_string();
            match take(&one, &folder, ctx) {
                Ok((synced, unread)) => {
                    if !unread.is_empty() {
                        let (count, first) = (unread.len(), unread.first().cloned().unwrap_or_default());
                        ctx.note(text!(
                            "{shown}: {count} arquivo(s) CNV não são tabelas de conversão, o primeiro {first}",
                            "{shown}: {count} CNV file(s) are no conversion tables, the first {first}"
                        ));
                    }
                    done.kits.push(synced);
                }
                Err(error) => {
                    ctx.check()?;
                    let error = error.stage("labels");
                    let traced = self.traced(error.clone(), ctx);
                    let (kit, code) = (one.of.kit.to_owned(), error.code().to_string());
                    done.failed.push(KitFailed {
                        kit,
                        source: shown,
                        error_code: code,
                        detail: traced.detail().to_owned(),
                    });
                    first_failure.get_or_insert(error);
                }
            }
        }
        if let (true, Some(error)) = (done.kits.is_empty(), first_failure) {
            return Err(error);
        }
        done.warnings = ctx.notes().iter().map(|note| note.get(self.config.language).to_owned()).collect();
        Ok(done)
    }

    /// Lists of kits that were fetched.
    pub fn fetched_lists(&self) -> Result<Vec<DictionaryEntry>> {
        let edition = edition_of(&self.dictionaries_folder()).map_err(|error| self.traced(error, &self.ctx()))?;
        Ok(edition.all_fetched().iter().map(|list| DictionaryEntry::of(list)).collect())
    }

    /// Where compiled kits lie.
    pub(super) fn dictionaries_folder(&self) -> PathBuf {
        self.lake.here().join("dictionaries")
    }

    fn find_kits(&self, source: Option<&str>, ctx: &Ctx) -> Result<(String, Vec<Found>)> {
        let Some(given) = source else {
            let named = self.source.to_string();
            return match &self.mirror {
                Some(mirror) => Ok((mirror.addresses().join(", "), in_tree(mirror, ctx)?)),
                None if self.source.is_file() => Ok((named, in_folder(self.source.path())?)),
                None => Ok((named, self.in_store(&self.source)?)),
            };
        };
        let config = crate::config::Config { mirrors: Vec::new(), ..self.config.clone() };
        if Mirror::is_of(given, &config) {
            let home = home(config.home.as_deref());
            let home = std::path::absolute(&home).map_err(|error| Error::io(error, &home))?;
            let stores = self.lake.stores();
            let mirror = Mirror::open(given, &config, &home, stores, self.patience, self.catalog)?;
            return Ok((given.to_owned(), in_tree(&Arc::new(mirror), ctx)?));
        }
        let at = Location::parse(Path::new(given));
        if !at.is_file() {
            return Ok((given.to_owned(), self.in_store(&at)?));
        }
        let path = expand_home(at.path());
        if !path.exists() {
            return Err(Error::io(std::io::ErrorKind::NotFound.into(), &path));
        }
        Ok((given.to_owned(), in_folder(&path)?))
    }

    fn in_store(&self, root: &Location) -> Result<Vec<Found>> {
        let listed = self.lake.stores().list(root)?;
        let mut found: Vec<Found> = Vec::new();
        for entry in &listed.found {
            let name = entry.location.name();
            let kit = name.to_lowercase().ends_with(".zip").then(|| KitSource::named(&name)).flatten();
            found.extend(
                kit.map(|of| Found { of, at: Place::Store(self.lake.stores().clone(), entry.location.clone()) }),
            );
        }
        Ok(found)
    }
}

/// Of a tree like the ministry's: what the listings of the kits' folders have. A folder that it does not have has no kit.
fn in_tree(mirror: &Arc<Mirror>, ctx: &Ctx) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for of in KITS {
        for folder in of.folders {
            if let Some(at) = mirror.named(folder, of.file, ctx)? {
                found.push(Found { of, at: Place::Tree(mirror.clone(), at) });
                break;
            }
        }
    }
    Ok(found)
}

/// A zip or an unpacked kit, or those below a folder.
fn in_folder(path: &Path) -> Result<Vec<Found>> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if path.is_file() {
        let Some(of) = KitSource::named(&name) else {
            let names: Vec<&str> = KITS.iter().map(|kit| kit.file).collect();
            let list = names.join(", ");
            return Err(Error::new(
                Code::InvalidParams,
                text!(
                    "{name} não tem o nome de um kit do DATASUS; esperado um destes: {list}",
                    "{name} has no name of a DATASUS kit; expected one of these: {list}"
                ),
            )
            .with("received", name)
            .with("valid_examples", names));
        };
        return Ok(vec![Found { of, at: Place::Here(path.to_owned()) }]);
    }
    let mut found: Vec<Found> = Vec::new();
    let mut open = vec![(path.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(of) = KitSource::named(&name) {
            found.push(Found { of, at: Place::Here(folder) });
            continue;
        }
        let entries = std::fs::read_dir(&folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut paths: Vec<PathBuf> =
            entries.map_err(|error| Error::io(error, &folder))?.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() && depth < DEPTH && !name.starts_with('.') {
                open.push((path, depth + 1));
            } else if name.to_lowercase().ends_with(".zip") && path.is_file() {
                found.extend(KitSource::named(&name).map(|of| Found { of, at: Place::Here(path) }));
            }
        }
    }
    found.sort_by_key(|one| (KITS.iter().position(|kit| kit == one.of), one.at.to_string()));
    Ok(found)
}

/// Brings a kit and compiles it; also says which of its tables are none.
fn take(found: &Found, folder: &Path, ctx: &Ctx) -> Result<(KitSynced, Vec<String>)> {
    let whole = |bytes: Vec<u8>, name: &str| -> Result<(Kit, String)> {
        Ok((Kit::of_zip(&bytes, name)?, hex::encode(Sha256::digest(&bytes))))
    };
    let (kit, sha256) = match &found.at {
        Place::Here(path) if path.is_dir() => {
            let (kit, shown) = (Kit::open(path)?, path.display());
            ctx.note(text!(
                "{shown}: a data deste kit é a dos arquivos nesta máquina, que pode ser a da cópia; um zip guarda a do ministério",
                "{shown}: the date of this kit is that of the files on this machine, which may be that of the copy; a zip keeps the ministry's"
            ));
            let sha256 = kit.sha256();
            (kit, sha256)
        }
        Place::Here(path) => whole(read_whole(path)?, &path.display().to_string())?,
        Place::Tree(mirror, at) => {
            let fetched = mirror.fetch(at, ctx)?;
            let kit =
                read_whole(&mirror.here(&fetched.object.location)).and_then(|bytes| whole(bytes, &at.to_string()));
            mirror.release(at);
            kit?
        }
        Place::Store(stores, at) => {
            let object = stores.during(&ctx.cancel).open(at)?;
            refuse_huge(object.size(), &at.to_string())?;
            #[allow(clippy::single_range_in_vec_init, reason = "the whole of it")]
            let bytes = object.read_ranges(&[0..object.size()]).map_err(|error| at.io(error))?;
            whole(bytes.concat(), &at.to_string())?
        }
    };
    let date = kit.date().unwrap_or("0000-00-00").to_owned();
    let done = compile_kit(folder, found.of.kit, &date, &sha256, &kit)?;
    let synced = KitSynced {
        kit: found.of.kit.into(),
        source: found.at.to_string(),
        date,
        sha256,
        tables: done.tables as u64,
        rows: done.rows as u64,
        new: done.written,
    };
    Ok((synced, done.unread))
}

fn read_whole(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).map_err(|error| Error::io(error, path))?.len();
    refuse_huge(size, &path.display().to_string())?;
    std::fs::read(path).map_err(|error| Error::io(error, path))
}

fn refuse_huge(size: u64, name: &str) -> Result<()> {
    if size <= MOST_ZIP_BYTES {
        return Ok(());
    }
    Err(Error::new(
        Code::DamagedFile,
        text!(
            "{name} tem {size} bytes, mais do que um kit pode ter ({MOST_ZIP_BYTES})",
            "{name} has {size} bytes, more than a kit may have ({MOST_ZIP_BYTES})"
        ),
    )
    .file(name))
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Here(path) => path.display().fmt(f),
            Place::Store(_, at) | Place::Tree(_, at) => at.fmt(f),
        }
    }
}
