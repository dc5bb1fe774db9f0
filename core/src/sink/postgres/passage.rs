//! The way to a server: plain or by TLS as the address demands, and in either case through the [`Filter`].

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::filter::{Filter, Refused};
use super::tls;
use super::url::{Trust, Url};
use crate::base::{Code, Result, text};

/// What the filter refused in a session that had begun: the driver says no more of it than that the session is closed.
#[derive(Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<Option<Refused>>>);

impl Refusals {
    pub(super) fn get(&self) -> Option<Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, refused: &Refused) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| refused.clone());
    }
}

/// Makes what the driver takes for TLS of its own kind (`sslnegotiation=direct`), so that every byte comes by here.
#[derive(Clone)]
pub(super) struct Passage {
    tls: MakeRustlsConnect,
    trust: Trust,
    direct: bool,
    local: bool,
    refusals: Refusals,
}

impl Passage {
    pub(super) fn of(url: &Url) -> Result<Self> {
        let Url { trust, direct, local, ref refusals, .. } = *url;
        Ok(Passage { tls: tls::connector(url)?, trust, direct, local, refusals: refusals.clone() })
    }
}

/// What a stream is made of: any, for a socket of the driver's or our own.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Duplex for S {}

type Rustls<S> = <MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect;
type Encrypted<S> = <MakeRustlsConnect as MakeTlsConnect<S>>::Stream;

impl<S: Duplex> MakeTlsConnect<S> for Passage {
    type Stream = Guarded<S>;
    type TlsConnect = Passing<S>;
    type Error = std::convert::Infallible;

    fn make_tls_connect(&mut self, host: &str) -> std::result::Result<Passing<S>, Self::Error> {
        let tls = MakeTlsConnect::<S>::make_tls_connect(&mut self.tls, host)?;
        Ok(Passing { tls, passage: self.clone() })
    }
}

pub(super) struct Passing<S: Duplex> {
    tls: Rustls<S>,
    passage: Passage,
}

impl<S: Duplex> TlsConnect<S> for Passing<S> {
    type Stream = Guarded<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Guarded<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(self.pass(stream))
    }
}

/// A client's request for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

impl<S: Duplex> Passing<S> {
    async fn pass(self, mut stream: S) -> io::Result<Guarded<S>> {
        let Passage { trust, direct, local, refusals, .. } = self.passage;
        let encrypted = match trust {
            Trust::Disable => false,
            _ if direct => true,
            _ => {
                stream.write_all(&SSL_REQUEST).await?;
                let mut answer = [0];
                stream.read_exact(&mut answer).await?;
                match (answer[0], trust) {
                    (b'S', _) => true,
                    (b'N', Trust::Prefer) => false,
                    (b'N', _) => return Err(io::Error::other(not_offered())),
                    (other, _) => return Err(io::Error::other(odd_answer(other))),
                }
            }
        };
        let way = if encrypted { Way::Encrypted(self.tls.connect(stream).await?) } else { Way::Plain(stream) };
        let filter = Filter::new(encrypted || local);
        Ok(Guarded { way, filter, refusals, raw: vec![0; 16 << 10].into(), passed: BytesMut::new() })
    }
}

fn not_offered() -> Refused {
    Refused {
        code: Code::CredentialsRefused,
        cause: "tls_not_offered",
        what: text!("que não oferece TLS", "that it does not offer TLS"),
    }
}

fn odd_answer(byte: u8) -> Refused {
    let shown = (byte as char).escape_default();
    Refused {
        code: Code::Unreachable,
        cause: "malformed_message",
        what: text!(
            "\"{shown}\" ao pedido de TLS, onde S ou N se espera",
            "\"{shown}\" to the request for TLS, where S or N is expected"
        ),
    }
}

enum Way<S: Duplex> {
    Plain(S),
    Encrypted(Encrypted<S>),
}

/// A stream of which the driver sees what the filter lets pass.
pub(super) struct Guarded<S: Duplex> {
    way: Way<S>,
    filter: Filter,
    refusals: Refusals,
    raw: Box<[u8]>,
    passed: BytesMut,
}

impl<S: Duplex> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Guarded { way, filter, refusals, raw, passed } = self.get_mut();
        while passed.is_empty() {
            let mut piece = ReadBuf::new(raw);
            ready!(match way {
                Way::Plain(stream) => Pin::new(stream).poll_read(cx, &mut piece),
                Way::Encrypted(stream) => Pin::new(stream).poll_read(cx, &mut piece),
            })?;
            let came = piece.filled();
            if came.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if let Err(refused) = filter.push(came, passed) {
                if filter.ready() {
                    refusals.note(&refused);
                }
                return Poll::Ready(Err(io::Error::other(refused)));
            }
        }
        let taken = passed.len().min(into.remaining());
        into.put_slice(&passed[..taken]);
        passed.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: Duplex> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().way {
            Way::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Way::Encrypted(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Way::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Way::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl<S: Duplex> TlsStream for Guarded<S> {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.way {
            Way::Plain(_) => ChannelBinding::none(),
            Way::Encrypted(stream) => stream.channel_binding(),
        }
    }
}
