//! Programs that the tests drive: found by trying them, installed with Debian's packages where that is allowed.

use crate::{shell, test};
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::Command;

/// A program or Python module that the tests need.
struct Need {
    /// Debian packages that bring it.
    debian: &'static [&'static str],
    what: &'static str,
    present: fn() -> bool,
    /// Only `--long` needs it.
    long: bool,
}

const NEEDS: &[Need] = &[
    Need {
        what: "curl with HTTP/2 (an independent client)",
        debian: &["curl"],
        present: || shell::output(Command::new("curl").arg("--version")).is_ok_and(|text| text.contains("HTTP2")),
        long: false,
    },
    Need {
        what: "h2load (an independent client under load)",
        debian: &["nghttp2-client"],
        present: || shell::succeeds(Command::new("h2load").arg("--version")),
        long: false,
    },
    Need {
        what: "openssl (writes keys and certificates for the tests)",
        debian: &["openssl"],
        present: || shell::succeeds(Command::new("openssl").arg("version")),
        long: false,
    },
    Need {
        what: "osmo-auc-gen (a second opinion on MILENAGE, XOR and COMP128)",
        debian: &["libosmocore-utils"],
        present: || shell::succeeds(Command::new("osmo-auc-gen").arg("--help")),
        long: false,
    },
    Need {
        what: "Python 3 with cryptography, jsonschema and yaml (the reference, and the OpenAPI contract)",
        debian: &["python3", "python3-cryptography", "python3-jsonschema", "python3-yaml"],
        present: || python().is_some(),
        long: false,
    },
    Need {
        what: "a C compiler (it compiles the calls of the two libraries below)",
        debian: &["gcc", "libc6-dev"],
        present: || !test::OUTSIDE_RUNS_HERE || shell::succeeds(Command::new("cc").arg("--version")),
        long: false,
    },
    Need {
        what: "Intel ipsec-mb (another SNOW 3G, AES and ZUC)",
        debian: &["libipsec-mb-dev"],
        present: || header("intel-ipsec-mb.h"),
        long: false,
    },
    Need {
        what: "OpenSSL as a library (another AES)",
        debian: &["libssl-dev"],
        present: || header("openssl/evp.h"),
        long: false,
    },
    Need {
        what: "valgrind (sees whether time depends on secrets)",
        debian: &["valgrind"],
        present: || shell::succeeds(Command::new("valgrind").arg("--version")),
        long: true,
    },
    Need {
        what: "g++ (libFuzzer is C++)",
        debian: &["g++"],
        present: || shell::succeeds(Command::new("g++").arg("--version")),
        long: true,
    },
];

/// Python packages under the names that pip knows, tried if Debian's are of another interpreter.
const PIP: [&str; 3] = ["cryptography", "jsonschema", "PyYAML"];

/// Makes sure that everything the tests need is there. Installs what is missing if `install` is set, apt-get exists and
/// the user is root; otherwise fails and says what is missing.
pub(crate) fn ensure(long: bool, install: bool) -> Result<String> {
    let missing = || {
        NEEDS
            .iter()
            .filter(|need| (long || !need.long) && !(need.present)())
            .collect::<Vec<_>>()
    };
    let before = missing();
    if before.is_empty() {
        return Ok("all present".to_owned());
    }
    let packages: Vec<_> = before.iter().flat_map(|need| need.debian).copied().collect();
    before.iter().for_each(|need| println!("missing: {}", need.what));
    let manual = format!("install it with: apt-get install {}", packages.join(" "));
    if !install {
        bail!(
            "{} of the programs above are missing, and --no-install was given; {manual}",
            before.len()
        );
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "{} programs are missing, and this is no Debian; install what brings {}",
            before.len(),
            packages.join(", ")
        );
    }
    if !shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
        bail!(
            "{} programs are missing, and only root can install them; {manual}",
            before.len()
        );
    }
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        command
    };
    shell::run(apt_get().arg("update"))?;
    shell::run(
        apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(&packages),
    )
    .context("if the package lists are older than the packages, run apt-get update and try again")?;
    if python().is_none() {
        println!("Debian's Python modules are not those of any python3 here: trying pip");
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--break-system-packages",
            "--root-user-action",
            "ignore",
        ];
        shell::run(Command::new("python3").args(pip).args(PIP))?;
    }
    let after = missing();
    if !after.is_empty() {
        let names: Vec<_> = after.iter().map(|need| need.what).collect();
        bail!("still missing after the installation: {}", names.join("; "));
    }
    Ok(format!("installed {}", packages.join(" ")))
}

/// Whether the C compiler finds a header, where the tests against C libraries run.
fn header(name: &str) -> bool {
    let mut compiler = Command::new("cc");
    compiler.args(["-E", "-x", "c", "-include", name, "/dev/null"]);
    !test::OUTSIDE_RUNS_HERE || shell::succeeds(&mut compiler)
}

/// The Python that has every module the tests import, if one does. The tests get it as `KASKADE_PYTHON`.
pub(crate) fn python() -> Option<String> {
    let chosen = std::env::var("KASKADE_PYTHON").ok();
    chosen
        .into_iter()
        .chain(["python3".to_owned(), "/usr/bin/python3".to_owned()])
        .find(|python| shell::succeeds(Command::new(python).args(["-c", "import cryptography, jsonschema, yaml"])))
}
