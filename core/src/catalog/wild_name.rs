//! File names as people have them: with the mark of a copy, with a date, or spelt by a tool that fetches files.
//!
//! `RDAC2401 (1).dbc`, `RDAC2401 - Copia.dbc`, `RDAC2401@20240301.dbc`; datasus-fetcher's `sih-rd_202401-ac@20240301.dbc`
//! (`_20240301` in its older versions, `sinan-zika-preliminar_2020-br@20240301.dbc` for what is preliminary); and
//! `SIH_RD_AC_2024_01.parquet`, of R. Each is read whole, as the ministry's own names are.

use super::{Catalog, Competencia, FileId, Grupo, Period, Uf};

/// What a name in somebody's folder says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundName {
    /// What the name says.
    pub id: FileId,
    /// The day of the version, as YYYYMMDD.
    pub dated: Option<u32>,
    /// The name itself says that the content is preliminary.
    pub preliminary: bool,
}

impl From<FileId> for FoundName {
    fn from(id: FileId) -> Self {
        FoundName { id, dated: None, preliminary: false }
    }
}

const EXTENSIONS: [&str; 4] = ["DBC", "DBF", "PARQUET", ZIP];
/// Of the datasets alone that the ministry publishes in zips; of others it is somebody's archive.
const ZIP: &str = "ZIP";
/// A copy's mark in the languages that our users' machines speak, at the end of the name.
const COPY_WORDS: [&str; 4] = ["COPIA", "COPY", "ANOTHER COPY", "OUTRA COPIA"];
const COPY_BEGINS: [&str; 2] = ["COPIA DE ", "COPY OF "];

impl Catalog {
    /// What the name says, in any case, with `.dbc`, `.dbf`, `.parquet` or no extension, or `.zip` where the dataset is published
    /// so; none for names of other files.
    pub fn read_name(&self, file_name: &str) -> Option<FoundName> {
        let upper = plain_upper(file_name);
        let name = self.named(&upper)?;
        let is_zip = upper.rsplit_once('.').is_some_and(|(_, extension)| extension.trim_end() == ZIP);
        let zipped = || self.dataset(&name.id.dataset.to_string()).is_some_and(|grupo| grupo.zipped);
        (!is_zip || zipped()).then_some(name)
    }

    fn named(&self, upper: &str) -> Option<FoundName> {
        let stem = without_extension(upper)?;
        // A Parquet made of a DBC sometimes keeps both: `RDAC2401.dbc.parquet`.
        let stem = if stem.contains('.') { without_extension(stem)? } else { stem };
        if let Some(id) = self.reading(stem) {
            return Some(id.into());
        }
        let stem = without_copy_mark(stem);
        if let Some((base, dated)) = stem.rsplit_once('@') {
            let dated = Some(day(dated)?);
            let name = self.reading(base).map(FoundName::from).or_else(|| self.of_tool(base));
            return name.map(|name| FoundName { dated, ..name });
        }
        self.reading(stem).map(FoundName::from).or_else(|| self.of_tool(stem))
    }

    fn reading(&self, stem: &str) -> Option<FileId> {
        self.datasets().find_map(|grupo| grupo.read_stem(stem).next())
    }

    /// `SIH-RD_202401-AC`, with a part or a day behind it; or `SIH_RD_AC_2024_01`.
    fn of_tool(&self, stem: &str) -> Option<FoundName> {
        let tokens: Vec<&str> = stem.split('_').collect();
        match tokens.as_slice() {
            [dataset, partition] => self.of_fetcher(dataset, partition),
            [dataset, partition, dated] if dataset.contains('-') => {
                let dated = Some(day(dated)?);
                self.of_fetcher(dataset, partition).map(|name| FoundName { dated, ..name })
            }
            [sistema, grupo, uf, ano, mes @ ..] if mes.len() <= 1 => {
                let grupo = self.dataset(&format!("{sistema}-{grupo}"))?;
                file_id(grupo, Some(uf), &format!("{ano}{}", mes.concat()), None).map(FoundName::from)
            }
            _ => None,
        }
    }

    fn of_fetcher(&self, dataset: &str, partition: &str) -> Option<FoundName> {
        let (grupo, preliminary) = self.fetched_dataset(dataset)?;
        let mut tokens = partition.split('-');
        let period = tokens.next()?;
        let (uf, part) = (tokens.next(), tokens.next());
        let id = file_id(grupo, uf, period, part)?;
        tokens.next().is_none().then_some(FoundName { id, dated: None, preliminary })
    }

