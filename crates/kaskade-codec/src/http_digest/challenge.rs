//! What a server asks for.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::scan::{Parameters, Quoted, schemes};
use super::{Algorithm, DigestError};

/// A challenge with `qop=auth`: the value of `WWW-Authenticate`, or one of several in it (RFC 7616 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Of whom name and password are.
    pub realm: String,
    /// The server's number.
    pub nonce: String,
    /// What the client says back unread.
    pub opaque: Option<String>,
    /// Only the nonce was too old: name and password need not be asked for again.
    pub stale: bool,
    /// The hash.
    pub algorithm: Algorithm,
}

/// The challenges in a field value that can be answered here, in the server's order. Those of other schemes, hashes and qualities of
/// protection are left out: there may be one beside them that can be.
///
/// ```
/// use kaskade_codec::http_digest::{Algorithm, challenges};
///
/// let value = br#"Negotiate, Digest realm="r", nonce="n", qop="auth, auth-int", algorithm=SHA-256, Basic realm="b""#;
/// let found = challenges(value)?;
/// assert_eq!((found.len(), found[0].algorithm), (1, Algorithm::Sha256));
/// # Ok::<(), kaskade_codec::http_digest::DigestError>(())
/// ```
///
/// # Errors
/// [`DigestError`] where the value cannot be read, or a Digest in it has no realm or nonce.
pub fn challenges(value: &[u8]) -> Result<Vec<Challenge>, DigestError> {
    let mut found = Vec::new();
    for said in schemes(value)?.into_iter().filter(super::scan::Said::is_digest) {
        found.extend(Challenge::of(said.parameters)?);
    }
    Ok(found)
}

impl Challenge {
    fn of(mut parameters: Parameters<'_>) -> Result<Option<Self>, DigestError> {
        // Without one it is MD5 (RFC 7616 3.3).
        let algorithm = parameters.take("algorithm")?;
        let algorithm = algorithm.as_deref().map_or(Some(Algorithm::Md5), Algorithm::of_name);
        let qop = parameters.take("qop")?.unwrap_or_default();
        let is_auth = |one: &str| one.trim_matches([' ', '\t']).eq_ignore_ascii_case("auth");
        let stale = parameters.take("stale")?;
        let challenge = Self {
            realm: parameters.need("realm")?,
            nonce: parameters.need("nonce")?,
            opaque: parameters.take("opaque")?,
            stale: stale.is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            algorithm: algorithm.unwrap_or(Algorithm::Md5),
        };
        Ok((algorithm.is_some() && qop.split(',').any(is_auth)).then_some(challenge))
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (realm, nonce) = (Quoted(&self.realm), Quoted(&self.nonce));
        write!(
            f,
            "Digest realm={realm}, qop=\"auth\", algorithm={}, nonce={nonce}",
            self.algorithm.name()
        )?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", Quoted(opaque))?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        Ok(())
    }
}
