//! `kaskade up`: a home network's UDM and AUSF, and the demonstration.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, anyhow, bail};
use kaskade::config::{Config, Parsed, RemoteUdmConfig};
use kaskade_aka::fivegs::keys::Selection;
use kaskade_aka::sqn::SqnRecord;
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_crypto::ecies::Profile;
use kaskade_crypto::{Amf, K, Opc};
use kaskade_doctor::side::Side;
use kaskade_doctor::tree_view::{self, Sides, Verdict};
use kaskade_flow::event::Action;
use kaskade_keys::derivation::{Fingerprint, Holder};
use kaskade_keys::{Abba, HnKeyId, Plmn, RoutingIndicator, ServingNetworkName, Supi, tree};
use kaskade_net::node::{Node, NodeError};
use kaskade_net::random::random_octets;
use kaskade_net::role::seaf::AusfClient;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::tap::{FingerprintTap, OptionalTap};
use kaskade_store::audit::AuditLog;
use kaskade_store::locked::{first_refusal, scrubbed};
use kaskade_store::{
    AuthMethods, EngineError, OpOrOpc, Subscriber, SubscriberSecrets, SubscriberStore, Subscription, WritingStopped,
};
use kaskade_ue::card::{self, History};
use kaskade_ue::{Device, Identity};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::attach::{Attach, Attached};
use super::ue::state::StateFile;
use crate::console::{Console, Style};
use crate::data_dir::{DataArgs, DataDir, Folder};
use crate::exit::STORE_FAILED;
use crate::footprint::{BLOCKING_THREADS, Footprint, threads};
use crate::hn_keys::HnKeys;
use crate::memory::{self, Swap};
use crate::warnings;
use crate::{record, service};

/// Runs UDM and AUSF on HTTP/2, until Ctrl-C
///
/// On the first start it creates the data folder with a master key (mode 0600) that seals every K. The AUSF serves
/// Nausf_UEAuthentication to AMFs, the UDM Nudm_UEAuthentication to other AUSFs.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  See it work: two demo subscribers in the folder kaskade-demo, one attach over HTTP/2, the
  cascade of keys as a tree:
    kaskade up --demo --once

  A network of your own: write the configuration, list your PLMN under [policy], add
  subscribers, start:
    kaskade config > kaskade.toml
    kaskade subscriber add --config kaskade.toml --supi imsi-... --k-file k --opc-file opc
    kaskade up --config kaskade.toml

Exit status: 0 after Ctrl-C or SIGTERM; 74 when the store can write nothing any more, as after a failed sync:
requests in progress end first, and a supervisor should start it again (systemd: Restart=on-failure); 2 for a wrong
command line, 1 or another number of docs/refusals.md for any other error. With --demo --once it is 0 only if UE and network have the same keys.")]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Make two demo subscribers of the test network 001-01, attach one over the wire, and print the cascade of keys.
    /// Uses the folder kaskade-demo, whatever is configured, unless --data names another, which has no other subscribers
    #[arg(long)]
    demo: bool,
    /// With --demo: exit after the attach
    #[arg(long, requires = "demo")]
    once: bool,
    /// With --demo: show the keys themselves, not only their fingerprints (K and OPc are never shown)
    #[arg(long, requires = "demo")]
    reveal: bool,
}

/// The test network of TS 36.508 and most laboratories.
const DEMO_PLMN: (&str, &str) = ("001", "01");
const DEMO_FOLDER: &str = "kaskade-demo";
const DEMO_MSINS: [&str; 2] = ["0000000001", "0000000002"];

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    let mut config = args.data.config()?;
    if args.demo {
        prepare_demo(&mut config, &args.data)?;
    }
    start_log(console, &config, args.demo)?;
    if let Swap::Possible(warning) = memory::lock_all() {
        tracing::warn!("{warning}");
    }
    let footprint = Footprint::of(&config);
    tracing::info!("memory: {}", footprint.sentence());
    for warning in footprint.warnings() {
        tracing::warn!("{warning}");
    }
    kaskade_store::bound_arenas();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // As the sum above has it, whatever the environment says to the runtime.
        .worker_threads(threads())
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()?;
    runtime.block_on(up(console, args, &config))
}

