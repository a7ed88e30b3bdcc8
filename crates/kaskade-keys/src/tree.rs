//! The hierarchy as a graph: the rows of all branches, by parent and child.

use crate::derivation::Row;
use crate::{fivegs, umts};

/// All derivations, parents before children within a branch.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [umts::ROWS, fivegs::ROWS, fivegs::HASH_ROWS]
        .into_iter()
        .flatten()
        .copied()
}

/// The derivations that start from a key.
pub fn children(parent: &str) -> impl Iterator<Item = &'static Row> {
    rows().filter(move |row| row.parent == parent)
}

/// The derivation that makes a key; `None` for K and for a name that is no key.
pub fn parent(child: &str) -> Option<&'static Row> {
    rows().find(|row| row.child == child)
}
