//! Ways through the hierarchy: which derivations lead from what is given to a key, and what they still need.

use anyhow::{Result, bail};
use kaskade_keys::derivation::{self, NamedKey, ParameterSpec, Row, Rule, TextForm, Transcript};
use kaskade_keys::tree::{self, MOST_UNUSUAL, Search, Source, Target, Way};

use crate::explain::{facts, lookup};
use crate::given::{Given, Named};
use crate::hierarchy;

/// Keys that were derived, in order.
#[derive(Default)]
pub(crate) struct Derived(Vec<Step>);

/// One derivation that was made.
pub(crate) struct Step {
    pub(crate) transcript: Transcript,
    pub(crate) key: NamedKey,
}

impl Derived {
    /// Derives by a plan.
    pub(crate) fn by(plan: &Plan, given: &Given) -> Result<Self> {
        let mut derived = Self::default();
        for step in plan.way.steps() {
            let names: Vec<&str> = step.keys.iter().map(Source::name).collect();
            derived.step(given, step.row, &names)?;
        }
        Ok(derived)
    }

    pub(crate) fn key(&self, name: &str) -> Option<&NamedKey> {
        let step = self.0.iter().rev().find(|step| step.transcript.row.child == name)?;
        Some(&step.key)
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Derives one more; `names` are the keys that enter besides the parent.
    fn step(&mut self, given: &Given, row: &'static Row, names: &[&str]) -> Result<()> {
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
            octets.ok_or_else(|| anyhow::anyhow!("{} is missing", spec.name))
        })?;
        let Some(key) = at_hand(row.parent).and_then(|parent| transcript.derive(&parent)) else {
            bail!("{} does not follow from {} alone", row.child, row.parent);
        };
        self.0.push(Step { transcript, key });
        Ok(())
    }

    /// The keys that were derived from, and those that entered.
    pub(crate) fn starts(&self) -> Vec<&'static str> {
        let rows = self.rows().into_iter();
        rows.flat_map(|row| std::iter::once(row.parent).chain(row.keys().flatten().copied()))
            .collect()
    }

    /// The derivations that were made.
    pub(crate) fn rows(&self) -> Vec<&'static Row> {
        self.0.iter().map(|step| step.transcript.row).collect()
    }
}

/// One way to a key.
pub(crate) struct Plan {
    target: Target,
    pub(crate) way: Way,
}

