//! What the keys of EAP-AKA and EAP-AKA' do to messages: the code of AT_MAC, the cipher of AT_ENCR_DATA, and the hash of AT_CHECKCODE.
//!
//! | Method | AT_MAC, 16 octets | AT_ENCR_DATA | AT_CHECKCODE |
//! |---|---|---|---|
//! | EAP-AKA | the first of HMAC-SHA-1 | AES-128-CBC | SHA-1, 20 octets |
//! | EAP-AKA' | the first of HMAC-SHA-256 | AES-128-CBC | SHA-256, 32 octets |

use kaskade_crypto::cbc::{self, NotWholeBlocks};
use kaskade_crypto::ecdh::AgreedSecret;
use kaskade_crypto::kdf::{HmacKey, hmac_sha1};
use kaskade_crypto::reexport::subtle::ConstantTimeEq;

use super::{KAut, KAutAka, KEncr, SharedSecret};

/// A key of AT_MAC (RFC 4187 10.15, RFC 9048 3.4.2).
pub trait AtMacKey {
    /// The code of the parts, one after the other. 16 octets.
    fn at_mac(&self, parts: &[&[u8]]) -> [u8; 16];

    /// Whether a code is that of the parts. In constant time.
    fn at_mac_is(&self, parts: &[&[u8]], mac: &[u8; 16]) -> bool {
        self.at_mac(parts)[..].ct_eq(&mac[..]).into()
    }
}

impl AtMacKey for KAut {
    fn at_mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        *HmacKey::new(self.secret_octets()).mac_parts(parts).high_128()
    }
}

impl AtMacKey for KAutAka {
    fn at_mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        let [mac @ .., _, _, _, _] = hmac_sha1(self.secret_octets(), parts);
        mac
    }
}

impl KEncr {
    /// Enciphers the attributes of AT_ENCR_DATA in place: whole blocks of 16 octets (RFC 4187 10.12). `iv` is random and new.
    ///
    /// # Errors
    /// [`NotWholeBlocks`]; they are as they were then.
    pub fn encipher(&self, iv: &[u8; 16], attributes: &mut [u8]) -> Result<(), NotWholeBlocks> {
        cbc::encrypt(self.secret_octets(), iv, attributes)
    }

    /// Deciphers the value of AT_ENCR_DATA in place, when AT_MAC has shown that it is authentic.
    ///
    /// # Errors
    /// [`NotWholeBlocks`]; it is as it was then.
    pub fn decipher(&self, iv: &[u8; 16], attributes: &mut [u8]) -> Result<(), NotWholeBlocks> {
        cbc::decrypt(self.secret_octets(), iv, attributes)
    }
}

impl From<&AgreedSecret> for SharedSecret {
    /// What two ephemeral keys agree on is SHARED_SECRET (RFC 9678 6.3).
    fn from(agreed: &AgreedSecret) -> Self {
        Self::from_octets(agreed.expose_to_derivation())
    }
}
