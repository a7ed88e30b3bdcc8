//! Two ends that do not fit together, such as TLS at one and clear text at the other: what is wrong, and what to do.
//!
//! What the libraries say of it is that a message is corrupt, or that a connection was closed.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use rustls::{AlertDescription, CertificateError, Error as TlsFailure, InvalidMessage, PeerIncompatible};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::peer::shown;

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
    #[error("the peer's certificate is refused: tls.client_ca does not hold the authority that signed it")]
    UnknownAuthority,
    #[error("the peer's certificate is refused: {0}")]
    Certificate(String),
    #[error("the peer refuses this port's certificate: it does not know the authority that signed tls.cert")]
    OwnAuthority,
    #[error("the peer refuses this port's certificate (alert {0})")]
    OwnCertificate(String),
    #[error("TLS: {0}")]
    Tls(String),
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

    /// What a failed TLS handshake of a server shows, if it was TLS that failed.
    pub(super) fn of_handshake(error: &io::Error) -> Option<Self> {
        let failure = tls_failure(error)?;
        Some(match failure {
            TlsFailure::InvalidMessage(InvalidMessage::InvalidContentType) => Self::ClearToTls,
            // Those of a client that offers TLS 1.2 or older to one that has 1.3 alone.
            TlsFailure::PeerIncompatible(
                PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled,
            ) => Self::OldTls,
            TlsFailure::NoApplicationProtocol => Self::NoAlpn,
            TlsFailure::NoCertificatesPresented => Self::NoCertificate,
            TlsFailure::InvalidCertificate(CertificateError::UnknownIssuer) => Self::UnknownAuthority,
            TlsFailure::InvalidCertificate(why) => Self::Certificate(plain(why)),
            TlsFailure::AlertReceived(AlertDescription::UnknownCA) => Self::OwnAuthority,
            TlsFailure::AlertReceived(alert) if is_of_certificate(*alert) => Self::OwnCertificate(format!("{alert:?}")),
            failure => Self::Tls(shown(&failure.to_string())),
        })
    }

    pub(super) fn into_error(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }
}

/// As a client sees it. None of them is mended by trying again.
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
    #[error("it does not know the authority that signed the certificate that was given")]
    OwnAuthority,
    #[error("it refuses the certificate that was given, or the want of one (alert {0})")]
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

    /// `None` where the library says as much as is known.
    fn of_tls(error: &io::Error) -> Option<Self> {
        Some(match tls_failure(error)? {
            TlsFailure::InvalidMessage(InvalidMessage::InvalidContentType) => Self::Clear,
            TlsFailure::PeerIncompatible(
                PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::ServerDoesNotSupportTls12Or13,
            )
            | TlsFailure::AlertReceived(AlertDescription::ProtocolVersion) => Self::OldTls,
            TlsFailure::NoApplicationProtocol | TlsFailure::AlertReceived(AlertDescription::NoApplicationProtocol) => {
                Self::NoAlpn
            }
            TlsFailure::AlertReceived(AlertDescription::CertificateRequired) => Self::AsksForCertificate,
            TlsFailure::AlertReceived(AlertDescription::UnknownCA) => Self::OwnAuthority,
            TlsFailure::AlertReceived(alert) if is_of_certificate(*alert) => {
                Self::RefusesCertificate(format!("{alert:?}"))
            }
            TlsFailure::InvalidCertificate(CertificateError::UnknownIssuer) => Self::UnknownAuthority,
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

    /// Whether an error is one, so that to try again would not help.
    pub(super) fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// Kinds of TLS records, and the first octet of their version (RFC 8446 5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const TLS_MAJOR: u8 = 3;

/// A method of HTTP/1 (RFC 9110 9.3, RFC 5789) and a blank; what begins otherwise may be anything.
fn is_http_1(octets: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET ",
        b"HEAD ",
        b"POST ",
        b"PUT ",
        b"DELETE ",
        b"CONNECT ",
        b"OPTIONS ",
        b"TRACE ",
        b"PATCH ",
    ];
    METHODS.iter().any(|method| octets.starts_with(method))
}

/// Whether an alert can be about nothing but a certificate (RFC 8446 6.2).
const fn is_of_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRequired
    )
}

fn tls_failure(error: &io::Error) -> Option<&TlsFailure> {
    error.get_ref()?.downcast_ref()
}

