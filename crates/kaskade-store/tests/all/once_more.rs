//! Numbers that a card gets once more: only after it proved that it went back and nothing else is left, and each time that
//! happens is in its record before one of them is issued. Wherever the power fails.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::common::{Hands, split, subscriber, supi};
use crate::power_loss::{Model, Powered};
use kaskade_aka::sqn::{Seq, SqnError, SqnLayout};
use kaskade_crypto::Sqn;
use kaskade_store::{MasterKey, Resynchronised, SqnRecord, SqnScheme, StoreError, StoreOptions, SubscriberStore};
use kaskade_testkit::power_loss::Disk;
use kaskade_testkit::random::Random;

/// What a store told of one card.
struct Told {
    number: u64,
    scheme: SqnScheme,
    delta: u64,
    /// What must not come again.
    issued: BTreeSet<u64>,
    /// What ever came.
    ever: BTreeSet<u64>,
    /// How many came once more.
    again: u64,
    /// How often numbers were allowed once more.
    reuses: u32,
    /// SEQ_MS of an AUTS whose answer is missing: what followed from it may be durable.
    unanswered: Option<u64>,
}

impl Told {
    fn of(number: u64, scheme: SqnScheme, delta: u64) -> Self {
        Self {
            number,
            scheme,
            delta,
            issued: BTreeSet::new(),
            ever: BTreeSet::new(),
            again: 0,
            reuses: 0,
            unanswered: None,
        }
    }

    fn issue(&mut self, store: &SubscriberStore) -> Result<(), StoreError> {
        let (seq, _) = split(store.next_sqn(&supi(self.number), "amf-1")?);
        assert!(
            self.issued.insert(seq),
            "SEQ {seq} of {} is issued twice, and no AUTS allowed it",
            self.number
        );
        self.again += u64::from(!self.ever.insert(seq));
        Ok(())
    }

    fn issue_some(&mut self, store: &SubscriberStore, times: usize) -> Result<(), StoreError> {
        (0..times).try_for_each(|_| self.issue(store))
    }

    /// `None` when the card accepts nothing that is left.
    fn resynchronise(&mut self, store: &SubscriberStore, seq_ms: u64) -> Result<Option<Resynchronised>, StoreError> {
        self.unanswered = Some(seq_ms);
        let supi = supi(self.number);
        let sqn_ms = Sqn::new(seq_ms << 5).expect("48 bits");
        let done = match store.resynchronise(&supi, &store.challenge(&supi, [0; 8]), sqn_ms) {
            Ok(done) => Some(done),
            Err(StoreError::Sqn(SqnError::WindowSpent)) => None,
            Err(error) => return Err(error),
        };
        self.unanswered = None;
        if done == Some(Resynchronised::Reused) {
            self.allow(seq_ms);
        }
        Ok(done)
    }

    /// The card proved that it stands at `seq_ms`: each number of its window may come once more, once.
    fn allow(&mut self, seq_ms: u64) {
        let window = seq_ms + 1..=seq_ms + self.delta;
        self.issued.retain(|seq| !window.contains(seq));
        self.reuses += 1;
    }

    /// The same card again, with an SQN that is far too high.
    fn import(&self, store: &SubscriberStore, highest: u64) -> Result<(), StoreError> {
        let mut wrong = subscriber(self.number, self.scheme);
        wrong.sqn = SqnRecord::after(self.scheme, SqnLayout::ANNEX_C3, Seq(highest));
        store.put_many([&wrong]).map(drop)
    }

    fn record(&self, store: &SubscriberStore) -> SqnRecord {
        store.subscriber(&supi(self.number)).expect("read").expect("there").sqn
    }

    /// After a loss of power: what is durable counts each time of which anybody heard, and one of which nobody did at most.
    fn look(&mut self, store: &SubscriberStore) {
        let counted = self.record(store).back().reuses;
        if let Some(seq_ms) = self.unanswered.take()
            && counted == self.reuses + 1
        {
            self.allow(seq_ms);
        }
        assert_eq!(
            counted, self.reuses,
            "numbers of {} were allowed once more, and that is not durable",
            self.number
        );
    }
}

fn open(power: &dyn Powered, options: StoreOptions) -> Result<SubscriberStore, StoreError> {
    let read = |error| StoreError::Read(std::sync::Arc::new(error));
    let key = MasterKey::from_octets(&[3; 32]);
    SubscriberStore::with_engine(power.open().map_err(read)?, Path::new("store"), &key, options)
}

