//! Programs of Debian's packages that are unpacked below target and not installed: these packages start a service, which
//! would open ports of the machine.

use crate::{records, shell};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packages, and libraries of theirs that no other package brings along.
const PACKAGES: &[&str] = &[
    "prometheus",
    "nghttp2-proxy",
    "libev4",
    "libc-ares2",
    "hostapd",
    "libnl-3-200",
    "libnl-genl-3-200",
    "libnl-route-3-200",
];

/// A program that is there, and the folders of its libraries.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    libraries: String,
}

impl Program {
    /// A command that runs it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env("LD_LIBRARY_PATH", &self.libraries);
        command
    }

    /// Whether it starts: what has no option for its version ends with a status of its own, and the loader with 127 if a
    /// library is missing.
    fn starts(&self) -> bool {
        let mut command = self.command();
        command.arg("-v").stdin(Stdio::null());
        command
            .output()
            .is_ok_and(|output| output.status.code().is_some_and(|code| code != 127))
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

/// A server of EAP behind RADIUS that has an AuC ask for its vectors. Tests find it by `kaskade_oracle::hostapd`.
pub(crate) fn hostapd(install: bool) -> Result<Option<Program>> {
    program("usr/sbin/hostapd", install)
}

fn program(path: &str, install: bool) -> Result<Option<Program>> {
    let folder = shell::root().join("target/debian");
    let libraries = ["usr/lib", "lib"].map(|lib| {
        let lib = folder.join(format!("{lib}/{}-linux-gnu", std::env::consts::ARCH));
        lib.display().to_string()
    });
    let found = Program {
        path: folder.join(path),
        libraries: libraries.join(":"),
    };
    if found.starts() || (install && unpack(&folder).is_ok() && found.starts()) {
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
