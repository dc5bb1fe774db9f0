//! What stands in a FROM, as far as an estimate knows it: how many rows, and of some of them the values.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::and_kleene;
use arrow::datatypes::{Field, Schema};
use serde_json::Value;

use super::Table;
use super::expression::{Binds, Rows};
use crate::estimate::distinct::{distinct, frequencies};
use crate::estimate::sample::Sample;
use crate::estimate::spread::Spread;

/// What is computed here is nearly what the engine computes, and not said to be known.
const NEARLY: f64 = 0.001;

/// A condition that cannot be looked at is met by so many rows.
pub(super) const UNKNOWN: Spread = Spread { likely: 0.33, sigma: 0.8 };

/// A table, or an answer within the query.
#[derive(Clone)]
pub(super) struct Relation {
    /// By which its columns are named, in lower case.
    pub alias: String,
    /// Its columns, in upper case; none: they are not known.
    pub columns: Option<Arc<BTreeSet<String>>>,
    pub rows: Spread,
    /// Of the rows before conditions, those that meet them so far.
    seen: Option<(Arc<Sample>, BooleanArray)>,
    /// Rows of the table by those of its sample: what is not in the lake is taken to be alike.
    scale: Spread,
}

impl Relation {
    /// Of which nothing but the number of its rows is known.
    pub fn of_rows(rows: Spread) -> Self {
        Relation { alias: String::new(), columns: None, rows, seen: None, scale: Spread::exact(1.0) }
    }

    pub fn of_table(table: Table) -> Self {
        let Table { rows, columns, conditions, sample } = table;
        let whole = Relation { columns: Some(Arc::new(columns)), ..Relation::of_rows(rows) };
        let Some(sample) = sample.filter(|sample| sample.rows() > 0.0) else { return whole };
        let scale = Spread::about(rows.likely / sample.rows(), rows.sigma);
        match sample.met(&conditions) {
            Some(met) if conditions.is_empty() => Relation { seen: Some((Arc::new(sample), met)), scale, ..whole },
            Some(met) => {
                let rows = sample.rows_that(&met).times(scale);
                Relation { rows, seen: Some((Arc::new(sample), met)), scale, ..whole }
            }
            None => Relation { rows: rows.times(UNKNOWN), ..whole },
        }
    }

    pub fn named(self, alias: &str) -> Self {
        Relation { alias: alias.to_lowercase(), ..self }
    }

    /// Whether it has a column; none: that is not known.
    pub fn has(&self, column: &str) -> Option<bool> {
        self.columns.as_ref().map(|columns| columns.contains(&column.to_uppercase()))
    }

    pub fn looks<'s>(&'s self, binds: &'s Binds) -> Option<Rows<'s>> {
        self.seen.as_ref().map(|(sample, _)| Rows { sample, binds })
    }

    /// Its rows that meet a condition on its columns alone.
    pub fn filter(&mut self, condition: &Value, binds: &Binds) {
        let met = self.looks(binds).and_then(|rows| rows.meets(condition));
        if let (Some(met), Some((sample, so_far))) = (met, &self.seen)
            && let Ok(both) = and_kleene(so_far, &met)
        {
            self.rows = sample.rows_that(&both).times(self.scale).wider(NEARLY);
            self.seen = Some((sample.clone(), both));
        } else {
            self.rows = self.rows.times(UNKNOWN);
        }
    }

    /// How many different values these expressions have together in its rows; none: they cannot be looked at.
    pub fn distinct(&self, keys: &[&Value], binds: &Binds) -> Option<Spread> {
        let rows = self.looks(binds)?;
        let values = keys.iter().map(|key| rows.value(key)?.spread_over(rows.count()));
        let values: Vec<ArrayRef> = values.collect::<Option<_>>()?;
        let (_, met) = self.seen.as_ref()?;
        Some(distinct(&frequencies(&values, met).ok()?, self.rows).wider(NEARLY))
    }

    /// The relation with columns made of its own; what cannot be made is left out. None where nothing of its values is known.
    pub fn projected(&self, items: &[(String, &Value)], binds: &Binds) -> Option<Relation> {
        let rows = self.looks(binds)?;
        let (sample, met) = self.seen.as_ref()?;
        let made =
            items.iter().filter_map(|(name, item)| Some((name.clone(), rows.value(item)?.spread_over(rows.count())?)));
        let (mut names, mut arrays) = (Vec::new(), Vec::new());
        for (name, array) in made {
            if !names.contains(&name) {
                names.push(name);
                arrays.push(array);
            }
        }
        let field = |(name, array): (&String, &ArrayRef)| Field::new(name, array.data_type().clone(), true);
        let fields: Vec<Field> = names.iter().zip(&arrays).map(field).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.count()));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).ok()?;
        let columns = items.iter().map(|(name, _)| name.to_uppercase()).collect();
        Some(Relation {
            alias: String::new(),
            columns: Some(Arc::new(columns)),
            rows: self.rows,
            seen: Some((Arc::new(sample.with(batch)), met.clone())),
            scale: self.scale,
        })
    }
}