impl Plan {
    /// The way to what is meant that fits what is given: the usual one, unless what was named asks for another.
    pub(crate) fn find(name: &str, given: &Given, via: &[String]) -> Result<Self> {
        let targets = lookup::targets(name)?;
        let mut plans = Self::all(&targets, given);
        if plans.is_empty() {
            bail!("{}", unreachable(&targets, given));
        }
        for wanted in via {
            plans.retain(|plan| plan.goes_via(wanted));
            if plans.is_empty() {
                bail!("no way from what is given to {name} goes by {}", lookup::shown(wanted));
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
        bail!("{}", refused(&usual, &others, given))
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

    /// What comes first is nearer to what is usual and to what was written.
    fn order(&self) -> (usize, tree::Rank) {
        (self.way.unusual(), self.target.rank)
    }

    fn rows(&self) -> Vec<&'static Row> {
        self.way.steps().iter().map(|step| step.row).collect()
    }

    fn goes_via(&self, wanted: &str) -> bool {
        self.rows().iter().any(|row| is_via(row, wanted))
    }

    fn missing(&self, given: &Given) -> Vec<(&'static Row, &'static ParameterSpec, TextForm)> {
        let mut missing: Vec<(&'static Row, &'static ParameterSpec, TextForm)> = Vec::new();
        for row in self.rows() {
            let texts = row.texts().filter(|(spec, _)| given.input(row, spec).is_none());
            missing.extend(texts.map(|(spec, form)| (row, spec, form)));
        }
        missing
    }

    fn is_complete(&self, given: &Given) -> bool {
        self.missing(given).is_empty() && self.way.missing().is_empty()
    }

    /// Whether what is given says by itself that this way is meant and not the other: all inputs of its own derivations
    /// are there, and not only because they enter where both are the same.
    fn is_said(&self, other: &Self, given: &Given) -> bool {
        let rows_of_other = other.rows();
        let is_common = |row: &&'static Row| rows_of_other.iter().any(|known| std::ptr::eq(*known, *row));
        let (common, own): (Vec<&'static Row>, Vec<&'static Row>) = self.rows().into_iter().partition(is_common);
        self.target.key == other.target.key && given.says(&own, &common)
    }

    /// Whether a key is renewed on the way, as in a handover.
    fn renews(&self) -> bool {
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
    fn unused(&self, given: &Given) -> Vec<Named> {
        given.unused(&given.used(&self.keys(), &self.rows()))
    }

    /// The defaults of options that enter.
    pub(crate) fn defaults(&self, given: &Given) -> Vec<&'static str> {
        given.defaults(&self.rows())
    }

    /// `K_SEAF → K_AMF → K_gNB`, and where another key comes from that enters.
    pub(crate) fn chain(&self) -> String {
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
    pub(crate) fn is_another_form(&self) -> bool {
        self.target.rank > tree::Rank::Derivation
    }

    /// The key that it leads to.
    pub(crate) fn key(&self) -> &'static str {
        self.target.key
    }
}

fn chain(way: &Way) -> String {
    let rows = way.chain();
    let first = rows.first().map(|row| row.parent);
    let names: Vec<&str> = first.into_iter().chain(rows.iter().map(|row| row.named)).collect();
    names.join(" → ")
}

/// Of plans that are equally usual the one that what is given asks for. Where two remain, nobody guesses.
fn choose(name: &str, plans: Vec<Plan>, others: &[Plan], given: &Given) -> Result<Plan> {
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
            match fitting.first() {
                Some(plan) => bail!("{}", incomplete(plan, &others, given)),
                None => bail!("{name} cannot be derived"),
            }
        }
        _ => false,
    };
    if !chosen {
        bail!("{}", ambiguous(name, &fitting));
    }
    fitting.retain(|plan| plan.is_complete(given));
    fitting.pop().ok_or_else(|| anyhow::anyhow!("{name} cannot be derived"))
}

/// The usual ways by name, for people who ask for a way and give no inputs: one, or an error that names them all.
pub(crate) fn usual(from: &'static str, name: &str, via: &[String]) -> Result<Option<Plan>> {
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
            bail!("no way from {from} to {name} goes by {}", lookup::shown(wanted));
        }
    }
    let least = plans.iter().map(Plan::order).min();
    plans.retain(|plan| Some(plan.order()) == least);
    match plans.len() {
        0 | 1 => Ok(plans.pop()),
        _ => bail!("{}", ambiguous(name, &plans)),
    }
}

/// Whether the key, the other keys and the inputs of a derivation do not say by themselves that it is this one.
pub(crate) fn is_ambiguous(row: &'static Row) -> bool {
    let mut given = Given::default();
    let empty = || kaskade_keys::derivation::Octets::new(Vec::new());
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

fn unreachable(targets: &[Target], given: &Given) -> String {
    let Some(target) = targets.first() else {
        return "there is no such key".to_owned();
    };
    let (name, key) = (target.name(), target.key);
    let mut parents: Vec<String> = Vec::new();
    let makers = tree::makers(key).filter(|row| target.named.is_none_or(|named| row.named == named));
    for row in makers.filter(|row| !matches!(row.rule, Rule::AlgorithmSet(_))) {
        let parent = format!("--from {}=-", facts::option(row.parent));
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

fn incomplete(plan: &Plan, others: &[&Plan], given: &Given) -> String {
    let missing = plan.way.missing();
    let mut missing: Vec<String> = missing
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
        let named = facts::option(row.named);
        [named, facts::option(row.parent), function, facts::via(row)]
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

fn ambiguous(name: &str, plans: &[Plan]) -> String {
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
fn refused(usual: &[Plan], others: &[Plan], given: &Given) -> String {
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

/// Everything that follows from what is given by the usual derivations; the others lead into another system, or to the
/// next key of the same name.
pub(crate) fn everything(given: &Given) -> Result<Derived> {
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

/// The inputs that would lead further from what is known, each with the keys that wait for it.
pub(crate) fn waiting(given: &Given, derived: &Derived) -> Vec<(String, Vec<&'static str>)> {
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
