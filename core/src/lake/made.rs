//! How an object is named: by its source, the converter, and by how it was read where that is not the usual way.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ConvertOptions;
use crate::catalog::Dataset;
use crate::source::HeaderColumn;
use crate::source::dbc::Encoding;
use crate::source::folder::SourceFile;

/// Raised with each change of what an object holds; older objects are then converted anew.
pub const CONVERTER_VERSION: u32 = 4;

/// The source's name without extension, in upper case.
pub(super) fn stem(file: &SourceFile) -> String {
    file.location.path().file_stem().map(|stem| stem.to_string_lossy().to_uppercase()).unwrap_or_default()
}

/// What of the options makes another object of the same source.
#[derive(Serialize)]
struct Made<'o> {
    encoding: Encoding,
    columns: &'o [HeaderColumn],
    partial: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unverified: bool,
}

/// The end of an object's name: `-c2.parquet` where everything is usual, else with a short hash of what is not. `partial`:
/// the object holds fewer records than its source declares. `unverified`: its source has a CRC that was not looked at, so that it
/// stands beside the object of those who look, and never in its place.
pub(super) fn suffix(dataset: &Dataset, options: &ConvertOptions, partial: bool, unverified: bool) -> String {
    let columns = options.header_columns.get(dataset).map(Vec::as_slice).unwrap_or_default();
    let made = Made { encoding: options.encoding, columns, partial, unverified };
    if made.encoding == Encoding::Latin1 && columns.is_empty() && !partial && !unverified {
        return format!("-c{CONVERTER_VERSION}.parquet");
    }
    // It is made of plain names and numbers, which always serialise.
    let json = serde_json::to_vec(&made).unwrap_or_default();
    let tag = hex::encode(&Sha256::digest(json)[..4]);
    format!("-c{CONVERTER_VERSION}-{tag}.parquet")
}
