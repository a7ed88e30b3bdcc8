//! `kaskade akma`: anchor keys and application keys, by name; and a proxy before an application.

mod proxy;

use anyhow::Result;
use comfy_table::{Table, presets};
use kaskade::administration::{ContextQuery, FunctionQuery, MayQuery};
use kaskade_keys::Supi;
use kaskade_keys::id::{AfId, Fqdn};

use crate::admin::link::Purpose;
use crate::admin::text::{Limit, PeerName, Text, parse};
use crate::admin::{Link, LinkArgs};
use crate::admin::{akma, akma_policy};
use crate::console::{Console, Style};
use crate::patience::open_link;

/// Keys for applications out of authentications (AKMA): whose there are, who holds them, and their end; and a proxy before an application
///
/// An AUSF registers an anchor key with each authentication of a subscriber who has AKMA. Application functions that [aanf.functions] names have keys below it. What is
/// shown are names and fingerprints: no key leaves this way (docs/akma.md). `proxy` is such an application function, and needs no node beside it (docs/akma-af.md).
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade akma contexts
  kaskade akma keys --supi imsi-001010000000001
  kaskade akma policy --af-id af.example.com0100000002 --caller af.example.com --supi imsi-001010000000001
  kaskade akma revoke imsi-001010000000001 --function af.example.com
  kaskade akma disable imsi-001010000000001")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    Contexts(List),
    Keys(Keys),
    Policy(Policy),
    Revoke(Revoke),
    Disable(Disable),
    Proxy(Box<proxy::Proxy>),
}

