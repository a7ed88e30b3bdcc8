//! Ways through the hierarchy: which derivations lead from what is given to a key, and what they still need.

use anyhow::{Result, bail};
use kaskade_keys::derivation::{Octets, ParameterSpec, Row, Rule, TextForm, Transcript};
use kaskade_keys::tree;

use crate::explain::{facts, lookup};
use crate::hierarchy;

/// What somebody has.
#[derive(Default)]
pub(crate) struct Given {
    keys: Vec<GivenKey>,
    inputs: Vec<GivenInput>,
}

struct GivenKey {
    name: &'static str,
    octets: Octets,
    /// Named by the person who asks, who will want to see it used.
    named: bool,
}

struct GivenInput {
    /// As the option of the row calls it, with or without the derived key and a full stop before it.
    option: String,
    value: InputValue,
    named: bool,
}

enum InputValue {
    Text(String),
    Octets(Octets),
}

impl Given {
    /// A key that was named.
    pub(crate) fn name_key(&mut self, name: &'static str, octets: Octets) {
        self.keys.retain(|key| key.name != name);
        self.keys.push(GivenKey {
            name,
            octets,
            named: true,
        });
    }

    /// Puts keys together that are given in parts: CK and IK to CK||IK.
    pub(crate) fn join_keys(&mut self) {
        for whole in tree::keys().into_iter().filter(|key| key.contains("||")) {
            let parts: Vec<&str> = whole.split("||").collect();
            let octets: Option<Vec<&[u8]>> = parts.iter().map(|part| self.octets(part)).collect();
            if let Some(octets) = octets {
                let octets = Octets::new(octets.concat());
                self.keys.retain(|key| !parts.contains(&key.name));
                self.name_key(whole, octets);
            }
        }
    }

    /// A key that follows from what was given; one that was named goes before it.
    pub(crate) fn know_key(&mut self, name: &'static str, octets: Octets) {
        if !self.has(name) {
            self.keys.push(GivenKey {
                name,
                octets,
                named: false,
            });
        }
    }

    /// An input that was named: `uplink-nas-count`, or `k-gnb.uplink-nas-count` for one derivation only.
    pub(crate) fn name_input(&mut self, option: &str, text: &str) -> Result<()> {
        let (key, bare) = match option.split_once('.') {
            Some((key, bare)) => (Some(lookup::key(key)?), bare),
            None => (None, option),
        };
        let rows = tree::rows().filter(|row| key.is_none_or(|key| row.child == key));
        let options: Vec<String> = rows.flat_map(Row::texts).map(|(spec, _)| spec.option()).collect();
        if !options.iter().any(|known| known == bare) {
            let of = key.map_or_else(String::new, |key| format!(" of {key}"));
            bail!("{bare:?} is no input{of}{}", lookup::nearest(bare, options.into_iter()));
        }
        self.inputs.push(GivenInput {
            option: key.map_or_else(|| bare.to_owned(), |key| format!("{key}.{bare}")),
            value: InputValue::Text(text.to_owned()),
            named: true,
        });
        Ok(())
    }

    /// An input that another option of the command line says.
    pub(crate) fn know_input(&mut self, option: &str, octets: Octets) {
        self.know(option, InputValue::Octets(octets));
    }

    /// The same, as text.
    pub(crate) fn know_text(&mut self, option: &str, text: &str) {
        self.know(option, InputValue::Text(text.to_owned()));
    }

    fn know(&mut self, option: &str, value: InputValue) {
        self.inputs.push(GivenInput {
            option: option.to_owned(),
            value,
            named: false,
        });
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.octets(name).is_some()
    }

    pub(crate) fn octets(&self, name: &str) -> Option<&[u8]> {
        let key = self.keys.iter().find(|key| key.name == name)?;
        Some(key.octets.as_slice())
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }

    /// The last input of this name that was named; failing that, one that is known otherwise.
    fn input(&self, row: &Row, spec: &ParameterSpec) -> Option<&GivenInput> {
        let option = spec.option();
        let of_row = format!("{}.{option}", row.child);
        let find = |wanted: &dyn Fn(&GivenInput) -> bool| self.inputs.iter().rev().find(|input| wanted(input));
        find(&|input| input.option == of_row)
            .or_else(|| find(&|input| input.option == option && input.named))
            .or_else(|| find(&|input| input.option == option))
    }

