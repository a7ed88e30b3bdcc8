//! What a home network's store makes of its data key, beside the sealing of K.
//!
//! | Key | Algorithm | For |
//! |---|---|---|
//! | challenge | AES-128, one block | a RAND that the AuC recognises later as its own, with its moment, without memory |
//! | record | AES-CMAC, 16 octets | an edit of a record of sequence numbers is noticed |
//! | life | HMAC-SHA-256, 16 octets kept | names a card without showing its K |
//!
//! A RAND is `AES(seconds 4 ‖ code of the SUPI 4 ‖ 2^-16 s 2 ‖ random 6)`: a permutation of numbers that never repeat, so
//! that without the key it cannot be told from a random one. Nothing is seen on the air of when and for whom it was made.
//!
//! ```
//! use kaskade_crypto::store_keys::StoreKeys;
//!
//! let keys = StoreKeys::derive(&[7; 32]);
//! let rand = keys.challenge(b"imsi-001010000000001", 0x6512_3456_8000, [1, 2, 3, 4, 5, 6]);
//! assert_eq!(keys.recognise(b"imsi-001010000000001", &rand), Some(0x6512_3456_8000));
//! assert_eq!(keys.recognise(b"imsi-001010000000002", &rand), None);
//! ```

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use subtle::ConstantTimeEq;

use crate::Rand;
use crate::aes::{Blocks, Subkeys, subkeys};
use crate::block_cipher::Aes128;
use crate::kdf::HmacKey;

/// Octets of the code of a record.
pub const RECORD_CODE_LEN: usize = 16;
/// Octets of the name of a life.
pub const LIFE_LEN: usize = 16;
/// The bits of a moment: seconds 32 ‖ 2^-16 s 16.
pub const MOMENT_BITS: u32 = 48;

/// What a code of a record is for: codes of one purpose are never those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The code of the SUPI within a RAND.
    Supi = 1,
    /// The record of the sequence numbers in a subscriber's row, in stores of format 2.
    Row = 2,
    /// The record of a life that is over.
    Life = 3,
    /// What a store knows of itself.
    Meta = 4,
    /// The chain of the audit log, as far as a block or the head of a segment.
    AuditChain = 5,
    /// How far the audit log has come.
    AuditMark = 6,
    /// A subscriber's pseudonym in the audit log.
    AuditSubject = 7,
    /// The record of a subscriber's sequence numbers.
    Sequence = 8,
    /// A record of any other kind, which has no secrets.
    Record = 9,
    /// The chain of the feed of lawful interception.
    InterceptionChain = 10,
}

/// The keys that follow from one data key. They are wiped on drop.
pub struct StoreKeys {
    challenge: aes::Aes128,
    record: Aes128,
    record_subkeys: Subkeys,
    life: HmacKey,
}

impl StoreKeys {
    /// Derives them from the data key, 32 octets: HMAC-SHA-256 of a name for each.
    pub fn derive(data_key: &[u8; 32]) -> Self {
        let data_key = HmacKey::new(data_key);
        let record = Aes128::new(data_key.mac(b"kaskade record key 1").high_128());
        Self {
            challenge: aes::Aes128::new(data_key.mac(b"kaskade challenge key 1").high_128().into()),
            record_subkeys: subkeys(&record),
            record,
            life: HmacKey::new(data_key.mac(b"kaskade life key 1").all()),
        }
    }

    /// A RAND for `supi` that is made at `moment` (units of 2^-16 s, the low 48 bits count) of six random octets.
    pub fn challenge(&self, supi: &[u8], moment: u64, random: [u8; 6]) -> Rand {
        let [_, _, a, b, c, d, e, f] = moment.to_be_bytes();
        let [s0, s1, s2, s3] = self.supi_code(supi);
        let [r0, r1, r2, r3, r4, r5] = random;
        let mut block = [a, b, c, d, s0, s1, s2, s3, e, f, r0, r1, r2, r3, r4, r5].into();
        self.challenge.encrypt_block(&mut block);
        Rand::from_octets(block.into())
    }

