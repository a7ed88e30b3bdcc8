//! `kaskade context`: the authentication contexts of a node that runs.

use anyhow::Result;
use comfy_table::{Table, presets};
use kaskade::administration::ContextQuery;
use kaskade_keys::Supi;

use crate::admin::LinkArgs;
use crate::admin::context;
use crate::admin::link::{PatienceArgs, Purpose};
use crate::admin::text::{Limit, Text, parse};
use crate::console::{Console, Style};
use crate::data_dir::DataArgs;
use crate::patience::open_link;

/// The authentication contexts of a node that runs: how many, and whose, by fingerprint
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade context list
  kaskade context list --supi imsi-001010000000001 --json")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    List(List),
}

/// Lists contexts of the AUSF: challenges that wait, and results that can be taken back. Subscribers are masked
#[derive(clap::Args, Debug)]
struct List {
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
    data: DataArgs,
    #[command(flatten)]
    patience: PatienceArgs,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    let Action::List(args) = &args.action;
    let query = ContextQuery {
        supi: args.supi.clone().map(Text),
        limit: args.limit.map(Text),
    };
    let link = LinkArgs {
        data: args.data.clone(),
        offline: false,
        patience: args.patience,
    };
    let link = open_link(&link, &args.data.config()?, Purpose::LookAside, |_| ())?;
    let contexts = link.ask::<context::List>((), query, Default::default())?;
    if args.json {
        return console.json(&contexts);
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["SUPI", "Serving network", "State", "Keys", "Expires in"]);
    for context in &contexts.contexts {
        let keys: Vec<String> = (context.keys.iter())
            .map(|key| format!("{} {}", key.name, key.fingerprint))
            .collect();
        let left = context.expires_in_ms.map(|left| format!("{} s", left / 1000));
        table.add_row([
            context.supi.clone(),
            context.serving_network_name.clone(),
            context.state.clone(),
            if keys.is_empty() {
                "-".to_owned()
            } else {
                keys.join(", ")
            },
            left.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    if !contexts.contexts.is_empty() {
        console.line(table.trim_fmt())?;
    }
    let shown = contexts.contexts.len();
    let summary = format!(
        "{shown} shown; {} wait for an answer, {} results are remembered",
        contexts.pending, contexts.results
    );
    console.line(console.paint(Style::Faint, &summary))?;
    Ok(())
}
