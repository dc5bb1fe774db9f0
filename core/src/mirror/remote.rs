//! One source of the tree: how often it is tried, and when it is left alone.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::store_tree::StoreTree;
use crate::base::{Cancel, Cause, Code, Error, Result, text};
use crate::config::Config;
use crate::recovery::Retries;
use crate::store::{BUSY, FtpTree, HttpTree, Location, NO_DATA, Patience, Stores, Tree, TreeEntry};

/// How long a source that took no connection, or none for data, is not tried again.
const LEFT_ALONE: Duration = Duration::from_secs(600);
/// How often one that waits for another's end looks at its job.
const GLANCE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Remote {
    tree: Box<dyn Tree>,
    /// Short, for folders.
    key: String,
    contact: Mutex<Contact>,
    at_work: Mutex<AtWork>,
    fewer: Condvar,
}

/// Attempts that are under way, and those that were served and have ended: a server that takes no more clients is asked again when one of ours has gone.
#[derive(Debug, Default)]
struct AtWork {
    now: usize,
    ended: u64,
}

#[derive(Debug, Default)]
struct Contact {
    served: Option<Instant>,
    away: Option<(Instant, Error)>,
}

impl Remote {
    pub fn open(given: &str, config: &Config, stores: &Stores, patience: Patience) -> Result<Self> {
        let tree: Box<dyn Tree> = match given.split_once("://").map(|(scheme, _)| scheme) {
            Some("http" | "https") => Box::new(HttpTree::open(given, config.ca.as_deref(), patience)?),
            Some("ftp") => Box::new(FtpTree::open(given, patience)?),
            _ => {
                let at = Location::parse(given.as_ref());
                if !stores.knows(&at) {
                    return Err(unknown(given));
                }
                Box::new(StoreTree::over(stores.clone(), at))
            }
        };
        let key = hex::encode(&Sha256::digest(tree.address().as_bytes())[..8]);
        Ok(Remote { tree, key, contact: Mutex::default(), at_work: Mutex::default(), fewer: Condvar::new() })
    }

    pub fn address(&self) -> &str {
        self.tree.address()
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// What stands for a version of this source's: another number is another source, or another tag.
    pub fn number(&self, path: &str, entry: &TreeEntry) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.key.as_bytes());
        // Two files of one name, size and minute in two folders may differ.
        hash.update(path.as_bytes());
        hash.update(entry.tag.as_deref().unwrap_or_default().as_bytes());
        hash.finalize()[..8].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// Does `work`, once more where what failed may do so and nobody has done so by now; a source that took no connection is not tried
    /// again for a while.
    pub fn attempts<T>(&self, cancel: &Cancel, mut work: impl FnMut(&dyn Tree) -> Result<T>) -> Result<T> {
        if let Some((since, error)) = &self.contact().away
            && since.elapsed() < LEFT_ALONE
        {
            return Err(error.clone());
        }
        let mut retries = Retries::default();
        loop {
            let attempt = Attempt::begin(self);
            let error = match work(&*self.tree) {
                Ok(done) => {
                    *self.contact() = Contact { served: Some(Instant::now()), away: None };
                    return Ok(done);
                }
                Err(error) => error,
            };
            cancel.check()?;
            if error.diagnostic().get("cause").is_some_and(|cause| cause == BUSY) {
                if attempt.waits_for_others(cancel)? {
                    continue;
                }
            } else {
                drop(attempt);
            }
            // A store has made its own attempts, and says how many.
            let tried = error.diagnostic().contains_key("attempts");
            let served_lately = self.contact().served.is_some_and(|at| at.elapsed() < LEFT_ALONE);
            let again = match error.cause() {
                _ if tried => false,
                Some(Cause::SourceLost) => true,
                Some(Cause::SourceAway) => served_lately,
                _ => false,
            };
            if !again || !retries.wait(cancel)? {
                // Without its data ports it gives no file, as one that takes no connection.
                let no_data = error.diagnostic().get("cause").is_some_and(|cause| cause == NO_DATA);
                if error.cause() == Some(Cause::SourceAway) || no_data {
                    self.contact().away = Some((Instant::now(), error.clone()));
                }
                return Err(if tried { error } else { error.with("attempts", retries.attempts()) });
            }
            tracing::warn!(source = self.address(), attempt = retries.attempts(), code = %error.code(), detail = error.detail(), "tried once more");
        }
    }

