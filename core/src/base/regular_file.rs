//! Opening files that others may have put in our way: a pipe under a source's name would hang whoever opens it, and a link or a
//! second name under one of ours would lead what we write to somebody else's file.
//!
//! A source may be anybody's and may be behind links, but is a regular file. What we write or trust is a regular file as well,
//! under no link, with one name, and of a user whom we trust.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::{Text, text};

/// Of what we make: nobody but the user and the group writes it, whatever the process's umask says.
pub const FILE_MODE: u32 = 0o664;
/// Of what is nobody else's business.
const PRIVATE_MODE: u32 = 0o600;
/// Of the folders that we make; the umask takes more.
pub const FOLDER_MODE: u32 = 0o775;

/// Flags under which opening neither waits nor follows a link at the path's end.
pub const NO_LINK: i32 = libc::O_NOFOLLOW | libc::O_NONBLOCK;

/// Why a path is not opened, or a file not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words().en)]
pub enum Odd {
    /// A source that is a pipe, a device, a socket.
    NotAFile,
    /// One of ours that is.
    Planted,
    /// One of ours that is a link.
    Link,
    /// One of ours that has another name as well.
    SecondName,
    /// One of ours that belongs to another user.
    Foreign,
    /// One of ours that is larger than anything we write there.
    TooLarge,
}

impl Odd {
    /// What is odd about it, for people.
    pub fn words(self) -> Text {
        match self {
            Odd::NotAFile | Odd::Planted => text!(
                "não é um arquivo comum, e sim um cano (FIFO), um dispositivo ou coisa parecida",
                "it is no regular file, but a pipe (FIFO), a device or the like"
            ),
            Odd::Link => {
                text!("é um atalho (link), e o datasus não faz atalhos", "it is a link, and datasus makes none")
            }
            Odd::SecondName => text!(
                "tem mais de um nome (hard link), e gravar nele mudaria o outro",
                "it has more than one name (hard link), and writing to it would change the other"
            ),
            Odd::Foreign => text!("pertence a outro usuário", "it belongs to another user"),
            Odd::TooLarge => text!(
                "é maior do que tudo o que o datasus grava ali",
                "it is larger than anything that datasus writes there"
            ),
        }
    }

    /// What an error of these functions says of the path.
    pub fn of(error: &Error) -> Option<Odd> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl From<Odd> for Error {
    fn from(odd: Odd) -> Self {
        let kind = if odd == Odd::NotAFile { ErrorKind::InvalidInput } else { ErrorKind::PermissionDenied };
        Error::new(kind, odd)
    }
}

/// Whose files are trusted besides our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trusted {
    /// Nobody's.
    Own,
    /// Those of the owner and of the group of a folder that several users share.
    Shared {
        /// Of the folder.
        owner: u32,
        /// Of the folder.
        group: u32,
    },
}

impl Trusted {
    /// Those that the folder `root` is shared among.
    pub fn of_folder(root: &Path) -> Self {
        match std::fs::metadata(root) {
            Ok(of) => Trusted::Shared { owner: of.uid(), group: of.gid() },
            Err(_) => Trusted::Own,
        }
    }

    fn holds(self, of: &Metadata) -> bool {
        let ours = of.uid() == rustix::process::geteuid().as_raw();
        match self {
            Trusted::Own => ours,
            Trusted::Shared { owner, group } => ours || of.uid() == owner || of.gid() == group,
        }
    }

    /// Refuses an open file of ours that is not what it must be.
    pub fn check_open(self, file: &File) -> io::Result<()> {
        self.check(&file.metadata()?, true)
    }

    /// Refuses what `found`, which is not behind a link, must not be. `one_name`: it has no other.
    pub fn check(self, found: &Metadata, one_name: bool) -> io::Result<()> {
        if found.is_symlink() {
            return Err(Odd::Link.into());
        }
        if !found.is_file() {
            return Err(Odd::Planted.into());
        }
        if one_name && found.nlink() > 1 {
            return Err(Odd::SecondName.into());
        }
        if self.holds(found) { Ok(()) } else { Err(Odd::Foreign.into()) }
    }

    /// Opens, or makes where `options` say so, a file of ours to write.
    pub fn open(self, options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        let mode = if self == Trusted::Own { PRIVATE_MODE } else { FILE_MODE };
        let file = options.mode(mode).custom_flags(NO_LINK).open(path).map_err(refused)?;
        self.check_open(&file)?;
        Ok(file)
    }

