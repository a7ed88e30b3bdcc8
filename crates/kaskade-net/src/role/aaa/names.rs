//! What a server calls its users: pseudonyms for the users themselves, and a name that never changes for who charges them.

use base64ct::{Base64UrlUnpadded, Encoding};
use kaskade_aka::eap_aka::names::Pseudonyms;
use kaskade_crypto::kdf::HmacKey;
use kaskade_crypto::seal::NameKeys;
use kaskade_keys::Supi;

/// Names of users, under keys of the home network.
#[derive(Debug)]
pub struct UserNames {
    pub(super) pseudonyms: Pseudonyms,
    users: HmacKey,
}

impl From<NameKeys> for UserNames {
    fn from(keys: NameKeys) -> Self {
        let NameKeys { pseudonyms, users } = keys;
        Self {
            pseudonyms: Pseudonyms::with_key(pseudonyms),
            users,
        }
    }
}

impl UserNames {
    /// The Chargeable-User-Identity of a user (RFC 4372): 22 characters that say nothing, and stay the same.
    pub(super) fn cui(&self, supi: &Supi) -> Vec<u8> {
        let mark = self.users.mac(supi.sbi().as_bytes());
        Base64UrlUnpadded::encode_string(mark.high_128()).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use kaskade_crypto::seal::RootKey;

    use super::*;

    #[test]
    fn who_is_charged_stays_the_same_and_is_nobody_else() {
        let names = |key, generation| UserNames::from(RootKey::from_octets(&[key; 32]).name_keys(generation));
        let supi = |text: &str| text.parse::<Supi>().unwrap();
        let (one, other) = (supi("imsi-001010000000001"), supi("imsi-001010000000002"));
        let cui = names(1, 1).cui(&one);
        assert_eq!(cui.len(), 22);
        assert_eq!(cui, names(1, 2).cui(&one), "whatever becomes of pseudonyms");
        assert_ne!(cui, names(1, 1).cui(&other));
        assert_ne!(cui, names(2, 1).cui(&one));
    }
}