    /// What enters a derivation, from what is given and from `derived`.
    pub(crate) fn transcript(&self, row: &'static Row, derived: &Derived) -> Result<Transcript> {
        row.transcript(|spec| {
            if let Some(input) = self.input(row, spec) {
                return match (&input.value, spec.given) {
                    (InputValue::Octets(octets), _) => Ok(octets.clone()),
                    (InputValue::Text(text), kaskade_keys::derivation::Given::Text(form)) => (form.parse)(text)
                        .map_err(|error| anyhow::anyhow!("--input {}: {error}; expected {}", spec.option(), form.form)),
                    _ => bail!("{} is no input but a key: give it with --from", spec.name),
                };
            }
            let names = match spec.given {
                kaskade_keys::derivation::Given::Key(names) => names,
                _ => bail!("{} is missing", spec.name),
            };
            let octets = names
                .iter()
                .find_map(|name| derived.octets(name).or_else(|| self.octets(name)));
            match octets {
                Some(octets) => Ok(Octets::new(octets.to_vec())),
                None => bail!("{} is missing", names.join(" or ")),
            }
        })
    }
}

/// Keys that were derived, in order.
#[derive(Default)]
pub(crate) struct Derived(Vec<Step>);

/// One derivation that was made.
pub(crate) struct Step {
    pub(crate) transcript: Transcript,
    pub(crate) octets: Octets,
}

impl Derived {
    pub(crate) fn octets(&self, name: &str) -> Option<&[u8]> {
        let step = self.0.iter().rev().find(|step| step.transcript.row.child == name)?;
        Some(step.octets.as_slice())
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Derives one more.
    pub(crate) fn step(&mut self, given: &Given, row: &'static Row) -> Result<()> {
        let transcript = given.transcript(row, self)?;
        let parent = self.octets(row.parent).or_else(|| given.octets(row.parent));
        let octets = parent.and_then(|parent| transcript.derive(parent));
        let Some(octets) = octets else {
            bail!("{} does not follow from {} alone", row.child, row.parent);
        };
        self.0.push(Step { transcript, octets });
        Ok(())
    }
}

/// One way to a key.
pub(crate) struct Plan {
    pub(crate) rows: Vec<&'static Row>,
    /// Keys that nothing given leads to, with their alternatives.
    missing_keys: Vec<(&'static Row, &'static [&'static str])>,
}

/// More ways than that are not looked at.
const MOST: usize = 400;

impl Plan {
    /// The way to `target` that fits what is given.
    pub(crate) fn find(target: &'static str, given: &Given, via: &[String]) -> Result<Self> {
        let mut plans = ways(target, given, &mut Vec::new());
        if plans.is_empty() {
            bail!("{}", unreachable(target, given));
        }
        for wanted in via {
            plans.retain(|plan| plan.goes_via(wanted));
            if plans.is_empty() {
                bail!("no way from what is given to {target} goes by {wanted:?}");
            }
        }
        let (mut complete, mut rest): (Vec<Self>, Vec<Self>) = plans
            .into_iter()
            .partition(|plan| plan.missing(given).is_empty() && plan.missing_keys.is_empty());
        let most = complete.iter().map(|plan| plan.used(given)).max().unwrap_or(0);
        complete.retain(|plan| plan.used(given) == most);
        match complete.len() {
            0 => {
                rest.sort_by_key(|plan| (plan.missing_keys.len(), plan.missing(given).len(), plan.unusual()));
                bail!("{}", incomplete(target, &rest, given));
            }
            1 => {
                let plan = complete.swap_remove(0);
                plan.refuse_unused(target, given)?;
                Ok(plan)
            }
            _ => bail!("{}", ambiguous(target, &complete)),
        }
    }

    fn goes_via(&self, wanted: &str) -> bool {
        self.rows.iter().any(|row| is_via(row, wanted))
    }

    fn missing(&self, given: &Given) -> Vec<(&'static Row, &'static ParameterSpec, TextForm)> {
        let mut missing: Vec<(&'static Row, &'static ParameterSpec, TextForm)> = Vec::new();
        for row in &self.rows {
            missing.extend(
                row.texts()
                    .filter(|(spec, _)| given.input(row, spec).is_none())
                    .map(|(spec, form)| (*row, spec, form)),
            );
        }
        missing
    }

    fn unusual(&self) -> usize {
        self.rows.iter().filter(|row| !hierarchy::is_usual(row)).count()
    }

    fn uses_key(&self, name: &str) -> bool {
        let uses = |row: &&Row| row.parent == name || row.keys().any(|names| names.contains(&name));
        self.rows.iter().any(uses)
    }

    fn uses_input(&self, given: &Given, input: &GivenInput) -> bool {
        let uses = |row: &&'static Row| {
            row.texts()
                .any(|(spec, _)| given.input(row, spec).is_some_and(|used| std::ptr::eq(used, input)))
        };
        self.rows.iter().any(uses)
    }

    /// How much of what was named is used.
    fn used(&self, given: &Given) -> usize {
        let keys = given.keys.iter().filter(|key| key.named && self.uses_key(key.name));
        let inputs = given
            .inputs
            .iter()
            .filter(|input| input.named && self.uses_input(given, input));
        keys.count() + inputs.count()
    }

    /// What is named and not used was meant for something else.
    fn refuse_unused(&self, target: &str, given: &Given) -> Result<()> {
        let keys = given.keys.iter().filter(|key| key.named && !self.uses_key(key.name));
        let mut unused: Vec<String> = keys.map(|key| format!("--from {}", facts::option(key.name))).collect();
        let inputs = given
            .inputs
            .iter()
            .filter(|input| input.named && !self.uses_input(given, input));
        unused.extend(inputs.map(|input| format!("--input {}", input.option)));
        if unused.is_empty() {
            return Ok(());
        }
        bail!("{target} by {} does not use {}", self.chain(), unused.join(", "))
    }

    /// `K_SEAF → K_AMF → K_gNB`.
    pub(crate) fn chain(&self) -> String {
        let mut chain: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !chain.contains(&row.parent) {
                chain.push(row.parent);
            }
        }
        chain.extend(self.rows.last().map(|row| row.named));
        chain.join(" → ")
    }
}

/// All ways from what is given to a key; `open` are the keys on the way up.
fn ways(target: &'static str, given: &Given, open: &mut Vec<&'static str>) -> Vec<Plan> {
    let mut plans = Vec::new();
    open.push(target);
    for row in tree::makers(target).filter(|row| !matches!(row.rule, Rule::AlgorithmSet(_))) {
        let mut of_row = sources(row.parent, given, open);
        for names in row.keys() {
            let mut of_key: Vec<Plan> = Vec::new();
            match names.iter().find(|name| given.has(name)) {
                Some(_) => of_key.push(Plan::empty()),
                None => of_key.extend(names.iter().flat_map(|name| sources(name, given, open))),
            }
            if of_key.is_empty() {
                of_row.iter_mut().for_each(|plan| plan.missing_keys.push((row, names)));
                continue;
            }
            of_row = of_row
                .iter()
                .flat_map(|plan| of_key.iter().map(|other| plan.with(other)))
                .take(MOST)
                .collect();
        }
        for mut plan in of_row {
            plan.rows.push(row);
            plans.push(plan);
        }
        plans.truncate(MOST);
    }
    open.pop();
    plans
}

/// Ways to have a key: none is needed if it is given.
fn sources(name: &'static str, given: &Given, open: &mut Vec<&'static str>) -> Vec<Plan> {
    if given.has(name) {
        vec![Plan::empty()]
    } else if open.contains(&name) {
        Vec::new()
    } else {
        ways(name, given, open)
    }
}

impl Plan {
    fn empty() -> Self {
        Self {
            rows: Vec::new(),
            missing_keys: Vec::new(),
        }
    }

