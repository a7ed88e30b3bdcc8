//! `cargo xtask test`: everything that must hold before a change lands.

use crate::summary::{Summary, Tests};
use crate::{demo, deny, fuzz, layers, packages, shell, vectors};
use anyhow::{Result, bail};
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
    summary.step("format", "run `cargo fmt --all`", || {
        cargo(&["fmt", "--all", "--check"])
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

    let again = "run the failing test alone: cargo test -p CRATE NAME";
    let mut tests = Tests::default();
    let result = summary.step("tests", again, || count(&["--workspace"], long, &mut tests));
    summary.count(std::mem::take(&mut tests));
    result?;
    // The portable back ends, and what a `no_std` user of the two lowest crates compiles.
    let result = summary.step("tests without default features", again, || {
        count(
            &["-p", "kaskade-crypto", "-p", "kaskade-keys", "--no-default-features"],
            long,
            &mut tests,
        )
    });
    summary.count(tests);
    result?;

    summary.step(
        "documentation",
        "mend the link or the comment that is named above",
        || {
            done(shell::run(
                shell::cargo(["doc", "--no-deps", "--workspace", "--keep-going"]).env("RUSTDOCFLAGS", "-D warnings"),
            ))
        },
    )?;
    summary.step(
        "demo",
        "run it yourself: cargo run --release -- up --demo --once",
        || done(demo::run()),
    )?;
    if long {
        summary.step("benchmarks compile", "mend the benchmark", || {
            cargo(&["bench", "--workspace", "--no-run"])
        })?;
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

fn done(result: Result<()>) -> Result<String> {
    result.map(|()| "passed".to_owned())
}

/// Runs `cargo test` (documentation tests included) to the end, whatever fails on the way, and adds to `tests`.
fn count(arguments: &[&str], long: bool, tests: &mut Tests) -> Result<String> {
    let mut command: Command = shell::cargo(["test", "--no-fail-fast"]);
    command.args(arguments);
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
