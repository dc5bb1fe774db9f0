//! What becomes of the rows that a query left out because a value of theirs did not parse: each is a dead letter.

use crate::base::{Code, Ctx, Error, Result, Text, text};
use crate::lake::LakeFile;
use crate::params::Query;
use crate::plan::{Statement, reads};
use crate::recovery::{DeadLetter, SOURCE};

/// Share of the rows that may be dead letters where the query does not say.
pub(super) const DEAD_LETTER_LIMIT: f64 = 0.01;

const REASON: &str = "value does not parse as its column's type";

/// A letter for each row; its record has all the values of that row that did not parse.
pub(super) fn letters(statement: &Statement, files: &[LakeFile], ctx: &Ctx) -> Vec<DeadLetter> {
    let of_file = |left: &crate::plan::BadRows| {
        let (unit, name) = (left.file as u64, files.get(left.file).map(|file| file.source.file.clone()));
        let letter = |row: &crate::lake::BadRow| {
            let first = row.values.first_key_value();
            DeadLetter {
                sink: "source".into(),
                sink_number: SOURCE,
                unit,
                row: row.source_row,
                reason: REASON.into(),
                sqlstate: None,
                source_file: name.clone(),
                source_row: Some(row.source_row),
                column: first.map(|(column, _)| column.clone()),
                value: first.map(|(_, value)| value.clone()),
                record: row.values.iter().map(|(column, value)| (column.clone(), value.as_str().into())).collect(),
                trace_id: ctx.trace_id.to_string(),
            }
        };
        left.rows.iter().map(letter).collect::<Vec<_>>()
    };
    statement.left_out.iter().flat_map(of_file).collect()
}

/// DS-424 where more rows are left out than the query allows.
pub(super) fn refuse_too_many(statement: &Statement, files: &[LakeFile], query: &Query) -> Result<()> {
    let left = statement.rows_left_out();
    let rows: u64 = files.iter().filter(|file| reads(query, file)).map(|file| file.rows).sum();
    let limit = query.options.dead_letter_limit.unwrap_or(DEAD_LETTER_LIMIT);
    if left == 0 || left as f64 <= limit * rows as f64 {
        return Ok(());
    }
    let first = statement.left_out.first().and_then(|of_file| Some((of_file.file, of_file.rows.first()?)));
    let (file, row, column, value) = first.map_or(Default::default(), |(file, row)| {
        let (column, value) = row.values.first_key_value().map(|(c, v)| (c.clone(), v.clone())).unwrap_or_default();
        (files.get(file).map(|file| file.source.file.clone()).unwrap_or_default(), row.source_row, column, value)
    });
    Err(Error::new(
        Code::TooManyDeadLetters,
        text!(
            "{left} de {rows} linhas têm valor que não se lê numa coluna lida, mais do que `dead_letter_limit` ({limit}) permite; a primeira é a linha {row} (a partir de 0) de {file}: {column} tem \"{value}\". Aumente o limite, leia menos colunas, ou use `on_bad_value` null",
            "{left} of {rows} rows have a value that does not parse in a column that is read, more than `dead_letter_limit` ({limit}) allows; the first is row {row} (from 0) of {file}: {column} has \"{value}\". Raise the limit, read fewer columns, or use `on_bad_value` null"
        ),
    )
    .with("received", value)
    .with("dead_letters", left)
    .with("limit", limit)
    .row(row)
    .column(column)
    .file(file)
    .stage("plan"))
}

/// Records of the sources that cannot be read; those of files that the query leaves out are not of its rows.
pub(super) fn rejected(query: &Query, files: &[LakeFile]) -> u64 {
    files.iter().filter(|file| reads(query, file)).map(|file| file.source.rows_rejected).sum()
}

pub(super) fn warning(left: u64, job_id: &str) -> Option<Text> {
    (left > 0).then(|| {
        text!(
            "{left} linha(s) com valor que não se lê numa coluna lida ficaram fora da resposta e estão em dead_letters(\"{job_id}\")",
            "{left} row(s) with a value that does not parse in a column that is read are not in the answer, but in dead_letters(\"{job_id}\")"
        )
    })
}
