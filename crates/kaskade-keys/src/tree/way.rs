//! Ways through the hierarchy: derivations that lead from keys at hand to a key.
//!
//! One notion says which way is the usual one: each key has its usual derivation ([`is_usual`]), and of several ways the
//! one with the fewest other derivations is usual. Where two have equally few, neither is: whoever asks has to choose.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ptr;

use super::{children, find, keys, makers, parent, plain, rows};
use crate::derivation::{Row, Rule};

/// Keys whose derivations stand side by side, so that none is the usual one: what decides is the authentication that ran,
/// and nothing that enters tells which it was.
const SIDE_BY_SIDE: &[&str] = &["K_HSE"];

/// Derivations that follow only certain others: child, parent, and what the parent must itself be derived from. Whoever
/// has the parent already knows where it comes from, and may go on.
const ONLY_AFTER: &[(&str, &str, &[&str])] = &[
    // TS 33.501 6.1.3.1: EAP-AKA' without fast re-authentication; never the EMSK of EAP-AKA.
    ("K_AUSF", "EMSK", FULL_EAP_AKA_PRIME),
    ("K_AUSF_P", "EMSK", FULL_EAP_AKA_PRIME),
    // TS 33.501 I.2.2.2: the MSK of another EAP method, which comes from elsewhere.
    ("K_AUSF", "MSK", &[]),
];

const FULL_EAP_AKA_PRIME: &[&str] = &["MK (EAP-AKA')", "MK_ECDHE"];

/// Keys whose name is another's with a word in brackets, and which are none the less no form of it.
const NO_FORM: &[&str] = &["Kc (4 times)"];

/// Whether a derivation is the usual one of its key, or one of several that are equally so.
pub fn is_usual(row: &Row) -> bool {
    SIDE_BY_SIDE.contains(&row.child) || parent(row.child).is_some_and(|usual| ptr::eq(usual, row))
}

/// What a name may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The key.
    pub key: &'static str,
    /// The name of the last derivation, if that is what was named: K_NG-RAN*, which makes a K_gNB.
    pub named: Option<&'static str>,
    /// How near the name is to what was written.
    pub rank: Rank,
}

/// How near a name is to what was written: of two usual ways, the one to the nearer name is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The key's own name.
    Own,
    /// A derivation's own name for it.
    Derivation,
    /// The same name in EPS: K_NASint is K_NASint (EPS) for whoever starts from K_ASME.
    Eps,
    /// The same name with another word in brackets.
    Form,
}

impl Target {
    /// The key by its own name.
    pub const fn key(key: &'static str) -> Self {
        Self {
            key,
            named: None,
            rank: Rank::Own,
        }
    }

    /// Its name: that of the derivation, if that was meant.
    pub fn name(&self) -> &'static str {
        self.named.unwrap_or(self.key)
    }
}

/// All that a name may mean, in any case and with or without underscores and the like ([`find`]).
pub fn targets(name: &str) -> Vec<Target> {
    let mut targets: Vec<Target> = find(name).map(Target::key).into_iter().collect();
    let wanted = plain(name);
    for row in rows().filter(|row| row.named != row.child && plain(row.named) == wanted) {
        let target = Target {
            key: row.child,
            named: Some(row.named),
            rank: Rank::Derivation,
        };
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    let forms = forms(name).into_iter().filter(|form| find(name) != Some(*form));
    targets.extend(forms.map(|key| Target {
        key,
        named: None,
        rank: if key.ends_with(" (EPS)") { Rank::Eps } else { Rank::Form },
    }));
    targets
}

/// The keys whose name is this one with a word in brackets after it: NH (EPS) for NH.
pub fn forms(name: &str) -> Vec<&'static str> {
    let wanted = plain(name);
    let is_form = |key: &&'static str| {
        let bare = key.strip_suffix(')').and_then(|key| key.split_once(" ("));
        bare.is_some_and(|(bare, _)| plain(bare) == wanted) && !NO_FORM.contains(key)
    };
    keys().into_iter().filter(is_form).collect()
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// It is at hand.
    Given(&'static str),
    /// It is derived first.
    Derived(Box<Way>),
    /// Nothing at hand leads to it, nor to one of its alternatives.
    Missing(&'static [&'static str]),
}

