//! The graph of keys as a tree: each key in one place, the rest as references.

use std::ops::RangeInclusive;

use kaskade_keys::derivation::{Encoding, Given, HolderGroup, Row, Rule};
use kaskade_keys::tree;

/// The trees of all keys: what comes from K, then what comes from keys from elsewhere alone.
pub fn forest() -> Vec<Vec<Place>> {
    let mut trees: Vec<Vec<Place>> = Vec::new();
    for root in roots() {
        let mut places = places(root);
        places.retain(|place| !trees.iter().flatten().any(|known| known.key == place.key));
        trees.push(places);
    }
    trees
}

/// Where a key stands in a tree.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The key.
    pub key: &'static str,
    /// The derivation that puts it there; `None` at the top.
    pub row: Option<&'static Row>,
}

/// Every key that comes from `root`, each once, parents before children; the usual derivation decides where, if its parent
/// is in the tree.
pub fn places(root: &'static str) -> Vec<Place> {
    let order = breadth_first(root);
    let mut places = vec![Place { key: root, row: None }];
    loop {
        let placed = |places: &[Place], key: &str| places.iter().any(|place| place.key == key);
        let usual = order.iter().find(|place| {
            !placed(&places, place.key) && tree::parent(place.key).is_some_and(|row| placed(&places, row.parent))
        });
        if let Some(place) = usual {
            places.push(Place {
                key: place.key,
                row: tree::parent(place.key),
            });
            continue;
        }
        // The usual parent is not below the root: the nearest one is.
        match order.iter().find(|place| !placed(&places, place.key)) {
            Some(place) => places.push(*place),
            None => break,
        }
    }
    places
}

/// The keys that come from `root`, nearest first, each with the derivation that reaches it first.
fn breadth_first(root: &'static str) -> Vec<Place> {
    let mut order = vec![Place { key: root, row: None }];
    let mut at = 0;
    while let Some(Place { key, .. }) = order.get(at).copied() {
        for row in tree::children(key) {
            if order.iter().all(|place| place.key != row.child) {
                order.push(Place {
                    key: row.child,
                    row: Some(row),
                });
            }
        }
        at += 1;
    }
    order
}

/// Whether a derivation gives its key its place in the tree: the usual one, or the first of several that are equally so.
pub fn is_home(row: &'static Row) -> bool {
    tree::parent(row.child).is_some_and(|usual| std::ptr::eq(usual, row))
}

/// Who holds a key, as groups, from the card outwards.
pub fn groups(key: &str) -> Vec<HolderGroup> {
    let holders = if key == tree::ROOT {
        tree::children(key)
            .flat_map(|row| row.derived_by.iter().copied())
            .collect()
    } else {
        tree::holders(key)
    };
    let has = |group: &HolderGroup| holders.iter().any(|holder| holder.group() == *group);
    HolderGroup::ALL.into_iter().filter(has).collect()
}

/// The names of those who hold a key, the device's side first.
pub fn holder_names(key: &str) -> Vec<&'static str> {
    let mut holders = tree::holders(key);
    if key == tree::ROOT {
        for holder in tree::children(key).flat_map(|row| row.derived_by.iter().copied()) {
            if !holders.contains(&holder) {
                holders.push(holder);
            }
        }
    }
    holders.sort_by_key(|holder| holder.group());
    holders.iter().map(|holder| holder.name()).collect()
}

/// The FC, or the function in a few words.
pub fn function(row: &Row) -> String {
    match row.rule {
        Rule::Kdf(fc) => fc.to_string(),
        other => other.to_string(),
    }
}

/// Length of a key in octets, as what makes it, what it makes, or what it enters says; the most, where the algorithm set
/// decides it.
pub fn octets(key: &str) -> u16 {
    *lengths(key).end()
}

/// The lengths that a key may have in octets: of RES the algorithm set decides it.
pub fn lengths(key: &str) -> RangeInclusive<u16> {
    let made = || tree::parent(key).map(|row| row.child_least_octets..=row.child_octets);
    let makes = || {
        tree::children(key)
            .next()
            .map(|row| row.parent_octets..=row.parent_octets)
    };
    let enters = || {
        tree::rows()
            .flat_map(|row| row.parameters)
            .find_map(|spec| match (spec.given, spec.encoding) {
                (Given::Key(names), Encoding::Secret(octets)) if names.contains(&key) => Some(octets..=octets),
                _ => None,
            })
    };
    made().or_else(makes).or_else(enters).unwrap_or(0..=0)
}

/// A length in octets, as people read it: `32`, `4 to 16`.
pub fn length(lengths: &RangeInclusive<u16>) -> String {
    let (least, most) = (lengths.start(), lengths.end());
    if least == most {
        most.to_string()
    } else {
        format!("{least} to {most}")
    }
}

/// The keys that no derivation makes: K, and those that come from elsewhere.
pub fn roots() -> Vec<&'static str> {
    let keys = tree::keys().into_iter();
    keys.filter(|key| tree::parent(key).is_none()).collect()
}
