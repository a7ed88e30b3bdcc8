//! The algorithm that a security mode command selects, as one value.

use super::null::{Nea0, Nia0};
use super::{BitsBeyondMessage, Mac32, MacMismatch, MessageInput};
use crate::aes::{Nea2, Nia2};
use crate::snow3g::{Nea1, Nia1};
use crate::zuc::{Nea3, Nia3};

macro_rules! each {
    ($value:expr, $Name:ident, $algorithm:ident => $work:expr) => {
        match $value {
            $Name::Null($algorithm) => $work,
            $Name::Snow3g($algorithm) => $work,
            $Name::Aes($algorithm) => $work,
            $Name::Zuc($algorithm) => $work,
        }
    };
}

/// A ciphering algorithm of 128 bits with its key: NEA0 to 128-NEA3, EEA0 to 128-EEA3 (TS 33.501 D.2, TS 33.401 B.1).
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lives in a security context; a box would put a key on the heap"
)]
pub enum Nea {
    /// NEA0, which a policy must have permitted.
    Null(Nea0),
    /// 128-NEA1.
    Snow3g(Nea1),
    /// 128-NEA2.
    Aes(Nea2),
    /// 128-NEA3.
    Zuc(Nea3),
}

impl Nea {
    /// Ciphers or deciphers whole octets in place.
    pub fn apply(&self, input: &MessageInput, message: &mut [u8]) {
        each!(self, Nea, algorithm => algorithm.apply(input, message));
    }

    /// Ciphers or deciphers the first `bits` in place; the bits after them in their last octet become 0.
    ///
    /// # Errors
    /// [`BitsBeyondMessage`] if the message is shorter; it is then as before.
    pub fn apply_bits(&self, input: &MessageInput, message: &mut [u8], bits: usize) -> Result<(), BitsBeyondMessage> {
        each!(self, Nea, algorithm => algorithm.apply_bits(input, message, bits))
    }
}

/// An integrity algorithm of 128 bits with its key: NIA0 to 128-NIA3, EIA0 to 128-EIA3 (TS 33.501 D.3, TS 33.401 B.2).
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lives in a security context; a box would put a key on the heap"
)]
pub enum Nia {
    /// NIA0, which a policy must have permitted.
    Null(Nia0),
    /// 128-NIA1.
    Snow3g(Nia1),
    /// 128-NIA2.
    Aes(Nia2),
    /// 128-NIA3.
    Zuc(Nia3),
}

impl Nia {
    /// The code of whole octets.
    pub fn mac(&self, input: &MessageInput, message: &[u8]) -> Mac32 {
        each!(self, Nia, algorithm => algorithm.mac(input, message))
    }

    /// The code of the first `bits`.
    ///
    /// # Errors
    /// [`BitsBeyondMessage`] if the message is shorter.
    pub fn mac_bits(&self, input: &MessageInput, message: &[u8], bits: usize) -> Result<Mac32, BitsBeyondMessage> {
        each!(self, Nia, algorithm => algorithm.mac_bits(input, message, bits))
    }

    /// Checks the code in constant time.
    ///
    /// # Errors
    /// [`MacMismatch`] if it is not the code of this message.
    pub fn verify(&self, input: &MessageInput, message: &[u8], mac: &Mac32) -> Result<(), MacMismatch> {
        each!(self, Nia, algorithm => algorithm.verify(input, message, mac))
    }
}

#[cfg(test)]
mod tests {
    use super::super::null::{NullCipheringPermitted, NullIntegrityPermitted};
    use super::super::{Bearer, Direction, Key128};
    use super::*;

    #[test]
    fn each_choice_is_its_own_algorithm() {
        let key = Key128::from_octets(&[0x2b; 16]);
        let input = MessageInput {
            count: 9,
            bearer: Bearer::new(1).expect("below 32"),
            direction: Direction::Downlink,
        };
        let ciphers = [
            Nea::Null(Nea0::allowed(NullCipheringPermitted::TestNetwork)),
            Nea::Snow3g(Nea1::new(&key)),
            Nea::Aes(Nea2::new(&key)),
            Nea::Zuc(Nea3::new(&key)),
        ];
        let texts = ciphers.each_ref().map(|cipher| {
            let mut message = *b"a message of NAS";
            cipher.apply(&input, &mut message);
            message
        });
        assert_eq!(&texts[0], b"a message of NAS");
        let codes = [
            Nia::Null(Nia0::allowed(NullIntegrityPermitted::TestNetwork)),
            Nia::Snow3g(Nia1::new(&key)),
            Nia::Aes(Nia2::new(&key)),
            Nia::Zuc(Nia3::new(&key)),
        ];
        let macs = codes.each_ref().map(|code| code.mac(&input, b"a message"));
        assert_eq!(macs[0].octets(), &[0; 4]);
        for (at, (text, mac)) in texts.iter().zip(&macs).enumerate() {
            assert!(!texts[..at].contains(text) && !macs[..at].contains(mac));
            assert_eq!(codes[at].verify(&input, b"a message", mac), Ok(()));
            if at > 0 {
                assert_eq!(codes[at].verify(&input, b"a messagf", mac), Err(MacMismatch));
            }
        }
        assert!(codes[1].mac_bits(&input, b"a message", 73).is_err());
        assert!(ciphers[1].apply_bits(&input, &mut [0; 2], 17).is_err());
    }
}
