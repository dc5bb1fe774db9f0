//! How the files of a grupo are named, read and written: `RD{UF}{YY}{MM}{part}`.
//!
//! Names are matched whole (group, valid UF, digits), never by prefix: `DORR2022` is DO of RR, `DORRR79` is DOR of RR.

use super::{Competencia, Dataset, FileId, Uf};

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

    /// `stem` in upper case; every character must be used. `national`: the UF of files whose name says none.
    pub(super) fn read(&self, stem: &str, dataset: &Dataset, national: Option<Uf>) -> Option<FileId> {
        let mut reading = Reading { uf: national, ..Reading::of(stem) };
        self.0.iter().try_for_each(|piece| reading.step(piece))?;
        let competencia = match reading.month {
            Some(month) => Competencia::month(reading.year?, u8::try_from(month).ok()?)?,
            None => Competencia::year(reading.year?)?,
        };
        let id = FileId { dataset: dataset.clone(), uf: reading.uf?, competencia, part: reading.part };
        reading.rest.is_empty().then_some(id)
    }

    /// Whether it has a place for a part.
    pub(super) fn has_part(&self) -> bool {
        self.0.contains(&Piece::Part)
    }

    /// The UF (none in national files) of a name that begins as these do, up to and with the first digit.
    pub(super) fn begins(&self, upper: &str) -> Option<Option<Uf>> {
        let mut reading = Reading::of(upper);
        let mut before_digits = self.0.iter().take_while(|piece| matches!(piece, Piece::Literal(_) | Piece::Uf));
        before_digits.try_for_each(|piece| reading.step(piece))?;
        reading.rest.starts_with(|c: char| c.is_ascii_digit()).then_some(reading.uf)
    }

    pub(super) fn write(&self, id: &FileId) -> String {
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

/// A name in upper case, read piece by piece.
#[derive(Default)]
struct Reading<'n> {
    rest: &'n str,
    uf: Option<Uf>,
    year: Option<u16>,
    month: Option<u16>,
    part: Option<String>,
}

impl<'n> Reading<'n> {
    fn of(name: &'n str) -> Self {
        Reading { rest: name, ..Reading::default() }
    }

    /// None where the name does not go on with the piece.
    fn step(&mut self, piece: &Piece) -> Option<()> {
        match piece {
            Piece::Literal(literal) => self.rest = self.rest.strip_prefix(literal.as_str())?,
            Piece::Uf => {
                let (sigla, after) = self.rest.split_at_checked(2)?;
                self.uf = Some(Uf::parse(sigla).filter(|uf| uf.ibge().is_some())?);
                self.rest = after;
            }
            Piece::Year4 => self.year = Some(self.digits(4)?),
            // The first files are of 1979.
            Piece::Year2 => self.year = Some(self.digits(2).map(|year| year + if year >= 79 { 1900 } else { 2000 })?),
            Piece::Month => self.month = Some(self.digits(2)?),
            Piece::Part if self.rest.is_empty() => {}
            Piece::Part => {
                let name = self.rest.strip_prefix('_').unwrap_or(self.rest);
                let marked = name.len() < self.rest.len();
                let letter = !marked && name.len() == 1 && name.bytes().all(|b| b.is_ascii_uppercase());
                let number = marked && (1..=2).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_digit());
                if !letter && !number {
                    return None;
                }
                self.part = Some(name.to_lowercase());
                self.rest = "";
            }
        }
        Some(())
    }

    fn digits(&mut self, count: usize) -> Option<u16> {
        let (digits, rest) = digits(self.rest, count)?;
        self.rest = rest;
        Some(digits)
    }
}

fn digits(text: &str, count: usize) -> Option<(u16, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| Some((digits.parse().ok()?, rest)))?
}
