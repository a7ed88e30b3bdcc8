//! The server process of a measurement.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use kaskade::config::{BudgetConfig, Config, Parsed};
use kaskade::load::{self, demo_subscriber};
use kaskade_aka::sqn::SqnRecord;
use kaskade_crypto::ecies::{HnPrivateKey, Profile};
use kaskade_keys::{HnKeyId, Plmn};
use kaskade_net::node::{Node, RemoteUdm};
use kaskade_net::role::udm::HnKeyRing;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_store::postgres::migrate;
use kaskade_store::{SqnScheme, Subscriber, SubscriberStore};

use super::pki::Pki;
use super::server::{Ready, Told, disk, resident};
use super::{ProfileArgs, SEED, Scheme, bound};
use crate::admin::{Admin, Desk, Log, Office, RunningRoles};
use crate::console::Console;
use crate::data_dir::DataDir;
use crate::monitor::Monitor;
use crate::record;
use crate::runtime::roles::{Shared, nf_instance_id, node_options};
use crate::runtime::store::open_store;

/// The data folder in the folder of a measurement.
pub(super) const DATA: &str = "data";

pub(super) const HN_KEY_ID: HnKeyId = HnKeyId(1);

/// The home network's key of a measurement: nobody's, as the subscribers.
pub(super) fn hn_key(profile: Profile) -> Result<HnPrivateKey> {
    Ok(HnPrivateKey::from_octets(profile, &[0x42; 32])?)
}

/// The server of a measurement: told by its parent, stops when its standard input ends
#[derive(clap::Args, Debug)]
pub(super) struct ServeArgs {
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    subscribers: u64,
    #[arg(long)]
    threads: u16,
    #[arg(long)]
    scheme: SqnScheme,
    #[arg(long)]
    postgres: Option<String>,
    #[command(flatten)]
    profile: ProfileArgs,
    /// Only answers
    #[arg(long)]
    bare: bool,
}

pub(super) fn serve(console: &Console, args: &ServeArgs) -> Result<()> {
    let tell = |told: &Told| console.line(serde_json::to_string(told).unwrap_or_default());
    if args.bare {
        let tls = args.profile.tls.then(|| Pki::of(&args.dir).server_tls()).transpose()?;
        return bound::serve(tls, args.threads, args.profile.method(), |url| {
            tell(&Told::Ready(Ready {
                url,
                ..Ready::default()
            }))
        });
    }
    let mut config = Config::default();
    let plmn = Plmn::new("001", "01")?;
    config.data_dir = args.dir.join(DATA);
    config.ausf.listen.set_port(0);
    config.udm.listen.set_port(0);
    config.policy.serving_networks.push(Parsed(plmn));
    // One peer asks for everything, and a small store for the same cards again and again.
    config.budget = BudgetConfig::unlimited();
    config.audit.enabled = !args.profile.no_audit;
    config.store.postgres.clone_from(&args.postgres);
    if let Some(server) = config.store.server() {
        server.check()?;
        migrate(&server)?;
    }
    let pki = args.profile.tls.then(|| Pki::create(&args.dir)).transpose()?;
    if let Some(pki) = &pki {
        config.ausf.tls = pki.server();
        config.udm.tls = pki.server();
    }
    let hn_keys = args.profile.suci.and_then(Scheme::profile).map(hn_key).transpose()?;
    let data = DataDir::open_or_create(&config.data_dir)?;
    let store = Arc::new(open_store(&data, &config)?);
    let ausf = nf_instance_id(&data)?;
    let audit = record::open_audit_to_serve(&store, &data, &config)?;
    let (empty_resident, empty_disk) = (resident(std::process::id())?, disk(data.path())?);
    let begin = Instant::now();
    fill(&store, plmn, args, &tell)?;
    let seconds = begin.elapsed().as_secs_f64();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads.max(1).into())
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let ring: HnKeyRing = hn_keys.into_iter().map(|key| (HN_KEY_ID, key)).collect();
        let options = node_options(&config, &Shared::new(&store, &ring, ausf, &audit))?;
        let mut nodes = Vec::new();
        let mut of_ausf = options.clone();
        if args.profile.n13 {
            let mut of_udm = options;
            of_udm.ausf = None;
            let udm = Node::start(of_udm)?;
            let url = udm.udm_url().context("no UDM")?.to_owned();
            nodes.push(udm);
            let client = pki.as_ref().map_or_else(|| Ok(ClientOptions::default()), Pki::client)?;
            of_ausf.udm = None;
            if let Some(role) = &mut of_ausf.ausf {
                role.udm = Some(RemoteUdm { url, options: client });
            }
        }
        let socket = Office::listen(data.path())?;
        let node = Node::start(of_ausf)?;
        let url = node.ausf_url().context("no AUSF")?.to_owned();
        let roles = RunningRoles {
            udm: nodes.first().unwrap_or(&node).udm().cloned(),
            ausf: node.ausf().cloned(),
            aaa: node.aaa().cloned(),
            usage_keys: node.usage_keys().cloned(),
        };
        let monitor = Monitor::new(
            node.watch(),
            Arc::clone(&store),
            data.subscribers(),
            audit.clone(),
            Vec::new(),
        );
        let admin = Admin::new(Some(Arc::clone(&store)), Log::Open(audit.clone()), &data, &config)?;
        let office = Office::open(socket, Desk::new(admin.running_as(roles), monitor, &config));
        nodes.push(node);
        tell(&Told::Ready(Ready {
            url,
            seconds,
            empty_resident,
            empty_disk,
        }))?;
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        office.close().await;
        for node in nodes.into_iter().rev() {
            node.shutdown().await;
        }
        std::io::stdout().flush()?;
        Ok(())
    })
}

fn fill(
    store: &SubscriberStore,
    plmn: Plmn,
    args: &ServeArgs,
    tell: &impl Fn(&Told) -> std::io::Result<()>,
) -> Result<()> {
    const CHUNK: u64 = 10_000;
    let mut done = 0;
    while done < args.subscribers {
        let end = args.subscribers.min(done + CHUNK);
        let subscribers: Vec<Subscriber> = (done..end)
            .map(|index| {
                let mut subscriber = load::subscriber(demo_subscriber(plmn, SEED, index), args.profile.method());
                subscriber.sqn = SqnRecord::blank(args.scheme);
                subscriber
            })
            .collect();
        store.put_many(&subscribers)?;
        done = end;
        tell(&Told::Loaded(done))?;
    }
    Ok(())
}
