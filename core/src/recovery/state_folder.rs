//! The folder that holds the folders of jobs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::job_folder::{self, JobFolder};
use super::{Found, Standing};
use crate::base::{Code, Error, FileSystem, Result, clip, create_folders, text};

/// Where jobs keep what a later process needs. Made with the first job.
#[derive(Debug, Clone)]
pub struct StateFolder {
    root: PathBuf,
    /// None: to be asked of the system.
    lies_on: Option<FileSystem>,
}

impl StateFolder {
    /// In this folder; nothing is made yet.
    pub fn at(root: PathBuf) -> Self {
        StateFolder { root, lies_on: None }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the folder of a new job: its lock, its owner, and last its plan, without which it does not count.
    pub fn create(&self, job_id: &str, plan: &Value) -> Result<JobFolder> {
        let failed = |error| Error::io(error, &self.root).stage("recovery");
        create_folders(&self.root).map_err(failed)?;
        let lies_on = self.lies_on.map_or_else(|| FileSystem::of(&self.root).map_err(|e| e.stage("recovery")), Ok)?;
        refuse_network(&self.root, lies_on)?;
        JobFolder::create(self.root.join(name(job_id)?), job_id, plan)
    }

    /// Takes over a job whose process is gone. DS-404 where there is none, DS-409 while a process holds it.
    pub fn take(&self, job_id: &str) -> Result<JobFolder> {
        let path = self.find(job_id)?;
        // Of a job that ended meanwhile, it says that there is none.
        JobFolder::take(path, job_id).or_else(|error| self.find(job_id).and(Err(error)))
    }

    /// The folder of a job, whoever holds it. DS-404 where there is none.
    pub fn find(&self, job_id: &str) -> Result<PathBuf> {
        let path = self.root.join(name(job_id)?);
        if !path.join(job_folder::PLAN).exists() {
            let root = self.root.display();
            return Err(Error::new(
                Code::NotFound,
                text!(
                    "Não há trabalho {job_id} em {root}; `jobs` mostra os que há",
                    "There is no job {job_id} in {root}; `jobs` lists those there are"
                ),
            )
            .with("received", job_id)
            .stage("recovery"));
        }
        Ok(path)
    }

    /// Every job that left something, the oldest first; one that cannot be read keeps nobody from the others. Folders without a plan, whose process died while making them, go.
    pub fn list(&self) -> Result<Vec<Found>> {
        let failed = |error| Error::io(error, &self.root).stage("recovery");
        let entries = match std::fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let id = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name(&id).is_ok()
                && path.is_dir()
                && let Some(job) =
                    job_folder::look(&path, &id).unwrap_or_else(|error| Some(unreadable(&path, &id, error)))
            {
                found.push(job);
            }
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }
}

fn unreadable(path: &Path, id: &str, error: Error) -> Found {
    Found {
        id: id.to_owned(),
        standing: Standing::Unreadable,
        owner: None,
        plan: Value::Null,
        end: None,
        path: path.to_owned(),
        unreadable: Some(error),
    }
}

/// A job's id is a ULID, so that nobody leads out of the folder by it.
fn name(job_id: &str) -> Result<&str> {
    if job_id.parse::<ulid::Ulid>().is_ok() {
        return Ok(job_id);
    }
    let job_id = clip(job_id);
    Err(Error::new(
        Code::NotFound,
        text!(
            "\"{job_id}\" não é o id de um trabalho; `jobs` mostra os que há, como 01KAZ0Q9X8R4M2T6V7W1Y3Z5AB",
            "\"{job_id}\" is not the id of a job; `jobs` lists those there are, as 01KAZ0Q9X8R4M2T6V7W1Y3Z5AB"
        ),
    )
    .with("received", job_id)
    .stage("recovery"))
}

/// Locks and renames of network file systems do not keep their word.
fn refuse_network(folder: &Path, lies_on: FileSystem) -> Result<()> {
    let Some(kind) = lies_on.network() else { return Ok(()) };
    let shown = folder.display();
    Err(Error::new(
        Code::Forbidden,
        text!(
            "A pasta de estado {shown} está num sistema de arquivos de rede, cujas travas não são confiáveis; escolha uma pasta local em `state` ou DATASUS_STATE",
            "The state folder {shown} is on a network file system, whose locks cannot be trusted; choose a local folder by `state` or DATASUS_STATE"
        ),
    )
    .with("file_system", format!("{kind:#x}"))
    .file(shown.to_string())
    .stage("recovery"))
}

#[cfg(test)]
impl StateFolder {
    /// As if it lay on a file system that this machine may not have.
    pub fn on(self, lies_on: FileSystem) -> Self {
        StateFolder { lies_on: Some(lies_on), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_of_the_network_is_refused_before_a_job_is_made_there() {
        let root = tempfile::tempdir().unwrap();
        let of = |kind| StateFolder::at(root.path().to_owned()).on(FileSystem::of_kind(kind));
        let id = ulid::Ulid::new().to_string();
        // NFS, SMB, SMB2, CIFS, AFS, 9P, Ceph, FUSE.
        for kind in [0x6969, 0x517b, 0xfe53_4d42, 0xff53_4d42, 0x5346_414f, 0x0102_1997, 0x00c3_6400, 0x6573_5546] {
            let refused = of(kind).create(&id, &Value::Null).unwrap_err();
            assert_eq!(refused.code(), Code::Forbidden);
            assert_eq!(refused.diagnostic()["file_system"], format!("{kind:#x}"));
            assert!(!root.path().join(&id).exists(), "nothing is left of it");
        }
        // ext4, tmpfs, and one that is not known.
        for kind in [0xef53, 0x0102_1994, 0x1234_5678] {
            of(kind).create(&ulid::Ulid::new().to_string(), &Value::Null).unwrap();
        }
    }
}
