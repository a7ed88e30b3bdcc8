//! Refusals are counted, not told one by one: nobody without authority writes to the log at will.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::event::{Action, Event, Outcome, PeerId, Reason, Subject};

/// The most events of an interval.
pub(super) const QUOTA: usize = 64;
/// Of these, of one peer.
const QUOTA_OF_PEER: usize = 8;

/// Of these, about one subscriber each; of one peer, and of all.
const SUBJECTS_OF_PEER: usize = 3;
const SUBJECTS: usize = 24;

/// Counts of one interval.
pub(super) struct Refusals {
    interval: Duration,
    since: Option<Instant>,
    counts: HashMap<(PeerId, Action, Reason, Subject), Count>,
    of_peer: HashMap<PeerId, OfPeer>,
    subjects: usize,
}

/// Entries of one peer, and those of them that are about one subscriber.
#[derive(Clone, Copy, Default)]
struct OfPeer {
    entries: usize,
    subjects: usize,
}

struct Count {
    first_at: UnixMillis,
    times: u32,
}

impl Refusals {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            since: None,
            counts: HashMap::with_capacity(QUOTA),
            of_peer: HashMap::with_capacity(QUOTA),
            subjects: 0,
        }
    }

    /// One more. The first subscribers of a peer are told apart; a peer with too many kinds is counted as a whole, and too many peers
    /// as many. Whether it is counted by the peer's own number.
    pub(super) fn add(
        &mut self,
        (peer, subject): (PeerId, Subject),
        action: Action,
        reason: Reason,
        at: UnixMillis,
    ) -> bool {
        self.since.get_or_insert_with(Instant::now);
        let about = (peer, action, reason, subject);
        let exact = (peer, action, reason, Subject::NOBODY);
        let of_this = (peer, Action::Other, Reason::Various, Subject::NOBODY);
        let of_many = (PeerId::MANY, Action::Other, Reason::Various, Subject::NOBODY);
        let of_peer = self.of_peer.get(&peer).copied().unwrap_or_default();
        // One place is for the peers that are counted together, and the last of a peer for its other kinds.
        let full = self.counts.len() + 1 >= QUOTA;
        let crowded = of_peer.entries + 1 >= QUOTA_OF_PEER;
        let is_told_apart = subject != Subject::NOBODY
            && of_peer.subjects < SUBJECTS_OF_PEER
            && self.subjects < SUBJECTS
            && !full
            && !crowded
            && !fault!("refusals-about-nobody");
        let kind = if self.counts.contains_key(&about) || is_told_apart {
            about
        } else if self.counts.contains_key(&exact) || fault!("refusals-without-quota") {
            exact
        } else if self.counts.contains_key(&of_this) || (crowded && !full) {
            of_this
        } else if full {
            of_many
        } else {
            exact
        };
        let count = self.counts.entry(kind).or_insert_with(|| {
            if kind.0 != PeerId::MANY {
                let of_peer = self.of_peer.entry(kind.0).or_default();
                of_peer.entries += 1;
                let told_apart = usize::from(kind.3 != Subject::NOBODY);
                of_peer.subjects += told_apart;
                self.subjects += told_apart;
            }
            Count { first_at: at, times: 0 }
        });
        count.times = count.times.saturating_add(1);
        kind.0 == peer
    }

    /// When the first of those happened that nobody was told of.
    pub(super) fn since(&self) -> Option<UnixMillis> {
        self.counts.values().map(|count| count.first_at).min()
    }

    /// What there is to tell, when the interval is over, or at once if `now`.
    pub(super) fn take(&mut self, now: bool) -> Vec<Event> {
        let over = self.since.is_some_and(|since| now || since.elapsed() >= self.interval);
        if !over {
            return Vec::new();
        }
        self.since = None;
        self.of_peer.clear();
        self.subjects = 0;
        let mut events: Vec<Event> = self
            .counts
            .drain()
            .map(|((peer, action, reason, subject), count)| {
                Event::new(Outcome::Refused, action, count.first_at)
                    .by(peer)
                    .about(subject)
                    .because(reason)
                    .times(count.times)
            })
            .collect();
        events.sort_by_key(Event::at);
        events
    }
}

