//! Who starts workers: a fork server, or where there can be none the program itself each time.

use std::path::PathBuf;

use super::child::Worker;
#[cfg(target_os = "linux")]
use super::fork::ForkServer;
use super::request::Locks;
use crate::base::Result;

pub(super) struct Starter {
    program: PathBuf,
    way: Way,
}

enum Way {
    /// Nobody has asked yet, or the server has ended.
    Unknown,
    #[cfg(target_os = "linux")]
    Fork(ForkServer),
    /// The one that was started to hear who it is.
    Run(Option<Worker>),
}

impl Starter {
    pub fn of(program: PathBuf) -> Self {
        Starter { program, way: Way::Unknown }
    }

    /// Hears what the kernel offers to shut a worker in. DS-422 where the program is no worker of this build.
    pub fn open(&mut self) -> Result<Locks> {
        #[cfg(target_os = "linux")]
        if let Some(server) = ForkServer::start(&self.program)? {
            let locks = server.hello().locks;
            self.way = Way::Fork(server);
            return Ok(locks);
        }
        let first = Worker::start(&self.program)?;
        let locks = first.locks;
        self.way = Way::Run(Some(first));
        Ok(locks)
    }

    pub fn start(&mut self) -> Result<Worker> {
        #[cfg(target_os = "linux")]
        if let Some(worker) = self.forked()? {
            return Ok(worker);
        }
        if let Way::Run(first) = &mut self.way
            && let Some(first) = first.take()
        {
            return Ok(first);
        }
        Worker::start(&self.program)
    }

    /// None where there is no server, or it can fork none now: those that it has forked live on.
    #[cfg(target_os = "linux")]
    fn forked(&mut self) -> Result<Option<Worker>> {
        if let Way::Fork(server) = &self.way {
            match server.fork() {
                Ok(worker) => return Ok(worker),
                Err(error) => {
                    tracing::warn!(%error, "a fork server has ended");
                    self.way = Way::Unknown;
                }
            }
        }
        if let Way::Unknown = self.way {
            self.open()?;
        }
        let Way::Fork(server) = &self.way else { return Ok(None) };
        let forked = server.fork();
        Ok(forked.unwrap_or_else(|error| {
            tracing::warn!(%error, "a fork server has ended at once");
            self.way = Way::Unknown;
            None
        }))
    }
}
