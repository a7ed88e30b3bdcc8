//! What units come to, by the rows that a transaction has read and locked: no unit is sent to the server that conflicts.

use std::collections::{BTreeMap, BTreeSet};

use super::ids::{id_of_link, link_id, parts, row_id};
use crate::engine::check::{Before, conflict};
use crate::engine::{Batch, Change, Conflict, Group, Link, Table, UnitOutcome, Version};
use crate::leb128;

type Id = Vec<u8>;

/// A row as far as units look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    version: u64,
    expires: u64,
    /// `None` where they cannot be read: the row is damaged.
    links: Option<Vec<Link>>,
    /// Of a row that is written; the others say what they said.
    octets: Option<Vec<u8>>,
}

/// Rows and links of a transaction, before and after.
pub(super) struct Units<'g> {
    group: &'g Group,
    tables: &'g [Table],
    rows: BTreeMap<Id, Option<Seen>>,
    links: BTreeMap<Id, Option<Id>>,
    rows_before: BTreeSet<Id>,
    links_before: BTreeMap<Id, Id>,
    written: BTreeSet<Id>,
    linked: BTreeSet<Id>,
}

/// What a transaction writes. Columns side by side, in the order of their ids.
#[derive(Debug, Default)]
pub(super) struct Writes {
    pub(super) new: Rows,
    pub(super) changed: Rows,
    pub(super) gone: Vec<Id>,
    pub(super) links_gone: Vec<Id>,
    pub(super) links: (Vec<Id>, Vec<Id>),
    /// By how many rows each table has more or fewer.
    pub(super) counts: BTreeMap<i32, i64>,
    /// Rows that are not there, before and after.
    pub(super) absent: Vec<Id>,
}

/// Rows by columns.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) ids: Vec<Id>,
    pub(super) versions: Vec<i64>,
    pub(super) ends: Vec<Option<i64>>,
    pub(super) links: Vec<Option<Vec<u8>>>,
    pub(super) octets: Vec<Vec<u8>>,
}

/// A unit writes over a row that cannot be read.
pub(super) struct Damaged(Table);

impl<'g> Units<'g> {
    pub(super) fn new(group: &'g Group, tables: &'g [Table]) -> Self {
        Self {
            group,
            tables,
            rows: BTreeMap::new(),
            links: BTreeMap::new(),
            rows_before: BTreeSet::new(),
            links_before: BTreeMap::new(),
            written: BTreeSet::new(),
            linked: BTreeSet::new(),
        }
    }

