//! One declared file, laid out as a Parquet for each UF and competência.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::apart::{Apart, unwritten};
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
const FORMAT: u32 = 2;
/// Pieces that are open at once.
const MOST_OPEN: usize = 256;
/// Bytes of rows that wait to be spread over their pieces, and bytes that these may hold before they are flushed: of a file in no order
/// each batch has rows of every piece.
const MOST_HELD: usize = 96 << 20;
/// Column chunks of all open pieces; each keeps its part of the footer until the piece ends.
const MOST_FLUSHED: usize = 200_000;
/// Rows that are read at once of those that waited.
const APART_ROWS: usize = 8 << 10;
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
        still_unchanged(stores, object)?;
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
    /// Rows that wait, and their bytes.
    held: Vec<(RecordBatch, Vec<Key>)>,
    bytes: usize,
    /// Rows of the pieces beyond those that may be open, each of which is made in one go later.
    apart: Apart<'p>,
    /// Of a file in no order those that were open had too many parts: all wait now.
    all_apart: bool,
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
    let mut pieces = Pieces::of(folder, name);
    let mut count = 0;
    while let Some(batch) = rows.next()? {
        cancel.check()?;
        let of_rows = keys.read(&batch, count, &source)?;
        count += batch.num_rows() as u64;
        pieces.add(batch, of_rows)?;
    }
    pieces.spread()?;
    pieces.close()?;
    let unknown_ufs = keys.unknown_ufs;
    pieces.make_those_apart(cancel, |batch| keys.read(batch, 0, &source))?;
    let written: u64 = pieces.done.iter().map(|piece| piece.rows).sum();
    if written != count {
        return Err(Error::internal(format!("{written} of {count} rows of {source} were laid out")));
    }
    pieces.done.sort_by(|a, b| (a.uf, a.competencia, &a.file).cmp(&(b.uf, b.competencia, &b.file)));
    let sha256 = stores.sha256(&object.location)?;
    let manifest =
        Manifest { format: FORMAT, source, sha256, rows: count, unknown_ufs, said: rows.said(), pieces: pieces.done };
    let json = serde_json::to_vec(&manifest).map_err(Error::internal)?;
    create_folders(folder).map_err(|error| Error::io(error, folder))?;
    let path = folder.join(MANIFEST);
    std::fs::write(&path, json).map_err(|error| Error::io(error, &path))?;
    Ok(manifest)
}

impl<'p> Pieces<'p> {
    fn of(folder: &'p Path, name: String) -> Self {
        let (open, begun, apart) = (HashMap::new(), HashMap::new(), Apart::of(folder));
        Pieces { folder, name, open, done: Vec::new(), begun, held: Vec::new(), bytes: 0, apart, all_apart: false }
    }

    fn add(&mut self, batch: RecordBatch, keys: Vec<Key>) -> Result<()> {
        self.bytes += batch.get_array_memory_size();
        self.held.push((batch, keys));
        if self.bytes < MOST_HELD { Ok(()) } else { self.spread() }
    }

