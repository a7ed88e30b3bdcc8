//! What a word stands for: a key, an FC, or a clause.

use kaskade_keys::derivation::{Row, Rule};
use kaskade_keys::tree::{self, Rank, Target};

use crate::discretion::shown;
use crate::hierarchy;

/// What was found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Found {
    /// One key.
    Key(&'static str),
    /// The derivations of an FC, of a clause, or of a specification.
    Rows {
        /// What they have in common.
        title: String,
        /// In the order of the tree.
        rows: Vec<&'static Row>,
    },
}

/// Why a word stands for nothing, with what is near it. A word that may be a secret is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// No key has this name.
    #[error("{name} is no key{hint}")]
    NoKey {
        /// The name, as it was written.
        name: String,
        /// What was probably meant.
        hint: String,
    },
    /// Several keys have this name, in different systems.
    #[error("{name} is the name of several keys: {}", keys.join(", "))]
    SeveralKeys {
        /// The name, as it was written.
        name: String,
        /// Their full names.
        keys: Vec<&'static str>,
    },
    /// Neither a key nor an FC nor a clause.
    #[error("{what} is no key, FC or clause of the hierarchy{hint}")]
    Nothing {
        /// The word, as it was written.
        what: String,
        /// What was probably meant.
        hint: String,
    },
}

impl Found {
    /// The derivations, the usual one of a key first.
    pub fn rows(&self) -> Vec<&'static Row> {
        match self {
            Self::Key(key) => tree::makers(key).collect(),
            Self::Rows { rows, .. } => rows.clone(),
        }
    }
}

/// Finds a key (`K_AMF`, `kamf`), an FC (`0x6E`, `6e`), or a clause (`A.9`, `TS 33.501 A.9`, `33.501`).
///
/// # Errors
/// [`LookupError::Nothing`], with what is near it.
pub fn find(what: &str) -> Result<Found, LookupError> {
    let what = what.trim();
    if let Some(key) = tree::find(what) {
        return Ok(Found::Key(key));
    }
    let named = rows(|row| same_name(row.named, what));
    if let Some(row) = named.first() {
        return Ok(Found::Rows {
            title: format!("{}, the derivation's own name for {}", row.named, row.child),
            rows: named,
        });
    }
    if let Some(octets) = fc(what) {
        let found = rows(|row| matches!(row.rule, Rule::Kdf(fc) if fc.octets() == octets.as_slice()));
        if let Some(row) = found.first() {
            return Ok(Found::Rows {
                title: format!("FC {}", hierarchy::function(row)),
                rows: found,
            });
        }
    }
    let found = rows(|row| is_in_clause(row.clause, what));
    if !found.is_empty() {
        return Ok(Found::Rows {
            title: format!("Clause {what}"),
            rows: found,
        });
    }
    let found = rows(|row| tree::forms(what).contains(&row.child));
    if !found.is_empty() {
        return Ok(Found::Rows {
            title: format!("{what}, the name of several keys"),
            rows: found,
        });
    }
    Err(unknown(what))
}

/// Finds a key, by its name or by a derivation's own name for it (K_eNB* is a K_eNB), and nothing else.
///
/// # Errors
/// [`LookupError`]: no key has this name, or several have it.
pub fn key(name: &str) -> Result<&'static str, LookupError> {
    let name = name.trim();
    let targets = targets(name)?;
    match targets.iter().find(|target| target.rank <= Rank::Derivation) {
        Some(target) => Ok(target.key),
        None => {
            let keys = targets.iter().map(|target| target.key).collect();
            Err(LookupError::SeveralKeys {
                name: shown(name),
                keys,
            })
        }
    }
}

/// All keys that a name may mean, in any of their forms.
///
/// # Errors
/// [`LookupError::NoKey`], with what is near it.
pub fn targets(name: &str) -> Result<Vec<Target>, LookupError> {
    let targets = tree::targets(name.trim());
    if targets.is_empty() {
        let named = tree::rows().map(|row| row.named.to_owned());
        let names = tree::keys().into_iter().map(String::from).chain(named);
        return Err(LookupError::NoKey {
            name: shown(name),
            hint: nearest(name, names, ALL_KEYS),
        });
    }
    Ok(targets)
}

/// A name that at least one key has.
pub(crate) fn any_form(name: &str) -> Result<&str, LookupError> {
    targets(name).map(|_| name)
}

