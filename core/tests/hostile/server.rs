//! Servers that answer as no PostgreSQL does, one way each: the load ends with an error of ours, in bounded time and memory.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use datasus::sink::postgres::Mode;
use datasus::{Client, Config, Language, Options, Postgres, QueryParams, Secret};
use serde_json::{Value, json};

use crate::child::{self, Bounds};

/// A way to lie, the codes that may answer it, and what the sentence must say.
type Lie = (&'static str, &'static [&'static str], &'static str);

const OURS: &[&str] = &["DS-502"];
const LOGIN: &[&str] = &["DS-401"];
/// Whichever comes first: the end of our patience, three times, or the deadline.
const SILENT: &[&str] = &["DS-502", "DS-504"];

const LIES: &[Lie] = &[
    // Before TLS.
    ("ssl garbage", OURS, "request for TLS"),
    ("ssl error", OURS, "request for TLS"),
    ("ssl yes then plain", OURS, ""),
    ("silence at once", SILENT, ""),
    ("closed at once", OURS, ""),
    // At start-up.
    ("cleartext", LOGIN, "in clear"),
    ("kerberos", LOGIN, "Kerberos"),
    ("gss", LOGIN, "GSSAPI"),
    ("sspi", LOGIN, "SSPI"),
    ("unknown authentication", OURS, "of unknown form"),
    ("sasl of no mechanism", OURS, ""),
    ("sasl without end", OURS, ""),
    ("scram iterations", OURS, ""),
    ("scram nonce", OURS, ""),
    ("scram extension", OURS, ""),
    ("scram salt", OURS, ""),
    ("scram not utf-8", OURS, ""),
    ("scram wrong proof", OURS, ""),
    ("scram left out", OURS, ""),
    ("md5 without salt", OURS, ""),
    ("endless notices", OURS, "without end"),
    ("endless parameters", OURS, "without end"),
    ("endless keys", OURS, "without end"),
    ("2 GB", OURS, "bytes"),
    ("4 GB", OURS, "bytes"),
    ("length of 0", OURS, "of unknown form"),
    ("length of 3", OURS, "of unknown form"),
    ("garbage", OURS, "of unknown form"),
    ("half a message", SILENT, ""),
    ("200 MB of error", OURS, "bytes"),
    ("1 MB of error", OURS, "the server says"),
    ("error not utf-8", OURS, ""),
    ("error without fields", OURS, ""),
    ("error of an odd state", OURS, "the server says"),
    ("error tells the password", OURS, "***"),
    ("row at start-up", OURS, ""),
    ("protocol negotiation", OURS, "of unknown form"),
    // Once it is ready for statements.
    ("unknown type", OURS, "type that is not known"),
    ("unknown parameter type", OURS, "type that is not known"),
    ("65535 columns", OURS, "65535 columns"),
    ("fewer columns than told", OURS, "of unknown form"),
    ("row of other columns", OURS, ""),
    ("wrong types", OURS, ""),
    ("wrong lengths", OURS, ""),
    ("nulls", OURS, ""),
    ("no rows", OURS, ""),
    ("endless rows", OURS, "an answer of more than"),
    ("rows without columns", OURS, "an answer of more than"),
    ("rows of nulls", OURS, "an answer of more than"),
    ("row of 2 GB", OURS, "bytes"),
    ("wrong order", OURS, ""),
    ("ready at once", OURS, ""),
    ("copy in", OURS, ""),
    ("copy in of 60000 columns", OURS, ""),
    ("copy out", OURS, "of unknown form"),
    ("unknown message", OURS, "of unknown form"),
    ("endless notifications", OURS, "without end"),
    ("endless notices later", OURS, "without end"),
    ("endless parameters later", OURS, "without end"),
    ("authentication again", OURS, "of unknown form"),
    ("200 MB of error later", OURS, "bytes"),
    ("nothing more", SILENT, ""),
    ("half a row", SILENT, ""),
    ("drip", SILENT, ""),
    ("closed later", OURS, ""),
    ("error of no code later", OURS, ""),
    ("tag not utf-8", OURS, ""),
];

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    message.extend_from_slice(body);
    message
}

