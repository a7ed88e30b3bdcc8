//! `kaskade emsk`: keys below the EMSK, by name.

use anyhow::Result;
use comfy_table::{Table, presets};
use kaskade::administration::ContextQuery;
use kaskade_keys::Supi;

use crate::admin::emsk;
use crate::admin::link::Purpose;
use crate::admin::text::{Limit, Text, parse};
use crate::admin::{Link, LinkArgs};
use crate::console::{Console, Style};
use crate::patience::open_link;

/// Keys below the EMSK, for services, slices and applications: who may have them, who holds them, and their end
///
/// An authentication leaves an EMSK. Network functions that [emsk.usages] names ask for keys below it; UE and network have the same. What
/// is shown are names: no key leaves this way. docs/emsk.md tells more.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade emsk usages
  kaskade emsk keys --supi imsi-001010000000001
  kaskade emsk retire imsi-001010000000001")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Shows what there are keys for, and who may have them: [emsk.usages] and [emsk.domains] of the configuration
    Usages(Usages),
    Keys(Keys),
    Retire(Retire),
}

/// How it is shown.
#[derive(clap::Args, Debug)]
struct Usages {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Lists who holds keys, until when, and where each is told of the end. Subscribers are masked
#[derive(clap::Args, Debug)]
struct Keys {
    /// Those of this subscriber
    #[arg(long)]
    supi: Option<Supi>,
    /// At most so many, 1 to 1000; 100 if not given
    #[arg(long, value_name = "N", value_parser = parse::<Limit>)]
    limit: Option<Limit>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Ends the EMSK of a subscriber and every key below it; who holds one is told
///
/// The subscriber stays as it is: the next authentication brings another EMSK. Where no node runs, holders are told when one starts.
#[derive(clap::Args, Debug)]
struct Retire {
    /// Whose
    #[arg(value_name = "SUPI")]
    supi: Supi,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.action {
        Action::Usages(args) => usages(console, args),
        Action::Keys(args) => keys(console, args),
        Action::Retire(args) => {
            let link = open(&args.link, Purpose::Change)?;
            let retired = link.ask::<emsk::Retire>(args.supi.clone(), Default::default(), Default::default())?;
            match args.json {
                true => console.json_done(&retired),
                false => console.done(format!(
                    "the EMSK of {} has ended, with {} keys below",
                    retired.supi, retired.holders
                )),
            }
        }
    }
}

fn open(args: &LinkArgs, purpose: Purpose) -> Result<Link> {
    open_link(args, &args.data.config()?, purpose, |_| ())
}

fn table<const N: usize>(header: [&str; N], rows: Vec<[String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}

fn usages(console: &Console, args: &Usages) -> Result<()> {
    let link = open(&args.link, Purpose::Look)?;
    let usages = link.ask::<emsk::ListUsages>((), Default::default(), Default::default())?;
    if args.json {
        return console.json(&usages);
    }
    let dash = || "-".to_owned();
    let rows: Vec<_> = (usages.usages.iter())
        .map(|usage| {
            let who = usage.grants.iter().map(|grant| match grant.slices.is_empty() {
                true => grant.who.clone(),
                false => format!("{} ({})", grant.who, grant.slices.join(", ")),
            });
            [
                usage.label.clone(),
                usage.domain.clone().unwrap_or_else(dash),
                usage.data.clone(),
                format!("{} s", usage.lifetime_s),
                who.collect::<Vec<_>>().join(", "),
            ]
        })
        .collect();
    if rows.is_empty() {
        console.line("no usage: [emsk.usages] of the configuration has none")?;
    } else {
        console.line(table(["Label", "Domain", "Data", "Lifetime", "For"], rows))?;
    }
    for domain in &usages.domains {
        let servers = domain.servers.join(", ");
        console.line(format!(
            "key of {}: {} s, for {servers}",
            domain.domain, domain.lifetime_s
        ))?;
    }
    if let (Some(emsks), Some(holders)) = (usages.emsks, usages.holders) {
        let summary = format!("{emsks} EMSKs here, {holders} keys below them are held");
        console.line(console.paint(Style::Faint, &summary))?;
    }
    Ok(())
}

fn keys(console: &Console, args: &Keys) -> Result<()> {
    let query = ContextQuery {
        supi: args.supi.clone().map(Text),
        limit: args.limit.map(Text),
    };
    let link = open(&args.link, Purpose::Look)?;
    let held = link.ask::<emsk::ListKeys>((), query, Default::default())?;
    if args.json {
        return console.json(&held);
    }
    let dash = || "-".to_owned();
    let rows: Vec<_> = (held.keys.iter())
        .map(|key| {
            let mut of = match (&key.label, &key.domain) {
                (Some(label), Some(domain)) => format!("{label} in {domain}"),
                (Some(label), None) => label.clone(),
                (None, domain) => format!("key of {}", domain.as_deref().unwrap_or("-")),
            };
            for (what, name) in [("slice", &key.slice), ("application", &key.application)] {
                of.extend(name.iter().flat_map(|name| [", ", what, " ", name.as_str()]));
            }
            [
                key.supi.clone(),
                key.emsk_name.clone(),
                key.key_name.clone().unwrap_or_else(dash),
                key.holder.clone(),
                of,
                key.expires.clone(),
                key.callback.clone().unwrap_or_else(dash),
            ]
        })
        .collect();
    if !rows.is_empty() {
        console.line(table(
            ["SUPI", "EMSK", "Key", "Holder", "For", "Until", "Is told at"],
            rows,
        ))?;
    }
    let summary = format!("{} shown", held.keys.len());
    console.line(console.paint(Style::Faint, &summary))?;
    Ok(())
}
