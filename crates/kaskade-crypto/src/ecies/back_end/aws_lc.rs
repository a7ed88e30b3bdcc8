//! X25519 and P-256 from aws-lc-rs.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, X25519, agree};
use subtle::Choice;

use super::{Agreed, Agreement, HnPublicKey, has_known_form};
use crate::ecies::Profile;
use crate::wipe::Wiped;

/// A private key of either profile. aws-lc wipes what it frees.
pub(super) struct Key {
    private: PrivateKey,
    profile: Profile,
    public: HnPublicKey,
    /// What stands in for a public key that is no point: the own one, uncompressed for P-256.
    stand_in: [u8; 65],
}

impl Key {
    /// `None` when a P-256 number is zero or not below the order.
    pub(super) fn new(profile: Profile, octets: &[u8; 32]) -> Option<Self> {
        let algorithm = match profile {
            Profile::A => &X25519,
            Profile::B => &ECDH_P256,
        };
        let private = PrivateKey::from_private_key(algorithm, octets).ok()?;
        let computed = private.compute_public_key().ok()?;
        let mut stand_in = [0; 65];
        let public = match profile {
            Profile::A => HnPublicKey::from_x25519(computed.as_ref().try_into().ok()?),
            Profile::B => {
                stand_in = computed.as_ref().try_into().ok()?;
                HnPublicKey::from_compressed_p256(compress(&stand_in))
            }
        };
        Some(Self {
            private,
            profile,
            public,
            stand_in,
        })
    }

    fn z(&self, public_key: &[u8]) -> Option<Wiped<u8, 32>> {
        let public_key = UnparsedPublicKey::new(self.private.algorithm(), public_key);
        agree(&self.private, public_key, (), |z| {
            z.try_into().map(Wiped).map_err(|_| ())
        })
        .ok()
    }
}

/// 04 ‖ X ‖ Y to 02 or 03 ‖ X.
fn compress(uncompressed: &[u8; 65]) -> [u8; 33] {
    let mut octets = [0; 33];
    octets.copy_from_slice(&uncompressed[..33]);
    octets[0] = 0x02 | uncompressed[64] & 1;
    octets
}

impl Agreement for Key {
    fn public_key(&self) -> HnPublicKey {
        self.public.clone()
    }

    fn agree(&self, public_key: &[u8]) -> Agreed {
        match self.profile {
            // aws-lc multiplies first and then refuses a result of zero: the work is done either way.
            Profile::A => self.z(public_key).map_or_else(Agreed::unusable, Agreed::x25519),
            Profile::B => {
                let z = has_known_form(public_key).then(|| self.z(public_key)).flatten();
                let usable = Choice::from(u8::from(z.is_some()));
                // For what is no point the same work is done with one that is.
                let z = z.or_else(|| self.z(&self.stand_in)).unwrap_or(Wiped([0; 32]));
                Agreed { z, usable }
            }
        }
    }
}