    /// The moment of a RAND that [`StoreKeys::challenge`] made for this SUPI; `None` of any other.
    pub fn recognise(&self, supi: &[u8], rand: &Rand) -> Option<u64> {
        let mut block = (*rand.octets()).into();
        self.challenge.decrypt_block(&mut block);
        let [a, b, c, d, s0, s1, s2, s3, e, f, ..]: [u8; 16] = block.into();
        let own = self.supi_code(supi).ct_eq(&[s0, s1, s2, s3]);
        bool::from(own).then(|| u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// Whether the last of the random octets of a RAND is this: whoever makes RAND may say there who it is.
    pub fn is_made_by(&self, rand: &Rand, maker: u8) -> bool {
        let mut block = (*rand.octets()).into();
        self.challenge.decrypt_block(&mut block);
        let [.., last]: [u8; 16] = block.into();
        last == maker
    }

    /// The code of a record, 16 octets.
    #[inline]
    pub fn record_code(&self, purpose: Purpose, record: &[u8]) -> [u8; RECORD_CODE_LEN] {
        let blocks = Blocks::new(purpose as u64, record, 0, &self.record_subkeys);
        blocks.mac(&self.record).to_le_bytes()
    }

    /// Whether a record has this code. In constant time.
    #[inline]
    pub fn verify_record(&self, purpose: Purpose, record: &[u8], code: &[u8; RECORD_CODE_LEN]) -> bool {
        self.record_code(purpose, record).ct_eq(code).into()
    }

    /// The name of what `parts` say one after the other, 16 octets. Of each of the first eight parts the length counts too.
    pub fn life(&self, parts: &[&[u8]]) -> [u8; LIFE_LEN] {
        let mut lengths = [0; 32];
        for (place, part) in lengths.as_chunks_mut::<4>().0.iter_mut().zip(parts) {
            *place = u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes();
        }
        *self.life.mac_parts(&[&[&lengths[..]], parts].concat()).high_128()
    }

    fn supi_code(&self, supi: &[u8]) -> [u8; 4] {
        let [a, b, c, d, ..] = self.record_code(Purpose::Supi, supi);
        [a, b, c, d]
    }
}

impl core::fmt::Debug for StoreKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("StoreKeys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUPI: &[u8] = b"imsi-001010000000001";

    #[test]
    fn a_rand_is_recognised_and_any_other_is_not() {
        let (keys, other) = (StoreKeys::derive(&[1; 32]), StoreKeys::derive(&[2; 32]));
        for moment in [0, 1, 0x6512_3456_789a, (1 << 48) - 1] {
            let rand = keys.challenge(SUPI, moment, [9; 6]);
            assert_eq!(keys.recognise(SUPI, &rand), Some(moment));
            assert_eq!(keys.recognise(b"imsi-001010000000002", &rand), None);
            assert_eq!(other.recognise(SUPI, &rand), None);
            let mut octets = *rand.octets();
            for bit in 0..128 {
                octets[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(keys.recognise(SUPI, &Rand::from_octets(octets)), None, "bit {bit}");
                octets[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn a_code_is_aes_cmac_of_the_purpose_and_the_record() {
        use crate::cipher::{Bearer, Direction, Key128, MessageInput};
        // EIA2 is the same CMAC after eight octets of its own: with all of them 0 but the count.
        let keys = StoreKeys::derive(&[3; 32]);
        let record_key = HmacKey::new(&[3; 32]).mac(b"kaskade record key 1");
        let nia2 = crate::aes::Nia2::new(&Key128::from_octets(record_key.high_128()));
        let input = MessageInput {
            count: (Purpose::Row as u32).swap_bytes(),
            bearer: Bearer::new(0).expect("a bearer"),
            direction: Direction::Uplink,
        };
        for len in [0, 1, 7, 8, 9, 23, 24, 25, 40, 200] {
            let record: alloc::vec::Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
            let code = keys.record_code(Purpose::Row, &record);
            assert_eq!(nia2.mac(&input, &record).octets(), &code[..4], "{len} octets");
            assert!(keys.verify_record(Purpose::Row, &record, &code));
            assert!(!keys.verify_record(Purpose::Life, &record, &code));
        }
    }

    #[test]
    fn lives_tell_their_parts_apart() {
        let keys = StoreKeys::derive(&[4; 32]);
        let life = |parts: &[&'static [u8]]| keys.life(parts);
        assert_eq!(life(&[b"ab", b"c"]), life(&[b"ab", b"c"]));
        assert_ne!(life(&[b"ab", b"c"]), life(&[b"a", b"bc"]));
        assert_ne!(life(&[b"abc"]), life(&[b"ab", b"c"]));
        assert_ne!(life(&[b"ab"]), StoreKeys::derive(&[5; 32]).life(&[b"ab"]));
    }
}
