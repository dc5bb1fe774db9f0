//! Rows that a query does not read because a value of theirs did not parse, and the query that such a value ends.

use std::sync::Arc;

use super::origin;
use crate::base::{Code, Error, Result, text};
use crate::lake::{BadRow, LakeFile};
use crate::params::{OnBadValue, Query};

/// The rows of one file that are left out.
#[derive(Debug, Clone, PartialEq)]
pub struct BadRows {
    /// Number of the file among the query's.
    pub file: usize,
    /// In the file's order.
    pub rows: Arc<[BadRow]>,
    /// Their numbers, ascending.
    pub numbers: Arc<[u64]>,
}

/// What a query leaves out that reads the columns `read`, in the order of its files. DS-422 where nothing may be bad.
pub(super) fn bad_rows(query: &Query, files: &[LakeFile], read: &[String]) -> Result<Vec<BadRows>> {
    let (mut all, on_bad_value) = (Vec::new(), query.options.on_bad_value);
    if on_bad_value == OnBadValue::Null {
        return Ok(all);
    }
    let is_read = |name: &str| read.iter().any(|column| column.eq_ignore_ascii_case(name));
    for (number, file) in files.iter().enumerate().filter(|(_, file)| origin::reads(query, file)) {
        let is_bad = file.source.bad_values.iter().any(|bad| is_read(&bad.column));
        if !is_bad {
            continue;
        }
        let Some((cells, _copy)) = file.bad_cells_here()? else { continue };
        let rows = cells.rows(is_read)?;
        match rows.first() {
            None => {}
            Some(first) if on_bad_value == OnBadValue::Fail => return Err(refused(file, first)),
            Some(_) => {
                let numbers = rows.iter().map(|row| row.row).collect();
                all.push(BadRows { file: number, rows: rows.into(), numbers });
            }
        }
    }
    Ok(all)
}

fn refused(file: &LakeFile, row: &BadRow) -> Error {
    let (name, at) = (&file.source.file, row.source_row);
    let Some((column, value)) = row.values.first_key_value() else {
        return Error::internal("a row without a bad value is said to have one");
    };
    Error::new(
        Code::InvalidParams,
        text!(
            "{name}, linha {at} (a partir de 0): o valor \"{value}\" da coluna {column} não se lê no tipo da coluna, e `on_bad_value` é fail. Conserte o arquivo, ou use null (fica NULL e é contado) ou dead_letter (a linha sai da resposta e é guardada)",
            "{name}, row {at} (from 0): the value \"{value}\" of column {column} does not parse as the column's type, and `on_bad_value` is fail. Mend the file, or use null (it is NULL and counted) or dead_letter (the row leaves the answer and is kept)"
        ),
    )
    .with("received", value.as_str())
    .row(at)
    .column(column)
    .file(name)
    .stage("plan")
}
