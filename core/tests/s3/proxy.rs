//! A way to the S3 server that counts what it sends, and that breaks where it is told to. One request a connection.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

/// What becomes of a request.
pub enum Fate {
    Pass,
    /// The server never hears of it.
    Answer(u16, String),
    /// The same with a header more.
    AnswerWith(u16, String, String),
    /// No answer, and no end.
    Stall,
    /// The answer ends after so many bytes of its body.
    Cut(u64),
    /// The server does what it is asked, and its answer is lost.
    Lose,
    /// It waits until it is released.
    Hold,
    /// The server does what it is asked, and there is no answer, and no end.
    DoneAndSilent,
}

#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Path and query, or the whole address as a proxy is sent it.
    pub target: String,
    pub head: String,
    /// Of the answer's body that went through.
    pub bytes: u64,
}

type Rule = Box<dyn Fn(&Seen, usize) -> Fate + Send + Sync>;

pub struct Proxy {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    rule: Arc<Mutex<Rule>>,
    counted: Arc<AtomicUsize>,
    released: Arc<(Mutex<bool>, Condvar)>,
    silent: Arc<AtomicBool>,
}

impl Proxy {
    pub fn before(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let pass: Rule = Box::new(|_, _| Fate::Pass);
        let proxy = Proxy {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
            rule: Arc::new(Mutex::new(pass)),
            counted: Arc::default(),
            released: Arc::default(),
            silent: Arc::default(),
        };
        let (seen, rule, counted, released) =
            (proxy.seen.clone(), proxy.rule.clone(), proxy.counted.clone(), proxy.released.clone());
        let silent = proxy.silent.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (seen, rule, counted, released) = (seen.clone(), rule.clone(), counted.clone(), released.clone());
                let silent = silent.clone();
                std::thread::spawn(move || drop(one(client, server, &seen, &rule, &counted, (&released, &silent))));
            }
        });
        proxy
    }

    /// From now on requests go as `rule` says: it is given each one, and its number among those for which it is asked.
    pub fn rule(&self, rule: impl Fn(&Seen, usize) -> Fate + Send + Sync + 'static) {
        self.counted.store(0, SeqCst);
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    /// What went through since the last time.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The server has done what nobody was told of.
    pub fn is_silent(&self) -> bool {
        self.silent.load(SeqCst)
    }

    pub fn release(&self) {
        *self.released.0.lock().unwrap() = true;
        self.released.1.notify_all();
    }
}

fn one(
    client: TcpStream,
    server: u16,
    seen: &Mutex<Vec<Seen>>,
    rule: &Mutex<Rule>,
    counted: &AtomicUsize,
    (released, silent): (&(Mutex<bool>, Condvar), &AtomicBool),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let head = head(&mut reader)?;
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    if method.is_empty() {
        return Ok(());
    }
    let mut body = vec![0; length(&head)];
    if header(&head, "expect").is_some() {
        (&client).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    reader.read_exact(&mut body)?;
    let asked = Seen { method, target, head: head.clone(), bytes: 0 };
    let fate = rule.lock().unwrap()(&asked, counted.fetch_add(1, SeqCst));
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(asked);
        seen.len() - 1
    };
    let answer = |status: u16, more: &str, text: &str| {
        let length = text.len();
        write!(
            &client,
            "HTTP/1.1 {status} Told\r\ncontent-type: application/xml\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{text}"
        )
    };
    match &fate {
        Fate::Answer(status, text) => return answer(*status, "", text),
        Fate::AnswerWith(status, more, text) => return answer(*status, &format!("{more}\r\n"), text),
        Fate::Stall => {
            // Until the client goes.
            let _ = reader.read(&mut [0; 1]);
            return Ok(());
        }
        Fate::Hold => {
            let held = released.0.lock().unwrap();
            drop(released.1.wait_while(held, |released| !*released).unwrap());
        }
        _ => {}
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
    let kept = head.lines().filter(|line| {
        let line = line.to_lowercase();
        !line.is_empty() && !line.starts_with("connection:") && !line.starts_with("expect:")
    });
    let mut sent: String = kept.map(|line| format!("{line}\r\n")).collect();
    sent.push_str("connection: close\r\n\r\n");
    upstream.write_all(sent.as_bytes())?;
    upstream.write_all(&body)?;
    let mut from = BufReader::new(upstream);
    let head = self::head(&mut from)?;
    if matches!(fate, Fate::Lose | Fate::DoneAndSilent) {
        std::io::copy(&mut from, &mut std::io::sink())?;
        if matches!(fate, Fate::DoneAndSilent) {
            silent.store(true, SeqCst);
            let _ = reader.read(&mut [0; 1]);
        }
        return Ok(());
    }
    let kept = head.lines().filter(|line| !line.is_empty() && !line.to_lowercase().starts_with("connection:"));
    let mut told: String = kept.map(|line| format!("{line}\r\n")).collect();
    told.push_str("connection: close\r\n\r\n");
    let mut client = client;
    client.write_all(told.as_bytes())?;
    let most = if let Fate::Cut(most) = fate { most } else { u64::MAX };
    let mut block = vec![0; 16 << 10];
    let mut passed = 0;
    while passed < most {
        let room = block.len().min(usize::try_from(most - passed).unwrap_or(usize::MAX));
        let read = from.read(&mut block[..room])?;
        if read == 0 {
            break;
        }
        // Counted before it goes: who has it may look at once.
        seen.lock().unwrap()[number..].iter_mut().take(1).for_each(|seen| seen.bytes += read as u64);
        client.write_all(&block[..read])?;
        passed += read as u64;
    }
    Ok(())
}

/// Up to and with the empty line.
fn head(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut head = String::new();
    while reader.read_line(&mut head)? > 0 && !head.ends_with("\r\n\r\n") {}
    Ok(head)
}

pub fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(of, _)| of.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.trim())
}

fn length(head: &str) -> usize {
    header(head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
}
