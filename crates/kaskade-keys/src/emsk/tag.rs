//! What rIK and the DSRK delivery authorization key do: HMAC-SHA-256 over the packets of ERP (RFC 6696 5.3.2, 5.3.3).

use kaskade_crypto::kdf::HmacKey;
use subtle::ConstantTimeEq;

use super::{DsrkAuthorization, RIk};
use crate::id::Cryptosuite;

macro_rules! tags {
    ($($Key:ty, $what:literal;)*) => {$(
        impl $Key {
            #[doc = concat!("HMAC-SHA-256 over ", $what, ". 32 octets, of which a cryptosuite takes the first 8, 16 or 32.")]
            pub fn tag(&self, covered: &[u8]) -> [u8; 32] {
                *HmacKey::new(self.secret_octets()).mac(covered).all()
            }

            /// Whether that is the tag of a cryptosuite. In constant time; another length than the cryptosuite's is never right.
            pub fn verify(&self, suite: Cryptosuite, covered: &[u8], tag: &[u8]) -> bool {
                let right = self.tag(covered);
                right.get(..suite.tag_octets()).is_some_and(|right| right.ct_eq(tag).into())
            }
        }
    )*};
}

tags! {
    RIk, "a packet from its code to its cryptosuite";
    DsrkAuthorization, "the same, the indication's own value being zeros";
}
