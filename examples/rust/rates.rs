//! Infant mortality by municipality, and what a population that is missing is: `rates <folder>`.

use datasus::{Client, QueryParams, RatesParams, col};

fn main() -> datasus::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "demo-output/source".into());
    let client = Client::open(folder)?;
    let deaths = QueryParams::dataset("SIM-DO").uf(["AC"]).competencia("2022").filter(col("TIPOBITO").eq("2"));
    // The denominator of infant mortality are births.
    let infant = RatesParams {
        events: deaths.clone().filter(col("obito_infantil").eq(1)),
        population: Some(QueryParams::dataset("SINASC-DN")),
        per: Some(1_000.0),
        ..RatesParams::default()
    };
    for row in client.rates(&infant)?.rows {
        println!("{}: {} of {} births, {:.1} per 1,000", row.municipio, row.events, row.population, row.crude);
    }
    // Of all ages: by the population of IBGE-POPSVS, which this folder need not have. That is an error, and never a rate of 0.
    match client.rates(&RatesParams { events: deaths, ..RatesParams::default() }) {
        Ok(rates) => {
            rates.rows.iter().for_each(|row| println!("{}: {:.1}, {:?}", row.municipio, row.crude, row.standardised))
        }
        Err(error) => println!("{}", error.code()),
    }
    Ok(())
}
