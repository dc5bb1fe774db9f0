//! An FTP server on loopback that misbehaves where it is told to: as Microsoft's does by default, with listings in the form of MS-DOS.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What happens to the next transfer of a file; each once, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Both connections end after so many bytes.
    Cut(usize),
    /// "226 complete" after so many bytes.
    Short(usize),
    /// Not a byte more after so many, on connections that stay open.
    Stall(usize),
    /// All bytes, and the control connection ends without 226.
    NoFinal,
    /// 550, though it is listed.
    Gone,
    /// Another reply, instead of 150.
    Reply(&'static str),
    /// One byte of it is another.
    Flipped(usize),
}

#[derive(Debug, Clone)]
pub struct File {
    pub bytes: Vec<u8>,
    /// As LIST shows it: `05-29-24  04:10PM`, or `May 29 2024`.
    pub time: &'static str,
    /// What LIST and SIZE say, where that is not the truth.
    pub size: Option<u64>,
}

/// How it behaves; may be changed while it runs.
#[derive(Debug, Default)]
pub struct Manners {
    pub files: BTreeMap<String, File>,
    /// Folders that are there though they hold nothing.
    pub folders: BTreeSet<String>,
    /// LIST in the form of Unix.
    pub unix: bool,
    pub no_epsv: bool,
    pub no_size: bool,
    pub no_rest: bool,
    /// The ports that EPSV and PASV name take no connection.
    pub no_data: bool,
    /// Folders that CWD denies.
    pub denied: BTreeSet<String>,
    /// Lines that LIST adds in a folder.
    pub odd_lines: HashMap<String, Vec<String>>,
    /// So many logins are answered by 530 and its words for too many clients.
    pub busy: u32,
    /// So many commands are answered by 421 and the end.
    pub closing: u32,
    /// Listings that are cut in the middle, without 226.
    pub cut_listings: u32,
    pub faults: HashMap<String, VecDeque<Fault>>,
    /// Bytes of a file that are sent between two pauses.
    pub slowly: Option<(usize, Duration)>,
    /// No file comes before there were so many transfers at once.
    pub together: usize,
    /// New connections end at once.
    pub down: bool,
}

pub struct FtpServer {
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    manners: Mutex<Manners>,
    commands: Mutex<Vec<String>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
    transfers: AtomicUsize,
    most_transfers: AtomicUsize,
    sent: AtomicU64,
}

impl FtpServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        std::thread::spawn(move || {
            for control in listener.incoming().flatten() {
                let shared = serving.clone();
                std::thread::spawn(move || {
                    if !shared.manners.lock().unwrap().down {
                        let open = shared.open.fetch_add(1, SeqCst) + 1;
                        shared.most_open.fetch_max(open, SeqCst);
                        let _ = Connection {
                            shared: &shared,
                            control: &control,
                            passive: None,
                            from: 0,
                            folder: "/".into(),
                        }
                        .serve();
                        shared.open.fetch_sub(1, SeqCst);
                    }
                    let _ = control.shutdown(Shutdown::Both);
                });
            }
        });
        FtpServer { port, shared }
    }

    pub fn address(&self, path: &str) -> String {
        format!("ftp://127.0.0.1:{}{path}", self.port)
    }

    pub fn manners(&self) -> MutexGuard<'_, Manners> {
        self.shared.manners.lock().unwrap()
    }

    /// Puts a file there, changed at a time of 2024.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.put_at(path, bytes, "05-29-24  04:10PM");
    }

    pub fn put_at(&self, path: &str, bytes: &[u8], time: &'static str) {
        self.manners().files.insert(path.to_owned(), File { bytes: bytes.to_vec(), time, size: None });
    }

    pub fn fault(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        self.manners().faults.entry(path.to_owned()).or_default().extend(faults);
    }

    /// What was asked so far, in order, passwords included.
    pub fn commands(&self) -> Vec<String> {
        self.shared.commands.lock().unwrap().clone()
    }

    pub fn forget_commands(&self) {
        self.shared.commands.lock().unwrap().clear();
    }

    /// How often it was asked for something.
    pub fn asked(&self, command: &str) -> usize {
        self.commands().iter().filter(|one| one.starts_with(command)).count()
    }

    /// Bytes of files that were sent.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(SeqCst)
    }

    /// Transfers of files that are under way.
    pub fn transferring(&self) -> usize {
        self.shared.transfers.load(SeqCst)
    }

    /// The most transfers of files at once.
    pub fn most_transfers(&self) -> usize {
        self.shared.most_transfers.load(SeqCst)
    }
}

