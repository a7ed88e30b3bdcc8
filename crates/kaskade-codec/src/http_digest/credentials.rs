//! What a client answers.

use alloc::string::String;
use core::fmt;

use super::scan::{Quoted, schemes};
use super::{Algorithm, Code, DigestError, Exchange, UserSecret};

/// The answer to a challenge with `qop=auth`: the value of `Authorization` (RFC 7616 3.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub username: String,
    /// Of the challenge.
    pub realm: String,
    /// Of the challenge.
    pub nonce: String,
    /// The target of the request, as the client sent it.
    pub uri: String,
    /// What shows that the client knows the password; its hash is `algorithm`.
    pub response: Code,
    /// The client's number.
    pub cnonce: String,
    /// Of the challenge, if there was one.
    pub opaque: Option<String>,
    /// How often the client has used the nonce.
    pub nc: NonceCount,
}

/// How often a nonce was used: 8 hexadecimal digits, which enter the hash in the case in which the client wrote them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NonceCount([u8; 8]);

impl NonceCount {
    /// In lower case.
    pub fn new(count: u32) -> Self {
        let mut digits = [0; 8];
        crate::hex::encode(&count.to_be_bytes(), &mut digits);
        Self(digits)
    }

    /// Reads 8 digits; `None` of anything else.
    pub fn read(text: &str) -> Option<Self> {
        let digits: [u8; 8] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(Self(digits))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The number.
    pub fn get(&self) -> u32 {
        u32::from_str_radix(self.as_str(), 16).unwrap_or(0)
    }
}

impl fmt::Debug for NonceCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Credentials {
    /// Reads the value of `Authorization`.
    ///
    /// # Errors
    /// [`DigestError`]; [`DigestError::Scheme`] where it is of another scheme.
    pub fn read(value: &[u8]) -> Result<Self, DigestError> {
        let mut all = schemes(value)?.into_iter();
        let (Some(said), None) = (all.next(), all.next()) else {
            return Err(DigestError::Scheme);
        };
        if !said.is_digest() {
            return Err(DigestError::Scheme);
        }
        let mut given = said.parameters;
        let wrong = |name, expected| DigestError::Value { name, expected };
        if given.take("username*")?.is_some() {
            return Err(wrong("username*", "there where the name is ASCII"));
        }
        let is_hashed = given.take("userhash")?;
        if is_hashed.is_some_and(|hashed| !hashed.eq_ignore_ascii_case("false")) {
            return Err(wrong("userhash", "false"));
        }
        if !given.need("qop")?.eq_ignore_ascii_case("auth") {
            return Err(wrong("qop", "auth"));
        }
        let algorithm = match given.take("algorithm")? {
            None => Algorithm::Md5,
            Some(name) => Algorithm::of_name(&name).ok_or(wrong("algorithm", "SHA-256 or MD5"))?,
        };
        let response = given.need("response")?;
        let nc = given.need("nc")?;
        Ok(Self {
            username: given.need("username")?,
            realm: given.need("realm")?,
            nonce: given.need("nonce")?,
            uri: given.need("uri")?,
            response: code(algorithm, &response).ok_or(wrong("response", "the hexadecimal digits of its algorithm"))?,
            cnonce: given.need("cnonce")?,
            opaque: given.take("opaque")?,
            nc: NonceCount::read(&nc).ok_or(wrong("nc", "8 hexadecimal digits"))?,
        })
    }

    /// What the codes cover when the request has this method.
    pub fn exchange<'a>(&'a self, method: &'a str) -> Exchange<'a> {
        Exchange {
            method,
            uri: &self.uri,
            nonce: &self.nonce,
            nc: self.nc.as_str(),
            cnonce: &self.cnonce,
        }
    }

    /// Whether whoever sent them knows the password that `secret` is of, in constant time.
    pub fn are_of(&self, secret: &UserSecret, method: &str) -> bool {
        secret.response(&self.exchange(method)) == self.response
    }
}

/// The code that digits say, of either case.
pub(super) fn code(algorithm: Algorithm, digits: &str) -> Option<Code> {
    let mut octets = [0; 32];
    let room = octets.get_mut(..algorithm.octets())?;
    let octets = base16ct::mixed::decode(digits.as_bytes(), room).ok()?;
    Code::from_octets(algorithm, octets)
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [username, realm, nonce, uri, cnonce] =
            [&self.username, &self.realm, &self.nonce, &self.uri, &self.cnonce].map(|text| Quoted(text));
        write!(f, "Digest username={username}, realm={realm}, nonce={nonce}, uri={uri}")?;
        let (response, algorithm) = (self.response.digits(), self.response.algorithm().name());
        write!(
            f,
            ", response=\"{}\", algorithm={algorithm}, cnonce={cnonce}",
            response.as_str()
        )?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", Quoted(opaque))?;
        }
        write!(f, ", qop=auth, nc={}", self.nc.as_str())
    }
}

/// Without the name, which may be a subscriber's.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, nc {:?})", self.response.algorithm().name(), self.nc)
    }
}