fn announced(kind: u8, length: u32) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(&[b'x'; 1000]);
    message
}

fn authentication(kind: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes()[..], rest].concat())
}

fn described(types: &[u32]) -> Vec<u8> {
    let mut body = (types.len() as u16).to_be_bytes().to_vec();
    for kind in types {
        body.extend_from_slice(b"c\0\0\0\0\0\0\0");
        body.extend_from_slice(&kind.to_be_bytes());
        body.extend_from_slice(&[0, 4, 0xff, 0xff, 0xff, 0xff, 0, 1]);
    }
    message(b'T', &body)
}

fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = (values.len() as u16).to_be_bytes().to_vec();
    for value in values {
        body.extend_from_slice(&value.map_or(-1i32, |value| value.len() as i32).to_be_bytes());
        body.extend_from_slice(value.unwrap_or_default());
    }
    message(b'D', &body)
}

fn error(fields: &[u8]) -> Vec<u8> {
    message(b'E', fields)
}

/// An error's fields up to its text, and so many bytes of it.
fn long_error(bytes: usize) -> Vec<u8> {
    error(&[&b"SERROR\0VERROR\0CXX000\0M"[..], &vec![b'x'; bytes], b"\0\0"].concat())
}

struct Liar {
    lie: String,
    stream: TcpStream,
}

