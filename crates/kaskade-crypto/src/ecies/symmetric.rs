//! The symmetric part of ECIES: key derivation, encryption and tag (TS 33.501 C.3.4).

use ctr::cipher::{KeyIvInit, StreamCipher};
use subtle::{Choice, ConstantTimeEq};

use crate::kdf::{HmacKey, sha256};
use crate::wipe::Wiped;

/// Octets of the tag.
pub(super) const TAG_LEN: usize = 8;

/// AES-128-CTR whose counter is the low 32 bits (SP 800-38A B.1 with m = 32).
type Ctr = ctr::Ctr32BE<aes::Aes128Enc>;

/// EK ‖ ICB and MK, wiped on drop.
pub(super) struct KeyingData {
    ek_and_icb: Wiped<u8, 32>,
    mk: Wiped<u8, 32>,
}

impl KeyingData {
    /// ANSI X9.63 with SHA-256: SHA-256(Z ‖ counter ‖ SharedInfo1), the counter in four octets from 1.
    pub(super) fn derive(z: &Wiped<u8, 32>, shared_info_1: &[u8]) -> Self {
        let block = |counter: u32| Wiped(sha256(&[&z.0, &counter.to_be_bytes(), shared_info_1]));
        Self {
            ek_and_icb: block(1),
            mk: block(2),
        }
    }

    /// Encrypts or decrypts in place.
    pub(super) fn apply_keystream(&self, octets: &mut [u8]) {
        let (halves, _) = self.ek_and_icb.0.as_chunks::<16>();
        if let [ek, icb] = halves {
            Ctr::new(ek.into(), icb.into()).apply_keystream(octets);
        }
    }

    /// The tag of a ciphertext: the first 8 octets of its HMAC.
    pub(super) fn tag(&self, ciphertext: &[u8]) -> [u8; TAG_LEN] {
        let mac = HmacKey::new(&self.mk.0).mac(ciphertext);
        let [a, b, c, d, e, f, g, h, ..] = *mac.all();
        [a, b, c, d, e, f, g, h]
    }

    /// Whether the tag is that of the ciphertext; in constant time.
    pub(super) fn tag_is(&self, ciphertext: &[u8], tag: &[u8; TAG_LEN]) -> Choice {
        self.tag(ciphertext)[..].ct_eq(&tag[..])
    }
}

#[cfg(test)]
impl KeyingData {
    pub(super) fn octets(&self) -> [&[u8; 32]; 2] {
        [&self.ek_and_icb.0, &self.mk.0]
    }

    pub(super) fn from_parts(ek: &[u8; 16], icb: &[u8; 16]) -> Self {
        let mut ek_and_icb = [0; 32];
        ek_and_icb[..16].copy_from_slice(ek);
        ek_and_icb[16..].copy_from_slice(icb);
        Self {
            ek_and_icb: Wiped(ek_and_icb),
            mk: Wiped([0; 32]),
        }
    }
}
