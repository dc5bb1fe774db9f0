//! What must be done to a column of the user's own Parquet so that it is what a DBC's object holds.

use arrow::datatypes::{DataType, Field};
use parquet::basic::Type as Physical;
use parquet::schema::types::SchemaDescriptor;

use super::super::code_form::CodeForm;
use super::rendered::is_utc;
use crate::base::{Text, text};
use crate::catalog::{Column, Competencia, Form, Grupo, LogicalType};
use crate::columnar::is_text;
use crate::source::HeaderColumn;

/// A column of the file, and the way that its values take.
#[derive(Debug, Clone)]
pub(in crate::lake) struct OwnColumn {
    /// The catalogue's name, else the file's own.
    pub name: String,
    /// None: the column is unknown to the catalogue and keeps its own type.
    pub kind: Option<LogicalType>,
    /// In the lake.
    pub arrow: DataType,
    /// Its values were those of a numeric field, as far as is known.
    pub number: bool,
    /// How its codes are written.
    pub form: Option<Form>,
    pub way: Way,
}

#[derive(Debug, Clone)]
pub(in crate::lake) enum Way {
    /// It has the type, and none of its values can be wrong.
    Kept,
    /// It is text; whether any value must change is seen by looking. The leaf is that of the bytes.
    Text { leaf: usize },
    /// Text, or bytes, that stand for another type.
    Written { leaf: usize },
    /// Another type: each value is written out and read like a field.
    Rendered,
    /// Numbers where the catalogue has codes, of so many digits.
    Code { form: CodeForm },
    /// Floats of the user's own, of which one that is no number is NULL.
    Floats,
    /// No type at all: every value is NULL.
    Null,
    /// It cannot be brought to the catalogue's type, for this reason.
    Refused(Text),
}

impl Way {
    /// Whether the file could be read in place for all that this column's type says.
    pub(super) fn may_stay(&self) -> bool {
        matches!(self, Way::Kept | Way::Text { .. } | Way::Floats)
    }
}

/// The way of every column of a file, in its order.
pub(super) fn columns(
    fields: impl Iterator<Item = impl AsRef<Field>>,
    leaves: &SchemaDescriptor,
    grupo: Option<&Grupo>,
    of_headers: &[HeaderColumn],
    competencia: Competencia,
) -> Vec<OwnColumn> {
    let of_field = |(root, field): (usize, _)| {
        let field: &Field = AsRef::<Field>::as_ref(&field);
        let bytes = bytes_of(leaves, root);
        match grupo.and_then(|grupo| grupo.column(field.name())) {
            Some(column) => known(column, field.data_type(), bytes, competencia),
            None => {
                let name = field.name().to_uppercase();
                let kind = of_headers.iter().find(|(of, _)| *of == name).map(|(_, kind)| kind);
                let of_header = kind.and_then(|kind| like_header(name, kind, field.data_type(), bytes));
                of_header.unwrap_or_else(|| own(field, bytes))
            }
        }
    };
    fields.enumerate().map(of_field).collect()
}

/// The leaf of a column of plain bytes: not nested, and of any length.
fn bytes_of(leaves: &SchemaDescriptor, root: usize) -> Option<usize> {
    let mut of_root = (0..leaves.num_columns()).filter(|leaf| leaves.get_column_root_idx(*leaf) == root);
    let leaf = of_root.next().filter(|_| of_root.next().is_none())?;
    let column = leaves.column(leaf);
    let flat = column.max_rep_level() == 0 && column.max_def_level() <= 1;
    (flat && column.physical_type() == Physical::BYTE_ARRAY).then_some(leaf)
}

fn known(column: &Column, found: &DataType, bytes: Option<usize>, competencia: Competencia) -> OwnColumn {
    let way = way(&column.kind, found, bytes).unwrap_or_else(|| match &column.kind {
        LogicalType::Text if is_number(found) => match CodeForm::of(column, competencia) {
            Some(form) => Way::Code { form },
            None => Way::Refused(no_width(&column.name, found)),
        },
        kind => Way::Refused(no_way(&column.name, kind, found)),
    });
    let year = competencia.ano();
    let covers = |era: &&crate::catalog::Era| era.first_year <= year && year <= era.last_year;
    let era = column.eras.iter().find(covers).or(match column.eras.first() {
        Some(first) if year < first.first_year => Some(first),
        _ => column.eras.last(),
    });
    let number = era.is_some_and(|era| matches!(era.dbf_type, 'N' | 'F'));
    let (name, kind) = (column.name.clone(), column.kind.clone());
    OwnColumn { name, arrow: kind.arrow(), kind: Some(kind), number, form: column.form_at(competencia), way }
}

