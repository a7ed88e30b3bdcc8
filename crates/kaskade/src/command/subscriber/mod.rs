//! `kaskade subscriber`: who may authenticate, and with which K.

mod allow_reuse;
mod change;
mod export;
mod import;
mod list;
mod subscription;

use anyhow::{Result, bail};
use kaskade::card::AlgorithmName;
use kaskade::subscription::Who;
use kaskade_aka::sqn::SqnScheme;
use kaskade_crypto::{Amf, Sqn};
use kaskade_flow::Refusal;
use kaskade_keys::Supi;
use serde_json::json;
use subscription::SubscriptionArgs;

use crate::admin::link::Purpose;
use crate::admin::subscriber::{self, AddQuery, Changes, NewSubscriber, ShowQuery, SubscriberView};
use crate::admin::text::{Flag, Text};
use crate::admin::{Link, LinkArgs, NotDone};
use crate::command::derive;
use crate::console::Console;
use crate::data_dir::DataDir;
use crate::exit;
use crate::patience::open_link;
use crate::secret_input::SecretArgs;

/// Subscribers: adds, changes, lists, shows, imports, exports and removes them; follows their cards
///
/// K, OP, OPc, TOP and TOPc go in and never come out: they are shown as fingerprints, and exported sealed only.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade subscriber add --supi imsi-001010000000001 --k-file k.hex --opc-file opc.hex
  kaskade subscriber import cards.csv --dry-run
  kaskade subscriber import cards.csv
  kaskade subscriber list
  kaskade subscriber show imsi-001010000000001

A node that runs in this data folder is asked over its socket, and goes on: what is changed has effect with the next
request. With --offline the store is opened here, which belongs to one process.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    Add(Box<Add>),
    Change(change::Args),
    List(list::Args),
    Show(Show),
    Import(import::Args),
    Export(export::Args),
    /// Suspends one subscriber: no vector is made of it until it is resumed. Keys that were given out stay what they are
    Suspend(Whom),
    /// Resumes one subscriber that was suspended
    Resume(Whom),
    Remove(Remove),
    AllowReuse(allow_reuse::Args),
}

/// Adds one subscriber
#[derive(clap::Args, Debug)]
#[command(after_help = "Example, with K and OPc from standard input:
  printf '%s\\n' \"$K\" \"$OPC\" | kaskade subscriber add --supi imsi-001010000000001 \\
    --k-file - --opc-file -

A card with TUAK:
  printf '%s\\n' \"$K\" \"$TOPC\" | kaskade subscriber add --supi imsi-001010000000002 \\
    --algorithm tuak --k-file - --topc-file - --tuak-iterations 1

One that prefers EAP-AKA', may use AKMA, and is called by its number:
  kaskade subscriber add --supi imsi-001010000000003 --k-file k.hex --opc-file opc.hex \\
    --methods eap-aka-prime,5g-aka --akma --gpsi msisdn-491701234567")]
struct Add {
    /// SUPI, such as imsi-001010000000001
    #[arg(long)]
    supi: Supi,
    #[command(flatten)]
    secrets: SecretArgs,
    /// AMF (authentication management field) of the vectors, 4 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = derive::amf, default_value = "8000", help_heading = "Subscription")]
    amf: Amf,
    /// How SQN is made: TIME_BASED, GENERAL or NON_TIME_BASED; by default as configured
    #[arg(long, value_name = "SCHEME", help_heading = "Subscription")]
    sqn_scheme: Option<SqnScheme>,
    /// The highest SQN that the card may have seen in another network core: 12 hexadecimal digits or a number
    #[arg(long, value_parser = derive::sqn, help_heading = "Subscription")]
    sqn: Option<Sqn>,
    /// Replace a subscriber that has this SUPI already. Everything that is not given is as for a new one: methods, GPSI, routing
    /// indicator, AKMA, BEST, EPS profile, AMF and SQN scheme are reset (`kaskade subscriber change` keeps them, and K). Another
    /// K, operator code or algorithm is another card and begins at --sqn; the SQN of the same card never goes back
    #[arg(long, help_heading = "Subscription")]
    replace: bool,
    /// Print JSON, as `show` does
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subscription: SubscriptionArgs,
    #[command(flatten)]
    link: LinkArgs,
}

