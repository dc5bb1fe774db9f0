//! Numbers and moments of the machine as text, so that one set of parsers types every field.

use std::io::Write;

use super::field::StoredAs;

/// What a field of bytes became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AsText {
    /// It stands in the buffer.
    Written,
    /// The field holds no value.
    Null,
    /// Its bytes are no value of its type.
    Bad,
}

/// The Julian day number of 1970-01-01.
const JULIAN_1970: i64 = 2_440_588;
const DAY_MS: i64 = 86_400_000;

/// Characters of the longest text that [`as_text`] writes.
pub(super) const LONGEST: usize = 32;

/// Writes the value that `raw` stands for into `into`, which is emptied first: `-7`, `36.6`, `12.3400`,
/// `2024-01-31 08:30:00`. With `as_day` a moment at midnight is `20240131`, and one with a time is bad: no column of days
/// can hold it.
///
/// A field full of blanks was never written by a program that knows its type: it is no value, and bad. An empty moment is
/// zeros or blanks by the format.
pub(super) fn as_text(stored: StoredAs, raw: &[u8], as_day: bool, into: &mut Vec<u8>) -> AsText {
    into.clear();
    if raw.is_empty() {
        return AsText::Null;
    }
    let blank = raw.iter().all(|byte| *byte == b' ');
    if stored == StoredAs::DateTime && (blank || raw.iter().all(|byte| *byte == 0)) {
        return AsText::Null;
    }
    if blank {
        return AsText::Bad;
    }
    let four =
        |at: usize| raw.get(at..).and_then(|rest| rest.first_chunk::<4>()).map(|bytes| i32::from_le_bytes(*bytes));
    let eight = || raw.first_chunk::<8>().copied();
    let written = match stored {
        StoredAs::Integer => four(0).map(|number| write!(into, "{number}")),
        StoredAs::Double => match eight().map(f64::from_le_bytes) {
            Some(number) if number.is_finite() => Some(double(number, into)),
            _ => None,
        },
        StoredAs::Currency => eight().map(i64::from_le_bytes).map(|number| {
            let (sign, all) = (if number < 0 { "-" } else { "" }, number.unsigned_abs());
            write!(into, "{sign}{}.{:04}", all / 10_000, all % 10_000)
        }),
        StoredAs::DateTime => {
            four(0).zip(four(4)).and_then(|(day, time)| moment(day.into(), time.into(), as_day, into))
        }
        StoredAs::Text | StoredAs::Number | StoredAs::NullFlags | StoredAs::Unread => None,
    };
    match written {
        Some(Ok(())) => AsText::Written,
        _ => AsText::Bad,
    }
}

/// The shortest text that reads back as the same number; with an exponent where it would be long.
fn double(number: f64, into: &mut Vec<u8>) -> std::io::Result<()> {
    write!(into, "{number}")?;
    if into.len() <= LONGEST {
        return Ok(());
    }
    into.clear();
    write!(into, "{number:e}")
}

