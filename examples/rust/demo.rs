//! The main job from end to end, without a server: `make demo`, or with your own files
//! `DATASUS_SOURCE=<folder> make demo`; with `DATASUS_POSTGRES=postgres://...` it loads a table as well.

#[path = "../../core/tests/ftp_server/mod.rs"]
mod ftp_server;

use std::path::{Path, PathBuf};

use datasus::sink::postgres::Mode;
use datasus::source::write_example_data;
use datasus::{AggregateFn, Client, Config, Csv, Error, Parquet, Postgres, QueryParams, Result};

fn main() {
    if let Err(error) = run() {
        eprintln!("{error}\n{:#}", error.to_json());
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    let output = PathBuf::from(std::env::var_os("DATASUS_OUTPUT").unwrap_or_else(|| "demo-output".into()));
    std::fs::create_dir_all(&output).map_err(|error| Error::io(error, &output))?;
    let source = match std::env::var_os("DATASUS_SOURCE") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let folder = output.join("source");
            write_example_data(&folder, 2_000)?;
            folder
        }
    };
    println!("source: {}", source.display());
    let lake = output.join("lake");
    let config = Config { lake: Some(lake), output: Some(output.clone()), ..Config::from_env()? };
    let postgres = config.postgres.is_some();
    let client = Client::open_with(&source, config)?;
    let held = client.datasets()?;
    for dataset in &held.datasets {
        println!(
            "  {}: {} files, {:.1} MB, {} UF, {} to {}",
            dataset.dataset,
            dataset.files,
            dataset.bytes as f64 / 1e6,
            dataset.ufs.len(),
            dataset.first.map(|c| c.to_string()).unwrap_or_default(),
            dataset.last.map(|c| c.to_string()).unwrap_or_default()
        );
    }
    let everything = QueryParams::dataset("SIH-RD");
    let synced = client.sync(&everything)?;
    println!(
        "\nlake: {} files, {} rows, {:.1} MB of Parquet in {:.2} s",
        synced.files,
        synced.rows,
        synced.bytes as f64 / 1e6,
        synced.duration_sec
    );

    println!("\n1. The ten procedures that cost most");
    let procedures = QueryParams::dataset("SIH-RD")
        .group_by(["PROC_REA"])
        .aggregate(AggregateFn::Count, "*", "internacoes")
        .aggregate(AggregateFn::Sum, "VAL_TOT", "valor")
        .order_by("valor", true)
        .limit(10);
    let mut answer = client.query(&procedures)?;
    let batches = answer.by_ref().collect::<Result<Vec<_>>>()?;
    println!("{}", arrow::util::pretty::pretty_format_batches(&batches).map_err(Error::internal)?);
    println!("{}", answer.report()?);

    println!("\n2. Every admission, into CSV and Parquet in one pass");
    let admissions =
        QueryParams::dataset("SIH-RD").columns(["N_AIH", "CNES", "DIAG_PRINC", "DT_INTER", "DIAS_PERM", "VAL_TOT"]);
    println!("{}", serde_json::to_string_pretty(&client.explain(&admissions)?).map_err(Error::internal)?);
    let csv = Csv { overwrite: true, ..Csv::to("internacoes.csv") };
    let parquet = Parquet { overwrite: true, ..Parquet::to("internacoes.parquet") };
    println!("{}", client.export(&admissions, (csv, parquet))?);
    println!("\nfiles in {}", output.display());

    if postgres {
        println!("\n3. The same into PostgreSQL");
        let table =
            Postgres { table: Some("datasus_demo.internacoes".into()), mode: Mode::Replace, ..Postgres::default() };
        println!("{}", client.export(&admissions, table)?);
    } else {
        println!("(PostgreSQL too: DATASUS_POSTGRES=postgres://user:password@host:5432/database make demo)");
    }
    if std::env::var_os("DATASUS_SOURCE").is_none() {
        from_a_server(&source, &output)?;
    }
    Ok(())
}

/// The same files on an FTP server of this machine, in the folders of the ministry's: `datasus://` works so, without the network.
fn from_a_server(source: &Path, output: &Path) -> Result<()> {
    println!("\n4. The same from an FTP server, on loopback");
    let server = ftp_server::FtpServer::start();
    for entry in std::fs::read_dir(source).map_err(|error| Error::io(error, source))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let folder = match name.get(..2) {
            Some("RD") => "SIHSUS/200801_/Dados",
            Some("DO") => "SIM/CID10/DORES",
            Some("DN") => "SINASC/1996_/Dados/DNRES",
            _ => continue,
        };
        let bytes = std::fs::read(entry.path()).map_err(|error| Error::io(error, &entry.path()))?;
        server.put(&format!("/dissemin/publicos/{folder}/{name}"), &bytes);
    }
    let address = server.address("/dissemin/publicos");
    let home = output.join("baixados");
    let config = Config { home: Some(home), output: Some(output.to_owned()), ..Config::from_env()? };
    let client = Client::open_with(&address, config)?;
    let months = QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202401"..="202402");
    let plan = client.plan_sync(std::slice::from_ref(&months))?;
    println!(
        "{address}: {} files, of which {} are to be fetched ({} bytes)",
        plan.files, plan.files_to_fetch, plan.bytes_to_fetch
    );
    let csv = Csv { overwrite: true, ..Csv::to("baixadas.csv") };
    let report = client.export(&months.columns(["N_AIH", "VAL_TOT"]), csv)?;
    println!("{} rows; {} bytes came, in {} transfers", report.records_processed, server.sent(), server.asked("RETR"));
    let report = client.query(&QueryParams::dataset("SIH-RD").uf(["AC"]).competencia("202401").columns(["N_AIH"]))?;
    println!("again: {} rows, and nothing came", report.map(|batch| Ok(batch?.num_rows())).sum::<Result<usize>>()?);
    Ok(())
}
