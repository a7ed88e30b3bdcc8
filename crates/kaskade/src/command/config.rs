//! `kaskade config`: the whole configuration with every default, and the check of a file.

use std::path::PathBuf;

use anyhow::Result;
use kaskade::config::Config;

use crate::console::{Console, Style};
use crate::data_dir::variable;
use crate::footprint::Footprint;
use crate::warnings;

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
    /// Checks a file, the TLS files that it names and the environment as `kaskade up` does, and says what is wrong
    Check {
        /// The file
        file: PathBuf,
    },
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.check {
        None => console.text(&Config::default().commented_toml())?,
        Some(Check::Check { file }) => {
            let mut config = Config::read(file)?;
            config.apply_environment(variable)?;
            config.check_files(Some(file))?;
            console.line(format!(
                "{}: {}",
                file.display(),
                console.paint(Style::Good, "in order")
            ))?;
            let footprint = Footprint::of(&config);
            console.line(format!("memory: {}", footprint.sentence()))?;
            for warning in warnings::of(&config).into_iter().chain(footprint.warnings()) {
                console.line(format!("{} {warning}", console.paint(Style::Note, "note:")))?;
            }
        }
    }
    Ok(())
}
