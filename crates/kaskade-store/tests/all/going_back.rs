//! Cards that went back, and AUTS that only say so.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{Hands, credentials, split, subscriber, supi};
use kaskade_aka::auc;
use kaskade_aka::sqn::{Reuse, Seq, SqnError, SqnLayout};
use kaskade_aka::usim::{Usim, UsimError, UsimOptions};
use kaskade_crypto::{Rand, Sqn};
use kaskade_store::{
    MasterKey, NotFollowed, Resynchronised, SqnRecord, SqnScheme, StoreError, StoreOptions, SubscriberStore,
};
use kaskade_testkit::memory::MemoryEngine;

const SEQ_OF_OTHER_CORES: [u64; 3] = [0, 788_000_000, 1_790_000_000];

fn open(engine: &MemoryEngine, options: StoreOptions) -> SubscriberStore {
    let key = MasterKey::from_octets(&[1; 32]);
    SubscriberStore::with_engine(Arc::new(engine.clone()), Path::new("memory"), &key, options).expect("a store")
}

fn seq(value: u64) -> Sqn {
    Sqn::new(value << 5).expect("48 bits")
}

fn imported(scheme: SqnScheme, highest: u64) -> kaskade_store::Subscriber {
    let mut subscriber = subscriber(1, scheme);
    subscriber.sqn = SqnRecord::after(scheme, SqnLayout::ANNEX_C3, Seq(highest));
    subscriber
}

