//! Several nodes over one store: at which IND values each of them issues, and how far the clocks of all may have gone.
//!
//! ```text
//! table `node`   node 1 → mark 8 ‖ generation 4 ‖ code 16        how far its clock may go, and by which shares it goes
//!                node 1 ‖ 0x01 → nothing: written whenever the node ends a life
//!                0xff   → generation 4 ‖ node 1 × 32 ‖ code 16   the shares: which node owns which place of IND values
//! ```
//!
//! A node that is new takes places from the one that has most, and starts when every node that lives has said that it goes by the new
//! shares: what was issued at those places before lies below the marks and reservations that it then finds. Whoever moves a
//! subscriber to another epoch, or ends a life, does so in a commit that finds these rows as they were when it decided.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kaskade_aka::sqn::{Glc, IndPlaces};
use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;

use crate::engine::{
    Batch, Change, Conflict, Engine, Expect, Group, NodeLease, Row, Serial, Table, UnitOutcome, Value, Wanted,
};
use crate::error::{EngineError, StoreError, read_error};
use crate::meta;

/// What nodes say of themselves.
pub(crate) const NODE: Table = Table::new(17, "node");

const SHARES: u8 = 0xff;
const LIVES: u8 = 1;
const SHARES_NAME: &str = "table of the nodes' shares";
const PLACES: usize = IndPlaces::COUNT as usize;
/// How long a new node waits until the others go by the new shares: they look every second.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often a node looks whether the shares have changed.
pub(crate) const LOOK_AT_SHARES: Duration = Duration::from_secs(1);

/// The places of this node's IND values.
pub(crate) struct Places(AtomicU32);

impl Places {
    pub(crate) const fn new(places: IndPlaces) -> Self {
        Self(AtomicU32::new(places.0))
    }

    #[inline]
    pub(crate) fn get(&self) -> IndPlaces {
        IndPlaces(self.0.load(Ordering::Acquire))
    }

    /// Gives up those that are not among these: none comes back.
    pub(crate) fn keep(&self, places: IndPlaces) {
        if !fault!("places-not-given-up") {
            self.0.fetch_and(places.0, Ordering::AcqRel);
        }
    }
}

/// Which node owns which place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shares {
    pub(crate) generation: u32,
    owners: [u8; PLACES],
}

impl Shares {
    /// All for one.
    const fn of_one(node: u8) -> Self {
        Self {
            generation: 1,
            owners: [node; PLACES],
        }
    }

    pub(crate) fn of(&self, node: u8) -> IndPlaces {
        let own = self.owners.iter().enumerate().filter(|(_, owner)| **owner == node);
        IndPlaces(own.fold(0, |places, (place, _)| places | 1 << place))
    }

    /// The same with a new node: its places are taken from those who have most, and of each the second first, so that cards with few
    /// IND values have some for every node.
    fn with(&self, node: u8) -> Option<Self> {
        let mut shares = self.clone();
        shares.generation = self.generation.checked_add(1)?;
        let nodes = 1 + self.nodes().len();
        for _ in 0..PLACES / nodes {
            let richest = shares.nodes().into_iter().filter(|(owner, _)| *owner != node);
            let (_, places) = richest.max_by_key(|(owner, places)| (places.len(), u8::MAX - owner))?;
            let place = places.get(1)?;
            *shares.owners.get_mut(*place)? = node;
        }
        (shares.of(node) != IndPlaces(0)).then_some(shares)
    }

    /// Each node that owns places, and which.
    pub(crate) fn nodes(&self) -> BTreeMap<u8, Vec<usize>> {
        let mut nodes: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
        for (place, owner) in self.owners.iter().enumerate() {
            nodes.entry(*owner).or_default().push(place);
        }
        nodes
    }

    fn encode(&self, keys: &StoreKeys) -> Vec<u8> {
        let value = [&self.generation.to_be_bytes()[..], &self.owners].concat();
        meta::with_code(keys, &name(SHARES), value)
    }

    fn decode(keys: &StoreKeys, octets: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let (generation, owners) = meta::verified(keys, &name(SHARES), octets)?.split_first_chunk()?;
            Some(Self {
                generation: u32::from_be_bytes(*generation),
                owners: owners.try_into().ok()?,
            })
        };
        read().ok_or(StoreError::ChangedMeta(SHARES_NAME))
    }
}

/// What a node says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Said {
    pub(crate) mark: u64,
    pub(crate) generation: u32,
}

impl Said {
    fn encode(self, keys: &StoreKeys, node: u8) -> Vec<u8> {
        let value = [&self.mark.to_be_bytes()[..], &self.generation.to_be_bytes()].concat();
        meta::with_code(keys, &name(node), value)
    }

