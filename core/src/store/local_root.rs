//! Output paths stay under the root that the application gave, whatever the name says.
//!
//! The kernel's own resolution is done by cap-std relative to an open folder, so a link that is swapped in between
//! check and use doesn't lead out either.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, MetadataExt, OpenOptions, OpenOptionsExt};

use super::Upload;
use super::spared::{Spared, real};
use crate::base::{
    Code, Error, FILE_MODE, FOLDER_MODE, NO_LINK, Odd, Result, Text, Trusted, Writeback, create_folders, expand_home,
    refuse_address, refused as odd, text,
};

/// The folder below which a client writes files.
#[derive(Clone)]
pub struct LocalRoot {
    dir: Arc<Dir>,
    given: PathBuf,
    real: PathBuf,
    spared: Spared,
}

impl LocalRoot {
    /// Opens the folder, and creates it where it doesn't exist.
    pub fn open(path: &Path) -> Result<Self> {
        refuse_address(&path.to_string_lossy())?;
        let path = &expand_home(path);
        create_folders(path).map_err(|e| Error::io(e, path))?;
        let real = path.canonicalize().map_err(|e| Error::io(e, path))?;
        if is_kernel_folder(&real) {
            return Err(refused(path, path));
        }
        let dir = Dir::open_ambient_dir(&real, ambient_authority()).map_err(|e| Error::io(e, path))?;
        let given = std::path::absolute(path).map_err(|e| Error::io(e, path))?;
        Ok(LocalRoot { dir: Arc::new(dir), given, real, spared: Spared::default() })
    }

    /// The same, which never touches these (DS-403).
    pub fn sparing(self, spared: Spared) -> Self {
        LocalRoot { spared, ..self }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.real
    }

    /// Refuses (DS-403, DS-409) what [`LocalRoot::create`] would refuse, without creating anything.
    pub fn check(&self, path: &Path, overwrite: bool) -> Result<()> {
        let relative = self.relative(path)?;
        self.check_spared(path, &relative)?;
        match self.dir.symlink_metadata(&relative) {
            Ok(found) => self.check_target(&found, path, overwrite),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(self.resolution(e, path)),
        }
    }

    /// Starts a file that gets its name when it is published; folders above it are created.
    pub fn create(&self, path: &Path, overwrite: bool) -> Result<OutputFile> {
        self.open_partial(path, overwrite, format!(".{}.partial", ulid::Ulid::new()), Way::New)
    }

    /// The same under a temporary name of the caller's, which a drop leaves. What is there goes.
    pub fn begin(&self, path: &Path, overwrite: bool, partial: &str) -> Result<OutputFile> {
        self.open_partial(path, overwrite, partial.to_owned(), Way::Anew)
    }

    /// The same: what is there is opened and goes on, if it is ours and nobody else's.
    pub fn resume(&self, path: &Path, overwrite: bool, partial: &str) -> Result<OutputFile> {
        self.open_partial(path, overwrite, partial.to_owned(), Way::GoOn)
    }

    /// Bytes of the file at `path`, where it is a regular one.
    pub fn size(&self, path: &Path) -> Option<u64> {
        let found = self.dir.symlink_metadata(self.relative(path).ok()?).ok()?;
        found.is_file().then(|| found.len())
    }

    /// The temporary file beside `path`.
    pub fn beside(&self, path: &Path, partial: &str) -> Result<PathBuf> {
        Ok(self.real.join(self.relative(path)?.with_file_name(partial)))
    }

