//! The policy against a model of everything that may happen to it.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

mod edges;
mod nodes;

const LAYOUT: SqnLayout = SqnLayout::ANNEX_C3;
const YEAR: u64 = 365 * 86_400;

/// Small numbers, so that ranges end, horizons pass and windows fill in a short run.
const SMALL: SqnPolicy = SqnPolicy {
    shared: false,
    delta: 4000,
    horizon: 300,
    smallest_range: 3,
    largest_range: 40,
    reuse: Reuse::AfterFreshProof,
    follow_every: 1 << 16,
    follow_burst: 3,
};

/// A home-network node with one subscriber: what is in memory, and what is on its disk.
struct Node {
    policy: SqnPolicy,
    lead: u64,
    node: NodeIndex,
    clocks: Clocks,
    counter: GlobalCounter,
    view: ClockView,
    issuer: SqnIssuer,
    disk: SqnRecord,
    disk_mark: Glc,
    /// On its way to the disk: a reservation, or a moved issuer, during which nothing is issued.
    flight: Option<Flight>,
    issued: BTreeSet<Seq>,
    /// Highest SEQ of this epoch.
    highest: Option<Seq>,
    /// Numbers of an older epoch were allowed again: from then on only those of the present one are compared.
    reused: bool,
    /// The moment of the latest RAND.
    rand: Moment,
}

#[derive(Clone)]
enum Flight {
    Reservation(SqnRecord),
    Move(Moved, bool),
}

impl Flight {
    fn record(&self) -> &SqnRecord {
        match self {
            Self::Reservation(record) => record,
            Self::Move(moved, _) => moved.record(),
        }
    }
}