    fn at_work(&self) -> std::sync::MutexGuard<'_, AtWork> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn contact(&self) -> std::sync::MutexGuard<'_, Contact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One attempt, while it is under way.
struct Attempt<'r>(&'r Remote);

impl<'r> Attempt<'r> {
    fn begin(remote: &'r Remote) -> Self {
        remote.at_work().now += 1;
        Attempt(remote)
    }

    /// It was refused because the server has too many clients: waits until an attempt that was served has ended. False where none of
    /// ours is under way, and the server is full of others.
    fn waits_for_others(self, cancel: &Cancel) -> Result<bool> {
        let remote = self.0;
        std::mem::forget(self);
        let mut at_work = remote.at_work();
        at_work.now -= 1;
        let before = at_work.ended;
        while at_work.ended == before {
            if at_work.now == 0 {
                return Ok(false);
            }
            at_work = remote.fewer.wait_timeout(at_work, GLANCE).unwrap_or_else(PoisonError::into_inner).0;
            cancel.check()?;
        }
        drop(at_work);
        // The server has to see that it has gone.
        let _ = cancel.signal().recv_timeout(GLANCE);
        cancel.check().map(|()| true)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut at_work = self.0.at_work();
        at_work.now -= 1;
        at_work.ended += 1;
        self.0.fewer.notify_all();
    }
}

fn unknown(given: &str) -> Error {
    let example = "https://espelho.exemplo/dissemin/publicos/";
    Error::new(
        Code::InvalidParams,
        text!(
            "{given} não é uma fonte que se conheça; esperado datasus://, ftp://..., https://..., s3://... ou uma pasta, por exemplo {example}",
            "{given} is no source that is known; expected datasus://, ftp://..., https://..., s3://... or a folder, for example {example}"
        ),
    )
    .with("received", given)
    .with("valid_examples", vec![example])
    .stage("source")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Taker;

    #[derive(Debug)]
    struct Fails(Error);

    impl Tree for Fails {
        fn address(&self) -> &str {
            "s3://x"
        }

        fn list(&self, _: &str, _: &Cancel) -> Result<Vec<TreeEntry>> {
            Err(self.0.clone())
        }

        fn stat(&self, _: &str, _: &Cancel) -> Result<TreeEntry> {
            Err(self.0.clone())
        }

        fn fetch(&self, _: &str, _: &TreeEntry, _: u64, _: &mut dyn Taker, _: &Cancel) -> Result<()> {
            Err(self.0.clone())
        }
    }

    /// How often a source that fails so is asked by two who come one after the other.
    fn asked(error: Error) -> u32 {
        let remote = Remote {
            tree: Box::new(Fails(error)),
            key: String::new(),
            contact: Mutex::default(),
            at_work: Mutex::default(),
            fewer: Condvar::new(),
        };
        let cancel = Cancel::default();
        let mut count = 0;
        for _ in 0..2 {
            let failed = remote.attempts(&cancel, |tree| {
                count += 1;
                tree.list("SIM", &cancel)
            });
            assert_eq!(failed.unwrap_err().code(), Code::Unreachable);
        }
        count
    }

    #[test]
    fn who_has_tried_is_not_tried_again_and_only_who_takes_no_connection_is_left_alone() {
        let failed = |cause| Error::new(Code::Unreachable, text!("x", "x")).caused_by(cause);
        assert_eq!(asked(failed(Cause::SourceLost).with("attempts", 3)), 2, "one for each, the store had its own");
        assert_eq!(asked(failed(Cause::SourceAway).with("attempts", 3)), 1);
        assert_eq!(asked(failed(Cause::SourceLost).with("cause", NO_DATA)), 3, "and then not at all");
    }
}
