//! The form in which a code is written, whatever the file at hand did with its zeros and check digits.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How a code is written: always in the same way, so that equal codes are equal texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// So many digits, with the zeros on the left: `digits(7)`.
    Digits(u8),
    /// A municipality in the ministry's six digits: IBGE's seven, which begin with a UF, without the check digit. Nothing is
    /// padded: `14` is a UF.
    Municipality,
    /// A year in four digits; of two digits, `79` is the first of the twentieth century, as in file names.
    Year,
}

/// What became of a value that was brought into a [`Form`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Normal {
    /// It had the form.
    Same,
    /// The same code in its form.
    Changed(String),
    /// No value of this form; it stays as it is.
    Unfit,
}

impl Form {
    /// Reads `digits(7)`, `municipality` or `year`.
    pub fn parse(text: &str) -> Option<Form> {
        match text {
            "municipality" => Some(Form::Municipality),
            "year" => Some(Form::Year),
            _ => {
                let width = text.strip_prefix("digits(")?.strip_suffix(')')?.parse().ok()?;
                (1..=30).contains(&width).then_some(Form::Digits(width))
            }
        }
    }

    /// Characters of a value in this form.
    pub fn width(self) -> usize {
        match self {
            Form::Digits(width) => width.into(),
            Form::Municipality => 6,
            Form::Year => 4,
        }
    }

    /// The form for what a source wrote as text. A number has lost its zeros, and they come back; a text has those that it
    /// was given, and `223` among codes of six digits is a code of another table.
    pub fn of_text(self) -> Option<Form> {
        match self {
            Form::Digits(_) => None,
            Form::Municipality | Form::Year => Some(self),
        }
    }

    /// `value` in this form. Blanks around it do not count; a blank value is no code, and the same.
    pub fn normalise(self, value: &str) -> Normal {
        let bare = value.trim_matches([' ', '\0']);
        if bare.is_empty() {
            return Normal::Same;
        }
        if !bare.bytes().all(|byte| byte.is_ascii_digit()) {
            return Normal::Unfit;
        }
        let missing = self.width().saturating_sub(bare.len());
        let written: Cow<'_, str> = match self {
            _ if bare.len() == self.width() => bare.into(),
            Form::Digits(_) if missing > 0 => format!("{}{bare}", "0".repeat(missing)).into(),
            Form::Municipality if bare.len() == 7 && begins_with_a_uf(bare) => bare[..6].into(),
            Form::Year if bare.len() == 2 => format!("{}{bare}", if bare >= "79" { "19" } else { "20" }).into(),
            _ => return Normal::Unfit,
        };
        if written == value { Normal::Same } else { Normal::Changed(written.into_owned()) }
    }
}

/// IBGE's codes of the 27 federative units: `0000105` is a country in files of 1995, not a municipality.
fn begins_with_a_uf(digits: &str) -> bool {
    matches!(digits[..2].parse::<u8>(), Ok(11..=17 | 21..=29 | 31..=33 | 35 | 41..=43 | 50..=53))
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Form::Digits(width) => write!(f, "digits({width})"),
            Form::Municipality => f.write_str("municipality"),
            Form::Year => f.write_str("year"),
        }
    }
}

impl Serialize for Form {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Form::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a form: digits(7), municipality, year")))
    }
}

impl schemars::JsonSchema for Form {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Form".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "`digits(7)` (with the zeros on the left), `municipality` (six digits) or `year` (four digits).",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_padded_cut_or_left_as_it_is_and_never_becomes_another() {
        let changed = |text: &str| Normal::Changed(text.into());
        for (form, value, expected) in [
            ("digits(7)", "2000121", Normal::Same),
            ("digits(7)", "121", changed("0000121")),
            ("digits(7)", " 121 ", changed("0000121")),
            ("digits(7)", "12345678", Normal::Unfit),
            ("digits(7)", "12A", Normal::Unfit),
            ("digits(7)", "-1", Normal::Unfit),
            ("digits(7)", "1.0", Normal::Unfit),
            ("digits(7)", "", Normal::Same),
            ("digits(7)", "   ", Normal::Same),
            ("digits(2)", "0", changed("00")),
            ("municipality", "140010", Normal::Same),
            ("municipality", "1400100", changed("140010")),
            ("municipality", "1400000", changed("140000")),
            ("municipality", "0000105", Normal::Unfit),
            ("municipality", "9999999", Normal::Unfit),
            ("municipality", "14", Normal::Unfit),
            ("municipality", "0", Normal::Unfit),
            ("municipality", "140010-0", Normal::Unfit),
            ("year", "1997", Normal::Same),
            ("year", "97", changed("1997")),
            ("year", "79", changed("1979")),
            ("year", "07", changed("2007")),
            ("year", "7", Normal::Unfit),
            ("year", "199", Normal::Unfit),
        ] {
            assert_eq!(Form::parse(form).map(|form| form.normalise(value)), Some(expected), "{form} {value:?}");
        }
        for form in ["digits(0)", "digits(31)", "digits", "digits(x)", "Year", ""] {
            assert_eq!(Form::parse(form), None, "{form}");
        }
        for form in ["digits(7)", "municipality", "year"] {
            assert_eq!(Form::parse(form).map(|form| form.to_string()).as_deref(), Some(form));
        }
    }
}