    fn open_partial(&self, path: &Path, overwrite: bool, partial: String, way: Way) -> Result<OutputFile> {
        let relative = self.relative(path)?;
        self.check_spared(path, &relative)?;
        let name = relative.file_name().and_then(|n| n.to_str()).ok_or_else(|| refused(path, &self.real))?.to_owned();
        let folder = match relative.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => {
                let mut builder = DirBuilder::new();
                builder.recursive(true).mode(FOLDER_MODE);
                self.dir.create_dir_with(parent, &builder).map_err(|e| self.resolution(e, path))?;
                let real = self.dir.canonicalize(parent).map_err(|e| self.resolution(e, path))?;
                if is_kernel_folder(&self.real.join(real)) {
                    return Err(refused(path, &self.real));
                }
                self.dir.open_dir(parent)
            }
            None => self.dir.try_clone(),
        }
        .map_err(|e| self.resolution(e, path))?;
        if let Ok(found) = folder.symlink_metadata(&name) {
            self.check_target(&found, path, overwrite)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(FILE_MODE).custom_flags(NO_LINK);
        match way {
            Way::New | Way::Anew => options.create_new(true),
            Way::GoOn => options.create(true),
        };
        let shown = self.real.join(&relative);
        let beside = shown.with_file_name(&partial);
        if matches!(way, Way::Anew) {
            match folder.remove_file(&partial) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io(e, &beside)),
                _ => {}
            }
        }
        let opened = match folder.open_with(&partial, &options) {
            // cap-std has an error of its own for a link that it does not follow.
            Err(_) if folder.symlink_metadata(&partial).is_ok_and(|found| found.is_symlink()) => Err(Odd::Link.into()),
            opened => opened.map(cap_std::fs::File::into_std).map_err(odd),
        };
        // What was just made is ours, whatever a file system that knows no owners says of it.
        let checked = |file: File| match way {
            Way::New | Way::Anew => Ok(file),
            Way::GoOn => Trusted::Own.check_open(&file).map(|()| file),
        };
        let file = match opened.and_then(checked) {
            Ok(file) => file,
            Err(e) if Odd::of(&e).is_some() => return Err(Error::io(e, &beside)),
            Err(e) => return Err(self.resolution(e, path)),
        };
        Ok(OutputFile {
            file,
            folder,
            partial,
            name,
            relative,
            shown,
            overwrite,
            written: 0,
            writeback: Writeback::default(),
            stays: !matches!(way, Way::New),
        })
    }

    fn check_spared(&self, path: &Path, relative: &Path) -> Result<()> {
        let Some(why) = self.spared.refuses(&real(&self.real.join(relative)), relative) else { return Ok(()) };
        let (shown, Text { pt, en }) = (path.display(), why);
        Err(Error::new(
            Code::Forbidden,
            text!(
                "O destino \"{shown}\" foi recusado: {pt}; escolha outro nome, ou outra pasta",
                "The target \"{shown}\" was refused: {en}; choose another name, or another folder"
            ),
        )
        .with("received", shown.to_string())
        .with("why", en))
    }

    fn relative(&self, path: &Path) -> Result<PathBuf> {
        refuse_address(&path.to_string_lossy())?;
        let bytes = path.as_os_str().as_encoded_bytes();
        if bytes.is_empty() || bytes.contains(&0) || bytes.ends_with(b"/") || path.to_str().is_none() {
            return Err(refused(path, &self.real));
        }
        let path = &expand_home(path);
        let below = if path.is_absolute() {
            let below = path.strip_prefix(&self.real).or_else(|_| path.strip_prefix(&self.given));
            below.map_err(|_| refused(path, &self.real))?
        } else {
            path
        };
        let mut relative = PathBuf::new();
        for component in below.components() {
            match component {
                Component::Normal(name) => relative.push(name),
                Component::CurDir => {}
                _ => return Err(refused(path, &self.real)),
            }
        }
        // `a/.` has lost its last part: it names a folder.
        if relative.as_os_str().is_empty() || bytes.ends_with(b"/.") || is_kernel_folder(&self.real.join(&relative)) {
            return Err(refused(path, &self.real));
        }
        Ok(relative)
    }

    fn check_target(&self, found: &cap_std::fs::Metadata, path: &Path, overwrite: bool) -> Result<()> {
        // A link, a folder, a device, a pipe; or a file that has another name elsewhere.
        if !found.is_file() || found.nlink() > 1 {
            return Err(refused(path, &self.real));
        }
        if !overwrite { Err(exists(path)) } else { Ok(()) }
    }

    fn resolution(&self, error: io::Error, path: &Path) -> Error {
        match error.kind() {
            // cap-std answers so for a path that leads out; a folder that may not be written is the other case.
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => refused(path, &self.real).because(error),
            io::ErrorKind::AlreadyExists => refused(path, &self.real).because(error),
            // Links that lead in a circle (ELOOP has no stable kind).
            #[cfg(target_os = "linux")]
            _ if error.raw_os_error() == Some(40) => refused(path, &self.real).because(error),
            _ => Error::io(error, &self.real.join(path)),
        }
    }
}

