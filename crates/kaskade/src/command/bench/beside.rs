//! What an administrator does beside a measurement.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use kaskade_net::random::random_octets;
use serde_json::{Value, json};

use super::serve::DATA;
use crate::admin::Link;
use crate::admin::policy;
use crate::admin::subscriber::{Change, Changes, List, Show};

/// What an administrator does over the socket of the node that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Beside {
    /// Imports 100 000 subscribers, as `kaskade subscriber import`
    Import,
    /// Looks at subscribers and the policy and changes a subscriber, twenty times a second
    Operations,
}

/// How many are imported.
const IMPORTED: u32 = 100_000;

/// Between two operations.
const PAUSE: Duration = Duration::from_millis(50);

/// It, at work.
pub(super) enum Companion {
    Import {
        worker: JoinHandle<Result<Duration>>,
    },
    Operations {
        stop: Arc<AtomicBool>,
        worker: JoinHandle<Result<Vec<Duration>>>,
    },
}

/// What it has done.
pub(super) enum Done {
    Import {
        seconds: f64,
    },
    /// How long each took.
    Operations(Vec<Duration>),
}

impl Companion {
    /// Begins in the folder of a measurement.
    pub(super) fn start(beside: Beside, folder: &Path) -> Result<Self> {
        let data = folder.join(DATA);
        match beside {
            Beside::Import => {
                let file = write_cards(folder)?;
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["subscriber", "import", "--data"]).arg(data).arg(file);
                let command = command
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::inherit());
                let begin = Instant::now();
                let mut child = command.spawn().context("cannot start the import")?;
                let worker = std::thread::spawn(move || match child.wait()? {
                    status if status.success() => Ok(begin.elapsed()),
                    status => bail!("the import ended with {status}"),
                });
                Ok(Self::Import { worker })
            }
            Beside::Operations => {
                let stop = Arc::new(AtomicBool::new(false));
                let asked = Arc::clone(&stop);
                let worker = std::thread::spawn(move || operate(&data, &asked));
                Ok(Self::Operations { stop, worker })
            }
        }
    }

    /// Ends it, or waits for its end.
    pub(super) fn stop(self) -> Result<Done> {
        match self {
            Self::Import { worker } => {
                let took = worker.join().map_err(|_| anyhow!("the import panicked"))??;
                let seconds = took.as_secs_f64();
                Ok(Done::Import { seconds })
            }
            Self::Operations { stop, worker } => {
                stop.store(true, Ordering::Relaxed);
                let took = worker.join().map_err(|_| anyhow!("the administrator panicked"))??;
                Ok(Done::Operations(took))
            }
        }
    }
}

impl Done {
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Import { seconds } => format!("{:>11} {IMPORTED} subscribers imported in {seconds:.1} s", "beside:"),
            Self::Operations(took) => format!(
                "{:>11} {} operations, half of them within {:.1} ms",
                "beside:",
                took.len(),
                median(took).as_secs_f64() * 1e3
            ),
        }
    }

    pub(super) fn document(&self) -> Value {
        match self {
            Self::Import { seconds } => json!({ "imported": IMPORTED, "seconds": seconds }),
            Self::Operations(took) => json!({
                "operations": took.len(),
                "p50_microseconds": median(took).as_secs_f64() * 1e6,
            }),
        }
    }
}

fn median(took: &[Duration]) -> Duration {
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn operate(data: &Path, stop: &AtomicBool) -> Result<Vec<Duration>> {
    let link = Link::running(data, Duration::from_secs(30))?.context("the node that is measured has no socket")?;
    let first = link.ask::<List>((), Default::default(), Default::default())?;
    let supi = first.subscribers.first().context("no subscriber")?.supi.to_string();
    let mut took = Vec::new();
    for round in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let begin = Instant::now();
        match round % 4 {
            0 => drop(link.ask::<List>((), Default::default(), Default::default())?),
            1 => drop(link.ask::<Show>(supi.parse()?, Default::default(), Default::default())?),
            2 => drop(link.ask::<policy::Show>((), Default::default(), Default::default())?),
            _ => {
                let changes = Changes {
                    akma: Some(round % 8 == 3),
                    ..Changes::default()
                };
                drop(link.ask::<Change>(supi.parse()?, Default::default(), changes)?);
            }
        }
        took.push(begin.elapsed());
        std::thread::sleep(PAUSE.saturating_sub(begin.elapsed()));
    }
    Ok(took)
}

/// Cards of another network than the one that is measured, with keys of nobody.
fn write_cards(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("cards.csv");
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&path)?;
    let mut file = std::io::BufWriter::new(file);
    writeln!(file, "supi,k,opc")?;
    let seed = u128::from_be_bytes(random_octets()?);
    for card in 0..IMPORTED {
        let k = seed.wrapping_mul(u128::from(card) + 3);
        writeln!(file, "imsi-00102{card:010},{k:032x},{:032x}", !k)?;
    }
    file.flush()?;
    Ok(path)
}
