//! AT_CHECKCODE: that both saw the same identity rounds (RFC 4187 10.13, RFC 9048 3.5.4).

use alloc::vec::Vec;

use kaskade_codec::eap::AkaMethod;
use kaskade_crypto::kdf::{sha1, sha256};

/// The identity messages of a run so far: requests and responses of whole rounds, in their order, each once.
#[derive(Default)]
pub(super) struct Rounds(Vec<u8>);

impl Rounds {
    /// The most octets of an identity response that is taken: an NAI of 253 octets, and what is around it. Three rounds are kept until
    /// the user is known.
    pub(super) const MOST_OF_RESPONSE: usize = 268;

    /// A round is over.
    pub(super) fn add(&mut self, request: &[u8], response: &[u8]) {
        self.0.reserve_exact(request.len() + response.len());
        self.0.extend(request);
        self.0.extend(response);
    }

    /// The code: nothing where there was no round.
    pub(super) fn code(&self, method: AkaMethod) -> Checkcode {
        let mut octets = [0; 32];
        let len = match (self.0.is_empty(), method) {
            (true, _) => 0,
            (false, AkaMethod::Aka) => {
                octets[..20].copy_from_slice(&sha1(&[&self.0]));
                20
            }
            (false, AkaMethod::AkaPrime) => {
                octets = sha256(&[&self.0]);
                32
            }
        };
        Checkcode { octets, len }
    }
}

/// A code of 0, 20 or 32 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkcode {
    octets: [u8; 32],
    len: u8,
}

impl Checkcode {
    /// There was no round.
    pub(super) const NO_ROUND: Self = Self {
        octets: [0; 32],
        len: 0,
    };

    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether the other side saw the same, as far as it says what it saw.
    pub(super) fn agrees(&self, received: Option<&[u8]>) -> bool {
        received.is_none_or(|received| received == self.octets())
    }
}

/// Without the messages: they name a user.
impl core::fmt::Debug for Rounds {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Rounds({} octets)", self.0.len())
    }
}
