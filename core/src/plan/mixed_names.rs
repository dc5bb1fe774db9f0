//! Names of labels and derived columns that some of a query's files have as columns of their own.

use crate::base::{Code, Error, Result, text};
use crate::labels::derived_column;
use crate::lake::LakeFile;
use crate::params::{Query, Scope};

/// DS-422 where the query names such a column, and not all of its files have it: it is the files' own in the ones, and nothing in the
/// others, whose rows would silently lose what is made of their codes.
pub(super) fn refuse_mixed(query: &Query, scope: &Scope, files: &[&LakeFile]) -> Result<()> {
    let named = query.ask.names();
    for name in named.into_iter().filter(|name| scope.grupo.column(name).is_none()) {
        let has = |file: &&&LakeFile| file.schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name));
        let Some(with) = files.iter().find(has) else { continue };
        let Some(without) = files.iter().find(|file| !has(file)) else { continue };
        let Some(derived) = derived_column(scope.grupo, name) else { continue };
        let (name, with, without) = (&derived.name, &with.source.file, &without.source.file);
        return Err(Error::new(
            Code::InvalidParams,
            text!(
                "{with} tem uma coluna {name} sua, e {without} não: nas linhas deste não haveria nada, nem o que aqui se deriva de seus códigos. Renomeie-a no arquivo, ou consulte os dois à parte",
                "{with} has a column {name} of its own, and {without} has none: the rows of the latter would have nothing, not even what is made of their codes here. Rename it in the file, or query the two apart"
            ),
        )
        .column(name.as_str())
        .file(with)
        .stage("plan"));
    }
    Ok(())
}
