//! What the roles put on record: releases before they are told, refusals as they are counted.

use std::sync::atomic::{AtomicU64, Ordering};

use kaskade_crypto::KeyMaterial;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Outcome, PeerId, Reason};
use kaskade_flow::{Cover, Durable, Guarded, Refusal};
use kaskade_keys::Supi;
use kaskade_keys::derivation::Fingerprint;
use kaskade_store::audit::{AuditFull, AuditLog};

use crate::sbi::peer::Requester;

/// Peers of which the log is known to have the name.
const KNOWN: usize = 256;

/// The audit log as a role sees it.
pub(super) struct Audit {
    log: AuditLog,
    /// Peers by their number; 0 is nobody.
    known: Box<[AtomicU64]>,
}

impl Audit {
    pub(super) fn new(log: AuditLog) -> Self {
        Self {
            log,
            known: (0..KNOWN).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// A requester in the log, which is told its name where that may be new.
    fn peer(&self, requester: &Requester) -> PeerId {
        let octets = requester.id().short();
        let (peer, number) = (PeerId::from_octets(octets), u64::from_be_bytes(octets));
        let [.., last] = octets;
        if self.log.is_on()
            && let Some(known) = self.known.get(usize::from(last) % KNOWN)
            && known.load(Ordering::Relaxed) != number
        {
            self.log.introduce(peer, &requester.to_string());
            known.store(number, Ordering::Relaxed);
        }
        peer
    }

    /// Something that was done for a requester, about a subscriber.
    pub(super) fn event(&self, outcome: Outcome, action: Action, requester: &Requester, supi: &Supi) -> Event {
        let event = Event::new(outcome, action, self.log.now());
        event.by(self.peer(requester)).about(self.log.subject(supi))
    }

    /// With the key that is given out. Its fingerprint costs a hash, which is not paid without a log.
    pub(super) fn with_key<K: KeyMaterial>(&self, event: Event, key: &K) -> Event {
        match self.log.is_on() {
            true => event.key(K::NAME, Fingerprint::of(key)),
            false => event,
        }
    }

    /// Puts a release on record, without which nothing is told.
    #[inline]
    pub(super) fn covered<T>(&self, cover: Cover, event: Event, guarded: Guarded<T>) -> Result<Durable<T>, AuditFull> {
        if fault!("released-without-audit") {
            return AuditLog::off().covered(cover, event, guarded);
        }
        self.log.covered(cover, event, guarded)
    }

    /// Puts on record what is no release.
    pub(super) fn record(&self, event: Event) -> Result<(), AuditFull> {
        self.log.record(event)
    }

    /// Counts a refusal.
    pub(super) fn refused(&self, requester: &Requester, action: Action, reason: impl Into<Reason>) {
        if self.log.is_on() {
            self.log.refused(self.peer(requester), action, reason, self.log.now());
        }
    }
}

/// Why it is refused where the log has no room.
pub(super) const fn refusal(full: AuditFull) -> Refusal {
    match full {
        AuditFull::NoRoom => Refusal::AuditFull,
        // It is over in a moment, or becomes a failure.
        AuditFull::Stalled => Refusal::AuditStalled,
        _ => Refusal::AuditFailed,
    }
}

/// What belongs to one run has the same number: the first 8 octets of its RAND.
pub(super) fn correlation(rand: &kaskade_crypto::Rand) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *rand.octets();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