    /// Both, one after the other.
    fn with(&self, other: &Self) -> Self {
        let mut rows = self.rows.clone();
        for row in &other.rows {
            if !rows.iter().any(|known| std::ptr::eq(*known, *row)) {
                rows.push(row);
            }
        }
        let missing_keys = self.missing_keys.iter().chain(&other.missing_keys).copied().collect();
        Self { rows, missing_keys }
    }
}

/// Whether the key, the other keys and the inputs of a derivation do not say by themselves that it is this one.
pub(crate) fn is_ambiguous(row: &'static Row) -> bool {
    let mut given = Given::default();
    let empty = || Octets::new(Vec::new());
    given.name_key(row.parent, empty());
    for name in row.keys().filter_map(|names| names.first()) {
        given.name_key(name, empty());
    }
    for (spec, form) in row.texts() {
        given.inputs.push(GivenInput {
            option: spec.option(),
            value: InputValue::Text(form.example.to_owned()),
            named: true,
        });
    }
    let is_it = |plan: &Plan| matches!(plan.rows.as_slice(), [only] if std::ptr::eq(*only, row));
    !Plan::find(row.child, &given, &[]).is_ok_and(|plan| is_it(&plan))
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

fn unreachable(target: &str, given: &Given) -> String {
    let parents: Vec<String> = {
        let mut parents: Vec<&str> = tree::makers(target).map(|row| row.parent).collect();
        parents.dedup();
        parents
            .iter()
            .map(|parent| format!("--from {}=-", facts::option(parent)))
            .collect()
    };
    let names = given.names();
    let above = names
        .iter()
        .find(|name| tree::path(target, name).is_some_and(|path| !path.is_empty()));
    let why = match above {
        Some(name) => format!("{name} is derived from {target}, and a derivation cannot be turned round"),
        None if names.is_empty() => "no key is given".to_owned(),
        None => format!("it does not come from {}", names.join(", ")),
    };
    let from_k = if tree::path(tree::ROOT, target).is_some() {
        "; or K and a challenge: --k-file, --opc-file, --rand"
    } else {
        ""
    };
    format!(
        "{target} cannot be derived: {why}. Give {}{from_k}",
        parents.join(" or ")
    )
}

fn incomplete(target: &str, plans: &[Plan], given: &Given) -> String {
    let Some(plan) = plans.first() else {
        return format!("{target} cannot be derived");
    };
    let mut missing: Vec<String> = plan
        .missing_keys
        .iter()
        .map(|(row, names)| {
            let name = names.first().copied().unwrap_or_default();
            format!(
                "{} (--from {}=-, for {} by {})",
                names.join(" or "),
                facts::option(name),
                row.named,
                row.clause
            )
        })
        .collect();
    missing.extend(plan.missing(given).iter().map(|(row, spec, form)| {
        format!(
            "{} (--input {}={}, {}, for {} by {})",
            spec.name,
            spec.option(),
            form.example,
            form.form,
            row.named,
            row.clause
        )
    }));
    let mut text = format!(
        "{target} by {} needs more. Missing:\n  {}",
        plan.chain(),
        missing.join("\n  ")
    );
    let others = plans.len() - 1;
    if others > 0 {
        let mut chains: Vec<String> = Vec::new();
        for other in plans.iter().skip(1) {
            let chain = other.chain();
            if chain != plan.chain() && !chains.contains(&chain) {
                chains.push(chain);
            }
        }
        if !chains.is_empty() {
            chains.truncate(3);
            text.push_str(&format!("\nOther ways (choose with --via): {}", chains.join("; ")));
        }
    }
    text
}

fn ambiguous(target: &str, plans: &[Plan]) -> String {
    let mut text = format!(
        "there are {} ways to {target} with these inputs; choose one with --via:",
        plans.len()
    );
    for plan in plans {
        let is_own = |word: &String| plans.iter().filter(|other| other.goes_via(word)).count() == 1;
        let words = plan.rows.iter().rev().flat_map(|row| {
            let function = hierarchy::function(row);
            [
                facts::option(row.child),
                facts::option(row.parent),
                function,
                facts::via(row),
            ]
        });
        let word = words.into_iter().find(is_own).unwrap_or_default();
        let functions: Vec<String> = plan.rows.iter().map(|row| hierarchy::function(row)).collect();
        text.push_str(&format!(
            "\n  --via {word:<20} {} ({})",
            plan.chain(),
            functions.join(", ")
        ));
    }
    text
}

/// Everything that follows from what is given by the usual derivations; the others lead into another system, or to the
/// next key of the same name.
pub(crate) fn everything(given: &Given) -> Result<Derived> {
    let mut derived = Derived::default();
    loop {
        let known = |derived: &Derived, name: &str| given.has(name) || derived.octets(name).is_some();
        let next = tree::rows().find(|row| {
            hierarchy::is_usual(row)
                && !known(&derived, row.child)
                && !matches!(row.rule, Rule::AlgorithmSet(_))
                && known(&derived, row.parent)
                && row.keys().all(|names| names.iter().any(|name| known(&derived, name)))
                && row.texts().all(|(spec, _)| given.input(row, spec).is_some())
        });
        match next {
            Some(row) => derived.step(given, row)?,
            None => return Ok(derived),
        }
    }
}

/// The inputs that would lead further from what is known, each with the keys that wait for it.
pub(crate) fn waiting(given: &Given, derived: &Derived) -> Vec<(String, Vec<&'static str>)> {
    let known = |name: &str| given.has(name) || derived.octets(name).is_some();
    let mut waiting: Vec<(String, Vec<&'static str>)> = Vec::new();
    let rows = tree::rows().filter(|row| hierarchy::is_usual(row) && known(row.parent) && !known(row.child));
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
