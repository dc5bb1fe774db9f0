//! A query, and its rows: `cargo run --example query -- <folder>`.

use datasus::{AggregateFn, Client, QueryParams, Result, col};

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let client = Client::open(folder)?;
    let params = QueryParams::dataset("SIH-RD")
        // IDADE sozinha não diz a idade: COD_IDADE diz se são dias (2), meses (3) ou anos (4).
        .filter(col("COD_IDADE").is_in(["2", "3"]) | (col("COD_IDADE").eq("4") & col("IDADE").lt(18)))
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