    fn decode(keys: &StoreKeys, node: u8, octets: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let (mark, generation) = meta::verified(keys, &name(node), octets)?.split_first_chunk()?;
            Some(Self {
                mark: u64::from_be_bytes(*mark),
                generation: u32::from_be_bytes(generation.try_into().ok()?),
            })
        };
        read().ok_or(StoreError::ChangedMeta("row of a node"))
    }
}

/// What the code of a row is of besides its value.
fn name(key: u8) -> [u8; 5] {
    [b'n', b'o', b'd', b'e', key]
}

/// Puts what this node says of itself, beside the mark of its clock.
pub(crate) fn say(unit: &mut Batch, keys: &StoreKeys, node: u8, said: Said) {
    put(unit, node, Expect::Any, said.encode(keys, node));
}

/// Tells the other nodes that this one has ended a life: what they read of lives before is too old.
pub(crate) fn ended_a_life(unit: &mut Batch, node: u8) {
    unit.put(NODE, &[node, LIVES], b"");
}

fn put(unit: &mut Batch, key: u8, expect: Expect, octets: Vec<u8>) {
    unit.push(Change {
        table: NODE,
        key: Box::new([key]),
        expect,
        value: Some(Value {
            octets: octets.into(),
            ..Value::default()
        }),
    });
}

/// All of the nodes, of one moment.
pub(crate) struct Nodes {
    rows: Vec<Row>,
    shares: Option<Shares>,
    said: BTreeMap<u8, Said>,
}

impl Nodes {
    /// Reads them. Blocks.
    ///
    /// # Errors
    /// When reading fails, or a row is not as it was written.
    pub(crate) fn read(engine: &dyn Engine, keys: &StoreKeys) -> Result<Self, StoreError> {
        // By their keys: whoever walks through a table is not waited for.
        let all = (0..IndPlaces::COUNT).flat_map(|node| [vec![node], vec![node, LIVES]]);
        let all: Vec<_> = all.chain([vec![SHARES]]).collect();
        let wanted: Vec<_> = all.iter().map(|key| Wanted::Key(NODE, key)).collect();
        let rows = pollster::block_on(engine.read(&wanted)).map_err(read_error)?;
        let rows: Vec<Row> = rows.into_iter().flatten().collect();
        let (mut shares, mut said) = (None, BTreeMap::new());
        for row in &rows {
            match *row.key {
                [SHARES] => shares = Some(Shares::decode(keys, &row.octets)?),
                [node] => drop(said.insert(node, Said::decode(keys, node, &row.octets)?)),
                // That of a life says nothing but its version.
                _ => {}
            }
        }
        Ok(Self { rows, shares, said })
    }

    /// Above this no node issues by its clock, as long as these rows are as they are.
    pub(crate) fn highest_mark(&self) -> Glc {
        Glc(self.said.values().map(|said| said.mark).max().unwrap_or(0))
    }

    /// Lets a unit happen only if no other node has gone further or ended a life, and none is new.
    pub(crate) fn stay(&self, unit: &mut Batch, own: u8) {
        if fault!("marks-not-looked-at-in-the-commit") {
            return;
        }
        for row in self.rows.iter().filter(|row| row.key.first() != Some(&own)) {
            unit.look(NODE, &row.key, row.version);
        }
    }

    /// The unit by which a node becomes one of them, if it is not yet, and the shares that it goes by from then on. `mark` is the
    /// highest of lives whose program said nothing here.
    fn joining(&self, keys: &StoreKeys, node: u8, mark: Glc) -> Result<(Batch, Shares, Said), StoreError> {
        let (shares, is_new) = match self.shares.clone() {
            None if !self.said.is_empty() => return Err(StoreError::ChangedMeta(SHARES_NAME)),
            None => (Shares::of_one(node), true),
            Some(shares) if shares.of(node) != IndPlaces(0) => (shares, false),
            Some(shares) => (shares.with(node).ok_or(StoreError::NoInd)?, true),
        };
        let mut unit = Batch::default();
        if is_new {
            put(&mut unit, SHARES, self.expect(SHARES), shares.encode(keys));
        }
        let said = Said {
            mark: mark.max(self.highest_mark()).0,
            generation: shares.generation,
        };
        put(&mut unit, node, self.expect(node), said.encode(keys, node));
        ended_a_life(&mut unit, node);
        Ok((unit, shares, said))
    }

    /// The other nodes, of those that have or had a lease, that live and do not go by these shares, or may come back and would not.
    fn behind(&self, mut leases: Vec<NodeLease>, (shares, own): (&Shares, u8)) -> Vec<NodeLease> {
        if fault!("shares-taken-without-asking") {
            return Vec::new();
        }
        leases.retain(|lease| {
            let said = u8::try_from(lease.node).ok().and_then(|node| self.said.get(&node));
            let of_a_node = lease.node < IndPlaces::COUNT.into() && lease.node != u16::from(own);
            of_a_node && said.is_some_and(|said| said.generation < shares.generation)
                || of_a_node && lease.lives && said.is_none()
        });
        leases
    }

