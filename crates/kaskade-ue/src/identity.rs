//! How a UE names itself (TS 33.501 6.12, Annex C).

use alloc::vec::Vec;

use kaskade_crypto::ecies::{self, EciesError, EphemeralSecret, HnPublicKey, Profile};
use kaskade_flow::entropy::{Entropy, NoRandomness};
use kaskade_keys::{HnKeyId, ParseError, Plmn, ProtectionScheme, RoutingIndicator, SchemeOutput, Suci, Supi};

/// What a card and its operator say of how a UE names itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By its SUPI, as an AMF does that knows the UE already.
    Supi,
    /// By a SUCI of the null scheme, which conceals nothing (TS 33.501 C.2).
    Null {
        /// The home network, for an IMSI: where its MNC ends.
        home: Option<Plmn>,
        /// The routing indicator, 1 to 4 digits.
        routing_indicator: RoutingIndicator,
    },
    /// By a SUCI of ECIES profile A or B, made anew each time (TS 33.501 C.3).
    Concealed {
        /// The home network, for an IMSI: where its MNC ends.
        home: Option<Plmn>,
        /// The routing indicator, 1 to 4 digits.
        routing_indicator: RoutingIndicator,
        /// The identifier of the home network's public key, 1 to 255.
        hn_key_id: HnKeyId,
        /// The home network's public key, which decides the profile.
        hn_public_key: HnPublicKey,
    },
}

/// What a UE tells the network of who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MobileIdentity {
    /// The SUPI.
    Supi(Supi),
    /// A SUCI.
    Suci(Suci),
}

/// Why a UE has no name to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The SUPI is not of the home network that was named, or has no form of a SUCI.
    #[error("SUCI: {0}")]
    Parts(#[from] ParseError),
    /// The home network's public key conceals nothing.
    #[error("SUCI: {0}")]
    Ecies(EciesError),
    /// There are no random octets for the ephemeral key.
    #[error("SUCI: {0}")]
    NoRandomness(#[from] NoRandomness),
    /// Eight ephemeral keys in a row were out of range, which random octets are once in 2^256 times.
    #[error("SUCI: no usable ephemeral key after 8 draws: the random numbers of this machine are broken")]
    BrokenRandomness,
}

/// Draws of an ephemeral key: for P-256 all but one in 2^32 are in range.
const DRAWS: usize = 8;

impl Identity {
    /// What the scheme is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Supi => "SUPI",
            Self::Null { .. } => "SUCI, null scheme",
            Self::Concealed { hn_public_key, .. } => match hn_public_key.profile() {
                Profile::A => "SUCI, profile A",
                Profile::B => "SUCI, profile B",
            },
        }
    }

    /// The name of this subscriber. Random octets are drawn only when a SUPI is concealed: what serves twice makes two SUCIs
    /// linkable.
    ///
    /// # Errors
    /// [`IdentityError`]: the SUPI has no such form, or there is no randomness.
    pub fn of(&self, supi: &Supi, entropy: &mut dyn Entropy) -> Result<MobileIdentity, IdentityError> {
        let suci = match self {
            Self::Supi => return Ok(MobileIdentity::Supi(supi.clone())),
            Self::Null {
                home,
                routing_indicator,
            } => Suci::null(supi, *home, *routing_indicator)?,
            Self::Concealed {
                home,
                routing_indicator,
                hn_key_id,
                hn_public_key,
            } => {
                let (suci_home, _) = Suci::parts(supi, *home)?;
                let input = Suci::scheme_input(supi, *home)?;
                let scheme = match hn_public_key.profile() {
                    Profile::A => ProtectionScheme::ProfileA,
                    Profile::B => ProtectionScheme::ProfileB,
                };
                let output = SchemeOutput::concealed(scheme, conceal(hn_public_key, &input, entropy)?)?;
                Suci::new(suci_home, *routing_indicator, *hn_key_id, output)?
            }
        };
        Ok(MobileIdentity::Suci(suci))
    }
}

fn conceal(hn_public_key: &HnPublicKey, input: &[u8], entropy: &mut dyn Entropy) -> Result<Vec<u8>, IdentityError> {
    for _ in 0..DRAWS {
        let ephemeral = EphemeralSecret::from_octets(&entropy.octets()?);
        match ecies::conceal(hn_public_key, ephemeral, input) {
            Err(EciesError::PrivateKeyOutOfRange) => {}
            result => return result.map_err(IdentityError::Ecies),
        }
    }
    Err(IdentityError::BrokenRandomness)
}
