//! Whether a unit may happen, for engines that see all rows at once.

use std::collections::BTreeMap;

use kaskade_faults::fault;

use super::{Batch, Change, Conflict, Expect, Link, Table, Version};

/// What an engine has before a unit.
pub trait Before {
    /// What a failed look is.
    type Error;

    /// Whether a table was declared.
    fn has(&self, table: Table) -> bool;

    /// The version of a row, and its end.
    fn row(&mut self, table: Table, key: &[u8]) -> Result<Option<(Version, u64)>, Self::Error>;

    /// The key of the row that a link leads to.
    fn owner(&mut self, table: Table, link: &Link) -> Result<Option<Box<[u8]>>, Self::Error>;
}

/// The first conflict of a unit with what is there at a moment; without one, the removals of ended rows that it does besides:
/// those whose links it takes. Whoever applies them and the unit together keeps what [`Engine::commit`](super::Engine::commit)
/// promises of conflicts.
///
/// # Errors
/// When a look fails.
pub fn conflict<B: Before>(unit: &Batch, now: u64, before: &mut B) -> Result<Result<Vec<Change>, Conflict>, B::Error> {
    let ended = |expires: u64| expires != 0 && expires <= now;
    let mut evicted = Vec::new();
    for change in unit.changes() {
        let name = change.table.name();
        if !before.has(change.table) {
            return Ok(Err(Conflict::Undeclared(name)));
        }
    }
    for change in unit.changes() {
        let name = change.table.name();
        let expected = match change.expect {
            Expect::Any => continue,
            expect => expect,
        };
        let found = before.row(change.table, &change.key)?;
        let found = found.filter(|(_, expires)| unit.sees_ended() || !ended(*expires));
        match (expected, found.map(|(version, _)| version)) {
            (Expect::Absent, Some(_)) => return Ok(Err(Conflict::Present(name))),
            (Expect::Version(version), found) if found != Some(version) => return Ok(Err(Conflict::Changed(name))),
            _ => {}
        }
    }
    for (table, key, version) in unit.looks().iter().filter(|_| !fault!("looks-not-looked-at")) {
        let found = match before.has(*table) {
            true => before.row(*table, key)?,
            false => return Ok(Err(Conflict::Undeclared(table.name()))),
        };
        let found = found.filter(|(_, expires)| !ended(*expires));
        if found.is_none_or(|(found, _)| found != *version) {
            return Ok(Err(Conflict::Changed(table.name())));
        }
    }
    if unit
        .changes()
        .iter()
        .all(|change| change.value.as_ref().is_none_or(|value| value.links.is_empty()))
    {
        return Ok(Ok(evicted));
    }
    // Of several changes to one row the last counts.
    let last: BTreeMap<_, _> = unit
        .changes()
        .iter()
        .map(|change| ((change.table, &*change.key), change))
        .collect();
    let mut taken: BTreeMap<(Table, &Link), &[u8]> = BTreeMap::new();
    for ((table, key), change) in &last {
        for link in change.value.iter().flat_map(|value| &value.links) {
            let conflict = Err(Conflict::Taken(table.name(), link.index));
            if taken.insert((*table, link), key).is_some_and(|other| other != *key) {
                return Ok(conflict);
            }
            // Whoever has it in another row gives it up in the same unit, or it is taken.
            if let Some(owner) = before.owner(*table, link)?
                && *owner != **key
                && !last.contains_key(&(*table, &*owner))
            {
                match before.row(*table, &owner)? {
                    Some((_, expires)) if ended(expires) => evicted.push(Change {
                        table: *table,
                        key: owner,
                        expect: Expect::Any,
                        value: None,
                    }),
                    _ => return Ok(conflict),
                }
            }
        }
    }
    Ok(Ok(evicted))
}
