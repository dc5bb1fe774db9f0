//! What one pass over its rows learns of a column, in a bounded memory.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::cells::{Cells, Held, held, shown};
use super::sketch::Sketch;

/// Different values of a column that are counted one by one.
pub(super) const MOST_VALUES: usize = 50_000;
/// Values that stay where memory is to be given back.
const LEAST_VALUES: usize = 1_000;
/// Up to so many different values a column's are counted by competência.
const FEW: usize = 256;
/// What a counted value takes beside its characters, about.
const ENTRY: usize = 64;

/// A value that is not counted by itself.
const OTHER: u32 = u32::MAX;

/// A column, until now.
pub(super) struct Seen {
    kind: DataType,
    values: Values,
    pub nulls: u64,
    /// NULLs in each competência, by its number.
    pub nulls_in: Vec<u64>,
}

enum Values {
    Text(Counted<Box<str>>),
    Number(Counted<i128>),
}

/// A value, how many rows have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frequent {
    pub value: String,
    pub rows: u64,
    /// Where it is counted by competência.
    pub number: Option<usize>,
}

/// What is counted.
trait Value: Hash + Eq + Ord + ToOwned {
    fn add_to(&self, sketch: &mut Sketch);
    fn bytes(&self) -> usize;
}

impl Value for str {
    fn add_to(&self, sketch: &mut Sketch) {
        sketch.add(self.as_bytes());
    }

    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Value for i128 {
    fn add_to(&self, sketch: &mut Sketch) {
        sketch.add(&self.to_le_bytes());
    }

    fn bytes(&self) -> usize {
        size_of::<i128>()
    }
}

struct Counted<K> {
    numbers: HashMap<K, u32>,
    rows: Vec<u64>,
    /// By competência, then by number; none once there are too many values.
    rows_in: Option<Vec<Vec<u64>>>,
    bytes: usize,
    range: Option<(K, K)>,
    /// Once not every value is counted: all of them.
    sketch: Option<Sketch>,
    /// Rows whose value is not counted by itself.
    others: u64,
}

impl Seen {
    pub fn new(kind: &DataType) -> Self {
        let values = match held(kind) {
            Held::Text => Values::Text(Counted::new()),
            Held::Number => Values::Number(Counted::new()),
        };
        Seen { kind: kind.clone(), values, nulls: 0, nulls_in: Vec::new() }
    }

    /// Takes rows of a batch, by competência: so many rows of this number each.
    pub fn add(&mut self, array: &ArrayRef, runs: &[(Range<usize>, usize)]) -> Result<(), ArrowError> {
        let cells = Cells::of(array)?;
        for (rows, competencia) in runs {
            if self.nulls_in.len() <= *competencia {
                self.nulls_in.resize(competencia + 1, 0);
            }
            let nulls = match (&mut self.values, &cells) {
                (Values::Text(values), Cells::Text(texts)) => {
                    values.add(rows.clone(), *competencia, |row| texts.is_valid(row).then(|| texts.value(row)))
                }
                (Values::Number(values), Cells::Number(numbers, array)) => {
                    values.add(rows.clone(), *competencia, |row| array.is_valid(row).then(|| &numbers[row]))
                }
                _ => return Err(ArrowError::SchemaError(format!("a column of {} became another", self.kind))),
            };
            self.nulls += nulls;
            self.nulls_in[*competencia] += nulls;
        }
        Ok(())
    }

    /// Memory that the counts take, about.
    pub fn bytes(&self) -> usize {
        match &self.values {
            Values::Text(values) => values.bytes,
            Values::Number(values) => values.bytes,
        }
    }

    /// Counts no more values than the most frequent of now.
    pub fn give_back(&mut self) {
        match &mut self.values {
            Values::Text(values) => values.keep::<str>(LEAST_VALUES),
            Values::Number(values) => values.keep::<i128>(LEAST_VALUES),
        }
    }

    /// Different values, and whether that is no estimate.
    pub fn distinct(&self) -> (u64, bool) {
        match &self.values {
            Values::Text(values) => values.distinct(),
            Values::Number(values) => values.distinct(),
        }
    }

    /// The least and the greatest value.
    pub fn range(&self) -> Option<(String, String)> {
        match &self.values {
            Values::Text(values) => values.range.as_ref().map(|(low, high)| (low.to_string(), high.to_string())),
            Values::Number(values) => {
                values.range.as_ref().map(|(low, high)| (shown(&self.kind, *low), shown(&self.kind, *high)))
            }
        }
    }

