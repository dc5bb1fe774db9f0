//! A repeatable sample of source rows, for jobs that begin when the memory is nearly exhausted.
//!
//! Whether a row is in it depends on its file's content, its number in the file and the seed, and on nothing else: not on
//! the query, the threads or the engine. Caveat: files are sampled row by row, so a figure of the sample is a figure of
//! the sample; nothing here scales it.

use arrow::buffer::BooleanBuffer;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How rows are sampled; the same for all files of a job, from its first row to its last, whatever interrupts it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Sampling {
    /// Share of the source rows, from 0 to 1.
    pub fraction: f64,
    /// Chooses the rows: the same seed, the same rows.
    pub seed: u64,
    /// How a row's number and the seed decide.
    pub method: String,
}

/// A polynomial of degree three over the integers modulo 2^31 - 1: the values of any four rows are independent of one
/// another, engines can compute it without overflow, and a run of rows takes three additions each.
const METHOD: &str = "poly3(sha256, row, seed)";
const FRACTION: f64 = 0.1;
const SEED: u64 = 0;

/// The key of a schema's metadata, and of a Parquet's, that says as JSON that the rows are of a sample.
pub const SAMPLING: &str = "datasus.sampling";

/// 2^31 - 1, a prime.
pub const PRIME: u64 = (1 << 31) - 1;
/// Rows with a value below it are in the sample.
pub const BELOW: u64 = PRIME / 10;

/// The same as SQL: `row` is the row's number in its file, `coefficient` gives a coefficient of the row's file, and `long` stands behind
/// constants of 64 bits. No sum or product reaches 2^63.
pub(crate) fn sample_condition(row: &str, coefficient: impl Fn(usize) -> String, long: &str) -> String {
    let row = format!("({row} % {PRIME}{long})");
    let value = (1..4)
        .fold(coefficient(0), |so_far, which| format!("(({so_far} * {row} + {}) % {PRIME}{long})", coefficient(which)));
    format!("{value} < {BELOW}{long}")
}

impl Sampling {
    /// One row in ten.
    pub fn emergency() -> Self {
        Sampling::seeded(SEED)
    }

    /// The same with other rows.
    pub fn seeded(seed: u64) -> Self {
        Sampling { fraction: FRACTION, seed, method: METHOD.to_owned() }
    }

    /// Whether this version draws the same rows as the one that stored this.
    pub fn is_known(&self) -> bool {
        *self == Sampling::seeded(self.seed)
    }

    /// The sample of the file whose content has this hash.
    pub fn of_file(&self, content: &str) -> FileSample {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(content.as_bytes());
        let bytes: [u8; 32] = hash.finalize().into();
        let mut coefficients = [0; 4];
        for (coefficient, eight) in coefficients.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *coefficient = u64::from_le_bytes(*eight) % PRIME;
        }
        FileSample { coefficients }
    }
}

/// The sample that an answer is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct Sampled {
    /// What the report says of it.
    #[serde(flatten)]
    pub sampling: Sampling,
    /// Rows of the source files, before conditions.
    pub rows_seen: u64,
    /// Those of them that are in the sample, before conditions.
    pub rows_kept: u64,
}

/// Which rows of one file are in the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSample {
    /// From the cube's down.
    pub coefficients: [u64; 4],
}

impl FileSample {
    /// Whether the row of this number in its file, from 0, is in the sample.
    pub fn keeps(&self, row: u64) -> bool {
        self.value(row) < BELOW
    }

    /// The same for each of `rows` rows from `first` on.
    pub fn mask(&self, first: u64, rows: usize) -> BooleanBuffer {
        let mut run = self.run(first);
        BooleanBuffer::collect_bool(rows, |_| run.next_is_kept())
    }

    /// Rows of a file of `rows` rows that are in the sample.
    pub fn count(&self, rows: u64) -> u64 {
        let mut run = self.run(0);
        (0..rows).map(|_| u64::from(run.next_is_kept())).sum()
    }

