//! Sockets that end when they should: a connection stands within its time or not at all, one that is silent is given up, and a job that
//! is cancelled does not wait for either.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crossbeam_channel::{bounded, select};

use crate::base::{Cancel, Error, Result, Text, io_words};

/// How often a read that waits looks at its job: the system wakes nobody who reads for anything but bytes.
const GLANCE: Duration = Duration::from_millis(100);

/// Why nothing came of it.
#[derive(Debug)]
pub(super) enum Broken {
    /// Not a byte for so long.
    Silent(Duration),
    Io(io::Error),
    Stopped(Error),
}

impl Broken {
    /// What the system said.
    pub fn words(&self) -> Text {
        match self {
            Broken::Silent(_) => io_words(&io::ErrorKind::TimedOut.into()),
            Broken::Io(error) => io_words(error),
            Broken::Stopped(error) => error.sentence().clone(),
        }
    }
}

/// Connects within `time`, the name's look-up included, which the system cannot be asked to end.
pub(super) fn connect(host: &str, port: u16, time: Duration, cancel: &Cancel) -> Result<TcpStream, Broken> {
    let host = host.to_owned();
    connect_by(move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect), time, cancel)
}

pub(super) fn connect_to(address: SocketAddr, time: Duration, cancel: &Cancel) -> Result<TcpStream, Broken> {
    connect_by(move || Ok(vec![address]), time, cancel)
}

fn connect_by(
    addresses: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
    time: Duration,
    cancel: &Cancel,
) -> Result<TcpStream, Broken> {
    cancel.check().map_err(Broken::Stopped)?;
    let until = Instant::now() + time;
    let (done, given) = bounded(1);
    // It ends by itself soon after its time, whoever waits for it.
    let work = move || {
        let connected = addresses().and_then(|all| {
            let mut last = io::Error::from(io::ErrorKind::NotFound);
            for address in all {
                let left = until.saturating_duration_since(Instant::now());
                match TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1))) {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = error,
                }
            }
            Err(last)
        });
        let _ = done.send(connected);
    };
    std::thread::Builder::new().name("datasus-connect".into()).spawn(work).map_err(Broken::Io)?;
    let stream = select! {
        recv(given) -> given => given.map_err(|_| io::ErrorKind::BrokenPipe.into()).flatten(),
        recv(cancel.signal()) -> _ => return Err(stopped(cancel)),
        default(time) => Err(io::ErrorKind::TimedOut.into()),
    };
    let set_up = |stream: TcpStream| {
        stream.set_read_timeout(Some(GLANCE))?;
        stream.set_nodelay(true).map(|()| stream)
    };
    stream.and_then(set_up).map_err(Broken::Io)
}

fn stopped(cancel: &Cancel) -> Broken {
    match cancel.check() {
        Err(error) => Broken::Stopped(error),
        Ok(()) => Broken::Io(io::ErrorKind::Interrupted.into()),
    }
}

/// Reads what there is; 0 at the end.
pub(super) fn read(
    stream: &mut TcpStream,
    into: &mut [u8],
    silent: Duration,
    cancel: &Cancel,
) -> Result<usize, Broken> {
    let since = Instant::now();
    loop {
        if cancel.is_set() {
            return Err(stopped(cancel));
        }
        match stream.read(into) {
            Ok(count) => return Ok(count),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut if since.elapsed() >= silent => {
                    return Err(Broken::Silent(silent));
                }
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
                _ => return Err(Broken::Io(error)),
            },
        }
    }
}
