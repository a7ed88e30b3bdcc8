//! `kaskade subscriber change`: what a subscription allows, without its K.

use anyhow::{Context, Result, anyhow};
use kaskade::subscription::{Who, best, eps_profile, methods, methods_of_card, yes_or_no};
use kaskade_crypto::Amf;
use kaskade_flow::event::Action as Audited;
use kaskade_keys::{Gpsi, RoutingIndicator};
use kaskade_store::{AuthMethods, BestSubscription, EpsProfile, Subscriber};

use super::subscription::{not_put, supi_of};
use super::{document, unknown};
use crate::command::derive;
use crate::console::Console;
use crate::data_dir::{DataArgs, DataDir};
use crate::record::{Much, change, open_audit_of, told};
use crate::runtime::store::open_store;

/// Changes what a subscription allows, and nothing else
///
/// K, operator code, algorithm, SQN and its scheme stay, and so does everything that no option names. It needs no K.
#[derive(clap::Args, Debug)]
#[command(
    group(clap::ArgGroup::new("what").required(true).multiple(true)),
    after_help = "Examples:
  kaskade subscriber change imsi-001010000000001 --akma yes --gpsi msisdn-491701234567
  kaskade subscriber change msisdn-491701234567 --methods eap-aka-prime,5g-aka --best separated-umts
  kaskade subscriber change imsi-001010000000001 --no-gpsi --no-eps-profile"
)]
pub(super) struct Args {
    /// SUPI or GPSI, such as imsi-001010000000001 or msisdn-491701234567
    #[arg(value_name = "SUPI|GPSI")]
    who: Who,
    /// The methods that it may authenticate with, the preferred one first, with commas between them; none for no method at all
    #[arg(long, value_name = "METHODS", value_parser = methods, group = "what")]
    methods: Option<AuthMethods>,
    /// GPSI, how those outside call it: msisdn-491701234567 or extid-meter17@things.example; no two subscribers have the same
    #[arg(long, group = "what", conflicts_with = "no_gpsi")]
    gpsi: Option<Gpsi>,
    /// It has no GPSI any more
    #[arg(long, group = "what")]
    no_gpsi: bool,
    /// Routing indicator of its card, 1 to 4 digits
    #[arg(long, value_name = "DIGITS", group = "what", conflicts_with = "no_routing_indicator")]
    routing_indicator: Option<RoutingIndicator>,
    /// Nothing is said of the routing indicator of its card any more
    #[arg(long, group = "what")]
    no_routing_indicator: bool,
    /// Whether keys for applications (AKMA) are made of its authentications: yes or no
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no, group = "what")]
    akma: Option<bool>,
    /// Whether keys for battery-powered things (BEST) are made of its authentications, and how: yes, no or separated-umts
    #[arg(long, value_name = "yes|no|separated-umts", value_parser = some_best, group = "what")]
    best: Option<Best>,
    /// Name of the subscription data that an MME gets
    #[arg(long, value_name = "NAME", value_parser = eps_profile, group = "what", conflicts_with = "no_eps_profile")]
    eps_profile: Option<EpsProfile>,
    /// An MME gets no subscription data any more
    #[arg(long, group = "what")]
    no_eps_profile: bool,
    /// AMF (authentication management field) of the vectors, 4 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = derive::amf, group = "what")]
    amf: Option<Amf>,
    /// Print JSON, as `show` does
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// Whether and how BEST keys are made.
#[derive(Clone, Copy, Debug)]
struct Best(Option<BestSubscription>);

fn some_best(text: &str) -> Result<Best, kaskade::subscription::SubscriptionError> {
    best(text).map(Best)
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let config = args.data.config()?;
    let data = DataDir::open(&config.data_dir)?;
    let store = open_store(&data, &config)?;
    let supi = supi_of(&store, &args.who)?;
    let mut subscriber = store.subscriber(&supi)?.ok_or_else(|| unknown(&args.who))?;
    args.apply(&mut subscriber)?;
    let audit = open_audit_of(&store, &data, &config, Much::No)?;
    let event = change(&audit, Audited::SubscriberChanged).map(|event| event.about(audit.subject(&supi)));
    store
        .change_on_record(&subscriber, event)
        .map_err(|error| not_put(&supi, error))?;
    told(&audit)?;
    if args.json {
        let now = store.subscriber(&supi)?.ok_or_else(|| anyhow!("it is gone"))?;
        return console.done(serde_json::to_string_pretty(&document(&now, false))?);
    }
    console.done(format!("{} is changed; K and SQN are what they were", supi.sbi()))
}

impl Args {
    fn apply(&self, subscriber: &mut Subscriber) -> Result<()> {
        if self.methods.is_some() {
            let algorithm = subscriber.secrets.algorithm();
            subscriber.methods = methods_of_card(self.methods, &algorithm).context("--methods")?;
        }
        let allowed = &mut subscriber.subscription;
        if self.no_gpsi || self.gpsi.is_some() {
            allowed.gpsi = self.gpsi.clone();
        }
        if self.no_routing_indicator || self.routing_indicator.is_some() {
            allowed.routing_indicator = self.routing_indicator;
        }
        if self.no_eps_profile || self.eps_profile.is_some() {
            allowed.eps = self.eps_profile.clone();
        }
        if let Some(Best(best)) = self.best {
            allowed.best = best;
        }
        allowed.akma_allowed = self.akma.unwrap_or(allowed.akma_allowed);
        subscriber.amf = self.amf.unwrap_or(subscriber.amf);
        Ok(())
    }
}
