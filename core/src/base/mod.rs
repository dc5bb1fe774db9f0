//! The ground floor: what every room of the house may use, and which uses none of them.

mod cancel;
mod chunk;
mod code;
mod ctx;
mod error;
mod parquet_columns;
mod place;
mod process_memory;
mod progress;
mod secret;
mod short_copy;
mod text;
mod whole_file;
mod writeback;

pub use cancel::{Cancel, CancelReason};
pub use chunk::{Chunk, Origin, UnitId};
pub use code::{Code, Retry};
pub use ctx::{Ctx, TraceId};
pub use error::{Context, Error, Problem, Result};
pub use parquet_columns::{ParquetColumns, parquet_properties};
pub use place::Place;
pub use process_memory::{PeakMemory, held_by_process, memory_limit};
pub use progress::{Progress, ProgressSnapshot};
pub use secret::Secret;
pub(crate) use short_copy::copy_short;
pub(crate) use text::text;
pub use text::{Language, Text};
pub use whole_file::WholeFile;
pub use writeback::Writeback;
