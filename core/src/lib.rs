//! Brazil's public-health records (DATASUS), from the files the ministry publishes to where people analyse them.
//!
//! ```no_run
//! use datasus::{Client, Csv, Parquet, QueryParams, col};
//!
//! let client = Client::open("datasus://")?; // or a folder
//! let params = QueryParams::dataset("SIH-RD")
//!     .uf(["AC"])
//!     .competencia("202401")
//!     .columns(["CNES", "DIAG_PRINC", "VAL_TOT"])
//!     // IDADE alone is no age, it may count days or months: idade_anos is made of it and of COD_IDADE.
//!     .filter(col("idade_anos").lt(18));
//! for batch in client.query(&params)? {
//!     println!("{} linhas", batch?.num_rows());
//! }
//! let report = client.export(&params, (Csv::to("criancas.csv"), Parquet::to("criancas.parquet")))?;
//! println!("{report}");
//!
//! use datasus::{Postgres, sink::postgres::Mode};
//!
//! let params = QueryParams::sql("SELECT CNES, sum(VAL_TOT) AS valor FROM sih_rd WHERE SEXO = $sexo GROUP BY CNES")
//!     .uf(["AC"]).competencia("202401").bind("sexo", "3");
//! let table = Postgres { table: Some("sih_data.valor_por_cnes".into()), mode: Mode::Replace, ..Default::default() };
//! let report = client.export(&params, table)?;
//! # Ok::<(), datasus::Error>(())
//! ```
//!
//! One query travels one way: validated [`QueryParams`] -> plan -> engine -> sinks -> [`Report`]. Files are converted
//! once into a lake of typed Parquet; codes stay text, money stays decimal, and nothing is dropped silently.

#![cfg_attr(not(test), warn(clippy::unwrap_used))]
#![warn(missing_docs)]

pub mod base;
mod cache;
pub mod catalog;
mod client;
mod columnar;
mod config;
pub mod contract;
pub mod engine;
pub mod estimate;
#[doc(hidden)]
pub mod faces;
mod gate;
pub mod governor;
pub mod labels;
mod lake;
mod limit;
pub mod metrics;
mod mirror;
pub mod params;
pub mod plan;
pub mod recovery;
pub mod run;
pub mod scheduler;
pub mod sink;
pub mod source;
pub mod store;
#[cfg(feature = "otlp")]
pub mod telemetry;
pub mod worker;

pub use base::{
    Code, Error, IndexState, Language, Next, Phase, Priority, Problem, ProgressSnapshot, Result, Retry, Secret,
    TableIndex,
};
pub use catalog::{Catalog, Competencia, Dataset, Uf};
pub use client::{
    Client, ClientBuilder, DatasetSchema, DatasetSummary, DerivedColumn, Holdings, IgnoredFile, Known, Rate, Rates,
    RatesParams,
};
pub use config::{Config, CsvEncoding, CsvForm, Isolation, Refresh, S3Credentials};
pub use estimate::Estimate;
pub use governor::{Mode, ModeChange, ModeChanges};
pub use labels::{DictionaryEntry, Found, FoundIn};
pub use params::{AggregateFn, CacheMode, Filter, MissingFiles, OnBadValue, Op, Options, QueryParams, Versions, col};
pub use plan::Explain;
pub use recovery::{DeadLetter, Standing};
pub use run::{
    CacheUse, DestinationOptions, DictionarySync, Ended, Event, Events, Job, JobDestination, JobInfo, KitFailed,
    KitSynced, Pending, Profile, Replayed, Report, Rows, Status, SyncPlan, SyncReport,
};
pub use sink::{Csv, Destination, Destinations, Parquet, Postgres, Target};
