//! Keys of the home network and of one concealment.

use alloc::boxed::Box;

use subtle::ConstantTimeEq;

use super::back_end::{Agreed, Agreement};
use super::{BackEnd, EciesError, Profile};
use crate::secret_octets;
use crate::wipe::Wiped;

secret_octets! {
    /// The ephemeral private key of one concealment: 32 random octets from the caller. It is given away with the
    /// concealment: one that serves twice makes two SUCIs linkable.
    pub struct EphemeralSecret(32) = "ephemeral private key" {}
}

/// The private key of a home network, ready for deconcealing: one scalar multiplication each (TS 33.501 C.3.3).
///
/// The octets and the parsed key are wiped on drop.
pub struct HnPrivateKey {
    profile: Profile,
    octets: Wiped<u8, 32>,
    parsed: Box<dyn Agreement>,
    public_key: HnPublicKey,
}

impl HnPrivateKey {
    /// Takes the private key of a profile: 32 octets, for A as in RFC 7748, for B most significant first.
    ///
    /// This is key generation as well: give random octets.
    ///
    /// # Errors
    ///
    /// [`EciesError::PrivateKeyOutOfRange`] for B when the number is zero or not below the order of the curve. Whoever
    /// generates a key draws all 32 octets again then; to reduce the number instead would make some keys more likely.
    pub fn from_octets(profile: Profile, octets: &[u8; 32]) -> Result<Self, EciesError> {
        Self::with_back_end(BackEnd::default(), profile, octets)
    }

    /// [`HnPrivateKey::from_octets`] with a back end of choice.
    ///
    /// # Errors
    ///
    /// As [`HnPrivateKey::from_octets`].
    pub fn with_back_end(back_end: BackEnd, profile: Profile, octets: &[u8; 32]) -> Result<Self, EciesError> {
        let parsed = back_end
            .private_key(profile, octets)
            .ok_or(EciesError::PrivateKeyOutOfRange)?;
        Ok(Self {
            profile,
            octets: Wiped(*octets),
            public_key: parsed.public_key(),
            parsed,
        })
    }

    /// The profile that the key is for.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The public key that belongs to it.
    pub fn public_key(&self) -> &HnPublicKey {
        &self.public_key
    }

    /// The 32 octets, to the sealing of this crate.
    pub(crate) fn secret_octets(&self) -> &[u8; 32] {
        &self.octets.0
    }

    pub(super) fn agree(&self, ephemeral_public_key: &[u8]) -> Agreed {
        self.parsed.agree(ephemeral_public_key)
    }
}

/// The same profile and the same octets, in constant time.
impl PartialEq for HnPrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.profile == other.profile && self.octets.0[..].ct_eq(&other.octets.0[..]).into()
    }
}

impl Eq for HnPrivateKey {}

impl core::fmt::Debug for HnPrivateKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HnPrivateKey({}, …)", self.profile)
    }
}

/// The public key of a home network, as the USIM has it (TS 33.501 C.3.4, TS 31.102 EF_SUCI_Calc_Info).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HnPublicKey(Form);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    A([u8; 32]),
    B([u8; 33]),
}

impl HnPublicKey {
    /// Takes the public key of a profile: for A 32 octets; for B 33 octets compressed, or 65 uncompressed.
    ///
    /// # Errors
    ///
    /// [`EciesError::PublicKeyLength`]; [`EciesError::PublicKeyInvalid`] when it is no point of the curve, or an X25519
    /// point of low order, with which nothing would be secret.
    pub fn from_octets(profile: Profile, octets: &[u8]) -> Result<Self, EciesError> {
        let wrong_length = |expected| EciesError::PublicKeyLength {
            profile,
            expected,
            actual: octets.len(),
        };
        match profile {
            Profile::A => {
                let octets = octets.try_into().map_err(|_| wrong_length("32"))?;
                if super::back_end::is_of_low_order(&octets) {
                    return Err(EciesError::PublicKeyInvalid { profile });
                }
                Ok(Self::from_x25519(octets))
            }
            Profile::B => {
                if !matches!(octets.len(), 33 | 65) {
                    return Err(wrong_length("33 or 65"));
                }
                super::back_end::compressed_point(octets)
                    .map(Self::from_compressed_p256)
                    .ok_or(EciesError::PublicKeyInvalid { profile })
            }
        }
    }

    /// The profile that the key is for.
    pub fn profile(&self) -> Profile {
        match self.0 {
            Form::A(_) => Profile::A,
            Form::B(_) => Profile::B,
        }
    }

    /// The octets as the USIM has them: 32 for A, 33 with the point compressed for B.
    pub fn octets(&self) -> &[u8] {
        match &self.0 {
            Form::A(octets) => octets,
            Form::B(octets) => octets,
        }
    }

    pub(super) fn from_x25519(octets: [u8; 32]) -> Self {
        Self(Form::A(octets))
    }

    /// A point that is on the curve.
    pub(super) fn from_compressed_p256(octets: [u8; 33]) -> Self {
        Self(Form::B(octets))
    }
}

/// The profile and the octets in hexadecimal: a public key is no secret.
impl core::fmt::Debug for HnPublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HnPublicKey({}, ", self.profile())?;
        for octet in self.octets() {
            write!(f, "{octet:02x}")?;
        }
        f.write_str(")")
    }
}
