//! `kaskade config`: the whole configuration with every default, and the check of a file.

use std::path::PathBuf;

use anyhow::Result;
use kaskade::config::{Config, Role};

use crate::console::{Console, Style};
use crate::data_dir::DataArgs;
use crate::footprint::Footprint;
use crate::warnings;

/// Prints the whole configuration with every default and what it means, or checks a file
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "The output of `kaskade config` is a configuration file: keep the lines that you change, the others stay at their
defaults. KASKADE_DATA_DIR, KASKADE_UDM_LISTEN, KASKADE_AUSF_LISTEN, KASKADE_ADMIN_LISTEN and KASKADE_LOG override the file.

Examples:
  kaskade config > kaskade.toml
  kaskade config check kaskade.toml
  kaskade config check kaskade.toml --role ausf --data ausf-data
  kaskade up --config kaskade.toml"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    Check(Check),
}

/// Checks a file, the TLS files that it names and the environment as `kaskade up` does, and says what is wrong
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["file", "config"])))]
struct Check {
    /// The file; `--config FILE` is the same
    file: Option<PathBuf>,
    /// For a process in which this role runs only, as `kaskade up --role`; may be repeated
    #[arg(long, value_enum, value_name = "ROLE")]
    role: Vec<Role>,
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.action {
        None => Ok(console.text(&Config::default().commented_toml())?),
        Some(Action::Check(args)) => check(console, args),
    }
}

fn check(console: &Console, args: &Check) -> Result<()> {
    let data = args.data.with_file(args.file.as_deref());
    let config = data.config_of(&args.role)?;
    config.check_files(data.file())?;
    let name = data.file().map(|file| file.display().to_string()).unwrap_or_default();
    console.line(format!("{name}: {}", console.paint(Style::Good, "in order")))?;
    let footprint = Footprint::of(&config);
    console.line(format!("memory: {}", footprint.sentence()))?;
    for warning in warnings::of(&config).into_iter().chain(footprint.warnings()) {
        console.line(format!("{} {warning}", console.paint(Style::Note, "note:")))?;
    }
    Ok(())
}