/// Why a certificate is refused, in few words or as the library says it where there is more to say.
fn plain(why: &CertificateError) -> String {
    match why {
        CertificateError::ExpiredContext { .. } => "expired".to_owned(),
        CertificateError::NotValidYetContext { .. } => "not valid yet".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its extended key usage is for something else".to_owned()
        }
        CertificateError::BadSignature => {
            "a signature of it or of the handshake is wrong; an authority of the same name may have signed it"
                .to_owned()
        }
        why => shown(&why.to_string()),
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
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::UnixTime;

    use super::*;

    #[test]
    fn first_octets_are_told_apart() {
        for (octets, misfit) in [
            (&b"\x16\x03\x01\x02\x00"[..], Misfit::TlsToClear),
            (b"GET / HTTP/1.1\r\n", Misfit::Http1),
            (b"OPTIONS * HTTP/1.1", Misfit::Http1),
            // Not enough to know, or something else in capitals.
            (b"OPTIONS", Misfit::Other),
            (b"G", Misfit::Other),
            (b"PRIX", Misfit::Other),
            (b"PRIME / HTTP/1.1", Misfit::Other),
            (b"PRI\r", Misfit::Other),
            (b"PRI / HTTP/1.1", Misfit::Other),
            (b"EHLO example.org\r\n", Misfit::Other),
            (b"SSH-2.0-x\r\n", Misfit::Other),
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

    fn io_error(failure: TlsFailure) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, failure)
    }

    fn certificate(why: CertificateError) -> TlsFailure {
        TlsFailure::InvalidCertificate(why)
    }

    fn expired() -> CertificateError {
        let [time, not_after] = [200, 100].map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
        CertificateError::ExpiredContext { time, not_after }
    }

    fn wrong_name(presented: &str) -> CertificateError {
        CertificateError::NotValidForNameContext {
            expected: "udm.example.org".try_into().unwrap(),
            presented: vec![presented.to_owned()],
        }
    }

    /// The whole sentence for every kind of failure: no advice that does not follow from it.
    #[test]
    fn a_server_says_what_it_knows_of_a_failed_handshake() {
        use AlertDescription as Alert;
        use CertificateError as Certificate;
        use PeerIncompatible as Incompatible;

        const OLD: &str = "the peer has no TLS 1.3: this port takes nothing older";
        for (failure, says) in [
            (
                TlsFailure::InvalidMessage(InvalidMessage::InvalidContentType),
                "the peer speaks no TLS, and this port does: it needs an https:// URL",
            ),
            (
                TlsFailure::InvalidMessage(InvalidMessage::MissingKeyExchange),
                "TLS: received corrupt message of type MissingKeyExchange",
            ),
            (Incompatible::SupportedVersionsExtensionRequired.into(), OLD),
            (Incompatible::Tls12NotOffered.into(), OLD),
            (Incompatible::Tls12NotOfferedOrEnabled.into(), OLD),
            (
                Incompatible::NoCipherSuitesInCommon.into(),
                "TLS: peer is incompatible: NoCipherSuitesInCommon",
            ),
            (
                Incompatible::NoKxGroupsInCommon.into(),
                "TLS: peer is incompatible: NoKxGroupsInCommon",
            ),
            (
                Incompatible::NoSignatureSchemesInCommon.into(),
                "TLS: peer is incompatible: NoSignatureSchemesInCommon",
            ),
            (TlsFailure::NoApplicationProtocol, "the peer offers no HTTP/2 (ALPN h2)"),
            (
                TlsFailure::NoCertificatesPresented,
                "the peer has no certificate, and this port asks for one (tls.client_ca)",
            ),
            (
                certificate(Certificate::UnknownIssuer),
                "the peer's certificate is refused: tls.client_ca does not hold the authority that signed it",
            ),
            (certificate(expired()), "the peer's certificate is refused: expired"),
            (
                certificate(Certificate::InvalidPurpose),
                "the peer's certificate is refused: its extended key usage is for something else",
            ),
            (
                certificate(Certificate::BadSignature),
                "the peer's certificate is refused: a signature of it or of the handshake is wrong; an authority of the \
                 same name may have signed it",
            ),
            (
                certificate(Certificate::BadEncoding),
                "the peer's certificate is refused: BadEncoding",
            ),
            (
                Alert::UnknownCA.failure(),
                "the peer refuses this port's certificate: it does not know the authority that signed tls.cert",
            ),
            (
                Alert::CertificateExpired.failure(),
                "the peer refuses this port's certificate (alert CertificateExpired)",
            ),
            (
                Alert::BadCertificate.failure(),
                "the peer refuses this port's certificate (alert BadCertificate)",
            ),
            (
                Alert::HandshakeFailure.failure(),
                "TLS: received fatal alert: HandshakeFailure",
            ),
            (
                Alert::UnrecognisedName.failure(),
                "TLS: received fatal alert: UnrecognisedName",
            ),
            (
                Alert::InternalError.failure(),
                "TLS: received fatal alert: InternalError",
            ),
            (Alert::DecryptError.failure(), "TLS: received fatal alert: DecryptError"),
        ] {
            let said = Misfit::of_handshake(&io_error(failure)).unwrap().to_string();
            assert_eq!(said, says);
        }
        let silent = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(Misfit::of_handshake(&silent), None);
    }

    #[test]
    fn a_client_says_what_it_knows_of_a_failed_handshake() {
        use AlertDescription as Alert;
        use CertificateError as Certificate;
        use PeerIncompatible as Incompatible;

        for (failure, says, misfit) in [
            (
                TlsFailure::InvalidMessage(InvalidMessage::InvalidContentType),
                "it speaks no TLS: use http://, or set TLS up there",
                true,
            ),
            (
                TlsFailure::InvalidMessage(InvalidMessage::MessageTooLarge),
                "received corrupt message of type MessageTooLarge",
                false,
            ),
            (
                Incompatible::ServerTlsVersionIsDisabledByOurConfig.into(),
                "it has no TLS 1.3",
                true,
            ),
            (
                Incompatible::ServerDoesNotSupportTls12Or13.into(),
                "it has no TLS 1.3",
                true,
            ),
            (Alert::ProtocolVersion.failure(), "it has no TLS 1.3", true),
            (
                Incompatible::NoCipherSuitesInCommon.into(),
                "peer is incompatible: NoCipherSuitesInCommon",
                false,
            ),
            (
                Alert::NoApplicationProtocol.failure(),
                "it offers no HTTP/2 over TLS (ALPN h2)",
                true,
            ),
            (
                Alert::CertificateRequired.failure(),
                "it asks for a certificate, and none was given",
                true,
            ),
            (
                Alert::UnknownCA.failure(),
                "it does not know the authority that signed the certificate that was given",
                true,
            ),
            (
                Alert::CertificateExpired.failure(),
                "it refuses the certificate that was given, or the want of one (alert CertificateExpired)",
                true,
            ),
            (
                Alert::HandshakeFailure.failure(),
                "received fatal alert: HandshakeFailure",
                false,
            ),
            (
                Alert::UnrecognisedName.failure(),
                "received fatal alert: UnrecognisedName",
                false,
            ),
            (
                Alert::InternalError.failure(),
                "received fatal alert: InternalError",
                false,
            ),
            (
                certificate(Certificate::UnknownIssuer),
                "its certificate is signed by no authority that is trusted here",
                true,
            ),
            (certificate(expired()), "its certificate is refused: expired", true),
            (
                certificate(Certificate::BadSignature),
                "its certificate is refused: a signature of it or of the handshake is wrong; an authority of the same name \
                 may have signed it",
                true,
            ),
            (
                certificate(wrong_name("DnsName(\"amf\")")),
                "its certificate is refused: certificate not valid for name \"udm.example.org\"; certificate is only valid for \
                 DnsName(\"amf\")",
                true,
            ),
            (
                certificate(wrong_name("a\nERROR \u{202e}")),
                "its certificate is refused: certificate not valid for name \"udm.example.org\"; certificate is only valid for \
                 a\\nERROR \\u{202e}",
                true,
            ),
            (TlsFailure::General("x".to_owned()), "unexpected error: x", false),
        ] {
            let said = ServerMisfit::explain(io_error(failure));
            assert_eq!((&*said.to_string(), ServerMisfit::is_in(&said)), (says, misfit));
        }
    }

    trait Received {
        fn failure(self) -> TlsFailure;
    }

    impl Received for AlertDescription {
        fn failure(self) -> TlsFailure {
            TlsFailure::AlertReceived(self)
        }
    }
}
