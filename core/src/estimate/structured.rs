//! How many rows a query of columns, conditions and figures will give.

use arrow::array::{ArrayRef, BooleanArray};

use super::distinct::{distinct, frequencies};
use super::sample::Sample;
use super::spread::Spread;
use super::sql::Found;
use crate::params::{Op, Predicate, Projection, Structured};

/// What is known of the rows before the conditions.
pub(super) struct Known<'s> {
    /// All of them.
    pub rows: Spread,
    /// Where the footers tell: those in row groups all of whose rows meet the conditions, and those that may.
    pub told: Option<[u64; 2]>,
    pub sample: Option<&'s Sample>,
}

/// Of `ask` over rows of one table.
pub(super) fn estimate(ask: &Structured, conditions: &[Predicate], known: &Known) -> Found {
    let met = known.sample.and_then(|sample| sample.met(conditions));
    let selected = selected(conditions, known, met.as_ref());
    let mut held = Spread::exact(0.0);
    let mut rows = selected;
    if let Projection::Grouped { keys, .. } = &ask.projection {
        rows = match keys.is_empty() {
            true => Spread::exact(1.0),
            false => groups(keys, selected, known.sample.zip(met.as_ref())),
        };
        held = held.plus(rows);
    }
    if !ask.order_by.is_empty() {
        // Of the first few the others need not be kept.
        held = held.plus(ask.limit.map_or(rows, |limit| rows.at_most(Spread::exact(limit as f64))));
    }
    if let Some(limit) = ask.limit {
        rows = rows.at_most(Spread::exact(limit as f64));
    }
    Found { rows, held }
}

fn selected(conditions: &[Predicate], known: &Known, met: Option<&BooleanArray>) -> Spread {
    if conditions.is_empty() {
        return known.rows;
    }
    let of_sample = known.sample.zip(met).map(|(sample, met)| {
        let scale = Spread::about(known.rows.likely / sample.rows().max(1.0), known.rows.sigma);
        sample.rows_that(met).times(scale)
    });
    match (known.told, of_sample) {
        (Some([all, 0]), _) => Spread::exact(all as f64),
        (Some([all, some]), Some(of_sample)) => {
            let (least, most) = (all as f64, (all + some) as f64);
            Spread { likely: of_sample.likely.clamp(least.min(most), most), ..of_sample }
        }
        (None, Some(of_sample)) => of_sample,
        (_, None) => conditions.iter().map(guess).fold(known.rows, Spread::times),
    }
}

fn groups(keys: &[String], selected: Spread, seen: Option<(&Sample, &BooleanArray)>) -> Spread {
    let of_sample = seen.and_then(|(sample, met)| {
        let columns = keys.iter().map(|key| sample.column(key).cloned());
        // A column that no file has is NULL everywhere, and one group.
        let columns: Vec<ArrayRef> = columns.flatten().collect();
        match columns.is_empty() {
            true => Some(Spread::exact(1.0)),
            false => Some(distinct(&frequencies(&columns, met).ok()?, selected)),
        }
    });
    let guessed = || Spread::about(30f64.powi(i32::try_from(keys.len()).unwrap_or(4).min(4)), 1.5);
    of_sample.unwrap_or_else(guessed).at_most(selected)
}

/// The share of rows that meet a condition, where no row was seen.
fn guess(predicate: &Predicate) -> Spread {
    let share = |predicate: &Predicate| guess(predicate).likely;
    let likely = match predicate {
        Predicate::All(list) => list.iter().map(share).product(),
        Predicate::Any(list) => list.iter().map(share).sum::<f64>().min(0.9),
        Predicate::Not(inner) => 1.0 - share(inner),
        Predicate::Compare { op, values, .. } => match op {
            Op::Eq | Op::StartsWith => 0.1,
            Op::In => (0.1 * values.len() as f64).min(0.6),
            Op::Between => 0.25,
            Op::Lt | Op::Le | Op::Gt | Op::Ge => 0.4,
            Op::Ne | Op::NotIn => 0.8,
            Op::IsNull => 0.1,
            Op::NotNull => 0.9,
        },
    };
    Spread::about(likely, 1.0)
}
