//! Footers of closed row groups of a file that has no footer yet.

use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::metadata::{
    FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use serde::{Deserialize, Serialize};

/// Row groups as a Parquet footer, in hexadecimal; empty for none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Footers(String);

impl Footers {
    pub(super) fn of(groups: &[RowGroupMetaData]) -> Result<Self> {
        let Some(first) = groups.first() else { return Ok(Footers(String::new())) };
        let rows = groups.iter().map(RowGroupMetaData::num_rows).sum();
        let file = FileMetaData::new(2, rows, None, None, first.schema_descr_ptr(), None);
        let mut bytes = Vec::new();
        ParquetMetaDataWriter::new(&mut bytes, &ParquetMetaData::new(file, groups.to_vec())).finish()?;
        Ok(Footers(hex::encode(bytes)))
    }

    pub(super) fn groups(&self) -> Result<Vec<RowGroupMetaData>> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = hex::decode(&self.0).map_err(|error| parquet::errors::ParquetError::External(Box::new(error)))?;
        let read = ParquetMetaDataReader::new().parse_and_finish(&Bytes::from(bytes))?;
        Ok(read.row_groups().to_vec())
    }
}
