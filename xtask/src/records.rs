//! What the tests wrote down of themselves (interop/oracle-client/src/records.rs): the vectors they read, and what they
//! could not run.

use crate::{packages, shell};
use anyhow::{Context as _, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// As in `kaskade_oracle::RECORDS_VARIABLE`.
pub(crate) const VARIABLE: &str = "KASKADE_RECORDS";

/// As in `kaskade_oracle::SPOILED_VARIABLE`.
const SPOILED: &str = "KASKADE_SPOILED_VECTORS";

/// Where the records of this run are.
pub(crate) fn folder() -> PathBuf {
    shell::root().join("target/records")
}

/// Forgets the records of an earlier run.
pub(crate) fn clear() -> Result<()> {
    match std::fs::remove_dir_all(folder()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder().display()))
        }
        _ => Ok(()),
    }
}

/// Notes something that is not here and that no test noticed.
pub(crate) fn note(what: &str) -> Result<()> {
    use std::io::Write as _;
    std::fs::create_dir_all(folder())?;
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder().join("not-here"));
    writeln!(file?, "{what}\t\t")?;
    Ok(())
}

/// What was not here, and how many tests (or checks) ran without it.
pub(crate) fn not_here() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(folder().join("not-here")).unwrap_or_default();
    counted(&text)
}

fn counted(text: &str) -> BTreeMap<String, usize> {
    let lines: BTreeSet<&str> = text.lines().collect();
    let mut counts = BTreeMap::new();
    for line in lines {
        let what = line.split('\t').next().unwrap_or_default();
        *counts.entry(what.to_owned()).or_default() += 1;
    }
    counts
}

/// A test that read a file of vectors.
type Reader = (PathBuf, String);

/// Every file under `vectors/` was read by a test of this run, and one of its readers fails when the file is spoiled.
pub(crate) fn vectors_are_compared() -> Result<String> {
    let text = std::fs::read_to_string(folder().join("vectors")).unwrap_or_default();
    let readers = readers(&text);
    let files = shell::files(&shell::root().join("vectors"), "json")?;
    let mut findings = Vec::new();
    let python = packages::python();
    for path in &files {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(readers) = readers.get(&file) else {
            findings.push(format!("vectors/{file} was read by no test of this run"));
            continue;
        };
        let mut noticed = false;
        for reader in readers {
            // A reader that fails in any case says nothing of the file: only one that passes without the change does.
            noticed = notices(reader, &file, python.as_deref())?;
            if noticed {
                println!(
                    "vectors: {file}: {} readers; {} fails when its octets are changed",
                    readers.len(),
                    reader.1
                );
                break;
            }
        }
        if !noticed {
            let names: Vec<_> = readers.iter().map(|(_, test)| test.as_str()).collect();
            findings.push(format!(
                "vectors/{file} may hold anything: of these tests none passes as it is and fails with changed octets: {}",
                names.join(", ")
            ));
        }
    }
    findings.iter().for_each(|finding| println!("{finding}"));
    if !findings.is_empty() || files.is_empty() {
        bail!(
            "{} of {} files of vectors are not compared",
            findings.len(),
            files.len()
        );
    }
    let tests: BTreeSet<_> = readers.values().flatten().collect();
    Ok(format!("{} files, read by {} tests", files.len(), tests.len()))
}

/// The tests that read each file.
fn readers(text: &str) -> BTreeMap<String, BTreeSet<Reader>> {
    let mut readers: BTreeMap<String, BTreeSet<Reader>> = BTreeMap::new();
    for line in text.lines() {
        let parts: Vec<_> = line.split('\t').collect();
        if let [file, program, test] = parts.as_slice() {
            readers
                .entry((*file).to_owned())
                .or_default()
                .insert((PathBuf::from(program), (*test).to_owned()));
        }
    }
    readers
}

/// Whether a test passes, and fails with a spoiled file. The second is asked first: it is the answer for most.
fn notices(reader: &Reader, file: &str, python: Option<&str>) -> Result<bool> {
    let folder = folder_of_crate(&reader.0)?;
    Ok(!passes(reader, Some(file), &folder, python)? && passes(reader, None, &folder, python)?)
}

/// Whether a test passes, with a spoiled file or as it is.
fn passes((program, test): &Reader, spoiled: Option<&str>, folder: &Path, python: Option<&str>) -> Result<bool> {
    if test == "?" {
        return Ok(true);
    }
    let mut command = Command::new(program);
    command.args(["--exact", test]).env_remove(SPOILED).current_dir(folder);
    command.envs(spoiled.map(|file| (SPOILED, file)));
    command.envs(python.map(|python| ("KASKADE_PYTHON", python)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    Ok(status.success())
}

/// The folder in which cargo runs a program of tests: that of its crate, which stands in the list of what it was made from.
fn folder_of_crate(program: &Path) -> Result<PathBuf> {
    let list = program.with_extension("d");
    let text = std::fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    let source = text
        .lines()
        .find_map(|line| line.split_once(": ").map(|(_, sources)| sources));
    let first = source.and_then(|sources| sources.split(' ').next()).unwrap_or_default();
    let path = shell::root().join(first);
    let folder = path
        .ancestors()
        .skip(1)
        .find(|folder| folder.join("Cargo.toml").is_file());
    folder
        .map(Path::to_owned)
        .with_context(|| format!("{} names no source of a crate", list.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_counts_once() {
        let text = "a\tp\tone\na\tp\tone\na\tp\ttwo\nb\tp\tone\n";
        assert_eq!(
            counted(text),
            BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 1)])
        );
        let readers = readers("milenage.json\t/p\tone\nmilenage.json\t/p\tone\nmilenage.json\t/q\ttwo\nbroken\n");
        assert_eq!(readers.len(), 1);
        assert_eq!(readers["milenage.json"].len(), 2);
    }

    #[test]
    fn a_reader_that_passes_or_always_fails_notices_nothing() {
        let scratch = shell::Scratch::new("readers").expect("a folder");
        let program = |name: &str, script: &str| {
            use std::os::unix::fs::PermissionsExt as _;
            let path = scratch.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("may be run");
            std::fs::write(path.with_extension("d"), format!("{name}: xtask/src/main.rs x.rs\n")).expect("written");
            path
        };
        let notices = |name: &str, script: &str, test: &str| {
            notices(&(program(name, script), test.into()), "x.json", Some("a-python")).expect("it starts")
        };
        assert!(!notices("passing", "exit 0", "one"));
        assert!(!notices("failing", "exit 1", "one"), "with and without the change");
        let spoiled = "test \"$KASKADE_SPOILED_VECTORS\" != x.json";
        assert!(notices("comparing", spoiled, "one"));
        assert!(
            !notices("comparing", spoiled, "?"),
            "a thread without a name cannot be run alone"
        );
        let here = format!("{spoiled} && test -f src/records.rs && test \"$KASKADE_PYTHON\" = a-python");
        assert!(notices("as-cargo-runs-it", &here, "one"));
    }
}
