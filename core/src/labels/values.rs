//! What is derived of each dataset's columns: one definition each, wherever it is computed.

use std::sync::Arc;

use super::derived::{COMPETENCIA, Derived, Rule};
use super::dictionary::Dictionary;
use super::list::NONE;
use super::places::{self, Axis, Place, Words};
use super::record::Record;
use super::{ages, births, causes, weeks};
use crate::base::{Text, text};
use crate::catalog::{Grupo, LogicalType};

const SIM: &str = "Ministério da Saúde, SIM: campo IDADE; conferido com DTOBITO e DTNASC em arquivos genuínos";
const SIH: &str =
    "Ministério da Saúde, SIH: COD_IDADE e IDADE; conferido com NASC, DT_INTER e DT_SAIDA em arquivos genuínos";
const SINAN: &str =
    "Ministério da Saúde, SINAN: NU_IDADE_N (unidade e três dígitos); conferido com ANO_NASC em arquivos genuínos";
const SVS: &str =
    "SVS: semanas de domingo a sábado, a primeira com 4 de janeiro; conferido com SEM_PRI em arquivos genuínos";
const CID: &str = "Kit TAB_SIH do DATASUS";
const CADMUN: &str = "CADMUN (DATASUS) e br_municip.cnv, br_regsaud.cnv do kit TAB_SIH";

const DEGREES: &str = "CADMUN (DATASUS); dos municípios posteriores, a lista de climasus-data (MIT)";

/// Years of a record by its first inputs.
type Years = fn(&Record<'_>, usize) -> Option<i64>;

/// What a dataset's ages in years are made of.
struct Age {
    inputs: Vec<&'static str>,
    years: Years,
}

/// What is being gathered.
struct Of<'g> {
    grupo: &'g Grupo,
    dataset: String,
    all: Vec<Derived>,
}

pub(super) fn of(grupo: &Grupo) -> Vec<Derived> {
    let mut of = Of { grupo, dataset: grupo.dataset.to_string(), all: Vec::new() };
    of.people();
    of.places();
    of.causes();
    of.dates();
    of.deaths();
    of.births();
    of.all
}

