//! `kaskade completions`: scripts for the shells.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::Program;
use crate::console::Console;

/// Prints the completion script of a shell
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade completions bash > /etc/bash_completion.d/kaskade
  kaskade completions zsh > ~/.zfunc/_kaskade
  kaskade completions fish > ~/.config/fish/completions/kaskade.fish")]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Program::command(), "kaskade", &mut script);
    console.text(&String::from_utf8_lossy(&script))?;
    Ok(())
}
