//! `kaskade explain`: the key hierarchy, looked up by key, FC or clause.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kaskade_keys::derivation::{HolderGroup, Row, Source};
use kaskade_keys::tree;
use serde_json::{Value, json};

use crate::console::{Console, Style};
use crate::explain::lookup::{self, Found};
use crate::explain::{facts, leak::Leak, table};
use crate::{hierarchy, picture, plan};

/// Explains a key, an FC or a clause: what enters, who derives and holds it, and what falls when it leaks
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Names are taken in any case, with or without underscores: K_AMF, kamf, k-amf.

Examples:
  A key, with the octets that enter its derivation:
    kaskade explain K_gNB
  An FC seen in a trace, a clause, a whole specification:
    kaskade explain 0x6E
    kaskade explain TS 33.501 A.9
    kaskade explain 33.401
  The hierarchy, or what is below a key:
    kaskade explain --tree
    kaskade explain K_gNB --tree
  What an attacker has who read K_gNB out of a base station, or CK and IK out of a phone:
    kaskade explain K_gNB --if-leaked
    kaskade explain CK,IK --if-leaked
  How to get from one key to another:
    kaskade explain K_RRCenc --path K_AUSF
  The hierarchy as a picture, and as a page to explore:
    kaskade explain --svg keys.svg --html keys.html
  For a program:
    kaskade explain --json | jq -r '.derivations[] | [.fc, .parent, .name] | @tsv'

To compute keys, see `kaskade derive --help`."
)]
pub(crate) struct Args {
    /// A key, an FC, or a clause; without it, an overview
    #[arg(value_name = "KEY|FC|CLAUSE")]
    what: Vec<String>,
    /// Show the hierarchy as a tree, or what is below KEY
    #[arg(long)]
    tree: bool,
    /// Show which keys fall when KEY leaks, and which do not; several keys with commas between them
    #[arg(long, conflicts_with_all = ["tree", "path"])]
    if_leaked: bool,
    /// Show the derivations that lead from this key to KEY
    #[arg(long, value_name = "FROM", conflicts_with = "tree")]
    path: Option<String>,
    /// With --path: go by this key, method, FC or clause, where several ways lead to KEY
    #[arg(long, value_name = "STEP", requires = "path")]
    via: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Draw the hierarchy as an SVG into this file; it follows the reader's light or dark scheme
    #[arg(long, value_name = "FILE", conflicts_with_all = ["what", "tree", "if_leaked", "path", "json"])]
    svg: Option<PathBuf>,
    /// Write a page to explore the hierarchy, with search and filters; it needs nothing from the network
    #[arg(long, value_name = "FILE", conflicts_with_all = ["what", "tree", "if_leaked", "path", "json"])]
    html: Option<PathBuf>,
    /// Print all derivations as a table in Markdown
    #[arg(long, conflicts_with_all = ["json", "tree", "if_leaked", "path", "what", "svg", "html"])]
    markdown: bool,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    let what = args.what.join(" ");
    if args.markdown {
        return Ok(console.text(&table::markdown())?);
    }
    if args.svg.is_some() || args.html.is_some() {
        return pictures(console, args);
    }
    if args.if_leaked {
        return if_leaked(console, &what, args.json);
    }
    if let Some(from) = &args.path {
        return path(console, from, &what, args);
    }
    if args.tree && !args.json {
        let trees = if what.is_empty() {
            hierarchy::forest()
        } else {
            vec![hierarchy::places(lookup::key(&what)?)]
        };
        return Ok(console.text(&table::text(console, &trees))?);
    }
    if what.is_empty() {
        return overview(console, args.json);
    }
    if args.tree {
        let below: Vec<&str> = hierarchy::places(lookup::key(&what)?)
            .iter()
            .map(|place| place.key)
            .collect();
        let rows = tree::rows()
            .filter(|row| below.contains(&row.parent))
            .collect::<Vec<_>>();
        return print(console, &document(&rows));
    }
    let found = lookup::find(&what)?;
    let rows = found.rows();
    if args.json {
        return print(console, &document(&rows));
    }
    match &found {
        Found::Key(key) => key_page(console, key, &rows)?,
        Found::Rows { title, rows } => {
            let count = if rows.len() == 1 {
                "1 derivation".into()
            } else {
                format!("{} derivations", rows.len())
            };
            let title = console.spell(&format!("{title}: {count}"));
            console.line(console.paint(Style::Note, &title))?;
            if rows.len() > MANY {
                list(console, rows)?;
            } else {
                for row in rows {
                    console.text(&format!("\n{}", facts::text(console, row)))?;
                }
            }
        }
    }
    Ok(())
}

