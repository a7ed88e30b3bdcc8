//! Several stores over one database at once: nodes that issue for the same subscribers, cards that check what they get.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kaskade_aka::sqn::{NodeIndex, Reuse, Seq, SqnLayout, SqnScheme};
use kaskade_crypto::Sqn;
use kaskade_store::postgres::{PostgresEngine, PostgresOptions};
use kaskade_store::{
    EngineError, MasterKey, Resynchronised, SqnRecord, StoreError, StoreOptions, Subscriber, SubscriberStore,
};
use kaskade_testkit::postgres::{Cluster, Direction, Proxy};

use super::server::as_node;
use crate::common::{split, subscriber, supi};

const SUBSCRIBERS: u64 = 12;
const LAYOUT: SqnLayout = SqnLayout::ANNEX_C3;
const DELTA: u64 = 1500;
/// Where the cards stand at the beginning.
const START: u64 = 100_000;

fn options(node: u8, reuse: Reuse) -> StoreOptions {
    let mut options = StoreOptions::default();
    options.node = NodeIndex::new(node, 32).expect("below");
    options.policy.reuse = reuse;
    (options.policy.delta, options.policy.horizon) = (DELTA, 400);
    (options.policy.smallest_range, options.policy.largest_range) = (4, 16);
    // Marks move often, so that what depends on them happens in a short run.
    options.tick = Some(Duration::from_millis(100));
    options.lead = Duration::from_millis(800);
    options
}

fn try_open(place: &PostgresOptions, node: u8, reuse: Reuse) -> Result<SubscriberStore, StoreError> {
    let engine = PostgresEngine::open(&as_node(place, node.into())).expect("an engine");
    let name = engine.name().to_owned();
    let key = MasterKey::from_octets(&[7; 32]);
    SubscriberStore::with_engine(Arc::new(engine), &name, &key, options(node, reuse))
}

/// One whose mark moves once, with its first number, which this gives.
fn calm(place: &PostgresOptions, node: u8) -> SubscriberStore {
    let engine = PostgresEngine::open(&as_node(place, node.into())).expect("an engine");
    let (name, key) = (engine.name().to_owned(), MasterKey::from_octets(&[7; 32]));
    let mut options = options(node, Reuse::Never);
    options.lead = Duration::from_secs(60);
    let store = SubscriberStore::with_engine(Arc::new(engine), &name, &key, options).expect("a store");
    let another = 900 + u64::from(node);
    store.add(&subscriber(another, SqnScheme::TimeBased)).expect("added");
    store.next_sqn(&supi(another), "amf").expect("a number");
    store
}

fn open(place: &PostgresOptions, node: u8) -> SubscriberStore {
    try_open(place, node, Reuse::Never).expect("a store")
}

/// A card: what it has accepted at each IND.
struct Usim {
    accepted: [u64; 32],
    /// How often it was put elsewhere.
    moved: usize,
}

impl Usim {
    fn highest(&self) -> u64 {
        self.accepted.into_iter().max().unwrap_or(0)
    }

    /// Takes a number, or answers with the highest that it has.
    fn take(&mut self, sqn: Sqn) -> Result<(), Sqn> {
        let (seq, ind) = split(sqn);
        let highest = self.highest();
        let place = &mut self.accepted[usize::from(ind)];
        if seq > *place && seq.saturating_sub(highest) <= DELTA {
            *place = seq;
            return Ok(());
        }
        Err(LAYOUT.join(Seq(highest), kaskade_aka::sqn::Ind(0)).expect("fits"))
    }
}

/// What all nodes have given, and the cards that it went to.
struct World {
    given: Mutex<HashMap<u64, HashSet<Sqn>>>,
    cards: Vec<Mutex<Usim>>,
    count: AtomicU64,
    resynchronised: AtomicU64,
}

