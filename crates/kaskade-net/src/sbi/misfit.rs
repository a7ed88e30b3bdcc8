//! Two ends that do not fit together, such as TLS at one and clear text at the other: what is wrong, and what to do.
//!
//! What the libraries say of it is that a message is corrupt, or that a connection was closed.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use rustls::{AlertDescription, CertificateError, Error as TlsFailure};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// As a server sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    #[error(
        "the peer speaks TLS, and this port is in clear: it needs an http:// URL, or this port a certificate (tls.cert)"
    )]
    TlsToClear,
    #[error("the peer speaks HTTP/1: it must speak HTTP/2 with prior knowledge")]
    Http1,
    #[error("the peer speaks neither HTTP/2 nor TLS")]
    Other,
    #[error("the peer speaks no TLS, and this port does: it needs an https:// URL")]
    ClearToTls,
    #[error("the peer has no TLS 1.3: this port takes nothing older")]
    OldTls,
    #[error("the peer offers no HTTP/2 (ALPN h2)")]
    NoAlpn,
    #[error("the peer has no certificate, and this port asks for one (tls.client_ca)")]
    NoCertificate,
    #[error("the peer's certificate is refused: {0}; tls.client_ca must hold the authority that signed it")]
    Certificate(String),
    #[error("the peer refuses this port's certificate ({0}): it must trust the authority that signed tls.cert")]
    OwnCertificate(String),
}

impl Misfit {
    /// What the first octets in clear show.
    pub(super) fn of_octets(octets: &[u8]) -> Self {
        match octets {
            [HANDSHAKE, TLS_MAJOR, ..] => Self::TlsToClear,
            _ if is_http_1(octets) => Self::Http1,
            _ => Self::Other,
        }
    }

    /// What a failed TLS handshake of a server shows, if it shows anything.
    pub(super) fn of_handshake(error: &io::Error) -> Option<Self> {
        Some(match tls_failure(error)? {
            TlsFailure::InvalidMessage(_) => Self::ClearToTls,
            TlsFailure::PeerIncompatible(_) => Self::OldTls,
            TlsFailure::NoApplicationProtocol => Self::NoAlpn,
            TlsFailure::NoCertificatesPresented => Self::NoCertificate,
            TlsFailure::InvalidCertificate(why) => Self::Certificate(plain(why)),
            TlsFailure::AlertReceived(alert) => Self::OwnCertificate(format!("{alert:?}")),
            _ => return None,
        })
    }

    pub(super) fn into_error(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }
}

/// As a client sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ServerMisfit {
    #[error("it speaks TLS: use https://")]
    Tls,
    #[error("it speaks HTTP/1 and not HTTP/2 with prior knowledge")]
    Http1,
    #[error("it closed the connection before it said anything; a port with TLS may do so, which needs https://")]
    SilentInClear,
    #[error("it closed the connection before it said anything; a port that asks for certificates may do so")]
    SilentOverTls,
    #[error("it speaks no TLS: use http://, or set TLS up there")]
    Clear,
    #[error("it asks for a certificate, and none was given")]
    AsksForCertificate,
    #[error("it refuses the certificate that was given, or the want of one ({0}): it must trust its authority")]
    RefusesCertificate(String),
    #[error("it offers no HTTP/2 over TLS (ALPN h2)")]
    NoAlpn,
    #[error("it has no TLS 1.3")]
    OldTls,
    #[error("its certificate is signed by no authority that is trusted here")]
    UnknownAuthority,
    #[error("its certificate is refused: {0}")]
    Certificate(String),
}

impl ServerMisfit {
    fn of_octets(octets: &[u8]) -> Option<Self> {
        match octets {
            // As the length of a frame it would be more than any may have.
            [ALERT | HANDSHAKE, TLS_MAJOR, ..] => Some(Self::Tls),
            _ if octets.starts_with(b"HTTP/1") => Some(Self::Http1),
            _ => None,
        }
    }

    fn of_tls(error: &io::Error) -> Option<Self> {
        Some(match tls_failure(error)? {
            TlsFailure::InvalidMessage(_) => Self::Clear,
            TlsFailure::PeerIncompatible(_) => Self::OldTls,
            TlsFailure::NoApplicationProtocol => Self::NoAlpn,
            TlsFailure::AlertReceived(alert) => match alert {
                AlertDescription::CertificateRequired => Self::AsksForCertificate,
                AlertDescription::NoApplicationProtocol => Self::NoAlpn,
                AlertDescription::ProtocolVersion => Self::OldTls,
                alert => Self::RefusesCertificate(format!("{alert:?}")),
            },
            TlsFailure::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
                Self::UnknownAuthority
            }
            TlsFailure::InvalidCertificate(why) => Self::Certificate(plain(why)),
            _ => return None,
        })
    }

    fn into_error(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }

    /// A failed TLS handshake of a client, said so that one can mend it.
    pub(super) fn explain(error: io::Error) -> io::Error {
        match Self::of_tls(&error) {
            Some(misfit) => misfit.into_error(),
            None => error,
        }
    }
}

