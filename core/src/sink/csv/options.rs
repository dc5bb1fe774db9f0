//! What a user may ask of a CSV file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::MOST_ROWS;
use crate::base::{Code, Error, Result, text};
use crate::recovery::SinkState;
use crate::sink::file::{self, FileFormat, FilePlace};
use crate::sink::level::zstd_level;
use crate::sink::{Identity, Limits, ResultInfo, Sink, StoredAddress, StoredTarget, Target, TargetEnv};

/// How a CSV file is written. For Brazilian spreadsheets: `delimiter = ";"`, `decimal_comma`, `bom`.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("datasus-doc-csv-{}", std::process::id()));
/// # datasus::source::write_example_data(&folder, 100)?;
/// use datasus::{Client, Config, Csv, QueryParams, sink::csv::Delimiter};
///
/// let client = Client::open_with(&folder, Config { output: Some(folder.clone()), ..Config::default() })?;
/// let excel = Csv { delimiter: Delimiter::Semicolon, decimal_comma: true, bom: true, ..Csv::to("valores.csv") };
/// let report = client.export(&QueryParams::dataset("SIH-RD").columns(["CNES", "VAL_TOT"]), excel)?;
/// assert_eq!(report.records_processed, 600);
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Csv {
    /// The file, below the output root; without it, the first six hex digits of the job's hash and `.csv`
    /// (`.csv.zst` with `zstd`).
    pub path: Option<PathBuf>,
    /// Replaces an existing file in one act; when false, an existing file is DS-409.
    pub overwrite: bool,
    /// Compresses with zstd at this level, from 1 to 22; without it, it is plain text.
    #[schemars(range(min = 1, max = 22))]
    pub zstd: Option<i32>,
    /// What stands between two fields.
    pub delimiter: Delimiter,
    /// Writes `1234,56` for decimals and floats; when false, `1234.56`. Not together with the delimiter `,`.
    pub decimal_comma: bool,
    /// Begins with the column names; when false, with the first row.
    pub header: bool,
    /// Begins with a byte order mark, by which Excel knows UTF-8; when false, there is none.
    pub bom: bool,
    /// What ends a row.
    pub line_ending: LineEnding,
}

impl Default for Csv {
    fn default() -> Self {
        Csv {
            path: None,
            overwrite: false,
            zstd: None,
            delimiter: Delimiter::Comma,
            decimal_comma: false,
            header: true,
            bom: false,
            line_ending: LineEnding::CrLf,
        }
    }
}

impl Csv {
    /// A CSV file at `path` with every option at its default.
    pub fn to(path: impl Into<PathBuf>) -> Self {
        Csv { path: Some(path.into()), ..Default::default() }
    }
}

/// What stands between two fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub enum Delimiter {
    /// `,`
    #[default]
    #[serde(rename = ",")]
    Comma,
    /// `;`
    #[serde(rename = ";")]
    Semicolon,
    /// A tab.
    #[serde(rename = "\t")]
    Tab,
    /// `|`
    #[serde(rename = "|")]
    Pipe,
}

impl Delimiter {
    /// In the order of the contract.
    pub const ALL: [Delimiter; 4] = [Delimiter::Comma, Delimiter::Semicolon, Delimiter::Tab, Delimiter::Pipe];

    /// As the file has it.
    pub fn byte(self) -> u8 {
        match self {
            Delimiter::Comma => b',',
            Delimiter::Semicolon => b';',
            Delimiter::Tab => b'\t',
            Delimiter::Pipe => b'|',
        }
    }
}

/// What ends a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LineEnding {
    /// CR LF, as RFC 4180 has it.
    #[default]
    CrLf,
    /// LF alone, as most tools on Unix write it.
    Lf,
}

impl Csv {
    fn extension(&self) -> &'static str {
        if self.zstd.is_some() { "csv.zst" } else { "csv" }
    }
}

impl Target for Csv {
    fn kind(&self) -> &'static str {
        Csv::KIND
    }

    fn identity(&self, env: &TargetEnv, info: Option<&ResultInfo>) -> Identity {
        file::identity(&self.path, self.extension(), env, info)
    }

    fn limits(&self) -> Limits {
        Limits { rows: Some(MOST_ROWS), ..Limits::default() }
    }

    fn open(&self, env: &TargetEnv, info: &ResultInfo, state: SinkState) -> Result<Box<dyn Sink>> {
        refuse_decimal_comma(self)?;
        self.zstd.map(zstd_level).transpose()?;
        let path = file::path_or_default(&self.path, info, self.extension());
        Ok(file::sink(self.clone(), FilePlace::new(env, path, self.overwrite, state)?))
    }

    fn stored(&self, info: &ResultInfo) -> Result<StoredTarget> {
        let path = Some(file::path_or_default(&self.path, info, self.extension()));
        StoredTarget::new(Csv::KIND, &Csv { path, ..self.clone() }, StoredAddress::default())
    }
}

/// A comma cannot stand between two fields and inside one.
pub(in crate::sink) fn refuse_decimal_comma(csv: &Csv) -> Result<()> {
    if csv.decimal_comma && csv.delimiter == Delimiter::Comma {
        return Err(Error::new(
            Code::InvalidParams,
            text!(
                "Com vírgula decimal o separador não pode ser `,`; use `;`",
                "With a decimal comma the delimiter can't be `,`; use `;`"
            ),
        )
        .with("received", ",")
        .with("valid_examples", vec![";", "\t", "|"]));
    }
    Ok(())
}
