//! Rates by municipality, compared with what SQL makes of the same files, and with sums made by hand.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datasus::{AggregateFn, Client, Code, Error, QueryParams, Rates, RatesParams, col};

use crate::answers::{genuine, rows};

fn rates(client: &Client, params: RatesParams) -> Result<Rates, Error> {
    client.rates(&params)
}

#[test]
fn rates_of_genuine_deaths_are_those_of_sql() {
    let Some((client, place)) = genuine(&["sim/DORR2022.dbc"]) else { return };
    let population = crate::genuine::folder().unwrap().join("../pop/POPSBR22.zip");
    if !population.is_file() {
        return crate::genuine::skip::for_want_of_data("no genuine populations beside the genuine files");
    }
    std::fs::copy(population, place.path().join("POPSBR22.zip")).unwrap();
    let events = QueryParams::dataset("SIM-DO").uf(["RR"]).competencia("2022").filter(col("TIPOBITO").eq("2"));
    let found = rates(&client, RatesParams { events, ..RatesParams::default() }).unwrap();
    let sql = "
        WITH populacao AS (
            SELECT COD_MUN AS municipio, least(IDADE // 5, 16) AS faixa, sum(POP) AS pessoas FROM ibge_popsvs GROUP BY ALL
        ), padrao AS (
            SELECT faixa, sum(pessoas) / (SELECT sum(pessoas) FROM populacao) AS peso FROM populacao GROUP BY faixa
        ), obitos AS (
            SELECT CODMUNRES AS municipio, least(idade_anos // 5, 16) AS faixa, count(*) AS n
            FROM sim_do WHERE TIPOBITO = '2' AND idade_anos IS NOT NULL GROUP BY ALL
        ), por_faixa AS (
            SELECT municipio, faixa, pessoas, peso, coalesce(n, 0) AS n
            FROM populacao JOIN padrao USING (faixa) LEFT JOIN obitos USING (municipio, faixa)
        ), todos AS (
            SELECT CODMUNRES AS municipio, count(*) AS n FROM sim_do WHERE TIPOBITO = '2' GROUP BY ALL
        )
        SELECT p.municipio, CAST(coalesce(max(t.n), 0) AS BIGINT) AS obitos, CAST(sum(pessoas) AS BIGINT) AS pessoas,
            CAST(sum(CASE WHEN p.n = 0 THEN 0 ELSE 100000 * peso * p.n / pessoas END) AS DOUBLE) AS padronizada
        FROM por_faixa AS p LEFT JOIN todos AS t ON t.municipio = p.municipio
        WHERE p.municipio LIKE '14%' GROUP BY p.municipio ORDER BY p.municipio";
    let (expected, _) = rows(&client, &QueryParams::sql(sql));
    // Every municipality of Roraima has a row, whoever died there.
    assert_eq!((found.rows.len(), expected.len()), (15, 15));
    for (found, expected) in found.rows.iter().zip(&expected) {
        let text = |at: usize| expected[at].clone().unwrap();
        let told = (found.municipio.clone(), found.events.to_string(), found.population.to_string());
        assert_eq!(told, (text(0), text(1), text(2)));
        let crude = 100_000.0 * found.events as f64 / found.population as f64;
        assert!((found.crude - crude).abs() < 1e-9, "{found:?}");
        let (standardised, expected): (f64, f64) = (found.standardised.unwrap(), text(3).parse().unwrap());
        assert!((standardised - expected).abs() < 1e-6 * expected.max(1.0), "{found:?} {expected}");
    }
    // Which series it is, and which revision of it.
    let series = found.population_sources[0].series.clone().unwrap();
    assert_eq!(
        (series.dataset.to_string().as_str(), series.header_date.as_deref()),
        ("IBGE-POPSVS", Some("2024-12-12"))
    );
    assert!(series.name.contains("SVS") && series.file_date.is_some(), "{series:?}");
    // People are grouped by what the events are grouped by.
    let people = QueryParams::dataset("IBGE-POPSVS").competencia("2022").uf(["RR"]);
    let bands = people.clone().group_by(["faixa_etaria"]).aggregate(AggregateFn::Sum, "POP", "pessoas");
    let (bands, _) = rows(&client, &bands.order_by("faixa_etaria", false));
    let (by_age, _) = rows(&client, &people.clone().columns(["IDADE", "POP"]));
    let number = |cell: &Option<String>| cell.as_ref().unwrap().parse::<u64>().unwrap();
    let from = |low: u64, high: u64| -> u64 {
        by_age.iter().filter(|row| (low..=high).contains(&number(&row[0]))).map(|row| number(&row[1])).sum()
    };
    assert_eq!((bands.len(), bands[0][0].as_deref(), number(&bands[0][1])), (17, Some("0 a 4 anos"), from(0, 4)));
    assert_eq!((bands[16][0].as_deref(), number(&bands[16][1])), (Some("80 anos e mais"), from(80, 80)));
    let by_place = people.clone().group_by(["COD_MUN_rotulo", "uf_sigla_residencia"]).count("n");
    let (places, _) = rows(&client, &by_place.order_by("COD_MUN_rotulo", false));
    assert!(places.len() == 15 && places.iter().all(|row| row[0].is_some() && row[1].as_deref() == Some("RR")));
    // Whoever is 80 or more is in no narrower band.
    assert!(client.query(&people.clone().group_by(["faixa_etaria_0_60_90"]).count("n")).is_err());
    assert!(client.query(&people.group_by(["faixa_etaria_0_60_80"]).count("n")).is_ok());
    // Those of the other UFs have no file, and so no rate: none of 0.
    let everywhere =
        RatesParams { events: QueryParams::dataset("SIM-DO").competencia("2022"), ..RatesParams::default() };
    let everywhere = rates(&client, everywhere).unwrap();
    assert!(everywhere.rows.len() == 15 && everywhere.rows.iter().all(|row| row.municipio.starts_with("14")));
    let told = |warning: &String| warning.starts_with("Não há arquivos dos eventos de AC, AL, AM,");
    assert!(everywhere.warnings.iter().any(told), "{:?}", everywhere.warnings);
    // A population of RR by the ministry's own file.
    let people: u64 = found.rows.iter().map(|row| row.population).sum();
    let (all, _) = rows(&client, &QueryParams::sql("SELECT sum(POP) AS n FROM ibge_popsvs WHERE COD_MUN LIKE '14%'"));
    assert_eq!(all[0][0].as_deref(), Some(people.to_string().as_str()));
}

/// Two municipalities of Acre: people of two bands, and deaths.
fn made(people: &str, deaths: &str) -> (Client, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("pessoas.csv"), format!("COD_MUN,ANO,SEXO,IDADE,POP\n{people}")).unwrap();
    std::fs::write(place.path().join("mortes.csv"), format!("CODMUNRES,DTOBITO,IDADE,TIPOBITO\n{deaths}")).unwrap();
    let path = |name: &str| [place.path().join(name).display().to_string()];
    let builder = Client::builder("").declare("IBGE-POPSVS", path("pessoas.csv")).declare("SIM-DO", path("mortes.csv"));
    let config = datasus::Config { lake: Some(place.path().join("lake")), ..datasus::Config::default() };
    (builder.config(config).open().unwrap(), place)
}

const PEOPLE: &str = "1200401,2022,1,10,1000\n1200401,2022,2,70,1000\n1200203,2022,1,12,3000\n1200203,2022,1,71,1000\n";

fn of_2022() -> RatesParams {
    RatesParams { events: QueryParams::dataset("SIM-DO").competencia("2022"), ..RatesParams::default() }
}

/// Which of these the warnings speak of, in their order.
fn of_the_rates(found: &Rates) -> Vec<&'static str> {
    let known = ["residência ignorado", "idade ignorada", "faixa etária sem população"];
    found.warnings.iter().filter_map(|warning| known.into_iter().find(|known| warning.contains(known))).collect()
}

