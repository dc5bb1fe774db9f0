//! What a job does that begins in an emergency of memory. It is decided once, before the job's first act: a running job
//! is never switched to a sample, and one that is retried or resumed keeps what it began with.

use std::time::Duration;

use super::environment::Environment;
use crate::base::{Code, Ctx, Error, Result, Text, text};
use crate::governor::{Governor, Mode};
use crate::params::{OnEmergency, Query};
use crate::plan::Sampling;

/// How long a job waits for memory where it is to wait: a caller who waits for an answer has an answer by then.
const PATIENCE: Duration = Duration::from_secs(30);
/// After that long a try is worth it again: the governor sees free memory within 10 s.
const RETRY_SEC: u64 = 10;

impl Environment {
    /// The sample that a job reads which begins now; none: all rows. Waits, or fails with DS-503, where it is to.
    pub(super) fn sampling_now(&self, query: &Query, durable: bool, ctx: &Ctx) -> Result<Option<Sampling>> {
        // The mode follows a look at the memory, and the last one may be long past.
        self.governor.pressure();
        if self.governor.mode() != Mode::Emergency {
            return Ok(None);
        }
        let plain = query.is_plain_scan() && !durable;
        let usual = if plain { self.config.on_emergency.unwrap_or(OnEmergency::Wait) } else { OnEmergency::Spill };
        match query.options.on_emergency.unwrap_or(usual) {
            OnEmergency::Sample => {
                let sampling = Sampling::emergency();
                let (fraction, seed) = (sampling.fraction, sampling.seed);
                tracing::warn!(trace_id = %ctx.trace_id, fraction, seed, "memory is nearly exhausted: reads a SAMPLE of the rows, as asked");
                Ok(Some(sampling))
            }
            OnEmergency::Spill => Ok(None),
            OnEmergency::Wait => wait_for_memory(&self.governor, PATIENCE, ctx).map(|()| None),
            OnEmergency::Fail => Err(nearly_exhausted()),
        }
    }
}

/// Without its slot: the jobs that hold the memory may need one to come to their end.
pub(super) fn wait_for_memory(governor: &Governor, patience: Duration, ctx: &Ctx) -> Result<()> {
    tracing::info!(trace_id = %ctx.trace_id, "waits for memory");
    let calm = ctx.slot.wait_for_memory(|| governor.wait_out_emergency(patience, &ctx.cancel))??;
    if calm { Ok(()) } else { Err(still_exhausted(patience)) }
}

fn nearly_exhausted() -> Error {
    refused(text!(
        "A memória está no fim (acima de 85 %), e esta consulta pediu para falhar nesse caso (`on_emergency`: fail). Tente mais tarde, ou escolha em `on_emergency`: wait (espera até 30 s) ou spill (exato, mais lento)",
        "Memory is nearly exhausted (above 85 %), and this query asked to fail then (`on_emergency`: fail). Try later, or choose in `on_emergency`: wait (up to 30 s) or spill (exact, slower)"
    ))
}

fn still_exhausted(waited: Duration) -> Error {
    let seconds = waited.as_secs();
    refused(text!(
        "A memória continua no fim (acima de 80 %) depois de {seconds} s de espera. Tente de novo daqui a pouco; feche fluxos e tabelas que não usa mais, peça menos colunas ou meses, ou escolha em `on_emergency`: spill (exato, mais lento) ou sample (uma amostra de 10 % das linhas, que se declara como tal)",
        "Memory is still nearly exhausted (above 80 %) after {seconds} s of waiting. Try again soon; close streams and tables that you no longer use, ask for fewer columns or months, or choose in `on_emergency`: spill (exact, slower) or sample (of 10 % of the rows, which says that it is one)"
    ))
    .with("waited_sec", seconds)
}

fn refused(said: Text) -> Error {
    Error::new(Code::OutOfMemory, said)
        .with("valid_examples", ["wait", "spill", "sample", "fail"].as_slice())
        .with("retry_after_sec", RETRY_SEC)
        .stage("governor")
}
