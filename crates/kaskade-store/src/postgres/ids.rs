//! How rows and links are named in the database.
//!
//! ```text
//! a row    place 4 ‖ table 2 ‖ the row's key
//! a link   place 4 ‖ table 2 ‖ index 1 ‖ the link's octets
//! place    the first octets of SHA-256 over the SUPI that the key begins with; over all of it where it begins with none
//! ```
//!
//! So a primary key spreads over the shards of an engine that has some, and the rows of a subscriber lie together. What follows the place
//! is in the order of tables and keys: an index of its own is for pages.

use aws_lc_rs::digest::{SHA256, digest};

use crate::engine::{Link, Table};

/// Octets of the place.
pub(super) const PLACE_LEN: usize = 4;
/// Octets before a row's key.
const BEFORE_KEY: usize = PLACE_LEN + 2;
/// A SUPI of the IMSI kind in a key: its kind, and digits in 8 octets.
const IMSI: (u8, usize) = (1, 9);
/// The kinds of a SUPI that is text.
const NAI: core::ops::RangeInclusive<u8> = 2..=4;

/// The name of a row.
pub(super) fn row_id(table: Table, key: &[u8]) -> Vec<u8> {
    [&place(key)[..], &table.number().to_be_bytes(), key].concat()
}

/// The name of a link.
pub(super) fn link_id(table: Table, index: u8, octets: &[u8]) -> Vec<u8> {
    [&place(octets)[..], &table.number().to_be_bytes(), &[index], octets].concat()
}

/// The name of a link of a row.
pub(super) fn id_of_link(table: Table, link: &Link) -> Vec<u8> {
    link_id(table, link.index, &link.octets)
}

/// The number of a row's table, and its key.
pub(super) fn parts(id: &[u8]) -> Option<(u16, &[u8])> {
    let (before, key) = id.split_at_checked(BEFORE_KEY)?;
    let table = before.get(PLACE_LEN..)?.try_into().ok()?;
    Some((u16::from_be_bytes(table), key))
}

/// The least octets above all that begin so.
pub(super) fn above_all(prefix: &[u8]) -> Vec<u8> {
    let mut above = prefix.to_vec();
    while let Some(last) = above.pop() {
        if let Some(next) = last.checked_add(1) {
            above.push(next);
            return above;
        }
    }
    // Longer than any name that begins so.
    vec![0xff; prefix.len() + (1 << 13)]
}

fn place(key: &[u8]) -> [u8; PLACE_LEN] {
    let digest = digest(&SHA256, subject(key));
    let mut place = [0; PLACE_LEN];
    place.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    place
}

/// The SUPI that a key begins with, or all of the key.
fn subject(key: &[u8]) -> &[u8] {
    match key.first() {
        Some(&kind) if kind == IMSI.0 && key.len() >= IMSI.1 => key.get(..IMSI.1).unwrap_or(key),
        // Another SUPI is its kind and text, and ends before the next octet that is none.
        Some(kind) if NAI.contains(kind) => {
            let end = key.iter().skip(1).position(|octet| *octet < b' ');
            end.and_then(|end| key.get(..=end)).unwrap_or(key)
        }
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use kaskade_flow::record::RecordKey;
    use kaskade_keys::Supi;

    use super::*;
    use crate::rows::{Part, PartKey, SUBSCRIBER};

    const TABLE: Table = Table::new(900, "of a test");

    #[test]
    fn all_rows_of_a_subscriber_have_one_place() {
        let mut places = Vec::new();
        for text in [
            "imsi-001010000000001",
            "imsi-001010000000002",
            "nai-a@example.org",
            "nai-aa@example.org",
        ] {
            let supi: Supi = text.parse().expect("a SUPI");
            let key = crate::key::SubscriberKey::from(&supi);
            let rows = [Part::Credentials, Part::Numbers].map(|part| row_id(SUBSCRIBER, &PartKey::new(&key, part)));
            let record = row_id(TABLE, &(supi, 7_u32).to_octets());
            let place = |id: &[u8]| id[..PLACE_LEN].to_vec();
            assert_eq!(place(&rows[0]), place(&rows[1]), "{text}");
            assert_eq!(place(&rows[0]), place(&record), "{text}");
            places.push(place(&record));
        }
        places.sort();
        places.dedup();
        assert_eq!(places.len(), 4, "and another one has another");
    }

    #[test]
    fn a_name_says_whose_it_is() {
        let id = row_id(TABLE, b"key");
        assert_eq!(parts(&id), Some((900, &b"key"[..])));
        assert_eq!(parts(&id[..5]), None);
        // FIPS 180-4 over "key", as sha256sum prints it.
        assert_eq!(id[..PLACE_LEN], [0x2c, 0x70, 0xe1, 0x2b]);
    }

    #[test]
    fn above_all_that_begin_so() {
        assert_eq!(above_all(b"ab"), b"ac");
        assert_eq!(above_all(&[1, 0xff, 0xff]), [2]);
        assert!(above_all(&[0xff; 3]) > vec![0xff; 1024]);
    }
}
