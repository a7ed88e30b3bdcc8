//! What a derivation is, without values: as text and as JSON.

use std::ops::RangeInclusive;

use kaskade_keys::derivation::{Encoding, Given, Holder, Octets, ParameterSpec, Row, Rule, Transcript};
use kaskade_keys::tree;
use serde_json::{Value, json};

use crate::digits;
use crate::explain::ruler;
use crate::notation::{self, option, quoted};
use crate::sheet::{Sheet, Style, wrap};
use crate::{hierarchy, plan};

/// One derivation on a page: what enters, who derives and holds the key, when it is renewed, and S with the examples of the inputs.
pub fn text(sheet: &Sheet, row: &'static Row) -> String {
    let mut page = Page::new(sheet);
    let title = if row.named == row.child {
        format!("{} from {}", row.child, row.parent)
    } else {
        format!("{} from {}, as {}", row.child, row.parent, row.named)
    };
    page.title(&title, &format!("{}, {}", row.clause, row.rule));
    page.prose(row.about.trim());
    page.text.push('\n');
    page.fact("Rule", &rule(row));
    page.fact(
        "Parent",
        &format!("{}, {}", row.parent, octets(&hierarchy::lengths(row.parent))),
    );
    for (at, spec) in row.parameters.iter().enumerate() {
        page.input(at, row, spec);
    }
    let lengths = row.child_least_octets..=row.child_octets;
    page.fact("Kept", &format!("{}: {}", row.kept.name(), octets(&lengths)));
    page.fact("Derived by", &holders(row.derived_by));
    page.fact("Held by", &holders(row.held_by));
    page.fact("Renewed", row.life.renewed);
    page.fact("Deleted", row.life.deleted);
    page.fact("Source", &format!("{}: {}", row.source().name(), row.clause));
    if !row.doubt.is_empty() {
        page.fact("Doubt", row.doubt);
    }
    page.fact("Derive it", &command(row));
    if let Rule::Kdf(_) = row.rule {
        let example = example(row);
        page.text.push('\n');
        for line in wrap(&sheet.spell(&example_title(row)), sheet.width()) {
            page.text.push_str(&format!("{}\n", sheet.paint(Style::Faint, &line)));
        }
        page.text.push_str(&ruler::ruler(sheet, &example, false, 0));
    }
    page.text
}

/// What a key is for, where it stands, and how else it is made.
pub fn place_in_hierarchy(sheet: &Sheet, key: &'static str) -> String {
    let mut page = Page::new(sheet);
    let chain = tree::path(tree::ROOT, key).unwrap_or_default();
    if let Some(first) = chain.first() {
        let names: Vec<&str> = chain.iter().map(|row| row.child).collect();
        page.fact("From K", &format!("{} → {}", first.parent, names.join(" → ")));
    }
    let forms = other_forms(key);
    if !forms.is_empty() {
        page.fact("Forms", &forms.join(", "));
    }
    let mut serves: Vec<String> = Vec::new();
    for row in tree::children(key) {
        let child = if row.child == key {
            format!("the next {key}")
        } else {
            row.child.to_owned()
        };
        let entry = format!("{child} ({})", hierarchy::function(row));
        if !serves.contains(&entry) {
            serves.push(entry);
        }
    }
    let enters: Vec<&str> = tree::rows()
        .filter(|row| row.keys().any(|names| names.contains(&key)))
        .map(|row| row.child)
        .collect();
    if serves.is_empty() {
        page.fact("Serves", "nothing further is derived from it: it is used as it is");
    } else {
        page.fact("Serves", &serves.join(", "));
    }
    if !enters.is_empty() {
        page.fact("Enters", &format!("{} as a second secret", enters.join(", ")));
    }
    page.text
}

/// The keys that have the same name but for a word in brackets: NH (EPS) for NH.
fn other_forms(key: &str) -> Vec<&'static str> {
    let bare = key.split_once(" (").map_or(key, |(bare, _)| bare);
    let forms = tree::find(bare).into_iter().chain(tree::forms(bare));
    forms.filter(|form| *form != key).collect()
}

/// A page of facts that fits the output.
struct Page<'c> {
    sheet: &'c Sheet,
    text: String,
}

const LABEL: usize = 12;

impl<'c> Page<'c> {
    fn new(sheet: &'c Sheet) -> Self {
        Self {
            sheet,
            text: String::new(),
        }
    }

    fn title(&mut self, title: &str, beside: &str) {
        let title = self.sheet.paint(Style::Strong, &self.sheet.spell(title));
        let beside = self.sheet.paint(Style::Faint, &self.sheet.spell(beside));
        self.text.push_str(&format!("{title}  {beside}\n"));
    }