impl World {
    fn new() -> Self {
        Self {
            given: Mutex::default(),
            cards: (0..SUBSCRIBERS)
                .map(|_| {
                    Mutex::new(Usim {
                        accepted: [START; 32],
                        moved: 0,
                    })
                })
                .collect(),
            count: AtomicU64::new(0),
            resynchronised: AtomicU64::new(0),
        }
    }

    /// A vector's number of a node; `None` while the subscriber is another's or gone.
    fn number(&self, store: &SubscriberStore, n: u64, from: &str) -> Option<Sqn> {
        let card = store.card(&supi(n)).expect("read")?;
        let sqn = match store.next_sqn_of(&supi(n), &card.name, from) {
            Ok((sqn, _)) => sqn,
            // Replaced or removed by another node meanwhile.
            Err(StoreError::AnotherCard | StoreError::UnknownSubscriber) => return None,
            Err(error) => panic!("{error}"),
        };
        let new = self.given.lock().expect("whole").entry(n).or_default().insert(sqn);
        assert!(new, "{:?} of subscriber {n} twice", split(sqn));
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(sqn)
    }

    /// An authentication at a node: the card takes the number, or does after one resynchronisation.
    fn authenticate(&self, store: &SubscriberStore, n: u64, from: &str) {
        let mut card = self.cards[usize::try_from(n).expect("few")].lock().expect("whole");
        let Some(sqn) = self.number(store, n, from) else { return };
        let Err(sqn_ms) = card.take(sqn) else { return };
        let rand = store.challenge(&supi(n), [5; 8]);
        let done = store.resynchronise(&supi(n), &rand, sqn_ms).unwrap_or_else(|error| {
            panic!(
                "{error}: subscriber {n}, got {:?}, has {:?}, moved {}: {:?}",
                split(sqn),
                split(sqn_ms),
                card.moved,
                store.subscriber(&supi(n)).map(|s| s.map(|s| s.sqn))
            )
        });
        assert_ne!(done, Resynchronised::Reused);
        self.resynchronised.fetch_add(1, Ordering::Relaxed);
        let Some(sqn) = self.number(store, n, from) else { return };
        assert_eq!(
            card.take(sqn),
            Ok(()),
            "{done:?}: {:?} after {}",
            split(sqn),
            card.highest()
        );
    }
}

fn at_the_beginning(n: u64, scheme: SqnScheme) -> Subscriber {
    let mut subscriber = subscriber(n, scheme);
    subscriber.sqn = SqnRecord::after(scheme, LAYOUT, Seq(START));
    subscriber
}

