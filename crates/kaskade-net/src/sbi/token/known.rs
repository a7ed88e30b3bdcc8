//! Tokens that were verified already: a signature costs more than the rest of a request.

use std::sync::{Arc, Mutex, PoisonError};

use kaskade_flow::UnixMillis;

use super::{MAX_TOKEN, Token};

const SETS: usize = 512;
const WAYS: usize = 4;

/// What they take at most, in octets: of each its place, and its claims with what the allocator adds to each of their texts.
pub const TOKENS_OCTETS: usize = SETS * WAYS * (size_of::<Option<(Hash, Arc<Token>)>>() + 2 * MAX_TOKEN);

type Hash = [u8; 32];
type Set = [Option<(Hash, Arc<Token>)>; WAYS];

/// At most 2048 tokens by SHA-256 of their text. Only what is signed by a known key gets in, so that strangers push nobody out.
pub(super) struct Known {
    sets: Box<[Mutex<Set>]>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self {
            sets: (0..SETS).map(|_| Mutex::default()).collect(),
        }
    }

    fn within<R>(&self, hash: &Hash, work: impl FnOnce(&mut Set) -> R) -> Option<R> {
        let index = usize::from(u16::from_be_bytes([hash[0], hash[1]])) % SETS;
        let mut set = self.sets.get(index)?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(work(&mut set))
    }

    pub(super) fn get(&self, hash: &Hash) -> Option<Arc<Token>> {
        self.within(hash, |set| {
            let mut places = set.iter().flatten();
            places
                .find(|(known, _)| known == hash)
                .map(|(_, token)| Arc::clone(token))
        })?
    }

    /// Remembers a token in the place of the one that expires first.
    pub(super) fn put(&self, hash: Hash, token: &Arc<Token>) {
        let expires =
            |place: &Option<(Hash, Arc<Token>)>| place.as_ref().map_or(UnixMillis::new(0), |(_, token)| token.expires);
        self.within(&hash, |set| {
            let same = set
                .iter()
                .position(|place| place.as_ref().is_some_and(|(known, _)| *known == hash));
            let place = match same {
                Some(at) => set.get_mut(at),
                None => set.iter_mut().min_by_key(|place| expires(place)),
            };
            if let Some(place) = place {
                *place = Some((hash, Arc::clone(token)));
            }
        });
    }
}
