//! One file, from the first source that gives it: whole, of the size that was listed, under its name in one act.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use super::held::{Held, Version, beside};
use super::part::Part;
use super::remote::Remote;
use super::{Current, Mirror, SCHEME, path_of};
use crate::base::{Cause, Code, Ctx, Error, Result, Trusted, create_folders, file_sha256, lock_file, text};
use crate::catalog::Dataset;
use crate::store::{Location, Object, TreeEntry, folder_and_name};

/// A file that is here now.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// The version that it is: what it was listed as may have changed meanwhile.
    pub object: Object,
    /// Of its bytes, in hexadecimal digits.
    pub sha256: String,
}

impl Mirror {
    /// Brings the file, unless it is here. One process at a time brings a file; the others wait for it.
    pub fn fetch(&self, location: &Location, ctx: &Ctx) -> Result<Fetched> {
        let path = path_of(location);
        let files = self.files();
        let lock = beside(&files, path, "lock");
        if let Some(folder) = lock.parent() {
            create_folders(folder).map_err(|error| Error::io(error, folder).stage("download"))?;
        }
        let _lock = lock_file(&lock, Trusted::of_folder(&files), &ctx.cancel)?;
        let mut failures = Vec::new();
        let (folder, name) = folder_and_name(path);
        let first = match self.current(folder) {
            Some(current) => current,
            None => self.ensure_folder(folder, false, ctx)?,
        };
        match self.version(path, &ctx.cancel) {
            Ok(object) => {
                if self.is_here(&object)
                    && let Some(version) = Held::of(&files, path).last(path, &object, &self.remotes)
                {
                    return Ok(Fetched { object, sha256: version.sha256.clone() });
                }
            }
            // Where a listing does not say its size the source is asked, and may not answer: others are tried below.
            Err(error) if matches!(error.cause(), Some(Cause::SourceAway | Cause::SourceLost | Cause::SourceGone)) => {}
            Err(error) => return Err(error),
        }
        let others = (0..self.remotes.len()).filter(|index| *index != first.remote);
        for index in std::iter::once(first.remote).chain(others) {
            let remote = &self.remotes[index];
            match self.fetch_from(index, &first, path, ctx) {
                Ok(fetched) => {
                    if index != first.remote {
                        let (address, place) = (self.remotes[first.remote].address(), remote.address());
                        self.instead.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), index);
                        ctx.note(text!(
                            "{address} não deu {name}, que veio de {place}",
                            "{address} did not give {name}, which came from {place}"
                        ));
                    }
                    return Ok(fetched);
                }
                Err(error) => {
                    ctx.check()?;
                    let elsewhere = matches!(error.cause(), Some(Cause::SourceAway | Cause::SourceLost));
                    // What one source does not allow another may; what this machine does not, no other can help.
                    let of_source = index != first.remote || error.cause() == Some(Cause::SourceGone);
                    let denied = error.code() == Code::Forbidden && of_source;
                    // That the second source does not have it says nothing more than that the first did not give it.
                    let of_other = index != first.remote && error.cause() == Some(Cause::SourceGone);
                    if !elsewhere && !denied && !of_other && error.code() != Code::Unreachable {
                        return Err(error);
                    }
                    failures.push(error);
                }
            }
        }
        Err(self.unreachable(&location.to_string(), failures))
    }

    fn fetch_from(&self, index: usize, first: &Current, path: &str, ctx: &Ctx) -> Result<Fetched> {
        let (folder, name) = folder_and_name(path);
        let remote = self.remotes[index].clone();
        let mut entry = match index == first.remote {
            true => first.entry(name).cloned(),
            false => None,
        };
        // The listing is read once more where the source says that it does not hold.
        for again in [false, true] {
            let listed = match entry.take() {
                Some(entry) => entry,
                None => self.entry_of(index, folder, name, again, ctx)?,
            };
            let brought = match listed.size {
                Some(_) => self.bring(&remote, path, &listed, ctx),
                None => self.ask(index, path, &ctx.cancel).and_then(|asked| self.bring(&remote, path, &asked, ctx)),
            };
            let counter = if brought.is_ok() { &self.downloads.files } else { &self.downloads.failed };
            counter.fetch_add(1, Relaxed);
            match brought {
                Ok(fetched) => return Ok(fetched),
                Err(error) if error.cause() == Some(Cause::SourceChanged) && !again => {}
                // What is denied may be there all the same.
                Err(error) if error.cause() == Some(Cause::SourceGone) && error.code() != Code::Forbidden => {
                    let since = first.kept.time();
                    // What follows reads where it has gone.
                    if index == first.remote {
                        self.ensure_folder(folder, true, ctx)?;
                        self.list_beside(folder, ctx)?;
                    }
                    let address = remote.address();
                    return Err(Error::new(
                        Code::NotFound,
                        text!(
                            "{name} estava na lista de {since} de {address}, e não está mais lá: foi retirado, ou mudou de pasta. A lista foi lida de novo; repita a consulta",
                            "{name} stood in the listing of {since} of {address}, and is not there any more: it was removed, or moved. The listing was read again; run the query again"
                        ),
                    )
                    .with("listed_at", since)
                    .file(format!("{SCHEME}://{path}"))
                    .caused_by(Cause::SourceGone)
                    .stage("download"));
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::internal("a file was neither brought nor refused"))
    }

    /// Reads the other folders of the datasets that are published in `folder` anew: what has gone from it is in one of them, as a year
    /// that was closed is. Where one cannot be read its older listing counts.
    fn list_beside(&self, folder: &str, ctx: &Ctx) -> Result<()> {
        let of = self.catalog.datasets().filter(|grupo| grupo.is_published_in(folder));
        let of: BTreeSet<Dataset> = of.map(|grupo| grupo.dataset.clone()).collect();
        for beside in self.folders(Some(&of)).iter().filter(|beside| *beside != folder) {
            if let Err(error) = self.ensure_folder(beside, true, ctx) {
                ctx.check()?;
                tracing::warn!(folder = %beside, %error, "a folder in which a file may be now could not be listed");
            }
        }
        Ok(())
    }

    /// What a source lists of one name; of a second source the listing is read here alone.
    fn entry_of(&self, index: usize, folder: &str, name: &str, again: bool, ctx: &Ctx) -> Result<TreeEntry> {
        let remote = &self.remotes[index];
        let kept = self.listings.kept(remote, folder).filter(|kept| !again && self.listings.is_fresh(kept));
        let kept = match kept {
            Some(kept) => kept,
            None => {
                let entries = remote.attempts(&ctx.cancel, |tree| tree.list(folder, &ctx.cancel))?;
                let kept = self.listings.keep(remote, folder, Some(entries));
                if self.current(folder).is_some_and(|current| current.remote == index) {
                    self.counts(folder, index, kept.clone());
                }
                kept
            }
        };
        kept.file(name).cloned().ok_or_else(|| super::not_listed(&format!("{folder}/{name}")))
    }

    fn bring(&self, remote: &Remote, path: &str, entry: &TreeEntry, ctx: &Ctx) -> Result<Fetched> {
        let files = self.files();
        let name = folder_and_name(path).1;
        let part = std::cell::RefCell::new(Part::open(&files, path, remote.address(), entry, ctx)?);
        let mut again = false;
        let came = remote.attempts(&ctx.cancel, |tree| {
            if std::mem::replace(&mut again, true) {
                self.downloads.retries.fetch_add(1, Relaxed);
            }
            let mut part = part.borrow_mut();
            // More than the whole is of something else.
            let have = if entry.size.is_some_and(|size| part.len() > size) { 0 } else { part.len() };
            if entry.size == Some(have) && have > 0 {
                return Ok(());
            }
            let before = part.came();
            let fetched = tree.fetch(path, entry, have, &mut *part, &ctx.cancel);
            self.downloads.bytes.fetch_add(part.came() - before, Relaxed);
            fetched?;
            match entry.size {
                Some(size) if size != part.len() => Err(short(name, part.len(), size)),
                _ => Ok(()),
            }
        });
        let mut part = part.into_inner();
        let sha256 = match came.and_then(|()| part.checked(name)) {
            Ok(sha256) => sha256,
            Err(error) => {
                // What came stays for the next attempt, unless it is of something else or the disk needs its room.
                let goes_on =
                    matches!(error.cause(), Some(Cause::SourceLost | Cause::SourceAway)) || ctx.cancel.is_set();
                if !goes_on {
                    part.discard();
                }
                return Err(error);
            }
        };
        let size = part.len();
        part.publish(&files.join(path))?;
        let held = Held::of(&files, path);
        if let Some(before) = held.version(remote).filter(|before| before.sha256 != sha256) {
            let old = &before.sha256;
            ctx.note(text!(
                "{name} foi republicado: o de agora tem SHA-256 {sha256}, e o que havia aqui tinha {old}",
                "{name} was republished: it now has the SHA-256 {sha256}, and what was here had {old}"
            ));
        }
        let entry = TreeEntry { size: Some(size), ..entry.clone() };
        let object = self.object(path, remote, &entry);
        let (source, fetched_at) = (remote.address().to_owned(), chrono::Utc::now().timestamp_millis());
        held.note(&files, path, Version { source, entry, sha256: sha256.clone(), fetched_at })?;
        Ok(Fetched { object, sha256 })
    }

    /// Whether what lies here of a version is not what came.
    pub fn is_spoilt_here(&self, object: &Object) -> bool {
        let path = path_of(&object.location);
        let held = Held::of(&self.files(), path);
        let came = held.last(path, object, &self.remotes);
        came.is_some_and(|came| file_sha256(&self.files().join(path)).is_ok_and(|found| found != came.sha256))
    }

    /// Forgets a file that came and is damaged, so that it is brought once more.
    pub fn distrust(&self, location: &Location) {
        self.remove(location);
    }
}

fn short(name: &str, came: u64, size: u64) -> Error {
    Error::new(
        Code::Unreachable,
        text!(
            "{name}: de {size} bytes vieram {came}; tente de novo mais tarde",
            "{name}: of {size} bytes {came} came; try again later"
        ),
    )
    .with("cause", "short")
    .caused_by(Cause::SourceLost)
    .stage("download")
}