    fn expect(&self, key: u8) -> Expect {
        let row = self.rows.iter().find(|row| *row.key == [key]);
        row.map_or(Expect::Absent, |row| Expect::Version(row.version))
    }
}

/// The shares as they are; `None` where nothing can be read now. Blocks.
pub(crate) fn shares(engine: &dyn Engine, keys: &StoreKeys) -> Option<Shares> {
    let rows = pollster::block_on(engine.read(&[Wanted::Key(NODE, &[SHARES])])).ok()?;
    let row = rows.into_iter().next().flatten()?;
    Shares::decode(keys, &row.octets).ok()
}

/// A number that no node has: who looks at a store and issues nothing.
pub const ONLOOKER: u16 = 63;

/// A node of a store that several share.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeState {
    /// Its number.
    pub node: u8,
    /// Whether it runs: its lease lasts.
    pub lives: bool,
    /// Who has it, or had it last: the process's own words, and where it is.
    pub who: String,
    /// At how many of the 32 places of IND values it issues.
    pub places: u32,
    /// How far its clock may go: a start is above that. Since 1970; zero before the first number.
    pub mark: Duration,
    /// Whether it goes by the present shares; one that does not run does from its start on.
    pub is_up_to_date: bool,
}

/// The nodes of a store in the order of their numbers; none where nobody shares it. Blocks.
///
/// # Errors
/// When the store cannot be read, or does not open with this key.
pub(crate) fn states(engine: &dyn Engine, keys: &StoreKeys, tick_ms: u64) -> Result<Vec<NodeState>, StoreError> {
    let leases = pollster::block_on(engine.nodes()).map_err(read_error)?;
    engine.declare(&[NODE]).map_err(read_error)?;
    let nodes = Nodes::read(engine, keys)?;
    let shares = nodes.shares.as_ref();
    let lease = |node: u8| leases.iter().find(|lease| lease.node == u16::from(node));
    let state = |(node, said): (&u8, &Said)| NodeState {
        node: *node,
        lives: lease(*node).is_some_and(|lease| lease.lives),
        who: lease(*node).map(|lease| lease.who.clone()).unwrap_or_default(),
        places: shares.map_or(0, |shares| shares.of(*node).0.count_ones()),
        mark: Duration::from_millis(said.mark.saturating_mul(tick_ms)),
        is_up_to_date: shares.is_some_and(|shares| said.generation >= shares.generation),
    };
    Ok(nodes.said.iter().map(state).collect())
}

/// Refuses while another node runs; one that is silent has to start anew. Before the first change, and again when no node starts any
/// more. Blocks.
///
/// # Errors
/// [`EngineError::InUse`]; when reading or writing fails.
pub(crate) fn alone(engine: &dyn Engine, name: &Path, own: u16) -> Result<(), StoreError> {
    if fault!("skipped-beside-other-nodes") {
        return Ok(());
    }
    for lease in pollster::block_on(engine.nodes()).map_err(read_error)? {
        if lease.node == own || lease.node >= IndPlaces::COUNT.into() {
            continue;
        }
        let has_ended = !lease.lives && pollster::block_on(engine.end_lapsed(lease.node)).map_err(read_error)?;
        if !has_ended {
            let by = format!("{}, by node {}", name.display(), lease.node);
            return Err(read_error(EngineError::InUse(by.into())));
        }
    }
    Ok(())
}

/// The highest clock mark of any node, those included whose rows a copy leaves behind.
///
/// # Errors
/// When reading fails, or a mark is not as it was written.
pub(crate) fn highest_mark_of(engine: &dyn Engine, keys: &StoreKeys) -> Result<u64, StoreError> {
    let mark = meta::highest_mark(engine, keys)?;
    if !engine.is_shared() {
        return Ok(mark);
    }
    engine.declare(&[NODE]).map_err(read_error)?;
    Ok(mark.max(Nodes::read(engine, keys)?.highest_mark().0))
}

