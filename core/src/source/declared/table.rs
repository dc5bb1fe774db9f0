//! Tables of the user's own, to be joined in SQL: each is copied once into a Parquet beside the lake, and only read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;

use super::form::Form;
use super::layout::still_unchanged;
use super::rows::OwnRows;
use super::unused::{note_use, sweep};
use super::{pattern, refused};
use crate::base::{Cancel, Code, Error, Result, WholeFile, clip, file_sha256, text};
use crate::catalog::Catalog;
use crate::columnar::parquet_properties;
use crate::config::CsvForm;
use crate::store::{Object, Stores};

/// Tables of a client, and letters of a name, at most.
const MOST_TABLES: usize = 200;
const LONGEST_NAME: usize = 63;
/// Words that SQL keeps for itself, of those that people would call a table.
const KEPT: [&str; 24] = [
    "all", "and", "any", "as", "case", "cast", "check", "column", "default", "distinct", "else", "end", "false",
    "from", "group", "in", "limit", "not", "null", "or", "order", "select", "table", "where",
];

/// A table under the name by which SQL reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTable {
    /// In lower case.
    pub name: String,
    /// Its columns, in its order.
    pub columns: Vec<String>,
    /// The same with their types.
    pub schema: SchemaRef,
    /// The Parquet that is read for it.
    pub path: PathBuf,
    /// Of the Parquet.
    pub sha256: String,
}

/// A table, and the file that it was when it was opened.
type Held = (Option<Object>, Arc<OwnTable>);

/// The tables of a client.
#[derive(Debug, Default)]
pub struct OwnTables {
    root: PathBuf,
    places: BTreeMap<String, (String, Form)>,
    held: Mutex<BTreeMap<String, Held>>,
}

impl OwnTables {
    /// DS-422 for names that no table may have.
    pub fn of(
        tables: &BTreeMap<String, PathBuf>,
        forms: &BTreeMap<String, CsvForm>,
        root: &Path,
        catalog: &Catalog,
    ) -> Result<Self> {
        if tables.len() > MOST_TABLES {
            let count = tables.len();
            return Err(refused(text!(
                "`tables` tem {count} tabelas; o máximo é {MOST_TABLES}",
                "`tables` has {count} tables; at most {MOST_TABLES} are taken"
            )));
        }
        let mut places = BTreeMap::new();
        for (name, path) in tables {
            let name = named(name, catalog)?;
            let Some(path) = path.to_str() else {
                let shown = path.display();
                return Err(refused(text!("O caminho {shown} não é UTF-8", "The path {shown} is not UTF-8")));
            };
            pattern::check(path)?;
            let mut of_it = forms.iter().filter(|(of, _)| of.eq_ignore_ascii_case(&name));
            let form = of_it.next();
            if of_it.next().is_some() {
                return Err(twice(&name));
            }
            let form = form.map(|(of, form)| Form::of(form, of, None)).transpose()?.unwrap_or_default();
            if places.insert(name.clone(), (path.to_owned(), form)).is_some() {
                return Err(twice(&name));
            }
        }
        Ok(OwnTables { root: root.join(".tables"), places, held: Mutex::default() })
    }

    /// The names that SQL may read.
    pub fn names(&self) -> Vec<String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = self.places.keys().chain(held.keys()).cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    /// Takes the rows of `reader` under `name`, in the place of a table that was given before. DS-422 where the name is not one.
    pub fn add(&self, name: &str, reader: impl RecordBatchReader, catalog: &Catalog) -> Result<()> {
        let name = named(name, catalog)?;
        let schema = reader.schema();
        let mut reader = reader;
        let rows = || reader.next().transpose().map_err(|error| unread(&name, &error));
        let table = self.copied(&name, &schema, rows)?;
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(name, (None, Arc::new(table)));
        Ok(())
    }

    /// The table as it is now: one of a file that was written anew is copied anew. None: there is none of the name.
    pub fn table(&self, name: &str, stores: &Stores, cancel: &Cancel) -> Result<Option<Arc<OwnTable>>> {
        let held = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held().get(name).cloned();
        let Some((place, form)) = self.places.get(name).filter(|_| known.as_ref().is_none_or(|(of, _)| of.is_some()))
        else {
            return Ok(known.map(|(_, table)| {
                note_use(&table.path);
                table
            }));
        };
        let location = match &pattern::files(place, stores)?[..] {
            [only] => only.clone(),
            [] => return Err(no_file(name, place)),
            [first, second, ..] => return Err(several(name, &first.to_string(), &second.to_string())),
        };
        let object = stores.stat(&location)?;
        if let Some((_, table)) = known.filter(|(of, _)| of.as_ref() == Some(&object)) {
            note_use(&table.path);
            return Ok(Some(table));
        }
        let mut rows = OwnRows::open(stores, &object, form)?;
        let schema = rows.schema();
        let next = || {
            cancel.check()?;
            rows.next()
        };
        let table = Arc::new(self.copied(name, &schema, next)?);
        // Rows that were read while it was being written are not all of it.
        still_unchanged(stores, &object)?;
        held().insert(name.to_owned(), (Some(object), table.clone()));
        Ok(Some(table))
    }

