//! Several nodes over one record: whatever the order of reads, commits, crashes and clocks, no IND value sees a SEQ twice.
//!
//! What a store promises is modelled here by its rules: a commit takes effect only on the version that it was based on; a node
//! issues under its mark only what it has compared after that mark was durable; who moves a subscriber to another epoch
//! does so with the marks of all nodes, and not where one has moved since.

use super::*;

const NODES: usize = 3;
/// Places of IND values: some are given from node to node.
const PLACES: usize = 6;

struct Shared {
    policy: SqnPolicy,
    disk: SqnRecord,
    version: u64,
    nodes: Vec<OneOf>,
    owner: [usize; PLACES],
    issued: BTreeSet<(usize, Seq)>,
    reused: bool,
    given: u64,
    rand: Moment,
    count: u64,
}

struct OneOf {
    clocks: Clocks,
    counter: GlobalCounter,
    now: Glc,
    /// As it is durable: others see it.
    mark: Glc,
    issuer: Option<Held>,
    /// Read, and not taken over yet.
    reading: Option<Reading>,
    flight: Option<(Flight, u64, Option<Vec<Glc>>)>,
}

struct Reading {
    /// What the node had when it asked: of something else by now, the answer is too old.
    had: Option<u64>,
    mark: Glc,
    record: SqnRecord,
    version: u64,
}

struct Held {
    issuer: SqnIssuer,
    version: u64,
    compared: Option<Glc>,
}

#[derive(Clone, Debug)]
enum Doing {
    Read,
    Compare,
    Issue(u8, u8),
    Land,
    Crash { durable: bool },
    Pass(u32),
    Step(i32),
    Mark,
    Drop,
    Auts(i32, Age),
    Give(u8),
}

impl OneOf {
    fn start(clocks: Clocks, above: Option<Glc>) -> Self {
        let counter = GlobalCounter::start(Duration::from_secs(1), clocks, above, None).expect("any distance");
        let now = counter.now();
        Self {
            clocks,
            counter,
            now,
            mark: now,
            issuer: None,
            reading: None,
            flight: None,
        }
    }

    fn read_clock(&mut self) {
        self.now = self.now.max(self.counter.advance(self.clocks).0.min(self.mark));
    }
}

impl Shared {
    fn new(scheme: SqnScheme, start: u64, policy: SqnPolicy, skews: [u16; NODES]) -> Self {
        let node = |skew: u16| {
            let wall = Duration::from_secs(1_700_000_000 + u64::from(skew));
            OneOf::start(
                Clocks {
                    wall,
                    monotonic: Duration::ZERO,
                },
                None,
            )
        };
        let nodes: Vec<_> = skews.into_iter().map(node).collect();
        let record = SqnRecord::after(scheme, LAYOUT, Seq(start))
            .with_general(8, 60)
            .expect("fits");
        Self {
            disk: record.anchored(nodes[0].now, &policy),
            policy,
            version: 1,
            nodes,
            owner: std::array::from_fn(|place| place % NODES),
            issued: BTreeSet::new(),
            reused: false,
            given: 0,
            rand: 0,
            count: 1,
        }
    }

    fn marks(&self) -> Vec<Glc> {
        self.nodes.iter().map(|node| node.mark).collect()
    }

    fn view(&self, k: usize) -> ClockView {
        let highest = self.marks().into_iter().max().expect("nodes");
        let OneOf { now, mark, .. } = self.nodes[k];
        ClockView { now, mark, highest }
    }

    fn read(&mut self, k: usize) {
        let node = &mut self.nodes[k];
        node.reading = Some(Reading {
            had: node.issuer.as_ref().map(|held| held.version),
            mark: node.mark,
            record: self.disk.clone(),
            version: self.version,
        });
    }

