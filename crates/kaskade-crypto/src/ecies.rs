//! SUCI protection schemes: concealing and deconcealing a SUPI with ECIES, and the null scheme (TS 33.501 Annex C).
//!
//! ```text
//! Z = ECDH(ephemeral key, home network key)
//! EK[16] ‖ ICB[16] ‖ MK[32] = X9.63-KDF(SHA-256, Z, SharedInfo1 = ephemeral public key as sent)
//! ciphertext = AES-128-CTR(EK, ICB, plaintext)      tag = first 8 octets of HMAC-SHA-256(MK, ciphertext)
//! scheme output = ephemeral public key ‖ ciphertext ‖ tag
//! ```
//!
//! | Scheme | Identifier | Curve | Ephemeral public key | Overhead in octets |
//! |---|---|---|---|---|
//! | null | 0x0 | – | – | 0 |
//! | profile A | 0x1 | X25519 | 32 octets | 40 |
//! | profile B | 0x2 | P-256 | 33 octets, compressed | 41 |
//!
//! The plaintext is the MSIN as packed BCD, or the username of an NAI in UTF-8 (TS 33.501 C.2): that coding is the
//! caller's. Randomness comes from the caller too. The curves come from aws-lc-rs with the feature `aws-lc`, otherwise
//! from x25519-dalek and p256; the results are the same.
//!
//! ```
//! use kaskade_crypto::ecies::{EphemeralSecret, HnPrivateKey, Profile, conceal, deconceal};
//!
//! # fn random_octets() -> [u8; 32] { [0x42; 32] }
//! let home_network = HnPrivateKey::from_octets(Profile::A, &random_octets())?;
//! let msin = [0x00, 0x01, 0x20, 0x80, 0xf6];
//! let ephemeral = EphemeralSecret::from_octets(&random_octets());
//! let scheme_output = conceal(home_network.public_key(), ephemeral, &msin)?;
//! assert_eq!(deconceal(&home_network, &scheme_output)?, msin);
//! # Ok::<(), kaskade_crypto::ecies::EciesError>(())
//! ```

mod back_end;
mod keys;
mod symmetric;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

pub use back_end::BackEnd;
pub use keys::{EphemeralSecret, HnPrivateKey, HnPublicKey};
use symmetric::{KeyingData, TAG_LEN};

/// A protection scheme of TS 33.501 Annex C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtectionScheme {
    /// The null scheme: the output is the input (TS 33.501 C.2).
    Null,
    /// ECIES (TS 33.501 C.3).
    Ecies(Profile),
}

impl ProtectionScheme {
    /// Reads a protection scheme identifier; `None` for the reserved 0x3 to 0xB and the operators' own 0xC to 0xF.
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0x0 => Some(Self::Null),
            0x1 => Some(Self::Ecies(Profile::A)),
            0x2 => Some(Self::Ecies(Profile::B)),
            _ => None,
        }
    }

    /// The protection scheme identifier, 4 bits (TS 33.501 C.1).
    pub const fn id(self) -> u8 {
        match self {
            Self::Null => 0x0,
            Self::Ecies(profile) => profile.scheme_id(),
        }
    }
}

/// An ECIES profile (TS 33.501 C.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// X25519 (TS 33.501 C.3.4.1).
    A,
    /// P-256, that is secp256r1 (TS 33.501 C.3.4.2).
    B,
}

impl Profile {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The protection scheme identifier: 0x1 or 0x2.
    pub const fn scheme_id(self) -> u8 {
        match self {
            Self::A => 0x1,
            Self::B => 0x2,
        }
    }

    /// Octets of a public key on the wire and on the USIM: 32, or 33 with the point compressed.
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::A => 32,
            Self::B => 33,
        }
    }

    /// How many octets the scheme output is longer than its input: ephemeral public key and tag.
    pub const fn overhead(self) -> usize {
        self.public_key_len() + TAG_LEN
    }
}

