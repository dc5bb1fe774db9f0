//! Levels of zstd that a user may ask for.

use crate::base::{Code, Error, Result, text};

/// `level` where zstd has it: 1 (fast) to 22 (small); DS-422 otherwise.
pub(super) fn zstd_level(level: i32) -> Result<i32> {
    match (1..=22).contains(&level) {
        true => Ok(level),
        false => Err(Error::new(
            Code::InvalidParams,
            text!("O nível zstd {level} não existe; use de 1 a 22", "There is no zstd level {level}; use 1 to 22"),
        )
        .with("received", level)),
    }
}