async fn up(console: &Console, args: &Args, config: &Config) -> Result<()> {
    let data = DataDir::open_or_create(&config.data_dir)?;
    let own_folder = args.demo && !args.data.names_a_folder();
    let store = service::open_store(&data, config).map_err(|error| match own_folder && service::is_lost(&error) {
        true => error.context(format!(
            "to begin the demonstration anew, remove the folder {DEMO_FOLDER}"
        )),
        false => error,
    });
    let store = Arc::new(store?);
    if args.demo {
        refuse_other_subscribers(&store, data.path())?;
    }
    let mut hn_keys = scrubbed(|| HnKeys::open(&data))?;
    let audit = record::open_audit_to_serve(&store, &data, config)?;
    if args.demo {
        make_demo_data(&store, &audit, &mut hn_keys)?;
    }
    let demo = args.demo.then(|| Demo::prepare(&data, &hn_keys)).transpose()?;
    let (taps, tap): (_, OptionalTap) = match args.demo {
        true => {
            let taps = Arc::new(Taps::default());
            (Some(Arc::clone(&taps)), Some(taps))
        }
        false => (None, None),
    };
    let ausf = service::nf_instance_id(&data)?;
    let data = data.without_master_key();
    if let Some(reason) = first_refusal() {
        tracing::warn!(
            "pages with keys are not locked ({reason}): raise RLIMIT_MEMLOCK (ulimit -l, systemd: LimitMEMLOCK) to 8 MiB"
        );
    }
    let node = start(config, &store, hn_keys, ausf, (&tap, &audit), args.demo)?;
    greet(console, config, &data, &store, &node)?;
    for warning in warnings::of(config) {
        console.line(console.paint(Style::Note, &warning))?;
    }
    let outcome = match (demo, taps) {
        (Some(demo), Some(taps)) => show(console, args, &demo, &store, &node, &taps).await,
        _ => Ok(()),
    };
    if args.once {
        node.shutdown().await;
        return outcome;
    }
    if let Err(error) = outcome {
        console.error(&error);
    }
    let end = listen_for_end(&store)?;
    console.line("Running. Ctrl-C stops.")?;
    finish(console, node, end.await).await
}

/// Why a node ends.
enum End {
    /// Somebody said so.
    Asked,
    /// The store can write nothing any more.
    Stopped(WritingStopped),
}

/// Stops a node in order; an error when it did not end because somebody said so.
async fn finish(console: &Console, node: Node, end: End) -> Result<()> {
    let result = match end {
        End::Asked => Ok(()),
        End::Stopped(why) => {
            let next = match &*why.0 {
                // It says so itself.
                EngineError::Corrupt { .. } => "",
                _ => ". Look at the disk first; a new start goes on with what is on it",
            };
            tracing::error!("{why}: this process ends with status {STORE_FAILED}{next}");
            Err(anyhow::Error::new(why).context("the subscriber store failed"))
        }
    };
    // Whoever read the greeting may be gone: that changes neither the order nor the status of the end.
    let _ = console.line("Stopping: requests in progress may end.");
    node.shutdown().await;
    result
}

fn start(
    config: &Config,
    store: &Arc<SubscriberStore>,
    hn_keys: HnKeys,
    ausf: NfInstanceId,
    (tap, audit): (&OptionalTap, &AuditLog),
    demo: bool,
) -> Result<Node> {
    let ring = hn_keys.into_ring();
    let options = |config: &Config| service::node_options(config, Arc::clone(store), ring.clone(), ausf, tap, audit);
    match Node::start(options(config)?) {
        // A demonstration takes any port: something else may have the usual one.
        Err(NodeError::Listen { source, .. }) if demo && source.kind() == ErrorKind::AddrInUse => {
            let mut config = config.clone();
            config.udm.listen.set_port(0);
            config.ausf.listen.set_port(0);
            Ok(Node::start(options(&config)?)?)
        }
        Err(error @ NodeError::Listen { .. }) => Err(anyhow!(error).context(
            "is the address free? KASKADE_AUSF_LISTEN and KASKADE_UDM_LISTEN or the configuration name another",
        )),
        other => Ok(other?),
    }
}

fn greet(console: &Console, config: &Config, data: &Folder, store: &SubscriberStore, node: &Node) -> Result<()> {
    let subscribers = match store.len()? {
        1 => "1 subscriber".to_owned(),
        count => format!("{count} subscribers"),
    };
    let new = if data.is_new() { ", created just now" } else { "" };
    let facts = [
        ("Data", format!("{}{new}: {subscribers}", data.path().display())),
        ("Master key", format!("{} (seals every K)", data.master_key())),
        match &config.ausf.udm.url {
            Some(url) => ("UDM", format!("{} (another node)", url.trim_end_matches('/'))),
            None => ("UDM", format!("{}/nudm-ueau/v1", node.udm_url().unwrap_or("-"))),
        },
        ("AUSF", format!("{}/nausf-auth/v1", node.ausf_url().unwrap_or("-"))),
    ];
    console.facts(&facts)?;
    for notice in data.notices() {
        console.line(console.paint(Style::Note, notice))?;
    }
    Ok(())
}

