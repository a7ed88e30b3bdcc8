//! Why there is no way, in words: what is missing, what else could be meant, and how to say it.

use kaskade_keys::derivation::Rule;
use kaskade_keys::tree::{self, Target};

use crate::given::{Given, Named};
use crate::plan::candidate::Plan;
use crate::{hierarchy, notation};

pub(super) fn unreachable(targets: &[Target], given: &Given) -> String {
    let Some(target) = targets.first() else {
        return "there is no such key".to_owned();
    };
    let (name, key) = (target.name(), target.key);
    let mut parents: Vec<String> = Vec::new();
    let makers = tree::makers(key).filter(|row| target.named.is_none_or(|named| row.named == named));
    for row in makers.filter(|row| !matches!(row.rule, Rule::AlgorithmSet(_))) {
        let parent = format!("--from {}=-", notation::option(row.parent));
        if !parents.contains(&parent) {
            parents.push(parent);
        }
    }
    let names = given.names();
    let above = names
        .iter()
        .find(|name| tree::path(key, name).is_some_and(|path| !path.is_empty()));
    let why = match above {
        _ if given.has(key) => format!("{key} is what you give"),
        Some(above) => format!("{above} is derived from {name}, and a derivation cannot be turned round"),
        None if names.is_empty() => "no key is given".to_owned(),
        None => format!("it does not come from {}", names.join(", ")),
    };
    if tree::path(tree::ROOT, key).is_some() {
        parents.push("K and a challenge: --k-file, --opc-file, --rand".to_owned());
    }
    if parents.is_empty() {
        return format!("{name} cannot be derived: {why}. It comes from elsewhere, no derivation makes it");
    }
    format!("{name} cannot be derived: {why}. Give {}", parents.join(" or "))
}

pub(super) fn incomplete(plan: &Plan, others: &[&Plan], given: &Given) -> String {
    let missing = plan.way.missing();
    let mut missing: Vec<String> = missing
        .iter()
        .map(|(row, names)| {
            let name = names.first().copied().unwrap_or_default();
            format!(
                "{} (--from {}=-, for {} by {})",
                names.join(" or "),
                notation::option(name),
                row.named,
                row.clause
            )
        })
        .collect();
    // What several derivations need is one line.
    let mut inputs: Vec<(String, String)> = Vec::new();
    for (row, spec, form) in plan.missing(given) {
        let of = format!("{} by {}", row.named, row.clause);
        let what = format!(
            "{} ({}--input {}={}, {}",
            spec.name,
            short_option(&spec.option()),
            spec.option(),
            form.example,
            form.form
        );
        match inputs.iter_mut().find(|(known, _)| *known == what) {
            Some((_, all)) => all.push_str(&format!(" and {of}")),
            None => inputs.push((what, of)),
        }
    }
    missing.extend(inputs.iter().map(|(what, of)| format!("{what}, for {of})")));
    let mut text = format!(
        "{} by {} needs more. Missing:\n  {}",
        plan.target.name(),
        plan.chain(),
        missing.join("\n  ")
    );
    push_others(&mut text, &[plan], others);
    text
}

/// The option that says an input in the words of who has a subscriber at hand.
fn short_option(input: &str) -> &'static str {
    match input {
        "serving-network-name" | "sn-id" => "--plmn 001-01, or ",
        "sqn-xor-ak" => "--sqn with K and --rand, or --autn, or ",
        "supi" => "--supi imsi-001010000000001, or ",
        "rand" => "--rand, or ",
        _ => "",
    }
}

/// Other ways, each with what chooses it.
fn push_others(text: &mut String, known: &[&Plan], others: &[&Plan]) {
    const SHOWN: usize = 4;
    let nearest = others.iter().map(|plan| plan.way.unusual()).min();
    let mut others = others.to_vec();
    others.retain(|plan| Some(plan.way.unusual()) <= nearest.map(|least| least.max(1)));
    others.sort_by_key(|plan| (plan.renews(), plan.order()));
    let shown: Vec<&Plan> = others.iter().take(SHOWN).copied().collect();
    if shown.is_empty() {
        return;
    }
    let all: Vec<&Plan> = known.iter().chain(&others).copied().collect();
    text.push_str("\nOther ways:");
    for other in &shown {
        text.push_str(&format!("\n  {}", choice(other, &all)));
    }
}

/// What chooses a plan among others, and the plan.
fn choice(plan: &Plan, all: &[&Plan]) -> String {
    let functions: Vec<String> = plan.rows().iter().map(|row| hierarchy::function(row)).collect();
    let way = format!("{} ({})", plan.chain(), functions.join(", "));
    if plan.is_another_form() && all.iter().any(|other| other.target != plan.target) {
        let same: Vec<&Plan> = all
            .iter()
            .filter(|other| other.target == plan.target)
            .copied()
            .collect();
        let least = same.iter().map(|other| other.order()).min();
        // Under its full name it is the usual way.
        if same.iter().filter(|other| Some(other.order()) == least).count() == 1 && Some(plan.order()) == least {
            return format!("{:<26} {way}", format!("kaskade derive \"{}\"", plan.key()));
        }
    }
    format!("--via {:<20} {way}", word(plan, all))
}

/// A word for `--via` that only this plan goes by; failing that, several.
fn word(plan: &Plan, all: &[&Plan]) -> String {
    let rows = plan.rows();
    let words = rows.iter().rev().flat_map(|row| {
        let function = hierarchy::function(row);
        let named = notation::option(row.named);
        [named, notation::option(row.parent), function, notation::via(row)]
    });
    // What has blanks would be more than one word to a shell.
    let words: Vec<String> = words.filter(|word| word.is_ascii() && !word.contains(' ')).collect();
    let rivals = |words: &[&String]| {
        let goes = |other: &&&Plan| words.iter().all(|word| other.goes_via(word.trim_matches('"')));
        all.iter()
            .filter(goes)
            .filter(|other| other.order() <= plan.order())
            .count()
    };
    if let Some(word) = words.iter().find(|word| rivals(&[word]) == 1) {
        return word.clone();
    }
    let pairs = words.iter().flat_map(|a| words.iter().map(move |b| (a, b)));
    match pairs.into_iter().find(|(a, b)| rivals(&[a, b]) == 1) {
        Some((a, b)) => format!("{a} --via {b}"),
        None => words.last().cloned().unwrap_or_default(),
    }
}

pub(super) fn ambiguous(name: &str, plans: &[Plan]) -> String {
    let mut text = format!(
        "there are {} ways to {name} with these inputs; choose one with --via:",
        plans.len()
    );
    let all: Vec<&Plan> = plans.iter().collect();
    for plan in plans {
        text.push_str(&format!("\n  {}", choice(plan, &all)));
    }
    text
}

/// What is named and not used was meant for something else.
pub(super) fn refused(usual: &[Plan], others: &[Plan], given: &Given) -> String {
    let Some(plan) = usual.iter().min_by_key(|plan| plan.unused(given).len()) else {
        return "nothing leads there".to_owned();
    };
    let unused = plan.unused(given);
    let unused: Vec<&str> = unused.iter().map(Named::text).collect();
    let mut text = format!(
        "{} by {} does not use {}: leave it out, or correct it",
        plan.target.name(),
        plan.chain(),
        unused.join(", ")
    );
    let known: Vec<&Plan> = usual.iter().collect();
    let fitting: Vec<&Plan> = others.iter().filter(|plan| plan.unused(given).is_empty()).collect();
    push_others(&mut text, &known, &fitting);
    text
}
