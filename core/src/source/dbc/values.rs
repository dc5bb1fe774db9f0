//! From a field's bytes to a value: exact, or not at all.

use crate::catalog::DateFormat;

/// A field that holds nothing, a value, or something that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read<T> {
    Null,
    Value(T),
    Bad,
}

/// Without trailing blanks and NULs.
#[inline]
pub(super) fn trimmed(raw: &[u8]) -> &[u8] {
    let mut end = raw.len();
    while end > 0 && matches!(raw[end - 1], b' ' | 0) {
        end -= 1;
    }
    &raw[..end]
}

/// Without blanks and NULs on both sides.
#[inline]
pub(super) fn bare(raw: &[u8]) -> &[u8] {
    let mut value = trimmed(raw);
    while let [b' ' | 0, rest @ ..] = value {
        value = rest;
    }
    value
}

/// A number scaled by 10^`scale`; decimals beyond the scale must be zeros, nothing is rounded.
#[inline]
pub(super) fn number(raw: &[u8], scale: usize) -> Read<i128> {
    let value = bare(raw);
    let (negative, digits) = match value {
        [] => return Read::Null,
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let point = digits.iter().position(|byte| matches!(byte, b'.' | b','));
    let (whole, fraction) = match point {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &[][..]),
    };
    let (fraction, beyond) = fraction.split_at(fraction.len().min(scale));
    if whole.len() + fraction.len() + beyond.len() == 0 || beyond.iter().any(|byte| *byte != b'0') {
        return Read::Bad;
    }
    let missing = scale - fraction.len();
    // Nearly every number fits 64 bits, which are several times faster than 128.
    let magnitude = if whole.len() + scale <= 18 {
        appended(0u64, whole)
            .and_then(|number| appended(number, fraction))
            .map(|number| i128::from((0..missing).fold(number, |number, _| number * 10)))
    } else {
        appended_wide(0, whole)
            .and_then(|number| appended_wide(number, fraction))
            .and_then(|number| (0..missing).try_fold(number, |number, _| number.checked_mul(10)))
    };
    match magnitude {
        Some(magnitude) => Read::Value(if negative { -magnitude } else { magnitude }),
        None => Read::Bad,
    }
}

/// The usual form of a number: blanks, at most 18 digits, and a point before exactly `scale` more if there is one.
/// None: ask [`number`].
#[inline(always)]
pub(super) fn quick_number(raw: &[u8], scale: usize) -> Option<i64> {
    let mut rest = raw;
    while let [b' ', after @ ..] = rest {
        rest = after;
    }
    if rest.is_empty() || rest.len() > 18 {
        return None;
    }
    let (whole, fraction) = match rest.len().checked_sub(scale + 1) {
        Some(at) if scale > 0 && rest[at] == b'.' => (&rest[..at], &rest[at + 1..]),
        _ if scale == 0 => (rest, &rest[..0]),
        _ => return None,
    };
    let number = appended(appended(0, whole)?, fraction)?;
    // At most 18 digits.
    Some(number as i64)
}

/// A day of eight digits. None: ask [`date`].
#[inline(always)]
pub(super) fn quick_date(raw: &[u8], format: DateFormat) -> Option<i32> {
    let digits = u64::from_le_bytes(*raw.first_chunk::<8>()?);
    let low = digits & 0x0f0f_0f0f_0f0f_0f0f;
    let are_digits = digits & 0xf0f0_f0f0_f0f0_f0f0 == 0x3030_3030_3030_3030
        && (low + 0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0 == 0;
    if raw.len() != 8 || !are_digits {
        return None;
    }
    // Each pair of digits as one number.
    let pairs = (low * 10 + (low >> 8)).to_le_bytes();
    let pair = |at: usize| i32::from(pairs[at * 2]);
    match format {
        DateFormat::YearMonthDay => days(pair(0) * 100 + pair(1), pair(2), pair(3)),
        DateFormat::DayMonthYear => days(pair(2) * 100 + pair(3), pair(1), pair(0)),
        DateFormat::ShortYearMonthDay => None,
    }
}

/// `number` with `digits` written behind it: 18 digits in all at most.
#[inline(always)]
fn appended(number: u64, digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(number, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then_some(number * 10 + u64::from(digit))
    })
}

/// The same for any number of digits; none where the value does not fit.
fn appended_wide(number: i128, digits: &[u8]) -> Option<i128> {
    digits.iter().try_fold(number, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(i128::from(digit))
    })
}

/// Days since 1970-01-01; blank and all zeros are NULL.
#[inline]
pub(super) fn date(raw: &[u8], formats: &[DateFormat], reference_year: u16) -> Read<i32> {
    let value = bare(raw);
    if value.iter().all(|byte| *byte == b'0') {
        return Read::Null;
    }
    if !value.iter().all(u8::is_ascii_digit) {
        return separated(value).map_or(Read::Bad, Read::Value);
    }
    let Some(format) = formats.iter().find(|format| format.width() == value.len()) else { return Read::Bad };
    let part = |from: usize, to: usize| value[from..to].iter().fold(0i32, |n, byte| n * 10 + i32::from(byte - b'0'));
    let (year, month, day) = match format {
        DateFormat::YearMonthDay => (part(0, 4), part(4, 6), part(6, 8)),
        DateFormat::DayMonthYear => (part(4, 8), part(2, 4), part(0, 2)),
        DateFormat::ShortYearMonthDay => {
            let reference = i32::from(reference_year);
            let mut year = reference - reference % 100 + part(0, 2);
            if year > reference {
                year -= 100;
            }
            (year, part(2, 4), part(4, 6))
        }
    };
    match days(year, month, day) {
        Some(days) => Read::Value(days),
        None => Read::Bad,
    }
}

