//! Records of lawful interception at rest: keys of their own, which no other purpose has.
//!
//! ```text
//! sealed  nonce 12 ‖ ciphertext ‖ tag 16
//! clear   length 4 ‖ items ‖ zeros, as far as it is filled up
//! ```
//!
//! Whoever has the root key can derive them; the data key of a store, the keys of an audit log and those of exports do not open what is
//! sealed here.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::items::SecretWriter;
use super::record::{OpenedSecrets, RecordChanged};
use super::{RANDOM_LEN, Sealer, parts};
use crate::kdf::HmacKey;
use crate::store_keys::StoreKeys;

/// Octets of the length before the items.
const LENGTH: usize = 4;

/// Seals and opens records of lawful interception, and makes the codes of their chain. Its octets leave nobody.
pub struct InterceptionKeys {
    sealer: Sealer,
    codes: StoreKeys,
}

impl InterceptionKeys {
    pub(super) fn derive(key: &[u8; 32]) -> Self {
        let key = HmacKey::new(key);
        Self {
            sealer: Sealer::new(key.mac(b"kaskade interception seal 1").all()),
            codes: StoreKeys::derive(key.mac(b"kaskade interception codes 1").all()),
        }
    }

    /// Seals what was written, bound to `place`, filled up to `octets`: what is shorter cannot be told by its length.
    pub fn seal(&self, random: &[u8; RANDOM_LEN], place: &[u8], says: &SecretWriter, octets: usize) -> Vec<u8> {
        let items = says.secret_octets();
        let mut clear = Zeroizing::new(Vec::with_capacity(octets.max(LENGTH + items.len())));
        clear.extend_from_slice(&u32::try_from(items.len()).unwrap_or(u32::MAX).to_be_bytes());
        clear.extend_from_slice(items);
        let filled = octets.max(clear.len());
        clear.resize(filled, 0);
        self.sealer.sealed(random, place, &mut clear)
    }

    /// What was sealed for this place.
    ///
    /// # Errors
    /// [`RecordChanged`] when it was changed, moved, or sealed under other keys.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<OpenedSecrets, RecordChanged> {
        let (nonce, octets, tag) = parts(sealed).ok_or(RecordChanged)?;
        let mut clear = Zeroizing::new(octets.to_vec());
        let opened = self.sealer.gcm.open(nonce, [place, &[]], &mut clear, tag);
        opened.map_err(|_| RecordChanged)?;
        let (length, items) = clear.split_first_chunk::<LENGTH>().ok_or(RecordChanged)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| RecordChanged)?;
        let items = items.get(..length).ok_or(RecordChanged)?;
        Ok(OpenedSecrets::of(Zeroizing::new(items.to_vec())))
    }

    /// The keys of codes.
    pub const fn codes(&self) -> &StoreKeys {
        &self.codes
    }
}

impl core::fmt::Debug for InterceptionKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("InterceptionKeys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::RootKey;
    use crate::types::Ck;

    fn says() -> SecretWriter {
        let mut says = SecretWriter::new();
        says.octets(b"imsi-001010000000001");
        says.key(&Ck::from_octets(&[0xc; 16]));
        says
    }

    #[test]
    fn what_is_sealed_for_interception_opens_there_and_nowhere_else() {
        let root = RootKey::from_octets(&[7; 32]);
        let (keys, random) = (root.interception_keys(), [3; RANDOM_LEN]);
        let sealed = keys.seal(&random, b"a place", &says(), 512);
        let opened = keys.open(b"a place", &sealed).unwrap();
        let mut reader = opened.reader();
        assert_eq!(reader.octets().unwrap()[..], b"imsi-001010000000001"[..]);
        assert_eq!(reader.key::<Ck>(), Ok(Ck::from_octets(&[0xc; 16])));
        assert_eq!(reader.end(), Ok(()));
        assert!(keys.open(b"b place", &sealed).is_err(), "moved");
        let other = RootKey::from_octets(&[8; 32]).interception_keys();
        assert!(other.open(b"a place", &sealed).is_err(), "of another root key");
        for at in 0..sealed.len() {
            let mut edited = sealed.clone();
            edited[at] ^= 1;
            assert!(keys.open(b"a place", &edited).is_err(), "octet {at}");
        }
        assert!(!sealed.windows(16).any(|octets| octets == [0xc; 16]), "in clear");
        // No other key of the same root opens it.
        let (nonce, octets, tag) = parts(&sealed).unwrap();
        let others = [
            root.of_purpose(b"home network key"),
            root.of_purpose(b"exported subscriber"),
        ];
        for other in others {
            let mut clear = octets.to_vec();
            assert!(
                Sealer::new(other.all())
                    .gcm
                    .open(nonce, [b"a place", &[]], &mut clear, tag)
                    .is_err()
            );
        }
        let code = keys.codes().life(&[b"a part"]);
        assert_ne!(code, root.audit_keys(&[0; 16]).life(&[b"a part"]));
    }

    #[test]
    fn nothing_and_something_have_one_length() {
        let keys = RootKey::from_octets(&[7; 32]).interception_keys();
        let blank = keys.seal(&[1; RANDOM_LEN], b"p", &SecretWriter::new(), 512);
        assert_eq!(blank.len(), keys.seal(&[2; RANDOM_LEN], b"p", &says(), 512).len());
        assert!(keys.open(b"p", &blank).unwrap().reader().is_empty());
        // What is longer than it is to be is not cut.
        let long = keys.seal(&[2; RANDOM_LEN], b"p", &says(), 8);
        assert!(!keys.open(b"p", &long).unwrap().reader().is_empty());
    }
}