    fn changes(&self) -> impl Iterator<Item = &'g Change> {
        self.group.units.iter().flat_map(Batch::changes)
    }

    /// The rows that are to be read, in order.
    pub(super) fn wanted_rows(&self) -> Vec<Id> {
        let looks = self.group.units.iter().flat_map(Batch::looks);
        let ids = self.changes().map(|change| row_id(change.table, &change.key));
        let ids: BTreeSet<_> = ids.chain(looks.map(|(table, key, _)| row_id(*table, key))).collect();
        ids.into_iter().collect()
    }

    /// The links that are to be read, in order.
    pub(super) fn wanted_links(&self) -> Vec<Id> {
        let of = |change: &'g Change| {
            let links = change.value.iter().flat_map(|value| &value.links);
            links.map(|link| id_of_link(change.table, link))
        };
        let ids: BTreeSet<_> = self.changes().flat_map(of).collect();
        ids.into_iter().collect()
    }

    /// A row that is there.
    pub(super) fn saw_row(&mut self, id: &[u8], version: i64, ends: Option<i64>, links: Option<&[u8]>) {
        let table = parts(id).map_or(0, |(table, _)| table);
        let links = links.map_or_else(|| Some(Vec::new()), decode_links);
        for link in links.iter().flatten() {
            let link = link_id(Table::new(table, ""), link.index, &link.octets);
            self.links_before.insert(link.clone(), id.into());
            self.links.insert(link, Some(id.into()));
        }
        let seen = Seen {
            version: version.cast_unsigned(),
            expires: ends.map_or(0, expires_of),
            links,
            octets: None,
        };
        self.rows_before.insert(id.into());
        self.rows.insert(id.into(), Some(seen));
    }

    /// A link that is there.
    pub(super) fn saw_link(&mut self, id: &[u8], row: &[u8]) {
        self.links_before.insert(id.into(), row.into());
        self.links.insert(id.into(), Some(row.into()));
    }

    /// Whether a link leads to a row that was not read.
    pub(super) fn misses_an_owner(&self) -> bool {
        self.links
            .values()
            .flatten()
            .any(|owner| !self.rows.contains_key(owner))
    }

    /// Does all units, in order.
    pub(super) fn run(&mut self) -> Vec<UnitOutcome> {
        let group = self.group;
        group
            .units
            .iter()
            .map(|unit| match self.unit(unit) {
                Ok(outcome) => outcome,
                Err(Damaged(table)) => UnitOutcome::Conflict(Conflict::Damaged(table.name())),
            })
            .collect()
    }

    /// Whatever fails fails before anything is changed.
    fn unit(&mut self, unit: &Batch) -> Result<UnitOutcome, Damaged> {
        let evicted = match conflict(unit, self.group.now, self)? {
            Ok(evicted) => evicted,
            Err(conflict) => return Ok(UnitOutcome::Conflict(conflict)),
        };
        // Of several changes to one row the last counts.
        let last: BTreeMap<_, _> = unit
            .changes()
            .iter()
            .map(|change| ((change.table, &*change.key), change))
            .collect();
        let all = || last.values().copied().chain(&evicted);
        let mut gives_up = Vec::new();
        for Change { table, key, .. } in all() {
            if let Some(Some(seen)) = self.rows.get(&row_id(*table, key)) {
                let links = seen.links.as_ref().ok_or(Damaged(*table))?;
                gives_up.extend(links.iter().map(|link| id_of_link(*table, link)));
            }
        }
        // All go before any comes: what one row gives up another may take.
        for link in gives_up {
            self.link(link, None);
        }
        for change in all() {
            self.change(change);
        }
        Ok(UnitOutcome::Done)
    }

    fn change(&mut self, Change { table, key, value, .. }: &Change) {
        let id = row_id(*table, key);
        let plain = table.is_plain();
        let seen = value.as_ref().map(|value| Seen {
            version: if plain { 0 } else { self.group.version().0 },
            expires: if plain { 0 } else { value.expires },
            links: Some(if plain { Vec::new() } else { value.links.clone() }),
            octets: Some(value.octets.to_vec()),
        });
        let links = seen.iter().filter_map(|seen| seen.links.as_ref()).flatten();
        let links: Vec<_> = links.map(|link| id_of_link(*table, link)).collect();
        for link in links {
            self.link(link, Some(id.clone()));
        }
        self.written.insert(id.clone());
        self.rows.insert(id, seen);
    }

    fn link(&mut self, link: Id, owner: Option<Id>) {
        self.linked.insert(link.clone());
        self.links.insert(link, owner);
    }

    /// What is to be written when all units are done.
    pub(super) fn writes(mut self) -> Writes {
        let mut writes = Writes::default();
        for id in std::mem::take(&mut self.written) {
            let (was, is) = (self.rows_before.contains(&id), self.rows.remove(&id).flatten());
            let number = parts(&id).map_or(0, |(number, _)| i32::from(number));
            match (was, is) {
                (true, Some(seen)) => writes.changed.push(id, seen),
                (true, None) => {
                    *writes.counts.entry(number).or_default() -= 1;
                    writes.gone.push(id);
                }
                (false, Some(seen)) => {
                    *writes.counts.entry(number).or_default() += 1;
                    writes.new.push(id, seen);
                }
                (false, None) => writes.absent.push(id),
            }
        }
        writes.counts.retain(|_, by| *by != 0);
        for id in std::mem::take(&mut self.linked) {
            let (was, is) = (self.links_before.remove(&id), self.links.remove(&id).flatten());
            if was == is {
                continue;
            }
            if was.is_some() {
                writes.links_gone.push(id.clone());
            }
            if let Some(owner) = is {
                writes.links.0.push(id);
                writes.links.1.push(owner);
            }
        }
        writes
    }
}

impl Rows {
    fn push(&mut self, id: Id, seen: Seen) {
        self.ids.push(id);
        self.versions.push(seen.version.cast_signed());
        self.ends.push((seen.expires != 0).then(|| end_of(seen.expires)));
        self.links.push(
            seen.links
                .filter(|links| !links.is_empty())
                .map(|links| encode_links(&links)),
        );
        self.octets.push(seen.octets.unwrap_or_default());
    }
}

