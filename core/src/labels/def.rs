//! Definition files of TabWin (DEF): which table has the labels of which field.
//!
//! The ministry's files hold lines that break their own form: a comma too few or too many, a column's name where the start should be, a
//! tail twice. What can be read of them is read; nothing ends the file.

use super::lines::{Lines, label_text};

/// Where the labels of a field are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LabelTable {
    /// A conversion table, over the field from `start` on, counted from 1.
    Cnv {
        /// Where the code begins in the field.
        start: usize,
        /// Name of the table.
        file: String,
    },
    /// A DBF with the field's codes and a column of labels.
    Dbf {
        /// Which column has the labels.
        label_column: String,
        /// Name of the DBF.
        file: String,
    },
}

/// A line that gives a field its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefLine {
    /// `L` row, `C` column, `S` selection, `X` all of them, `T`, `D`, `Q` others.
    pub kind: char,
    /// As users see it.
    pub title: String,
    /// In upper case.
    pub field: String,
    /// Where its labels are.
    pub table: LabelTable,
    /// False: the line breaks the form, and was read as well as can be.
    pub regular: bool,
}

/// A definition file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Def {
    /// In the file's order.
    pub lines: Vec<DefLine>,
    /// Fields that the ministry lets users sum (`I`, `E`).
    pub increments: Vec<(String, String)>,
    /// Masks of the files that it is for (`A`).
    pub masks: Vec<String>,
    /// Lines that name a table and could not be read, whole.
    pub unread: Vec<String>,
}

impl Def {
    /// Reads a definition file.
    pub fn read(bytes: &[u8]) -> Self {
        let mut def = Def::default();
        for line in Lines::whole(bytes) {
            let Some((kind, rest)) = line.split_first() else { continue };
            let rest = label_text(rest);
            match kind.to_ascii_uppercase() {
                b'A' => def.masks.push(rest),
                b'I' | b'E' => {
                    if let Some((title, field)) = rest.rsplit_once(',') {
                        def.increments.push((title.trim().to_owned(), field.trim().to_uppercase()));
                    }
                }
                b'L' | b'C' | b'S' | b'X' | b'T' | b'D' | b'Q' if !rest.starts_with('*') => {
                    match label_line(char::from(kind.to_ascii_uppercase()), &rest) {
                        Some(line) => def.lines.push(line),
                        None if names_a_table(&rest) => def.unread.push(rest),
                        None => {}
                    }
                }
                _ => {}
            }
        }
        def
    }

    /// The tables of each field, each once, in the order of the file.
    pub fn tables(&self) -> Vec<(&str, &LabelTable)> {
        let mut seen = std::collections::HashSet::new();
        let each = self.lines.iter().map(|line| (line.field.as_str(), &line.table));
        each.filter(|one| seen.insert(*one)).collect()
    }
}

fn names_a_table(text: &str) -> bool {
    table_at(text).is_some()
}

/// Where the first name of a table ends, and whether it is a CNV.
fn table_at(text: &str) -> Option<(usize, bool)> {
    let lower = text.to_ascii_lowercase();
    let at = |ending: &str| lower.find(ending).map(|at| at + ending.len());
    match (at(".cnv"), at(".dbf")) {
        (Some(cnv), Some(dbf)) => Some(if cnv < dbf { (cnv, true) } else { (dbf, false) }),
        (Some(cnv), None) => Some((cnv, true)),
        (None, Some(dbf)) => Some((dbf, false)),
        (None, None) => None,
    }
}

