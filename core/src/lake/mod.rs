//! The lake: immutable Parquet, converted once from each source file, partitioned by sistema, grupo, UF and competência.
//!
//! An object is named by its source's hash and the converter's version and never changes. Beside it lies its record
//! (`<object>.json`): provenance, columns, and the object's own SHA-256, against which it is checked before its first
//! use in a process. An object without a record counts as not there and is converted again.

mod convert;
mod digest;
mod file;
mod made;
mod mark;
mod native;
mod provenance;
mod record;
mod rows;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::base::{Code, Ctx, Error, Phase, Result, io_words, text};
use crate::catalog::{Catalog, Dataset, FileId};
use crate::source::HeaderColumn;
use crate::source::dbc::Encoding;
use crate::source::folder::{FileKind, SourceFile};

pub use convert::CONVERTER_VERSION;
pub use digest::RowDigest;
pub use file::{LakeFile, RowGroup};
pub use provenance::Provenance;
pub use rows::SourceIdentity;

/// A folder of converted files. Nothing is created before the first conversion.
#[derive(Debug)]
pub struct Lake {
    root: PathBuf,
    /// Objects whose content was checked in this process.
    checked: Mutex<HashSet<(PathBuf, u64, i64)>>,
    /// Parquet whose footer was looked at in this process, and whether datasus has written it.
    marks: Mutex<HashMap<(PathBuf, u64, i64), bool>>,
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
        }
    }
}

impl Lake {
    pub fn open(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).map_err(|e| Error::io(e, root).stage("lake"))?;
        Ok(Lake { root, checked: Mutex::default(), marks: Mutex::default() })
    }

    pub fn root(&self) -> &Path {
        &self.root
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
        let one = |file: &SourceFile| {
            ctx.check()?;
            let done = self.ensure_one(file, catalog, options, ctx);
            ctx.progress.file_done();
            done.map_err(|error| error.stage("convert"))
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads.max(1))
            .thread_name(|index| format!("datasus-lake-{index}"))
            .build();
        match pool {
            Ok(pool) if files.len() > 1 => pool.install(|| files.par_iter().map(one).collect()),
            _ => files.iter().map(one).collect(),
        }
    }

    /// The fresh object of a file, if there is one; converts nothing.
    pub fn current(&self, file: &SourceFile, options: &ConvertOptions) -> Option<LakeFile> {
        match file.kind {
            FileKind::Parquet => native::open(file).ok(),
            _ => record::find(&self.partition(&file.id), file, options),
        }
    }

    /// Whether a Parquet is an object of a lake or an answer that datasus has written, and so no source. Its footer is looked
    /// at once.
    pub fn is_ours(&self, file: &SourceFile) -> bool {
        let key = (file.path.clone(), file.size, file.mtime_ns);
        if let Some(known) = self.marks.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return *known;
        }
        let ours = file.kind == FileKind::Parquet && mark::is_ours(&file.path);
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).insert(key, ours);
        ours
    }

    /// Compares the whole object with the hash it had when it was published; DS-460 where it differs.
    pub fn verify(&self, file: &LakeFile) -> Result<()> {
        file.verify()
    }

    fn ensure_one(
        &self,
        file: &SourceFile,
        catalog: &Catalog,
        options: &ConvertOptions,
        ctx: &Ctx,
    ) -> Result<LakeFile> {
        if file.kind == FileKind::Parquet {
            ctx.progress.spare(file.size);
            return native::open(file);
        }
        let folder = self.partition(&file.id);
        if let Some(current) = self.sound(&folder, file, options)? {
            ctx.progress.spare(file.size);
            return Ok(current);
        }
        std::fs::create_dir_all(&folder).map_err(|error| self.unwritable(error))?;
        let lock_path = folder.join(format!(".{}.lock", convert::stem(file)));
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|e| Error::io(e, &lock_path))?;
        lock.lock().map_err(|e| Error::io(e, &lock_path))?;
        // Whoever waited looks again: another process may have converted it meanwhile.
        if let Some(current) = self.sound(&folder, file, options)? {
            ctx.progress.spare(file.size);
            return Ok(current);
        }
        record::sweep_partials(&folder, &convert::stem(file));
        ctx.progress.enter(Phase::Converting);
        convert::convert(file, &folder, catalog, options, ctx)
    }

    fn unwritable(&self, error: std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Error::io(error, &self.root);
        }
        let (root, words) = (self.root.display(), io_words(&error));
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

    /// The fresh object, unless its content is not what was published: then it is converted again.
    fn sound(&self, folder: &Path, file: &SourceFile, options: &ConvertOptions) -> Result<Option<LakeFile>> {
        let Some(current) = record::find(folder, file, options) else { return Ok(None) };
        let (size, mtime_ns) = crate::source::folder::stamp(&current.path)?;
        let key = (current.path.clone(), size, mtime_ns);
        if self.checked.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            return Ok(Some(current));
        }
        if let Err(damaged) = current.verify() {
            tracing::warn!(file = %current.path.display(), error = %damaged, "damaged lake object is converted again");
            std::fs::remove_file(record::path_of(&current.path)).map_err(|e| Error::io(e, &current.path))?;
            return Ok(None);
        }
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        Ok(Some(current))
    }

    /// `sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01`; without `mes` for yearly sistemas.
    fn partition(&self, id: &FileId) -> PathBuf {
        let mut folder = self
            .root
            .join(format!("sistema={}", id.dataset.sistema()))
            .join(format!("grupo={}", id.dataset.grupo()))
            .join(format!("uf={}", id.uf))
            .join(format!("ano={:04}", id.competencia.ano()));
        if let Some(mes) = id.competencia.mes() {
            folder.push(format!("mes={mes:02}"));
        }
        folder
    }
}
