//! Why a handshake failed.

use std::fmt;
use std::io;

use openssl::error::ErrorStack;
use openssl::ssl::{Error as SslError, ErrorCode};

use super::context::ContextError;

/// Why a handshake failed. The peer learns the alert that OpenSSL sends, and never whether its identity is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// It took longer than [`patience`](super::PskLimits::patience). In DTLS a wrong key shows only in this way.
    #[error("the peer took too long to shake hands")]
    TooSlow,
    /// An older handshake gave way to newer ones.
    #[error("closed to make room for others")]
    Shed,
    /// All connections are in use.
    #[error("refused: too many connections")]
    NoRoom,
    /// The server was dropped.
    #[error("the server stops")]
    Stopping,
    /// The peer closed, or lost, the connection.
    #[error("the peer closed the connection before the handshake was done")]
    Closed,
    /// The client has another key than the one of the identity that it named.
    #[error("the client does not hold the key of its identity")]
    WrongKey,
    /// Nobody has a key of the identity that the client named. The client was told what [`WrongKey`](Self::WrongKey) tells.
    #[error("no key is known for the identity of the client")]
    UnknownIdentity,
    /// The peer refused.
    #[error("{0}")]
    Alert(Alert),
    /// What the server chose does not rest on the key.
    #[error("the server did not use the pre-shared key")]
    NotPsk,
    /// OpenSSL refused what the peer sent: its words.
    #[error("the peer does not fit: {0}")]
    Misfit(String),
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// OpenSSL could not begin.
    #[error("{0}")]
    Context(#[from] ContextError),
}

impl From<ErrorStack> for HandshakeError {
    fn from(error: ErrorStack) -> Self {
        Self::Context(error.into())
    }
}

/// An alert of a peer (RFC 8446 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert(pub u8);

impl Alert {
    /// Its name in IANA's registry, where a handshake with a key can bring it.
    const fn name(self) -> &'static str {
        match self.0 {
            10 => "unexpected_message",
            20 => "bad_record_mac",
            40 => "handshake_failure",
            47 => "illegal_parameter",
            50 => "decode_error",
            51 => "decrypt_error",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            _ => "see IANA's registry",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer refused with alert {} ({})", self.0, self.name())?;
        f.write_str(match self.0 {
            20 | 47 | 51 | 115 => ": compare identity and key of both ends",
            40 | 70 | 71 => ": compare version and cipher suite of both ends",
            _ => "",
        })
    }
}

/// Reason codes of OpenSSL (sslerr.h): what an alert of the peer has above its number, and how a wrong key shows.
const ALERTS: i32 = 1000;
const DIGEST_CHECK_FAILED: i32 = 149;
const BINDER_DOES_NOT_VERIFY: i32 = 253;
const BAD_RECORD_MAC: i32 = 281;

impl HandshakeError {
    /// Of what OpenSSL says.
    pub(super) fn of(error: &SslError, has_ended: bool) -> Self {
        let Some(stack) = error.ssl_error() else {
            return match error.io_error() {
                Some(io) if io.kind() != io::ErrorKind::UnexpectedEof => io::Error::from(io.kind()).into(),
                _ => Self::Closed,
            };
        };
        let reasons = || stack.errors().iter().map(|error| error.reason_code());
        if let Some(alert) = reasons().find_map(|reason| u8::try_from(reason - ALERTS).ok()) {
            return Self::Alert(Alert(alert));
        }
        if reasons().any(|reason| [DIGEST_CHECK_FAILED, BINDER_DOES_NOT_VERIFY, BAD_RECORD_MAC].contains(&reason)) {
            return Self::WrongKey;
        }
        if has_ended || error.code() != ErrorCode::SSL {
            return Self::Closed;
        }
        let first = stack.errors().first().and_then(|error| error.reason());
        Self::Misfit(first.unwrap_or("no reason given").to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_says_what_to_compare() {
        let text = "the peer refused with alert 47 (illegal_parameter): compare identity and key of both ends";
        assert_eq!(HandshakeError::Alert(Alert(47)).to_string(), text);
        let text = "the peer refused with alert 70 (protocol_version): compare version and cipher suite of both ends";
        assert_eq!(Alert(70).to_string(), text);
        assert_eq!(
            Alert(99).to_string(),
            "the peer refused with alert 99 (see IANA's registry)"
        );
    }
}
