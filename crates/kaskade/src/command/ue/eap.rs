//! `kaskade ue eap`: an emulated device that is authenticated by EAP, over RADIUS or over an AUSF.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kaskade_aka::eap_aka::identity::epc_realm;
use kaskade_aka::eap_aka::peer::{PeerName, PeerPolicy, PeerSuccess};
use kaskade_aka::eap_aka::{ForwardSecrecy, NetworkName};
use kaskade_aka::visit::KeyVisitor as _;
use kaskade_codec::eap::AkaMethod;
use kaskade_codec::radius::Told;
use kaskade_crypto::KeyMaterial as _;
use kaskade_crypto::radius::SharedSecret;
use kaskade_doctor::side::Side;
use kaskade_doctor::tree_view::{self, Sides, Verdict};
use kaskade_keys::eap::Emsk;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::Fqdn;
use kaskade_keys::{ServingNetworkName, Supi};
use kaskade_net::random::SystemEntropy;
use kaskade_net::role::seaf::AusfClient;
use kaskade_store::private::{self, Use};
use kaskade_ue::{EapDevice, MobileIdentity};
use serde_json::json;
use zeroize::Zeroizing;

use super::super::eap::{NetworkKey, Run};
use super::erp::{Came, CameBack, Erp};
use super::radius::RadiusLink;
use super::state::StateFile;
use super::{IdentityArgs, Scheme, ServingArgs, TlsArgs, UsimArgs, keys_document};
use crate::console::{Console, Style};
use crate::secret_input::SecretArgs;

/// Authenticates by EAP-AKA' or EAP-AKA, over RADIUS or over an AUSF, and compares the keys of both ends
///
/// Plays the USIM, the device around it, and the access gateway (RADIUS) or the SEAF (AUSF). From the second run on the device
/// uses what the server gave it: a pseudonym, or the identity of a fast re-authentication.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  A hotspot's view: three runs over RADIUS, of which the later ones are fast where the server offers that:
    kaskade ue eap --radius 127.0.0.1:1812 --radius-secret-file radius.secret \\
      --supi imsi-001010000000001 --home 001-01 --k-file k --opc-file opc --repeat 3

  ERP: after the first run the device comes back in one round trip, where the server has that domain:
    kaskade ue eap --radius 127.0.0.1:1812 --radius-secret-file radius.secret --erp wlan.example.org \\
      --supi imsi-001010000000001 --home 001-01 --k-file k --opc-file opc --repeat 3

  EAP-AKA, and a card that is ahead of the home network:
    kaskade ue eap --radius 127.0.0.1:1812 --radius-secret-file radius.secret \\
      --supi imsi-001010000000001 --home 001-01 --k-file k --opc-file opc --method aka --sqn-ms 00ff00000000

  In 5GS, over the AUSF, for a subscriber whose first method is EAP-AKA':
    kaskade ue eap --ausf http://127.0.0.1:7777 --supi imsi-001010000000001 --home 001-01 --k-file k --opc-file opc