fn pictures(console: &Console, args: &Args) -> Result<()> {
    let write = |path: &Path, content: String| -> Result<()> {
        fs::write(path, content).with_context(|| path.display().to_string())?;
        console.note(format!("wrote {}", path.display()));
        Ok(())
    };
    if let Some(path) = &args.svg {
        write(path, picture::svg())?;
    }
    if let Some(path) = &args.html {
        write(path, picture::html())?;
    }
    Ok(())
}

const SOURCES: [Source; 3] = [Source::ThreeGpp, Source::Ietf, Source::ProjectProfile];

/// More derivations than that are listed, a line each.
const MANY: usize = 6;

fn key_page(console: &Console, key: &'static str, rows: &[&'static Row]) -> Result<()> {
    match rows {
        [] => {
            let title = console.paint(Style::Strong, key);
            let octets = hierarchy::length(&hierarchy::lengths(key));
            if *key == *tree::ROOT {
                console.line(format!(
                    "{title}  the secret of the card, {octets} octets: the hierarchy starts here"
                ))?;
                console.line(format!("Held by     {}", hierarchy::holder_names(key).join(", ")))?;
            } else {
                console.line(format!(
                    "{title}  comes from elsewhere, {octets} octets: no derivation makes it"
                ))?;
            }
        }
        [row] => console.text(&facts::text(console, row))?,
        rows => {
            let title = format!("{key} is made in {} ways, the usual one first", rows.len());
            console.line(console.paint(Style::Note, &console.spell(&title)))?;
            for row in rows {
                console.text(&format!("\n{}", facts::text(console, row)))?;
            }
        }
    }
    console.text(&format!("\n{}", facts::place_in_hierarchy(console, key)))?;
    let more = format!("More: kaskade explain {0} --tree, --if-leaked", facts::quoted(key));
    console.line(console.paint(Style::Faint, &more))?;
    Ok(())
}

