//! How an object is named: by its source, the converter, and by how it was read where that is not the usual way.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ConvertOptions;
use super::convert::CONVERTER_VERSION;
use crate::catalog::Dataset;
use crate::source::HeaderColumn;
use crate::source::dbc::Encoding;

/// What of the options makes another object of the same source.
#[derive(Serialize)]
struct Made<'o> {
    encoding: Encoding,
    columns: &'o [HeaderColumn],
    partial: bool,
}

/// The end of an object's name: `-c2.parquet` where everything is usual, else with a short hash of what is not. `partial`:
/// the object holds fewer records than its source declares.
pub(super) fn suffix(dataset: &Dataset, options: &ConvertOptions, partial: bool) -> String {
    let columns = options.header_columns.get(dataset).map(Vec::as_slice).unwrap_or_default();
    let made = Made { encoding: options.encoding, columns, partial };
    if made.encoding == Encoding::Latin1 && columns.is_empty() && !partial {
        return format!("-c{CONVERTER_VERSION}.parquet");
    }
    // It is made of plain names and numbers, which always serialise.
    let json = serde_json::to_vec(&made).unwrap_or_default();
    let tag = hex::encode(&Sha256::digest(json)[..4]);
    format!("-c{CONVERTER_VERSION}-{tag}.parquet")
}
