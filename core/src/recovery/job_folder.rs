//! The folder of one job.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::job_lock::{self, Lock, lock_soon, making, making_soon};
use super::{End, Found, Standing};
use crate::base::{Code, Error, Owner, Result, Trusted, WholeFile, is_sealed, sealed_json, text};

pub(super) const PLAN: &str = "plan.json";
const OWNER: &str = "owner.json";
const END: &str = "end.json";
/// Room for the end of a job whose disk is full.
const RESERVE: &str = "reserve";
const RESERVED: usize = 16 << 10;
/// Bytes of a file of these: a plan names the files that it reads, and holds its query.
const MOST: u64 = 64 << 20;

/// A job's folder, held by this process: the lock goes with it.
#[derive(Debug)]
pub struct JobFolder {
    path: PathBuf,
    id: String,
    /// One that cannot be read keeps nobody from giving the job up.
    plan: Result<Value>,
    end: Option<End>,
    foreign: bool,
    _lock: File,
}

impl JobFolder {
    pub(super) fn create(path: PathBuf, id: &str, plan: &Value) -> Result<Self> {
        let failed = |error| Error::io(error, &path).stage("recovery");
        // Nobody sees it without its lock: that would be one whose process died.
        let making = job_lock::making_in_time(&path)?;
        private_folder(&path).map_err(failed)?;
        let lock = job_lock::create(&path)?.ok_or_else(|| held(id))?;
        drop(making);
        write(&path.join(OWNER), &Owner::me())?;
        reserve(&path)?;
        write(&path.join(PLAN), plan)?;
        Ok(JobFolder { path, id: id.to_owned(), plan: Ok(plan.clone()), end: None, foreign: false, _lock: lock })
    }

    pub(super) fn take(path: PathBuf, id: &str) -> Result<Self> {
        let lock = match lock_soon(&path)? {
            None if job_lock::is_missing(&path) => without_lock(&path, id)?,
            lock => lock.ok_or_else(|| held(id))?,
        };
        let plan = read::<Value>(&path.join(PLAN));
        let end = path.join(END);
        let end = if end.exists() { Some(read::<End>(&end)?) } else { None };
        let foreign = read::<Owner>(&path.join(OWNER))?.is_foreign();
        Ok(JobFolder { path, id: id.to_owned(), plan, end, foreign, _lock: lock })
    }

    /// From now on the job is this process's.
    pub fn own(&self) -> Result<()> {
        write(&self.path.join(OWNER), &Owner::me())?;
        reserve(&self.path)?;
        remove(&self.path.join(END))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The job's.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the job is to do, as it was written down at its start.
    pub fn plan(&self) -> Result<&Value> {
        self.plan.as_ref().map_err(Clone::clone)
    }

    /// How the job ended, as far as it did.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// It began on another machine, or in another container, whose process may still be at work.
    pub fn was_foreign(&self) -> bool {
        self.foreign
    }

    /// Puts another plan in the place of the stored one, in one act.
    pub fn set_plan(&mut self, plan: &Value) -> Result<()> {
        write(&self.path.join(PLAN), plan)?;
        self.plan = Ok(plan.clone());
        Ok(())
    }

    /// Leaves the folder for a later process.
    pub fn leave(self, end: &End) -> Result<()> {
        remove(&self.path.join(RESERVE))?;
        write(&self.path.join(END), end)
    }

    /// The job has ended and left nothing.
    pub fn remove(self) -> Result<()> {
        // Without its plan it does not count, whatever happens to the rest: whoever lists the jobs next clears it away.
        remove(&self.path.join(PLAN))?;
        match making_soon(&self.path)? {
            Some(_making) => clear(&self.path),
            None => Ok(()),
        }
    }
}

/// A job whose lock was deleted: nobody can tell by it whether a process works at the job, but by its owner's record.
fn without_lock(path: &Path, id: &str) -> Result<File> {
    let _making = job_lock::making_in_time(path)?;
    let at_work = || Ok::<_, Error>(!path.join(END).exists() && read::<Owner>(&path.join(OWNER))?.lives());
    if !path.join(PLAN).exists() || at_work()? {
        return Err(held(id));
    }
    job_lock::create_again(path)?.ok_or_else(|| held(id))
}

/// What a job's folder says; none where it is gone, or being made. It goes where its process died before it had a plan.
pub(super) fn look(path: &Path, id: &str) -> Result<Option<Found>> {
    let lock = job_lock::lock_to_look(path)?;
    if !path.join(PLAN).exists() {
        drop(lock);
        // Now or never: it does not matter when.
        if let Lock::Ours(_making) = making(path)?
            && !path.join(PLAN).exists()
            && !matches!(job_lock::lock(path)?, Lock::Theirs)
        {
            clear(path)?;
        }
        return Ok(None);
    }
    // A job that ends meanwhile is no error of who looks.
    match read_found(path, id, &lock) {
        Err(_) if !path.join(PLAN).exists() => Ok(None),
        found => found.map(Some),
    }
}

fn read_found(path: &Path, id: &str, lock: &Lock) -> Result<Found> {
    let owner = read::<Owner>(&path.join(OWNER))?;
    let end = if path.join(END).exists() { Some(read::<End>(&path.join(END))?) } else { None };
    let standing = match (lock, &end) {
        (Lock::Theirs, _) => Standing::Running,
        (_, Some(end)) if end.resumable => Standing::Failed,
        (_, Some(_)) => Standing::Ended,
        (_, None) if owner.is_foreign() => Standing::Foreign,
        (_, None) => Standing::Crashed,
    };
    let plan = read(&path.join(PLAN))?;
    let owner = Some(owner);
    Ok(Found { id: id.to_owned(), standing, owner, plan, end, path: path.to_owned(), unreadable: None })
}

/// Removes a folder that does not count any more; whoever calls it holds what [`making`] gives.
fn clear(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(error, folder).stage("recovery")),
        _ => Ok(()),
    }
}