#[test]
fn nodes_of_one_database_never_give_a_number_twice() {
    let Some(cluster) = Cluster::shared() else { return };
    let (place, world, over) = (cluster.place(), World::new(), AtomicBool::new(false));
    let first = open(&place, 0);
    for n in 0..SUBSCRIBERS {
        // The general scheme goes further at once than these cards accept.
        let scheme = [SqnScheme::TimeBased, SqnScheme::NonTimeBased][usize::try_from(n).expect("few") % 2];
        first.add(&at_the_beginning(n, scheme)).expect("added");
    }
    let busy = |store: &SubscriberStore, name: &str| {
        for turn in 0_u64.. {
            if over.load(Ordering::Relaxed) {
                return;
            }
            // Some are asked for much more often.
            let n = [turn % SUBSCRIBERS, 0, 1, 2][usize::try_from(turn % 4).expect("few")];
            world.authenticate(store, n, &format!("{name} {}", turn % 5));
        }
    };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let (busy, world, over, place) = (&busy, &world, &over, &place);
        scope.spawn(|| {
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| busy(&first, "first"));
                }
            });
        });
        // A node that comes, ends, and comes again, several times.
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let store = open(place, 1);
                let until = Instant::now() + Duration::from_millis(900);
                for turn in 0_u64.. {
                    if Instant::now() > until {
                        break;
                    }
                    world.authenticate(&store, turn % SUBSCRIBERS, "second");
                }
            }
        });
        // One that comes later than both, and provisions: numbers must not go back for a card that stays the same.
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            let store = open(place, 2);
            for turn in 0_u64.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let n = turn % SUBSCRIBERS;
                match turn % 7 {
                    0 => {
                        // A card that goes back, and one that is far ahead.
                        let mut card = world.cards[usize::try_from(n).expect("few")].lock().expect("whole");
                        if let Some(seq) = [0, 2 * START].get(card.moved) {
                            card.accepted = [*seq; 32];
                            card.moved += 1;
                        }
                    }
                    1 => {
                        store
                            .put_many(&[subscriber(n, SqnScheme::TimeBased)])
                            .expect("replaced");
                    }
                    2 => {
                        store.remove(&supi(n)).expect("removed");
                        store
                            .put_many(&[subscriber(n, SqnScheme::NonTimeBased)])
                            .expect("added");
                    }
                    _ => world.authenticate(&store, n, "third"),
                }
            }
        });
        std::thread::sleep(Duration::from_secs(6));
        over.store(true, Ordering::Relaxed);
    });
    let count = world.count.load(Ordering::Relaxed);
    let inds = |n: u64| {
        world.given.lock().expect("whole")[&n]
            .iter()
            .map(|sqn| split(*sqn).1)
            .collect::<HashSet<_>>()
    };
    assert!(count > 200, "{count} numbers in {:?}", begun.elapsed());
    let resynchronised = world.resynchronised.load(Ordering::Relaxed);
    assert!(resynchronised >= SUBSCRIBERS, "{resynchronised} of {count}");
    assert!(inds(0).len() > 3, "{:?}", inds(0));
}

/// Numbers that one node keeps in memory end with the card when another one replaces it, and go on above when it comes back.
#[test]
fn a_card_that_another_node_replaces_is_given_nothing_more() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let (first, second) = (open(&place, 0), open(&place, 1));
    for scheme in SqnScheme::ALL {
        let n = scheme as u64;
        let old = subscriber(n, scheme);
        first.add(&old).expect("added");
        let card = first.card(&supi(n)).expect("read").expect("there");
        let mut seen = HashSet::new();
        for _ in 0..40 {
            assert!(seen.insert(first.next_sqn_of(&supi(n), &card.name, "amf").expect("a number").0));
        }
        let mut other = subscriber(n + 500, scheme);
        other.supi = supi(n);
        assert_eq!(second.put_many(&[other]).expect("replaced"), 1);
        let card_now = first.card(&supi(n)).expect("read").expect("there");
        assert_ne!(card_now.name, card.name);
        // K of the old card, read before: nothing is given with it that its next life could give again.
        match first.next_sqn_of(&supi(n), &card.name, "amf") {
            Err(StoreError::AnotherCard) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(second.put_many(&[old]).expect("back"), 1);
        for store in [&second, &first, &second] {
            for _ in 0..20 {
                assert!(seen.insert(store.next_sqn(&supi(n), "amf").expect("a number")));
            }
        }
    }
}

/// One that two nodes put at once is whole afterwards, and one that is new to both is added by one.
#[test]
fn two_nodes_that_put_one_subscriber_at_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let (first, second) = (open(&place, 0), open(&place, 1));
    for round in 0..10 {
        let one = subscriber(round, SqnScheme::TimeBased);
        let added: Vec<_> = std::thread::scope(|scope| {
            let adding = [&first, &second].map(|store| scope.spawn(|| store.add(&one)));
            adding
                .into_iter()
                .map(|added| added.join().expect("no panic"))
                .collect()
        });
        assert_eq!(added.iter().filter(|added| added.is_ok()).count(), 1, "{added:?}");
        assert!(
            added
                .iter()
                .any(|added| matches!(added, Err(StoreError::AlreadyExists))),
            "{added:?}"
        );
        std::thread::scope(|scope| {
            for (store, n) in [(&first, 300), (&second, 400)] {
                let mut other = subscriber(n, SqnScheme::TimeBased);
                other.supi = supi(round);
                scope.spawn(move || store.put_many(&[other]).expect("replaced"));
            }
        });
        for store in [&first, &second] {
            let subscriber = store.subscriber(&supi(round)).expect("whole").expect("there");
            assert!(store.next_sqn(&supi(round), "amf").is_ok());
            drop(subscriber);
        }
    }
}

