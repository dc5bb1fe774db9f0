//! A column of a grupo: its type, how it was laid out over the years, and what it means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Competencia, Form, LogicalType};

/// A column of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CatalogColumn")]
#[non_exhaustive]
pub struct Column {
    /// In upper case.
    pub name: String,
    /// Its type.
    pub kind: LogicalType,
    /// Layouts seen in genuine headers, oldest first.
    pub eras: Vec<Era>,
    /// Place in the catalogue's order: that of the newest files, then what older files had.
    pub position: u32,
    /// None where no named source gives one.
    pub meaning: Option<Meaning>,
    /// How its codes are written, the same in every year; none: as the files have them.
    pub form: Option<StatedForm>,
    /// Where the code itself changed with the years: how it was written when, oldest first. Nothing is brought from one into
    /// another.
    pub codings: Vec<Coding>,
}

impl Column {
    /// How its codes are written in the files of `competencia`.
    pub fn form_at(&self, competencia: Competencia) -> Option<Form> {
        match self.codings.iter().find(|coding| coding.covers(competencia)) {
            Some(coding) => coding.form,
            None => self.form.as_ref().map(|stated| stated.form),
        }
    }
}

/// A form, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct StatedForm {
    /// Which form the codes of those years have.
    pub form: Form,
    /// What says so.
    pub source: String,
}

/// What a column's codes were for some years.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Coding {
    /// Of the files; none: from the first.
    pub from: Option<Competencia>,
    /// None: to this day.
    pub to: Option<Competencia>,
    /// None: as the files have them.
    pub form: Option<Form>,
    /// In Portuguese.
    pub meaning: String,
    /// What says so.
    pub source: String,
}

impl Coding {
    /// True of a file of this competência.
    pub fn covers(&self, competencia: Competencia) -> bool {
        self.from.is_none_or(|from| from <= competencia) && self.to.is_none_or(|to| competencia <= to)
    }
}

/// A layout of a column, and the years of the files that had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Era {
    /// `C`, `N`, `D`, ...
    pub dbf_type: char,
    /// Bytes of the field.
    pub width: u16,
    /// Digits behind the point.
    pub decimals: u8,
    /// The first year whose files have it so.
    pub first_year: u16,
    /// The last one.
    pub last_year: u16,
}

/// What a column means, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Meaning {
    /// In Portuguese.
    pub pt: String,
    /// What says so.
    pub source: String,
}