impl Source {
    /// The key's name; that of the first alternative, if nothing leads to any.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Given(name) => name,
            Self::Derived(way) => way.row.child,
            Self::Missing(names) => names.first().copied().unwrap_or_default(),
        }
    }

    fn derivations<'w>(&'w self, known: &mut Vec<&'w Way>) {
        if let Self::Derived(way) = self {
            way.collect(known);
        }
    }
}

/// One way to a key: its last derivation, and where that derivation's keys come from.
#[derive(Clone, Debug)]
pub struct Way {
    /// The last derivation.
    pub row: &'static Row,
    /// Where its parent comes from.
    pub parent: Source,
    /// Where the other keys come from that enter, in their order.
    pub keys: Vec<Source>,
    /// How many choices of this derivation are not the usual ones.
    unusual: usize,
}

impl PartialEq for Way {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.row, other.row) && self.parent == other.parent && self.keys == other.keys
    }
}

impl Way {
    /// All derivations, each once, in an order in which they can be made; this one last.
    pub fn steps(&self) -> Vec<&Self> {
        let mut steps = Vec::new();
        self.collect(&mut steps);
        steps
    }

    fn collect<'w>(&'w self, known: &mut Vec<&'w Self>) {
        self.parent.derivations(known);
        self.keys.iter().for_each(|key| key.derivations(known));
        if !known.iter().any(|step| ptr::eq(step.row, self.row)) {
            known.push(self);
        }
    }

    /// The derivations from parent to child, without those of other keys that enter.
    pub fn chain(&self) -> Vec<&'static Row> {
        let mut chain = match &self.parent {
            Source::Derived(way) => way.chain(),
            _ => Vec::new(),
        };
        chain.push(self.row);
        chain
    }

    /// How many of its derivations are not the usual ones.
    pub fn unusual(&self) -> usize {
        self.steps().iter().map(|step| step.unusual).sum()
    }

    /// The keys that nothing at hand leads to, each with the derivation that needs it.
    pub fn missing(&self) -> Vec<(&'static Row, &'static [&'static str])> {
        let of_step = |step: &&Self| -> Vec<(&'static Row, &'static [&'static str])> {
            let missing = step.keys.iter().filter_map(|key| match key {
                Source::Missing(names) => Some((step.row, *names)),
                _ => None,
            });
            missing.collect()
        };
        self.steps().iter().flat_map(of_step).collect()
    }

    /// Whether each key is made in one way only. Where a key is renewed, the old one makes the new one, and everything else
    /// takes the new one.
    fn is_consistent(&self) -> bool {
        let mut sources: Vec<&Source> = Vec::new();
        self.sources(None, &mut sources);
        let takes_one = |newest: &&Source| {
            let mut outside: Vec<&Source> = Vec::new();
            self.sources(Some(newest), &mut outside);
            let mut same_name = outside.iter().filter(|source| source.name() == newest.name());
            same_name.all(|source| source == newest)
        };
        let one_each = sources.iter().all(|source| {
            sources
                .iter()
                .filter(|other| other.name() == source.name())
                .any(takes_one)
        });
        // Whatever a derivation stands on must be the same wherever it is made.
        let steps = self.steps();
        let differs = |way: &Self| {
            let same_row = steps.iter().find(|step| ptr::eq(step.row, way.row));
            same_row.is_some_and(|step| **step != *way)
        };
        let mut derived = sources.iter().filter_map(|source| match source {
            Source::Derived(way) => Some(way),
            _ => None,
        });
        one_each && !differs(self) && !derived.any(|way| differs(way))
    }

    /// All places where keys enter; what makes `without` is left out.
    fn sources<'w>(&'w self, without: Option<&Source>, all: &mut Vec<&'w Source>) {
        for source in core::iter::once(&self.parent).chain(&self.keys) {
            all.push(source);
            if let (Source::Derived(way), false) = (source, Some(source) == without) {
                way.sources(without, all);
            }
        }
    }
}