/// A challenge of another node proves nothing here: what its card did there is not known.
#[test]
fn a_card_is_followed_back_by_the_node_that_challenged_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let open = |node| try_open(&place, node, Reuse::AfterFreshProof).expect("a store");
    let (first, second) = (open(0), open(1));
    let mut far = subscriber(1, SqnScheme::NonTimeBased);
    far.sqn = SqnRecord::after(SqnScheme::NonTimeBased, LAYOUT, Seq(DELTA * 3));
    first.add(&far).expect("added");
    let blank = Sqn::new(0).expect("fits");
    let rand = second.challenge(&supi(1), [1; 8]);
    let of_another = first.resynchronise(&supi(1), &rand, blank).expect("decided");
    assert_eq!(
        of_another,
        Resynchronised::NotFollowed(kaskade_store::NotFollowed::OfAnotherNode)
    );
    assert_eq!(
        second.resynchronise(&supi(1), &rand, blank).expect("followed"),
        Resynchronised::NewEpoch
    );
    // The other one has it from the next number on.
    let (seq, _) = split(first.next_sqn(&supi(1), "amf").expect("a number"));
    assert!(seq < DELTA, "{seq}");
}

#[test]
fn a_node_that_does_not_give_up_its_share_is_waited_for_and_a_dead_one_is_not() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    // An engine that lives and whose process says nothing of shares.
    let first = open(&place, 0);
    drop(first);
    let silent = PostgresEngine::open(&as_node(&place, 0)).expect("an engine");
    let begun = Instant::now();
    match try_open(&place, 1, Reuse::Never) {
        Err(StoreError::Read(error)) => {
            assert!(
                matches!(&*error, EngineError::InUse(by) if by.display().to_string().contains("node 0")),
                "{error}"
            );
        }
        other => panic!("{:?}", other.map(drop)),
    }
    assert!(begun.elapsed() > Duration::from_secs(10), "it is waited for");
    drop(silent);
    let begun = Instant::now();
    drop(open(&place, 2));
    assert!(begun.elapsed() < Duration::from_secs(10), "nobody is waited for");
}

/// Between the look of one node and its commit another one gives the same card its first numbers, and removes it.
#[test]
fn a_card_that_ends_at_another_node_meanwhile_does_not_begin_anew() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let (first, second) = (calm(&place, 0), calm(&place, 1));
    let numbers = |from: &SubscriberStore| -> Vec<Sqn> {
        (0..30)
            .map(|_| from.next_sqn(&supi(1), "amf").expect("a number"))
            .collect()
    };
    let (calls, given) = (AtomicU64::new(0), Mutex::new(HashSet::new()));
    let meanwhile = |_: &Subscriber, _| {
        // The first call is of before the look.
        if calls.fetch_add(1, Ordering::Relaxed) == 1 {
            second.add(&subscriber(1, SqnScheme::NonTimeBased)).expect("added");
            given.lock().expect("whole").extend(numbers(&second));
            second.remove(&supi(1)).expect("removed");
        }
        None
    };
    let done = first.put_many_on_record(&[subscriber(1, SqnScheme::NonTimeBased)], &meanwhile);
    assert_eq!(done.expect("put"), 1);
    assert!(calls.load(Ordering::Relaxed) > 2, "it has looked again");
    for sqn in numbers(&second) {
        assert!(given.lock().expect("whole").insert(sqn), "{:?} twice", split(sqn));
    }
}

