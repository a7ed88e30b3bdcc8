//! Who may be connected: a small budget for handshakes, one for connections, and a share of both for each source address.
//!
//! A full house does not refuse the newest: it closes the unfinished handshake that is oldest, or the connection that was
//! useful longest ago, of the source that has too many, else of the source that has most. Whoever comes with a request is
//! served, however many sit there in silence.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use kaskade_faults::fault;
use tokio::sync::Notify;

use super::limits::Limits;

/// A source address: IPv4, or the first 64 bits of IPv6, since one machine has all addresses behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl Source {
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }
}

/// What is known of a connection while it lasts.
#[derive(Debug)]
pub(crate) struct Presence {
    begun: Instant,
    /// Milliseconds after `begun` of the last request that was answered.
    useful: AtomicU64,
    /// Requests that are being worked on: whoever waits for us is not closed.
    working: AtomicUsize,
    /// Requests whose answer has not left yet.
    open: AtomicUsize,
    shed: Notify,
}

impl Presence {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            useful: AtomicU64::new(0),
            working: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            shed: Notify::new(),
        }
    }

    /// Returns when the connection must go.
    pub(crate) async fn shed(&self) {
        self.shed.notified().await;
    }

    /// Since when there was nothing to do; `None` while there is.
    pub(crate) fn idle_for(&self) -> Option<Duration> {
        if self.open.load(Ordering::Relaxed) > 0 {
            return None;
        }
        Some(Instant::now().saturating_duration_since(self.last_useful()))
    }

    fn last_useful(&self) -> Instant {
        self.begun + Duration::from_millis(self.useful.load(Ordering::Relaxed))
    }

    /// A request is there, until the guard is dropped.
    pub(crate) fn open(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    /// A request is complete and is being worked on, until the guard is dropped.
    pub(crate) fn work(&self) -> Work<'_> {
        self.working.fetch_add(1, Ordering::Relaxed);
        Work(self)
    }
}

/// See [`Presence::open`].
#[derive(Debug)]
pub(crate) struct Open(Arc<Presence>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// See [`Presence::work`].
#[derive(Debug)]
pub(crate) struct Work<'p>(&'p Presence);

