//! Ephemeral Diffie-Hellman on X25519 and P-256: what forward secrecy of EAP-AKA' agrees by (RFC 9678 6.5, RFC 7748, SP 800-56A).
//!
//! A key serves once: [`EphemeralKey::agree`] consumes it. The back ends are those of [`ecies`](crate::ecies).
//!
//! ```
//! use kaskade_crypto::ecdh::{EphemeralKey, Group};
//!
//! # fn random_octets(n: u8) -> [u8; 32] { [n; 32] }
//! let server = EphemeralKey::from_octets(Group::X25519, &random_octets(1)).expect("any octets do for X25519");
//! let peer = EphemeralKey::from_octets(Group::X25519, &random_octets(2)).expect("any octets do for X25519");
//! let (of_server, of_peer) = (server.public_key(), peer.public_key());
//! assert_eq!(server.agree(of_peer.octets())?, peer.agree(of_server.octets())?);
//! # Ok::<(), kaskade_crypto::ecdh::BadPublicKey>(())
//! ```

use crate::ecies::{BackEnd, HnPublicKey, Profile};
use crate::secret_octets;
use crate::wipe::Wiped;

secret_octets! {
    /// What two ephemeral keys agree on: the output of X25519, or x of P-256. 32 octets.
    pub struct AgreedSecret(32) = "agreed secret" {
        /// To a derivation outside this crate, which has it in its key.
        expose_to_derivation,
    }
}

/// A group to agree in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// X25519: public keys of 32 octets (RFC 7748).
    X25519,
    /// P-256: public keys of 33 octets, compressed (SEC 1).
    P256,
}

impl Group {
    /// Both.
    pub const ALL: [Self; 2] = [Self::X25519, Self::P256];

    /// Octets of a public key.
    pub const fn public_key_len(self) -> usize {
        self.profile().public_key_len()
    }

    const fn profile(self) -> Profile {
        match self {
            Self::X25519 => Profile::A,
            Self::P256 => Profile::B,
        }
    }
}

/// The other side's public key is no point of the curve, or one with which nothing would be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key agreement: the public key cannot be used")]
pub struct BadPublicKey;

/// A private key that serves for one agreement. 32 octets and the group; wiped on drop.
pub struct EphemeralKey {
    group: Group,
    octets: Wiped<u8, 32>,
    public_key: PublicKey,
}

/// A public key as it travels: 32 octets, or 33.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(HnPublicKey);

impl PublicKey {
    /// The octets.
    pub fn octets(&self) -> &[u8] {
        self.0.octets()
    }
}

impl core::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PublicKey({} octets)", self.octets().len())
    }
}

impl EphemeralKey {
    /// Takes 32 random octets. `None` where they are no key of P-256, which happens once in 2^32 times: draw again.
    pub fn from_octets(group: Group, octets: &[u8; 32]) -> Option<Self> {
        let parsed = BackEnd::default().private_key(group.profile(), octets)?;
        Some(Self {
            group,
            octets: Wiped(*octets),
            public_key: PublicKey(parsed.public_key()),
        })
    }

    /// The group.
    pub const fn group(&self) -> Group {
        self.group
    }

    /// The public key, for the other side.
    pub fn public_key(&self) -> PublicKey {
        self.public_key.clone()
    }

    /// The secret that both sides have now.
    ///
    /// # Errors
    /// [`BadPublicKey`] for what is no point of the curve, is not compressed, or makes X25519 give zero (RFC 7748 6.1).
    pub fn agree(self, public_key: &[u8]) -> Result<AgreedSecret, BadPublicKey> {
        if public_key.len() != self.group.public_key_len() {
            return Err(BadPublicKey);
        }
        let parsed = BackEnd::default().private_key(self.group.profile(), &self.octets.0);
        let agreed = parsed.ok_or(BadPublicKey)?.agree(public_key);
        match bool::from(agreed.usable) {
            true => Ok(AgreedSecret::from_octets(&agreed.z.0)),
            false => Err(BadPublicKey),
        }
    }
}

impl core::fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "EphemeralKey({:?}, …)", self.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7748 6.1, of Bob's side; RFC 5903 8.1, of both: own private and public key, the other's public key, the secret.
    const RUNS: [(Group, [&str; 4]); 3] = [
        (
            Group::X25519,
            [
                "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
                "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
                "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
                "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
            ],
        ),
        (
            Group::P256,
            [
                "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
                "03dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180",
                "03d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63",
                "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
            ],
        ),
        (
            Group::P256,
            [
                "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
                "03d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63",
                "03dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180",
                "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
            ],
        ),
    ];

    fn array(hexadecimal: &str) -> [u8; 32] {
        hex::decode(hexadecimal).unwrap().try_into().unwrap()
    }

    #[test]
    fn known_answers() {
        for (group, [private, public, other, secret]) in RUNS {
            let key = EphemeralKey::from_octets(group, &array(private)).unwrap();
            assert_eq!(key.public_key().octets(), hex::decode(public).unwrap());
            let agreed = key.agree(&hex::decode(other).unwrap()).unwrap();
            assert_eq!(agreed, AgreedSecret::from_octets(&array(secret)));
        }
    }

    #[test]
    fn public_keys_that_give_nothing_secret_are_refused() {
        let off_the_curve = [&[2][..], &[0xff; 32]].concat();
        let uncompressed = [&[4][..], &[1; 64]].concat();
        for (group, bad) in [
            (Group::X25519, &[0; 32][..]),
            (Group::X25519, &[9; 31]),
            (Group::X25519, &[9; 33]),
            (Group::P256, &off_the_curve),
            (Group::P256, &uncompressed),
            (Group::P256, &[]),
        ] {
            let key = EphemeralKey::from_octets(group, &[7; 32]).unwrap();
            assert_eq!(key.agree(bad), Err(BadPublicKey), "{group:?} {bad:02x?}");
        }
        assert!(EphemeralKey::from_octets(Group::P256, &[0; 32]).is_none());
        assert!(EphemeralKey::from_octets(Group::P256, &[0xff; 32]).is_none());
    }
}
