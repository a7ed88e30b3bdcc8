//! Licences, banned crates, sources and advisories, by the program `cargo-deny` and the rules in deny.toml.

use crate::shell;
use anyhow::{Result, bail};

/// Runs the checks if cargo-deny is there; installs it first if `install` is set.
pub(crate) fn check(install: bool) -> Result<String> {
    let present = || shell::succeeds(&mut shell::cargo(["deny", "--version"]));
    if !present() {
        if !install {
            return Ok("skipped: cargo-deny is not installed (--long installs it)".to_owned());
        }
        shell::run(&mut shell::cargo(["install", "--locked", "cargo-deny"]))?;
    }
    shell::run(&mut shell::cargo([
        "deny",
        "--offline",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]))?;
    // The database of advisories is fetched when it can be; a machine without it is no reason to stop.
    match shell::output(&mut shell::cargo(["deny", "check", "advisories"])) {
        Ok(_) => Ok("licences, bans, sources and advisories".to_owned()),
        Err(error) if unreachable_database(&format!("{error:#}")) => {
            Ok("licences, bans and sources; the advisory database cannot be reached".to_owned())
        }
        Err(error) => bail!("{error:#}"),
    }
}

fn unreachable_database(text: &str) -> bool {
    text.contains("failed to fetch advisory database") || text.contains("failed to load advisory database")
}
