//! `kaskade bench`: what this machine can do.

mod akma;
mod beside;
mod bound;
mod pki;
mod serve;
mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kaskade::load::{self, LoadMethod, LoadOptions, LoadReport};
use kaskade_crypto::ecies::Profile;
use kaskade_keys::{Plmn, RoutingIndicator};
use kaskade_store::SqnScheme;
use kaskade_ue::Identity;
use serde_json::{Value, json};

use self::beside::{Beside, Companion};
use self::pki::Pki;
use self::serve::{HN_KEY_ID, ServeArgs, hn_key};
use self::server::{Folder, Server, disk, resident, server_command};
use crate::console::{Console, Style};

/// Measures on this machine: complete authentications, and keys of AKMA
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(clap::Subcommand, Debug)]
enum BenchCommand {
    Auth(AuthArgs),
    Akma(akma::AkmaArgs),
    #[command(hide = true)]
    Serve(ServeArgs),
    #[command(hide = true)]
    ServeAkma(akma::ServeArgs),
}

/// Complete authentications per second over loopback HTTP/2, with durable sequence numbers
///
/// For each size of the subscriber store a server process of its own is started: UDM and AUSF, a new store on disk,
/// as many subscribers. This process then plays USIMs, MEs and an AMF, two requests for each authentication. HXRES* is
/// compared with RES*, and K_SEAF with that of the ME: one that differs is a failure. The budgets of [budget] are off, as
/// one peer asks for everything. CPU time is that of the server process alone.
///
/// Without further options this is the bare profile: the SUPI in clear, no TLS, the UDM in the AUSF's process. With
/// --suci a --tls it is the one that is deployed: a SUCI concealed anew for each run, mutual TLS 1.3.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade bench auth
  kaskade bench auth --subscribers 1000,100000,1000000 --seconds 20 --json > bench.json
  kaskade bench auth --scheme NON_TIME_BASED --subscribers 100000
  kaskade bench auth --method eap-aka-prime        (EAP over the AUSF)
  kaskade bench auth --suci a --tls                (as deployed)
  kaskade bench auth --suci a --tls --n13          (and the UDM over the wire)
  kaskade bench auth --no-audit                    (what the audit log costs is the difference)
  kaskade bench auth --suci a --tls --bound        (beside its HTTP, TLS, ECIES and derivations alone)
  kaskade bench auth --subscribers 100000 --beside import    (and 100 000 more come in meanwhile)
  kaskade bench auth --subscribers 1000 --postgres 'host=/run/postgresql dbname=bench'    (the store in PostgreSQL)

A subscriber has at most four challenges at once: connections x streams is at most four times the
smallest number of subscribers.

Latencies are those of a closed loop of connections x streams runs at once: with fewer streams
they are shorter.
Figures of one machine at one moment: compare ratios, and repeat.")]
struct AuthArgs {
    /// Sizes of the subscriber store, one measurement each, 1 to 100000000
    #[arg(long, value_delimiter = ',', value_name = "N", default_value = "1000,100000,1000000", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    subscribers: Vec<u64>,
    /// Seconds to measure, 1 to 86400
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Connections, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// Authentications at once in each connection, 1 to 500
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=500))]
    streams: u16,
    /// Threads of the server, 1 to 1024
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    #[command(flatten)]
    profile: ProfileArgs,
    /// What an administrator does over the node's socket meanwhile
    #[arg(long, value_enum, value_name = "WHAT")]
    beside: Option<Beside>,
    /// Also measure what it cannot be faster than: a server that answers two requests of this size and does nothing else, the scalar
    /// multiplication of a SUCI, and the derivations
    #[arg(long)]
    bound: bool,
    /// SQN scheme of the subscribers: TIME_BASED, GENERAL or NON_TIME_BASED
    #[arg(long, default_value = "TIME_BASED")]
    scheme: SqnScheme,
    /// Folder for the stores, removed afterwards; put it on the disk that you would use
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The store is in this database of PostgreSQL, as libpq names it, in place of a file: one without a store, whose tables are made, and
    /// stay. One size of the store only
    #[arg(long, value_name = "SERVER")]
    postgres: Option<String>,
    /// Print JSON, one object per measurement
    #[arg(long)]
    json: bool,
}

