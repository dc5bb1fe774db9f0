//! What was counted, as a profile: figures, labels, and what to look at first.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use super::change::{Part, differs};
use super::columns::Watched;
use super::form::{Change, ColumnProfile, CompetenciaRows, FrequentValue, InCompetencia, Profile};
use super::seen::Frequent;
use super::{COMPETENCIA, Competencias, in_order, warnings};
use crate::base::Language;
use crate::catalog::{Competencia, Grupo};
use crate::params::Query;
use crate::run::Report;

/// Frequent values that are told.
const FREQUENT: usize = 10;
/// Values whose shares are compared from one competência to the next.
const COMPARED: usize = 50;
/// Codes that are named as examples.
const EXAMPLES: usize = 10;
/// Changes of a column that are told.
const CHANGES: usize = 20;

pub(super) fn profile(
    query: &Query,
    watched: Vec<Watched>,
    competencias: &Competencias,
    rows: u64,
    report: Report,
    language: Language,
) -> Profile {
    let order = in_order(competencias);
    let of_competencias: Vec<CompetenciaRows> = (order.iter())
        .map(|(competencia, number)| CompetenciaRows { competencia: *competencia, rows: competencias[*number].1 })
        .collect();
    let grupo = query.scopes.first().map(|scope| scope.grupo);
    let column = |one: Watched| column(one, grupo, &order, competencias, &report);
    let columns: Vec<(ColumnProfile, Option<(i128, i128)>)> = watched.into_iter().map(column).collect();
    let mut warnings = report.warnings.clone();
    let found = warnings::of(&columns, &of_competencias, grupo, rows);
    warnings.extend(found.iter().map(|warning| warning.get(language).to_owned()));
    Profile {
        dataset: grupo.map(|grupo| grupo.dataset.clone()).unwrap_or_else(|| crate::catalog::Dataset::new("", "")),
        rows,
        exact: report.sampling.is_none(),
        competencias: of_competencias,
        columns: columns.into_iter().map(|(column, _)| column).collect(),
        warnings,
        report,
    }
}

/// A column, and the range of its days.
fn column(
    watched: Watched,
    grupo: Option<&Grupo>,
    order: &BTreeMap<Competencia, usize>,
    competencias: &Competencias,
    report: &Report,
) -> (ColumnProfile, Option<(i128, i128)>) {
    let Watched { name, kind, seen, label, .. } = watched;
    let last = order.last_key_value().map(|(last, _)| last.to_string()).unwrap_or_default();
    let label_of = |value: &str| label.as_ref().and_then(|label| label.of(value, &last));
    let frequent = seen.frequent(FREQUENT);
    let in_competencia = |(competencia, number): (&Competencia, &usize)| InCompetencia {
        competencia: *competencia,
        rows: competencias[*number].1,
        nulls: seen.nulls_in.get(*number).copied().unwrap_or(0),
        frequent: frequent.iter().filter_map(|one| seen.rows_in(*number, one.number?)).collect(),
    };
    let by_competencia: Vec<InCompetencia> = order.iter().map(in_competencia).collect();
    let mut changes = changes(&by_competencia, |one: &InCompetencia| Part { of: one.nulls, rows: one.rows }, None);
    // What says the competência itself changes with it.
    let keys = grupo.and_then(|grupo| grupo.row_keys.as_ref()).map(|keys| keys.competencia.as_slice());
    let is_key = keys.unwrap_or_default().iter().any(|key| key.eq_ignore_ascii_case(&name)) || name == COMPETENCIA;
    for one in seen.frequent(if is_key { 0 } else { COMPARED }) {
        let Some(number) = one.number else { break };
        let rows = |at: &InCompetencia| order.get(&at.competencia).and_then(|of| seen.rows_in(*of, number));
        let part = |at: &InCompetencia| Part { of: rows(at).unwrap_or(0), rows: at.rows - at.nulls };
        changes.extend(self::changes(&by_competencia, part, Some(&one)));
    }
    changes.sort_by(|a, b| (b.after - b.before).abs().total_cmp(&(a.after - a.before).abs()));
    changes.truncate(CHANGES);
    changes.iter_mut().for_each(|change| change.label = change.value.as_deref().and_then(label_of));
    let (distinct, distinct_exact) = seen.distinct();
    let (min, max) = seen.range().unzip();
    let known = grupo.and_then(|grupo| grupo.column(&name));
    let bad = || report.bad_values.iter().filter(|bad| bad.column.eq_ignore_ascii_case(&name));
    let unlabelled_codes = label.as_ref().map(|label| label.without.most_frequent()).unwrap_or_default();
    let told = |one: &Frequent| FrequentValue { label: label_of(&one.value), value: one.value.clone(), rows: one.rows };
    let profile = ColumnProfile {
        kind: type_name(&kind),
        meaning: known.and_then(|column| column.meaning.as_ref()).map(|meaning| meaning.pt.clone()),
        label_list: label.as_ref().and_then(|label| label.derived.list.clone()),
        nulls: seen.nulls,
        distinct,
        distinct_exact,
        min,
        max,
        frequent: frequent.iter().map(told).collect(),
        unlabelled: label.as_ref().map_or(0, |label| label.without.rows),
        unlabelled_codes,
        bad_values: bad().map(|bad| bad.count).sum(),
        bad_samples: bad().flat_map(|bad| bad.samples.clone()).take(EXAMPLES).collect(),
        by_competencia,
        changes,
        name,
    };
    let days = (kind == DataType::Date32).then(|| seen.numbers()).flatten();
    (profile, days)
}

fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 => "text".into(),
        DataType::Date32 => "date".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision}, {scale})"),
        DataType::Float32 | DataType::Float64 => "float".into(),
        kind if kind.is_integer() => "integer".into(),
        other => other.to_string().to_lowercase(),
    }
}

fn changes(all: &[InCompetencia], part: impl Fn(&InCompetencia) -> Part, value: Option<&Frequent>) -> Vec<Change> {
    let of = |pair: &[InCompetencia]| {
        let (before, after) = (part(&pair[0]), part(&pair[1]));
        differs(before, after).then(|| Change {
            from: pair[0].competencia,
            to: pair[1].competencia,
            value: value.map(|one| one.value.clone()),
            label: None,
            before: before.share(),
            after: after.share(),
        })
    };
    all.windows(2).filter_map(of).collect()
}
