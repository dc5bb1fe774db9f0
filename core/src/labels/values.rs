//! What is derived of each dataset's columns: one definition each, wherever it is computed.

mod age_columns;

use std::sync::{Arc, OnceLock};

use super::derived::{COMPETENCIA, Derived, Rule, WholeColumn};
use super::editions::Edition;
use super::known_codes::KnownCodes;
use super::list_words::{ColumnWords, ListWords};
use super::places::{self, Axis, Place, Words};
use super::record::Record;
use super::short_codes::NONE;
use super::{ages, births, causes, weeks, whole_columns};
use crate::base::{Text, text};
use crate::catalog::{Grupo, LogicalType};

pub(super) use age_columns::own_bands;

const SIM: &str = "Ministério da Saúde, SIM: campo IDADE; conferido com DTOBITO e DTNASC em arquivos genuínos";
const SVS: &str =
    "SVS: semanas de domingo a sábado, a primeira com 4 de janeiro; conferido com SEM_PRI em arquivos genuínos";
const CID: &str = "Kit TAB_SIH do DATASUS";
const CADMUN: &str = "CADMUN (DATASUS) e br_municip.cnv, br_regsaud.cnv do kit TAB_SIH";

const DEGREES: &str = "CADMUN (DATASUS); dos municípios posteriores, a lista de climasus-data (MIT)";

/// Columns of which a file has the one that its time has: what is made of either misses nothing without the other.
const EITHER: [[&str; 2]; 3] = [["NU_IDADE_N", "NU_IDADE"], ["DTOBITO", "DATAOBITO"], ["DTNASC", "DATANASC"]];

/// The column that stands for one in files of other times.
pub fn other_spelling(column: &str) -> Option<&'static str> {
    EITHER.iter().find_map(|pair| {
        let at = pair.iter().position(|one| one.eq_ignore_ascii_case(column))?;
        Some(pair[1 - at])
    })
}

/// What is being gathered.
struct Of<'g> {
    grupo: &'g Grupo,
    dataset: String,
    all: Vec<Derived>,
}

pub(super) fn of(grupo: &Grupo) -> Vec<Derived> {
    let mut of = Of::new(grupo);
    of.people();
    of.places();
    of.causes();
    of.dates();
    of.deaths();
    of.births();
    of.all
}

impl<'g> Of<'g> {
    fn new(grupo: &'g Grupo) -> Self {
        Of { grupo, dataset: grupo.dataset.to_string(), all: Vec::new() }
    }
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
            lists_at: None,
            places: OnceLock::new(),
            known: KnownCodes::default(),
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
        self.add(name, inputs, LogicalType::Integer { digits: 9 }, meaning, source, Rule::Whole(Box::new(value), None));
    }

    /// What was added last can be made of whole columns.
    fn by_columns(&mut self, column: WholeColumn) {
        if let Some(Rule::Whole(_, by_columns)) = self.all.last_mut().map(|last| &mut last.rule) {
            *by_columns = Some(column);
        }
    }

    fn word(
        &mut self,
        name: &str,
        inputs: &[&str],
        words: impl Into<ColumnWords>,
        meaning: Text,
        source: &str,
        number: impl Fn(&Record<'_>, usize) -> u32 + Send + Sync + 'static,
    ) {
        let rule = Rule::Word { words: words.into(), number: Box::new(number) };
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

    fn places(&mut self) {
        let residence =
            self.first(&["MUNIC_RES", "PA_MUNPCN", "AP_MUNPCN", "MUNPAC", "CODMUNRES", "ID_MN_RESI", "COD_MUN"]);
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
                let words = ColumnWords::OfPlaces(place);
                let meaning = text!("{what_pt} {pt}", "{what_en} {en}");
                self.word(&format!("{name}_{suffix}"), &[column], words, meaning, CADMUN, move |record, row| {
                    record.text(0, row).map_or(NONE, |code| Words::of(place).number(code))
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
            let lists = Arc::new(ListWords::of(&[list.to_owned()], Edition::default(), false));
            let words = ColumnWords::OfLists(lists.clone());
            self.word(name, &[column], words, text!("{pt}", "{en}"), CID, move |record, row| {
                record.text(0, row).map_or(NONE, |code| lists.number(0, 0, code.as_bytes()))
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
            self.by_columns(|record| whole_columns::days_between(record.cells(0), record.cells(1)));
        }
        for (name, columns, pt, en) in [
            (
                "data_obito",
                EITHER[1],
                "Data do óbito, de qualquer das duas escritas",
                "Day of death, in either of the two spellings",
            ),
            (
                "data_nascimento",
                EITHER[2],
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
            let groups = (1..=11).map(|group| format!("{group:02}")).collect::<Vec<_>>();
            let meaning =
                text!("Grupo de Robson, de 01 a 11, como em TPROBSON", "Robson's group, 01 to 11, as in TPROBSON");
            let source = "Regra conferida com TPROBSON em todos os nascimentos de arquivos genuínos de 2019 e 2022; vale desde 2014";
            self.word("robson", &inputs, groups, meaning, source, births::robson);
            self.from("2014");
        }
    }
}
