//! One control connection: its commands and replies, and the data connections that it opens.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use super::connection::{self, Broken};
use super::place::Place;
use crate::base::{Cancel, Code, Error, Result, Text, text};
use crate::store::Patience;
use crate::store::tree::{BUSY, NO_DATA, away, gone, lost};

/// Bytes of a reply's line, and lines of a reply. A server's greeting may be long.
const LONGEST_LINE: usize = 8 << 10;
const MOST_LINES: usize = 1000;

pub(super) struct Session<'s> {
    place: &'s Place,
    patience: Patience,
    cancel: &'s Cancel,
    control: TcpStream,
    /// Read and not yet used.
    ahead: Vec<u8>,
}

pub(super) struct Reply {
    pub code: u16,
    pub text: String,
}

impl Reply {
    /// What the first digit says: 1 to come, 2 done, 3 go on, 4 not now, 5 no.
    pub fn kind(&self) -> u16 {
        self.code / 100
    }
}

impl<'s> Session<'s> {
    /// Connects and logs in; from then on all that is transferred is binary, which SIZE and RETR need.
    pub fn open(place: &'s Place, patience: Patience, cancel: &'s Cancel) -> Result<Self> {
        let control = connection::connect(&place.host, place.port, patience.connect, cancel).map_err(|broken| {
            let seconds = patience.connect.as_secs_f64();
            match broken {
                Broken::Stopped(error) => error,
                broken => away(&place.address, broken.words(), seconds),
            }
        })?;
        let mut session = Session { place, patience, cancel, control, ahead: Vec::new() };
        let mut greeting = session.reply()?;
        // 120: ready in some minutes.
        while greeting.kind() == 1 {
            greeting = session.reply()?;
        }
        session.check_reply(&greeting, 2, "")?;
        let mut reply = session.ask(&format!("USER {}", place.user))?;
        if reply.kind() == 3 {
            let password = format!("PASS {}", place.password.reveal());
            reply = session.ask(&password)?;
        }
        session.check_reply(&reply, 2, "")?;
        let reply = session.ask("TYPE I")?;
        session.check_reply(&reply, 2, "")?;
        Ok(session)
    }

    /// Sends a command and reads its reply.
    pub fn ask(&mut self, command: &str) -> Result<Reply> {
        self.send(command)?;
        self.reply()
    }

    fn send(&mut self, command: &str) -> Result<()> {
        let mut line = Vec::with_capacity(command.len() + 2);
        for letter in command.chars() {
            match u8::try_from(u32::from(letter)) {
                // A line's end in a name would be a command more.
                Ok(b'\r' | b'\n' | 0) | Err(_) => return Err(self.odd_name(command)),
                // Of the line's own signs, the one of Telnet is doubled.
                Ok(0xff) => line.extend([0xff, 0xff]),
                Ok(byte) => line.push(byte),
            }
        }
        line.extend(b"\r\n");
        self.control.write_all(&line).map_err(|error| self.broken(Broken::Io(error)))
    }

    fn odd_name(&self, command: &str) -> Error {
        let name = command.split_once(' ').map_or("", |(_, name)| name).escape_debug().to_string();
        let address = &self.place.address;
        Error::new(
            Code::InvalidParams,
            text!(
                "\"{name}\" não pode ser um nome em {address}: tem letras que o servidor não conhece",
                "\"{name}\" cannot be a name at {address}: it has letters that the server does not know"
            ),
        )
        .stage("download")
    }

    /// The next reply, with all of its lines.
    pub fn reply(&mut self) -> Result<Reply> {
        let first = self.line()?;
        let code = code_of(&first).ok_or_else(|| self.odd(&first))?;
        let mut text = first[4.min(first.len())..].to_owned();
        if first.as_bytes().get(3) == Some(&b'-') {
            for _ in 0..MOST_LINES {
                let line = self.line()?;
                if code_of(&line) == Some(code) && line.as_bytes().get(3) != Some(&b'-') {
                    text = format!("{text} {}", &line[4.min(line.len())..]);
                    return Ok(Reply { code, text });
                }
                text = format!("{text} {line}");
            }
            return Err(self.odd(&text));
        }
        Ok(Reply { code, text })
    }