fn rows(holds: impl Fn(&Row) -> bool) -> Vec<&'static Row> {
    tree::rows().filter(|row| holds(row)).collect()
}

/// The same letters, digits and signs.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    tree::plain(a) == tree::plain(b)
}

/// `0x6E`, `6e` or `FC 0x6E`.
fn fc(what: &str) -> Option<Vec<u8>> {
    let what = what.trim_start_matches("FC").trim_start_matches("fc").trim();
    let digits = what
        .strip_prefix("0x")
        .or_else(|| what.strip_prefix("0X"))
        .unwrap_or(what);
    let octet = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    match digits.len() {
        2 => Some(vec![octet(0)?]),
        4 => Some(vec![octet(0)?, octet(2)?]),
        _ => None,
    }
}

/// Whether each word of `what` is a word of the clause, or what one begins with before a full stop.
pub(crate) fn is_in_clause(clause: &str, what: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split([' ', ',']).map(str::to_lowercase);
        words
            .filter(|word| !matches!(word.as_str(), "" | "ts" | "annex" | "clause"))
            .collect()
    };
    let (of_clause, wanted) = (words(clause), words(what));
    let fits = |wanted: &String| {
        of_clause.iter().any(|word| {
            word.strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    // "33" alone would be every specification of the series.
    !wanted.is_empty() && wanted.iter().all(|word| fits(word) && word != "33")
}

fn unknown(what: &str) -> LookupError {
    let keys = tree::keys().into_iter().map(String::from);
    let others = tree::rows().flat_map(|row| [row.named.to_owned(), row.clause.to_owned()]);
    LookupError::Nothing {
        what: shown(what),
        hint: nearest(what, keys.chain(others), ALL_KEYS),
    }
}

const ALL_KEYS: &str = "`kaskade explain --tree` shows all keys";

/// ": did you mean …?" with the nearest names, or where to see all.
pub(crate) fn nearest(what: &str, names: impl Iterator<Item = String>, all: &str) -> String {
    let wanted: Vec<char> = tree::plain(what).chars().collect();
    let mut ranked: Vec<(usize, String)> = names
        .map(|name| {
            (
                distance(&wanted, &tree::plain(&name).chars().collect::<Vec<char>>()),
                name,
            )
        })
        .collect();
    ranked.sort();
    ranked.dedup();
    let nearest = ranked.first().map_or(0, |(distance, _)| *distance);
    let most = nearest.min((wanted.len() / 2).clamp(1, 3));
    let near = ranked.iter().filter(|(distance, _)| *distance <= most);
    let near: Vec<&str> = near.take(4).map(|(_, name)| name.as_str()).collect();
    match near.split_last() {
        None => format!("; {all}"),
        Some((only, [])) => format!("; did you mean {only}?"),
        Some((last, others)) => format!("; did you mean {} or {last}?", others.join(", ")),
    }
}

/// Characters to insert, remove, change, or swap with the next.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let cell = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
    for (at, x) in a.iter().enumerate() {
        let mut next = vec![at + 1];
        for (column, y) in b.iter().enumerate() {
            let left = cell(&next, column) + 1;
            let above = cell(&row, column + 1) + 1;
            let changed = cell(&row, column) + usize::from(x != y);
            let mut least = left.min(above).min(changed);
            let swapped = at > 0 && column > 0 && a.get(at - 1) == Some(y) && b.get(column - 1) == Some(x);
            if swapped {
                least = least.min(cell(&before, column - 1) + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses() {
        for (what, fits) in [
            ("A.9", true),
            ("TS 33.501 A.9", true),
            ("33.501", true),
            ("ts 33.501 annex A", true),
            ("A", true),
            ("A.90", false),
            ("A.", false),
            ("33.401", false),
            ("33", false),
            ("TS", false),
        ] {
            assert_eq!(is_in_clause("TS 33.501 A.9", what), fits, "{what}");
        }
        assert!(is_in_clause("TS 33.401 Annex H", "Annex H") && is_in_clause("RFC 6696 4.1", "rfc 6696"));
    }

    #[test]
    fn distances() {
        let of = |a: &str, b: &str| {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            distance(&letters(a), &letters(b))
        };
        assert_eq!(
            (
                of("kamf", "kamf"),
                of("kanf", "kamf"),
                of("", "kamf"),
                of("kmf", "kamf")
            ),
            (0, 1, 4, 1)
        );
        assert_eq!((of("kitten", "sitting"), of("ksaef", "kseaf")), (3, 1));
    }
}
