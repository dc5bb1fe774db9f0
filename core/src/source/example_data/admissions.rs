//! Admissions: SIH-RD.

use chrono::{Datelike, Days, Months, NaiveDate};

use super::age::Age;
use super::causes::{CAUSES, Cause};
use super::file::{self, Folder};
use super::first_of;
use super::places::{ExampleUf, Hospital};
use super::random::Random;
use crate::base::Result;

const YEAR: u64 = 2024;

struct Admission {
    aih: u64,
    woman: bool,
    cause: &'static Cause,
    hospital: &'static Hospital,
    home: &'static str,
    age: Age,
    came: NaiveDate,
    left: NaiveDate,
    days: u64,
    intensive: u64,
    died: bool,
    cents: u64,
}

pub(super) fn write(to: &Folder, uf: &'static ExampleUf, month: u64, rows: u32) -> Result<()> {
    let mut random = Random::of(uf.code * 100 + month);
    let name = format!("RD{}{:02}{month:02}.dbc", uf.sigla, YEAR % 100);
    let first = first_of(YEAR, month)?;
    let mut aih = 0;
    file::write(to, &name, "SIH-RD", u64::from(rows), |row, put, fields| {
        if row % 50 != 49 {
            aih = row;
        }
        let of = Admission::made(&mut random, uf, first, aih, row % 2 == 1);
        fields.iter().for_each(|field| put(field, of.value(field.name, uf, month)));
    })
}

impl Admission {
    fn made(random: &mut Random, uf: &'static ExampleUf, first: NaiveDate, aih: u64, woman: bool) -> Self {
        let month = u64::from(first.month());
        let weight = |cause: &Cause| {
            if cause.women_only && !woman { 0 } else { cause.in_month(cause.admissions, month) }
        };
        let cause = random.weighted(CAUSES, weight);
        let hospital = random.weighted(uf.hospitals, |hospital| hospital.beds.iter().sum());
        let home = random.weighted(uf.municipios, |municipio| municipio.1).0;
        let years = if cause.of_newborns() { 0 } else { random.between(cause.ages.0, cause.ages.1) };
        let days = random.skewed(cause.days * 2).max(u64::from(cause.days > 1));
        let died = random.below(1_000) < cause.lethality;
        let intensive = match random.below(1_000) < 60 + cause.lethality {
            true => random.between(1, 1 + days / 2).min(days),
            false => 0,
        };
        let cents = cause.cost * 70 + random.skewed(cause.cost * 60) + intensive * 51_000 + days * 4_700;
        // Two of eight were billed a month or two after they left, as some are.
        let late = [0, 0, 0, 1, 0, 0, 2, 0][(aih % 8) as usize];
        let left = first + Days::new(random.between(0, 27)) - Months::new(late);
        let age = Age::of(cause, years, random.below(28));
        Admission {
            aih,
            woman,
            cause,
            hospital,
            home,
            age,
            came: left - Days::new(days),
            left,
            days,
            intensive,
            died,
            cents,
        }
    }

    fn value(&self, column: &str, uf: &ExampleUf, month: u64) -> Option<String> {
        let reais = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
        let (unit, age) = self.age.in_sih();
        let day = |date: NaiveDate| date.format("%Y%m%d").to_string();
        Some(match column {
            "UF_ZI" => format!("{}0000", uf.code),
            "ANO_CMPT" => YEAR.to_string(),
            "MES_CMPT" => format!("{month:02}"),
            "ESPEC" => self.cause.bed.into(),
            "N_AIH" => format!("{}24{month:02}{:07}", uf.code, self.aih),
            "IDENT" => "1".into(),
            "MUNIC_RES" => self.home.into(),
            "MUNIC_MOV" => self.hospital.municipio.into(),
            "NASC" => day(self.age.born(self.came, self.aih)),
            "SEXO" => if self.woman { "3" } else { "1" }.into(),
            "RACA_COR" => ["03", "03", "01", "02", "05"][(self.aih % 5) as usize].into(),
            "COD_IDADE" => unit.into(),
            "IDADE" => age.to_string(),
            "PROC_REA" | "PROC_SOLIC" => format!("03{}010{:03}", self.cause.bed, self.cause.cost % 97),
            "DIAG_PRINC" => self.cause.code.into(),
            "CID_MORTE" if self.died => self.cause.code.into(),
            "DT_INTER" => day(self.came),
            "DT_SAIDA" => day(self.left),
            "DIAS_PERM" | "QT_DIARIAS" => self.days.to_string(),
            "UTI_MES_TO" => self.intensive.to_string(),
            "MORTE" => u8::from(self.died).to_string(),
            "COBRANCA" => if self.died { "41" } else { "12" }.into(),
            "VAL_SH" => reais(self.cents - self.cents / 5),
            "VAL_SP" => reais(self.cents / 5),
            "VAL_TOT" => reais(self.cents),
            "VAL_UTI" => reais(self.intensive * 51_000),
            "CNES" => self.hospital.cnes.into(),
            "CAR_INT" => "02".into(),
            "COMPLEX" => if self.intensive > 0 { "03" } else { "02" }.into(),
            "NACIONAL" => "010".into(),
            _ => return None,
        })
    }
}
