//! The lake: immutable Parquet, converted once from each source file, partitioned by sistema, grupo, UF and competência.
//!
//! An object is named by its source's hash and the converter's version and never changes. Beside it lies its record
//! (`<object>.json`): provenance, columns, and the object's own SHA-256, against which it is checked before its first
//! use in a process. An object without a record counts as not there and is converted again. A lake may lie in another store
//! (`remote`); then it has a folder of this machine as well, for what is in the making.

mod bad_cells;
mod code_form;
mod columns;
mod convert;
mod digest;
mod file;
mod footers;
mod made;
mod native;
mod notes;
mod provenance;
mod record;
mod remote;
mod rows;
mod same;
mod seen;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::base::{Code, Ctx, Error, Phase, Result, Trusted, create_folders, io_words, lock_file, text};
use crate::catalog::{Catalog, Dataset, FileId};
use crate::source::HeaderColumn;
use crate::source::dbc::Encoding;
use crate::source::folder::{FileKind, SourceFile};
use crate::store::{Location, Stores, stamp};

use footers::Footers;
use native::Own;
use remote::{Remote, Shelf};
use same::Same;
use seen::Seen;

pub use bad_cells::{BadCells, BadRow};
pub use columns::kind_of_own;
pub use digest::RowDigest;
pub use file::{LakeFile, RowGroup};
pub use footers::is_written_by_us;
pub use made::CONVERTER_VERSION;
pub use provenance::{Provenance, RefusedColumn};
pub use rows::SourceIdentity;

/// Threads that ask a lake elsewhere for its records.
const LOOKERS: usize = 8;

/// A folder of converted files. Nothing is created before the first conversion.
#[derive(Debug)]
pub struct Lake {
    /// The lake itself, or else what is in the making, and notes.
    here: PathBuf,
    remote: Option<Remote>,
    /// Where its sources lie.
    stores: Stores,
    /// Objects whose content was checked in this process.
    checked: Mutex<HashSet<(PathBuf, u64, i64)>>,
    /// Of the user's own Parquet, and of what datasus has written beside them.
    footers: Footers,
    /// The user's own Parquet that are read in place.
    same: Same,
    /// Sources of another state than when they were converted.
    seen: Seen,
}

/// An object of this version of a source.
enum Found {
    Sound(Box<LakeFile>),
    /// Not what was published, and to be converted again by whoever holds the source's lock.
    Damaged(PathBuf),
}

/// How files are converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertOptions {
    /// Files at once.
    pub threads: usize,
    /// As in [`crate::source::dbc::ReadOptions`].
    pub verify_crc: bool,
    /// zstd level of the Parquet.
    pub zstd: i32,
    /// Rows of a row group.
    pub row_group_rows: usize,
    /// What the text of the source files is written in; files of the catalogue are Latin-1.
    pub encoding: Encoding,
    /// As in [`crate::source::dbc::ReadOptions`]. An object made of fewer records than its source declares is never taken by
    /// those who did not ask for it.
    pub partial: bool,
    /// Types of columns that the catalogue does not know, by dataset (`source::header_columns`); others are text.
    pub header_columns: Arc<BTreeMap<Dataset, Vec<HeaderColumn>>>,
    /// The columns, in upper case, that will be read of what this gives; None: all of them. The user's own Parquet is read in
    /// place where they hold what a DBC's object would, whatever lies in others. An object has all of them right.
    pub columns: Option<Arc<BTreeSet<String>>>,
}

impl Default for ConvertOptions {
    fn default() -> Self {
        ConvertOptions {
            threads: 1,
            verify_crc: true,
            zstd: 3,
            row_group_rows: 128 << 10,
            encoding: Encoding::Latin1,
            partial: false,
            header_columns: Arc::default(),
            columns: None,
        }
    }
}

impl Lake {
    /// The lake of files of this machine.
    pub fn open(root: &Path) -> Result<Self> {
        Lake::over(Stores::default(), root)
    }

    /// The lake of objects of these stores, in a folder of this machine.
    pub fn over(stores: Stores, root: &Path) -> Result<Self> {
        Lake::of(stores, None, root)
    }

    /// The lake at `root`, in one of these stores; what is in the making, and notes, are in a folder of this machine, `here`.
    pub fn at(stores: Stores, root: &Location, here: &Path) -> Result<Self> {
        match root.is_file() {
            true => Lake::over(stores, root.path()),
            false => Lake::of(stores, Some(Remote::at(root.clone())), here),
        }
    }

    fn of(stores: Stores, remote: Option<Remote>, here: &Path) -> Result<Self> {
        let here = std::path::absolute(here).map_err(|e| Error::io(e, here).stage("lake"))?;
        let (same, seen) = (Same::below(&here), Seen::below(&here));
        Ok(Lake { here, remote, stores, checked: Mutex::default(), footers: Footers::default(), same, seen })
    }

    /// Its folder of this machine: all of it, but for the objects of a lake in another store.
    pub fn here(&self) -> &Path {
        &self.here
    }

