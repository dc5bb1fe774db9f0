//! A column that a table has because its name is written: made from others, by one rule, wherever it is computed.

use std::sync::{Arc, OnceLock};

use arrow::array::{
    Array, ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array, StringArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::{TakeOptions, take};
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;

use super::known_codes::{KnownCodes, Phase};
use super::list_words::ColumnWords;
use super::record::{Input, Record};
use super::word_list::WordList;
use super::word_places::WordPlaces;
use crate::base::Text;
use crate::catalog::LogicalType;
use crate::columnar::dictionary_type;

/// The competência of a record's file, beside its columns; the last input of a rule that holds for some years.
pub(super) const COMPETENCIA: &str = "datasus_competencia";
/// Of a label as the table writes it.
pub(super) const OFFICIAL_SUFFIX: &str = "_rotulo_oficial";

pub(super) type Number = dyn Fn(&Record<'_>, usize) -> u32 + Send + Sync;
type Whole = dyn Fn(&Record<'_>, usize) -> Option<i64> + Send + Sync;
/// A rule's values in all rows at once; none: the columns are of other types.
pub(super) type WholeColumn = fn(&Record<'_>) -> Option<Int32Array>;
type Decimal = dyn Fn(&Record<'_>, usize) -> Option<i128> + Send + Sync;
type ListsAt = dyn Fn(&str) -> (usize, usize) + Send + Sync;
type Day = dyn Fn(&Record<'_>, usize) -> Option<i32> + Send + Sync;

/// How its values are made.
pub(super) enum Rule {
    /// One of few words, by their number.
    Word {
        words: ColumnWords,
        number: Box<Number>,
    },
    /// By row, and of whole columns where they have the types that this is made for.
    Whole(Box<Whole>, Option<WholeColumn>),
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
    pub(super) lists_at: Option<Box<ListsAt>>,
    /// The place of each word, once it was asked for.
    pub(super) places: OnceLock<WordPlaces>,
    /// Codes whose words were looked up.
    pub(super) known: KnownCodes,
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

impl Derived {
    /// The column whose codes it has words for, its own or the table's.
    pub fn coded(&self) -> Option<&str> {
        self.label_of.as_deref().or_else(|| self.name.strip_suffix(OFFICIAL_SUFFIX))
    }

    /// How a statement names it: `SIH-RD/SEXO_rotulo`, and behind `@` the kits that were fetched.
    pub fn id(&self) -> String {
        let edition = self.edition.as_ref().map(|edition| format!("@{edition}")).unwrap_or_default();
        format!("{}/{}{edition}", self.dataset, self.name)
    }

    fn is_unread(&self) -> bool {
        matches!(&self.rule, Rule::Word { words, .. } if words.is_unread())
    }

    /// Its words in their order, where it has words.
    pub fn words(&self) -> Option<&WordList> {
        match &self.rule {
            Rule::Word { words, .. } => Some(words.all()),
            Rule::Whole(..) | Rule::Decimal(_) | Rule::Day(_) => None,
        }
    }

    /// Whether its values are words, which none of the lists is read for.
    pub fn has_words(&self) -> bool {
        matches!(self.rule, Rule::Word { .. })
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
            Rule::Word { number, .. } => self.words_of(&self.numbers(inputs, rows, number)?, encoded)?,
            Rule::Whole(value, column) => {
                if let Some(column) = column.filter(|_| self.era.is_none() && self.kind.arrow() == DataType::Int32)
                    && let Some(values) = column(&Record::of(inputs)?)
                {
                    return Ok(Arc::new(values));
                }
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
        Ok(Arc::new(self.numbers(inputs, rows, number)?))
    }

    /// Words by their numbers. `encoded`: they stand behind a dictionary.
    pub fn words_of(&self, numbers: &Int32Array, encoded: bool) -> Result<ArrayRef, ArrowError> {
        if encoded {
            return self.encode(numbers);
        }
        let options = TakeOptions { check_bounds: true };
        take(self.word_array()?, numbers, Some(options))
    }

    fn word_array(&self) -> Result<&StringArray, ArrowError> {
        let none = || ArrowError::InvalidArgumentError(format!("{} has no words", self.name));
        self.words().map(WordList::array).ok_or_else(none)
    }

    fn encode(&self, numbers: &Int32Array) -> Result<ArrayRef, ArrowError> {
        let all = self.word_array()?;
        if all.len() <= FEW {
            // Of the batch's own: its buffers are counted for as long as anybody holds them, and ours are held for ever.
            let (offsets, bytes) = (all.value_offsets().to_vec(), all.value_data().to_vec());
            let own = StringArray::try_new(OffsetBuffer::new(offsets.into()), bytes.into(), None)?;
            return Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(numbers.clone(), Arc::new(own))?));
        }
        // The words that the rows use, in their order, and where each stands among them.
        let nulls = numbers.nulls().filter(|nulls| nulls.null_count() > 0);
        let mut places = vec![UNUSED; all.len()];
        let mut mark = |number: i32| match usize::try_from(number).ok().and_then(|number| places.get_mut(number)) {
            Some(place) => {
                *place = 0;
                Ok(())
            }
            None => Err(ArrowError::InvalidArgumentError(format!("{} has no word {number}", self.name))),
        };
        match nulls {
            None => numbers.values().iter().try_for_each(|number| mark(*number))?,
            Some(nulls) => nulls.valid_indices().try_for_each(|row| mark(numbers.value(row)))?,
        }
        let mut used: Vec<i32> = Vec::new();
        for (number, place) in places.iter_mut().enumerate().filter(|(_, place)| **place != UNUSED) {
            *place = used.len() as i32;
            used.push(number as i32);
        }
        let place = |number: &i32| places.get(*number as usize).map_or(0, |place| (*place).max(0));
        let placed = numbers.values().iter().map(place).collect::<ScalarBuffer<i32>>();
        let placed = Int32Array::new(placed, nulls.cloned());
        let values = take(all, &Int32Array::from(used), None)?;
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(placed, values)?))
    }

    /// What a competência decides of it: records of two in the same phase have the same value where their columns have.
    pub fn phase(&self, competencia: &str) -> Phase {
        let lists = self.lists_at.as_ref().map(|lists_at| lists_at(competencia));
        (self.holds_at(Some(competencia)), lists.unwrap_or_default())
    }

    /// Whether the rule holds in the year of the row's file.
    pub(super) fn holds(&self, record: &Record<'_>, row: usize) -> bool {
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
}

/// Has the words of these columns made beside whatever else a query needs first. Nothing depends on it.
pub fn read_ahead(columns: &[Arc<Derived>]) {
    let unread: Vec<Arc<Derived>> = columns.iter().filter(|one| one.is_unread()).cloned().collect();
    if !unread.is_empty() {
        let read = move || {
            unread.iter().for_each(|one| {
                let _ = one.words();
            })
        };
        drop(std::thread::Builder::new().name("datasus-words".into()).spawn(read));
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

/// A dictionary of more words than this has those alone that a batch uses.
const FEW: usize = 256;
/// The place of a word that no row has.
const UNUSED: i32 = -1;

/// Texts of `derived` as they stand behind a dictionary: what an engine without one has made of them.
pub fn encode_texts(derived: &Derived, texts: &StringArray) -> Result<ArrayRef, ArrowError> {
    derived.encode(&derived.places_of(texts))
}
