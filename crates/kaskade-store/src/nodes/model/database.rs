//! What the server keeps, by the promises of an engine: a unit happens as a whole, and only where each row is as it expects.

use std::convert::Infallible;
use std::rc::Rc;

use kaskade_aka::sqn::SqnRecord;
use kaskade_crypto::store_keys::StoreKeys;

use super::super::{LIVES, NODE, Nodes, SHARES, Said, Shares};
use super::NODES;
use crate::engine::check::{Before, conflict};
use crate::engine::{Batch, Link, NodeLease, Row, Table, Version};
use crate::rows::SUBSCRIBER;

/// Higher than any after [`Renumber`].
const FRESH: Version = Version(1000);

/// The rows and leases of all nodes, and the numbers of one card.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Database {
    pub(super) record: Rc<SqnRecord>,
    pub(super) version: Version,
    pub(super) rows: NodeRows,
    pub(super) leases: [Lease; NODES],
}

/// As the server has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lease {
    Never,
    Lasts,
    /// The process is silent: it may come back.
    Lapsed,
    /// Its process writes nothing more, and reads nothing.
    Ended,
}

/// The table of the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct NodeRows {
    pub(super) said: [Option<(Said, Version)>; NODES],
    pub(super) lives: [Option<Version>; NODES],
    pub(super) shares: Option<(Rc<Shares>, Version)>,
}

impl NodeRows {
    /// As [`Nodes::read`] has them.
    pub(super) fn nodes(&self) -> Nodes {
        let row = |key: &[u8], version: Version| Row {
            table: NODE,
            key: key.into(),
            version,
            expires: 0,
            octets: Box::default(),
        };
        let mut nodes = Nodes {
            rows: Vec::with_capacity(2 * NODES + 1),
            shares: None,
            said: std::collections::BTreeMap::new(),
        };
        for (node, (said, lives)) in (0_u8..).zip(self.said.iter().zip(&self.lives)) {
            if let Some((said, version)) = said {
                nodes.rows.push(row(&[node], *version));
                nodes.said.insert(node, *said);
            }
            nodes.rows.extend(lives.map(|version| row(&[node, LIVES], version)));
        }
        if let Some((shares, version)) = &self.shares {
            nodes.rows.push(row(&[SHARES], *version));
            nodes.shares = Some(Shares::clone(shares));
        }
        nodes
    }

    fn version(&self, key: &[u8]) -> Option<Version> {
        match *key {
            [SHARES] => self.shares.as_ref().map(|(_, version)| *version),
            [node] => self.said[usize::from(node)].map(|(_, version)| version),
            [node, _] => self.lives[usize::from(node)],
            _ => None,
        }
    }

    fn put(&mut self, keys: &StoreKeys, key: &[u8], octets: &[u8]) {
        match *key {
            [SHARES] => {
                let shares = Shares::decode(keys, octets).expect("whole");
                self.shares = Some((Rc::new(shares), FRESH));
            }
            [node] => {
                let said = Said::decode(keys, node, octets).expect("whole");
                self.said[usize::from(node)] = Some((said, FRESH));
            }
            [node, _] => self.lives[usize::from(node)] = Some(FRESH),
            _ => panic!("no such row: {key:?}"),
        }
    }
}

impl Before for &Database {
    type Error = Infallible;

    fn has(&self, _: Table) -> bool {
        true
    }

    fn row(&mut self, table: Table, key: &[u8]) -> Result<Option<(Version, u64)>, Infallible> {
        let version = match table {
            NODE => self.rows.version(key),
            SUBSCRIBER => Some(self.version),
            _ => None,
        };
        Ok(version.map(|version| (version, 0)))
    }

    fn owner(&mut self, _: Table, _: &Link) -> Result<Option<Box<[u8]>>, Infallible> {
        Ok(None)
    }
}

impl Database {
    /// Whether a unit would happen now.
    fn lets(&self, unit: &Batch) -> bool {
        let Ok(outcome) = conflict(unit, 0, &mut &*self);
        outcome.is_ok()
    }

    /// Rows of nodes; whether it happened.
    pub(super) fn commit(&mut self, keys: &StoreKeys, unit: &Batch) -> bool {
        let lets = self.lets(unit);
        for change in unit.changes().iter().filter(|_| lets) {
            let value = change.value.as_ref().expect("nothing is removed");
            self.rows.put(keys, &change.key, &value.octets);
        }
        lets
    }

    /// The numbers of the card; the version of them, if it happened.
    pub(super) fn commit_numbers(&mut self, unit: &Batch, record: &Rc<SqnRecord>) -> Option<Version> {
        let lets = self.lets(unit);
        if lets {
            (self.record, self.version) = (Rc::clone(record), FRESH);
        }
        lets.then_some(FRESH)
    }

    /// The shares of all.
    pub(super) fn shares(&self) -> &Rc<Shares> {
        let (shares, _) = self.rows.shares.as_ref().expect("there are some from the first start on");
        shares
    }
}

/// As [`crate::engine::Engine::nodes`] tells them.
pub(super) fn told(leases: &[Lease; NODES]) -> Vec<NodeLease> {
    let known = (0_u16..).zip(leases).filter(|(_, lease)| **lease != Lease::Never);
    let lease = |(node, lease): (u16, &Lease)| NodeLease {
        node,
        who: String::new(),
        lives: *lease == Lease::Lasts,
    };
    known.map(lease).collect()
}

/// Versions are only ever the same or not: those of one row are numbered as they are met, so that states that differ in nothing else are
/// one.
#[derive(Default)]
pub(super) struct Renumber {
    numbers: Vec<Version>,
    said: [Vec<Version>; NODES],
    lives: [Vec<Version>; NODES],
    shares: Vec<Version>,
}

impl Renumber {
    /// One of the card's numbers.
    pub(super) fn numbers(&mut self, version: &mut Version) {
        renumber(&mut self.numbers, version);
    }

    /// All of a look at the nodes.
    pub(super) fn rows(&mut self, rows: &mut NodeRows) {
        for (said, seen) in rows.said.iter_mut().zip(&mut self.said) {
            said.iter_mut().for_each(|(_, version)| renumber(seen, version));
        }
        for (lives, seen) in rows.lives.iter_mut().zip(&mut self.lives) {
            lives.iter_mut().for_each(|version| renumber(seen, version));
        }
        rows.shares.iter_mut().for_each(|(_, version)| renumber(&mut self.shares, version));
    }

    /// One of the row of a node with this key.
    pub(super) fn row(&mut self, key: &[u8], version: &mut Version) {
        let seen = match *key {
            [SHARES] => &mut self.shares,
            [node] => &mut self.said[usize::from(node)],
            [node, ..] => &mut self.lives[usize::from(node)],
            [] => return,
        };
        renumber(seen, version);
    }
}

fn renumber(seen: &mut Vec<Version>, version: &mut Version) {
    let at = seen.iter().position(|seen| seen == version).unwrap_or_else(|| {
        seen.push(*version);
        seen.len() - 1
    });
    *version = Version(at as u64);
}
