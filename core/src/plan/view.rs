//! The dataset's table over files of several years, in SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::origin::origin_of;
use super::table::{Held, TableColumn};
use super::{BadRows, Dialect, FileSample, Sampling};
use crate::base::{Code, Error, Result, text};
use crate::catalog::{LogicalType, UfCoding};
use crate::labels::Derived;
use crate::lake::LakeFile;
use crate::params::Scope;

/// A table that a statement reads, in SQL.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct View {
    /// Quoted.
    pub name: String,
    /// A SELECT.
    pub relation: String,
    /// The files of each relation in it, of a dialect that [names them](Dialect::names_files).
    #[serde(default)]
    pub sources: Vec<Source>,
    /// What it has of columns that are made of others, where it has such.
    #[serde(default)]
    pub made: Option<Made>,
}

/// Files that a text names together.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// As the text names them.
    pub files: Vec<String>,
    /// How many rows they have, where that is known.
    pub rows: Option<u64>,
}

/// Columns that a table has made of its others.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Made {
    /// The table without them, a SELECT.
    pub of: String,
    /// [`Derived::id`](crate::labels::Derived::id) of each.
    pub ids: Vec<String>,
}

impl View {
    /// A table that reads no files by name.
    pub fn new(name: String, relation: String) -> Self {
        View { name, relation, sources: Vec::new(), made: None }
    }
}

/// Where a row stands: its file, in the order of the answer, and its number there. An engine with several threads hands rows out
/// in any order unless it is told one, over a filter at least.
pub(super) const PLACE: [&str; 2] = ["__datasus_file", "__datasus_row"];

/// Which rows of its files a table has, and what it says of each beside its columns.
#[derive(Clone, Copy)]
pub(super) struct Shown<'s> {
    /// Names of the columns that say where a row comes from.
    pub origin: Option<[&'s str; 3]>,
    pub sampling: Option<&'s Sampling>,
    pub without: &'s Without,
    /// With the columns of [`PLACE`].
    pub placed: bool,
}

/// The table of `scope`: its files, and in national files the rows of the wanted UFs alone.
pub(super) fn create(
    dialect: &dyn Dialect,
    scope: &Scope,
    columns: &[TableColumn],
    files: &[&LakeFile],
    shown: Shown<'_>,
) -> Result<View> {
    let name = dialect.name(&scope.grupo.dataset.table());
    if files.is_empty() {
        return Ok(View::new(name, without_rows(dialect, columns, shown.origin)));
    }
    let (relation, sources) = relation(dialect, columns, files, shown);
    let relation = match uf_condition(dialect, scope, columns)? {
        None => relation,
        Some(condition) => format!("SELECT * FROM ({relation}) WHERE {condition}"),
    };
    let derived: Vec<&Derived> = columns.iter().filter_map(|column| column.derived.as_deref()).collect();
    if derived.is_empty() {
        return Ok(View { sources, ..View::new(name, relation) });
    }
    let with_derived = dialect.with_derived(&derived, &relation);
    let made = Made { of: relation, ids: derived.iter().map(|one| one.id()).collect() };
    Ok(View { sources, made: dialect.names_files().then_some(made), ..View::new(name, with_derived) })
}

/// In a national file the UF is a column; the UF of the whole file needs no condition.
pub(super) fn uf_column(scope: &Scope) -> Option<&str> {
    let (ufs, national) = (scope.ufs.as_ref()?, scope.grupo.national?);
    (!ufs.contains(&national)).then_some(scope.grupo.uf_column.as_ref()?.name.as_str())
}

