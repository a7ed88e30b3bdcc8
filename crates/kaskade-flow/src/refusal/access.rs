//! What EAP and RADIUS tell.

use core::fmt;

/// A failure that a server of EAP-AKA or EAP-AKA' notifies of (RFC 4187 6.1, 10.19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notification {
    /// General failure.
    General,
    /// The user is denied the service for the time being.
    TemporarilyDenied,
    /// The user has not subscribed to the service.
    NotSubscribed,
}

impl Notification {
    /// The code in `AT_NOTIFICATION`. Before the challenge has succeeded only General failure may be told (P bit, RFC 4187 6.1).
    pub const fn code(self, authenticated: bool) -> u16 {
        match (self, authenticated) {
            (_, false) => 16384,
            (Self::General, true) => 0,
            (Self::TemporarilyDenied, true) => 1026,
            (Self::NotSubscribed, true) => 1031,
        }
    }
}

/// What the other end of EAP is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Eap {
    /// AKA-Notification with this, and EAP-Failure when the peer has answered it (RFC 4187 6.3).
    Notify(Notification),
    /// EAP-Failure at once: the peer itself has ended the run (RFC 4187 6.3).
    Failure,
    /// The packet is ignored (RFC 3748 4.1).
    Discard,
    /// Re-auth Finish with the R flag; the peer goes on with a whole run (RFC 6696 5.3.3).
    ErpFailed,
    /// By a peer: Client-Error with this code in `AT_CLIENT_ERROR_CODE` (RFC 4187 10.20).
    ClientError(u16),
    /// By a peer: Authentication-Reject (RFC 4187 9.5).
    AuthenticationReject,
}

impl fmt::Display for Eap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notify(what) => write!(
                f,
                "Notification {}, once authenticated {}",
                what.code(false),
                what.code(true)
            ),
            Self::Failure => f.write_str("EAP-Failure"),
            Self::Discard => f.write_str("nothing"),
            Self::ErpFailed => f.write_str("Finish with R"),
            Self::ClientError(code) => write!(f, "Client-Error {code}"),
            Self::AuthenticationReject => f.write_str("Authentication-Reject"),
        }
    }
}

/// What an access gateway is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Radius {
    /// Access-Reject, with EAP-Failure in it where EAP was spoken (RFC 3579 2.6.3).
    Reject,
    /// The last Access-Challenge again, with `Error-Cause` 202; after five times a reject (RFC 3579 2.2).
    Again,
    /// Nothing: the packet is dropped, and the gateway may ask another server (RFC 2865 3, RFC 3579 3.2).
    Discard,
}

impl Radius {
    /// The value of `Error-Cause` 101. RFC 3579 has it in a challenge that is sent again, and nowhere else.
    pub const fn error_cause(self) -> Option<u32> {
        match self {
            Self::Again => Some(202),
            Self::Reject | Self::Discard => None,
        }
    }
}

impl fmt::Display for Radius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reject => "Access-Reject",
            Self::Again => "Access-Challenge again, Error-Cause 202",
            Self::Discard => "nothing",
        })
    }
}
