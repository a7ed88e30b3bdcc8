//! AES-128 in CBC mode over whole blocks, without padding of its own: the cipher of AT_ENCR_DATA (RFC 4187 10.12, SP 800-38A 6.2).
//!
//! It hides and proves nothing: a receiver deciphers what AT_MAC has shown to be authentic, and nothing else.

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128Dec, Aes128Enc};

/// Octets of a block, and of the initialisation vector.
pub const BLOCK: usize = 16;

/// The message is not whole blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("AES-CBC: {octets} octets are no whole blocks of 16")]
pub struct NotWholeBlocks {
    /// The length of the message.
    pub octets: usize,
}

/// Ciphers whole blocks in place. The initialisation vector is random and new for every message.
///
/// # Errors
/// [`NotWholeBlocks`]; the message is as it was then.
pub fn encrypt(key: &[u8; 16], iv: &[u8; BLOCK], message: &mut [u8]) -> Result<(), NotWholeBlocks> {
    let octets = message.len();
    let (blocks, []) = message.as_chunks_mut::<BLOCK>() else {
        return Err(NotWholeBlocks { octets });
    };
    let cipher = Aes128Enc::new(key.into());
    let mut last = *iv;
    for block in blocks {
        xor(block, &last);
        cipher.encrypt_block(block.into());
        last = *block;
    }
    Ok(())
}

/// Deciphers whole blocks in place.
///
/// # Errors
/// [`NotWholeBlocks`]; the message is as it was then.
pub fn decrypt(key: &[u8; 16], iv: &[u8; BLOCK], message: &mut [u8]) -> Result<(), NotWholeBlocks> {
    let octets = message.len();
    let (blocks, []) = message.as_chunks_mut::<BLOCK>() else {
        return Err(NotWholeBlocks { octets });
    };
    let cipher = Aes128Dec::new(key.into());
    let mut last = *iv;
    for block in blocks {
        let ciphered = *block;
        cipher.decrypt_block(block.into());
        xor(block, &last);
        last = ciphered;
    }
    Ok(())
}

fn xor(block: &mut [u8; BLOCK], other: &[u8; BLOCK]) {
    for (octet, other) in block.iter_mut().zip(other) {
        *octet ^= other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_sp_800_38a() {
        // SP 800-38A F.2.1 and F.2.2, all four blocks.
        let key = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes();
        let iv = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_be_bytes();
        let plain = hex::decode(concat!(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
            "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
        ))
        .unwrap();
        let ciphered = hex::decode(concat!(
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
            "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"
        ))
        .unwrap();
        let mut message = plain.clone();
        encrypt(&key, &iv, &mut message).unwrap();
        assert_eq!(message, ciphered);
        decrypt(&key, &iv, &mut message).unwrap();
        assert_eq!(message, plain);
    }

    #[test]
    fn parts_of_blocks_are_refused_and_left() {
        let mut message = [7; 17];
        assert_eq!(
            encrypt(&[1; 16], &[2; 16], &mut message),
            Err(NotWholeBlocks { octets: 17 })
        );
        assert_eq!(
            decrypt(&[1; 16], &[2; 16], &mut message),
            Err(NotWholeBlocks { octets: 17 })
        );
        assert_eq!(message, [7; 17]);
        assert_eq!(encrypt(&[1; 16], &[2; 16], &mut []), Ok(()));
    }
}
