//! A profile as rows: one a column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, StructBuilder,
    UInt64Array, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Fields};

use super::form::{ColumnProfile, Profile};
use crate::base::{Error, Result};

impl Profile {
    /// One row a column of the dataset. `frequent` is a list of value, label and rows; `changes` is how many there are.
    ///
    /// # Errors
    /// None that is known of.
    pub fn to_batch(&self) -> Result<RecordBatch> {
        let text = |of: fn(&ColumnProfile) -> Option<&str>| -> ArrayRef {
            Arc::new(self.columns.iter().map(of).collect::<StringArray>())
        };
        let count = |of: fn(&ColumnProfile) -> u64| -> ArrayRef {
            Arc::new(self.columns.iter().map(|column| Some(of(column))).collect::<UInt64Array>())
        };
        let rows = self.rows;
        let share = |column: &ColumnProfile| (rows > 0).then(|| column.nulls as f64 / rows as f64);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("column", text(|column| Some(&column.name))),
            ("kind", text(|column| Some(&column.kind))),
            ("meaning", text(|column| column.meaning.as_deref())),
            ("rows", Arc::new(UInt64Array::from(vec![rows; self.columns.len()]))),
            ("nulls", count(|column| column.nulls)),
            ("null_share", Arc::new(self.columns.iter().map(share).collect::<Float64Array>())),
            ("distinct", count(|column| column.distinct)),
            (
                "distinct_exact",
                Arc::new(self.columns.iter().map(|column| Some(column.distinct_exact)).collect::<BooleanArray>()),
            ),
            ("min", text(|column| column.min.as_deref())),
            ("max", text(|column| column.max.as_deref())),
            ("frequent", Arc::new(self.frequent())),
            ("label_list", text(|column| column.label_list.as_deref())),
            ("unlabelled", count(|column| column.unlabelled)),
            ("bad_values", count(|column| column.bad_values)),
            ("changes", count(|column| column.changes.len() as u64)),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
            .map_err(Error::internal)
    }

    fn frequent(&self) -> arrow::array::ListArray {
        let fields = Fields::from(vec![
            Field::new("value", DataType::Utf8, true),
            Field::new("label", DataType::Utf8, true),
            Field::new("rows", DataType::UInt64, true),
        ]);
        let mut lists = ListBuilder::new(StructBuilder::from_fields(fields, 0));
        for column in &self.columns {
            for one in &column.frequent {
                let of = lists.values();
                if let Some(values) = of.field_builder::<StringBuilder>(0) {
                    values.append_value(&one.value);
                }
                if let Some(labels) = of.field_builder::<StringBuilder>(1) {
                    labels.append_option(one.label.as_deref());
                }
                if let Some(rows) = of.field_builder::<UInt64Builder>(2) {
                    rows.append_value(one.rows);
                }
                of.append(true);
            }
            lists.append(true);
        }
        lists.finish()
    }
}