/// A day that says itself which part is which: `2024-01-31` or `31/01/2024`, at midnight if it has a time.
fn separated(value: &[u8]) -> Option<i32> {
    let (day, time) = value.split_at_checked(10)?;
    if !time.is_empty() {
        let clock = time.strip_prefix(b" ").or(time.strip_prefix(b"T"))?;
        let rest = clock.strip_prefix(b"00:00:00").or(clock.strip_prefix(b"00:00"))?;
        if !rest.is_empty() && !rest.strip_prefix(b".")?.iter().all(|byte| *byte == b'0') {
            return None;
        }
    }
    let part = |from: usize, to: usize| {
        day[from..to].iter().try_fold(0i32, |n, byte| byte.is_ascii_digit().then(|| n * 10 + i32::from(byte - b'0')))
    };
    match (day[2], day[4], day[5], day[7]) {
        (_, b'-', _, b'-') => days(part(0, 4)?, part(5, 7)?, part(8, 10)?),
        (b'/', _, b'/', _) => days(part(6, 10)?, part(3, 5)?, part(0, 2)?),
        _ => None,
    }
}

/// A whole number however it is written (`7`, `007`, `7.0`); none for anything else.
pub fn whole_number(raw: &[u8]) -> Option<i128> {
    match number(raw, 0) {
        Read::Value(value) => Some(value),
        Read::Null | Read::Bad => None,
    }
}

/// The proleptic Gregorian calendar, in days since 1970-01-01.
fn days(year: i32, month: i32, day: i32) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i32::from(leap),
        _ => return None,
    };
    if !(1..=length).contains(&day) || year < 1 {
        return None;
    }
    let shifted = year - i32::from(month <= 2);
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_bad() {
        assert_eq!(number(b"      1234.56", 2), Read::Value(123_456));
        assert_eq!(number(b"   12,5", 2), Read::Value(1250));
        assert_eq!(number(b"   -7", 0), Read::Value(-7));
        assert_eq!(number(b"  3.00", 0), Read::Value(3));
        assert_eq!(number(b"      ", 2), Read::Null);
        for bad in [&b"1.234"[..], b"*****", b"1 2", b".", b"-", b"1e3", b"1.2.3"] {
            assert_eq!(number(bad, 2), Read::Bad, "{bad:?}");
        }
    }

    #[test]
    fn the_quick_ways_give_what_the_others_give_or_nothing() {
        let texts = [
            "",
            " ",
            "0",
            "7",
            " 12",
            "-7",
            "+7",
            "1.5",
            "1.50",
            "  1.50",
            ".50",
            "1.",
            "1,50",
            "1 2",
            "\x001",
            "999999999999999999",
            "9999999999999999999",
            "1e3",
            "20240229",
            "20230229",
            "00000000",
            "29022024",
            "2024022a",
            "/0240229",
            ":0240229",
        ];
        for text in texts {
            for scale in 0..4 {
                if let Some(quick) = quick_number(text.as_bytes(), scale) {
                    assert_eq!(number(text.as_bytes(), scale), Read::Value(i128::from(quick)), "{text:?}, {scale}");
                }
            }
            for format in [DateFormat::YearMonthDay, DateFormat::DayMonthYear] {
                if let Some(quick) = quick_date(text.as_bytes(), format) {
                    assert_eq!(date(text.as_bytes(), &[format], 2024), Read::Value(quick), "{text:?}");
                }
            }
        }
        assert_eq!(quick_number(b"      1234.56", 2), Some(123_456));
        assert_eq!(quick_date(b"20240229", DateFormat::YearMonthDay), Some(19_782));
        assert_eq!(quick_date(b"29022024", DateFormat::DayMonthYear), Some(19_782));
    }

    #[test]
    fn days_with_separators_say_themselves_which_part_is_which() {
        use DateFormat::*;
        for text in ["2024-02-29", "29/02/2024", " 2024-02-29 00:00:00.000 ", "2024-02-29T00:00:00", "29/02/2024 00:00"]
        {
            assert_eq!(date(text.as_bytes(), &[DayMonthYear], 2024), Read::Value(19_782), "{text}");
        }
        for text in
            ["2023-02-29", "30/02/2024", "2024-02-29 13:45:00", "2024-2-29 ", "29-02-2024", "1012022", "29/02/24"]
        {
            assert_eq!(date(text.as_bytes(), &[DayMonthYear, ShortYearMonthDay], 2024), Read::Bad, "{text}");
        }
    }

    #[test]
    fn dates_follow_the_calendar_and_short_years_never_lie_after_the_file() {
        use DateFormat::*;
        assert_eq!(date(b"20240229", &[YearMonthDay], 2024), Read::Value(19_782));
        assert_eq!(date(b"29022024", &[DayMonthYear], 2024), Read::Value(19_782));
        assert_eq!(date(b"20230229", &[YearMonthDay], 2024), Read::Bad);
        assert_eq!(date(b"00000000", &[YearMonthDay], 2024), Read::Null);
        assert_eq!(date(b"        ", &[YearMonthDay], 2024), Read::Null);
        assert_eq!(date(b"700101", &[YearMonthDay, ShortYearMonthDay], 1995), Read::Value(0));
        // 23 in a file of 1995 is 1923.
        assert_eq!(date(b"230101", &[ShortYearMonthDay], 1995), Read::Value(-17_167));
    }
}
