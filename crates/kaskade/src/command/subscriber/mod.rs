//! `kaskade subscriber`: who may authenticate, and with which K.

mod allow_reuse;
mod change;
mod export;
mod import;
mod list;
mod sealed_secrets;
mod subscription;

use anyhow::{Context, Result, bail};
use kaskade::hex_field;
use kaskade::subscription::Who;
use kaskade_aka::auc::GsmKeys;
use kaskade_aka::sqn::{Ind, SqnRecord, SqnScheme};
use kaskade_crypto::tuak::TuakKey;
use kaskade_crypto::{Amf, Sqn};
use kaskade_flow::Refusal;
use kaskade_flow::event::Action as Audited;
use kaskade_keys::Supi;
use kaskade_keys::derivation::Fingerprint;
use kaskade_store::{
    Algorithm, AlgorithmProfile, OpOrOpc, StoreError, Subscriber, SubscriberSecrets, SubscriberStore, TopOrTopc,
};
use serde_json::{Value, json};
use subscription::{SubscriptionArgs, not_put, supi_of};

use crate::command::derive;
use crate::console::Console;
use crate::data_dir::{DataArgs, DataDir};
use crate::exit;
use crate::record::{self, Much, open_audit_of, told};
use crate::runtime::store::open_store;
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

The store belongs to one process: stop `kaskade up` before you change subscribers.")]
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
    #[command(flatten)]
    subscription: SubscriptionArgs,
    #[command(flatten)]
    data: DataArgs,
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
    data: DataArgs,
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
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.action {
        Action::Add(args) => add(console, args),
        Action::List(args) => list::run(console, args),
        Action::Change(args) => change::run(console, args),
        Action::Show(args) => show(console, args),
        Action::Import(args) => import::run(console, args),
        Action::Export(args) => export::run(console, args),
        Action::Remove(args) => remove(console, args),
        Action::AllowReuse(args) => allow_reuse::run(console, args),
    }
}

fn add(console: &Console, args: &Add) -> Result<()> {
    let secrets = args.secrets.read()?;
    let methods = args.subscription.methods(&secrets)?;
    let config = args.data.config()?;
    let data = open_or_create(console, &config.data_dir)?;
    let store = open_store(&data, &config)?;
    if !args.replace && store.contains(&args.supi)? {
        return Err(not_put(&args.supi, StoreError::AlreadyExists));
    }
    let audit = open_audit_of(&store, &data, &config, Much::No)?;
    let scheme = args.sqn_scheme.unwrap_or(config.sqn.scheme.0);
    let subscriber = Subscriber {
        supi: args.supi.clone(),
        methods,
        subscription: args.subscription.subscription(),
        secrets,
        amf: args.amf,
        sqn: sqn_record(scheme, args.sqn),
    };
    let event = |known| {
        let done = match known {
            true => Audited::SubscriberChanged,
            false => Audited::SubscriberAdded,
        };
        record::change(&audit, done).map(|event| event.about(audit.subject(&args.supi)))
    };
    let put = match args.replace {
        true => store
            .put_many_on_record([&subscriber], &|_, known| event(known))
            .map(drop)
            .map_err(StoreError::from),
        false => store.add_on_record(&subscriber, event(false)),
    };
    put.map_err(|error| not_put(&args.supi, error))?;
    told(&audit)?;
    console.done(format!("{} is in {}", args.supi.sbi(), data.path().display()))?;
    if let Some(kept) = store.subscriber(&args.supi)?.filter(|kept| is_at_its_end(&kept.sqn)) {
        console.note(format!(
            "warning: {} is the end: no SQN is left above it, so every vector is refused and this card needs a new K. Is --sqn right?",
            *hex_field::text(&highest_sqn(&kept.sqn).octets())
        ));
    }
    match subscriber.secrets.algorithm() {
        Algorithm::Gsm(algorithm) => console.note(format!(
            "note: {} is of GSM-only cards: it is stored, but cannot authenticate in 4G or 5G, and no interface of this program \
             gives triplets",
            algorithm.name()
        )),
        Algorithm::Umts(AlgorithmProfile::Xor { .. }) => console.note(
            "note: the XOR test algorithm protects nothing, K follows from one answer: for test networks only",
        ),
        Algorithm::Umts(_) => {}
    }
    if !args.amf.separation_bit() {
        console.note(
            "note: the AMF separation bit is not set; the UDM sets it in vectors for 5G, as TS 33.501 6.1.3.2.0 asks",
        );
    }
    Ok(())
}