/// Kinds of TLS records, and the first octet of their version (RFC 8446 5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const TLS_MAJOR: u8 = 3;

/// A request line, or the beginning of one: a method in capitals and a blank.
fn is_http_1(octets: &[u8]) -> bool {
    let word = octets.iter().take_while(|octet| octet.is_ascii_uppercase()).count();
    word > 0 && matches!(octets.get(word), None | Some(b' ')) && !octets.starts_with(b"PRI ")
}

fn tls_failure(error: &io::Error) -> Option<&TlsFailure> {
    error.get_ref()?.downcast_ref()
}

/// Why a certificate is refused, in one word or as the library says it where there is more to say.
fn plain(why: &CertificateError) -> String {
    match why {
        // A bad signature is that of an authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => "unknown authority".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "not valid yet".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its extended key usage is for something else".to_owned()
        }
        why => why.to_string(),
    }
}

/// What a client has heard of a connection so far.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<OnceLock<First>>);

enum First {
    /// Octets that may be HTTP/2.
    Http2,
    Misfit(ServerMisfit),
    /// The end, or an error that says nothing more.
    Nothing,
}

impl Heard {
    /// Why the peer cannot be talked to, where it has shown that.
    pub(super) fn misfit(&self) -> Option<io::Error> {
        match self.0.get()? {
            First::Misfit(misfit) => Some(misfit.clone().into_error()),
            First::Http2 | First::Nothing => None,
        }
    }

    /// What to suppose of a connection that ended before anything was heard.
    pub(super) fn silence(&self, in_clear: bool) -> Option<io::Error> {
        let misfit = match (self.0.get(), in_clear) {
            (Some(First::Http2 | First::Misfit(_)), _) => return None,
            (_, true) => ServerMisfit::SilentInClear,
            (_, false) => ServerMisfit::SilentOverTls,
        };
        Some(misfit.into_error())
    }

    fn note(&self, first: First) {
        // The first counts.
        let _ = self.0.set(first);
    }
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heard")
    }
}

/// A stream of a client that takes note of what comes first.
#[derive(Debug)]
pub(super) struct Listening<I> {
    io: I,
    heard: Heard,
}

impl<I> Listening<I> {
    pub(super) fn new(io: I, heard: Heard) -> Self {
        Self { io, heard }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Listening<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = ready!(Pin::new(&mut self.io).poll_read(cx, buf));
        if self.heard.0.get().is_none() {
            self.heard.note(match &done {
                Ok(()) => match buf.filled().get(before..) {
                    None | Some([]) => First::Nothing,
                    Some(octets) => ServerMisfit::of_octets(octets).map_or(First::Http2, First::Misfit),
                },
                Err(error) => ServerMisfit::of_tls(error).map_or(First::Nothing, First::Misfit),
            });
        }
        Poll::Ready(done)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Listening<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_octets_are_told_apart() {
        for (octets, misfit) in [
            (&b"\x16\x03\x01\x02\x00"[..], Misfit::TlsToClear),
            (b"GET / HTTP/1.1\r\n", Misfit::Http1),
            (b"OPTIONS", Misfit::Http1),
            (b"PRI * HTTP/2.0\r\n\r\nXX", Misfit::Other),
            (b"\x16", Misfit::Other),
            (b"\x16\x04", Misfit::Other),
            (b"get / HTTP/1.1", Misfit::Other),
            (b"\0\0\0", Misfit::Other),
            (b"", Misfit::Other),
        ] {
            assert_eq!(Misfit::of_octets(octets), misfit, "{octets:?}");
        }
        for (octets, misfit) in [
            (&b"\x15\x03\x03\x00\x02\x02\x46"[..], Some(ServerMisfit::Tls)),
            (b"HTTP/1.1 400 Bad Request", Some(ServerMisfit::Http1)),
            (b"\0\0\x12\x04\0\0\0\0\0", None),
        ] {
            assert_eq!(ServerMisfit::of_octets(octets), misfit, "{octets:?}");
        }
    }

    #[test]
    fn what_tls_says_is_explained() {
        let io_error = |failure| io::Error::new(io::ErrorKind::InvalidData, failure);
        let silent = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(Misfit::of_handshake(&silent), None);
        let none = io_error(TlsFailure::NoCertificatesPresented);
        assert_eq!(Misfit::of_handshake(&none), Some(Misfit::NoCertificate));
        let asked = io_error(TlsFailure::AlertReceived(AlertDescription::CertificateRequired));
        assert_eq!(ServerMisfit::of_tls(&asked), Some(ServerMisfit::AsksForCertificate));
        let general = io_error(TlsFailure::General("x".to_owned()));
        assert_eq!(ServerMisfit::explain(general).to_string(), "unexpected error: x");
    }
}
