//! How tests are compiled, inside the workspace and outside: the same, so that what both use is built once.

use crate::{shell, test};
use anyhow::{Context as _, Result};
use toml::{Table, Value};

/// Findings where the crate outside the workspace has a `[profile.dev]` that is not that of the workspace.
pub(crate) fn check() -> Result<Vec<String>> {
    let read = |folder: &str| -> Result<Table> {
        let path = shell::root().join(folder).join("Cargo.toml");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        text.parse().with_context(|| path.display().to_string())
    };
    let ours = read("")?;
    let theirs = read(test::PEERS)?;
    Ok(differences(&ours, &theirs)
        .into_iter()
        .map(|what| format!("{}/Cargo.toml: {what}", test::PEERS))
        .collect())
}

/// What two manifests say differently under `[profile.dev]`, its tables too.
fn differences(ours: &Table, theirs: &Table) -> Vec<String> {
    let empty = Table::new();
    let at = |table: &Table, name: &str| table.get(name).and_then(Value::as_table).cloned();
    let dev = |manifest: &Table| at(manifest, "profile").and_then(|profile| at(&profile, "dev"));
    let (Some(ours), Some(theirs)) = (dev(ours), dev(theirs)) else {
        return vec!["one of the two manifests has no [profile.dev]".to_owned()];
    };
    let mut findings = compared("profile.dev", &without_packages(&ours), &without_packages(&theirs));
    let packages = |dev: &Table| at(dev, "package").unwrap_or_else(|| empty.clone());
    let (ours, theirs) = (packages(&ours), packages(&theirs));
    if ours.is_empty() {
        findings.push("the workspace has no [profile.dev.package] to compare with".to_owned());
    }
    findings.extend(compared("profile.dev.package", &ours, &theirs));
    findings
}

fn without_packages(dev: &Table) -> Table {
    let others = dev.iter().filter(|(name, _)| *name != "package");
    others.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn compared(table: &str, ours: &Table, theirs: &Table) -> Vec<String> {
    let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let mut names: Vec<_> = ours.keys().chain(theirs.keys()).collect();
    names.sort();
    names.dedup();
    let differ = names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name));
    differ
        .map(|name| {
            let (ours, theirs) = (shown(ours.get(name)), shown(theirs.get(name)));
            format!("[{table}] {name}: {theirs} here, {ours} in the workspace")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_that_differ_are_named() {
        let manifest = |text: &str| -> Table { format!("[profile.dev]\nopt-level = 1\n{text}").parse().unwrap() };
        let ours = manifest("[profile.dev.package]\n\"*\" = { debug = false }\naes = { opt-level = 3 }\n");
        assert_eq!(differences(&ours, &ours), [""; 0]);
        // The same, written otherwise.
        let same = "[profile.dev.package.aes]\nopt-level = 3\n[profile.dev.package.\"*\"]\ndebug = false\n";
        assert_eq!(differences(&ours, &manifest(same)), [""; 0]);
        for (other, names) in [
            ("[profile.dev.package]\n\"*\" = { debug = false }\n", "aes"),
            (
                "[profile.dev.package]\n\"*\" = { debug = false }\naes = { opt-level = 2 }\n",
                "aes",
            ),
            ("[profile.dev.package]\n\"*\" = {}\naes = { opt-level = 3 }\n", "*"),
            (
                "[profile.dev.package]\n\"*\" = { debug = false }\naes = { opt-level = 3 }\nctr = { opt-level = 3 }\n",
                "ctr",
            ),
            (
                "debug = true\n[profile.dev.package]\n\"*\" = { debug = false }\naes = { opt-level = 3 }\n",
                "debug",
            ),
        ] {
            let other = manifest(other);
            for found in [differences(&ours, &other), differences(&other, &ours)] {
                let [finding] = found.as_slice() else {
                    panic!("{names}: {found:?}");
                };
                assert!(finding.contains(names), "{finding}");
            }
        }
        assert_eq!(differences(&ours, &Table::new()).len(), 1);
    }
}
