//! The UF and the competência that a row says.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};

use crate::base::{Code, Error, Result, clip, text};
use crate::catalog::{Competencia, DateFormat, Grupo, LogicalType, Period, Uf};

/// UF and competência of a row.
pub(super) type Key = (Uf, Competencia);

/// Reads them from batches of one file.
pub(super) struct Keys {
    grupo: &'static Grupo,
    uf: Option<usize>,
    competencia: Vec<usize>,
    /// Rows whose UF is none that is known: they are of EX, as in the ministry's own files.
    pub(super) unknown_ufs: u64,
    ufs: HashMap<String, Option<Uf>>,
    competencias: HashMap<Vec<String>, Option<Competencia>>,
}

impl Keys {
    /// DS-422 where a column is missing.
    pub(super) fn of(grupo: &'static Grupo, schema: &Schema, file: &str) -> Result<Self> {
        let Some(keys) = &grupo.row_keys else {
            return Err(Error::internal(format!("{} was declared without keys", grupo.dataset)));
        };
        let place = |name: &String| {
            let found = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
            found.ok_or_else(|| missing(grupo, name, schema, file))
        };
        Ok(Keys {
            grupo,
            uf: keys.uf.as_ref().map(place).transpose()?,
            competencia: keys.competencia.iter().map(place).collect::<Result<_>>()?,
            unknown_ufs: 0,
            ufs: HashMap::new(),
            competencias: HashMap::new(),
        })
    }

    /// The key of each row; `before` rows of the file came already. DS-422 where a row says no competência.
    pub(super) fn read(&mut self, batch: &RecordBatch, before: u64, file: &str) -> Result<Vec<Key>> {
        let texts = |place: &usize| as_text(batch.column(*place));
        let ufs = self.uf.as_ref().map(texts).transpose()?;
        let parts = self.competencia.iter().map(texts).collect::<Result<Vec<_>>>()?;
        let mut keys = Vec::with_capacity(batch.num_rows());
        let mut words: Vec<String> = vec![String::new(); parts.len()];
        for row in 0..batch.num_rows() {
            for (word, part) in words.iter_mut().zip(&parts) {
                word.clear();
                word.push_str(cell(part, row));
            }
            let competencia = match self.competencias.get(&words) {
                Some(known) => *known,
                None => {
                    let read = self.competencia_of(&words);
                    self.competencias.insert(words.clone(), read);
                    read
                }
            };
            let Some(competencia) = competencia else {
                return Err(self.no_competencia(&words, before + row as u64, file));
            };
            let uf = match &ufs {
                None => self.grupo.national.unwrap_or(Uf::BR),
                Some(ufs) => {
                    let said = cell(ufs, row);
                    let known = match self.ufs.get(said) {
                        Some(known) => *known,
                        None => *self.ufs.entry(said.to_owned()).or_insert_with(|| uf_of(said)),
                    };
                    self.unknown_ufs += u64::from(known.is_none());
                    known.unwrap_or(Uf::EX)
                }
            };
            keys.push((uf, competencia));
        }
        Ok(keys)
    }

    fn competencia_of(&self, words: &[String]) -> Option<Competencia> {
        match (words, self.grupo.period) {
            ([year, month], Period::Month) => Competencia::month(year_of(year)?, month.parse().ok()?),
            ([word], Period::Month) => Competencia::read(word).filter(|read| read.mes().is_some()),
            ([word], Period::Year) => {
                let kind = self.grupo.row_keys.as_ref().and_then(|keys| self.grupo.column(keys.competencia.first()?));
                let formats = match kind.map(|column| &column.kind) {
                    Some(LogicalType::Date { formats }) => formats.as_slice(),
                    _ => &[],
                };
                Competencia::year(year_within(word, formats)?)
            }
            _ => None,
        }
    }

    fn no_competencia(&self, words: &[String], row: u64, file: &str) -> Error {
        let columns = self.grupo.row_keys.as_ref().map(|keys| keys.competencia.join(", ")).unwrap_or_default();
        let said = clip(&words.join(", "));
        Error::new(
            Code::InvalidParams,
            text!(
                "{file}: a linha {row} (a partir de 0) não diz a competência: {columns} é \"{said}\". Corrija-a, ou deixe-a fora do arquivo",
                "{file}: row {row} (from 0) says no competência: {columns} is \"{said}\". Correct it, or leave it out of the file"
            ),
        )
        .with("received", said)
        .row(row)
        .column(&columns)
        .file(file)
        .stage("source")
    }
}

