//! Events by the people among whom they happen: crude rates by municipality, and rates as they would be with the ages of a standard.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Client;
use super::rates_scope::{
    among_everybody, counted_ufs, invalid, refuse_tables_of_people, rows_of, uf_of, without_files,
};
use crate::base::{Code, Error, Result, Text, TraceId, json_words, text};
use crate::catalog::{Period, Uf};
use crate::params::{CompetenciaParam, OnBadValue, OneOrMany, QueryParams};
use crate::run::{Report, Source};

/// Bands of five years, the last from 80 on.
const BANDS: usize = 17;
/// The only population with ages by municipality.
const POPULATION: &str = "IBGE-POPSVS";
/// Codes that a sentence names.
const NAMED: usize = 10;

/// What rates are asked of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RatesParams {
    /// What is counted, each row once: dataset, UF, competência, conditions and options. UF says which files are read, and
    /// whose municipalities are in the answer: a warning counts the events of residents of other UFs.
    pub events: QueryParams,
    /// The people among whom: `IBGE-POPSVS` of one year (left out: that of `events`' competência), or a dataset whose rows are counted,
    /// `SINASC-DN` for infant mortality; without a competência, of the time of the events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<QueryParams>,
    /// A table of one's own (`tables`) with the standard population: `faixa_etaria` (`0 a 4 anos`, ..., `80 anos e mais`) and `populacao`.
    /// Left out: the whole country of the same year of `IBGE-POPSVS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<String>,
    /// A rate is of so many people; left out: 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), example = 1000)]
    pub per: Option<f64>,
}

/// Rates by municipality of residence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Rates {
    /// A rate is of so many people.
    pub per: f64,
    /// All municipalities that have people, those without an event among them; in order of their code.
    pub rows: Vec<Rate>,
    /// Events whose municipality of residence is not known: in no row.
    pub unknown_municipality: u64,
    /// Events of unknown age: in the crude rate, and not in the standardised one.
    pub unknown_age: u64,
    /// The files of the population: which series and which revision of it, of IBGE's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub population_sources: Vec<Source>,
    /// What people should know, in the client's language.
    pub warnings: Vec<String>,
}

/// The rates of a municipality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Rate {
    /// Six digits.
    pub municipio: String,
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub events: u64,
    #[allow(missing_docs, reason = "the name says it, in every language")]
    pub population: u64,
    /// Events by people.
    pub crude: f64,
    /// By the direct method: the rates of each band, with the standard's people in it. None where births are the population, or where a
    /// band has events and no people.
    pub standardised: Option<f64>,
}

/// People, or events, by band; the last of events are those of unknown age.
type ByBand = [f64; BANDS + 1];

/// What was counted of a query, and what its report says of the rows.
struct Counted {
    by_place: BTreeMap<String, ByBand>,
    /// Of no known municipality.
    unknown: u64,
    told: Vec<String>,
    sources: Vec<Source>,
}

impl RatesParams {
    /// Reads them from JSON. DS-400 for a text that is none, DS-422 for what cannot be.
    ///
    /// # Errors
    /// DS-400, DS-422.
    pub fn from_json(json: &str) -> Result<Self> {
        let mut value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).map_err(not_read)?;
        // Queries by their own reader, which says what is wrong with them.
        let mut query = |key: &str| value.remove(key).filter(|query| !query.is_null()).map(QueryParams::from_value);
        let (events, population) = (query("events").transpose()?, query("population").transpose()?);
        value.insert("events".into(), serde_json::json!({"dataset": ""}));
        let others: RatesParams = serde_json::from_value(value.into()).map_err(not_read)?;
        Ok(RatesParams { events: events.unwrap_or_default(), population, ..others })
    }
}

fn not_read(error: serde_json::Error) -> Error {
    let Text { pt, en } = json_words(&error);
    Error::new(
        Code::Malformed,
        text!(
            "As taxas em JSON, por exemplo {{\"events\": {{\"dataset\": \"SIM-DO\", \"competencia\": 2022}}}}: {pt}",
            "The JSON of rates, for example {{\"events\": {{\"dataset\": \"SIM-DO\", \"competencia\": 2022}}}}: {en}"
        ),
    )
    .with("parser_message", error.to_string())
    .stage("validate")
}

