//! Programs that the tests drive: found by trying them, installed with Debian's packages where that is allowed.

use crate::virtualenv::AIOCOAP;
use crate::{from_source, shell, test, unpacked};
use anyhow::{Context as _, Result, bail};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A program or Python module that the tests need.
struct Need {
    /// Debian packages that bring it.
    debian: &'static [&'static str],
    what: &'static str,
    present: fn() -> bool,
    /// Only `--long` needs it.
    long: bool,
}

/// How long another program may hold apt's locks.
const PATIENCE: Duration = Duration::from_secs(600);

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
        what: "freeradius and radclient (another RADIUS, as a proxy and as a client)",
        debian: &["freeradius", "freeradius-utils"],
        present: || {
            shell::succeeds(Command::new("freeradius").arg("-v"))
                && shell::succeeds(Command::new("radclient").arg("-v"))
        },
        long: false,
    },
    Need {
        what: "osmo-auc-gen (a second opinion on MILENAGE, XOR and COMP128)",
        debian: &["libosmocore-utils"],
        present: || shell::succeeds(Command::new("osmo-auc-gen").arg("--help")),
        long: false,
    },
    Need {
        what: "Python 3 with cryptography, jsonschema, jwt and yaml (the reference, the OpenAPI contract, access tokens)",
        debian: &[
            "python3",
            "python3-cryptography",
            "python3-jsonschema",
            "python3-jwt",
            "python3-yaml",
        ],
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
        what: "OpenSSL as a library (another AES; TLS with pre-shared keys)",
        debian: &["libssl-dev", "pkg-config"],
        present: || !test::OUTSIDE_RUNS_HERE || (header("openssl/evp.h") && libssl()),
        long: false,
    },
    Need {
        what: "valgrind (sees whether time depends on secrets)",
        debian: &["valgrind"],
        present: || !test::OUTSIDE_RUNS_HERE || shell::succeeds(Command::new("valgrind").arg("--version")),
        long: false,
    },
    Need {
        what: "PostgreSQL 15 (the other engine of the store; the tests start clusters of their own)",
        debian: &[POSTGRESQL],
        present: || Path::new("/usr/lib/postgresql/15/bin/initdb").exists(),
        long: false,
    },
    Need {
        what: "setpriv (PostgreSQL refuses to run as root)",
        debian: &["util-linux"],
        present: || shell::succeeds(Command::new("setpriv").arg("--version")),
        long: false,
    },
    Need {
        what: "g++ (libFuzzer is C++)",
        debian: &["g++"],
        present: || shell::succeeds(Command::new("g++").arg("--version")),
        long: false,
    },
    Need {
        what: "dpkg-source and make (they unpack and build what no package has)",
        debian: &["dpkg-dev"],
        present: from_source::tools_present,
        long: false,
    },
    Need {
        what: "mount (fills a real file system)",
        debian: &["mount"],
        present: || shell::succeeds(Command::new("mount").arg("--version")),
        long: false,
    },
    Need {
        what: "script (gives the program a terminal)",
        debian: &["bsdutils"],
        present: || shell::succeeds(Command::new("script").arg("--version")),
        long: false,
    },
    Need {
        what: "git (says what would be committed)",
        debian: &["git"],
        present: || shell::succeeds(Command::new("git").arg("--version")),
        long: false,
    },
];

/// Debian's package makes a cluster and starts it as a service of the system, if it may.
const POSTGRESQL: &str = "postgresql-15";

/// Python packages under the names that pip knows, tried if Debian's are of another interpreter.
const PIP: [&str; 4] = ["cryptography", "jsonschema", "PyJWT", "PyYAML"];

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
    apt_get(&["update"])?;
    let _quiet = NoServices::begin()?;
    if packages.contains(&POSTGRESQL) {
        no_cluster_of_the_system()?;
    }
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(&packages);
    apt_get(&install)?;
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
        shell::output(Command::new("python3").args(pip).args(PIP))?;
    }
    let after = missing();
    if !after.is_empty() {
        let names: Vec<_> = after.iter().map(|need| need.what).collect();
        bail!("still missing after the installation: {}", names.join("; "));
    }
    Ok(format!("installed {}", packages.join(" ")))
}

/// All that the tests drive: what is installed, built and unpacked.
pub(crate) fn all(install: bool) -> Result<String> {
    let installed = ensure(true, install)?;
    let built = from_source::ensure(install)?;
    let there = [
        unpacked::promtool(install)?,
        unpacked::nghttpx(install)?,
        unpacked::hostapd(install)?,
    ];
    let aiocoap = AIOCOAP.program(install)?;
    let unpacked = there.iter().flatten().count();
    Ok(format!(
        "{installed}; {built}; {unpacked} of {} are unpacked; aiocoap: {}",
        there.len(),
        if aiocoap.is_some() { "there" } else { "not here" }
    ))
}

