//! Whatever the order, loss and duplication of challenges and AUTS: an honest USIM and its AuC come back into step within
//! one resynchronisation, and no SQN is issued twice.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use crate::parties::subscription;
use kaskade_aka::auc::{self, AucError, Credentials};
use kaskade_aka::sqn::{
    ClockView, Glc, Next, NodeIndex, Proof, Resynchronisation, Seq, SqnError, SqnIssuer, SqnLayout, SqnPolicy,
    SqnRecord, SqnScheme,
};
use kaskade_aka::usim::{Usim, UsimError, UsimOptions};
use kaskade_crypto::{Autn, Auts, Rand, Sqn};
use proptest::prelude::*;

const LAYOUT: SqnLayout = SqnLayout::ANNEX_C3;
const MAX: u64 = (1 << 43) - 1;
const DELTA: u64 = UsimOptions::DELTA;
/// How far the durable mark of the clock is ahead of it.
const LEAD: u64 = 60;

/// The AuC with its durable state.
struct Home {
    credentials: Credentials,
    policy: SqnPolicy,
    issuer: SqnIssuer,
    durable: SqnRecord,
    clock: ClockView,
    issued: BTreeSet<Sqn>,
    /// Makes every RAND another.
    rands: u64,
    /// What the AuC knows of a success: no RAND up to this one is fresh.
    succeeded: u64,
}

/// A challenge on its way.
#[derive(Clone, Copy)]
struct Challenge {
    rand: Rand,
    autn: Autn,
}

impl Home {
    /// A home network whose card may have accepted up to `highest`.
    fn new(scheme: SqnScheme, highest: u64, now: u64) -> Self {
        let policy = SqnPolicy::default();
        let clock = ClockView::of_one(Glc(now), Glc(now + LEAD));
        let durable = SqnRecord::after(scheme, LAYOUT, Seq(highest)).anchored(clock.now, &policy);
        Self {
            credentials: subscription(),
            policy,
            issuer: SqnIssuer::load(durable.clone()),
            durable,
            clock,
            issued: BTreeSet::new(),
            rands: 0,
            succeeded: 0,
        }
    }

    fn reserve(&mut self) -> Result<(), SqnError> {
        let record = self.issuer.reservation(self.clock, &self.policy)?;
        self.durable = record.clone();
        self.issuer.reserved(record);
        Ok(())
    }

    /// One more challenge for a requesting node. An SQN that was issued before fails the test.
    fn challenge(&mut self, node: u8) -> Result<Challenge, SqnError> {
        let ind = NodeIndex::ONLY
            .ind(LAYOUT, &format!("serving network {node}"))
            .expect("32 of them");
        let seq = loop {
            match self.issuer.next(self.clock, &self.policy)? {
                Next::Issued { seq, prefetch } => {
                    if prefetch {
                        self.reserve()?;
                    }
                    break seq;
                }
                Next::NeedsReservation => self.reserve()?,
            }
        };
        let sqn = LAYOUT.join(seq, ind).expect("within the layout");
        assert!(self.issued.insert(sqn), "{sqn:?} is issued twice");
        self.rands += 1;
        let rand = Rand::from_octets(u128::from(self.rands).to_be_bytes());
        let autn = auc::quintet(&self.credentials, &rand, sqn).autn;
        Ok(Challenge { rand, autn })
    }

    /// An AUTS arrives.
    fn resynchronise(&mut self, rand: &Rand, auts: &Auts) -> Result<(), SqnError> {
        let sqn_ms = auc::verify_auts(&self.credentials, rand, auts).expect("an AUTS of this card");
        let (seq_ms, _) = LAYOUT.split(sqn_ms);
        let made = u64::try_from(u128::from_be_bytes(*rand.octets())).expect("one of ours");
        let proof = match made > self.succeeded {
            // One a second, as the bucket allows for good.
            true => Proof::Fresh { made, now: made << 16 },
            false => Proof::Stale { made: Some(made) },
        };
        match self.issuer.resynchronise(seq_ms, proof, self.clock, &self.policy)? {
            Resynchronisation::InStep | Resynchronisation::Stale => {}
            Resynchronisation::BelowShown => panic!("numbers may be used again"),
            Resynchronisation::Limited => panic!("once in so many challenges"),
            Resynchronisation::Reused(_) => panic!("an honest card has no need of it"),
            Resynchronisation::Raised(moved) | Resynchronisation::NewEpoch(moved) => {
                self.durable = moved.record().clone();
                self.issuer = moved.into_issuer();
            }
        }
        Ok(())
    }

    fn wait(&mut self, ticks: u64) {
        self.clock.now.0 += ticks;
        self.clock.mark.0 = self.clock.mark.0.max(self.clock.now.0 + LEAD);
    }

    /// The process is killed: only what is durable is left.
    fn crash(&mut self) {
        self.issuer = SqnIssuer::load(self.durable.clone());
        let now = self.clock.mark.0 + 1;
        self.clock = ClockView::of_one(Glc(now), Glc(now + LEAD));
    }
}

