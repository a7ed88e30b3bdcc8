//! One commit: units, each whole or not at all, and the number that says afterwards whether they are durable.

use std::collections::BTreeMap;

use redb::{Database, Durability, ReadableTable, ReadableTableMetadata, StorageError, WriteTransaction};

use super::rows::{Parts, encode, end_key, link_key};
use super::{ENDS, EmbeddedEngine, LINKS, Octets, definition, serial_key};
use crate::engine::check::{Before, conflict};
use crate::engine::{Batch, Change, CommitFailed, Conflict, Group, Link, Serial, Table, UnitOutcome, Version};
use crate::error::EngineError;

type Open<'t> = redb::Table<'t, Octets, Octets>;

/// The tables of one commit.
struct Writing<'t> {
    tables: Vec<(Table, Open<'t>)>,
    links: Option<Open<'t>>,
    ends: Option<Open<'t>>,
    /// Whether any row has one of them: a store of a million rows without any is not asked for each.
    listed: bool,
}

/// Why a commit is not made.
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
    pub(super) fn write(&self, database: &Database, group: &Group) -> Result<Vec<UnitOutcome>, CommitFailed> {
        let mut transaction = database.begin_write().map_err(|error| self.error(error))?;
        transaction
            .set_durability(Durability::Immediate)
            .map_err(|error| self.error(error))?;
        transaction.set_quick_repair(true);
        let mut outcomes = Vec::with_capacity(group.units.len());
        {
            let mut writing = self.writing(&transaction)?;
            let unwritten = |error| match error {
                Unwritten::Storage(error) => self.error(error),
                Unwritten::Damaged(table) => self.corrupt(format!("a row of its table `{}` is damaged", table.name())),
                Unwritten::Undeclared(table) => {
                    EngineError::Other(format!("the table `{}` was not declared", table.name()))
                }
            };
            for unit in &group.units {
                outcomes.push(writing.unit(unit, group.version()).map_err(unwritten)?);
            }
            if group.serial != Serial::default() {
                let mut serial = Batch::default();
                let Serial(number) = group.serial;
                serial.put(Table::META, &serial_key(group.node), &number.to_be_bytes());
                writing.unit(&serial, group.version()).map_err(unwritten)?;
            }
        }
        match transaction.commit() {
            Ok(()) => Ok(outcomes),
            Err(error) => Err(CommitFailed {
                error: self.error(error),
                outcomes,
            }),
        }
    }

    /// All tables, so that those that are new are made.
    fn writing<'t>(&self, transaction: &'t WriteTransaction) -> Result<Writing<'t>, EngineError> {
        let open = |name: &str| {
            transaction
                .open_table(definition(name))
                .map_err(|error| self.error(error))
        };
        let tables = self.tables();
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
    fn unit(&mut self, unit: &Batch, version: Version) -> Result<UnitOutcome, Unwritten> {
        if let Some(conflict) = self.conflict(unit)? {
            return Ok(UnitOutcome::Conflict(conflict));
        }
        // Of several changes to one row the last counts.
        let last: BTreeMap<_, _> = unit
            .changes()
            .iter()
            .map(|change| ((change.table, &*change.key), change))
            .collect();
        // All go before any comes: what one row gives up another may take.
        for change in last.values() {
            self.forget(change)?;
        }
        for change in last.values() {
            self.change(change, version)?;
        }
        Ok(UnitOutcome::Done)
    }

    fn conflict(&mut self, unit: &Batch) -> Result<Option<Conflict>, Unwritten> {
        conflict(unit, self)
    }

    fn table(&mut self, table: Table) -> Result<&mut Open<'t>, Unwritten> {
        let found = self.tables.iter_mut().find(|(found, _)| *found == table);
        found.map(|(_, open)| open).ok_or(Unwritten::Undeclared(table))
    }

    /// Removes links and end of a row that is to change, and keeps the row.
    fn forget(&mut self, Change { table, key, .. }: &Change) -> Result<(), Unwritten> {
        if table.is_plain() || !self.listed {
            return Ok(());
        }
        let (mut gone, mut expires) = (Vec::new(), 0);
        if let Some(old) = self.table(*table)?.get(&**key)? {
            let parts = Parts::of(*table, old.value()).ok_or(Unwritten::Damaged(*table))?;
            gone.extend(parts.links().map(|(index, octets)| link_key(*table, index, octets)));
            expires = parts.stored.expires;
        }
        if let Some(links) = &mut self.links {
            for link in gone {
                links.remove(&*link)?;
            }
        }
        if let Some(ends) = &mut self.ends
            && expires != 0
        {
            ends.remove(&*end_key(expires, *table, key))?;
        }
        Ok(())
    }

    fn change(&mut self, change: &Change, version: Version) -> Result<(), Unwritten> {
        let Change { table, key, value, .. } = change;
        let Some(value) = value else {
            self.table(*table)?.remove(&**key)?;
            return Ok(());
        };
        self.table(*table)?.insert(&**key, &*encode(*table, version, value))?;
        self.listed |= !value.links.is_empty() || value.expires != 0;
        if let Some(links) = &mut self.links {
            for Link { index, octets } in &value.links {
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

    fn version(&mut self, table: Table, key: &[u8]) -> Result<Option<Version>, Unwritten> {
        let Some(row) = self.table(table)?.get(key)? else {
            return Ok(None);
        };
        let parts = Parts::of(table, row.value()).ok_or(Unwritten::Damaged(table))?;
        Ok(Some(parts.stored.version))
    }

    fn owner(&mut self, table: Table, link: &Link) -> Result<Option<Box<[u8]>>, Unwritten> {
        let links = self.links.as_ref().ok_or(Unwritten::Undeclared(table))?;
        let key = links.get(&*link_key(table, link.index, &link.octets))?;
        Ok(key.map(|key| key.value().into()))
    }
}
