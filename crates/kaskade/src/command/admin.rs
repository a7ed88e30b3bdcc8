//! `kaskade admin`: the interface by which a node that runs is administered.

use anyhow::Result;

use crate::admin::document;
use crate::console::Console;

/// The interface by which a node that runs is administered
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  kaskade admin openapi > admin-openapi.json
  curl --unix-socket kaskade-data/admin.sock http://localhost/admin/v1/subscribers")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Prints its document, in OpenAPI 3.1
    Openapi,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match args.action {
        Action::Openapi => console.line(serde_json::to_string_pretty(&document())?)?,
    }
    Ok(())
}
