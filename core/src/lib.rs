pub mod base;
pub mod catalog;
pub mod source;
pub mod sink;
pub use base::*;