/// A column that the catalogue does not know, and DBC files beside this one have: none where it cannot have their type.
fn like_header(name: String, kind: &LogicalType, found: &DataType, bytes: Option<usize>) -> Option<OwnColumn> {
    let way = way(kind, found, bytes)?;
    Some(OwnColumn { name, arrow: kind.arrow(), kind: Some(kind.clone()), number: false, form: None, way })
}

/// The way to `kind` that asks for nothing but the types; none where there is none.
fn way(kind: &LogicalType, found: &DataType, bytes: Option<usize>) -> Option<Way> {
    let (arrow, textual) = (kind.arrow(), is_text(found) || found.is_binary());
    Some(match (kind, found, bytes) {
        (LogicalType::Text, found, Some(leaf)) if is_text(found) => Way::Text { leaf },
        (_, _, Some(leaf)) if textual => Way::Written { leaf },
        (_, found, _) if *found == arrow && arrow != DataType::Utf8 => Way::Kept,
        (_, DataType::Null, _) => Way::Null,
        (LogicalType::Text, _, _) => return None,
        (LogicalType::Integer { .. }, DataType::Boolean, _) => Way::Rendered,
        (_, found, _) if is_number(found) => Way::Rendered,
        (LogicalType::Date { .. }, found, _) if is_day(found) => Way::Rendered,
        _ => return None,
    })
}

fn own(field: &Field, bytes: Option<usize>) -> OwnColumn {
    let found = field.data_type();
    let (arrow, way) = match (found, bytes) {
        (found, Some(leaf)) if is_text(found) => (DataType::Utf8, Way::Text { leaf }),
        (DataType::Null, _) => (DataType::Utf8, Way::Null),
        (DataType::Decimal256(..), _) => (DataType::Utf8, Way::Refused(too_wide(field.name(), found))),
        (DataType::Float32 | DataType::Float64, _) => (found.clone(), Way::Floats),
        (found, _) => (found.clone(), Way::Kept),
    };
    OwnColumn { name: field.name().clone(), kind: None, arrow, number: false, form: None, way }
}

fn is_number(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_number(values),
        kind => kind.is_numeric() && !matches!(kind, DataType::Float16),
    }
}

fn is_day(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_day(values),
        DataType::Date32 | DataType::Date64 => true,
        DataType::Timestamp(_, zone) => zone.as_ref().is_none_or(|zone| is_utc(zone)),
        _ => false,
    }
}

fn no_width(name: &str, found: &DataType) -> Text {
    text!(
        "a coluna {name} é um código e está como número ({found}), e o catálogo não diz com quantos dígitos ele se escreve: os zeros à esquerda não se recuperam. Grave-a como texto, por exemplo \"03\"",
        "column {name} is a code and is held as a number ({found}), and the catalogue does not say how many digits it has: its leading zeros cannot be known. Write it as text, for example \"03\""
    )
}

fn too_wide(name: &str, found: &DataType) -> Text {
    text!(
        "a coluna {name} está como {found}, e aqui um decimal tem no máximo 38 algarismos. Grave-a com menos, por exemplo decimal128(38, 2), ou como texto",
        "column {name} is held as {found}, and a decimal has 38 digits here at most. Write it with fewer, for example decimal128(38, 2), or as text"
    )
}

fn no_way(name: &str, kind: &LogicalType, found: &DataType) -> Text {
    let (pt, en) = match kind {
        LogicalType::Text => ("texto", "text"),
        LogicalType::Integer { .. } => ("número inteiro", "a whole number"),
        LogicalType::Decimal { .. } => ("número decimal", "a decimal number"),
        LogicalType::Date { .. } => ("data", "a day"),
    };
    text!(
        "a coluna {name} é {pt} no catálogo e está como {found}, que não se converte sem inventar valores. Grave-a com o tipo do catálogo, ou como texto",
        "column {name} is {en} in the catalogue and is held as {found}, which cannot be converted without making values up. Write it with the catalogue's type, or as text"
    )
}
