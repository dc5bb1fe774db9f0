//! The numbers of a column's words, row by row: a code is looked up once, however many rows have it.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{Array, AsArray, DictionaryArray, Int32Array, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

use super::derived::{COMPETENCIA, Derived, Number};
use super::known_codes::Phase;
use super::record::{Cells, Input, Record};
use super::short_codes::NONE;
use super::short_codes::ShortCodes;
use super::word_places::WordPlaces;
use crate::columnar::dictionary_type;

impl Derived {
    /// The number of each row's word; NULL: none.
    pub(super) fn numbers(&self, inputs: &[Input], rows: usize, number: &Number) -> Result<Int32Array, ArrowError> {
        match behind_dictionary(inputs) {
            Some(codes) => self.numbers_behind(inputs, codes, number),
            None => Ok(keys(self.numbers_of_rows(&Record::of(inputs)?, rows, number))),
        }
    }

    /// The same of codes behind a dictionary.
    fn numbers_behind(
        &self,
        inputs: &[Input],
        codes: &DictionaryArray<Int32Type>,
        number: &Number,
    ) -> Result<Int32Array, ArrowError> {
        let nulls = codes.nulls().filter(|nulls| nulls.null_count() > 0);
        let blank = first_instead(inputs, Input::Null);
        let of_blank = if nulls.is_some() { self.look(&Record::of(&blank)?, 0, number) } else { NONE };
        let of_values = self.numbers_of_values(inputs, codes, number)?;
        let of_code = |key: &i32| of_values.get(*key as usize).copied().unwrap_or(NONE);
        let values = codes.keys().values();
        Ok(keys(match nulls {
            None => values.iter().map(of_code).collect(),
            Some(nulls) => {
                let of_row = |(key, is_code): (&i32, bool)| if is_code { of_code(key) } else { of_blank };
                values.iter().zip(nulls.iter()).map(of_row).collect()
            }
        }))
    }

    /// The number of each value of a dictionary that has the codes; of a large one those alone that rows have.
    pub(super) fn numbers_of_values(
        &self,
        inputs: &[Input],
        codes: &DictionaryArray<Int32Type>,
        number: &Number,
    ) -> Result<Vec<u32>, ArrowError> {
        let values = codes.values().as_string::<i32>();
        let of_values = first_instead(inputs, Input::Array(codes.values().clone()));
        let record = Record::of(&of_values)?;
        let mut numbers = vec![NONE; values.len()];
        let phase = self.phase_at(&record, 0);
        if !phase.0 {
            return Ok(numbers);
        }
        let mut known = self.known.of(phase);
        let mut set = |at: usize| {
            numbers[at] = match values.is_null(at) {
                true => number(&record, at),
                false => known.number(values.value(at).as_bytes(), || number(&record, at)),
            };
        };
        if codes.len() >= values.len() {
            (0..values.len()).for_each(set);
        } else {
            let mut seen = vec![false; values.len()];
            for at in codes.keys_iter().flatten().filter(|at| *at < values.len()) {
                if !std::mem::replace(&mut seen[at], true) {
                    set(at);
                }
            }
        }
        Ok(numbers)
    }

    /// The places of texts among its words.
    pub fn places_of(&self, texts: &StringArray) -> Int32Array {
        let Some(words) = self.words() else { return Int32Array::new_null(texts.len()) };
        let places = self.places.get_or_init(|| WordPlaces::of(words));
        keys(texts.iter().map(|text| text.and_then(|text| places.find(words, text)).unwrap_or(NONE)).collect())
    }

    /// What the competência of a record decides.
    fn phase_at(&self, record: &Record<'_>, row: usize) -> Phase {
        match self.is_dated() {
            true => match record.text(self.inputs.len() - 1, row) {
                Some(competencia) => self.phase(competencia),
                // No list is of that time: `(0, 1)` is no place of one.
                None => (self.holds(record, row), (0, 1)),
            },
            false => (self.holds(record, row), (0, 0)),
        }
    }

    /// Rows one behind the other that are in one phase.
    fn runs(&self, record: &Record<'_>, rows: usize) -> Vec<(Range<usize>, Phase)> {
        let last = self.inputs.len() - 1;
        if !self.is_dated() || record.is_same(last) {
            return vec![(0..rows, self.phase_at(record, 0))];
        }
        let mut runs: Vec<(Range<usize>, Phase)> = Vec::new();
        let mut phases: HashMap<Option<&str>, Phase> = HashMap::new();
        let mut before = None;
        for row in 0..rows {
            let competencia = record.text(last, row);
            let is_as_before = before.replace(competencia) == Some(competencia);
            let phase = match runs.last() {
                Some((_, phase)) if is_as_before => *phase,
                _ => *phases.entry(competencia).or_insert_with(|| self.phase_at(record, row)),
            };
            match runs.last_mut() {
                Some((run, of_run)) if *of_run == phase => run.end = row + 1,
                _ => runs.push((row..row + 1, phase)),
            }
        }
        runs
    }

    fn is_dated(&self) -> bool {
        self.inputs.last().is_some_and(|name| name == COMPETENCIA)
    }

    /// The number of a row's word, in whatever year.
    pub(super) fn look(&self, record: &Record<'_>, row: usize, number: &Number) -> u32 {
        if self.holds(record, row) { number(record, row) } else { NONE }
    }

