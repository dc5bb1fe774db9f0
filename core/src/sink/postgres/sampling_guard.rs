//! Samples and exact rows never share a table, nor do samples of two kinds.

use super::loads::Loads;
use super::{Postgres, TableName};
use crate::base::{Code, Error, Result, text};
use crate::sink::ResultInfo;

/// DS-409 where the rows that the table holds were not sampled as those of this result, or not sampled, or where nobody
/// knows.
pub(super) fn refuse(loads: &Loads, target: &TableName, info: &ResultInfo, options: &Postgres) -> Result<()> {
    let ours = info.sampling.as_deref();
    if !options.allow_reload || ours.is_some() {
        loads.refuse_lost(target)?;
    }
    // Rows that no load of ours brought are exact.
    let same = loads.seen().all(|one| one.sampling.as_deref() == ours);
    if same && (loads.seen().next().is_some() || ours.is_none()) {
        return Ok(());
    }
    let text = match ours {
        Some(_) => text!(
            "Este resultado é uma amostra, e {target} não é (ou é outra): as linhas não se misturam. Repita quando houver memória, use `on_emergency` com spill (exato), ou uma tabela nova",
            "This result is a sample, and {target} is not (or is another one): such rows do not mix. Run it again when there is memory, use `on_emergency` with spill (exact), or a new table"
        ),
        None => text!(
            "{target} contém uma amostra, e este resultado é exato: as linhas não se misturam. Refaça a tabela com o modo (`mode`) replace, ou use uma nova",
            "{target} holds a sample, and this result is exact: such rows do not mix. Make the table anew by `mode` replace, or use a new one"
        ),
    };
    Err(Error::new(Code::Conflict, text).with("table", target.to_string()).stage("postgres"))
}
