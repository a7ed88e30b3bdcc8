//! `kaskade hn-key`: the key pairs that subscribers conceal their SUPI with.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use comfy_table::Table;
use comfy_table::presets;
use kaskade::{hex_field, hn_key_file};
use kaskade_crypto::ecies::{HnPublicKey, Profile};
use kaskade_store::private;
use p256::elliptic_curve::sec1::ToSec1Point;
use serde_json::{Value, json};

use crate::console::{Console, Style};
use crate::data_dir::{DataArgs, DataDir};
use crate::hn_keys::{HnKeys, suci_calc_info};
use crate::runtime::store::make_first_store;

/// The home network's key pairs, with which subscribers conceal their SUPI (SUCI)
///
/// The private key stays in the data folder, sealed. The public key goes onto the cards. `kaskade up` reads the keys when it
/// starts; one that runs goes on with those that it had.
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
    #[command(flatten)]
    data: DataArgs,
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
    #[command(flatten)]
    data: DataArgs,
}

/// Lists the key pairs
#[derive(clap::Args, Debug)]
struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
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
    data: DataArgs,
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
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.action {
        Action::Generate(args) => {
            let mut keys = open_or_create(console, &args.data)?;
            let id = args.id.map_or_else(|| keys.free_id(), Ok)?;
            let key = keys.generate(id, args.profile)?;
            added(console, id, key.public_key())
        }
        Action::Import(args) => {
            let file = zeroize::Zeroizing::new(read_key_file(&args.file)?);
            let key = hn_key_file::private_key(&file, args.profile).with_context(|| args.file.display().to_string())?;
            let mut keys = open_or_create(console, &args.data)?;
            let id = args.id.map_or_else(|| keys.free_id(), Ok)?;
            let key = keys.add(id, key)?;
            added(console, id, key.public_key())
        }
        Action::List(args) => list(console, &open(&args.data)?, args.json),
        Action::Show(args) => show(console, &open(&args.data)?, args),
        Action::Remove(args) => {
            let mut keys = open(&args.data)?;
            keys.key(args.id)?;
            if !args.yes {
                bail!(
                    "cards that conceal their SUPI with key {} cannot register any more once it is gone: add --yes if you mean it",
                    args.id
                );
            }
            keys.remove(args.id)?;
            console.done(format!(
                "home network key {0} is removed; the identifier {0} is not given again",
                args.id
            ))?;
            at_the_next_start(console);
            Ok(())
        }
    }
}

fn open(args: &DataArgs) -> Result<HnKeys> {
    HnKeys::open(&DataDir::open(&args.config()?.data_dir)?)
}

fn open_or_create(console: &Console, args: &DataArgs) -> Result<HnKeys> {
    let config = args.config()?;
    let data = DataDir::open_or_create(&config.data_dir)?;
    make_first_store(&data, &config)?;
    if data.is_new() {
        console.note(format!("created {} with a new master key", data.path().display()));
    }
    HnKeys::open(&data)
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

fn curve(profile: Profile) -> &'static str {
    match profile {
        Profile::A => "X25519",
        Profile::B => "P-256",
    }
}

fn added(console: &Console, id: u8, key: &HnPublicKey) -> Result<()> {
    let profile = key.profile();
    console.done(format!(
        "home network key {id}, profile {profile} ({}), public key:",
        curve(profile)
    ))?;
    console.done(console.paint(Style::Strong, &hex_field::text(key.octets())))?;
    console.done(format!("`kaskade hn-key show {id}` prints the file for the card"))?;
    at_the_next_start(console);
    Ok(())
}

fn at_the_next_start(console: &Console) {
    console.note("`kaskade up` reads the keys when it starts: one that runs goes on with those it had");
}

fn list(console: &Console, keys: &HnKeys, as_json: bool) -> Result<()> {
    if as_json {
        let list: Vec<Value> = keys.iter().map(|(id, key)| document(id, key.public_key())).collect();
        console.line(serde_json::to_string_pretty(&list)?)?;
        return Ok(());
    }
    if keys.iter().next().is_none() {
        console.line("no home network keys; `kaskade hn-key generate --profile a` makes one")?;
        return Ok(());
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["Id", "Profile", "Curve", "Public key (as on the card)"]);
    for (id, key) in keys.iter() {
        let profile = key.profile();
        let public = hex_field::text(key.public_key().octets()).to_string();
        table.add_row([id.to_string(), profile.to_string(), curve(profile).into(), public]);
    }
    console.line(table.trim_fmt())?;
    Ok(())
}

fn show(console: &Console, keys: &HnKeys, args: &Show) -> Result<()> {
    let ids: Vec<u8> = if args.ids.is_empty() {
        keys.iter().map(|(id, _)| id).collect()
    } else {
        args.ids.clone()
    };
    let mut shown: Vec<(u8, &HnPublicKey)> = Vec::new();
    for id in ids {
        shown.push((id, keys.key(id)?.public_key()));
    }
    if shown.is_empty() && !args.null_scheme {
        bail!("there are no home network keys; `kaskade hn-key generate --profile a` makes one");
    }
    let info = suci_calc_info(shown.iter().copied(), args.null_scheme)?;
    let file = hex_field::text(&info.emit()).to_uppercase();
    if args.json {
        let keys: Vec<Value> = shown.iter().map(|(id, key)| document(*id, key)).collect();
        let document = json!({ "keys": keys, "ef_suci_calc_info": file });
        console.line(serde_json::to_string_pretty(&document)?)?;
        return Ok(());
    }
    for (id, key) in &shown {
        let profile = key.profile();
        let title = format!("Home network key {id}, profile {profile} ({})", curve(profile));
        console.line(console.paint(Style::Strong, &title))?;
        match uncompressed(key) {
            None => console.line(format!("  public key    {}", *hex_field::text(key.octets())))?,
            Some(point) => {
                console.line(format!("  compressed    {}", *hex_field::text(key.octets())))?;
                console.line(format!("  uncompressed  {}", *hex_field::text(&point)))?;
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

fn document(id: u8, key: &HnPublicKey) -> Value {
    let profile = key.profile();
    json!({
        "id": id,
        "profile": profile.to_string(),
        "curve": curve(profile),
        "public_key": *hex_field::text(key.octets()),
        "uncompressed": uncompressed(key).map(|point| hex_field::text(&point).to_string()),
    })
}

/// 04 ‖ x ‖ y of a P-256 key: some tools want it so.
fn uncompressed(key: &HnPublicKey) -> Option<Vec<u8>> {
    match key.profile() {
        Profile::A => None,
        Profile::B => {
            let key = p256::PublicKey::from_sec1_bytes(key.octets()).ok()?;
            Some(key.to_sec1_point(false).as_bytes().to_vec())
        }
    }
}
