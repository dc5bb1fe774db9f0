//! The user's own Parquet. It means the same as the DBC it came from: where its types are the catalogue's, and none of its
//! values would be another in a DBC's object, it is read in place; else it is converted like a DBC, by the same parsers.

mod column;
mod floats;
mod pages;
mod rendered;
mod texts;
mod typed;

use std::collections::BTreeSet;

use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use rayon::prelude::*;

pub(super) use self::column::OwnColumn;
use self::column::Way;
use self::pages::Crcs;
pub(super) use self::typed::TypedRows;
use super::file::fingerprint;
use super::{ConvertOptions, LakeFile, Provenance, RowGroup};
use crate::base::{Cancel, Code, Error, Result, text};
use crate::catalog::{Catalog, Form, Normal};
use crate::columnar::arrow_footer;
use crate::source::dbc::CrcState;
use crate::source::folder::SourceFile;
use crate::store::{At, Location, Stores};

/// The file, opened: its footer is read, its rows are not.
pub(super) struct Own {
    at: At,
    metadata: ArrowReaderMetadata,
    columns: Vec<OwnColumn>,
    /// Without its folder.
    name: String,
    /// Its whole path, or its location elsewhere.
    shown: String,
    size: u64,
    stores: Stores,
}

/// What can go wrong with it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    #[error("{0}")]
    Arrow(#[from] ArrowError),
}

impl Own {
    /// DS-460 where it is no Parquet, DS-422 where two of its columns differ in case alone.
    pub(super) fn open(
        stores: &Stores,
        file: &SourceFile,
        catalog: &Catalog,
        options: &ConvertOptions,
    ) -> Result<Self> {
        let at = At::of(stores.open(&file.location)?);
        let metadata =
            arrow_footer(&at).map_err(|error| damaged(&file.location.to_string(), file.size, error.into()))?;
        let fields = metadata.schema().fields();
        if let Some(field) = fields.iter().find(|field| field.name().contains('\0')) {
            let what = format!("the name of column {:?} has a NUL", field.name());
            return Err(damaged(&file.location.to_string(), file.size, ParquetError::General(what).into()));
        }
        let mut names: Vec<(String, &str)> =
            fields.iter().map(|field| (field.name().to_uppercase(), field.name().as_str())).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(twice(file, pair[0].1, pair[1].1));
        }
        let grupo = catalog.dataset(&file.id.dataset.to_string());
        let leaves = metadata.metadata().file_metadata().schema_descr();
        let of_headers = options.header_columns.get(&file.id.dataset).map(Vec::as_slice).unwrap_or_default();
        let columns = column::columns(fields.iter(), leaves, grupo, of_headers, file.id.competencia);
        let shown = shown(&file.location)?;
        Ok(Own { at, columns, name: file.name(), shown, size: file.size, metadata, stores: stores.clone() })
    }

    /// Whether its types are those of a DBC's object; its values may yet be others.
    pub(super) fn may_stay(&self) -> bool {
        self.columns.iter().all(|column| column.way.may_stay())
    }

    /// DS-422 where these columns, or all, are packed in a way that is not read; DS-460 where their pages are not what they say, or
    /// not what their CRC-32 says. True: every page of them has one.
    pub(super) fn is_sound(&self, read: Option<&BTreeSet<String>>, cancel: &Cancel) -> Result<bool> {
        let leaves = self.footer().file_metadata().schema_descr();
        let is_read = |leaf: &usize| {
            let column = self.columns.get(leaves.get_column_root_idx(*leaf));
            column.is_none_or(|column| read.is_none_or(|read| read.contains(&column.name.to_uppercase())))
        };
        let wanted: Vec<usize> = (0..leaves.num_columns()).filter(is_read).collect();
        let groups = self.footer().row_groups().iter();
        let chunks: Vec<&ColumnChunkMetaData> =
            groups.flat_map(|group| wanted.iter().filter_map(|leaf| group.columns().get(*leaf))).collect();
        if chunks.iter().any(|chunk| !is_unpacked(chunk.compression())) {
            return Err(self.not_unpacked());
        }
        let look = |chunk: &&ColumnChunkMetaData| match pages::look(&self.at, chunk, cancel) {
            Ok(crcs) => Ok(crcs == Crcs::Sound),
            // Set aside, the error of the cancel token is not one of the file.
            Err(error) => cancel.check().and(Err(self.explain(error.into()))),
        };
        let sound = chunks.par_iter().map(look).collect::<Result<Vec<bool>>>()?;
        Ok(!sound.is_empty() && sound.into_iter().all(|sound| sound))
    }

    /// Whether the values of these columns, or of all, are those of a DBC's object as well. Reads all text of them, and the
    /// floats that the catalogue does not know.
    pub(super) fn holds_the_same(&self, read: Option<&BTreeSet<String>>, cancel: &Cancel) -> Result<bool> {
        let is_read = |column: &OwnColumn| read.is_none_or(|read| read.contains(&column.name.to_uppercase()));
        let looked_at = |column: &OwnColumn| matches!(column.way, Way::Text { .. } | Way::Floats) && is_read(column);
        let columns = self.columns.iter().enumerate().filter(|(_, column)| looked_at(column));
        let groups = 0..self.footer().num_row_groups();
        let parts: Vec<(usize, &OwnColumn, usize)> =
            columns.flat_map(|(root, column)| groups.clone().map(move |group| (root, column, group))).collect();
        let holds = |(root, column, group): &(usize, &OwnColumn, usize)| {
            cancel.check()?;
            let held = match column.way {
                Way::Text { leaf } => {
                    let same = |value: &[u8]| column.has_this_form(value);
                    texts::all(&self.at, self.footer(), *group, leaf, same).map_err(Trouble::from)
                }
                _ => floats::has_no_nan(self, *root, *group),
            };
            held.map_err(|error| self.explain(error))
        };
        // Err ends the search as well: false is as good a reason.
        let ended = parts.par_iter().map(holds).try_for_each(|held| match held {
            Ok(true) => Ok(()),
            Ok(false) => Err(None),
            Err(error) => Err(Some(error)),
        });
        match ended {
            Ok(()) => Ok(true),
            Err(None) => Ok(false),
            Err(Some(error)) => Err(error),
        }
    }

    /// Its rows, typed as a DBC's.
    pub(super) fn typed(&self, reference_year: u16, cancel: &Cancel) -> Result<TypedRows<'_>> {
        TypedRows::new(self, reference_year, cancel)
    }

    pub(super) fn columns(&self) -> &[OwnColumn] {
        &self.columns
    }

    /// The file itself, as a file of the lake. `has_crcs`: every page that is read has one, which was compared.
    pub(super) fn in_place(&self, file: &SourceFile, has_crcs: bool) -> Result<LakeFile> {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let row_groups: Vec<RowGroup> = (self.footer().row_groups().iter())
            .map(|group| RowGroup { rows: count(group.num_rows()), bytes: count(group.compressed_size()) })
            .collect();
        let rows = row_groups.iter().map(|group| group.rows).sum();
        let schema = self.metadata.schema().clone();
        Ok(LakeFile {
            location: file.location.clone(),
            stores: self.stores.clone(),
            state: file.state,
            id: file.id.clone(),
            object: file.object(),
            path: file.location.whole(),
            held: Vec::new(),
            rows,
            bytes: file.size,
            row_groups,
            fingerprint: fingerprint(&schema),
            schema,
            source: Provenance {
                file: file.name(),
                size: file.size,
                mtime_ns: file.mtime_ns,
                preliminary: file.version.preliminary,
                rows,
                crc: if has_crcs { CrcState::Ok } else { CrcState::Absent },
                ..Provenance::default()
            },
            native_parquet: true,
            sha256: None,
            bad_cells: None,
        })
    }

    fn not_unpacked(&self) -> Error {
        let chunks = self.footer().row_groups().iter().flat_map(|group| group.columns());
        let codec = |chunk: &ColumnChunkMetaData| chunk.compression().to_string();
        let codecs: BTreeSet<String> =
            chunks.map(|chunk| codec(chunk).chars().take_while(|c| *c != '(').collect()).collect();
        let codecs = codecs.into_iter().collect::<Vec<_>>().join(", ");
        let path = &self.shown;
        Error::new(
            Code::InvalidParams,
            text!(
                "{path} está comprimido com {codecs}, que aqui não se lê. Grave-o de novo com zstd, snappy ou sem compressão; em pandas, a opção `compression` com o valor zstd",
                "{path} is compressed with {codecs}, which is not read here. Write it again with zstd, snappy or no compression; in pandas the option `compression` with the value zstd"
            ),
        )
        .with("received", codecs)
        .with("valid_examples", vec!["zstd", "snappy", "none"])
        .file(path.to_string())
    }

    fn footer(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    fn explain(&self, error: Trouble) -> Error {
        // The reader's own words for a way of compressing that it was built without.
        if error.to_string().contains("Disabled feature at compile time") {
            return self.not_unpacked();
        }
        damaged(&self.shown, self.size, error)
    }
}

