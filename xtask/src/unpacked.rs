//! Programs of Debian's packages that are unpacked below target and not installed: these packages start a service, which
//! would open ports of the machine.

use crate::{records, shell};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages, and libraries of theirs that no other package brings along.
const PACKAGES: &[&str] = &["prometheus", "nghttp2-proxy", "libev4", "libc-ares2"];

/// A program that is there, and the folder of its libraries.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    libraries: PathBuf,
}

impl Program {
    /// A command that runs it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env("LD_LIBRARY_PATH", &self.libraries);
        command
    }
}

/// Prometheus's own tool, which says what is wrong with metrics.
pub(crate) fn promtool(install: bool) -> Result<Option<Program>> {
    program("usr/bin/promtool", install)
}

/// A proxy that speaks HTTP/1.1 in front and HTTP/2 behind.
pub(crate) fn nghttpx(install: bool) -> Result<Option<Program>> {
    program("usr/sbin/nghttpx", install)
}

fn program(path: &str, install: bool) -> Result<Option<Program>> {
    let folder = shell::root().join("target/debian");
    let found = Program {
        path: folder.join(path),
        libraries: folder.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH)),
    };
    let there = || shell::succeeds(found.command().arg("--version"));
    if there() || (install && unpack(&folder).is_ok() && there()) {
        return Ok(Some(found));
    }
    records::note(&format!("{path} (a package of Debian that is unpacked, not installed)"))?;
    Ok(None)
}

fn unpack(folder: &Path) -> Result<()> {
    let packages = shell::Scratch::new("packages")?;
    let download = || {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "download"]).args(PACKAGES);
        shell::output(command.current_dir(packages.path()))
    };
    if download().is_err() {
        // The lists of packages may be none, or older than what they name.
        shell::output(Command::new("apt-get").args(["-qq", "update"]))?;
        download()?;
    }
    for package in std::fs::read_dir(packages.path())? {
        shell::output(Command::new("dpkg-deb").arg("-x").arg(package?.path()).arg(folder))?;
    }
    Ok(())
}