impl Before for Units<'_> {
    type Error = Damaged;

    fn has(&self, table: Table) -> bool {
        Table::PLAIN.contains(&table) || self.tables.contains(&table)
    }

    fn row(&mut self, table: Table, key: &[u8]) -> Result<Option<(Version, u64)>, Damaged> {
        match self.rows.get(&row_id(table, key)) {
            Some(Some(seen)) if seen.links.is_none() => Err(Damaged(table)),
            Some(Some(seen)) => Ok(Some((Version(seen.version), seen.expires))),
            _ => Ok(None),
        }
    }

    fn owner(&mut self, table: Table, link: &Link) -> Result<Option<Box<[u8]>>, Damaged> {
        let Some(Some(owner)) = self.links.get(&id_of_link(table, link)) else {
            return Ok(None);
        };
        match parts(owner) {
            Some((number, key)) if number == table.number() => Ok(Some(key.into())),
            _ => Err(Damaged(table)),
        }
    }
}

/// An end as the database has it: of the same order.
pub(super) const fn end_of(expires: u64) -> i64 {
    (expires ^ 1 << 63).cast_signed()
}

/// What [`end_of`] gave.
pub(super) const fn expires_of(end: i64) -> u64 {
    end.cast_unsigned() ^ 1 << 63
}

/// Links as a row has them: (index 1 ‖ length ‖ octets)*, lengths as LEB128.
fn encode_links(links: &[Link]) -> Vec<u8> {
    let mut octets = Vec::new();
    for link in links {
        octets.push(link.index);
        leb128::push(&mut octets, link.octets.len() as u64);
        octets.extend_from_slice(&link.octets);
    }
    octets
}

/// Its links, as a row has them.
pub(super) fn decode_links(mut octets: &[u8]) -> Option<Vec<Link>> {
    let mut links = Vec::new();
    while let Some((index, rest)) = octets.split_first() {
        octets = rest;
        let len = usize::try_from(leb128::take(&mut octets)?).ok()?;
        let (link, rest) = octets.split_at_checked(len)?;
        octets = rest;
        links.push(Link {
            index: *index,
            octets: link.into(),
        });
    }
    Some(links)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Expect, Serial, Value};

    const TABLE: Table = Table::new(900, "of a test");

    fn put(key: &[u8], links: &[&[u8]]) -> Batch {
        let links = links.iter().map(|octets| Link {
            index: 0,
            octets: (*octets).into(),
        });
        let mut unit = Batch::default();
        unit.push(Change {
            table: TABLE,
            key: key.into(),
            expect: Expect::Any,
            value: Some(Value {
                octets: b"new".as_slice().into(),
                expires: 0,
                links: links.collect(),
            }),
        });
        unit
    }

    fn group(units: Vec<Batch>) -> Group {
        Group {
            node: 0,
            serial: Serial(1),
            now: 0,
            units,
        }
    }

    #[test]
    fn links_that_stay_are_not_written() {
        let group = group(vec![put(b"a", &[b"x", b"z"])]);
        let mut units = Units::new(&group, &[TABLE]);
        let id = row_id(TABLE, b"a");
        let link = |octets: &[u8]| Link {
            index: 0,
            octets: octets.into(),
        };
        units.saw_row(&id, 7, None, Some(&encode_links(&[link(b"x"), link(b"y")])));
        assert!(!units.misses_an_owner());
        assert_eq!(units.run(), [UnitOutcome::Done]);
        let writes = units.writes();
        assert_eq!(writes.changed.ids, [id]);
        assert_eq!(writes.links_gone, [link_id(TABLE, 0, b"y")]);
        assert_eq!(writes.links.0, [link_id(TABLE, 0, b"z")]);
        assert!(writes.counts.is_empty() && writes.new.ids.is_empty());
    }

    #[test]
    fn a_row_whose_links_cannot_be_read_is_left_as_it_is() {
        let group = group(vec![put(b"a", &[]), put(b"b", &[])]);
        let mut units = Units::new(&group, &[TABLE]);
        units.saw_row(&row_id(TABLE, b"a"), 7, None, Some(&[0, 9, 1]));
        let damaged = UnitOutcome::Conflict(Conflict::Damaged(TABLE.name()));
        assert_eq!(units.run(), [damaged, UnitOutcome::Done]);
        let writes = units.writes();
        assert_eq!(writes.new.ids, [row_id(TABLE, b"b")]);
        assert!(writes.changed.ids.is_empty());
    }

    #[test]
    fn ends_keep_their_order() {
        let all = [1, 2, 1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX];
        assert!(all.is_sorted_by_key(|expires| end_of(*expires)));
        assert!(all.iter().all(|expires| expires_of(end_of(*expires)) == *expires));
    }
}
