//! Why a job is not taken.

use std::time::Duration;

use crate::base::{Code, Error, Priority, text};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Full { priority: Priority, queued: usize, retry_after: Duration },
    TooManyParked { parked: usize },
    Closed,
}

/// Consumers go on, or they don't: nobody knows when.
const PARKED_RETRY_SEC: u64 = 5;

impl Refusal {
    pub fn error(self) -> Error {
        let error = match self {
            Refusal::Full { priority, queued, retry_after } => {
                let (class, seconds) = (priority.as_str(), retry_after.as_secs().max(1));
                Error::new(
                    Code::QueueFull,
                    text!(
                        "A fila está cheia: {queued} consultas de prioridade {class} esperam; tente de novo em {seconds} s",
                        "The queue is full: {queued} jobs of priority {class} wait; try again in {seconds} s"
                    ),
                )
                .with("retry_after_sec", seconds)
                .with("queued", queued)
            }
            Refusal::TooManyParked { parked } => Error::new(
                Code::QueueFull,
                text!(
                    "{parked} fluxos abertos já esperam por leitura; leia-os até o fim ou feche-os antes de abrir outro",
                    "{parked} open streams wait to be read; read them to their end or close them before you open another"
                ),
            )
            .with("retry_after_sec", PARKED_RETRY_SEC)
            .with("parked", parked),
            Refusal::Closed => Error::new(
                Code::Conflict,
                text!(
                    "O datasus está sendo encerrado neste processo e não aceita mais consultas",
                    "datasus is being closed in this process and takes no more jobs"
                ),
            ),
        };
        error.stage("queue")
    }
}
