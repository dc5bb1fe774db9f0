//! Ages, and their bands: of each sistema by its own unit.

use super::{Of, SIM};
use crate::base::text;
use crate::catalog::Grupo;
use crate::labels::ages;
use crate::labels::derived::Derived;
use crate::labels::record::Record;
use crate::labels::short_codes::NONE;
use crate::labels::whole_columns;

const SIH: &str =
    "Ministério da Saúde, SIH: COD_IDADE e IDADE; conferido com NASC, DT_INTER e DT_SAIDA em arquivos genuínos";
const SINAN: &str =
    "Ministério da Saúde, SINAN: NU_IDADE_N (unidade e três dígitos); conferido com ANO_NASC em arquivos genuínos";

/// Years of a record by its first inputs.
type Years = fn(&Record<'_>, usize) -> Option<i64>;

/// What a dataset's ages in years are made of.
struct Age {
    inputs: Vec<&'static str>,
    years: Years,
}

/// Ages in bands whose bounds stand in the name: `faixa_etaria_1_5_15_60`.
pub(in crate::labels) fn own_bands(grupo: &Grupo, name: &str) -> Option<Derived> {
    let bounds = ages::bounds_of(name)?;
    let mut of = Of::new(grupo);
    // Bands that begin beyond 100 take the dates where the field cannot hold the age.
    let age =
        if bounds.iter().any(|bound| *bound > 100) { of.age_of_three_digits().or_else(|| of.age()) } else { of.age() };
    // What is 80 and more is in no band that begins later.
    if of.is_population() && bounds.iter().any(|bound| *bound > ages::LAST_OF_POPULATIONS) {
        return None;
    }
    let Age { inputs, years } = age?;
    let meaning = text!(
        "Faixa etária de limites próprios: cada número do nome é a primeira idade de uma faixa",
        "Age in bands of one's own: each number of the name is the first age of a band"
    );
    let words = ages::own(&bounds);
    of.word(&ages::name_of(&bounds), &inputs, words, meaning, "Limites no nome da coluna", move |record, row| {
        years(record, row).map_or(NONE, |years| ages::own_band(&bounds, years))
    });
    of.all.pop()
}

impl Of<'_> {
    /// Ages in years, where the dataset tells them.
    fn age(&self) -> Option<Age> {
        let pairs = [["COD_IDADE", "IDADE"], ["AP_COIDADE", "AP_NUIDADE"], ["TPIDADEPAC", "IDADEPAC"]];
        if let Some(pair) = pairs.into_iter().find(|pair| self.has(pair)) {
            // Of an age beyond 99 CIHA's field holds two of three digits: its band up to 100 is known all the same.
            return Some(Age {
                inputs: pair.to_vec(),
                years: |record, row| ages::of_sih(record.text(0, row), record.number(1, row)),
            });
        }
        if self.sistema() == "SIM" && self.has(&["IDADE"]) {
            return Some(Age { inputs: vec!["IDADE"], years: |record, row| ages::years_of_sim(record.text(0, row)) });
        }
        // Before 2007 the unit is a letter, in another column.
        let sinan = self.sistema() == "SINAN";
        match (sinan && self.has(&["NU_IDADE_N"]), sinan && self.has(&["NU_IDADE"])) {
            (true, true) => {
                return Some(Age {
                    inputs: vec!["NU_IDADE_N", "NU_IDADE"],
                    years: |record, row| {
                        ages::of_sinan(record.number(0, row)).or_else(|| ages::of_old_sinan(record.text(1, row)))
                    },
                });
            }
            (true, false) => {
                return Some(Age {
                    inputs: vec!["NU_IDADE_N"],
                    years: |record, row| ages::of_sinan(record.number(0, row)),
                });
            }
            (false, true) => {
                return Some(Age {
                    inputs: vec!["NU_IDADE"],
                    years: |record, row| ages::of_old_sinan(record.text(0, row)),
                });
            }
            (false, false) => {}
        }
        if self.is_population() {
            let years: Years =
                |record, row| record.number(0, row).filter(|years| (0..=ages::LAST_OF_POPULATIONS).contains(years));
            return Some(Age { inputs: vec!["IDADE"], years });
        }
        self.has(&["PA_IDADE"]).then(|| Age {
            inputs: vec!["PA_IDADE"],
            years: |record, row| record.number(0, row).filter(|years| (0..999).contains(years)),
        })
    }

    /// People by age, of whom those of 80 and more are one number.
    fn is_population(&self) -> bool {
        self.dataset == "IBGE-POPSVS"
    }

    /// Of an age beyond 99 the field of CIHA and of CIH, which it followed, holds two of three digits: the dates tell it.
    fn age_of_three_digits(&self) -> Option<Age> {
        let event = self.first(&["DT_ATEND", "DT_INTER"])?;
        if !["CIHA", "CIH"].contains(&self.sistema()) || !self.has(&["COD_IDADE", "IDADE", "NASC"]) {
            return None;
        }
        Some(Age {
            inputs: vec!["COD_IDADE", "IDADE", "NASC", event],
            years: |record, row| match record.text(0, row) {
                Some("5") => ages::years_between(record, 2, 3, row).filter(|years| *years >= 100),
                unit => ages::of_sih(unit, record.number(1, row)),
            },
        })
    }

    pub(super) fn ages(&mut self) {
        let (years, days) = (
            text!(
                "Idade em anos completos; NULL quando ignorada",
                "Age in completed years; NULL where it is not known"
            ),
            text!(
                "Idade em dias; NULL quando só se sabe em meses ou anos e faltam as datas",
                "Age in days; NULL where it is told in months or years and the dates are missing"
            ),
        );
        if self.sistema() == "SINASC" && self.has(&["IDADEMAE"]) {
            self.whole(
                "idade_mae_anos",
                &["IDADEMAE"],
                text!(
                    "Idade da mãe em anos; NULL quando ignorada",
                    "The mother's age in years; NULL where it is not known"
                ),
                "Ministério da Saúde, SINASC: IDADEMAE; 99 é ignorada",
                |record, row| record.number(0, row).filter(|years| (1..99).contains(years)),
            );
        }
        let Some(age) = self.age() else { return };
        if self.is_population() {
            return self.bands(&age.inputs, age.years);
        }
        match age.inputs.as_slice() {
            [unit, value] if *value != "NU_IDADE" => {
                let (unit, value) = (*unit, *value);
                if let Some(exact) = self.age_of_three_digits() {
                    self.whole("idade_anos", &exact.inputs, years, SIH, exact.years);
                } else {
                    self.whole("idade_anos", &age.inputs, years, SIH, age.years);
                    self.by_columns(|record| whole_columns::years_of_sih(record.cells(0), record.cells(1)));
                }
                if self.has(&["NASC", "DT_INTER", "DT_SAIDA", "IDENT"]) {
                    let inputs = [unit, value, "NASC", "DT_INTER", "DT_SAIDA", "IDENT"];
                    self.whole("idade_dias", &inputs, days, SIH, ages::days_of_admission);
                    self.infants(&inputs, ages::days_of_admission, ages::months_of_sih, age.years);
                } else {
                    self.whole("idade_dias", &[unit, value], days, SIH, ages::days_of_sih);
                    self.infants(&[unit, value], ages::days_of_sih, ages::months_of_sih, age.years);
                }
            }
            ["IDADE"] => {
                self.whole("idade_anos", &["IDADE"], years, SIM, age.years);
                if self.has(&["DTNASC", "DTOBITO"]) {
                    self.whole("idade_dias", &["IDADE", "DTNASC", "DTOBITO"], days, SIM, |record, row| {
                        ages::days_of_sim(record.text(0, row)).or_else(|| ages::days_between(record, 1, 2, row))
                    });
                }
                let in_days: Years = |record, row| ages::days_of_sim(record.text(0, row));
                self.infants(&["IDADE"], in_days, |record, row| ages::months_of_sim(record.text(0, row)), age.years);
            }
            ["PA_IDADE"] => {
                let source = "Ministério da Saúde, SIA: PA_IDADE; 999 é não informada";
                self.whole("idade_anos", &age.inputs, years, source, age.years);
            }
            inputs => {
                let (new, old) = (inputs.contains(&"NU_IDADE_N"), inputs.contains(&"NU_IDADE"));
                let in_days: Years = match (new, old) {
                    (true, false) => |record, row| ages::days_of_sinan(record.number(0, row)),
                    (true, true) => |record, row| {
                        let of_new = ages::days_of_sinan(record.number(0, row));
                        of_new.or_else(|| ages::days_of_old_sinan(record.text(1, row)))
                    },
                    _ => |record, row| ages::days_of_old_sinan(record.text(0, row)),
                };
                let in_months: Years = match (new, old) {
                    (true, false) => |record, row| ages::months_of_sinan(record.number(0, row)),
                    (true, true) => |record, row| {
                        let of_new = ages::months_of_sinan(record.number(0, row));
                        of_new.or_else(|| ages::months_of_old_sinan(record.text(1, row)))
                    },
                    _ => |record, row| ages::months_of_old_sinan(record.text(0, row)),
                };
                self.whole("idade_anos", &age.inputs, years, SINAN, age.years);
                self.whole("idade_dias", &age.inputs, days, SINAN, in_days);
                self.infants(&age.inputs, in_days, in_months, age.years);
            }
        }
        self.bands(&age.inputs, age.years);
    }

    /// The parts of the first year of life, of all ages.
    fn infants(&mut self, inputs: &[&str], days: Years, months: Years, years: Years) {
        let meaning = text!(
            "Primeiro ano de vida em dias: 0 a 6, 7 a 27, 28 a 364; e as demais idades juntas",
            "The first year of life in days: 0 to 6, 7 to 27, 28 to 364; and all other ages together"
        );
        let source = "Componentes da mortalidade infantil: neonatal precoce, neonatal tardio e pós-neonatal";
        self.word("faixa_etaria_infantil", inputs, ages::of_infants(), meaning, source, move |record, row| {
            ages::infant_band(days(record, row), months(record, row), years(record, row))
        });
    }

    fn bands(&mut self, inputs: &[&str], years: Years) {
        let band = |band: fn(i64) -> u32| move |record: &Record<'_>, row: usize| years(record, row).map_or(NONE, band);
        let tabnet = "TabNet, DATASUS: faixas etárias";
        self.word(
            "faixa_etaria",
            inputs,
            ages::five_years(),
            text!(
                "Faixa etária de cinco em cinco anos; com limites próprios no nome: faixa_etaria_0_18_60",
                "Age in five-year bands; with bounds of one's own in the name: faixa_etaria_0_18_60"
            ),
            tabnet,
            band(ages::five_year_band),
        );
        self.word(
            "faixa_etaria_detalhada",
            inputs,
            ages::detailed(),
            text!("Faixa etária detalhada do TabNet", "TabNet's detailed age bands"),
            tabnet,
            band(ages::detailed_band),
        );
        self.word(
            "faixa_etaria_oms",
            inputs,
            ages::of_who(),
            text!("Faixa etária da OMS", "Age bands of the WHO"),
            "Organização Mundial da Saúde: menor de 1 ano, 1 a 4, e de cinco em cinco anos até 80 e mais",
            band(ages::band_of_who),
        );
    }
}
