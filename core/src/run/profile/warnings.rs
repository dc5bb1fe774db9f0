//! What somebody who analyses the rows should look at first.

use chrono::NaiveDate;

use super::form::{Change, ColumnProfile, CompetenciaRows};
use crate::base::{Text, text};
use crate::catalog::Grupo;

/// Columns that a sentence names.
const NAMED: usize = 12;
/// Nobody who is in a file of 1979 or later was born before.
const FIRST_YEAR: i32 = 1850;

/// A column, and the range of its days where it has days.
type Column = (ColumnProfile, Option<(i128, i128)>);

pub(super) fn of(columns: &[Column], competencias: &[CompetenciaRows], grupo: Option<&Grupo>, rows: u64) -> Vec<Text> {
    if rows == 0 {
        return vec![text!(
            "Nenhuma linha: nada há a dizer das colunas",
            "There are no rows, and nothing to say of the columns"
        )];
    }
    let mut found = Vec::new();
    found.extend(columns.iter().filter_map(|(column, _)| bad_values(column)));
    let (zeros, codes): (Vec<&ColumnProfile>, Vec<&ColumnProfile>) =
        columns.iter().map(|(column, _)| column).filter(|column| column.unlabelled > 0).partition(|one| is_zeros(one));
    found.extend(codes.into_iter().map(unlabelled));
    found.extend(columns.iter().filter_map(|(column, _)| changes(column)));
    found.extend(columns.iter().filter_map(|(column, days)| days_before_all(column, *days)));
    let last = competencias.last().map(|last| last.competencia);
    let events = |name: &str| grupo.is_some_and(|grupo| grupo.event_dates.iter().any(|event| event == name));
    if let Some(end) = last.and_then(|last| last_day(last.ano(), last.mes())) {
        let events = columns.iter().filter(|(column, _)| events(&column.name));
        found.extend(events.filter_map(|(column, days)| days_after(column, *days, end)));
    }
    found.extend(few_rows(competencias));
    found.extend(without_label(&zeros));
    found.extend(empty(columns, rows));
    found
}

fn bad_values(column: &ColumnProfile) -> Option<Text> {
    let (name, count, samples) = (&column.name, column.bad_values, column.bad_samples.join(", "));
    (count > 0).then(|| {
        text!(
            "{name}: {count} valor(es) dos arquivos não se leem no tipo da coluna e viraram NULL, por exemplo {samples}",
            "{name}: {count} value(s) of the files do not parse as the column's type and became NULL, for example {samples}"
        )
    })
}

/// Whether all that its list does not have are zeros, which many columns are filled with.
fn is_zeros(column: &ColumnProfile) -> bool {
    column.unlabelled_codes.iter().all(|code| code.bytes().all(|byte| byte == b'0'))
}

fn unlabelled(column: &ColumnProfile) -> Text {
    let (name, rows, codes) = (&column.name, column.unlabelled, column.unlabelled_codes.join(", "));
    let list = column.label_list.as_deref().unwrap_or_default();
    text!(
        "{name}: {rows} linha(s) têm código que a lista {list} não tem: {codes}",
        "{name}: {rows} row(s) have a code that the list {list} does not have: {codes}"
    )
}

fn without_label(zeros: &[&ColumnProfile]) -> Option<Text> {
    let names: Vec<String> = zeros
        .iter()
        .map(|one| format!("{} ({}: {})", one.name, one.unlabelled_codes.join(", "), one.unlabelled))
        .collect();
    (!names.is_empty()).then(|| {
        let (count, list) = (names.len(), listed(&names));
        text!(
            "{count} coluna(s) têm zeros que a sua lista não tem: {list}",
            "{count} column(s) have zeros that their lists do not have: {list}"
        )
    })
}

fn changes(column: &ColumnProfile) -> Option<Text> {
    let Change { from, to, value, label, before, after } = column.changes.first()?;
    let (name, more) = (&column.name, column.changes.len() - 1);
    let (before, after) = (percent(*before), percent(*after));
    let what = match (value, label) {
        (None, _) => "NULL".to_owned(),
        (Some(value), None) => value.clone(),
        (Some(value), Some(label)) => format!("{value} ({label})"),
    };
    let (others_pt, others_en) = match more {
        0 => (String::new(), String::new()),
        more => (format!("; há mais {more} mudança(s) assim"), format!("; there are {more} more such change(s)")),
    };
    Some(text!(
        "{name}: {what} passa de {before} % em {from} a {after} % em {to}{others_pt}",
        "{name}: {what} goes from {before} % in {from} to {after} % in {to}{others_en}"
    ))
}

fn percent(share: f64) -> f64 {
    (share * 1_000.0).round() / 10.0
}

fn day(days: i128) -> Option<NaiveDate> {
    i32::try_from(days).ok().and_then(NaiveDate::from_epoch_days)
}

fn days_before_all(column: &ColumnProfile, days: Option<(i128, i128)>) -> Option<Text> {
    let first = NaiveDate::from_ymd_opt(FIRST_YEAR, 1, 1)?;
    let (name, least) = (&column.name, day(days?.0)?);
    (least < first).then(|| {
        text!(
            "{name}: há dias antes de {FIRST_YEAR}; o primeiro é {least}",
            "{name}: there are days before {FIRST_YEAR}; the first is {least}"
        )
    })
}

fn days_after(column: &ColumnProfile, days: Option<(i128, i128)>, end: NaiveDate) -> Option<Text> {
    let (name, greatest) = (&column.name, day(days?.1)?);
    (greatest > end).then(|| {
        text!(
            "{name}: há dias depois do fim da última competência ({end}); o último é {greatest}",
            "{name}: there are days after the end of the last competência ({end}); the last is {greatest}"
        )
    })
}

/// Of a month, or of a year.
fn last_day(year: u16, month: Option<u8>) -> Option<NaiveDate> {
    let next = match month {
        Some(month @ 1..=11) => NaiveDate::from_ymd_opt(i32::from(year), u32::from(month) + 1, 1),
        _ => NaiveDate::from_ymd_opt(i32::from(year) + 1, 1, 1),
    };
    next?.pred_opt()
}

/// Competências with less than half of what is usual.
fn few_rows(competencias: &[CompetenciaRows]) -> Option<Text> {
    let mut rows: Vec<u64> = competencias.iter().map(|one| one.rows).collect();
    rows.sort_unstable();
    let usual = *rows.get(rows.len() / 2)?;
    let few = competencias.iter().filter(|one| one.rows < usual / 2);
    let few: Vec<String> = few.map(|one| format!("{} ({})", one.competencia, one.rows)).collect();
    (!few.is_empty()).then(|| {
        let list = listed(&few);
        text!(
            "Competências com menos da metade das linhas usuais ({usual}): {list}",
            "Competências with less than half of the usual rows ({usual}): {list}"
        )
    })
}

fn empty(columns: &[Column], rows: u64) -> Option<Text> {
    let empty = columns.iter().filter(|(column, _)| column.nulls == rows);
    let names: Vec<String> = empty.map(|(column, _)| column.name.clone()).collect();
    (!names.is_empty()).then(|| {
        let (count, list) = (names.len(), listed(&names));
        text!("{count} coluna(s) só têm NULL: {list}", "{count} column(s) have nothing but NULL: {list}")
    })
}

fn listed(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))
}
