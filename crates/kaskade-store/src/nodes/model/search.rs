//! Every state that can be reached, breadth first: the first path to a broken promise is a shortest one.
//!
//! Of our own, as it is so short: docs/adr/0025-several-nodes.md says why not the crate `stateright`.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;

/// What can happen, and what becomes of it.
pub(super) trait Model {
    type State: Clone + Hash;
    type Action: Copy + fmt::Debug;

    /// What may happen next, also what turns out to change nothing.
    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>);

    /// The state after an action; `None` where it cannot happen.
    fn step(&self, state: &Self::State, action: Self::Action, notes: &mut Notes) -> Option<Self::State>;
}

/// What an action was seen to do.
#[derive(Default)]
pub(super) struct Notes {
    /// A bit for each kind of event.
    pub(super) events: u64,
    /// Which promise is broken.
    pub(super) broken: Option<String>,
    /// In words, where somebody reads them.
    pub(super) words: Option<String>,
}

impl Notes {
    pub(super) fn say(&mut self, words: fmt::Arguments<'_>) {
        if let Some(said) = &mut self.words {
            said.push_str(&format!("; {words}"));
        }
    }
}

/// All of it.
pub(super) struct Searched {
    pub(super) states: usize,
    pub(super) transitions: u64,
    /// Of the longest path.
    pub(super) depth: usize,
    pub(super) events: u64,
}

/// A part of a state that many states have: its hash is made once.
pub(super) struct Kept<T>(Rc<(u64, T)>);

impl<T: Hash> Kept<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Rc::new((fingerprint(&value), value)))
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.1
    }
}

impl<T> Hash for Kept<T> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0.0);
    }
}

/// States are told apart by 64 bits of SipHash: among ten millions of them two are taken for one with a probability of 3 in a million.
fn fingerprint<S: Hash>(state: &S) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// Those are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only fingerprints are kept");
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

/// Searches all states.
///
/// # Errors
/// The actions on the way to a broken promise, in words; or that there are more than `most` states.
pub(super) fn search<M: Model>(model: &M, initial: &M::State, most: usize) -> Result<Searched, String> {
    let mut known: HashSet<u64, BuildHasherDefault<AsItIs>> = HashSet::default();
    // Of each state but the first: the one before it, and what happened then.
    let mut before: Vec<(u32, M::Action)> = Vec::new();
    known.insert(fingerprint(initial));
    let mut level = vec![(0_u32, initial.clone())];
    let (mut actions, mut transitions, mut depth) = (Vec::new(), 0, 0);
    let mut events = 0;
    while !level.is_empty() {
        let mut next = Vec::new();
        for (at, state) in level {
            actions.clear();
            model.actions(&state, &mut actions);
            for action in actions.drain(..) {
                let mut notes = Notes::default();
                let Some(after) = model.step(&state, action, &mut notes) else {
                    continue;
                };
                transitions += 1;
                events |= notes.events;
                if let Some(broken) = notes.broken {
                    return Err(format!("{broken}\n{}", path(model, initial, &before, at, action)));
                }
                if known.insert(fingerprint(&after)) {
                    before.push((at, action));
                    next.push((u32::try_from(before.len()).map_err(|error| error.to_string())?, after));
                }
            }
            if before.len() >= most {
                return Err(format!(
                    "more than {most} states, {depth} actions deep: the bounds are too wide"
                ));
            }
        }
        depth += usize::from(!next.is_empty());
        level = next;
    }
    Ok(Searched {
        states: known.len(),
        transitions,
        depth,
        events,
    })
}

/// The actions up to one that breaks a promise, each with what it did.
fn path<M: Model>(model: &M, initial: &M::State, before: &[(u32, M::Action)], mut at: u32, last: M::Action) -> String {
    let mut actions = vec![last];
    while let Some(number) = at.checked_sub(1) {
        let (earlier, action) = before[number as usize];
        actions.push(action);
        at = earlier;
    }
    let (mut state, mut text) = (initial.clone(), String::new());
    for (number, action) in actions.iter().rev().enumerate() {
        let mut notes = Notes {
            words: Some(String::new()),
            ..Notes::default()
        };
        if let Some(after) = model.step(&state, *action, &mut notes) {
            state = after;
        }
        text.push_str(&format!(
            "{:>4} {action:?}{}\n",
            number + 1,
            notes.words.unwrap_or_default()
        ));
    }
    text
}