struct Connection<'c> {
    shared: &'c Shared,
    control: &'c TcpStream,
    passive: Option<TcpListener>,
    from: usize,
    folder: String,
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn bytes_of(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

impl Connection<'_> {
    fn manners(&self) -> MutexGuard<'_, Manners> {
        self.shared.manners.lock().unwrap()
    }

    fn say(&self, reply: &str) -> std::io::Result<()> {
        (&mut &*self.control).write_all(&bytes_of(&format!("{reply}\r\n")))
    }

    fn whole(&self, path: &str) -> String {
        match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("{}/{path}", self.folder.trim_end_matches('/')),
        }
    }

    fn is_folder(&self, folder: &str) -> bool {
        let manners = self.manners();
        let below = format!("{}/", folder.trim_end_matches('/'));
        manners.folders.contains(folder) || manners.files.keys().any(|path| path.starts_with(&below))
    }

    fn serve(&mut self) -> std::io::Result<()> {
        self.say("220-Microsoft FTP Service\r\n    Bem-vindo \u{e0} DATASUS\r\n220 MS")?;
        let mut reader = BufReader::new(self.control.try_clone()?);
        loop {
            let mut line = Vec::new();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let line = latin1(&line).trim_end_matches(['\r', '\n']).to_owned();
            self.shared.commands.lock().unwrap().push(line.clone());
            let closing = {
                let mut manners = self.manners();
                let now = manners.closing > 0;
                manners.closing = manners.closing.saturating_sub(1);
                now
            };
            if closing {
                self.say("421 Service not available, closing control connection.")?;
                return Ok(());
            }
            let (command, given) = line.split_once(' ').unwrap_or((&line, ""));
            match command {
                "USER" => {
                    let busy = {
                        let mut manners = self.manners();
                        let now = manners.busy > 0;
                        manners.busy = manners.busy.saturating_sub(1);
                        now
                    };
                    if busy {
                        self.say("530 User cannot log in: the maximum number of allowed clients is connected.")?;
                        return Ok(());
                    }
                    self.say("331 Anonymous access allowed, send identity (e-mail name) as password.")?;
                }
                "PASS" if given == "wrong" => self.say("530 User cannot log in.")?,
                "PASS" => self.say("230 User logged in.")?,
                "TYPE" => self.say("200 Type set.")?,
                "CWD" => {
                    let whole = self.whole(given);
                    if self.manners().denied.contains(&whole) || !self.is_folder(&whole) {
                        self.say("550 The system cannot find the file specified.")?;
                    } else {
                        self.folder = whole;
                        self.say("250 CWD command successful.")?;
                    }
                }
                "SIZE" => {
                    let whole = self.whole(given);
                    let known = self.manners().files.get(&whole).map(|f| f.size.unwrap_or(f.bytes.len() as u64));
                    let gone = self.manners().faults.get(&whole).is_some_and(|f| f.front() == Some(&Fault::Gone));
                    match known {
                        _ if self.manners().no_size => self.say("500 Command not understood.")?,
                        Some(size) if !gone => self.say(&format!("213 {size}"))?,
                        _ => self.say("550 The system cannot find the file specified.")?,
                    }
                }
                "EPSV" if self.manners().no_epsv => self.say("500 Command not understood.")?,
                "EPSV" | "PASV" => {
                    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                    let port = listener.local_addr()?.port();
                    let blocked = self.manners().no_data;
                    self.passive = (!blocked).then_some(listener);
                    match command {
                        "EPSV" => self.say(&format!("229 Entering Extended Passive Mode (|||{port}|)"))?,
                        // The address is nobody's: what counts is the port.
                        _ => self.say(&format!(
                            "227 Entering Passive Mode (10,255,255,1,{},{}).",
                            port >> 8,
                            port & 255
                        ))?,
                    }
                }
                "REST" if self.manners().no_rest => self.say("502 Command not implemented.")?,
                "REST" => {
                    self.from = given.parse().unwrap_or(0);
                    self.say("350 Restarting.")?;
                }
                "LIST" => self.list()?,
                "RETR" => {
                    if !self.send(&self.whole(given))? {
                        return Ok(());
                    }
                }
                "QUIT" => return self.say("221 Goodbye."),
                // MLSD, FEAT, OPTS and the rest.
                _ => self.say("500 Command not understood.")?,
            }
        }
    }

    fn data(&mut self) -> std::io::Result<TcpStream> {
        let passive = self.passive.take().ok_or(std::io::ErrorKind::NotConnected)?;
        passive.accept().map(|(data, _)| data)
    }

    fn list(&mut self) -> std::io::Result<()> {
        let below = format!("{}/", self.folder.trim_end_matches('/'));
        let (lines, cut) = {
            let mut manners = self.manners();
            let mut lines: Vec<String> = Vec::new();
            let mut folders: BTreeSet<&str> = BTreeSet::new();
            for (path, file) in &manners.files {
                let Some(name) = path.strip_prefix(&below) else { continue };
                if let Some((folder, _)) = name.split_once('/') {
                    folders.insert(folder);
                    continue;
                }
                let size = file.size.unwrap_or(file.bytes.len() as u64);
                lines.push(match manners.unix {
                    true => format!("-rw-r--r--    1 ftp      ftp    {size:>12} {} {name}", file.time),
                    false => format!("{}  {size:>20} {name}", file.time),
                });
            }
            folders.extend(
                manners.folders.iter().filter_map(|path| path.strip_prefix(&below)).filter(|name| !name.contains('/')),
            );
            for name in folders {
                lines.push(match manners.unix {
                    true => format!("drwxr-xr-x    2 ftp      ftp          4096 Feb 24  2018 {name}"),
                    false => format!("02-24-18  07:38AM       <DIR>          {name}"),
                });
            }
            lines.extend(manners.odd_lines.get(&self.folder).into_iter().flatten().cloned());
            let cut = manners.cut_listings > 0;
            manners.cut_listings = manners.cut_listings.saturating_sub(1);
            (lines, cut)
        };
        self.say("125 Data connection already open; Transfer starting.")?;
        let mut data = self.data()?;
        let shown = if cut { lines.len() / 2 } else { lines.len() };
        for line in &lines[..shown] {
            data.write_all(&bytes_of(&format!("{line}\r\n")))?;
        }
        drop(data);
        if cut {
            return self.say("426 Connection closed; transfer aborted.");
        }
        self.say("226 Transfer complete.")
    }

    /// A minute at most.
    fn wait_for_others(&self) {
        let (together, began) = (self.manners().together, Instant::now());
        while self.shared.most_transfers.load(SeqCst) < together && began.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// False where the control connection ends as well.
    fn send(&mut self, path: &str) -> std::io::Result<bool> {
        let from = std::mem::take(&mut self.from);
        let (file, fault, slowly) = {
            let mut manners = self.manners();
            let fault = manners.faults.get_mut(path).and_then(VecDeque::pop_front);
            (manners.files.get(path).cloned(), fault, manners.slowly)
        };
        let Some(mut file) = file.filter(|_| fault != Some(Fault::Gone)) else {
            self.say("550 The system cannot find the file specified.")?;
            return Ok(true);
        };
        if let Some(Fault::Reply(reply)) = fault {
            self.say(reply)?;
            return Ok(true);
        }
        self.say("150 Opening BINARY mode data connection.")?;
        let mut data = self.data()?;
        let transfers = self.shared.transfers.fetch_add(1, SeqCst) + 1;
        self.shared.most_transfers.fetch_max(transfers, SeqCst);
        self.wait_for_others();
        let end = match fault {
            Some(Fault::Cut(end) | Fault::Short(end) | Fault::Stall(end)) => end.min(file.bytes.len()),
            _ => file.bytes.len(),
        };
        if let Some(Fault::Flipped(at)) = fault {
            file.bytes[at] ^= 1;
        }
        let mut sent = Ok(());
        for part in file.bytes[from.min(end)..end].chunks(slowly.map_or(1 << 16, |(bytes, _)| bytes)) {
            sent = data.write_all(part);
            if sent.is_err() {
                break;
            }
            self.shared.sent.fetch_add(part.len() as u64, SeqCst);
            if let Some((_, pause)) = slowly {
                std::thread::sleep(pause);
            }
        }
        if matches!(fault, Some(Fault::Stall(_))) {
            // Until the client goes.
            let _ = data.read(&mut [0; 1]);
        }
        self.shared.transfers.fetch_sub(1, SeqCst);
        sent?;
        let _ = data.shutdown(Shutdown::Both);
        match fault {
            Some(Fault::Cut(_) | Fault::NoFinal) => return Ok(false),
            Some(Fault::Stall(_)) => {}
            _ => self.say("226 Transfer complete.")?,
        }
        Ok(true)
    }
}