/// Keys at hand, and what may be done with them.
pub struct Search<'h> {
    have: &'h dyn Fn(&str) -> bool,
    /// What the keys at hand lead to, if every other key that enters is there.
    reached: BTreeSet<&'static str>,
    algorithm_sets: bool,
}

/// More ways than these are not looked at.
const MOST: usize = 512;

/// No way has more derivations that are not usual.
pub const MOST_UNUSUAL: usize = 3;

impl<'h> Search<'h> {
    /// From the keys that `have` is true of. Only an algorithm set leads on from K itself: its functions are followed if
    /// `algorithm_sets` says so.
    pub fn new(have: &'h dyn Fn(&str) -> bool, algorithm_sets: bool) -> Self {
        let mut reached: BTreeSet<&'static str> = BTreeSet::new();
        let mut open: Vec<&'static str> = keys().into_iter().filter(|key| have(key)).collect();
        while let Some(key) = open.pop() {
            if !reached.insert(key) {
                continue;
            }
            let rows = children(key).filter(|row| algorithm_sets || !matches!(row.rule, Rule::AlgorithmSet(_)));
            open.extend(rows.map(|row| row.child));
        }
        Self {
            have,
            reached,
            algorithm_sets,
        }
    }

    /// The ways to what is meant that have at most so many derivations that are not usual, those with the fewest first.
    pub fn ways(&self, target: Target, most_unusual: usize) -> Vec<Way> {
        let mut ways = self.made(target.key, target.named, true, &mut Vec::new(), most_unusual);
        ways.sort_by_key(|way| (way.unusual(), way.chain().len()));
        ways
    }

    /// Of all that is meant the usual way, or several where they are equally usual; none if nothing leads there.
    pub fn usual(&self, targets: &[Target]) -> Vec<(Target, Way)> {
        for most in 0..=MOST_UNUSUAL {
            let all = targets.iter().flat_map(|target| {
                let ways = self.ways(*target, most).into_iter();
                ways.map(|way| (*target, way))
            });
            let mut all: Vec<(Target, Way)> = all.collect();
            let nearest = all.iter().map(|(target, _)| target.rank).min();
            all.retain(|(target, _)| Some(target.rank) == nearest);
            if !all.is_empty() {
                return all;
            }
        }
        Vec::new()
    }

