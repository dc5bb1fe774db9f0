//! What a server sends, bounded before the driver sees it. The driver reads a message of any length into memory, keeps notices
//! without end, and asks the server about every type that it does not know, by statements whose types it does not know either:
//! a server that lies takes the process with it. Here each message has its form and its size, and each answer an end.

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::Type;

use crate::base::{Code, Text, text};

/// Why a server is not listened to any more.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub code: Code,
    /// For programs.
    pub cause: &'static str,
    pub what: Text,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what.en)
    }
}

impl std::error::Error for Refused {}

impl Refused {
    fn answer(cause: &'static str, what: Text) -> Self {
        Refused { code: Code::Unreachable, cause, what }
    }

    fn form(kind: u8) -> Self {
        let kind = (kind as char).escape_default();
        Refused::answer(
            "malformed_message",
            text!("uma mensagem ({kind}) de forma desconhecida", "a message ({kind}) of unknown form"),
        )
    }

    fn size(kind: u8, bytes: usize) -> Self {
        let kind = (kind as char).escape_default();
        Refused::answer(
            "message_too_long",
            text!("uma mensagem ({kind}) de {bytes} bytes", "a message ({kind}) of {bytes} bytes"),
        )
    }
}

/// Bytes of a row, and of the rows of one answer in memory.
const ROW: usize = 16 << 20;
const ANSWER: usize = 256 << 20;
/// Of these, what the driver keeps beside a row, and beside each of its fields: where it stands.
const BESIDE_ROW: usize = 32;
const BESIDE_FIELD: usize = size_of::<Option<std::ops::Range<usize>>>();
/// Bytes of an error or notice, and of each field that is kept of it.
const SAID: usize = 1 << 20;
const FIELD: usize = 2_000;
/// Columns or parameters: more than PostgreSQL has in one statement's answer.
const COLUMNS: usize = 1_664;
/// Messages that answer nothing, until the server is ready for the next statement, and their bytes.
const ASIDES: usize = 10_000;
const ASIDE_BYTES: usize = 16 << 20;
/// Messages and bytes before the first statement.
const STARTUP: usize = 1_000;
const STARTUP_BYTES: usize = 1 << 20;

/// Where the next byte belongs.
enum Part {
    Header,
    /// So many bytes of a body go on as they come.
    Row(usize),
    /// A body that is looked at once it is whole.
    Body(u8, usize),
}

pub(super) struct Filter {
    part: Part,
    kept: Vec<u8>,
    /// A password may go over as it is: nobody listens, or it stays on this machine.
    private: bool,
    /// Start-up is over.
    ready: bool,
    columns: usize,
    answer: usize,
    asides: usize,
    aside_bytes: usize,
}

impl Filter {
    pub(super) fn new(private: bool) -> Self {
        Filter {
            part: Part::Header,
            kept: Vec::new(),
            private,
            ready: false,
            columns: 0,
            answer: 0,
            asides: 0,
            aside_bytes: 0,
        }
    }

    pub(super) fn ready(&self) -> bool {
        self.ready
    }

    /// Takes what came, and gives what may go on.
    pub(super) fn push(&mut self, mut came: &[u8], out: &mut BytesMut) -> Result<(), Refused> {
        while !came.is_empty() {
            match &mut self.part {
                Part::Row(left) => {
                    let taken = came.len().min(*left);
                    out.extend_from_slice(&came[..taken]);
                    came = &came[taken..];
                    *left -= taken;
                    if *left == 0 {
                        self.part = Part::Header;
                    }
                }
                Part::Header => {
                    let taken = came.len().min(5 - self.kept.len());
                    self.kept.extend_from_slice(&came[..taken]);
                    came = &came[taken..];
                    if let [kind, a, b, c, d] = self.kept[..] {
                        let length = u32::from_be_bytes([a, b, c, d]) as usize;
                        let size = length.checked_sub(4).ok_or_else(|| Refused::form(kind))?;
                        self.admit(kind, size)?;
                        if kind == b'D' {
                            out.extend_from_slice(&self.kept);
                            self.part = if size == 0 { Part::Header } else { Part::Row(size) };
                        } else {
                            self.part = Part::Body(kind, size);
                        }
                        self.kept.clear();
                        self.whole(out)?;
                    }
                }
                Part::Body(_, size) => {
                    let taken = came.len().min(*size - self.kept.len());
                    self.kept.extend_from_slice(&came[..taken]);
                    came = &came[taken..];
                    self.whole(out)?;
                }
            }
        }
        Ok(())
    }

    /// A body that is complete is looked at, and goes on.
    fn whole(&mut self, out: &mut BytesMut) -> Result<(), Refused> {
        let Part::Body(kind, size) = self.part else { return Ok(()) };
        if self.kept.len() < size {
            return Ok(());
        }
        self.part = Part::Header;
        let mut body = std::mem::take(&mut self.kept);
        if self.look(kind, &mut body)? {
            out.put_u8(kind);
            // Bounded, far below four bytes' range.
            out.put_u32(body.len() as u32 + 4);
            out.extend_from_slice(&body);
        }
        body.clear();
        self.kept = body;
        Ok(())
    }