impl Client {
    /// Crude and age-standardised rates of events by municipality of residence: municipalities without an event have 0, and one with
    /// events and without people is an error, and no rate.
    ///
    /// # Errors
    /// DS-422 for what cannot be asked; DS-404 where the population of a municipality with events is missing; as [`Client::query`].
    pub fn rates(&self, params: &RatesParams) -> Result<Rates> {
        let language = self.session.language();
        self.rates_of(params).map_err(|error| match error.trace_id() {
            Some(_) => error,
            None => error.traced(&TraceId::new(), language),
        })
    }

    /// Reads [`RatesParams`] from JSON, with errors in the client's language.
    ///
    /// # Errors
    /// As [`RatesParams::from_json`].
    pub fn rates_params(&self, json: &str) -> Result<RatesParams> {
        RatesParams::from_json(json).map_err(|error| error.traced(&TraceId::new(), self.session.language()))
    }

    fn rates_of(&self, params: &RatesParams) -> Result<Rates> {
        let RatesParams { events, population, standard, per } = params;
        let per = per.unwrap_or(100_000.0);
        if !(per.is_finite() && per > 0.0) {
            return Err(
                invalid(text!("`per` é um número acima de 0", "`per` is a number above 0")).with("received", per)
            );
        }
        let population = match population {
            Some(population) => population.clone(),
            None => QueryParams::dataset(POPULATION).competencia(u32::from(year_of(events)?)),
        };
        let by_age =
            self.session.catalog().read(&population.dataset).is_some_and(|g| g.dataset.to_string() == POPULATION);
        if by_age
            && !matches!(&population.competencia, Some(CompetenciaParam::Listed(years)) if years.iter().count() == 1)
        {
            return Err(invalid(text!(
                "`population` é de um ano só: diga `competencia`, por exemplo 2022",
                "`population` is of one year: say `competencia`, for example 2022"
            )));
        }
        if !by_age {
            refuse_tables_of_people(&population, self.session.catalog())?;
        }
        let population = self.of_the_same_time(population, events)?;
        let mut counted = self.events(events, by_age)?;
        if let Some(warning) = among_everybody(events, &population).filter(|_| by_age) {
            counted.told.push(warning.get(self.session.language()).to_owned());
        }
        let people = if by_age { self.people(&population)? } else { self.events(&population, false)? };
        let standard = match (standard, by_age) {
            (Some(table), true) => self.standard(table)?,
            (None, true) => sums(people.by_place.values()),
            (Some(_), false) => {
                return Err(invalid(text!(
                    "`standard` precisa de uma população por idade: use IBGE-POPSVS",
                    "`standard` needs a population by age: use IBGE-POPSVS"
                )));
            }
            (None, false) => [0.0; BANDS + 1],
        };
        self.put_together(counted, people, by_age.then_some(standard), events, per)
    }

    /// Births of every year are no denominator of the deaths of one: a population whose competência is not said is of that of the events,
    /// and theirs must be said.
    fn of_the_same_time(&self, population: QueryParams, events: &QueryParams) -> Result<QueryParams> {
        let catalog = self.session.catalog();
        // What is not in the catalogue is told by the query itself.
        let (Some(of), Some(among)) = (catalog.read(&events.dataset), catalog.read(&population.dataset)) else {
            return Ok(population);
        };
        let competencia = match (&events.competencia, population.competencia) {
            // The same files are of one time.
            (None, None) if of.dataset == among.dataset => None,
            (None, _) => {
                return Err(invalid(text!(
                    "Eventos sem `competencia` são de todos os anos que houver, e a população pode não ser: diga a dos eventos, por exemplo 2022",
                    "Events without a `competencia` are of every year there is, and the population may not be: say that of the events, for example 2022"
                ))
                .with("field", "events.competencia"));
            }
            (Some(_), Some(said)) => Some(said),
            (Some(events), None) if among.period == Period::Year && of.period == Period::Month => {
                Some(years_of(events))
            }
            (Some(events), None) => Some(events.clone()),
        };
        Ok(QueryParams { competencia, ..population })
    }

