//! What was durable at one moment.

use std::ops::Bound;

use redb::{AccessGuard, ReadOnlyTable, ReadTransaction, ReadableTableMetadata, StorageError, TableError};

use super::rows::{Parts, end_key, end_parts, link_key};
use super::{ENDS, LINKS, Octets, SERIAL, definition};
use crate::engine::{Cursor, Row, Stored, Table, Wanted, WholeRows};

/// The tables of one moment.
pub(super) struct Snapshot {
    numbers: Vec<u16>,
    tables: Vec<(Table, ReadOnlyTable<Octets, Octets>)>,
    /// Where there are any tables whose rows may have some.
    lists: Option<Lists>,
}

struct Lists {
    links: ReadOnlyTable<Octets, Octets>,
    ends: ReadOnlyTable<Octets, Octets>,
}

/// Why a row is not read.
pub(super) enum Unread {
    Storage(StorageError),
    Damaged(Table),
    Undeclared(Table),
}

impl From<StorageError> for Unread {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl Snapshot {
    pub(super) fn of(read: &ReadTransaction, tables: &[Table]) -> Result<Self, TableError> {
        let open = |name| read.open_table(definition(name));
        let lists = match tables.iter().all(|table| table.is_plain()) {
            true => None,
            false => Some(Lists {
                links: open(LINKS)?,
                ends: open(ENDS)?,
            }),
        };
        let tables = tables.iter().map(|table| Ok((*table, open(table.name())?)));
        let tables = tables.collect::<Result<Vec<_>, TableError>>()?;
        Ok(Self {
            numbers: tables.iter().map(|(table, _)| table.number()).collect(),
            tables,
            lists,
        })
    }

    #[inline]
    fn table(&self, table: Table) -> Result<&ReadOnlyTable<Octets, Octets>, Unread> {
        let place = self.numbers.iter().position(|number| *number == table.number());
        let found = place.and_then(|place| self.tables.get(place));
        found.map(|(_, found)| found).ok_or(Unread::Undeclared(table))
    }

    /// A row as it lies.
    #[inline]
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<AccessGuard<'static, Octets>>, Unread> {
        let found = self.table(table)?.get(key)?;
        if let Some(found) = &found {
            // Whatever it does about where a page says that its octets are, it does here.
            std::hint::black_box(found.value().len());
        }
        Ok(found)
    }

    /// Shows a row; whether there is one.
    #[inline]
    pub(super) fn peek(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(Stored<'_>)) -> Result<bool, Unread> {
        let Some(value) = self.table(table)?.get(key)? else {
            return Ok(false);
        };
        let parts = Parts::of(table, value.value()).ok_or(Unread::Damaged(table))?;
        visit(parts.stored);
        Ok(true)
    }

    pub(super) fn row(&self, wanted: &Wanted<'_>) -> Result<Option<Row>, Unread> {
        let (table, key) = match *wanted {
            Wanted::Key(table, key) => (table, key.to_vec()),
            Wanted::Link(table, index, octets) => {
                let lists = self.lists.as_ref().ok_or(Unread::Undeclared(table))?;
                match lists.links.get(&*link_key(table, index, octets))? {
                    Some(key) => (table, key.value().to_vec()),
                    None => return Ok(None),
                }
            }
        };
        let mut row = None;
        self.peek(table, &key, &mut |stored| row = Some(owned(table, &key, stored)))?;
        Ok(row)
    }

    pub(super) fn page(&self, from: Cursor<'_>, limit: usize) -> Result<Vec<Row>, Unread> {
        match from {
            Cursor::Keys { table, after, prefix } => self.keys(table, after, prefix, limit),
            Cursor::Links {
                table,
                index,
                after,
                prefix,
            } => self.links((table, index), after, prefix, limit),
            Cursor::Expired { now, after } => self.expired(now, after, limit),
        }
    }

    fn keys(&self, table: Table, after: Option<&[u8]>, prefix: &[u8], limit: usize) -> Result<Vec<Row>, Unread> {
        let lower = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let mut rows = Vec::new();
        for entry in self
            .table(table)?
            .range::<&[u8]>((lower, Bound::Unbounded))?
            .take(limit)
        {
            let (key, value) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            let parts = Parts::of(table, value.value()).ok_or(Unread::Damaged(table))?;
            rows.push(owned(table, key.value(), parts.stored));
        }
        Ok(rows)
    }

    /// What is the engine's own is left out.
    pub(super) fn whole(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<WholeRows, Unread> {
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows = Vec::new();
        for entry in self.table(table)?.range::<&[u8]>((lower, Bound::Unbounded))? {
            if rows.len() >= limit {
                break;
            }
            let (key, value) = entry?;
            if table == Table::META && key.value().starts_with(SERIAL) {
                continue;
            }
            let parts = Parts::of(table, value.value()).ok_or(Unread::Damaged(table))?;
            rows.push((key.value().into(), parts.value()));
        }
        Ok(rows)
    }

    fn links(
        &self,
        (table, index): (Table, u8),
        after: Option<&[u8]>,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Unread> {
        let lists = self.lists.as_ref().ok_or(Unread::Undeclared(table))?;
        let begins = link_key(table, index, prefix);
        let after = after.filter(|after| *after >= prefix);
        let after = after.map(|after| link_key(table, index, after));
        let lower = match &after {
            Some(after) => Bound::Excluded(&**after),
            None => Bound::Included(&*begins),
        };
        let mut rows = Vec::new();
        for entry in lists.links.range::<&[u8]>((lower, Bound::Unbounded))?.take(limit) {
            let (link, key) = entry?;
            if !link.value().starts_with(&begins) {
                break;
            }
            let key = key.value();
            self.peek(table, key, &mut |stored| rows.push(owned(table, key, stored)))?;
        }
        Ok(rows)
    }

    fn expired(&self, now: u64, after: Option<(u64, Table, &[u8])>, limit: usize) -> Result<Vec<Row>, Unread> {
        let Some(lists) = &self.lists else {
            return Ok(Vec::new());
        };
        let upper = end_key(now.saturating_add(1), Table::META, &[]);
        let after = after.map(|(end, table, key)| end_key(end, table, key));
        let lower = match &after {
            Some(after) if **after >= *upper => return Ok(Vec::new()),
            Some(after) => Bound::Excluded(&**after),
            None => Bound::Unbounded,
        };
        let mut rows = Vec::new();
        for entry in lists.ends.range::<&[u8]>((lower, Bound::Excluded(&*upper)))? {
            if rows.len() >= limit {
                break;
            }
            let (end, _) = entry?;
            let Some((_, number, key)) = end_parts(end.value()) else {
                continue;
            };
            let Some((table, _)) = self.tables.iter().find(|(table, _)| table.number() == number) else {
                // Of a kind that this program does not know.
                continue;
            };
            self.peek(*table, key, &mut |stored| rows.push(owned(*table, key, stored)))?;
        }
        Ok(rows)
    }

    pub(super) fn len(&self, table: Table) -> Result<u64, Unread> {
        Ok(self.table(table)?.len()?)
    }
}

fn owned(table: Table, key: &[u8], stored: Stored<'_>) -> Row {
    Row {
        table,
        key: key.into(),
        version: stored.version,
        expires: stored.expires,
        octets: stored.octets.into(),
    }
}
