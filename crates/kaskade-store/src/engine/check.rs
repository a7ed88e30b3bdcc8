//! Whether a unit may happen, for engines that see all rows at once.

use std::collections::BTreeMap;

use super::{Batch, Conflict, Expect, Link, Table, Version};

/// What an engine has before a unit.
pub(crate) trait Before {
    /// What a failed look is.
    type Error;

    /// The version of a row.
    fn version(&mut self, table: Table, key: &[u8]) -> Result<Option<Version>, Self::Error>;

    /// The key of the row that a link leads to.
    fn owner(&mut self, table: Table, link: &Link) -> Result<Option<Box<[u8]>>, Self::Error>;
}

/// The first conflict of a unit with what is there.
pub(crate) fn conflict<B: Before>(unit: &Batch, before: &mut B) -> Result<Option<Conflict>, B::Error> {
    for change in unit.changes() {
        let name = change.table.name();
        let expected = match change.expect {
            Expect::Any => continue,
            expect => expect,
        };
        match (expected, before.version(change.table, &change.key)?) {
            (Expect::Absent, Some(_)) => return Ok(Some(Conflict::Present(name))),
            (Expect::Version(version), found) if found != Some(version) => return Ok(Some(Conflict::Changed(name))),
            _ => {}
        }
    }
    if unit
        .changes()
        .iter()
        .all(|change| change.value.as_ref().is_none_or(|value| value.links.is_empty()))
    {
        return Ok(None);
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
            let conflict = Some(Conflict::Taken(table.name(), link.index));
            if taken.insert((*table, link), key).is_some_and(|other| other != *key) {
                return Ok(conflict);
            }
            // Whoever has it in another row gives it up in the same unit, or it is taken.
            if let Some(owner) = before.owner(*table, link)?
                && *owner != **key
                && !last.contains_key(&(*table, &*owner))
            {
                return Ok(conflict);
            }
        }
    }
    Ok(None)
}