    /// Where its objects lie.
    pub fn location(&self) -> Location {
        self.remote.as_ref().map_or_else(|| Location::file(&self.here), |remote| remote.root().clone())
    }

    /// Where its sources lie.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The Parquet of each file, in the same order: what is not fresh is converted, several at once.
    pub fn ensure(
        &self,
        files: &[SourceFile],
        catalog: &Catalog,
        options: &ConvertOptions,
        ctx: &Ctx,
    ) -> Vec<Result<LakeFile>> {
        ctx.progress.expect_files(files.len() as u64, files.iter().map(|file| file.size).sum());
        let stores = self.stores.during(&ctx.cancel);
        let shelf = Shelf::new(&stores);
        if let Err(error) = self.look_ahead(&shelf, files, options) {
            let error = ctx.check().err().unwrap_or(error).stage("convert");
            return files.iter().map(|_| Err(error.clone())).collect();
        }
        let one = |file: &SourceFile| {
            ctx.check()?;
            let done = self.ensure_one((&stores, &shelf), file, catalog, options, ctx);
            ctx.progress.file_done();
            done.map_err(|error| error.stage("convert"))
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads.max(1))
            .thread_name(|index| format!("datasus-lake-{index}"))
            .build();
        match pool {
            // One by one: what waits behind a file that takes long is taken by whoever has nothing to do.
            Ok(pool) if files.len() > 1 => pool.install(|| files.par_iter().with_max_len(1).map(one).collect()),
            _ => files.iter().map(one).collect(),
        }
    }

    /// The fresh object of a file, if there is one; converts nothing.
    pub fn current(&self, file: &SourceFile, catalog: &Catalog, options: &ConvertOptions) -> Option<LakeFile> {
        let converted = || {
            let partition = partition(&file.id);
            match &self.remote {
                None => self.object(&self.here.join(partition), file, options).ok().flatten(),
                Some(remote) => {
                    remote.find(&Shelf::new(&self.stores), &partition, file, options, &self.seen).ok().flatten()
                }
            }
        };
        if file.kind != FileKind::Parquet {
            return converted();
        }
        converted().or_else(|| {
            let own = Own::open(&self.stores, file, catalog, options).ok().filter(Own::may_stay)?;
            // Nothing but what it would read is asked of it: whether its pages have sums is not looked at.
            own.in_place(file, false).ok()
        })
    }

    /// Whether a Parquet is an object of a lake or an answer that datasus has written, and so no source. Its footer is looked
    /// at once, unless its store does not answer.
    pub fn is_ours(&self, file: &SourceFile) -> bool {
        self.footers.of(&self.stores, file).ours
    }

    /// What lets go of the footers that are kept, where memory is scarce.
    pub fn shed(&self) -> impl Fn() + Send + Sync + use<> {
        let footers = self.footers.clone();
        move || footers.forget()
    }

    /// Compares the whole object with the hash it had when it was published; DS-460 where it differs.
    pub fn verify(&self, file: &LakeFile) -> Result<()> {
        file.verify()
    }

