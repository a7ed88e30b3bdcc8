//! How much a requester may ask for: token buckets before a sequence number is spent.
//!
//! A card accepts numbers up to Δ ahead of what it has seen, and each vector takes one: whoever may ask without end spends
//! a card for good. On the other hand, a bound is a door of its own: whoever exhausts it locks others out. So every request
//! passes narrow buckets before wide ones, and what a narrow one refuses takes nothing of the wide ones.
//!
//! | Bucket | Default |
//! |---|---|
//! | of the requester | 2500/s burst 5000 |
//! | of the serving network | 10000/s burst 20000 |
//! | of the node | 20000/s burst 40000 |
//! | of one SUCI, which a UE that is honest uses for a minute at most (T3519) | 6/min burst 16 |
//! | of one subscriber and requester | 1/s burst 64 |
//! | of one subscriber | 8/s burst 512: Δ = 2^28 lasts a year |
//!
//! Those of SUCI and subscriber let a right and fresh AUTS pass: the card itself asks for help. Each RAND counts once, and
//! only if it is younger than the last one that counted; what passed so is paid for later.
//!
//! Memory is fixed: a bucket is a moment, and one that is full is forgotten. See `table.rs`.

mod table;

use core::hash::{BuildHasher, Hash};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use kaskade_crypto::Rand;
use kaskade_faults::fault;
use kaskade_keys::{SchemeOutput, Suci, Supi};

use super::Rate;
use crate::Moment;
use table::{Crowded, Moments};

/// The rates of all buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetOptions {
    /// What one requester may ask for.
    pub requester: Rate,
    /// What is asked for in the name of one serving network.
    pub serving_network: Rate,
    /// What all may ask for.
    pub node: Rate,
    /// How often one SUCI may be used.
    pub suci: Rate,
    /// Vectors of one subscriber for one requester.
    pub card_of_requester: Rate,
    /// Vectors of one subscriber for all requesters.
    pub card: Rate,
}

impl BudgetOptions {
    /// No bounds: for measurements, and for a node that nobody else reaches.
    pub const UNLIMITED: Self = Self {
        requester: Rate::UNLIMITED,
        serving_network: Rate::UNLIMITED,
        node: Rate::UNLIMITED,
        suci: Rate::UNLIMITED,
        card_of_requester: Rate::UNLIMITED,
        card: Rate::UNLIMITED,
    };
}

/// Buckets of requesters, and of serving networks.
const FEW: usize = 1 << 14;
/// Buckets of SUCIs.
const SUCIS: usize = 1 << 19;
/// Buckets of subscribers, of subscribers with requesters, and of resynchronisations.
const CARDS: usize = 1 << 18;

/// What all buckets of one role take at most, in octets.
pub const BUCKETS_OCTETS: usize = (2 * FEW + SUCIS + 3 * CARDS) * table::PLACE_OCTETS;

impl Default for BudgetOptions {
    fn default() -> Self {
        Self {
            requester: Rate::seconds(2500, 5000),
            serving_network: Rate::seconds(10_000, 20_000),
            node: Rate::seconds(20_000, 40_000),
            suci: Rate::minutes(6, 16),
            card_of_requester: Rate::seconds(1, 64),
            card: Rate::seconds(8, 512),
        }
    }
}

/// Which bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// The requester's.
    Requester,
    /// The serving network's.
    ServingNetwork,
    /// The node's.
    Node,
    /// The SUCI's.
    Suci,
    /// The subscriber's, for this requester.
    CardOfRequester,
    /// The subscriber's, for all.
    Card,
}

impl Bucket {
    /// Its name, which is that of its rate in [`BudgetOptions`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::ServingNetwork => "serving_network",
            Self::Node => "node",
            Self::Suci => "suci",
            Self::CardOfRequester => "card_of_requester",
            Self::Card => "card",
        }
    }
}

/// A bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the budget {} is used up", .bucket.name())]
pub struct OverBudget {
    /// Which.
    pub bucket: Bucket,
    /// When to try again.
    pub retry_after: Duration,
}

impl OverBudget {
    fn new(bucket: Bucket, nanoseconds: u64) -> Self {
        Self {
            bucket,
            retry_after: Duration::from_nanos(nanoseconds),
        }
    }
}

/// How much is asked for, and by whom.
///
/// `S` hashes who asks, and for what, under a key that nobody outside knows.
pub struct Budgets<S> {
    options: BudgetOptions,
    hasher: S,
    node: AtomicU64,
    requesters: Moments,
    serving_networks: Moments,
    sucis: Moments,
    cards_of_requesters: Moments,
    cards: Moments,
    /// Until when an AUTS of the last RAND that counted would be fresh.
    auts: Moments,
}

/// How old the RAND of a right AUTS is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutsAge(pub Duration);