/// Has the package make no cluster: what it would make is configured by a package of its own.
fn no_cluster_of_the_system() -> Result<()> {
    const CONFIGURATION: &str = "/etc/postgresql-common/createcluster.conf";
    apt_get(&["install", "--yes", "--no-install-recommends", "postgresql-common"])?;
    let before = std::fs::read_to_string(CONFIGURATION).unwrap_or_default();
    let text = without_cluster(&before);
    std::fs::write(CONFIGURATION, text).with_context(|| format!("{CONFIGURATION} cannot be written"))
}

/// The configuration with that setting.
fn without_cluster(before: &str) -> String {
    let others = before
        .lines()
        .filter(|line| !line.trim_start().starts_with("create_main_cluster"));
    let lines: Vec<_> = others.chain(["create_main_cluster = false"]).collect();
    lines.join("\n") + "\n"
}

/// As long as it lives, no package that is installed starts a service: Debian's policy-rc.d says so.
struct NoServices {
    made: bool,
}

impl NoServices {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    /// Leaves one that is there as it is.
    fn begin() -> Result<Self> {
        let made = !Path::new(Self::POLICY).exists();
        if made {
            std::fs::write(Self::POLICY, "#!/bin/sh\nexit 101\n")
                .and_then(|()| std::fs::set_permissions(Self::POLICY, std::fs::Permissions::from_mode(0o755)))
                .with_context(|| format!("{} cannot be made", Self::POLICY))?;
        }
        Ok(Self { made })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.made {
            let _ = std::fs::remove_file(Self::POLICY);
        }
    }
}

/// Runs apt-get quietly. Another one that runs, such as the daily upgrade, is waited for.
fn apt_get(arguments: &[&str]) -> Result<()> {
    let start = Instant::now();
    loop {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8");
        command.args(["-qq", "-o", &format!("DPkg::Lock::Timeout={}", PATIENCE.as_secs())]);
        match shell::output(command.args(arguments)) {
            Ok(_) => return Ok(()),
            // The option above is for dpkg's lock; for that of the package lists apt-get does not wait by itself.
            Err(error) if locked(&format!("{error:#}")) && start.elapsed() < PATIENCE => {
                println!("packages: another program holds apt's lock; waiting for it");
                std::thread::sleep(Duration::from_secs(3));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether apt-get stopped because of a lock.
fn locked(text: &str) -> bool {
    [
        "Could not get lock",
        "Unable to lock directory",
        "Unable to acquire the dpkg frontend lock",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// Whether the C compiler finds a header, where the tests against C libraries run.
fn header(name: &str) -> bool {
    let mut compiler = Command::new("cc");
    compiler.args(["-E", "-x", "c", "-include", name, "/dev/null"]);
    !test::OUTSIDE_RUNS_HERE || shell::succeeds(&mut compiler)
}

/// The feature of TLS with pre-shared keys, of the libraries and of the program.
pub(crate) const PSK: &str = "kaskade-net/psk,kaskade-af/psk,kaskade/psk";

/// The same of one package alone, where it has it.
pub(crate) fn psk_of(package: &str) -> Option<&'static str> {
    match package {
        "kaskade-net" => Some("kaskade-net/psk"),
        "kaskade-af" => Some("kaskade-af/psk"),
        "kaskade" => Some("kaskade/psk"),
        _ => None,
    }
}

/// Whether the feature `psk` can be built: its build script finds OpenSSL's library in this way.
pub(crate) fn libssl() -> bool {
    shell::succeeds(Command::new("pkg-config").args(["--exists", "libssl >= 1.1.1", "libcrypto"]))
}

/// The Python that has every module the tests import, if one does. The tests get it as `KASKADE_PYTHON`.
pub(crate) fn python() -> Option<String> {
    let chosen = std::env::var("KASKADE_PYTHON").ok();
    chosen
        .into_iter()
        .chain(["python3".to_owned(), "/usr/bin/python3".to_owned()])
        .find(|python| shell::succeeds(Command::new(python).args(["-c", "import cryptography, jsonschema, jwt, yaml"])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cluster_is_made_whatever_was_said_before() {
        for before in ["", "create_main_cluster = true\n", "create_main_cluster = false\n"] {
            assert_eq!(without_cluster(before), "create_main_cluster = false\n");
        }
        let commented = "#create_main_cluster = true\nssl = on\n";
        assert_eq!(
            without_cluster(commented),
            format!("{commented}create_main_cluster = false\n")
        );
    }

    #[test]
    fn a_lock_is_known_by_what_apt_says() {
        assert!(locked(
            "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"
        ));
        assert!(!locked("E: Unable to locate package no-such-package"));
    }
}
