//! A tree of files on somebody else's server, which is only read: folder by folder, and file by file. Nothing here keeps anything; the
//! room `mirror` does.

use std::fmt::Debug;
use std::time::Duration;

use crate::base::{Cancel, Cause, Code, Error, Result, Text, text};

/// A way to such a tree. Called from any thread, several at once; each call is one attempt, over connections of its own.
///
/// Its errors say by [`Cause`] what they mean: `SourceAway` (no connection: another source may do), `SourceLost` (another attempt may
/// do), `SourceGone` (it is not there, or denied: no attempt will do), `SourceChanged` (not what was listed).
pub trait Tree: Debug + Send + Sync {
    /// As users write it, without a password.
    fn address(&self) -> &str;

    /// What lies in the folder `folder` (`SIHSUS/200801_/Dados`; empty: the tree's root), and not below it.
    fn list(&self, folder: &str, cancel: &Cancel) -> Result<Vec<TreeEntry>>;

    /// One file, where a listing does not say its size.
    fn stat(&self, path: &str, cancel: &Cancel) -> Result<TreeEntry>;

    /// Hands the bytes of the file `path` to `to`; from `have` on where the server can, and the file is still `listed`. Whether all
    /// have come is for whoever asks to see.
    fn fetch(&self, path: &str, listed: &TreeEntry, have: u64, to: &mut dyn Taker, cancel: &Cancel) -> Result<()>;
}

/// Who takes a file's bytes.
pub trait Taker {
    /// What comes next begins at this byte of the file; what was there behind it does not count.
    fn begin(&mut self, at: u64) -> Result<()>;

    /// The next bytes.
    fn take(&mut self, bytes: &[u8]) -> Result<()>;
}

/// A line of a listing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TreeEntry {
    /// Without its folder.
    pub name: String,
    /// True of a folder.
    #[serde(default, skip_serializing_if = "is_false")]
    pub folder: bool,
    /// None where the listing does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was changed last; none where the listing does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Modified>,
    /// What the server knows this content by (an ETag).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// When a file was changed, by its server's own clock: to be compared with what the same server says, and with nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Modified {
    /// Nanoseconds since 1970, as if the server's clock showed UTC.
    pub ns: i64,
    /// Only the day is known: old files in the Unix form of a listing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub day_only: bool,
}

const DAY_NS: i64 = 86_400_000_000_000;

impl Modified {
    /// Whether both may be the same moment, as far as the coarser of the two says.
    pub fn may_equal(self, other: Modified) -> bool {
        match self.day_only || other.day_only {
            true => self.ns.div_euclid(DAY_NS) == other.ns.div_euclid(DAY_NS),
            false => self.ns == other.ns,
        }
    }
}

impl TreeEntry {
    /// Whether another line of the same server's is of the same content, as far as the two tell.
    pub fn is_same(&self, other: &TreeEntry) -> bool {
        if let (Some(one), Some(other)) = (&self.tag, &other.tag) {
            return one == other;
        }
        let same_time = match (self.modified, other.modified) {
            (Some(one), Some(other)) => one.may_equal(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.size == other.size && same_time
    }
}

/// How long a server may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until a connection stands.
    pub connect: Duration,
    /// Without a byte on a connection that stands. A whole transfer may take as long as it does: 75 kB took three minutes from abroad.
    pub silent: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { connect: Duration::from_secs(5), silent: Duration::from_secs(60) }
    }
}

/// The folder and the name of a path in a tree.
pub fn folder_and_name(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The `cause` of an error that says that a server takes no more clients at once.
pub(crate) const BUSY: &str = "busy";
/// The `cause` of one that says that a server answers, and takes no connection for data.
pub(crate) const NO_DATA: &str = "data_port";

/// DS-502 that another attempt may mend.
pub(super) fn lost(what: Text) -> Error {
    Error::new(Code::Unreachable, what).caused_by(Cause::SourceLost).stage("download")
}

/// DS-404: the server does not have it, or does not give it.
pub(crate) fn gone(address: &str, path: &str, said: &str) -> Error {
    let said = said.trim();
    Error::new(
        Code::NotFound,
        text!(
            "{address} não tem {path}, ou não o dá (\"{said}\")",
            "{address} does not have {path}, or does not give it (\"{said}\")"
        ),
    )
    .with("server_reply", said)
    .caused_by(Cause::SourceGone)
    .stage("download")
}

/// DS-502: no connection to `address`; both causes that were seen of the ministry's server are named.
pub(super) fn away(address: &str, why: Text, seconds: f64) -> Error {
    let (pt, en) = (why.pt, why.en);
    Error::new(
        Code::Unreachable,
        text!(
            "Sem conexão com {address} em {seconds} s ({pt}): o servidor está fora do ar, ou esta rede ou este país está bloqueado por ele",
            "No connection to {address} within {seconds} s ({en}): the server is down, or it blocks this network or this country"
        ),
    )
    .caused_by(Cause::SourceAway)
    .stage("download")
}

/// DS-502: what lies there is not what was listed. `sizes`: of the listing and of what was found, where they are what differs.
pub(crate) fn changed(address: &str, path: &str, sizes: Option<(u64, u64)>) -> Error {
    let Text { pt, en } = match sizes {
        Some((listed, found)) => {
            text!(": tinha {listed} bytes e tem {found}", ": it had {listed} bytes and has {found}")
        }
        None => text!("", ""),
    };
    Error::new(
        Code::Unreachable,
        text!(
            "{path} mudou em {address} desde que a lista foi lida{pt}. Repita a consulta",
            "{path} has changed at {address} since its listing was read{en}. Run the query again"
        ),
    )
    .caused_by(Cause::SourceChanged)
    .stage("download")
}
