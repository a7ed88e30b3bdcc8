//! `kaskade ue`: an emulated UE.

pub(crate) mod akma;
mod eap;
mod erp;
mod radius;
pub(crate) mod state;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hyper::header::HeaderValue;
use kaskade::{hex_field, hn_key_file};
use kaskade_aka::algorithm::AlgorithmKeys;
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_crypto::Sqn;
use kaskade_crypto::ecies::{HnPublicKey, Profile};
use kaskade_doctor::discretion::shown;
use kaskade_doctor::side::KnownKey;
use kaskade_doctor::tree_view::{self, Agreement, Node, Sides, Verdict};
use kaskade_keys::{Abba, HnKeyId, Nid, Plmn, RoutingIndicator, ServingNetworkName, Supi};
use kaskade_net::role::seaf::AusfClient;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::tls::{ClientTls, IdentityFiles};
use kaskade_store::private::{self, Use};
use kaskade_ue::card::{self, History};
use kaskade_ue::{Device, Identity};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::attach::{Attach, Attached};
use super::derive::SelectionArgs;
use crate::console::{Console, Style};
use crate::secret_input::SecretArgs;
use state::StateFile;

/// An emulated USIM, device and serving network
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: UeCommand,
}

#[derive(clap::Subcommand, Debug)]
enum UeCommand {
    Attach(Box<AttachArgs>),
    Eap(Box<eap::EapArgs>),
    Akma(Box<akma::AkmaArgs>),
}

/// Authenticates against an AUSF over HTTP/2, and compares the keys of UE and serving network
///
/// Plays three parts: the USIM (K, OPc, its sequence numbers), the ME around it, and the SEAF that talks to the AUSF. If
/// the USIM finds the SQN out of range, its AUTS goes to the home network and the challenge is made again.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  Against `kaskade up` on this machine, by a null-scheme SUCI, K and OPc from standard input:
    printf '%s\\n' \"$K\" \"$OPC\" | kaskade ue attach --k-file - --opc-file - \\
      --supi imsi-001010000000001 --home 001-01

  With a SUCI of profile A (`kaskade hn-key show 1` prints the key), and a state file, so that the
  USIM remembers its sequence numbers:
    kaskade ue attach --k-file k --opc-file opc --supi imsi-001010000000001 --home 001-01 \\
      --suci a --hn-key-id 1 --hn-public-key 5a8d38864820... --state usim.json

  A card that is ahead of the home network, to see a resynchronisation:
    kaskade ue attach ... --sqn-ms 00ff00000000

  Over mutual TLS, ten times, for a program:
    kaskade ue attach ... --ausf https://ausf.example.org:7777 --ca ca.pem \\
      --cert amf.pem --key amf.key --repeat 10 --json

The exit status is 0 if every attach succeeded and every key agreed.")]
struct AttachArgs {
    /// apiRoot of the AUSF, such as http://127.0.0.1:7777 (HTTP/2 with prior knowledge) or https://…
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7777")]
    ausf: String,
    /// Who the USIM is, such as imsi-001010000000001
    #[arg(long)]
    supi: Supi,
    #[command(flatten)]
    secrets: SecretArgs,
    #[command(flatten)]
    usim: UsimArgs,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    serving: ServingArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    tls: TlsArgs,
    /// How many times to attach, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Output", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Show the keys themselves, not only their fingerprints (K, OP and OPc are never shown)
    #[arg(long, help_heading = "Output")]
    reveal: bool,
    /// Print JSON, one object per attach
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Sequence numbers of the USIM")]
struct UsimArgs {
    /// File that keeps the USIM's sequence numbers from run to run; made if it is not there
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// SQN_MS to begin with, as 12 hexadecimal digits: the card has accepted up to here, with every IND. Without
    /// it the card is new
    #[arg(long, value_name = "HEX", conflicts_with = "state", value_parser = sqn)]
    sqn_ms: Option<Sqn>,
}

/// How a SUPI is concealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Scheme {
    /// SUCI of the null scheme: nothing concealed
    Null,
    /// SUCI of ECIES profile A (X25519)
    A,
    /// SUCI of ECIES profile B (P-256)
    B,
    /// No SUCI: the SUPI in clear, as an AMF sends it that knows the UE
    Supi,
}

