//! The project's own checks, run as `cargo xtask COMMAND`; `cargo xtask --help` lists them.
//!
//! CI runs `cargo xtask test` and nothing else, so whatever CI refuses can be seen on any machine.
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]

mod background;
mod constant_time;
mod demo;
mod deny;
mod faults;
mod from_source;
mod fuzz;
mod ignored;
mod layers;
mod lengths;
mod mutants;
mod packages;
mod profiles;
mod records;
mod releases;
mod sans_io;
mod schemathesis;
mod shell;
mod summary;
mod test;
mod unpacked;
mod vectors;
mod virtualenv;
mod yanked;

use anyhow::{Context as _, Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
The project's own checks.

Usage: cargo xtask COMMAND [OPTIONS]

Commands:
  test [--long] [--no-install] [--patience N]
      Everything that must hold before a change lands: formatting, lengths of files, layers, vectors, ignored files,
      clippy (also as on another processor), documentation, tests, vectors again (a file that is changed must fail a
      test), builds without default features, deliberate faults, the demo over the wire, schemathesis, the ciphers against other
      people's, constant time under valgrind, licences and yanked crates, and 5 s of fuzzing for every parser. What the
      tests need is installed meanwhile. The summary shows each step's seconds beside its budget, and what was not here,
      such as 3GPP's own files; a run that takes longer than all budgets together fails.
        --long        also run the demo as released, fuzz every parser for 60 s, try 2 000 cases of each
                      service by schemathesis, kill the store more often, compile the
                      benchmarks, test the portable back ends alone, and change the code that issues sequence numbers to
                      see that a test notices (cargo-mutants)
        --no-install  install nothing; stop with a list of what is missing
        --patience N  allow N times the budget, which is made for two idle cores (or set KASKADE_PATIENCE)

  layers [--table]
      The dependencies between the crates are those that ARCHITECTURE.md allows, and the sans-IO crates use no clock,
      socket, file or random numbers: their sources are parsed for it. No feature for tests gets into a program, and tests
      are compiled the same inside the workspace and outside.
        --table       print the allowed dependencies as the table that ARCHITECTURE.md must hold

  vectors
      The known answers under vectors/ are well formed, and copies equal their originals. (That each file is read by a
      test which compares its answers is seen in `test`.)

  lengths
      No source outside tests has more than 600 lines.

  licences
      Licences, bans and sources by cargo-deny and deny.toml, versions that were yanked, and advisories if their database
      can be fetched.

  packages [--no-install]
      Installs, unpacks or builds the programs that the tests drive, as `test` does.
        --no-install  only say what is missing

  mutants
      Changes the code that issues sequence numbers in small ways; each change must fail a test. Takes long.

  faults [NAME] [--list]
      Plants the deliberate faults of xtask/src/faults/table.rs, one after the other: the test beside each must fail.
        --list        only print the table

  fuzz [TARGET] [--seconds N] [--list]
      Builds the fuzz targets with coverage (stable toolchain, needs g++) and runs one or all of them, 60 s each unless
      told otherwise. A failing input is kept under fuzz/artifacts/.
        --list        only name the targets

  schemathesis [--long]
      Requests of all kinds, right and wrong, made of the documents of the interfaces: administration, and the services by
      3GPP's files where they are here. At least 200 cases of each service, or it fails.
        --long        2 000 of each, others each time

  constant-time
      Runs the algorithms under valgrind with every secret marked: no branch and no address may depend on one (x86-64,
      needs valgrind).

Examples:
  cargo xtask test                       before you propose a change
  cargo xtask fuzz suci_text --seconds 600
";

fn main() -> ExitCode {
    match dispatch(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Vec<String>) -> Result<()> {
    let mut arguments = arguments.into_iter();
    let Some(command) = arguments.next() else {
        print!("{HELP}");
        bail!("name a command");
    };
    let mut options = Options {
        left: arguments.collect(),
    };
    if options
        .left
        .iter()
        .any(|option| matches!(option.as_str(), "-h" | "--help"))
    {
        print!("{HELP}");
        return Ok(());
    }
    match command.as_str() {
        "test" => {
            let patience = options
                .value("--patience")?
                .or_else(|| std::env::var("KASKADE_PATIENCE").ok());
            let plan = test::Plan {
                long: options.flag("--long"),
                install: !options.flag("--no-install"),
                patience: patience.map_or(Ok(1.0), |times| parse_patience(&times))?,
            };
            options.end()?;
            test::run(plan)
        }
        "layers" => {
            let table = options.flag("--table");
            options.end()?;
            if table {
                print!("{}", layers::table());
                return Ok(());
            }
            layers::check()
        }
        "vectors" => {
            options.end()?;
            println!("\nvectors: {}", vectors::check()?);
            Ok(())
        }
        "lengths" => {
            options.end()?;
            println!("lengths: {}", lengths::check()?);
            Ok(())
        }
        "licences" => {
            options.end()?;
            println!("\nlicences: {}", deny::check(deny::ensure(false))?);
            Ok(())
        }
        "packages" => {
            let install = !options.flag("--no-install");
            options.end()?;
            println!("\npackages: {}", packages::all(install)?);
            Ok(())
        }
        "mutants" => {
            options.end()?;
            println!("\nmutants: {}", mutants::run(true)?);
            Ok(())
        }
        "constant-time" => {
            options.end()?;
            println!("\nconstant time: {}", constant_time::run()?);
            Ok(())
        }
        "schemathesis" => {
            let size = match options.flag("--long") {
                true => schemathesis::Size::Long,
                false => schemathesis::Size::Every,
            };
            options.end()?;
            println!("\nschemathesis: {}", schemathesis::run(true, size)?);
            Ok(())
        }
        "faults" => {
            let list = options.flag("--list");
            let name = options.positional();
            options.end()?;
            if list {
                faults::list();
                return Ok(());
            }
            println!("\nfaults: {}", faults::run(name.as_deref(), faults::Known::Nothing)?);
            Ok(())
        }
        "fuzz" => {
            let list = options.flag("--list");
            let seconds = options
                .value("--seconds")?
                .map(|text| text.parse().context("--seconds takes a number"));
            let target = options.positional();
            options.end()?;
            if list {
                fuzz::targets()?.iter().for_each(|target| println!("{target}"));
                return Ok(());
            }
            fuzz::run(target.as_deref(), seconds.transpose()?.unwrap_or(fuzz::SECONDS))
        }
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => {
            print!("{HELP}");
            bail!("no command is called {unknown:?}")
        }
    }
}

fn parse_patience(times: &str) -> Result<f64> {
    match times.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 1.0 => Ok(number),
        _ => bail!("--patience takes how many times the budget the run may take, 1 or more, not {times:?}"),
    }
}

/// The arguments behind the command; each accessor takes what it recognises.
struct Options {
    left: Vec<String>,
}

impl Options {
    fn flag(&mut self, name: &str) -> bool {
        let before = self.left.len();
        self.left.retain(|option| option != name);
        self.left.len() != before
    }

    fn value(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.left.iter().position(|option| option == name) else {
            return Ok(None);
        };
        if at + 1 == self.left.len() {
            bail!("{name} takes a value");
        }
        let value = self.left.remove(at + 1);
        self.left.remove(at);
        Ok(Some(value))
    }

    fn positional(&mut self) -> Option<String> {
        let at = self.left.iter().position(|option| !option.starts_with('-'))?;
        Some(self.left.remove(at))
    }

    fn end(&self) -> Result<()> {
        match self.left.first() {
            None => Ok(()),
            Some(unknown) => bail!("{unknown:?} is not understood here; see cargo xtask --help"),
        }
    }
}