/// What ends a node, heard from this call on: whoever reads that it runs may stop it at once, and in order.
fn listen_for_end(store: &SubscriberStore) -> Result<impl Future<Output = End> + use<>> {
    let (tell, stopped) = tokio::sync::oneshot::channel();
    store.when_failed(move |why| {
        // Nobody listens any more when the node ends anyhow.
        let _ = tell.send(why);
    });
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => End::Asked,
            _ = terminate.recv() => End::Asked,
            Ok(why) = stopped => End::Stopped(why),
        }
    })
}

fn start_log(console: &Console, config: &Config, demo: bool) -> Result<()> {
    // The demonstration's output is the tree; only what goes wrong belongs beside it.
    let asked = std::env::var_os("KASKADE_LOG").is_some_and(|filter| !filter.is_empty());
    let filter = match demo && !asked && config.log == kaskade::config::LogConfig::default() {
        true => tracing_subscriber::EnvFilter::try_new("warn"),
        false => config.log.filter.0.env_filter(),
    };
    let filter = filter.context("log.filter")?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(console.colours_log())
        .with_writer(std::io::stderr);
    let started = if config.log.json {
        log.json().try_init()
    } else {
        log.try_init()
    };
    started.map_err(|error| anyhow!("the log does not start: {error}"))
}

// The demonstration

fn demo_plmn() -> Result<Plmn> {
    Ok(Plmn::new(DEMO_PLMN.0, DEMO_PLMN.1)?)
}

fn demo_supi(msin: &str) -> Result<Supi> {
    Ok(Supi::Imsi(kaskade_keys::Imsi::from_parts(demo_plmn()?, msin)?))
}

fn prepare_demo(config: &mut Config, data: &DataArgs) -> Result<()> {
    if !data.names_a_folder() {
        config.data_dir = PathBuf::from(DEMO_FOLDER);
    }
    // It has subscribers of its own.
    config.ausf.udm = RemoteUdmConfig::default();
    if !config.policy.any_serving_network {
        config.policy.serving_networks.push(Parsed(demo_plmn()?));
    }
    Ok(())
}

/// Nobody's network gets subscribers and keys of the demonstration.
fn refuse_other_subscribers(store: &SubscriberStore, path: &Path) -> Result<()> {
    let own: Vec<Supi> = DEMO_MSINS.into_iter().map(demo_supi).collect::<Result<_>>()?;
    // One more than the demonstration has: if there are others, one is among them.
    let first = store.list(None, own.len() + 1)?;
    if let Some(other) = first.iter().find(|subscriber| !own.contains(&subscriber.supi)) {
        bail!(
            "{}: has {}, who is not of the demonstration: leave --data out, or name a new folder. Without --demo, \
             `kaskade up` serves this one",
            path.display(),
            other.supi.masked()
        );
    }
    Ok(())
}

/// What the demonstration needs, made on its first start: random K and OPc, a key pair of each profile.
fn make_demo_data(store: &SubscriberStore, audit: &AuditLog, hn_keys: &mut HnKeys) -> Result<()> {
    for msin in DEMO_MSINS {
        let supi = demo_supi(msin)?;
        if store.contains(&supi)? {
            continue;
        }
        let (k, opc): (Zeroizing<[u8; 16]>, Zeroizing<[u8; 16]>) = (random_octets()?.into(), random_octets()?.into());
        let event = record::change(audit, Action::SubscriberAdded).map(|event| event.about(audit.subject(&supi)));
        let subscriber = Subscriber {
            supi,
            secrets: SubscriberSecrets::milenage(K::from_octets(&k), OpOrOpc::Opc(Opc::from_octets(&opc))),
            amf: Amf::SEPARATION,
            methods: AuthMethods::default(),
            subscription: Subscription::default(),
            sqn: SqnRecord::blank(kaskade_aka::sqn::SqnScheme::TimeBased),
        };
        store.add_on_record(&subscriber, event)?;
    }
    for profile in [Profile::A, Profile::B] {
        if hn_keys.first_of(profile).is_none() {
            let id = hn_keys.free_id()?;
            hn_keys.generate(id, profile)?;
        }
    }
    Ok(())
}

/// The emulated UE of the demonstration.
struct Demo {
    supi: Supi,
    identity: Identity,
    state: PathBuf,
}

