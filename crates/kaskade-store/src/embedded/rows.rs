//! How the embedded engine writes rows, links and ends down.
//!
//! ```text
//! a row        version ‖ end ‖ number of links ‖ (index 1 ‖ length ‖ octets)* ‖ what it says     numbers as LEB128
//! table links  table 2 ‖ index 1 ‖ octets        → the row's key
//! table ends   end 8 ‖ table 2 ‖ the row's key   → nothing
//! ```

use crate::engine::{Link, Stored, Table, Value, Version};
use crate::leb128;

/// A row as it lies in the file: what is before its octets, and those.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) stored: Stored<'a>,
    links: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Reads a row of a table; `None` when it is damaged.
    #[inline]
    pub(super) fn of(table: Table, octets: &'a [u8]) -> Option<Self> {
        if table.is_plain() {
            let stored = Stored {
                version: Version(0),
                expires: 0,
                octets,
            };
            return Some(Self { stored, links: &[] });
        }
        let rest = &mut { octets };
        let version = Version(leb128::take(rest)?);
        let expires = leb128::take(rest)?;
        let count = leb128::take(rest)?;
        let before = *rest;
        for _ in 0..count {
            link(rest)?;
        }
        let links = before.get(..before.len() - rest.len())?;
        let stored = Stored {
            version,
            expires,
            octets: rest,
        };
        Some(Self { stored, links })
    }

    /// Its links: index, octets.
    pub(super) fn links(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut rest = self.links;
        std::iter::from_fn(move || if rest.is_empty() { None } else { link(&mut rest) })
    }

    /// All that the row is but for its version.
    pub(super) fn value(&self) -> Value {
        let links = self.links().map(|(index, octets)| Link {
            index,
            octets: octets.into(),
        });
        Value {
            octets: self.stored.octets.into(),
            expires: self.stored.expires,
            links: links.collect(),
        }
    }
}

/// The octets of a row as they lie in the file of an [`EmbeddedEngine`](super::EmbeddedEngine): which commit wrote it, and what it holds;
/// `None` when it is damaged. For whoever examines a file.
pub fn decode_row(octets: &[u8]) -> Option<(Version, Value)> {
    let parts = Parts::of(LINKED, octets)?;
    Some((parts.stored.version, parts.value()))
}

/// What [`decode_row`] reads.
pub fn encode_row(version: Version, value: &Value) -> Vec<u8> {
    encode(LINKED, version, value)
}

/// Any table whose rows are more than their octets.
const LINKED: Table = Table::new(u16::MAX, "any");

/// A row as it is to lie in the file.
pub(super) fn encode(table: Table, version: Version, value: &Value) -> Vec<u8> {
    if table.is_plain() {
        return value.octets.to_vec();
    }
    let links: usize = value.links.iter().map(|link| link.octets.len() + 8).sum();
    let mut row = Vec::with_capacity(value.octets.len() + links + 24);
    leb128::push(&mut row, version.0);
    leb128::push(&mut row, value.expires);
    leb128::push(&mut row, value.links.len() as u64);
    for Link { index, octets } in &value.links {
        row.push(*index);
        leb128::push(&mut row, octets.len() as u64);
        row.extend_from_slice(octets);
    }
    row.extend_from_slice(&value.octets);
    row
}

/// The key of a link.
pub(super) fn link_key(table: Table, index: u8, octets: &[u8]) -> Vec<u8> {
    [&table.number().to_be_bytes()[..], &[index], octets].concat()
}

/// The key of an end.
pub(super) fn end_key(expires: u64, table: Table, key: &[u8]) -> Vec<u8> {
    [&expires.to_be_bytes()[..], &table.number().to_be_bytes(), key].concat()
}

/// What an end's key says: when, the table's number, the row's key.
pub(super) fn end_parts(octets: &[u8]) -> Option<(u64, u16, &[u8])> {
    let (expires, rest) = octets.split_first_chunk()?;
    let (table, key) = rest.split_first_chunk()?;
    Some((u64::from_be_bytes(*expires), u16::from_be_bytes(*table), key))
}

fn link<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (index, after) = rest.split_first()?;
    *rest = after;
    let len = usize::try_from(leb128::take(rest)?).ok()?;
    let (octets, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some((*index, octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table::new(900, "of a test");

    #[test]
    fn a_row_reads_back() {
        let links = vec![
            Link {
                index: 3,
                octets: [7; 300].into(),
            },
            Link {
                index: 0,
                octets: [].into(),
            },
        ];
        for (version, expires) in [(0, 0), (1, u64::MAX), (u64::MAX, 1), (300, 1_790_000_000_000)] {
            let value = Value {
                octets: b"what it says".to_vec().into(),
                expires,
                links: links.clone(),
            };
            let row = encode(TABLE, Version(version), &value);
            let parts = Parts::of(TABLE, &row).expect("whole");
            assert_eq!(parts.stored.version, Version(version));
            assert_eq!(
                (parts.stored.expires, parts.stored.octets),
                (expires, &b"what it says"[..])
            );
            let found: Vec<_> = parts.links().map(|(index, octets)| (index, octets.to_vec())).collect();
            assert_eq!(found, [(3, vec![7; 300]), (0, vec![])]);
            for len in 0..row.len() - value.octets.len() {
                assert!(Parts::of(TABLE, &row[..len]).is_none(), "{len} octets of it");
            }
        }
    }

    #[test]
    fn a_plain_row_is_its_octets() {
        let value = Value {
            octets: [0xff, 0xff].into(),
            ..Value::default()
        };
        let row = encode(Table::META, Version(7), &value);
        assert_eq!(row, [0xff, 0xff]);
        assert_eq!(Parts::of(Table::META, &row).expect("whole").stored.octets, [0xff, 0xff]);
    }
}
