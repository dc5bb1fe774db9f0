//! Numbers, days and times as text, straight into the buffer: no allocation, no formatter.

const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut i = 0;
    while i < 100 {
        pairs[i * 2] = b'0' + (i / 10) as u8;
        pairs[i * 2 + 1] = b'0' + (i % 10) as u8;
        i += 1;
    }
    pairs
};

/// Writes `value` right-aligned into `at` and gives the index of its first digit.
fn digits_u64(value: u64, at: &mut [u8; 40]) -> usize {
    digits_before(at.len(), value, at)
}

/// The same, but the last digit stands before `end`.
fn digits_before(end: usize, mut value: u64, at: &mut [u8; 40]) -> usize {
    let mut first = end;
    while value >= 100 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        first -= 2;
        at[first] = PAIRS[pair];
        at[first + 1] = PAIRS[pair + 1];
    }
    if value >= 10 {
        first -= 2;
        at[first] = PAIRS[value as usize * 2];
        at[first + 1] = PAIRS[value as usize * 2 + 1];
    } else {
        first -= 1;
        at[first] = b'0' + value as u8;
    }
    first
}

const POWERS: [u64; 10] = {
    let mut powers = [1; 10];
    let mut i = 1;
    while i < 10 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

fn digits_u128(mut value: u128, at: &mut [u8; 40]) -> usize {
    if let Ok(small) = u64::try_from(value) {
        return digits_u64(small, at);
    }
    let mut first = at.len();
    while value > 0 {
        first -= 1;
        at[first] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    first
}

pub fn unsigned(value: u64, out: &mut Vec<u8>) {
    let mut at = [0; 40];
    let first = digits_u64(value, &mut at);
    out.extend_from_slice(&at[first..]);
}

pub fn signed(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    unsigned(value.unsigned_abs(), out);
}

/// `value` / 10^`scale`, with all its digits.
pub fn decimal(value: i128, scale: i8, point: u8, out: &mut Vec<u8>) {
    let mut at = [0; 40];
    if let (Ok(units), 1..=9) = (i64::try_from(value), scale) {
        // Money: everything in one piece.
        let power = POWERS[scale as usize];
        let (whole, fraction) = (units.unsigned_abs() / power, units.unsigned_abs() % power);
        let point_at = at.len() - 1 - scale as usize;
        let first = digits_u64(fraction, &mut at);
        at[point_at..first].fill(b'0');
        at[point_at] = point;
        let first = digits_before(point_at, whole, &mut at);
        at[first - 1] = b'-';
        out.extend_from_slice(&at[first - usize::from(units < 0)..]);
        return;
    }
    let first = digits_u128(value.unsigned_abs(), &mut at);
    place_point(value < 0, &at[first..], scale, point, out);
}

/// The digits of a whole number, with the point put in its place.
pub fn place_point(negative: bool, digits: &[u8], scale: i8, point: u8, out: &mut Vec<u8>) {
    if negative {
        out.push(b'-');
    }
    match usize::try_from(scale) {
        Ok(0) => out.extend_from_slice(digits),
        Ok(scale) if digits.len() > scale => {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            out.extend_from_slice(whole);
            out.push(point);
            out.extend_from_slice(fraction);
        }
        Ok(scale) => {
            out.extend_from_slice(&[b'0', point]);
            out.resize(out.len() + scale - digits.len(), b'0');
            out.extend_from_slice(digits);
        }
        Err(_) => {
            out.extend_from_slice(digits);
            if digits != b"0" {
                out.resize(out.len() + usize::from(scale.unsigned_abs()), b'0');
            }
        }
    }
}

fn two(value: u64, out: &mut Vec<u8>) {
    let pair = (value % 100) as usize * 2;
    out.extend_from_slice(&PAIRS[pair..pair + 2]);
}

/// `days` since 1970-01-01 in the proleptic Gregorian calendar; years outside 0..=9999 carry a sign (ISO 8601).
pub fn date(days: i64, out: &mut Vec<u8>) {
    // Years that begin in March make the leap day the last of its year (H. Hinnant's civil_from_days).
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    // Below 146,097: 32 bits divide faster than 64.
    let day_of_era = shifted.rem_euclid(146_097) as u32;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = i64::from(year_of_era) + era * 400 + i64::from(month <= 2);
    let mut text = *b"0000-00-00";
    let mut put = |at: usize, two: u32| {
        let pair = (two % 100) as usize * 2;
        text[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    };
    put(5, month);
    put(8, day);
    if (0..=9999).contains(&year) {
        put(0, year as u32 / 100);
        put(2, year as u32);
        out.extend_from_slice(&text);
    } else {
        out.push(if year < 0 { b'-' } else { b'+' });
        out.extend_from_slice(format!("{:06}", year.unsigned_abs()).as_bytes());
        out.extend_from_slice(&text[4..]);
    }
}

/// A time of day in units of 1/`per_second` s; the fraction has the unit's digits, and is left out when zero.
pub fn time(since_midnight: i64, per_second: i64, point: u8, out: &mut Vec<u8>) {
    let (seconds, fraction) = (since_midnight.div_euclid(per_second), since_midnight.rem_euclid(per_second));
    two((seconds / 3600) as u64, out);
    out.push(b':');
    two((seconds / 60 % 60) as u64, out);
    out.push(b':');
    two((seconds % 60) as u64, out);
    if fraction != 0 {
        let start = out.len();
        unsigned((per_second + fraction) as u64, out);
        // The leading 1 kept the zeros; the point takes its place.
        if let Some(leading) = out.get_mut(start) {
            *leading = point;
        }
    }
}

/// An instant since 1970-01-01T00:00:00Z, in units of 1/`per_second` s.
pub fn instant(value: i64, per_second: i64, out: &mut Vec<u8>) {
    let per_day = per_second * 86_400;
    date(value.div_euclid(per_day), out);
    out.push(b'T');
    time(value.rem_euclid(per_day), per_second, b'.', out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Days, NaiveDate};

    #[test]
    fn every_day_of_ten_thousand_years_is_itself() {
        let mut text = Vec::new();
        let first = NaiveDate::from_ymd_opt(0, 1, 1).unwrap();
        let before = (NaiveDate::default() - first).num_days();
        for number in 0..3_652_425u64 {
            text.clear();
            date(number as i64 - before, &mut text);
            if number % 97 == 0 || !(800..=3_652_000).contains(&number) {
                let day = first + Days::new(number);
                assert_eq!(std::str::from_utf8(&text).unwrap(), day.format("%Y-%m-%d").to_string());
            }
        }
        text.clear();
        date(3_652_425 - before, &mut text);
        assert_eq!(text, b"+010000-01-01");
    }

    #[test]
    fn money_is_the_same_by_both_ways() {
        for scale in 1..=9i8 {
            for value in [0i64, 1, -1, 9, 10, 99, 100, -101, 123_456_789, i64::MAX, i64::MIN, -10i64.pow(scale as u32)]
            {
                let (mut quick, mut plain) = (Vec::new(), Vec::new());
                decimal(value.into(), scale, b'.', &mut quick);
                place_point(value < 0, value.unsigned_abs().to_string().as_bytes(), scale, b'.', &mut plain);
                assert_eq!(quick, plain, "{value} {scale}");
            }
        }
    }
}