fn show(console: &Console, args: &Show) -> Result<()> {
    let store = open(&args.data)?;
    let supi = supi_of(&store, &args.who)?;
    let subscriber = store.subscriber(&supi)?.ok_or_else(|| unknown(&args.who))?;
    if args.json {
        console.line(serde_json::to_string_pretty(&document(&subscriber, args.reveal_gpsi))?)?;
        return Ok(());
    }
    let secrets = &subscriber.secrets;
    let separation = if subscriber.amf.separation_bit() {
        "separation bit set"
    } else {
        "separation bit not set"
    };
    let mut facts = vec![
        ("SUPI", subscriber.supi.sbi()),
        ("K", format!("fingerprint {}", k_fingerprint(secrets))),
    ];
    if let Some((code, fingerprint)) = operator(secrets) {
        facts.push((code, format!("fingerprint {fingerprint}")));
    }
    facts.extend([
        ("Algorithm", algorithm_text(&secrets.algorithm())),
        (
            "AMF",
            format!("{}  {separation}", *hex_field::text(subscriber.amf.octets())),
        ),
        ("SQN scheme", subscriber.sqn.scheme().to_string()),
        (
            "SQN",
            format!(
                "goes on above {}",
                *hex_field::text(&highest_sqn(&subscriber.sqn).octets())
            ),
        ),
    ]);
    facts.extend(subscription::facts(&subscriber, args.reveal_gpsi));
    let back = subscriber.sqn.back();
    if back.reuses > 0 {
        facts.push((
            "Reused",
            format!("numbers of an older epoch were issued again {} times", back.reuses),
        ));
    }
    if back.granted {
        facts.push(("Allowed", "the next fresh AUTS is followed wherever the card is".into()));
    }
    console.facts(&facts)?;
    Ok(())
}

fn remove(console: &Console, args: &Remove) -> Result<()> {
    let config = args.data.config()?;
    let data = DataDir::open(&config.data_dir)?;
    let store = open_store(&data, &config)?;
    let supi = supi_of(&store, &args.who)?;
    if !store.contains(&supi)? {
        return Err(unknown(&args.who));
    }
    if !args.yes {
        bail!(
            "{} and its K would be gone for good: add --yes if you mean it",
            supi.sbi()
        );
    }
    let audit = open_audit_of(&store, &data, &config, Much::No)?;
    let event = record::change(&audit, Audited::SubscriberRemoved).map(|event| event.about(audit.subject(&supi)));
    store.remove_on_record(&supi, event)?;
    told(&audit)?;
    console.done(format!("{} is removed", supi.sbi()))
}

fn open(args: &DataArgs) -> Result<SubscriberStore> {
    let config = args.config()?;
    open_store(&DataDir::open(&config.data_dir)?, &config)
}

fn open_or_create(console: &Console, path: &std::path::Path) -> Result<DataDir> {
    let data = DataDir::open_or_create(path)?;
    if data.is_new() {
        console.note(format!(
            "created {} with a new master key: keep a copy of it, nothing opens without it",
            data.path().display()
        ));
    }
    Ok(data)
}

fn unknown(who: &Who) -> anyhow::Error {
    let text = format!("there is no subscriber {who}; `kaskade subscriber list` shows which there are");
    exit::refused(Refusal::UserNotFound, text)
}

/// Which operator code a subscriber was given, and its fingerprint; some sets have none.
fn operator(secrets: &SubscriberSecrets) -> Option<(&'static str, Fingerprint)> {
    Some(match secrets {
        SubscriberSecrets::Milenage { operator, .. } => match operator {
            OpOrOpc::Op(op) => ("OP", Fingerprint::of(op)),
            OpOrOpc::Opc(opc) => ("OPc", Fingerprint::of(opc)),
        },
        SubscriberSecrets::Tuak { operator, .. } => match operator {
            TopOrTopc::Top(top) => ("TOP", Fingerprint::of(top)),
            TopOrTopc::Topc(topc) => ("TOPc", Fingerprint::of(topc)),
        },
        SubscriberSecrets::Xor { .. } | SubscriberSecrets::Gsm(_) => return None,
    })
}

