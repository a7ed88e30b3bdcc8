//! One way to a key.

use kaskade_keys::derivation::{ParameterSpec, Row, TextForm};
use kaskade_keys::tree::{self, Source, Target, Way};

use crate::given::{Given, Named};
use crate::{hierarchy, lookup};

/// One way to a key.
pub struct Plan {
    pub(super) target: Target,
    pub(super) way: Way,
}

impl Plan {
    /// What comes first is nearer to what is usual and to what was written.
    pub(super) fn order(&self) -> (usize, tree::Rank) {
        (self.way.unusual(), self.target.rank)
    }

    pub(super) fn rows(&self) -> Vec<&'static Row> {
        self.way.steps().iter().map(|step| step.row).collect()
    }

    pub(super) fn goes_via(&self, wanted: &str) -> bool {
        self.rows().iter().any(|row| is_via(row, wanted))
    }

    pub(super) fn missing(&self, given: &Given) -> Vec<(&'static Row, &'static ParameterSpec, TextForm)> {
        let mut missing: Vec<(&'static Row, &'static ParameterSpec, TextForm)> = Vec::new();
        for row in self.rows() {
            let texts = row.texts().filter(|(spec, _)| given.input(row, spec).is_none());
            missing.extend(texts.map(|(spec, form)| (row, spec, form)));
        }
        missing
    }

    pub(super) fn is_complete(&self, given: &Given) -> bool {
        self.missing(given).is_empty() && self.way.missing().is_empty()
    }

    /// Whether what is given says by itself that this way is meant and not the other: all inputs of its own derivations
    /// are there, and not only because they enter where both are the same.
    pub(super) fn is_said(&self, other: &Self, given: &Given) -> bool {
        let rows_of_other = other.rows();
        let is_common = |row: &&'static Row| rows_of_other.iter().any(|known| std::ptr::eq(*known, *row));
        let (common, own): (Vec<&'static Row>, Vec<&'static Row>) = self.rows().into_iter().partition(is_common);
        self.target.key == other.target.key && given.says(&own, &common)
    }

    /// Whether a key is renewed on the way, as in a handover.
    pub(super) fn renews(&self) -> bool {
        self.rows().iter().any(|row| row.parent == row.child)
    }

    /// The keys at hand that it starts from or that enter.
    fn keys(&self) -> Vec<&'static str> {
        let steps = self.way.steps();
        let sources = steps
            .iter()
            .flat_map(|step| std::iter::once(&step.parent).chain(&step.keys));
        let given = sources.filter_map(|source| match source {
            Source::Given(name) => Some(*name),
            _ => None,
        });
        given.collect()
    }

    /// What was named and is of no use here.
    pub(super) fn unused(&self, given: &Given) -> Vec<Named> {
        given.unused(&given.used(&self.keys(), &self.rows()))
    }

    /// The defaults of options that enter.
    pub fn defaults(&self, given: &Given) -> Vec<&'static str> {
        given.defaults(&self.rows())
    }

    /// `K_SEAF → K_AMF → K_gNB`, and where another key comes from that enters.
    pub fn chain(&self) -> String {
        let mut chain = chain(&self.way);
        for step in self.way.steps() {
            for key in &step.keys {
                if let Source::Derived(way) = key {
                    chain.push_str(&format!(", with {} from {}", way.row.named, way.row.parent));
                }
            }
        }
        chain
    }

    /// Whether the key has the name that was written in another form only: K_NASint (EPS) for K_NASint.
    pub fn is_another_form(&self) -> bool {
        self.target.rank > tree::Rank::Derivation
    }

    /// The derivations from what is given to the key, in order, without those that make other keys that enter.
    pub fn derivations(&self) -> Vec<&'static Row> {
        self.way.chain()
    }

    /// The key that it leads to.
    pub fn key(&self) -> &'static str {
        self.target.key
    }
}

fn chain(way: &Way) -> String {
    let rows = way.chain();
    let first = rows.first().map(|row| row.parent);
    let names: Vec<&str> = first.into_iter().chain(rows.iter().map(|row| row.named)).collect();
    names.join(" → ")
}

fn is_via(row: &Row, wanted: &str) -> bool {
    if let Some((parent, method)) = wanted.split_once('.')
        && lookup::same_name(row.parent, parent)
        && lookup::same_name(row.method, method)
    {
        return true;
    }
    let names = [row.parent, row.child, row.named, row.method];
    names.iter().any(|name| lookup::same_name(name, wanted))
        || hierarchy::function(row).eq_ignore_ascii_case(wanted)
        || lookup::is_in_clause(row.clause, wanted)
}