    /// A dataset as datasus-fetcher spells it, and whether it is the preliminary one: `sim-do-cid10`,
    /// `sinan-zika-preliminar`.
    pub fn fetched_dataset(&self, name: &str) -> Option<(&Grupo, bool)> {
        let upper = name.to_uppercase();
        let (name, preliminary) = match upper.strip_suffix("-PRELIMINAR") {
            Some(name) => (name, true),
            None => (upper.as_str(), false),
        };
        let grupo = match name.rsplit_once("-CID") {
            // CID-9 deaths of residents have a group of their own.
            Some(("SIM-DO", "09")) => self.dataset("SIM-DOR"),
            Some((name, "09" | "10")) => self.dataset(name),
            _ => self.dataset(name),
        };
        Some((grupo?, preliminary))
    }
}

fn file_id(grupo: &Grupo, uf: Option<&str>, period: &str, part: Option<&str>) -> Option<FileId> {
    let uf = match (grupo.national, uf) {
        (Some(national), None) => national,
        (Some(national), Some(uf)) => Uf::parse(uf).filter(|uf| *uf == Uf::BR || *uf == national).map(|_| national)?,
        (None, uf) => Uf::parse(uf?).filter(|uf| uf.ibge().is_some())?,
    };
    let digits = match grupo.period {
        Period::Month => 6,
        Period::Year => 4,
    };
    let competencia = Competencia::parse(period).filter(|_| period.len() == digits)?;
    let part = match part {
        Some(part) if grupo.has_parts() && is_part(part) => Some(part.to_lowercase()),
        Some(_) => return None,
        None => None,
    };
    Some(FileId { dataset: grupo.dataset.clone(), uf, competencia, part })
}

fn is_part(part: &str) -> bool {
    let letter = part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_uppercase());
    letter || ((1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// In upper case, and without the accents that a copy's mark has, composed or not.
fn plain_upper(name: &str) -> String {
    name.to_uppercase().chars().filter(|c| *c != '\u{301}').map(|c| if c == 'Ó' { 'O' } else { c }).collect()
}

/// None where the extension is another.
fn without_extension(name: &str) -> Option<&str> {
    match name.rsplit_once('.') {
        Some((stem, extension)) => EXTENSIONS.contains(&extension.trim_end()).then_some(stem),
        None => Some(name),
    }
}

/// The name before ` (1)`, ` - COPIA (2)`, ` COPY 3`, or behind `COPIA DE `.
fn without_copy_mark(stem: &str) -> &str {
    let mut stem = stem.trim();
    for begin in COPY_BEGINS {
        stem = stem.strip_prefix(begin).unwrap_or(stem).trim();
    }
    loop {
        let shorter = one_mark_less(stem).trim_end();
        if shorter.len() == stem.len() || shorter.is_empty() {
            return stem;
        }
        stem = shorter;
    }
}

fn one_mark_less(stem: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_copy = |text: &str| {
        let text = text.trim();
        let word = text.rsplit_once(' ').filter(|(_, number)| is_number(number)).map_or(text, |(word, _)| word);
        // `(3ª CÓPIA)`, `(3RD COPY)`
        let ordinal = |(first, _): &(&str, &str)| first.starts_with(|c: char| c.is_ascii_digit());
        let word = word.split_once(' ').filter(ordinal).map_or(word, |(_, word)| word);
        COPY_WORDS.contains(&word)
    };
    if let Some((base, inside)) = stem.strip_suffix(')').and_then(|stem| stem.rsplit_once('('))
        && (is_number(inside.trim()) || is_copy(inside))
    {
        return base;
    }
    if let Some((base, word)) = stem.rsplit_once('-')
        && is_copy(word)
    {
        return base;
    }
    // `RDAC2401 COPY`, `RDAC2401 COPY 2`
    stem.match_indices(' ').find(|(at, _)| is_copy(&stem[*at..])).map_or(stem, |(at, _)| &stem[..at])
}

/// A day as YYYYMMDD.
fn day(text: &str) -> Option<u32> {
    let number: u32 =
        Some(text).filter(|text| text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
    let (year, month, of_month) = (number / 10_000, number / 100 % 100, number % 100);
    chrono::NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, of_month)?;
    (1979..2200).contains(&year).then_some(number)
}
