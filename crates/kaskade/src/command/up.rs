//! `kaskade up`: a home network's roles, and the demonstration.

mod demo;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use kaskade::config::{Config, Role};
use kaskade_codec::eap::AkaMethod;
use kaskade_net::hostapd_auc::AucSocket;
use kaskade_store::audit::AuditLog;

use crate::admin::{ROOT, socket};
use crate::console::{Console, Style};
use crate::data_dir::DataArgs;
use crate::footprint::{BLOCKING_THREADS, Footprint, threads};
use crate::memory::{self, Swap};
use crate::patience::patiently;
use crate::record;
use crate::runtime::log::{self, LogFilterHandle};
use crate::runtime::monitoring::Monitoring;
use crate::runtime::parts::Opened;
use crate::runtime::reload::reload;
use crate::runtime::running::Running;
use crate::runtime::signals::{End, Signals, Wish};
use crate::runtime::supervisor;
use crate::warnings;
use demo::Demo;

/// Runs UDM and AUSF on HTTP/2, until Ctrl-C
///
/// On the first start it creates the data folder with a master key (mode 0600) that seals every K. The AUSF serves
/// Nausf_UEAuthentication to AMFs, the UDM Nudm_UEAuthentication to other AUSFs.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  See it work: two demo subscribers in the folder kaskade-demo, attached over HTTP/2 by 5G AKA
  and by EAP-AKA', logged in at an application by AKMA, their keys as trees:
    kaskade up --demo --once

  A network of your own: write the configuration, list your PLMN under [policy], add
  subscribers, start:
    kaskade config > kaskade.toml
    kaskade subscriber add --config kaskade.toml --supi imsi-... --k-file k --opc-file opc
    kaskade up --config kaskade.toml

  A UDM and an AUSF in processes of their own, each with its data folder:
    kaskade up --config kaskade.toml --role udm
    kaskade up --config kaskade.toml --role ausf --data ausf-data

SIGHUP takes over from changed files: certificates, keys and authorities of listeners and clients; serving networks, reservations, groups
and who may ask for what; access tokens; RADIUS clients; usages of the EMSK; the roles of administrators; home network keys; the filter of the log. What is wrong with them is
logged, and nothing changes. SIGTERM or Ctrl-C ends in order, a second one at once.

Exit status: 0 after Ctrl-C or SIGTERM; 74 when the store can write nothing any more, as after a failed sync:
requests in progress end first, and a supervisor should start it again (systemd: Restart=on-failure); 75 when an address or the data folder
is in use; 2 for a wrong command line; another number of docs/refusals.md, or 1, for any other error. With --demo --once it is 0 only if UE
and network have the same keys, and the application too.")]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Make two demo subscribers of the test network 001-01, attach them over the wire by 5G AKA and by EAP-AKA', let them log in at an
    /// application (AKMA), and print their keys.
    /// Uses the folder kaskade-demo, whatever is configured, unless --data names another, which has no other subscribers
    #[arg(long)]
    demo: bool,
    /// With --demo: exit after the attaches and logins
    #[arg(long, requires = "demo")]
    once: bool,
    /// With --demo: show the keys themselves, not only their fingerprints (K, OPc and the EMSK are never shown)
    #[arg(long, requires = "demo")]
    reveal: bool,
    /// Run this role only, of those that have a section in the configuration; may be repeated. Each process needs a data folder of its own
    #[arg(long, value_enum, value_name = "ROLE", conflicts_with = "demo")]
    role: Vec<Role>,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    let config = configuration(args)?;
    let log = log::start(console, &config, args.demo)?;
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
    let outcome = runtime.block_on(up(console, args, config, &log));
    if outcome.is_err() {
        // Whoever wants it to end at once waits for no thread that waits for the disk.
        runtime.shutdown_background();
    }
    outcome
}

/// The configuration as this command line means it: once at the start, and again for each reload.
fn configuration(args: &Args) -> Result<Config> {
    let mut config = args.data.config_of(&args.role)?;
    if args.demo {
        demo::prepare(&mut config, &args.data)?;
    }
    // Before anything is opened or made.
    config.check_files(args.data.file())?;
    Ok(config)
}

async fn up(console: &Console, args: &Args, config: Config, log: &LogFilterHandle) -> Result<()> {
    let opened = Opened::when_it_is_there(&config)
        .await
        .map_err(|error| match args.demo {
            true => demo::explain(error, &args.data),
            false => error,
        })?;
    if args.demo {
        demo::refuse_other_subscribers(opened.store(), opened.data().path())?;
    }
    let hn_keys = opened.hn_keys()?;
    // Closed at the very end, and the store keeps where.
    let store = Arc::clone(opened.store());
    let log_of_store = patiently(|| record::open_audit_to_serve(&store, opened.data(), &config), || false)?;
    let mut recorded = opened.recorded_by(AuditLog::clone(&log_of_store), hn_keys);
    let demo = match args.demo {
        true => Some(Demo::prepare(&mut recorded)?),
        false => None,
    };
    let tap = demo.as_ref().map(Demo::tap);
    let (parts, admin) = recorded.close(&config)?;
    // Whoever stops it from here on has it end in order.
    let mut signals = Signals::listen(&parts.store)?;
    let mut running = Running::start(config, (parts, admin), tap, args.demo)?;
    // It serves: whoever should read this may be gone, and that ends nothing.
    if let Err(error) = greet(console, &running) {
        tracing::warn!("the greeting is not complete: {error:#}");
    }
    let (shown, early) = match &demo {
        Some(demo) => tokio::select! {
            shown = demo.show(console, args, &running) => (shown, args.once),
            () = signals.again() => (Err(anyhow!("ended before UE and network were compared")), true),
        },
        None => (Ok(()), false),
    };
    if args.once {
        return finish(running, End::Asked, &mut signals).await.and(shown);
    }
    if let Err(error) = shown {
        console.error(&error);
    }
    let end = match early {
        true => End::Asked,
        false => serve(console, args, &mut running, &mut signals, log).await,
    };
    let _ = console.line("Stopping: requests in progress may end.");
    finish(running, end, &mut signals).await
}

