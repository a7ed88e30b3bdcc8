//! `kaskade explain`: the key hierarchy, looked up by key, FC or clause.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kaskade_doctor::explain::{leak::Leak, page, table};
use kaskade_doctor::{hierarchy, lookup, picture, plan};
use kaskade_keys::derivation::Row;
use kaskade_keys::tree;
use serde_json::Value;

use crate::console::Console;

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
        return Ok(console.text(&table::text(console.sheet(), &trees))?);
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
        return print(console, &table::document(&rows));
    }
    let found = lookup::find(&what)?;
    if args.json {
        return print(console, &table::document(&found.rows()));
    }
    Ok(console.text(&page::found(console.sheet(), &found))?)
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

fn if_leaked(console: &Console, what: &str, json: bool) -> Result<()> {
    if what.is_empty() {
        bail!("--if-leaked needs a key: kaskade explain K_gNB --if-leaked");
    }
    let leaked: Vec<&'static str> = what.split(',').map(lookup::key).collect::<Result<_, _>>()?;
    let leak = Leak::of(leaked);
    if json {
        return print(console, &leak.document());
    }
    Ok(console.text(&leak.text(console.sheet()))?)
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
    let rows = plan.derivations();
    if args.json {
        return print(console, &table::document(&rows));
    }
    if plan.is_another_form() {
        console.note(format!("{what} is {} here: {}", plan.key(), plan.chain()));
    }
    Ok(console.text(&table::path(console.sheet(), &rows))?)
}

fn overview(console: &Console, json: bool) -> Result<()> {
    if json {
        let rows: Vec<&'static Row> = tree::rows().collect();
        return print(console, &table::document(&rows));
    }
    Ok(console.text(&page::overview(console.sheet()))?)
}

fn print(console: &Console, document: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(document).context("JSON")?;
    Ok(console.line(text)?)
}