/// What happens between home network and card. An index counts in what is on its way, and wraps.
#[derive(Clone, Debug)]
enum Event {
    /// A serving network asks for a challenge.
    Ask { node: u8 },
    /// A challenge reaches the card; it may reach it again later.
    Deliver { challenge: usize },
    /// A challenge with one bit changed reaches the card.
    Distort { challenge: usize, bit: usize },
    /// A challenge is lost.
    Lose { challenge: usize },
    /// An AUTS reaches the home network; it may reach it again later.
    Report { auts: usize },
    /// An AUTS with one bit changed reaches the home network.
    Forge { auts: usize, bit: usize },
    /// Nothing, for so long.
    Wait { ticks: u64 },
    /// The home network is killed and starts again.
    Crash,
}

fn event() -> impl Strategy<Value = Event> {
    let any_index = || 0_usize..1 << 16;
    let wait = prop_oneof![0_u64..4, 0_u64..100_000, 0_u64..1 << 26];
    prop_oneof![
        6 => (0_u8..6).prop_map(|node| Event::Ask { node }),
        6 => any_index().prop_map(|challenge| Event::Deliver { challenge }),
        1 => (any_index(), 0_usize..128).prop_map(|(challenge, bit)| Event::Distort { challenge, bit }),
        1 => any_index().prop_map(|challenge| Event::Lose { challenge }),
        3 => any_index().prop_map(|auts| Event::Report { auts }),
        1 => (any_index(), 0_usize..112).prop_map(|(auts, bit)| Event::Forge { auts, bit }),
        2 => wait.prop_map(|ticks| Event::Wait { ticks }),
        1 => Just(Event::Crash),
    ]
}

fn flipped<const N: usize>(mut octets: [u8; N], bit: usize) -> [u8; N] {
    octets[bit / 8] ^= 0x80 >> (bit % 8);
    octets
}

/// Home network, card, and what is on its way between them.
struct World {
    home: Home,
    card: Usim,
    challenges: Vec<Challenge>,
    reports: Vec<(Rand, Auts)>,
}

impl World {
    fn new(home: Home, seq_ms: &[Seq], l_limit: Option<u64>) -> Self {
        let options = UsimOptions {
            l_limit,
            ..UsimOptions::default()
        };
        let card = Usim::restore(&home.credentials.keys, options, seq_ms).expect("it fits");
        Self {
            home,
            card,
            challenges: Vec::new(),
            reports: Vec::new(),
        }
    }