    /// Of a lake in another store: what many files ask of it is asked at once.
    fn look_ahead(&self, shelf: &Shelf, files: &[SourceFile], options: &ConvertOptions) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        remote.list(shelf, files, partition)?;
        let look = |file: &SourceFile| remote.find(shelf, &partition(&file.id), file, options, &self.seen).map(drop);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(LOOKERS)
            .thread_name(|index| format!("datasus-look-{index}"))
            .build();
        match pool {
            // They wait for answers, and do next to nothing.
            Ok(pool) if files.len() > 1 => {
                let others = files.par_iter().filter(|file| file.kind != FileKind::Parquet);
                pool.install(|| others.try_for_each(look))
            }
            _ => Ok(()),
        }
    }

    fn ensure_one(
        &self,
        (stores, shelf): (&Stores, &Shelf),
        file: &SourceFile,
        catalog: &Catalog,
        options: &ConvertOptions,
        ctx: &Ctx,
    ) -> Result<LakeFile> {
        let partition = partition(&file.id);
        let folder = self.here.join(&partition);
        let own = match file.kind {
            FileKind::Parquet => {
                if let Some(seen) = self.same.holds(file, options) {
                    ctx.progress.spare(file.size);
                    return Own::open(stores, file, catalog, options)?.in_place(file, seen.has_crcs);
                }
                Some(Own::open(stores, file, catalog, options)?)
            }
            _ => None,
        };
        let find = || match &self.remote {
            None => self.find(&folder, file, options),
            Some(remote) => {
                let found = remote.find(shelf, &partition, file, options, &self.seen)?;
                Ok(found.map(|found| Found::Sound(Box::new(found))))
            }
        };
        if let Some(Found::Sound(current)) = find()? {
            ctx.progress.spare(file.size);
            return Ok(*current);
        }
        let mut own_has_crcs = false;
        if let Some(own) = &own {
            if own.may_stay() {
                let read = options.columns.as_deref();
                let has_crcs = own.is_sound(read, &ctx.cancel)?;
                if own.holds_the_same(read, &ctx.cancel)? {
                    let unchanged = own.in_place(file, has_crcs)?;
                    unchanged.still_unchanged()?;
                    self.same.add(file, options, has_crcs);
                    ctx.progress.spare(file.size);
                    return Ok(unchanged);
                }
            }
            own_has_crcs = own.is_sound(None, &ctx.cancel)?;
        }
        create_folders(&folder).map_err(|error| self.unwritable(error))?;
        let _lock = lock_file(
            &folder.join(format!(".{}.lock", made::stem(file))),
            Trusted::of_folder(&self.here),
            &ctx.cancel,
        )?;
        // Whoever waited looks again: another process may have converted or mended it meanwhile.
        shelf.forget(&partition);
        match find()? {
            Some(Found::Sound(current)) => {
                ctx.progress.spare(file.size);
                return Ok(*current);
            }
            Some(Found::Damaged(object)) => record::forget(&object)?,
            None => {}
        }
        // What was made here for a lake elsewhere, by a process that was killed before it could take it there.
        let left = if self.remote.is_some() { self.find(&folder, file, options)? } else { None };
        let made = match left {
            Some(Found::Sound(left)) => *left,
            left => {
                if let Some(Found::Damaged(object)) = left {
                    record::forget(&object)?;
                }
                record::sweep_partials(&folder, &made::stem(file));
                ctx.progress.enter(Phase::Converting);
                match &own {
                    Some(own) => convert::convert_own(own, own_has_crcs, (stores, file), &folder, options, ctx),
                    None => convert::convert((stores, file), &folder, catalog, options, ctx),
                }?
            }
        };
        let Some(remote) = &self.remote else { return Ok(made) };
        remote.publish(stores, &partition, &made.path)?;
        record::remove(&made.path)?;
        shelf.forget(&partition);
        remote.sweep(shelf, &partition, &made::stem(file));
        match find()? {
            Some(Found::Sound(published)) => Ok(*published),
            _ => Err(lost(&partition, remote.root())),
        }
    }

    fn unwritable(&self, error: std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Error::io(error, &self.here);
        }
        let (root, words) = (self.here.display(), io_words(&error));
        let (pt, en) = (words.pt, words.en);
        Error::new(
            Code::Forbidden,
            text!(
                "A pasta do lake {root} não aceita gravação ({pt}); escolha outra em `lake` ou DATASUS_LAKE",
                "The lake's folder {root} cannot be written ({en}); choose another by `lake` or DATASUS_LAKE"
            ),
        )
        .file(root.to_string())
        .because(error)
    }

    /// The fresh object. Where one is alike in name, size and time only, the source's digest says whether it is of this content:
    /// a file may be exchanged for another, and it may be copied or linked.
    fn object(&self, folder: &Path, file: &SourceFile, options: &ConvertOptions) -> Result<Option<LakeFile>> {
        let trusted = Trusted::of_folder(&self.here);
        let found = record::find(folder, (&self.stores, file), options, trusted);
        let decided = found.is_some() || file.version.sha256.is_some();
        if decided || !record::has_alike(folder, (&self.stores, file), options, trusted) {
            return Ok(found);
        }
        let mut told = file.clone();
        told.version.sha256 = Some(self.seen.sha256(&self.stores, file)?);
        Ok(record::find(folder, (&self.stores, &told), options, trusted))
    }

    /// The fresh object, compared with what was published before its first use in this process.
    fn find(&self, folder: &Path, file: &SourceFile, options: &ConvertOptions) -> Result<Option<Found>> {
        let Some(current) = self.object(folder, file, options)? else { return Ok(None) };
        let (size, mtime_ns) = stamp(&current.path)?;
        let key = (current.path.clone(), size, mtime_ns);
        if self.checked.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            return Ok(Some(Found::Sound(Box::new(current))));
        }
        if let Err(damaged) = current.verify() {
            tracing::warn!(file = %current.path.display(), error = %damaged, "damaged lake object is converted again");
            return Ok(Some(Found::Damaged(current.path)));
        }
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        Ok(Some(Found::Sound(Box::new(current))))
    }
}

/// `sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01`; without `mes` for yearly sistemas.
fn partition(id: &FileId) -> PathBuf {
    let mut folder = PathBuf::from(format!("sistema={}", id.dataset.sistema()))
        .join(format!("grupo={}", id.dataset.grupo()))
        .join(format!("uf={}", id.uf))
        .join(format!("ano={:04}", id.competencia.ano()));
    if let Some(mes) = id.competencia.mes() {
        folder.push(format!("mes={mes:02}"));
    }
    folder
}

/// What was published is not there any more.
fn lost(partition: &Path, root: &Location) -> Error {
    let shown = partition.display();
    Error::new(
        Code::Unreachable,
        text!(
            "O que se acabou de gravar em {root} ({shown}) não está lá: outro programa apaga objetos do lake; repita",
            "What was just written to {root} ({shown}) is not there: another program removes objects of the lake; try again"
        ),
    )
    .file(root.to_string())
}
