//! The ministry's tree of files, wherever it is served: its own server, a mirror, a bucket, a disk. Listings are read, kept with their
//! time, and held against what is here; files come one by one, whole or not at all. Nothing is built from an assumed address: of the
//! tree only the folders of the catalogue count, and of these what their listings say.
//!
//! A [`Mirror`] is a store like any other ([`MirrorStore`]): its objects are `datasus://` and the path in the tree, whichever source they come
//! from.

mod as_store;
mod fetch;
mod held;
mod home;
mod listings;
mod metrics;
mod part;
mod remote;
mod store_tree;
mod versions;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::{Cause, Code, Ctx, Error, Result, Text, text};
use crate::catalog::{Catalog, Dataset};
use crate::config::{Config, Refresh};
use crate::store::{Listed, Location, Object, Patience, State, Stores, TreeEntry, folder_and_name};

pub use as_store::MirrorStore;
pub use fetch::Fetched;
pub use home::home;
pub use metrics::{DownloadMetrics, Downloads};

use held::Held;
use listings::{Kept, Listings};
use remote::Remote;

/// The scheme of what a mirror holds.
pub const SCHEME: &str = "datasus";
/// Where the ministry's server is, and what of it is the tree.
const MINISTRY: &str = "ftp://ftp.datasus.gov.br/dissemin/publicos";

/// The tree, by its sources.
#[derive(Debug)]
pub struct Mirror {
    remotes: Vec<Arc<Remote>>,
    catalog: &'static Catalog,
    home: PathBuf,
    refresh: Refresh,
    keep_files: bool,
    listings: Listings,
    /// By folder, the listing that counts.
    current: Mutex<BTreeMap<String, Current>>,
    /// What was listed of them last, until one is another.
    listed: Mutex<Option<Arc<Listed>>>,
    /// Files whose listing does not say their size, as they were asked for.
    asked: Mutex<HashMap<(usize, String), TreeEntry>>,
    /// Files that the source whose listing counts did not give, and the one that gave them in its place.
    instead: Mutex<HashMap<String, usize>>,
    /// Sources that did not answer such a question, when, and how that failed.
    unanswered: Mutex<HashMap<usize, (Instant, Error)>>,
    downloads: Arc<Downloads>,
}

#[derive(Debug, Clone)]
struct Current {
    /// Of `remotes`.
    remote: usize,
    kept: Arc<Kept>,
}

impl Current {
    fn entry(&self, name: &str) -> Option<&TreeEntry> {
        self.kept.file(name)
    }
}

impl Mirror {
    /// Whether a source is such a tree: `datasus://`, `ftp://...`, `http(s)://...`; or any where others are to be tried after it.
    pub fn is_of(source: &str, config: &Config) -> bool {
        let scheme = source.split_once("://").map(|(scheme, _)| scheme);
        matches!(scheme, Some(SCHEME | "ftp" | "http" | "https")) || !config.mirrors.is_empty()
    }

    /// Opens the sources in their order: `source` first, then those of `config.mirrors`. Nothing is asked of them yet.
    ///
    /// # Errors
    /// DS-422 for an address that is none.
    pub fn open(
        source: &str,
        config: &Config,
        home: &Path,
        stores: &Stores,
        patience: Patience,
        catalog: &'static Catalog,
    ) -> Result<Self> {
        let addresses = std::iter::once(source).chain(config.mirrors.iter().map(String::as_str));
        let mut remotes: Vec<Arc<Remote>> = Vec::new();
        for given in addresses {
            let given = if given.trim_end_matches('/') == "datasus:" { MINISTRY } else { given };
            let remote = Remote::open(given, config, stores, patience)?;
            // The same twice is one.
            if remotes.iter().all(|known| known.address() != remote.address()) {
                remotes.push(Arc::new(remote));
            }
        }
        Ok(Mirror {
            remotes,
            catalog,
            home: home.to_owned(),
            refresh: config.refresh,
            keep_files: config.keep_files,
            listings: Listings::below(home, Duration::from_secs_f64(config.refresh_after)),
            current: Mutex::default(),
            listed: Mutex::default(),
            asked: Mutex::default(),
            instead: Mutex::default(),
            unanswered: Mutex::default(),
            downloads: Arc::default(),
        })
    }

    /// What metrics show of it.
    pub fn downloads(&self) -> &Arc<Downloads> {
        &self.downloads
    }

    /// The name of all of it.
    pub fn root() -> Location {
        Location::of(SCHEME, "")
    }

    /// Where what was fetched lies.
    pub fn files(&self) -> PathBuf {
        self.home.join("files")
    }

