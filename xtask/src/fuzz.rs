//! `cargo xtask fuzz`: libFuzzer on the stable toolchain.
//!
//! The coverage that guides libFuzzer comes from an LLVM pass that rustc can switch on by itself. What needs another
//! toolchain is only the address sanitizer, which has little to find in a workspace without unsafe code.

use crate::shell;
use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;

/// How long a target runs unless told otherwise.
pub(crate) const SECONDS: u64 = 60;

/// How long each runs in `cargo xtask test`, which is to find what breaks at once.
pub(crate) const SHORT: u64 = 5;

/// Edge counters and the table of code addresses, as libFuzzer reads them.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Clink-dead-code --cfg fuzzing";

/// Runs one target or all of them, each for `seconds`, and stops at the first that fails.
pub(crate) fn run(target: Option<&str>, seconds: u64) -> Result<()> {
    let mut targets = targets()?;
    if let Some(target) = target {
        if !targets.iter().any(|known| known == target) {
            bail!("no fuzz target is called {target:?}; there are: {}", targets.join(", "));
        }
        targets.retain(|known| known == target);
    }
    let binaries = build()?;
    for (target, number) in targets.iter().zip(1..) {
        println!("\nfuzz target {number} of {}: {target}, {seconds} s", targets.len());
        fuzz(&binaries, target, seconds)?;
    }
    println!("\nfuzz: {} targets, {seconds} s each, nothing found", targets.len());
    Ok(())
}

/// Runs every target for `seconds`, as many side by side as there are processors.
pub(crate) fn run_all(seconds: u64) -> Result<String> {
    let targets = targets()?;
    let binaries = build()?;
    let came = shell::side_by_side(&targets, |target| fuzz(&binaries, target, seconds));
    let failed: Vec<String> = came
        .into_iter()
        .filter_map(|came| came.err().map(|error| format!("{error:#}")))
        .collect();
    if targets.is_empty() || !failed.is_empty() {
        bail!(
            "{} of {} targets failed: {}",
            failed.len(),
            targets.len(),
            failed.join("; ")
        );
    }
    Ok(format!("{} targets, {seconds} s each", targets.len()))
}

/// The names of the fuzz targets.
pub(crate) fn targets() -> Result<Vec<String>> {
    let paths = shell::files(&shell::root().join("fuzz/fuzz_targets"), "rs")?;
    Ok(paths
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect())
}

/// Builds every target; the folder of the programs.
fn build() -> Result<PathBuf> {
    let version = shell::output(std::process::Command::new("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc -vV names no host")?;
    // With a target named, the flags below do not reach build scripts and procedural macros.
    // As the tests are built: fast, with assertions and checks of overflow.
    let mut cargo = shell::cargo([
        "build",
        "--package",
        "kaskade-fuzz",
        "--bins",
        "--features",
        "libfuzzer",
    ]);
    cargo.args(["--target", host, "--target-dir", "target/fuzz"]);
    shell::run(cargo.env("RUSTFLAGS", COVERAGE)).context(
        "the fuzz targets do not build (libFuzzer needs g++: apt-get install g++, if that is what is missing)",
    )?;
    Ok(shell::root().join("target/fuzz").join(host).join("debug"))
}

fn fuzz(binaries: &std::path::Path, target: &str, seconds: u64) -> Result<()> {
    let seeds = shell::root().join("fuzz/corpus").join(target);
    // What libFuzzer finds on its way goes beside the build; the seeds in the repository stay as they are.
    let found = shell::root().join("target/fuzz/corpus").join(target);
    let artifacts = shell::root().join("fuzz/artifacts").join(target);
    for folder in [&found, &artifacts] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut program = std::process::Command::new(binaries.join(target));
    program
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()));
    program.args([
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-max_len=8192",
        "-print_final_stats=1",
        "-verbosity=0",
    ]);
    let output = program.current_dir(shell::root()).arg(found).arg(seeds).output();
    let output = output.with_context(|| format!("cannot start the fuzz target {target}"))?;
    // libFuzzer writes all of its report to standard error.
    let report = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        let runs = report
            .lines()
            .filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
            .find_map(|runs| runs.trim().parse::<u64>().ok());
        let runs = runs.with_context(|| format!("{target} does not say that it ran"))?;
        println!("  {target}: {runs} inputs");
        // One that only reads its seeds has found nothing because it looked for nothing.
        if runs < 100 {
            bail!("{target} ran only {runs} inputs in {seconds} s");
        }
        return Ok(());
    }
    println!("{report}");
    bail!(
        "{target} fails on an input that is now under fuzz/artifacts/{target}/. Mend the parser and move the input to \
         fuzz/corpus/{target}/, where `cargo test` replays it for ever"
    )
}