/// How near to a deployment a measurement is.
#[derive(clap::Args, Clone, Copy, Debug)]
struct ProfileArgs {
    /// By which method
    #[arg(long, value_enum, value_name = "METHOD", default_value_t)]
    method: MethodName,
    /// The UEs name themselves by a SUCI: of the null scheme, or concealed anew for each run by profile a or b. Without it
    /// by the SUPI, as an AMF does that knows the UE
    #[arg(long, value_enum, value_name = "SCHEME")]
    suci: Option<Scheme>,
    /// Mutual TLS 1.3 on every connection, with certificates made for the measurement
    #[arg(long)]
    tls: bool,
    /// The AUSF asks the UDM over HTTP/2 (N13), not in its own memory
    #[arg(long)]
    n13: bool,
    /// Without an audit log
    #[arg(long)]
    no_audit: bool,
}

/// How a SUPI is concealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Scheme {
    /// Nothing concealed
    Null,
    /// ECIES profile A (X25519)
    A,
    /// ECIES profile B (P-256)
    B,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::A => "a",
            Self::B => "b",
        }
    }

    fn profile(self) -> Option<Profile> {
        match self {
            Self::Null => None,
            Self::A => Some(Profile::A),
            Self::B => Some(Profile::B),
        }
    }
}

/// How a subscriber is authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum MethodName {
    /// 5G AKA
    #[default]
    #[value(name = "5g-aka")]
    FiveGAka,
    /// EAP-AKA'
    EapAkaPrime,
}

impl MethodName {
    const fn option(self) -> &'static str {
        match self {
            Self::FiveGAka => "5g-aka",
            Self::EapAkaPrime => "eap-aka-prime",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::FiveGAka => "5G AKA",
            Self::EapAkaPrime => "EAP-AKA'",
        }
    }
}

impl ProfileArgs {
    const fn method(self) -> LoadMethod {
        match self.method {
            MethodName::FiveGAka => LoadMethod::FiveGAka,
            MethodName::EapAkaPrime => LoadMethod::EapAkaPrime,
        }
    }

    fn sentence(self) -> String {
        format!(
            "{}, {}, UDM {}, {}",
            self.suci
                .map_or("SUPI".to_owned(), |scheme| format!("SUCI {}", scheme.name())),
            if self.tls { "mutual TLS 1.3" } else { "no TLS" },
            if self.n13 { "over N13" } else { "in process" },
            if self.no_audit { "no audit log" } else { "audit log" },
        )
    }

    fn document(self) -> Value {
        json!({
            "method": self.method.option(),
            "identity": self.suci.map_or("supi".to_owned(), |scheme| format!("suci-{}", scheme.name())),
            "tls": self.tls,
            "n13": self.n13,
            "audit": !self.no_audit,
            "durable": true,
        })
    }

    fn arguments(self) -> Vec<String> {
        let suci = self.suci.map(|scheme| format!("--suci={}", scheme.name()));
        let tls = self.tls.then(|| "--tls".to_owned());
        let n13 = self.n13.then(|| "--n13".to_owned());
        let no_audit = self.no_audit.then(|| "--no-audit".to_owned());
        let method = Some(format!("--method={}", self.method.option()));
        [method, suci, tls, n13, no_audit].into_iter().flatten().collect()
    }