    fn put_together(
        &self,
        Counted { by_place: events, unknown: unknown_municipality, told, sources: event_sources }: Counted,
        Counted { by_place: people, unknown: people_unknown, told: told_of_people, sources: population_sources }: Counted,
        standard: Option<ByBand>,
        asked: &QueryParams,
        per: f64,
    ) -> Result<Rates> {
        let total = |of: &ByBand| of.iter().sum::<f64>();
        let without: Vec<&String> =
            events.keys().filter(|code| people.get(*code).is_none_or(|of| total(of) == 0.0)).collect();
        if !without.is_empty() {
            let (count, codes) = (without.len(), list(without.iter().map(|code| code.as_str())));
            return Err(Error::new(
                Code::NotFound,
                text!(
                    "{count} município(s) com eventos não têm população: {codes}. Confira o ano e a série da população",
                    "{count} municipality(ies) with events have no population: {codes}. Check the year and the series of the population"
                ),
            )
            .with("municipios", without.iter().map(|code| code.as_str()).collect::<Vec<_>>())
            .stage("rates"));
        }
        let ufs = self.ufs_of(asked)?;
        let asked_for = |code: &str| ufs.as_ref().is_none_or(|ufs| ufs.iter().any(|uf| code.starts_with(uf)));
        let counted = counted_ufs(&event_sources, self.session.catalog());
        let is_counted = |code: &str| match (&counted, uf_of(code)) {
            (Some(counted), Some(uf)) => counted.contains(&uf),
            _ => true,
        };
        let wanted = |code: &str| asked_for(code) && is_counted(code);
        let without_file =
            people.keys().filter(|code| asked_for(code) && !is_counted(code)).filter_map(|code| uf_of(code));
        let without_file = without_files(&without_file.collect());
        let (mut rows, mut without_band) = (Vec::new(), Vec::new());
        for (code, people) in people.iter().filter(|(code, of)| wanted(code) && total(of) > 0.0) {
            let of = events.get(code).copied().unwrap_or([0.0; BANDS + 1]);
            let standardised = standard.as_ref().and_then(|standard| standardised(&of, people, standard));
            if standard.is_some() && standardised.is_none() {
                without_band.push(code.as_str());
            }
            rows.push(Rate {
                municipio: code.clone(),
                events: total(&of) as u64,
                population: total(people) as u64,
                crude: per * total(&of) / total(people),
                standardised: standardised.map(|rate| per * rate),
            });
        }
        let elsewhere: f64 = events.iter().filter(|(code, _)| !wanted(code)).map(|(_, of)| total(of)).sum();
        let of_unknown_age =
            events.iter().filter(|(code, _)| standard.is_some() && wanted(code)).map(|(_, of)| of[BANDS]);
        let unknown_age = of_unknown_age.sum::<f64>() as u64;
        let mut warnings: Vec<Text> = without_file.into_iter().collect();
        if people_unknown > 0 {
            warnings.push(text!(
                "{people_unknown} da população, de município ignorado, não estão em nenhuma linha",
                "{people_unknown} of the population, of no known municipality, are in no row"
            ));
        }
        if unknown_municipality > 0 {
            warnings.push(text!(
                "{unknown_municipality} evento(s) de município de residência ignorado não estão em nenhuma linha",
                "{unknown_municipality} event(s) whose municipality of residence is not known are in no row"
            ));
        }
        if elsewhere > 0.0 && ufs.is_some() {
            warnings.push(text!(
                "{elsewhere} evento(s) de residentes de outras UFs não estão em nenhuma linha, e os que residentes destas têm nos arquivos de outras não foram contados: deixe `uf` de fora para contar todos",
                "{elsewhere} event(s) of residents of other UFs are in no row, and those that residents of these have in the files of others were not counted: leave `uf` out to count all"
            ));
        } else if elsewhere > 0.0 {
            warnings.push(text!(
                "{elsewhere} evento(s) de residentes dessas UFs não estão em nenhuma linha, e os que residentes das outras têm nos arquivos delas não foram contados",
                "{elsewhere} event(s) of residents of those UFs are in no row, and those that residents of the others have in their files were not counted"
            ));
        }
        if unknown_age > 0 {
            warnings.push(text!(
                "{unknown_age} evento(s) de idade ignorada estão na taxa bruta, e não na padronizada",
                "{unknown_age} event(s) of unknown age are in the crude rate, and not in the standardised one"
            ));
        }
        if !without_band.is_empty() {
            let (count, codes) = (without_band.len(), list(without_band.into_iter()));
            warnings.push(text!(
                "{count} município(s) têm eventos numa faixa etária sem população, e por isso nenhuma taxa padronizada: {codes}",
                "{count} municipality(ies) have events in an age band without people, and so no standardised rate: {codes}"
            ));
        }
        let language = self.session.language();
        let of_rates = warnings.iter().map(|warning| warning.get(language).to_owned());
        let warnings = told.into_iter().chain(told_of_people).chain(of_rates).collect();
        Ok(Rates { per, rows, unknown_municipality, unknown_age, population_sources, warnings })
    }

