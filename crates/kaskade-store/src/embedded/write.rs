//! One commit: units, each whole or not at all, and the number that says afterwards whether they are durable.

use std::collections::BTreeMap;

use redb::{Database, Durability, ReadableTable, ReadableTableMetadata, StorageError, WriteTransaction};

use super::gate::Held;
use super::rows::{Parts, encode, end_key, link_key};
use super::{ENDS, EmbeddedEngine, LINKS, Octets, definition, serial_key};
use crate::engine::check::{Before, conflict};
use crate::engine::{Batch, Change, CommitFailed, Conflict, Group, Link, Serial, Table, UnitOutcome, Version};
use crate::error::EngineError;

type Open<'t> = Held<redb::Table<'t, Octets, Octets>>;

/// The tables of one commit.
struct Writing<'t> {
    tables: Vec<(Table, Open<'t>)>,
    links: Option<Open<'t>>,
    ends: Option<Open<'t>>,
    /// Whether any row has one of them: a store of a million rows without any is not asked for each.
    listed: bool,
}

/// By what a row is found besides its key, and is not any more.
#[derive(Default)]
struct Listed {
    links: Vec<Vec<u8>>,
    end: Option<Vec<u8>>,
    /// Which links of the new row are there already: each would cost a page to write.
    stay: Vec<usize>,
}

/// Why a unit is not done; the commit is made without it, unless it is the storage.
enum Unwritten {
    Storage(StorageError),
    Damaged(Table),
    Undeclared(Table),
}

impl From<StorageError> for Unwritten {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl EmbeddedEngine {
    /// Makes one commit; of `tables` those that are new are made with it.
    pub(super) fn write(
        &self,
        database: &Database,
        tables: &[Table],
        group: &Group,
    ) -> Result<Vec<UnitOutcome>, CommitFailed> {
        let mut transaction = Held::new(database.begin_write().map_err(|error| self.error(error))?);
        transaction
            .set_durability(Durability::Immediate)
            .map_err(|error| self.error(error))?;
        transaction.set_quick_repair(true);
        let mut outcomes = Vec::with_capacity(group.units.len());
        {
            let mut writing = self.writing(&transaction, tables)?;
            for unit in &group.units {
                outcomes.push(match writing.unit(unit, group) {
                    Ok(outcome) => outcome,
                    Err(Unwritten::Damaged(table)) => UnitOutcome::Conflict(Conflict::Damaged(table.name())),
                    Err(Unwritten::Undeclared(table)) => UnitOutcome::Conflict(Conflict::Undeclared(table.name())),
                    Err(Unwritten::Storage(error)) => return Err(self.error(error).into()),
                });
            }
            if group.serial != Serial::default() {
                let mut serial = Batch::default();
                let Serial(number) = group.serial;
                serial.put(Table::META, &serial_key(group.node), &number.to_be_bytes());
                match writing.unit(&serial, group) {
                    Err(Unwritten::Storage(error)) => return Err(self.error(error).into()),
                    // A table of every store, whose rows are octets alone.
                    Err(Unwritten::Damaged(table) | Unwritten::Undeclared(table)) => {
                        return Err(self.corrupt(format!("its table `{}`", table.name())).into());
                    }
                    Ok(_) => {}
                }
            }
        }
        let commit = transaction.take().map(WriteTransaction::commit).transpose();
        match commit {
            Ok(_) => Ok(outcomes),
            Err(error) => Err(CommitFailed {
                error: self.error(error),
                outcomes,
            }),
        }
    }

    /// All tables, so that those that are new are made.
    fn writing<'t>(&self, transaction: &'t WriteTransaction, tables: &[Table]) -> Result<Writing<'t>, EngineError> {
        let open = |name: &str| {
            let table = transaction.open_table(definition(name));
            table.map(Held::new).map_err(|error| self.error(error))
        };
        let plain = tables.iter().all(|table| table.is_plain());
        let list = |name| if plain { Ok(None) } else { open(name).map(Some) };
        let (links, ends) = (list(LINKS)?, list(ENDS)?);
        let mut listed = false;
        for list in [&links, &ends].into_iter().flatten() {
            listed |= !list.is_empty().map_err(|error| self.error(error))?;
        }
        Ok(Writing {
            tables: tables
                .iter()
                .map(|table| Ok((*table, open(table.name())?)))
                .collect::<Result<_, EngineError>>()?,
            links,
            ends,
            listed,
        })
    }
}

