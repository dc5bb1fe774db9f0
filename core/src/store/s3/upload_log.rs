//! What has gone up of a file that grows, in its job's folder, so that a later process goes on with the same upload.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::Result;
use crate::recovery::Log;
use crate::store::Location;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Record {
    /// What lay there before, at this server, none where nothing did: it is not the job's.
    Over {
        server: String,
        etag: Option<String>,
    },
    Begun(Begun),
    Part {
        number: usize,
        part: SentPart,
    },
}

/// An upload in parts, and where its note is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Begun {
    pub server: String,
    pub at: Location,
    pub upload: String,
    pub note: Option<PathBuf>,
}

/// A part that the server has taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SentPart {
    pub etag: String,
    pub length: u64,
    /// Of its bytes.
    pub crc: u32,
}

pub(super) struct UploadLog {
    path: PathBuf,
    server: String,
    log: Log<Record>,
    /// None: nobody has looked.
    pub over: Option<Option<String>>,
    pub begun: Option<Begun>,
    /// By their numbers, from 0.
    pub parts: BTreeMap<usize, SentPart>,
}

impl UploadLog {
    /// `server`: what lay at another says nothing of it.
    pub fn open(path: &Path, server: &str) -> Result<Self> {
        let (log, records) = Log::open(path)?;
        let (path, server) = (path.to_owned(), server.to_owned());
        let mut found = UploadLog { path, server, log, over: None, begun: None, parts: BTreeMap::new() };
        for record in records {
            match record {
                Record::Over { server, etag } => found.over = (server == found.server).then_some(etag),
                Record::Begun(begun) => (found.begun, found.parts) = (Some(begun), BTreeMap::new()),
                Record::Part { number, part } => drop(found.parts.insert(number, part)),
            }
        }
        Ok(found)
    }

    /// Whether the log at `path` goes on with this upload; one that cannot be read may.
    pub fn holds(path: &Path, upload: &str) -> bool {
        let begun = |record: &Record| if let Record::Begun(begun) = record { Some(begun.upload.clone()) } else { None };
        Log::<Record>::peek(path)
            .map_or(true, |records| records.iter().rev().find_map(begun).as_deref() == Some(upload))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn lay_there(&mut self, etag: Option<String>) -> Result<()> {
        self.over = Some(etag);
        self.rewrite()
    }

    /// Goes on with another upload, of which nothing has gone up; none: with none.
    pub fn begin(&mut self, begun: Option<Begun>) -> Result<()> {
        (self.begun, self.parts) = (begun, BTreeMap::new());
        self.rewrite()
    }

    pub fn took(&mut self, number: usize, part: SentPart) -> Result<()> {
        self.log.add(&Record::Part { number, part: part.clone() })?;
        self.parts.insert(number, part);
        Ok(())
    }

    fn rewrite(&mut self) -> Result<()> {
        let over = self.over.iter().map(|etag| Record::Over { server: self.server.clone(), etag: etag.clone() });
        let begun = self.begun.iter().cloned().map(Record::Begun);
        let parts = self.parts.iter().map(|(number, part)| Record::Part { number: *number, part: part.clone() });
        self.log.replace(&over.chain(begun).chain(parts).collect::<Vec<_>>())
    }
}
