//! What fast re-authentications start from, by the name that their peer was given: each serves once.
//!
//! ```text
//! name = "4" or "8" ‖ base64url( place 1 ‖ identifier 16 ‖ random 1 ) ‖ "@" ‖ realm
//! ```
//!
//! The place says in which table the entry lies, which follows from the user; under a mask that follows from the identifier, so that two
//! names of one user have nothing in common.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use kaskade_aka::eap_aka::names::reauthentication_name;
use kaskade_aka::eap_aka::server::Reauthentication;
use kaskade_codec::eap::AkaMethod;
use kaskade_faults::fault;
use kaskade_flow::expiring::{Bounds, Everybody, Expiring, SHARDS};
use kaskade_flow::{Cover, Entropy, Moment, NoRandomness};
use kaskade_keys::Supi;
use kaskade_keys::id::EapIdentity;
use kaskade_store::CardName;

use crate::random::SystemEntropy;

/// How many fast re-authentications may follow a full one, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReauthenticationLimits {
    /// Users who wait for one, all together.
    pub all: usize,
    /// How many there are after a full one; 0: none.
    pub count: u16,
    /// How long after a full one there are any.
    pub lifetime: Duration,
}

impl Default for ReauthenticationLimits {
    fn default() -> Self {
        Self {
            all: 262_144,
            count: 32,
            lifetime: Duration::from_secs(24 * 3600),
        }
    }
}

impl ReauthenticationLimits {
    /// What the table takes at most, in octets.
    pub const fn octets_at_most(&self) -> usize {
        // The entry itself, its name, and what the allocator adds to each.
        let heap = size_of::<Reauthentication>() + 256 + 64;
        Expiring::<Supi, Everybody, Kept, RandomState>::octets_at_most(self.all, heap)
    }
}

/// What an authentication rests on.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    /// The card that proved itself.
    pub(super) card: CardName,
    /// By this method.
    pub(super) method: AkaMethod,
    /// Its vector is durable as used.
    pub(super) cover: Cover,
    /// What belongs together in the audit log.
    pub(super) correlation: u64,
    /// When fast re-authentications are over.
    pub(super) until: Option<Moment>,
}

/// What a fast re-authentication starts from.
pub(super) struct Kept {
    pub(super) entry: Box<Reauthentication>,
    pub(super) ground: Ground,
}

/// Octets of a name.
const NAME: usize = 18;

/// By name, of each user one. All is everybody's: a user comes back by another gateway.
pub(super) struct KeptTable {
    table: Expiring<Supi, Everybody, Kept, RandomState>,
    hasher: RandomState,
    pub(super) limits: ReauthenticationLimits,
}

impl KeptTable {
    pub(super) fn new(limits: ReauthenticationLimits) -> Self {
        let bounds = Bounds {
            all: limits.all,
            per_user: 1,
        };
        Self {
            table: Expiring::new(bounds, RandomState::new()),
            hasher: RandomState::new(),
            limits,
        }
    }

    /// A new name for a user; `None` where there are none.
    pub(super) fn name(
        &self,
        supi: &Supi,
        method: AkaMethod,
        realm: Option<&str>,
    ) -> Result<Option<EapIdentity>, NoRandomness> {
        let Some(realm) = realm.filter(|_| self.limits.count > 0) else {
            return Ok(None);
        };
        let mut entropy = Placed {
            table: self,
            place: self.table.shard_of(supi),
        };
        reauthentication_name(method, realm, &mut entropy)
    }

    /// Keeps what the next one starts from. Where there is no room, the peer comes with a full authentication.
    pub(super) fn keep(&self, kept: Kept, now: Moment) {
        let Some((_, id)) = self.place(&kept.entry.name) else {
            return;
        };
        let (supi, until) = (kept.entry.supi.clone(), kept.ground.until);
        let _ = self.table.insert(&supi, Everybody, id, kept, until, now);
    }

    /// Takes out what a name stands for: it serves once, whatever becomes of it.
    pub(super) fn take(&self, name: &EapIdentity, now: Moment) -> Option<Kept> {
        let (place, id) = self.place(name)?;
        self.table.take(place, id, Everybody, now).ok()
    }

    /// Lets go of what is over.
    pub(super) fn sweep(&self, now: Moment) {
        self.table.sweep(now, drop);
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Where the entry of a name lies; `None` of what is no such name.
    fn place(&self, name: &EapIdentity) -> Option<(u8, u128)> {
        let text = name.as_str();
        let username = text.rsplit_once('@').map_or(text, |(username, _)| username);
        let mut octets = [0; NAME];
        let decoded = Base64UrlUnpadded::decode(username.strip_prefix(['4', '8'])?, &mut octets).ok()?;
        let (&masked, rest) = decoded.split_first()?;
        let (id, [_]) = rest.split_first_chunk()? else {
            return None;
        };
        Some(((masked ^ self.mask(id)) % SHARDS, u128::from_be_bytes(*id)))
    }

    fn mask(&self, id: &[u8; 16]) -> u8 {
        if fault!("reauthentication-names-show-their-place") {
            return 0;
        }
        self.hasher.hash_one(id).to_be_bytes()[0]
    }
}

/// Random octets of which the first says where an entry lies.
struct Placed<'t> {
    table: &'t KeptTable,
    place: u8,
}

impl Entropy for Placed<'_> {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        SystemEntropy.fill(octets)?;
        if let Some((first, rest)) = octets.split_first_mut()
            && let Some(id) = rest.first_chunk()
        {
            // The bits that say nothing stay random.
            let says = (self.place ^ self.table.mask(id)) % SHARDS;
            *first = *first / SHARDS * SHARDS + says;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_user_have_nothing_in_common_and_lead_to_its_table() {
        let table = KeptTable::new(ReauthenticationLimits::default());
        let supi: Supi = "imsi-001010000000001".parse().unwrap();
        let place = table.table.shard_of(&supi);
        let (mut first, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let name = table
                .name(&supi, AkaMethod::AkaPrime, Some("example.org"))
                .unwrap()
                .unwrap();
            let octets = Base64UrlUnpadded::decode_vec(&name.as_str()[1..25]).unwrap();
            first.push(octets[0] % SHARDS);
            let (shard, id) = table.place(&name).unwrap();
            assert_eq!(shard, place);
            ids.push(id);
        }
        first.sort_unstable();
        first.dedup();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 200);
        assert!(first.len() > 40, "{first:?}");
        for none in ["8", "8AAAA@example.org", "7abc", "001010000000001", "8!@example.org"] {
            assert!(table.place(&none.parse().unwrap()).is_none(), "{none}");
        }
        assert_eq!(table.name(&supi, AkaMethod::Aka, None), Ok(None), "a name has a realm");
    }

    #[test]
    fn a_table_takes_what_it_says_at_most() {
        let limits = ReauthenticationLimits::default();
        let twice = ReauthenticationLimits {
            all: 2 * limits.all,
            ..limits
        };
        assert!(limits.octets_at_most() < 400 << 20, "{}", limits.octets_at_most());
        assert!(twice.octets_at_most() > limits.octets_at_most() * 3 / 2);
    }
}