fn uf_condition(dialect: &dyn Dialect, scope: &Scope, columns: &[TableColumn]) -> Result<Option<String>> {
    let (Some(ufs), Some(wanted), Some(column)) = (&scope.ufs, uf_column(scope), &scope.grupo.uf_column) else {
        return Ok(None);
    };
    if !columns.iter().any(|found| found.name.eq_ignore_ascii_case(wanted)) {
        // Without it the answer would be empty, or that of the whole country.
        let (dataset, name) = (&scope.grupo.dataset, wanted);
        return Err(Error::new(
            Code::InvalidParams,
            text!(
                "Os arquivos de {dataset} não têm a coluna {name}; deixe `uf` de fora",
                "The files of {dataset} have no column {name}; leave `uf` out"
            ),
        )
        .stage("plan"));
    }
    let name = dialect.name(wanted);
    let ibge = || ufs.iter().filter_map(|uf| Some(uf.ibge()?.to_string()));
    let (value, codes): (String, BTreeSet<String>) = match column.coding {
        UfCoding::Sigla => (name, ufs.iter().map(|uf| uf.sigla().to_owned()).collect()),
        UfCoding::IbgeCode => (name, ibge().collect()),
        UfCoding::Municipio => (format!("substr({name}, 1, 2)"), ibge().collect()),
    };
    let codes: Vec<String> = codes.iter().map(|code| dialect.text(code)).collect();
    Ok(Some(if codes.is_empty() { "false".into() } else { format!("{value} IN ({})", codes.join(", ")) }))
}

/// A table of no file: its columns, and not a row.
fn without_rows(dialect: &dyn Dialect, columns: &[TableColumn], origin: Option<[&str; 3]>) -> String {
    let typed = columns.iter().map(|column| (column.name.as_str(), &column.kind));
    let typed = typed.chain(origin.into_iter().flatten().map(|name| (name, &LogicalType::Text)));
    let mut list: Vec<String> = typed
        .map(|(name, kind)| format!("CAST(NULL AS {}) AS {}", dialect.type_name(kind), dialect.name(name)))
        .collect();
    if list.is_empty() {
        // The catalogue knows none, and a table needs one.
        list.push(format!("NULL AS {}", dialect.name("datasus_arquivo")));
    }
    format!("SELECT {} WHERE false", list.join(", "))
}

/// One SELECT per run of files with the same schema, in the files' order, so that the answer keeps that order too; and the files that
/// it only names.
fn relation(
    dialect: &dyn Dialect,
    columns: &[TableColumn],
    files: &[&LakeFile],
    shown: Shown<'_>,
) -> (String, Vec<Source>) {
    let mut sources: Vec<Source> = Vec::new();
    let mut names = |paths: &[&str], rows| {
        if dialect.names_files() {
            sources.push(Source { files: paths.iter().map(|path| (*path).to_owned()).collect(), rows });
        }
    };
    let Shown { origin, sampling, without, placed } = shown;
    let mut before = 0;
    // A file with rows that are left out stands alone: their numbers are its own.
    let alone = |file: &LakeFile| without.list(&file.path).is_some();
    let runs = files.chunk_by(|a, b| a.fingerprint == b.fingerprint && !alone(a) && !alone(b));
    let selects: Vec<String> = runs
        .filter_map(|run| {
            let first = run.first()?;
            let constant = |name: &str| {
                let of_files: Vec<String> = run.iter().map(|file| origin_of(file, name)).collect();
                let of_files: Vec<&str> = of_files.iter().map(String::as_str).collect();
                format!("{} AS {}", dialect.of_file(&of_files), dialect.name(name))
            };
            let mut list: Vec<String> = columns
                .iter()
                .filter(|column| column.held != Held::Derived)
                .map(|column| match column.held {
                    Held::Origin => constant(&column.name),
                    Held::Files | Held::Nowhere | Held::Derived => expression(dialect, column, first),
                })
                .collect();
            list.extend(origin.iter().flatten().map(|name| constant(name)));
            if placed {
                let place = dialect.place(before).into_iter().zip(PLACE);
                list.extend(place.map(|(value, name)| format!("{value} AS {}", dialect.name(name))));
            }
            before += run.len();
            let paths: Vec<&str> = run.iter().filter_map(|file| file.path.to_str()).collect();
            let sampled = sampling.map_or_else(String::new, |sampling| {
                let samples: Vec<FileSample> = run.iter().map(|file| sampling.of_file(&file.content())).collect();
                format!(" WHERE {}", dialect.in_sample(&samples))
            });
            let left_out = without.list(&first.path).map_or_else(String::new, |list| {
                names(&[list], None);
                let also = if sampled.is_empty() { "WHERE" } else { "AND" };
                format!(" {also} {}", dialect.not_listed(list, &without.columns))
            });
            names(&paths, Some(run.iter().map(|file| file.rows).sum()));
            let by_file = origin.is_some() || columns.iter().any(|column| column.held == Held::Origin);
            let numbered = placed || by_file || sampling.is_some() || !left_out.is_empty();
            let read = if numbered { dialect.numbered(&paths) } else { dialect.parquet(&paths) };
            Some(format!("SELECT {} FROM {read}{sampled}{left_out}", list.join(", ")))
        })
        .collect();
    (selects.join(" UNION ALL "), sources)
}

