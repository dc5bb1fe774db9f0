//! A file on its way: the bytes that have come, under a name of their own, with what they are bytes of. It goes on only with the same.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::held::beside;
use crate::base::{Ctx, Error, Result, Trusted, WholeFile, text};
use crate::store::{Taker, TreeEntry};

/// Bytes of what is said of a part.
const LONGEST: u64 = 1 << 20;
/// Bytes that are hashed at once.
const READ: usize = 1 << 20;

pub(super) struct Part<'c> {
    path: PathBuf,
    about: PathBuf,
    file: File,
    /// Bytes that are there.
    len: u64,
    /// Of these, what the job's progress has counted, and what of it was there when the part was opened.
    counted: u64,
    found: u64,
    /// Bytes that came, of all attempts.
    came: u64,
    /// It is the file now, and what was counted stays.
    published: bool,
    ctx: &'c Ctx,
}

/// What the bytes are of.
#[derive(Serialize, Deserialize, PartialEq)]
struct About {
    source: String,
    entry: TreeEntry,
}

impl<'c> Part<'c> {
    /// What has come of `entry` from `source`; nothing where the part is of another version. Under the file's lock.
    pub fn open(files: &Path, path: &str, source: &str, entry: &TreeEntry, ctx: &'c Ctx) -> Result<Self> {
        let (part, about) = (beside(files, path, "part"), beside(files, path, "part.json"));
        let trusted = Trusted::of_folder(files);
        let known = trusted.read_all(&about, LONGEST).ok().and_then(|read| serde_json::from_slice::<About>(&read).ok());
        let same = known.is_some_and(|known| known.source == source && known.entry.is_same(entry));
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        let file = trusted.open(&mut options, &part).map_err(|error| Error::io(error, &part))?;
        let there = file.metadata().map_err(|error| Error::io(error, &part))?.len();
        // More than the whole is of something else.
        let len = if same && entry.size.is_some_and(|size| there <= size) { there } else { 0 };
        if len == 0 {
            file.set_len(0).map_err(|error| Error::io(error, &part))?;
            let said = About { source: source.to_owned(), entry: entry.clone() };
            let mut out = WholeFile::create(&about)?;
            let said = serde_json::to_vec(&said).map_err(Error::internal)?;
            out.write_all(&said).map_err(|error| Error::io(error, &about))?;
            out.publish_unforced()?;
        }
        ctx.progress.found_fetched(len);
        Ok(Part { path: part, about, file, len, counted: len, found: len, came: 0, published: false, ctx })
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    /// Bytes that have come, those of attempts that began anew as well.
    pub fn came(&self) -> u64 {
        self.came
    }

    /// Reads it from its beginning, for its hash, and looks at its first bytes.
    pub fn checked(&mut self, name: &str) -> Result<String> {
        let io = |error| Error::io(error, &self.path);
        self.file.seek(SeekFrom::Start(0)).map_err(io)?;
        let (mut hash, mut read, mut first) = (Sha256::new(), vec![0; READ], true);
        loop {
            let count = self.file.read(&mut read).map_err(io)?;
            if count == 0 {
                return Ok(hex::encode(hash.finalize()));
            }
            if std::mem::take(&mut first) && !begins_as(name, &read[..count]) {
                let shown: String = String::from_utf8_lossy(&read[..count.min(40)]).escape_debug().to_string();
                return Err(not_of_its_kind(name, &shown));
            }
            hash.update(&read[..count]);
            self.ctx.check()?;
        }
    }

    /// Gives it the file's name, durable.
    pub fn publish(mut self, to: &Path) -> Result<()> {
        self.file.sync_all().map_err(|error| Error::io(error, &self.path))?;
        std::fs::rename(&self.path, to).map_err(|error| Error::io(error, to))?;
        self.published = true;
        let _ = std::fs::remove_file(&self.about);
        if let Some(folder) = to.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| Error::io(error, folder))?;
        }
        Ok(())
    }

    /// Nothing of it stays.
    pub fn discard(self) {
        for path in [&self.path, &self.about] {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::debug!(file = %path.display(), %error, "a part of a file stays");
            }
        }
    }
}

impl Drop for Part<'_> {
    /// Who opens it again counts what is there; from another source all of it comes.
    fn drop(&mut self) {
        if !self.published {
            self.lose_after(0);
        }
    }
}

impl Part<'_> {
    /// Bytes behind the first `kept` do not count any more.
    fn lose_after(&mut self, kept: u64) {
        let lost = |of: u64| of.saturating_sub(kept);
        self.ctx.progress.lose_fetched(lost(self.counted), lost(self.found));
        (self.counted, self.found) = (self.counted.min(kept), self.found.min(kept));
    }
}

