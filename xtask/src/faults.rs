//! `cargo xtask faults`: every promise of the table has a test that fails when it is broken.
//!
//! The faults stand in the code as `fault!("NAME")`, switched off. The tests are built with the switches and run once per
//! fault, with the fault's name in the environment.

mod table;

use crate::{packages, records, shell};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};
use table::{FAULTS, Fault};

/// A test that has not ended by then found nothing: it hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// A program of tests, and the folder that it runs in.
struct Binary {
    program: PathBuf,
    folder: PathBuf,
}

/// Where a fault's test is: the program and the test's whole name.
type Place = (PathBuf, PathBuf, String);

/// What switches the faults on in a build of tests.
pub(crate) const SWITCHES: &[&str] = &["--workspace", "--features", "kaskade-faults/faults"];

/// The program as the tests have it: with the switches, none of them planted. Nothing is left to build behind the tests; `cargo build` would
/// choose other features, as it leaves out what is for tests.
pub(crate) fn program() -> Result<PathBuf> {
    let mut command = shell::cargo(["test", "--quiet", "--no-run"]);
    command.args(SWITCHES);
    if packages::libssl() {
        command.args(["--features", packages::PSK]);
    }
    shell::run(&mut command)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    Ok(target.join("debug/kaskade"))
}

/// What is known of the tests before a fault is planted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: each runs once without a fault.
    Nothing,
    /// The same programs have just passed.
    AllPassed,
}

/// Plants one fault or all of them, one after the other; what came of it.
pub(crate) fn run(only: Option<&str>, known: Known) -> Result<String> {
    check_names(&in_sources()?)?;
    let mut chosen: Vec<&Fault> = FAULTS
        .iter()
        .filter(|fault| only.is_none_or(|only| only == fault.name))
        .collect();
    if chosen.is_empty() {
        bail!("no fault has this name; `cargo xtask faults --list` names them");
    }
    let has_libssl = packages::libssl();
    if !has_libssl && chosen.iter().any(|fault| fault.needs_libssl()) {
        records::note("deliberate faults in TLS with pre-shared keys (pkg-config finds no libssl)")?;
        chosen.retain(|fault| !fault.needs_libssl());
    }
    let binaries = match only {
        // One package is built sooner.
        Some(_) => build(
            packages::psk_of(chosen[0].package).filter(|_| has_libssl),
            &[
                "--features",
                "kaskade-faults/faults",
                "-p",
                "kaskade-faults",
                "-p",
                chosen[0].package,
            ],
        )?,
        None => build(Some(packages::PSK).filter(|_| has_libssl), SWITCHES)?,
    };
    let mut places = Vec::with_capacity(chosen.len());
    for fault in &chosen {
        places.push(find(&binaries, fault)?);
    }
    let logs = shell::root().join("target/faults");
    fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
    if known == Known::Nothing {
        passes_without(&places, &logs)?;
    }
    let planted: Vec<(&Fault, &Place)> = chosen.iter().copied().zip(&places).collect();
    // Most of these tests wait for something: of all of them, for four fifths of the time.
    let came = shell::side_by_side_waiting(&planted, 3, |(fault, place)| {
        let start = Instant::now();
        let came = plant(fault, place, &logs);
        let seconds = start.elapsed().as_secs_f64();
        match &came {
            Ok(Ok(())) => println!("caught  {:<32} {seconds:>5.1} s  by {}", fault.name, fault.test),
            Ok(Err(why)) => println!("MISSED  {:<32} {seconds:>5.1} s  {why}", fault.name),
            Err(_) => {}
        }
        came
    });
    let mut findings = Vec::new();
    for ((fault, _), came) in planted.iter().zip(came) {
        if let Err(why) = came? {
            findings.push(format!("{} ({}): {why}", fault.name, fault.breaks));
        }
    }
    if findings.is_empty() {
        return Ok(format!("{} faults, every one caught", chosen.len()));
    }
    bail!("{} of {} faults: {}", findings.len(), chosen.len(), findings.join("; "))
}

/// Prints the table.
pub(crate) fn list() {
    for Fault {
        name,
        breaks,
        package,
        test,
    } in FAULTS
    {
        println!("{name:<32} {breaks}\n{:32} {package}: {test}", "");
    }
}

/// Names that stand in the sources as `fault!("NAME")`, each with its files.
fn in_sources() -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in shell::files(&shell::root().join("crates"), "rs")? {
        if path.components().any(|part| part.as_os_str() == "kaskade-faults") {
            continue;
        }
        for name in names(&fs::read_to_string(&path)?) {
            found.entry(name).or_default().insert(shell::relative(&path));
        }
    }
    Ok(found)
}

fn names(source: &str) -> Vec<String> {
    const CALL: &str = "fault!(\"";
    let mut found = Vec::new();
    for line in source.lines() {
        let code = line.split("//").next().unwrap_or_default();
        for (at, _) in code.match_indices(CALL) {
            let inside_a_word = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let name = code[at + CALL.len()..].split_once('"').map(|(name, _)| name.to_owned());
            found.extend(name.filter(|_| !inside_a_word));
        }
    }
    found
}

