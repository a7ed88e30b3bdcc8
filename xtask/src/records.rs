//! What the tests wrote down of themselves (interop/oracle-client/src/records.rs): the vectors they read, and what they
//! could not run.

use crate::shell;
use anyhow::{Context as _, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
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
    for path in &files {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(readers) = readers.get(&file) else {
            findings.push(format!("vectors/{file} was read by no test of this run"));
            continue;
        };
        let mut noticed = false;
        for reader in readers {
            noticed = !passes(reader, &file)?;
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
                "vectors/{file} may hold anything: with changed octets, these tests still pass: {}",
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

/// Whether a test passes with a spoiled file.
fn passes((program, test): &Reader, file: &str) -> Result<bool> {
    if test == "?" {
        return Ok(true);
    }
    let mut command = Command::new(program);
    // Cargo runs a test in the folder of its crate; what reads vectors finds them wherever it runs.
    command
        .args(["--exact", test])
        .env(SPOILED, file)
        .current_dir(shell::root());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    Ok(status.success())
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
    fn a_reader_that_passes_notices_nothing() {
        let passing = |program: &str, test: &str| passes(&(program.into(), test.into()), "x.json").expect("it starts");
        assert!(passing("/bin/true", "one"));
        assert!(!passing("/bin/false", "one"));
        assert!(
            passing("/bin/false", "?"),
            "a thread without a name cannot be run alone"
        );
    }
}