    /// How the load names its UEs: the key that the server made for the measurement.
    fn identity(self, plmn: Plmn) -> Result<Identity> {
        let (home, routing_indicator) = (Some(plmn), RoutingIndicator::DEFAULT);
        Ok(match self.suci {
            None => Identity::Supi,
            Some(Scheme::Null) => Identity::Null {
                home,
                routing_indicator,
            },
            Some(scheme @ (Scheme::A | Scheme::B)) => {
                let profile = scheme.profile().context("no profile")?;
                Identity::Concealed {
                    home,
                    routing_indicator,
                    hn_key_id: HN_KEY_ID,
                    hn_public_key: hn_key(profile)?.public_key().clone(),
                }
            }
        })
    }
}

impl AuthArgs {
    /// What the store lies in.
    const fn engine(&self) -> &'static str {
        match self.postgres {
            Some(_) => "PostgreSQL",
            None => "a file",
        }
    }
}

const SEED: u64 = 1;

/// A subscriber with more challenges that wait loses its oldest.
const CHALLENGES_OF_ONE: u64 = 4;

/// Refuses what could only fail, before anything is measured.
fn check_load(args: &AuthArgs) -> Result<()> {
    if args.postgres.is_some() && args.subscribers.len() > 1 {
        bail!("a database has one store: give one size with --postgres");
    }
    let at_once = u64::from(args.connections) * u64::from(args.streams);
    if let Some(few) = args.subscribers.iter().find(|few| **few * CHALLENGES_OF_ONE < at_once) {
        bail!(
            "{few} subscribers are too few for {} connections x {} streams: an AUSF keeps {CHALLENGES_OF_ONE} challenges of one \
             subscriber, so at most {} authentications run at once. Give fewer --connections and --streams, or at least \
             {} --subscribers",
            args.connections,
            args.streams,
            few * CHALLENGES_OF_ONE,
            at_once.div_ceil(CHALLENGES_OF_ONE)
        );
    }
    Ok(())
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.command {
        BenchCommand::Auth(args) => auth(console, args),
        BenchCommand::Akma(args) => akma::run(console, args),
        BenchCommand::Serve(args) => serve::serve(console, args),
        BenchCommand::ServeAkma(args) => akma::serve(console, args),
    }
}

