//! `cargo xtask mutants`: small changes to the code that issues sequence numbers, each of which a test must notice.

use crate::shell;
use anyhow::{Context as _, Result};

/// What is changed: where a mistake repeats an SQN.
const FILES: &[&str] = &["crates/kaskade-aka/src/sqn/*.rs", "crates/kaskade-store/src/issuer*.rs"];

/// How long the tests may take with a change, in seconds: one that makes a loop endless counts as noticed.
const PATIENCE: &str = "180";

/// Runs cargo-mutants, installed first if need be; its own last line.
pub(crate) fn run(install: bool) -> Result<String> {
    shell::ensure_tool("cargo-mutants", &["mutants", "--version"], install)?;
    let mut command = shell::cargo(["mutants", "--no-shuffle", "--colors", "never", "--timeout", PATIENCE]);
    command.args([
        "--output",
        "target",
        "--package",
        "kaskade-aka",
        "--package",
        "kaskade-store",
    ]);
    command.args(["--test-package", "kaskade-aka", "--test-package", "kaskade-store"]);
    command.args(FILES.iter().flat_map(|file| ["--file", file]));
    let mut last = String::new();
    let passed = shell::run_reading(&mut command, |line| line.clone_into(&mut last))?;
    anyhow::ensure!(
        passed,
        "{last}; target/mutants.out/missed.txt lists what no test noticed"
    );
    Some(last)
        .filter(|line| !line.is_empty())
        .context("cargo-mutants said nothing")
}
