//! Below what a client's files are written: a folder of this machine, or a location of another store.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::whole_upload::WholeUpload;
use super::{GrowingUpload, LocalRoot, Location, Spared, SparedElsewhere, Stores, Upload};
use crate::base::{Cancel, Code, Error, Result, text};

/// Output paths stay below it, whatever a name says.
#[derive(Clone)]
pub struct OutputRoot(Place);

#[derive(Clone)]
enum Place {
    Folder(LocalRoot),
    Store { stores: Stores, root: Location, spared: Arc<[SparedElsewhere]> },
}

impl OutputRoot {
    /// A folder of this machine, which is made where it is not there.
    pub fn open(path: &Path) -> Result<Self> {
        LocalRoot::open(path).map(|root| OutputRoot(Place::Folder(root)))
    }

    /// The same of any store.
    pub fn open_in(stores: &Stores, root: &Location) -> Result<Self> {
        match (root.is_file(), stores.knows(root)) {
            (true, _) => OutputRoot::open(root.path()),
            // A path that only looks like another store's.
            (false, false) => OutputRoot::open(Path::new(&root.to_string())),
            (false, true) => {
                Ok(OutputRoot(Place::Store { stores: stores.clone(), root: root.clone(), spared: Arc::new([]) }))
            }
        }
    }

    /// The same, which never touches these (DS-403).
    pub fn sparing(self, spared: Spared) -> Self {
        match self.0 {
            Place::Folder(root) => OutputRoot(Place::Folder(root.sparing(spared))),
            Place::Store { stores, root, .. } => {
                OutputRoot(Place::Store { stores, root, spared: spared.elsewhere.clone() })
            }
        }
    }

    /// As a location.
    pub fn location(&self) -> Location {
        match &self.0 {
            Place::Folder(root) => Location::file(root.path()),
            Place::Store { root, .. } => root.clone(),
        }
    }

    /// Where `path` leads to, whether it may or not.
    pub fn at(&self, path: &Path) -> Location {
        let root = self.location();
        root.at(root.path().join(path))
    }

    /// Refuses (DS-403, DS-409) what could not be written, without writing anything.
    pub fn check(&self, path: &Path, overwrite: bool) -> Result<()> {
        match &self.0 {
            Place::Folder(root) => root.check(path, overwrite),
            Place::Store { stores, root, spared } => {
                let at = below(root, path, spared)?;
                match stores.stat(&at) {
                    Ok(_) if !overwrite => Err(exists(&at)),
                    Err(error) if error.code() != Code::NotFound => Err(error),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Begins an object that gets its name when it is published.
    pub fn create(&self, path: &Path, overwrite: bool) -> Result<Box<dyn Upload>> {
        match &self.0 {
            Place::Folder(root) => Ok(Box::new(root.create(path, overwrite)?)),
            Place::Store { stores, root, spared } => stores.begin(&below(root, path, spared)?, overwrite),
        }
    }

    /// Where a file grows that shall be at `path`, and its name there: beside that, or in the job's own `folder`, from where it goes
    /// [up](Self::upload) to its store.
    pub fn growing(&self, path: &Path, folder: &Path) -> Result<(LocalRoot, PathBuf)> {
        match &self.0 {
            Place::Folder(root) => Ok((root.clone(), path.to_owned())),
            Place::Store { .. } => {
                let name = path.file_name().unwrap_or_default();
                Ok((LocalRoot::open(folder)?, name.into()))
            }
        }
    }

    /// The way of a file that grows to its store, where it is visible when it is whole; `log` keeps what is there for another attempt.
    /// Ends with the token. None where it grows beside its name.
    pub fn upload(
        &self,
        path: &Path,
        overwrite: bool,
        log: &Path,
        cancel: &Cancel,
    ) -> Result<Option<Box<dyn GrowingUpload>>> {
        let Place::Store { stores, root, spared } = &self.0 else { return Ok(None) };
        let (to, stores) = (below(root, path, spared)?, stores.during(cancel));
        match stores.begin_growing(&to, overwrite, log)? {
            Some(upload) => Ok(Some(upload)),
            None => Ok(Some(Box::new(WholeUpload::new(stores, to, overwrite)))),
        }
    }
}

fn below(root: &Location, path: &Path, spared: &[SparedElsewhere]) -> Result<Location> {
    let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let name =
        path.to_str().filter(|name| plain && !name.is_empty() && !name.contains(['\0', '\\']) && !name.ends_with('/'));
    let Some(name) = name.filter(|name| Location::parse(Path::new(name)).is_file()) else {
        let received = path.to_string_lossy().replace('\0', "\\0");
        return Err(Error::new(
            Code::Forbidden,
            text!(
                "O destino \"{received}\" foi recusado: use um nome abaixo de {root}, por exemplo dados.csv, sem `..`",
                "The target \"{received}\" was refused: give a name below {root}, for example data.csv, without `..`"
            ),
        )
        .with("expected_format", "a relative path below the output root")
        .with("received", received)
        .with("root", root.to_string()));
    };
    let parts: PathBuf = Path::new(name).components().filter(|part| *part != Component::CurDir).collect();
    let at = root.at(root.path().join(parts));
    spared.iter().try_for_each(|spared| spared.refuse(&at)).map(|()| at)
}

/// DS-409: an object is there, and was not to be replaced.
pub(in crate::store) fn exists(at: &Location) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "{at} já existe; escolha outro nome, ou peça para substituí-lo com a opção `overwrite`",
            "{at} exists already; choose another name, or ask to replace it by the option `overwrite`"
        ),
    )
    .file(at.to_string())
}
