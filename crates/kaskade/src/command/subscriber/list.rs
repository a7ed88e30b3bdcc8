//! `kaskade subscriber list`.

use anyhow::Result;
use comfy_table::{Table, presets};
use kaskade::card::AlgorithmName;
use kaskade_aka::arpf::Method;
use kaskade_keys::Supi;

use super::{json_line, subscription};
use crate::admin::link::Purpose;
use crate::admin::subscriber::{List, ListQuery, SubscriberView};
use crate::admin::text::{Flag, Limit, Text, parse};
use crate::admin::{Link, LinkArgs};
use crate::console::{Console, Style};
use crate::patience::open_link;

/// Lists the subscribers
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade subscriber list --wide
  kaskade subscriber list --suspended yes
  kaskade subscriber list --json | jq -r 'select(.akma) | .supi'")]
pub(super) struct Args {
    /// Begin after this SUPI
    #[arg(long, value_name = "SUPI")]
    after: Option<Supi>,
    /// At most so many; 1000 if not given, and all with --json
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only those of this algorithm: milenage, tuak, xor, comp128v1, comp128v2, comp128v3
    #[arg(long, value_name = "NAME")]
    algorithm: Option<AlgorithmName>,
    /// Only those that may authenticate with this method, such as 5g-aka
    #[arg(long, value_name = "METHOD", value_parser = parse::<Method>)]
    method: Option<Method>,
    /// Only those that are suspended, or that are not: yes or no
    #[arg(long, value_name = "yes|no", value_parser = kaskade::subscription::yes_or_no)]
    suspended: Option<bool>,
    /// Only those that have AKMA, or that have not: yes or no
    #[arg(long, value_name = "yes|no", value_parser = kaskade::subscription::yes_or_no)]
    akma: Option<bool>,
    /// Also routing indicator, AKMA, BEST, EPS profile and whether it is suspended
    #[arg(long, conflicts_with = "json")]
    wide: bool,
    /// GPSIs in full, which are masked otherwise
    #[arg(long)]
    reveal_gpsi: bool,
    /// Print one JSON object per line, of every subscriber
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Rows of a table, whose columns are as wide as the widest.
const ROWS: usize = 1000;

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let config = args.link.data.config()?;
    let link = open_link(&args.link, &config, Purpose::Look, |_| ())?;
    if args.json {
        let seen = visit(&link, args, args.limit.unwrap_or(usize::MAX), |subscriber| {
            console.line(json_line(subscriber)?)?;
            Ok(())
        })?;
        if let Some(last) = seen.more {
            console.note(format!(
                "note: {} of {} subscribers; more{}",
                seen.shown,
                seen.total,
                after(last)
            ));
        }
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
        heading.extend(["Routing", "AKMA", "BEST", "EPS profile", "Suspended"]);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heading);
    let seen = visit(&link, args, args.limit.unwrap_or(ROWS), |subscriber| {
        let mut row = vec![
            subscriber.supi.clone(),
            subscriber.algorithm.clone(),
            subscriber.k_fingerprint.clone(),
            subscriber
                .operator_text()
                .map_or_else(|| "-".into(), |(code, fingerprint)| format!("{code} {fingerprint}")),
            subscriber.amf.clone(),
            subscriber.sqn_scheme.clone(),
        ];
        row.extend(subscription::columns(subscriber));
        if args.wide {
            row.extend(subscription::wide_columns(subscriber));
        }
        table.add_row(row);
        Ok(())
    })?;
    if seen.total == 0 {
        console.line("no subscribers; `kaskade subscriber add` or `kaskade subscriber import` adds some")?;
        return Ok(());
    }
    console.line(table.trim_fmt())?;
    let summary = format!(
        "{} of {} subscribers; K, OP and OPc as fingerprints",
        seen.shown, seen.total
    );
    console.line(console.paint(Style::Faint, &summary))?;
    if let Some(last) = seen.more {
        console.line(console.paint(Style::Faint, &format!("more{}", after(last))))?;
    }
    Ok(())
}

/// Where to go on.
fn after(last: Option<String>) -> String {
    last.map(|last| format!(": --after {last}")).unwrap_or_default()
}

/// How many there were.
#[derive(Default)]
struct Seen {
    shown: usize,
    total: u64,
    /// If there are more, the last one, or nobody.
    more: Option<Option<String>>,
}

/// At most so many subscribers, in the order of the SUPI.
fn visit(link: &Link, args: &Args, limit: usize, mut each: impl FnMut(&SubscriberView) -> Result<()>) -> Result<Seen> {
    let flag = |asked: Option<bool>| asked.map(|asked| Text(Flag(asked)));
    let mut query = ListQuery {
        after: args.after.clone().map(Text),
        limit: None,
        algorithm: args.algorithm.map(Text),
        method: args.method.map(Text),
        suspended: flag(args.suspended),
        akma: flag(args.akma),
        reveal_gpsi: args.reveal_gpsi.then_some(Text(Flag(true))),
    };
    let mut seen = Seen::default();
    loop {
        let left = ROWS.min(limit - seen.shown);
        query.limit = Some(Text(Limit(left.max(1))));
        let page = link.ask::<List>((), query.clone(), Default::default())?;
        seen.total = page.total;
        for subscriber in page.subscribers.iter().take(left) {
            each(subscriber)?;
            seen.shown += 1;
        }
        if left == 0 {
            // Whoever wants none begins where this one would have.
            let more = !page.subscribers.is_empty();
            seen.more = more.then(|| args.after.as_ref().map(Supi::sbi));
            return Ok(seen);
        }
        let Some(next) = page.next else { return Ok(seen) };
        if seen.shown >= limit {
            seen.more = Some(Some(next));
            return Ok(seen);
        }
        query.after = Some(Text(next.parse()?));
    }
}
