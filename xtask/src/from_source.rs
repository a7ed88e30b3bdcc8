//! Programs of other people that no package of Debian has as the tests need them: built below target out of Debian's source
//! packages, which apt checks as it checks packages. The system's list of sources stays as it is.

use crate::{records, shell};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program and what it is built from.
struct Built {
    name: &'static str,
    /// The source package.
    source: &'static str,
    /// A package of the same source, whose version says when to build again.
    sibling: &'static str,
    /// In the source: where it is built, and where it then is.
    folder: &'static str,
    /// Its `.config`.
    configuration: &'static str,
}

/// A peer of EAP with a card in software, which Debian builds without it. No library but the C library: TLS of its own, since
/// none of the methods here needs one.
const EAPOL_TEST: Built = Built {
    name: "eapol_test",
    source: "wpa",
    sibling: "eapoltest",
    folder: "wpa_supplicant",
    configuration: "\
CONFIG_EAPOL_TEST=y
CONFIG_DRIVER_NONE=y
CONFIG_IEEE8021X_EAPOL=y
CONFIG_EAP_AKA=y
CONFIG_EAP_AKA_PRIME=y
CONFIG_USIM_SIMULATOR=y
CONFIG_ERP=y
CONFIG_TLS=internal
CONFIG_INTERNAL_LIBTOMMATH=y
CONFIG_NO_CONFIG_WRITE=y
CONFIG_NO_SCAN_PROCESSING=y
CONFIG_NO_RANDOM_POOL=y
CONFIG_NO_TKIP=y
NEED_BASE64=y
",
};

/// Whether what unpacks and builds is there, as far as it is of use: without apt-get there is no source.
pub(crate) fn tools_present() -> bool {
    !apt() || shell::succeeds(Command::new("dpkg-source").arg("--version"))
}

/// Builds what is not there, or is out of another source or configuration. Without Debian, a network or leave to install it is
/// noted as not here.
pub(crate) fn ensure(install: bool) -> Result<String> {
    EAPOL_TEST.ensure(install)
}

impl Built {
    fn ensure(&self, install: bool) -> Result<String> {
        let stamp = format!("{}\n{}", self.version(), self.configuration);
        let (program, stamp_file) = (self.path(), self.path().with_extension("stamp"));
        if program.is_file() && std::fs::read_to_string(&stamp_file).is_ok_and(|built| built == stamp) {
            return Ok(format!("{} is there", self.name));
        }
        let scratch = shell::Scratch::new(self.source)?;
        if let Err(error) = self.fetch(scratch.path(), install) {
            println!("{}: {error:#}", self.name);
            if program.is_file() {
                return Ok(format!("{} is an older one", self.name));
            }
            records::note(&format!(
                "{} (built out of Debian's source package {})",
                self.name, self.source
            ))?;
            return Ok(format!("not here: {}", self.name));
        }
        let folder = scratch.path().join("source").join(self.folder);
        std::fs::write(folder.join(".config"), self.configuration)?;
        let mut make = Command::new("make");
        // Its warnings are its authors'; two jobs, since cargo compiles beside it.
        make.args(["-j2", self.name]).env("CFLAGS", "-O1 -w");
        shell::output(make.current_dir(&folder))?;
        let target = program.parent().unwrap_or(&program);
        std::fs::create_dir_all(target)?;
        // Whole or not at all, beside whoever runs the one that was there.
        let written = target.join(format!("{}.new", self.name));
        std::fs::copy(folder.join(self.name), &written)?;
        std::fs::rename(&written, &program)?;
        std::fs::write(&stamp_file, stamp).with_context(|| stamp_file.display().to_string())?;
        Ok(format!("built {}", self.name))
    }

    /// As in `kaskade_oracle::eapol_test`.
    fn path(&self) -> PathBuf {
        shell::root().join("target/debian/built").join(self.name)
    }

