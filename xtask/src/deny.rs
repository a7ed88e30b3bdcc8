//! Licences, banned crates, sources, yanked versions and advisories, by the program `cargo-deny` and the rules in
//! deny.toml.

use crate::{records, shell, yanked};
use anyhow::{Context as _, Result, bail};

/// Makes sure that cargo-deny is there.
pub(crate) fn ensure(install: bool) -> Result<String> {
    shell::ensure_tool("cargo-deny", &["deny", "--version"], install)
}

/// Runs the checks; `tool` is what came of [`ensure`].
pub(crate) fn check(tool: Result<String>) -> Result<String> {
    tool?;
    shell::run(&mut shell::cargo([
        "deny",
        "--offline",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]))?;
    let yanked = yanked::check()?;
    // The database of advisories is fetched when it can be.
    match shell::output(&mut shell::cargo(["deny", "check", "advisories"])) {
        Ok(_) => Ok(format!("licences, bans, sources, advisories; {yanked}")),
        Err(error) if unreachable_database(&format!("{error:#}")) => {
            records::note("the database of advisories (it cannot be fetched)").context("cannot write a record")?;
            Ok(format!("licences, bans, sources; {yanked}; not here: advisories"))
        }
        Err(error) => bail!("{error:#}"),
    }
}

fn unreachable_database(text: &str) -> bool {
    text.contains("failed to fetch advisory database") || text.contains("failed to load advisory database")
}
