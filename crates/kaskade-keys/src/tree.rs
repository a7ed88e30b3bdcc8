//! The hierarchy as a graph: keys are its nodes, rows its edges.
//!
//! Most keys have one derivation; some have several ([`makers`]), such as K_AMF, which comes from K_SEAF, from the K_AMF
//! before it, or from K_ASME. The first of them in the order of [`rows`] is the usual one ([`parent`], [`is_usual`]); ways
//! over several keys are found by a [`Search`], the usual one first.
//!
//! # All derivations
//!
#![doc = include_str!("key-table.md")]

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

mod never_leaves;
mod way;

pub use way::{MOST_UNUSUAL, Rank, Search, Source, Target, Way, forms, is_usual, path, targets};

use crate::derivation::{Holder, Row};
use crate::{akma, best, eap, emsk, eps, fivegs, gba, gsm, interworking, pc5, ran, ranging, umts};

/// The lists of all modules: a module's list is entered here, parents before children.
static MODULES: &[&[&Row]] = &[
    umts::ROWS,
    gsm::OUTSIDE_ROWS,
    gsm::FUNCTION_ROWS,
    gsm::ROWS,
    eps::ROWS,
    eps::FUNCTION_ROWS,
    fivegs::ROWS,
    fivegs::HASH_ROWS,
    ran::ROWS,
    interworking::ROWS,
    eap::ROWS,
    eap::FUNCTION_ROWS,
    emsk::FUNCTION_ROWS,
    emsk::of_5g_aka::FUNCTION_ROWS,
    akma::ROWS,
    akma::FUNCTION_ROWS,
    gba::FUNCTION_ROWS,
    gba::ROWS,
    best::ROWS,
    pc5::FUNCTION_ROWS,
    pc5::ROWS,
    ranging::ROWS,
];

/// The secret that everything comes from.
pub const ROOT: &str = "K";

/// All derivations, parents before children within a branch.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    MODULES.iter().flat_map(|rows| rows.iter()).copied()
}

/// All keys, each once: first those that no row makes (K, and keys from outside), then the others in the order of rows.
pub fn keys() -> Vec<&'static str> {
    let mut keys: Vec<&'static str> = Vec::new();
    let inputs = rows().flat_map(|row| row.keys().flatten().copied());
    let named = rows().map(|row| row.parent).chain(inputs);
    let outside = named.filter(|name| parent(name).is_none());
    for name in outside.chain(rows().map(|row| row.child)) {
        if !keys.contains(&name) {
            keys.push(name);
        }
    }
    keys
}

/// The key of this name, however it is written ([`plain`]): `kamf` is K_AMF.
pub fn find(name: &str) -> Option<&'static str> {
    let keys = keys();
    if let Some(exact) = keys.iter().find(|key| **key == name) {
        return Some(exact);
    }
    let wanted = plain(name);
    keys.into_iter().find(|key| plain(key) == wanted)
}

/// A name without what does not tell it apart: letters and digits in lower case, apostrophes and stars. Both may be written
/// as words, where a shell would take them for its own: `k-amf-prime` is K_AMF', `k-enb-star` is K_eNB*.
pub fn plain(name: &str) -> String {
    let signs = name.chars().map(|c| match c {
        '\u{2019}' | '\u{2018}' | '\u{2032}' | '\u{2b9}' | '\u{b4}' | '`' => '\'',
        '\u{2217}' | '\u{ff0a}' => '*',
        c => c,
    });
    let plain: String = signs
        .filter(|c| c.is_alphanumeric() || matches!(c, '*' | '\''))
        .flat_map(char::to_lowercase)
        .collect();
    plain.replace("prime", "'").replace("star", "*")
}

/// The derivations that start from a key.
pub fn children(parent: &str) -> impl Iterator<Item = &'static Row> {
    rows().filter(move |row| row.parent == parent)
}

/// The derivations that make a key, the usual one first.
pub fn makers(child: &str) -> impl Iterator<Item = &'static Row> {
    rows().filter(move |row| row.child == child)
}

/// The usual derivation of a key; `None` for K, for keys from outside, and for a name that is no key.
pub fn parent(child: &str) -> Option<&'static Row> {
    makers(child).next()
}

/// Who holds a key after any of its derivations.
pub fn holders(key: &str) -> Vec<Holder> {
    let all: BTreeSet<Holder> = makers(key).flat_map(|row| row.held_by.iter().copied()).collect();
    all.into_iter().collect()
}

/// The keys that fall when `leaked` do, without them: whoever knows a parent, and all keys that enter besides it, knows
/// the child. What is no key counts as known, since it travels in clear or can be guessed.
pub fn fallen(leaked: &[&str]) -> Vec<&'static str> {
    let mut known: BTreeSet<&str> = leaked.iter().copied().collect();
    loop {
        let before = known.len();
        for row in rows() {
            let falls =
                known.contains(row.parent) && row.keys().all(|names| names.iter().any(|name| known.contains(name)));
            if falls {
                known.insert(row.child);
            }
        }
        if known.len() == before {
            break;
        }
    }
    let fallen = keys().into_iter();
    fallen
        .filter(|key| known.contains(key) && !leaked.contains(key))
        .collect()
}
