//! Births: SINASC-DN.

use chrono::Days;

use super::age::Age;
use super::file::{self, Folder};
use super::first_of;
use super::places::{ExampleUf, Hospital};
use super::random::Random;
use crate::base::Result;

/// The newest year whose layout is known.
const YEAR: u64 = 2022;

pub(super) fn write(to: &Folder, uf: &'static ExampleUf, rows: u32) -> Result<()> {
    let mut random = Random::of(uf.code * 100_000 + YEAR);
    let name = format!("DN{}{YEAR}.dbc", uf.sigla);
    let new_year = first_of(YEAR, 1)?;
    file::write(to, &name, "SINASC-DN", u64::from(rows), |row, put, fields| {
        let born = new_year + Days::new(random.below(365));
        let age = 14 + random.skewed(11).min(31);
        // Three in twenty come early, and weigh less.
        let weeks = match random.below(100) {
            0..15 => random.between(26, 36),
            15..97 => random.between(37, 41),
            _ => 42,
        };
        let grams = (weeks * 150).saturating_sub(3_050) + random.below(500) + random.below(500);
        let caesarean = random.below(100) < 41;
        let visits = (random.below(6) + random.below(7)).min(weeks.saturating_sub(8) / 2);
        let home = random.weighted(uf.municipios, |municipio| municipio.1).0;
        let hospital: &Hospital = random.weighted(uf.hospitals, |hospital| hospital.obstetric_beds());
        let (girl, race) = (random.below(1_000) < 488, random.below(5));
        let weak = random.below(100) < if weeks < 34 { 40 } else { 6 };
        for field in fields {
            let value = match field.name {
                "CONTADOR" => (row + 1).to_string(),
                "ORIGEM" | "LOCNASC" | "GRAVIDEZ" | "TPAPRESENT" => "1".into(),
                "CODESTAB" => hospital.cnes.into(),
                "CODMUNNASC" => hospital.municipio.into(),
                "CODMUNRES" => home.into(),
                "IDADEMAE" => age.to_string(),
                "DTNASCMAE" => Age::Years(age).born(born, row).format("%d%m%Y").to_string(),
                "DTNASC" => born.format("%d%m%Y").to_string(),
                "HORANASC" => format!("{:02}{:02}", row * 7 % 24, row * 11 % 60),
                "SEMAGESTAC" => weeks.to_string(),
                "GESTACAO" => match weeks {
                    ..28 => "2",
                    28..32 => "3",
                    32..37 => "4",
                    37..42 => "5",
                    _ => "6",
                }
                .into(),
                "PARTO" => if caesarean { "2" } else { "1" }.into(),
                "CONSPRENAT" => format!("{visits:02}"),
                "CONSULTAS" => match visits {
                    0 => "1",
                    1..4 => "2",
                    4..7 => "3",
                    _ => "4",
                }
                .into(),
                "SEXO" => if girl { "2" } else { "1" }.into(),
                "RACACOR" | "RACACORMAE" => ["4", "4", "1", "2", "5"][race as usize].into(),
                "APGAR1" => if weak { "06" } else { "08" }.into(),
                "APGAR5" => if weak { "08" } else { "09" }.into(),
                "PESO" => format!("{grams:04}"),
                "IDANOMAL" => "2".into(),
                _ => {
                    put(field, None);
                    continue;
                }
            };
            put(field, Some(value));
        }
    })
}
