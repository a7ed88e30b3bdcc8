//! `cargo xtask lengths`: one subject a file, which fits in 600 lines.

use crate::shell;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// The most lines of a source that a person writes, tests aside.
const MOST: usize = 600;

/// Folders with sources, and what these are called.
const FOLDERS: &[&str] = &["benches", "crates", "fuzz", "interop", "xtask"];
const EXTENSIONS: &[&str] = &["rs", "py", "c", "h"];

/// Checks every source outside tests; all findings are printed, and the longest is named.
pub(crate) fn check() -> Result<String> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        for extension in EXTENSIONS {
            files.extend(shell::files(&shell::root().join(folder), extension)?);
        }
    }
    files.retain(|path| !of_tests(path.strip_prefix(shell::root()).unwrap_or(path)));
    let mut lengths = Vec::new();
    for path in files {
        let lines = std::fs::read_to_string(&path)?.lines().count();
        lengths.push((lines, path));
    }
    let findings = too_long(&lengths);
    findings.iter().for_each(|finding| println!("lengths: {finding}"));
    if !findings.is_empty() {
        bail!("{} files are too long", findings.len());
    }
    match lengths.iter().max() {
        Some((lines, path)) => Ok(format!(
            "{} files, the longest of {lines} lines: {}",
            lengths.len(),
            shell::relative(path)
        )),
        None => bail!("no source was found"),
    }
}

fn too_long(lengths: &[(usize, PathBuf)]) -> Vec<String> {
    let long = lengths.iter().filter(|(lines, _)| *lines > MOST);
    long.map(|(lines, path)| {
        let path = shell::relative(path);
        format!("{path} has {lines} lines, and {MOST} is the most: give a part of its subject a file of its own")
    })
    .collect()
}

/// Whether a path in the workspace is of tests: those may list as many cases as there are.
fn of_tests(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_named() {
        let lengths = [(MOST, PathBuf::from("a.rs")), (MOST + 1, PathBuf::from("b.rs"))];
        let findings = too_long(&lengths);
        assert!(
            findings.len() == 1 && findings[0].contains("b.rs has 601"),
            "{findings:?}"
        );
    }

    #[test]
    fn tests_are_known_by_their_place() {
        for path in [
            "crates/x/tests/all/main.rs",
            "crates/x/src/a/tests.rs",
            "crates/x/src/tests/b.rs",
        ] {
            assert!(of_tests(Path::new(path)), "{path}");
        }
        for path in ["crates/x/src/contests.rs", "crates/x/src/test.rs"] {
            assert!(!of_tests(Path::new(path)), "{path}");
        }
    }
}
