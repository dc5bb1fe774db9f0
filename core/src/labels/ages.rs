//! Ages, in years and in days, from the units that each system has; and bands of them.

use super::list::NONE;
use super::record::Record;
use super::weeks::years;

/// Years of an age in the units of SIH, CIHA, APAC and RAAS: 2 days, 3 months, 4 years, 5 years beyond 100.
pub(super) fn of_sih(unit: Option<&str>, value: Option<i64>) -> Option<i64> {
    let value = value.filter(|value| *value >= 0)?;
    match unit?.trim() {
        "2" => Some(0),
        "3" => Some(value / 12),
        "4" => Some(value),
        "5" => Some(100 + value),
        _ => None,
    }
}

/// Unit and value of an age of SIM: one digit and two; none where it is not known.
pub(super) fn of_sim(text: Option<&str>) -> Option<(u8, i64)> {
    let text = text?.trim();
    let (unit, value) = (text.get(..1)?.parse().ok()?, text.get(1..3)?.parse().ok()?);
    (unit <= 5 && text != "000").then_some((unit, value))
}

/// Years of an age of SIM: 0 minutes, 1 hours, 2 days, 3 months, 4 years, 5 years beyond 100.
pub(super) fn years_of_sim(text: Option<&str>) -> Option<i64> {
    Some(match of_sim(text)? {
        (3, months) => months / 12,
        (4, years) => years,
        (5, years) => 100 + years,
        _ => 0,
    })
}

/// Days of an age of SIM that is told in days or less.
pub(super) fn days_of_sim(text: Option<&str>) -> Option<i64> {
    match of_sim(text)? {
        (0 | 1, _) => Some(0),
        (2, days) => Some(days),
        _ => None,
    }
}

/// Years of an age of SINAN: 1 hours, 2 days, 3 months, 4 years, and three digits.
pub(super) fn of_sinan(number: Option<i64>) -> Option<i64> {
    let number = number?;
    let value = number % 1000;
    match number / 1000 {
        1 | 2 => Some(0),
        3 => Some(value / 12),
        4 if value < 999 => Some(value),
        _ => None,
    }
}

/// Days of an age of SINAN that is told in days or hours.
pub(super) fn days_of_sinan(number: Option<i64>) -> Option<i64> {
    let number = number?;
    match number / 1000 {
        1 => Some(0),
        2 => Some(number % 1000),
        _ => None,
    }
}

/// Days from one day of the record to another.
pub(super) fn days_between(record: &Record<'_>, from: usize, to: usize, row: usize) -> Option<i64> {
    let days = i64::from(record.day(to, row)?) - i64::from(record.day(from, row)?);
    (days >= 0).then_some(days)
}

pub(super) fn years_between(record: &Record<'_>, from: usize, to: usize, row: usize) -> Option<i64> {
    years(record.day(from, row)?, record.day(to, row)?)
}

/// Five-year bands, as TabNet names them.
pub fn five_years() -> Vec<String> {
    let mut words: Vec<String> = (0..16).map(|band| format!("{} a {} anos", band * 5, band * 5 + 4)).collect();
    words.push("80 anos e mais".into());
    words
}

pub(super) fn five_year_band(years: i64) -> u32 {
    (years / 5).clamp(0, 16) as u32
}

/// TabNet's detailed bands: each year up to 19, then five.
pub(super) fn detailed() -> Vec<String> {
    let mut words = vec!["Menor 1 ano".to_owned(), "1 ano".to_owned()];
    words.extend((2..20).map(|year| format!("{year} anos")));
    words.extend((4..16).map(|band| format!("{} a {} anos", band * 5, band * 5 + 4)));
    words.push("80 anos e mais".into());
    words
}

pub(super) fn detailed_band(years: i64) -> u32 {
    if years < 20 { years.max(0) as u32 } else { 16 + five_year_band(years) }
}

/// The bands of the World Health Organization: the first year alone, then up to 4, then five years each.
pub(super) fn of_who() -> Vec<String> {
    let mut words = vec!["Menor 1 ano".to_owned(), "1 a 4 anos".to_owned()];
    words.extend(five_years().into_iter().skip(1));
    words
}

pub(super) fn band_of_who(years: i64) -> u32 {
    if years < 1 { 0 } else { five_year_band(years) + 1 }
}

/// Parts of the first year of life.
pub(super) fn infant() -> Vec<String> {
    ["Neonatal precoce (0 a 6 dias)", "Neonatal tardio (7 a 27 dias)", "Pós-neonatal (28 a 364 dias)"]
        .map(str::to_owned)
        .to_vec()
}

/// The part of the first year by an age of SIM; `400` is of none.
pub(super) fn infant_part(text: Option<&str>) -> u32 {
    match of_sim(text) {
        Some((0 | 1, _)) => 0,
        Some((2, 0..=6)) => 0,
        Some((2, 7..=27)) => 1,
        Some((2, _)) => 2,
        Some((3, months)) if months < 12 => 2,
        _ => NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_never_a_number_of_years() {
        for unknown in ["000", "999", "", "9", "600"] {
            assert_eq!(years_of_sim(Some(unknown)), None, "{unknown}");
        }
        assert_eq!(of_sih(Some("0"), Some(99)), None);
        assert_eq!(of_sih(Some("4"), None), None);
        assert_eq!((of_sinan(Some(999)), of_sinan(Some(4999)), of_sinan(Some(0))), (None, None, None));
    }

    #[test]
    fn units_of_each_system() {
        assert_eq!(
            ["023", "105", "210", "311", "400", "435", "504"].map(|a| years_of_sim(Some(a))),
            [Some(0), Some(0), Some(0), Some(0), Some(0), Some(35), Some(104)]
        );
        // Unit 2 is days and not hours; 0 is minutes and not nothing.
        assert_eq!(["023", "105", "210", "302"].map(|a| days_of_sim(Some(a))), [Some(0), Some(0), Some(10), None]);
        assert_eq!(
            [("2", 5), ("3", 11), ("4", 35), ("5", 4)].map(|(u, v)| of_sih(Some(u), Some(v))),
            [Some(0), Some(0), Some(35), Some(104)]
        );
        // Four digits: the unit and three.
        assert_eq!([4025, 3011, 2004, 1003].map(|n| of_sinan(Some(n))), [Some(25), Some(0), Some(0), Some(0)]);
    }

    #[test]
    fn every_age_is_in_one_band_of_each_kind() {
        let (five, all, who) = (five_years(), detailed(), of_who());
        assert_eq!((five.len(), all.len(), who.len()), (17, 33, 18));
        let of = |years: i64| {
            [
                &five[five_year_band(years) as usize],
                &all[detailed_band(years) as usize],
                &who[band_of_who(years) as usize],
            ]
        };
        assert_eq!(of(0), ["0 a 4 anos", "Menor 1 ano", "Menor 1 ano"]);
        assert_eq!(of(4), ["0 a 4 anos", "4 anos", "1 a 4 anos"]);
        assert_eq!(of(19), ["15 a 19 anos", "19 anos", "15 a 19 anos"]);
        assert_eq!(of(20), ["20 a 24 anos", "20 a 24 anos", "20 a 24 anos"]);
        assert_eq!(of(79), ["75 a 79 anos", "75 a 79 anos", "75 a 79 anos"]);
        assert_eq!(of(112), ["80 anos e mais", "80 anos e mais", "80 anos e mais"]);
    }
}
