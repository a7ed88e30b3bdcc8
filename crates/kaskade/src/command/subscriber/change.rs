//! `kaskade subscriber change`: what a subscription allows, without its K.

use anyhow::Result;
use kaskade::subscription::{Who, best, eps_profile, methods, yes_or_no};
use kaskade_crypto::Amf;
use kaskade_keys::{Gpsi, RoutingIndicator};
use kaskade_store::{AuthMethods, BestSubscription, EpsProfile};

use super::{about, open};
use crate::admin::link::Purpose;
use crate::admin::subscriber::{self, Changes};
use crate::admin::text::{self, Text};
use crate::admin::{LinkArgs, NotDone};
use crate::command::derive;
use crate::console::Console;
use crate::exit;

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
    link: LinkArgs,
}

/// Whether and how BEST keys are made.
#[derive(Clone, Copy, Debug)]
struct Best(Option<BestSubscription>);

fn some_best(text: &str) -> Result<Best, kaskade::subscription::SubscriptionError> {
    best(text).map(Best)
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let link = open(console, &args.link, Purpose::Change)?;
    let asked = link.ask::<subscriber::Change>(args.who.clone(), Default::default(), args.changes());
    let changed = asked.map_err(|error| args.refused(error))?;
    if args.json {
        return console.json_done(&changed);
    }
    console.done(format!("{} is changed; K and SQN are what they were", changed.supi))
}

/// What an option sets, what another one takes away, or nothing.
fn set<T: Clone>(set: Option<&T>, none: bool) -> Option<Option<Text<T>>> {
    match (set, none) {
        (Some(value), _) => Some(Some(Text(value.clone()))),
        (None, true) => Some(None),
        (None, false) => None,
    }
}

impl Args {
    fn changes(&self) -> Changes {
        Changes {
            methods: self.methods.map(|list| list.iter().map(Text).collect()),
            gpsi: set(self.gpsi.as_ref(), self.no_gpsi),
            routing_indicator: set(self.routing_indicator.as_ref(), self.no_routing_indicator),
            akma: self.akma,
            best: self.best.map(|Best(best)| Text(text::Best(best))),
            eps_profile: set(self.eps_profile.as_ref(), self.no_eps_profile),
            amf: self.amf.map(Text),
            suspended: None,
        }
    }

    fn refused(&self, error: NotDone) -> anyhow::Error {
        match (error.param.as_deref(), &self.gpsi) {
            (Some("/gpsi"), Some(gpsi)) => {
                let text = format!("--gpsi: {} {}", gpsi.as_str(), error.detail());
                exit::refused(error.why(), text)
            }
            (Some("/methods"), _) => exit::refused(error.why(), format!("--methods: {}", error.detail())),
            _ => about(&self.who, error),
        }
    }
}
