//! `kaskade config`: the whole configuration with every default, and the check of a file.

use std::path::PathBuf;

use anyhow::Result;
use kaskade::config::Config;

use crate::console::{Console, Style};

/// Prints the whole configuration with every default and what it means, or checks a file
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "The output of `kaskade config` is a configuration file: keep the lines that you change, the others stay at their
defaults. KASKADE_DATA_DIR, KASKADE_UDM_LISTEN, KASKADE_AUSF_LISTEN and KASKADE_LOG override the file.

Examples:
  kaskade config > kaskade.toml
  kaskade config check kaskade.toml
  kaskade up --config kaskade.toml"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    check: Option<Check>,
}

#[derive(clap::Subcommand, Debug)]
enum Check {
    /// Checks a file, and says what is wrong with its line
    Check {
        /// The file
        file: PathBuf,
    },
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.check {
        None => console.text(&Config::default().commented_toml())?,
        Some(Check::Check { file }) => {
            let config = Config::read(file)?;
            console.line(format!(
                "{}: {}",
                file.display(),
                console.paint(Style::Good, "in order")
            ))?;
            for warning in warnings(&config) {
                console.line(format!("{} {warning}", console.paint(Style::Note, "note:")))?;
            }
        }
    }
    Ok(())
}

/// What is allowed, and yet probably not meant.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, listen, tls) in [
        ("udm", config.udm.listen, &config.udm.tls),
        ("ausf", config.ausf.listen, &config.ausf.tls),
    ] {
        if !listen.ip().to_canonical().is_loopback() && tls.cert.is_none() {
            warnings.push(format!(
                "{name}.insecure_h2c is true and {name}.listen is {listen}: keys travel in clear. Set {name}.tls.cert and \
                 {name}.tls.key"
            ));
        }
    }
    let policy = &config.policy;
    if policy.any_serving_network {
        warnings.push("policy.any_serving_network is true: every network may authenticate the subscribers".into());
    } else if policy.serving_networks.is_empty() && policy.serving_network_names.is_empty() {
        warnings.push("policy.serving_networks is empty: nobody may authenticate the subscribers".into());
    }
    warnings
}