fn label_line(kind: char, rest: &str) -> Option<DefLine> {
    let (end, is_cnv) = table_at(rest)?;
    let mut parts: Vec<&str> = rest[..end].split(',').map(str::trim).collect();
    let file = parts.pop()?.rsplit(['\\', '/']).next()?.trim().to_owned();
    let tail = rest[end..].trim();
    let mut regular = tail.is_empty();
    let count = parts.len();
    // The title may be empty; what stands behind it may not.
    let mut index = 0;
    parts.retain(|part| {
        index += 1;
        index == 1 || !part.is_empty()
    });
    regular &= parts.len() == count;
    let (title, field, third) = match parts.as_slice() {
        [.., title, field, third] => (*title, *field, *third),
        // A comma is missing between title and field: the last word is the field.
        [both, third] => {
            regular = false;
            let (title, field) = both.rsplit_once(char::is_whitespace)?;
            (title, field, *third)
        }
        _ => return None,
    };
    let table = match is_cnv {
        true => {
            let start = third.parse().ok().filter(|start| *start > 0);
            regular &= start.is_some();
            LabelTable::Cnv { start: start.unwrap_or(1), file }
        }
        false => LabelTable::Dbf { label_column: third.to_uppercase(), file },
    };
    let field = field.to_uppercase();
    let is_name = !field.is_empty() && field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| DefLine { kind, title: title.trim().to_owned(), field, table, regular })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(line: &str) -> DefLine {
        let def = Def::read(line.as_bytes());
        assert_eq!(def.unread, Vec::<String>::new(), "{line}");
        def.lines.into_iter().next().unwrap()
    }

    fn cnv(start: usize, file: &str) -> LabelTable {
        LabelTable::Cnv { start, file: file.into() }
    }

    fn dbf(label_column: &str, file: &str) -> LabelTable {
        LabelTable::Dbf { label_column: label_column.into(), file: file.into() }
    }

    #[test]
    fn regular_lines() {
        let line = only("XSexo        , SEXO ,1 ,CNV\\SEXO.CNV");
        assert_eq!((line.kind, line.title.as_str(), line.field.as_str()), ('X', "Sexo", "SEXO"));
        assert_eq!((line.table, line.regular), (cnv(1, "SEXO.CNV"), true));
        assert_eq!(only("LMês,DT_INTER,5,cnv/meses.cnv").table, cnv(5, "meses.cnv"));
        let line = only("SHospital BR (CNES),CNES              , NOMEFANT  ,DBF\\TCNESBR.DBF");
        assert_eq!((line.table, line.regular), (dbf("NOMEFANT", "TCNESBR.DBF"), true));
    }

    #[test]
    fn irregular_lines_are_read_as_they_were_meant() {
        let twice = only("LDiag,DIAG_PRINC,CD_DESCR,DBF\\CID10.DBF,CD_DESCR,DBF\\CID10.DBF");
        assert_eq!(
            (twice.field.as_str(), twice.table, twice.regular),
            ("DIAG_PRINC", dbf("CD_DESCR", "CID10.DBF"), false)
        );
        let named = only("LTipo,FAEC_TP,DS_TPFIN,CNV\\FAECTP.CNV");
        assert_eq!((named.field.as_str(), named.table), ("FAEC_TP", cnv(1, "FAECTP.CNV")));
        let missing = only("LServiço especializado SERV_ESP, 1, CNV\\X.CNV");
        assert_eq!((missing.title.as_str(), missing.field.as_str()), ("Serviço especializado", "SERV_ESP"));
        let many = only("LTitulo,,AP_UFMUN,1,CNV\\X.CNV");
        assert_eq!((many.field.as_str(), many.table, many.regular), ("AP_UFMUN", cnv(1, "X.CNV"), false));
        let after = only("LTitulo,CNES,FANTASIA,DBF\\CADGERBR.DBF xx");
        assert_eq!((after.table, after.regular), (dbf("FANTASIA", "CADGERBR.DBF"), false));
    }

    #[test]
    fn what_defines_nothing_is_passed_over() {
        let def = Def::read(b";T\xedtulo\nADADOS\\RD*.DBC\nIValor,VAL_TOT\n X,SEXO,1,A.CNV\n:X\n_\nX*,*,*,TITULO|NADA\n?A.HLP\nHpagina\n");
        assert_eq!(def.lines, []);
        assert_eq!(def.masks, ["DADOS\\RD*.DBC"]);
        assert_eq!(def.increments, [("Valor".to_owned(), "VAL_TOT".to_owned())]);
    }

    proptest::proptest! {
        #[test]
        fn no_line_ends_the_file(noise in "[ -~\\n]{0,200}") {
            let def = Def::read(format!("{noise}\nXSexo,SEXO,1,SEXO.CNV").as_bytes());
            assert_eq!(def.lines.last().map(|line| line.field.as_str()), Some("SEXO"));
        }
    }
}