/// The age up to which a right AUTS passes.
pub const FRESH: Duration = Duration::from_secs(20 * 60);
/// How much younger than the last one it must be: ages of one RAND differ by what two clocks disagree.
const YOUNGER: Duration = Duration::from_secs(4);

impl<S: BuildHasher> Budgets<S> {
    /// Full buckets.
    pub fn new(options: BudgetOptions, hasher: S) -> Self {
        Self {
            options,
            hasher,
            node: AtomicU64::new(0),
            requesters: Moments::with_room_for(FEW),
            serving_networks: Moments::with_room_for(FEW),
            sucis: Moments::with_room_for(SUCIS),
            cards_of_requesters: Moments::with_room_for(CARDS),
            cards: Moments::with_room_for(CARDS),
            auts: Moments::with_room_for(CARDS),
        }
    }

    /// Nanoseconds on the clock of the buckets, which does not begin at 0: that is a bucket of long ago.
    fn at(now: Moment) -> u64 {
        now.as_nanos().saturating_add(nanoseconds(FRESH))
    }

    /// Before anything else is done: what requester, serving network and node have left.
    ///
    /// # Errors
    /// [`OverBudget`].
    pub fn admit(
        &self,
        requester: impl Hash + Copy,
        network: &(impl Hash + ?Sized),
        now: Moment,
    ) -> Result<(), OverBudget> {
        let now = Self::at(now);
        let Self { options, hasher, .. } = self;
        if options.requester != Rate::UNLIMITED {
            let key = hasher.hash_one(requester);
            take(&self.requesters, key, options.requester, Bucket::Requester, now)?;
        }
        if options.serving_network != Rate::UNLIMITED {
            let key = hasher.hash_one(network);
            take(
                &self.serving_networks,
                key,
                options.serving_network,
                Bucket::ServingNetwork,
                now,
            )?;
        }
        self.admit_node(now)
    }

    /// Before a report is kept: as many as the requester may ask for vectors, in a bucket of their own, so that neither takes
    /// anything of the other.
    ///
    /// # Errors
    /// [`OverBudget`].
    pub fn admit_report(&self, requester: impl Hash + Copy, now: Moment) -> Result<(), OverBudget> {
        if self.options.requester == Rate::UNLIMITED {
            return Ok(());
        }
        let key = self.hasher.hash_one(("report", requester));
        take(
            &self.requesters,
            key,
            self.options.requester,
            Bucket::Requester,
            Self::at(now),
        )
    }

    fn admit_node(&self, now: u64) -> Result<(), OverBudget> {
        if self.options.node == Rate::UNLIMITED {
            return Ok(());
        }
        let mut over = None;
        let _ = self
            .node
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |mut full_at| {
                over = self.options.node.take(&mut full_at, now).err();
                over.is_none().then_some(full_at)
            });
        over.map_or(Ok(()), |wait| Err(OverBudget::new(Bucket::Node, wait)))
    }

    /// Before a vector is made: what the subscriber has left, after a right AUTS of this age if there was one.
    ///
    /// # Errors
    /// [`OverBudget`].
    pub fn admit_card(
        &self,
        requester: impl Hash + Copy,
        supi: &Supi,
        suci: Option<&Suci>,
        auts: Option<AutsAge>,
        now: Moment,
    ) -> Result<(), OverBudget> {
        if fault!("bucket-not-consulted") {
            return Ok(());
        }
        let now = Self::at(now);
        let Self { options, hasher, .. } = self;
        if let Some(age) = auts
            && self.counts(hasher.hash_one(("auts", supi)), age, now)
        {
            let key = hasher.hash_one(supi);
            let credit = |full_at: &mut u64| options.card.take_on_credit(full_at, now);
            self.cards.change(key, now, Crowded::Replace, credit);
            return Ok(());
        }
        if let Some(suci) = suci {
            self.take_suci(suci, now)?;
        }
        if options.card_of_requester != Rate::UNLIMITED {
            let key = hasher.hash_one((supi, requester));
            let (rate, bucket) = (options.card_of_requester, Bucket::CardOfRequester);
            take(&self.cards_of_requesters, key, rate, bucket, now)?;
        }
        if options.card != Rate::UNLIMITED {
            take(&self.cards, hasher.hash_one(supi), options.card, Bucket::Card, now)?;
        }
        Ok(())
    }

    /// What a SUCI has left, where nobody knows yet whose it is.
    ///
    /// # Errors
    /// [`OverBudget`].
    pub fn admit_suci(&self, suci: &Suci, now: Moment) -> Result<(), OverBudget> {
        self.take_suci(suci, Self::at(now))
    }

    /// What the null scheme has left, of which the SUPI is known and the SUCI the same each time: as much as one SUCI for one
    /// requester, so that whoever repeats it leaves others the most of what the UDM gives this AUSF, and what a SUPI has.
    ///
    /// # Errors
    /// [`OverBudget`].
    pub fn admit_null_suci(&self, requester: impl Hash + Copy, supi: &Supi, now: Moment) -> Result<(), OverBudget> {
        if self.options.suci != Rate::UNLIMITED {
            let key = self.hasher.hash_one(("null", supi, requester));
            take(&self.sucis, key, self.options.suci, Bucket::Suci, Self::at(now))?;
        }
        self.admit_card(requester, supi, None, None, now)
    }

    /// What the AUTS of one RAND has left, where nobody knows yet whether it is right: as much as one SUCI.
    ///
    /// # Errors
    /// [`OverBudget`].
    pub fn admit_auts(&self, rand: &Rand, now: Moment) -> Result<(), OverBudget> {
        if self.options.suci == Rate::UNLIMITED {
            return Ok(());
        }
        let key = self.hasher.hash_one(("rand", rand.octets()));
        take(&self.sucis, key, self.options.suci, Bucket::Suci, Self::at(now))
    }

    fn take_suci(&self, suci: &Suci, now: u64) -> Result<(), OverBudget> {
        match concealed(suci) {
            Some(output) if self.options.suci != Rate::UNLIMITED => {
                let key = self.hasher.hash_one(output);
                take(&self.sucis, key, self.options.suci, Bucket::Suci, now)
            }
            _ => Ok(()),
        }
    }

    /// Whether a right AUTS passes: fresh, and of a RAND that is younger than the last one that passed. Where that cannot be
    /// remembered it does not.
    fn counts(&self, key: u64, AutsAge(age): AutsAge, now: u64) -> bool {
        let Some(left) = FRESH.checked_sub(age).filter(|left| !left.is_zero()) else {
            return false;
        };
        let fresh_until = now.saturating_add(nanoseconds(left));
        let counted = self.auts.change(key, now, Crowded::Refuse, |last| {
            let younger =
                fault!("auts-counts-twice") || *last == 0 || fresh_until > (*last).saturating_add(nanoseconds(YOUNGER));
            if younger {
                *last = fresh_until;
            }
            younger
        });
        counted.unwrap_or(false)
    }
}

