//! A query, and its rows: `cargo run --example query -- <folder>`.

use datasus::{AggregateFn, Client, QueryParams, Result, col};

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let client = Client::open(folder)?;
    let params = QueryParams::dataset("SIH-RD")
        .filter(col("IDADE").between(0, 17))
        .group_by(["CNES"])
        .aggregate(AggregateFn::Count, "*", "internacoes")
        .aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
        .order_by("valor", true)
        .limit(10);
    let mut answer = client.query(&params)?;
    for batch in answer.by_ref() {
        println!("{}", arrow::util::pretty::pretty_format_batches(&[batch?]).map_err(datasus::Error::internal)?);
    }
    println!("{}", answer.report()?);
    Ok(())
}
