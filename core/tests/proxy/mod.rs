//! A way to a server that breaks, or waits, where it is told to.
#![allow(dead_code)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

/// Where the way breaks; each break happens once.
#[derive(Default)]
pub struct Breaks {
    /// After so many bytes from the client, over all connections; 0: never.
    pub after_bytes: AtomicU64,
    /// The server commits for the n-th time, and the client does not hear of it; 0: never.
    pub at_commit: AtomicU64,
    /// A connection that makes a load visible hears no more after its COMMIT: neither an answer nor an end.
    pub silent: AtomicBool,
    /// New connections are refused.
    pub down: AtomicBool,
    bytes: AtomicU64,
    commits: AtomicU64,
    pub broken: AtomicU64,
}

/// A load that cannot end before it is told to, however fast the machine is: what a connection sends beyond the first bytes waits.
pub struct Hold {
    after_bytes: usize,
    released: Mutex<bool>,
    changed: Condvar,
    /// Connections that wait.
    pub held: AtomicU64,
}

impl Hold {
    /// Short ones, such as those that cancel, never send as much.
    pub fn after(bytes: usize) -> Arc<Self> {
        Hold { after_bytes: bytes, released: Mutex::new(false), changed: Condvar::new(), held: AtomicU64::new(0) }
            .into()
    }

    /// From now on nothing waits.
    pub fn release(&self) {
        *self.released.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn pass(&self, sent: usize) {
        if sent < self.after_bytes {
            return;
        }
        let released = self.released.lock().unwrap();
        if !*released {
            self.held.fetch_add(1, SeqCst);
            drop(self.changed.wait_while(released, |released| !*released).unwrap());
        }
    }
}

/// Starts a proxy in front of `server` that holds what is sent; gives its port.
pub fn holding(server: u16, hold: Arc<Hold>) -> u16 {
    run(server, Arc::default(), Some(hold))
}

/// Starts the proxy in front of `server`; gives its port.
pub fn start(server: u16, breaks: Arc<Breaks>) -> u16 {
    run(server, breaks, None)
}

/// The same, and holds what is sent as well.
pub fn breaking_and_holding(server: u16, breaks: Arc<Breaks>, hold: Arc<Hold>) -> u16 {
    run(server, breaks, Some(hold))
}

fn run(server: u16, breaks: Arc<Breaks>, hold: Option<Arc<Hold>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            if breaks.down.load(SeqCst) {
                drop(client);
                continue;
            }
            let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)) else { continue };
            let muted = Arc::new(AtomicBool::new(false));
            for (mut from, mut to, is_client) in [
                (client.try_clone().unwrap(), upstream.try_clone().unwrap(), true),
                (upstream.try_clone().unwrap(), client.try_clone().unwrap(), false),
            ] {
                let (breaks, muted, hold) = (breaks.clone(), muted.clone(), hold.clone().filter(|_| is_client));
                std::thread::spawn(move || {
                    let mut block = vec![0; 16 << 10];
                    let (mut sent, mut publishes) = (0, false);
                    while let Ok(length) = from.read(&mut block) {
                        sent += length;
                        hold.iter().for_each(|hold| hold.pass(sent));
                        if breaks.silent.load(SeqCst) && is_client {
                            let said = &block[..length];
                            publishes |= said.windows(25).any(|words| words == b"INSERT INTO datasus.loads");
                            if publishes && said.ends_with(b"Q\0\0\0\x0bCOMMIT\0") {
                                muted.store(true, SeqCst);
                                breaks.broken.fetch_add(1, SeqCst);
                            }
                        }
                        if muted.load(SeqCst) && !is_client {
                            // What comes is taken and kept.
                            continue;
                        }
                        if length == 0
                            || breaks.now(&block[..length], is_client)
                            || to.write_all(&block[..length]).is_err()
                        {
                            break;
                        }
                    }
                    let _ = from.shutdown(Shutdown::Both);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    port
}

impl Breaks {
    fn now(&self, block: &[u8], is_client: bool) -> bool {
        let passed = |count: &AtomicU64, more: u64, limit: &AtomicU64| {
            let before = count.fetch_add(more, SeqCst);
            let limit = limit.load(SeqCst);
            limit > 0 && before < limit && before + more >= limit
        };
        let broken = if is_client {
            passed(&self.bytes, block.len() as u64, &self.after_bytes)
        } else {
            // The command tag of a transaction that has ended.
            let commits = block.windows(7).filter(|tag| tag == b"COMMIT\0").count() as u64;
            commits > 0 && passed(&self.commits, commits, &self.at_commit)
        };
        if broken {
            self.broken.fetch_add(1, SeqCst);
        }
        broken
    }
}