    fn value(&self, row: u64) -> u64 {
        let row = row % PRIME;
        self.coefficients.iter().fold(0, |so_far, coefficient| (so_far * row + coefficient) % PRIME)
    }

    fn run(&self, first: u64) -> Run {
        let [a, b, c, d] = [0, 1, 2, 3].map(|ahead| self.value(first % PRIME + ahead));
        let negative = |value: u64| PRIME - value;
        Run {
            value: a,
            by: (b + negative(a)) % PRIME,
            by_by: (c + 2 * negative(b) + a) % PRIME,
            by_by_by: (d + 3 * negative(c) + 3 * b + negative(a)) % PRIME,
        }
    }
}

/// Consecutive rows: the value, and its differences, of which the third never changes.
struct Run {
    value: u64,
    by: u64,
    by_by: u64,
    by_by_by: u64,
}

impl Run {
    fn next_is_kept(&mut self) -> bool {
        let sum = |a: u64, b: u64| if a + b < PRIME { a + b } else { a + b - PRIME };
        let kept = self.value < BELOW;
        self.value = sum(self.value, self.by);
        self.by = sum(self.by, self.by_by);
        self.by_by = sum(self.by_by, self.by_by_by);
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Within six standard deviations of a tenth.
    fn binomial(kept: f64, of: f64) -> bool {
        (kept - of / 10.0).abs() < 6.0 * (of * 0.09).sqrt()
    }

    #[test]
    fn one_row_in_ten_is_kept_whichever_the_file_and_runs_are_as_long_as_chance_makes_them() {
        for file in 0..50 {
            let sample = Sampling::emergency().of_file(&format!("{file:064x}"));
            let mask = sample.mask(0, 100_000);
            assert!(binomial(mask.count_set_bits() as f64, 1e5), "{file}");
            // Of the rows that follow a kept one at a distance, one in ten too.
            for distance in [1, 2, 3, 12, 31, 1_000] {
                let after = || mask.set_indices().filter(|row| row + distance < 100_000);
                let kept = after().filter(|row| mask.value(row + distance)).count();
                assert!(binomial(kept as f64, after().count() as f64), "{file}, {distance}");
            }
        }
    }

    #[test]
    fn a_run_of_rows_is_those_rows_one_by_one_wherever_it_begins() {
        let sample = Sampling::emergency().of_file("a");
        for first in [0, 1, 9_999, PRIME - 70, PRIME - 2, PRIME, 1 << 40] {
            let one_by_one: BooleanBuffer = (first..first + 150).map(|row| sample.keeps(row)).collect();
            assert_eq!(sample.mask(first, 150), one_by_one, "{first}");
        }
        assert_eq!(sample.count(5_000), sample.mask(0, 5_000).count_set_bits() as u64);
    }

    #[test]
    fn another_seed_or_another_file_has_other_rows() {
        let of = |seed, content| Sampling::seeded(seed).of_file(content).mask(0, 100_000);
        let both = |a: &BooleanBuffer, b: &BooleanBuffer| (a & b).count_set_bits();
        let first = of(0, "a");
        assert_eq!(first, of(0, "a"));
        for other in [of(1, "a"), of(0, "b")] {
            assert!((700..1_300).contains(&both(&first, &other)), "a hundredth are in both");
        }
        assert!(Sampling::emergency().is_known() && Sampling::seeded(7).is_known());
        assert!(!Sampling { method: "bernoulli".into(), ..Sampling::emergency() }.is_known());
    }

    /// Stored plans and published results name the method: it never changes.
    #[test]
    fn the_rows_of_a_method_are_the_same_in_every_version() {
        let sample = Sampling::emergency().of_file("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let first: Vec<usize> = sample.mask(0, 100).set_indices().collect();
        // Computed outside of this program.
        assert_eq!(first, [15, 19, 32, 35, 51, 54, 67, 76, 83, 87]);
    }
}
