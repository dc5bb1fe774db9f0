//! Codes that the user's own Parquet holds as numbers, and the zeros that those have lost.

use crate::catalog::{Column, Competencia, Form, Normal};

/// How a code's digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CodeForm(Form);

impl CodeForm {
    /// What the catalogue says of the codes of `column` in files of `competencia`; none where it says nothing, and a field
    /// of one character can have lost no zero.
    pub(super) fn of(column: &Column, competencia: Competencia) -> Option<Self> {
        if let Some(form) = column.form_at(competencia) {
            return Some(CodeForm(form));
        }
        let one = !column.eras.is_empty() && column.eras.iter().all(|era| era.width == 1);
        one.then_some(CodeForm(Form::Digits(1)))
    }

    /// The number as the code that it was, with its zeros; none where it is none. What else is to be changed (a check digit,
    /// a century) is left to whoever changes it in texts, and counts it.
    pub(super) fn write(self, number: i128) -> Option<String> {
        let digits = u128::try_from(number).ok()?.to_string();
        match (self.0.normalise(&digits), self.0) {
            (Normal::Changed(code), Form::Digits(_)) => Some(code),
            (Normal::Same | Normal::Changed(_), _) => Some(digits),
            (Normal::Unfit, _) => None,
        }
    }
}

impl std::fmt::Display for CodeForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}