#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Identity")]
struct IdentityArgs {
    /// Protection scheme
    #[arg(long, value_enum, default_value_t = Scheme::Null)]
    suci: Scheme,
    /// Home network as MCC-MNC, of which the IMSI's digits are; needed for a SUCI of an IMSI
    #[arg(long, value_name = "MCC-MNC", visible_alias = "plmn")]
    home: Option<Plmn>,
    /// Home network public key: 64 hexadecimal digits for profile A, 66 (compressed) or 130 for B; or a file (PEM, DER)
    #[arg(long, value_name = "HEX|FILE", required_if_eq_any = [("suci", "a"), ("suci", "b")])]
    hn_public_key: Option<String>,
    /// Home network public key identifier, 1 to 255 [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    hn_key_id: Option<u8>,
    /// Routing indicator, 1 to 4 digits [default: 0]
    #[arg(long, value_name = "DIGITS")]
    routing_indicator: Option<RoutingIndicator>,
}

#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Serving network")]
struct ServingArgs {
    /// Serving network as MCC-MNC; the home network by default
    #[arg(long, value_name = "MCC-MNC")]
    serving: Option<Plmn>,
    /// NID of a stand-alone non-public network, 11 hexadecimal digits
    #[arg(long)]
    nid: Option<Nid>,
    /// ABBA, 2 to 255 octets
    #[arg(long, value_name = "HEX", default_value = "0000")]
    abba: String,
}

#[derive(clap::Args, Debug)]
#[command(next_help_heading = "TLS 1.3 (with an https URL)")]
struct TlsArgs {
    /// Certificates of the authorities that the AUSF's certificate must come from, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Our certificate, PEM, for mutual TLS
    #[arg(long, value_name = "FILE", requires_all = ["key", "ca"])]
    cert: Option<PathBuf>,
    /// Our private key, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// File with an access token of scope nausf-auth, mode 0600, for an AUSF that asks for one
    #[arg(long, value_name = "FILE", help_heading = "Access token")]
    token: Option<PathBuf>,
}

/// Octets of the longest token; more is no header that anybody takes.
const LONGEST_TOKEN: u64 = 1 << 14;

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match &args.command {
        UeCommand::Attach(args) => runtime.block_on(attach(console, args)),
        UeCommand::Eap(args) => runtime.block_on(eap::run(console, args)),
        UeCommand::Akma(args) => runtime.block_on(akma::run(console, args)),
    }
}

async fn attach(console: &Console, args: &AttachArgs) -> Result<()> {
    args.refuse_unused()?;
    let keys = args.secrets.read_for_vectors()?.1;
    let (usim, mut state) = args.usim.card(&keys, &args.supi)?;
    let mut device = Device::new(usim, args.supi.clone());
    let attach = args.attach()?;
    let mut all_agree = true;
    for number in 1..=args.repeat {
        let attached = attach
            .run(device, |card| state.as_mut().map_or(Ok(()), |state| state.keep(card)))
            .await?;
        let sides = Sides {
            ue: &attached.ue,
            network: Some(&attached.serving),
        };
        let verdict = Verdict::of(sides);
        all_agree &= verdict.differ == 0;
        if args.json {
            console.line(document(args, &attach, &attached))?;
        } else if number == 1 {
            print(console, args, &attach, &attached)?;
        } else {
            let line = format!(
                "attach {number}: {}, {:.2} ms",
                verdict.sentence(),
                milliseconds(&attached)
            );
            console.line(line)?;
        }
        device = attached.device;
    }
    if !all_agree {
        bail!("UE and network do not have the same keys");
    }
    Ok(())
}

impl UsimArgs {
    /// The card with its sequence numbers, and the file that keeps them.
    fn card(&self, keys: &AlgorithmKeys, supi: &Supi) -> Result<(Usim, Option<StateFile>)> {
        let state = match &self.state {
            Some(path) => Some(StateFile::open(path, supi)?),
            None => None,
        };
        let kept = state.as_ref().and_then(StateFile::seq_ms);
        let history = match (&kept, self.sqn_ms) {
            (Some(seq_ms), _) => History::Kept(seq_ms),
            (_, Some(sqn_ms)) => History::UpTo(sqn_ms),
            _ => History::New,
        };
        Ok((card::usim(keys, UsimOptions::default(), history)?, state))
    }
}

