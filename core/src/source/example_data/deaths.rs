//! Deaths: SIM-DO.

use chrono::{Days, Months};

use super::age::Age;
use super::causes::{CAUSES, Cause};
use super::file::{self, Folder};
use super::first_of;
use super::places::ExampleUf;
use super::random::Random;
use crate::base::Result;

/// The newest year whose layout is known.
const YEAR: u64 = 2022;

pub(super) fn write(to: &Folder, uf: &'static ExampleUf, rows: u32) -> Result<()> {
    let mut random = Random::of(uf.code * 10_000 + YEAR);
    let name = format!("DO{}{YEAR}.dbc", uf.sigla);
    let new_year = first_of(YEAR, 1)?;
    file::write(to, &name, "SIM-DO", u64::from(rows), |row, put, fields| {
        let month = random.between(1, 12);
        let (day, hour) = (random.between(1, 28), random.below(24));
        let died = new_year + Months::new(month as u32 - 1) + Days::new(day - 1);
        let cause: &Cause = random.weighted(CAUSES, |cause| cause.in_month(cause.deaths, month));
        let age = Age::of(cause, random.between(cause.ages.0, cause.ages.1), row);
        let (woman, race) = (random.below(100) < 43, random.below(5));
        let home = random.weighted(uf.municipios, |municipio| municipio.1).0;
        let hospital = random.weighted(uf.hospitals, |hospital| hospital.beds.iter().sum());
        let in_hospital = random.below(100) < 68;
        for field in fields {
            let value = match field.name {
                "CONTADOR" => (row + 1).to_string(),
                "TIPOBITO" => "2".into(),
                "DTOBITO" => died.format("%d%m%Y").to_string(),
                "HORAOBITO" => format!("{hour:02}{:02}", row % 60),
                "DTNASC" => age.born(died, row).format("%d%m%Y").to_string(),
                "IDADE" => age.in_sim(),
                "SEXO" => if woman { "2" } else { "1" }.into(),
                "RACACOR" => ["4", "4", "1", "2", "5"][race as usize].into(),
                "CODMUNRES" | "CODMUNOCOR" => home.into(),
                "LOCOCOR" => if in_hospital { "1" } else { "3" }.into(),
                "CODESTAB" if in_hospital => hospital.cnes.into(),
                "CAUSABAS" => cause.code.into(),
                _ => {
                    put(field, None);
                    continue;
                }
            };
            put(field, Some(value));
        }
    })
}
