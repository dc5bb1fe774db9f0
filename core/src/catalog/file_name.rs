//! File names, both ways: `RDAC2401.dbc` <-> SIH-RD, AC, 202401.
//!
//! Names are matched whole (group, valid UF, digits), never by prefix: `DORR2022` is DO of RR, `DORRR79` is DOR of RR.

use serde::{Deserialize, Serialize};

use super::{Catalog, Competencia, Dataset, Grupo, Uf};

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    pub dataset: Dataset,
    pub uf: Uf,
    pub competencia: Competencia,
    /// Of a month that is split: `a`, `b`, ... or `1`, `2`, ...
    pub part: Option<String>,
}

/// A naming pattern: literals and `{UF}`, `{YYYY}`, `{YY}`, `{MM}`, `{part}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Uf,
    Year4,
    Year2,
    Month,
    Part,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Option<Pattern> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('{') {
                let (name, after) = after.split_once('}')?;
                pieces.push(match name {
                    "UF" => Piece::Uf,
                    "YYYY" => Piece::Year4,
                    "YY" => Piece::Year2,
                    "MM" => Piece::Month,
                    "part" => Piece::Part,
                    _ => return None,
                });
                rest = after;
            } else {
                let end = rest.find('{').unwrap_or(rest.len());
                pieces.push(Piece::Literal(rest[..end].to_owned()));
                rest = &rest[end..];
            }
        }
        Some(Pattern(pieces))
    }

    /// `stem` in upper case; every character must be used.
    pub(super) fn read(&self, stem: &str, grupo: &Grupo) -> Option<FileId> {
        let mut rest = stem;
        let (mut uf, mut year, mut month, mut part) = (grupo.national, None, None, None);
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Piece::Uf => {
                    let (sigla, after) = rest.split_at_checked(2)?;
                    uf = Some(Uf::parse(sigla).filter(|uf| uf.ibge().is_some())?);
                    rest = after;
                }
                Piece::Year4 => {
                    let (digits, after) = digits(rest, 4)?;
                    year = Some(digits);
                    rest = after;
                }
                Piece::Year2 => {
                    let (digits, after) = digits(rest, 2)?;
                    // The first files are of 1979.
                    year = Some(if digits >= 79 { 1900 + digits } else { 2000 + digits });
                    rest = after;
                }
                Piece::Month => {
                    let (digits, after) = digits(rest, 2)?;
                    month = Some(digits);
                    rest = after;
                }
                Piece::Part if rest.is_empty() => {}
                Piece::Part => {
                    let name = rest.strip_prefix('_').unwrap_or(rest);
                    let letter =
                        name.len() == 1 && name.bytes().all(|b| b.is_ascii_uppercase()) && name.len() == rest.len();
                    let number = name.len() < rest.len()
                        && (1..=2).contains(&name.len())
                        && name.bytes().all(|b| b.is_ascii_digit());
                    if !letter && !number {
                        return None;
                    }
                    part = Some(name.to_lowercase());
                    rest = "";
                }
            }
        }
        let competencia = match month {
            Some(month) => Competencia::month(year?, u8::try_from(month).ok()?)?,
            None => Competencia::year(year?)?,
        };
        rest.is_empty().then_some(FileId { dataset: grupo.dataset.clone(), uf: uf?, competencia, part })
    }

    /// The UF (none in national files) of a name that begins as these do, up to and with the first digit.
    fn begins(&self, upper: &str) -> Option<Option<Uf>> {
        let (mut rest, mut uf) = (upper, None);
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Piece::Uf => {
                    let (sigla, after) = rest.split_at_checked(2)?;
                    uf = Some(Uf::parse(sigla).filter(|uf| uf.ibge().is_some())?);
                    rest = after;
                }
                _ => break,
            }
        }
        rest.starts_with(|c: char| c.is_ascii_digit()).then_some(uf)
    }

    fn write(&self, id: &FileId) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Literal(literal) => literal.clone(),
                Piece::Uf => id.uf.to_string(),
                Piece::Year4 => format!("{:04}", id.competencia.ano()),
                Piece::Year2 => format!("{:02}", id.competencia.ano() % 100),
                Piece::Month => format!("{:02}", id.competencia.mes().unwrap_or(0)),
                Piece::Part => match &id.part {
                    Some(part) if part.bytes().all(|b| b.is_ascii_digit()) => format!("_{part}"),
                    Some(part) => part.clone(),
                    None => String::new(),
                },
            })
            .collect()
    }
}

fn digits(text: &str, count: usize) -> Option<(u16, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| Some((digits.parse().ok()?, rest)))?
}

impl Grupo {
    /// Whether its months may be split.
    pub(super) fn has_parts(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.0.contains(&Piece::Part))
    }

    /// Whether a name begins as those of its files do: prefix, UF, a digit. Gives the UF, or none in national files.
    pub fn begins(&self, file_name: &str) -> Option<Option<Uf>> {
        let upper = file_name.to_uppercase();
        self.patterns.iter().find_map(|pattern| pattern.begins(&upper))
    }
}

impl FileId {
    /// `SIH-RD AC 202401`: the month (or year), whatever the part.
    pub fn month(&self) -> String {
        format!("{} {} {}", self.dataset, self.uf, self.competencia)
    }

    /// The ministry's name for it: `RDAC2401.dbc`.
    pub fn file_name(&self, catalog: &Catalog) -> String {
        let grupo = catalog.dataset(&self.dataset.to_string());
        let stem = grupo.and_then(|grupo| grupo.patterns.first()).map(|pattern| pattern.write(self));
        format!("{}.dbc", stem.unwrap_or_else(|| format!("{}{}{}", self.dataset.grupo(), self.uf, self.competencia)))
    }
}

impl Catalog {
    /// What the name says, as in [`Catalog::read_name`], but for its version.
    pub fn identify(&self, file_name: &str) -> Option<FileId> {
        self.read_name(file_name).map(|name| name.id)
    }

    /// Every reading of a name; the catalogue is sound when there is at most one.
    pub fn readings(&self, stem: &str) -> Vec<FileId> {
        let upper = stem.to_uppercase();
        self.datasets().flat_map(|g| g.patterns.iter().filter_map(|p| p.read(&upper, g)).collect::<Vec<_>>()).collect()
    }
}