/// Shows one subscriber; K and OPc as fingerprints
#[derive(clap::Args, Debug)]
struct Show {
    /// SUPI or GPSI, such as imsi-001010000000001 or msisdn-491701234567
    #[arg(value_name = "SUPI|GPSI")]
    who: Who,
    /// GPSI in full, which is masked otherwise
    #[arg(long)]
    reveal_gpsi: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Which subscriber.
#[derive(clap::Args, Debug)]
struct Whom {
    /// SUPI or GPSI, such as imsi-001010000000001 or msisdn-491701234567
    #[arg(value_name = "SUPI|GPSI")]
    who: Who,
    /// Print JSON, as `show` does
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Removes one subscriber and its K for good
#[derive(clap::Args, Debug)]
struct Remove {
    /// SUPI or GPSI, such as imsi-001010000000001 or msisdn-491701234567
    #[arg(value_name = "SUPI|GPSI")]
    who: Who,
    /// Really remove it
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.action {
        Action::Add(args) => add(console, args),
        Action::List(args) => list::run(console, args),
        Action::Change(args) => change::run(console, args),
        Action::Show(args) => show(console, args),
        Action::Import(args) => import::run(console, args),
        Action::Export(args) => export::run(console, args),
        Action::Suspend(args) => suspend(console, args, true),
        Action::Resume(args) => suspend(console, args, false),
        Action::Remove(args) => remove(console, args),
        Action::AllowReuse(args) => allow_reuse::run(console, args),
    }
}

fn add(console: &Console, args: &Add) -> Result<()> {
    let texts = args.secrets.texts()?;
    let secrets = texts.secrets()?;
    let methods = args.subscription.methods(&secrets)?;
    let new = NewSubscriber {
        amf: Some(Text(args.amf)),
        sqn_scheme: args.sqn_scheme.map(Text),
        sqn: args.sqn.map(Text),
        methods: Some(methods.iter().map(Text).collect()),
        ..args.subscription.applied(texts.new_subscriber(&args.supi))
    };
    let link = open(console, &args.link, Purpose::Add)?;
    let replace = args.replace.then_some(Text(Flag(true)));
    let added = link.ask::<subscriber::Add>((), AddQuery { replace }, new);
    let added = added.map_err(|error| not_put(&args.supi, args.subscription.gpsi(), error))?;
    match args.json {
        true => console.json_done(&added)?,
        false => console.done(format!("{} is in {}", added.supi, link.folder().display()))?,
    }
    if added.sqn_at_its_end {
        console.note(format!(
            "warning: {} is the end: no SQN is left above it, so every vector is refused and this card needs a new K. Is --sqn right?",
            added.highest_sqn
        ));
    }
    match texts.algorithm {
        AlgorithmName::Gsm(_) => console.note(format!(
            "note: {} is of GSM-only cards: it is stored, but cannot authenticate in 4G or 5G, and no interface of this program \
             gives triplets",
            added.algorithm
        )),
        AlgorithmName::Xor => console.note(
            "note: the XOR test algorithm protects nothing, K follows from one answer: for test networks only",
        ),
        AlgorithmName::Milenage | AlgorithmName::Tuak => {}
    }
    if !args.amf.separation_bit() {
        console.note(
            "note: the AMF separation bit is not set; the UDM sets it in vectors for 5G, as TS 33.501 6.1.3.2.0 asks",
        );
    }
    Ok(())
}

fn show(console: &Console, args: &Show) -> Result<()> {
    let link = open(console, &args.link, Purpose::Look)?;
    let reveal_gpsi = args.reveal_gpsi.then_some(Text(Flag(true)));
    let asked = link.ask::<subscriber::Show>(args.who.clone(), ShowQuery { reveal_gpsi }, Default::default());
    let subscriber = asked.map_err(|error| about(&args.who, error))?;
    if args.json {
        return console.json(&subscriber);
    }
    let separation = match derive::amf(&subscriber.amf)?.separation_bit() {
        true => "separation bit set",
        false => "separation bit not set",
    };
    let mut facts = vec![
        ("SUPI", subscriber.supi.clone()),
        ("K", format!("fingerprint {}", subscriber.k_fingerprint)),
    ];
    if let Some((code, fingerprint)) = subscriber.operator_text() {
        facts.push((code, format!("fingerprint {fingerprint}")));
    }
    facts.extend([
        ("Algorithm", subscriber.algorithm_text()),
        ("AMF", format!("{}  {separation}", subscriber.amf)),
        ("SQN scheme", subscriber.sqn_scheme.clone()),
        ("SQN", format!("goes on above {}", subscriber.highest_sqn)),
    ]);
    facts.extend(subscription::facts(&subscriber));
    if subscriber.sqn_reused > 0 {
        let times = subscriber.sqn_reused;
        facts.push((
            "Reused",
            format!("numbers of an older epoch were issued again {times} times"),
        ));
    }
    if subscriber.sqn_reuse_allowed {
        facts.push(("Allowed", "the next fresh AUTS is followed wherever the card is".into()));
    }
    console.facts(&facts)?;
    Ok(())
}

fn suspend(console: &Console, args: &Whom, suspended: bool) -> Result<()> {
    let link = open(console, &args.link, Purpose::Change)?;
    let changes = Changes {
        suspended: Some(suspended),
        ..Changes::default()
    };
    let changed = link.ask::<subscriber::Change>(args.who.clone(), Default::default(), changes);
    let changed = changed.map_err(|error| about(&args.who, error))?;
    if args.json {
        return console.json_done(&changed);
    }
    let text = match suspended {
        true => "is suspended: it gets no vector until `kaskade subscriber resume`",
        false => "is resumed",
    };
    console.done(format!("{} {text}", changed.supi))
}

fn remove(console: &Console, args: &Remove) -> Result<()> {
    let link = open(console, &args.link, Purpose::Change)?;
    let show = link.ask::<subscriber::Show>(args.who.clone(), Default::default(), Default::default());
    let supi: Supi = show.map_err(|error| about(&args.who, error))?.supi.parse()?;
    if !args.yes {
        bail!(
            "{} and its K would be gone for good: add --yes if you mean it",
            supi.sbi()
        );
    }
    let removed = link.ask::<subscriber::Remove>(Who::Supi(supi.clone()), Default::default(), Default::default());
    removed.map_err(|error| about(&args.who, error))?;
    match args.json {
        true => console.json_done(&json!({ "supi": supi.sbi(), "removed": true })),
        false => console.done(format!("{} is removed", supi.sbi())),
    }
}

/// The way to the subscribers.
fn open(console: &Console, args: &LinkArgs, purpose: Purpose) -> Result<Link> {
    let config = args.data.config()?;
    open_link(args, &config, purpose, |data| made(console, data))
}

/// Says that a data folder was made.
fn made(console: &Console, data: &DataDir) {
    console.note(format!(
        "created {} with a new master key: keep a copy of it, nothing opens without it",
        data.path().display()
    ));
}

/// What a refusal says of the subscriber that was named.
fn about(who: &Who, error: NotDone) -> anyhow::Error {
    match error.why() {
        Refusal::UserNotFound => {
            let text = format!("there is no subscriber {who}; `kaskade subscriber list` shows which there are");
            exit::refused(Refusal::UserNotFound, text)
        }
        _ => error.into(),
    }
}

/// Why a subscriber could not be put, with what the operator has to know of the other one.
fn not_put(supi: &Supi, gpsi: Option<&kaskade_keys::Gpsi>, error: NotDone) -> anyhow::Error {
    match (error.why(), error.param.as_deref(), gpsi) {
        (Refusal::AlreadyExists, Some("/gpsi"), Some(gpsi)) => {
            let text = format!("--gpsi: {} {}", gpsi.as_str(), error.detail());
            exit::refused(Refusal::AlreadyExists, text)
        }
        (Refusal::AlreadyExists, None, _) => {
            let text = format!("{} exists already: --replace replaces it", supi.sbi());
            exit::refused(Refusal::AlreadyExists, text)
        }
        _ => error.into(),
    }
}

/// One line of JSON.
fn json_line(subscriber: &SubscriberView) -> Result<String> {
    Ok(serde_json::to_value(subscriber)?.to_string())
}
