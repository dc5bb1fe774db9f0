//! From the Parquet reader's errors to ours.

use std::error::Error as _;

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

use super::unit::ReadError;
use crate::base::{Code, Ctx, Error, text};
use crate::plan::ScanFile;

/// The error that the job ends with. A set cancel token wins.
pub(super) fn explain(trouble: ReadError, file: &ScanFile, ctx: &Ctx) -> Error {
    if let Err(cancelled) = ctx.check() {
        return cancelled;
    }
    let at = file.object.location();
    // What its store said, whoever carried it.
    if let ReadError::Store(own) = trouble {
        return own;
    }
    if let Some(own) = Error::within(&trouble) {
        return own;
    }
    if let Some(io) = system_error(&trouble) {
        return at.io(io);
    }
    let (path, why) = (at.to_string(), trouble.to_string());
    let error = if file.own {
        Error::new(
            Code::DamagedFile,
            text!(
                "O Parquet {path} está danificado; grave-o de novo com o programa que o fez",
                "The Parquet {path} is damaged: {why}. Write it again with the program that made it"
            ),
        )
    } else {
        Error::new(
            Code::DamagedFile,
            text!(
                "O Parquet {path} do lake está danificado. Apague-o para convertê-lo de novo",
                "The lake's Parquet {path} is damaged: {why}. Delete it to convert it again"
            ),
        )
    };
    error.with("cause", "bad_parquet").with("reader_message", why).file(path).because(trouble)
}

/// What the operating system said; an end of file that came too early is damage.
fn system_error(trouble: &ReadError) -> Option<std::io::Error> {
    let io = match trouble {
        ReadError::Arrow(ArrowError::IoError(_, io)) => Some(io),
        ReadError::Parquet(ParquetError::External(inner)) => inner.downcast_ref::<std::io::Error>(),
        other => other.source().and_then(|source| source.downcast_ref()),
    }?;
    let kind = io.kind();
    let same = || io.raw_os_error().map_or_else(|| kind.into(), std::io::Error::from_raw_os_error);
    (io.raw_os_error().is_some() || matches!(kind, std::io::ErrorKind::NotFound)).then(same)
}