#[derive(Clone, Debug)]
enum Event {
    /// So many vectors are asked for.
    Issue(u16),
    /// What is in flight becomes durable and is taken over.
    Land,
    /// Killed: what is in flight was lost, or had just become durable.
    Crash { durable: bool },
    /// Both clocks go on.
    Pass(u32),
    /// The wall clock steps.
    Step(i32),
    /// The durable mark is extended.
    Mark,
    /// The volatile state is dropped, if the policy allows it.
    Drop,
    /// An AUTS with SEQ_MS so far from the highest SEQ issued; fresh, of a RAND used before, or stale.
    Auts(i32, Age),
    /// The operator allows the next fresh AUTS to be followed.
    Grant,
    /// Removed and added again, or imported again with another starting point.
    Succeed(SqnScheme, Option<i32>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Age {
    Fresh,
    Replayed,
    Stale,
    /// Not fresh, but of the latest RAND.
    Prefetched,
}

impl Node {
    fn new(scheme: SqnScheme, start: u64, wall: u64, policy: SqnPolicy, node: NodeIndex) -> Self {
        let clocks = Clocks {
            wall: Duration::from_secs(wall),
            monotonic: Duration::ZERO,
        };
        let counter = GlobalCounter::start(Duration::from_secs(1), clocks, None, None).expect("no mark");
        let now = counter.now();
        let mut record = SqnRecord::after(scheme, LAYOUT, Seq(start));
        if policy.delta == SMALL.delta {
            record = record.with_general(8, 60).expect("fits");
        }
        let disk = record.anchored(now, &policy);
        let mut this = Self {
            policy,
            lead: 30,
            node,
            clocks,
            counter,
            view: ClockView::of_one(now, now),
            issuer: SqnIssuer::load(disk.clone()),
            disk,
            disk_mark: now,
            flight: None,
            issued: BTreeSet::new(),
            highest: None,
            reused: false,
            rand: 0,
        };
        this.mark();
        this
    }

    fn mark(&mut self) {
        self.disk_mark = self
            .disk_mark
            .max(self.counter.mark_ahead(Duration::from_secs(self.lead)));
        self.view.mark = self.disk_mark;
        self.read_clock();
    }

    fn read_clock(&mut self) {
        let (now, _) = self.counter.advance(self.clocks);
        let before = self.view.now;
        self.view.now = now.min(self.view.mark);
        assert!(before <= self.view.now, "GLC goes back");
    }

    fn pass(&mut self, ticks: u64) {
        self.clocks.wall += Duration::from_secs(ticks);
        self.clocks.monotonic += Duration::from_secs(ticks);
        self.read_clock();
    }

    /// One SEQ if it is covered; starts a reservation like the store does.
    fn attempt(&mut self) -> Option<Seq> {
        if matches!(self.flight, Some(Flight::Move(..))) {
            return None;
        }
        match self.issuer.next(self.view, &self.policy) {
            Ok(Next::Issued { seq, prefetch }) => {
                if prefetch && self.flight.is_none() {
                    self.reserve();
                }
                assert!(seq <= LAYOUT.max_seq());
                assert!(self.issued.insert(seq) || self.reused, "{seq:?} is issued twice");
                assert!(
                    self.highest.is_none_or(|highest| seq > highest),
                    "{seq:?} is below {:?}",
                    self.highest
                );
                self.highest = Some(seq);
                Some(seq)
            }
            Ok(Next::NeedsReservation) => {
                if self.flight.is_none() {
                    self.reserve();
                }
                None
            }
            Err(SqnError::Exhausted) => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn reserve(&mut self) {
        let record = self.issuer.reservation(self.view, &self.policy);
        self.flight = record.ok().map(Flight::Reservation);
    }

    fn land(&mut self) {
        let Some(flight) = self.flight.take() else { return };
        self.disk = flight.record().clone();
        match flight {
            Flight::Reservation(record) => self.issuer.reserved(record),
            Flight::Move(moved, new_epoch) => {
                if new_epoch {
                    self.highest = None;
                }
                self.issuer = moved.into_issuer();
            }
        }
    }

    /// Issues, waiting for the disk where that is needed.
    fn issue(&mut self) -> Result<Seq, SqnError> {
        for _ in 0..4 {
            if let Some(seq) = self.attempt() {
                return Ok(seq);
            }
            if self.flight.is_none() {
                return Err(SqnError::Exhausted);
            }
            self.land();
        }
        panic!("a landed reservation must cover the next SEQ");
    }

    fn crash(&mut self, durable: bool) {
        if let Some(flight) = self.flight.take()
            && durable
        {
            self.disk = flight.record().clone();
            if let Flight::Move(_, true) = flight {
                self.highest = None;
            }
        }
        self.counter = GlobalCounter::start(Duration::from_secs(1), self.clocks, Some(self.disk_mark), None)
            .expect("any distance");
        self.issuer = SqnIssuer::load(self.disk.clone());
        self.view = ClockView::of_one(self.counter.now(), self.counter.now());
        self.mark();
    }

    /// The time of day, as RAND have it.
    fn moment(&self) -> Moment {
        self.view.now.0 << 16
    }

    fn proof(&mut self, age: Age) -> Proof {
        let now = self.moment();
        match age {
            Age::Stale => Proof::Stale { made: None },
            Age::Prefetched => {
                self.rand = now.max(self.rand + 1);
                Proof::Stale { made: Some(self.rand) }
            }
            Age::Replayed => Proof::Fresh {
                made: self.issuer.record().back().followed,
                now,
            },
            Age::Fresh => {
                self.rand = now.max(self.rand + 1);
                Proof::Fresh { made: self.rand, now }
            }
        }
    }

    fn auts(&mut self, seq_ms: Seq, age: Age) -> Result<Option<bool>, SqnError> {
        while self.flight.is_some() {
            self.land();
        }
        let proof = self.proof(age);
        let before = self.issuer.clone();
        let next = before.candidate(self.view.now);
        let strict = self.policy.reuse == Reuse::Never && !self.issuer.record().back().granted;
        let (moved, new_epoch) = match self.issuer.resynchronise(seq_ms, proof, self.view, &self.policy)? {
            Resynchronisation::InStep => {
                let next = next.expect("there is one");
                assert!(next > seq_ms && next.0 - seq_ms.0 <= self.policy.delta);
                return Ok(None);
            }
            Resynchronisation::Stale => {
                assert!(strict || age != Age::Fresh, "a fresh one is followed");
                let ahead = next.is_ok_and(|next| next <= seq_ms);
                assert!(
                    strict || !ahead || age != Age::Prefetched,
                    "its vector was made after the card went back"
                );
                return Ok(None);
            }
            Resynchronisation::BelowShown => {
                assert!(strict, "a fresh one is followed");
                return Ok(None);
            }
            Resynchronisation::Limited => {
                let debt = self.issuer.record().back().debt;
                assert!(debt - self.moment() >= 3 << 16 && !strict);
                return Ok(None);
            }
            Resynchronisation::Raised(moved) => {
                assert!(next.expect("there is one") <= seq_ms);
                let later = matches!(age, Age::Fresh | Age::Prefetched);
                assert!(later || before.record().back().followed == 0, "{age:?} is of before");
                (moved, false)
            }
            Resynchronisation::NewEpoch(moved) => {
                assert!(strict || age == Age::Fresh, "{age:?} proves nothing");
                (moved, true)
            }
            Resynchronisation::Reused(moved) => {
                assert!(!strict && age == Age::Fresh, "{age:?} proves nothing");
                self.reused = true;
                (moved, true)
            }
        };
        // A replay of the same AUTS changes nothing any more.
        let after = moved
            .clone()
            .into_issuer()
            .resynchronise(seq_ms, proof, self.view, &self.policy);
        assert_eq!(after, Ok(Resynchronisation::InStep));
        self.flight = Some(Flight::Move(moved, new_epoch));
        Ok(Some(new_epoch))
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Issue(times) => {
                for _ in 0..times {
                    self.attempt();
                }
            }
            Event::Land => self.land(),
            Event::Crash { durable } => self.crash(durable),
            Event::Pass(ticks) => self.pass(ticks.into()),
            Event::Step(by) => {
                let wall = self.clocks.wall.as_secs().saturating_add_signed(by.into());
                self.clocks.wall = Duration::from_secs(wall);
                self.read_clock();
            }
            Event::Mark => self.mark(),
            Event::Drop => {
                let may = self.issuer.is_idle(self.view.now) || self.issuer.is_recoverable();
                if self.flight.is_none() && may {
                    self.issuer = SqnIssuer::load(self.disk.clone());
                }
            }
            Event::Grant => {
                while self.flight.is_some() {
                    self.land();
                }
                self.disk = self.disk.clone().granted();
                self.issuer.reserved(self.disk.clone());
            }
            Event::Auts(distance, age) => {
                let highest = self.highest.or(self.issued.last().copied()).unwrap_or(Seq(0));
                let seq_ms = Seq(highest.0.saturating_add_signed(distance.into()));
                match self.auts(seq_ms, age) {
                    Ok(_) | Err(SqnError::WindowSpent | SqnError::Exhausted) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            Event::Succeed(scheme, start) => {
                while self.flight.is_some() {
                    self.land();
                }
                let highest = self.issuer.highest_issued(self.view, &self.policy);
                let start = start.map_or(Seq(0), |above| Seq(highest.0.saturating_add_signed(above.into())));
                let mut new = SqnRecord::after(scheme, LAYOUT, start);
                if self.policy.delta == SMALL.delta {
                    new = new.with_general(8, 60).expect("fits");
                }
                self.disk = new.succeeding(self.issuer.record(), highest, &self.policy, self.view.now);
                self.issuer = SqnIssuer::load(self.disk.clone());
            }
        }
    }
}

fn scheme() -> impl Strategy<Value = SqnScheme> {
    prop_oneof![
        2 => Just(SqnScheme::TimeBased),
        1 => Just(SqnScheme::NonTimeBased),
        1 => Just(SqnScheme::General)
    ]
}

fn age() -> impl Strategy<Value = Age> {
    prop_oneof![3 => Just(Age::Fresh), 1 => Just(Age::Replayed), 1 => Just(Age::Stale), 1 => Just(Age::Prefetched)]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..8_u16).prop_map(Event::Issue),
        2 => (0..200_u16).prop_map(Event::Issue),
        5 => Just(Event::Land),
        3 => any::<bool>().prop_map(|durable| Event::Crash { durable }),
        4 => (0..50_u32).prop_map(Event::Pass),
        1 => (0..3000_u32).prop_map(Event::Pass),
        2 => (-1000..1000_i32).prop_map(Event::Step),
        3 => Just(Event::Mark),
        2 => Just(Event::Drop),
        3 => ((-6000..2000_i32), age()).prop_map(|(distance, age)| Event::Auts(distance, age)),
        1 => Just(Event::Grant),
        1 => (scheme(), proptest::option::of(-3000..20_000_i32)).prop_map(|(scheme, start)| Event::Succeed(scheme, start)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Crashes at any point, clock steps, hot subscribers, resynchronisations and new imports: no SEQ twice within an
    /// epoch, every SEQ above all earlier ones of it, and one of an older epoch only after a fresh AUTS.
    #[test]
    fn never_twice_and_always_up(
        scheme in scheme(),
        start in prop_oneof![Just(0_u64), 0..10_000_u64, Just((1 << 43) - 2000)],
        reuse in prop_oneof![Just(Reuse::AfterFreshProof), Just(Reuse::Never)],
        events in proptest::collection::vec(event(), 1..150),
    ) {
        let mut node = Node::new(scheme, start, 1_700_000_000, SqnPolicy { reuse, ..SMALL }, NodeIndex::ONLY);
        for event in &events {
            node.happen(event);
        }
        // And it always goes on, unless the numbers are used up.
        node.crash(false);
        let next = node.issue();
        prop_assert!(next.is_ok() || start > 1 << 42, "{next:?}");
    }

    /// Two nodes that share a subscriber, each with its own disk and clock, never give the same SQN.
    #[test]
    fn nodes_never_meet(
        scheme in scheme(),
        skew in 0..100_u64,
        of in 2..=32_u8,
        events in proptest::collection::vec((any::<bool>(), event(), 0..40_u8), 1..80),
    ) {
        let index = |index| NodeIndex::new(index, of).expect("below");
        let policy = SqnPolicy { reuse: Reuse::Never, ..SMALL };
        let mut nodes = [
            Node::new(scheme, 0, 1_700_000_000, policy, index(0)),
            Node::new(scheme, 0, 1_700_000_000 + skew, policy, index(of - 1)),
        ];
        let mut issued = BTreeSet::new();
        for (which, event, requesting) in &events {
            let node = &mut nodes[usize::from(*which)];
            let before = node.issued.clone();
            node.happen(event);
            let ind = node.node.ind(LAYOUT, &format!("node {requesting}")).expect("a share");
            prop_assert_eq!(ind.0 % of, node.node.index());
            for seq in node.issued.difference(&before) {
                prop_assert!(issued.insert(LAYOUT.join(*seq, ind).expect("fits")));
            }
        }
    }

    /// An idle card, however long: the next SEQ is within Δ, without a resynchronisation.
    #[test]
    fn idle_time_never_exceeds_delta(
        scheme in scheme(),
        start in 0..1_u64 << 42,
        pauses in proptest::collection::vec((0..40 * YEAR, 0..3_u8, any::<bool>()), 1..12),
    ) {
        let mut node = Node::new(scheme, start, 1_700_000_000, SqnPolicy::default(), NodeIndex::ONLY);
        let mut seq_ms = Seq(start);
        for (pause, vectors, crash) in pauses {
            node.pass(pause);
            node.mark();
            if crash {
                node.crash(true);
            }
            for _ in 0..=vectors {
                let seq = node.issue().expect("far from the end");
                prop_assert!(seq > seq_ms && seq.0 - seq_ms.0 <= SqnPolicy::default().delta / 8, "{seq:?} after {seq_ms:?}");
                seq_ms = seq;
            }
        }
    }

    /// Intervals: what is added is skipped, and nothing is forgotten.
    #[test]
    fn spent_forgets_nothing(intervals in proptest::collection::vec((0..400_u64, 0..30_u64), 0..40)) {
        let mut spent = Spent::NONE;
        for (first, len) in &intervals {
            spent.add(Seq(*first), Seq(first + len));
        }
        prop_assert!(spent.intervals().len() <= Spent::CAPACITY);
        prop_assert!(spent.intervals().windows(2).all(|pair| pair[0].1.0 + 1 < pair[1].0.0));
        for seq in 0..450 {
            let skipped = spent.skip(Seq(seq));
            prop_assert!(skipped >= Seq(seq));
            prop_assert!(!intervals.iter().any(|(first, len)| (*first..=first + len).contains(&skipped.0)));
        }
        prop_assert_eq!(Spent::from_intervals(spent.intervals()), Some(spent.clone()));
    }

    /// Intervals: what is released is skipped no more, and nothing else changes but what merging spends.
    #[test]
    fn release_takes_out_just_that(
        intervals in proptest::collection::vec((0..400_u64, 0..30_u64), 0..40),
        (first, len) in (0..400_u64, 0..100_u64),
    ) {
        let mut spent = Spent::NONE;
        for (first, len) in &intervals {
            spent.add(Seq(*first), Seq(first + len));
        }
        let before = spent.clone();
        let last = first + len;
        spent.release(Seq(first), Seq(last));
        prop_assert!(spent.intervals().len() <= Spent::CAPACITY);
        for seq in 0..450 {
            let is_spent = spent.skip(Seq(seq)) != Seq(seq);
            if (first..=last).contains(&seq) {
                prop_assert!(!is_spent, "{seq} was released");
            } else {
                prop_assert!(is_spent || before.skip(Seq(seq)) == Seq(seq), "{seq} is forgotten");
            }
        }
        prop_assert_eq!(Spent::from_intervals(spent.intervals()), Some(spent.clone()));
    }

    /// GLC never goes back, whatever the clocks do, and a new life starts above the mark.
    #[test]
    fn the_counter_only_goes_up(steps in proptest::collection::vec((-5000..5000_i64, 0..100_u64, any::<bool>()), 1..60)) {
        let mut clocks = Clocks { wall: Duration::from_secs(1_000_000), monotonic: Duration::ZERO };
        let tick = Duration::from_secs(1);
        let longest = Some(Duration::from_secs(4000));
        let mut counter = GlobalCounter::start(tick, clocks, None, longest).expect("no mark");
        let mut last = counter.now();
        let mut refused = 0;
        for (wall, passed, restart) in steps {
            clocks.wall = Duration::from_secs(clocks.wall.as_secs().saturating_add_signed(wall));
            clocks.monotonic += Duration::from_secs(passed);
            if restart {
                let mark = counter.mark_ahead(Duration::from_secs(60));
                match GlobalCounter::start(tick, clocks, Some(mark), longest) {
                    Ok(started) => counter = started,
                    Err(ClockTooFarAhead { .. }) => {
                        prop_assert!(clocks.wall.as_secs() > mark.0 + 4000);
                        refused += passed;
                        continue;
                    }
                }
                prop_assert!(counter.now() > mark);
                refused = 0;
            } else {
                let (now, state) = counter.advance(clocks);
                prop_assert!(now >= last);
                let passed = passed + std::mem::take(&mut refused);
                prop_assert!(now.0 - last.0 <= 4000 + passed + 1, "a jump from {last:?} to {now:?}");
                prop_assert!(state != ClockState::Following || now.0 == clocks.wall.as_secs());
                prop_assert!(passed < 2 || now > last, "it stands still");
            }
            last = counter.now();
        }
    }
}