fn expression(dialect: &dyn Dialect, column: &TableColumn, file: &LakeFile) -> String {
    let name = dialect.name(&column.name);
    let Some(field) = file.schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(&column.name)) else {
        // A column of the user's own has its type from the files that have it.
        return match column.own {
            Some(_) => format!("NULL AS {name}"),
            None => format!("CAST(NULL AS {}) AS {name}", dialect.type_name(&column.kind)),
        };
    };
    if let Some(own) = &column.own {
        let value = match dialect.own_type_name(own) {
            Some(type_name) if own != field.data_type() => {
                format!("CAST({} AS {type_name})", dialect.name(field.name()))
            }
            _ => dialect.name(field.name()),
        };
        return format!("{value} AS {name}");
    }
    // What the catalogue knows has its type in every file of the lake, and in what is read in place.
    format!("{} AS {name}", dialect.name(field.name()))
}

/// The lists of the rows that are left out, by the file whose rows they are.
pub(super) struct Without {
    lists: BTreeMap<PathBuf, String>,
    /// A row with a bad value in one of them is left out.
    columns: Vec<String>,
}

impl Without {
    pub(super) fn of(files: &[LakeFile], read: &[String], left_out: &[BadRows]) -> Self {
        let list = |of_file: &BadRows| {
            let file = files.get(of_file.file)?;
            Some((file.path.clone(), file.bad_cells.as_ref()?.path.to_str()?.to_owned()))
        };
        Without { lists: left_out.iter().filter_map(list).collect(), columns: read.to_vec() }
    }

    fn list(&self, file: &Path) -> Option<&str> {
        self.lists.get(file).map(String::as_str)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = String> {
        self.lists.values().cloned()
    }
}

/// The engine's own columns, by which it knows a row, must not be hidden by columns of the user's Parquet. `placed`: rows are
/// told apart by where they stand.
pub(super) fn refuse_hidden_row_numbers(files: &[LakeFile], sampling: Option<&Sampling>, placed: bool) -> Result<()> {
    if sampling.is_none() && !placed {
        return Ok(());
    }
    let hides = |name: &str| ["file_row_number", "file_index"].iter().any(|own| own.eq_ignore_ascii_case(name));
    let found = |file: &LakeFile| file.schema.fields().iter().position(|field| hides(field.name()));
    let Some((file, at)) = files.iter().find_map(|file| Some((file, found(file)?))) else {
        return Ok(());
    };
    let column = file.schema.field(at).name();
    let name = &file.source.file;
    let said = match sampling {
        Some(_) => text!(
            "{name} tem uma coluna {column}, e com ela não se tira amostra deste resultado; renomeie-a, ou use `on_emergency`: spill, wait ou fail",
            "{name} has a column {column}, with which no sample can be drawn for this result; rename it, or use `on_emergency`: spill, wait or fail"
        ),
        None => text!(
            "{name} tem uma coluna {column}, e com ela não se sabe a ordem das linhas deste resultado; renomeie-a no arquivo",
            "{name} has a column {column}, with which the order of this result's rows cannot be known; rename it in the file"
        ),
    };
    Err(Error::new(Code::InvalidParams, said).column(column.as_str()).stage("plan"))
}
