//! Why a field value is no Digest. No text here shows a value: it may name a user.

use super::MOST;

/// Why a field value cannot be used. Positions count octets of it from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// It is longer than is read.
    #[error("the value has {actual} octets, at most {MOST} are read")]
    TooLong {
        /// How many it has.
        actual: usize,
    },
    /// An octet that no such value has: what is no printable ASCII character, space or tab.
    #[error("octet {position} is not printable ASCII")]
    NotText {
        /// Where.
        position: usize,
    },
    /// It does not follow the grammar of RFC 9110 11.
    #[error("expected {expected} at octet {position}")]
    Form {
        /// Where.
        position: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// It is of another scheme, such as Basic, or of two.
    #[error("not one set of parameters of the scheme Digest")]
    Scheme,
    /// A parameter is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A parameter stands there twice.
    #[error("{0} stands there twice")]
    Twice(&'static str),
    /// A parameter has a value that it cannot have here.
    #[error("{name} is not {expected}")]
    Value {
        /// Its name.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}
