//! What the roles put on record: releases before they are told, refusals as they are counted.

use std::sync::atomic::{AtomicU64, Ordering};

use kaskade_crypto::KeyMaterial;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Outcome, PeerId, Reason, Subject};
use kaskade_flow::{Cover, Durable, Guarded};
use kaskade_keys::Supi;
use kaskade_keys::derivation::Fingerprint;
use kaskade_store::audit::{AuditFull, AuditLog};

use crate::sbi::peer::Requester;

/// Peers of which the log is known to have the name.
const KNOWN: usize = 256;

/// The audit log as a role sees it.
pub(super) struct Audit {
    log: AuditLog,
    /// Peers by their number, mixed with the generation of the log's names; 0 is nobody.
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
    pub(super) fn peer(&self, requester: &Requester) -> PeerId {
        let octets = requester.id().short();
        let peer = PeerId::from_octets(octets);
        let [.., last] = octets;
        // Odd, so that no two of many generations look alike.
        let generation = self.log.names_generation().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let number = u64::from_be_bytes(octets) ^ generation;
        if self.log.is_on()
            && let Some(known) = self.known.get(usize::from(last) % KNOWN)
            && known.load(Ordering::Relaxed) != number
        {
            self.log.introduce(peer, &requester.to_string());
            known.store(number, Ordering::Relaxed);
        }
        peer
    }

    /// Who asks and whom it is about, for an event that is committed with what it tells.
    pub(super) fn parties(&self, requester: &Requester, supi: &Supi) -> (PeerId, Subject) {
        (self.peer(requester), self.log.subject(supi))
    }

    /// Whom it is about.
    pub(super) fn subject(&self, supi: &Supi) -> Subject {
        self.log.subject(supi)
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

    /// Counts a refusal; about whom, where that is known.
    pub(super) fn refused(
        &self,
        requester: &Requester,
        about: Option<&Supi>,
        action: Action,
        reason: impl Into<Reason>,
    ) {
        let peer = PeerId::from_octets(requester.id().short());
        let subject = about.map_or(Subject::NOBODY, |supi| self.log.subject(supi));
        if self.log.refused((peer, subject), action, reason, self.log.now()) {
            self.peer(requester);
        }
    }
}

/// What belongs to one run has the same number: the first 8 octets of its RAND.
pub(super) fn correlation(rand: &kaskade_crypto::Rand) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *rand.octets();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use kaskade_flow::Refusal;
    use kaskade_flow::event::Entry;
    use kaskade_store::MasterKey;
    use kaskade_store::audit::{AuditOptions, LogReader, PeerNames};

    use super::*;

    fn peer(number: u32) -> Requester {
        Requester::address(Ipv4Addr::from_bits(0x7f00_0001 + number).into())
    }

    #[test]
    fn each_peer_has_its_name_in_each_segment_whatever_crowd_came_between() {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::from_octets(&[7; 32]);
        let mut options = AuditOptions::new(&folder.path().join("audit"));
        options.segment_bytes = AuditOptions::LEAST_SEGMENT;
        let log = AuditLog::open(options, &key).unwrap();
        let audit = Audit::new(log.clone());
        let put = |number: u32| {
            let event = Event::new(Outcome::Released, Action::KeyReleased, log.now()).by(audit.peer(&peer(number)));
            while audit.record(event).is_err() {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        put(0);
        for number in 1..=9000 {
            audit.refused(
                &peer(100_000 + number),
                None,
                Action::VectorGiven,
                Refusal::UserNotFound,
            );
            put(number);
        }
        log.flush().unwrap();
        let before = log.head().unwrap().segment;
        while log.head().unwrap().segment == before {
            (0..500).for_each(|_| put(1));
            log.flush().unwrap();
        }
        put(0);
        log.flush().unwrap();
        let last = log.head().unwrap().segment;
        drop((audit, log));
        let (mut named, mut seen) = (PeerNames::default(), 0);
        let reader = LogReader::open(&folder.path().join("audit"), Some(&key)).unwrap();
        let wanted = PeerId::from_octets(peer(0).id().short());
        let mut introduced = 0;
        let read = reader.read(None, &mut |_, _| (), &mut |_, entry| {
            named.see(entry);
            match entry {
                Entry::Name(name) if name.peer() == wanted => introduced += 1,
                Entry::Event(event) if event.peer() == wanted => seen += 1,
                _ => {}
            }
        });
        read.unwrap();
        assert!(last > 1);
        assert_eq!((seen, introduced), (2, 2), "once in each segment that has it");
        assert_eq!(named.name(wanted), Some("127.0.0.1"));
    }
}