/// What hides the SUPI: of the null scheme nothing does, and a UE sends the same each time.
fn concealed(suci: &Suci) -> Option<&[u8]> {
    match &suci.output {
        SchemeOutput::ProfileA(output) | SchemeOutput::ProfileB(output) => Some(output),
        SchemeOutput::Null(_) | SchemeOutput::Other(..) => None,
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}

fn take(moments: &Moments, key: u64, rate: Rate, bucket: Bucket, now: u64) -> Result<(), OverBudget> {
    let taken = moments.change(key, now, Crowded::Replace, |full_at| rate.take(full_at, now));
    taken.unwrap_or(Ok(())).map_err(|wait| OverBudget::new(bucket, wait))
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;
    use std::string::{String, ToString as _};
    use std::{format, vec::Vec};

    use kaskade_keys::ServingNetworkName;

    use super::*;

    fn supi(user: u64) -> Supi {
        format!("imsi-00101{user:010}").parse().unwrap()
    }

    fn network() -> ServingNetworkName {
        "5G:mnc001.mcc001.3gppnetwork.org".parse().unwrap()
    }

    fn suci(end: u8) -> Suci {
        let text = format!("suci-0-001-01-0-1-1-{}{end:02x}", "5a".repeat(44));
        text.parse().unwrap()
    }

    struct World {
        budgets: Budgets<RandomState>,
        begin: Moment,
    }

    impl World {
        fn new() -> Self {
            Self {
                budgets: Budgets::new(BudgetOptions::default(), RandomState::new()),
                begin: Moment::from_nanos(1),
            }
        }

        fn at(&self, ms: u64) -> Moment {
            self.begin.after(Duration::from_millis(ms)).unwrap()
        }

        fn ask(&self, who: &str, ms: u64) -> Result<(), Bucket> {
            self.ask_with(who, None, ms)
        }

        fn ask_with(&self, who: &str, suci: Option<&Suci>, ms: u64) -> Result<(), Bucket> {
            let asked = self.budgets.admit_card(who, &supi(1), suci, None, self.at(ms));
            asked.map_err(|over| over.bucket)
        }

        fn auts(&self, who: &str, age: u64, ms: u64) -> Result<(), Bucket> {
            let age = Some(AutsAge(Duration::from_secs(age)));
            let asked = self.budgets.admit_card(who, &supi(1), None, age, self.at(ms));
            asked.map_err(|over| over.bucket)
        }
    }

    #[test]
    fn delta_lasts_a_year_whoever_asks() {
        let world = World::new();
        let names: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        let mut given = 0_u64;
        let seconds = 600;
        for ms in (0..seconds * 1000).step_by(20) {
            for name in &names {
                given += u64::from(world.ask(name, ms).is_ok());
            }
        }
        assert!(given <= 512 + 8 * seconds, "{given}");
        assert!(given >= 511 + 8 * (seconds - 1), "{given}");
        let year = 365 * 24 * 3600;
        assert!(512 + 8 * year < 1 << 28, "Δ of most cards");
    }

    #[test]
    fn one_that_asks_without_end_locks_nobody_else_out() {
        let world = World::new();
        for ms in 0..600_000 {
            let refused = world.ask("bad", ms);
            assert!(matches!(refused, Ok(()) | Err(Bucket::CardOfRequester)));
            if ms % 1000 == 0 {
                assert_eq!(world.ask("good", ms), Ok(()), "{ms}");
            }
        }
        let other = world.budgets.admit_card("bad", &supi(2), None, None, world.at(600_000));
        assert_eq!(other, Ok(()), "another subscriber's");
    }

    #[test]
    fn a_replayed_suci_takes_little_of_its_subscribers_bucket() {
        let world = World::new();
        let (replayed, mut given) = (suci(0), 0);
        for ms in 0..60_000 {
            given += u32::from(world.ask_with("amf", Some(&replayed), ms).is_ok());
            if ms % 2000 == 0 {
                let fresh = suci(u8::try_from(1 + ms / 2000).unwrap());
                assert_eq!(world.ask_with("amf", Some(&fresh), ms), Ok(()), "{ms}");
            }
        }
        assert!((20..=22).contains(&given), "{given}");
        assert_eq!(world.ask_with("amf", Some(&replayed), 59_999), Err(Bucket::Suci));
    }

    #[test]
    fn a_fresh_auts_passes_and_a_replayed_one_does_not() {
        let world = World::new();
        while world.ask("amf", 0).is_ok() {}
        assert_eq!(world.auts("amf", 1, 0), Ok(()));
        for ms in 0..1000 {
            assert_eq!(world.auts("amf", 1, 0), Err(Bucket::CardOfRequester), "replayed");
            let older = world.auts("amf", 1 + ms / 1000 + 10, ms);
            assert!(older != Ok(()) || ms > 999, "of an older challenge");
        }
        // The same RAND later on is as old as it is.
        assert_eq!(
            world.auts("other", 601, 600_000),
            Ok(()),
            "through a bucket that has some left"
        );
        let used = world.at(600_000);
        let key = world.budgets.hasher.hash_one(("auts", supi(1)));
        let at = Budgets::<RandomState>::at(used);
        assert!(!world.budgets.counts(key, AutsAge(Duration::from_secs(601)), at));
        assert!(
            world.budgets.counts(key, AutsAge(Duration::from_secs(590)), at),
            "a younger one"
        );
        assert!(!world.budgets.counts(key, AutsAge(FRESH), at), "none is fresh for ever");
    }

    #[test]
    fn many_fresh_auts_are_paid_for() {
        let world = World::new();
        // A card that answers every challenge so, for an hour: each 4 s one more than the bucket gives.
        let (mut passed, mut given) = (0_u64, 0);
        for second in 0..3600 {
            passed += u64::from(world.auts("amf", 0, second * 1000).is_ok());
            for who in 0..20 {
                for _ in 0..4 {
                    given += u64::from(world.ask(&who.to_string(), second * 1000).is_ok());
                }
            }
        }
        assert!(passed + given <= 2 * 512 + 8 * 3600, "{passed} and {given}");
    }

    #[test]
    fn requester_network_and_node_have_bounds() {
        let rate = |text: &str| text.parse().unwrap();
        let options = BudgetOptions {
            requester: rate("1/s burst 2"),
            serving_network: rate("1/s burst 4"),
            node: rate("1/s burst 5"),
            ..BudgetOptions::UNLIMITED
        };
        let budgets = Budgets::new(options, RandomState::new());
        let other: ServingNetworkName = "5G:mnc002.mcc001.3gppnetwork.org".parse().unwrap();
        let ask = |who: &str, network: &ServingNetworkName| {
            let asked = budgets.admit(who, network, Moment::from_nanos(0));
            asked.map_err(|over| (over.bucket, over.retry_after.as_secs()))
        };
        for who in ["a", "a", "b", "b"] {
            assert_eq!(ask(who, &network()), Ok(()));
        }
        assert_eq!(ask("a", &other), Err((Bucket::Requester, 1)));
        assert_eq!(ask("c", &network()), Err((Bucket::ServingNetwork, 1)));
        assert_eq!(ask("c", &other), Ok(()));
        assert_eq!(ask("d", &other), Err((Bucket::Node, 1)));
    }
}
