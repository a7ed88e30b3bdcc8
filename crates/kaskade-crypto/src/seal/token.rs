//! Short texts sealed into a token that goes to somebody else and comes back: a pseudonym names a user to whoever made it.

use alloc::vec::Vec;

use super::{RANDOM_LEN, Sealer};

/// Seals what a token says, and opens it. All of its state is in the value, and wiped on drop.
///
/// Not for keys: what opens here are octets. Tokens of one purpose are never those of another.
///
/// ```
/// use kaskade_crypto::seal::TokenKey;
///
/// let key = TokenKey::from_octets(&[7; 32]);
/// let token = key.seal("pseudonym", &[1; 12], b"001010000000001");
/// assert_eq!(key.open("pseudonym", &token).as_deref(), Some(&b"001010000000001"[..]));
/// assert_eq!(key.open("something else", &token), None);
/// ```
pub struct TokenKey(Sealer);

impl TokenKey {
    /// Takes 32 octets, which serve for nothing else.
    pub fn from_octets(octets: &[u8; 32]) -> Self {
        Self(Sealer::new(octets))
    }

    /// nonce ‖ ciphertext ‖ tag.
    pub fn seal(&self, purpose: &'static str, random: &[u8; RANDOM_LEN], says: &[u8]) -> Vec<u8> {
        self.0.sealed(random, purpose.as_bytes(), &mut says.to_vec())
    }

    /// What a token says; `None` when it was not made with this key for this purpose.
    pub fn open(&self, purpose: &'static str, token: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = token.split_first_chunk()?;
        let (ciphered, tag) = rest.split_last_chunk()?;
        let mut says = ciphered.to_vec();
        let opened = self.0.gcm.open(nonce, [purpose.as_bytes(), &[]], &mut says, tag);
        opened.ok().map(|()| says)
    }
}

impl core::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}
