//! `kaskade hn-key`: the key pairs that subscribers conceal their SUPI with.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use comfy_table::Table;
use comfy_table::presets;
use kaskade::administration::NewHnKey;
use kaskade::{hex_field, hn_key_file};
use kaskade_crypto::ecies::Profile;
use kaskade_flow::Refusal;
use kaskade_store::private;
use serde_json::json;

use crate::admin::hn_key::{self, HnKeyView};
use crate::admin::link::Purpose;
use crate::admin::text::{Digits, KeyId, Text};
use crate::admin::{Link, LinkArgs, NotDone};
use crate::console::{Console, Style};
use crate::exit;
use crate::hn_keys::suci_calc_info;
use crate::patience::open_link;

/// The home network's key pairs, with which subscribers conceal their SUPI (SUCI)
///
/// The private key stays in the data folder, sealed. The public key goes onto the cards. A node that runs is asked over its
/// socket, and opens SUCIs with a new key at once.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade hn-key generate --profile a
  kaskade hn-key import --profile b --id 27 hn.pem
  kaskade hn-key list
  kaskade hn-key show 1                    (public key, and the file to load on the card)
  kaskade hn-key show 2 1 --null-scheme    (both on one card, key 2 preferred)")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    Generate(Generate),
    Import(Import),
    List(List),
    Show(Show),
    Remove(Remove),
}

/// Makes a key pair
#[derive(clap::Args, Debug)]
struct Generate {
    /// Profile a (X25519) or b (P-256); cards and devices support both
    #[arg(long, value_parser = profile)]
    profile: Profile,
    /// Home network public key identifier, 1 to 255; by default the lowest that was never given
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
    id: Option<u8>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Takes in a private key that another tool made: PEM, DER or hexadecimal digits, in a file of mode 0600
#[derive(clap::Args, Debug)]
#[command(
    after_help = "PEM and DER may be PKCS#8 (X25519 and P-256) or SEC 1 (P-256, `EC PRIVATE KEY`). Hexadecimal digits do
not say which curve they are for: add --profile.

Examples:
  openssl genpkey -algorithm X25519 -out hn.pem && kaskade hn-key import --id 1 hn.pem
  kaskade hn-key import --profile b --id 2 key.hex"
)]
struct Import {
    /// The file
    file: PathBuf,
    /// Profile a (X25519) or b (P-256): needed for hexadecimal digits, checked for the others
    #[arg(long, value_parser = profile)]
    profile: Option<Profile>,
    /// Home network public key identifier, 1 to 255; by default the lowest that was never given
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
    id: Option<u8>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Lists the key pairs
#[derive(clap::Args, Debug)]
struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Shows public keys and EF_SUCI_Calc_Info, the file to load on the card
#[derive(clap::Args, Debug)]
#[command(
    after_help = "EF_SUCI_Calc_Info (4F07 under DF 5GS) tells the device how to conceal the SUPI. Besides it the card needs
service 124 in EF_UST, not 125, and EF_Routing_Indicator.

With pySim-shell:
  select ADF.USIM/DF.5GS/EF.SUCI_Calc_Info
  update_binary <the hexadecimal digits shown here>"
)]
struct Show {
    /// Identifiers, the preferred key first; by default all
    #[arg(value_name = "ID", value_parser = clap::value_parser!(u8).range(1..))]
    ids: Vec<u8>,
    /// Let the card fall back to the null scheme, which conceals nothing
    #[arg(long)]
    null_scheme: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

/// Removes a key pair for good: cards that use it cannot register any more, and its identifier is not given again
#[derive(clap::Args, Debug)]
struct Remove {
    /// Identifier
    #[arg(value_parser = clap::value_parser!(u8).range(1..))]
    id: u8,
    /// Really remove it
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.action {
        Action::Generate(args) => {
            let new = NewHnKey {
                id: args.id,
                profile: Some(Text(args.profile)),
                file: None,
            };
            let link = open(console, &args.link, Purpose::AddKey)?;
            added(
                console,
                args.json,
                &link.ask::<hn_key::Add>((), Default::default(), new).map_err(refused)?,
            )
        }
        Action::Import(args) => {
            let file = zeroize::Zeroizing::new(read_key_file(&args.file)?);
            let name = || args.file.display().to_string();
            // What is wrong with the file is said before anything is opened.
            hn_key_file::private_key(&file, args.profile).with_context(name)?;
            let new = NewHnKey {
                id: args.id,
                profile: args.profile.map(Text),
                file: Some(Digits::from(hex_field::text(&file).as_str())),
            };
            let link = open(console, &args.link, Purpose::AddKey)?;
            added(
                console,
                args.json,
                &link.ask::<hn_key::Add>((), Default::default(), new).map_err(refused)?,
            )
        }
        Action::List(args) => list(console, &keys(console, &args.link)?, args.json),
        Action::Show(args) => show(console, &keys(console, &args.link)?, args),
        Action::Remove(args) => {
            let link = open(console, &args.link, Purpose::RemoveKey)?;
            let keys = link
                .ask::<hn_key::List>((), Default::default(), Default::default())?
                .keys;
            of(&keys, args.id)?;
            if !args.yes {
                bail!(
                    "cards that conceal their SUPI with key {} cannot register any more once it is gone: add --yes if you mean it",
                    args.id
                );
            }
            link.ask::<hn_key::Remove>(KeyId(args.id), Default::default(), Default::default())?;
            if args.json {
                return console.json_done(&json!({ "id": args.id, "removed": true }));
            }
            console.done(format!(
                "home network key {0} is removed; the identifier {0} is not given again",
                args.id
            ))?;
            Ok(())
        }
    }
}

/// Why a key pair was not taken, with the option that says otherwise.
fn refused(error: NotDone) -> anyhow::Error {
    match error.param.as_deref() {
        Some("/id") => exit::refused(error.why(), format!("--id: {}", error.detail())),
        Some(_) if !error.is_done => exit::refused(error.why(), error.detail()),
        _ => error.into(),
    }
}

fn open(console: &Console, args: &LinkArgs, purpose: Purpose) -> Result<Link> {
    open_link(args, &args.data.config()?, purpose, |data| {
        console.note(format!("created {} with a new master key", data.path().display()));
    })
}

/// The key pairs that there are.
fn keys(console: &Console, args: &LinkArgs) -> Result<Vec<HnKeyView>> {
    let link = open(console, args, Purpose::LookAside)?;
    Ok(link
        .ask::<hn_key::List>((), Default::default(), Default::default())?
        .keys)
}

/// One of them.
fn of(keys: &[HnKeyView], id: u8) -> Result<&HnKeyView> {
    let found = keys.iter().find(|key| key.id == id);
    found.ok_or_else(|| {
        let text =
            format!("there is no home network key with identifier {id}; `kaskade hn-key list` shows which there are");
        exit::refused(Refusal::DataNotFound, text)
    })
}

/// A private key that another tool made. A pipe of the shell will do as well.
fn read_key_file(path: &Path) -> Result<Vec<u8>> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    if file.metadata()?.is_file() {
        private::check(path, &file).context("a home network key")?;
    }
    let mut content = Vec::with_capacity(4096);
    let read = Read::by_ref(&mut file).take(1 << 20).read_to_end(&mut content);
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(content)
}

