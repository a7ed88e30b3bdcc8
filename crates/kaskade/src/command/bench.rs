//! `kaskade bench`: what this machine can do.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kaskade::config::{BudgetConfig, Config, Parsed};
use kaskade_aka::sqn::SqnRecord;
use kaskade_keys::Plmn;
use kaskade_net::load::{self, LoadOptions, LoadReport, demo_subscriber};
use kaskade_net::node::Node;
use kaskade_net::random::random_octets;
use kaskade_net::role::udm::HnKeyRing;
use kaskade_store::{SqnScheme, Subscriber, SubscriberStore};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::console::{Console, Style};
use crate::data_dir::DataDir;
use crate::service;

/// Measures complete authentications on this machine
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(clap::Subcommand, Debug)]
enum BenchCommand {
    Auth(AuthArgs),
    #[command(hide = true)]
    Serve(ServeArgs),
}

/// Complete 5G AKA authentications per second over loopback HTTP/2, with durable sequence numbers
///
/// For each size of the subscriber store a server process of its own is started: UDM and AUSF, a new store on disk,
/// as many subscribers. This process then plays USIMs, MEs and an AMF, POST and PUT for each authentication, and every
/// RES* and K_SEAF is the real one. The budgets of [budget] are off for it: one peer asks for everything. CPU time is that of the server process alone.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade bench auth
  kaskade bench auth --subscribers 1000,100000,1000000 --seconds 20 --json > bench.json
  kaskade bench auth --scheme NON_TIME_BASED --subscribers 100000

Latencies are those of a closed loop of connections x streams runs at once: with fewer streams
they are shorter.
Figures of one machine at one moment: compare ratios, and repeat.")]
struct AuthArgs {
    /// Sizes of the subscriber store, one measurement each
    #[arg(long, value_delimiter = ',', value_name = "N", default_value = "1000,100000,1000000")]
    subscribers: Vec<u64>,
    /// Seconds to measure
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 4)]
    connections: usize,
    /// Authentications at once in each connection
    #[arg(long, value_name = "N", default_value_t = 16)]
    streams: usize,
    /// Threads of the server
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// SQN scheme of the subscribers: TIME_BASED, GENERAL or NON_TIME_BASED
    #[arg(long, default_value = "TIME_BASED")]
    scheme: SqnScheme,
    /// Folder for the stores, removed afterwards; put it on the disk that you would use
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON, one object per measurement
    #[arg(long)]
    json: bool,
}

/// The server of a measurement: told by its parent, stops when its standard input ends
#[derive(clap::Args, Debug)]
struct ServeArgs {
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    subscribers: u64,
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    scheme: SqnScheme,
}

/// What the server tells its parent: one line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
enum Told {
    Loaded(u64),
    Ready {
        url: String,
        seconds: f64,
        empty_resident: u64,
    },
}

const SEED: u64 = 1;

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.command {
        BenchCommand::Auth(args) => auth(console, args),
        BenchCommand::Serve(args) => serve(console, args),
    }
}

