//! Authentication contexts: found by an identifier that cannot be guessed, of the requester that began them, spent by one
//! answer, expiring, bounded.
//!
//! Somebody else's context is as good as none. The shard is in the identifier, so that it is found without the SUPI.

use std::hash::RandomState;
use std::time::Duration;

use kaskade_aka::fivegs::ausf::Challenged;
use kaskade_flow::Moment;
use kaskade_flow::expiring::{Bounds, Expiring, Full, SHARDS};
use kaskade_keys::{ServingNetworkName, Supi};

use super::link::EventUri;
use crate::sbi::peer::RequesterId;

/// Life and number of authentication contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextLimits {
    /// How long a challenge waits for its answer. An AMF asks a UE five times, 6 s apart (T3560, TS 24.501 10.2).
    pub lifetime: Duration,
    /// Challenges waiting, of one user and requester; the oldest goes first.
    pub pending_per_supi: usize,
    /// Challenges waiting, of all, roughly: each of the shards has its part. A requester has at most three quarters, and loses
    /// its own oldest first.
    pub pending: usize,
    /// Results that are remembered, one of each user and requester, so that they can be taken back; bounded likewise.
    pub results: usize,
    /// How long a result can be taken back.
    pub result_lifetime: Duration,
}

impl Default for ContextLimits {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(60),
            pending_per_supi: 4,
            pending: 262_144,
            results: 1_048_576,
            result_lifetime: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

impl ContextLimits {
    /// What the challenges that wait take at most, in octets.
    pub const fn octets_of_pending(&self) -> usize {
        Table::<Challenged>::octets_at_most(self.pending, NAI_OCTETS)
    }

    /// What the results that are remembered take at most, in octets.
    pub const fn octets_of_results(&self) -> usize {
        Table::<Success>::octets_at_most(self.results, NAI_OCTETS)
    }

    /// What the results take beside that where the UDM is on another node, in octets: where each was reported.
    pub const fn octets_of_links(&self) -> usize {
        self.results.saturating_mul(EventUri::MAX + ALLOCATOR_OCTETS)
    }
}

/// The longest NAI, with what the allocator adds. An IMSI takes nothing beside its entry.
const NAI_OCTETS: usize = 256 + ALLOCATOR_OCTETS;

/// What the allocator adds to a piece of text.
const ALLOCATOR_OCTETS: usize = 16;

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Identifier of a context: 128 random bits, and the shard. 23 characters that need no encoding in a URI.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContextId {
    shard: u8,
    random: u128,
}

impl ContextId {
    /// Characters of the text form.
    pub const LEN: usize = 23;

    /// The text form.
    pub fn text(&self) -> [u8; Self::LEN] {
        let mut text = [0; Self::LEN];
        let mut rest = self.random;
        for c in text.iter_mut().rev() {
            *c = BASE64URL[(rest & 0x3F) as usize];
            rest >>= 6;
        }
        text[0] = BASE64URL[usize::from(self.shard % SHARDS)];
        text
    }

    /// Reads the text form; `None` for what this AUSF cannot have given out.
    pub fn parse(text: &str) -> Option<Self> {
        let text: &[u8; Self::LEN] = text.as_bytes().try_into().ok()?;
        let digit = |c: u8| {
            Some(match c {
                b'A'..=b'Z' => c - b'A',
                b'a'..=b'z' => c - b'a' + 26,
                b'0'..=b'9' => c - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            })
        };
        let [shard, random @ ..] = text;
        // 22 characters are 132 bits: the first two bits are 0 or the identifier is another one.
        let mut value: u128 = 0;
        for c in random {
            if value >> 122 != 0 {
                return None;
            }
            value = value << 6 | u128::from(digit(*c)?);
        }
        Some(Self {
            shard: digit(*shard)?,
            random: value,
        })
    }
}

/// The identifier opens a context: a log may show that it is one, not which.
impl std::fmt::Debug for ContextId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContextId(…)")
    }
}

/// What is remembered of a success. K_AUSF is not: no service needs it yet.
#[derive(Clone)]
pub(super) struct Success {
    pub(super) supi: Supi,
    pub(super) serving_network_name: ServingNetworkName,
    pub(super) event: Option<EventUri>,
}

/// What was removed.
pub(super) enum Removed {
    Pending,
    Confirmed(Success),
}

type Table<V> = Expiring<Supi, RequesterId, V, RandomState>;

pub(super) struct Contexts {
    pending: Table<Challenged>,
    results: Table<Success>,
    limits: ContextLimits,
}

impl Contexts {
    pub(super) fn new(limits: ContextLimits) -> Self {
        // One hasher: a context stays in its shard.
        let hasher = RandomState::new();
        let pending = Bounds {
            all: limits.pending,
            per_user: limits.pending_per_supi,
        };
        let results = Bounds {
            all: limits.results,
            per_user: 1,
        };
        Self {
            pending: Expiring::new(pending, hasher.clone()),
            results: Expiring::new(results, hasher),
            limits,
        }
    }

    pub(super) fn insert(
        &self,
        owner: RequesterId,
        challenged: Challenged,
        random: [u8; 16],
        now: Moment,
    ) -> Result<ContextId, Full> {
        let supi = challenged.supi().clone();
        let id = ContextId {
            shard: self.pending.shard_of(&supi),
            random: u128::from_be_bytes(random),
        };
        let expires = now.after(self.limits.lifetime);
        self.pending.insert(&supi, owner, id.random, challenged, expires, now)?;
        Ok(id)
    }

