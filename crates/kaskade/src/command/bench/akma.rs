//! `kaskade bench akma`: what an AAnF on this machine can do.

mod ask;
mod figures;
mod serve;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::ask::{Load, What};
use self::figures::{Bound, Figures, HEADING};
pub(super) use self::serve::{ServeArgs, serve};
use super::bound::each;
use super::serve::DATA;
use super::server::{Folder, Server, disk, server_command};
use crate::console::{Console, Style};

/// Application keys and registrations per second of an AAnF over loopback HTTP/2, and what its store costs
///
/// For each number of AKMA contexts a new store on disk is filled, and a server process of its own is started on it: an AAnF with one worker
/// thread. This process then is the AUSF and the application functions. Each K_AF is compared with what the device derives: one that differs ends the measurement. CPU time is that of the whole server
/// process, with the threads of store and audit log; "per CPU-s" is what one core does. The bound is a server that gives ready answers over
/// the same HTTP/2, measured first, and the derivation of K_AF. The budgets of [budget] are off, as one peer asks for everything.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade bench akma
  kaskade bench akma --contexts 1000,100000,1000000 --json > bench.json
  kaskade bench akma --contexts 1000000 --dir /var/lib/kaskade    (on the disk that you would use)
  kaskade bench akma --no-audit                     (what the audit log costs is the difference)

What is measured:
  K_AF again      asked by whoever has it: nothing is written but the audit log
  K_AF first      asked for the first time: who has it is on record, durable, before it is told
  registration    K_AKMA of another authentication, durable before it is answered
  at rest         octets on disk of each context, the start of the node, the first K_AF after it and the hundredth

With 1000000 contexts it takes some minutes to fill the store, which a bar shows on the terminal.

Each context is asked for first by 8 application functions at most, so that with few contexts there are fewer first
requests than --requests. Registrations of one subscriber do not overtake each other: connections x streams is at most
the smallest number of contexts.

The file of a store grows in steps: octets of a context are right from 100000 contexts on. The start is that of the whole
process with the file in the system's memory. CPU time is counted in steps of 10 ms.
Figures of one machine at one moment: compare ratios, and repeat.")]
pub(super) struct AkmaArgs {
    /// AKMA contexts in the store, one measurement each, 100 to 100000000
    #[arg(long, value_delimiter = ',', value_name = "N", default_value = "1000,100000", value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    contexts: Vec<u64>,
    /// Requests of each kind, 100 to 100000000
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    requests: u64,
    /// Connections, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// Requests at once in each connection, 1 to 500
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=500))]
    streams: u16,
    /// Without an audit log
    #[arg(long)]
    no_audit: bool,
    /// Folder for the stores, removed afterwards; put it on the disk that you would use
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON, one object per measurement
    #[arg(long)]
    json: bool,
}

/// Refuses what could only fail, before anything is measured.
fn check(args: &AkmaArgs) -> Result<()> {
    let at_once = u64::from(args.connections) * u64::from(args.streams);
    if let Some(few) = args.contexts.iter().find(|few| **few < at_once) {
        bail!(
            "{few} contexts are too few for {} connections x {} streams: registrations of one subscriber do not overtake each other, so \
             at most {few} requests run at once. Give fewer --connections and --streams, or at least {at_once} --contexts",
            args.connections,
            args.streams,
        );
    }
    if args.requests < at_once {
        bail!(
            "{} requests are too few for {} connections x {} streams: there is not one for each. Give fewer --connections and --streams, \
             or at least {at_once} --requests",
            args.requests,
            args.connections,
            args.streams,
        );
    }
    Ok(())
}

pub(super) fn run(console: &Console, args: &AkmaArgs) -> Result<()> {
    check(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    if !args.json {
        let title = format!(
            "AKMA over loopback HTTP/2, no TLS, {}, {} x {} at once, 1 server thread, budgets off",
            if args.no_audit { "no audit log" } else { "audit log" },
            args.connections,
            args.streams,
        );
        console.line(console.paint(Style::Strong, &title))?;
        console.line(console.paint(Style::Faint, HEADING))?;
    }
    let bound = bound(args, &runtime)?;
    for &contexts in &args.contexts {
        let figures = measure(args, &runtime, contexts)?;
        if args.json {
            console.line(figures.document(&bound, !args.no_audit))?;
        } else {
            for line in figures.lines(&bound) {
                console.line(line)?;
            }
        }
    }
    Ok(())
}

fn load(args: &AkmaArgs, contexts: u64, server: &Server) -> Load {
    Load {
        url: server.ready.url.clone(),
        server: server.id(),
        connections: args.connections,
        streams: args.streams,
        contexts,
        requests: args.requests,
    }
}

/// The fewest requests to a bare server whose CPU time says something.
const LEAST_OF_BARE: u64 = 8_000;

/// What the figures cannot be better than.
fn bound(args: &AkmaArgs, runtime: &tokio::runtime::Runtime) -> Result<Bound> {
    let folder = Folder::create(args.dir.as_deref())?;
    let mut command = server_command("serve-akma", &folder.0)?;
    command.arg("--bare");
    let server = Server::start(command, 0, "contexts")?;
    let contexts = u64::from(args.connections) * u64::from(args.streams);
    let mut load = load(args, contexts, &server);
    // The kernel counts CPU time in hundredths of a second, and a bare server answers fast.
    load.requests = load.requests.max(LEAST_OF_BARE);
    let key = runtime.block_on(load.measure(What::Ready))?;
    let registration = runtime.block_on(load.measure(What::Registration))?;
    server.stop()?;
    let subject = ask::Subject::of(0, 0);
    let af_id = ask::af_id(0)?;
    Ok(Bound {
        key: key
            .cpu_microseconds()
            .context("the CPU time of the bare server is not known")?,
        registration: registration
            .cpu_microseconds()
            .context("the CPU time of the bare server is not known")?,
        derivation: each(|| {
            std::hint::black_box(std::hint::black_box(&subject.k_akma).k_af(&af_id));
        }),
    })
}

fn measure(args: &AkmaArgs, runtime: &tokio::runtime::Runtime, contexts: u64) -> Result<Figures> {
    let folder = Folder::create(args.dir.as_deref())?;
    let command = |fill: bool| {
        let mut command = server_command("serve-akma", &folder.0)?;
        command.args(args.no_audit.then_some("--no-audit"));
        if fill {
            command.args(["--fill", &contexts.to_string()]);
        }
        Ok::<_, anyhow::Error>(command)
    };
    let filled = Server::start(command(true)?, contexts, "contexts")?;
    let (load_seconds, empty) = (filled.ready.seconds, filled.ready.empty_disk);
    filled.stop()?;
    let disk = disk(&folder.0.join(DATA))?.saturating_sub(empty);
    let begin = Instant::now();
    let server = Server::start(command(false)?, contexts, "contexts")?;
    let start = begin.elapsed();
    let load = load(args, contexts, &server);
    let alone: Vec<Duration> = runtime.block_on(load.one_after_another(100))?;
    let first = runtime.block_on(load.measure(What::First))?;
    let again = runtime.block_on(load.measure(What::Again))?;
    let registration = runtime.block_on(load.measure(What::Registration))?;
    server.stop()?;
    Ok(Figures {
        contexts,
        again,
        first,
        registration,
        load_seconds,
        disk,
        start,
        first_key: alone.first().copied().unwrap_or_default(),
        hundredth_key: alone.last().copied().unwrap_or_default(),
    })
}