The exit status is 0 if every run succeeded and every key agreed.")]
pub(super) struct EapArgs {
    /// Address of the RADIUS server, such as 127.0.0.1:1812
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        required_unless_present = "ausf",
        conflicts_with = "ausf"
    )]
    radius: Option<SocketAddr>,
    /// File with the secret that gateway and RADIUS server share, mode 0600: all of its text but the line end
    #[arg(long, value_name = "FILE", requires = "radius", required_unless_present = "ausf")]
    radius_secret_file: Option<PathBuf>,
    /// apiRoot of the AUSF, such as http://127.0.0.1:7777
    #[arg(long, value_name = "URL")]
    ausf: Option<String>,
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
    eap: MethodArgs,
    #[command(flatten)]
    tls: TlsArgs,
    /// How many runs, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Output", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Show the keys themselves, not only their fingerprints (K, OP, OPc and the EMSK are never shown)
    #[arg(long, help_heading = "Output")]
    reveal: bool,
    /// Print JSON, one object per run
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(clap::Args, Debug)]
#[command(next_help_heading = "EAP over RADIUS")]
struct MethodArgs {
    /// The only method that the device has [default: both, EAP-AKA' first]
    #[arg(long, value_enum)]
    method: Option<MethodName>,
    /// Realm of the identity [default: nai.epc.mnc….mcc….3gppnetwork.org of --home]
    #[arg(long)]
    realm: Option<String>,
    /// Network name that AT_KDF_INPUT must have [default: any]
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// Forward secrecy of EAP-AKA' (RFC 9678)
    #[arg(long, value_enum, default_value_t = Secrecy::Off)]
    forward_secrecy: Secrecy,
    /// Ask for a protected notification of success
    #[arg(long)]
    result_ind: bool,
    /// Come back by ERP from the second run on, at the ER server of this domain (RFC 6696)
    #[arg(long, value_name = "DOMAIN", conflicts_with = "forget")]
    erp: Option<Fqdn>,
    /// Forget names after each run: each one is full, with the permanent identity
    #[arg(long)]
    forget: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum MethodName {
    /// EAP-AKA' (RFC 9048)
    AkaPrime,
    /// EAP-AKA (RFC 4187)
    Aka,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Secrecy {
    /// Not taken
    Off,
    /// Taken where the server offers it
    Offered,
    /// Refuses a server without it
    Required,
}

/// Octets of the longest secret.
const LONGEST_SECRET: u64 = 4096;

/// EAP-Request/Identity, as an access gateway sends it.
const WHO: [u8; 5] = [1, 0, 0, 5, 1];

/// One run that succeeded.
struct Done {
    device: EapDevice,
    success: Box<PeerSuccess>,
    network: NetworkKey,
    packets: u32,
    elapsed: Duration,
}

pub(super) async fn run(console: &Console, args: &EapArgs) -> Result<()> {
    args.refuse_unused()?;
    let keys = args.secrets.read_for_vectors()?.1;
    let (usim, mut state) = args.usim.card(&keys, &args.supi)?;
    let (policy, name) = args.peer()?;
    let mut device = EapDevice::new(usim, args.supi.clone(), policy, name);
    let (mut all_agree, mut erp) = (true, None);
    for number in 1..=args.repeat {
        if let Some(known) = erp.take() {
            match args.by_erp(known).await? {
                Came::Back(back) => {
                    all_agree &= args.print_erp(console, &back)?;
                    erp = Some(back.erp);
                    continue;
                }
                Came::NotBack(why) => console.note(format_args!("{why}: a whole run follows")),
            }
        }
        let done = args.once(device, &mut state).await?;
        let sides = [args.ue_side(&done), args.network_side(&done)];
        let sides = Sides {
            ue: &sides[0],
            network: Some(&sides[1]),
        };
        all_agree &= Verdict::of(sides).differ == 0;
        args.print(console, number, &done, sides)?;
        if let Some(domain) = &args.eap.erp {
            let PeerSuccess { emsk, session_id, .. } = *done.success;
            erp = Some(Erp::after(emsk, session_id, domain.clone())?);
        }
        device = done.device;
        if args.eap.forget {
            device.forget();
        }
    }
    if !all_agree {
        bail!("UE and network do not have the same keys");
    }
    Ok(())
}

impl EapArgs {
    fn refuse_unused(&self) -> Result<()> {
        let over_radius = [
            (self.eap.method.is_some(), "--method"),
            (self.eap.realm.is_some(), "--realm"),
            (self.eap.network.is_some(), "--network"),
            (self.eap.forward_secrecy != Secrecy::Off, "--forward-secrecy"),
            (self.eap.result_ind, "--result-ind"),
            (self.eap.erp.is_some(), "--erp"),
        ];
        let over_ausf = [
            (self.identity.suci != Scheme::Null, "--suci"),
            (self.serving.serving.is_some(), "--serving"),
            (self.serving.nid.is_some(), "--nid"),
            (self.tls.ca.is_some(), "--ca"),
            (self.tls.token.is_some(), "--token"),
        ];
        let (unused, other) = match self.ausf {
            Some(_) => (&over_radius[..], "--radius"),
            None => (&over_ausf[..], "--ausf"),
        };
        if let Some((_, option)) = unused.iter().find(|(is, _)| *is) {
            bail!("{option} is used with {other} only: leave it out");
        }
        Ok(())
    }

    fn serving_network_name(&self) -> Result<ServingNetworkName> {
        let serving = self.serving.serving.or(self.identity.home);
        let serving = serving.context("which serving network? Give --serving MCC-MNC (or --home MCC-MNC)")?;
        Ok(ServingNetworkName::new(serving, self.serving.nid))
    }

    /// What the device does, and who it is.
    fn peer(&self) -> Result<(PeerPolicy, PeerName)> {
        if self.ausf.is_some() {
            let name = self.serving_network_name()?;
            let identity = self.identity.identity(&self.supi)?;
            let concealed = match identity.of(&self.supi, &mut SystemEntropy)? {
                MobileIdentity::Suci(suci) => suci.nai(),
                MobileIdentity::Supi(_) => bail!("--suci supi: a UE of 5GS that is asked who it is gives its SUCI"),
            };
            let concealed = concealed.parse().context("SUCI in NAI form")?;
            return Ok((
                PeerPolicy::five_gs(NetworkName::Serving(name)),
                PeerName::FiveGs(self.supi.clone(), concealed),
            ));
        }
        let Supi::Imsi(imsi) = &self.supi else {
            bail!("--supi: EAP-AKA over RADIUS takes an IMSI");
        };
        let realm = match (&self.eap.realm, self.identity.home) {
            (Some(realm), _) => realm.clone(),
            (None, Some(home)) => epc_realm(home),
            (None, None) => bail!("where does the MNC end? Give --home MCC-MNC, or --realm"),
        };
        let mut policy = PeerPolicy::non_3gpp().with_forward_secrecy(match self.eap.forward_secrecy {
            Secrecy::Off => ForwardSecrecy::Off,
            Secrecy::Offered => ForwardSecrecy::offered(),
            Secrecy::Required => match ForwardSecrecy::offered() {
                ForwardSecrecy::Offered(groups) => ForwardSecrecy::Required(groups),
                other => other,
            },
        });
        policy = match self.eap.method {
            Some(MethodName::Aka) => policy.with_methods(&[AkaMethod::Aka]),
            Some(MethodName::AkaPrime) => policy.with_methods(&[AkaMethod::AkaPrime]),
            None => policy,
        };
        if let Some(network) = &self.eap.network {
            let name = NetworkName::of_octets(network.as_bytes()).context("--network: no network name")?;
            policy = policy.expecting(name);
        }
        if self.eap.result_ind {
            policy = policy.with_result_indication();
        }
        Ok((policy, PeerName::Imsi(*imsi, realm)))
    }

    async fn once(&self, device: EapDevice, state: &mut Option<StateFile>) -> Result<Done> {
        let begin = Instant::now();
        let mut run = Run::begin(device, state);
        let ended = match &self.ausf {
            Some(url) => self.over_ausf(url, &mut run).await?,
            None => self.over_radius(&mut run).await?,
        };
        let elapsed = begin.elapsed();
        let (mut success, network) = ended;
        Ok(Done {
            packets: run.packets(),
            device: run.end(&mut success),
            success,
            network,
            elapsed,
        })
    }

    async fn over_radius(&self, run: &mut Run<'_>) -> Result<(Box<PeerSuccess>, NetworkKey)> {
        let address = self.radius.context("give --radius")?;
        let mut response = run.response(&WHO)?;
        // EAP-Response/Identity: the name behind the header is what the gateway says who the peer is.
        let user_name = response.get(5..).unwrap_or_default().to_vec();
        let mut link = RadiusLink::open(address, self.secret()?, &user_name).await?;
        loop {
            match link.ask(&response).await? {
                Told::Challenge { eap, .. } => response = run.response(&eap)?,
                Told::Accept { eap, msk, .. } => {
                    let success = run.success(&eap.unwrap_or_default())?;
                    let msk = msk.context("the RADIUS server let the peer in and gave no key")?;
                    return Ok((success, NetworkKey::Msk(msk)));
                }
                Told::Reject { eap, .. } => return Err(run.failure(&eap.unwrap_or_default())),
                _ => bail!("the RADIUS server answered what this program does not know"),
            }
        }
    }

    async fn by_erp(&self, erp: Erp) -> Result<Came> {
        let address = self.radius.context("give --radius")?;
        let mut link = RadiusLink::open(address, self.secret()?, erp.name().as_bytes()).await?;
        erp.come_back(&mut link).await
    }

    /// Shows a re-authentication by ERP; whether both ends have one key.
    fn print_erp(&self, console: &Console, back: &CameBack) -> Result<bool> {
        let sides = [&back.own, &back.of_gateway].map(|key| {
            let mut side = Side::new(self.reveal);
            side.key(key);
            side
        });
        let sides = Sides {
            ue: &sides[0],
            network: Some(&sides[1]),
        };
        let verdict = Verdict::of(sides);
        if self.json {
            let document = json!({
                "supi": if self.reveal { self.supi.sbi() } else { self.supi.masked() },
                "method": "ERP",
                "reauthentication": true,
                "key_name_nai": back.key_name_nai,
                "lifetime": back.lifetime,
                "packets": back.packets,
                "milliseconds": back.milliseconds,
                "keys": keys_document(sides),
                "agree": verdict.agree,
                "differ": verdict.differ,
                "one_sided": verdict.one_sided,
            });
            console.line(document)?;
            return Ok(verdict.differ == 0);
        }
        let title = format!(
            "{}: ERP, re-authentication by {}",
            self.supi.masked(),
            back.key_name_nai
        );
        console.line(console.paint(Style::Strong, &title))?;
        console.line(format!(
            "{} packets of the UE, {:.2} ms",
            back.packets, back.milliseconds
        ))?;
        console.text(&tree_view::conclusion(console.sheet(), verdict))?;
        Ok(verdict.differ == 0)
    }

    fn secret(&self) -> Result<SharedSecret> {
        let path = self
            .radius_secret_file
            .as_deref()
            .context("give --radius-secret-file")?;
        let octets = Zeroizing::new(private::read(path, Use::Secret, LONGEST_SECRET)?);
        let text = octets.strip_suffix(b"\n").unwrap_or(&octets);
        SharedSecret::new(text).with_context(|| path.display().to_string())
    }

    async fn over_ausf(&self, url: &str, run: &mut Run<'_>) -> Result<(Box<PeerSuccess>, NetworkKey)> {
        let ausf = AusfClient::new(url, self.tls.options()?)?;
        let identity = self.identity.identity(&self.supi)?;
        let identity = identity.of(&self.supi, &mut SystemEntropy)?;
        run.over_ausf(&ausf, identity, self.serving_network_name()?).await
    }

    fn ue_side(&self, done: &Done) -> Side {
        let mut side = Side::new(self.reveal);
        side.key(&done.success.msk);
        if let (Some(k_ausf), Ok(name)) = (&done.success.k_ausf, self.serving_network_name()) {
            side.made(KAusf::NAME, Emsk::NAME);
            side.key(k_ausf);
            side.key(&k_ausf.k_seaf(&name));
        }
        side
    }

    fn network_side(&self, done: &Done) -> Side {
        let mut side = Side::new(self.reveal);
        match &done.network {
            NetworkKey::Msk(key) => side.key(key),
            NetworkKey::KSeaf(key) => side.key(key),
        }
        side
    }

    fn print(&self, console: &Console, number: u32, done: &Done, sides: Sides<'_>) -> Result<()> {
        let PeerSuccess {
            method,
            reauthentication,
            forward_secrecy,
            session_id,
            ..
        } = &*done.success;
        let method = method_name(*method);
        let verdict = Verdict::of(sides);
        let milliseconds = done.elapsed.as_secs_f64() * 1e3;
        if self.json {
            let memory = done.device.memory();
            let document = json!({
                "supi": if self.reveal { self.supi.sbi() } else { self.supi.masked() },
                "method": method,
                "reauthentication": reauthentication,
                "forward_secrecy": forward_secrecy,
                "session_id": kaskade::hex_field::text(session_id.octets()).to_string(),
                "has_pseudonym": memory.pseudonym.is_some(),
                "has_reauthentication_identity": memory.reauthentication.is_some(),
                "packets": done.packets,
                "milliseconds": milliseconds,
                "keys": keys_document(sides),
                "agree": verdict.agree,
                "differ": verdict.differ,
                "one_sided": verdict.one_sided,
            });
            return console.line(document).map_err(Into::into);
        }
        let how = match reauthentication {
            true => "fast re-authentication",
            false => "full authentication",
        };
        let secrecy = if *forward_secrecy { ", forward secret" } else { "" };
        let title = format!("{}: {method}, {how}{secrecy}", self.supi.masked());
        console.line(console.paint(Style::Strong, &title))?;
        console.line(format!("{} packets of the UE, {milliseconds:.2} ms", done.packets))?;
        if number == 1 || *reauthentication {
            console.line("")?;
            console.text(&tree_view::render(console.sheet(), sides))?;
        }
        console.text(&tree_view::conclusion(console.sheet(), verdict))?;
        Ok(())
    }
}

const fn method_name(method: AkaMethod) -> &'static str {
    match method {
        AkaMethod::Aka => "EAP-AKA",
        AkaMethod::AkaPrime => "EAP-AKA'",
    }
}
