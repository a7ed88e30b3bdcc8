//! AT_CHECKCODE: that both saw the same identity rounds (RFC 4187 10.13, RFC 9048 3.5.4).

use alloc::boxed::Box;

use kaskade_codec::eap::AkaMethod;
use kaskade_crypto::kdf::{RunningSha1, RunningSha256};

/// The identity messages of a run so far: requests and responses of whole rounds, in their order, each once. Hashed as they come, so that
/// the length of a name is no matter to a table of runs; nothing, where there was no round.
#[derive(Debug, Default)]
pub(super) struct Rounds(Option<Box<Hash>>);

/// The hash of the method.
#[derive(Debug)]
enum Hash {
    Aka(RunningSha1),
    AkaPrime(RunningSha256),
}

impl Rounds {
    /// A round of a method is over; the rounds of a run are all of one.
    pub(super) fn add(&mut self, method: AkaMethod, request: &[u8], response: &[u8]) {
        let hash = self.0.get_or_insert_with(|| {
            Box::new(match method {
                AkaMethod::Aka => Hash::Aka(RunningSha1::default()),
                AkaMethod::AkaPrime => Hash::AkaPrime(RunningSha256::default()),
            })
        });
        for message in [request, response] {
            match &mut **hash {
                Hash::Aka(hash) => hash.add(message),
                Hash::AkaPrime(hash) => hash.add(message),
            }
        }
    }

    /// The code: nothing where there was no round.
    pub(super) fn code(&self) -> Checkcode {
        let mut octets = [0; 32];
        let len = match self.0.as_deref() {
            None => 0,
            Some(Hash::Aka(hash)) => {
                octets[..20].copy_from_slice(&hash.digest());
                20
            }
            Some(Hash::AkaPrime(hash)) => {
                octets = hash.digest();
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
