//! Which fields are codes by their names, where the catalogue does not know them.
//!
//! The ministry's systems name a field by what it is: `CO_` and `COD` a code, `ID_` an identifier, `TP_` a kind, `CS_` a
//! classification, `SG_` an acronym, `NU_NOTIFIC` and `N_AIH` the number of a paper. Some tables store such a code as a number
//! (SIH-SP of 2004: `SP_PROCREA` N8), and as a number it would lose its leading zeros and be summed. What the names say agrees
//! with the catalogue for every numeric field of a genuine header but those that a test lists.

/// How names of codes begin.
const BEGINNINGS: &[&str] =
    &["CO_", "COD", "CD_", "ID_", "TP_", "CS_", "SG_", "NU_NOTIF", "NU_CNES", "NU_CEP", "N_AIH", "MES_"];
/// Words between underscores, without digits behind them, that name a code.
const WORDS: &[&str] = &[
    "AIH", "NAIH", "APAC", "CBO", "CEP", "CGC", "CID", "CNES", "CNPJ", "CNS", "CPF", "CPFCGC", "CNPJCPF", "IBGE",
    "MUN", "MUNIC", "MUNICIP", "PROC", "PROCREA", "ATOPROF", "RACA", "SEXO", "TIPO", "TP", "UF",
];
/// Words that make a count or an amount of whatever else the name says: `SP_QT_PROC`.
const AMOUNTS: &[&str] = &["QT", "QTD", "VL", "VAL", "TOT", "TOTAL", "DIAS"];
/// Years and months stand beside codes, and are compared and joined with them.
const PERIODS: &[&str] = &["AA", "MM", "ANO", "COMP", "COMPETEN", "CMPT"];

/// Whether a field of this name (in upper case) holds a code, whatever its DBF type: then it is text.
pub fn is_code_name(name: &str) -> bool {
    let words = || name.split('_').map(|word| word.trim_end_matches(|letter: char| letter.is_ascii_digit()));
    let among = |list: &[&str]| words().any(|word| list.contains(&word));
    !among(AMOUNTS) && (BEGINNINGS.iter().any(|start| name.starts_with(start)) || among(WORDS) || among(PERIODS))
}
