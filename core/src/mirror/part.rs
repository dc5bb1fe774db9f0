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
    /// Of these, what the job's progress has counted.
    counted: u64,
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
        Ok(Part { path: part, about, file, len, counted: len, ctx })
    }

    pub fn len(&self) -> u64 {
        self.len
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
    pub fn publish(self, to: &Path) -> Result<()> {
        self.file.sync_all().map_err(|error| Error::io(error, &self.path))?;
        std::fs::rename(&self.path, to).map_err(|error| Error::io(error, to))?;
        let _ = std::fs::remove_file(&self.about);
        if let Some(folder) = to.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| Error::io(error, folder))?;
        }
        Ok(())
    }

    /// Nothing of it stays.
    pub fn discard(self) {
        self.ctx.progress.lose_fetched(self.counted);
        for path in [&self.path, &self.about] {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::debug!(file = %path.display(), %error, "a part of a file stays");
            }
        }
    }
}

impl Taker for Part<'_> {
    fn begin(&mut self, at: u64) -> Result<()> {
        let lost = self.counted.saturating_sub(at);
        self.ctx.progress.lose_fetched(lost);
        (self.len, self.counted) = (at, self.counted.min(at));
        self.file.set_len(at).map_err(|error| Error::io(error, &self.path))?;
        self.file.seek(SeekFrom::Start(at)).map_err(|error| Error::io(error, &self.path)).map(drop)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::io(error, &self.path))?;
        self.len += bytes.len() as u64;
        self.counted += bytes.len() as u64;
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