    /// Opens a file of ours to read.
    pub fn read(self, path: &Path) -> io::Result<File> {
        self.open(File::options().read(true), path)
    }

    /// All of a file of ours, which holds `most` bytes at most.
    pub fn read_all(self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let file = self.read(path)?;
        if file.metadata()?.len() > most {
            return Err(Odd::TooLarge.into());
        }
        let mut bytes = Vec::new();
        // One that grows meanwhile is too large as well.
        io::Read::read_to_end(&mut io::Read::take(file, most + 1), &mut bytes)?;
        if bytes.len() as u64 > most { Err(Odd::TooLarge.into()) } else { Ok(bytes) }
    }
}

/// Opens a source. Links are followed: archives are linked.
pub fn open_source(path: &Path) -> io::Result<File> {
    // Without waiting for whoever writes into a pipe.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = file.map_err(|error| if never_opens(&error) { Odd::NotAFile.into() } else { error })?;
    let kind = file.metadata()?.file_type();
    match () {
        () if kind.is_file() => Ok(file),
        () if kind.is_dir() => Err(ErrorKind::IsADirectory.into()),
        () => Err(Odd::NotAFile.into()),
    }
}

/// Makes a new file of ours, where nothing is.
pub fn create_new(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create_new(true).mode(FILE_MODE).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// Makes a folder and those above it, where they are not there.
pub fn create_folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}

/// What opening one of ours said of a link or a pipe.
pub fn refused(error: Error) -> Error {
    match error.raw_os_error() {
        Some(libc::ELOOP) => Odd::Link.into(),
        _ if never_opens(&error) => Odd::Planted.into(),
        _ => error,
    }
}

/// Of a pipe that nobody reads, a socket, a device that is not there.
fn never_opens(error: &Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENODEV | libc::EOPNOTSUPP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_of_ours_is_told_at_once_and_never_opened_to_wait() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "1234").unwrap();
        std::fs::write(at("two"), "1234").unwrap();
        std::fs::hard_link(at("two"), at("names")).unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("pipe"), at("link to a pipe")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let source = |name: &str| open_source(&at(name)).map(drop).map_err(|error| Odd::of(&error));
        assert!(["file", "two", "names", "link"].iter().all(|name| source(name).is_ok()));
        for name in ["pipe", "link to a pipe", "socket"] {
            assert_eq!(source(name), Err(Some(Odd::NotAFile)), "{name}");
        }
        let own = |name: &str| Trusted::Own.read_all(&at(name), 4).map_err(|error| Odd::of(&error).unwrap());
        let write = |name: &str| {
            let opened = Trusted::Own.open(File::options().create(true).truncate(false).write(true), &at(name));
            opened.map(drop).map_err(|error| Odd::of(&error).unwrap())
        };
        assert_eq!(own("file").unwrap(), b"1234");
        for (name, odd) in [
            ("pipe", Odd::Planted),
            ("socket", Odd::Planted),
            ("names", Odd::SecondName),
            ("link", Odd::Link),
            ("link to a pipe", Odd::Link),
        ] {
            assert_eq!((own(name).err(), write(name).err()), (Some(odd), Some(odd)), "{name}");
        }
        let small = Trusted::Own.read_all(&at("file"), 3).unwrap_err();
        assert_eq!(Odd::of(&small), Some(Odd::TooLarge));
    }

    /// Only root can give files away.
    #[test]
    fn a_file_of_another_user_is_taken_only_where_the_folder_is_shared_with_him() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let me = rustix::process::geteuid().as_raw();
        let shared = |owner, group| Trusted::Shared { owner, group };
        assert!(Trusted::Own.read(&path).is_ok() && shared(me + 1, me + 1).read(&path).is_ok());
        if std::os::unix::fs::chown(&path, Some(me + 41), Some(me + 42)).is_err() {
            crate::base::skip::on_this_machine("no right to give a file away");
            return;
        }
        let odd = |trusted: Trusted| trusted.read(&path).err().and_then(|error| Odd::of(&error));
        assert_eq!(odd(Trusted::Own), Some(Odd::Foreign));
        assert_eq!(odd(shared(me + 1, me + 2)), Some(Odd::Foreign));
        assert_eq!((odd(shared(me + 41, 1)), odd(shared(1, me + 42))), (None, None));
    }
}