fn list(console: &Console, rows: &[&'static Row]) -> Result<()> {
    let width = |cell: &dyn Fn(&&Row) -> usize| rows.iter().map(cell).max().unwrap_or(0);
    let clause = width(&|row| row.clause.chars().count());
    let child = width(&|row| row.child.chars().count());
    let parent = width(&|row| row.parent.chars().count());
    for row in rows {
        let line = format!(
            "{:<clause$}  {:<child$}  from {:<parent$}  {}",
            row.clause,
            row.child,
            row.parent,
            hierarchy::function(row)
        );
        console.line(console.spell(&line))?;
    }
    console.line(console.paint(Style::Faint, "More: kaskade explain KEY, or a clause with its number"))?;
    Ok(())
}

fn if_leaked(console: &Console, what: &str, json: bool) -> Result<()> {
    if what.is_empty() {
        bail!("--if-leaked needs a key: kaskade explain K_gNB --if-leaked");
    }
    let leaked: Vec<&'static str> = what.split(',').map(lookup::key).collect::<Result<_>>()?;
    let leak = Leak::of(leaked);
    if json {
        return print(console, &leak.document());
    }
    Ok(console.text(&leak.text(console))?)
}

fn path(console: &Console, from: &str, what: &str, args: &Args) -> Result<()> {
    let from = lookup::key(from)?;
    if what.is_empty() {
        bail!("--path needs a key to go to: kaskade explain K_gNB --path {from}");
    }
    let Some(plan) = plan::usual(from, what, &args.via)? else {
        let to = lookup::targets(what)?;
        if to.iter().any(|target| target.key == from && target.named.is_none()) {
            bail!("{from} is where the path begins and where it ends: there is nothing to derive");
        }
        let above = to.iter().find(|target| tree::path(target.key, from).is_some());
        let back = above.map_or_else(String::new, |target| {
            let to = target.key;
            format!("; {from} is derived from {to}, and a derivation cannot be turned round")
        });
        bail!("no derivation leads from {from} to {what}{back}");
    };
    let rows = plan.way.chain();
    if args.json {
        return print(console, &document(&rows));
    }
    if plan.is_another_form() {
        console.note(format!("{what} is {} here: {}", plan.key(), plan.chain()));
    }
    Ok(console.text(&table::path(console, &rows))?)
}

fn overview(console: &Console, json: bool) -> Result<()> {
    let rows: Vec<&'static Row> = tree::rows().collect();
    if json {
        return print(console, &document(&rows));
    }
    let keys = tree::keys();
    let title = format!("{} keys and {} derivations", keys.len(), rows.len());
    console.line(console.paint(Style::Strong, &title))?;
    console.text(&paragraph(
        console,
        "Each key is derived from the one above it, mostly by one function: HMAC-SHA-256 keyed with the parent over a string \
         S that begins with FC, the number of the derivation, and goes on with the parameters P0, L0, P1, L1 … (TS 33.220 \
         Annex B). It all begins with K, the secret of the card. Nobody gets from a key to its parent: whoever holds a key holds all below it and none above.",
    ))?;
    console.line("")?;
    console.line(console.paint(Style::Strong, "Branches, and how many keys are below"))?;
    let mut branches: Vec<(&'static str, usize)> = keys
        .iter()
        .map(|key| (*key, hierarchy::places(key).len() - 1))
        .filter(|(_, below)| *below >= 4)
        .collect();
    branches.sort_by_key(|(_, below)| std::cmp::Reverse(*below));
    let names = branches
        .iter()
        .map(|(name, _)| *name)
        .chain(HolderGroup::ALL.map(HolderGroup::name));
    let column = names.map(|name| name.chars().count()).max().unwrap_or(0);
    for (key, below) in &branches {
        let holders = hierarchy::holder_names(key).join(", ");
        console.line(format!("  {key:<column$}  {below:>3}  {holders}").trim_end())?;
    }
    let outside: Vec<&str> = hierarchy::roots()
        .into_iter()
        .filter(|key| *key != tree::ROOT)
        .collect();
    if !outside.is_empty() {
        console.text(&paragraph(
            console,
            &format!("From elsewhere, not from K: {}.", outside.join(", ")),
        ))?;
    }
    console.line("")?;
    console.line(console.paint(Style::Strong, "Held by"))?;
    for group in HolderGroup::ALL {
        let held = keys
            .iter()
            .filter(|key| hierarchy::groups(key).contains(&group))
            .count();
        console.line(format!("  {:<column$}  {held:>3}", group.name()))?;
    }
    console.line("")?;
    console.line(console.paint(Style::Strong, "Said by"))?;
    for source in SOURCES {
        let said = rows.iter().filter(|row| row.source() == source).count();
        if said > 0 {
            console.line(format!("  {:<column$}  {said:>3} derivations", source.name()))?;
        }
    }
    console.line("")?;
    console.line(console.paint(Style::Strong, "Go on with"))?;
    for (command, what) in [
        ("kaskade explain --tree", "all keys"),
        (
            "kaskade explain K_gNB",
            "one key: what enters, who holds it, when it is renewed",
        ),
        ("kaskade explain 0x6E", "an FC"),
        ("kaskade explain 33.501 A.9", "a clause"),
        ("kaskade explain K_gNB --if-leaked", "what an attacker has who has it"),
        ("kaskade derive K_gNB --from k-amf=-", "compute it"),
    ] {
        console.line(format!("  {command:<36}{}", console.paint(Style::Faint, what)))?;
    }
    Ok(())
}

fn paragraph(console: &Console, text: &str) -> String {
    facts::wrap(&console.spell(text), console.width()).join("\n") + "\n"
}

/// Keys and derivations as JSON.
fn document(rows: &[&'static Row]) -> Value {
    let mut names: Vec<&'static str> = Vec::new();
    let enter = rows.iter().flat_map(|row| row.keys().flatten().copied());
    for name in rows.iter().flat_map(|row| [row.parent, row.child]).chain(enter) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let keys: Vec<Value> = names
        .iter()
        .map(|key| {
            let groups: Vec<&str> = hierarchy::groups(key).iter().map(|group| group.name()).collect();
            json!({
                "name": key,
                "octets": hierarchy::octets(key),
                "octets_least": hierarchy::lengths(key).start(),
                "held_by": hierarchy::holder_names(key),
                "groups": groups,
            })
        })
        .collect();
    let derivations: Vec<Value> = rows.iter().map(|row| facts::document(row)).collect();
    json!({ "keys": keys, "derivations": derivations })
}

fn print(console: &Console, document: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(document).context("JSON")?;
    Ok(console.line(text)?)
}
