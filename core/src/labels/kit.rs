//! A kit of TabWin: its conversion tables, definitions and DBF tables, from a folder or a zip.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Result, text};

use super::{Cnv, DbfTable, Def};

/// Bytes of one file at most; the largest of a genuine kit has 2 MB.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of all files at most; the largest kit has some 100 MB.
const MOST_BYTES_OF_ALL: u64 = 1 << 30;

/// The files of a kit, by name without folder, in lower case.
#[derive(Debug, Default)]
pub struct Kit {
    files: BTreeMap<String, KitFile>,
    date: Option<String>,
    /// Of all of them.
    bytes: u64,
}

#[derive(Debug)]
struct KitFile {
    /// As the kit writes it, with its folders.
    name: String,
    bytes: Vec<u8>,
}

impl Kit {
    /// Reads a folder (with what is below it) or a zip.
    pub fn open(path: &Path) -> Result<Self> {
        let mut kit = Kit::default();
        let failed = |error: std::io::Error| Error::io(error, path);
        match path.is_dir() {
            true => kit.folder(path, path)?,
            false => kit.zip(std::fs::File::open(path).map_err(failed)?, path)?,
        }
        kit.with_tables(path)
    }

    /// Reads a zip from memory; `name` stands in errors.
    pub fn of_zip(bytes: &[u8], name: &str) -> Result<Self> {
        let mut kit = Kit::default();
        kit.zip(std::io::Cursor::new(bytes), Path::new(name))?;
        kit.with_tables(Path::new(name))
    }

    /// What has no table at all is no kit.
    fn with_tables(self, path: &Path) -> Result<Self> {
        match self.files.keys().any(|name| is_table(Path::new(name))) {
            true => Ok(self),
            false => Err(not_a_kit(path, "it has no file .cnv, .def or .dbf")),
        }
    }

    /// The day of its newest table (`2026-09-12`), where the zip or the folder says it.
    pub fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }

    fn zip(&mut self, file: impl Read + std::io::Seek, path: &Path) -> Result<()> {
        let damaged = |error: &dyn std::fmt::Display| not_a_kit(path, &error.to_string());
        let mut archive = zip::ZipArchive::new(file).map_err(|error| damaged(&error))?;
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(|error| damaged(&error))?;
            if entry.is_dir() {
                continue;
            }
            // The name in a legacy code page serves to be found by, and the tables are ASCII in practice.
            let name = entry.name().to_owned();
            // 1980 is what a zip says that knows no time.
            if let Some(day) = entry.last_modified().filter(|day| day.year() > 1980 && is_table(Path::new(&name))) {
                self.newest(format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()));
            }
            let mut bytes = Vec::new();
            // A checksum that does not fit is an error of the last read.
            entry.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
            self.add(path, name, bytes)?;
        }
        Ok(())
    }

    /// Of the names and bytes of its files.
    pub fn sha256(&self) -> String {
        let mut all = Sha256::new();
        for (name, file) in &self.files {
            all.update(name);
            all.update((file.bytes.len() as u64).to_le_bytes());
            all.update(&file.bytes);
        }
        hex::encode(all.finalize())
    }

    fn newest(&mut self, day: String) {
        if self.date.as_ref().is_none_or(|known| *known < day) {
            self.date = Some(day);
        }
    }

    fn folder(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>())
            .map_err(|error| Error::io(error, folder))?;
        paths.sort();
        for path in paths {
            if path.is_dir() {
                self.folder(root, &path)?;
            } else if is_table(&path) {
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                let mut bytes = Vec::new();
                let file = std::fs::File::open(&path).map_err(|error| Error::io(error, &path))?;
                if let Ok(time) = file.metadata().and_then(|found| found.modified()) {
                    self.newest(chrono::DateTime::<chrono::Utc>::from(time).format("%Y-%m-%d").to_string());
                }
                file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| Error::io(error, &path))?;
                self.add(root, name, bytes)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, root: &Path, name: String, bytes: Vec<u8>) -> Result<()> {
        if bytes.len() as u64 > MOST_BYTES {
            return Err(not_a_kit(root, &format!("{name}: > {MOST_BYTES} bytes")));
        }
        self.bytes += bytes.len() as u64;
        if self.bytes > MOST_BYTES_OF_ALL {
            return Err(not_a_kit(root, &format!("> {MOST_BYTES_OF_ALL} bytes")));
        }
        let key = name.rsplit(['/', '\\']).next().unwrap_or(&name).to_lowercase();
        self.files.entry(key).or_insert(KitFile { name, bytes });
        Ok(())
    }

    /// Names of the files with this ending (`cnv`), as the kit writes them.
    pub fn names(&self, ending: &str) -> Vec<&str> {
        let of = |key: &str| key.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(ending));
        self.files.iter().filter(|(key, _)| of(key)).map(|(_, file)| file.name.as_str()).collect()
    }

    /// The bytes of a file by its name, in any case; folders before it do not count.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        let key = name.rsplit(['/', '\\']).next().unwrap_or(name).to_lowercase();
        self.files.get(&key).map(|file| file.bytes.as_slice())
    }

    /// A conversion table of the kit.
    pub fn cnv(&self, name: &str) -> Result<Cnv> {
        Cnv::read(self.known(name)?, name)
    }

    /// A definition file of the kit.
    pub fn def(&self, name: &str) -> Result<Def> {
        self.known(name).map(Def::read)
    }

    /// A table of the kit.
    pub fn dbf(&self, name: &str) -> Result<DbfTable> {
        DbfTable::read(self.known(name)?.to_vec(), name)
    }

    fn known(&self, name: &str) -> Result<&[u8]> {
        self.bytes(name).ok_or_else(|| {
            Error::new(Code::NotFound, text!("O kit não tem o arquivo {name}", "The kit has no file {name}"))
                .file(name)
                .stage("labels")
        })
    }
}

fn not_a_kit(path: &Path, why: &str) -> Error {
    let shown = path.display();
    Error::new(
        Code::DamagedFile,
        text!(
            "{shown} não é um kit do TabWin: esperada uma pasta ou um zip com tabelas CNV, DEF e DBF",
            "{shown} is no kit of TabWin: expected a folder or a zip with CNV, DEF and DBF tables"
        ),
    )
    .with("reason", why)
    .stage("labels")
}
/// By its ending, whether TabWin reads it.
fn is_table(path: &Path) -> bool {
    let known = |ending: &std::ffi::OsStr| ["cnv", "def", "dbf"].iter().any(|one| ending.eq_ignore_ascii_case(one));
    path.extension().is_some_and(known)
}