    fn prose(&mut self, text: &str) {
        for line in wrap(&self.sheet.spell(text), self.sheet.width()) {
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }

    fn fact(&mut self, label: &str, value: &str) {
        let columns = self.sheet.width().saturating_sub(LABEL);
        let mut label = self.sheet.paint(Style::Faint, &format!("{label:<LABEL$}"));
        for line in wrap(&self.sheet.spell(value), columns) {
            self.text.push_str(&format!("{label}{line}\n"));
            label = " ".repeat(LABEL);
        }
    }

    fn input(&mut self, at: usize, row: &Row, spec: &ParameterSpec) {
        let label = if at == 0 { "Inputs" } else { "" };
        let mut value = format!("P{at} {}: {}", spec.name, spec.encoding);
        if let (Rule::Kdf(_), Encoding::Octets(n) | Encoding::Secret(n)) = (row.rule, spec.encoding) {
            value.push_str(&format!(" (L{at} {n:04x})"));
        }
        value.push_str(", ");
        value.push_str(&match spec.given {
            Given::Fixed(fixed) => format!("fixed: {}", *digits::text(&fixed())),
            Given::Key(names) => format!("a key: {}", names.join(" or ")),
            Given::Text(form) => {
                let octets = (form.parse)(form.example).unwrap_or_default();
                format!(
                    "given: {}. --input {}={} is {}",
                    form.form,
                    spec.option(),
                    form.example,
                    *digits::text(&octets)
                )
            }
        });
        self.fact(label, &value);
    }
}

fn rule(row: &Row) -> String {
    match row.rule {
        Rule::Kdf(fc) => format!("KDF of TS 33.220 (HMAC-SHA-256 keyed with {}), FC {fc}", row.parent),
        Rule::AlgorithmSet(function) => format!("{function} of the subscriber's authentication algorithm set"),
        Rule::Function(function, _) => function.to_owned(),
    }
}

fn octets(lengths: &RangeInclusive<u16>) -> String {
    let bits = u32::from(*lengths.start()) * 8..=u32::from(*lengths.end()) * 8;
    let bits = if bits.start() == bits.end() {
        bits.end().to_string()
    } else {
        format!("{} to {}", bits.start(), bits.end())
    };
    format!("{} octets ({bits} bits)", hierarchy::length(lengths))
}

fn holders(holders: &[Holder]) -> String {
    let mut holders = holders.to_vec();
    holders.sort_by_key(|holder| holder.group());
    let names: Vec<&str> = holders.iter().map(|holder| holder.name()).collect();
    names.join(", ")
}

/// The command that makes the key by this derivation.
pub fn command(row: &'static Row) -> String {
    if let Rule::AlgorithmSet(_) = row.rule {
        let mut command = format!("kaskade derive {} --k-file - --opc-file -", quoted(row.child));
        for (spec, form) in row.texts() {
            command.push_str(&format!(" --{} {}", spec.option(), form.example));
        }
        return command;
    }
    let mut command = format!("kaskade derive {} --from {}=-", quoted(row.child), option(row.parent));
    for names in row.keys() {
        let name = names.first();
        command.push_str(&format!(
            " --from {}=-",
            name.map_or_else(String::new, |name| option(name))
        ));
    }
    for (spec, form) in row.texts() {
        command.push_str(&format!(" --input {}={}", spec.option(), form.example));
    }
    if plan::is_ambiguous(row) {
        command.push_str(&format!(" --via {}", notation::via(row)));
    }
    command
}

fn example_title(row: &Row) -> String {
    let values: Vec<String> = row
        .texts()
        .map(|(spec, form)| format!("{} {}", spec.name, form.example))
        .collect();
    if values.is_empty() {
        "S".to_owned()
    } else {
        format!("S with {}", values.join(", "))
    }
}

/// What enters with the examples of the inputs; keys are shown by their length.
fn example(row: &'static Row) -> Transcript {
    let given = |spec: &'static ParameterSpec| -> Result<Octets, std::convert::Infallible> {
        Ok(match spec.given {
            Given::Text(form) => (form.parse)(form.example).unwrap_or_default(),
            Given::Fixed(fixed) => fixed().into(),
            Given::Key(names) => vec![0; names.first().map_or(0, |name| usize::from(hierarchy::octets(name)))].into(),
        })
    };
    match row.transcript(given) {
        Ok(transcript) => transcript,
        Err(never) => match never {},
    }
}

/// One derivation as JSON, without values.
pub fn document(row: &'static Row) -> Value {
    let parameters: Vec<Value> = row.parameters.iter().map(parameter).collect();
    let names = |holders: &[Holder]| -> Vec<&'static str> { holders.iter().map(|holder| holder.name()).collect() };
    let fc = match row.rule {
        Rule::Kdf(fc) => Some(fc.to_string()),
        _ => None,
    };
    let children: Vec<&str> = tree::children(row.child).map(|row| row.child).collect();
    json!({
        "name": row.child,
        "named": row.named,
        "parent": row.parent,
        "parent_octets": row.parent_octets,
        "about": row.about.trim(),
        "function": row.rule.to_string(),
        "fc": fc,
        "parameters": parameters,
        "kept": row.kept.name(),
        "octets": row.child_octets,
        "octets_least": row.child_least_octets,
        "derived_by": names(row.derived_by),
        "held_by": names(row.held_by),
        "renewed": row.life.renewed,
        "deleted": row.life.deleted,
        "children": children,
        "clause": row.clause,
        "source": row.source().name(),
        "doubt": (!row.doubt.is_empty()).then_some(row.doubt),
        "usual": tree::is_usual(row),
        "via": notation::via(row),
        "command": command(row),
    })
}

fn parameter(spec: &ParameterSpec) -> Value {
    let mut value = json!({
        "name": spec.name,
        "encoding": spec.encoding.to_string(),
        "secret": spec.encoding.is_secret(),
    });
    match spec.given {
        Given::Fixed(fixed) => {
            value["given"] = json!("fixed");
            value["octets"] = json!(digits::text(&fixed()).as_str());
        }
        Given::Key(names) => {
            value["given"] = json!("key");
            value["keys"] = json!(names);
            value["octets_of_key"] = json!(names.first().map(|name| hierarchy::octets(name)));
        }
        Given::Text(form) => {
            let octets = (form.parse)(form.example).unwrap_or_default();
            value["given"] = json!("text");
            value["option"] = json!(spec.option());
            value["form"] = json!(form.form);
            value["example"] = json!({ "text": form.example, "octets": digits::text(&octets).as_str() });
        }
    }
    value
}