    /// The sources, in the order in which they are tried.
    pub fn addresses(&self) -> Vec<String> {
        self.remotes.iter().map(|remote| remote.address().to_owned()).collect()
    }

    /// Makes sure that the folders of these datasets (none: of all) are listed, by the first source that serves; the job's report says
    /// where an older listing has to do. DS-502 where there is none.
    pub fn ensure_listed(&self, datasets: Option<&BTreeSet<Dataset>>, transfers: usize, ctx: &Ctx) -> Result<()> {
        let wanted = self.folders(datasets);
        let wanted: Vec<&String> = wanted.iter().collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let failed: Mutex<Option<Error>> = Mutex::default();
        let work = || {
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(folder) = wanted.get(at) else { return };
                if failed.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                    return;
                }
                if let Err(error) = self.ensure_folder(folder, false, ctx) {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..transfers.min(wanted.len()) {
                scope.spawn(work);
            }
            work();
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// The object of this name, in any case, of a folder of the tree, where its listing has it.
    pub fn named(&self, folder: &str, name: &str, ctx: &Ctx) -> Result<Option<Location>> {
        let current = self.ensure_folder(folder, false, ctx)?;
        let found = current.kept.entries().find(|entry| !entry.folder && entry.name.eq_ignore_ascii_case(name));
        Ok(found.map(|entry| Location::of(SCHEME, format!("{folder}/{}", entry.name))))
    }

    /// Where a file lies that was fetched.
    pub fn here(&self, location: &Location) -> PathBuf {
        self.files().join(path_of(location))
    }

    /// The catalogue's folders of these datasets, in the tree; of all datasets also those above them, whose others are named as ignored.
    fn folders(&self, datasets: Option<&BTreeSet<Dataset>>) -> BTreeSet<String> {
        let of = self.catalog.datasets().filter(|grupo| datasets.is_none_or(|wanted| wanted.contains(&grupo.dataset)));
        let mut folders: BTreeSet<String> =
            of.flat_map(|grupo| &grupo.folders).map(|folder| folder.in_tree().to_owned()).collect();
        if datasets.is_none() {
            let above: Vec<String> = folders
                .iter()
                .flat_map(|folder| folder.match_indices('/').map(|(at, _)| folder[..at].to_owned()))
                .chain([String::new()])
                .collect();
            folders.extend(above);
        }
        folders
    }

    /// The listing of the first source that has the folder. `anew`: whatever is kept.
    fn ensure_folder(&self, folder: &str, anew: bool, ctx: &Ctx) -> Result<Current> {
        ctx.check()?;
        let mut failures: Vec<Error> = Vec::new();
        let mut gone: Option<(usize, Arc<Kept>)> = None;
        for (index, remote) in self.remotes.iter().enumerate() {
            let holds = |kept: &Arc<Kept>| match self.refresh {
                _ if anew => false,
                Refresh::Never => true,
                Refresh::Changed => self.listings.is_fresh(kept),
                Refresh::Always => false,
            };
            let kept = match self.listings.kept(remote, folder).filter(holds) {
                Some(kept) => kept,
                None => match remote.attempts(&ctx.cancel, |tree| tree.list(folder, &ctx.cancel)) {
                    Ok(entries) => self.listings.keep(remote, folder, Some(entries)),
                    Err(error) if error.cause() == Some(Cause::SourceGone) => self.listings.keep(remote, folder, None),
                    Err(error) => {
                        ctx.check()?;
                        failures.push(error);
                        continue;
                    }
                },
            };
            // A mirror need not have all folders, and the ministry has not all years of each.
            match kept.is_there() {
                true => return Ok(self.counts(folder, index, kept)),
                false => _ = gone.get_or_insert((index, kept)),
            }
        }
        // Without a network also that no source had it.
        let older = |there: bool| {
            let mut all = self.remotes.iter().enumerate();
            all.find_map(|(index, remote)| {
                let kept = self.listings.kept(remote, folder).filter(|kept| kept.is_there() == there);
                kept.map(|kept| (index, kept))
            })
        };
        match (gone, failures.is_empty()) {
            (Some((index, kept)), true) => Ok(self.counts(folder, index, kept)),
            (gone, _) => match older(true).or(gone).or_else(|| older(false)) {
                Some((index, kept)) => {
                    let (since, why) = (kept.time(), why(&failures));
                    let (pt, en) = (why.pt, why.en);
                    ctx.note(text!(
                        "O que há em {SCHEME}:// não foi conferido desde {since}: {pt}",
                        "What {SCHEME}:// has was not checked since {since}: {en}"
                    ));
                    Ok(self.counts(folder, index, kept))
                }
                None => Err(self.unreachable(&format!("{SCHEME}://{folder}"), failures)),
            },
        }
    }

    fn counts(&self, folder: &str, remote: usize, kept: Arc<Kept>) -> Current {
        let now = Current { remote, kept };
        // In the order of `list`.
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let same = current.get(folder).is_some_and(|old| old.remote == remote && Arc::ptr_eq(&old.kept, &now.kept));
        if !same {
            current.insert(folder.to_owned(), now.clone());
            self.instead
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|path, _| folder_and_name(path).0 != folder);
            self.asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|(_, path), _| folder_and_name(path).0 != folder);
            *listed = None;
        }
        now
    }