impl<'t> Writing<'t> {
    /// Whatever fails but the storage fails before anything is changed.
    fn unit(&mut self, unit: &Batch, group: &Group) -> Result<UnitOutcome, Unwritten> {
        let evicted = match conflict(unit, group.now, self)? {
            Ok(evicted) => evicted,
            Err(conflict) => return Ok(UnitOutcome::Conflict(conflict)),
        };
        // Of several changes to one row the last counts.
        let last: BTreeMap<_, _> = unit
            .changes()
            .iter()
            .map(|change| ((change.table, &*change.key), change))
            .collect();
        // All go before any comes: what one row gives up another may take.
        let all = || last.values().copied().chain(&evicted);
        let listed = all().map(|change| self.listed(change)).collect::<Result<Vec<_>, _>>()?;
        for listed in &listed {
            self.forget(listed)?;
        }
        for (change, listed) in all().zip(&listed) {
            self.change(change, &listed.stay, group.version())?;
        }
        Ok(UnitOutcome::Done)
    }

    fn table(&mut self, table: Table) -> Result<&mut Open<'t>, Unwritten> {
        let found = self.tables.iter_mut().find(|(found, _)| *found == table);
        found.map(|(_, open)| open).ok_or(Unwritten::Undeclared(table))
    }

    /// The keys of links and end of a row that is to change, but for the links that it keeps: no other row takes one of those in the same
    /// unit, which would be a conflict.
    fn listed(&mut self, Change { table, key, value, .. }: &Change) -> Result<Listed, Unwritten> {
        let mut listed = Listed::default();
        if table.is_plain() || !self.listed {
            return Ok(listed);
        }
        if let Some(old) = self.table(*table)?.get(&**key)? {
            let parts = Parts::of(*table, old.value()).ok_or(Unwritten::Damaged(*table))?;
            let new = value.as_ref().map_or(&[][..], |value| &value.links);
            for (index, octets) in parts.links() {
                match new
                    .iter()
                    .position(|link| link.index == index && *link.octets == *octets)
                {
                    Some(place) => listed.stay.push(place),
                    None => listed.links.push(link_key(*table, index, octets)),
                }
            }
            let expires = parts.stored.expires;
            listed.end = (expires != 0).then(|| end_key(expires, *table, key));
        }
        Ok(listed)
    }

    /// Removes them, and keeps the row.
    fn forget(&mut self, listed: &Listed) -> Result<(), Unwritten> {
        if let Some(links) = &mut self.links {
            for link in &listed.links {
                links.remove(&**link)?;
            }
        }
        if let (Some(ends), Some(end)) = (&mut self.ends, &listed.end) {
            ends.remove(&**end)?;
        }
        Ok(())
    }

    fn change(&mut self, change: &Change, stay: &[usize], version: Version) -> Result<(), Unwritten> {
        let Change { table, key, value, .. } = change;
        let Some(value) = value else {
            self.table(*table)?.remove(&**key)?;
            return Ok(());
        };
        self.table(*table)?.insert(&**key, &*encode(*table, version, value))?;
        self.listed |= !value.links.is_empty() || value.expires != 0;
        if let Some(links) = &mut self.links {
            for (_, Link { index, octets }) in value
                .links
                .iter()
                .enumerate()
                .filter(|(place, _)| !stay.contains(place))
            {
                links.insert(&*link_key(*table, *index, octets), &**key)?;
            }
        }
        if let Some(ends) = &mut self.ends
            && value.expires != 0
        {
            ends.insert(&*end_key(value.expires, *table, key), &[][..])?;
        }
        Ok(())
    }
}