/// Many cards at once, at both nodes: what does not concern the same subscriber is in nobody's way.
#[test]
fn nodes_that_follow_and_put_many_cards_at_once_are_not_in_each_others_way() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let (first, second) = (open(&place, 0), open(&place, 1));
    let all = |from: u64| {
        (from..from + 60)
            .map(|n| at_the_beginning(n, SqnScheme::NonTimeBased))
            .collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        for (store, from) in [(&first, 0), (&second, 100)] {
            // One of them twice: it takes two commits.
            let mut some = all(from);
            some.push(at_the_beginning(from, SqnScheme::NonTimeBased));
            scope.spawn(move || assert_eq!(store.put_many(&some).expect("put"), 61));
        }
    });
    std::thread::scope(|scope| {
        for n in 0..60 {
            let store = [&first, &second][usize::try_from(n % 2).expect("few")];
            scope.spawn(move || {
                let rand = store.challenge(&supi(n), [3; 8]);
                let ahead = LAYOUT.join(Seq(2 * START), kaskade_aka::sqn::Ind(0)).expect("fits");
                let done = store.resynchronise(&supi(n), &rand, ahead);
                assert_eq!(done.expect("followed"), Resynchronised::Raised, "{n}");
            });
        }
    });
}

/// A node whose lease has run out has to start anew when another one takes places from it.
#[test]
fn a_silent_node_starts_anew_when_another_one_takes_its_places() {
    let Some(cluster) = Cluster::shared() else { return };
    let (way, place) = (Proxy::to(cluster.port()), cluster.place());
    let silent = open(&way.of(cluster, &place), 0);
    silent.add(&subscriber(1, SqnScheme::NonTimeBased)).expect("added");
    way.silence(Direction::ToServer);
    std::thread::sleep(Duration::from_secs(7));
    let second = open(&place, 1);
    assert!(second.next_sqn(&supi(1), "amf").is_ok());
    way.mend();
    let begun = Instant::now();
    loop {
        match silent.next_sqn(&supi(1), "amf") {
            Err(StoreError::Read(error) | StoreError::Write(error)) => {
                if matches!(*error, EngineError::TakenOver(_)) {
                    break;
                }
            }
            other => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it ends");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// While one node decides where a card is to go on, the mark of another one moves: it decides again.
#[test]
fn a_card_is_moved_with_the_marks_of_its_commit() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let (first, second) = (calm(&place, 0), open(&place, 1));
    first.add(&at_the_beginning(1, SqnScheme::TimeBased)).expect("added");
    second.next_sqn(&supi(1), "amf").expect("a number");
    let card = first.card(&supi(1)).expect("read").expect("there");
    let rand = first.challenge(&supi(1), [3; 8]);
    let ahead = LAYOUT.join(Seq(2 * START), kaskade_aka::sqn::Ind(0)).expect("fits");
    let decided = AtomicU64::new(0);
    let slowly = |_| {
        if decided.fetch_add(1, Ordering::Relaxed) == 0 {
            // Longer than that mark leads.
            std::thread::sleep(Duration::from_secs(2));
        }
        None
    };
    let done = first.resynchronise_on_record(&supi(1), &card.name, (&rand, ahead), &slowly);
    assert_eq!(done.expect("followed"), Resynchronised::Raised);
    assert!(decided.load(Ordering::Relaxed) > 1, "it has decided once");
}

/// A store and its engine are of one number.
#[test]
fn a_store_is_of_the_node_that_its_engine_is() {
    let Some(cluster) = Cluster::shared() else { return };
    let engine = PostgresEngine::open(&as_node(&cluster.place(), 4)).expect("an engine");
    let name = engine.name().to_owned();
    let key = MasterKey::from_octets(&[7; 32]);
    let refused = SubscriberStore::with_engine(Arc::new(engine), &name, &key, options(5, Reuse::Never));
    assert!(
        refused
            .expect_err("two numbers")
            .to_string()
            .contains("node 4, and not as node 5")
    );
}
