//! Conditions on raw fields, looked at before any value is built.

use std::collections::BTreeSet;

use super::Header;
use super::binary::{AsText, as_text};
use super::values::{bare, trimmed};

/// All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// Which all have to hold.
    pub conditions: Vec<Condition>,
}

/// A test of one field's bytes (latin-1), without trailing blanks and NULs; a number's also without leading ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Index in the header's fields.
    pub field: usize,
    /// What is asked of the field.
    pub test: Test,
}

/// What is asked of a field's bytes, without the blanks at their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// The same bytes.
    Equals(Vec<u8>),
    /// One of these.
    In(BTreeSet<Vec<u8>>),
    /// Begins so.
    Prefix(Vec<u8>),
    /// Both ends included, by bytes.
    Range(Vec<u8>, Vec<u8>),
}

impl RowFilter {
    pub(super) fn keeps(&self, record: &[u8], header: &Header) -> bool {
        self.conditions.iter().all(|condition| {
            let Some(field) = header.fields.get(condition.field) else { return false };
            let Some(raw) = record.get(field.offset..field.offset + field.width) else { return false };
            // As the column's text would be.
            let mut written = Vec::new();
            let value = if field.stored.is_binary() {
                let kept = as_text(field.stored, raw, false, &mut written) == AsText::Written;
                if kept { written.as_slice() } else { &[] }
            } else if field.is_number() {
                bare(raw)
            } else {
                trimmed(raw)
            };
            match &condition.test {
                Test::Equals(wanted) => value == wanted,
                Test::In(set) => set.contains(value),
                Test::Prefix(prefix) => value.starts_with(prefix),
                Test::Range(low, high) => low.as_slice() <= value && value <= high.as_slice(),
            }
        })
    }
}
