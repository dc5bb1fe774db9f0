//! The numbers of a column's words, row by row: a code is looked up once, however many rows have it.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, DictionaryArray, Int32Array, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

use super::derived::{COMPETENCIA, Derived, Number};
use super::known_codes::Phase;
use super::record::{Cells, Input, Record};
use super::short_codes::NONE;
use super::short_codes::ShortCodes;
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
        let phase = self.phase_in(&record);
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
        let words = || self.words().into_iter().flat_map(|words| words.iter().enumerate());
        let places = self.places.get_or_init(|| words().map(|(at, word)| (word.as_str().into(), at as u32)).collect());
        keys(texts.iter().map(|text| text.and_then(|text| places.get(text).copied()).unwrap_or(NONE)).collect())
    }

    /// Of records that are all of one competência: what that decides.
    fn phase_in(&self, record: &Record<'_>) -> Phase {
        match self.is_dated() {
            true => match record.text(self.inputs.len() - 1, 0) {
                Some(competencia) => self.phase(competencia),
                // No list is of that time: `(0, 1)` is no place of one.
                None => (self.holds(record, 0), (0, 1)),
            },
            false => (self.holds(record, 0), (0, 0)),
        }
    }

    fn is_dated(&self) -> bool {
        self.inputs.last().is_some_and(|name| name == COMPETENCIA)
    }

    /// The number of a row's word, in whatever year.
    pub(super) fn look(&self, record: &Record<'_>, row: usize, number: &Number) -> u32 {
        if self.holds(record, row) { number(record, row) } else { NONE }
    }

    pub(super) fn numbers_of_rows(&self, record: &Record<'_>, rows: usize, number: &Number) -> Vec<u32> {
        let dated = self.is_dated();
        let of_one = self.inputs.len() == 1 + usize::from(dated);
        if rows == 0 {
            return Vec::new();
        }
        let one_by_one = || (0..rows).map(|row| self.look(record, row, number)).collect();
        if !of_one || (dated && !record.is_same(self.inputs.len() - 1)) {
            return one_by_one();
        }
        let phase = self.phase_in(record);
        if !phase.0 {
            return vec![NONE; rows];
        }
        match record.cells(0) {
            // Codes are short, and few.
            Cells::Text(array) => {
                let (mut near, mut known) = (ShortCodes::new(), self.known.of(phase));
                let mut long: HashMap<&str, u32> = HashMap::new();
                let of_null = if array.null_count() == 0 { NONE } else { number_of_null(*array, record, number) };
                let (offsets, bytes) = (array.value_offsets(), array.value_data());
                let of_row = |row: usize| {
                    if array.is_null(row) {
                        return of_null;
                    }
                    let code = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
                    near.number(code, || known.number(code, || number(record, row)))
                        .unwrap_or_else(|| *long.entry(array.value(row)).or_insert_with(|| number(record, row)))
                };
                (0..rows).map(of_row).collect()
            }
            Cells::Int32(array) => {
                let mut known: HashMap<i32, u32> = HashMap::new();
                let of_null = number_of_null(*array, record, number);
                let numbers = array.iter().enumerate().map(|(row, value)| {
                    value.map_or(of_null, |value| *known.entry(value).or_insert_with(|| number(record, row)))
                });
                numbers.collect()
            }
            _ => one_by_one(),
        }
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

fn number_of_null(array: &dyn Array, record: &Record<'_>, number: &Number) -> u32 {
    (0..array.len()).find(|row| array.is_null(*row)).map_or(NONE, |row| number(record, row))
}

/// Numbers of words; none is NULL.
fn keys(numbers: Vec<u32>) -> Int32Array {
    let nulls = numbers
        .contains(&NONE)
        .then(|| NullBuffer::new(BooleanBuffer::collect_bool(numbers.len(), |row| numbers[row] != NONE)));
    let keys: Vec<i32> = numbers.into_iter().map(|number| i32::try_from(number).unwrap_or(0)).collect();
    Int32Array::new(ScalarBuffer::from(keys), nulls)
}