#[test]
fn a_rate_by_hand() {
    // Rio Branco: two deaths of 70 years and one of unknown age; Cruzeiro do Sul: none. One of nowhere.
    let deaths = "120040,01022022,470,2\n120040,01022022,470,2\n120040,01022022,999,2\n120000,01022022,470,2\n";
    let (client, _place) = made(PEOPLE, deaths);
    let found = rates(&client, of_2022()).unwrap();
    let told: Vec<(&str, u64, u64, f64)> =
        found.rows.iter().map(|row| (row.municipio.as_str(), row.events, row.population, row.crude)).collect();
    assert_eq!(told, [("120020", 0, 4_000, 0.0), ("120040", 3, 2_000, 150.0)]);
    let series = found.population_sources[0].series.as_ref().unwrap();
    assert_eq!((series.dataset.to_string().as_str(), &series.header_date), ("IBGE-POPSVS", &None));
    let today = chrono::Utc::now().date_naive();
    let day: chrono::NaiveDate = series.file_date.as_ref().unwrap().parse().unwrap();
    assert!((today - day).num_days().abs() <= 1, "{series:?}");
    // Other files have no series.
    let deaths = client.query(&QueryParams::dataset("SIM-DO").columns(["CODMUNRES"])).unwrap();
    let report = {
        let mut rows = deaths;
        rows.by_ref().for_each(drop);
        rows.report().unwrap()
    };
    assert!(report.sources.iter().all(|source| source.series.is_none()));
    // 2 of 1,000 people of 70, who are 2,000 of the standard's 6,000.
    let standardised: Vec<f64> = found.rows.iter().map(|row| row.standardised.unwrap()).collect();
    assert!(standardised[0] == 0.0 && (standardised[1] - 200.0 / 3.0).abs() < 1e-9, "{standardised:?}");
    assert_eq!((found.unknown_municipality, found.unknown_age), (1, 1));
    assert_eq!(of_the_rates(&found), ["residência ignorado", "idade ignorada"], "{:#?}", found.warnings);
    // What the two queries said is passed on: codes in another form.
    assert!(found.warnings.iter().any(|warning| warning.contains("COD_MUN")), "{:#?}", found.warnings);
}

