//! The server process of a measurement, as its parent sees it, and the folder that it works in.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kaskade_net::random::random_octets;
use serde::{Deserialize, Serialize};

/// What the server tells its parent: one line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Told {
    Loaded(u64),
    Ready(Ready),
}

/// It serves.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ready {
    pub(super) url: String,
    /// What filling the store took.
    pub(super) seconds: f64,
    /// Resident memory before it was filled, in octets.
    pub(super) empty_resident: u64,
    /// What the data folder took on disk before it was filled, in octets.
    pub(super) empty_disk: u64,
}

/// A folder of this measurement, removed at its end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn create(parent: Option<&Path>) -> Result<Self> {
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

/// This program as a server in a folder.
pub(super) fn server_command(name: &str, folder: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", name, "--dir"]).arg(folder);
    Ok(command)
}

/// The server process of one measurement.
pub(super) struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(super) ready: Ready,
}

impl Server {
    /// Starts it, and waits until it serves. Meanwhile a bar shows how many of what are in the store.
    pub(super) fn start(mut command: Command, count: u64, what: &str) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server process")?;
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let mut server = Self {
            child,
            stdin,
            ready: Ready::default(),
        };
        let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr());
        let style = format!("adding {what} {{bar:40}} {{human_pos}} of {{human_len}}, {{eta}} left");
        bar.set_style(ProgressStyle::with_template(&style)?);
        for line in lines {
            match serde_json::from_str(&line?)? {
                Told::Loaded(count) => bar.set_position(count),
                Told::Ready(ready) => {
                    server.ready = ready;
                    bar.finish_and_clear();
                    return Ok(server);
                }
            }
        }
        bail!("the server process ended before it was ready");
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn stop(mut self) -> Result<()> {
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

/// Resident memory of a process, in octets.
pub(super) fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// What a folder takes on disk, in octets: blocks in use, not the files' nominal sizes.
pub(super) fn disk(folder: &Path) -> Result<u64> {
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
