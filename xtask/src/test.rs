//! `cargo xtask test`: everything that must hold before a change lands. The steps are the table in [`STEPS`].

use crate::background::Background;
use crate::summary::{Summary, Tests};
use crate::{
    constant_time, demo, deny, faults, fuzz, ignored, layers, lengths, mutants, packages, records, schemathesis, shell,
    unpacked, vectors,
};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// What to run.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Also what takes long.
    pub(crate) long: bool,
    /// Missing programs may be installed.
    pub(crate) install: bool,
    /// How many times the budget the run may take.
    pub(crate) patience: f64,
}

/// One step of a run.
struct Step {
    name: &'static str,
    /// Seconds that it may take from nothing on two idle cores; what counts is the sum.
    budget: u64,
    work: fn(&mut Run) -> Result<String>,
    /// What to do if it fails.
    remedy: &'static str,
}

const fn step(name: &'static str, budget: u64, work: fn(&mut Run) -> Result<String>, remedy: &'static str) -> Step {
    Step {
        name,
        budget,
        work,
        remedy,
    }
}

const AGAIN: &str = "run the failing test alone: cargo test -p CRATE NAME";
const MEND: &str = "mend it, or allow the lint where it stands, with a reason";

/// In their order: what fails soon stands first, and what needs packages after what only compiles, since packages are
/// installed meanwhile. The budgets are 30 minutes together.
#[rustfmt::skip]
const STEPS: &[Step] = &[
    step("format", 5, format, "run `cargo fmt --all`; with --manifest-path for a crate outside the workspace"),
    step("lengths", 5, |_| lengths::check(), "split the file"),
    step("layers", 5, |_| done(layers::check()), "remove what is named above, or change the table and say why"),
    step("vectors", 5, |_| vectors::check(), "mend the file that is named above"),
    step("ignored files", 5, |_| ignored::check(), "add what the program writes to .gitignore"),
    step("clippy as released", 50, clippy_as_released, MEND),
    step("packages", 30, |run| run.background.packages(), "install what is named above"),
    step("clippy", 100, clippy, MEND),
    step("documentation", 40, documentation, "mend the link or the comment that is named above"),
    step("clippy outside the workspace", 40, clippy_outside, MEND),
    step("clippy as on another processor", 25, clippy_elsewhere, "what names instructions of x86-64 needs #[cfg(x86_back_ends)], and what serves only that too"),
    step("no standard library", 30, no_standard_library, "what the device's side needs is in core and alloc: see interop/no-std"),
    step("tests", 610, tests, AGAIN),
    step("vectors are compared", 10, |_| records::vectors_are_compared(), "let a test read the file by kaskade_oracle::vectors and compare its answers"),
    step("tests without default features", 90, tests_without_default_features, AGAIN),
    step("deliberate faults", 110, |_| faults::run(None, faults::Known::AllPassed), "a promise is tested by nobody: mend the test, or the row of xtask/src/faults/table.rs"),
    step("demo", 90, |_| demo::run(false), "run it yourself: cargo run -- up --demo --once"),
    step("schemathesis", 60, |run| schemathesis::run(run.plan.install, schemathesis::Size::Every), "schemathesis prints the request: run it yourself, docs/administration.md says how a node is asked"),
    step("ciphers against ipsec-mb and OpenSSL", 40, peers, "run the failing test alone: cargo test --manifest-path benches/peers/Cargo.toml NAME"),
    step("constant time", 90, |_| constant_time::run(), "mend what branches on a secret or looks up by one; valgrind names the line"),
    step("licences", 50, |run| deny::check(run.background.cargo_deny()), "see deny.toml for the rule that was broken"),
    step("fuzz", 310, |_| fuzz::run_all(fuzz::SHORT), "see above"),
];

/// What `--long` adds.
#[rustfmt::skip]
const LONG_STEPS: &[Step] = &[
    step("demo as released", 300, |_| demo::run(true), "run it yourself: cargo run --release -- up --demo --once"),
    step("benchmarks compile", 600, benchmarks, "mend the benchmark"),
    step("tests that measure", 300, tests_that_measure, "run the failing test alone: cargo test -p kaskade-store --test all NAME -- --ignored"),
    step("tests of portable code", 300, tests_of_portable_code, "run the failing test alone, with the RUSTFLAGS that are shown"),
    step("mutants", 5400, |run| mutants::run(run.plan.install), "write the test that fails with the change that is named above"),
    step("long schemathesis", 900, |run| schemathesis::run(run.plan.install, schemathesis::Size::Long), "schemathesis prints the request and its seed: run it yourself, docs/administration.md says how a node is asked"),
    step("long fuzz", 1200, |_| fuzz::run_all(fuzz::SECONDS), "see above"),
];

/// A run on its way.
struct Run {
    plan: Plan,
    background: Background,
    /// Of the step that runs.
    tests: Tests,
}