    /// The greatest value in its units, where it is a number.
    pub fn numbers(&self) -> Option<(i128, i128)> {
        match &self.values {
            Values::Number(values) => values.range,
            Values::Text(_) => None,
        }
    }

    /// The `most` most frequent values: those that are so for certain.
    pub fn frequent(&self, most: usize) -> Vec<Frequent> {
        match &self.values {
            Values::Text(values) => values.frequent(most, |text| text.to_string()),
            Values::Number(values) => values.frequent(most, |number| shown(&self.kind, *number)),
        }
    }

    /// Rows of a competência that have the value of this number; none where they are not counted.
    pub fn rows_in(&self, competencia: usize, number: usize) -> Option<u64> {
        let rows_in = match &self.values {
            Values::Text(values) => values.rows_in.as_ref(),
            Values::Number(values) => values.rows_in.as_ref(),
        }?;
        Some(rows_in.get(competencia).and_then(|rows| rows.get(number)).copied().unwrap_or(0))
    }
}

impl<K: Hash + Eq + Ord + Clone> Counted<K> {
    fn new() -> Self {
        Counted {
            numbers: HashMap::new(),
            rows: Vec::new(),
            rows_in: Some(Vec::new()),
            bytes: 0,
            range: None,
            sketch: None,
            others: 0,
        }
    }

    /// Gives how many of the rows are NULL.
    fn add<'a, Q>(&mut self, rows: Range<usize>, competencia: usize, at: impl Fn(usize) -> Option<&'a Q>) -> u64
    where
        Q: Value + ?Sized + 'a,
        K: Borrow<Q> + From<Q::Owned>,
    {
        let mut nulls = 0;
        let mut last: Option<(&Q, u32)> = None;
        for row in rows {
            let Some(value) = at(row) else {
                nulls += 1;
                continue;
            };
            // Equal values often stand together.
            let number = match last {
                Some((known, number)) if known == value => number,
                _ => self.number(value),
            };
            last = Some((value, number));
            if number == OTHER {
                self.others += 1;
                continue;
            }
            let number = number as usize;
            self.rows[number] += 1;
            if let Some(rows_in) = &mut self.rows_in {
                if rows_in.len() <= competencia {
                    rows_in.resize_with(competencia + 1, Vec::new);
                }
                let of = &mut rows_in[competencia];
                if of.len() <= number {
                    of.resize(number + 1, 0);
                }
                of[number] += 1;
            }
        }
        nulls
    }

    fn number<Q>(&mut self, value: &Q) -> u32
    where
        Q: Value + ?Sized,
        K: Borrow<Q> + From<Q::Owned>,
    {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let key = || K::from(value.to_owned());
        match &mut self.range {
            None => self.range = Some((key(), key())),
            Some((low, _)) if value < (*low).borrow() => *low = key(),
            Some((_, high)) if value > (*high).borrow() => *high = key(),
            Some(_) => {}
        }
        if self.sketch.is_none() && self.numbers.len() == MOST_VALUES {
            self.begin_sketch::<Q>();
        }
        if let Some(sketch) = &mut self.sketch {
            value.add_to(sketch);
            return OTHER;
        }
        let number = self.rows.len() as u32;
        self.bytes += ENTRY + value.bytes();
        self.numbers.insert(key(), number);
        self.rows.push(0);
        if self.rows.len() > FEW {
            self.rows_in = None;
        }
        number
    }

    fn begin_sketch<Q>(&mut self)
    where
        Q: Value + ?Sized,
        K: Borrow<Q>,
    {
        let mut sketch = Sketch::new();
        self.numbers.keys().for_each(|key| key.borrow().add_to(&mut sketch));
        self.sketch = Some(sketch);
    }

    fn keep<Q>(&mut self, most: usize)
    where
        Q: Value + ?Sized,
        K: Borrow<Q>,
    {
        if self.sketch.is_none() {
            self.begin_sketch::<Q>();
        }
        if self.numbers.len() <= most {
            return;
        }
        let mut all: Vec<(K, u64)> =
            self.numbers.drain().map(|(key, number)| (key, self.rows[number as usize])).collect();
        all.sort_unstable_by_key(|one| std::cmp::Reverse(one.1));
        self.others += all[most..].iter().map(|(_, rows)| rows).sum::<u64>();
        all.truncate(most);
        self.bytes /= (self.rows.len() / most).max(1);
        self.rows = all.iter().map(|(_, rows)| *rows).collect();
        self.numbers = all.into_iter().enumerate().map(|(number, (key, _))| (key, number as u32)).collect();
        self.numbers.shrink_to_fit();
        self.rows_in = None;
    }