    /// A line without its end; its letters are Latin-1.
    fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                let line: String =
                    line.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect();
                return Ok(line.trim_end().to_owned());
            }
            if self.ahead.len() > LONGEST_LINE {
                return Err(self.odd(""));
            }
            let mut read = [0; 1024];
            let count = connection::read(&mut self.control, &mut read, self.patience.silent, self.cancel)
                .map_err(|broken| self.broken(broken))?;
            if count == 0 {
                return Err(self.broken(Broken::Io(std::io::ErrorKind::UnexpectedEof.into())));
            }
            self.ahead.extend(&read[..count]);
        }
    }

    /// Opens a data connection for the command that follows: EPSV, and PASV where that is refused. The address that PASV's reply
    /// names is not used: behind a translation of addresses it is wrong, and it could be anybody's.
    pub fn passive(&mut self) -> Result<TcpStream> {
        let reply = self.ask("EPSV")?;
        let port = match reply.kind() {
            2 => extended_port(&reply.text).ok_or_else(|| self.odd(&reply.text))?,
            5 if reply.code != 530 => {
                let reply = self.ask("PASV")?;
                self.check_reply(&reply, 2, "")?;
                passive_port(&reply.text).ok_or_else(|| self.odd(&reply.text))?
            }
            _ => return Err(self.refused(&reply, "")),
        };
        let server = self.control.peer_addr().map_err(|error| self.broken(Broken::Io(error)))?;
        let to = SocketAddr::new(server.ip(), port);
        connection::connect_to(to, self.patience.connect, self.cancel).map_err(|broken| match broken {
            Broken::Stopped(error) => error,
            broken => {
                let (address, Text { pt, en }) = (&self.place.address, broken.words());
                lost(text!(
                    "{address} responde, mas a porta de dados {port} não ({pt}): um firewall desta rede pode bloquear as portas altas do FTP; libere-as ou use um espelho por HTTPS",
                    "{address} answers, but its data port {port} does not ({en}): a firewall of this network may block FTP's high ports; open them, or use a mirror by HTTPS"
                ))
                .with("cause", NO_DATA)
                .with("port", port)
            }
        })
    }

    pub fn read_data(&self, data: &mut TcpStream, into: &mut [u8]) -> Result<usize> {
        connection::read(data, into, self.patience.silent, self.cancel).map_err(|broken| self.broken(broken))
    }

    /// An error unless the reply is of this kind. `path`: what was asked for.
    pub fn check_reply(&self, reply: &Reply, kind: u16, path: &str) -> Result<()> {
        if reply.kind() == kind { Ok(()) } else { Err(self.refused(reply, path)) }
    }

    /// What a refusal means on this server: see the reply codes of RFC 959, and what the ministry's does with 530.
    pub fn refused(&self, reply: &Reply, path: &str) -> Error {
        let (address, code, said) = (&self.place.address, reply.code, reply.text.trim());
        let full = || {
            let said = said.to_lowercase();
            ["maximum", "too many", "limit", "try again", "busy"].iter().any(|word| said.contains(word))
        };
        match code {
            550 | 551 | 553 => gone(address, path, &format!("{code} {said}")),
            530 if !full() => Error::new(
                Code::CredentialsRefused,
                text!(
                    "{address} recusou o usuário ou a senha ({code} \"{said}\"); confira-os no endereço",
                    "{address} refused the user or the password ({code} \"{said}\"); check them in the address"
                ),
            )
            .stage("download"),
            530 | 421 if full() => lost(text!(
                "{address} não aceita mais clientes agora ({code} \"{said}\"); tente de novo mais tarde",
                "{address} takes no more clients now ({code} \"{said}\"); try again later"
            ))
            .with("cause", BUSY)
            .with("server_reply", format!("{code} {said}")),
            400..=499 => lost(text!(
                "{address} não atende agora ({code} \"{said}\"); tente de novo mais tarde",
                "{address} does not serve now ({code} \"{said}\"); try again later"
            ))
            .with("server_reply", format!("{code} {said}")),
            _ => Error::new(
                Code::Unreachable,
                text!(
                    "{address} recusou o que lhe foi pedido ({code} \"{said}\")",
                    "{address} refused what it was asked ({code} \"{said}\")"
                ),
            )
            .with("server_reply", format!("{code} {said}"))
            .stage("download"),
        }
    }

    fn broken(&self, broken: Broken) -> Error {
        let address = &self.place.address;
        match broken {
            Broken::Stopped(error) => error,
            Broken::Silent(time) => {
                let seconds = time.as_secs_f64();
                lost(text!(
                    "{address} não mandou nada por {seconds} s, com a conexão aberta; tente de novo mais tarde",
                    "{address} sent nothing for {seconds} s on an open connection; try again later"
                ))
                .with("cause", "stalled")
            }
            broken @ Broken::Io(_) => {
                let Text { pt, en } = broken.words();
                lost(text!(
                    "A conexão com {address} caiu ({pt}); tente de novo mais tarde",
                    "The connection to {address} broke off ({en}); try again later"
                ))
            }
        }
    }

    fn odd(&self, said: &str) -> Error {
        let (address, said) = (&self.place.address, said.trim());
        lost(text!(
            "{address} não responde como um servidor FTP (\"{said}\")",
            "{address} does not answer as an FTP server does (\"{said}\")"
        ))
    }
}