/// Between two looks whether a changed configuration can be taken over.
const RETRY: Duration = Duration::from_millis(50);

/// Until the node is to end.
async fn serve(
    console: &Console,
    args: &Args,
    running: &mut Running,
    signals: &mut Signals,
    log: &LogFilterHandle,
) -> End {
    let _ = console.line("Running. Ctrl-C stops.");
    supervisor::ready();
    let mut watchdog = std::pin::pin!(supervisor::watchdog(running.lives()));
    let mut to_be_reloaded = false;
    loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::Reload => to_be_reloaded = true,
                Wish::End(end) => return end,
            },
            never = &mut watchdog => match never {},
            // What is changed meanwhile is not waited for here: somebody may want it to end.
            () = tokio::time::sleep(RETRY), if to_be_reloaded => {}
        }
        if to_be_reloaded {
            to_be_reloaded =
                !tokio::task::block_in_place(|| reload(running, log, args.data.file(), || configuration(args)));
        }
    }
}

/// Ends in order. The manager of the system hears meanwhile that it does.
async fn finish(running: Running, end: End, signals: &mut Signals) -> Result<()> {
    tokio::select! {
        ended = running.finish(end, signals) => ended,
        never = supervisor::watchdog(|| true) => match never {},
    }
}

fn greet(console: &Console, running: &Running) -> Result<()> {
    let Running {
        config, parts, node, ..
    } = running;
    let data = &parts.folder;
    let subscribers = match parts.store.len()? {
        1 => "1 subscriber".to_owned(),
        count => format!("{count} subscribers"),
    };
    let new = if data.is_new() { ", created just now" } else { "" };
    let mut facts = vec![
        ("Data", format!("{}{new}: {subscribers}", data.path().display())),
        ("Master key", format!("{} (seals every K)", data.master_key())),
    ];
    if let Some(url) = node.udm_url() {
        facts.push(("UDM", format!("{url}/nudm-ueau/v1")));
    }
    if let Some(url) = node.ausf_url() {
        if let Some(udm) = &config.ausf.udm.url {
            let name = if node.udm_url().is_some() { "N13" } else { "UDM" };
            facts.push((name, format!("{} (another node)", udm.trim_end_matches('/'))));
        }
        facts.push(("AUSF", format!("{url}/nausf-auth/v1")));
    }
    if let Some(url) = node.usage_keys_url() {
        facts.push(("Keys", format!("{url}/kaskade-usage-keys/v1")));
    }
    if let Some(url) = node.aanf_url() {
        facts.push(("AAnF", format!("{url}/naanf-akma/v1")));
    }
    if let Some(url) = node.nef_url() {
        facts.push(("NEF", format!("{url}/3gpp-akma/v1")));
    }
    if let Some(url) = node.nef_notices_url() {
        facts.push(("Notices", url.to_owned()));
    }
    let (radius, radsec) = node.radius_addresses();
    let all = radius.iter().map(|address| ("RADIUS", format!("{address} (UDP)")));
    let psk = node.radius_psk_addresses().iter();
    let psk = psk.map(|address| ("RADIUS", format!("{address} (TLS with pre-shared keys)")));
    let radsec = radsec.iter().map(|address| ("RADIUS", format!("{address} (TLS)")));
    facts.extend(all.chain(radsec).chain(psk));
    facts.extend(node.hostapd_auc().iter().map(|AucSocket { path, method }| {
        let method = match method {
            AkaMethod::AkaPrime => "EAP-AKA'",
            AkaMethod::Aka => "EAP-AKA",
        };
        ("hostapd", format!("{} ({method}, gets CK and IK)", path.display()))
    }));
    if let Some(url) = running.monitoring.as_ref().and_then(Monitoring::url) {
        facts.push(("Metrics", format!("{url}/metrics")));
        // In clear, or of those who need not show who they are, it takes nothing.
        if config.admin.tls.client_ca.is_some() {
            facts.push(("Admin", format!("{url}{ROOT}")));
        }
    }
    facts.push(("Socket", socket::path(data.path()).display().to_string()));
    console.facts(&facts)?;
    for notice in data.notices() {
        console.line(console.paint(Style::Note, notice))?;
    }
    for warning in warnings::of(config) {
        console.line(console.paint(Style::Note, &warning))?;
    }
    Ok(())
}
