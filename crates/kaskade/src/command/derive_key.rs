//! `kaskade derive KEY`: any key of the hierarchy, from keys in the middle or from a challenge.

use anyhow::{Context, Result, bail};
use kaskade::hex_field;
use kaskade_doctor::discretion::shown;
use kaskade_doctor::explain::step;
use kaskade_doctor::given::{Given, Named};
use kaskade_doctor::plan::{self, Derived, Plan};
use kaskade_doctor::sheet::wrap;
use kaskade_doctor::side::Side;
use kaskade_doctor::tree_view::{self, Sides};
use kaskade_doctor::{hierarchy, lookup};
use kaskade_keys::derivation::{NamedKey, Octets, Row};
use kaskade_keys::tree;
use serde_json::json;

use super::derive::options::Known;
use crate::console::{Console, Style};
use crate::secret_input::{Lines, SecretText};

/// Options for one key of the hierarchy, or for all that follows from some.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Any key of the hierarchy")]
pub(crate) struct KeyArgs {
    /// The key to derive, such as K_gNB; `kaskade explain --tree` shows all. Without it, one 5G AKA run
    #[arg(value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Derive every key that follows from --from and --input
    #[arg(long, conflicts_with = "key")]
    pub(crate) all: bool,
    /// A key to start from: k-amf=HEX, k-amf=@FILE (mode 0600), or k-amf=- for a line of standard input. Several times if
    /// several enter
    #[arg(long, value_name = "KEY=HEX")]
    from: Vec<SecretText>,
    /// An input by its name, such as uplink-nas-count=5; k-gnb.uplink-nas-count=5 for one derivation only
    #[arg(long, short, value_name = "NAME=VALUE")]
    input: Vec<String>,
    /// Go by this key, method, FC or clause, where several ways lead to KEY
    #[arg(long, value_name = "STEP", requires = "key")]
    via: Vec<String>,
}

impl KeyArgs {
    /// Whether these options are what the command is about.
    pub(crate) fn apply(&self) -> bool {
        self.key.is_some() || self.all
    }

    /// Refuses options that say nothing about one 5G AKA run.
    pub(crate) fn refuse_without_key(&self) -> Result<()> {
        if self.from.is_empty() && self.input.is_empty() {
            return Ok(());
        }
        bail!("--from and --input need the KEY to derive, or --all: kaskade derive K_gNB --from k-amf=- …")
    }
}

/// What to show.
#[derive(Clone, Copy)]
pub(crate) struct Show {
    pub(crate) reveal: bool,
    pub(crate) explain: bool,
    pub(crate) json: bool,
}

pub(crate) fn run(console: &Console, args: &KeyArgs, known: &Known<'_>, show: Show) -> Result<()> {
    let given = given(args, known)?;
    let Some(name) = &args.key else {
        return all(console, &given, show);
    };
    if tree::find(name) == Some(tree::ROOT) {
        bail!("K is not derived: it is the secret of the card, and it is never printed");
    }
    if let (true, Some(key)) = (known.has_challenge(), tree::find(name))
        && let (Some(known), Some(row)) = (given.key(key), tree::parent(key))
    {
        refuse_unused(
            &format!("{key} of K and the challenge"),
            &given.unused(&given.used(&[key], &[])),
        )?;
        if let Some(via) = args.via.first() {
            bail!(
                "{key} follows from K and the challenge at once: leave out --via, which is {}",
                shown(via)
            );
        }
        return print(console, &[(row, &known, None)], key, &[], show);
    }
    let plan = Plan::find(name, &given, &args.via)?;
    let derived = Derived::by(&plan, &given)?;
    if plan.is_another_form() {
        console.note(format!("{name} is {} here: {}", plan.key(), plan.chain()));
    }
    let lines = lines(&derived);
    print(console, &lines, plan.key(), &plan.defaults(&given), show)
}

fn refuse_unused(what: &str, unused: &[Named]) -> Result<()> {
    if unused.is_empty() {
        return Ok(());
    }
    let unused: Vec<&str> = unused.iter().map(Named::text).collect();
    bail!("{what} does not use {}: leave it out, or correct it", unused.join(", "))
}

fn lines(derived: &Derived) -> Vec<Line<'_>> {
    let steps = derived.steps().iter();
    steps
        .map(|step| (step.transcript.row, &step.key, Some(&step.transcript)))
        .collect()
}

/// A key, and how it came about.
type Line<'a> = (
    &'static Row,
    &'a NamedKey,
    Option<&'a kaskade_keys::derivation::Transcript>,
);

fn given(args: &KeyArgs, known: &Known<'_>) -> Result<Given> {
    let mut given = Given::default();
    let mut lines = Lines::default();
    for from in &args.from {
        let (name, octets) = key_value(from, &mut lines)?;
        given.name_key(name, octets)?;
    }
    given.join_keys()?;
    known.say_to(&mut given)?;
    for input in &args.input {
        let Some((option, text)) = input.split_once('=') else {
            bail!(
                "--input: {} is not of the form NAME=VALUE, such as --input uplink-nas-count=0",
                shown(input)
            );
        };
        given.name_input(option.trim(), text.trim())?;
    }
    Ok(given)
}

