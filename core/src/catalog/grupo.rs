//! A grupo of a sistema: how its files are named, where they are, and what columns they have.

use std::collections::HashMap;

use serde::Serialize;

use super::pattern::Pattern;
use super::{Column, Competencia, Dataset, FileId, Uf};

/// A dataset as the catalogue knows it. Competência is the month of processing; `event_dates` say when the event was.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CatalogGrupo")]
#[non_exhaustive]
pub struct Grupo {
    /// `SIH-RD`.
    pub dataset: Dataset,
    /// What it holds, in Portuguese.
    pub nome: String,
    /// Other names that users give it.
    pub aliases: Vec<String>,
    /// Whether its files are of a month or of a year.
    pub period: Period,
    /// True: each of its files is published in a zip, and is read from there.
    pub zipped: bool,
    /// One file for the whole country, and what stands for its UF: `BR`, or `EX` for residents abroad or unknown.
    pub national: Option<Uf>,
    /// In national files, the column that a query's `uf` filters.
    pub uf_column: Option<UfColumn>,
    /// Columns by which a row's own UF and competência are known, whatever its file is called; none: no column says them.
    pub row_keys: Option<RowKeys>,
    /// The first competência that is known to have been published.
    pub first: Option<Competencia>,
    /// The last one.
    pub last: Option<Competencia>,
    /// Folders of the ministry's FTP tree.
    pub folders: Vec<FtpFolder>,
    /// Known to be without a file: never missing.
    pub gaps: Vec<Gap>,
    /// Columns that say when the event happened; competência says when it was processed.
    pub event_dates: Vec<String>,
    /// Empty where no genuine header was seen: names and types come from the files' own headers.
    pub columns: Vec<Column>,
    /// Fields that are known by name alone, and the files that have them; their types come from the files' own headers.
    pub fields: Vec<FieldsOf>,
    /// Where it stands among suggestions: the less, the more people look for it.
    #[serde(skip)]
    pub(super) rank: usize,
    #[serde(skip)]
    pub(super) sistema_nome: String,
    #[serde(skip)]
    pub(super) by_name: HashMap<String, usize>,
    #[serde(skip)]
    pub(super) patterns: Vec<Pattern>,
}

/// What a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// A month.
    Month,
    /// A year.
    Year,
}

/// The column of a national file that says of which UF a record is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UfColumn {
    /// The column that says the UF.
    pub name: String,
    /// How it says it.
    pub coding: UfCoding,
}

/// How a column names a UF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub enum UfCoding {
    /// By its sigla: `AC`.
    #[serde(rename = "sigla")]
    Sigla,
    /// IBGE's two digits.
    #[serde(rename = "ibge")]
    IbgeCode,
    /// A municipality's code, whose first two digits are the UF's.
    #[serde(rename = "municipio")]
    Municipio,
}

/// A folder of the ministry's FTP tree, and the competências whose files it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FtpFolder {
    /// On the ministry's server.
    pub path: String,
    /// The first competência that lies there; none: from the start.
    pub from: Option<Competencia>,
    /// The last one; none: until today.
    pub to: Option<Competencia>,
}

/// The columns that say a row's own UF and competência.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RowKeys {
    /// A sigla, IBGE's code, or a municipality's, which begins with it; none in national files.
    #[serde(default)]
    pub uf: Option<String>,
    /// One of year and month, one of a day or a year, or a year's and a month's.
    pub competencia: Vec<String>,
    /// Who says so.
    pub source: String,
}

/// Names of fields that files of some years have and of which no genuine header was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CatalogFields")]
#[non_exhaustive]
pub struct FieldsOf {
    /// None: from the first.
    pub from: Option<Competencia>,
    /// None: to this day.
    pub to: Option<Competencia>,
    /// In upper case, in the files' order.
    pub names: Vec<String>,
}

/// Competências of a UF that were never published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Gap {
    /// The UF whose files are missing.
    pub uf: Uf,
    /// The first competência that is missing.
    pub from: Competencia,
    /// The last one.
    pub to: Competencia,
}

impl Grupo {
    /// A column by its name, in any case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let index = match self.by_name.get(name) {
            Some(index) => index,
            None => self.by_name.get(&name.to_uppercase())?,
        };
        self.columns.get(*index)
    }

    /// Whether its months may be split.
    pub(super) fn has_parts(&self) -> bool {
        self.patterns.iter().any(Pattern::has_part)
    }

    /// Every reading of a name in upper case, without extension, as one of its files.
    pub(super) fn read_stem(&self, stem: &str) -> impl Iterator<Item = FileId> {
        self.patterns.iter().filter_map(move |pattern| pattern.read(stem, &self.dataset, self.national))
    }

    /// Whether a name begins as those of its files do: prefix, UF, a digit. Gives the UF, or none in national files.
    pub fn begins(&self, file_name: &str) -> Option<Option<Uf>> {
        let upper = file_name.to_uppercase();
        self.patterns.iter().find_map(|pattern| pattern.begins(&upper))
    }

    /// Whether files of some year have this field, of which the catalogue knows no more than its name.
    pub fn has_field(&self, name: &str) -> bool {
        self.fields.iter().any(|of| of.names.iter().any(|field| field.eq_ignore_ascii_case(name)))
    }

    /// Whether the ministry publishes this dataset in `folder`, in any case, whatever stands before `dissemin/publicos` or in its
    /// place: `SIM/CID10/DORES`, `/dissemin/publicos/SIM/CID10/DORES`.
    pub fn is_published_in(&self, folder: &str) -> bool {
        let wanted = below_the_tree(folder);
        self.folders.iter().any(|published| published.in_tree().eq_ignore_ascii_case(wanted))
    }
}

impl FtpFolder {
    /// Its path from the root of the tree's data on: `SIM/CID10/DORES`.
    pub fn in_tree(&self) -> &str {
        below_the_tree(&self.path)
    }
}

/// A folder's path from the root of the tree's data on.
fn below_the_tree(folder: &str) -> &str {
    const ROOT: &str = "dissemin/publicos/";
    let folder = folder.trim_matches('/');
    let at = folder.to_ascii_lowercase().find(ROOT);
    at.map_or(folder, |at| &folder[at + ROOT.len()..])
}
