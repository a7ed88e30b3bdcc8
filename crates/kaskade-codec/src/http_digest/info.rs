//! How a server shows that it knows the password too.

use alloc::string::String;
use core::fmt;

use super::credentials::code;
use super::scan::{Quoted, parameters};
use super::{Algorithm, Code, Credentials, DigestError, NonceCount, UserSecret};

/// The value of `Authentication-Info` beside the answer to a request with `qop=auth` (RFC 7616 3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationInfo {
    /// The nonce to use from now on.
    pub next_nonce: Option<String>,
    /// What shows that the server knows the password.
    pub rspauth: Code,
    /// Of the request.
    pub cnonce: String,
    /// Of the request.
    pub nc: NonceCount,
}

impl AuthenticationInfo {
    /// What the server answers to these credentials, which it has found to be right.
    pub fn to(credentials: &Credentials, secret: &UserSecret, next_nonce: Option<String>) -> Self {
        Self {
            next_nonce,
            rspauth: secret.rspauth(&credentials.exchange("")),
            cnonce: credentials.cnonce.clone(),
            nc: credentials.nc,
        }
    }

    /// Reads the value, of an answer to credentials with this algorithm.
    ///
    /// # Errors
    /// [`DigestError`].
    pub fn read(value: &[u8], algorithm: Algorithm) -> Result<Self, DigestError> {
        let mut given = parameters(value)?;
        let wrong = |name, expected| DigestError::Value { name, expected };
        if !given.need("qop")?.eq_ignore_ascii_case("auth") {
            return Err(wrong("qop", "auth"));
        }
        let rspauth = given.need("rspauth")?;
        let nc = given.need("nc")?;
        Ok(Self {
            next_nonce: given.take("nextnonce")?,
            rspauth: code(algorithm, &rspauth).ok_or(wrong("rspauth", "the hexadecimal digits of the algorithm"))?,
            cnonce: given.need("cnonce")?,
            nc: NonceCount::read(&nc).ok_or(wrong("nc", "8 hexadecimal digits"))?,
        })
    }
}

impl fmt::Display for AuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(next) = &self.next_nonce {
            write!(f, "nextnonce={}, ", Quoted(next))?;
        }
        let (rspauth, cnonce) = (self.rspauth.digits(), Quoted(&self.cnonce));
        write!(
            f,
            "qop=auth, rspauth=\"{}\", cnonce={cnonce}, nc={}",
            rspauth.as_str(),
            self.nc.as_str()
        )
    }
}