/// `k-amf=HEX`, `k-amf=@FILE` or `k-amf=-`.
fn key_value(from: &SecretText, lines: &mut Lines) -> Result<(&'static str, Octets)> {
    let Some((name, value)) = from.expose().split_once('=') else {
        bail!("--from: expected KEY=HEX, KEY=@FILE or KEY=-, such as --from k-amf=-");
    };
    let name = lookup::key(name)?;
    if name == tree::ROOT {
        bail!("K does not derive by itself: give --k-file, --opc-file (or --op-file) and --rand");
    }
    let line = lines.value(value).with_context(|| name.to_owned())?;
    let lengths = hierarchy::lengths(name);
    let (least, most) = (usize::from(*lengths.start()), usize::from(*lengths.end()));
    let octets = if least == most {
        hex_field::octets_of(name, &line, most)?
    } else {
        hex_field::octets_between(name, &line, least, most)?
    };
    Ok((name, octets))
}

fn print(console: &Console, lines: &[Line<'_>], target: &str, defaults: &[&str], show: Show) -> Result<()> {
    if show.json {
        let keys: Vec<_> = lines
            .iter()
            .map(|(row, key, transcript)| {
                let octets = key.expose_to_operator();
                step::document(
                    row,
                    key.fingerprint(),
                    (Some(key.len()), octets),
                    *transcript,
                    show.reveal && octets.is_some(),
                )
            })
            .collect();
        let document = json!({ "target": target, "defaults": defaults, "keys": keys });
        return Ok(console.line(serde_json::to_string_pretty(&document)?)?);
    }
    if show.explain {
        for (row, key, transcript) in lines {
            if let Some(transcript) = transcript {
                console.text(&step::text(console.sheet(), transcript, show.reveal))?;
                console.line(format!("  {} {}", console.spell("→"), value(row, key, show.reveal)))?;
                console.line("")?;
            }
        }
    }
    let width = |cell: &dyn Fn(&Row) -> usize| lines.iter().map(|(row, ..)| cell(row)).max().unwrap_or(0);
    let child = width(&|row| row.named.chars().count());
    let parent = width(&|row| row.parent.chars().count());
    let function = width(&|row| row.rule.to_string().chars().count());
    let clause = width(&|row| row.clause.chars().count());
    for (row, key, _) in lines {
        let name = format!("{:<child$}", row.named);
        let style = if row.child == target {
            Style::Strong
        } else {
            Style::Faint
        };
        let inputs: Vec<String> = row.texts().map(|(spec, _)| spec.name.to_owned()).collect();
        let line = format!(
            "from {:<parent$}  {:<function$}  {:<clause$}  {}",
            row.parent,
            row.rule.to_string(),
            row.clause,
            inputs.join(", ")
        );
        console.line(format!(
            "{}  {}  {}",
            console.paint(style, &console.spell(&name)),
            key.fingerprint(),
            console.paint(Style::Faint, &console.spell(line.trim_end()))
        ))?;
        if show.reveal {
            let value = match key.expose_to_operator() {
                Some(octets) => hex_field::text(octets).to_string(),
                None => "never shown: EMSK does not leave (RFC 5295 2)".to_owned(),
            };
            console.line(format!("{}  {}", " ".repeat(child), console.paint(Style::Note, &value)))?;
        }
    }
    say_defaults(console, defaults)?;
    if !show.reveal {
        console.line(console.paint(Style::Faint, "Fingerprints; --reveal shows the keys"))?;
    }
    Ok(())
}

fn say_defaults(console: &Console, defaults: &[&str]) -> Result<()> {
    if defaults.is_empty() {
        return Ok(());
    }
    let text = format!("By default: {}", defaults.join(", "));
    Ok(console.line(console.paint(Style::Note, &text))?)
}

fn value(row: &Row, key: &NamedKey, reveal: bool) -> String {
    let fingerprint = key.fingerprint();
    match key.expose_to_operator() {
        None => format!("{} (fingerprint {fingerprint}; never shown)", row.child),
        Some(octets) if reveal => format!("{} {} (fingerprint {fingerprint})", row.child, *hex_field::text(octets)),
        Some(_) => format!("{} (fingerprint {fingerprint}; --reveal shows it)", row.child),
    }
}

/// Everything that follows.
fn all(console: &Console, given: &Given, show: Show) -> Result<()> {
    if given.names().is_empty() {
        bail!("--all needs a key to start from: --from k-amf=-, or --k-file, --opc-file and --rand");
    }
    let derived = plan::everything(given)?;
    let rows = derived.rows();
    refuse_unused(
        "what follows by the usual ways",
        &given.unused(&given.used(&derived.starts(), &rows)),
    )?;
    let defaults = given.defaults(&rows);
    if show.json {
        return print(console, &lines(&derived), "", &defaults, show);
    }
    if show.explain {
        for step in derived.steps() {
            console.text(&step::text(console.sheet(), &step.transcript, show.reveal))?;
        }
    }
    let mut side = Side::new(show.reveal);
    for key in given.names().into_iter().filter_map(|name| given.key(name)) {
        side.take(&key);
    }
    for step in derived.steps() {
        side.take(&step.key);
    }
    let sides = Sides {
        ue: &side,
        network: None,
    };
    console.text(&tree_view::render(console.sheet(), sides))?;
    say_defaults(console, &defaults)?;
    let waiting = plan::waiting(given, &derived);
    if !waiting.is_empty() {
        console.line("")?;
        console.line(console.paint(Style::Note, "More keys follow with"))?;
        for (input, keys) in waiting {
            let text = format!("{input}: {}", keys.join(", "));
            for (at, line) in wrap(&console.spell(&text), console.sheet().width() - 6)
                .iter()
                .enumerate()
            {
                console.line(format!("{}{line}", if at == 0 { "  " } else { "      " }))?;
            }
        }
    }
    Ok(())
}