    fn compare(&mut self, k: usize) {
        let node = &mut self.nodes[k];
        let Some(Reading {
            had,
            mark,
            record,
            version,
        }) = node.reading.take()
        else {
            return;
        };
        // Nothing is taken over while a move is on its way.
        let moves = matches!(node.flight, Some((Flight::Move(..), ..)));
        if moves || had != node.issuer.as_ref().map(|held| held.version) {
            return;
        }
        let (compared, issuer) = (Some(mark), &mut node.issuer);
        match issuer {
            Some(held) if held.version == version => held.compared = compared,
            Some(held) => {
                held.issuer.renewed(record);
                (held.version, held.compared) = (version, compared);
            }
            None => {
                *issuer = Some(Held {
                    issuer: SqnIssuer::load(record),
                    version,
                    compared,
                });
            }
        }
    }

    fn issue(&mut self, k: usize, place: usize) {
        let view = self.view(k);
        let node = &mut self.nodes[k];
        if matches!(node.flight, Some((Flight::Move(..), ..))) {
            return;
        }
        let Some(held) = node.issuer.as_mut().filter(|held| held.compared == Some(node.mark)) else {
            return;
        };
        let reserves = match held.issuer.next(view, &self.policy) {
            Ok(Next::Issued { seq, prefetch }) => {
                let mut own = (0..PLACES).filter(|at| self.owner[*at] == k);
                let share = own.clone().count();
                if let Some(place) = own.nth(place % share.max(1)) {
                    self.given += 1;
                    let new = self.issued.insert((place, seq));
                    assert!(new || self.reused, "{seq:?} twice at place {place}, of node {k}");
                }
                prefetch
            }
            Ok(Next::NeedsReservation) => true,
            Err(SqnError::Exhausted) => false,
            Err(error) => panic!("{error}"),
        };
        if reserves && node.flight.is_none() {
            let based_on = held.version;
            let record = held.issuer.reservation(view, &self.policy).ok();
            node.flight = record.map(|record| (Flight::Reservation(record), based_on, None));
        }
    }

    fn land(&mut self, k: usize, hears: bool) {
        let marks = self.marks();
        let Some((flight, based_on, seen)) = self.nodes[k].flight.take() else {
            return;
        };
        let done = based_on == self.version && seen.is_none_or(|seen| seen == marks);
        if done {
            self.disk = flight.record().clone();
            self.count += 1;
            self.version = self.count;
        }
        let (version, node) = (self.version, &mut self.nodes[k]);
        let Some(held) = node.issuer.as_mut().filter(|_| hears) else {
            return;
        };
        match flight {
            // What was compared meanwhile is newer.
            _ if held.version != based_on => {}
            _ if !done => held.compared = None,
            Flight::Reservation(record) => {
                held.issuer.reserved(record);
                held.version = version;
            }
            Flight::Move(moved, _) => {
                *held = Held {
                    issuer: moved.into_issuer(),
                    version,
                    compared: None,
                };
            }
        }
    }

    fn restart(&mut self, k: usize) {
        let above = self.marks().into_iter().max();
        let mark = self.nodes[k].mark;
        self.nodes[k] = OneOf::start(self.nodes[k].clocks, above);
        // Nothing is issued by the clock before its first mark is durable.
        self.nodes[k].mark = mark.max(self.nodes[k].now);
    }

    fn auts(&mut self, k: usize, distance: i32, age: Age) {
        self.read(k);
        self.nodes[k].flight = None;
        self.compare(k);
        let (view, marks) = (self.view(k), self.marks());
        let highest = self.issued.iter().map(|(_, seq)| *seq).max().unwrap_or(Seq(0));
        let seq_ms = Seq(highest.0.saturating_add_signed(distance.into())).min(LAYOUT.max_seq());
        let now = view.now.0 << 16;
        self.rand = now.max(self.rand + 1);
        let proof = match age {
            Age::Fresh => Proof::Fresh { made: self.rand, now },
            _ => Proof::Stale { made: Some(self.rand) },
        };
        let Some(held) = &self.nodes[k].issuer else { return };
        let moved = match held.issuer.resynchronise(seq_ms, proof, view, &self.policy) {
            Ok(Resynchronisation::Raised(moved) | Resynchronisation::NewEpoch(moved)) => moved,
            Ok(Resynchronisation::Reused(moved)) => {
                self.reused = true;
                moved
            }
            _ => return,
        };
        let version = held.version;
        self.nodes[k].flight = Some((Flight::Move(moved, true), version, Some(marks)));
    }

