//! Other people's implementations of the ciphers that Kaskade has, to compare with: results in `tests/`, speed in
//! `benches/`.
//!
//! | Peer | What of it |
//! |---|---|
//! | [`ipsec_mb`] | Intel's multi-buffer library: SNOW 3G, AES-CTR, AES-CMAC, ZUC, one by one, side by side, and by its manager |
//! | [`openssl`] | AES-CTR and AES-CMAC |
//! | [`ours`] | Kaskade's own, behind one trait for the ciphers and one for the codes |
//!
//! The functions of this crate panic when a peer refuses: it serves tests and benchmarks only.

pub mod ipsec_mb;
pub mod openssl;
pub mod ours;

use kaskade_crypto::cipher::MessageInput;

/// 16 octets where the peers want them: an initialisation vector, or a code as it comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(16))]
pub struct Aligned16(pub [u8; 16]);

/// One message as the peers take it, with room behind its end.
#[derive(Debug)]
pub struct Message {
    /// The initialisation vector; AES-CMAC has none.
    pub iv: Aligned16,
    /// The octets, ciphered in place.
    pub octets: Vec<u8>,
    /// How many bits of them count.
    pub bits: usize,
    /// The code, in the first four octets.
    pub mac: Aligned16,
}

/// ipsec-mb's function for SNOW 3G with a length in bits writes whole words, behind the end of the message too.
const ROOM: usize = 64;

impl Clone for Message {
    fn clone(&self) -> Self {
        Self {
            mac: self.mac,
            ..Self::new(self.iv, &[&self.octets], self.bits)
        }
    }
}

impl Message {
    /// A message in pieces.
    pub fn new(iv: Aligned16, pieces: &[&[u8]], bits: usize) -> Self {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        assert!(bits <= 8 * length, "{bits} bits of {length} octets");
        let mut octets = Vec::with_capacity(length + ROOM);
        pieces.iter().for_each(|piece| octets.extend_from_slice(piece));
        Self {
            iv,
            octets,
            bits,
            mac: Aligned16::default(),
        }
    }

    /// The code of 32 bits.
    pub fn mac32(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.mac.0;
        [a, b, c, d]
    }
}

/// COUNT ‖ BEARER ‖ DIRECTION ‖ 0…0, 8 octets: what counter block and CMAC start with (TS 33.401 B.1.3, B.2.3).
pub fn header(input: &MessageInput) -> [u8; 8] {
    let [a, b, c, d] = input.count.to_be_bytes();
    [
        a,
        b,
        c,
        d,
        input.bearer.value() << 3 | input.direction.bit() << 2,
        0,
        0,
        0,
    ]
}
