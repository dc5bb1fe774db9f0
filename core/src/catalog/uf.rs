//! The 27 federative units, and the two marks that stand in their place in file names.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::fold;

/// A federative unit, or `BR` (a national file), or `EX` (abroad or unknown).
///
/// Ordered by sigla. IBGE codes: first two digits of a municipality's code (IBGE, Divisão Territorial Brasileira).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uf(u8);

// (sigla, IBGE code, name), in order of sigla; BR and EX last.
const TABLE: [(&str, u8, &str); 29] = [
    ("AC", 12, "Acre"),
    ("AL", 27, "Alagoas"),
    ("AM", 13, "Amazonas"),
    ("AP", 16, "Amapá"),
    ("BA", 29, "Bahia"),
    ("CE", 23, "Ceará"),
    ("DF", 53, "Distrito Federal"),
    ("ES", 32, "Espírito Santo"),
    ("GO", 52, "Goiás"),
    ("MA", 21, "Maranhão"),
    ("MG", 31, "Minas Gerais"),
    ("MS", 50, "Mato Grosso do Sul"),
    ("MT", 51, "Mato Grosso"),
    ("PA", 15, "Pará"),
    ("PB", 25, "Paraíba"),
    ("PE", 26, "Pernambuco"),
    ("PI", 22, "Piauí"),
    ("PR", 41, "Paraná"),
    ("RJ", 33, "Rio de Janeiro"),
    ("RN", 24, "Rio Grande do Norte"),
    ("RO", 11, "Rondônia"),
    ("RR", 14, "Roraima"),
    ("RS", 43, "Rio Grande do Sul"),
    ("SC", 42, "Santa Catarina"),
    ("SE", 28, "Sergipe"),
    ("SP", 35, "São Paulo"),
    ("TO", 17, "Tocantins"),
    ("BR", 0, "Brasil"),
    ("EX", 0, "Exterior ou ignorada"),
];

impl Uf {
    /// A national file.
    pub const BR: Uf = Uf(27);
    /// Residents abroad, or of an unknown UF.
    pub const EX: Uf = Uf(28);

    /// The 27 federative units, without `BR` and `EX`.
    pub fn all() -> impl Iterator<Item = Uf> {
        (0..27).map(Uf)
    }

    /// Reads what people write: a sigla, the name (`São Paulo`, accents or not), or IBGE's code (`35`); in any case.
    pub fn read(text: &str) -> Option<Uf> {
        let text = text.trim();
        let of_code = || Uf::all().find(|uf| uf.ibge().is_some_and(|code| code.to_string() == text));
        let of_name = || TABLE.iter().position(|row| fold(row.2) == fold(text)).map(|index| Uf(index as u8));
        Uf::parse(text).or_else(of_code).or_else(of_name)
    }

    /// `todas`: what people write for each of the 27.
    pub fn is_every(text: &str) -> bool {
        ["todas", "all"].contains(&text.trim().to_lowercase().as_str())
    }

    /// Reads a sigla, in any case.
    pub fn parse(sigla: &str) -> Option<Uf> {
        TABLE.iter().position(|row| row.0.eq_ignore_ascii_case(sigla)).map(|index| Uf(index as u8))
    }

    /// `AC`.
    pub fn sigla(self) -> &'static str {
        TABLE[self.0 as usize].0
    }

    /// The IBGE code; none for `BR` and `EX`.
    pub fn ibge(self) -> Option<u8> {
        Some(TABLE[self.0 as usize].1).filter(|code| *code > 0)
    }

    /// `Acre`.
    pub fn nome(self) -> &'static str {
        TABLE[self.0 as usize].2
    }
}

impl std::fmt::Display for Uf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.sigla())
    }
}

impl Serialize for Uf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.sigla())
    }
}

impl<'de> Deserialize<'de> for Uf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sigla = String::deserialize(deserializer)?;
        Uf::parse(&sigla).ok_or_else(|| serde::de::Error::custom(format!("unknown UF {sigla:?}")))
    }
}

impl schemars::JsonSchema for Uf {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Uf".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A sigla: `SP`; `BR` of a national file, `EX` abroad or unknown.",
        })
    }
}
