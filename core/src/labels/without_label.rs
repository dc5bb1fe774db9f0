//! Codes that a list has no label for.

use std::collections::HashMap;

use arrow::array::{Array, DictionaryArray};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

use super::derived::{COMPETENCIA, Derived, Rule};
use super::numbers::{behind_dictionary, first_instead};
use super::record::{Input, Record};
use super::short_codes::NONE;
use crate::catalog::Dataset;
use crate::source::Unlabelled;

/// Codes that are told apart: columns of free text have as many as rows.
const MOST_CODES: usize = 10_000;
/// Codes that are named as examples.
const EXAMPLES: usize = 10;

/// A code without a label, and how often it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WithoutLabel {
    /// Rows that have such a code.
    pub rows: u64,
    /// Each code, and how many rows have it.
    pub codes: HashMap<String, u64>,
}

impl WithoutLabel {
    /// With those of other rows.
    pub fn merge(&mut self, other: &WithoutLabel) {
        self.rows += other.rows;
        other.codes.iter().for_each(|(code, rows)| self.add_code(code, *rows));
    }

    /// Ten of the codes, the most frequent first.
    pub fn most_frequent(&self) -> Vec<String> {
        let mut codes: Vec<(&String, &u64)> = self.codes.iter().collect();
        codes.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        codes.into_iter().take(EXAMPLES).map(|(code, _)| code.clone()).collect()
    }

    /// As reports say it, of a label of `dataset`; none where every code has one.
    pub fn of(&self, label: &Derived, dataset: &Dataset) -> Option<Unlabelled> {
        let column = label.coded().unwrap_or_default();
        (self.rows > 0).then(|| Unlabelled::new(dataset.clone(), column, self.rows, self.most_frequent()))
    }

    /// Whether there may have been more codes.
    pub(super) fn is_full(&self) -> bool {
        self.codes.len() >= MOST_CODES
    }

    fn add_code(&mut self, code: &str, rows: u64) {
        if let Some(known) = self.codes.get_mut(code) {
            *known += rows;
        } else if !self.is_full() {
            self.codes.insert(code.to_owned(), rows);
        }
    }

    /// `code`: bytes of Latin-1.
    fn add(&mut self, code: &[u8], rows: u64) {
        self.rows += rows;
        match std::str::from_utf8(code).ok().filter(|code| code.is_ascii()) {
            Some(code) => self.add_code(code, rows),
            None => self.add_code(&code.iter().copied().map(char::from).collect::<String>(), rows),
        }
    }
}

impl Derived {
    /// Codes of these rows that have no label; blank ones are not counted.
    pub fn without_label(&self, inputs: &[Input], rows: usize, into: &mut WithoutLabel) -> Result<(), ArrowError> {
        let Rule::Word { number, .. } = &self.rule else { return Ok(()) };
        let Some(codes) = behind_dictionary(inputs) else {
            let record = Record::of(inputs)?;
            self.codes_without(&record, &self.numbers_of_rows(&record, rows, number), |_| 1, into);
            return Ok(());
        };
        let numbers = self.numbers_of_values(inputs, codes, number)?;
        if numbers.contains(&NONE) {
            let of_values = first_instead(inputs, Input::Array(codes.values().clone()));
            let rows = rows_of(codes);
            self.codes_without(&Record::of(&of_values)?, &numbers, |at| rows[at], into);
        }
        Ok(())
    }

    /// The same of codes that have so many rows each.
    pub fn without_label_of(&self, inputs: &[Input], rows: &[u64], into: &mut WithoutLabel) -> Result<(), ArrowError> {
        let Rule::Word { number, .. } = &self.rule else { return Ok(()) };
        let record = Record::of(inputs)?;
        self.codes_without(&record, &self.numbers_of_rows(&record, rows.len(), number), |at| rows[at], into);
        Ok(())
    }

    fn codes_without(
        &self,
        record: &Record<'_>,
        numbers: &[u32],
        rows: impl Fn(usize) -> u64,
        into: &mut WithoutLabel,
    ) {
        let mut code = Vec::new();
        for (at, _) in numbers.iter().enumerate().filter(|(at, number)| **number == NONE && rows(*at) > 0) {
            if self.write_code(record, at, &mut code) {
                into.add(&code, rows(at));
            }
        }
    }

    /// The column whose codes it puts in words, where it needs no other one.
    pub fn code_alone(&self) -> Option<&str> {
        let mut of_record = self.inputs.iter().filter(|name| *name != COMPETENCIA);
        match (of_record.next(), of_record.next()) {
            (Some(name), None) => Some(name),
            _ => None,
        }
    }

    /// The characters of a row's code; false where it is blank.
    fn write_code(&self, record: &Record<'_>, row: usize, code: &mut Vec<u8>) -> bool {
        code.clear();
        let of_record = self.inputs.iter().filter(|name| *name != COMPETENCIA).count();
        if (0..of_record).all(|at| record.is_null(at, row)) {
            return false;
        }
        for at in 0..of_record {
            if at > 0 {
                code.push(b'+');
            }
            record.characters(at, row, None, code);
        }
        true
    }
}

/// How many rows have each value of a dictionary.
fn rows_of(codes: &DictionaryArray<Int32Type>) -> Vec<u64> {
    let mut rows = vec![0_u64; codes.values().len()];
    let keys = codes.keys();
    match codes.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => keys.values().iter().for_each(|key| rows[*key as usize] += 1),
        Some(nulls) => nulls.valid_indices().for_each(|row| rows[keys.value(row) as usize] += 1),
    }
    rows
}