impl Demo {
    fn prepare(data: &DataDir, hn_keys: &HnKeys) -> Result<Self> {
        let (id, key) = hn_keys
            .first_of(Profile::A)
            .context("no home network key of profile A")?;
        Ok(Self {
            supi: demo_supi(DEMO_MSINS[0])?,
            identity: Identity::Concealed {
                home: Some(demo_plmn()?),
                routing_indicator: RoutingIndicator::DEFAULT,
                hn_key_id: HnKeyId(id),
                hn_public_key: key.public_key().clone(),
            },
            state: data.path().join("demo-usim.json"),
        })
    }

    /// The card: K and OPc as they were written on it, its sequence numbers from the last time.
    fn usim(&self, store: &SubscriberStore, state: &StateFile) -> Result<Usim> {
        let subscriber = store.subscriber(&self.supi)?.context("the demo subscriber is gone")?;
        let keys = subscriber
            .secrets
            .algorithm_keys()
            .context("the demo subscriber has a GSM-only card")?;
        let kept = state.seq_ms();
        let history = kept.as_deref().map_or(History::New, History::Kept);
        Ok(card::usim(&keys, UsimOptions::default(), history)?)
    }
}

async fn show(
    console: &Console,
    args: &Args,
    demo: &Demo,
    store: &SubscriberStore,
    node: &Node,
    taps: &Taps,
) -> Result<()> {
    let mut state = StateFile::open(&demo.state, &demo.supi)?;
    let device = Device::new(demo.usim(store, &state)?, demo.supi.clone());
    let url = node.ausf_url().context("no AUSF")?;
    let Demo { supi, identity, .. } = demo;
    let serving_network_name = ServingNetworkName::new(demo_plmn()?, None);
    let attach = Attach {
        ausf: AusfClient::new(url, demo_client(args)?)?,
        identity: identity.clone(),
        serving_network_name,
        abba: Abba::INITIAL,
        selection: Selection::default(),
        reveal: args.reveal,
    };
    let attached = attach.run(device, |card| state.keep(card)).await?;
    let network = taps.network(supi, &attached);
    let sides = Sides {
        ue: &attached.ue,
        network: Some(&network),
    };
    console.line("")?;
    let title = format!("{} attached in {serving_network_name}", supi.masked());
    console.line(console.paint(Style::Strong, &title))?;
    let how = format!(
        "5G AKA over HTTP/2, {}, NAS and AS with 128-NEA2 and 128-NIA2, {:.2} ms{}",
        identity.name(),
        attached.elapsed.as_secs_f64() * 1e3,
        if attached.resynchronised {
            ", after a resynchronisation"
        } else {
            ""
        },
    );
    console.line(how)?;
    console.line("")?;
    console.text(&tree_view::render(console.sheet(), sides))?;
    let verdict = Verdict::of(sides);
    console.text(&tree_view::conclusion(console.sheet(), verdict))?;
    if verdict.differ > 0 || verdict.one_sided > 0 || verdict.agree == 0 {
        bail!("UE and network do not have the same keys");
    }
    Ok(())
}

/// The certificate of a demonstration over TLS is trusted as it is configured.
fn demo_client(args: &Args) -> Result<ClientOptions> {
    let config = args.data.config()?;
    let mut options = ClientOptions::default();
    if let Some(certificates) = &config.ausf.tls.cert {
        options.tls = Some(kaskade_net::sbi::tls::ClientTls::new(Path::new(certificates), None)?);
    }
    Ok(options)
}

/// What the home network's functions hold, by fingerprint: the last of each key and subscriber.
#[derive(Default)]
struct Taps(Mutex<Vec<(Supi, &'static str, Fingerprint)>>);

impl FingerprintTap for Taps {
    fn seen(&self, _: Holder, supi: &Supi, key: &'static str, fingerprint: Fingerprint) {
        if let Ok(mut seen) = self.0.lock() {
            seen.retain(|(of, name, _)| (of, *name) != (supi, key));
            seen.push((supi.clone(), key, fingerprint));
        }
    }
}

impl Taps {
    /// Home and serving network together; where they differ, the home network counts.
    fn network(&self, supi: &Supi, attached: &Attached) -> Side {
        let mut network = Side::new(false);
        let seen = self.0.lock().map(|seen| seen.clone()).unwrap_or_default();
        for row in tree::rows() {
            let home = seen.iter().find(|(of, name, _)| of == supi && *name == row.child);
            let serving = attached.serving.of(row.child);
            match (home, serving) {
                (Some((_, name, fingerprint)), Some(key)) if key.fingerprint() != *fingerprint => {
                    network.note(name, *fingerprint);
                }
                (_, Some(_)) => network.adopt(row.child, &attached.serving),
                (Some((_, name, fingerprint)), None) => network.note(name, *fingerprint),
                (None, None) => {}
            }
        }
        network
    }
}