    pub(super) fn numbers_of_rows(&self, record: &Record<'_>, rows: usize, number: &Number) -> Vec<u32> {
        if rows == 0 {
            return Vec::new();
        }
        let of_one = self.inputs.len() == 1 + usize::from(self.is_dated());
        match record.cells(0) {
            // Codes are short, and few.
            Cells::Text(array) if of_one => self.by_codes(record, rows, |phase| {
                let (mut near, mut known) = (ShortCodes::of_rows(rows), self.known.of(phase));
                let (mut long, mut of_null) = (HashMap::new(), None);
                let (offsets, bytes) = (array.value_offsets(), array.value_data());
                move |row| {
                    if array.is_null(row) {
                        return *of_null.get_or_insert_with(|| number(record, row));
                    }
                    let code = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
                    near.number(code, || known.number(code, || number(record, row)))
                        .unwrap_or_else(|| *long.entry(array.value(row)).or_insert_with(|| number(record, row)))
                }
            }),
            Cells::Int32(array) if of_one => self.by_codes(record, rows, |_| {
                let mut known = HashMap::new();
                move |row| {
                    let value = array.is_valid(row).then(|| array.value(row));
                    *known.entry(value).or_insert_with(|| number(record, row))
                }
            }),
            _ => (0..rows).map(|row| self.look(record, row, number)).collect(),
        }
    }

    /// A number is the same for all rows of one code in one phase: `of` gives what looks each code of a phase up once.
    fn by_codes<N: FnMut(usize) -> u32>(&self, record: &Record<'_>, rows: usize, of: impl Fn(Phase) -> N) -> Vec<u32> {
        let mut of_phases: Vec<(Phase, N)> = Vec::new();
        let mut numbers = Vec::with_capacity(rows);
        for (run, phase) in self.runs(record, rows) {
            if !phase.0 {
                numbers.resize(run.end, NONE);
                continue;
            }
            let at = of_phases.iter().position(|(known, _)| *known == phase).unwrap_or_else(|| {
                of_phases.push((phase, of(phase)));
                of_phases.len() - 1
            });
            numbers.extend(run.map(&mut of_phases[at].1));
        }
        numbers
    }
}

/// Codes behind a dictionary, where all else is the same in every row.
pub(super) fn behind_dictionary(inputs: &[Input]) -> Option<&DictionaryArray<Int32Type>> {
    let of_one = inputs.iter().skip(1).all(|input| !matches!(input, Input::Array(_)));
    match inputs.first() {
        Some(Input::Array(codes)) if of_one && *codes.data_type() == dictionary_type() => codes.as_dictionary_opt(),
        _ => None,
    }
}

/// The same inputs with another one in the first one's place.
pub(super) fn first_instead(inputs: &[Input], first: Input) -> Vec<Input> {
    [first].into_iter().chain(inputs.iter().skip(1).cloned()).collect()
}

/// Numbers of words; none is NULL.
fn keys(numbers: Vec<u32>) -> Int32Array {
    let nulls = numbers
        .contains(&NONE)
        .then(|| NullBuffer::new(BooleanBuffer::collect_bool(numbers.len(), |row| numbers[row] != NONE)));
    let keys: Vec<i32> = numbers.into_iter().map(|number| i32::try_from(number).unwrap_or(0)).collect();
    Int32Array::new(ScalarBuffer::from(keys), nulls)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::derived::Rule;
    use super::*;
    use crate::catalog::Catalog;
    use crate::labels::derived_columns;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// Records of many competências have together the words that each has alone.
        #[test]
        fn a_record_has_the_same_word_beside_those_of_other_competencias(
            rows in proptest::collection::vec(("[A-Z0-9]?[0-9]{0,4}", 0..40_u32, any::<bool>()), 1..60)
        ) {
            let competencia = |nth: u32| (nth > 0).then(|| format!("{}{:02}", 1990 + nth, 1 + nth % 12));
            let codes: StringArray = rows.iter().map(|(code, _, is_null)| (!is_null).then_some(code)).collect();
            let when: StringArray = rows.iter().map(|(_, nth, _)| competencia(*nth)).collect();
            let inputs = [Input::Array(Arc::new(codes)), Input::Array(Arc::new(when))];
            let of = |row: usize| inputs.iter().map(|input| match input {
                Input::Array(array) => Input::Array(array.slice(row, 1)),
                other => other.clone(),
            }).collect::<Vec<_>>();
            for dataset in ["SIH-RD", "SIM-DO", "CNES-ST"] {
                for one in derived_columns(Catalog::builtin().dataset(dataset).expect("of the catalogue")).iter() {
                    if !one.has_words() || one.inputs.len() != 2 || !one.is_dated() {
                        continue;
                    }
                    let together = one.compute_numbers(&inputs, rows.len()).expect("texts");
                    for (row, of_row) in rows.iter().enumerate() {
                        // What was looked up before is kept: each alone by a look of its own.
                        let Rule::Word { number, .. } = &one.rule else { unreachable!("it has words") };
                        let alone = of(row);
                        let alone = one.look(&Record::of(&alone).expect("texts"), 0, number);
                        let found = together.as_primitive::<Int32Type>();
                        let found = if found.is_null(row) { NONE } else { found.value(row) as u32 };
                        prop_assert_eq!(found, alone, "{} {:?}", one.name, of_row);
                    }
                }
            }
        }
    }
}