fn held(id: &str) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "Um processo trabalha no trabalho {id} agora; espere, ou cancele-o lá",
            "A process works at job {id} now; wait, or cancel it there"
        ),
    )
    .with("received", id)
    .stage("recovery")
}

fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = sealed_json(value)?;
    let mut file = WholeFile::create(path).map_err(|error| error.stage("recovery"))?;
    file.write_all(&text).map_err(|error| Error::io(error, path).stage("recovery"))?;
    file.publish().map_err(|error| error.stage("recovery"))
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = Trusted::Own.read_all(path, MOST).map_err(|error| Error::io(error, path).stage("recovery"))?;
    let whole = match is_sealed(&text) {
        Some(false) => Err("its CRC-32 does not match".to_owned()),
        _ => serde_json::from_slice(&text).map_err(|error| error.to_string()),
    };
    whole.map_err(|error| {
        let shown = path.display();
        Error::new(
            Code::Conflict,
            text!(
                "{shown} não é um estado que esta versão entende; use a versão que o fez, ou descarte o trabalho",
                "{shown} is not a state that this version understands ({error}); use the version that made it, or discard the job"
            ),
        )
        .file(shown.to_string())
        .stage("recovery")
    })
}

fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn reserve(folder: &Path) -> Result<()> {
    let path = folder.join(RESERVE);
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    let written = Trusted::Own.open(&mut options, &path).and_then(|mut file| file.write_all(&[1; RESERVED]));
    written.map_err(|error| Error::io(error, &path).stage("recovery"))
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(error, path).stage("recovery")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::job_lock::{A_MOMENT, lock};
    use super::*;

    #[test]
    fn a_lock_that_is_held_for_a_moment_is_waited_for_and_one_that_stays_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("job");
        drop(JobFolder::create(path.clone(), "job", &Value::Null).unwrap());
        let while_looked_at = || {
            let Lock::Ours(looker) = lock(&path).unwrap() else { panic!("nobody holds it") };
            let looks = std::thread::spawn(move || {
                std::thread::sleep(A_MOMENT / 4);
                drop(looker);
            });
            let taken = JobFolder::take(path.clone(), "job");
            looks.join().unwrap();
            taken.ok()
        };
        // On a busy machine a look may last for longer than it should.
        let taken = (0..5).find_map(|_| while_looked_at()).expect("it is not waited for");
        assert_eq!(JobFolder::take(path, "job").err().map(|error| error.code()), Some(Code::Conflict));
        drop(taken);
    }

    #[test]
    fn a_job_whose_lock_was_deleted_is_taken_unless_its_process_lives() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("job");
        let code = |taken: Result<JobFolder>| taken.map(drop).map_err(|error| error.code());
        drop(JobFolder::create(path.clone(), "job", &Value::Null).unwrap());
        std::fs::remove_file(path.join("lock")).unwrap();
        assert_eq!(code(JobFolder::take(path.clone(), "job")), Err(Code::Conflict), "we live, and it has not ended");
        write(&path.join(OWNER), &Owner::dead()).unwrap();
        let taken = JobFolder::take(path.clone(), "job").unwrap();
        assert_eq!(code(JobFolder::take(path.clone(), "job")), Err(Code::Conflict), "the lock is one again");
        taken.own().unwrap();
        taken.leave(&End { resumable: true, error: None, dead_letters: 0 }).unwrap();
        std::fs::remove_file(path.join("lock")).unwrap();
        assert_eq!(code(JobFolder::take(path, "job")), Ok(()), "it has ended, whoever lives");
    }

    #[test]
    fn who_lists_the_jobs_meets_others_that_begin_and_end_and_disturbs_none() {
        let place = tempfile::tempdir().unwrap();
        let state = super::super::StateFolder::at(place.path().to_owned());
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    while !done.load(std::sync::atomic::Ordering::Relaxed) {
                        state.list().unwrap();
                    }
                });
            }
            let workers = [(); 2].map(|()| {
                threads.spawn(|| {
                    for _ in 0..150 {
                        let job = state.create(&ulid::Ulid::new().to_string(), &Value::Null).unwrap();
                        job.remove().unwrap();
                    }
                })
            });
            let ended = workers.map(|worker| worker.join());
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            ended.into_iter().for_each(|worker| worker.unwrap());
        });
        // One whose process died before it had a plan goes.
        let half = place.path().join(ulid::Ulid::new().to_string());
        std::fs::create_dir(&half).unwrap();
        assert_eq!((state.list().unwrap().len(), half.exists()), (0, false));
    }
}
