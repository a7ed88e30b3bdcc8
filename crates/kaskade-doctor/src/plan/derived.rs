//! Keys that were derived, step by step.

use kaskade_keys::derivation::{self, NamedKey, Row, Rule, Transcript};
use kaskade_keys::tree::{self, Source};

use crate::given::Given;
use crate::hierarchy;
use crate::plan::candidate::Plan;
use crate::plan::error::PlanError;

/// Keys that were derived, in order.
#[derive(Default)]
pub struct Derived(Vec<Step>);

/// One derivation that was made.
pub struct Step {
    /// The derivation and the octets that entered.
    pub transcript: Transcript,
    /// The key.
    pub key: NamedKey,
}

impl Derived {
    /// Derives by a plan.
    ///
    /// # Errors
    /// [`PlanError`]: an input is malformed or said twice with different values, or what the plan was made for is not given.
    pub fn by(plan: &Plan, given: &Given) -> Result<Self, PlanError> {
        let mut derived = Self::default();
        for step in plan.way.steps() {
            let names: Vec<&str> = step.keys.iter().map(Source::name).collect();
            derived.step(given, step.row, &names)?;
        }
        Ok(derived)
    }

    /// A key by its name, the one that was derived last.
    pub fn key(&self, name: &str) -> Option<&NamedKey> {
        let step = self.0.iter().rev().find(|step| step.transcript.row.child == name)?;
        Some(&step.key)
    }

    /// The derivations, in order.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Derives one more; `names` are the keys that enter besides the parent.
    fn step(&mut self, given: &Given, row: &'static Row, names: &[&str]) -> Result<(), PlanError> {
        let at_hand = |name: &str| self.key(name).cloned().or_else(|| given.key(name));
        let mut names = names.iter();
        let transcript = row.transcript(|spec| {
            let octets = match spec.given {
                derivation::Given::Key(_) => names
                    .next()
                    .and_then(|name| at_hand(name))
                    .and_then(|key| Some(key.expose_to_operator()?.to_vec().into())),
                _ => given.value(row, spec)?,
            };
            octets.ok_or(PlanError::Missing(spec.name))
        })?;
        let Some(key) = at_hand(row.parent).and_then(|parent| transcript.derive(&parent)) else {
            return Err(PlanError::NotAlone {
                child: row.child,
                parent: row.parent,
            });
        };
        self.0.push(Step { transcript, key });
        Ok(())
    }

    /// The keys that were derived from, and those that entered.
    pub fn starts(&self) -> Vec<&'static str> {
        let rows = self.rows().into_iter();
        rows.flat_map(|row| std::iter::once(row.parent).chain(row.keys().flatten().copied()))
            .collect()
    }

    /// The derivations that were made.
    pub fn rows(&self) -> Vec<&'static Row> {
        self.0.iter().map(|step| step.transcript.row).collect()
    }
}

/// Everything that follows from what is given by the usual derivations; the others lead into another system, or to the
/// next key of the same name.
///
/// # Errors
/// [`PlanError::Given`]: an input is malformed, or said twice with different values.
pub fn everything(given: &Given) -> Result<Derived, PlanError> {
    let mut derived = Derived::default();
    loop {
        let known = |derived: &Derived, name: &str| given.has(name) || derived.key(name).is_some();
        let next = tree::rows().find(|row| {
            hierarchy::is_home(row)
                && !known(&derived, row.child)
                && !matches!(row.rule, Rule::AlgorithmSet(_))
                && known(&derived, row.parent)
                && row.keys().all(|names| names.iter().any(|name| known(&derived, name)))
                && row.texts().all(|(spec, _)| given.input(row, spec).is_some())
        });
        match next {
            Some(row) => {
                let names = row
                    .keys()
                    .filter_map(|names| names.iter().find(|name| known(&derived, name)).copied());
                let names: Vec<&str> = names.collect();
                derived.step(given, row, &names)?;
            }
            None => return Ok(derived),
        }
    }
}

/// The inputs that would lead further from what is known, as options, each with the keys that wait for it.
pub fn waiting(given: &Given, derived: &Derived) -> Vec<(String, Vec<&'static str>)> {
    let known = |name: &str| given.has(name) || derived.key(name).is_some();
    let mut waiting: Vec<(String, Vec<&'static str>)> = Vec::new();
    let rows = tree::rows().filter(|row| hierarchy::is_home(row) && known(row.parent) && !known(row.child));
    for row in rows {
        for (spec, form) in row.texts().filter(|(spec, _)| given.input(row, spec).is_none()) {
            let input = format!("--input {}={}", spec.option(), form.example);
            match waiting.iter_mut().find(|(known, _)| *known == input) {
                Some((_, keys)) => keys.push(row.child),
                None => waiting.push((input, vec![row.child])),
            }
        }
    }
    waiting
}