    fn copied(
        &self,
        name: &str,
        schema: &SchemaRef,
        mut next: impl FnMut() -> Result<Option<RecordBatch>>,
    ) -> Result<OwnTable> {
        let pending = self.root.join(format!("{name}.parquet"));
        let out = WholeFile::create(&pending)?;
        let properties = parquet_properties().set_compression(parquet::basic::Compression::ZSTD(Default::default()));
        let fail = |error: parquet::errors::ParquetError| no_parquet(name, &error);
        let mut writer = ArrowWriter::try_new(out, schema.clone(), Some(properties.build())).map_err(fail)?;
        while let Some(batch) = next()? {
            writer.write(&batch).map_err(fail)?;
        }
        let out = writer.into_inner().map_err(fail)?;
        let sha256 = file_sha256(out.partial())?;
        // Never another content under one name: a statement that runs goes on with what it opened.
        let path = self.root.join(format!("{name}-{}.parquet", &sha256[..16]));
        out.publish_as(&path)?;
        note_use(&path);
        // Of the same name, from before: `name-` and sixteen digits.
        let is_older = |file: &str| {
            let digits = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
            digits.is_some_and(|rest| {
                rest.len() == "0123456789abcdef.parquet".len() && path.file_name() != Some(file.as_ref())
            })
        };
        sweep(&self.root, is_older, "");
        let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(OwnTable { name: name.to_owned(), columns, schema: schema.clone(), path, sha256 })
    }
}

/// In lower case: a letter, then letters, digits and underscores; no table of the catalogue, and no word of SQL's.
fn named(name: &str, catalog: &Catalog) -> Result<String> {
    let lower = name.to_ascii_lowercase();
    let letters = lower.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let begins = lower.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let shown = clip(name);
    if !letters
        || !begins
        || lower.len() > LONGEST_NAME
        || lower.starts_with("datasus")
        || KEPT.contains(&lower.as_str())
    {
        return Err(refused(text!(
            "\"{shown}\" não serve de nome de tabela; use letras sem acento, algarismos e _, a começar por uma letra, por exemplo municipios",
            "\"{shown}\" does not do as the name of a table; use letters without accents, digits and _, beginning with a letter, for example municipios"
        ))
        .with("received", shown));
    }
    if catalog.by_table(&lower).is_some() {
        return Err(refused(text!(
            "\"{shown}\" é uma tabela do catálogo; dê outro nome à sua, ou declare os arquivos como fonte",
            "\"{shown}\" is a table of the catalogue; give yours another name, or declare its files as a source"
        ))
        .with("received", shown));
    }
    Ok(lower)
}

fn twice(name: &str) -> Error {
    refused(text!(
        "A tabela {name} foi dada duas vezes, com maiúsculas e sem; deixe uma só",
        "Table {name} was given twice, in upper case and in lower; leave one only"
    ))
    .with("received", name)
}

fn no_file(name: &str, place: &str) -> Error {
    let shown = clip(place);
    Error::new(
        Code::NotFound,
        text!(
            "Nenhum arquivo em {shown} para a tabela {name}; confira o caminho, que conta a partir da pasta atual",
            "No file at {shown} for table {name}; check the path, which counts from the current folder"
        ),
    )
    .with("received", shown)
    .stage("source")
}

fn several(name: &str, first: &str, second: &str) -> Error {
    refused(text!(
        "A tabela {name} é de um arquivo só, e o padrão acha vários: {first}, {second}",
        "Table {name} is of one file, and the pattern finds several: {first}, {second}"
    ))
    .with("files", vec![first, second])
}

fn unread(name: &str, error: &arrow::error::ArrowError) -> Error {
    Error::new(
        Code::InvalidParams,
        text!("As linhas da tabela {name} não se leem", "The rows of table {name} cannot be read: {error}"),
    )
    .stage("source")
}

fn no_parquet(name: &str, error: &parquet::errors::ParquetError) -> Error {
    if let parquet::errors::ParquetError::External(inner) = error
        && let Some(io) = inner.downcast_ref::<std::io::Error>()
    {
        let number = io.raw_os_error();
        return Error::io(number.map_or_else(|| io.kind().into(), std::io::Error::from_raw_os_error), name.as_ref());
    }
    refused(text!(
        "A tabela {name} tem um tipo que não se guarda em Parquet; converta essa coluna em texto ou número",
        "Table {name} has a type that Parquet does not hold ({error}); make that column text or a number"
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use super::*;
    use crate::base::Cause;
    use crate::store::{Listed, LocalCopy, Location, ReadAt, Store};

    /// Of one file, which is written anew as soon as it is opened for the first time.
    #[derive(Debug)]
    struct Rewritten(PathBuf, AtomicBool);

    impl Store for Rewritten {
        fn scheme(&self) -> &str {
            "test"
        }

        fn list(&self, _: &Location) -> Result<Arc<Listed>> {
            Ok(Arc::default())
        }

        fn stat(&self, at: &Location) -> Result<Object> {
            let mtime_ns = i64::from(self.1.load(SeqCst));
            Ok(Object { location: at.clone(), size: 6, mtime_ns, state: None, identity: None })
        }

        fn open(&self, at: &Location) -> Result<Arc<dyn ReadAt>> {
            self.1.store(true, SeqCst);
            let file = std::fs::File::open(&self.0);
            file.and_then(crate::store::opened).map_err(|error| at.io(error))
        }

        fn local(&self, _: &Object, _: Option<&BTreeSet<String>>) -> Result<LocalCopy> {
            Ok(LocalCopy::itself(self.0.clone()))
        }
    }

    #[test]
    fn a_file_that_is_written_anew_while_it_is_read_is_no_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        std::fs::write(&path, "uf\n12\n").unwrap();
        let stores = Stores::default().with(Arc::new(Rewritten(path, AtomicBool::new(false))));
        let places = BTreeMap::from([("minha".to_owned(), PathBuf::from("test://m.csv"))]);
        let tables = OwnTables::of(&places, &BTreeMap::new(), folder.path(), Catalog::builtin()).unwrap();
        let table = || tables.table("minha", &stores, &Cancel::default());
        let error = table().unwrap_err();
        assert_eq!((error.code(), error.cause()), (Code::Unreachable, Some(Cause::SourceChanged)), "{error}");
        assert_eq!(table().unwrap().unwrap().columns, ["uf"], "from now on it is the same");
    }
}