#[test]
fn a_standard_of_ones_own_is_a_table_whose_people_are_numbers() {
    let (_, place) = made(PEOPLE, "120040,01022022,470,2\n120040,01022022,470,2\n");
    let path = |name: &str| place.path().join(name);
    let rates_by = |standard: &str, typed: bool| {
        std::fs::write(path("padrao.csv"), format!("faixa_etaria,populacao\n{standard}")).unwrap();
        let of = |name: &str| [path(name).display().to_string()];
        let types = [("populacao".to_owned(), "integer".to_owned())].into();
        let form = datasus::CsvForm { types, ..datasus::CsvForm::default() };
        let config = datasus::Config {
            lake: Some(path("lake")),
            tables: [("padrao".to_owned(), path("padrao.csv"))].into(),
            csv: if typed { [("padrao".to_owned(), form)].into() } else { Default::default() },
            ..datasus::Config::default()
        };
        let client = Client::builder("").declare("IBGE-POPSVS", of("pessoas.csv")).declare("SIM-DO", of("mortes.csv"));
        rates(&client.config(config).open().unwrap(), RatesParams { standard: Some("padrao".into()), ..of_2022() })
    };
    // 70 to 74 years are half of these people.
    let bands: Vec<String> = (0..16).map(|band| format!("{} a {} anos", 5 * band, 5 * band + 4)).collect();
    let of = |band: &String| format!("{band},{}\n", if band == "70 a 74 anos" { 16 } else { 1 });
    let standard = format!("{}80 anos e mais,1\n", bands.iter().map(of).collect::<String>());
    let found = rates_by(&standard, true).unwrap();
    let standardised = found.rows[1].standardised.unwrap();
    assert!((standardised - 100_000.0 * 2.0 / 1_000.0 * 16.0 / 32.0).abs() < 1e-9, "{found:?}");
    // Text is no number, and the error says how it becomes one.
    let error = rates_by(&standard, false).unwrap_err();
    let example = &error.diagnostic()["valid_examples"][0]["padrao"]["types"]["populacao"];
    assert!(
        error.code() == Code::InvalidParams && error.detail().contains("`types`") && example == "integer",
        "{error}"
    );
    for wrong in [standard.replacen(",1\n", ",\n", 1), standard.replacen(",1\n", ",-1\n", 1)] {
        let error = rates_by(&wrong, true).unwrap_err();
        assert!(error.code() == Code::InvalidParams && error.detail().contains("sem número"), "{error}");
    }
}