/// Whatever type it has, as text; bytes by their Latin-1.
fn as_text(column: &ArrayRef) -> Result<StringArray> {
    let latin1 =
        |bytes: Option<&[u8]>| bytes.map(|bytes| bytes.iter().map(|byte| char::from(*byte)).collect::<String>());
    Ok(match column.data_type() {
        DataType::Binary => column.as_binary::<i32>().iter().map(latin1).collect(),
        DataType::LargeBinary => column.as_binary::<i64>().iter().map(latin1).collect(),
        _ => {
            let texts = cast(column, &DataType::Utf8).map_err(Error::internal)?;
            texts.as_string::<i32>().clone()
        }
    })
}

fn cell(texts: &StringArray, row: usize) -> &str {
    if texts.is_null(row) {
        return "";
    }
    let bare = texts.value(row).trim_matches([' ', '\0']);
    // A whole number that passed through a float.
    bare.strip_suffix(".0").unwrap_or(bare)
}

fn uf_of(said: &str) -> Option<Uf> {
    let digits = said.get(..2)?;
    let by_code = digits.parse::<u8>().ok().and_then(|code| Uf::all().find(|uf| uf.ibge() == Some(code)));
    by_code.or_else(|| Uf::parse(said).filter(|uf| uf.ibge().is_some()))
}

/// Of two digits, 79 is the first of the twentieth century, as in file names.
fn year_of(digits: &str) -> Option<u16> {
    let year: u16 = Some(digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    match digits.len() {
        4 => Some(year),
        2 => Some(year + if year >= 79 { 1900 } else { 2000 }),
        _ => None,
    }
}

/// The year of a day, or of a year and month, however it is written.
fn year_within(word: &str, formats: &[DateFormat]) -> Option<u16> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let day_first = formats.contains(&DateFormat::DayMonthYear);
    match word.len() {
        // 2024-01-31, 2024-01-31T00:00:00, 2024/01
        7.. if word.as_bytes()[4] == b'-' || word.as_bytes()[4] == b'/' => year_of(word.get(..4)?),
        10 if word.as_bytes()[2] == b'/' => year_of(word.get(6..)?),
        8 if digits && day_first => year_of(&word[4..]),
        // A day whose first zero is lost, as of a number.
        7 if digits && day_first => year_of(&word[3..]),
        8 if digits => year_of(&word[..4]),
        6 if digits && formats.contains(&DateFormat::ShortYearMonthDay) => year_of(&word[..2]),
        6 if digits => year_of(&word[..4]),
        4 if digits => year_of(word),
        _ => None,
    }
}

fn missing(grupo: &Grupo, name: &str, schema: &Schema, file: &str) -> Error {
    let has: Vec<&str> = schema.fields().iter().take(12).map(|field| field.name().as_str()).collect();
    let (dataset, list) = (&grupo.dataset, has.join(", "));
    let more = if schema.fields().len() > has.len() { ", …" } else { "" };
    Error::new(
        Code::InvalidParams,
        text!(
            "{file} não tem a coluna {name}, que em {dataset} diz a UF ou a competência de cada registro; tem {list}{more}. Exporte-a também, ou dê ao arquivo o nome do ministério e abra a pasta dele",
            "{file} has no column {name}, which in {dataset} says the UF or the competência of each record; it has {list}{more}. Export it as well, or give the file the ministry's name and open its folder"
        ),
    )
    .column(name)
    .file(file)
    .stage("source")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_found_in_days_of_every_form() {
        let day_first = [DateFormat::DayMonthYear];
        for (word, formats, expected) in [
            ("31122022", &day_first[..], Some(2022)),
            ("1012022", &day_first, Some(2022)),
            ("2022-12-31", &day_first, Some(2022)),
            ("2022-12-31T00:00:00", &day_first, Some(2022)),
            ("31/12/2022", &day_first, Some(2022)),
            ("20221231", &[], Some(2022)),
            ("202107", &[], Some(2021)),
            ("790131", &[DateFormat::ShortYearMonthDay], Some(1979)),
            ("2016", &[], Some(2016)),
            ("", &[], None),
            ("abc", &[], None),
            ("99999", &[], None),
        ] {
            assert_eq!(year_within(word, formats), expected, "{word}");
        }
        for (said, uf) in [("120040", "AC"), ("1200401", "AC"), ("12", "AC"), ("SP", "SP"), ("sp", "SP")] {
            assert_eq!(uf_of(said).map(|uf| uf.to_string()).as_deref(), Some(uf), "{said}");
        }
        for said in ["", "0", "99", "900000", "BR", "São Paulo"] {
            assert_eq!(uf_of(said), None, "{said}");
        }
    }
}
