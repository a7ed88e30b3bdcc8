//! The expanding functions of EAP: PRF' and prf+, both HMAC-SHA-256 in a chain (RFC 9048 3.4.1, RFC 5295 3.1.2).
//!
//! ```text
//! T1 = HMAC(K, S ‖ 0x01)     Tn = HMAC(K, T(n−1) ‖ S ‖ n)     output = T1 ‖ T2 ‖ …
//! ```

use super::{HmacKey, KdfOutput};

/// More octets asked for than the one-octet counter can number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PRF': {asked} octets asked for, its counter ends at {MOST_OCTETS}", MOST_OCTETS = HmacKey::MOST_OCTETS)]
pub struct TooManyOctets {
    /// Octets asked for.
    pub asked: usize,
}

impl HmacKey {
    /// The most that [`HmacKey::expand`] gives: 255 blocks of 32 octets.
    pub const MOST_OCTETS: usize = 255 * 32;

    /// PRF'(K, S) of RFC 9048 3.4.1, which is prf+(K, S) of RFC 5295 3.1.2: fills `output`, at most 8160 octets.
    ///
    /// S is given in parts, one after the other.
    ///
    /// # Errors
    ///
    /// When `output` is longer than the counter allows; it is untouched then.
    ///
    /// ```
    /// use kaskade_crypto::kdf::HmacKey;
    ///
    /// let mut master_key = [0; 208];
    /// HmacKey::new(&[0x5a; 32]).expand(&[b"EAP-AKA'", b"0555444333222111"], &mut master_key)?;
    /// # Ok::<(), kaskade_crypto::kdf::TooManyOctets>(())
    /// ```
    pub fn expand(&self, s: &[&[u8]], output: &mut [u8]) -> Result<(), TooManyOctets> {
        if output.len() > Self::MOST_OCTETS {
            return Err(TooManyOctets { asked: output.len() });
        }
        let mut last: Option<KdfOutput> = None;
        for (number, place) in (1_u8..=255).zip(output.chunks_mut(32)) {
            let block = self.mac_chain(last.as_ref(), s, number);
            place.copy_from_slice(&block.all()[..place.len()]);
            last = Some(block);
        }
        Ok(())
    }

    /// T(n) from T(n−1), S and n.
    fn mac_chain(&self, last: Option<&KdfOutput>, s: &[&[u8]], number: u8) -> KdfOutput {
        let mut message = self.message();
        if let Some(last) = last {
            message.absorb(last.all());
        }
        for part in s {
            message.absorb(part);
        }
        message.absorb(&[number]);
        message.finish_hmac(&self.outer)
    }
}
