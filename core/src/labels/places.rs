//! Municipalities: seven digits, names, UF, regions.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use super::dictionary::{Dictionary, MUNICIPALITIES};
use super::short_codes::NONE;
use super::word_list::WordList;
use crate::catalog::Uf;

/// A municipality of today or of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Municipality {
    /// Six digits.
    pub code: String,
    /// With the check digit.
    pub code_7: String,
    /// As it is published.
    pub name: String,
    /// Decimal degrees, as published.
    pub latitude: Option<String>,
    /// Decimal degrees, as published.
    pub longitude: Option<String>,
    /// Code and name of the health region.
    pub health_region: Option<String>,
    /// False: a code for those that are not known.
    pub known: bool,
    /// Six digits of the one that it became, where it moved to another UF or was joined to another.
    pub successor: Option<String>,
}

static ALL: LazyLock<Vec<Municipality>> = LazyLock::new(|| {
    let optional = |cell: Option<&str>| cell.filter(|cell| !cell.is_empty()).map(str::to_owned);
    let read = |line: &str| {
        let mut cells = line.split('\t');
        Some(Municipality {
            code: cells.next()?.to_owned(),
            code_7: cells.next()?.to_owned(),
            name: cells.next()?.to_owned(),
            latitude: optional(cells.next()),
            longitude: optional(cells.next()),
            health_region: optional(cells.next()),
            known: cells.next() == Some("1"),
            successor: optional(cells.next()),
        })
    };
    Dictionary::built_in().rows(MUNICIPALITIES).lines().filter_map(read).collect()
});

/// Of today and of the past, by code.
pub fn municipalities() -> &'static [Municipality] {
    &ALL
}

/// What of a municipality a column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Code7,
    Name,
    Uf,
    Region,
    HealthRegion,
}

const PLACES: usize = Place::HealthRegion as usize + 1;

/// Digits behind the point of a degree.
pub(super) const DEGREE_DIGITS: u8 = 5;

/// Which of its coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    Latitude,
    Longitude,
}

/// By code, latitude and longitude in units of the last digit.
static DEGREES: LazyLock<HashMap<&'static str, [Option<i128>; 2]>> = LazyLock::new(|| {
    let units = |text: &Option<String>| {
        let (whole, fraction) = text.as_ref()?.split_once('.')?;
        let digits = format!("{whole}{fraction:0<width$}", width = usize::from(DEGREE_DIGITS));
        (fraction.len() <= usize::from(DEGREE_DIGITS)).then(|| digits.parse().ok()).flatten()
    };
    ALL.iter().map(|one| (one.code.as_str(), [units(&one.latitude), units(&one.longitude)])).collect()
});

/// A coordinate of the municipality of a code of six or seven digits.
pub(super) fn degrees(code: &str, axis: Axis) -> Option<i128> {
    let [latitude, longitude] = DEGREES.get(of_today(six_digits(code)?))?;
    if axis == Axis::Latitude { *latitude } else { *longitude }
}

fn six_digits(code: &str) -> Option<&str> {
    code.get(..6).filter(|six| six.bytes().all(|byte| byte.is_ascii_digit()))
}

static SUCCESSORS: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| ALL.iter().filter_map(|one| Some((one.code.as_str(), one.successor.as_deref()?))).collect());

/// The code that it has today: what moved to Tocantins in 1988 is there, and every code of the Federal District is Brasília.
fn of_today(six: &str) -> &str {
    if six.starts_with("53") { "530010" } else { SUCCESSORS.get(six).copied().unwrap_or(six) }
}

const REGIONS: [&str; 5] = ["Norte", "Nordeste", "Sudeste", "Sul", "Centro-Oeste"];

/// The words of a place, and the number of each municipality's code.
pub(super) struct Words {
    pub words: WordList,
    by_code: HashMap<String, u32>,
    place: Place,
}

/// Of each place, once it was asked for: many columns have the same.
static KNOWN: [OnceLock<Words>; PLACES] = [const { OnceLock::new() }; PLACES];

impl Words {
    pub fn of(place: Place) -> &'static Self {
        KNOWN[place as usize].get_or_init(|| Words::made(place))
    }

    /// Somebody has asked for them.
    pub fn are_read(place: Place) -> bool {
        KNOWN[place as usize].get().is_some()
    }

    fn made(place: Place) -> Self {
        let (mut words, mut by_code) = (Vec::new(), HashMap::new());
        match place {
            Place::Uf => words = Uf::all().map(|uf| uf.sigla().to_owned()).collect(),
            Place::Region => words = REGIONS.map(str::to_owned).to_vec(),
            _ => {
                let mut numbers: HashMap<&str, u32> = HashMap::new();
                for one in ALL.iter().filter(|one| one.known) {
                    let word = match place {
                        Place::Code7 => Some(one.code_7.as_str()),
                        Place::Name => Some(one.name.as_str()),
                        _ => one.health_region.as_deref(),
                    };
                    let Some(word) = word else { continue };
                    let number = *numbers.entry(word).or_insert_with(|| {
                        words.push(word.to_owned());
                        words.len() as u32 - 1
                    });
                    by_code.insert(one.code.clone(), number);
                }
            }
        }
        Words { words: words.into(), by_code, place }
    }

    /// By a code of six or seven digits, of today or of the past.
    pub fn number(&self, code: &str) -> u32 {
        let Some(six) = six_digits(code).map(of_today) else { return NONE };
        let found = |word: Option<String>| {
            word.and_then(|word| self.words.iter().position(|known| known == word)).map_or(NONE, |at| at as u32)
        };
        match self.place {
            Place::Uf => found(Uf::read(&six[..2]).map(|uf| uf.sigla().to_owned())),
            Place::Region => {
                let first = six.as_bytes()[0];
                if Uf::read(&six[..2]).is_some() { u32::from(first - b'1') } else { NONE }
            }
            _ => self.by_code.get(six).copied().unwrap_or(NONE),
        }
    }
}

/// The check digit of a municipality's six, but for the nine that IBGE gave another.
pub fn check_digit(code: &str) -> Option<u32> {
    let digits: Vec<u32> = code.chars().map(|c| c.to_digit(10)).collect::<Option<_>>()?;
    let product = |(at, digit): (usize, &u32)| {
        let product = digit * (1 + at as u32 % 2);
        product / 10 + product % 10
    };
    (digits.len() == 6).then(|| (10 - digits.iter().enumerate().map(product).sum::<u32>() % 10) % 10)
}
