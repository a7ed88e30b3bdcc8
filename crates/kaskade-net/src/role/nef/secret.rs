//! Secrets of clients of the token endpoint: 32 random octets, of which the configuration has a hash alone.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding};
use kaskade_codec::hex;
use kaskade_crypto::kdf::sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The secret of a client: 32 octets, which travel as 43 characters of base64url. Wiped on drop.
///
/// Nobody chooses one: a hash without salt or cost is enough for what cannot be guessed.
#[derive(Clone)]
pub struct ClientSecret(Zeroizing<[u8; 32]>);

impl ClientSecret {
    /// Of random octets.
    pub fn from_octets(octets: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*octets))
    }

    /// Reads what a client sends; `None` where it is not of this form.
    pub fn read(text: &str) -> Option<Self> {
        let mut octets = Zeroizing::new([0; 32]);
        // Constant in time: no look-up tables.
        let read = Base64UrlUnpadded::decode(text, &mut octets[..]).ok()?;
        (read.len() == 32).then_some(Self(octets))
    }

    /// As whoever runs the client is given it, once.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64UrlUnpadded::encode_string(&self.0[..]))
    }

    /// What the configuration has of it, for the client of this name.
    pub fn hash(&self, client: &str) -> ClientSecretHash {
        ClientSecretHash(sha256(&[
            b"Kaskade NEF client secret 1\0",
            client.as_bytes(),
            b"\0",
            &self.0[..],
        ]))
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// SHA-256 of a secret and of whose it is: 64 hexadecimal digits. Equality takes constant time.
#[derive(Clone, Copy)]
pub struct ClientSecretHash([u8; 32]);

/// Not the hash of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal digits: `kaskade nef secret NAME` makes a secret and its hash")]
pub struct NotAHash;

impl PartialEq for ClientSecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for ClientSecretHash {}

impl FromStr for ClientSecretHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut octets = [0; 32];
        match hex::read(text.as_bytes(), &mut octets) {
            true => Ok(Self(octets)),
            false => Err(NotAHash),
        }
    }
}

impl fmt::Display for ClientSecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for ClientSecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecretHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_of_one_client_and_of_one_form() {
        let secret = ClientSecret::from_octets(&[7; 32]);
        let text = secret.reveal();
        assert_eq!(text.len(), 43);
        let read = ClientSecret::read(&text).expect("the same");
        assert_eq!(read.hash("video"), secret.hash("video"));
        assert_ne!(read.hash("video"), secret.hash("audio"), "of another client");
        let hash = secret.hash("video").to_string();
        assert_eq!(hash.parse(), Ok(secret.hash("video")));
        assert!(!format!("{secret:?}{:?}", secret.hash("video")).contains(&hash[..8]));
        for other in [
            "",
            "password",
            &text[1..],
            &format!("{}=", *text),
            &text.replace('w', "+"),
        ] {
            assert!(ClientSecret::read(other).is_none(), "{other}");
        }
        assert_eq!("password".parse::<ClientSecretHash>(), Err(NotAHash));
    }
}