impl AttachArgs {
    /// An option that would be ignored may be meant: whoever gives a key of the home network wants the SUPI concealed.
    fn refuse_unused(&self) -> Result<()> {
        let identity = &self.identity;
        identity.refuse_unused_keys()?;
        if identity.suci == Scheme::Supi && identity.routing_indicator.is_some() {
            bail!(
                "--routing-indicator is part of a SUCI, and with --suci supi there is none: add --suci null, a or b \
                 instead, or leave it out"
            );
        }
        self.tls.refuse_unused(&self.ausf)
    }

    fn attach(&self) -> Result<Attach> {
        let serving = self.serving.serving.or(self.identity.home);
        let serving = serving.context("which serving network? Give --serving MCC-MNC (or --home MCC-MNC)")?;
        let abba = Abba::from_octets(&hex_field::octets_between("ABBA", &self.serving.abba, 2, 255)?)?;
        let identity = self.identity.identity(&self.supi)?;
        Ok(Attach {
            ausf: self.tls.ausf(&self.ausf)?,
            identity,
            serving_network_name: ServingNetworkName::new(serving, self.serving.nid),
            abba,
            selection: self.selection.selection(),
            reveal: self.reveal,
        })
    }
}

impl IdentityArgs {
    fn refuse_unused_keys(&self) -> Result<()> {
        let given = [
            (self.hn_public_key.is_some(), "--hn-public-key"),
            (self.hn_key_id.is_some(), "--hn-key-id"),
        ];
        match given.iter().find(|(is, _)| *is) {
            Some((_, option)) if !matches!(self.suci, Scheme::A | Scheme::B) => {
                bail!("{option} is used for a concealed SUPI only: add --suci a or --suci b, or leave it out")
            }
            _ => Ok(()),
        }
    }

    /// How a UE of this SUPI names itself.
    fn identity(&self, supi: &Supi) -> Result<Identity> {
        let IdentityArgs {
            suci,
            home,
            ref hn_public_key,
            hn_key_id,
            routing_indicator,
        } = *self;
        let routing_indicator = routing_indicator.unwrap_or(RoutingIndicator::DEFAULT);
        if home.is_none() && suci != Scheme::Supi && matches!(supi, Supi::Imsi(_)) {
            bail!("where does the MNC end? A SUCI of an IMSI needs --home MCC-MNC");
        }
        let concealed = |profile| -> Result<Identity> {
            let text = hn_public_key.as_deref().context("give --hn-public-key")?;
            Ok(Identity::Concealed {
                home,
                routing_indicator,
                hn_key_id: HnKeyId(hn_key_id.unwrap_or(1)),
                hn_public_key: public_key(text, profile)?,
            })
        };
        Ok(match suci {
            Scheme::Supi => Identity::Supi,
            Scheme::Null => Identity::Null {
                home,
                routing_indicator,
            },
            Scheme::A => concealed(Profile::A)?,
            Scheme::B => concealed(Profile::B)?,
        })
    }
}

impl TlsArgs {
    fn refuse_unused(&self, ausf: &str) -> Result<()> {
        // --cert and --key need --ca.
        if self.ca.is_some() && !is_https(ausf) {
            bail!("--ca is for TLS, and --ausf {ausf} is HTTP/2 in clear text: give --ausf https://…, or leave it out");
        }
        Ok(())
    }

    /// The AUSF at this URL.
    fn ausf(&self, url: &str) -> Result<AusfClient> {
        if is_https(url) && self.ca.is_none() {
            bail!("{url}: https needs --ca with the authority that the AUSF's certificate comes from");
        }
        Ok(AusfClient::new(url, self.options()?)?)
    }

    fn options(&self) -> Result<ClientOptions> {
        let identity = match (&self.cert, &self.key) {
            (Some(certificates), Some(key)) => Some(IdentityFiles {
                certificates: certificates.clone(),
                key: key.clone(),
            }),
            _ => None,
        };
        let tls = match &self.ca {
            Some(ca) => Some(ClientTls::new(ca, identity.as_ref())?),
            None => None,
        };
        let mut options = ClientOptions::default();
        options.tls = tls;
        options.authorization = self.token.as_deref().map(bearer).transpose()?;
        // An emulated serving network goes where it is told to; the network that it tries decides what it listens to.
        options.insecure_h2c = true;
        Ok(options)
    }
}