impl OwnColumn {
    /// Whether the text is what a DBC's object would hold: without padding, not blank, UTF-8, in the code's form.
    fn has_this_form(&self, value: &[u8]) -> bool {
        let blank = |byte: Option<&u8>| matches!(byte, None | Some(b' ' | 0));
        let padded = blank(value.last()) || (self.number && blank(value.first()));
        let form = if self.number { self.form } else { self.form.and_then(Form::of_text) };
        let same = |text| form.is_none_or(|form| !matches!(form.normalise(text), Normal::Changed(_)));
        !padded && std::str::from_utf8(value).is_ok_and(same)
    }
}

/// What both readers, ours and the engine's, unpack.
fn is_unpacked(codec: Compression) -> bool {
    matches!(codec, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_))
}

fn damaged(path: &str, size: u64, error: Trouble) -> Error {
    // What its store said, whoever carried it.
    if let Some(own) = Error::within(&error) {
        return own;
    }
    if let Trouble::Parquet(ParquetError::External(inner)) = &error
        && let Some(io) = inner.downcast_ref::<std::io::Error>()
        && let Some(number) = io.raw_os_error()
    {
        return Error::io(std::io::Error::from_raw_os_error(number), std::path::Path::new(path));
    }
    Error::new(
        Code::DamagedFile,
        text!(
            "O Parquet {path} está danificado; grave-o de novo com o programa que o fez",
            "The Parquet {path} is damaged: {error}. Write it again with the program that made it"
        ),
    )
    .with("cause", "bad_parquet")
    .file(path.to_string())
    .offset(size)
}

/// A file's whole path.
fn shown(at: &Location) -> Result<String> {
    if !at.is_file() {
        return Ok(at.to_string());
    }
    let path = std::path::absolute(at.path()).map_err(|error| at.io(error))?;
    Ok(path.display().to_string())
}

fn twice(file: &SourceFile, first: &str, second: &str) -> Error {
    let path = &file.location;
    Error::new(
        Code::InvalidParams,
        text!(
            "{path} tem as colunas {first} e {second}, cujos nomes só diferem por maiúsculas: não se sabe qual é a do DATASUS. Renomeie ou retire uma delas",
            "{path} has the columns {first} and {second}, whose names differ in case alone: which one is DATASUS's cannot be known. Rename one, or take it out"
        ),
    )
    .with("columns", vec![first, second])
    .column(first)
    .file(path.to_string())
}
