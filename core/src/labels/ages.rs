//! Ages, in years and in days, from the units that each system has; and bands of them.

use super::record::Record;
use super::short_codes::NONE;
use super::weeks::years;

/// In populations by age it stands for itself and more.
pub(super) const LAST_OF_POPULATIONS: i64 = 80;

/// What the unit of an age of SIH, CIHA, APAC and RAAS says of its value.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unit {
    Unknown,
    Days,
    Months,
    Years,
    BeyondHundred,
}

impl Unit {
    pub fn of(text: &str) -> Unit {
        match text.trim() {
            "2" => Unit::Days,
            "3" => Unit::Months,
            "4" => Unit::Years,
            "5" => Unit::BeyondHundred,
            _ => Unit::Unknown,
        }
    }

    #[inline]
    pub fn years(self, value: i64) -> Option<i64> {
        match self {
            _ if value < 0 => None,
            Unit::Unknown => None,
            Unit::Days => Some(0),
            Unit::Months => Some(value / 12),
            Unit::Years => Some(value),
            Unit::BeyondHundred => value.checked_add(100),
        }
    }
}

/// Years of an age in such a unit.
pub(super) fn of_sih(unit: Option<&str>, value: Option<i64>) -> Option<i64> {
    Unit::of(unit?).years(value?)
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

/// Years of an age of SINAN before 2007: a letter (A years, M months, D days, H hours) and three digits.
pub(super) fn of_old_sinan(text: Option<&str>) -> Option<i64> {
    match of_letter(text)? {
        ('A', years) if years < 999 => Some(years),
        ('M', months) => Some(months / 12),
        ('D' | 'H', _) => Some(0),
        _ => None,
    }
}

fn of_letter(text: Option<&str>) -> Option<(char, i64)> {
    let text = text?.trim();
    let unit = text.chars().next()?;
    let value: i64 = text.get(unit.len_utf8()..)?.parse().ok().filter(|value| *value >= 0)?;
    Some((unit.to_ascii_uppercase(), value))
}

/// Days of such an age that is told in days or hours.
pub(super) fn days_of_old_sinan(text: Option<&str>) -> Option<i64> {
    match of_letter(text)? {
        ('H', _) => Some(0),
        ('D', days) => Some(days),
        _ => None,
    }
}

pub(super) fn months_of_old_sinan(text: Option<&str>) -> Option<i64> {
    of_letter(text).and_then(|(unit, value)| (unit == 'M').then_some(value))
}

pub(super) fn months_of_sinan(number: Option<i64>) -> Option<i64> {
    number.filter(|number| number / 1000 == 3).map(|number| number % 1000)
}

pub(super) fn months_of_sim(text: Option<&str>) -> Option<i64> {
    of_sim(text).and_then(|(unit, value)| (unit == 3).then_some(value))
}

/// Inputs: unit and value.
pub(super) fn months_of_sih(record: &Record<'_>, row: usize) -> Option<i64> {
    let months = record.number(1, row).filter(|months| *months >= 0);
    if record.text(0, row) == Some("3") { months } else { None }
}

/// Days of an age that is told in days. Inputs: unit and value.
pub(super) fn days_of_sih(record: &Record<'_>, row: usize) -> Option<i64> {
    let days = record.number(1, row).filter(|days| *days >= 0);
    if record.text(0, row) == Some("2") { days } else { None }
}

/// The same, else by the dates. Inputs: unit, value, birth, admission, discharge, IDENT. A long stay's age is that of its discharge.
pub(super) fn days_of_admission(record: &Record<'_>, row: usize) -> Option<i64> {
    let at = if record.text(5, row) == Some("5") { 4 } else { 3 };
    days_of_sih(record, row).or_else(|| days_between(record, 2, at, row))
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

/// The first year of life in parts, and all ages beyond it.
pub(super) fn of_infants() -> Vec<String> {
    ["0 a 6 dias", "7 a 27 dias", "28 a 364 dias", "1 ano e mais"].map(str::to_owned).to_vec()
}

/// By whichever of the three is known. A month is more than 27 days; an age of no months that is not told in days is of no part.
pub(super) fn infant_band(days: Option<i64>, months: Option<i64>, years: Option<i64>) -> u32 {
    match (days, months, years) {
        (_, _, None) => NONE,
        (_, _, Some(1..)) => 3,
        (Some(0..=6), ..) => 0,
        (Some(7..=27), ..) => 1,
        (Some(28..), ..) | (_, Some(1..), _) => 2,
        _ => NONE,
    }
}

/// What a column of bands of one's own is called before its bounds.
const OWN: &str = "faixa_etaria_";
/// Bands of one's own, at most.
const MOST_BOUNDS: usize = 40;

/// The numbers in the name of a column of bands, whatever their order.
fn numbers_of(name: &str) -> Option<Vec<i64>> {
    let rest = name.get(..OWN.len()).filter(|start| start.eq_ignore_ascii_case(OWN)).map(|_| &name[OWN.len()..])?;
    let bound = |part: &str| {
        let digits = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    };
    rest.split('_').map(bound).collect()
}

/// The bounds in the name of a column: ascending ages, each the first of its band.
pub(super) fn bounds_of(name: &str) -> Option<Vec<i64>> {
    let bounds = numbers_of(name)?;
    (bounds.len() <= MOST_BOUNDS && bounds.windows(2).all(|pair| pair[0] < pair[1])).then_some(bounds)
}

/// What somebody meant whose bounds do not ascend: `faixa_etaria_18_60` for `faixa_etaria_60_18`.
pub(crate) fn bands_in_order(name: &str) -> Option<String> {
    let mut bounds = numbers_of(name)?;
    bounds.sort_unstable();
    bounds.dedup();
    (bounds.len() <= MOST_BOUNDS).then(|| name_of(&bounds))
}

pub(super) fn name_of(bounds: &[i64]) -> String {
    let bounds: Vec<String> = bounds.iter().map(i64::to_string).collect();
    format!("{OWN}{}", bounds.join("_"))
}

/// The first age of each band: ages below the first bound are a band as well.
fn starts(bounds: &[i64]) -> Vec<i64> {
    bounds.iter().copied().filter(|bound| *bound > 0).fold(vec![0], |mut starts, bound| {
        starts.push(bound);
        starts
    })
}

/// Words of bands with these bounds, as TabNet writes them.
pub(super) fn own(bounds: &[i64]) -> Vec<String> {
    let starts = starts(bounds);
    let years = |number: i64| if number == 1 { "1 ano".to_owned() } else { format!("{number} anos") };
    let word = |(at, start): (usize, &i64)| match starts.get(at + 1) {
        None if *start == 0 => "Todas as idades".to_owned(),
        None => format!("{} e mais", years(*start)),
        Some(1) => "Menor 1 ano".to_owned(),
        Some(next) if next - 1 == *start => years(*start),
        Some(next) => format!("{start} a {} anos", next - 1),
    };
    starts.iter().enumerate().map(word).collect()
}

pub(super) fn own_band(bounds: &[i64], years: i64) -> u32 {
    let starts = starts(bounds);
    (starts.partition_point(|start| *start <= years).max(1) - 1) as u32
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
    fn ages_before_2007_have_a_letter() {
        let of = |age: &str| (of_old_sinan(Some(age)), days_of_old_sinan(Some(age)));
        assert_eq!(
            ["A036", "M011", "D012", "H003"].map(of),
            [(Some(36), None), (Some(0), None), (Some(0), Some(12)), (Some(0), Some(0))]
        );
        assert_eq!(["A999", "", "X012", "A"].map(|age| of(age).0), [None; 4]);
    }

    #[test]
    fn bands_of_ones_own_have_their_bounds_in_the_name() {
        let bounds = bounds_of("FAIXA_ETARIA_0_1_5_15_60").unwrap();
        assert_eq!(own(&bounds), ["Menor 1 ano", "1 a 4 anos", "5 a 14 anos", "15 a 59 anos", "60 anos e mais"]);
        assert_eq!([0, 1, 4, 5, 59, 60, 112].map(|age| own_band(&bounds, age)), [0, 1, 1, 2, 3, 4, 4]);
        assert_eq!(own(&bounds_of("faixa_etaria_18").unwrap()), ["0 a 17 anos", "18 anos e mais"]);
        assert_eq!(own(&bounds_of("faixa_etaria_18_19").unwrap()), ["0 a 17 anos", "18 anos", "19 anos e mais"]);
        for name in ["faixa_etaria_5_5", "faixa_etaria_5_1", "faixa_etaria_oms", "faixa_etaria_", "faixa_etaria_1000"] {
            assert_eq!(bounds_of(name), None, "{name}");
        }
        assert_eq!(bands_in_order("FAIXA_etaria_60_18_60").as_deref(), Some("faixa_etaria_18_60"));
        assert_eq!((bands_in_order("faixa_etaria_18_x"), bands_in_order("faixa_etaria_5_1000")), (None, None));
    }

    #[test]
    fn parts_of_the_first_year() {
        let of = |days, months, years| infant_band(days, months, years);
        assert_eq!([of(Some(6), None, Some(0)), of(Some(7), None, Some(0)), of(Some(28), None, Some(0))], [0, 1, 2]);
        assert_eq!([of(None, Some(1), Some(0)), of(None, None, Some(0)), of(None, None, Some(40))], [2, NONE, 3]);
        assert_eq!(of(None, None, None), NONE);
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
