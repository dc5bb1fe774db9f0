//! One pass into a CSV for Brazilian spreadsheets and a Parquet: `cargo run --example files -- <folder>`.

use datasus::sink::csv::Delimiter;
use datasus::{Client, Csv, Parquet, QueryParams, Result};

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let client = Client::open(folder)?;
    let params = QueryParams::dataset("SIH-RD").columns(["CNES", "DIAG_PRINC", "DT_INTER", "VAL_TOT"]);
    let spreadsheet = Csv {
        path: Some("internacoes.csv".into()),
        delimiter: Delimiter::Semicolon,
        decimal_comma: true,
        bom: true,
        overwrite: true,
        ..Default::default()
    };
    let parquet = Parquet { overwrite: true, ..Parquet::to("internacoes.parquet") };
    let report = client.export(&params, (spreadsheet, parquet))?;
    println!("{report}");
    Ok(())
}
