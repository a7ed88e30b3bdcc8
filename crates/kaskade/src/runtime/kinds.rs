//! Every kind of record that a node of this program may write: what a store consists of besides what is its own.

use kaskade_flow::record::{Kind, Record};

use crate::admin::policy::Decided;

/// All of them.
pub(crate) const KINDS: &[Kind] = &ALL;

const OF_ROLES: usize = kaskade_net::role::KINDS.len();
const ALL: [Kind; OF_ROLES + 1] = {
    let mut all = [Decided::KIND; OF_ROLES + 1];
    let (roles, _) = all.split_at_mut(OF_ROLES);
    roles.copy_from_slice(kaskade_net::role::KINDS);
    all
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Those that sources declare, but for the store's own and those of tests.
    fn declared(folder: &Path, found: &mut BTreeSet<u16>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                declared(&path, found);
                continue;
            }
            if path.extension().is_none_or(|end| end != "rs") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source");
            for line in text
                .lines()
                .filter(|line| line.trim_start().starts_with("const KIND: Kind"))
            {
                let (_, number) = line.split_once("Kind::new(").expect("in one line");
                let number = number.split(',').next().and_then(|number| number.parse().ok());
                assert!(found.insert(number.expect("a number")), "{line}: twice");
            }
        }
    }

    #[test]
    fn no_kind_is_left_out() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = BTreeSet::new();
        for name in ["kaskade-anchor", "kaskade-net", "kaskade"] {
            declared(&crates.join(name).join("src"), &mut found);
        }
        let all: BTreeSet<u16> = KINDS.iter().map(|kind| kind.number).collect();
        assert_eq!(all.len(), KINDS.len());
        assert_eq!(all, found);
        assert!(found.len() > 10, "{found:?}");
    }
}