fn profile(text: &str) -> Result<Profile, String> {
    match text {
        "a" | "A" => Ok(Profile::A),
        "b" | "B" => Ok(Profile::B),
        _ => Err("expected a (X25519) or b (P-256)".into()),
    }
}

fn added(console: &Console, as_json: bool, key: &HnKeyView) -> Result<()> {
    if as_json {
        return console.json_done(key);
    }
    let HnKeyView {
        id,
        profile: Text(profile),
        curve,
        ..
    } = key;
    console.done(format!(
        "home network key {id}, profile {profile} ({curve}), public key:"
    ))?;
    console.done(console.paint(Style::Strong, &key.public_key))?;
    console.done(format!("`kaskade hn-key show {id}` prints the file for the card"))?;
    Ok(())
}

fn list(console: &Console, keys: &[HnKeyView], as_json: bool) -> Result<()> {
    if as_json {
        return console.json(&json!({ "keys": serde_json::to_value(keys)? }));
    }
    if keys.is_empty() {
        console.line("no home network keys; `kaskade hn-key generate --profile a` makes one")?;
        return Ok(());
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["Id", "Profile", "Curve", "Public key (as on the card)"]);
    for key in keys {
        let profile = key.profile.0.to_string();
        table.add_row([key.id.to_string(), profile, key.curve.clone(), key.public_key.clone()]);
    }
    console.line(table.trim_fmt())?;
    Ok(())
}

fn show(console: &Console, keys: &[HnKeyView], args: &Show) -> Result<()> {
    let mut shown: Vec<&HnKeyView> = Vec::new();
    match args.ids.is_empty() {
        true => shown.extend(keys),
        false => {
            for id in &args.ids {
                shown.push(of(keys, *id)?);
            }
        }
    }
    if shown.is_empty() && !args.null_scheme {
        bail!("there are no home network keys; `kaskade hn-key generate --profile a` makes one");
    }
    let public = shown.iter().map(|view| Ok((view.id, view.key()?)));
    let public = public.collect::<Result<Vec<_>>>()?;
    let info = suci_calc_info(public.iter().map(|(id, key)| (*id, key)), args.null_scheme)?;
    let file = hex_field::text(&info.emit()).to_uppercase();
    if args.json {
        return console.json(&json!({ "keys": serde_json::to_value(&shown)?, "ef_suci_calc_info": file }));
    }
    for key in &shown {
        let title = format!("Home network key {}, profile {} ({})", key.id, key.profile.0, key.curve);
        console.line(console.paint(Style::Strong, &title))?;
        match &key.uncompressed {
            None => console.line(format!("  public key    {}", key.public_key))?,
            Some(point) => {
                console.line(format!("  compressed    {}", key.public_key))?;
                console.line(format!("  uncompressed  {point}"))?;
            }
        }
        console.line("")?;
    }
    let title = format!("EF_SUCI_Calc_Info (4F07 under DF 5GS), {} octets", file.len() / 2);
    console.line(console.paint(Style::Strong, &title))?;
    console.line(format!("  {file}"))?;
    for (priority, entry) in (1..).zip(info.schemes()) {
        let what = match info.key_of(*entry) {
            Some(key) => format!("scheme {}, key identifier {}", entry.scheme.id(), key.key_id.0),
            None => "null scheme: the SUPI is sent in clear".to_owned(),
        };
        console.line(console.paint(Style::Faint, &format!("  priority {priority}: {what}")))?;
    }
    Ok(())
}