impl Taker for Part<'_> {
    fn begin(&mut self, at: u64) -> Result<()> {
        self.lose_after(at);
        self.len = at;
        self.file.set_len(at).map_err(|error| Error::io(error, &self.path))?;
        self.file.seek(SeekFrom::Start(at)).map_err(|error| Error::io(error, &self.path)).map(drop)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::io(error, &self.path))?;
        self.len += bytes.len() as u64;
        self.counted += bytes.len() as u64;
        self.came += bytes.len() as u64;
        self.ctx.progress.add_fetched(bytes.len() as u64);
        Ok(())
    }
}

/// Whether a file's first bytes are those of its kind: a gateway may answer with a page of its own, and call it a success.
fn begins_as(name: &str, bytes: &[u8]) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "zip" => bytes.starts_with(b"PK"),
        "parquet" => bytes.starts_with(b"PAR1"),
        "gz" => bytes.starts_with(&[0x1f, 0x8b]),
        // The versions of dBASE's header, with its flags.
        "dbc" | "dbf" => {
            bytes.first().is_some_and(|version| matches!(version & 7, 2..=5) || *version == 0x30 || *version == 0x31)
                && !bytes.trim_ascii_start().starts_with(b"<")
        }
        _ => !bytes.trim_ascii_start().starts_with(b"<"),
    }
}

fn not_of_its_kind(name: &str, begins: &str) -> Error {
    Error::new(
        crate::base::Code::Unreachable,
        text!(
            "No lugar de {name} veio outra coisa, que começa com \"{begins}\": um proxy ou portal da rede pode ter respondido no lugar do servidor",
            "In the place of {name} something else came, which begins with \"{begins}\": a proxy or portal of the network may have answered for the server"
        ),
    )
    .with("cause", "not_the_file")
    .with("received", begins)
    .stage("download")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_come_once_more_count_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("SIM")).unwrap();
        let ctx = Ctx::default();
        ctx.progress.expect_fetched(1, 1_000);
        let entry =
            TreeEntry { name: "a.dbc".into(), folder: false, size: Some(1_000), modified: None, tag: Some("1".into()) };
        let open = |source: &str| Part::open(folder.path(), "SIM/a.dbc", source, &entry, &ctx).unwrap();
        let take = |part: &mut Part, at, bytes: usize| {
            part.begin(at).unwrap();
            part.take(&vec![3; bytes]).unwrap();
        };
        let counted = || ctx.progress.snapshot().bytes;
        // A source that does not go on where it stopped.
        let mut part = open("ftp://a");
        take(&mut part, 0, 600);
        take(&mut part, 0, 700);
        assert_eq!((counted(), part.len(), part.came()), (700, 700, 1_300));
        drop(part);
        assert_eq!(counted(), 0, "nothing of it is on its way");
        // What is there is found, and comes anew all the same.
        let mut part = open("ftp://a");
        assert_eq!((counted(), part.len()), (700, 700));
        take(&mut part, 0, 900);
        assert_eq!(counted(), 900);
        drop(part);
        // Another source.
        let mut part = open("ftp://b");
        assert_eq!((counted(), part.len()), (0, 0));
        take(&mut part, 0, 1_000);
        part.publish(&folder.path().join("SIM/a.dbc")).unwrap();
        let done = ctx.progress.snapshot();
        assert_eq!((done.bytes, done.bytes_total, done.fraction), (1_000, Some(1_000), Some(1.0)));
        // None of it was there before the phase: all of it says how fast it is.
        assert!(done.bytes_per_sec.is_none_or(|pace| pace * done.elapsed_sec > 999.0), "{done:?}");
        // One that goes on keeps what it had.
        let mut part = open("ftp://b");
        take(&mut part, 0, 400);
        drop(part);
        let mut part = open("ftp://b");
        take(&mut part, 400, 600);
        assert_eq!((counted() - 1_000, part.came()), (1_000, 600));
    }

    #[test]
    fn a_page_is_no_file_of_records() {
        for (name, bytes, is) in [
            ("RDAC2401.dbc", &b"\x03\x17\x01\x01"[..], true),
            ("ABOAC2401.DBF", b"\x30x", true),
            ("MEMO.dbf", b"\x83x", true),
            ("RDAC2401.dbc", b"<!DOCTYPE html>", false),
            ("RDAC2401.dbc", b"\r\n <html>", false),
            ("RDAC2401.dbc", b"", false),
            ("TAB_SIH.zip", b"PK\x03\x04", true),
            ("TAB_SIH.zip", b"<html>", false),
            ("a.parquet", b"PAR1", true),
            ("a.txt", b"a;b", true),
            ("a.txt", b" <html>", false),
        ] {
            assert_eq!(begins_as(name, bytes), is, "{name}: {bytes:?}");
        }
    }
}