impl Liar {
    /// None: the client has gone.
    fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).ok()
    }

    fn for_ever(&mut self, bytes: &[u8]) -> Option<()> {
        let many = bytes.repeat((64 << 10) / bytes.len() + 1);
        loop {
            self.send(&many)?;
        }
    }

    fn silent(&mut self) -> Option<()> {
        // Until the client goes.
        while self.stream.read(&mut [0; 4096]).ok()? > 0 {}
        None
    }

    fn read(&mut self, bytes: usize) -> Option<Vec<u8>> {
        let mut read = vec![0; bytes];
        self.stream.read_exact(&mut read).ok().map(|()| read)
    }

    /// A message of the client's: its kind and its body.
    fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        let header = self.read(5)?;
        let length = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize;
        Some((header[0], self.read(length - 4)?))
    }

    fn serve(mut self) -> Option<()> {
        let lie = self.lie.clone();
        if lie == "closed at once" {
            return None;
        }
        let mut request = self.read(8)?;
        if request[4..] == [0x04, 0xd2, 0x16, 0x2f] {
            match lie.as_str() {
                "silence at once" => return self.silent(),
                "ssl garbage" => return self.for_ever(b"Q"),
                "ssl error" => return self.for_ever(&long_error(100)),
                "ssl yes then plain" => return self.for_ever(b"S"),
                _ => self.send(b"N")?,
            }
            request = self.read(8)?;
        }
        if request[4..] == [0x04, 0xd2, 0x16, 0x2e] {
            return None;
        }
        let length = u32::from_be_bytes(request[..4].try_into().unwrap()) as usize;
        self.read(length - 8)?;
        self.start()?;
        self.send(&authentication(0, b""))?;
        self.send(&message(b'S', b"server_version\x0017.0\0"))?;
        self.send(&message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]))?;
        self.send(&message(b'Z', b"I"))?;
        self.statements()
    }

    /// Does what the lie does at start-up; else nothing.
    fn start(&mut self) -> Option<()> {
        let lie = self.lie.clone();
        match lie.as_str() {
            "cleartext" => self.send(&authentication(3, b""))?,
            "kerberos" => self.send(&authentication(2, b""))?,
            "gss" => self.send(&authentication(7, b""))?,
            "sspi" => self.send(&authentication(9, b""))?,
            "unknown authentication" => self.send(&authentication(77, b""))?,
            "md5 without salt" => self.send(&authentication(5, b""))?,
            "sasl of no mechanism" => self.send(&authentication(10, b"X-LIES\0\0"))?,
            "sasl without end" => self.send(&authentication(10, b"SCRAM-SHA-256"))?,
            scram if scram.starts_with("scram") => return self.scram(),
            "endless notices" => return self.for_ever(&message(b'N', b"SNOTICE\0C00000\0Mx\0\0")),
            "endless parameters" => {
                self.send(&authentication(0, b""))?;
                for number in 0.. {
                    self.send(&message(b'S', format!("p{number}\0v\0").as_bytes()))?;
                }
            }
            "endless keys" => {
                self.send(&authentication(0, b""))?;
                return self.for_ever(&message(b'K', &[0; 8]));
            }
            "2 GB" => self.send(&announced(b'R', i32::MAX as u32))?,
            "4 GB" => self.send(&announced(b'E', u32::MAX))?,
            "length of 0" => self.send(&announced(b'R', 0))?,
            "length of 3" => self.send(&announced(b'S', 3))?,
            "garbage" => return self.for_ever(b"\x16\x03\x01HTTP/1.1 400 Bad Request\r\n"),
            "half a message" => self.send(&[b'R', 0, 0, 0, 8, 0])?,
            "200 MB of error" => self.send(&announced(b'E', 200 << 20))?,
            "1 MB of error" => self.send(&long_error(1_000_000))?,
            "error not utf-8" => self.send(&error(b"S\xff\xfe\0C\xff\0M\xff\xff\0\0"))?,
            "error without fields" => self.send(&error(b""))?,
            "error of an odd state" => self.send(&error("SERROR\0Cé\0Mx\0\0".as_bytes()))?,
            "error tells the password" => self.send(&error(b"SERROR\0CXX000\0Mpassword CANARY given\0\0"))?,
            "row at start-up" => self.send(&row(&[Some(b"1")]))?,
            "protocol negotiation" => self.send(&message(b'v', &[0; 8]))?,
            _ => return Some(()),
        }
        self.silent()
    }

    fn scram(&mut self) -> Option<()> {
        self.send(&authentication(10, b"SCRAM-SHA-256\0\0"))?;
        let (_, first) = self.message()?;
        let first = String::from_utf8(first[18..].to_vec()).unwrap();
        let nonce = first.split("r=").nth(1).unwrap().to_owned();
        let answer = match self.lie.as_str() {
            "scram iterations" => format!("r={nonce}abc,s=AAAA,i=4294967295"),
            "scram nonce" => "r=another,s=AAAA,i=4096".into(),
            "scram extension" => format!("m=must,r={nonce}abc,s=AAAA,i=4096"),
            "scram salt" => format!("r={nonce}abc,s=?,i=4096"),
            _ => format!("r={nonce}abc,s=AAAA,i=4096"),
        };
        match self.lie.as_str() {
            "scram not utf-8" => self.send(&authentication(11, b"r=\xff\xff,s=\xff,i=1"))?,
            "scram left out" => return self.send(&authentication(12, b"v=AAAA")),
            _ => self.send(&authentication(11, answer.as_bytes()))?,
        }
        self.message()?;
        self.send(&authentication(12, b"v=AAAA"))?;
        self.silent()
    }

    /// What the session sets at its start is answered as it should be; then the lie.
    fn statements(&mut self) -> Option<()> {
        let mut set = false;
        // Only an answer of many rows is kept whole: the third.
        let mut honest =
            if self.lie.contains("rows ") || self.lie.ends_with(" rows") && self.lie != "no rows" { 2 } else { 0 };
        loop {
            let (kind, _) = self.message()?;
            match kind {
                b'Q' if !set => {
                    set = true;
                    self.send(&message(b'C', b"SET\0"))?;
                    self.send(&message(b'Z', b"I"))?;
                }
                b'X' => return None,
                b'S' if honest > 0 => {
                    let yes: Option<&[u8]> = Some(b"\x01");
                    // Of texts: no dimension, no NULL, their type.
                    let nothing = [0u32.to_be_bytes(), 0u32.to_be_bytes(), 25u32.to_be_bytes()].concat();
                    let (types, values): (&[u32], &[Option<&[u8]>]) = match honest {
                        2 => (&[16], &[yes]),
                        _ => (&[16, 16, 16, 16, 16, 16, 1009], &[yes, yes, yes, yes, yes, yes, Some(&nothing)]),
                    };
                    honest -= 1;
                    let begun = [message(b'1', b""), message(b'2', b""), described(types), row(values)].concat();
                    self.send(&[begun, message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat())?;
                }
                // The end of the first statement that asks for something.
                b'S' | b'Q' => return self.answer(),
                _ => {}
            }
        }
    }

    fn answer(&mut self) -> Option<()> {
        let lie = self.lie.clone();
        let parsed = [message(b'1', b""), message(b'2', b"")].concat();
        let begun = |types: &[u32]| [parsed.clone(), described(types)].concat();
        let ended = [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat();
        match lie.as_str() {
            "unknown type" => {
                // The types of the look-up are not known either.
                self.send(&[message(b'1', b""), message(b't', b"\0\0"), described(&[999_999])].concat())?;
                self.send(&begun(&[999_999; 9]))?;
                return self.for_ever(&[begun(&[999_999]), ended].concat());
            }
            "unknown parameter type" => {
                self.send(&[message(b'1', b""), message(b't', b"\0\x01\0\x0f\x42\x3f")].concat())?
            }
            "65535 columns" => self.send(&[parsed, message(b'T', &[0xff; 2_000])].concat())?,
            "fewer columns than told" => self.send(&[parsed, message(b'T', b"\0\x05c\0")].concat())?,
            "row of other columns" => {
                self.send(&[begun(&[16]), row(&[Some(b"\x01".as_slice()); 9]), ended].concat())?
            }
            "wrong types" => self.send(&[begun(&[25; 20]), row(&[Some(b"x".as_slice()); 20]), ended].concat())?,
            "wrong lengths" => self.send(&[begun(&[16]), row(&[Some(b"xyz".as_slice())]), ended].concat())?,
            "nulls" => self.send(&[begun(&[16; 20]), row(&[None; 20]), ended].concat())?,
            "no rows" => self.send(&[begun(&[16]), ended].concat())?,
            "endless rows" => {
                self.send(&begun(&[25]))?;
                return self.for_ever(&row(&[Some(&[b'x'; 1000])]));
            }
            "rows of nulls" => {
                self.send(&begun(&[25; 1_600]))?;
                return self.for_ever(&row(&[None; 1_600]));
            }
            "rows without columns" => {
                self.send(&begun(&[]))?;
                return self.for_ever(&row(&[]));
            }
            "row of 2 GB" => self.send(&[begun(&[25]), announced(b'D', i32::MAX as u32)].concat())?,
            "wrong order" => self.send(&[ended, begun(&[16]), message(b'2', b""), message(b'1', b"")].concat())?,
            "ready at once" => return self.for_ever(&message(b'Z', b"I")),
            "copy in" => self.send(&message(b'G', b"\x01\0\0"))?,
            "copy in of 60000 columns" => self.send(&message(b'G', b"\x01\xea\x60"))?,
            "copy out" => self.send(&message(b'H', b"\x01\0\0"))?,
            "unknown message" => self.send(&message(b'~', b"x"))?,
            "endless notifications" => return self.for_ever(&message(b'A', b"\0\0\0\x01canal\0texto\0")),
            "endless notices later" => return self.for_ever(&message(b'N', b"SNOTICE\0C00000\0Mx\0\0")),
            "endless parameters later" => return self.for_ever(&message(b'S', b"nome\0valor\0")),
            "authentication again" => self.send(&authentication(3, b""))?,
            "200 MB of error later" => self.send(&announced(b'E', 200 << 20))?,
            "half a row" => self.send(&[begun(&[25]), announced(b'D', 100_000)].concat())?,
            "drip" => loop {
                // The load has a deadline; this has none.
                self.send(&message(b'1', b"")[..1])?;
                self.send(&message(b'1', b"")[1..])?;
                std::thread::sleep(Duration::from_millis(50));
            },
            "closed later" => return None,
            "error of no code later" => self.send(&[error(b"SERROR\0C\0Mx\0\0"), message(b'Z', b"I")].concat())?,
            "tag not utf-8" => {
                self.send(&[begun(&[16]), message(b'C', b"\xff\xff\0"), message(b'Z', b"I")].concat())?
            }
            _ => {}
        }
        self.silent()
    }
}

/// Whether it is known by its silence: only then does time tell what it is.
fn is_silent(lie: &str) -> bool {
    LIES.iter().any(|(known, codes, _)| *known == lie && *codes == SILENT)
}

/// A server of the lie, and its port; it goes with the process.
fn liar(lie: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let lie = lie.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let lie = lie.clone();
            std::thread::spawn(move || Liar { lie, stream }.serve());
        }
    });
    port
}