/// One attach as AUSF and UDM do it; how often the card asked for a resynchronisation.
fn attach(store: &SubscriberStore, card: &mut Usim) -> usize {
    let credentials = credentials(store, &supi(1)).expect("read").expect("there");
    for resynchronised in 0..3 {
        let rand = store.challenge(&supi(1), [7; 8]);
        let sqn = store.next_sqn(&supi(1), "amf").expect("an SQN");
        let quintet = auc::quintet(&credentials, &rand, sqn);
        match card.authenticate(&rand, &quintet.autn) {
            Ok(_) => {
                store.succeeded(&supi(1));
                return resynchronised;
            }
            Err(UsimError::SynchronisationFailure(auts)) => {
                let sqn_ms = auc::verify_auts(&credentials, &rand, &auts).expect("its own");
                store.resynchronise(&supi(1), &rand, sqn_ms).expect("done");
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("not after two resynchronisations");
}

fn new_card(store: &SubscriberStore, seq_ms: u64) -> Usim {
    let keys = credentials(store, &supi(1)).expect("read").expect("there").keys;
    let entries = vec![Seq(seq_ms); 32];
    Usim::restore(&keys, UsimOptions::default(), &entries).expect("a card")
}

/// An emulated UE begins at 0 each time, on a subscriber that has come far; between its starts, others with the same
/// identity stand where other cores count. As fast as it goes, and over restarts of the home network.
#[test]
fn cards_that_begin_again_attach_hundreds_of_times() {
    for scheme in SqnScheme::ALL {
        let engine = MemoryEngine::default();
        let hands = Hands::new();
        let mut store = open(&engine, hands.options());
        store.add(&imported(scheme, 1 << 36)).expect("added");
        for turn in 0..450_u64 {
            if turn % 50 == 49 {
                drop(store);
                store = open(&engine, hands.options());
            }
            let at = SEQ_OF_OTHER_CORES[usize::try_from(turn % 3).expect("small")];
            let mut card = new_card(&store, at);
            assert!(attach(&store, &mut card) <= 1, "{scheme}: turn {turn} at {at}");
            // And it goes on without.
            assert_eq!(attach(&store, &mut card), 0);
            hands.pass(1);
            store.settle().expect("settled");
        }
    }
}

/// The same without a pause: the clock is finer than its tick.
#[test]
fn an_emulated_ue_needs_no_pause() {
    let engine = MemoryEngine::default();
    let mut options = StoreOptions::default();
    options.tick = Some(Duration::from_secs(1));
    let store = open(&engine, options);
    store.add(&imported(SqnScheme::TimeBased, 1 << 36)).expect("added");
    for turn in 0..300 {
        let at = SEQ_OF_OTHER_CORES[turn % 2];
        let mut card = new_card(&store, at);
        assert!(attach(&store, &mut card) <= 1, "turn {turn} at {at}");
    }
}

/// A window that was issued to its end: the numbers of the older epoch come again, each with a new RAND.
#[test]
fn a_spent_window_is_issued_again_after_a_fresh_auts_unless_told_never() {
    for reuse in [Reuse::AfterFreshProof, Reuse::Never] {
        let (engine, hands) = (MemoryEngine::default(), Hands::new());
        let mut options = hands.options();
        options.policy.delta = 1000;
        options.policy.reuse = reuse;
        let store = open(&engine, options);
        store.add(&imported(SqnScheme::NonTimeBased, 0)).expect("added");
        let mut first = Vec::new();
        while split(*first.last().unwrap_or(&seq(0))).0 < 2500 {
            first.push(store.next_sqn(&supi(1), "amf").expect("an SQN"));
        }
        let rand = store.challenge(&supi(1), [1; 8]);
        let done = store.resynchronise(&supi(1), &rand, seq(0));
        if reuse == Reuse::Never {
            assert!(matches!(done, Err(StoreError::Sqn(SqnError::WindowSpent))), "{done:?}");
            // The operator's way out, once.
            store.allow_reuse(&supi(1)).expect("allowed");
            drop(store);
            let mut options = hands.options();
            options.policy.delta = 1000;
            options.policy.reuse = reuse;
            let store = open(&engine, options);
            let rand = store.challenge(&supi(1), [2; 8]);
            assert_eq!(
                store.resynchronise(&supi(1), &rand, seq(0)).expect("done"),
                Resynchronised::Reused
            );
            assert_eq!(split(store.next_sqn(&supi(1), "amf").expect("an SQN")).0, 1);
            continue;
        }
        assert_eq!(done.expect("done"), Resynchronised::Reused);
        let again = store.next_sqn(&supi(1), "amf").expect("an SQN");
        assert_eq!(split(again).0, 1);
        assert_ne!(store.challenge(&supi(1), [2; 8]), rand, "never with the same RAND");
    }
}

/// Everything that a thief of an AUTS can do with it.
#[test]
fn a_stale_or_replayed_auts_gains_nothing() {
    let (engine, hands) = (MemoryEngine::default(), Hands::new());
    let mut store = open(&engine, hands.options());
    store.add(&imported(SqnScheme::TimeBased, 1 << 36)).expect("added");
    let first = split(store.next_sqn(&supi(1), "amf").expect("an SQN")).0;
    let pass = |store: &SubscriberStore, seconds| {
        hands.pass(seconds);
        store.settle().expect("settled");
    };
    let back = |store: &SubscriberStore, rand: &Rand| store.resynchronise(&supi(1), rand, seq(0)).expect("done");
    let refused = |why| Resynchronised::NotFollowed(why);
    // Not ours; another subscriber's.
    assert_eq!(back(&store, &Rand::from_octets([5; 16])), refused(NotFollowed::NotOurs));
    store.add(&subscriber(2, SqnScheme::TimeBased)).expect("added");
    let other = store.challenge(&supi(2), [1; 8]);
    assert_eq!(back(&store, &other), refused(NotFollowed::NotOurs));
    // Old.
    let old = store.challenge(&supi(1), [1; 8]);
    assert_eq!(store.rand_age(&supi(1), &old), Some(Duration::ZERO));
    pass(&store, 601);
    assert_eq!(store.rand_age(&supi(1), &old), Some(Duration::from_secs(601)));
    assert_eq!(back(&store, &old), refused(NotFollowed::TooOld));
    // The card has succeeded since.
    let answered = store.challenge(&supi(1), [1; 8]);
    pass(&store, 1);
    store.succeeded(&supi(1));
    assert_eq!(back(&store, &answered), refused(NotFollowed::SucceededSince));
    // Made before a restart.
    pass(&store, 1);
    let before = store.challenge(&supi(1), [1; 8]);
    drop(store);
    store = open(&engine, hands.options());
    assert_eq!(back(&store, &before), refused(NotFollowed::BeforeStart));
    let next = split(store.next_sqn(&supi(1), "amf").expect("an SQN")).0;
    assert!(next > first, "nothing has changed so far");
    // Ahead is followed with any of them.
    let ahead = seq(1 << 37);
    assert_eq!(
        store.resynchronise(&supi(1), &before, ahead).expect("done"),
        Resynchronised::Raised
    );
    // Followed once, never again: after the card is ahead once more.
    pass(&store, 100);
    let rand = store.challenge(&supi(1), [1; 8]);
    assert_eq!(back(&store, &rand), Resynchronised::NewEpoch);
    pass(&store, 1);
    // What the card showed before it went back does not throw it out of its epoch, however often it is tried.
    for (replayed, why) in [
        (&before, NotFollowed::BeforeStart),
        (&rand, NotFollowed::Used),
        (&Rand::from_octets([5; 16]), NotFollowed::NotOurs),
    ] {
        let done = store.resynchronise(&supi(1), replayed, ahead).expect("done");
        assert_eq!(done, refused(why));
    }
    // A vector that was made since raises, also when it is used late.
    let prefetched = store.challenge(&supi(1), [1; 8]);
    pass(&store, 700);
    assert_eq!(
        store.resynchronise(&supi(1), &prefetched, ahead).expect("done"),
        Resynchronised::Raised
    );
    assert_eq!(back(&store, &rand), refused(NotFollowed::TooOld));
}

#[test]
fn one_card_is_not_followed_without_end() {
    let (engine, hands) = (MemoryEngine::default(), Hands::new());
    let mut options = hands.options();
    options.policy.follow_burst = 5;
    options.policy.follow_every = 10 << 16;
    let store = open(&engine, options);
    store.add(&imported(SqnScheme::NonTimeBased, 1 << 36)).expect("added");
    let turn = || {
        hands.pass(1);
        store.settle().expect("settled");
        let rand = store.challenge(&supi(1), [1; 8]);
        let done = store.resynchronise(&supi(1), &rand, seq(0)).expect("done");
        let rand = store.challenge(&supi(1), [1; 8]);
        let ahead = store.resynchronise(&supi(1), &rand, seq(1 << 36)).expect("done");
        (done, ahead)
    };
    let too_often = Resynchronised::NotFollowed(NotFollowed::TooOften);
    // One in ten seconds, and five at once.
    let followed = std::iter::from_fn(|| Some(turn())).take_while(|turn| turn.0 == Resynchronised::NewEpoch);
    assert_eq!(followed.take(50).count(), 6);
    // The bucket fills up again, and the operator may empty it.
    store.allow_reuse(&supi(1)).expect("allowed");
    assert_eq!(turn(), (Resynchronised::NewEpoch, Resynchronised::Raised));
    assert_eq!(turn().0, too_often);
    hands.pass(30);
    assert_eq!(turn().0, Resynchronised::NewEpoch);
}