    fn current(&self, folder: &str) -> Option<Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).get(folder).cloned()
    }

    /// DS-502 with the causes, and what else there is to try; what the only source refuses is said as it says it.
    fn unreachable(&self, what: &str, mut failures: Vec<Error>) -> Error {
        let of_transport = |error: &Error| matches!(error.cause(), Some(Cause::SourceAway | Cause::SourceLost));
        if let ([only], 1) = (&failures[..], self.remotes.len())
            && !of_transport(only)
        {
            return failures.remove(0);
        }
        let Text { pt, en } = why(&failures);
        let mirrors: Vec<String> = self.addresses().into_iter().skip(1).collect();
        let list = mirrors.join(", ");
        let (also_pt, also_en) = match mirrors.is_empty() {
            true => (
                "Nenhum espelho está configurado: diga um em `mirrors` (DATASUS_MIRRORS), ou abra uma pasta com os arquivos".to_owned(),
                "No mirror is configured: name one in `mirrors` (DATASUS_MIRRORS), or open a folder of the files".to_owned(),
            ),
            false => (format!("Espelhos configurados, também tentados: {list}"), format!("Configured mirrors, tried as well: {list}")),
        };
        let causes: Vec<String> = failures.iter().map(|failure| failure.detail().to_owned()).collect();
        let error = Error::new(
            Code::Unreachable,
            text!("{what} não veio: {pt}. {also_pt}", "{what} did not come: {en}. {also_en}"),
        );
        // What the first of them says for programs.
        let said = failures.iter().find_map(|failure| failure.diagnostic().get("cause"));
        let error = said.into_iter().fold(error, |error, cause| error.with("cause", cause.clone()));
        error
            .with("causes", causes)
            .with("sources", self.addresses())
            .with("mirrors", mirrors)
            .caused_by(Cause::SourceAway)
            .stage("download")
    }

    /// Whether a file is here, in the version that counts.
    pub fn is_here(&self, object: &Object) -> bool {
        let path = path_of(&object.location);
        let on_disk = std::fs::symlink_metadata(self.files().join(path)).is_ok_and(|found| found.len() == object.size);
        on_disk && Held::of(&self.files(), path).last(path, object, &self.remotes).is_some()
    }

    /// The source that a version of a file came from, where it is known.
    pub fn origin(&self, location: &Location, state: Option<State>) -> Option<String> {
        Held::of(&self.files(), path_of(location)).origin(path_of(location), state?, &self.remotes)
    }

    /// The time of the listing that a file stands in.
    pub fn listed_at(&self, location: &Location) -> Option<String> {
        self.current(folder_and_name(path_of(location)).0).map(|current| current.kept.time())
    }

    /// Whether some version of it was fetched before: what is to come now is another.
    pub fn was_here(&self, location: &Location) -> bool {
        Held::of(&self.files(), path_of(location)).newest(&self.remotes).is_some()
    }

    /// A file is in the lake, and is not needed any more unless it is to be kept.
    pub fn release(&self, location: &Location) {
        if !self.keep_files {
            self.remove(location);
        }
    }

    fn remove(&self, location: &Location) {
        let path = self.files().join(path_of(location));
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file = %path.display(), %error, "a file that is in the lake could not be removed");
        }
    }
}

/// The path of an object in the tree.
fn path_of(location: &Location) -> &str {
    location.path().to_str().unwrap_or_default()
}

/// Each failure once.
fn why(failures: &[Error]) -> Text {
    let each = |pick: fn(&Text) -> &str| {
        let all: Vec<&str> =
            failures.iter().filter_map(|one| one.problems().first()).map(|one| pick(&one.detail)).collect();
        all.join("; ")
    };
    Text { pt: each(|text| &text.pt), en: each(|text| &text.en) }
}

fn not_listed(path: &str) -> Error {
    Error::new(
        Code::NotFound,
        text!("{SCHEME}://{path} não está em nenhuma lista", "{SCHEME}://{path} stands in no listing"),
    )
    .caused_by(Cause::SourceGone)
    .stage("download")
}