impl Before for Writing<'_> {
    type Error = Unwritten;

    fn has(&self, table: Table) -> bool {
        self.tables.iter().any(|(found, _)| *found == table)
    }

    fn row(&mut self, table: Table, key: &[u8]) -> Result<Option<(Version, u64)>, Unwritten> {
        let Some(row) = self.table(table)?.get(key)? else {
            return Ok(None);
        };
        let parts = Parts::of(table, row.value()).ok_or(Unwritten::Damaged(table))?;
        Ok(Some((parts.stored.version, parts.stored.expires)))
    }

    fn owner(&mut self, table: Table, link: &Link) -> Result<Option<Box<[u8]>>, Unwritten> {
        let links = self.links.as_ref().ok_or(Unwritten::Undeclared(table))?;
        let key = links.get(&*link_key(table, link.index, &link.octets))?;
        Ok(key.map(|key| key.value().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Blocking, Engine, Expect, Value};

    const TABLE: Table = Table::new(900, "of a test");

    fn put(key: &[u8], expect: Expect, link: &[u8]) -> Change {
        Change {
            table: TABLE,
            key: key.into(),
            expect,
            value: Some(Value {
                octets: b"new".as_slice().into(),
                expires: 7,
                links: vec![Link {
                    index: 0,
                    octets: link.into(),
                }],
            }),
        }
    }

    #[test]
    fn a_row_that_is_written_anew_keeps_the_links_that_it_has_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = EmbeddedEngine::open(&folder.path().join("store"), 1 << 20).expect("the engine");
        engine.declare(&[TABLE]).expect("declared");
        let with = |links: &[&[u8]]| {
            let mut change = put(b"a", Expect::Any, b"");
            let links = links.iter().map(|octets| Link {
                index: 0,
                octets: (*octets).into(),
            });
            change.value.as_mut().expect("a value").links = links.collect();
            let mut unit = Batch::default();
            unit.push(change);
            unit
        };
        let all: [&[u8]; 4] = [b"w", b"x", b"y", b"z"];
        let kept: [&[&[u8]]; 6] = [&[b"x", b"y"], &[b"y", b"x", b"z"], &[b"z"], &[b"z"], &[], &[b"w", b"x"]];
        for links in kept {
            engine.apply(&with(links)).expect("done");
            let wanted = all.map(|octets| crate::engine::Wanted::Link(TABLE, 0, octets));
            let rows = pollster::block_on(engine.read(&wanted)).expect("read");
            let found: Vec<_> = all
                .iter()
                .zip(rows)
                .filter(|(_, row)| row.is_some())
                .map(|(link, _)| *link)
                .collect();
            let mut links = links.to_vec();
            links.sort_unstable();
            assert_eq!(found, links);
        }
    }

    #[test]
    fn a_damaged_row_fails_its_unit_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = EmbeddedEngine::open(&folder.path().join("store"), 1 << 20).expect("the engine");
        engine.declare(&[TABLE]).expect("declared");
        let unit = |changes: Vec<Change>| {
            let mut unit = Batch::default();
            changes.into_iter().for_each(|change| unit.push(change));
            unit
        };
        engine.apply(&unit(vec![put(b"a", Expect::Any, b"x")])).expect("done");
        {
            let writer = engine.writer.lock().expect("not poisoned");
            let write = writer.as_ref().expect("open").begin_write().expect("a transaction");
            let mut table = write.open_table(definition(TABLE.name())).expect("a table");
            table.insert(&b"damaged"[..], &[0xff; 3][..]).expect("planted");
            drop(table);
            write.commit().expect("planted");
        }
        let group = Group {
            node: 0,
            serial: Serial(2),
            now: 1000,
            units: vec![
                unit(vec![put(b"damaged", Expect::Absent, b"y")]),
                // What comes before it in its unit keeps its links, too.
                unit(vec![put(b"a", Expect::Any, b"z"), put(b"damaged", Expect::Any, b"y")]),
                unit(vec![put(b"b", Expect::Absent, b"y")]),
            ],
        };
        let outcomes = pollster::block_on(engine.commit(group)).expect("a commit");
        let damaged = UnitOutcome::Conflict(Conflict::Damaged(TABLE.name()));
        assert_eq!(outcomes, [damaged.clone(), damaged, UnitOutcome::Done]);
        let wanted = [
            crate::engine::Wanted::Link(TABLE, 0, b"x"),
            crate::engine::Wanted::Link(TABLE, 0, b"y"),
        ];
        let rows = pollster::block_on(engine.read(&wanted)).expect("read");
        let keys: Vec<_> = rows.into_iter().flatten().map(|row| row.key).collect();
        assert_eq!(keys, [Box::from(&b"a"[..]), Box::from(&b"b"[..])]);
        engine
            .apply(&unit(vec![put(b"c", Expect::Absent, b"c")]))
            .expect("it goes on");
    }
}