    fn happen(&mut self, k: usize, doing: &Doing) {
        match *doing {
            Doing::Read => self.read(k),
            Doing::Compare => self.compare(k),
            Doing::Issue(times, place) => {
                for _ in 0..times {
                    self.issue(k, place.into());
                }
            }
            Doing::Land => self.land(k, true),
            Doing::Crash { durable } => {
                match durable {
                    true => self.land(k, false),
                    false => self.nodes[k].flight = None,
                }
                self.restart(k);
            }
            Doing::Pass(ticks) => {
                for node in &mut self.nodes {
                    node.clocks.wall += Duration::from_secs(ticks.into());
                    node.clocks.monotonic += Duration::from_secs(ticks.into());
                    node.read_clock();
                }
            }
            Doing::Step(by) => {
                let node = &mut self.nodes[k];
                node.clocks.wall = Duration::from_secs(node.clocks.wall.as_secs().saturating_add_signed(by.into()));
                node.read_clock();
            }
            Doing::Mark => {
                let node = &mut self.nodes[k];
                node.counter.advance(node.clocks);
                node.mark = node.mark.max(node.counter.mark_ahead(Duration::from_secs(30)));
                node.read_clock();
            }
            Doing::Drop => {
                let node = &mut self.nodes[k];
                let may = |held: &Held| held.issuer.is_idle(node.now) || held.issuer.is_recoverable();
                if node.flight.is_none() && node.issuer.as_ref().is_some_and(may) {
                    node.issuer = None;
                }
            }
            Doing::Auts(distance, age) => self.auts(k, distance, age),
            Doing::Give(place) => {
                // Its former owner has said that it gives it up; the new one starts after that.
                let place = usize::from(place) % PLACES;
                self.owner[place] = k;
                self.nodes[k].flight = None;
                self.restart(k);
            }
        }
    }
}

fn doing() -> impl Strategy<Value = Doing> {
    prop_oneof![
        5 => Just(Doing::Read),
        6 => Just(Doing::Compare),
        8 => (0..8_u8, 0..8_u8).prop_map(|(times, place)| Doing::Issue(times, place)),
        3 => (0..200_u8, 0..8_u8).prop_map(|(times, place)| Doing::Issue(times, place)),
        5 => Just(Doing::Land),
        2 => any::<bool>().prop_map(|durable| Doing::Crash { durable }),
        4 => (0..50_u32).prop_map(Doing::Pass),
        1 => (0..3000_u32).prop_map(Doing::Pass),
        2 => (-1000..1000_i32).prop_map(Doing::Step),
        4 => Just(Doing::Mark),
        2 => Just(Doing::Drop),
        5 => (prop_oneof![-1200..-900_i32, -100..150_i32, -2000..1000_i32], age()).prop_map(|(distance, age)| Doing::Auts(distance, age)),
        1 => any::<u8>().prop_map(Doing::Give),
    ]
}

/// A node whose mark is far ahead has issued by it; another one follows the card back.
#[test]
fn what_another_node_may_have_given_is_spent_when_a_card_goes_back() {
    let policy = SqnPolicy {
        shared: true,
        delta: 900,
        ..SMALL
    };
    let mut shared = Shared::new(SqnScheme::TimeBased, 304, policy, [0; NODES]);
    let doings = [
        (0, Doing::Pass(265)),
        (2, Doing::Give(1)),
        (0, Doing::Mark),
        (0, Doing::Read),
        (0, Doing::Compare),
        (0, Doing::Pass(332)),
        (0, Doing::Issue(1, 0)),
        (2, Doing::Mark),
        (0, Doing::Land),
        (2, Doing::Auts(0, Age::Fresh)),
        (2, Doing::Issue(1, 0)),
        (2, Doing::Land),
        (2, Doing::Issue(1, 0)),
        (0, Doing::Auts(-902, Age::Fresh)),
        (0, Doing::Land),
    ];
    for (k, doing) in &doings {
        shared.happen(*k, doing);
    }
    let (_, highest) = *shared.issued.iter().max_by_key(|(_, seq)| *seq).expect("some");
    let spent = shared.disk.spent();
    assert!(shared.disk.epoch_start < highest, "the card is followed");
    assert!(spent.skip(highest) > highest, "{highest:?} is not spent: {spent:?}");
}

