//! Days, and the epidemiological weeks of the SVS: from Sunday to Saturday; week 1 is the one with 4 January.

use chrono::{Datelike, NaiveDate};

/// Days since 1970-01-01 as a date.
fn date(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(days)
}

/// Year and week in one number, `202053`. The year is that of the week's Wednesday.
pub(super) fn week(days: i32) -> Option<i64> {
    let day = date(days)?;
    let sunday = i64::from(day.weekday().num_days_from_sunday());
    let wednesday = day.checked_add_signed(chrono::TimeDelta::try_days(3 - sunday)?)?;
    Some(i64::from(wednesday.year()) * 100 + i64::from(wednesday.ordinal0() / 7) + 1)
}

/// Whole years from one day to another; none where the second comes before.
pub(super) fn years(from: i32, to: i32) -> Option<i64> {
    let (from, to) = (date(from)?, date(to)?);
    to.years_since(from).map(i64::from)
}

/// A day as text: `YYYYMMDD`, `DDMMYYYY`, or `YYMMDD` of the twentieth century.
pub(super) fn day_of_text(text: &str) -> Option<i32> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let known = |year: u32, month, day| {
        let year = i32::try_from(year).ok().filter(|year| (1800..2200).contains(year))?;
        NaiveDate::from_ymd_opt(year, month, day)
    };
    let day = match text.len() {
        // 20111999 is no day of 2011, and one of November.
        8 => known(part(0..4)?, part(4..6)?, part(6..8)?).or_else(|| known(part(4..8)?, part(2..4)?, part(0..2)?)),
        6 => NaiveDate::from_ymd_opt(1900 + part(0..2)? as i32, part(2..4)?, part(4..6)?),
        _ => None,
    }?;
    Some(day.to_epoch_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(year: i32, month: u32, day: u32) -> i64 {
        week(NaiveDate::from_ymd_opt(year, month, day).unwrap().to_epoch_days()).unwrap()
    }

    #[test]
    fn weeks_at_the_turn_of_the_year() {
        assert_eq!(of(2017, 12, 31), 201801);
        assert_eq!(of(2018, 1, 6), 201801);
        assert_eq!(of(2018, 1, 7), 201802);
        assert_eq!(of(2018, 12, 30), 201901);
        assert_eq!(of(2020, 12, 31), 202053);
        assert_eq!(of(2021, 1, 2), 202053);
        assert_eq!(of(2021, 1, 3), 202101);
        let long: Vec<i32> = (1990..=2025).filter(|year| (24..=31).any(|day| of(*year, 12, day) % 100 == 53)).collect();
        assert_eq!(long, [1992, 1997, 2003, 2008, 2014, 2020, 2025]);
    }

    #[test]
    fn days_of_texts() {
        let day = |year, month, day| Some(NaiveDate::from_ymd_opt(year, month, day).unwrap().to_epoch_days());
        assert_eq!(day_of_text("19931231"), day(1993, 12, 31));
        assert_eq!(day_of_text("31121993"), day(1993, 12, 31));
        assert_eq!(day_of_text("20111999"), day(1999, 11, 20));
        assert_eq!(day_of_text("20112000"), day(2000, 11, 20));
        assert_eq!(day_of_text("20111031"), day(2011, 10, 31));
        assert_eq!(day_of_text("931231"), day(1993, 12, 31));
        assert_eq!(day_of_text("930000"), None);
        assert_eq!(day_of_text(""), None);
    }
}
