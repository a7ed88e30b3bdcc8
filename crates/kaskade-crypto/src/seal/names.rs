//! The keys of the names that a server of EAP-AKA gives to its users.

use super::TokenKey;
use crate::kdf::HmacKey;

/// What the names are made with. Its octets leave nobody.
#[derive(Debug)]
pub struct NameKeys {
    /// Seals pseudonyms, which come back.
    pub pseudonyms: TokenKey,
    /// Marks users: the same for ever, whatever the generation of the pseudonyms.
    pub users: HmacKey,
}

impl NameKeys {
    pub(super) fn derive(octets: &[u8; 32], generation: u32) -> Self {
        let key = HmacKey::new(octets);
        let pseudonyms = key.mac_parts(&[b"pseudonyms ", &generation.to_be_bytes()]);
        Self {
            pseudonyms: TokenKey::from_octets(pseudonyms.all()),
            users: HmacKey::new(key.mac(b"users").all()),
        }
    }
}
