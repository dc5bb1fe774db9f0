//! Which events and which people may be set against each other.

use std::collections::BTreeSet;

use crate::base::{Code, Error, Result, Text, text};
use crate::catalog::{Catalog, Uf};
use crate::params::{Filter, OnEmergency, QueryParams};
use crate::run::Source;

/// Columns by which some of the people are chosen.
const OF_PEOPLE: [&str; 4] = ["SEXO", "IDADE", "FAIXA_ETARIA", "CS_SEXO"];

pub(super) fn invalid(what: Text) -> Error {
    Error::new(Code::InvalidParams, what).stage("validate")
}

/// What is counted of a query are its rows, and all of them.
pub(super) fn rows_of(asked: &QueryParams) -> Result<QueryParams> {
    if asked.sql.is_some() || !asked.group_by.is_empty() || !asked.aggregates.is_empty() || asked.limit.is_some() {
        return Err(invalid(text!(
            "`events` e `population` levam dataset, UF, competência e condições: o que se conta são as linhas",
            "`events` and `population` take dataset, UF, competência and conditions: what is counted are the rows"
        )));
    }
    if asked.options.on_emergency == Some(OnEmergency::Sample) {
        return Err(invalid(text!(
            "Uma taxa não se faz de uma amostra: deixe `on_emergency` de fora, ou use spill",
            "A rate is not made of a sample: leave `on_emergency` out, or use spill"
        ))
        .with("valid_examples", ["spill", "wait", "fail"].as_slice()));
    }
    Ok(QueryParams { columns: None, order_by: Vec::new(), ..asked.clone() })
}

/// DS-422 for the populations of IBGE whose rows are numbers of people, and no people: those without ages of one year.
pub(super) fn refuse_tables_of_people(population: &QueryParams, catalog: &Catalog) -> Result<()> {
    match catalog.read(&population.dataset).map(|grupo| grupo.dataset.to_string()) {
        Some(dataset) if dataset.starts_with("IBGE-") => Err(invalid(text!(
            "Cada linha de {dataset} é um número de pessoas, e `rates` só sabe as de IBGE-POPSVS; use-a, ou um conjunto cujas linhas se contam (SINASC-DN)",
            "Each row of {dataset} is a number of people, and `rates` knows those of IBGE-POPSVS alone; use it, or a dataset whose rows are counted (SINASC-DN)"
        ))
        .with("received", population.dataset.as_str())
        .with("valid_examples", ["IBGE-POPSVS", "SINASC-DN"].as_slice())),
        _ => Ok(()),
    }
}

/// Events of one sex or of some ages, among everybody.
pub(super) fn among_everybody(events: &QueryParams, population: &QueryParams) -> Option<Text> {
    let chooses = |of: &QueryParams| of.filters.iter().any(chooses_people);
    (chooses(events) && !chooses(population)).then(|| {
        text!(
            "Os eventos têm condição de sexo ou idade, e a população não: a taxa é por toda a população. Para a das mulheres, por exemplo, ponha em `population` a condição SEXO = 2 (em IBGE-POPSVS, 1 homens, 2 mulheres)",
            "The events have a condition of sex or age and the population has none: the rate is by everybody. For that of women, say, put into `population` the condition SEXO = 2 (in IBGE-POPSVS, 1 men, 2 women)"
        )
    })
}

fn chooses_people(filter: &Filter) -> bool {
    match filter {
        Filter::Compare { column, .. } => {
            let column = column.to_uppercase();
            OF_PEOPLE.iter().any(|of| column.starts_with(of))
        }
        Filter::Any { any: filters } | Filter::All { all: filters } => filters.iter().any(chooses_people),
        Filter::Not { not } => chooses_people(not),
    }
}

/// The UFs whose files were counted, by IBGE's code; none where one of them may be of any UF.
pub(super) fn counted_ufs(sources: &[Source], catalog: &Catalog) -> Option<BTreeSet<u8>> {
    sources.iter().map(|source| catalog.identify(&source.file)?.uf.ibge()).collect()
}

/// Six or seven digits of a municipality's code.
pub(super) fn uf_of(municipality: &str) -> Option<u8> {
    municipality.get(..2)?.parse().ok()
}

/// No file of these UFs was there to be counted: their municipalities have no rate, and none of 0.
pub(super) fn without_files(ufs: &BTreeSet<u8>) -> Option<Text> {
    let siglas: Vec<&str> =
        Uf::all().filter(|uf| uf.ibge().is_some_and(|code| ufs.contains(&code))).map(Uf::sigla).collect();
    let shown = siglas.join(", ");
    (!siglas.is_empty()).then(|| {
        text!(
            "Não há arquivos dos eventos de {shown}: os seus municípios não estão em nenhuma linha",
            "There are no files of the events of {shown}: their municipalities are in no row"
        )
    })
}