/// Lists whose anchor keys there are, with their fingerprints. Subscribers are masked
#[derive(clap::Args, Debug)]
struct List {
    /// That of this subscriber
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

/// Lists which application functions hold keys, until when, and where each is told of the end. Subscribers are masked
#[derive(clap::Args, Debug)]
struct Keys {
    #[command(flatten)]
    list: List,
}

/// Shows who may have application keys, and whether one would be given: to whom, in whose name, of which subscriber
///
/// With --af-id and --caller it asks what the AAnF asks, in its order, and says why nothing would be given. No key is made known, and
/// nothing is written.
#[derive(clap::Args, Debug)]
struct Policy {
    /// Application function and Ua* protocol: its domain name and 10 hexadecimal digits, such as af.example.com0100000002
    #[arg(long, value_name = "AF_ID", requires = "caller")]
    af_id: Option<AfId>,
    /// Who asks in its name: a group, a peer as in [groups], or an NF instance ID
    #[arg(long, value_name = "NAME", value_parser = parse::<PeerName>, requires = "af_id")]
    caller: Option<PeerName>,
    /// Of which subscriber; of anybody if not given
    #[arg(long, requires = "af_id")]
    supi: Option<Supi>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Ends application keys of a subscriber; who holds one is told, and gets none until the next authentication
#[derive(clap::Args, Debug)]
struct Revoke {
    /// Whose
    #[arg(value_name = "SUPI")]
    supi: Supi,
    /// Those of the application function of this domain name; all if not given
    #[arg(long, value_name = "NAME")]
    function: Option<Fqdn>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Ends the anchor key of a subscriber and every application key; who holds one is told
///
/// The subscriber stays as it is: the next authentication brings another anchor key. Where no node runs, holders are told when one starts.
#[derive(clap::Args, Debug)]
struct Disable {
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
        Action::Proxy(args) => args.run(console),
        Action::Contexts(args) => contexts(console, args),
        Action::Keys(args) => keys(console, &args.list),
        Action::Policy(args) => policy(console, args),
        Action::Revoke(args) => {
            let link = open(&args.link, Purpose::Change)?;
            let query = FunctionQuery {
                function: args.function.clone().map(Text),
            };
            let ended = link.ask::<akma::Revoke>(args.supi.clone(), query, Default::default())?;
            match args.json {
                true => console.json_done(&ended),
                false => console.done(format!(
                    "application keys of {} that have ended: {}",
                    ended.supi, ended.keys
                )),
            }
        }
        Action::Disable(args) => {
            let link = open(&args.link, Purpose::Change)?;
            let ended = link.ask::<akma::Disable>(args.supi.clone(), Default::default(), Default::default())?;
            match args.json {
                true => console.json_done(&ended),
                false => console.done(format!(
                    "the anchor key of {} has ended, with {} application keys",
                    ended.supi, ended.keys
                )),
            }
        }
    }
}

fn open(args: &LinkArgs, purpose: Purpose) -> Result<Link> {
    open_link(args, &args.data.config()?, purpose, |_| ())
}

fn query(args: &List) -> ContextQuery {
    ContextQuery {
        supi: args.supi.clone().map(Text),
        limit: args.limit.map(Text),
    }
}

/// A table, and how much it shows.
fn show<const N: usize>(console: &Console, header: [&str; N], rows: Vec<[String; N]>) -> Result<()> {
    let summary = format!("{} shown", rows.len());
    if !rows.is_empty() {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(header);
        rows.into_iter().for_each(|row| {
            table.add_row(row);
        });
        console.line(table.trim_fmt())?;
    }
    console.line(console.paint(Style::Faint, &summary))?;
    Ok(())
}

fn or_dash(text: &Option<String>) -> String {
    text.clone().unwrap_or_else(|| "-".to_owned())
}

fn contexts(console: &Console, args: &List) -> Result<()> {
    let link = open(&args.link, Purpose::Look)?;
    let found = link.ask::<akma::ListContexts>((), query(args), Default::default())?;
    if args.json {
        return console.json(&found);
    }
    let rows = found.contexts.iter().map(|context| {
        [
            context.supi.clone(),
            context.a_kid.clone(),
            context.print.clone(),
            context.registered.clone(),
            or_dash(&context.until),
            or_dash(&context.serving),
        ]
    });
    let header = ["SUPI", "A-KID", "K_AKMA", "Registered", "Until", "Served in"];
    show(console, header, rows.collect())
}

fn keys(console: &Console, args: &List) -> Result<()> {
    let link = open(&args.link, Purpose::Look)?;
    let found = link.ask::<akma::ListKeys>((), query(args), Default::default())?;
    if args.json {
        return console.json(&found);
    }
    let rows = found.keys.iter().map(|key| {
        [
            key.supi.clone(),
            key.af_id.clone(),
            key.consumer.clone(),
            key.expires.clone(),
            or_dash(&key.callback),
        ]
    });
    let header = ["SUPI", "AF_ID", "Asked by", "Until", "Is told at"];
    show(console, header, rows.collect())
}

fn policy(console: &Console, args: &Policy) -> Result<()> {
    let link = open(&args.link, Purpose::Look)?;
    let query = MayQuery {
        af_id: args.af_id.clone().map(Text),
        caller: args.caller.clone().map(Text),
        supi: args.supi.clone().map(Text),
    };
    let policy = link.ask::<akma_policy::Show>((), query, Default::default())?;
    if args.json {
        return console.json(&policy);
    }
    if let Some(verdict) = policy.verdict {
        console.line(match verdict.why_not {
            Some(why) => format!("not given: {why}"),
            None => format!("given; told of the user at most: {}", or_dash(&verdict.identity)),
        })?;
        return Ok(());
    }
    let rows = policy.functions.iter().map(|function| {
        [
            function.fqdn.clone(),
            function.protocols.join(", "),
            function.callers.join(", "),
            function.identity.clone(),
            function.subscribers.join(", "),
            match function.renews {
                true => format!("{} s, renewed", function.lifetime_s),
                false => format!("{} s", function.lifetime_s),
            },
        ]
    });
    let header = ["Function", "Ua*", "Asked for by", "Told", "Subscribers", "Lifetime"];
    show(console, header, rows.collect())?;
    let listed = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let lifetime = match policy.context_lifetime_s {
        0 => "until the next authentication".to_owned(),
        seconds => format!("{seconds} s"),
    };
    console.facts(&[
        ("AUSFs", listed(&policy.ausfs)),
        ("Barred in", listed(&policy.barred_networks)),
        ("K_AKMA", lifetime),
        ("Holders", policy.holders.to_string()),
    ])?;
    if !policy.runs {
        console.line("there is no AAnF in this process: nobody has any of this. A section [aanf] runs one")?;
    }
    Ok(())
}