    /// Rows by municipality of residence and, where it is asked for, by band; and those of no known municipality.
    fn events(&self, asked: &QueryParams, by_age: bool) -> Result<Counted> {
        let asked = rows_of(asked)?;
        let mut keys = vec!["municipio_7_residencia"];
        keys.extend(by_age.then_some("faixa_etaria"));
        let params = asked.group_by(keys).count("n");
        let bands = crate::labels::five_year_bands();
        let (mut found, mut unknown) = (BTreeMap::<String, ByBand>::new(), 0.0);
        let mut answer = self.query(&params)?.with_plain_words();
        for batch in &mut answer {
            let batch = batch?;
            let (places, counts) = (texts(&batch, 0)?, numbers(&batch, batch.num_columns() - 1)?);
            let ages = if by_age { Some(texts(&batch, 1)?) } else { None };
            for row in 0..batch.num_rows() {
                let age = ages.as_ref().and_then(|ages| ages[row].as_ref());
                let band = age.and_then(|age| bands.iter().position(|band| band == age)).unwrap_or(BANDS);
                match places[row].as_deref().and_then(|code| code.get(..6)) {
                    Some(code) => found.entry(code.to_owned()).or_insert([0.0; BANDS + 1])[band] += counts[row],
                    None => unknown += counts[row],
                }
            }
        }
        let Report { warnings: told, sources, .. } = answer.report()?;
        Ok(Counted { by_place: found, unknown: unknown as u64, told, sources })
    }

    /// People by municipality and band, of the whole country.
    fn people(&self, asked: &QueryParams) -> Result<Counted> {
        let mut params = QueryParams { uf: None, ..rows_of(asked)? };
        // People of an age that cannot be read are of no band, and a rate without them would be too high.
        params.options.on_bad_value = OnBadValue::Fail;
        let params = params.group_by(["COD_MUN", "IDADE"]).aggregate(crate::params::AggregateFn::Sum, "POP", "n");
        let (mut found, mut unknown) = (BTreeMap::<String, ByBand>::new(), 0.0);
        let mut answer = self.query(&params)?;
        for batch in &mut answer {
            let batch = batch?;
            if (0..3).any(|at| batch.column(at).null_count() > 0) {
                return Err(invalid(text!(
                    "A população tem linhas sem município, idade ou número de pessoas",
                    "The population has rows without municipality, age or number of people"
                )));
            }
            let (places, ages, counts) = (texts(&batch, 0)?, numbers(&batch, 1)?, numbers(&batch, 2)?);
            for row in 0..batch.num_rows() {
                let band = ((ages[row].max(0.0) as usize) / 5).min(BANDS - 1);
                match places[row].as_deref().and_then(|code| code.get(..6)) {
                    Some(code) => found.entry(code.to_owned()).or_insert([0.0; BANDS + 1])[band] += counts[row],
                    None => unknown += counts[row],
                }
            }
        }
        let Report { warnings: told, sources, .. } = answer.report()?;
        Ok(Counted { by_place: found, unknown: unknown as u64, told, sources })
    }