    /// The ways to make a key; `open` are the keys that are being made.
    fn made(
        &self,
        key: &'static str,
        named: Option<&str>,
        renewed: bool,
        open: &mut Vec<&'static str>,
        most: usize,
    ) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        open.push(key);
        for row in makers(key) {
            let is_set = matches!(row.rule, Rule::AlgorithmSet(_));
            if (is_set && !self.algorithm_sets) || named.is_some_and(|named| row.named != named) {
                continue;
            }
            // Whoever names the last derivation has chosen it.
            let unusual = usize::from(named.is_none() && !is_usual(row));
            if unusual > most {
                continue;
            }
            let parents = if row.parent == key {
                self.old(key, renewed, open, most - unusual)
            } else {
                self.sources(row.parent, open, most - unusual)
            };
            let parents = parents.into_iter().filter(|parent| may_follow(row, parent));
            let mut of_row: Vec<Way> = parents
                .map(|parent| Way {
                    row,
                    parent,
                    keys: Vec::new(),
                    unusual,
                })
                .collect();
            for names in row.keys() {
                let alternatives = self.alternatives(names, open, most - unusual);
                of_row = of_row
                    .iter()
                    .flat_map(|way| alternatives.iter().map(move |(key, unusual)| way.with(key, *unusual)))
                    .take(MOST)
                    .collect();
            }
            of_row.retain(|way| way.unusual() <= most && way.is_consistent());
            ways.extend(of_row);
            ways.truncate(MOST);
        }
        open.pop();
        ways
    }

    /// The key that a derivation renews.
    fn old(&self, key: &'static str, renewed: bool, open: &mut Vec<&'static str>, most: usize) -> Vec<Source> {
        match (renewed, (self.have)(key)) {
            (false, _) => Vec::new(),
            (true, true) => [Source::Given(key)].into(),
            (true, false) => {
                let old = self.made(key, None, false, open, most).into_iter();
                let first = old.filter(|way| is_usual(way.row));
                first.map(|way| Source::Derived(Box::new(way))).collect()
            }
        }
    }

    /// Where a key may come from.
    fn sources(&self, name: &'static str, open: &mut Vec<&'static str>, most: usize) -> Vec<Source> {
        let mut sources: Vec<Source> = Vec::new();
        let have = (self.have)(name);
        if have {
            sources.push(Source::Given(name));
        }
        if open.contains(&name) || !self.reached.contains(name) {
            return sources;
        }
        let mut made = self.made(name, None, true, open, most);
        if have {
            // A key at hand is not made again, but it may be renewed.
            made.retain(|way| way.row.parent == way.row.child && way.parent == Source::Given(name));
        }
        sources.extend(made.into_iter().map(|way| Source::Derived(Box::new(way))));
        sources
    }

    /// Where one of several keys may come from, and how many of the choices are not usual.
    fn alternatives(
        &self,
        names: &'static [&'static str],
        open: &mut Vec<&'static str>,
        most: usize,
    ) -> Vec<(Source, usize)> {
        let given = names.iter().filter(|name| (self.have)(name));
        let given: Vec<(Source, usize)> = given.map(|name| (Source::Given(name), 0)).collect();
        if !given.is_empty() {
            return given;
        }
        let mut alternatives: Vec<(Source, usize)> = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let unusual = usize::from(at > 0);
            let again = open.iter().filter(|key| *key == name).count() > 1;
            if unusual > most || again || !self.reached.contains(name) {
                continue;
            }
            // What enters besides the parent is as it was made first: SYNC-input is the first K_gNB, though it may help to
            // make the next one.
            let made = self.made(name, None, false, open, most - unusual).into_iter();
            let first = made.filter(|way| is_usual(way.row));
            alternatives.extend(first.map(|way| (Source::Derived(Box::new(way)), unusual)));
        }
        if alternatives.is_empty() {
            alternatives.push((Source::Missing(names), 0));
        }
        alternatives
    }
}

impl Way {
    fn with(&self, key: &Source, unusual: usize) -> Self {
        let mut way = self.clone();
        way.keys.push(key.clone());
        way.unusual += unusual;
        way
    }
}

fn may_follow(row: &Row, parent: &Source) -> bool {
    let Source::Derived(way) = parent else { return true };
    let rule = ONLY_AFTER
        .iter()
        .find(|(child, parent, _)| *child == row.child && *parent == row.parent);
    rule.is_none_or(|(_, _, after)| after.contains(&way.row.parent))
}

/// The usual way from one key to another, from parent to child; empty when they are the same, `None` when there is none.
/// Where several are equally usual, the shortest of them; [`Search::usual`] gives all.
///
/// Keys that enter besides the parents must come from elsewhere.
pub fn path(from: &str, to: &str) -> Option<Vec<&'static Row>> {
    let to = find(to)?;
    if from == to {
        return Some(Vec::new());
    }
    let have = |key: &str| key == from;
    let ways = Search::new(&have, true).usual(&[Target::key(to)]);
    ways.first().map(|(_, way)| way.chain())
}