impl Drop for Work<'_> {
    fn drop(&mut self) {
        let after = u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.useful.store(after, Ordering::Relaxed);
        self.0.working.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The doors of one node.
#[derive(Debug)]
pub(crate) struct Doors {
    limits: Limits,
    house: Mutex<House>,
}

#[derive(Debug, Default)]
struct House {
    next: u64,
    guests: HashMap<u64, Guest>,
    sources: HashMap<Source, [usize; 2]>,
    total: [usize; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Handshake = 0,
    Connection = 1,
}

#[derive(Debug)]
struct Guest {
    source: Source,
    stage: Stage,
    presence: Arc<Presence>,
}

impl House {
    fn enter(&mut self, id: u64, guest: Guest) {
        self.sources.entry(guest.source).or_default()[guest.stage as usize] += 1;
        self.total[guest.stage as usize] += 1;
        self.guests.insert(id, guest);
    }

    fn leave(&mut self, id: u64) -> Option<Guest> {
        let guest = self.guests.remove(&id)?;
        self.total[guest.stage as usize] -= 1;
        if let Some(counts) = self.sources.get_mut(&guest.source) {
            counts[guest.stage as usize] -= 1;
            if *counts == [0, 0] {
                self.sources.remove(&guest.source);
            }
        }
        Some(guest)
    }

    fn count(&self, source: Source, stage: Stage) -> usize {
        self.sources.get(&source).map_or(0, |counts| counts[stage as usize])
    }

    /// The source with the most guests of a stage.
    fn largest(&self, stage: Stage) -> Option<Source> {
        let largest = self.sources.iter().max_by_key(|(_, counts)| counts[stage as usize]);
        largest.map(|(source, _)| *source)
    }

    /// Closes the guest of this source that is the least use. False when all of them are being worked for.
    fn shed(&mut self, source: Source, stage: Stage) -> bool {
        let victim = self
            .guests
            .iter()
            .filter(|(_, guest)| guest.source == source && guest.stage == stage)
            .filter(|(_, guest)| guest.presence.working.load(Ordering::Relaxed) == 0)
            .min_by_key(|(id, guest)| (guest.presence.last_useful(), **id))
            .map(|(id, _)| *id);
        let victim = victim.filter(|_| !fault!("newest-connection-refused"));
        let Some(guest) = victim.and_then(|id| self.leave(id)) else {
            return false;
        };
        guest.presence.shed.notify_one();
        true
    }

    /// Closes the guest that is the least use: of the source with most of them, else of any. False when all are being worked for.
    fn shed_of_all(&mut self, stage: Stage) -> bool {
        if let Some(largest) = self.largest(stage)
            && self.shed(largest, stage)
        {
            return true;
        }
        let idle = self
            .guests
            .values()
            .filter(|guest| guest.stage == stage && guest.presence.working.load(Ordering::Relaxed) == 0)
            .min_by_key(|guest| guest.presence.last_useful())
            .map(|guest| guest.source);
        idle.is_some_and(|source| self.shed(source, stage))
    }

    /// Makes room for one guest of this source. False when there is none to be made.
    fn make_room(&mut self, source: Source, stage: Stage, of_source: usize, of_all: usize) -> bool {
        if self.count(source, stage) >= of_source && !self.shed(source, stage) {
            return false;
        }
        self.total[stage as usize] < of_all || self.shed_of_all(stage)
    }
}

impl Doors {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            house: Mutex::default(),
        })
    }

    fn house(&self) -> MutexGuard<'_, House> {
        self.house.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Somebody has connected. There is always room: an older handshake gives way.
    pub(crate) fn knock(self: &Arc<Self>, address: IpAddr) -> Ticket {
        let source = Source::of(address);
        let mut house = self.house();
        let (of_source, of_all) = (self.limits.max_handshakes_per_source, self.limits.max_handshakes);
        house.make_room(source, Stage::Handshake, of_source, of_all);
        let id = house.next;
        house.next += 1;
        let presence = Arc::new(Presence::new());
        let guest = Guest {
            source,
            stage: Stage::Handshake,
            presence: presence.clone(),
        };
        house.enter(id, guest);
        drop(house);
        Ticket {
            doors: self.clone(),
            id,
            presence,
        }
    }

    /// Closes the connection that is the least use, when there are no file descriptors left.
    pub(super) fn relieve(&self) {
        let mut house = self.house();
        for stage in [Stage::Handshake, Stage::Connection] {
            if house.shed_of_all(stage) {
                return;
            }
        }
    }

    /// Handshakes and connections.
    pub(crate) fn counts(&self) -> [usize; 2] {
        self.house().total
    }
}

/// A place in the house. Dropping it leaves.
#[derive(Debug)]
pub(crate) struct Ticket {
    doors: Arc<Doors>,
    id: u64,
    presence: Arc<Presence>,
}

