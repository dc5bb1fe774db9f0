//! A DBC as the DBF that it holds, byte for byte.

use std::io::Write;
use std::path::Path;

use super::{Layout, ReadOptions, RecordFile, Summary};
use crate::base::{Error, Result, WholeFile};

/// Decodes `from` into the file `to`, which appears only when the CRC-32 was right. It is not forced to disk: after a
/// power failure it may have to be made again.
///
/// ```no_run
/// use datasus::source::dbc::{ReadOptions, dbc_to_dbf};
///
/// let summary = dbc_to_dbf("RDAC2401.dbc".as_ref(), "RDAC2401.dbf".as_ref(), &ReadOptions::default())?;
/// println!("{} records", summary.rows_read);
/// # Ok::<(), datasus::Error>(())
/// ```
pub fn dbc_to_dbf(from: &Path, to: &Path, options: &ReadOptions) -> Result<Summary> {
    let source = RecordFile::open(from, options)?;
    let mut out = WholeFile::create(to)?;
    let summary = source.write_dbf(&mut out, to)?;
    out.publish_unforced()?;
    Ok(summary)
}

impl RecordFile {
    /// Writes header and decoded body to `out`, which errors call `name`. What was written before an error is no DBF:
    /// the CRC-32 is known at the last byte.
    pub fn write_dbf(self, out: &mut dyn Write, name: &Path) -> Result<Summary> {
        out.write_all(self.header_bytes()).map_err(|error| Error::io(error, name))?;
        let nothing = Layout { columns: Vec::new(), batch_rows: 1, filter: None, reference_year: 2099 };
        self.batches(nothing)?.copy_decoded(out, name)
    }
}