#[test]
#[ignore = "runs in a child process"]
fn loads_from_a_liar() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    datasus::source::write_example_data(&source, 20).unwrap();
    child::serve(|case| {
        let lie = case.as_str().unwrap();
        // By a name that is not known to be this machine's, so that nothing is sent in clear.
        let host = if lie == "cleartext" { "0.0.0.0" } else { "127.0.0.1" };
        let (connect, deadline) = if is_silent(lie) { (1, 8.0) } else { (20, 60.0) };
        let url = format!("postgres://u:CANARY@{host}:{}/d?connect_timeout={connect}&tcp_user_timeout=1", liar(lie));
        let config = Config {
            postgres: Some(Secret::new(url)),
            language: Language::En,
            memory_limit: Some(128 << 20),
            threads: Some(1),
            deadline,
            ..Config::default()
        };
        let client = Client::open_with(&source, config).unwrap();
        let to = Postgres { table: Some("a.b".into()), mode: Mode::Append, connections: 1, ..Postgres::default() };
        let params = QueryParams::dataset("SIH-RD").uf(["AC"]).options(Options::default());
        match client.export(&params, to) {
            Ok(report) => json!({"report": report.to_json()}),
            Err(error) => json!({"error": error.to_json(), "shown": format!("{error} {error:?}")}),
        }
    });
}

