//! How many different keys there are among rows of which a sample was seen.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

use super::spread::Spread;

/// How often each key of `keys` comes among the rows that `met`.
pub(super) fn frequencies(keys: &[ArrayRef], met: &BooleanArray) -> Result<Vec<u64>, ArrowError> {
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let rows = converter.convert_columns(keys)?;
    let mut seen: HashMap<&[u8], u64, ahash::RandomState> = HashMap::default();
    for (at, row) in rows.iter().enumerate() {
        if met.is_valid(at) && met.value(at) {
            *seen.entry(row.data()).or_default() += 1;
        }
    }
    let mut counts: Vec<u64> = seen.into_values().collect();
    counts.sort_unstable();
    Ok(counts)
}

/// The keys of `all` rows, of which those were seen that `frequencies` counts: the lower bound of Chao and Lin for samples without
/// replacement (2012), by the keys that were seen once and twice. It is exact where all rows were seen, for a key that no two rows
/// share, and for keys that are equally frequent.
pub(super) fn distinct(frequencies: &[u64], all: Spread) -> Spread {
    let (seen, keys) = (frequencies.iter().sum::<u64>() as f64, frequencies.len() as f64);
    let times = |often: u64| frequencies.iter().filter(|count| **count == often).count() as f64;
    let (once, twice) = (times(1), times(2));
    if seen == 0.0 {
        return if all.is_exact() && all.likely == 0.0 { all } else { Spread::about(all.likely.min(1.0), 1.0) };
    }
    let share = (seen / all.likely.max(seen)).min(1.0);
    if share >= 1.0 - 1e-9 {
        return if all.is_exact() { Spread::exact(keys) } else { Spread::about(keys, all.sigma * once / keys) };
    }
    if once == 0.0 {
        return Spread::about(keys, 0.002);
    }
    let unseen = once * once / (2.0 * twice * seen / (seen - 1.0).max(1.0) + share / (1.0 - share) * once);
    let likely = (keys + unseen).min(all.likely);
    // Of few that came twice the estimate is a poor one; keys that are rarer than others hide.
    let own = unseen / likely * (0.15 + (2.0 / (twice + 1.0)).sqrt().min(1.0) * (1.0 - share));
    Spread::about(likely, own.max(0.005).hypot(all.sigma * unseen / likely))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `keys` keys that are equally frequent among `all` rows, how often each comes in a sample of `seen`.
    fn even(keys: u64, all: u64, seen: u64) -> Vec<u64> {
        let mut counts = vec![0u64; keys as usize];
        // Rows at even distances whose keys are scattered.
        for n in 0..seen {
            let mut bits = n * (all / seen);
            for _ in 0..2 {
                bits = (bits ^ (bits >> 31)).wrapping_add(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                bits ^= bits >> 29;
            }
            counts[(bits >> 20) as usize % keys as usize] += 1;
        }
        counts.retain(|count| *count > 0);
        counts
    }

    #[test]
    fn keys_of_any_number_are_estimated_from_a_sample_and_known_where_all_rows_were_seen() {
        let all = Spread::exact(1_000_000.0);
        for keys in [3, 27, 800, 5_000, 30_000, 100_000] {
            let found = distinct(&even(keys, 1_000_000, 32_768), all);
            assert!((found.likely / keys as f64).ln().abs() < 0.1, "{keys}: {found:?}");
        }
        let unique = distinct(&vec![1; 32_768], all);
        assert!((unique.likely - 1_000_000.0).abs() < 1.0, "{unique:?}");
        assert_eq!(distinct(&[2, 3, 1], Spread::exact(6.0)), Spread::exact(3.0));
        assert_eq!(distinct(&[], Spread::exact(0.0)), Spread::exact(0.0));
    }
}
