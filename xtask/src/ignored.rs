//! Nothing that the program writes beside the sources is offered for a commit: it holds keys.

use crate::shell;
use anyhow::{Result, bail};
use std::process::Command;

/// What a user makes in the checkout by following README and the documentation, each with the source that names it.
const WRITTEN: &[(&str, &str)] = &[
    ("kaskade-demo", "crates/kaskade/src/command/up/demo.rs"),
    ("kaskade-data", "crates/kaskade/src/config/mod.rs"),
];

/// Checks that git ignores what is written, and that the program still writes it under that name.
pub(crate) fn check() -> Result<String> {
    let mut findings = Vec::new();
    let rules = std::fs::read_to_string(shell::root().join(".gitignore"))?;
    for (folder, source) in WRITTEN {
        let text = std::fs::read_to_string(shell::root().join(source))?;
        if !text.contains(&format!("\"{folder}\"")) {
            findings.push(format!(
                "{source} does not name {folder} any more: correct xtask/src/ignored.rs"
            ));
        }
        if !ignores(&rules, &format!("{folder}/master.key"))? {
            findings.push(format!("git does not ignore {folder}, which holds a master key"));
        }
    }
    findings.iter().for_each(|finding| println!("ignored files: {finding}"));
    if !findings.is_empty() {
        bail!("{} findings about .gitignore", findings.len());
    }
    Ok(format!("{} folders", WRITTEN.len()))
}

/// Whether git ignores a path in a repository with these rules only.
pub(crate) fn ignores(rules: &str, path: &str) -> Result<bool> {
    let folder = shell::Scratch::new("ignored")?;
    std::fs::write(folder.path().join(".gitignore"), rules)?;
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "core.excludesFile=/dev/null"]).args(arguments);
        command.env_remove("GIT_DIR").current_dir(folder.path());
        command
    };
    shell::output(&mut git(&["init", "--quiet"]))?;
    Ok(shell::succeeds(&mut git(&["check-ignore", "--quiet", path])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_git_reads_them() {
        assert!(ignores("/kaskade-demo\n", "kaskade-demo/master.key").expect("git"));
        assert!(!ignores("/target\n", "kaskade-demo/master.key").expect("git"));
        assert!(!ignores("/kaskade-demo\n!/kaskade-demo\n", "kaskade-demo/master.key").expect("git"));
    }
}
