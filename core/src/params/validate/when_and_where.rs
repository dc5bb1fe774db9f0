//! UFs and competências.

use std::collections::BTreeSet;

use crate::base::{did_you_mean, text};
use crate::catalog::{Competencia, Period, Uf};
use crate::params::{CompetenciaParam, OneOrMany};

use super::{Check, clip, hint};

impl Check<'_> {
    pub(super) fn ufs(&mut self, given: &OneOrMany) -> BTreeSet<Uf> {
        let mut ufs = BTreeSet::new();
        for sigla in given.iter() {
            if ["todas", "all"].contains(&sigla.to_lowercase().as_str()) {
                ufs.extend(Uf::all());
                continue;
            }
            match Uf::parse(sigla) {
                Some(uf) => {
                    ufs.insert(uf);
                }
                None => {
                    let all: Vec<(&str, &str)> =
                        Uf::all().chain([Uf::BR, Uf::EX]).map(|uf| (uf.sigla(), uf.nome())).collect();
                    let mut near: Vec<String> = did_you_mean(sigla, all.iter().map(|uf| uf.1));
                    near = all.iter().filter(|uf| near.contains(&uf.1.to_owned())).map(|uf| uf.0.to_owned()).collect();
                    if near.is_empty() {
                        near = did_you_mean(sigla, all.iter().map(|uf| uf.0));
                    }
                    let (pt, en) = hint(&near);
                    let shown = clip(sigla);
                    let problem = self.wrong(text!("UF {shown:?} não existe{pt}", "There is no UF {shown:?}{en}"));
                    problem.diagnostic.insert("expected_format".into(), "sigla".into());
                    problem.diagnostic.insert("received".into(), shown.into());
                    problem.diagnostic.insert("valid_examples".into(), vec!["SP", "RJ", "AC"].into());
                    problem.diagnostic.insert("did_you_mean".into(), near.into());
                }
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
                    let problem = self.wrong(text!(
                        "Competência inicial {first} depois da final {last}; troque-as",
                        "First competência {first} is after the last, {last}; swap them"
                    ));
                    problem.diagnostic.insert("received".into(), format!("{first}..{last}").into());
                }
                months((first, last)).collect()
            }
        }
    }

    /// The first and the last competência that `given` stands for: the same one but for a year of a monthly table.
    fn competencia(&mut self, given: &str) -> Option<(Competencia, Competencia)> {
        let yearly = self.grupo.is_some_and(|g| g.period == Period::Year);
        let (format, length, examples) = match (yearly, self.years_are_months) {
            (true, _) => ("YYYY", 4, ["2022", "2023"]),
            (false, true) => ("YYYYMM|YYYY", 6, ["202401", "2023"]),
            (false, false) => ("YYYYMM", 6, ["202401", "202312"]),
        };
        if let Some(competencia) = Competencia::parse(given) {
            // Without a dataset either form may be right.
            if self.grupo.is_none() || given.len() == length {
                return Some((competencia, competencia));
            }
            let ano = competencia.ano();
            if self.years_are_months
                && given.len() == 4
                && let (Some(first), Some(last)) = (Competencia::month(ano, 1), Competencia::month(ano, 12))
            {
                return Some((first, last));
            }
        }
        let problem = self.wrong(text!("Formato de competência inválido", "Invalid format of competência"));
        problem.diagnostic.insert("expected_format".into(), format.into());
        problem.diagnostic.insert("received".into(), clip(given).into());
        problem.diagnostic.insert("valid_examples".into(), examples.to_vec().into());
        None
    }
}

/// Three centuries of them at most: a year is from 1900 to 2199.
fn months((first, last): (Competencia, Competencia)) -> impl Iterator<Item = Competencia> {
    std::iter::successors(Some(first), |c| Some(c.next())).take_while(move |c| *c <= last)
}
