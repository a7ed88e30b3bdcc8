//! `cargo xtask test`: everything that must hold before a change lands.

use crate::summary::{Summary, Tests};
use crate::{constant_time, demo, deny, faults, fuzz, layers, packages, shell, vectors};
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
}

/// How often `--long` kills the store's child process.
const CRASH_KILLS: &str = "200";

/// The ciphers beside other people's.
const PEERS: &str = "benches/peers";

/// Crates outside the workspace: each has a lock file of its own.
const OUTSIDE: &[&str] = &[PEERS, constant_time::FOLDER];

/// Whether they are for this processor: ipsec-mb is for x86-64 only, and so are the requests to valgrind.
pub(crate) const OUTSIDE_RUNS_HERE: bool = cfg!(target_arch = "x86_64");

const NOT_HERE: &str = "skipped: for x86-64 only";

/// Lints for what must hold in the product. A test fails by panicking, prints what it saw, and casts its own constants.
const FREE_IN_TESTS: &[&str] = &[
    "clippy::panic",
    "clippy::unwrap_used",
    "clippy::print_stdout",
    "clippy::print_stderr",
    "clippy::cast_possible_truncation",
    "clippy::cast_sign_loss",
    "clippy::needless_pass_by_value",
];

/// Runs every step in order and stops at the first that fails; the summary is printed in both cases.
pub(crate) fn run(plan: Plan) -> Result<()> {
    let mut summary = Summary::default();
    let result = steps(plan, &mut summary);
    summary.print();
    result
}

fn steps(Plan { long, install }: Plan, summary: &mut Summary) -> Result<()> {
    summary.step("packages", "install what is named above", || {
        packages::ensure(long, install)
    })?;
    let remedy = "run `cargo fmt --all`; with --manifest-path for a crate outside the workspace";
    summary.step("format", remedy, || {
        cargo(&["fmt", "--all", "--check"])?;
        for folder in OUTSIDE {
            shell::run(shell::cargo(["fmt", "--check", "--manifest-path"]).arg(manifest(folder)))?;
        }
        done(Ok(()))
    })?;
    summary.step(
        "layers",
        "remove the dependency, or change the table and say why",
        || done(layers::check()),
    )?;
    summary.step(
        "vectors",
        "mend the file that is named above",
        || done(vectors::check()),
    )?;
    summary.step("licences", "see deny.toml for the rule that was broken", || {
        deny::check(long && install)
    })?;
    let remedy = "mend it, or allow the lint where it stands, with a reason";
    summary.step("clippy", remedy, || {
        cargo(&[
            "clippy",
            "--workspace",
            "--lib",
            "--bins",
            "--keep-going",
            "--",
            "-D",
            "warnings",
        ])
    })?;
    summary.step("clippy on tests and benchmarks", remedy, || {
        let mut command = shell::cargo([
            "clippy",
            "--workspace",
            "--all-targets",
            "--keep-going",
            "--",
            "-D",
            "warnings",
        ]);
        command.args(FREE_IN_TESTS.iter().flat_map(|lint| ["-A", lint]));
        done(shell::run(&mut command))
    })?;
    summary.step("clippy outside the workspace", remedy, || {
        if !OUTSIDE_RUNS_HERE {
            return Ok(NOT_HERE.to_owned());
        }
        for folder in OUTSIDE {
            let mut command = outside("clippy", folder);
            command.args(["--all-targets", "--", "-D", "warnings"]);
            command.args(FREE_IN_TESTS.iter().flat_map(|lint| ["-A", lint]));
            shell::run(&mut command)?;
        }
        done(Ok(()))
    })?;

    let remedy = "what names instructions of x86-64 needs #[cfg(x86_back_ends)], and what serves only that too";
    summary.step("clippy as on another processor", remedy, || {
        let mut command = portable("clippy");
        command.args(["-p", "kaskade-keys", "--lib", "--", "-D", "warnings"]);
        done(shell::run(&mut command))
    })?;

    summary.step(
        "documentation",
        "mend the link or the comment that is named above",
        || {
            done(shell::run(
                shell::cargo(["doc", "--no-deps", "--workspace", "--keep-going"]).env("RUSTDOCFLAGS", "-D warnings"),
            ))
        },
    )?;

    let again = "run the failing test alone: cargo test -p CRATE NAME";
    let mut tests = Tests::default();
    let result = summary.step("tests", again, || {
        count(shell::cargo(["test", "--workspace"]), long, &mut tests)
    });
    summary.count(std::mem::take(&mut tests));
    result?;
    // The portable back ends, and what a `no_std` user of the two lowest crates compiles.
    let result = summary.step("tests without default features", again, || {
        let packages = [
            "test",
            "-p",
            "kaskade-crypto",
            "-p",
            "kaskade-keys",
            "--no-default-features",
        ];
        count(shell::cargo(packages), long, &mut tests)
    });
    summary.count(std::mem::take(&mut tests));
    result?;
    let again = "run the failing test alone: cargo test --manifest-path benches/peers/Cargo.toml NAME";
    let result = summary.step("ciphers against ipsec-mb and OpenSSL", again, || {
        if !OUTSIDE_RUNS_HERE {
            return Ok(NOT_HERE.to_owned());
        }
        count(outside("test", PEERS), long, &mut tests)
    });
    summary.count(std::mem::take(&mut tests));
    result?;

    let remedy = "a promise is tested by nobody: mend the test, or the row of xtask/src/faults/table.rs";
    summary.step("deliberate faults", remedy, || faults::run(None))?;
    summary.step(
        "demo",
        "run it yourself: cargo run --release -- up --demo --once",
        || done(demo::run()),
    )?;
    if long {
        summary.step("benchmarks compile", "mend the benchmark", || {
            if OUTSIDE_RUNS_HERE {
                shell::run(outside("bench", PEERS).arg("--no-run"))?;
            }
            cargo(&["bench", "--workspace", "--no-run"])
        })?;
        let again = "run the failing test alone, with the RUSTFLAGS that are shown";
        let result = summary.step("tests of portable code", again, || {
            count(portable("test"), long, &mut tests)
        });
        summary.count(std::mem::take(&mut tests));
        result?;
        let remedy = "mend what branches on a secret or looks up by one; valgrind names the line";
        summary.step("constant time", remedy, constant_time::run)?;
        summary.step("fuzz", "see above", || {
            fuzz::run(None, fuzz::SECONDS)?;
            Ok(format!("{} targets, {} s each", fuzz::targets()?.len(), fuzz::SECONDS))
        })?;
    }
    Ok(())
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

/// Runs a `cargo test` (documentation tests included) to the end, whatever fails on the way, and adds to `tests`.
fn count(mut command: Command, long: bool, tests: &mut Tests) -> Result<String> {
    command.arg("--no-fail-fast");
    if let Some(python) = packages::python() {
        command.env("KASKADE_PYTHON", python);
    }
    if long {
        command.env("KASKADE_CRASH_KILLS", CRASH_KILLS);
    }
    let mut here = Tests::default();
    let passed = shell::run_reading(&mut command, |line| here += Tests::in_line(line))?;
    *tests += here;
    let Tests {
        passed: good,
        failed,
        ignored,
    } = here;
    if !passed {
        bail!("{failed} tests failed, {good} passed");
    }
    if good == 0 {
        bail!("no test ran");
    }
    Ok(format!("{good} passed, {ignored} ignored"))
}
