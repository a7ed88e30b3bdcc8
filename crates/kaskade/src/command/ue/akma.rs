//! `kaskade ue akma`: an emulated UE that registers, and logs in at an application function with K_AF.

pub(crate) mod af;
pub(crate) mod link;
#[cfg(feature = "psk")]
mod psk;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kaskade_aka::eap_aka::NetworkName;
use kaskade_aka::eap_aka::peer::{PeerName, PeerPolicy};
use kaskade_aka::fivegs::keys::Selection;
use kaskade_aka::usim::Usim;
use kaskade_aka::visit::{KeyVisitor as _, VisitKeys as _};
use kaskade_crypto::KeyMaterial as _;
use kaskade_doctor::side::Side;
use kaskade_doctor::tree_view::{self, Sides, Verdict};
use kaskade_flow::Refusal;
use kaskade_keys::eap::Emsk;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{AKid, HomeRealm, UaProtocolId};
use kaskade_keys::{Abba, RoutingIndicator, ServingNetworkName, Supi};
use kaskade_net::random::SystemEntropy;
use kaskade_net::sbi::tls::ClientTls;
use kaskade_ue::{Akma, Device, EapDevice, Home, MobileIdentity};
use serde_json::json;
use tokio::time::sleep;

use super::super::attach::Attach;
use super::super::eap::{NetworkKey, Run};
use super::state::StateFile;
use super::{IdentityArgs, Scheme, ServingArgs, TlsArgs, UsimArgs, keys_document};
use crate::console::{Console, Style};
use crate::exit;
use crate::secret_input::SecretArgs;
use af::{AfUrl, PskProtocol, Ua};
use link::Told;

/// Registers at an AUSF, and logs in at an application function with the key of AKMA
///
/// Plays the USIM, the ME and the SEAF, as `ue attach` does, and then an application on the phone: out of K_AUSF it makes K_AKMA
/// and its name, the A-KID, and out of K_AKMA the key K_AF of this one application function. The function never learns K or the SUPI
/// from the phone: it hears the A-KID, and has K_AF from the AAnF of the home network, or from its NEF.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  With the certificate of the function, and HTTP Digest with K_AF (TS 33.535 Annex B, TS 24.109):
    printf '%s\\n' \"$K\" \"$OPC\" | kaskade ue akma --af https://af.example.com/ --af-ca af-ca.pem \\
      --supi imsi-001010000000001 --home 001-01 --k-file - --opc-file - --state usim.json

  A function that the DNS does not know yet: the name stays that of the URL, the address is this one:
    kaskade ue akma --af https://af.example.com/ --connect 127.0.0.1:8443 --af-ca af-ca.pem ...

  A subscriber who is authenticated by EAP-AKA':
    kaskade ue akma --method eap-aka-prime ...

  TLS with K_AF as the pre-shared key, and no certificate (a program with the feature psk):
    kaskade ue akma --af https://af.example.com:8443/ --psk tls1.3 ...
    kaskade ue akma --af https://af.example.com:8443/ --psk tls1.2=TLS_PSK_WITH_AES_128_GCM_SHA256 ...

  The keys themselves, to try the same with curl (--digest, user A-KID, password K_AF in base64) or openssl s_client:
    kaskade ue akma ... --reveal

The function has to be allowed at the AAnF under the same name and the same Ua* identifier that K_AF is made for:
they are printed as AF. The subscriber has to have AKMA (kaskade subscriber change SUPI --akma yes).

The exit status is 0 if the function let the UE in.")]
pub(super) struct AkmaArgs {
    /// What to get of the application function, such as https://af.example.com/; K_AF is that of the name in it, in small letters
    #[arg(long, value_name = "URL")]
    af: AfUrl,
    /// Connect to this address in place of the one of that name
    #[arg(long, value_name = "HOST:PORT")]
    connect: Option<String>,
    /// Certificates of the authorities that the function's certificate must come from, PEM
    #[arg(long, value_name = "FILE", required_unless_present = "psk")]
    af_ca: Option<PathBuf>,
    /// Ua* security protocol identifier that K_AF is for, with a certificate: 10 hexadecimal digits, or `tls` for 010001 and the
    /// cipher suite that is agreed [default: 0100000002, HTTP Digest]
    #[arg(long, value_name = "ID", conflicts_with = "psk")]
    ua_protocol: Option<Ua>,
    /// TLS with K_AF itself and no certificate: `tls1.3`, or `tls1.2=` and the one cipher suite
    #[arg(long, value_name = "PROTOCOL", conflicts_with = "af_ca")]
    psk: Option<PskProtocol>,
    /// Seconds in which a function that refuses is asked again: its AAnF hears of a new A-KID a moment after the UE has it
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    patience: u8,
    /// apiRoot of the AUSF, such as http://127.0.0.1:7777 (HTTP/2 with prior knowledge) or https://…
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:7777",
        help_heading = "Registration"
    )]
    ausf: String,
    /// How the home network authenticates this subscriber
    #[arg(long, value_enum, default_value_t = MethodName::FiveGAka, help_heading = "Registration")]
    method: MethodName,
    /// Who the USIM is, such as imsi-001010000000001
    #[arg(long, help_heading = "Registration")]
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
    tls: TlsArgs,
    /// Show the keys themselves, not only their fingerprints (K, OP, OPc and the EMSK are never shown)
    #[arg(long, help_heading = "Output")]
    reveal: bool,
    /// Print JSON, one object
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum MethodName {
    /// 5G AKA
    #[value(name = "5g-aka")]
    FiveGAka,
    /// EAP-AKA'
    EapAkaPrime,
}

