//! One declared file, laid out as a Parquet for each UF and competência.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use parquet::arrow::ArrowWriter;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::form::Form;
use super::keys::{Key, Keys};
use super::rows::OwnRows;
use super::unused::{note_use, sweep};
use crate::base::{Cancel, Code, Error, Result, Text, create_folders, text};
use crate::catalog::{Competencia, Dataset, FileId, Grupo, Uf};
use crate::columnar::parquet_properties;
use crate::source::folder::Piece;
use crate::store::{Object, Stores};

/// Raised where a layout is made otherwise.
const FORMAT: u32 = 1;
/// Pieces that are written at once; what comes after that begins new ones.
const MOST_OPEN: usize = 256;
/// Bytes that all of them may hold before they are flushed.
const MOST_HELD: usize = 96 << 20;
const MANIFEST: &str = "manifest.json";

/// What was made of a file.
#[derive(Debug, Clone)]
pub struct Laid {
    folder: PathBuf,
    manifest: Manifest,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    source: String,
    sha256: String,
    rows: u64,
    /// Rows whose UF is none that is known.
    unknown_ufs: u64,
    said: Vec<Text>,
    pieces: Vec<PieceOf>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PieceOf {
    uf: Uf,
    competencia: Competencia,
    file: String,
    rows: u64,
}

impl Laid {
    /// The layout of this very version of the file, made if it is not there.
    pub fn of(
        stores: &Stores,
        object: &Object,
        (grupo, form): (&'static Grupo, &Form),
        root: &Path,
        cancel: &Cancel,
    ) -> Result<Self> {
        let folder = root.join(grupo.dataset.to_string()).join(version_of(object, form));
        if let Some(manifest) = read(&folder) {
            let laid = Laid { folder, manifest };
            laid.note_use();
            return Ok(laid);
        }
        let parent = folder.parent().unwrap_or(root);
        // Of files that have changed since, and of declarations that are no more.
        sweep(parent, |_| true, MANIFEST);
        create_folders(parent).map_err(|error| Error::io(error, parent))?;
        let making = Making(parent.join(format!(".{}", ulid::Ulid::new())));
        let manifest = make(stores, object, (grupo, form), &making.0, cancel)?;
        let now = stores.stat(&object.location)?;
        if (now.size, now.mtime_ns) != (object.size, object.mtime_ns) {
            return Err(changed(object));
        }
        match std::fs::rename(&making.0, &folder) {
            Ok(()) => Ok(Laid { folder, manifest }),
            // Another process was first.
            Err(error) => match read(&folder) {
                Some(manifest) => Ok(Laid { folder, manifest }),
                None => Err(Error::io(error, &folder)),
            },
        }
    }

    /// It is not swept away while it is used.
    pub fn note_use(&self) {
        note_use(&self.folder.join(MANIFEST));
    }

    pub fn sha256(&self) -> &str {
        &self.manifest.sha256
    }

    /// What there is to say of it.
    pub fn said(&self) -> Vec<Text> {
        let mut said = self.manifest.said.clone();
        let (count, source) = (self.manifest.unknown_ufs, &self.manifest.source);
        if count > 0 {
            said.push(text!(
                "{source}: {count} linhas não dizem uma UF conhecida e ficam sob EX (exterior ou ignorada)",
                "{source}: {count} rows say no known UF and stand under EX (abroad or unknown)"
            ));
        }
        said
    }

    pub fn pieces<'l>(&'l self, dataset: &'l Dataset) -> impl Iterator<Item = Piece> + 'l {
        self.manifest.pieces.iter().map(move |piece| Piece {
            id: FileId { dataset: dataset.clone(), uf: piece.uf, competencia: piece.competencia, part: None },
            path: self.folder.join(&piece.file),
            together: self.folder.parent().unwrap_or(&self.folder).to_owned(),
        })
    }
}

/// Removed again unless it got its name.
struct Making(PathBuf);

impl Drop for Making {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Other content is another version, as far as the store can tell.
fn version_of(object: &Object, form: &Form) -> String {
    let mut sha256 = Sha256::new();
    let state = object.state.map(|state| (state.inode, state.ctime_ns));
    sha256.update(format!("{FORMAT} {} {} {} {state:?}", object.location, object.size, object.mtime_ns));
    sha256.update(form.version());
    hex::encode(&sha256.finalize()[..10])
}

fn read(folder: &Path) -> Option<Manifest> {
    let text = std::fs::read(folder.join(MANIFEST)).ok()?;
    serde_json::from_slice::<Manifest>(&text).ok().filter(|manifest| manifest.format == FORMAT)
}

/// The pieces in the making.
struct Pieces<'p> {
    folder: &'p Path,
    /// Of the source file, without its folder.
    name: String,
    open: HashMap<Key, (ArrowWriter<File>, PieceOf)>,
    done: Vec<PieceOf>,
    begun: HashMap<Key, usize>,
}

fn make(
    stores: &Stores,
    object: &Object,
    (grupo, form): (&'static Grupo, &Form),
    folder: &Path,
    cancel: &Cancel,
) -> Result<Manifest> {
    let source = object.location.to_string();
    let mut rows = OwnRows::open(stores, object, form)?;
    let schema = rows.schema();
    let mut keys = Keys::of(grupo, &schema, &source)?;
    let name = object.location.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut pieces = Pieces { folder, name, open: HashMap::new(), done: Vec::new(), begun: HashMap::new() };
    let mut count = 0;
    while let Some(batch) = rows.next()? {
        cancel.check()?;
        let of_rows = keys.read(&batch, count, &source)?;
        count += batch.num_rows() as u64;
        pieces.add(&batch, &of_rows)?;
    }
    pieces.close()?;
    let written: u64 = pieces.done.iter().map(|piece| piece.rows).sum();
    if written != count {
        return Err(Error::internal(format!("{written} of {count} rows of {source} were laid out")));
    }
    pieces.done.sort_by(|a, b| (a.uf, a.competencia, &a.file).cmp(&(b.uf, b.competencia, &b.file)));
    let sha256 = stores.sha256(&object.location)?;
    let manifest = Manifest {
        format: FORMAT,
        source,
        sha256,
        rows: count,
        unknown_ufs: keys.unknown_ufs,
        said: rows.said(),
        pieces: pieces.done,
    };
    let json = serde_json::to_vec(&manifest).map_err(Error::internal)?;
    create_folders(folder).map_err(|error| Error::io(error, folder))?;
    let path = folder.join(MANIFEST);
    std::fs::write(&path, json).map_err(|error| Error::io(error, &path))?;
    Ok(manifest)
}

impl Pieces<'_> {
    fn add(&mut self, batch: &RecordBatch, keys: &[Key]) -> Result<()> {
        let mut rows: HashMap<Key, Vec<u32>> = HashMap::new();
        for (row, key) in keys.iter().enumerate() {
            rows.entry(*key).or_default().push(row as u32);
        }
        let mut of_keys: Vec<(Key, Vec<u32>)> = rows.into_iter().collect();
        of_keys.sort_by_key(|(key, _)| *key);
        for (key, rows) in of_keys {
            let all = rows.len() == batch.num_rows();
            let part = match all {
                true => batch.clone(),
                false => take_record_batch(batch, &UInt32Array::from(rows)).map_err(Error::internal)?,
            };
            if !self.open.contains_key(&key) && self.open.len() >= MOST_OPEN {
                self.close()?;
            }
            let (writer, piece) = self.writer(key, batch)?;
            writer.write(&part).map_err(|error| unwritten(&piece.file, error))?;
            piece.rows += part.num_rows() as u64;
        }
        if self.open.values().map(|(writer, _)| writer.memory_size()).sum::<usize>() > MOST_HELD {
            for (writer, piece) in self.open.values_mut() {
                writer.flush().map_err(|error| unwritten(&piece.file, error))?;
            }
        }
        Ok(())
    }

    fn writer(&mut self, key: Key, batch: &RecordBatch) -> Result<&mut (ArrowWriter<File>, PieceOf)> {
        if !self.open.contains_key(&key) {
            let begun = self.begun.entry(key).or_default();
            *begun += 1;
            let folder = format!("{}-{}", key.0, key.1);
            // Under the source's own name, which `datasus_arquivo` shows.
            let parquet = Path::new(&self.name).extension().is_some_and(|of| of.eq_ignore_ascii_case("parquet"));
            let name = if parquet { self.name.clone() } else { format!("{}.parquet", self.name) };
            let file = match *begun {
                1 => format!("{folder}/{name}"),
                more => format!("{folder}/{more}/{name}"),
            };
            let path = self.folder.join(&file);
            let parent = path.parent().unwrap_or(self.folder);
            create_folders(parent).map_err(|error| Error::io(error, parent))?;
            let out = File::create(&path).map_err(|error| Error::io(error, &path))?;
            // A source, and no answer of ours: it does not bear our mark.
            let properties = parquet_properties()
                .set_created_by("a declared source".into())
                .set_compression(parquet::basic::Compression::ZSTD(Default::default()));
            let writer = ArrowWriter::try_new(out, batch.schema(), Some(properties.build()))
                .map_err(|error| unwritten(&file, error))?;
            self.open.insert(key, (writer, PieceOf { uf: key.0, competencia: key.1, file, rows: 0 }));
        }
        self.open.get_mut(&key).ok_or_else(|| Error::internal("a piece that was just begun is gone"))
    }

    /// Ends all pieces that are open.
    fn close(&mut self) -> Result<()> {
        for (_, (writer, piece)) in self.open.drain() {
            writer.close().map_err(|error| unwritten(&piece.file, error))?;
            self.done.push(piece);
        }
        Ok(())
    }
}

fn unwritten(file: &str, error: parquet::errors::ParquetError) -> Error {
    if let parquet::errors::ParquetError::External(inner) = &error
        && let Some(io) = inner.downcast_ref::<std::io::Error>()
    {
        let number = io.raw_os_error();
        let again = number.map_or_else(|| io.kind().into(), std::io::Error::from_raw_os_error);
        return Error::io(again, file.as_ref());
    }
    Error::internal(format!("{file}: {error}"))
}

fn changed(object: &Object) -> Error {
    let at = &object.location;
    Error::new(
        Code::Unreachable,
        text!("{at} mudou enquanto era lido; repita", "{at} changed while it was read; try again"),
    )
    .file(at.to_string())
    .caused_by(crate::base::Cause::SourceChanged)
    .stage("source")
}