/// Makes a node one of those of a store, if it is not yet; which shares it goes by, and the mark that it has said. When this returns
/// no node that lives issues at its places, and what was issued there lies below the marks that are durable now; so does what a process
/// whose lease was ended had compared with rows and gives still. Blocks.
///
/// # Errors
/// When the store cannot be read or written; when a node that lives does not go by the new shares; when there are as many nodes as
/// places.
pub(crate) fn join(engine: &dyn Engine, name: &Path, keys: &StoreKeys, node: u8) -> Result<(Shares, Glc), StoreError> {
    engine.declare(&[NODE]).map_err(read_error)?;
    let begun = Instant::now();
    let (shares, mark) = loop {
        let nodes = Nodes::read(engine, keys)?;
        let (unit, shares, said) = nodes.joining(keys, node, Glc(meta::highest_mark(engine, keys)?))?;
        if commit(engine, node, unit)? {
            break (shares, Glc(said.mark));
        }
        if begun.elapsed() > PATIENCE {
            return Err(in_use(name, "other nodes change their shares again and again"));
        }
    };
    while let Some(other) = who_does_not_go_by(engine, keys, (&shares, node))? {
        if begun.elapsed() > PATIENCE {
            let why = format!("node {other} runs and does not give up its share of IND values");
            return Err(in_use(name, &why));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok((shares, mark))
}

/// A node that lives and has not said that it goes by these shares.
fn who_does_not_go_by(
    engine: &dyn Engine,
    keys: &StoreKeys,
    (shares, own): (&Shares, u8),
) -> Result<Option<u16>, StoreError> {
    // Leases first: who starts after that finds the new shares.
    let leases = pollster::block_on(engine.nodes()).map_err(read_error)?;
    let nodes = Nodes::read(engine, keys)?;
    let waits = nodes.behind(leases, (shares, own)).into_iter().find_map(|lease| {
        if lease.lives {
            return Some(Ok(lease.node));
        }
        if fault!("silent-node-goes-on") {
            return None;
        }
        // It may come back and issue by the shares that it knows: it has to start anew.
        match pollster::block_on(engine.end_lapsed(lease.node)) {
            Ok(true) => None,
            Ok(false) => Some(Ok(lease.node)),
            Err(error) => Some(Err(read_error(error))),
        }
    });
    waits.transpose()
}

/// Whether the unit happened; it did not if something was not as expected.
fn commit(engine: &dyn Engine, node: u8, unit: Batch) -> Result<bool, StoreError> {
    let failed = |error: EngineError| StoreError::Write(Arc::new(error));
    let Serial(last) = pollster::block_on(engine.serial(node.into())).map_err(read_error)?;
    let group = Group {
        node: node.into(),
        serial: Serial(last + 1),
        now: 0,
        units: vec![unit],
    };
    let outcomes = pollster::block_on(engine.commit(group)).map_err(|error| failed(error.error))?;
    match outcomes.into_iter().next() {
        Some(UnitOutcome::Conflict(Conflict::Present(_) | Conflict::Changed(_))) => Ok(false),
        Some(UnitOutcome::Conflict(conflict)) => Err(StoreError::Conflict(conflict)),
        _ => Ok(true),
    }
}

fn in_use(name: &Path, why: &str) -> StoreError {
    read_error(EngineError::InUse(format!("{}: {why}", name.display()).into()))
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_a_share_of_every_small_array_as_long_as_there_are_values() {
        let mut shares = Shares::of_one(7);
        for nodes in 2..=PLACES {
            let node = u8::try_from(nodes + 50).expect("few");
            let before = shares.clone();
            shares = shares.with(node).expect("a share");
            assert_eq!(shares.generation, before.generation + 1);
            let all = shares.nodes();
            assert_eq!(all.len(), nodes);
            assert!(
                all.values()
                    .all(|places| places.len() >= PLACES / nodes - usize::from(nodes > 8)),
                "{all:?}"
            );
            for (owner, places) in &all {
                // Nobody else has gained a place: it would begin within what its former owner issued.
                let had = before.of(*owner);
                assert!(*owner == node || places.iter().all(|place| had.0 >> place & 1 == 1));
            }
            assert_eq!(all.get(&7).and_then(|places| places.first()), Some(&0));
        }
        assert_eq!(shares.with(200), None, "more nodes than places");
        assert!(shares.nodes().values().all(|places| places.len() == 1));
    }

    #[test]
    fn rows_read_back_and_every_edit_is_noticed() {
        let keys = StoreKeys::derive(&[1; 32]);
        let shares = Shares::of_one(3).with(4).expect("a share");
        let octets = shares.encode(&keys);
        assert_eq!(Shares::decode(&keys, &octets).expect("whole"), shares);
        let said = Said {
            mark: 77,
            generation: 2,
        };
        let row = said.encode(&keys, 3);
        assert_eq!(Said::decode(&keys, 3, &row).expect("whole"), said);
        assert!(Said::decode(&keys, 4, &row).is_err(), "another node's");
        for (at, _) in octets.iter().enumerate() {
            let mut edited = octets.clone();
            edited[at] ^= 1;
            assert!(Shares::decode(&keys, &edited).is_err(), "octet {at}");
        }
        for (at, _) in row.iter().enumerate() {
            let mut edited = row.clone();
            edited[at] ^= 1;
            assert!(Said::decode(&keys, 3, &edited).is_err(), "octet {at}");
        }
    }
}
