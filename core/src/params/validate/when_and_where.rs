//! UFs and competências.

use std::collections::BTreeSet;

use crate::base::{Problem, clip, did_you_mean, text};
use crate::catalog::{Competencia, Period, Uf};
use crate::params::{CompetenciaParam, OneOrMany};

use super::{Check, hint};

impl Check<'_> {
    pub(super) fn ufs(&mut self, given: &OneOrMany) -> BTreeSet<Uf> {
        let mut ufs = BTreeSet::new();
        for sigla in given.iter() {
            if Uf::is_every(sigla) {
                ufs.extend(Uf::all());
                continue;
            }
            match Uf::read(sigla) {
                Some(uf) => {
                    ufs.insert(uf);
                }
                None => self.no_uf(sigla),
            }
        }
        if given.iter().next().is_none() {
            self.wrong(text!(
                "`uf` está vazio; deixe-o de fora para todas as UF",
                "`uf` is empty; leave it out for every UF"
            ));
        }
        if let Some(grupo) = self.grupo
            && grupo.national.is_some_and(|national| ufs.iter().any(|uf| *uf != national))
            && grupo.uf_column.is_none()
        {
            let dataset = &grupo.dataset;
            let problem = self.wrong(text!(
                "{dataset} é publicado em arquivos nacionais e não tem coluna de UF; deixe `uf` de fora",
                "{dataset} is published in national files and has no UF column; leave `uf` out"
            ));
            problem.diagnostic.insert("dataset".into(), dataset.to_string().into());
        }
        ufs
    }

    fn no_uf(&mut self, given: &str) {
        let all: Vec<(&str, &str)> = Uf::all().chain([Uf::BR, Uf::EX]).map(|uf| (uf.sigla(), uf.nome())).collect();
        let named: Vec<String> = did_you_mean(given, all.iter().map(|uf| uf.1));
        let mut near: Vec<String> =
            named.iter().filter_map(|nome| all.iter().find(|uf| uf.1 == nome)).map(|uf| uf.0.to_owned()).collect();
        if near.is_empty() {
            near = did_you_mean(given, all.iter().map(|uf| uf.0));
        }
        let (pt, en) = hint(&near);
        let shown = clip(given);
        let problem = self.wrong(text!(
            "A UF \"{shown}\" não existe{pt} Escreva a sigla, o nome ou o código do IBGE, por exemplo SP, São Paulo ou 35",
            "There is no UF \"{shown}\"{en} Write its sigla, name or IBGE code, for example SP, São Paulo or 35"
        ));
        problem.diagnostic.insert("expected_format".into(), "sigla".into());
        problem.diagnostic.insert("received".into(), shown.into());
        problem.diagnostic.insert("valid_examples".into(), vec!["SP", "RJ", "AC"].into());
        problem.diagnostic.insert("did_you_mean".into(), near.into());
    }

    pub(super) fn competencias(&mut self, given: &CompetenciaParam) -> BTreeSet<Competencia> {
        match given {
            CompetenciaParam::Listed(listed) => {
                if listed.iter().next().is_none() {
                    self.wrong(text!(
                        "`competencia` está vazia; deixe-a de fora para todas",
                        "`competencia` is empty; leave it out for all"
                    ));
                }
                listed.iter().filter_map(|text| self.competencia(text)).flat_map(months).collect()
            }
            CompetenciaParam::Range { from, to } => {
                let (first, last) = (self.competencia(from), self.competencia(to));
                let (Some((first, _)), Some((_, last))) = (first, last) else { return BTreeSet::new() };
                if first > last {
                    let (from, to) = (first, last);
                    let problem = self.wrong(text!(
                        "A primeira competência, {from}, vem depois da última, {to}; troque-as",
                        "First competência {from} is after the last, {to}; swap them"
                    ));
                    problem.diagnostic.insert("received".into(), format!("{from}..{to}").into());
                }
                months((first, last)).collect()
            }
        }
    }

    /// The first and the last competência that `given` stands for: the same one but for a year of a monthly dataset, which
    /// is its twelve months.
    fn competencia(&mut self, given: &str) -> Option<(Competencia, Competencia)> {
        let Some(read) = Competencia::read(given) else {
            let yearly = self.grupo.is_some_and(|g| g.period == Period::Year);
            let shown = clip(given);
            let problem = match yearly {
                true => self.wrong(text!(
                    "Formato de competência inválido: esperado um ano, por exemplo 2022; recebido \"{shown}\"",
                    "Invalid format of competência: expected a year, for example 2022; received \"{shown}\""
                )),
                false => self.wrong(text!(
                    "Formato de competência inválido: esperado um mês, por exemplo 2024-01, 01/2024 ou 202401, ou um ano inteiro, como 2024; recebido \"{shown}\"",
                    "Invalid format of competência: expected a month, for example 2024-01, 01/2024 or 202401, or a whole year, as 2024; received \"{shown}\""
                )),
            };
            formats(problem, yearly, shown);
            return None;
        };
        match (self.grupo.map(|grupo| grupo.period), read.mes()) {
            (Some(Period::Year), Some(_)) => {
                let (dataset, ano) =
                    (self.grupo.map(|grupo| grupo.dataset.to_string()).unwrap_or_default(), read.ano());
                let shown = clip(given);
                let problem = self.wrong(text!(
                    "{dataset} é publicado por ano: esperado um ano, por exemplo {ano}; recebido o mês \"{shown}\". Para um mês do evento, ponha uma condição na coluna da data",
                    "{dataset} is published by year: expected a year, for example {ano}; received the month \"{shown}\". For a month of the event, put a condition on the column of its date"
                ));
                formats(problem, true, shown);
                None
            }
            (Some(Period::Month), None) => {
                Some((Competencia::month(read.ano(), 1)?, Competencia::month(read.ano(), 12)?))
            }
            _ => Some((read, read)),
        }
    }
}

fn formats(problem: &mut Problem, yearly: bool, received: String) {
    let (format, examples) = if yearly { ("YYYY", ["2022", "2023"]) } else { ("YYYYMM", ["202401", "202312"]) };
    problem.diagnostic.insert("expected_format".into(), format.into());
    problem.diagnostic.insert("received".into(), received.into());
    problem.diagnostic.insert("valid_examples".into(), examples.to_vec().into());
}

/// Three centuries of them at most: a year is from 1900 to 2199.
fn months((first, last): (Competencia, Competencia)) -> impl Iterator<Item = Competencia> {
    std::iter::successors(Some(first), |c| Some(c.next())).take_while(move |c| *c <= last)
}
