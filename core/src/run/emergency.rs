//! What a job does that begins in an emergency of memory. It is decided once, before the job's first act: a running job
//! is never switched to a sample, and one that is retried or resumed keeps what it began with.

use super::Session;
use crate::base::{Code, Ctx, Error, Result, Text, text};
use crate::governor::Mode;
use crate::lake::LakeFile;
use crate::params::{OnEmergency, Query};
use crate::plan::{Sampled, Sampling};

impl Session {
    /// The sample that a job reads which begins now; none: all rows. Waits, or fails with DS-503, where the query says so.
    pub(super) fn sampling_now(&self, query: &Query, durable: bool, ctx: &Ctx) -> Result<Option<Sampling>> {
        // The mode follows a look at the memory, and the last one may be long past.
        self.governor.pressure();
        if self.governor.mode() != Mode::Emergency {
            return Ok(None);
        }
        let usual = if query.is_plain_scan() && !durable { OnEmergency::Sample } else { OnEmergency::Spill };
        match query.options.on_emergency.unwrap_or(usual) {
            OnEmergency::Sample => Ok(Some(Sampling::emergency())),
            OnEmergency::Spill => Ok(None),
            OnEmergency::Wait => self.governor.wait_out_emergency(&ctx.cancel).map(|()| None),
            OnEmergency::Fail => Err(exhausted()),
        }
    }
}

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

fn exhausted() -> Error {
    Error::new(
        Code::OutOfMemory,
        text!(
            "A memória está no fim (acima de 85 %) e a consulta pediu para falhar (`on_emergency`: fail); tente mais tarde, ou use wait ou spill",
            "Memory is nearly exhausted (above 85 %), and the query asked to fail (`on_emergency`: fail); try later, or use wait or spill"
        ),
    )
    .stage("governor")
}
