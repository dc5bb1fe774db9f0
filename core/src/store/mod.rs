//! Where objects lie, and how they are listed, read and published: a store by scheme. Whoever reads an object names it by its [`Location`]; the
//! folders of this machine are the first store, S3 the second, and others come by being registered ([`Stores::with`]).

mod chunk_cache;
mod ftp;
mod handle;
mod http;
mod local_files;
mod local_root;
mod location;
mod output_root;
mod read_at;
pub(crate) mod runtime;
mod s3;
mod spared;
mod splice;
mod stores;
mod tree;
mod walk;
mod whole_upload;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use chunk_cache::{ChunkCache, LocalCopy};
pub use ftp::FtpTree;
pub use handle::Handle;
pub use http::HttpTree;
pub use local_files::LocalFiles;
pub use local_root::{LocalRoot, OutputFile};
pub use location::Location;
pub use output_root::OutputRoot;
pub use read_at::{At, ReadAt, Reader, sha256};
pub use s3::{Keys, S3, S3Settings};
pub use spared::{Spared, SparedElsewhere, SparedKind};
pub use stores::Stores;
pub(crate) use tree::{BUSY, NO_DATA, changed, gone};
pub use tree::{Modified, Patience, Taker, Tree, TreeEntry, folder_and_name};
pub use walk::stamp;

use crate::base::{Cancel, Code, Error, Result, text};

/// A file of this machine, as an object.
pub(crate) fn opened(file: std::fs::File) -> std::io::Result<Arc<dyn ReadAt>> {
    Ok(Arc::new(read_at::OpenFile::of(file)?))
}

/// A place of objects under one scheme. Called from any thread, several at once.
pub trait Store: Debug + Send + Sync {
    /// `file`, `s3`, `https`: what stands before `://` in the names of its objects.
    fn scheme(&self) -> &str;

    /// What lies below `root`, or `root` itself where it is an object, in order of location; hidden names are left out. Opens
    /// no object. A store that knows that nothing has come or gone gives the listing that it gave before, so that nobody sorts
    /// its names again.
    fn list(&self, root: &Location) -> Result<Arc<Listed>>;

    /// The object as it is now; DS-404 or DS-403 where it cannot be looked at.
    fn stat(&self, at: &Location) -> Result<Object>;

    /// Opens it, to be read at any offset by several threads. What is read later may be of another version: whoever must know
    /// asks [`Store::stat`] at the end.
    fn open(&self, at: &Location) -> Result<Arc<dyn ReadAt>>;

    /// A file of this machine by which an engine reads the object: itself, or a copy. Of a Parquet `columns` will be read, so that a copy
    /// needs no others; None: all of it.
    fn local(&self, object: &Object, columns: Option<&BTreeSet<String>>) -> Result<LocalCopy>;

    /// The same store for one job, whose calls end once the token is set; none where no call waits for long.
    fn during(&self, _cancel: &Cancel) -> Option<Arc<dyn Store>> {
        None
    }

    /// Begins an object that shall be at `to`: nothing is there before it is published. DS-409 where one is and `overwrite` is
    /// false. A store that is only read refuses (DS-403).
    fn begin(&self, to: &Location, _overwrite: bool) -> Result<Box<dyn Upload>> {
        Err(only_read(to))
    }

    /// The same of an object that goes up while the file grows that it is made of, and is gone on with by another process where it
    /// keeps in `log` what is there; nothing is asked of a server yet. None: a store that takes whole objects only.
    fn begin_growing(&self, _to: &Location, _overwrite: bool, _log: &Path) -> Result<Option<Box<dyn GrowingUpload>>> {
        Ok(None)
    }

    /// Makes a small object in one act, durable; false, and nothing made, where there is one. However many ask at once, one makes it.
    fn create(&self, at: &Location, _bytes: Vec<u8>) -> Result<bool> {
        Err(only_read(at))
    }

    /// The object is there no more; it need not have been.
    fn remove(&self, at: &Location) -> Result<()> {
        Err(only_read(at))
    }
}

fn only_read(at: &Location) -> Error {
    Error::new(
        Code::Forbidden,
        text!("Em {at} só se lê; escolha outra pasta de saída", "{at} is only read; choose another output folder"),
    )
    .with("received", at.to_string())
}

/// An object in the making. Dropped, it leaves nothing behind.
pub trait Upload: Write + Send {
    /// Gives the whole object its name, in one act, durable.
    fn publish(self: Box<Self>) -> Result<()>;
}

/// An object in the making, of the bytes of a file of this machine that grows. Dropped, what is there stays for another attempt.
pub trait GrowingUpload: Send {
    /// An attempt before has published it, with so many bytes, and has not lived to say so.
    fn is_published(&mut self, bytes: u64) -> Result<bool>;

    /// The file has so many bytes by now, which stay as they are: they may go. Never waits; gives what has failed meanwhile.
    fn grown(&mut self, file: &File, bytes: u64) -> Result<()>;

    /// Waits until the whole file, of so many bytes, is there; it is not visible yet.
    fn seal(&mut self, file: &File, bytes: u64) -> Result<()>;

    /// After `seal`: as [`Upload::publish`].
    fn publish(self: Box<Self>) -> Result<()>;

    /// There will be no other attempt: nothing of it stays at the server.
    fn discard(self: Box<Self>) -> Result<()>;
}

/// A version of an object. Equal: the same content, as far as the store can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Where it lies.
    pub location: Location,
    /// Its bytes.
    pub size: u64,
    /// Time of the last change, in nanoseconds since 1970; 0 where the store says none.
    pub mtime_ns: i64,
    /// None where the store says none.
    pub state: Option<State>,
    /// What the store knows the object by, whatever its location; none where it says nothing.
    pub identity: Option<(u64, u64)>,
}

/// What changes with an object's content even where size and time do not: another file in its place is another inode, and a change
/// of the same is a later `ctime`. It changes with less as well (a copy, a link, a name), so that another state says only that
/// one has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    /// Of the file system; 0 where there is none.
    pub inode: u64,
    /// In nanoseconds since 1970.
    pub ctime_ns: i64,
}

/// What lies below a location.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// In order of path.
    pub found: Vec<Entry>,
    /// Links that lead to nothing.
    pub broken: Vec<Location>,
    /// Folders that were not entered, behind too many links.
    pub not_entered: Vec<Location>,
    /// Where the ministry's tree has a place for each file: what lies elsewhere in it, and does not count.
    pub elsewhere: Vec<Location>,
}

/// An object's location, and its version where the store's listing says it; others are asked for theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies.
    pub location: Location,
    /// None for one that is no object: a folder, or a name that leads nowhere.
    pub object: Option<Object>,
}