/// A node that starts again issues above its mark; when another one takes idle time out of the offset, the clock stands below that.
#[test]
fn what_another_node_has_moved_is_gone_on_from() {
    let policy = SqnPolicy {
        shared: true,
        delta: 900,
        ..SMALL
    };
    let mut shared = Shared::new(SqnScheme::TimeBased, 0, policy, [0; NODES]);
    let doings = [
        (0, Doing::Read),
        (0, Doing::Compare),
        (0, Doing::Issue(1, 2)),
        (0, Doing::Give(0)),
        (0, Doing::Auts(-902, Age::Fresh)),
        (0, Doing::Pass(302)),
        (1, Doing::Crash { durable: false }),
        (1, Doing::Auts(-902, Age::Fresh)),
        (1, Doing::Issue(1, 0)),
        (1, Doing::Land),
        (0, Doing::Auts(-902, Age::Fresh)),
        (0, Doing::Issue(1, 0)),
        (0, Doing::Land),
        (0, Doing::Issue(1, 0)),
    ];
    for (k, doing) in &doings {
        shared.happen(*k, doing);
    }
    assert!(shared.given >= 2);
}

/// One that is far ahead makes the record longer and longer; another one is still below what an earlier epoch has issued.
#[test]
fn what_is_spent_stays_so_for_a_node_that_is_behind() {
    let policy = SqnPolicy { shared: true, ..SMALL };
    let mut shared = Shared::new(SqnScheme::NonTimeBased, 5, policy, [0; NODES]);
    shared.disk.spent.add(Seq(200), Seq(260));
    let turn = |shared: &mut Shared, k: usize| {
        for doing in [
            Doing::Read,
            Doing::Compare,
            Doing::Issue(10, 0),
            Doing::Land,
            Doing::Issue(10, 0),
        ] {
            shared.happen(k, &doing);
        }
    };
    turn(&mut shared, 0);
    while shared.disk.reserved < Seq(500) {
        turn(&mut shared, 1);
    }
    while shared
        .issued
        .iter()
        .filter(|(place, _)| place % NODES == 0)
        .all(|(_, seq)| *seq < Seq(300))
    {
        turn(&mut shared, 0);
    }
    let again = shared.issued.iter().find(|(_, seq)| (200..=260).contains(&seq.0));
    assert_eq!(again, None, "of an earlier epoch");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    /// Reads that are late, commits that lose, crashes, clocks apart and stepping, cards that go back, IND values that change hands: no
    /// node gives a SEQ twice at one IND value, but of an older epoch after a fresh AUTS.
    #[test]
    fn nodes_of_one_record_never_give_a_number_twice(
        scheme in scheme(),
        start in prop_oneof![Just(0_u64), 0..3000_u64],
        reuse in prop_oneof![Just(Reuse::AfterFreshProof), Just(Reuse::Never)],
        skews in [0..200_u16, 0..200, 0..200],
        doings in proptest::collection::vec((0..NODES, doing()), 1..200),
    ) {
        let policy = SqnPolicy { shared: true, reuse, delta: 900, ..SMALL };
        let mut shared = Shared::new(scheme, start, policy, skews);
        for (k, doing) in &doings {
            shared.happen(*k, doing);
        }
        // And each of them goes on.
        for k in 0..NODES {
            shared.happen(k, &Doing::Give(u8::try_from(k).expect("few")));
            shared.happen(k, &Doing::Mark);
            let before = shared.given;
            for _ in 0..4 {
                shared.read(k);
                shared.compare(k);
                shared.issue(k, 0);
                shared.land(k, true);
            }
            prop_assert!(shared.given > before, "node {} gives no more", k);
        }
    }
}
