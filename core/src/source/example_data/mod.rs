//! Made-up files in the ministry's form, to try the SDK on, for tests and notebooks.
//!
//! Every record is invented: patients, hospitals (their CNES codes do not exist), amounts and causes. The names, widths and
//! codings of the columns are those of genuine files, so what runs here runs on yours; no figure says anything about Brazil.
//!
//! ```
//! let folder = std::env::temp_dir().join("datasus-exemplo");
//! datasus::source::write_example_data(&folder, 100)?;
//! assert!(folder.join("RDAC2401.dbc").exists());
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok::<(), datasus::Error>(())
//! ```

mod admissions;
mod age;
mod births;
mod causes;
mod deaths;
mod facilities;
mod file;
mod places;
mod random;

use std::path::Path;

use chrono::NaiveDate;

use file::Folder;

use crate::base::{Cancel, Code, Error, Result, create_folders, expand_home, refuse_address, text};

/// Writes admissions (SIH-RD) of AC and RR for January to March 2024, `rows` a file; deaths (SIM-DO) of 2022, twice as many;
/// births (SINASC-DN) of 2022, `rows` a file; facilities and their beds (CNES-ST, CNES-LT) of January 2024. Files that are there
/// already stay as they are. The same `rows` give the same files on every machine.
///
/// Men and women take turns in the admissions. Every fiftieth has the AIH number of the one before, as a key may refuse.
pub fn write_example_data(folder: &Path, rows: u32) -> Result<()> {
    write_example_data_until(folder, rows, &Cancel::default())
}

/// The same, and ends with DS-499 once `stop` is set: files that are whole stay.
pub fn write_example_data_until(folder: &Path, rows: u32, stop: &Cancel) -> Result<()> {
    refuse_address(&folder.to_string_lossy())?;
    let folder = &expand_home(folder);
    let deaths = rows.checked_mul(2).ok_or_else(|| too_many(rows))?;
    create_folders(folder).map_err(|error| Error::io(error, folder))?;
    let to = Folder { path: folder, stop };
    for uf in &places::UFS {
        for month in 1..=3 {
            admissions::write(&to, uf, month, rows)?;
        }
        deaths::write(&to, uf, deaths)?;
        births::write(&to, uf, rows)?;
        facilities::write(&to, uf)?;
        facilities::write_beds(&to, uf)?;
    }
    Ok(())
}

/// A file counts its records in 32 bits.
fn too_many(rows: u32) -> Error {
    let most = u32::MAX / 2;
    Error::new(
        Code::InvalidParams,
        text!(
            "`rows`: esperado um inteiro de 0 a {most}; recebido {rows}",
            "`rows`: expected 0 to {most}; received {rows}"
        ),
    )
    .with("parameter", "rows")
    .with("received", rows)
    .stage("validate")
}

fn first_of(year: u64, month: u64) -> Result<NaiveDate> {
    let day = i32::try_from(year).ok().zip(u32::try_from(month).ok());
    let day = day.and_then(|(year, month)| NaiveDate::from_ymd_opt(year, month, 1));
    day.ok_or_else(|| Error::internal(format!("no such month: {year}-{month}")))
}

#[cfg(test)]
mod tests;