    /// Kind and size of a message, before anything of it is kept.
    fn admit(&mut self, kind: u8, size: usize) -> Result<(), Refused> {
        let most = match kind {
            b'1' | b'2' | b'3' | b'n' | b'I' | b's' => 0,
            b'Z' => 1,
            b'K' => 8,
            b'C' => 256,
            b'R' | b'S' | b'G' | b't' => 8 << 10,
            b'T' => 256 << 10,
            b'E' | b'N' | b'A' => SAID,
            b'D' => ROW,
            // Nothing of the kind was asked for.
            _ => return Err(Refused::form(kind)),
        };
        if size > most {
            return Err(Refused::size(kind, size));
        }
        if kind == b'D' {
            self.answer += size + BESIDE_ROW + BESIDE_FIELD * self.columns;
            if self.answer > ANSWER {
                let most = ANSWER >> 20;
                return Err(Refused::answer(
                    "answer_too_long",
                    text!("uma resposta de mais de {most} MB", "an answer of more than {most} MB"),
                ));
            }
        }
        if !self.ready || matches!(kind, b'N' | b'A' | b'S') {
            self.asides += 1;
            self.aside_bytes += size;
            let (messages, bytes) = if self.ready { (ASIDES, ASIDE_BYTES) } else { (STARTUP, STARTUP_BYTES) };
            if self.asides > messages || self.aside_bytes > bytes {
                return Err(Refused::answer(
                    "flood",
                    text!(
                        "mensagens sem fim que nada respondem (mais de {messages}, ou de {bytes} bytes)",
                        "messages without end that answer nothing (more than {messages}, or {bytes} bytes)"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// False: the driver need not see it.
    fn look(&mut self, kind: u8, body: &mut Vec<u8>) -> Result<bool, Refused> {
        match kind {
            b'Z' => {
                if body.len() != 1 {
                    return Err(Refused::form(kind));
                }
                (self.ready, self.answer, self.asides, self.aside_bytes) = (true, 0, 0, 0);
            }
            b'R' => self.authentication(body)?,
            b'T' => self.columns = row_description(body)?,
            b't' => {
                let types = body.get(2..).ok_or_else(|| Refused::form(kind))?.chunks_exact(4);
                if counted(body, kind)? != types.len() || !types.remainder().is_empty() {
                    return Err(Refused::form(kind));
                }
                types.map(oid).try_for_each(known)?;
            }
            b'G' => {
                let columns = counted(body.get(1..).unwrap_or_default(), kind)?;
                if body.len() != 3 + 2 * columns {
                    return Err(Refused::form(kind));
                }
            }
            b'E' => *body = shortened(body),
            // What it says of itself after the start, and what it says to everybody, is of no use to us.
            b'N' | b'A' => return Ok(false),
            b'S' => return Ok(!self.ready),
            _ => {}
        }
        Ok(true)
    }

    fn authentication(&self, body: &[u8]) -> Result<(), Refused> {
        let kind = body.first_chunk().map(|kind| u32::from_be_bytes(*kind));
        let method = match kind {
            Some(_) | None if self.ready => return Err(Refused::form(b'R')),
            Some(0 | 5 | 10 | 11 | 12) => return Ok(()),
            Some(3) if self.private => return Ok(()),
            Some(3) => {
                return Err(Refused {
                    code: Code::CredentialsRefused,
                    cause: "cleartext_password",
                    what: text!(
                        "o pedido da senha em claro, por uma conexão não cifrada: ela não foi enviada. Use TLS (sslmode=verify-full), ou peça ao administrador SCRAM (scram-sha-256)",
                        "a request for the password in clear, over a connection that is not encrypted: it was not sent. Use TLS (sslmode=verify-full), or ask the administrator for SCRAM (scram-sha-256)"
                    ),
                });
            }
            Some(2) => "Kerberos",
            Some(7 | 8) => "GSSAPI",
            Some(9) => "SSPI",
            _ => return Err(Refused::form(b'R')),
        };
        Err(Refused {
            code: Code::CredentialsRefused,
            cause: "unsupported_authentication",
            what: text!(
                "o pedido de autenticação por {method}, que o datasus não faz; peça ao administrador SCRAM (scram-sha-256)",
                "a request for authentication by {method}, which datasus does not do; ask the administrator for SCRAM (scram-sha-256)"
            ),
        })
    }
}

/// The count that a body begins with.
fn counted(body: &[u8], kind: u8) -> Result<usize, Refused> {
    let count = body.first_chunk().map(|count| usize::from(u16::from_be_bytes(*count)));
    match count.ok_or_else(|| Refused::form(kind))? {
        count if count > COLUMNS => Err(Refused::answer(
            "too_many_columns",
            text!("uma resposta de {count} colunas", "an answer of {count} columns"),
        )),
        count => Ok(count),
    }
}

fn oid(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |oid| u32::from_be_bytes(*oid))
}

/// Every type that we ask for is one that the driver knows; it would look up another.
fn known(oid: u32) -> Result<(), Refused> {
    match Type::from_oid(oid) {
        Some(_) => Ok(()),
        None => Err(Refused::answer(
            "unknown_type",
            text!("um tipo desconhecido ({oid})", "a type that is not known ({oid})"),
        )),
    }
}

/// Columns of a row description whose types are known.
fn row_description(body: &[u8]) -> Result<usize, Refused> {
    let malformed = || Refused::form(b'T');
    let columns = counted(body, b'T')?;
    let mut rest = &body[2..];
    for _ in 0..columns {
        let end = rest.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
        // Table and number of the column, type, its size, its modifier, format.
        let of = rest.get(end + 1..end + 19).ok_or_else(malformed)?;
        known(oid(&of[6..10]))?;
        rest = &rest[end + 19..];
    }
    if rest.is_empty() { Ok(columns) } else { Err(malformed()) }
}

/// An error's fields, each cut where nobody reads on.
fn shortened(body: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(body.len().min(16 << 10));
    for field in body.split(|byte| *byte == 0).filter(|field| !field.is_empty()).take(40) {
        if field.len() <= FIELD {
            kept.extend_from_slice(field);
        } else {
            let mut end = FIELD;
            // Not within a character.
            while end > 0 && field[end] & 0xc0 == 0x80 {
                end -= 1;
            }
            kept.extend_from_slice(&field[..end]);
            kept.extend_from_slice("…".as_bytes());
        }
        kept.push(0);
    }
    kept.push(0);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![kind];
        message.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        message.extend_from_slice(body);
        message
    }

    fn passed(filter: &mut Filter, bytes: &[u8], piece: usize) -> Result<Vec<u8>, Refused> {
        let mut out = BytesMut::new();
        bytes.chunks(piece).try_for_each(|piece| filter.push(piece, &mut out)).map(|()| out.to_vec())
    }

    fn described(types: &[u32]) -> Vec<u8> {
        let mut body = (types.len() as u16).to_be_bytes().to_vec();
        for kind in types {
            body.extend_from_slice(b"nome\0\0\0\0\0\0\0");
            body.extend_from_slice(&kind.to_be_bytes());
            body.extend_from_slice(&[0; 8]);
        }
        message(b'T', &body)
    }

    #[test]
    fn an_honest_session_passes_unchanged_whatever_pieces_it_comes_in() {
        let mut session = message(b'R', &0u32.to_be_bytes());
        session.extend(message(b'S', b"server_version\x0017\0"));
        session.extend(message(b'K', &[0; 8]));
        session.extend(message(b'Z', b"I"));
        session.extend(message(b'1', b""));
        session.extend(described(&[25, 20, 1009]));
        session.extend(message(b'D', b"\0\x01\0\0\0\x02ab"));
        session.extend(message(b'D', b""));
        session.extend(message(b'C', b"SELECT 1\0"));
        session.extend(message(b't', b"\0\x01\0\0\0\x19"));
        session.extend(message(b'G', b"\x01\0\x02\0\x01\0\x01"));
        session.extend(message(b'E', b"SERRO\0C42P01\0Mn\xc3\xa3o existe\0\0"));
        for piece in [1, 2, 3, 7, 4096] {
            let passed = passed(&mut Filter::new(false), &session, piece).unwrap();
            assert_eq!(passed, session, "{piece}");
        }
    }

    #[test]
    fn what_is_said_is_cut_and_what_nobody_asked_for_is_left_out() {
        let said = format!("SERRO\0M{}\0\0", "ã".repeat(4000));
        let mut filter = Filter::new(false);
        let cut = passed(&mut filter, &message(b'E', said.as_bytes()), 999).unwrap();
        assert!(cut.len() < 2_050 && std::str::from_utf8(&cut[5..]).unwrap().ends_with("ã…\0\0"), "{}", cut.len());
        assert!(passed(&mut filter, &message(b'N', b"MAVISO\0\0"), 5).unwrap().is_empty());
        passed(&mut filter, &message(b'Z', b"I"), 5).unwrap();
        assert!(passed(&mut filter, &message(b'S', b"a\0b\0"), 5).unwrap().is_empty());
        let mut many = message(b'A', b"\0\0\0\0a\0b\0").repeat(ASIDES);
        assert!(passed(&mut filter, &many[..many.len() - 26], 4096).unwrap().is_empty());
        many = message(b'N', b"").repeat(10);
        assert_eq!(passed(&mut filter, &many, 4096).unwrap_err().cause, "flood");
    }
}