impl MethodName {
    const fn text(self) -> &'static str {
        match self {
            Self::FiveGAka => "5G AKA",
            Self::EapAkaPrime => "EAP-AKA'",
        }
    }
}

/// What a registration leaves for applications.
struct Registered {
    k_ausf: KAusf,
    akma: Akma,
}

/// Of a registration.
const NOT_THE_SAME: &str = "UE and network do not have the same keys";

/// With the option that helps, where the home network wants the other method.
fn advised(error: anyhow::Error, other: MethodName) -> anyhow::Error {
    let option = match other {
        MethodName::FiveGAka => "--method 5g-aka",
        MethodName::EapAkaPrime => "--method eap-aka-prime",
    };
    match exit::why(&error) {
        Some(Refusal::MethodUnknown) => error.context(format!("give {option}")),
        _ => error,
    }
}

/// Between two questions to a function that refuses.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn run(console: &Console, args: &AkmaArgs) -> Result<()> {
    args.refuse_unused()?;
    let way = args.home()?;
    let keys = args.secrets.read_for_vectors()?.1;
    let (usim, mut state) = args.usim.card(&keys, &args.supi)?;
    let registered = match args.method {
        MethodName::FiveGAka => args.by_5g_aka(usim, way, &mut state).await?,
        MethodName::EapAkaPrime => args.by_eap(usim, way, &mut state).await?,
    };
    let begin = Instant::now();
    let told = loop {
        match args.log_in(&registered.akma).await {
            Ok(told) => break told,
            Err(error) if args.may_pass(&error, begin) => sleep(PAUSE).await,
            Err(error) => return Err(error.context(format!("{} after {}", args.af, args.method.text()))),
        }
    };
    args.print(console, &registered, &told)
}

impl AkmaArgs {
    fn refuse_unused(&self) -> Result<()> {
        self.identity.refuse_unused_keys()?;
        if self.psk.is_some() && !cfg!(feature = "psk") {
            bail!("--psk needs a program that is built with the feature psk (cargo build --features psk)");
        }
        if self.method == MethodName::EapAkaPrime && self.identity.suci == Scheme::Supi {
            bail!("--suci supi: a UE of 5GS that is asked who it is gives its SUCI: choose another, or leave it out");
        }
        self.tls.refuse_unused(&self.ausf)
    }

    fn serving_network_name(&self) -> Result<ServingNetworkName> {
        let serving = self.serving.serving.or(self.identity.home);
        let serving = serving.context("which serving network? Give --serving MCC-MNC (or --home MCC-MNC)")?;
        Ok(ServingNetworkName::new(serving, self.serving.nid))
    }

    /// How the card names its home network.
    fn home(&self) -> Result<Home> {
        let plmn = self.identity.home;
        let plmn = plmn.context("which home network? An A-KID leads there: give --home MCC-MNC")?;
        // A NID is one of the serving network, which may be the home itself.
        let is_at_home = self.serving.serving.is_none_or(|serving| serving == plmn);
        Ok(Home {
            routing_indicator: self.identity.routing_indicator.unwrap_or(RoutingIndicator::DEFAULT),
            realm: HomeRealm::new(plmn, self.serving.nid.filter(|_| is_at_home)),
        })
    }

    async fn by_5g_aka(&self, usim: Usim, way: Home, state: &mut Option<StateFile>) -> Result<Registered> {
        let abba = kaskade::hex_field::octets_between("ABBA", &self.serving.abba, 2, 255)?;
        let attach = Attach {
            ausf: self.tls.ausf(&self.ausf)?,
            identity: self.identity.identity(&self.supi)?,
            serving_network_name: self.serving_network_name()?,
            abba: Abba::from_octets(&abba)?,
            selection: Selection::default(),
            reveal: false,
        };
        let device = Device::new(usim, self.supi.clone()).with_home(way);
        let attached = attach
            .run(device, |card| state.as_mut().map_or(Ok(()), |state| state.keep(card)))
            .await
            .map_err(|error| advised(error, MethodName::EapAkaPrime))?;
        let sides = Sides {
            ue: &attached.ue,
            network: Some(&attached.serving),
        };
        if Verdict::of(sides).differ > 0 {
            bail!(NOT_THE_SAME);
        }
        let device = attached.device;
        let k_ausf = device.anchor().context("no K_AUSF")?.k_ausf().clone();
        let akma = device.akma()?;
        Ok(Registered { k_ausf, akma })
    }