fn is_of_power(error: &StoreError) -> bool {
    matches!(error, StoreError::Write(_) | StoreError::Read(_) | StoreError::Closed)
}

/// What happens to a card.
#[derive(Clone, Copy)]
enum Step {
    Issue(usize),
    /// It shows that it stands there.
    Auts(u64),
    /// It is imported with this SQN.
    Import(u64),
}

const WINDOW: u64 = 20;

/// All that it accepts is spent, it is followed back, thrown far ahead twice, and spends all once more.
const STEPS: [Step; 13] = [
    Step::Issue(30),
    Step::Auts(0),
    Step::Issue(5),
    Step::Import(1000),
    Step::Issue(2),
    Step::Auts(0),
    Step::Issue(3),
    Step::Import(2000),
    Step::Issue(2),
    Step::Auts(0),
    Step::Issue(25),
    Step::Auts(0),
    Step::Issue(10),
];

/// Goes through the steps with the power cut after so many operations, and goes on where it stopped; what followed from each AUTS,
/// and whether the power was cut.
fn go_through(power: &dyn Powered, scheme: SqnScheme, cut: u64) -> (Vec<Resynchronised>, Told, bool) {
    let mut told = Told::of(1, scheme, WINDOW);
    let options = || {
        // The clock stands where it once stood: only what is durable protects.
        let mut options = Hands::new().options();
        options.lead = Duration::from_secs(4);
        options.policy.delta = WINDOW;
        options.policy.smallest_range = 2;
        options.policy.largest_range = 4;
        options
    };
    let store = open(power, options()).expect("a store");
    store.add(&subscriber(1, scheme)).expect("added");
    let mut store = Some(store);
    power.cut_after(cut);
    let (mut followed, mut steps, mut is_cut) = (Vec::new(), STEPS.iter(), false);
    let mut now = steps.next();
    while let Some(step) = now {
        let open_now = store.get_or_insert_with(|| {
            let store = open(power, options()).expect("the next life");
            told.look(&store);
            store
        });
        let done = match *step {
            Step::Issue(times) => told.issue_some(open_now, times),
            Step::Import(highest) => told.import(open_now, highest),
            Step::Auts(seq_ms) => told.resynchronise(open_now, seq_ms).map(|done| followed.extend(done)),
        };
        match done {
            Ok(()) => now = steps.next(),
            Err(error) => {
                assert!(!is_cut && is_of_power(&error), "{error}");
                is_cut = true;
                // What the store issues when it can write no more counts as well.
                while told.issue(open_now).is_ok() {}
                store = None;
                power.restore();
            }
        }
    }
    // And a life more, whatever was on its way.
    drop(store);
    power.restore();
    let store = open(power, options()).expect("the last life");
    told.look(&store);
    told.issue_some(&store, 5).expect("five SQN");
    (followed, told, is_cut)
}

fn all_goes_well(scheme: SqnScheme, followed: &[Resynchronised], told: &Told) {
    use Resynchronised::{NewEpoch, Reused};
    assert_eq!(followed, [Reused, NewEpoch, NewEpoch, Reused], "{scheme}");
    assert!(
        told.reuses == 2 && told.again >= WINDOW,
        "{scheme}: {} once more",
        told.again
    );
}

/// The power fails at each commit of all, and that commit is lost or just durable.
#[test]
fn numbers_come_once_more_only_as_often_as_is_durable() {
    for scheme in [SqnScheme::NonTimeBased, SqnScheme::TimeBased] {
        for lands in [false, true] {
            let mut reused = 0;
            for cut in 1.. {
                let mut model = Model::default();
                model.lands = Some(lands);
                model.restore();
                let (followed, told, is_cut) = go_through(&model, scheme, cut);
                reused += told.reuses;
                if !is_cut {
                    all_goes_well(scheme, &followed, &told);
                    assert!(
                        cut > 15 && u64::from(reused) > cut,
                        "{scheme}: {reused} at {cut} commits"
                    );
                    break;
                }
            }
        }
    }
}

/// The same on the engine of the program, at each operation of its disk.
#[test]
fn numbers_come_once_more_only_as_often_as_is_on_the_disk() {
    for scheme in [SqnScheme::NonTimeBased, SqnScheme::TimeBased] {
        for cut in 1.. {
            let disk = Disk::new(cut);
            let (followed, told, is_cut) = go_through(&disk, scheme, cut);
            if !is_cut {
                all_goes_well(scheme, &followed, &told);
                assert!(cut > 60, "{scheme}: {cut} operations");
                break;
            }
        }
    }
}

