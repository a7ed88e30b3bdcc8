//! `cargo xtask constant-time`: no branch and no address depends on a secret, as valgrind's memcheck sees it.
//!
//! The program in interop/constant-time marks its secrets and runs everything that touches one. It is built twice: as a
//! user builds it, which checks what valgrind's processor has instructions for, and with portable code only.

use crate::shell;
use anyhow::{Context as _, Result, bail};
use std::process::Command;

/// Where the program is.
pub(crate) const FOLDER: &str = "interop/constant-time";

/// What rustc is told for portable code only. The first flag is Kaskade's own; the others bind its dependencies to their
/// software.
pub(crate) const PORTABLE: &str = "--cfg kaskade_portable --cfg aes_backend=\"soft\" --cfg sha2_backend=\"soft\" \
    --cfg polyval_backend=\"soft\"";

/// The builds: a name, and what rustc is told.
const BUILDS: &[(&str, &str)] = &[("default", ""), ("portable", PORTABLE)];

/// Builds and runs the program; how many checks held. Its output is shown if one did not.
pub(crate) fn run() -> Result<String> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Ok("skipped: the requests to valgrind are written for Linux on x86-64".to_owned());
    }
    let mut held = Vec::new();
    for (name, flags) in BUILDS {
        // A folder for each, or one build would throw away the other.
        let target = shell::root().join("target/constant-time").join(name);
        let manifest = format!("{FOLDER}/Cargo.toml");
        let mut build = shell::cargo(["build", "--release", "--locked", "--manifest-path", &manifest]);
        build.arg("--target-dir").arg(&target).env("RUSTFLAGS", flags);
        shell::run(&mut build)?;
        let mut program = Command::new("valgrind");
        program
            .args(["--quiet", "--error-limit=no", "--expensive-definedness-checks=yes"])
            .arg(target.join("release/kaskade-constant-time"));
        let report = shell::output(&mut program).context("see each FAILED, and valgrind's report under its name")?;
        print!("{report}");
        let count = report.lines().find_map(|line| {
            let (count, rest) = line.strip_prefix("constant time: ")?.split_once(" checks held")?;
            (rest == ", 0 failed").then(|| count.to_owned())
        });
        let Some(count) = count else {
            bail!("the {name} build succeeded, but said nothing of its checks");
        };
        held.push(format!("{count} checks held in the {name} build"));
    }
    Ok(held.join(", "))
}
