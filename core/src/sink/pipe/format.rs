//! What a user may ask of a pipe.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{Code, Error, Result, Text, exact_json, has_named_options, json_words, options_by_name, text};
use crate::sink::csv::{Csv, refuse_decimal_comma};
use crate::sink::level::zstd_level;

/// How rows are written to a pipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Format {
    /// As a CSV file is written; `path` and `overwrite` are a file's alone.
    Csv(Csv),
    /// One JSON object a line.
    Ndjson(Ndjson),
    /// Arrow's IPC stream, for every Arrow library.
    Arrow(ArrowStream),
}

/// How an Arrow IPC stream is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArrowStream {
    /// Compresses with zstd at this level, from 1 to 22; without it, it is the plain stream.
    #[schemars(range(min = 1, max = 22))]
    pub zstd: Option<i32>,
}

/// How NDJSON is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ndjson {
    /// How exact numbers that a double cannot hold are written.
    pub numbers: Numbers,
    /// Compresses with zstd at this level, from 1 to 22; without it, it is plain text.
    #[schemars(range(min = 1, max = 22))]
    pub zstd: Option<i32>,
}

/// How decimals and integers of 64 bits are written in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Numbers {
    /// As numbers with all their digits: `1234.50`. A reader whose numbers are doubles rounds them.
    #[default]
    Number,
    /// As text: `"1234.50"`.
    Text,
}

impl Format {
    /// Reads `"csv"`, `"ndjson"`, `"arrow"`, or `{"csv": {"delimiter": ";"}}`. For bindings; what is no format is DS-400.
    pub fn from_json(text: &str) -> Result<Self> {
        let refused = |Text { pt, en }: Text| {
            Error::new(
                Code::Malformed,
                text!(
                    "Não é um formato, por exemplo csv, ndjson ou arrow: {pt}",
                    "Not a format, for example csv, ndjson or arrow: {en}"
                ),
            )
            .with("valid_examples", vec![r#""csv""#, r#""ndjson""#, r#""arrow""#, r#"{"csv": {"delimiter": ";"}}"#])
            .stage("validate")
        };
        let value = exact_json(text).map_err(|error| refused(error.what))?;
        if !has_named_options(&value) {
            return Err(refused(options_by_name()));
        }
        match value {
            Value::String(name) if name == "csv" => Ok(Format::Csv(Csv::default())),
            Value::String(name) if name == "ndjson" => Ok(Format::Ndjson(Ndjson::default())),
            Value::String(name) if name == "arrow" => Ok(Format::Arrow(ArrowStream::default())),
            form => serde_json::from_value(form).map_err(|error| refused(json_words(&error))),
        }
    }

    /// The level of zstd, where the bytes are to be packed.
    pub(super) fn level(&self) -> Result<Option<i32>> {
        let (Format::Csv(Csv { zstd, .. }) | Format::Ndjson(Ndjson { zstd, .. }) | Format::Arrow(ArrowStream { zstd })) =
            self;
        zstd.map(zstd_level).transpose()
    }

    pub(super) fn check(&self) -> Result<()> {
        let Format::Csv(csv) = self else { return Ok(()) };
        refuse_decimal_comma(csv)?;
        let of_a_file = [("path", csv.path.is_some()), ("overwrite", csv.overwrite)];
        match of_a_file.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((option, _)) => Err(Error::new(
                Code::InvalidParams,
                text!(
                    "`{option}` vale para um arquivo CSV, não para um fluxo; deixe-o fora ou use export",
                    "`{option}` is for a CSV file, not for a stream; leave it out or use export"
                ),
            )
            .with("received", *option)
            .stage("csv")),
        }
    }
}