    /// What apt would install of the same source, as far as it knows.
    fn version(&self) -> String {
        let mut command = Command::new("apt-cache");
        command.args(["policy", self.sibling]).env("LC_ALL", "C.UTF-8");
        candidate(&shell::output(&mut command).unwrap_or_default()).unwrap_or_default()
    }

    /// The source, unpacked in `source` of `folder`, with lists of sources of its own.
    fn fetch(&self, folder: &Path, install: bool) -> Result<()> {
        anyhow::ensure!(install, "--no-install was given");
        anyhow::ensure!(apt(), "this is no Debian");
        let sources = folder.join("sources");
        std::fs::create_dir_all(folder.join("lists/partial"))?;
        std::fs::create_dir_all(&sources)?;
        copy_sources(&sources)?;
        let get = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            command.arg("-qq").current_dir(folder);
            for (option, value) in [
                ("Etc::SourceParts", sources.as_path()),
                ("Etc::SourceList", Path::new("/dev/null")),
                ("State::Lists", &folder.join("lists")),
                ("Cache", &folder.join("cache")),
            ] {
                command.arg("-o").arg(format!("Dir::{option}={}", value.display()));
            }
            shell::output(command.args(arguments))
        };
        // A list that is not for sources may fail; what is missed then is missed below.
        let updated = get(&["update"]);
        get(&["source", "--download-only", self.source]).or_else(|error| updated.and(Err(error)))?;
        let found = shell::files(folder, "dsc")?;
        let description = found.first().context("apt-get brought no source")?;
        let mut unpack = Command::new("dpkg-source");
        // Whose the source is apt has checked.
        unpack.args(["--no-check", "-x"]).arg(description).arg("source");
        shell::output(unpack.current_dir(folder)).map(drop)
    }
}

/// The version that apt would install, in what `apt-cache policy` says.
fn candidate(policy: &str) -> Option<String> {
    let mut lines = policy.lines().map(str::trim);
    lines.find_map(|line| line.strip_prefix("Candidate: ").map(str::to_owned))
}

/// Copies the system's lists of package sources, each turned into one of source packages.
fn copy_sources(to: &Path) -> Result<()> {
    let parts = std::fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    for path in parts.chain([PathBuf::from("/etc/apt/sources.list")]) {
        let extension = path.extension().unwrap_or_default();
        if (extension != "sources" && extension != "list") || !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let name = path.file_name().unwrap_or_default();
        std::fs::write(to.join(name), of_sources(&text))?;
    }
    Ok(())
}

/// A list of package sources in either form, for source packages instead.
fn of_sources(list: &str) -> String {
    let line = |line: &str| match line.split_once(' ') {
        Some(("Types:", _)) => "Types: deb-src\n".to_owned(),
        Some(("deb", rest)) => format!("deb-src {rest}\n"),
        // Twice the same source is a warning.
        Some(("deb-src", _)) => String::new(),
        _ => format!("{line}\n"),
    };
    list.lines().map(line).collect()
}

fn apt() -> bool {
    Path::new("/usr/bin/apt-get").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_either_form_become_lists_of_sources() {
        let new = "# mine\nTypes: deb deb-src\nURIs: http://deb.debian.org/debian\n\nTypes: deb\nEnabled: no\n";
        let expected = "# mine\nTypes: deb-src\nURIs: http://deb.debian.org/debian\n\nTypes: deb-src\nEnabled: no\n";
        assert_eq!(of_sources(new), expected);
        let old = "deb [arch=amd64] http://deb.debian.org/debian bookworm main\ndeb-src http://deb.debian.org/debian bookworm main\n#deb x\n";
        let expected = "deb-src [arch=amd64] http://deb.debian.org/debian bookworm main\n#deb x\n";
        assert_eq!(of_sources(old), expected);
    }

    #[test]
    fn the_candidate_says_when_to_build_again() {
        let policy = "eapoltest:\n  Installed: (none)\n  Candidate: 2:2.10-12+deb12u3\n  Version table:\n";
        assert_eq!(candidate(policy).as_deref(), Some("2:2.10-12+deb12u3"));
        assert_eq!(candidate(""), None);
    }
}
