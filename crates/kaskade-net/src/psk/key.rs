//! Keys and their names, as they enter.

use std::fmt;
use std::sync::Arc;

use kaskade_faults::fault;
use kaskade_flow::{Entropy as _, UnixMillis};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::connections::{KeyEnd, Watched};
use crate::random::{NoRandomness, SystemEntropy};

/// A pre-shared key of 16 to 64 octets (RFC 4279 5.3). It has no way out but into a handshake.
///
/// Its octets stay where they are until they are wiped, wherever the key is moved.
pub struct PskKey {
    octets: Box<[u8]>,
    end: KeyEnd,
}

impl PskKey {
    /// Fewest octets: 128 bits.
    pub const MIN: usize = 16;
    /// Most octets.
    pub const MAX: usize = 64;
    /// Octets of a key that stands in for one that nobody has: as many as K_AF has.
    const STAND_IN: usize = 32;

    /// Takes the octets, most significant first.
    ///
    /// # Errors
    /// [`NotAPskKey`] for fewer than [`Self::MIN`] or more than [`Self::MAX`] octets.
    pub fn from_octets(octets: &[u8]) -> Result<Self, NotAPskKey> {
        match octets.len() {
            Self::MIN..=Self::MAX => Ok(Self::endless(octets)),
            len => Err(NotAPskKey { len }),
        }
    }

    /// One of 32 octets.
    pub(super) fn of_32_octets(octets: &[u8; 32]) -> Self {
        Self::endless(octets)
    }

    fn endless(octets: &[u8]) -> Self {
        Self {
            octets: octets.into(),
            end: KeyEnd::default(),
        }
    }

    /// The key ends then: a server lets nobody in with it any more, and ends the connections that it let in.
    #[must_use]
    pub fn until(mut self, expires: UnixMillis) -> Self {
        self.end.until = Some(expires);
        self
    }

    /// It ends earlier where that is said.
    pub(super) fn watched(mut self, watched: Arc<Watched>) -> Self {
        self.end.watched = Some(watched);
        self
    }

    /// When it ends.
    pub(super) fn end(&self) -> KeyEnd {
        self.end.clone()
    }

    /// Whether its end has come.
    pub(super) fn has_ended(&self) -> bool {
        self.end.has_come()
    }

    /// A key that nobody has.
    pub(super) fn stand_in() -> Result<Self, NoRandomness> {
        let mut key = Self::of_32_octets(&[0; Self::STAND_IN]);
        SystemEntropy.fill(&mut key.octets)?;
        Ok(key)
    }

    /// The same key once more, for another handshake.
    pub(super) fn copy(&self) -> Self {
        Self {
            octets: self.octets.clone(),
            end: self.end.clone(),
        }
    }

    /// Whether it is this key, in a time that depends on the lengths only.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.octets.len() == other.octets.len() && openssl::memcmp::eq(&self.octets, &other.octets)
    }

    /// To OpenSSL.
    pub(super) fn expose_to_handshake(&self) -> &[u8] {
        &self.octets
    }
}

impl fmt::Debug for PskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PSK(…)")
    }
}

impl Drop for PskKey {
    fn drop(&mut self) {
        if !fault!("psk-key-not-wiped") {
            self.octets.zeroize();
        }
    }
}

impl ZeroizeOnDrop for PskKey {}

/// Octets that are no key, because of their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pre-shared key has {min} to {max} octets, not {len}", min = PskKey::MIN, max = PskKey::MAX)]
pub struct NotAPskKey {
    len: usize,
}

/// The name of a key, which the client sends in clear: 1 to 65 535 octets (RFC 8446 4.2.11).
///
/// `Debug` shows only how many octets it has, since it may name a subscriber.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PskIdentity(Box<[u8]>);

impl PskIdentity {
    /// Most octets in TLS 1.3.
    pub const MAX: usize = 65_535;
    /// Most octets that a client sends in TLS 1.3: OpenSSL's first message has at most 16 384 in all.
    pub const MAX_SENT: usize = 15 * 1024;
    /// Most octets in TLS 1.2 and DTLS 1.2: what every peer must take (RFC 4279 5.3).
    pub const MAX_IN_1_2: usize = 128;