/// How often `--long` kills the store's child process.
const CRASH_KILLS: &str = "200";

/// How many orders of threads it tries in each scenario, other ones each time.
const SCHEDULES: &str = "20000";

/// How many more numbers nodes give of which all orders are searched.
const MODEL_MORE: &str = "1";

/// How often it cuts the power in each run.
const POWER_LOSSES: &str = "1000";

/// How often it kills nodes and servers that several share, and has a standby take over.
const NODE_ROUNDS: &str = "100";

/// How many bits of each page of a store it changes, one at a time.
const DAMAGED_BITS: &str = "40";

/// The ciphers beside other people's.
pub(crate) const PEERS: &str = "benches/peers";

/// What firmware would link: a static library without the standard library.
const NO_STD: &str = "interop/no-std";

/// Crates outside the workspace: each has a lock file of its own.
const OUTSIDE: &[&str] = &[PEERS, constant_time::FOLDER, NO_STD];

/// Whether they are for this processor: ipsec-mb is for x86-64 only, and so are the requests to valgrind.
pub(crate) const OUTSIDE_RUNS_HERE: bool = cfg!(target_arch = "x86_64");

const NOT_HERE: &str = "not here: for x86-64 only";

/// Runs every step in order and stops at the first that fails; the summary is printed in both cases.
pub(crate) fn run(plan: Plan) -> Result<()> {
    records::clear()?;
    let mut summary = Summary::start(plan.patience);
    let mut run = Run {
        plan,
        background: Background::start(plan),
        tests: Tests::default(),
    };
    let long = if plan.long { LONG_STEPS } else { &[] };
    let mut result = Ok(());
    for Step {
        name,
        budget,
        work,
        remedy,
    } in STEPS.iter().chain(long)
    {
        result = summary.step(name, *budget, remedy, || work(&mut run));
        summary.count(std::mem::take(&mut run.tests));
        if result.is_err() {
            break;
        }
    }
    let result = result.and_then(|()| summary.in_time());
    summary.print(&records::not_here());
    result
}

fn format(_: &mut Run) -> Result<String> {
    cargo(&["fmt", "--all", "--check"])?;
    for folder in OUTSIDE {
        shell::run(shell::cargo(["fmt", "--check", "--manifest-path"]).arg(manifest(folder)))?;
    }
    done(Ok(()))
}

/// The program and all below it without what is for tests, and without what needs OpenSSL's library.
fn clippy_as_released(_: &mut Run) -> Result<String> {
    cargo(&["clippy", "-p", "kaskade", "--keep-going", "--", "-D", "warnings"])
}

/// Once for all: what is free in tests and benchmarks says so in its own source.
fn clippy(_: &mut Run) -> Result<String> {
    let mut command = shell::cargo(["clippy", "--workspace", "--all-targets", "--keep-going"]);
    command.args(optional_features()?).args(["--", "-D", "warnings"]);
    done(shell::run(&mut command))
}

fn clippy_outside(_: &mut Run) -> Result<String> {
    if !OUTSIDE_RUNS_HERE {
        return Ok(NOT_HERE.to_owned());
    }
    for folder in OUTSIDE {
        let mut command = outside("clippy", folder);
        command.args(["--all-targets", "--", "-D", "warnings"]);
        shell::run(&mut command)?;
    }
    done(Ok(()))
}

/// Arguments that switch on the features for which this machine has the libraries.
fn optional_features() -> Result<&'static [&'static str]> {
    if packages::libssl() {
        return Ok(&["--features", packages::PSK]);
    }
    records::note("TLS with pre-shared keys (pkg-config finds no libssl)")?;
    Ok(&[])
}

fn clippy_elsewhere(_: &mut Run) -> Result<String> {
    let mut command = portable("clippy");
    command.args(["-p", "kaskade-keys", "--lib", "--", "-D", "warnings"]);
    done(shell::run(&mut command))
}

/// Builds the device's side, and all below it, with a panic handler and an allocator of their own: the standard library's
/// would be a second one, which the compiler refuses.
fn no_standard_library(_: &mut Run) -> Result<String> {
    done(shell::run(&mut outside("build", NO_STD)))
}

fn documentation(_: &mut Run) -> Result<String> {
    let mut command = shell::cargo(["doc", "--no-deps", "--workspace", "--keep-going"]);
    command.args(optional_features()?);
    done(shell::run(command.env("RUSTDOCFLAGS", "-D warnings")))
}

/// With the switches of the deliberate faults, none of them planted: the step that plants them runs the same programs.
fn tests(run: &mut Run) -> Result<String> {
    let mut command = shell::cargo(["test"]);
    command.args(faults::SWITCHES);
    command.args(optional_features()?);
    count(command, run)
}

