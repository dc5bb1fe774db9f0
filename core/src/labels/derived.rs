//! A column that a table has because its name is written: made from others, by one rule, wherever it is computed.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array, StringArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{TakeOptions, take};
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;

use super::short_codes::ShortCodes;

use super::list::NONE;
use super::record::{Cells, Input, Record};
use crate::base::Text;
use crate::catalog::LogicalType;

/// The competência of a record's file, beside its columns; the last input of a rule that holds for some years.
pub(super) const COMPETENCIA: &str = "datasus_competencia";

type Number = dyn Fn(&Record<'_>, usize) -> u32 + Send + Sync;
type Whole = dyn Fn(&Record<'_>, usize) -> Option<i64> + Send + Sync;
type Decimal = dyn Fn(&Record<'_>, usize) -> Option<i128> + Send + Sync;
type Phase = dyn Fn(&str) -> (usize, usize) + Send + Sync;
type Day = dyn Fn(&Record<'_>, usize) -> Option<i32> + Send + Sync;

/// How its values are made.
pub(super) enum Rule {
    /// One of few words, by their number.
    Word {
        words: Arc<Vec<String>>,
        number: Box<Number>,
    },
    Whole(Box<Whole>),
    /// In units of its last digit.
    Decimal(Box<Decimal>),
    Day(Box<Day>),
}

/// A label's column, or a derived one.
pub struct Derived {
    /// `SIH-RD`.
    pub dataset: String,
    /// As it is written; asked for in any case.
    pub name: String,
    /// Its type.
    pub kind: LogicalType,
    /// The columns that it is made of, and where its rule holds for some years alone (`competencia`), last.
    pub inputs: Vec<String>,
    /// The column whose codes it puts in words; none: it is derived.
    pub label_of: Option<String>,
    /// The list that its words are from.
    pub list: Option<String>,
    /// What it says.
    pub meaning: Text,
    /// What says so.
    pub source: String,
    /// The kits that its words are of, where they were fetched.
    pub(super) edition: Option<String>,
    /// First and last competência, both included.
    pub(super) era: Option<(Option<String>, Option<String>)>,
    /// Of a label: which of its lists a competência has, and which of that list's dates.
    pub(super) lists_at: Option<Box<Phase>>,
    /// Its words as an array, once they were asked for.
    pub(super) word_array: OnceLock<StringArray>,
    pub(super) rule: Rule,
}

impl std::fmt::Debug for Derived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.id())
    }
}

impl PartialEq for Derived {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

/// A code without a label, and how often it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WithoutLabel {
    /// Rows that have such a code.
    pub rows: u64,
    /// Each code, and how many rows have it.
    pub codes: HashMap<String, u64>,
}

impl Derived {
    /// How a statement names it: `SIH-RD/SEXO_rotulo`, and behind `@` the kits that were fetched.
    pub fn id(&self) -> String {
        let edition = self.edition.as_ref().map(|edition| format!("@{edition}")).unwrap_or_default();
        format!("{}/{}{edition}", self.dataset, self.name)
    }

    /// Its words in their order, where it has words.
    pub fn words(&self) -> Option<&Arc<Vec<String>>> {
        match &self.rule {
            Rule::Word { words, .. } => Some(words),
            Rule::Whole(_) | Rule::Decimal(_) | Rule::Day(_) => None,
        }
    }

    /// Its type where words stand behind a dictionary.
    pub fn encoded(&self) -> DataType {
        match self.rule {
            Rule::Word { .. } => dictionary_type(),
            _ => self.kind.arrow(),
        }
    }

    /// Its values for the rows of `inputs`. `encoded`: words stand behind a dictionary.
    pub fn compute(&self, inputs: &[Input], rows: usize, encoded: bool) -> Result<ArrayRef, ArrowError> {
        Ok(match &self.rule {
            Rule::Word { number, .. } => self.words_of(&keys(self.numbers(inputs, rows, number)?), encoded)?,
            Rule::Whole(value) => {
                let values = self.each(inputs, rows, value)?;
                match self.kind.arrow() {
                    DataType::Int64 => Arc::new(Int64Array::from(values)),
                    _ => {
                        let narrow = |value: Option<i64>| i32::try_from(value?).ok();
                        Arc::new(values.into_iter().map(narrow).collect::<Int32Array>())
                    }
                }
            }
            Rule::Decimal(value) => {
                let units = Decimal128Array::from(self.each(inputs, rows, value)?);
                Arc::new(units.with_data_type(self.kind.arrow()))
            }
            Rule::Day(value) => Arc::new(Date32Array::from(self.each(inputs, rows, value)?)),
        })
    }

    /// The value of each row in which the rule holds.
    fn each<T>(
        &self,
        inputs: &[Input],
        rows: usize,
        value: &dyn Fn(&Record<'_>, usize) -> Option<T>,
    ) -> Result<Vec<Option<T>>, ArrowError> {
        let record = Record::of(inputs)?;
        let holds = self.era_of(&record, rows);
        Ok((0..rows).map(|row| if holds.includes(&record, row) { value(&record, row) } else { None }).collect())
    }

    /// The numbers of its words for the rows of `inputs`, which [`Derived::words_of`] reads; of what has no words, its values.
    pub fn compute_numbers(&self, inputs: &[Input], rows: usize) -> Result<ArrayRef, ArrowError> {
        let Rule::Word { number, .. } = &self.rule else { return self.compute(inputs, rows, false) };
        Ok(Arc::new(keys(self.numbers(inputs, rows, number)?)))
    }

    /// Words by their numbers. `encoded`: they stand behind a dictionary.
    pub fn words_of(&self, numbers: &Int32Array, encoded: bool) -> Result<ArrayRef, ArrowError> {
        if encoded {
            return self.encode(numbers);
        }
        let options = TakeOptions { check_bounds: true };
        take(self.word_array(), numbers, Some(options))
    }

    /// Its words, in their order; none where it has no words.
    fn word_array(&self) -> &StringArray {
        let words = || self.words().into_iter().flat_map(|words| words.iter()).map(Some).collect();
        self.word_array.get_or_init(words)
    }

    fn encode(&self, numbers: &Int32Array) -> Result<ArrayRef, ArrowError> {
        let all = self.word_array();
        if all.len() <= FEW {
            // Of the batch's own: its buffers are counted for as long as anybody holds them, and ours are held for ever.
            let (offsets, bytes) = (all.value_offsets().to_vec(), all.value_data().to_vec());
            let own = StringArray::try_new(OffsetBuffer::new(offsets.into()), bytes.into(), None)?;
            return Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(numbers.clone(), Arc::new(own))?));
        }
        // The words that the rows use, in their order, and where each stands among them.
        let mut places = vec![-1_i32; all.len()];
        let place = |number: i32| usize::try_from(number).ok().filter(|number| *number < all.len());
        for number in numbers.iter().flatten().filter_map(place) {
            places[number] = 0;
        }
        let mut used: Vec<i32> = Vec::new();
        for (number, place) in places.iter_mut().enumerate().filter(|(_, place)| **place == 0) {
            *place = used.len() as i32;
            used.push(number as i32);
        }
        let placed: Int32Array = numbers.iter().map(|number| Some(places[place(number?)?])).collect();
        let values = take(all, &Int32Array::from(used), None)?;
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(placed, values)?))
    }

    /// Codes of these rows that have no label; blank ones are not counted.
    pub fn without_label(&self, inputs: &[Input], rows: usize, into: &mut WithoutLabel) -> Result<(), ArrowError> {
        let Rule::Word { number, .. } = &self.rule else { return Ok(()) };
        let record = Record::of(inputs)?;
        let numbers = self.numbers_of_rows(&record, rows, number);
        let of_record = self.inputs.iter().filter(|name| *name != COMPETENCIA).count();
        for (row, _) in numbers.iter().enumerate().filter(|(_, number)| **number == NONE) {
            if (0..of_record).all(|at| record.is_null(at, row)) {
                continue;
            }
            let mut code = Vec::new();
            for at in 0..of_record {
                if at > 0 {
                    code.push(b'+');
                }
                record.characters(at, row, None, &mut code);
            }
            into.rows += 1;
            let code: String = code.into_iter().map(char::from).collect();
            // Columns of free text have as many codes as rows.
            if into.codes.len() < 10_000 || into.codes.contains_key(&code) {
                *into.codes.entry(code).or_default() += 1;
            }
        }
        Ok(())
    }

    /// What a competência decides of it: records of two in the same phase have the same value where their columns have.
    pub fn phase(&self, competencia: &str) -> (bool, (usize, usize)) {
        let lists = self.lists_at.as_ref().map(|lists_at| lists_at(competencia));
        (self.holds_at(Some(competencia)), lists.unwrap_or_default())
    }

    /// Whether the rule holds in the year of the row's file.
    fn holds(&self, record: &Record<'_>, row: usize) -> bool {
        self.era.is_none() || self.holds_at(record.text(self.inputs.len() - 1, row))
    }

    fn holds_at(&self, competencia: Option<&str>) -> bool {
        let Some((from, to)) = &self.era else { return true };
        let Some(when) = competencia else { return false };
        from.as_deref().is_none_or(|from| &when[..when.len().min(from.len())] >= from)
            && to.as_deref().is_none_or(|to| &when[..when.len().min(to.len())] <= to)
    }

    /// In which rows it holds, looked at once where they are all of one competência.
    fn era_of(&self, record: &Record<'_>, rows: usize) -> Era<'_> {
        match self.era {
            None => Era::All(true),
            Some(_) if rows > 0 && record.is_same(self.inputs.len() - 1) => Era::All(self.holds(record, 0)),
            Some(_) => Era::Each(self),
        }
    }

    /// The number of each row's word. Codes behind a dictionary are looked up once each, those alone that rows have.
    fn numbers(&self, inputs: &[Input], rows: usize, number: &Number) -> Result<Vec<u32>, ArrowError> {
        let of_one = |inputs: &[Input]| inputs.iter().skip(1).all(|input| !matches!(input, Input::Array(_)));
        let codes = match inputs.first() {
            Some(Input::Array(codes)) if *codes.data_type() == dictionary_type() && of_one(inputs) => codes,
            _ => return Ok(self.numbers_of_rows(&Record::of(inputs)?, rows, number)),
        };
        let codes = codes.as_dictionary::<Int32Type>();
        let of = |first: Input| [first].into_iter().chain(inputs.iter().skip(1).cloned()).collect::<Vec<_>>();
        let (of_values, of_blank) = (of(Input::Array(codes.values().clone())), of(Input::Null));
        let (values, blank) = (Record::of(&of_values)?, Record::of(&of_blank)?);
        let look = |record: &Record<'_>, at| if self.holds(record, at) { number(record, at) } else { NONE };
        let of_blank = if codes.null_count() > 0 { look(&blank, 0) } else { NONE };
        let mut known: Vec<Option<u32>> = vec![None; codes.values().len()];
        let of_row =
            |code: Option<usize>| code.map_or(of_blank, |at| *known[at].get_or_insert_with(|| look(&values, at)));
        Ok(codes.keys_iter().map(of_row).collect())
    }

    fn numbers_of_rows(&self, record: &Record<'_>, rows: usize, number: &Number) -> Vec<u32> {
        let dated = self.inputs.last().is_some_and(|name| name == COMPETENCIA);
        let of_one = self.inputs.len() == 1 + usize::from(dated);
        if rows == 0 {
            return Vec::new();
        }
        let one_by_one =
            || (0..rows).map(|row| if self.holds(record, row) { number(record, row) } else { NONE }).collect();
        if !of_one || (dated && !record.is_same(self.inputs.len() - 1)) {
            return one_by_one();
        }
        if !self.holds(record, 0) {
            return vec![NONE; rows];
        }
        match record.cells(0) {
            // Codes are short, and few.
            Cells::Text(array) => {
                let mut known = ShortCodes::new();
                let mut long: HashMap<&str, u32> = HashMap::new();
                let of_null = if array.null_count() == 0 { NONE } else { number_of_null(*array, record, number) };
                let (offsets, bytes) = (array.value_offsets(), array.value_data());
                let of_row = |row: usize| {
                    if array.is_null(row) {
                        return of_null;
                    }
                    let code = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
                    known
                        .number(code, || number(record, row))
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

/// Rows in which a rule holds.
enum Era<'d> {
    All(bool),
    Each(&'d Derived),
}

impl Era<'_> {
    fn includes(&self, record: &Record<'_>, row: usize) -> bool {
        match self {
            Era::All(holds) => *holds,
            Era::Each(derived) => derived.holds(record, row),
        }
    }
}

fn number_of_null(array: &dyn Array, record: &Record<'_>, number: &Number) -> u32 {
    (0..array.len()).find(|row| array.is_null(*row)).map_or(NONE, |row| number(record, row))
}

/// The type of words behind a dictionary.
pub fn dictionary_type() -> DataType {
    DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into())
}

/// A dictionary of more words than this has those alone that a batch uses.
const FEW: usize = 256;

/// Numbers of words; none is NULL.
fn keys(numbers: Vec<u32>) -> Int32Array {
    let nulls = numbers.contains(&NONE).then(|| numbers.iter().map(|number| *number != NONE).collect::<NullBuffer>());
    let keys: Vec<i32> = numbers.into_iter().map(|number| i32::try_from(number).unwrap_or(0)).collect();
    Int32Array::new(ScalarBuffer::from(keys), nulls)
}

/// Texts of `derived` as they stand behind a dictionary: what an engine without one has made of them.
pub fn encode_texts(derived: &Derived, texts: &StringArray) -> Result<ArrayRef, ArrowError> {
    let none = Arc::new(Vec::new());
    let words = derived.words().unwrap_or(&none);
    let places: HashMap<&str, u32> = words.iter().enumerate().map(|(at, word)| (word.as_str(), at as u32)).collect();
    let numbers: Vec<u32> =
        texts.iter().map(|text| text.and_then(|text| places.get(text).copied()).unwrap_or(NONE)).collect();
    derived.encode(&keys(numbers))
}
