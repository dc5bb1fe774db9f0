//! What a result is called, and what is said of it where it goes.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::execution::{Execution, Prepared};
use super::{described, sampled};
use crate::base::Result;
use crate::catalog::FileId;
use crate::lake::LakeFile;
use crate::params::{Ask, Query, QueryParams};
use crate::plan::Sampled;
use crate::sink::{ResultInfo, SourceKey};

pub(super) fn result_info(execution: &Execution) -> Result<ResultInfo> {
    let Execution { prepared, files, sampled, run, .. } = execution;
    let (query, sampled, job_id) = (&prepared.query, sampled.as_ref(), run.job.id());
    Ok(ResultInfo {
        file_stem: file_stem(&prepared.params, files, sampled)?,
        table: table(query, false),
        whole_table: table(query, true),
        about: about(query, files, sampled, job_id),
        sampling: sampled.map(sampled::kind).transpose()?,
        sampled: sampled.map(sampled::json).transpose()?,
        columns: meanings(query),
        indexed: run.env.column_use.worth_an_index(query),
        sources: files.iter().map(source_key).collect(),
        query: described::of(query),
        incomplete: incomplete(prepared, files),
        ordered: is_ordered(query),
        job_id: job_id.to_owned(),
    })
}

/// The first six hex digits of the job's hash: the same query over the same files has the same name, and a sample another.
fn file_stem(params: &QueryParams, files: &[LakeFile], sampled: Option<&Sampled>) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(params).unwrap_or_default());
    for file in files {
        hash.update(file.source.file.as_bytes());
        hash.update(file.content().as_bytes());
    }
    if let Some(sampled) = sampled {
        hash.update(sampled::kind(sampled)?);
    }
    Ok(hex::encode(&hash.finalize()[..3]))
}

/// `sih_data.rd_202401` for one competência, `sih_data.rd` for many, or for the `whole` dataset; aggregates and SQL have no name of their own.
fn table(query: &Query, whole: bool) -> Option<(String, String)> {
    let scope = query.scopes.first().filter(|_| query.is_plain_scan())?;
    let (sistema, grupo) = (scope.grupo.dataset.sistema(), scope.grupo.dataset.grupo());
    let mut table = grupo.to_lowercase();
    if let Some(only) = scope.competencias.as_ref().filter(|all| !whole && all.len() == 1).and_then(|all| all.first()) {
        table = format!("{table}_{only}");
    }
    Some((format!("{}_data", sistema.to_lowercase()), table))
}

fn about(query: &Query, files: &[LakeFile], sampled: Option<&Sampled>, job_id: &str) -> String {
    let datasets: Vec<String> = query.scopes.iter().map(|scope| scope.grupo.dataset.to_string()).collect();
    let what = match &query.ask {
        Ask::Sql(_) => "consulta SQL sobre",
        Ask::Catalog(_) => "o catálogo",
        Ask::Structured(_) if query.is_plain_scan() => "linhas de",
        Ask::Structured(_) => "agregados de",
    };
    let first = files.iter().map(|file| file.id.competencia).min();
    let last = files.iter().map(|file| file.id.competencia).max();
    let period = match (first, last) {
        (Some(first), Some(last)) if first == last => format!(", competência {first}"),
        (Some(first), Some(last)) => format!(", competências {first} a {last}"),
        _ => String::new(),
    };
    let sample = sampled.map_or_else(String::new, |sampled| format!("{}; ", sampled::about(sampled)));
    let (names, count, version) = (datasets.join(", "), files.len(), env!("CARGO_PKG_VERSION"));
    format!(
        "DATASUS: {sample}{what} {names}{period}; {count} arquivo(s) de origem em datasus.loads; datasus {version}, job {job_id}"
    )
}

/// Meanings of the catalogue, with who says so.
fn meanings(query: &Query) -> BTreeMap<String, String> {
    let columns = query.scopes.iter().flat_map(|scope| &scope.grupo.columns);
    let mut meanings = BTreeMap::new();
    for (column, meaning) in columns.filter_map(|column| Some((column, column.meaning.as_ref()?))) {
        meanings.entry(column.name.clone()).or_insert_with(|| format!("{} (fonte: {})", meaning.pt, meaning.source));
    }
    meanings
}

pub(super) fn source_key(file: &LakeFile) -> SourceKey {
    // A Parquet of the user's own is not read for it: its month, and not its rows, says what it is.
    let (name, hash) = (file.source.file.clone(), file.source.digest.clone().unwrap_or_else(|| file.content()));
    SourceKey { name, file_hash: file.content(), hash, rows: file.rows, ..logical(&file.id) }
}

/// What a file is, whatever it is called.
fn logical(id: &FileId) -> SourceKey {
    SourceKey {
        dataset: id.dataset.to_string(),
        uf: id.uf.to_string(),
        period: id.competencia.to_string(),
        part: id.part.clone().unwrap_or_default(),
        ..SourceKey::default()
    }
}

/// Files that were chosen, and left out because they cannot be read (`partial`).
fn incomplete(prepared: &Prepared, files: &[LakeFile]) -> Vec<SourceKey> {
    let count = |id: &FileId| files.iter().filter(|file| file.id == *id).count();
    let chosen = &prepared.selection.files;
    let lost = chosen.iter().filter(|one| chosen.iter().filter(|file| file.id == one.id).count() > count(&one.id));
    lost.map(|file| logical(&file.id)).collect()
}

/// Whether the rows have an order: that of the files, of the groups' keys, or the one that was asked for.
fn is_ordered(query: &Query) -> bool {
    match &query.ask {
        Ask::Sql(sql) => sql.ordered,
        Ask::Structured(_) | Ask::Catalog(_) => true,
    }
}