/// The token in a file, as a request shows it.
pub(crate) fn bearer(path: &Path) -> Result<HeaderValue> {
    let token = Zeroizing::new(private::read(path, Use::Secret, LONGEST_TOKEN)?);
    let value = [b"Bearer ", token.trim_ascii()].concat();
    let is_token = |c: &u8| c.is_ascii_alphanumeric() || b"-._~+/=".contains(c);
    let wrong = || {
        format!(
            "{}: no access token: letters, digits and -._~+/= in one line",
            path.display()
        )
    };
    if token.trim_ascii().is_empty() || !token.trim_ascii().iter().all(is_token) {
        bail!(wrong());
    }
    let mut value = HeaderValue::try_from(value).with_context(wrong)?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_https(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// Hexadecimal digits, or a file.
fn public_key(text: &str, profile: Profile) -> Result<HnPublicKey> {
    if text.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Ok(hn_key_file::public_key(text.as_bytes(), Some(profile))?);
    }
    let file = std::fs::read(text).with_context(|| {
        format!(
            "--hn-public-key: {} is neither hexadecimal digits nor a file",
            shown(text)
        )
    })?;
    hn_key_file::public_key(&file, Some(profile)).with_context(|| text.to_owned())
}

fn print(console: &Console, args: &AttachArgs, attach: &Attach, attached: &Attached) -> Result<()> {
    let title = format!("{} attached in {}", args.supi.masked(), attach.serving_network_name);
    console.line(console.paint(Style::Strong, &title))?;
    let resynchronised = if attached.resynchronised {
        "; the USIM asked for a resynchronisation, and got it"
    } else {
        ""
    };
    let facts = format!(
        "{} to {}, {:.2} ms{resynchronised}",
        attach.identity.name(),
        args.ausf,
        milliseconds(attached)
    );
    console.line(facts)?;
    console.line("")?;
    let sides = Sides {
        ue: &attached.ue,
        network: Some(&attached.serving),
    };
    console.text(&tree_view::render(console.sheet(), sides))?;
    console.text(&tree_view::conclusion(console.sheet(), Verdict::of(sides)))?;
    Ok(())
}

fn document(args: &AttachArgs, attach: &Attach, attached: &Attached) -> Value {
    let sides = Sides {
        ue: &attached.ue,
        network: Some(&attached.serving),
    };
    let verdict = Verdict::of(sides);
    json!({
        "supi": if args.reveal { args.supi.sbi() } else { args.supi.masked() },
        "identity": attach.identity.name(),
        "serving_network_name": attach.serving_network_name.as_str(),
        "resynchronised": attached.resynchronised,
        "milliseconds": milliseconds(attached),
        "keys": keys_document(sides),
        "agree": verdict.agree,
        "differ": verdict.differ,
        "one_sided": verdict.one_sided,
    })
}

/// The nodes of the tree, so that each key is there once, and compared as the text compares it.
fn keys_document(sides: Sides<'_>) -> Vec<Value> {
    let mut keys: Vec<Value> = Vec::new();
    for node in &tree_view::nodes(sides) {
        node.walk(sides, &mut |node| keys.push(key_document(node, sides)));
    }
    keys
}

fn key_document(node: &Node, sides: Sides<'_>) -> Value {
    let (ue, network) = node.keys(sides);
    let agrees = match node.agreement(sides) {
        Agreement::Agrees => Some(true),
        Agreement::Differs => Some(false),
        Agreement::OneSided => None,
    };
    let octets = ue.or(network).and_then(KnownKey::octets);
    let mut names = node.names();
    let name = names.next();
    // The other side's name for the same value.
    let also: Vec<_> = names.collect();
    let mut holders: Vec<&str> = Vec::new();
    for holder in node.rows.iter().flat_map(|row| row.held_by) {
        if !holders.contains(&holder.name()) {
            holders.push(holder.name());
        }
    }
    json!({
        "name": name,
        "also": also,
        "held_by": holders,
        "ue": ue.map(|key| key.fingerprint().to_string()),
        "network": network.map(|key| key.fingerprint().to_string()),
        "agrees": agrees,
        "value": octets.map(|octets| hex_field::text(octets).to_string()),
    })
}

fn milliseconds(attached: &Attached) -> f64 {
    attached.elapsed.as_secs_f64() * 1e3
}

fn sqn(text: &str) -> Result<Sqn, hex_field::HexError> {
    hex_field::octets("SQN_MS", text).map(|octets| Sqn::from_octets(*octets))
}
