//! Who starts workers: a fork server, or where there can be none the program itself each time.

use std::path::PathBuf;

use super::child::Worker;
#[cfg(target_os = "linux")]
use super::fork_server::ForkServer;
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
        {
            if let Way::Unknown = self.way {
                self.open()?;
            }
            let forked = if let Way::Fork(server) = &self.way { Some(server.fork()) } else { None };
            match forked {
                Some(Ok(worker)) => return Ok(worker),
                Some(Err(error)) => {
                    tracing::warn!(%error, "a fork server has ended");
                    self.way = Way::Unknown;
                    self.open()?;
                    if let Way::Fork(server) = &self.way {
                        match server.fork() {
                            Ok(worker) => return Ok(worker),
                            Err(error) => {
                                tracing::warn!(%error, "workers are started one by one");
                                self.way = Way::Run(None);
                            }
                        }
                    }
                }
                None => {}
            }
        }
        match &mut self.way {
            Way::Run(first) if first.is_some() => first.take().map_or_else(|| Worker::start(&self.program), Ok),
            _ => Worker::start(&self.program),
        }
    }
}
