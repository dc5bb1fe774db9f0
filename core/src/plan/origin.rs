//! The columns that say where a row comes from: the same in all rows of a file, so that a condition on them is one on files.

use std::collections::BTreeSet;

use crate::base::{Code, Error, Result, text};
use crate::lake::LakeFile;
use crate::params::{Ask, ORIGIN, Op, Predicate, Query, Scalar, origin_column};

/// What a column of [`ORIGIN`] holds in every row of `file`.
pub fn origin_of(file: &LakeFile, name: &str) -> String {
    match name {
        "datasus_arquivo" => file.source.file.clone(),
        "datasus_uf" => file.id.uf.to_string(),
        _ => file.id.competencia.to_string(),
    }
}

/// DS-422 where the query names a column of [`ORIGIN`] and the user's own file has one of that name, with values of its own:
/// conditions would ask ours, and the answer would show theirs.
pub(super) fn refuse_own_origin(query: &Query, files: &[LakeFile]) -> Result<()> {
    let named = query.ask.names();
    for name in ORIGIN.into_iter().filter(|name| named.iter().any(|column| column.eq_ignore_ascii_case(name))) {
        let has = |file: &&LakeFile| file.schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name));
        if let Some(file) = files.iter().find(has) {
            let file = &file.source.file;
            return Err(Error::new(
                Code::InvalidParams,
                text!(
                    "{file} tem uma coluna {name} sua, e aqui esse nome diz de onde vem cada linha: não se sabe qual das duas se quer. Renomeie-a no arquivo",
                    "{file} has a column {name} of its own, and here that name says where each row comes from: which of the two is meant cannot be known. Rename it in the file"
                ),
            )
            .column(name)
            .file(file)
            .stage("plan"));
        }
    }
    Ok(())
}

/// Whether the rows of `file` are asked for: a condition on [`ORIGIN`] alone is asked of the file. (Of the user's SQL every file
/// is.)
pub fn reads(query: &Query, file: &LakeFile) -> bool {
    match &query.ask {
        Ask::Structured(ask) => split(&ask.predicates).0.into_iter().all(|predicate| holds(predicate, file)),
        Ask::Sql(_) | Ask::Catalog(_) => true,
    }
}

/// The conditions that say which files are read, and the others.
pub(super) fn split(predicates: &[Predicate]) -> (Vec<&Predicate>, Vec<&Predicate>) {
    predicates.iter().partition(|predicate| {
        let mut columns = BTreeSet::new();
        predicate.columns(&mut columns);
        !columns.is_empty() && columns.into_iter().all(|column| origin_column(column).is_some())
    })
}

/// Whether a condition on [`ORIGIN`] alone holds for the rows of `file`.
pub(super) fn holds(predicate: &Predicate, file: &LakeFile) -> bool {
    match predicate {
        Predicate::Any(list) => list.iter().any(|predicate| holds(predicate, file)),
        Predicate::All(list) => list.iter().all(|predicate| holds(predicate, file)),
        Predicate::Not(inner) => !holds(inner, file),
        Predicate::Compare { column, op, values, .. } => {
            let held = origin_of(file, column);
            let texts: Vec<&str> = values
                .iter()
                .filter_map(|value| match value {
                    Scalar::Text(text) => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            match (op, texts.as_slice()) {
                (Op::IsNull, _) => false,
                (Op::NotNull, _) => true,
                (Op::Eq, [value]) => held == *value,
                (Op::Ne, [value]) => held != *value,
                (Op::Lt, [value]) => held.as_str() < *value,
                (Op::Le, [value]) => held.as_str() <= *value,
                (Op::Gt, [value]) => held.as_str() > *value,
                (Op::Ge, [value]) => held.as_str() >= *value,
                (Op::Between, [low, high]) => *low <= held.as_str() && held.as_str() <= *high,
                (Op::In, values) => values.contains(&held.as_str()),
                (Op::NotIn, values) => !values.contains(&held.as_str()),
                (Op::StartsWith, [prefix]) => held.starts_with(prefix),
                _ => false,
            }
        }
    }
}
