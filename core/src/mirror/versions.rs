//! Which version of a file counts: the one that is here, or what the listing of its source says of another.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::held::Held;
use super::remote::Remote;
use super::{Mirror, SCHEME, not_listed, path_of};
use crate::base::{Cancel, Cause, Error, Result};
use crate::config::Refresh;
use crate::store::{Location, Object, State, TreeEntry, folder_and_name};

/// How long a source that did not answer for one file is not asked for others as a query is planned.
const LATELY: Duration = Duration::from_secs(60);

impl Mirror {
    /// The version of a file that counts: the one that is here, unless its own source says by its listing that it is another.
    pub(super) fn version(&self, path: &str, cancel: &Cancel) -> Result<Object> {
        self.version_by(path, |remote| match (self.asked_before(remote, path), self.unanswered_lately(remote)) {
            (Some(asked), _) => Ok(asked),
            // Not three questions for each of a thousand files: whoever fetches one asks.
            (None, Some(error)) => Err(error),
            (None, None) => self.ask(remote, path, cancel),
        })
    }

    /// The same as far as listings say; where they do not say a file's size it is 0.
    pub fn foretold(&self, location: &Location) -> Result<Object> {
        let path = path_of(location);
        let of_listing = |_| {
            let (folder, name) = folder_and_name(path);
            let entry = self.current(folder).and_then(|current| current.entry(name).cloned());
            entry.ok_or_else(|| not_listed(path))
        };
        self.version_by(path, of_listing)
    }

    /// `ask`: for what a listing does not say.
    fn version_by(&self, path: &str, ask: impl Fn(usize) -> Result<TreeEntry>) -> Result<Object> {
        let (folder, name) = folder_and_name(path);
        let held = Held::of(&self.files(), path);
        let current = self.current(folder);
        let listed = current.as_ref().and_then(|current| Some((current, current.entry(name)?)));
        let Some((current, entry)) = listed else {
            // Not listed (any more): what is here is what was asked for by name.
            let known = held.newest(&self.remotes).ok_or_else(|| not_listed(path));
            return known.map(|(remote, entry)| self.object(path, &self.remotes[remote], entry));
        };
        let remote = &self.remotes[current.remote];
        let of_remote = held.of_remote(remote);
        // Sizes and times of two sources say nothing of each other. What came from one that stands before this one in the order stays;
        // of one that stands behind it, which did while this one did not serve, this one's is fetched; unless this one lists it, and was
        // asked in vain.
        let instead = self.instead.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        let stays = |other: usize| other < current.remote || instead == Some(other);
        let of_other = held
            .newest(&self.remotes)
            .filter(|(other, _)| self.refresh == Refresh::Never || (of_remote.is_none() && stays(*other)));
        if let Some((other, here)) = of_other {
            return Ok(self.object(path, &self.remotes[other], here));
        }
        if entry.size.is_some() {
            let here = of_remote.filter(|here| here.is_same(entry));
            return Ok(self.object(path, remote, here.unwrap_or(entry)));
        }
        match ask(current.remote) {
            Ok(asked) => {
                let here = of_remote.filter(|here| here.is_same(&asked));
                Ok(self.object(path, remote, here.unwrap_or(&asked)))
            }
            Err(error) => {
                let of_this = of_remote.map(|here| (current.remote, here));
                match of_this.or_else(|| held.newest(&self.remotes)) {
                    Some((from, here)) => Ok(self.object(path, &self.remotes[from], here)),
                    // Whoever fetches it asks again, and then other sources.
                    None if is_of_source(error.cause()) => Ok(self.object(path, remote, entry)),
                    None => Err(error),
                }
            }
        }
    }

    /// What the source says of one file; once, for as long as its listing counts.
    pub(super) fn ask(&self, remote: usize, path: &str, cancel: &Cancel) -> Result<TreeEntry> {
        if let Some(asked) = self.asked_before(remote, path) {
            return Ok(asked);
        }
        let answer = self.remotes[remote].attempts(cancel, |tree| tree.stat(path, cancel));
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        match &answer {
            Err(error) if matches!(error.cause(), Some(Cause::SourceAway | Cause::SourceLost)) => {
                _ = unanswered.insert(remote, (Instant::now(), error.clone()));
            }
            _ => _ = unanswered.remove(&remote),
        }
        drop(unanswered);
        let asked = answer?;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert((remote, path.to_owned()), asked.clone());
        Ok(asked)
    }

    fn asked_before(&self, remote: usize, path: &str) -> Option<TreeEntry> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(&(remote, path.to_owned())).cloned()
    }

    fn unanswered_lately(&self, remote: usize) -> Option<Error> {
        let unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        unanswered.get(&remote).filter(|(at, _)| at.elapsed() < LATELY).map(|(_, error)| error.clone())
    }

    pub(super) fn object(&self, path: &str, remote: &Remote, entry: &TreeEntry) -> Object {
        let mtime_ns = entry.modified.map_or(0, |modified| modified.ns);
        Object {
            location: Location::of(SCHEME, path),
            size: entry.size.unwrap_or(0),
            mtime_ns,
            // Size and time say something within one source only.
            state: Some(State { inode: remote.number(path, entry), ctime_ns: mtime_ns }),
            identity: None,
        }
    }
}

/// Whether a source does not serve, or does not have what was asked for: another may.
fn is_of_source(cause: Option<Cause>) -> bool {
    matches!(cause, Some(Cause::SourceAway | Cause::SourceLost | Cause::SourceGone))
}