/// How a card comes to it that got few numbers: what is spent is at most eight intervals, and where there are more, what lies
/// between the two that are closest is spent as well.
#[test]
fn imports_far_apart_spend_what_lies_between() {
    const DELTA: u64 = 2000;
    for scheme in [SqnScheme::NonTimeBased, SqnScheme::TimeBased] {
        let mut options = Hands::new().options();
        options.policy.delta = DELTA;
        options.policy.horizon = 50;
        options.policy.smallest_range = 4;
        let model = Model::default();
        model.restore();
        let store = open(&model, options).expect("a store");
        store.add(&subscriber(1, scheme)).expect("added");
        let mut told = Told::of(1, scheme, DELTA);
        let follow = |told: &mut Told, turn: u64, card: u64| {
            // Each is further above the one before.
            told.import(&store, (turn * (turn + 1) / 2) << 24).expect("put");
            told.issue(&store).expect("an SQN");
            let done = told.resynchronise(&store, card).expect("done");
            told.issue_some(&store, 3).expect("three SQN");
            done
        };
        for turn in 1..8 {
            let done = follow(&mut told, turn, 500 * turn);
            assert_eq!(done, Some(Resynchronised::NewEpoch), "{scheme}: turn {turn}");
        }
        // From what the card got first to the first import, all is one interval now.
        let done = follow(&mut told, 8, 4000);
        assert_eq!(done, Some(Resynchronised::Reused), "{scheme}");
        assert_eq!(
            (told.ever.len(), told.again),
            (8 * 4, 0),
            "{scheme}: none of them has come twice yet"
        );
        // A card that has hardly moved gets the ones that it has not seen, as far as anybody knows.
        let done = follow(&mut told, 9, 4001);
        assert_eq!((done, told.again), (Some(Resynchronised::Reused), 2), "{scheme}");
        assert_eq!(told.record(&store).back().reuses, 2);
    }
}

/// What `crash` does with the cards that fall behind, by one thread and on a model, so that each number is accounted for.
#[test]
fn each_number_that_comes_once_more_was_allowed() {
    const DELTA: u64 = 2000;
    let lives = 400;
    let model = Model::default();
    model.restore();
    let mut random = Random::new(23);
    let schemes = [SqnScheme::NonTimeBased, SqnScheme::TimeBased, SqnScheme::General];
    let mut all: Vec<_> = (0..)
        .zip(schemes)
        .map(|(n, scheme)| Told::of(n, scheme, DELTA))
        .collect();
    let hands = Hands::new();
    let mut epochs = 0;
    for life in 0..lives {
        let mut options = hands.options();
        options.policy.delta = DELTA;
        options.policy.horizon = 50;
        options.policy.smallest_range = 4;
        options.policy.largest_range = 512;
        options.lead = Duration::from_secs(10);
        let store = open(&model, options).expect("a store");
        if life == 0 {
            let subscribers: Vec<_> = all.iter().map(|told| subscriber(told.number, told.scheme)).collect();
            store.put_many(&subscribers).expect("put");
        }
        all.iter_mut().for_each(|told| told.look(&store));
        model.cut_after(1 + random.below(30));
        let mut card = life * 500;
        loop {
            hands.pass(random.below(3) / 2);
            let told = &mut all[random.below(3) as usize];
            let done = match random.below(12) {
                0 | 1 => {
                    card += 1;
                    let done = told.resynchronise(&store, card);
                    done.map(|done| epochs += u64::from(done == Some(Resynchronised::NewEpoch)))
                }
                2 => told.import(&store, (life + 1) << 24 | random.below(1 << 24)),
                _ => told.issue(&store),
            };
            if let Err(error) = done {
                assert!(is_of_power(&error), "{error}");
                break;
            }
        }
        drop(store);
        model.restore();
    }
    for Told {
        scheme,
        ever,
        again,
        reuses,
        ..
    } in &all
    {
        println!(
            "{scheme}: {} numbers, {again} once more, allowed {reuses} times",
            ever.len()
        );
        // The clock of the general scheme is far above these cards: what they accept cannot be made.
        let comes_again = *scheme != SqnScheme::General;
        assert!(
            ever.len() > 1000 && (*again > 20) == comes_again && (*reuses > 20) == comes_again,
            "{scheme}"
        );
    }
    assert!(epochs > 100, "{epochs} new epochs");
}
