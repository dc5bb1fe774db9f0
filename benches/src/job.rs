//! The job that ours and the peers do: twenty columns of ten UFs.

use std::path::Path;

use datasus::{Client, Config, QueryParams};

/// Eight texts, six whole numbers, three dates, three amounts of money.
pub const COLUMNS: [&str; 20] = [
    "UF_ZI",
    "N_AIH",
    "CNES",
    "MUNIC_RES",
    "SEXO",
    "DIAG_PRINC",
    "PROC_REA",
    "RACA_COR",
    "IDADE",
    "DIAS_PERM",
    "QT_DIARIAS",
    "UTI_MES_TO",
    "MORTE",
    "DIAR_ACOM",
    "NASC",
    "DT_INTER",
    "DT_SAIDA",
    "VAL_SH",
    "VAL_SP",
    "VAL_TOT",
];

/// The UFs of the job, three quarters of the rows.
pub const UFS: [&str; 10] = ["SP", "RJ", "MG", "BA", "RS", "PR", "PE", "CE", "SC", "GO"];

pub fn ten_ufs() -> QueryParams {
    QueryParams::dataset("SIH-RD").uf(UFS).columns(COLUMNS)
}

pub fn everything() -> QueryParams {
    QueryParams::dataset("SIH-RD").columns(COLUMNS)
}

/// A client on `data`; its lake lies there too, and stays empty: the data is Parquet already.
pub fn client(data: &Path, output: Option<&Path>, memory_limit: Option<u64>) -> datasus::Result<Client> {
    // Each run reads, also where one process asks the same again.
    let config = Config {
        output: output.map(Into::into),
        memory_limit,
        language: datasus::Language::En,
        cache_memory: 0,
        ..Config::default()
    };
    Client::open_with(data, config)
}

/// An amount in cents as decimal text.
pub fn money(cents: i128) -> String {
    format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}
