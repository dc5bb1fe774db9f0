//! `append` adds what a table does not hold yet.

use super::loaded::{Compared, Loaded};
use super::loads::Loads;
use super::{Mode, Postgres, TableName};
use crate::base::{Code, Error, Result, text};
use crate::sink::{ResultInfo, SourceKey};

/// DS-409 for `append` where the table holds a source of this result already, in this version or another.
pub(super) fn refuse_known(loads: &Loads, target: &TableName, options: &Postgres, info: &ResultInfo) -> Result<()> {
    if options.mode != Mode::Append || options.allow_reload || info.sources.is_empty() {
        return Ok(());
    }
    loads.refuse_lost(target)?;
    let same = |source: &&SourceKey| loads.seen().any(|one| one.is(source) || one.has_rows_of(source));
    let known: Vec<&SourceKey> = info.sources.iter().filter(same).collect();
    if known.is_empty() {
        return Ok(());
    }
    let versions = |compared: Compared| {
        let is = |source: &&&SourceKey| {
            let held = loads.seen().filter(|one| one.is(source) || one.has_rows_of(source));
            held.map(|one| one.compared(source)).max() == Some(compared)
        };
        known.iter().filter(is).count()
    };
    let (same, newer) = (versions(Compared::Same), versions(Compared::Other));
    let names: Vec<&str> = known.iter().map(|source| source.name.as_str()).collect();
    let held: Vec<String> = {
        let of = |one: &&Loaded| known.iter().any(|source| one.is(source) || one.has_rows_of(source));
        let mut held: Vec<String> = loads.seen().filter(of).map(Loaded::shown).collect();
        held.sort();
        held.dedup();
        held
    };
    let count = known.len();
    let shown = known.iter().zip(known.iter().map(|source| source.shown())).take(5);
    let shown = shown.map(|(source, logical)| format!("{}: {logical}", source.name)).collect::<Vec<_>>().join(", ");
    let (pt, en) = match count {
        count if same == count => (", com as mesmas linhas", ", with the same rows"),
        count if newer == count => (", em outra versão", ", in another version"),
        _ if newer > 0 => (", alguns em outra versão", ", some in another version"),
        _ => ("", ""),
    };
    Err(Error::new(
        Code::Conflict,
        text!(
            "{target} já contém {count} arquivo(s) desta consulta ({shown}){pt}: as linhas ficariam em dobro. Use o modo (`mode`) replace_by, ou a opção `allow_reload` se for de propósito",
            "{target} already holds {count} file(s) of this query ({shown}){en}: their rows would be doubled. Use `mode` replace_by, or the option `allow_reload` if that is what you want"
        ),
    )
    .with("sources", names)
    .with("held", held)
    .with("other_versions", newer)
    .stage("postgres"))
}