    fn standard(&self, table: &str) -> Result<ByBand> {
        if table.is_empty() || !table.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(invalid(text!(
                "`standard` é o nome de uma tabela de `tables`",
                "`standard` is the name of a table of `tables`"
            ))
            .with("received", table));
        }
        let params = QueryParams::sql(format!("SELECT faixa_etaria, populacao FROM {table}"));
        let (bands, mut found) = (crate::labels::five_year_bands(), [0.0; BANDS + 1]);
        let answer = self.query(&params)?;
        // A CSV whose types nobody has said is text, which is not guessed to be numbers.
        if !answer.schema().field(1).data_type().is_numeric() {
            return Err(invalid(text!(
                "A coluna `populacao` de {table} é texto, e tem de ser número; de um CSV, diga em `csv` o tipo dela (`types`)",
                "The column `populacao` of {table} is text, and has to be a number; of a CSV, say in `csv` what type it has (`types`)"
            ))
            .with("valid_examples", [serde_json::json!({ table: { "types": { "populacao": "integer" } } })])
            .with("received", answer.schema().field(1).data_type().to_string()));
        }
        for batch in answer {
            let batch = batch?;
            let counts = numbers(&batch, 1)?;
            if batch.column(1).null_count() > 0 || counts.iter().any(|people| !(people.is_finite() && *people >= 0.0)) {
                return Err(invalid(text!(
                    "A população padrão {table} tem faixas sem número de pessoas, ou abaixo de 0",
                    "The standard population {table} has bands without a number of people, or below 0"
                )));
            }
            for (age, people) in texts(&batch, 0)?.iter().zip(counts) {
                let Some(band) = bands.iter().position(|band| Some(band) == age.as_ref()) else {
                    let (age, first, last) = (age.clone().unwrap_or_default(), &bands[0], &bands[BANDS - 1]);
                    return Err(invalid(text!(
                        "A população padrão tem a faixa \"{age}\"; esperadas de \"{first}\" a \"{last}\"",
                        "The standard population has the band \"{age}\"; expected are \"{first}\" to \"{last}\""
                    )));
                };
                found[band] += people;
            }
        }
        if found[..BANDS].contains(&0.0) {
            return Err(invalid(text!(
                "A população padrão não tem gente em todas as 17 faixas",
                "The standard population does not have people in all of the 17 bands"
            )));
        }
        Ok(found)
    }

    /// Codes of the UFs that were asked for.
    fn ufs_of(&self, asked: &QueryParams) -> Result<Option<Vec<String>>> {
        let is_all = |uf: &str| Uf::is_every(uf) || Uf::read(uf) == Some(Uf::BR);
        let Some(ufs) = asked.uf.as_ref().filter(|ufs| !ufs.iter().any(is_all)) else { return Ok(None) };
        Ok(Some(ufs.iter().filter_map(Uf::read).filter_map(|uf| Some(uf.ibge()?.to_string())).collect()))
    }
}

/// The direct method; none where a band has events and no people.
fn standardised(events: &ByBand, people: &ByBand, standard: &ByBand) -> Option<f64> {
    let all: f64 = standard[..BANDS].iter().sum();
    (0..BANDS).try_fold(0.0, |sum, band| match (events[band], people[band]) {
        (0.0, _) => Some(sum),
        (_, 0.0) => None,
        (events, people) => Some(sum + events / people * standard[band] / all),
    })
}

fn sums<'p>(of: impl Iterator<Item = &'p ByBand>) -> ByBand {
    of.fold([0.0; BANDS + 1], |mut sums, one| {
        sums.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
        sums
    })
}

/// The years of these months.
fn years_of(said: &CompetenciaParam) -> CompetenciaParam {
    let year =
        |one: &str| crate::catalog::Competencia::read(one).map_or_else(|| one.to_owned(), |of| of.ano().to_string());
    match said {
        CompetenciaParam::Range { from, to } => CompetenciaParam::Range { from: year(from), to: year(to) },
        CompetenciaParam::Listed(listed) => {
            let mut years: Vec<String> = listed.iter().map(year).collect();
            years.sort_unstable();
            years.dedup();
            CompetenciaParam::Listed(OneOrMany::Many(years))
        }
    }
}

/// The year of the events, where they are of one.
fn year_of(events: &QueryParams) -> Result<u16> {
    let years: Vec<u16> = match &events.competencia {
        Some(CompetenciaParam::Listed(listed)) => {
            let mut years: Vec<u16> =
                listed.iter().filter_map(crate::catalog::Competencia::read).map(|one| one.ano()).collect();
            years.sort_unstable();
            years.dedup();
            years
        }
        _ => Vec::new(),
    };
    match years[..] {
        [year] => Ok(year),
        _ => Err(invalid(text!(
            "Os eventos não são de um ano só: diga `population`, por exemplo IBGE-POPSVS de 2022",
            "The events are not of one year: say `population`, for example IBGE-POPSVS of 2022"
        ))),
    }
}

fn list<'c>(codes: impl Iterator<Item = &'c str>) -> String {
    let codes: Vec<&str> = codes.collect();
    let more = if codes.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", codes[..codes.len().min(NAMED)].join(", "))
}

fn texts(batch: &RecordBatch, at: usize) -> Result<Vec<Option<String>>> {
    let texts = cast(batch.column(at), &DataType::Utf8).map_err(Error::internal)?;
    let texts = texts.as_string::<i32>();
    Ok(texts.iter().map(|text| text.map(str::to_owned)).collect())
}

fn numbers(batch: &RecordBatch, at: usize) -> Result<Vec<f64>> {
    let numbers = cast(batch.column(at), &DataType::Float64).map_err(Error::internal)?;
    let numbers = numbers.as_primitive::<Float64Type>();
    Ok((0..numbers.len()).map(|row| if numbers.is_valid(row) { numbers.value(row) } else { 0.0 }).collect())
}