#[cfg(test)]
mod tests {
    use kaskade_flow::Refusal;

    use super::*;

    fn peer(number: u64) -> PeerId {
        PeerId::from_octets(number.to_be_bytes())
    }

    fn subject(number: u64) -> Subject {
        let supi = format!("imsi-00101{number:010}").parse().expect("a SUPI");
        Subject::new(number.to_be_bytes(), &supi)
    }

    /// Whoever asks about many subscribers has the first of them told apart, and room for its other kinds.
    #[test]
    fn refusals_are_told_by_subscriber_as_far_as_there_is_room() {
        let mut refusals = Refusals::new(Duration::ZERO);
        let (unknown, rejected) = (Refusal::UserNotFound, Refusal::AuthenticationRejected);
        for number in (1..=100).chain([2]) {
            let about = (peer(1), subject(number));
            refusals.add(about, Action::VectorGiven, unknown.into(), UnixMillis::new(number));
        }
        refusals.add(
            (peer(1), subject(7)),
            Action::KeyReleased,
            rejected.into(),
            UnixMillis::new(500),
        );
        refusals.add(
            (peer(2), subject(7)),
            Action::KeyReleased,
            rejected.into(),
            UnixMillis::new(600),
        );
        let events = refusals.take(false);
        let told: Vec<_> = events
            .iter()
            .map(|event| (event.peer(), event.subject().pseudonym(), event.count()))
            .collect();
        let nobody = Subject::NOBODY.pseudonym();
        let number = |number: u64| number.to_be_bytes();
        let expected = [
            (peer(1), number(1), 1),
            (peer(1), number(2), 2),
            (peer(1), number(3), 1),
            (peer(1), nobody, 97),
            (peer(1), nobody, 1),
            (peer(2), number(7), 1),
        ];
        assert_eq!(told, expected);
    }

    fn all_kinds() -> impl Iterator<Item = (Action, Reason)> {
        let reasons = |action: &Action| Reason::all().map(|reason| (*action, reason)).collect::<Vec<_>>();
        Action::ALL.iter().flat_map(reasons)
    }

    #[test]
    fn refusals_of_one_peer_are_few_events() {
        let mut refusals = Refusals::new(Duration::from_secs(60));
        let mut total = 0;
        for _ in 0..3 {
            for (action, reason) in all_kinds() {
                refusals.add((peer(1), Subject::NOBODY), action, reason, UnixMillis::new(5));
                total += 1;
            }
        }
        refusals.add(
            (peer(2), Subject::NOBODY),
            Action::VectorGiven,
            Reason::Refused(Refusal::UserNotFound),
            UnixMillis::new(9),
        );
        assert!(refusals.take(false).is_empty(), "the interval is not over");
        let events = refusals.take(true);
        let of = |one: PeerId| events.iter().filter(move |event| event.peer() == one);
        assert!(of(peer(1)).count() <= QUOTA_OF_PEER, "{}", of(peer(1)).count());
        assert_eq!(of(peer(1)).map(Event::count).sum::<u32>(), total);
        assert_eq!(
            of(peer(2)).map(Event::reason).collect::<Vec<_>>(),
            [Reason::Refused(Refusal::UserNotFound)]
        );
        assert!(refusals.take(true).is_empty());
    }

    #[test]
    fn refusals_of_many_peers_are_few_events() {
        let mut refusals = Refusals::new(Duration::ZERO);
        for number in 1..=10_000 {
            for reason in [
                Reason::Refused(Refusal::UserNotFound),
                Reason::Refused(Refusal::Malformed),
            ] {
                refusals.add(
                    (peer(number), subject(number)),
                    Action::VectorGiven,
                    reason,
                    UnixMillis::new(number),
                );
            }
        }
        let events = refusals.take(false);
        assert!(events.len() <= QUOTA, "{}", events.len());
        assert_eq!(events.iter().map(Event::count).sum::<u32>(), 20_000);
    }
}
