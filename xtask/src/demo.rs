//! The demo of the README, with an empty data folder.

use crate::shell;
use anyhow::{Context as _, Result};

/// Runs the demo once; it succeeds only if the UE and the network agree on every key.
pub(crate) fn run() -> Result<()> {
    let data = std::env::temp_dir().join(format!("kaskade-demo-{}", std::process::id()));
    let result = shell::run(shell::cargo(["run", "--release", "--", "up", "--demo", "--once", "--data"]).arg(&data));
    if data.exists() {
        std::fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
    }
    result
}
