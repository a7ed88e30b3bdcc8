//! `kaskade nef`: secrets for clients of the NEF's token endpoint.

use anyhow::{Result, bail};
use kaskade_net::random::random_octets;
use kaskade_net::role::nef::ClientSecret;
use zeroize::Zeroizing;

use crate::console::Console;

/// Application functions outside: secrets with which they get access tokens at the NEF
///
/// [nef.afs] of the configuration says who they are and what each may have. docs/nef.md tells more.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade nef secret video")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    Secret(Secret),
}

/// Makes a secret for an application function, and its hash for the configuration. The secret is shown once and kept nowhere
#[derive(clap::Args, Debug)]
struct Secret {
    /// Whose: its name under [nef.afs], which is its client_id
    #[arg(value_name = "NAME")]
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    let Action::Secret(Secret { name, json }) = &args.action;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(is_plain) {
        bail!("NAME: expected letters, digits, - and _, as under [nef.afs]");
    }
    let octets: Zeroizing<[u8; 32]> = Zeroizing::new(random_octets()?);
    let secret = ClientSecret::from_octets(&octets);
    let (shown, hash) = (secret.reveal(), secret.hash(name));
    let text = Zeroizing::new(match json {
        true => format!(
            "{{\"clientId\":\"{name}\",\"clientSecret\":\"{}\",\"secretHash\":\"{hash}\"}}\n",
            *shown
        ),
        false => format!(
            "client_id      {name}\nclient_secret  {}\n\n[nef.afs.{name}]\nsecret_hash = \"{hash}\"\n",
            *shown
        ),
    });
    console.text(&text)?;
    Ok(())
}