/// How a temporary file comes to be.
#[derive(Clone, Copy)]
enum Way {
    /// It is made, and goes when it is dropped.
    New,
    /// It is made in the place of what an earlier attempt left, and stays.
    Anew,
    /// It is there, or is made, and stays.
    GoOn,
}

/// Written beside its final name; dropped without [`OutputFile::publish`], it leaves nothing behind.
pub struct OutputFile {
    file: File,
    folder: Dir,
    partial: String,
    name: String,
    relative: PathBuf,
    shown: PathBuf,
    overwrite: bool,
    written: u64,
    writeback: Writeback,
    /// Published, or to be gone on with: a drop leaves it.
    stays: bool,
}

impl OutputFile {
    /// The final path, for messages.
    pub fn path(&self) -> &Path {
        &self.shown
    }

    /// The final path below the root.
    pub fn relative(&self) -> &Path {
        &self.relative
    }

    /// Bytes that were written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// What was written, to be read again.
    pub fn reader(&self) -> &File {
        &self.file
    }

    /// Goes on behind the first `bytes`; what follows them is cut off.
    pub fn cut(&mut self, bytes: u64) -> Result<()> {
        let cut = self.file.set_len(bytes).and_then(|()| self.file.seek(SeekFrom::Start(bytes)));
        cut.map_err(|e| Error::io(e, &self.shown))?;
        self.written = bytes;
        Ok(())
    }

    /// Flushes to disk what was written.
    pub fn sync(&mut self) -> Result<()> {
        self.writeback.finish(&self.file).map_err(|e| Error::io(e, &self.shown))
    }

    /// Gives the file its name: DS-409 if that was taken meanwhile, unless it may be replaced. What was not [synced]
    /// before is not durable.
    ///
    /// [synced]: OutputFile::sync
    pub fn publish(mut self) -> Result<()> {
        if self.overwrite {
            self.rename()?;
        } else {
            // A link, unlike a rename, never replaces; some file systems have none.
            match self.folder.hard_link(&self.partial, &self.folder, &self.name) {
                Ok(()) => {
                    self.folder.remove_file(&self.partial).map_err(|e| Error::io(e, &self.shown))?;
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&self.shown)),
                Err(_) if self.folder.symlink_metadata(&self.name).is_ok() => return Err(exists(&self.shown)),
                Err(_) => self.rename()?,
            }
        }
        self.stays = true;
        // The name itself is durable only once the folder is.
        #[cfg(unix)]
        self.folder.open(".").and_then(|f| f.sync_all()).map_err(|e| Error::io(e, &self.shown))?;
        Ok(())
    }

    fn rename(&self) -> Result<()> {
        self.folder.rename(&self.partial, &self.folder, &self.name).map_err(|e| Error::io(e, &self.shown))
    }
}

impl Upload for OutputFile {
    fn publish(mut self: Box<Self>) -> Result<()> {
        self.sync()?;
        OutputFile::publish(*self)
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.written += n as u64;
        self.writeback.wrote(n, &self.file);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.stays {
            let _ = self.folder.remove_file(&self.partial);
        }
    }
}

fn is_kernel_folder(path: &Path) -> bool {
    cfg!(unix)
        && !path.starts_with("/dev/shm")
        && ["/proc", "/sys", "/dev"].iter().any(|folder| path.starts_with(folder))
}

fn refused(path: &Path, root: &Path) -> Error {
    let received = path.to_string_lossy().replace('\0', "\\0");
    let root = root.display();
    Error::new(
        Code::Forbidden,
        text!(
            "O destino \"{received}\" foi recusado: use o nome de um arquivo comum abaixo de {root}, por exemplo \
             dados.csv, sem `..`, atalhos (links) nem dispositivos",
            "The target \"{received}\" was refused: give the name of a regular file below {root}, for example \
             data.csv, without `..`, links or devices"
        ),
    )
    .with("expected_format", "a relative path below the output root")
    .with("received", received)
    .with("root", root.to_string())
}

fn exists(path: &Path) -> Error {
    let shown = path.display();
    Error::new(
        Code::Conflict,
        text!(
            "{shown} já existe; escolha outro nome, ou peça para substituí-lo com a opção `overwrite`",
            "{shown} exists already; choose another name, or ask to replace it by the option `overwrite`"
        ),
    )
    .file(shown.to_string())
}

#[cfg(test)]
mod tests;
