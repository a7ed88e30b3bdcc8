//! `kaskade subscriber list`.

use anyhow::Result;
use comfy_table::{Table, presets};
use kaskade::hex_field;
use kaskade_keys::Supi;
use kaskade_store::{Subscriber, SubscriberStore};

use super::{document, k_fingerprint, open, operator, subscription};
use crate::console::{Console, Style};
use crate::data_dir::DataArgs;

/// Lists the subscribers
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade subscriber list --wide
  kaskade subscriber list --json | jq -r 'select(.akma) | .supi'")]
pub(super) struct Args {
    /// Begin after this SUPI
    #[arg(long, value_name = "SUPI")]
    after: Option<Supi>,
    /// At most so many; 1000 if not given, and all with --json
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Also routing indicator, AKMA, BEST and EPS profile
    #[arg(long, conflicts_with = "json")]
    wide: bool,
    /// GPSIs in full, which are masked otherwise
    #[arg(long)]
    reveal_gpsi: bool,
    /// Print one JSON object per line, of every subscriber
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// Rows of a table, whose columns are as wide as the widest.
const ROWS: usize = 1000;

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let store = open(&args.data)?;
    if args.json {
        let (shown, last) = visit(&store, args, args.limit.unwrap_or(usize::MAX), |subscriber| {
            console.line(document(subscriber, args.reveal_gpsi))?;
            Ok(())
        })?;
        if let Some(last) = last {
            console.note(format!(
                "note: {shown} of {} subscribers; more: --after {}",
                store.len()?,
                last.sbi()
            ));
        }
        return Ok(());
    }
    let total = store.len()?;
    if total == 0 {
        console.line("no subscribers; `kaskade subscriber add` or `kaskade subscriber import` adds some")?;
        return Ok(());
    }
    let mut heading = vec![
        "SUPI",
        "Algorithm",
        "K",
        "Operator code",
        "AMF",
        "SQN scheme",
        "Methods",
        "GPSI",
    ];
    if args.wide {
        heading.extend(["Routing", "AKMA", "BEST", "EPS profile"]);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heading);
    let (shown, last) = visit(&store, args, args.limit.unwrap_or(ROWS), |subscriber| {
        let mut row = vec![
            subscriber.supi.sbi(),
            subscriber.secrets.algorithm().name().to_owned(),
            k_fingerprint(&subscriber.secrets).to_string(),
            operator(&subscriber.secrets)
                .map_or_else(|| "-".into(), |(code, fingerprint)| format!("{code} {fingerprint}")),
            hex_field::text(subscriber.amf.octets()).to_string(),
            subscriber.sqn.scheme().to_string(),
        ];
        row.extend(subscription::columns(subscriber, args.reveal_gpsi));
        if args.wide {
            row.extend(subscription::wide_columns(subscriber));
        }
        table.add_row(row);
        Ok(())
    })?;
    console.line(table.trim_fmt())?;
    let summary = format!("{shown} of {total} subscribers; K, OP and OPc as fingerprints");
    console.line(console.paint(Style::Faint, &summary))?;
    if let Some(last) = last {
        let more = format!("more: --after {}", last.sbi());
        console.line(console.paint(Style::Faint, &more))?;
    }
    Ok(())
}

/// At most so many subscribers, in the order of the SUPI: how many there were, and the last one if there are more.
fn visit(
    store: &SubscriberStore,
    args: &Args,
    limit: usize,
    mut each: impl FnMut(&Subscriber) -> Result<()>,
) -> Result<(usize, Option<Supi>)> {
    let mut after = args.after.clone();
    let mut shown = 0;
    loop {
        let page = store.list(after.as_ref(), ROWS.min(limit - shown))?;
        for subscriber in &page {
            each(subscriber)?;
        }
        shown += page.len();
        if let Some(last) = page.last() {
            after = Some(last.supi.clone());
        }
        if page.is_empty() || shown == limit {
            let more = shown == limit && !store.list(after.as_ref(), 1)?.is_empty();
            return Ok((shown, after.filter(|_| more)));
        }
    }
}
