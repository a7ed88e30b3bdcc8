//! `kaskade policy`: which serving networks may authenticate the subscribers.

use anyhow::{Context, Result, bail};
use kaskade::administration::Networks;
use kaskade_keys::{Plmn, ServingNetworkName};

use crate::admin::link::Purpose;
use crate::admin::policy::{self, PolicyView};
use crate::admin::text::Text;
use crate::admin::{Link, LinkArgs};
use crate::console::Console;
use crate::exit::Untold;
use crate::patience::open_link;

/// Which serving networks may authenticate the subscribers: shows and decides
///
/// What is decided here is kept in the store and takes the place of the lists under [policy] in the configuration, at once where a
/// node runs, and at every later start, until `kaskade policy reset`. Groups and reservations stay those of the configuration.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade policy show
  kaskade policy set --network 001-01 --network 310-410
  kaskade policy reset")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Shows the policy that is in force
    Show(Show),
    Set(Set),
    /// Gives up what was decided: the configuration counts again
    Reset(Show),
}

/// How it is shown.
#[derive(clap::Args, Debug)]
struct Show {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Decides it: these networks and no others
#[derive(clap::Args, Debug)]
struct Set {
    /// A network as MCC-MNC, such as 001-01; may be given several times
    #[arg(long = "network", value_name = "MCC-MNC")]
    networks: Vec<Plmn>,
    /// A serving network name, exactly as it enters the derivations; may be given several times
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<ServingNetworkName>,
    /// No network at all: nobody authenticates any more
    #[arg(long, conflicts_with_all = ["networks", "names"])]
    none: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.action {
        Action::Show(args) => {
            let link = open(&args.link, Purpose::Look)?;
            let policy = link.ask::<policy::Show>((), Default::default(), Default::default())?;
            tell(console, args.json, &policy)
        }
        Action::Set(args) => {
            if args.networks.is_empty() && args.names.is_empty() && !args.none {
                bail!("name at least one --network or --name; --none lets nobody authenticate any more");
            }
            let networks = Networks {
                serving_networks: args.networks.iter().copied().map(Text).collect(),
                serving_network_names: args.names.iter().copied().map(Text).collect(),
            };
            let link = open(&args.link, Purpose::Change)?;
            let policy = link.ask::<policy::Set>((), Default::default(), networks)?;
            tell(console, args.json, &policy).context(Untold)
        }
        Action::Reset(args) => {
            let link = open(&args.link, Purpose::Change)?;
            let policy = link.ask::<policy::Reset>((), Default::default(), Default::default())?;
            tell(console, args.json, &policy).context(Untold)
        }
    }
}

fn open(args: &LinkArgs, purpose: Purpose) -> Result<Link> {
    open_link(args, &args.data.config()?, purpose, |_| ())
}

fn tell(console: &Console, as_json: bool, policy: &PolicyView) -> Result<()> {
    if as_json {
        return console.json(policy);
    }
    let Networks {
        serving_networks,
        serving_network_names,
    } = &policy.networks;
    let plmns = serving_networks.iter().map(|Text(plmn)| plmn.to_string());
    let names = serving_network_names.iter().map(|Text(name)| name.to_string());
    let listed: Vec<String> = plmns.chain(names).collect();
    let networks = match (policy.any_serving_network, listed.as_slice()) {
        (true, _) => "every one".to_owned(),
        (false, []) => "none".to_owned(),
        (false, listed) => listed.join(", "),
    };
    let from = match &*policy.from {
        "administration" => "decided here; `kaskade policy reset` goes back to the configuration",
        _ => "the configuration",
    };
    let mut facts = vec![("Networks", networks), ("From", from.to_owned())];
    if !policy.reserved.is_empty() {
        facts.push(("Reserved", policy.reserved.join(", ")));
    }
    console.facts(&facts)?;
    Ok(())
}