    /// The challenge of a context, which then no longer exists.
    pub(super) fn take(&self, owner: RequesterId, id: ContextId, now: Moment) -> Option<Challenged> {
        self.pending.take(id.shard, id.random, owner, now).ok()
    }

    /// Remembers a result, unless others have all the room: then it cannot be taken back.
    pub(super) fn keep(&self, owner: RequesterId, id: ContextId, success: Success, now: Moment) {
        let supi = success.supi.clone();
        let expires = now.after(self.limits.result_lifetime);
        let _ = self.results.insert(&supi, owner, id.random, success, expires, now);
    }

    /// Removes a challenge; a result stays until [`Contexts::taken_back`], as the UDM has to be told first.
    pub(super) fn remove(&self, owner: RequesterId, id: ContextId, now: Moment) -> Option<Removed> {
        if self.take(owner, id, now).is_some() {
            return Some(Removed::Pending);
        }
        let success = self.results.begin(id.shard, id.random, owner, now).ok()?;
        let expires = now.after(self.limits.result_lifetime);
        self.results
            .end(id.shard, id.random, Some((success.clone(), expires)), now);
        Some(Removed::Confirmed(success))
    }

    /// A result is taken back, in the UDM too.
    pub(super) fn taken_back(&self, owner: RequesterId, id: ContextId, now: Moment) {
        let _ = self.results.take(id.shard, id.random, owner, now);
    }

    /// Whether there was anything of this user and owner.
    pub(super) fn forget(&self, owner: RequesterId, supi: &Supi) -> bool {
        self.pending.forget(supi, owner) + self.results.forget(supi, owner) > 0
    }

    pub(super) fn sweep(&self, now: Moment) {
        self.pending.sweep(now, drop);
        self.results.sweep(now, drop);
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn results(&self) -> usize {
        self.results.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use kaskade_aka::fivegs::udm::HeAv5g;
    use kaskade_crypto::{Autn, Rand};
    use kaskade_keys::fivegs::{KAusf, XresStar};

    use super::*;
    use crate::random::random_octets;
    use crate::sbi::peer::Requester;

    fn challenged(user: u64) -> Challenged {
        let he_av = HeAv5g {
            rand: Rand::from_octets([1; 16]),
            autn: Autn::from_octets([2; 16]),
            xres_star: XresStar::from_octets(&[3; 16]),
            k_ausf: KAusf::from_octets(&[4; 32]),
        };
        let supi = format!("imsi-00101{user:010}").parse().unwrap();
        Challenged::new(he_av, supi, ServingNetworkName::NSWO).1
    }

    #[test]
    fn an_identifier_comes_back() {
        for _ in 0..1000 {
            let [shard, ..] = random_octets::<1>().unwrap();
            let id = ContextId {
                shard: shard % SHARDS,
                random: u128::from_be_bytes(random_octets().unwrap()),
            };
            let text = id.text();
            let text = std::str::from_utf8(&text).unwrap();
            assert_eq!(ContextId::parse(text), Some(id));
            assert!(!format!("{id:?}").contains(text));
        }
        let largest = ContextId {
            shard: SHARDS - 1,
            random: u128::MAX,
        };
        assert_eq!(
            ContextId::parse(std::str::from_utf8(&largest.text()).unwrap()),
            Some(largest)
        );
        // More than 128 bits, a wrong length, a wrong character.
        for text in [
            "_E_____________________",
            "A",
            "",
            "AAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAé",
        ] {
            assert_eq!(ContextId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_late_answer_is_no_answer() {
        let contexts = Contexts::new(ContextLimits::default());
        let begin = Moment::from_nanos(1);
        let lifetime = ContextLimits::default().lifetime;
        let owner = Requester::group("amf").id();
        let in_time = contexts.insert(owner, challenged(1), [1; 16], begin).unwrap();
        let late = contexts.insert(owner, challenged(2), [2; 16], begin).unwrap();
        let after = |wait| begin.after(wait).unwrap();
        let last = after(lifetime - Duration::from_millis(1));
        assert!(contexts.take(owner, in_time, last).is_some());
        assert!(contexts.take(owner, late, after(lifetime)).is_none());
        assert_eq!(contexts.pending(), 0);
    }

    #[test]
    fn somebody_elses_context_is_none() {
        let contexts = Contexts::new(ContextLimits::default());
        let now = Moment::from_nanos(1);
        let [amf, other] = ["amf", "other"].map(|name| Requester::group(name).id());
        let id = contexts.insert(amf, challenged(1), [1; 16], now).unwrap();
        let supi = contexts.take(amf, id, now).unwrap().supi().clone();
        let id = contexts.insert(amf, challenged(1), [2; 16], now).unwrap();
        assert!(contexts.take(other, id, now).is_none());
        assert!(contexts.remove(other, id, now).is_none());
        assert!(!contexts.forget(other, &supi));
        assert!(contexts.take(amf, id, now).is_some(), "untouched by the others' tries");
        let success = Success {
            supi: supi.clone(),
            serving_network_name: ServingNetworkName::NSWO,
            event: None,
        };
        contexts.keep(amf, id, success, now);
        assert!(contexts.remove(other, id, now).is_none());
        assert!(!contexts.forget(other, &supi));
        for _ in 0..2 {
            assert!(matches!(contexts.remove(amf, id, now), Some(Removed::Confirmed(_))));
        }
        contexts.taken_back(other, id, now);
        assert!(contexts.remove(amf, id, now).is_some(), "not the other's to take back");
        contexts.taken_back(amf, id, now);
        assert!(contexts.remove(amf, id, now).is_none());
    }
}
