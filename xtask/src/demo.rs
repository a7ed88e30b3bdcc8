//! The demo of the README, in a folder of its own.

use crate::{faults, shell};
use anyhow::{Result, bail};
use std::process::Command;

/// Runs the demo once, as released or as the tests are built; it succeeds only if the UE and the network agree on every
/// key, and if git would not offer anything that it wrote for a commit.
pub(crate) fn run(release: bool) -> Result<String> {
    let folder = shell::Scratch::new("demo")?;
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "core.excludesFile=/dev/null"]).args(arguments);
        command.env_remove("GIT_DIR").current_dir(folder.path());
        command
    };
    shell::output(&mut git(&["init", "--quiet"]))?;
    std::fs::copy(shell::root().join(".gitignore"), folder.path().join(".gitignore"))?;
    let mut command = match release {
        true => {
            let mut command = shell::cargo(["run", "--quiet", "--release", "-p", "kaskade", "--manifest-path"]);
            command.arg(shell::root().join("Cargo.toml")).arg("--");
            command
        }
        false => Command::new(faults::program()?),
    };
    shell::run(command.args(["up", "--demo", "--once"]).current_dir(folder.path()))?;
    let left = shell::output(&mut git(&["status", "--porcelain", "--untracked-files=all"]))?;
    let offered: Vec<_> = left.lines().filter(|line| !line.ends_with(".gitignore")).collect();
    if !offered.is_empty() {
        bail!("the demo wrote what git does not ignore: {}", offered.join(", "));
    }
    let written = std::fs::read_dir(folder.path())?.count();
    if written < 3 {
        bail!("the demo wrote nothing into its folder, so that nothing was checked");
    }
    Ok("passed; git ignores what it wrote".to_owned())
}