    async fn by_eap(&self, usim: Usim, way: Home, state: &mut Option<StateFile>) -> Result<Registered> {
        let name = self.serving_network_name()?;
        let identity = self.identity.identity(&self.supi)?;
        let identity = identity.of(&self.supi, &mut SystemEntropy)?;
        let MobileIdentity::Suci(suci) = &identity else {
            bail!("this identity is no SUCI");
        };
        let concealed = suci.nai().parse().context("SUCI in NAI form")?;
        let policy = PeerPolicy::five_gs(NetworkName::Serving(name));
        let of_peer = PeerName::FiveGs(self.supi.clone(), concealed);
        let device = EapDevice::new(usim, self.supi.clone(), policy, of_peer).with_home(way);
        let mut run = Run::begin(device, state);
        let ausf = self.tls.ausf(&self.ausf)?;
        let ended = run.over_ausf(&ausf, identity, name).await;
        let (mut success, of_network) = ended.map_err(|error| advised(error, MethodName::FiveGAka))?;
        let akma = run.end(&mut success).akma()?;
        let k_ausf = success.k_ausf.take().context("no K_AUSF")?;
        if !matches!(of_network, NetworkKey::KSeaf(k_seaf) if k_seaf == k_ausf.k_seaf(&name)) {
            bail!(NOT_THE_SAME);
        }
        Ok(Registered { k_ausf, akma })
    }

    /// Logs in once.
    async fn log_in(&self, akma: &Akma) -> Result<Told> {
        let address = self.connect.as_deref();
        match (&self.psk, &self.af_ca) {
            #[cfg(feature = "psk")]
            (Some(protocol), _) => psk::log_in(protocol, &self.af, address, akma).await,
            (None, Some(ca)) => {
                let ua = self.ua_protocol.unwrap_or(Ua::Fixed(UaProtocolId::HTTP_DIGEST));
                let tls = ClientTls::new(ca, None)?.with_http_1();
                link::log_in(&self.af, address, &tls, ua, akma).await
            }
            _ => bail!("give --af-ca with the authority that the function's certificate comes from"),
        }
    }

    /// Whether a refusal may be of a function whose AAnF has not heard of the A-KID yet.
    fn may_pass(&self, error: &anyhow::Error, begin: Instant) -> bool {
        exit::why(error) == Some(Refusal::AuthenticationRejected)
            && begin.elapsed() + PAUSE < Duration::from_secs(self.patience.into())
    }

    fn print(&self, console: &Console, registered: &Registered, told: &Told) -> Result<()> {
        let (ue, af) = (self.ue_side(registered, told), self.af_side(told));
        let sides = Sides {
            ue: &ue,
            network: Some(&af),
        };
        let supi = if self.reveal {
            self.supi.sbi()
        } else {
            self.supi.masked()
        };
        let a_kid: &AKid = registered.akma.a_kid();
        if self.json {
            return Ok(console.line(json!({
                "supi": supi,
                "method": self.method.text(),
                "serving_network_name": self.serving_network_name()?.as_str(),
                "a_kid": a_kid.to_string(),
                "af_id": told.af_id.to_string(),
                "transport": told.transport,
                "cipher_suite": format!("{:#06x}", told.suite),
                "status": told.answer.status.as_u16(),
                "af_showed_the_key": told.is_proved,
                "milliseconds": told.elapsed.as_secs_f64() * 1e3,
                "body": told.answer.text(),
                "keys": keys_document(sides),
            }))?);
        }
        let name = self.serving_network_name()?;
        let title = format!("{supi} registered in {name} by {}", self.method.text());
        console.line(console.paint(Style::Strong, &title))?;
        console.facts(&[
            ("A-KID", a_kid.to_string()),
            ("AF", told.af_id.to_string()),
            (
                "Protocol",
                format!("{}, cipher suite {:#06x}", told.transport, told.suite),
            ),
        ])?;
        console.line("")?;
        console.text(&tree_view::render(console.sheet(), sides))?;
        let proof = match told.is_proved {
            true => "The function let the UE in, and showed that it has K_AF too",
            false => "The function let the UE in; whether it has K_AF too it did not show (no Authentication-Info)",
        };
        console.line("")?;
        console.line(console.paint(Style::Good, proof))?;
        console.line(format!(
            "{}, {:.2} ms",
            told.answer.status,
            told.elapsed.as_secs_f64() * 1e3
        ))?;
        for line in told.answer.text().lines() {
            console.line(format!("  {}", console.spell(line)))?;
        }
        Ok(())
    }

    fn ue_side(&self, registered: &Registered, told: &Told) -> Side {
        let mut side = Side::new(self.reveal);
        if self.method == MethodName::EapAkaPrime {
            side.made(KAusf::NAME, Emsk::NAME);
        }
        side.key(&registered.k_ausf);
        registered.akma.visit_keys(&mut side);
        side.key(&told.k_af);
        side
    }

    /// What the function has shown to have.
    fn af_side(&self, told: &Told) -> Side {
        let mut side = Side::new(self.reveal);
        if told.is_proved {
            side.key(&told.k_af);
        }
        side
    }
}
