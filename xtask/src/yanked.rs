//! No crate of a lock file was taken back by its author: as the registry's index says, of which cargo keeps a copy.
//!
//! cargo-deny knows this too, but not without its database of advisories, which is not within everybody's reach.

use crate::{records, shell};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Checks every lock file; what can be said of how many crates.
pub(crate) fn check() -> Result<String> {
    // Cargo asks the registry and renews its copy; without a network the copy is what there is.
    let asked = shell::succeeds(&mut shell::cargo(["update", "--dry-run", "--workspace"]));
    if !asked {
        records::note("the registry (yanked versions are as cargo's copy of its index says, which may be old)")?;
    }
    let mut crates = Vec::new();
    for lock in [
        "Cargo.lock",
        "benches/peers/Cargo.lock",
        "interop/constant-time/Cargo.lock",
        "interop/no-std/Cargo.lock",
    ] {
        let text = std::fs::read_to_string(shell::root().join(lock)).with_context(|| lock.to_owned())?;
        crates.extend(locked(&text));
    }
    crates.sort_unstable();
    crates.dedup();
    let indexes = indexes()?;
    let mut findings = Vec::new();
    for (name, version) in &crates {
        let entry = indexes
            .iter()
            .find_map(|index| std::fs::read(index.join(place(name))).ok());
        match entry.as_deref().and_then(|entry| yanked(entry, version)) {
            Some(false) => {}
            Some(true) => findings.push(format!(
                "{name} {version} is yanked: `cargo update -p {name}` takes another"
            )),
            None => findings.push(format!("cargo's copy of the index does not know {name} {version}")),
        }
    }
    findings.iter().for_each(|finding| println!("{finding}"));
    if !findings.is_empty() || crates.is_empty() {
        bail!("{} findings about {} locked crates", findings.len(), crates.len());
    }
    Ok(said(crates.len(), asked))
}

/// What the summary says.
fn said(crates: usize, asked: bool) -> String {
    match asked {
        true => format!("no yanked version among {crates} crates"),
        false => format!("not here: the registry; its old copy has no yanked version among {crates} crates"),
    }
}

/// The crates of a lock file that come from a registry.
fn locked(text: &str) -> Vec<(String, String)> {
    let field = |package: &str, name: &str| {
        let line = package
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'));
        line.map(str::to_owned)
    };
    text.split("[[package]]")
        .filter(|package| field(package, "source").is_some_and(|source| source.starts_with("registry+")))
        .filter_map(|package| Some((field(package, "name")?, field(package, "version")?)))
        .collect()
}

/// The folders in which cargo keeps an index.
fn indexes() -> Result<Vec<PathBuf>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let folder = home
        .context("neither CARGO_HOME nor HOME is set")?
        .join("registry/index");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    Ok(entries
        .filter_map(|entry| Some(entry.ok()?.path().join(".cache")))
        .collect())
}

/// Where an index keeps a crate.
fn place(name: &str) -> PathBuf {
    let name = name.to_lowercase();
    match name.len() {
        1 | 2 => Path::new(&name.len().to_string()).join(&name),
        3 => Path::new("3").join(&name[..1]).join(&name),
        _ => Path::new(&name[..2]).join(&name[2..4]).join(&name),
    }
}

/// Whether a version is yanked, if the index's entry has it: JSON between zero octets.
fn yanked(entry: &[u8], version: &str) -> Option<bool> {
    entry
        .split(|octet| *octet == 0)
        .filter_map(|part| serde_json::from_slice::<Value>(part).ok())
        .find(|part| part["vers"] == version)?["yanked"]
        .as_bool()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_is_read_without_the_crates_of_the_workspace() {
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n\n\
            [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        assert_eq!(locked(text), [("a".to_owned(), "1.0.0".to_owned())]);
    }

    #[test]
    fn an_old_copy_is_not_called_the_registry() {
        assert_eq!(said(3, true), "no yanked version among 3 crates");
        assert!(said(3, false).starts_with("not here: the registry"));
    }

    #[test]
    fn an_entry_tells_what_is_yanked() {
        let entry = b"\x03\x02\0\0\0etag\x001.0.0\0{\"vers\":\"1.0.0\",\"yanked\":true}\x001.0.1\0{\"vers\":\"1.0.1\",\"yanked\":false}\0";
        assert_eq!(yanked(entry, "1.0.0"), Some(true));
        assert_eq!(yanked(entry, "1.0.1"), Some(false));
        assert_eq!(yanked(entry, "1.0.2"), None);
        assert_eq!(place("a"), Path::new("1/a"));
        assert_eq!(place("aes"), Path::new("3/a/aes"));
        assert_eq!(place("Sha2x"), Path::new("sh/a2/sha2x"));
    }
}