#[test]
fn a_population_that_is_missing_is_an_error_and_no_rate() {
    // 120050 has deaths and no people.
    let (client, _place) = made(PEOPLE, "120050,01022022,470,2\n");
    let error = rates(&client, of_2022()).unwrap_err();
    assert!(error.code() == Code::NotFound && error.detail().contains("120050"), "{error}");
    // A band with deaths and no people has no standardised rate, and says so.
    let (client, _place) = made(PEOPLE, "120040,01022022,440,2\n");
    let found = rates(&client, of_2022()).unwrap();
    assert_eq!((found.rows[1].standardised, found.rows[1].events), (None, 1));
    assert_eq!(of_the_rates(&found), ["faixa etária sem população"], "{:#?}", found.warnings);
    // People of no municipality are told.
    let (odd, _place) = made(&format!("{PEOPLE}12004,2022,1,70,5\n"), "120040,01022022,470,2\n");
    let found = rates(&odd, of_2022()).unwrap();
    assert!(found.warnings.iter().any(|warning| warning.starts_with("5 da população")), "{:#?}", found.warnings);
    // Neither have people of an age that cannot be read.
    let (odd, _place) = made(&format!("{PEOPLE}120040,2022,1,80+,5\n"), "120040,01022022,470,2\n");
    assert!(rates(&odd, of_2022()).is_err());
    // Every UF by its word is no UF without a row.
    let any = datasus::Options { missing: datasus::MissingFiles::Warn, ..datasus::Options::default() };
    let everywhere = RatesParams { events: of_2022().events.uf(["todas"]).options(any), ..of_2022() };
    assert_eq!(rates(&client, everywhere).unwrap().rows.len(), found.rows.len());
    let wrong = [
        RatesParams { per: Some(0.0), ..of_2022() },
        RatesParams { events: QueryParams::dataset("SIM-DO"), ..RatesParams::default() },
        RatesParams { standard: Some("x; DROP".into()), ..of_2022() },
        RatesParams { events: QueryParams::dataset("SIM-DO").competencia("2022").limit(1), ..RatesParams::default() },
    ];
    let sample =
        datasus::Options { on_emergency: Some(datasus::params::OnEmergency::Sample), ..datasus::Options::default() };
    let sampled = RatesParams { events: of_2022().events.options(sample), ..of_2022() };
    // A table of numbers of people, whose rows are none.
    let table = QueryParams::dataset("IBGE-POPTCU").competencia("2022");
    let table = RatesParams { population: Some(table), ..of_2022() };
    let wrong = wrong.into_iter().chain([sampled, table]);
    let people = || QueryParams::dataset("IBGE-POPSVS").competencia("2022");
    let of = |population| RatesParams { population: Some(population), ..of_2022() };
    for params in wrong.chain([of(people().limit(1)), of(people().count("n"))]) {
        assert_eq!(rates(&client, params.clone()).unwrap_err().code(), Code::InvalidParams, "{params:?}");
    }
}

#[test]
fn events_of_some_people_among_everybody_are_told() {
    let (client, _place) = made(PEOPLE, "120040,01022022,470,2\n120040,01022022,410,2\n");
    let old = || RatesParams { events: of_2022().events.filter(col("idade_anos").ge(60)), ..of_2022() };
    let told = |found: &Rates| found.warnings.iter().any(|warning| warning.contains("por toda a população"));
    let found = rates(&client, old()).unwrap();
    assert!(told(&found) && found.rows[1].population == 2_000, "{found:?}");
    let people = QueryParams::dataset("IBGE-POPSVS").competencia("2022").filter(col("IDADE").ge(60));
    let found = rates(&client, RatesParams { population: Some(people), ..old() }).unwrap();
    assert!(!told(&found) && found.rows[1].population == 1_000, "{found:?}");
    assert!(!told(&rates(&client, of_2022()).unwrap()));
}

#[test]
fn events_by_the_rows_of_another_dataset_are_those_of_sql() {
    let Some((client, _place)) = genuine(&["sim/DORR2022.dbc"]) else { return };
    let params = RatesParams {
        events: QueryParams::dataset("SIM-DO").filter(col("obito_infantil").eq(1)),
        population: Some(QueryParams::dataset("SIM-DO")),
        per: Some(1_000.0),
        ..RatesParams::default()
    };
    let found = rates(&client, params).unwrap();
    let sql = "SELECT CODMUNRES AS m, count(*) FILTER (WHERE obito_infantil = 1) AS a, count(*) AS b FROM sim_do GROUP BY 1 ORDER BY 1";
    let (expected, _) = rows(&client, &QueryParams::sql(sql));
    // Those of other UFs who died in Roraima are not all of theirs.
    let known = expected.iter().filter(|row| row[0].as_ref().unwrap().starts_with("14"));
    let known = known.filter(|row| !row[0].as_ref().unwrap().ends_with("0000"));
    let told: Vec<_> = found
        .rows
        .iter()
        .map(|r| vec![Some(r.municipio.clone()), Some(r.events.to_string()), Some(r.population.to_string())])
        .collect();
    assert_eq!(told, known.cloned().collect::<Vec<_>>());
    assert!(found.rows.iter().all(|row| row.standardised.is_none()));
}