fn auth(console: &Console, args: &AuthArgs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    if !args.json {
        let title = format!(
            "5G AKA over loopback HTTP/2, SQN {}, {} x {} at once, {} server thread(s), {} s each, budgets off",
            args.scheme, args.connections, args.streams, args.threads, args.seconds
        );
        console.line(console.paint(Style::Strong, &title))?;
        let heading = format!(
            "{:>11} {:>9} {:>12} {:>9} {:>9} {:>9} {:>9} {:>11} {:>11}",
            "subscribers", "auth/s", "per CPU-s", "us CPU", "p50 ms", "p99 ms", "p99.9 ms", "disk B/sub", "RSS B/sub"
        );
        console.line(console.paint(Style::Faint, &heading))?;
    }
    for &subscribers in &args.subscribers {
        if subscribers == 0 {
            bail!("--subscribers: at least 1");
        }
        let folder = Folder::create(args.dir.as_deref())?;
        let server = Server::start(args, &folder.0, subscribers)?;
        let mut options = LoadOptions::new(server.url.clone(), subscribers);
        options.seed = SEED;
        options.connections = args.connections;
        options.streams = args.streams;
        options.duration = Duration::from_secs(args.seconds);
        options.server_pid = Some(server.child.id());
        let report = runtime.block_on(load::run(options))?;
        let resident = resident(server.child.id())?;
        let measured = Measured {
            subscribers,
            load_seconds: server.load_seconds,
            disk: disk(&folder.0)?,
            empty_resident: server.empty_resident,
            resident,
            report,
        };
        server.stop()?;
        if args.json {
            console.line(measured.document())?;
        } else {
            console.line(measured.row())?;
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

struct Measured {
    subscribers: u64,
    load_seconds: f64,
    disk: u64,
    empty_resident: u64,
    resident: u64,
    report: LoadReport,
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
            "subscribers": self.subscribers,
            "budgets": "off",
            "authentications": self.report.authentications,
            "failures": self.report.failures,
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

/// A folder of this measurement, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn create(parent: Option<&Path>) -> Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        let name = format!("kaskade-bench-{:016x}", u64::from_be_bytes(random_octets()?));
        let path = parent.join(name);
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is under the system's folder for temporary files, or where the user asked for it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The server process of one measurement.
struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    url: String,
    load_seconds: f64,
    empty_resident: u64,
}

impl Server {
    fn start(args: &AuthArgs, folder: &Path, subscribers: u64) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", "serve", "--dir"])
            .arg(folder)
            .args(["--subscribers", &subscribers.to_string()])
            .args(["--threads", &args.threads.to_string()])
            .args(["--scheme", args.scheme.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server process")?;
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let mut server = Self {
            child,
            stdin,
            url: String::new(),
            load_seconds: 0.0,
            empty_resident: 0,
        };
        let bar = ProgressBar::with_draw_target(Some(subscribers), ProgressDrawTarget::stderr());
        let style = "adding subscribers {bar:40} {human_pos} of {human_len}, {eta} left";
        bar.set_style(ProgressStyle::with_template(style)?);
        for line in lines {
            match serde_json::from_str(&line?)? {
                Told::Loaded(count) => bar.set_position(count),
                Told::Ready {
                    url,
                    seconds,
                    empty_resident,
                } => {
                    server.url = url;
                    server.load_seconds = seconds;
                    server.empty_resident = empty_resident;
                    bar.finish_and_clear();
                    return Ok(server);
                }
            }
        }
        bail!("the server process ended before it was ready");
    }

    fn stop(mut self) -> Result<()> {
        drop(self.stdin.take());
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the server process ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.stdin.take().is_some() {
            // Stopped before its time: nothing of it is kept.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn serve(console: &Console, args: &ServeArgs) -> Result<()> {
    let tell = |told: &Told| console.line(serde_json::to_string(told).unwrap_or_default());
    let mut config = Config::default();
    let plmn = Plmn::new("001", "01")?;
    config.data_dir = args.dir.join("data");
    config.ausf.listen.set_port(0);
    config.udm.listen.set_port(0);
    config.policy.serving_networks.push(Parsed(plmn));
    // One peer asks for everything, and a small store for the same cards again and again.
    config.budget = BudgetConfig::unlimited();
    let data = DataDir::open_or_create(&config.data_dir)?;
    let ausf = service::nf_instance_id(&data)?;
    let store = Arc::new(service::open_store(&data, &config)?);
    let empty_resident = resident(std::process::id())?;
    let begin = Instant::now();
    fill(&store, plmn, args, &tell)?;
    let seconds = begin.elapsed().as_secs_f64();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads.max(1))
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let node = Node::start(service::node_options(
            &config,
            store,
            HnKeyRing::default(),
            ausf,
            &None,
        )?)?;
        let url = node.ausf_url().context("no AUSF")?.to_owned();
        tell(&Told::Ready {
            url,
            seconds,
            empty_resident,
        })?;
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        node.shutdown().await;
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
                let mut subscriber = Subscriber::from(demo_subscriber(plmn, SEED, index));
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

/// Resident memory of a process, in octets.
fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// What a folder takes on disk, in octets: blocks in use, not the files' nominal sizes.
fn disk(folder: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;

    let mut octets = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        octets += if metadata.is_dir() {
            disk(&entry.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(octets)
}