    fn distinct(&self) -> (u64, bool) {
        match &self.sketch {
            None => (self.numbers.len() as u64, true),
            Some(sketch) => (sketch.estimate().max(self.numbers.len() as u64), false),
        }
    }

    fn frequent(&self, most: usize, shown: impl Fn(&K) -> String) -> Vec<Frequent> {
        let rows = |number: &u32| self.rows[*number as usize];
        // A value that is not counted has as many rows as all of its like together, at most.
        let mut all: Vec<(&K, &u32)> = self.numbers.iter().filter(|(_, number)| rows(number) > self.others).collect();
        all.sort_unstable_by(|a, b| rows(b.1).cmp(&rows(a.1)).then_with(|| a.0.cmp(b.0)));
        let frequent = |(key, number): (&K, &u32)| Frequent {
            value: shown(key),
            rows: rows(number),
            number: self.rows_in.is_some().then_some(*number as usize),
        };
        all.into_iter().take(most).map(frequent).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Decimal128Array, Int32Array, StringArray};

    use super::*;

    fn texts(texts: &[Option<&str>]) -> ArrayRef {
        Arc::new(texts.iter().collect::<StringArray>())
    }

    #[test]
    fn values_are_counted_one_by_one_and_by_competencia() {
        let mut seen = Seen::new(&DataType::Utf8);
        let array = texts(&[Some("1"), Some("1"), None, Some("3"), Some("1"), None]);
        seen.add(&array, &[(0..3, 0), (3..6, 1)]).unwrap();
        assert_eq!((seen.nulls, seen.nulls_in.as_slice(), seen.distinct()), (2, [1, 1].as_slice(), (2, true)));
        let frequent = seen.frequent(10);
        let told: Vec<(&str, u64)> = frequent.iter().map(|one| (one.value.as_str(), one.rows)).collect();
        assert_eq!(told, [("1", 3), ("3", 1)]);
        let ones = frequent[0].number.unwrap();
        assert_eq!([seen.rows_in(0, ones), seen.rows_in(1, ones), seen.rows_in(7, ones)], [Some(2), Some(1), Some(0)]);
        assert_eq!(seen.range(), Some(("1".into(), "3".into())));
    }

    #[test]
    fn what_is_not_counted_by_itself_is_never_said_to_be_rare() {
        let mut seen = Seen::new(&DataType::Int32);
        let add = |seen: &mut Seen, numbers: Vec<i32>| {
            let array: ArrayRef = Arc::new(Int32Array::from(numbers));
            let all = 0..array.len();
            seen.add(&array, &[(all, 0)]).unwrap();
        };
        add(&mut seen, vec![-7; 30]);
        add(&mut seen, (0..60_000).collect());
        let (distinct, exact) = seen.distinct();
        assert!(!exact && distinct.abs_diff(60_001) < 4_000, "{distinct}");
        // 10,001 rows have values that are not counted: -7 with 30 rows may not be the most frequent.
        assert_eq!(seen.frequent(10), []);
        add(&mut seen, vec![-7; 20_000]);
        let frequent = seen.frequent(10);
        assert_eq!((frequent.len(), frequent[0].value.as_str(), frequent[0].rows), (1, "-7", 20_030));
        assert_eq!(seen.range(), Some(("-7".into(), "59999".into())));
        let before = seen.bytes();
        seen.give_back();
        assert!(seen.bytes() < before / 10, "{} of {before}", seen.bytes());
        // 58,999 and more are not counted by themselves now.
        assert_eq!(seen.frequent(10), []);
        assert_eq!(seen.range(), Some(("-7".into(), "59999".into())));
    }

    #[test]
    fn many_values_are_not_counted_by_competencia() {
        let mut seen = Seen::new(&DataType::Decimal128(14, 2));
        let numbers = Decimal128Array::from_iter_values(0..1_000).with_precision_and_scale(14, 2).unwrap();
        let array: ArrayRef = Arc::new(numbers);
        seen.add(&array, &[(0..1_000, 3)]).unwrap();
        assert_eq!((seen.distinct(), seen.frequent(1)[0].number), ((1_000, true), None));
        assert_eq!(seen.range(), Some(("0.00".into(), "9.99".into())));
        assert_eq!(seen.nulls_in, [0, 0, 0, 0]);
    }
}