fn k_fingerprint(secrets: &SubscriberSecrets) -> Fingerprint {
    match secrets {
        SubscriberSecrets::Milenage { k, .. }
        | SubscriberSecrets::Tuak {
            k: TuakKey::K128(k), ..
        } => Fingerprint::of(k),
        SubscriberSecrets::Xor { k, .. } => Fingerprint::of(k),
        SubscriberSecrets::Gsm(GsmKeys { k, .. }) => Fingerprint::of(k),
        SubscriberSecrets::Tuak {
            k: TuakKey::K256(k), ..
        } => Fingerprint::of(k),
    }
}

/// The algorithm with what the operator chose in it.
fn algorithm_text(algorithm: &Algorithm) -> String {
    let name = algorithm.name();
    match algorithm {
        Algorithm::Umts(AlgorithmProfile::Milenage { constants }) if !constants.are_standard() => {
            format!("{name}, own constants")
        }
        Algorithm::Umts(AlgorithmProfile::Tuak { parameters }) => format!(
            "{name}, RES of {} octets, iterations: {}",
            parameters.res.octets(),
            parameters.iterations.count()
        ),
        Algorithm::Umts(AlgorithmProfile::Xor { res_length }) => {
            format!("{name}, RES of {} octets, for tests only", res_length.octets())
        }
        Algorithm::Umts(_) => name.into(),
        Algorithm::Gsm(_) => format!("{name}, GSM only"),
    }
}

fn document(subscriber: &Subscriber, reveal_gpsi: bool) -> Value {
    let secrets = &subscriber.secrets;
    let (code, fingerprint) = operator(secrets).unzip();
    let (res_octets, iterations) = match secrets.algorithm() {
        Algorithm::Umts(AlgorithmProfile::Tuak { parameters }) => {
            (Some(parameters.res.octets()), Some(parameters.iterations.count()))
        }
        Algorithm::Umts(AlgorithmProfile::Xor { res_length }) => (Some(res_length.octets()), None),
        _ => (None, None),
    };
    let mut document = json!({
        "supi": subscriber.supi.sbi(),
        "k_fingerprint": k_fingerprint(secrets).to_string(),
        "operator_code": code,
        "operator_code_fingerprint": fingerprint.map(|fingerprint| fingerprint.to_string()),
        "algorithm": secrets.algorithm().name(),
        "amf": *hex_field::text(subscriber.amf.octets()),
        "sqn_scheme": subscriber.sqn.scheme().name(),
        "highest_sqn": *hex_field::text(&highest_sqn(&subscriber.sqn).octets()),
        "sqn_reused": subscriber.sqn.back().reuses,
        "sqn_reuse_allowed": subscriber.sqn.back().granted,
    });
    for (name, value) in [("res_octets", res_octets), ("tuak_iterations", iterations)] {
        if let Some(value) = value {
            document[name] = value.into();
        }
    }
    if let (Value::Object(all), Value::Object(allowed)) =
        (&mut document, subscription::document(subscriber, reveal_gpsi))
    {
        all.extend(allowed);
    }
    document
}

/// A record for a card that may have seen up to `highest`.
fn sqn_record(scheme: SqnScheme, highest: Option<Sqn>) -> SqnRecord {
    match highest {
        None => SqnRecord::blank(scheme),
        Some(highest) => {
            let blank = SqnRecord::blank(scheme);
            let (seq, _) = blank.layout().split(highest);
            SqnRecord::after(scheme, blank.layout(), seq)
        }
    }
}

/// The highest SQN that may have been issued.
fn highest_sqn(record: &SqnRecord) -> Sqn {
    let layout = record.layout();
    let ind = u8::try_from(layout.array_size() - 1).map_or(Ind(0), Ind);
    layout.join(record.reserved(), ind).unwrap_or(Sqn::MAX)
}

/// Whether no SEQ is left above what was issued.
fn is_at_its_end(record: &SqnRecord) -> bool {
    record.reserved() >= record.layout().max_seq()
}

/// The whole store in pages, in the order of the SUPI.
fn pages(store: &SubscriberStore, mut visit: impl FnMut(&[Subscriber]) -> Result<()>) -> Result<()> {
    let mut after: Option<Supi> = None;
    loop {
        let page = store
            .list(after.as_ref(), 1000)
            .context("the store cannot be read to its end")?;
        let Some(last) = page.last() else { return Ok(()) };
        visit(&page)?;
        after = Some(last.supi.clone());
    }
}
