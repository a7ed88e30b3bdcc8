//! What the server keeps, by the promises of an engine: a unit happens as a whole, and only where each row is as it expects.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use kaskade_aka::sqn::SqnRecord;
use kaskade_crypto::store_keys::StoreKeys;

use super::super::{LIVES, NODE, Nodes, SHARES, Said, Shares};
use super::NODES;
use crate::engine::check::{Before, conflict};
use crate::engine::{Batch, Link, NodeLease, Row, Table, Version};
use crate::rows::SUBSCRIBER;

/// The rows and leases of all nodes, and the numbers of one card.
#[derive(Clone, Hash)]
pub(super) struct Database {
    pub(super) record: Rc<SqnRecord>,
    pub(super) version: Of,
    pub(super) rows: NodeRows,
    pub(super) leases: [Lease; NODES],
    /// Of the last commit.
    pub(super) last: Of,
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
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct NodeRows {
    pub(super) said: [Option<(Said, Of)>; NODES],
    pub(super) lives: [Option<Of>; NODES],
    pub(super) shares: Option<(Rc<Shares>, Of)>,
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
            said: BTreeMap::new(),
        };
        for (node, (said, lives)) in (0_u8..).zip(self.said.iter().zip(&self.lives)) {
            if let Some((said, Of(version))) = said {
                nodes.rows.push(row(&[node], *version));
                nodes.said.insert(node, *said);
            }
            nodes.rows.extend(lives.map(|Of(version)| row(&[node, LIVES], version)));
        }
        if let Some((shares, Of(version))) = &self.shares {
            nodes.rows.push(row(&[SHARES], *version));
            nodes.shares = Some(Shares::clone(shares));
        }
        nodes
    }

    fn version(&self, key: &[u8]) -> Option<Version> {
        match *key {
            [SHARES] => self.shares.as_ref().map(|(_, of)| of.0),
            [node] => self.said[usize::from(node)].map(|(_, of)| of.0),
            [node, _] => self.lives[usize::from(node)].map(|of| of.0),
            _ => None,
        }
    }

    fn put(&mut self, keys: &StoreKeys, of: Of, (key, octets): (&[u8], &[u8])) {
        match *key {
            [SHARES] => {
                let shares = Shares::decode(keys, octets).expect("whole");
                self.shares = Some((Rc::new(shares), of));
            }
            [node] => {
                let said = Said::decode(keys, node, octets).expect("whole");
                self.said[usize::from(node)] = Some((said, of));
            }
            [node, _] => self.lives[usize::from(node)] = Some(of),
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
            SUBSCRIBER => Some(self.version.0),
            _ => None,
        };
        Ok(version.map(|version| (version, 0)))
    }

    fn owner(&mut self, _: Table, _: &Link) -> Result<Option<Box<[u8]>>, Infallible> {
        Ok(None)
    }
}

impl Database {
    /// The version of what a unit writes, if it happens.
    fn next(&mut self, unit: &Batch) -> Option<Of> {
        let Ok(outcome) = conflict(unit, 0, &mut &*self);
        outcome.ok()?;
        self.last.0.0 += 1;
        Some(self.last)
    }

    /// Rows of nodes; whether it happened.
    pub(super) fn commit(&mut self, keys: &StoreKeys, unit: &Batch) -> bool {
        let Some(of) = self.next(unit) else { return false };
        for change in unit.changes() {
            let value = change.value.as_ref().expect("nothing is removed");
            self.rows.put(keys, of, (&change.key, &value.octets));
        }
        true
    }

    /// The numbers of the card; the version of them, if it happened.
    pub(super) fn commit_numbers(&mut self, unit: &Batch, record: Rc<SqnRecord>) -> Option<Of> {
        let of = self.next(unit)?;
        (self.record, self.version) = (record, of);
        Some(of)
    }

    /// The shares of all.
    pub(super) fn shares(&self) -> &Rc<Shares> {
        let (shares, _) = self
            .rows
            .shares
            .as_ref()
            .expect("there are some from the first start on");
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

/// A version of a row. That it is the same as another one, or not, is all that it says: the hash of a state has it by [`Numbered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Of(pub(super) Version);

impl Hash for Of {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The versions of one row after the other, numbered as they are met.
#[derive(Default)]
pub(super) struct Numbered {
    seen: [Vec<Version>; 2 * NODES + 2],
    numbers: Vec<u8>,
}

impl Numbered {
    fn number(&mut self, row: usize, version: Version) {
        let seen = &mut self.seen[row];
        let at = seen.iter().position(|seen| *seen == version).unwrap_or_else(|| {
            seen.push(version);
            seen.len() - 1
        });
        self.numbers.push(u8::try_from(at).expect("few"));
    }

    /// Of the card's numbers.
    pub(super) fn card(&mut self, version: Version) {
        self.number(0, version);
    }

    /// Of the row of nodes with this key.
    pub(super) fn row(&mut self, key: &[u8], version: Version) {
        let row = match *key {
            [SHARES] => 1,
            [node] => 2 + usize::from(node),
            [node, ..] => 2 + NODES + usize::from(node),
            [] => return,
        };
        self.number(row, version);
    }

    /// All of a look at the nodes.
    pub(super) fn rows(&mut self, rows: &NodeRows) {
        for (node, (said, lives)) in (0_u8..).zip(rows.said.iter().zip(&rows.lives)) {
            said.iter().for_each(|(_, Of(version))| self.row(&[node], *version));
            lives.iter().for_each(|Of(version)| self.row(&[node, LIVES], *version));
        }
        rows.shares
            .iter()
            .for_each(|(_, Of(version))| self.row(&[SHARES], *version));
    }

    pub(super) fn numbers(&self) -> &[u8] {
        &self.numbers
    }
}
