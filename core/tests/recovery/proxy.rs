//! A way to a server that breaks where it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// Where the way breaks; each break happens once.
#[derive(Default)]
pub struct Breaks {
    /// After so many bytes from the client, over all connections; 0: never.
    pub after_bytes: AtomicU64,
    /// The server commits for the n-th time, and the client does not hear of it; 0: never.
    pub at_commit: AtomicU64,
    /// New connections are refused.
    pub down: AtomicBool,
    bytes: AtomicU64,
    commits: AtomicU64,
    pub broken: AtomicU64,
}

/// Starts the proxy in front of `server`; gives its port.
pub fn start(server: u16, breaks: Arc<Breaks>) -> u16 {
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
            for (mut from, mut to, is_client) in [
                (client.try_clone().unwrap(), upstream.try_clone().unwrap(), true),
                (upstream.try_clone().unwrap(), client.try_clone().unwrap(), false),
            ] {
                let breaks = breaks.clone();
                std::thread::spawn(move || {
                    let mut block = vec![0; 16 << 10];
                    while let Ok(length) = from.read(&mut block) {
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