fn auth(console: &Console, args: &AuthArgs) -> Result<()> {
    check_load(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    if !args.json {
        let title = format!(
            "{} over loopback HTTP/2, {}, store in {}, SQN {}, {} x {} at once, {} server thread(s), {} s each, budgets off",
            args.profile.method.title(),
            args.profile.sentence(),
            args.engine(),
            args.scheme,
            args.connections,
            args.streams,
            args.threads,
            args.seconds
        );
        console.line(console.paint(Style::Strong, &title))?;
        let heading = format!(
            "{:>11} {:>9} {:>12} {:>9} {:>9} {:>9} {:>9} {:>11} {:>11}",
            "subscribers", "auth/s", "per CPU-s", "us CPU", "p50 ms", "p99 ms", "p99.9 ms", "disk B/sub", "RSS B/sub"
        );
        console.line(console.paint(Style::Faint, &heading))?;
    }
    for &subscribers in &args.subscribers {
        let folder = Folder::create(args.dir.as_deref())?;
        let server = start(args, &folder.0, subscribers, false)?;
        let mut options = LoadOptions::new(server.ready.url.clone(), subscribers);
        options.seed = SEED;
        options.connections = args.connections.into();
        options.streams = args.streams.into();
        options.method = args.profile.method();
        options.identity = args.profile.identity(options.plmn)?;
        if args.profile.tls {
            options.client = Pki::of(&folder.0).client()?;
        }
        options.duration = Duration::from_secs(args.seconds);
        options.server_pid = Some(server.id());
        let companion = args
            .beside
            .map(|beside| Companion::start(beside, &folder.0))
            .transpose()?;
        let bare = LoadOptions {
            bare: true,
            ..options.clone()
        };
        let report = runtime.block_on(load::run(options))?;
        let administered = companion.map(Companion::stop).transpose()?;
        let resident = resident(server.id())?;
        let measured = Measured {
            profile: args.profile,
            engine: args.engine(),
            subscribers,
            load_seconds: server.ready.seconds,
            disk: disk(&folder.0)?,
            empty_resident: server.ready.empty_resident,
            resident,
            report,
            administered,
            bound: None,
        };
        server.stop()?;
        let measured = match args.bound {
            true => Measured {
                bound: Some(bound::measure(args, &runtime, bare)?),
                ..measured
            },
            false => measured,
        };
        if args.json {
            console.line(measured.document())?;
        } else {
            console.line(measured.row())?;
            if let Some(administered) = &measured.administered {
                console.line(administered.sentence())?;
            }
            if let Some(bound) = &measured.bound {
                console.line(bound.sentence(measured.cpu_microseconds()))?;
            }
        }
        if measured.report.failures > 0 {
            bail!(
                "{} of the authentications failed: {}",
                measured.report.failures,
                measured.report.first_failure.as_deref().unwrap_or("no reason")
            );
        }
    }
    Ok(())
}

/// The server process of one measurement; with `bare`, one that only answers.
fn start(args: &AuthArgs, folder: &Path, subscribers: u64, bare: bool) -> Result<Server> {
    let mut command = server_command("serve", folder)?;
    command
        .args(bare.then_some("--bare"))
        .args(["--subscribers", &subscribers.to_string()])
        .args(["--threads", &args.threads.to_string()])
        .args(["--scheme", args.scheme.name()])
        .args(args.postgres.iter().flat_map(|server| ["--postgres", server]))
        .args(args.profile.arguments());
    Server::start(command, subscribers, "subscribers")
}

struct Measured {
    profile: ProfileArgs,
    engine: &'static str,
    subscribers: u64,
    load_seconds: f64,
    disk: u64,
    empty_resident: u64,
    resident: u64,
    report: LoadReport,
    administered: Option<beside::Done>,
    bound: Option<bound::Bound>,
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
impl Measured {
    fn cpu_microseconds(&self) -> f64 {
        1e6 / self.report.auths_per_server_cpu_s().unwrap_or(f64::NAN)
    }

    fn row(&self) -> String {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let per = |octets: u64| octets as f64 / self.subscribers as f64;
        format!(
            "{:>11} {:>9.0} {:>12.0} {:>9.1} {:>9.2} {:>9.2} {:>9.2} {:>11.0} {:>11.0}",
            self.subscribers,
            self.report.auths_per_s(),
            self.report.auths_per_server_cpu_s().unwrap_or(f64::NAN),
            self.cpu_microseconds(),
            ms(self.report.p50),
            ms(self.report.p99),
            ms(self.report.p999),
            per(self.disk),
            per(self.resident.saturating_sub(self.empty_resident)),
        )
    }

    fn document(&self) -> Value {
        json!({
            "profile": self.profile.document(),
            "store": self.engine,
            "subscribers": self.subscribers,
            "budgets": "off",
            "authentications": self.report.authentications,
            "failures": self.report.failures,
            "bound": self.bound.as_ref().map(bound::Bound::document),
            "times_the_bound": self.bound.as_ref().map(|bound| self.cpu_microseconds() / bound.microseconds()),
            "beside": self.administered.as_ref().map(beside::Done::document),
            "authentications_per_second": self.report.auths_per_s(),
            "authentications_per_server_cpu_second": self.report.auths_per_server_cpu_s(),
            "server_cpu_microseconds_per_authentication": self.cpu_microseconds(),
            "p50_microseconds": self.report.p50.as_secs_f64() * 1e6,
            "p99_microseconds": self.report.p99.as_secs_f64() * 1e6,
            "p999_microseconds": self.report.p999.as_secs_f64() * 1e6,
            "load_seconds": self.load_seconds,
            "disk_octets": self.disk,
            "resident_octets": self.resident,
            "resident_octets_before_loading": self.empty_resident,
        })
    }
}