impl Ticket {
    pub(crate) fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    /// The handshake is done. False when there is no room for the connection: all others are being worked for.
    pub(crate) fn admit(&self) -> bool {
        let limits = &self.doors.limits;
        let mut house = self.doors.house();
        // Shed in the meantime.
        let Some(mut guest) = house.leave(self.id) else {
            return false;
        };
        let (of_source, of_all) = (limits.max_connections_per_source, limits.max_connections);
        if !house.make_room(guest.source, Stage::Connection, of_source, of_all) {
            return false;
        }
        guest.stage = Stage::Connection;
        let after = u64::try_from(self.presence.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.presence.useful.store(after, Ordering::Relaxed);
        house.enter(self.id, guest);
        true
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.doors.house().leave(self.id);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn doors() -> Arc<Doors> {
        Doors::new(Limits {
            max_connections: 8,
            max_connections_per_source: 4,
            max_handshakes: 6,
            max_handshakes_per_source: 3,
            ..Limits::default()
        })
    }

    fn address(last: u8) -> IpAddr {
        [127, 0, 0, last].into()
    }

    fn shed(ticket: &Ticket) -> bool {
        let house = ticket.doors.house();
        !house.guests.contains_key(&ticket.id)
    }

    /// Time passes, so that "longest ago" says something.
    fn tick() {
        std::thread::sleep(Duration::from_millis(3));
    }

    #[test]
    fn the_oldest_handshake_of_the_loudest_source_gives_way() {
        let doors = doors();
        let loud: Vec<_> = (0..5).map(|_| doors.knock(address(1))).collect();
        assert_eq!(doors.counts(), [3, 0]);
        assert!(shed(&loud[0]) && shed(&loud[1]) && !shed(&loud[2]));
        assert!(!loud[0].admit(), "too late");
        let others: Vec<_> = (2..6).map(|last| doors.knock(address(last))).collect();
        assert_eq!(doors.counts(), [6, 0]);
        assert!(shed(&loud[2]), "the source with most of them gave way");
        assert!(others.iter().all(|other| !shed(other) && other.admit()));
        drop((loud, others));
        assert_eq!(doors.counts(), [0, 0]);
        assert!(doors.house().sources.is_empty());
    }

    #[test]
    fn the_connection_that_was_useful_longest_ago_gives_way() {
        let doors = doors();
        let connect = |last| {
            let ticket = doors.knock(address(last));
            assert!(ticket.admit());
            tick();
            ticket
        };
        let held: Vec<_> = (0..4).map(|_| connect(1)).collect();
        drop(held[0].presence.work());
        let working = held[1].presence.work();
        tick();
        let newest = connect(1);
        assert!(
            shed(&held[2]),
            "the first was useful since, the second is being worked for"
        );
        assert!([0, 1, 3].iter().all(|&at| !shed(&held[at])));
        let others: Vec<_> = (2..6).map(connect).collect();
        let one_more = connect(9);
        assert!(shed(&held[3]), "all together: the source with most gives way");
        assert!(others.iter().chain([&one_more, &newest]).all(|other| !shed(other)));
        drop(working);
        assert_eq!(doors.counts(), [0, 8]);
    }

    #[test]
    fn whoever_is_worked_for_stays_and_the_newest_is_refused() {
        let doors = doors();
        let held: Vec<_> = (0..4).map(|_| doors.knock(address(1))).collect();
        // Two of the four lost their handshake to the bound of three.
        let held: Vec<_> = held.iter().filter(|ticket| ticket.admit()).collect();
        let more = doors.knock(address(1));
        assert!(more.admit());
        let working: Vec<_> = held.iter().map(|ticket| ticket.presence.work()).collect();
        let last = more.presence.work();
        let newest = doors.knock(address(1));
        assert!(!newest.admit());
        assert!(doors.knock(address(2)).admit(), "another source has its own share");
        drop((working, last));
    }

    #[test]
    fn where_the_largest_source_is_worked_for_an_idle_one_of_another_gives_way() {
        let doors = doors();
        let connect = |last| {
            let ticket = doors.knock(address(last));
            assert!(ticket.admit());
            tick();
            ticket
        };
        let largest: Vec<_> = (0..4).map(|_| connect(1)).collect();
        let others: Vec<_> = (2..6).map(connect).collect();
        let mut working: Vec<_> = largest.iter().map(|ticket| ticket.presence.work()).collect();
        working.push(others[0].presence.work());
        let newest = doors.knock(address(9));
        assert!(newest.admit());
        assert!(shed(&others[1]), "useful longest ago of those that are idle");
        assert!(
            largest
                .iter()
                .chain([&others[0], &others[2], &others[3], &newest])
                .all(|other| !shed(other))
        );
        // The same where there are no file descriptors left.
        doors.relieve();
        assert!(shed(&others[2]));
        let more = [&others[3], &newest].map(|ticket| ticket.presence.work());
        doors.relieve();
        assert_eq!(doors.counts(), [0, 7], "all are worked for");
        drop((more, working));
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let source = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }
}