    /// Writes the rows that wait to their pieces.
    fn spread(&mut self) -> Result<()> {
        self.bytes = 0;
        let held = std::mem::take(&mut self.held);
        let mut of_keys: BTreeMap<Key, BTreeMap<usize, Vec<u32>>> = BTreeMap::new();
        for (at, (_, keys)) in held.iter().enumerate() {
            for (row, key) in keys.iter().enumerate() {
                of_keys.entry(*key).or_default().entry(at).or_default().push(row as u32);
            }
        }
        let new = of_keys.keys().filter(|key| !self.open.contains_key(key)).count();
        // Of a file in order those that are open have ended.
        if self.open.len() + new > MOST_OPEN && of_keys.len() <= MOST_OPEN {
            self.close()?;
        }
        for (key, parts) in of_keys {
            // Where there are more pieces than may be open, those that are open stay so, and the others wait.
            let waits = self.all_apart || (!self.open.contains_key(&key) && self.open.len() >= MOST_OPEN);
            for (at, rows) in parts {
                let batch = &held[at].0;
                let part = match rows.len() == batch.num_rows() {
                    true => batch.clone(),
                    false => take_record_batch(batch, &UInt32Array::from(rows)).map_err(Error::internal)?,
                };
                if waits {
                    self.apart.add(key, &part)?;
                    continue;
                }
                let (writer, piece) = self.writer(key, batch)?;
                writer.write(&part).map_err(|error| unwritten(piece.file.as_ref(), error))?;
                piece.rows += part.num_rows() as u64;
            }
        }
        let in_pieces: usize = self.open.values().map(|(writer, _)| writer.memory_size()).sum();
        if in_pieces + self.apart.memory() > MOST_HELD {
            for (writer, piece) in self.open.values_mut() {
                writer.flush().map_err(|error| unwritten(piece.file.as_ref(), error))?;
            }
            self.apart.flush()?;
        }
        let flushed = |writer: &ArrowWriter<File>| -> usize {
            writer.flushed_row_groups().iter().map(|group| group.num_columns()).sum()
        };
        if self.open.values().map(|(writer, _)| flushed(writer)).sum::<usize>() > MOST_FLUSHED {
            self.close()?;
            self.all_apart = !self.apart.is_empty();
        }
        if self.apart.flushed() > MOST_FLUSHED { self.apart.close() } else { Ok(()) }
    }