impl core::fmt::Display for Profile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// What is wrong with a key or a scheme output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EciesError {
    /// Keys: a public key of no valid length.
    #[error("home network public key: profile {profile} has {expected} octets, not {actual}")]
    PublicKeyLength {
        /// The profile.
        profile: Profile,
        /// The lengths that it may have.
        expected: &'static str,
        /// The length given.
        actual: usize,
    },
    /// Keys: a public key that is no point of the curve, or one that gives no secret.
    #[error("home network public key: not a usable point of the curve of profile {profile}")]
    PublicKeyInvalid {
        /// The profile.
        profile: Profile,
    },
    /// Keys: a P-256 private key of zero, or not below the order of the curve. Random octets are so once in 2^32 times:
    /// draw again.
    #[error("private key: not in the range of profile B")]
    PrivateKeyOutOfRange,
    /// Concealing: there is nothing to conceal.
    #[error("conceal: the scheme input is empty")]
    EmptyInput,
    /// Deconcealing: too short for ephemeral public key, one octet of ciphertext and tag.
    #[error("deconceal: a scheme output of profile {profile} has at least {at_least} octets, not {actual}")]
    SchemeOutputTooShort {
        /// The profile.
        profile: Profile,
        /// The least length.
        at_least: usize,
        /// The length given.
        actual: usize,
    },
    /// Deconcealing: an ephemeral public key that cannot be used, or a wrong tag. It is not told which, and both take
    /// the same work.
    #[error("deconceal: the scheme output cannot be decrypted with this key")]
    Undecryptable,
}

/// Conceals `plain`: the scheme output, [`Profile::overhead`] octets longer (TS 33.501 C.3.2).
///
/// # Errors
///
/// [`EciesError::EmptyInput`]; and [`EciesError::PrivateKeyOutOfRange`] for an ephemeral secret that profile B cannot
/// use: draw another.
pub fn conceal(hn_public_key: &HnPublicKey, ephemeral: EphemeralSecret, plain: &[u8]) -> Result<Vec<u8>, EciesError> {
    conceal_with(BackEnd::default(), hn_public_key, ephemeral, plain)
}

/// [`conceal`] with a back end of choice.
///
/// # Errors
///
/// As [`conceal`].
#[allow(clippy::needless_pass_by_value, reason = "an ephemeral secret is used once")]
pub fn conceal_with(
    back_end: BackEnd,
    hn_public_key: &HnPublicKey,
    ephemeral: EphemeralSecret,
    plain: &[u8],
) -> Result<Vec<u8>, EciesError> {
    if plain.is_empty() {
        return Err(EciesError::EmptyInput);
    }
    let profile = hn_public_key.profile();
    let key = back_end
        .private_key(profile, ephemeral.secret_octets())
        .ok_or(EciesError::PrivateKeyOutOfRange)?;
    let ephemeral_public_key = key.public_key();
    let agreed = key.agree(hn_public_key.octets());
    if !bool::from(agreed.usable) {
        return Err(EciesError::PublicKeyInvalid { profile });
    }
    let keys = KeyingData::derive(&agreed.z, ephemeral_public_key.octets());

    let mut output = Vec::with_capacity(profile.overhead() + plain.len());
    output.extend_from_slice(ephemeral_public_key.octets());
    output.extend_from_slice(plain);
    let (_, ciphertext) = output.split_at_mut(profile.public_key_len());
    keys.apply_keystream(ciphertext);
    let tag = keys.tag(ciphertext);
    output.extend_from_slice(&tag);
    Ok(output)
}

/// Deconceals a scheme output: the plaintext (TS 33.501 C.3.3).
///
/// The tag is compared in constant time before anything is decrypted. An ephemeral public key that is no point of the
/// curve, one of low order, and a wrong tag take the same work and give the same error.
///
/// # Errors
///
/// [`EciesError::SchemeOutputTooShort`] and [`EciesError::Undecryptable`].
pub fn deconceal(hn_private_key: &HnPrivateKey, scheme_output: &[u8]) -> Result<Vec<u8>, EciesError> {
    let profile = hn_private_key.profile();
    let too_short = EciesError::SchemeOutputTooShort {
        profile,
        at_least: profile.overhead() + 1,
        actual: scheme_output.len(),
    };
    let (ephemeral_public_key, rest) = scheme_output
        .split_at_checked(profile.public_key_len())
        .ok_or(too_short)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(too_short)?;
    if ciphertext.is_empty() {
        return Err(too_short);
    }
    let agreed = hn_private_key.agree(ephemeral_public_key);
    let keys = KeyingData::derive(&agreed.z, ephemeral_public_key);
    if !bool::from(keys.tag_is(ciphertext, tag) & agreed.usable) {
        return Err(EciesError::Undecryptable);
    }
    let mut plain = ciphertext.to_vec();
    keys.apply_keystream(&mut plain);
    Ok(plain)
}

/// The null scheme, which conceals nothing: the scheme output is the input (TS 33.501 C.2).
pub fn conceal_with_null_scheme(plain: &[u8]) -> Vec<u8> {
    plain.to_vec()
}

/// The null scheme backwards: the plaintext is the scheme output (TS 33.501 C.2).
pub fn deconceal_with_null_scheme(scheme_output: &[u8]) -> Vec<u8> {
    scheme_output.to_vec()
}