    fn happen(&mut self, event: &Event) -> Result<(), SqnError> {
        match *event {
            Event::Ask { node } => self.challenges.push(self.home.challenge(node)?),
            Event::Wait { ticks } => self.home.wait(ticks),
            Event::Crash => self.home.crash(),
            Event::Deliver { challenge } => {
                if let Some(challenge) = wrapping(&self.challenges, challenge).copied() {
                    let before = self.card.seq_ms().to_vec();
                    match self.card.authenticate(&challenge.rand, &challenge.autn) {
                        Ok(answer) => {
                            let (seq, ind) = LAYOUT.split(answer.sqn);
                            let entry = usize::from(ind.0);
                            assert!(before[entry] < seq && self.card.seq_ms()[entry] == seq);
                            // What this card sent before is a replay from now on.
                            self.home.succeeded = self.home.rands;
                        }
                        Err(UsimError::SynchronisationFailure(auts)) => {
                            assert_eq!(self.card.seq_ms(), before);
                            self.reports.push((challenge.rand, auts));
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            Event::Distort { challenge, bit } => {
                if let Some(Challenge { rand, autn }) = wrapping(&self.challenges, challenge) {
                    let before = self.card.seq_ms().to_vec();
                    let autn = Autn::from_octets(flipped(*autn.octets(), bit));
                    let answer = self.card.authenticate(rand, &autn).map(|answer| answer.sqn);
                    assert_eq!(answer, Err(UsimError::MacFailure));
                    assert_eq!(self.card.seq_ms(), before);
                }
            }
            Event::Lose { challenge } => {
                if !self.challenges.is_empty() {
                    self.challenges.remove(challenge % self.challenges.len());
                }
            }
            Event::Report { auts } => {
                if let Some((rand, auts)) = wrapping(&self.reports, auts).copied() {
                    self.home.resynchronise(&rand, &auts)?;
                }
            }
            Event::Forge { auts, bit } => {
                if let Some((rand, auts)) = wrapping(&self.reports, auts) {
                    let auts = Auts::from_octets(flipped(*auts.octets(), bit));
                    // With no SQN_MS there is nothing that could be given to the issuer.
                    assert_eq!(
                        auc::verify_auts(&self.home.credentials, rand, &auts),
                        Err(AucError::WrongMacS)
                    );
                }
            }
        }
        Ok(())
    }

    /// The next challenge is accepted, at the latest after one resynchronisation. Says whether one was needed.
    fn come_into_step(&mut self, node: u8) -> Result<bool, SqnError> {
        let challenge = self.home.challenge(node)?;
        let auts = match self.card.authenticate(&challenge.rand, &challenge.autn) {
            Ok(_) => return Ok(false),
            Err(UsimError::SynchronisationFailure(auts)) => auts,
            Err(error) => panic!("{error}"),
        };
        self.home.resynchronise(&challenge.rand, &auts)?;
        let challenge = self.home.challenge(node)?;
        match self.card.authenticate(&challenge.rand, &challenge.autn) {
            Ok(_) => Ok(true),
            Err(error) => panic!("after one resynchronisation: {error}"),
        }
    }
}

fn wrapping<T>(items: &[T], index: usize) -> Option<&T> {
    items.get(index.checked_rem(items.len())?)
}

fn scheme() -> impl Strategy<Value = SqnScheme> {
    prop::sample::select(SqnScheme::ALL.to_vec())
}

/// SEQ around zero, around Δ, and anywhere in the lower half.
fn seq() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0_u64..200, DELTA - 5..DELTA + 5, 0_u64..1 << 42]
}

/// The array of a card: what it accepted lies within `spread` below the highest.
fn array(highest: u64) -> impl Strategy<Value = Vec<Seq>> {
    let entry = prop_oneof![Just(0), 0_u64..50, Just(u64::MAX)];
    prop::collection::vec(entry, LAYOUT.array_size()).prop_map(move |below| {
        below
            .into_iter()
            .map(|below| Seq(highest.saturating_sub(below)))
            .collect()
    })
}

/// The card, and by how much the home network is ahead of it or behind.
fn start() -> impl Strategy<Value = (Vec<Seq>, u64)> {
    let same = prop_oneof![Just(0_i64), -100_i64..100];
    let delta = i64::try_from(DELTA).expect("small");
    let apart = prop_oneof![same, delta - 5..delta + 5, -5 - delta..5 - delta];
    let near = (seq(), apart).prop_map(|(card, apart)| (card, card.saturating_add_signed(apart)));
    prop_oneof![3 => near, 1 => (seq(), seq())].prop_flat_map(|(card, home)| (array(card), Just(home)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn card_and_home_network_come_into_step(
        scheme in scheme(),
        (seq_ms, highest) in start(),
        now in prop_oneof![0_u64..100, 0_u64..1 << 33],
        l_limit in prop_oneof![Just(None), (1_u64..40).prop_map(Some)],
        events in prop::collection::vec((event(), 0_u8..10, 0_u8..6), 0..80),
    ) {
        let mut world = World::new(Home::new(scheme, highest, now), &seq_ms, l_limit);
        for (event, check, node) in &events {
            prop_assert_eq!(world.happen(event), Ok(()));
            if *check == 0 {
                prop_assert!(world.come_into_step(*node).is_ok());
            }
        }
        // One resynchronisation is enough for all requesting nodes together.
        let mut needed = 0;
        for node in 0..6 {
            needed += u32::from(world.come_into_step(node).expect("far from the end of SEQ"));
        }
        prop_assert!(needed <= 1, "{} resynchronisations", needed);
    }

    #[test]
    fn near_the_end_of_seq_nothing_is_issued_twice(
        scheme in scheme(),
        seq_ms in (0_u64..60).prop_flat_map(|left| array(MAX - left)),
        behind in prop_oneof![0_u64..100, DELTA - 5..DELTA + 5, 0_u64..1 << 42],
        now in 0_u64..1 << 33,
        events in prop::collection::vec(event(), 0..80),
    ) {
        let mut world = World::new(Home::new(scheme, MAX - behind, now), &seq_ms, None);
        let named = |outcome| matches!(outcome, Ok(()) | Err(SqnError::Exhausted | SqnError::WindowSpent));
        for event in &events {
            prop_assert!(named(world.happen(event)));
        }
        for node in 0..6 {
            prop_assert!(named(world.come_into_step(node).map(|_| ())));
        }
    }
}

#[test]
fn a_card_at_the_last_seq_gets_a_named_error_and_nothing_changes() {
    for scheme in SqnScheme::ALL {
        let mut world = World::new(Home::new(scheme, MAX / 2, 77), &[Seq(MAX); 32], None);
        let challenge = world.home.challenge(0).expect("half of SEQ is left");
        let answer = world
            .card
            .authenticate(&challenge.rand, &challenge.autn)
            .map(|_| "accepted");
        let Err(UsimError::SynchronisationFailure(auts)) = answer else {
            panic!("{answer:?}");
        };
        let before = (world.home.issuer.clone(), world.home.durable.clone());
        assert_eq!(
            world.home.resynchronise(&challenge.rand, &auts),
            Err(SqnError::Exhausted),
            "{scheme}"
        );
        assert_eq!((world.home.issuer, world.home.durable), before);
    }
}
