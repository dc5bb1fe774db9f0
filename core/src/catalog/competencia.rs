//! The period a file belongs to: the month (or, for yearly sistemas, the year) of processing.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `202401`, or `2024` for the sistemas that publish by year.
///
/// It is when the ministry processed the record, not when the event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Competencia {
    ano: u16,
    // 0 for a whole year.
    mes: u8,
}

impl Competencia {
    /// A month; none when `mes` is not 1 to 12 or `ano` not 1900 to 2199.
    pub fn month(ano: u16, mes: u8) -> Option<Self> {
        ((1900..2200).contains(&ano) && (1..=12).contains(&mes)).then_some(Competencia { ano, mes })
    }

    /// A whole year.
    pub fn year(ano: u16) -> Option<Self> {
        (1900..2200).contains(&ano).then_some(Competencia { ano, mes: 0 })
    }

    /// Reads `YYYYMM` or `YYYY`.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        match text.len() {
            4 => Competencia::year(text.parse().ok()?),
            6 => Competencia::month(text[..4].parse().ok()?, text[4..].parse().ok()?),
            _ => None,
        }
    }

    /// Reads what people write: `202401`, `2024-01`, `01/2024`, a day of the month (`2024-01-31`), or a year (`2024`).
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = |part: &str, most: usize| -> Option<u16> {
            let digits = (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        };
        let month = |ano: &str, mes: &str| {
            let four = Some(ano).filter(|ano| ano.len() == 4)?;
            Competencia::month(number(four, 4)?, u8::try_from(number(mes, 2)?).ok()?)
        };
        match text.split(['-', '/']).collect::<Vec<_>>()[..] {
            [_] => Competencia::parse(text),
            [ano, mes] if ano.len() == 4 => month(ano, mes),
            [mes, ano] => month(ano, mes),
            // A day that does not exist is no month either.
            [_, _, _] => {
                let day =
                    ["%Y-%m-%d", "%d/%m/%Y"].iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok())?;
                Competencia::month(u16::try_from(day.year()).ok()?, u8::try_from(day.month()).ok()?)
            }
            _ => None,
        }
    }

    /// The year.
    pub fn ano(self) -> u16 {
        self.ano
    }

    /// The month, 1 to 12; none for a yearly sistema.
    pub fn mes(self) -> Option<u8> {
        (self.mes > 0).then_some(self.mes)
    }

    /// The one that follows: next month, or next year.
    pub fn next(self) -> Self {
        match self.mes {
            0 => Competencia { ano: self.ano + 1, mes: 0 },
            12 => Competencia { ano: self.ano + 1, mes: 1 },
            mes => Competencia { ano: self.ano, mes: mes + 1 },
        }
    }
}

impl std::fmt::Display for Competencia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.mes {
            0 => write!(f, "{:04}", self.ano),
            mes => write!(f, "{:04}{:02}", self.ano, mes),
        }
    }
}

impl Serialize for Competencia {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Competencia {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Competencia::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not YYYYMM or YYYY")))
    }
}

impl schemars::JsonSchema for Competencia {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Competencia".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "`YYYYMM`, or `YYYY` of a yearly sistema.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Competencia;

    #[test]
    fn a_month_is_read_as_people_write_it_and_nothing_else_is() {
        let january = Competencia::month(2024, 1);
        for text in [
            "202401",
            "2024-01",
            "2024/01",
            "2024-1",
            "01/2024",
            "1/2024",
            "01-2024",
            "2024-01-31",
            "31/01/2024",
            " 202401 ",
        ] {
            assert_eq!(Competencia::read(text), january, "{text}");
        }
        assert_eq!(Competencia::read("2024"), Competencia::year(2024));
        for text in [
            "",
            "24",
            "01/24",
            "202413",
            "13/2024",
            "2024-M1",
            "2024-02-30",
            "2024-01-01-01",
            "20240",
            "2024-001",
            "+202-01",
            "janeiro",
        ] {
            assert_eq!(Competencia::read(text), None, "{text}");
        }
    }
}