/// Ages in bands whose bounds stand in the name: `faixa_etaria_1_5_15_60`.
pub(super) fn own_bands(grupo: &Grupo, name: &str) -> Option<Derived> {
    let bounds = ages::bounds_of(name)?;
    let mut of = Of { grupo, dataset: grupo.dataset.to_string(), all: Vec::new() };
    let Age { inputs, years } = of.age()?;
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
    fn has(&self, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.grupo.column(column).is_some() || self.grupo.has_field(column))
    }

    /// The first of these that the dataset has.
    fn first<'n>(&self, columns: &[&'n str]) -> Option<&'n str> {
        columns.iter().copied().find(|column| self.has(&[column]))
    }

    fn add(&mut self, name: &str, inputs: &[&str], kind: LogicalType, meaning: Text, source: &str, rule: Rule) {
        self.all.push(Derived {
            dataset: self.dataset.clone(),
            name: name.to_owned(),
            kind,
            inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
            label_of: None,
            list: None,
            meaning,
            source: source.to_owned(),
            edition: None,
            era: None,
            rule,
        });
    }

    fn whole(
        &mut self,
        name: &str,
        inputs: &[&str],
        meaning: Text,
        source: &str,
        value: impl Fn(&Record<'_>, usize) -> Option<i64> + Send + Sync + 'static,
    ) {
        self.add(name, inputs, LogicalType::Integer { digits: 9 }, meaning, source, Rule::Whole(Box::new(value)));
    }

    fn word(
        &mut self,
        name: &str,
        inputs: &[&str],
        words: Vec<String>,
        meaning: Text,
        source: &str,
        number: impl Fn(&Record<'_>, usize) -> u32 + Send + Sync + 'static,
    ) {
        let rule = Rule::Word { words: Arc::new(words), number: Box::new(number) };
        self.add(name, inputs, LogicalType::Text, meaning, source, rule);
    }

    /// The rule of what was added last holds from a competência on.
    fn from(&mut self, from: &str) {
        if let Some(last) = self.all.last_mut() {
            last.era = Some((Some(from.to_owned()), None));
            last.inputs.push(COMPETENCIA.into());
        }
    }

    fn sistema(&self) -> &str {
        self.dataset.split('-').next().unwrap_or_default()
    }

    fn people(&mut self) {
        let sexes = || ["Masculino", "Feminino"].map(str::to_owned).to_vec();
        if let Some(column) = self.first(&["SEXO", "PA_SEXO", "AP_SEXO", "SEXOPAC", "CS_SEXO"]) {
            // SIH and CIHA write 3 for women, and 2 here and there.
            let admissions = ["SIH", "CIHA", "CIH"].contains(&self.sistema());
            self.word(
                "sexo_nome",
                &[column],
                sexes(),
                text!("Sexo, com as mesmas palavras em todos os sistemas", "Sex, in the same words in every system"),
                "Tabelas SEXO dos kits do DATASUS",
                move |record, row| match record.text(0, row) {
                    Some("1" | "M") => 0,
                    Some("2" | "F") => 1,
                    Some("3") if admissions => 1,
                    _ => NONE,
                },
            );
        }
        let races = || ["Branca", "Preta", "Parda", "Amarela", "Indígena"].map(str::to_owned).to_vec();
        if let Some(column) = self.first(&["RACA_COR", "PA_RACACOR", "AP_RACACOR", "RACACOR", "CS_RACA"]) {
            // 03 is Parda in SIH and SIA; 3 is Amarela in SIM, SINASC and SINAN.
            let parda_first = ["SIH", "SIA"].contains(&self.sistema());
            self.word(
                "raca_cor_nome",
                &[column],
                races(),
                text!(
                    "Raça/cor, com as mesmas palavras em todos os sistemas",
                    "Race/colour, in the same words in every system"
                ),
                "Tabelas RACACOR, RACA_COR e RACA dos kits do DATASUS",
                move |record, row| match (record.text(0, row).map(|text| text.trim_start_matches('0')), parda_first) {
                    (Some("1"), _) => 0,
                    (Some("2"), _) => 1,
                    (Some("3"), true) | (Some("4"), false) => 2,
                    (Some("4"), true) | (Some("3"), false) => 3,
                    (Some("5"), _) => 4,
                    _ => NONE,
                },
            );
        }
        self.ages();
    }

    /// Ages in years, where the dataset tells them.
    fn age(&self) -> Option<Age> {
        let pairs = [["COD_IDADE", "IDADE"], ["AP_COIDADE", "AP_NUIDADE"], ["TPIDADEPAC", "IDADEPAC"]];
        if let Some(pair) = pairs.into_iter().find(|pair| self.has(pair)) {
            // Of an age beyond 99 CIHA's field holds two of three digits: its band is known all the same.
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
        self.has(&["PA_IDADE"]).then(|| Age {
            inputs: vec!["PA_IDADE"],
            years: |record, row| record.number(0, row).filter(|years| (0..999).contains(years)),
        })
    }

    fn ages(&mut self) {
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
        match age.inputs.as_slice() {
            [unit, value] if *value != "NU_IDADE" => {
                let (unit, value) = (*unit, *value);
                if self.sistema() == "CIHA" {
                    // Of an age beyond 99 the field holds two of three digits: the dates tell it.
                    self.whole(
                        "idade_anos",
                        &[unit, value, "NASC", "DT_ATEND"],
                        years,
                        SIH,
                        |record, row| match record.text(0, row) {
                            Some("5") => ages::years_between(record, 2, 3, row).filter(|years| *years >= 100),
                            unit => ages::of_sih(unit, record.number(1, row)),
                        },
                    );
                } else {
                    self.whole("idade_anos", &age.inputs, years, SIH, age.years);
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

    fn places(&mut self) {
        let residence = self.first(&["MUNIC_RES", "PA_MUNPCN", "AP_MUNPCN", "MUNPAC", "CODMUNRES", "ID_MN_RESI"]);
        let occurrence = self.first(&[
            "MUNIC_MOV",
            "PA_UFMUN",
            "AP_UFMUN",
            "UFMUN",
            "CODMUNOCOR",
            "CODMUNNASC",
            "ID_MUNICIP",
            "CODUFMUN",
        ]);
        for (column, suffix, pt, en) in [
            (residence, "residencia", "de residência", "of residence"),
            (occurrence, "ocorrencia", "de ocorrência", "of occurrence"),
        ] {
            let Some(column) = column else { continue };
            for (name, place, what_pt, what_en) in [
                ("municipio_7", Place::Code7, "Município em sete dígitos", "Municipality in seven digits"),
                ("municipio_nome", Place::Name, "Nome do município", "Name of the municipality"),
                ("uf_sigla", Place::Uf, "Sigla da UF", "Sigla of the UF"),
                ("regiao", Place::Region, "Grande região", "Great region"),
                ("regiao_saude", Place::HealthRegion, "Região de saúde", "Health region"),
            ] {
                let words = Words::of(place);
                let list = words.words.to_vec();
                let meaning = text!("{what_pt} {pt}", "{what_en} {en}");
                self.word(&format!("{name}_{suffix}"), &[column], list, meaning, CADMUN, move |record, row| {
                    record.text(0, row).map_or(NONE, |code| words.number(code))
                });
            }
            for (name, axis, what_pt, what_en) in [
                ("latitude", Axis::Latitude, "Latitude da sede do município", "Latitude of the municipality's seat"),
                (
                    "longitude",
                    Axis::Longitude,
                    "Longitude da sede do município",
                    "Longitude of the municipality's seat",
                ),
            ] {
                let meaning = text!("{what_pt} {pt}, em graus", "{what_en} {en}, in degrees");
                let rule = Rule::Decimal(Box::new(move |record, row| places::degrees(record.text(0, row)?, axis)));
                let kind = LogicalType::Decimal { precision: 9, scale: places::DEGREE_DIGITS };
                self.add(&format!("{name}_{suffix}"), &[column], kind, meaning, DEGREES, rule);
            }
        }
    }

    fn causes(&mut self) {
        let Some(column) = self.first(&["DIAG_PRINC", "SP_CIDPRI", "CAUSABAS", "PA_CIDPRI", "AP_CIDPRI", "CIDPRI"])
        else {
            return;
        };
        let from = match (self.sistema(), self.dataset.as_str()) {
            ("SIH", _) => "199801",
            (_, "SIM-DOR" | "SIM-DORIG") => return,
            _ => "1996",
        };
        for (name, list, pt, en) in [
            ("cid_capitulo", "sih/CID10CAP", "Capítulo da CID-10", "Chapter of ICD-10"),
            ("cid_grupo", "sih/CID10GRUPOS", "Grupo da CID-10", "Group of ICD-10"),
            (
                "csap",
                "sih/SENSIVEISATB03",
                "Condição sensível à atenção primária (Portaria SAS/MS 221/2008); NULL: nenhuma",
                "Ambulatory care sensitive condition (Portaria SAS/MS 221/2008); NULL: none",
            ),
        ] {
            let Some(list) = Dictionary::built_in().list(list) else { continue };
            let words = list.labels().to_vec();
            self.word(name, &[column], words, text!("{pt}", "{en}"), CID, move |record, row| {
                match record.text(0, row) {
                    Some(code) => list.number_of(code.as_bytes()),
                    None => NONE,
                }
            });
            self.from(from);
        }
    }

    fn dates(&mut self) {
        let dates: Vec<String> = (self.grupo.event_dates.iter())
            .filter(|name| match self.grupo.column(name) {
                Some(column) => matches!(column.kind, LogicalType::Date { .. }),
                None => self.grupo.has_field(name),
            })
            .cloned()
            .collect();
        for date in &dates {
            let name = format!("semana_epidemiologica_{}", date.to_lowercase());
            let meaning = text!(
                "Ano e semana epidemiológica de {date}: 202053",
                "Year and epidemiological week of {date}: 202053"
            );
            self.whole(&name, &[date], meaning, SVS, |record, row| weeks::week(record.day(0, row)?));
        }
        let stay =
            [("DT_INTER", "DT_SAIDA"), ("DT_ATEND", "DT_SAIDA")].into_iter().find(|(from, to)| self.has(&[from, to]));
        if let Some((from, to)) = stay {
            let meaning = text!("Dias de {from} a {to}", "Days from {from} to {to}");
            self.whole("permanencia_dias", &[from, to], meaning, "Diferença das datas do registro", |record, row| {
                ages::days_between(record, 0, 1, row)
            });
        }
        for (name, columns, pt, en) in [
            (
                "data_obito",
                ["DTOBITO", "DATAOBITO"],
                "Data do óbito, de qualquer das duas escritas",
                "Day of death, in either of the two spellings",
            ),
            (
                "data_nascimento",
                ["DTNASC", "DATANASC"],
                "Data de nascimento, de qualquer das duas escritas",
                "Day of birth, in either of the two spellings",
            ),
        ] {
            let held: Vec<&str> = columns.into_iter().filter(|column| self.has(&[column])).collect();
            if self.sistema() == "SIM" && !held.is_empty() {
                let kind = LogicalType::Date { formats: Vec::new() };
                let rule = Rule::Day(Box::new(|record, row| record.day(0, row).or_else(|| record.day(1, row))));
                self.add(name, &held, kind, text!("{pt}", "{en}"), "Valores medidos em arquivos genuínos", rule);
            }
        }
    }

    fn deaths(&mut self) {
        if self.sistema() != "SIM" || !self.has(&["IDADE"]) || self.dataset == "SIM-DOFET" {
            return;
        }
        let meaning = text!(
            "1: óbito com menos de um ano; 0: com mais; NULL: idade ignorada",
            "1: death before one year; 0: after; NULL: age not known"
        );
        self.whole("obito_infantil", &["IDADE"], meaning, SIM, |record, row| {
            ages::years_of_sim(record.text(0, row)).map(|years| i64::from(years == 0))
        });
        let meaning = text!("Componente da mortalidade infantil, pela idade", "Component of infant mortality, by age");
        self.word("obito_infantil_componente", &["IDADE"], ages::infant(), meaning, SIM, |record, row| {
            ages::infant_part(record.text(0, row))
        });
        if self.has(&["CAUSABAS", "OBITOGRAV", "OBITOPUERP"]) {
            let meaning = text!(
                "1: óbito materno pela causa básica; os arquivos DOMAT são outra seleção, a do Ministério",
                "1: maternal death by its underlying cause; the files DOMAT are another selection, the ministry's"
            );
            let source = "Manuais do Ministério da Saúde: O00 a O95, O98, O99, A34, F53, D39.2, E23.0, M83.0, e B20 a B24 na gravidez ou até 42 dias depois";
            self.whole(
                "obito_materno_causa",
                &["CAUSABAS", "OBITOGRAV", "OBITOPUERP"],
                meaning,
                source,
                |record, row| causes::maternal(record.text(0, row), record.text(1, row), record.text(2, row)),
            );
            self.from("1996");
        }
    }

    fn births(&mut self) {
        if self.sistema() != "SINASC" {
            return;
        }
        if self.has(&["PESO"]) {
            let meaning = text!(
                "1: menos de 2500 g ao nascer; NULL: peso ignorado",
                "1: less than 2500 g at birth; NULL: weight not known"
            );
            self.whole("baixo_peso", &["PESO"], meaning, "OMS; Ministério da Saúde, SINASC: PESO", |record, row| {
                births::light(record.number(0, row), 2500)
            });
        }
        if self.has(&["SEMAGESTAC", "GESTACAO"]) {
            let meaning = text!(
                "1: menos de 37 semanas de gestação; NULL: ignoradas",
                "1: less than 37 weeks of pregnancy; NULL: not known"
            );
            let source = "OMS; Ministério da Saúde, SINASC: SEMAGESTAC, ou GESTACAO 1 a 4 onde falta";
            self.whole("prematuro", &["SEMAGESTAC", "GESTACAO"], meaning, source, |record, row| {
                births::preterm(record.number(0, row), record.text(1, row))
            });
        }
        let inputs = [
            "TPAPRESENT",
            "GRAVIDEZ",
            "SEMAGESTAC",
            "QTDPARTCES",
            "STTRABPART",
            "PARTO",
            "STCESPARTO",
            "QTDPARTNOR",
            "QTDFILVIVO",
            "QTDFILMORT",
            "QTDGESTANT",
        ];
        if self.has(&inputs) {
            let groups = (1..=11).map(|group| format!("{group:02}")).collect();
            let meaning =
                text!("Grupo de Robson, de 01 a 11, como em TPROBSON", "Robson's group, 01 to 11, as in TPROBSON");
            let source = "Regra conferida com TPROBSON em todos os nascimentos de arquivos genuínos de 2019 e 2022; vale desde 2014";
            self.word("robson", &inputs, groups, meaning, source, births::robson);
            self.from("2014");
        }
    }
}
