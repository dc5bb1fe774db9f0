//! One made-up file, with the columns and widths of the newest genuine ones.

use std::path::Path;

use crate::base::{Cancel, Error, Result, create_new};
use crate::catalog::{Catalog, Grupo};
use crate::source::dbc::{DbcWriter, WriteOptions};

/// Where files go, and what ends the work.
pub(super) struct Folder<'a> {
    pub path: &'a Path,
    pub stop: &'a Cancel,
}

/// Records between two looks at the stop.
const STRIDE: u64 = 1_024;

/// A field of the file.
pub(super) struct Field {
    pub name: &'static str,
    dbf_type: u8,
    width: u8,
    decimals: u8,
}

/// Writes `rows` records of `dataset` to `name`, unless it is there; `value` gives a field's text, none for a blank one (0 for
/// a number). The file appears whole or not at all.
pub(super) fn write(
    to: &Folder,
    name: &str,
    dataset: &str,
    rows: u64,
    mut value: impl FnMut(u64, &mut dyn FnMut(&Field, Option<String>), &[Field]),
) -> Result<()> {
    to.stop.check()?;
    let path = to.path.join(name);
    if path.exists() {
        return Ok(());
    }
    let grupo = Catalog::builtin().dataset(dataset).ok_or_else(|| Error::internal(format!("no {dataset}")))?;
    let fields = fields(grupo);
    let layout: Vec<_> = fields.iter().map(|of| (of.name, of.dbf_type, of.width, of.decimals)).collect();
    let partial = to.path.join(format!(".{name}.partial"));
    // What a process that was killed left.
    let _ = std::fs::remove_file(&partial);
    let file = create_new(&partial).map_err(|error| Error::io(error, &partial))?;
    let mut writer = DbcWriter::create(file, &layout, WriteOptions::default())?;
    let mut record: Vec<String> = Vec::with_capacity(fields.len());
    for row in 0..rows {
        if row % STRIDE == 0
            && let Err(stopped) = to.stop.check()
        {
            drop(writer);
            std::fs::remove_file(&partial).map_err(|error| Error::io(error, &partial))?;
            return Err(stopped);
        }
        record.clear();
        value(row, &mut |field, value| record.push(field.text(value)), &fields);
        writer.write(&record.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    writer.finish()?;
    std::fs::rename(&partial, &path).map_err(|error| Error::io(error, &path))
}

fn fields(grupo: &'static Grupo) -> Vec<Field> {
    let newest = grupo.columns.iter().flat_map(|column| &column.eras).map(|era| era.last_year).max();
    let field = |column: &'static crate::catalog::Column| {
        let era = column.eras.iter().find(|era| Some(era.last_year) == newest)?;
        let width = u8::try_from(era.width).ok()?;
        Some(Field { name: &column.name, dbf_type: u8::try_from(era.dbf_type).ok()?, width, decimals: era.decimals })
    };
    grupo.columns.iter().filter_map(field).collect()
}

impl Field {
    /// Numbers stand to the right.
    fn text(&self, value: Option<String>) -> String {
        let (width, number) = (usize::from(self.width), self.dbf_type == b'N');
        match (value, number) {
            (Some(text), true) => format!("{text:>width$}"),
            (Some(text), false) => text,
            (None, true) if self.decimals > 0 => {
                format!("{:>width$}", format!("{:.*}", usize::from(self.decimals), 0.0))
            }
            (None, true) => format!("{:>width$}", 0),
            (None, false) => String::new(),
        }
    }
}
