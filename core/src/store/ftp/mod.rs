//! FTP, as the ministry's server speaks it (Microsoft's, with listings in the form of MS-DOS and names in Latin-1), and others.
//!
//! The control channel is our own: names that are not UTF-8, sockets that are given up when silent or when their job ends, and errors
//! that say which of the two connections failed. Only what such servers know is used: no MLSD, no OPTS UTF8, no NLST. Each call is
//! one connection: after a failure the control channel does not survive.

mod connection;
mod listing;
mod place;
mod session;

use crate::base::{Cancel, Result, text};
use crate::store::tree::{changed, folder_and_name, gone, lost};
use crate::store::{Patience, Taker, Tree, TreeEntry};

use place::Place;
use session::Session;

/// Bytes that are read at once.
const READ: usize = 64 << 10;
/// Bytes of a listing: the largest known has 54,199 names, 4 MB.
const LONGEST_LISTING: usize = 256 << 20;

/// The tree of an FTP server.
#[derive(Debug)]
pub struct FtpTree {
    place: Place,
    patience: Patience,
}

impl FtpTree {
    /// `ftp://host/path`; the path is the tree's root.
    pub fn open(address: &str, patience: Patience) -> Result<Self> {
        Ok(FtpTree { place: Place::of(address)?, patience })
    }

    fn entries(&self, folder: &str, cancel: &Cancel) -> Result<Vec<TreeEntry>> {
        self.entries_by(&mut Session::open(&self.place, self.patience, cancel)?, folder, None)
    }

    /// `only`: one name alone is asked for; a server may know that or not.
    fn entries_by(&self, session: &mut Session<'_>, folder: &str, only: Option<&str>) -> Result<Vec<TreeEntry>> {
        // An empty listing may be of an empty folder or of one that is denied: this tells them apart.
        let whole = self.place.whole(folder);
        let reply = session.ask(&format!("CWD {whole}"))?;
        session.check_reply(&reply, 2, &whole)?;
        let mut data = session.passive()?;
        let reply = session.ask(&only.map_or("LIST".to_owned(), |name| format!("LIST {name}")))?;
        session.check_reply(&reply, 1, &whole)?;
        let mut listing = Vec::new();
        let mut read = vec![0; READ];
        loop {
            let count = session.read_data(&mut data, &mut read)?;
            if count == 0 {
                break;
            }
            listing.extend(&read[..count]);
            if listing.len() > LONGEST_LISTING {
                return Err(self.unreadable(folder, "…"));
            }
        }
        drop(data);
        // A listing that was cut looks whole: only the server's word says that it is.
        let reply = session.reply()?;
        session.check_reply(&reply, 2, &whole)?;
        let today = chrono::Utc::now().date_naive();
        listing::entries(&listing, today).map_err(|line| self.unreadable(folder, &line))
    }

    fn unreadable(&self, folder: &str, line: &str) -> crate::base::Error {
        let address = &self.place.address;
        lost(text!(
            "A lista da pasta {folder} de {address} tem uma linha que não se lê: \"{line}\"",
            "The listing of folder {folder} of {address} has a line that cannot be read: \"{line}\""
        ))
        .with("cause", "listing")
        .with("received", line)
    }
}

impl Tree for FtpTree {
    fn address(&self) -> &str {
        &self.place.address
    }

    fn list(&self, folder: &str, cancel: &Cancel) -> Result<Vec<TreeEntry>> {
        self.entries(folder, cancel)
    }

    /// A listing says it all; a request per file would only cost the server.
    fn stat(&self, path: &str, cancel: &Cancel) -> Result<TreeEntry> {
        let (folder, name) = folder_and_name(path);
        let mut entries = self.entries(folder, cancel)?.into_iter();
        entries.find(|entry| entry.name == name).ok_or_else(|| gone(&self.place.address, path, "LIST"))
    }

    fn fetch(&self, path: &str, listed: &TreeEntry, have: u64, to: &mut dyn Taker, cancel: &Cancel) -> Result<()> {
        let mut session = Session::open(&self.place, self.patience, cancel)?;
        let whole = self.place.whole(path);
        // Not every server knows SIZE; one that does says whether the listing still holds.
        let reply = session.ask(&format!("SIZE {whole}"))?;
        let size = match reply.kind() {
            2 => reply.text.trim().parse::<u64>().ok(),
            _ if reply.code == 550 => return Err(session.refused(&reply, path)),
            5 => None,
            _ => return Err(session.refused(&reply, path)),
        };
        if let (Some(listed), Some(found)) = (listed.size, size)
            && listed != found
        {
            return Err(changed(&self.place.address, path, Some((listed, found))));
        }
        let mut from = have;
        // A month that was published anew may have the size that it had.
        if from > 0 {
            let (folder, name) = folder_and_name(path);
            let now = self.entries_by(&mut session, folder, Some(name));
            let now = now.ok().and_then(|all| all.into_iter().find(|entry| entry.name == name));
            match now {
                Some(now) if now.is_same(listed) => {}
                Some(_) => return Err(changed(&self.place.address, path, None)),
                // It does not list single files: the whole begins again rather than a long listing.
                None => {
                    // Some servers let a client have one connection.
                    drop(session);
                    session = Session::open(&self.place, self.patience, cancel)?;
                    from = 0;
                }
            }
        }
        let mut data = session.passive()?;
        if from > 0 {
            // 350: it will begin there.
            let reply = session.ask(&format!("REST {from}"))?;
            if reply.kind() != 3 {
                from = 0;
            }
        }
        let reply = session.ask(&format!("RETR {whole}"))?;
        session.check_reply(&reply, 1, path)?;
        to.begin(from)?;
        let mut read = vec![0; READ];
        let mut at = from;
        loop {
            let count = session.read_data(&mut data, &mut read)?;
            if count == 0 {
                break;
            }
            to.take(&read[..count])?;
            at += count as u64;
        }
        drop(data);
        // With all of its bytes there the file is judged by them. A server that says "complete" after fewer is known as well.
        match size.or(listed.size) {
            Some(size) if at == size => Ok(()),
            Some(size) => Err(short(&self.place.address, path, at, size)),
            None => {
                let reply = session.reply()?;
                session.check_reply(&reply, 2, path)
            }
        }
    }
}

/// Fewer bytes than the file has, or more.
fn short(address: &str, path: &str, came: u64, size: u64) -> crate::base::Error {
    lost(text!(
        "{path}: de {size} bytes vieram {came} de {address}, e o servidor encerrou a transferência; tente de novo mais tarde",
        "{path}: of {size} bytes {came} came from {address}, and the server ended the transfer; try again later"
    ))
    .with("cause", "short")
    .with("bytes_expected", size)
    .with("bytes_received", came)
}
