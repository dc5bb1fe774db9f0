//! What an error says, and how a program tells what to do: `cargo run --example errors -- <folder>`.

use datasus::{Client, Code, QueryParams, Result};

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let client = Client::open(folder)?;
    let wrong = QueryParams::dataset("SIH-RD").uf(["XX"]).competencia("2024-M1".."202412").columns(["VAL_TOTAL"]);
    match client.query(&wrong) {
        Ok(_) => println!("?"),
        Err(error) if error.code() == Code::InvalidParams => {
            for problem in error.problems() {
                println!("{}: {}", problem.code, problem.detail.pt);
            }
            println!("{:#}", error.to_json());
        }
        Err(error) if error.retryable() => println!("try again later: {error}"),
        Err(error) => return Err(error),
    }
    Ok(())
}