    /// Takes the octets.
    ///
    /// # Errors
    /// [`NotAPskIdentity`] for none, or for more than [`Self::MAX`].
    pub fn new(octets: impl AsRef<[u8]>) -> Result<Self, NotAPskIdentity> {
        let octets = octets.as_ref();
        match octets.len() {
            0 => Err(NotAPskIdentity::Empty),
            1..=Self::MAX => Ok(Self(octets.into())),
            len => Err(NotAPskIdentity::TooLong { len, most: Self::MAX }),
        }
    }

    /// Of a name that is neither empty nor longer than [`Self::MAX`].
    pub(super) fn of_name(name: String) -> Self {
        Self(name.into_bytes().into())
    }

    /// Whether a client can send it, in TLS 1.2 or in TLS 1.3.
    pub(super) fn check_to_be_sent(&self, in_1_2: bool) -> Result<(), NotAPskIdentity> {
        let most = if in_1_2 { Self::MAX_IN_1_2 } else { Self::MAX_SENT };
        if self.0.len() > most {
            let len = self.0.len();
            return Err(NotAPskIdentity::TooLong { len, most });
        }
        if in_1_2 && self.0.contains(&0) {
            return Err(NotAPskIdentity::ZeroOctet);
        }
        Ok(())
    }

    /// The octets.
    pub fn as_octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PskIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PskIdentity({} octets)", self.0.len())
    }
}

/// Octets that cannot name a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAPskIdentity {
    /// None at all.
    #[error("the identity of a pre-shared key has at least one octet")]
    Empty,
    /// More than the version allows.
    #[error("the identity of a pre-shared key has at most {most} octets here, not {len}")]
    TooLong {
        /// Octets that were given.
        len: usize,
        /// Octets that are allowed.
        most: usize,
    },
    /// OpenSSL ends an identity of TLS 1.2 at a zero octet.
    #[error("the identity of a pre-shared key has no octet 0x00 in TLS 1.2 and DTLS 1.2")]
    ZeroOctet,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_16_to_64_octets() {
        for len in [0, 1, 15, 65, 512] {
            let error = PskKey::from_octets(&vec![7; len]).unwrap_err();
            let text = format!("a pre-shared key has 16 to 64 octets, not {len}");
            assert_eq!(error.to_string(), text);
        }
        for len in 16..=64 {
            let key = PskKey::from_octets(&vec![7; len]).unwrap();
            assert_eq!(key.expose_to_handshake(), vec![7; len]);
        }
    }

    #[test]
    fn a_key_is_silent_and_a_stand_in_never_comes_twice() {
        let [one, other] = [(); 2].map(|()| PskKey::stand_in().unwrap());
        assert_eq!(format!("{one:?}"), "PSK(…)");
        assert_ne!(one.expose_to_handshake(), other.expose_to_handshake());
        assert_eq!(one.expose_to_handshake().len(), 32);
    }

    #[test]
    fn an_identity_fits_into_its_version() {
        assert_eq!(PskIdentity::new("").unwrap_err(), NotAPskIdentity::Empty);
        assert!(PskIdentity::new(vec![0; 65_535]).is_ok());
        let error = PskIdentity::new(vec![0; 65_536]).unwrap_err();
        assert_eq!(
            error,
            NotAPskIdentity::TooLong {
                len: 65_536,
                most: 65_535
            }
        );
        let of = |octets: &[u8]| PskIdentity::new(octets).unwrap().check_to_be_sent(true);
        assert_eq!(of(&[b'a'; 128]), Ok(()));
        assert_eq!(of(&[b'a'; 129]), Err(NotAPskIdentity::TooLong { len: 129, most: 128 }));
        assert_eq!(of(b"a\0b"), Err(NotAPskIdentity::ZeroOctet));
        let of = |len| PskIdentity::new(vec![0; len]).unwrap().check_to_be_sent(false);
        assert_eq!(of(15_360), Ok(()));
        assert_eq!(
            of(15_361),
            Err(NotAPskIdentity::TooLong {
                len: 15_361,
                most: 15_360
            })
        );
        assert_eq!(
            format!("{:?}", PskIdentity::new("imsi").unwrap()),
            "PskIdentity(4 octets)"
        );
    }
}
