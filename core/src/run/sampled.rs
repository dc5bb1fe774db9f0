//! What a job that reads a sample says of it: to people, to programs, and to the table or file that it leaves behind.

use crate::base::{Error, Result, Text, text};
use crate::lake::LakeFile;
use crate::plan::{Sampled, Sampling};

/// Counts the sample of `files`.
pub(super) fn sampled(sampling: Option<Sampling>, files: &[LakeFile]) -> Option<Sampled> {
    let sampling = sampling?;
    let kept = |file: &LakeFile| sampling.of_file(&file.content()).count(file.rows);
    let (rows_seen, rows_kept) = (files.iter().map(|file| file.rows).sum(), files.iter().map(kept).sum());
    Some(Sampled { sampling, rows_seen, rows_kept })
}

/// Rows that the job reads, before its conditions.
pub(super) fn rows_read(sampled: Option<&Sampled>, files: &[LakeFile]) -> u64 {
    sampled.map_or_else(|| files.iter().map(|file| file.rows).sum(), |sampled| sampled.rows_kept)
}

pub(super) fn warning(sampled: &Sampled) -> Text {
    let (percent, kept, seen) = (percent(sampled), sampled.rows_kept, sampled.rows_seen);
    text!(
        "Memória escassa: este resultado vem de uma AMOSTRA de {percent} % das linhas dos arquivos ({kept} de {seen}), tirada antes das condições; nada foi extrapolado. Repita mais tarde, ou use `on_emergency`: spill (exato), wait ou fail",
        "Memory was scarce: this result is of a {percent} % SAMPLE of the files' rows ({kept} of {seen}), drawn before the conditions; nothing is scaled. Run it again later, or use `on_emergency`: spill (exact), wait or fail"
    )
}

/// For a comment.
pub(super) fn about(sampled: &Sampled) -> String {
    let (percent, kept, seen, seed) = (percent(sampled), sampled.rows_kept, sampled.rows_seen, sampled.sampling.seed);
    format!("AMOSTRA de {percent} % das linhas ({kept} de {seen}, semente {seed}), sem extrapolação")
}

fn percent(sampled: &Sampled) -> u64 {
    (sampled.sampling.fraction * 100.0).round() as u64
}

/// The sample for machines.
pub(super) fn json(sampled: &Sampled) -> Result<String> {
    serde_json::to_string(sampled).map_err(Error::internal)
}

/// How the rows were sampled, whichever files they are of.
pub(super) fn kind(sampled: &Sampled) -> Result<String> {
    serde_json::to_string(&sampled.sampling).map_err(Error::internal)
}