/// The portable curves, and what a `no_std` user of the two lowest crates compiles.
fn tests_without_default_features(run: &mut Run) -> Result<String> {
    let mut command = shell::cargo([
        "test",
        "-p",
        "kaskade-crypto",
        "-p",
        "kaskade-keys",
        "--no-default-features",
    ]);
    // What must not compile does not depend on features, and is slow to try.
    command.args([
        "--lib",
        "--test",
        "all",
        "--test",
        "no_allocation",
        "--no-fail-fast",
        "--",
        "--skip",
        "wrong_keys",
    ]);
    count_prepared(command, run)
}

fn peers(run: &mut Run) -> Result<String> {
    if !OUTSIDE_RUNS_HERE {
        return Ok(NOT_HERE.to_owned());
    }
    count(outside("test", PEERS), run)
}

/// Those that are ignored otherwise: they print figures that a decision rests on.
fn tests_that_measure(run: &mut Run) -> Result<String> {
    let program = ["test", "-p", "kaskade-store", "--test", "all"];
    count_prepared(
        shell::cargo(program.into_iter().chain(["--", "--ignored", "--nocapture"])),
        run,
    )
}

fn benchmarks(_: &mut Run) -> Result<String> {
    if OUTSIDE_RUNS_HERE {
        shell::run(outside("bench", PEERS).arg("--no-run"))?;
    }
    cargo(&["bench", "--workspace", "--no-run"])
}

fn tests_of_portable_code(run: &mut Run) -> Result<String> {
    count(portable("test"), run)
}

fn cargo(arguments: &[&str]) -> Result<String> {
    done(shell::run(&mut shell::cargo(arguments)))
}

/// A command of cargo for the lowest crate without any instructions of this processor's own.
fn portable(command: &str) -> Command {
    let mut cargo = shell::cargo([command, "-p", "kaskade-crypto", "--no-default-features"]);
    // A folder of its own, or this build and the others would throw each other away.
    cargo
        .args(["--target-dir", "target/portable"])
        .env("RUSTFLAGS", constant_time::PORTABLE);
    cargo
}

fn manifest(folder: &str) -> PathBuf {
    shell::root().join(folder).join("Cargo.toml")
}

/// A command of cargo for a crate outside the workspace. It builds where the workspace does: most dependencies are there.
fn outside(command: &str, folder: &str) -> Command {
    let mut cargo = shell::cargo([command, "--locked", "--manifest-path"]);
    cargo.arg(manifest(folder));
    if std::env::var_os("CARGO_TARGET_DIR").is_none() {
        cargo.arg("--target-dir").arg(shell::root().join("target"));
    }
    cargo
}

fn done(result: Result<()>) -> Result<String> {
    result.map(|()| "passed".to_owned())
}

/// Runs a `cargo test` (documentation tests included) to the end, whatever fails on the way, and counts.
fn count(mut command: Command, run: &mut Run) -> Result<String> {
    command.arg("--no-fail-fast");
    count_prepared(command, run)
}

fn count_prepared(mut command: Command, run: &mut Run) -> Result<String> {
    if let Some(python) = packages::python() {
        command.env("KASKADE_PYTHON", python);
    }
    if let Some(promtool) = unpacked::promtool(run.plan.install)? {
        command.env("KASKADE_PROMTOOL", promtool.path);
    }
    // The tests find it where it is unpacked.
    unpacked::hostapd(run.plan.install)?;
    if run.plan.long {
        command.env("KASKADE_CRASH_KILLS", CRASH_KILLS);
        command.env("KASKADE_SCHEDULES", SCHEDULES);
        command.env("KASKADE_MODEL_MORE", MODEL_MORE);
        command.env("KASKADE_POWER_LOSSES", POWER_LOSSES);
        command.env("KASKADE_DAMAGED_BITS", DAMAGED_BITS);
        command.env("KASKADE_NODE_ROUNDS", NODE_ROUNDS);
        command.env("KASKADE_FAIL_OVERS", NODE_ROUNDS);
    }
    command.env(records::VARIABLE, records::folder());
    let passed = shell::run_reading(&mut command, |line| run.tests += Tests::in_line(line))?;
    let Tests {
        passed: good,
        failed,
        ignored,
    } = run.tests;
    if !passed {
        bail!("{failed} tests failed, {good} passed");
    }
    if good == 0 {
        bail!("no test ran");
    }
    Ok(format!("{good} passed, {ignored} ignored"))
}

#[cfg(test)]
mod tests_of_the_table {
    use super::*;

    #[test]
    fn the_budget_is_30_minutes_and_every_step_has_a_name_of_its_own() {
        assert_eq!(STEPS.iter().map(|step| step.budget).sum::<u64>(), 30 * 60);
        let names: std::collections::BTreeSet<_> = STEPS.iter().chain(LONG_STEPS).map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len() + LONG_STEPS.len());
    }
}