/// Deaths and births of two years, as the ministry's files are named.
#[test]
fn births_that_are_a_denominator_are_of_the_years_of_the_deaths() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let deaths =
        file("mortes.csv", "CODMUNRES,DTOBITO,TIPOBITO\n120040,01022021,2\n120040,01022022,2\n120040,03022022,2\n");
    let births =
        file("nascidos.csv", "CODMUNRES,DTNASC\n120040,01012021\n120040,01012022\n120040,02012022\n120040,02012022\n");
    let config = datasus::Config { lake: Some(place.path().join("lake")), ..datasus::Config::default() };
    let client =
        Client::builder("").declare("SIM-DO", [deaths]).declare("SINASC-DN", [births]).config(config).open().unwrap();
    let ask = |events: QueryParams, population: QueryParams| {
        let params = RatesParams { events, population: Some(population), per: Some(1_000.0), ..RatesParams::default() };
        rates(&client, params).map(|found| (found.rows[0].events, found.rows[0].population))
    };
    let (deaths, births) = (|| QueryParams::dataset("SIM-DO"), || QueryParams::dataset("SINASC-DN"));
    assert_eq!(ask(deaths().competencia("2022"), births()).unwrap(), (2, 3));
    assert_eq!(ask(deaths().competencia("2021"), births()).unwrap(), (1, 1));
    assert_eq!(ask(deaths().competencia("2021".."2022"), births()).unwrap(), (3, 4));
    // What is said is kept.
    assert_eq!(ask(deaths().competencia("2021"), births().competencia("2022")).unwrap(), (1, 3));
    // All deaths there are by the births of a year, or by all there are, are no rate.
    for population in [births(), births().competencia("2022")] {
        let error = ask(deaths(), population).unwrap_err();
        assert!(error.code() == Code::InvalidParams && error.detail().contains("competencia"), "{error}");
    }
    // The same rows are of the same time.
    assert_eq!(ask(deaths().filter(col("TIPOBITO").eq("2")), deaths()).unwrap(), (3, 3));
}

/// What is told of the rows is of the rows: who lives elsewhere is counted once, as such.
#[test]
fn events_of_unknown_age_are_those_of_the_rows() {
    let place = tempfile::tempdir().unwrap();
    // Of no age: one of Rio Branco, and two who live in Manaus and died in Acre.
    let column = |texts: [&str; 4]| -> ArrayRef { Arc::new(StringArray::from_iter_values(texts)) };
    let deaths = [
        ("CODMUNRES", column(["120040", "130260", "120040", "130260"])),
        ("IDADE", column(["470", "999", "999", "999"])),
        ("TIPOBITO", column(["2"; 4])),
    ];
    let deaths = RecordBatch::try_from_iter(deaths).unwrap();
    let file = std::fs::File::create(place.path().join("DOAC2022.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, deaths.schema(), None).unwrap();
    writer.write(&deaths).unwrap();
    writer.close().unwrap();
    let people = place.path().join("pessoas.csv");
    std::fs::write(&people, format!("COD_MUN,ANO,SEXO,IDADE,POP\n{PEOPLE}130260,2022,1,10,5000\n")).unwrap();
    let client = Client::builder(place.path()).declare("IBGE-POPSVS", [people.display().to_string()]).open().unwrap();
    let events = QueryParams::dataset("SIM-DO").uf(["AC"]).competencia("2022");
    let found = rates(&client, RatesParams { events, ..RatesParams::default() }).unwrap();
    let told: Vec<_> = found.rows.iter().map(|row| (row.municipio.as_str(), row.events)).collect();
    assert_eq!((told, found.unknown_age), (vec![("120020", 0), ("120040", 2)], 1));
    assert!(found.warnings.iter().any(|warning| warning.starts_with("2 evento(s) de residentes de outras UFs")));
}