fn moment(julian_day: i64, time: i64, as_day: bool, into: &mut Vec<u8>) -> Option<std::io::Result<()>> {
    if !(0..DAY_MS).contains(&time) {
        return None;
    }
    let (year, month, day) = civil(julian_day - JULIAN_1970);
    if !(1..=9999).contains(&year) {
        return None;
    }
    if as_day {
        return (time == 0).then(|| write!(into, "{year:04}{month:02}{day:02}"));
    }
    let (seconds, rest) = (time / 1000, time % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let written = write!(into, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    Some(written.and_then(|()| if rest == 0 { Ok(()) } else { write!(into, ".{rest:03}") }))
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years that begin in March, in eras of 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::super::values::{Read, date, number};
    use super::*;
    use crate::catalog::DateFormat;

    fn text(stored: StoredAs, raw: &[u8]) -> Option<String> {
        let mut into = Vec::new();
        (as_text(stored, raw, false, &mut into) == AsText::Written).then(|| String::from_utf8(into).unwrap())
    }

    #[test]
    fn numbers_of_the_machine_are_written_exactly() {
        assert_eq!(text(StoredAs::Integer, &51i32.to_le_bytes()).unwrap(), "51");
        assert_eq!(text(StoredAs::Integer, &i32::MIN.to_le_bytes()).unwrap(), "-2147483648");
        assert_eq!(text(StoredAs::Double, &36.6f64.to_le_bytes()).unwrap(), "36.6");
        assert_eq!(text(StoredAs::Double, &3f64.to_le_bytes()).unwrap(), "3");
        assert_eq!(text(StoredAs::Currency, &(-15_000i64).to_le_bytes()).unwrap(), "-1.5000");
        assert_eq!(text(StoredAs::Currency, &i64::MIN.to_le_bytes()).unwrap(), "-922337203685477.5808");
        for raw in [f64::NAN, f64::INFINITY] {
            assert_eq!(as_text(StoredAs::Double, &raw.to_le_bytes(), false, &mut Vec::new()), AsText::Bad);
        }
        assert_eq!(as_text(StoredAs::Integer, b"    ", false, &mut Vec::new()), AsText::Bad);
    }

    #[test]
    fn moments_are_days_and_times_of_the_calendar() {
        let moment = |day: i32, time: i32| [day.to_le_bytes(), time.to_le_bytes()].concat();
        // 2,460,341 is 2024-01-31.
        assert_eq!(text(StoredAs::DateTime, &moment(2_460_341, 0)).unwrap(), "2024-01-31 00:00:00");
        let mut day = Vec::new();
        assert_eq!(as_text(StoredAs::DateTime, &moment(2_460_341, 0), true, &mut day), AsText::Written);
        assert_eq!(day, b"20240131");
        assert_eq!(as_text(StoredAs::DateTime, &moment(2_460_341, 1000), true, &mut day), AsText::Bad);
        assert_eq!(text(StoredAs::DateTime, &moment(2_460_341, 30_600_000)).unwrap(), "2024-01-31 08:30:00");
        assert_eq!(text(StoredAs::DateTime, &moment(2_460_341, 86_399_999)).unwrap(), "2024-01-31 23:59:59.999");
        for nothing in [&[0; 8][..], b"        ", b""] {
            assert_eq!(as_text(StoredAs::DateTime, nothing, false, &mut Vec::new()), AsText::Null);
        }
        for bad in [moment(2_460_341, -1), moment(2_460_341, 86_400_000), moment(-5, 1), moment(i32::MAX, 1)] {
            assert_eq!(as_text(StoredAs::DateTime, &bad, false, &mut Vec::new()), AsText::Bad);
        }
    }

    proptest::proptest! {
        /// The way back is another code: [`super::super::values`] knows nothing of what wrote the text.
        #[test]
        fn what_is_written_is_read_back(integer: i32, currency: i64, double: f64, days in -700_000i32..2_900_000) {
            use proptest::prop_assert_eq;
            let mut into = Vec::new();
            as_text(StoredAs::Integer, &integer.to_le_bytes(), false, &mut into);
            prop_assert_eq!(number(&into, 0), if &integer.to_le_bytes() == b"    " { Read::Null } else { Read::Value(integer.into()) });
            if &currency.to_le_bytes() != b"        " {
                as_text(StoredAs::Currency, &currency.to_le_bytes(), false, &mut into);
                prop_assert_eq!(number(&into, 4), Read::Value(currency.into()));
            }
            if double.is_finite() && &double.to_le_bytes() != b"        " {
                as_text(StoredAs::Double, &double.to_le_bytes(), false, &mut into);
                prop_assert_eq!(std::str::from_utf8(&into).unwrap().parse::<f64>().unwrap(), double);
                proptest::prop_assert!(into.len() <= LONGEST);
            }
            let raw = [(days + 2_440_588).to_le_bytes(), [0; 4]].concat();
            as_text(StoredAs::DateTime, &raw, true, &mut into);
            prop_assert_eq!(date(&into, &[DateFormat::YearMonthDay], 2024), Read::Value(days));
        }
    }
}