fn check_names(found: &BTreeMap<String, BTreeSet<String>>) -> Result<()> {
    let mut findings = Vec::new();
    for (name, files) in found {
        if !FAULTS.iter().any(|fault| fault.name == name) {
            let files: Vec<_> = files.iter().map(String::as_str).collect();
            findings.push(format!("{name} of {} is not in the table", files.join(", ")));
        }
    }
    for (index, fault) in FAULTS.iter().enumerate() {
        if !found.contains_key(fault.name) {
            findings.push(format!("{} of the table is nowhere in the code", fault.name));
        }
        if FAULTS.iter().skip(index + 1).any(|other| other.name == fault.name) {
            findings.push(format!("{} is twice in the table", fault.name));
        }
    }
    if !findings.is_empty() {
        bail!("xtask/src/faults/table.rs: {}", findings.join("; "));
    }
    Ok(())
}

/// Builds tests with the switches; all of them as `cargo xtask test` runs them, so that they are built once.
fn build(psk: Option<&str>, arguments: &[&str]) -> Result<BTreeMap<String, Vec<Binary>>> {
    let mut command = shell::cargo(["test", "--no-run", "--message-format=json-render-diagnostics"]);
    command.args(arguments);
    if let Some(psk) = psk {
        command.args(["--features", psk]);
    }
    let output = command.stderr(std::process::Stdio::inherit()).output();
    let output = output.context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the tests do not build with the feature kaskade-faults/faults");
    }
    let mut binaries: BTreeMap<String, Vec<Binary>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let manifest = message["manifest_path"].as_str().map(Path::new).and_then(Path::parent);
        let program = message["executable"].as_str();
        let (Some(folder), Some(program), Some(true)) = (manifest, program, message["profile"]["test"].as_bool())
        else {
            continue;
        };
        let package = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        binaries.entry(package).or_default().push(Binary {
            program: program.into(),
            folder: folder.into(),
        });
    }
    Ok(binaries)
}

/// The one test of the package that is called so, whatever module it is in; of one that runs over several engines that of the embedded one.
fn find(binaries: &BTreeMap<String, Vec<Binary>>, fault: &Fault) -> Result<Place> {
    let mut places = Vec::new();
    for Binary { program, folder } in binaries.get(fault.package).map_or(&[][..], Vec::as_slice) {
        let listed = shell::output(Command::new(program).arg("--list").current_dir(folder))?;
        let tests = listed.lines().filter_map(|line| line.strip_suffix(": test"));
        let called = tests.filter(|test| test.rsplit("::").next() == Some(fault.test));
        places.extend(called.map(|test| (program.clone(), folder.clone(), test.to_owned())));
    }
    if places.len() > 1 {
        places.retain(|(_, _, test)| !test.contains("::postgres::"));
    }
    match places.as_slice() {
        [place] => Ok(place.clone()),
        _ => bail!(
            "{}: {} tests of {} are called {}, one is expected",
            fault.name,
            places.len(),
            fault.package,
            fault.test
        ),
    }
}

/// A test that fails anyhow proves nothing.
fn passes_without(places: &[Place], logs: &Path) -> Result<()> {
    let unique: Vec<&Place> = places.iter().collect::<BTreeSet<_>>().into_iter().collect();
    let passed = shell::side_by_side(&unique, |place| {
        let log = logs.join(format!("without.{}.log", place.2.replace("::", ".")));
        match test(place, &log, |_| ())? {
            Some(status) if status.success() => Ok(()),
            _ => bail!(
                "{} does not pass without a fault; see {}",
                place.2,
                shell::relative(&log)
            ),
        }
    });
    passed.into_iter().collect()
}

/// Runs the test with the fault planted; why the fault was missed, if it was.
fn plant(fault: &Fault, place: &Place, logs: &Path) -> Result<Result<(), String>> {
    let reached = logs.join(format!("{}.reached", fault.name));
    let _ = fs::remove_file(&reached);
    let log = logs.join(format!("{}.log", fault.name));
    let status = test(place, &log, |command| {
        command
            .env("KASKADE_FAULT", fault.name)
            // What a planted fault finds is no regression to keep.
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1")
            .env("KASKADE_FAULT_REACHED", &reached);
    })?;
    let Some(status) = status else {
        return Ok(Err(format!("{} hangs instead of failing", fault.test)));
    };
    if !reached.exists() {
        return Ok(Err(format!("{} never comes to the fault", fault.test)));
    }
    if status.success() {
        return Ok(Err(format!("{} passes with the fault planted", fault.test)));
    }
    Ok(Ok(()))
}

/// Runs one test, its output in a file; `None` when it did not end in time.
fn test((program, folder, test): &Place, log: &Path, prepare: impl FnOnce(&mut Command)) -> Result<Option<ExitStatus>> {
    let output = File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
    let mut command = Command::new(program);
    command.args(["--exact", test]).current_dir(folder);
    command.stdout(output.try_clone()?).stderr(output);
    prepare(&mut command);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_without_comments() {
        assert_eq!(names("default!(\"one\")"), [""; 0]);
        let source = "if a || fault!(\"one\") && fault!(\"two\") {} // fault!(\"three\")";
        assert_eq!(names(source), ["one", "two"]);
    }

    #[test]
    fn the_table_and_the_sources_agree() {
        check_names(&in_sources().expect("sources")).expect("the same names");
        let mut found = in_sources().expect("sources");
        let first = found.keys().next().expect("a fault").clone();
        found.remove(&first);
        assert!(check_names(&found).is_err(), "a fault that is not in the code");
        found.insert(first, BTreeSet::new());
        found.insert("new".to_owned(), BTreeSet::new());
        assert!(check_names(&found).is_err(), "a fault that is not in the table");
    }
}