    /// Makes the pieces of the rows that wait, some keys after others; `keys` are those of a batch.
    fn make_those_apart(
        &mut self,
        cancel: &Cancel,
        mut keys: impl FnMut(&RecordBatch) -> Result<Vec<Key>>,
    ) -> Result<()> {
        while !self.apart.is_empty() {
            for files in self.apart.take()? {
                self.all_apart = false;
                for path in files {
                    let failed = |error| Error::internal(format!("{}: {error}", path.display()));
                    let file = File::open(&path).map_err(|error| Error::io(error, &path))?;
                    let rows = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
                    for batch in rows.with_batch_size(APART_ROWS).build().map_err(failed)? {
                        cancel.check()?;
                        let batch = batch.map_err(|error| Error::internal(format!("{}: {error}", path.display())))?;
                        let of_rows = keys(&batch)?;
                        self.add(batch, of_rows)?;
                    }
                    std::fs::remove_file(&path).map_err(|error| Error::io(error, &path))?;
                }
                self.spread()?;
                self.close()?;
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
                .map_err(|error| unwritten(file.as_ref(), error))?;
            self.open.insert(key, (writer, PieceOf { uf: key.0, competencia: key.1, file, rows: 0 }));
        }
        self.open.get_mut(&key).ok_or_else(|| Error::internal("a piece that was just begun is gone"))
    }

    fn end(&mut self, writer: ArrowWriter<File>, piece: PieceOf) -> Result<()> {
        writer.close().map_err(|error| unwritten(piece.file.as_ref(), error))?;
        self.done.push(piece);
        Ok(())
    }

    /// Ends all pieces that are open.
    fn close(&mut self) -> Result<()> {
        let open = std::mem::take(&mut self.open);
        open.into_values().try_for_each(|(writer, piece)| self.end(writer, piece))
    }
}

/// DS-502 where the file is another than it was: what was read of it may be of two versions.
pub(super) fn still_unchanged(stores: &Stores, object: &Object) -> Result<()> {
    let (now, at) = (stores.stat(&object.location)?, &object.location);
    if (now.size, now.mtime_ns, now.state) == (object.size, object.mtime_ns, object.state) {
        return Ok(());
    }
    Err(Error::new(
        Code::Unreachable,
        text!("{at} mudou enquanto era lido; repita", "{at} changed while it was read; try again"),
    )
    .file(at.to_string())
    .caused_by(crate::base::Cause::SourceChanged)
    .stage("source"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn keys() -> Vec<Key> {
        let months = |uf: Uf| (1..=12).filter_map(move |month| Some((uf, Competencia::month(2024, month)?)));
        Uf::all().flat_map(months).collect()
    }

    /// Rows of all keys in turn, so that each batch has some of each.
    fn batch(keys: &[Key], rows: usize) -> (RecordBatch, Vec<Key>) {
        let values = Int64Array::from_iter_values(0..rows as i64);
        let batch = RecordBatch::try_from_iter([("N", Arc::new(values) as arrow::array::ArrayRef)]).unwrap();
        (batch, (0..rows).map(|row| keys[row * 7 % keys.len()]).collect())
    }

    #[test]
    fn another_file_of_the_same_size_and_time_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
        let stores = Stores::default();
        std::fs::write(&path, "uf\n12\n").unwrap();
        let object = stores.stat(&crate::store::Location::file(&path)).unwrap();
        assert!(still_unchanged(&stores, &object).is_ok());
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&other, "uf\n35\n").unwrap();
        File::options().append(true).open(&other).unwrap().set_modified(time).unwrap();
        std::fs::rename(&other, &path).unwrap();
        let now = stores.stat(&object.location).unwrap();
        assert_eq!((now.size, now.mtime_ns), (object.size, object.mtime_ns));
        assert_eq!(still_unchanged(&stores, &object).unwrap_err().code(), Code::Unreachable);
    }

    #[test]
    fn a_file_in_no_order_has_one_piece_of_each_key_with_all_its_rows_in_order() {
        let (folder, keys) = (tempfile::tempdir().unwrap(), keys());
        let mut pieces = Pieces::of(folder.path(), "a.csv".to_owned());
        assert_eq!(keys.len(), 324);
        let (all, of_rows) = batch(&keys, 25_920);
        for spread in 0..2 {
            for at in 0..4 {
                let rows = (spread * 4 + at) * 3_240..(spread * 4 + at + 1) * 3_240;
                pieces.add(all.slice(rows.start, 3_240), of_rows[rows].to_vec()).unwrap();
            }
            pieces.spread().unwrap();
            assert_eq!(pieces.open.len(), MOST_OPEN);
        }
        pieces.close().unwrap();
        assert_eq!(pieces.done.len(), MOST_OPEN);
        let number = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
        let key = |number: &i64| keys[*number as usize * 7 % keys.len()];
        let of = |batch: &RecordBatch| Ok(number(batch).iter().map(key).collect());
        pieces.make_those_apart(&Cancel::default(), of).unwrap();
        assert_eq!(pieces.done.len(), keys.len());
        for piece in &pieces.done {
            let file = File::open(folder.path().join(&piece.file)).unwrap();
            let read = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            let numbers: Vec<i64> = read.flat_map(|batch| number(&batch.unwrap())).collect();
            assert_eq!((numbers.len(), piece.rows), (80, 80));
            assert!(numbers.is_sorted());
            assert!(numbers.iter().all(|number| key(number) == (piece.uf, piece.competencia)));
        }
        let left = std::fs::read_dir(folder.path()).unwrap().flatten();
        assert_eq!(left.filter(|entry| entry.path().is_file()).count(), 0);
    }

    #[test]
    fn a_file_in_order_ends_its_pieces_before_others_begin() {
        let (folder, keys) = (tempfile::tempdir().unwrap(), keys());
        let mut pieces = Pieces::of(folder.path(), "a.csv".to_owned());
        for part in keys.chunks(200) {
            let (batch, of_rows) = batch(part, 1_400);
            pieces.add(batch, of_rows).unwrap();
            pieces.spread().unwrap();
        }
        assert_eq!((pieces.done.len(), pieces.open.len()), (200, 124));
        pieces.close().unwrap();
        assert_eq!(pieces.done.len(), keys.len());
    }
}
