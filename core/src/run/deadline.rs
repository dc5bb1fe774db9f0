//! Ends a job whose deadline passes.

use std::time::Duration;

use crossbeam_channel::{Sender, bounded, select};

use crate::base::{Cancel, CancelReason, Error, Result};

/// Armed until it is dropped.
pub(super) struct Deadline {
    _armed: Sender<()>,
}

impl Deadline {
    pub(super) fn arm(limit: Duration, cancel: &Cancel) -> Result<Self> {
        let (armed, disarmed) = bounded::<()>(0);
        let cancel = cancel.clone();
        std::thread::Builder::new()
            .name("datasus-deadline".into())
            .spawn(move || {
                select! {
                    recv(disarmed) -> _ => {}
                    default(limit) => cancel.set(CancelReason::Deadline(limit)),
                }
            })
            .map_err(|error| Error::internal(format!("cannot start the deadline thread: {error}")))?;
        Ok(Deadline { _armed: armed })
    }
}
