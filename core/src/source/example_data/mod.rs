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

use crate::base::{Error, Result, expand_home};

/// Writes admissions (SIH-RD) of AC and RR for January to March 2024, `rows` a file; deaths (SIM-DO) of 2022, twice as many;
/// births (SINASC-DN) of 2022, `rows` a file; facilities and their beds (CNES-ST, CNES-LT) of January 2024. Files that are there
/// already stay as they are. The same `rows` give the same files on every machine.
///
/// Men and women take turns in the admissions. Every fiftieth has the AIH number of the one before, as a key may refuse.
pub fn write_example_data(folder: &Path, rows: u32) -> Result<()> {
    let folder = &expand_home(folder);
    std::fs::create_dir_all(folder).map_err(|error| Error::io(error, folder))?;
    for uf in &places::UFS {
        for month in 1..=3 {
            admissions::write(folder, uf, month, rows)?;
        }
        deaths::write(folder, uf, rows.saturating_mul(2))?;
        births::write(folder, uf, rows)?;
        facilities::write(folder, uf)?;
        facilities::write_beds(folder, uf)?;
    }
    Ok(())
}

fn first_of(year: u64, month: u64) -> Result<NaiveDate> {
    let day = i32::try_from(year).ok().zip(u32::try_from(month).ok());
    let day = day.and_then(|(year, month)| NaiveDate::from_ymd_opt(year, month, 1));
    day.ok_or_else(|| Error::internal(format!("no such month: {year}-{month}")))
}

#[cfg(test)]
mod tests;