#[test]
fn a_server_that_lies_costs_bounded_time_and_memory_and_no_panic() {
    // Those that crashed or filled the process before are always told; all with DATASUS_FAULTS=all.
    let always =
        ["unknown type", "endless notices", "2 GB", "200 MB of error", "wrong types", "cleartext", "endless rows"];
    let all = std::env::var("DATASUS_FAULTS").is_ok_and(|value| value == "all");
    let told: Vec<&Lie> = (LIES.iter().enumerate())
        .filter(|(number, (lie, ..))| all || number % 10 == 3 || always.contains(lie))
        .map(|(_, lie)| lie)
        .collect();
    let cases: Vec<Value> = told.iter().map(|(lie, ..)| json!(lie)).collect();
    let bounds = Bounds { memory: 900 << 20, time: Duration::from_secs(240) };
    let part = cases.len().div_ceil(8);
    // Most wait for something.
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let ask =
            |cases: &'static [Value]| scope.spawn(move || child::each("server::loads_from_a_liar", cases, bounds));
        let cases: &'static [Value] = cases.clone().leak();
        let running: Vec<_> = cases.chunks(part).map(ask).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut wrong = Vec::new();
    let mut most = (Duration::ZERO, 0);
    for ((lie, codes, words), outcome) in told.iter().zip(&outcomes) {
        let child::Outcome::Answered { answer, took, peak } = outcome else {
            wrong.push(format!("{lie}: {outcome:?}"));
            continue;
        };
        most = (most.0.max(*took), most.1.max(*peak));
        let error = &answer["error"];
        let (code, detail) =
            (error["error_code"].as_str().unwrap_or("none"), error["detail"].as_str().unwrap_or_default());
        let text = answer.to_string();
        let fine = codes.contains(&code) && detail.contains(words) && text.len() < 30_000 && !text.contains("CANARY");
        if !fine {
            wrong.push(format!("{lie} ({took:?}): {}", &text[..text.len().min(1500)]));
        }
    }
    println!("{} hostile servers of {}, at most {:?} and {} MB", told.len(), LIES.len(), most.0, most.1 >> 20);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), told.len(), wrong.join("\n"));
}
