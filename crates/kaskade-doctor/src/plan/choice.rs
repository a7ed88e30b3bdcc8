//! Of all ways to a key the one that is meant.

use kaskade_keys::derivation::{Octets, Row};
use kaskade_keys::tree::{MOST_UNUSUAL, Search, Target};

use crate::discretion::shown;
use crate::given::{Given, Named};
use crate::lookup;
use crate::plan::candidate::Plan;
use crate::plan::error::PlanError;
use crate::plan::refusal;

impl Plan {
    /// The way to what is meant that fits what is given: the usual one, unless what was named asks for another.
    ///
    /// `via` are keys, methods, FCs or clauses that it must go by.
    ///
    /// # Errors
    /// [`PlanError`]: `name` is no key, nothing leads there, something is missing, too much is given, or several ways fit.
    pub fn find(name: &str, given: &Given, via: &[String]) -> Result<Self, PlanError> {
        let targets = lookup::targets(name)?;
        let mut plans = Self::all(&targets, given);
        if plans.is_empty() {
            return Err(PlanError::Unreachable(refusal::unreachable(&targets, given)));
        }
        for wanted in via {
            plans.retain(|plan| plan.goes_via(wanted));
            if plans.is_empty() {
                return Err(PlanError::NoWayBy {
                    from: "what is given".into(),
                    name: name.to_owned(),
                    via: shown(wanted),
                });
            }
        }
        let least = plans.iter().map(Self::order).min();
        let (usual, others): (Vec<Self>, Vec<Self>) = plans.into_iter().partition(|plan| Some(plan.order()) == least);
        let fit = |plans: &[Self]| plans.iter().any(|plan| plan.unused(given).is_empty());
        if fit(&usual) {
            return choose(name, usual, &others, given);
        }
        // Only a key or an input that was named asks for another way: other options are written out of habit.
        let unused = usual.iter().map(|plan| plan.unused(given)).min_by_key(Vec::len);
        let asks = unused.iter().flatten().any(|named| matches!(named, Named::Explicit(_)));
        let fitting = || others.iter().filter(|plan| plan.unused(given).is_empty());
        let least = fitting().map(Self::order).min();
        let mut nearest = fitting().filter(|plan| Some(plan.order()) == least);
        if asks && nearest.any(|plan| plan.is_complete(given)) {
            let nearest = others.into_iter().filter(|plan| Some(plan.order()) == least);
            return choose(name, nearest.collect(), &[], given);
        }
        Err(PlanError::Unused(refusal::refused(&usual, &others, given)))
    }

    /// All ways to all that is meant, the usual ones first.
    fn all(targets: &[Target], given: &Given) -> Vec<Self> {
        let have = |name: &str| given.has(name);
        let search = Search::new(&have, false);
        let plans = targets.iter().flat_map(|target| {
            let ways = search.ways(*target, MOST_UNUSUAL).into_iter();
            ways.map(|way| Self { target: *target, way })
        });
        let mut plans: Vec<Self> = plans.collect();
        plans.sort_by_key(Self::order);
        plans
    }
}

/// Of plans that are equally usual the one that what is given asks for. Where two remain, nobody guesses.
fn choose(name: &str, plans: Vec<Plan>, others: &[Plan], given: &Given) -> Result<Plan, PlanError> {
    let (mut fitting, unfit): (Vec<Plan>, Vec<Plan>) =
        plans.into_iter().partition(|plan| plan.unused(given).is_empty());
    let complete: Vec<&Plan> = fitting.iter().filter(|plan| plan.is_complete(given)).collect();
    let chosen = match complete.as_slice() {
        [only] => fitting
            .iter()
            .all(|plan| std::ptr::eq(plan, *only) || only.is_said(plan, given)),
        [] => {
            fitting.sort_by_key(|plan| (plan.way.missing().len(), plan.missing(given).len()));
            let others: Vec<&Plan> = fitting.iter().skip(1).chain(&unfit).chain(others).collect();
            return match fitting.first() {
                Some(plan) => Err(PlanError::Incomplete(refusal::incomplete(plan, &others, given))),
                None => Err(PlanError::Unreachable(format!("{name} cannot be derived"))),
            };
        }
        _ => false,
    };
    if !chosen {
        return Err(PlanError::Ambiguous(refusal::ambiguous(name, &fitting)));
    }
    fitting.retain(|plan| plan.is_complete(given));
    let chosen = fitting.pop();
    chosen.ok_or_else(|| PlanError::Unreachable(format!("{name} cannot be derived")))
}

/// The usual way from one key to another by name, for people who ask for a way and give no inputs; `None` if there is none.
///
/// # Errors
/// [`PlanError`]: `name` is no key, none of the ways goes by `via`, or several are equally usual; the text lists them.
pub fn usual(from: &'static str, name: &str, via: &[String]) -> Result<Option<Plan>, PlanError> {
    let targets = lookup::targets(name)?;
    let have = |key: &str| key == from;
    let search = Search::new(&have, true);
    let to_plan = |(target, way)| Plan { target, way };
    let mut plans: Vec<Plan> = if via.is_empty() {
        search.usual(&targets).into_iter().map(to_plan).collect()
    } else {
        let all = targets.iter().flat_map(|target| {
            let ways = search.ways(*target, MOST_UNUSUAL).into_iter();
            ways.map(|way| (*target, way))
        });
        all.map(to_plan).collect()
    };
    for wanted in via {
        let found = !plans.is_empty();
        plans.retain(|plan| plan.goes_via(wanted));
        if found && plans.is_empty() {
            return Err(PlanError::NoWayBy {
                from: from.to_owned(),
                name: name.to_owned(),
                via: shown(wanted),
            });
        }
    }
    let least = plans.iter().map(Plan::order).min();
    plans.retain(|plan| Some(plan.order()) == least);
    match plans.len() {
        0 | 1 => Ok(plans.pop()),
        _ => Err(PlanError::Ambiguous(refusal::ambiguous(name, &plans))),
    }
}

/// Whether the key, the other keys and the inputs of a derivation do not say by themselves that it is this one.
pub fn is_ambiguous(row: &'static Row) -> bool {
    let mut given = Given::default();
    let empty = || Octets::new(Vec::new());
    let others = row.keys().filter_map(|names| names.first().copied());
    for name in std::iter::once(row.parent).chain(others) {
        // A key that enters twice is given once.
        let _ = given.name_key(name, empty());
    }
    for (spec, form) in row.texts() {
        let _ = given.name_input(&spec.option(), form.example);
    }
    let is_it = |plan: &Plan| matches!(plan.rows().as_slice(), [only] if std::ptr::eq(*only, row));
    !Plan::find(row.child, &given, &[]).is_ok_and(|plan| is_it(&plan))
}