/// The code that a line begins with.
fn code_of(line: &str) -> Option<u16> {
    let digits = line.get(..3)?.bytes().all(|byte| byte.is_ascii_digit());
    let ends = line.as_bytes().get(3).is_none_or(|byte| matches!(byte, b' ' | b'-'));
    if digits && ends { line[..3].parse().ok() } else { None }
}

/// `Entering Extended Passive Mode (|||5539|)`.
fn extended_port(reply: &str) -> Option<u16> {
    let inner = reply.split_once('(')?.1.split_once(')')?.0;
    let sign = inner.chars().next()?;
    inner.trim_matches(sign).rsplit(sign).next()?.parse().ok().filter(|port| *port > 0)
}

/// `Entering Passive Mode (189,28,143,1,21,163).`, with or without brackets.
fn passive_port(reply: &str) -> Option<u16> {
    let numbers = reply.trim_start_matches(|c: char| !c.is_ascii_digit());
    let numbers = numbers.split(|c: char| c != ',' && !c.is_ascii_digit()).next()?;
    let numbers: Vec<u16> =
        numbers.split(',').map(|one| one.parse().ok().filter(|n| *n < 256)).collect::<Option<_>>()?;
    match numbers[..] {
        [_, _, _, _, high, low] => Some(high * 256 + low).filter(|port| *port > 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_both_forms_and_nothing_else_is() {
        assert_eq!(extended_port("Entering Extended Passive Mode (|||5539|)"), Some(5539));
        assert_eq!(extended_port("ok (!!!6446!)"), Some(6446));
        assert_eq!(passive_port("Entering Passive Mode (189,28,143,1,21,163)."), Some(21 * 256 + 163));
        assert_eq!(passive_port("=127,0,0,1,4,0"), Some(1024));
        for odd in ["", "(|||0|)", "(|||99999|)", "no port"] {
            assert_eq!((extended_port(odd), passive_port(odd)), (None, None), "{odd}");
        }
        assert_eq!(passive_port("(1,2,3,4,5)"), None);
        assert_eq!(passive_port("(1,2,3,4,256,1)"), None);
    }
}
