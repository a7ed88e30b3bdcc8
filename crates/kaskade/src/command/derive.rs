//! `kaskade derive`: the cascade of one 5G AKA run, offline; [`super::derive_key`] for any other key.

pub(super) mod options;

use anyhow::{Result, bail};
use kaskade::hex_field;
use kaskade_aka::auc::{self, AlgorithmKeys, Credentials};
use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_aka::fivegs::cascade::{Binding, Cascade};
use kaskade_aka::fivegs::keys::{Algorithms, Selection};
use kaskade_aka::fivegs::udm::HeAv5g;
use kaskade_aka::sqn::SqnLayout;
use kaskade_aka::visit::{KeyVisitor, VisitKeys};
use kaskade_crypto::{Amf, Autn, Rand, Sqn};
use kaskade_doctor::explain::step;
use kaskade_doctor::hierarchy;
use kaskade_doctor::side::Side;
use kaskade_doctor::tree_view::{self, Sides};
use kaskade_keys::{Abba, CipheringAlgorithm, IntegrityAlgorithm, NasCount, Nid, Plmn, ServingNetworkName, Supi};
use kaskade_store::{OpOrOpc, SubscriberSecrets, TopOrTopc};
use serde_json::{Value, json};

use super::derive_key::{self, KeyArgs, Show};
use crate::console::{Console, Style};
use crate::secret_input::SecretArgs;

/// Derives keys offline: every key of one 5G AKA run, from K and one challenge down to the keys of NAS, RRC and user plane,
/// or any key of the hierarchy from keys above it
#[derive(clap::Args, Debug)]
#[command(
    after_help = "K and OPc are read, never printed. Keys are shown as fingerprints (8 hexadecimal digits that
tell whether two people have the same key) unless you add --reveal.

Examples:
  From a capture: RAND and AUTN are in the Authentication Request. K and OPc come from standard
  input, so that they are in no process list and no shell history:
    printf '%s\\n' \"$K\" \"$OPC\" | kaskade derive --k-file - --opc-file - \\
      --rand 5761c8647a28cbaeb20f45260f1a6733 --autn 6d0a517e5f2b8000f11421280c9a9b7c \\
      --plmn 901-70 --supi imsi-901700000021309 --reveal

  With an SQN of your choice, K and OP from the environment, and the octets that enter each
  derivation:
    KASKADE_K=... KASKADE_OP=... kaskade derive --rand 00112233445566778899aabbccddeeff \\
      --sqn 32 --plmn 001-01 --supi imsi-001010000000001 --explain

  Any other key, from one above it; the key comes from standard input, a missing input is asked
  for by name:
    printf '%s\\n' \"$KAMF\" | kaskade derive K_gNB --from k-amf=- --input uplink-nas-count=0
    printf '%s\\n' \"$KGNB\" | kaskade derive K_UPenc --from k-gnb=- --explain \\
      -i ciphering-algorithm-identity=NEA2
    kaskade derive K_ASME --k-file k --opc-file opc --rand 5761c8647a28cbaeb20f45260f1a6733 \\
      --sqn 32 --plmn 001-01

  All that an MME or an AMF can derive from what it has:
    kaskade derive --all --from k-amf=@k-amf -i uplink-nas-count=0 \\
      -i ciphering-algorithm-identity=2 -i integrity-algorithm-identity=2

  For a program:
    kaskade derive ... --json --reveal | jq -r '.keys[] | select(.name == \"K_gNB\").value'"
)]
pub(crate) struct Args {
    #[command(flatten)]
    towards: KeyArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    #[command(flatten)]
    challenge: ChallengeArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Show the keys themselves, not only their fingerprints (K, OP and OPc are never shown)
    #[arg(long, help_heading = "Output")]
    reveal: bool,
    /// Show the octets that enter each derivation
    #[arg(long, help_heading = "Output")]
    explain: bool,
    /// Print JSON; key values and secret inputs are in it only with --reveal
    #[arg(long, conflicts_with = "explain", help_heading = "Output")]
    json: bool,
}

#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Challenge")]
struct ChallengeArgs {
    /// RAND, 32 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = rand, required_unless_present_any = ["key", "all", "from", "input"])]
    rand: Option<Rand>,
    /// SQN: 12 hexadecimal digits, or a number in decimal or with 0x
    #[arg(long, value_parser = sqn, required_unless_present_any = ["autn", "key", "all", "from", "input"], allow_hyphen_values = true)]
    sqn: Option<Sqn>,
    /// AMF (authentication management field), 4 hexadecimal digits [default: 8000]
    #[arg(long, value_name = "HEX", value_parser = amf)]
    amf: Option<Amf>,
    /// AUTN, 32 hexadecimal digits, instead of SQN and AMF: SQN is taken out of it, and its MAC-A is checked
    #[arg(long, value_name = "HEX", value_parser = autn, conflicts_with_all = ["sqn", "amf"])]
    autn: Option<Autn>,
}

#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Network and subscriber")]
struct NetworkArgs {
    /// Serving network as MCC-MNC; 001-01 and 001-001 are different networks
    #[arg(long, value_name = "MCC-MNC", required_unless_present_any = ["serving_network_name", "key", "all", "from", "input"])]
    plmn: Option<Plmn>,
    /// Serving network name as it enters the derivations, instead of --plmn
    #[arg(long, value_name = "5G:mnc…", conflicts_with_all = ["plmn", "nid"])]
    serving_network_name: Option<ServingNetworkName>,
    /// NID of a stand-alone non-public network, 11 hexadecimal digits; goes with --plmn
    #[arg(long, requires = "plmn")]
    nid: Option<Nid>,
    /// SUPI, such as imsi-001010000000001; without it the tree ends at K_SEAF
    #[arg(long)]
    supi: Option<Supi>,
    /// ABBA as the UE received it, 2 to 255 octets [default: 0000]
    #[arg(long, value_name = "HEX", value_parser = abba)]
    abba: Option<Abba>,
}

/// Options for what is below K_AMF.
#[derive(clap::Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Algorithms and counts (below K_AMF)")]
pub(crate) struct SelectionArgs {
    /// Ciphering algorithm of NAS, 0 to 3 [default: 2]
    #[arg(long, value_name = "N")]
    nea: Option<CipheringAlgorithm>,
    /// Integrity algorithm of NAS, 0 to 3 [default: 2]
    #[arg(long, value_name = "N")]
    nia: Option<IntegrityAlgorithm>,
    /// Ciphering algorithm of RRC and user plane, if not that of NAS
    #[arg(long, value_name = "N")]
    as_nea: Option<CipheringAlgorithm>,
    /// Integrity algorithm of RRC and user plane, if not that of NAS
    #[arg(long, value_name = "N")]
    as_nia: Option<IntegrityAlgorithm>,
    /// Uplink NAS COUNT when K_gNB (and K_N3IWF) is derived: overflow counter x 256 + sequence number [default: 0]
    #[arg(long, value_name = "N", value_parser = nas_count)]
    ul_nas_count: Option<NasCount>,
}

impl SelectionArgs {
    /// As the derivations take it.
    pub(crate) fn selection(&self) -> Selection {
        let nas = Algorithms {
            ciphering: self.nea.unwrap_or(CipheringAlgorithm::Nea2),
            integrity: self.nia.unwrap_or(IntegrityAlgorithm::Nia2),
        };
        let ul_nas_count = self.ul_nas_count.unwrap_or_default();
        Selection {
            nas,
            access_stratum: Algorithms {
                ciphering: self.as_nea.unwrap_or(nas.ciphering),
                integrity: self.as_nia.unwrap_or(nas.integrity),
            },
            ul_nas_count,
            ul_nas_count_non_3gpp: ul_nas_count,
        }
    }

    /// The options that were written.
    fn named(&self) -> Vec<&'static str> {
        let written = [
            (self.nea.is_some(), "--nea"),
            (self.nia.is_some(), "--nia"),
            (self.as_nea.is_some(), "--as-nea"),
            (self.as_nia.is_some(), "--as-nia"),
            (self.ul_nas_count.is_some(), "--ul-nas-count"),
        ];
        written
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, option)| *option)
            .collect()
    }
}

impl NetworkArgs {
    fn name(&self) -> Option<ServingNetworkName> {
        let of_plmn = || Some(ServingNetworkName::new(self.plmn?, self.nid));
        self.serving_network_name.or_else(of_plmn)
    }
}

impl Args {
    /// Reads K and the operator code, and SQN as far as the options say it.
    fn subscriber(&self, rand: &Rand) -> Result<(Credentials, Option<Sqn>)> {
        let (secrets, keys) = self.secrets.read_for_vectors()?;
        let (sqn, amf) = match self.challenge.autn {
            Some(autn) => (Some(open(&secrets, &keys, rand, &autn)?), autn.amf()),
            None => (self.challenge.sqn, self.challenge.amf.unwrap_or(Amf::SEPARATION)),
        };
        let credentials = Credentials { keys, amf };
        Ok((credentials, sqn))
    }
}

/// Everything that the derivations take, read and checked.
struct Run {
    credentials: Credentials,
    rand: Rand,
    sqn: Sqn,
    serving_network_name: ServingNetworkName,
    supi: Option<Supi>,
    abba: Abba,
    selection: Selection,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    if args.towards.apply() {
        let show = Show {
            reveal: args.reveal,
            explain: args.explain,
            json: args.json,
        };
        return derive_key::run(console, &args.towards, &options::Known::read(args)?, show);
    }
    args.towards.refuse_without_key()?;
    let run = Run::read(args)?;
    let mut side = Side::new(args.reveal);
    let derived = run.derive(&mut side);
    if args.json {
        let document = run.document(&derived, &side, args.reveal);
        console.line(serde_json::to_string_pretty(&document)?)?;
        return Ok(());
    }
    let sides = Sides {
        ue: &side,
        network: None,
    };
    run.print_inputs(console, &derived)?;
    console.text(&tree_view::render(console.sheet(), sides))?;
    if run.supi.is_none() {
        console.line(console.paint(
            Style::Note,
            "K_AMF and the keys below it depend on the SUPI: add --supi",
        ))?;
    }
    if args.explain {
        console.line("")?;
        for transcript in run.transcripts(&derived) {
            console.text(&step::text(console.sheet(), &transcript, args.reveal))?;
        }
    }
    Ok(())
}

/// What was derived, as far as the inputs reach.
enum Derived {
    Whole(Box<Cascade>),
    ToKSeaf { autn: Autn, hxres_star: [u8; 16] },
}

impl Run {
    fn read(args: &Args) -> Result<Self> {
        let (Some(rand), Some(serving_network_name)) = (args.challenge.rand, args.network.name()) else {
            bail!("give --rand, and --plmn or --serving-network-name");
        };
        let (credentials, Some(sqn)) = args.subscriber(&rand)? else {
            bail!("give --sqn or --autn");
        };
        let mut below_k_seaf = args.selection.named();
        below_k_seaf.extend(args.network.abba.is_some().then_some("--abba"));
        if let (None, [_, ..]) = (&args.network.supi, below_k_seaf.as_slice()) {
            bail!(
                "{} is for K_AMF and the keys below it, which need --supi: add it, or leave the rest out",
                below_k_seaf.join(", ")
            );
        }
        Ok(Self {
            credentials,
            rand,
            sqn,
            serving_network_name,
            supi: args.network.supi.clone(),
            abba: args.network.abba.clone().unwrap_or(Abba::INITIAL),
            selection: args.selection.selection(),
        })
    }

    fn derive(&self, side: &mut Side) -> Derived {
        if let Some(supi) = &self.supi {
            let binding = Binding {
                serving_network_name: &self.serving_network_name,
                supi,
                abba: &self.abba,
                selection: &self.selection,
            };
            let cascade = Cascade::derive(&self.credentials, &self.rand, self.sqn, binding);
            cascade.visit_keys(side);
            return Derived::Whole(Box::new(cascade));
        }
        let quintet = auc::quintet(&self.credentials, &self.rand, self.sqn);
        quintet.visit_keys(side);
        let he_av = HeAv5g::from_quintet(&quintet, &self.serving_network_name);
        he_av.visit_keys(side);
        let se_av = SeAv5g {
            rand: he_av.rand,
            autn: he_av.autn,
            hxres_star: he_av.xres_star.hxres_star(&self.rand),
        };
        se_av.visit_keys(side);
        side.key(&he_av.k_ausf.k_seaf(&self.serving_network_name));
        Derived::ToKSeaf {
            autn: he_av.autn,
            hxres_star: *se_av.hxres_star.octets(),
        }
    }

    fn print_inputs(&self, console: &Console, derived: &Derived) -> Result<()> {
        let (seq, ind) = SqnLayout::ANNEX_C3.split(self.sqn);
        let subscriber = self.supi.as_ref().map_or_else(|| "a subscriber".into(), Supi::masked);
        let title = format!("5G AKA of {subscriber} in {}", self.serving_network_name);
        console.line(console.paint(Style::Strong, &title))?;
        let hex = |octets: &[u8]| hex_field::text(octets).to_string();
        let mut facts = vec![
            ("set", self.credentials.keys.profile().name().to_owned(), ""),
            ("RAND", hex(self.rand.octets()), ""),
            ("AUTN", hex(derived.autn().octets()), "SQN xor AK, AMF, MAC-A"),
        ];
        let sqn = format!("{}  SEQ {}, IND {} (5 bits)", hex(&self.sqn.octets()), seq.0, ind.0);
        facts.push(("SQN", sqn, ""));
        let amf = self.credentials.amf;
        let separation = if amf.separation_bit() {
            "separation bit set"
        } else {
            "separation bit NOT set: a UE in 5G refuses this (5GMM cause 26)"
        };
        facts.push(("AMF", hex(amf.octets()), separation));
        facts.push(("HXRES*", hex(&derived.hxres_star()), ""));
        if self.supi.is_some() {
            let Selection {
                nas,
                access_stratum,
                ul_nas_count,
                ..
            } = self.selection;
            let algorithms = format!(
                "NAS {} {}, AS {} {}, uplink NAS COUNT {}, ABBA {}",
                nas.ciphering,
                nas.integrity,
                access_stratum.ciphering,
                access_stratum.integrity,
                ul_nas_count.value(),
                hex(self.abba.octets()),
            );
            facts.push(("with", algorithms, ""));
        }
        for (name, value, note) in facts {
            let note = if note.is_empty() {
                String::new()
            } else {
                format!("  {note}")
            };
            console.line(format!(
                "{}{value}{}",
                console.paint(Style::Faint, &format!("{name:<8}")),
                console.paint(Style::Faint, &note)
            ))?;
        }
        console.line("")?;
        Ok(())
    }

    fn document(&self, derived: &Derived, side: &Side, reveal: bool) -> Value {
        let hex = |octets: &[u8]| hex_field::text(octets).to_string();
        let Selection {
            nas,
            access_stratum,
            ul_nas_count,
            ..
        } = self.selection;
        let mut transcripts = self.transcripts(derived);
        let keys: Vec<Value> = kaskade_keys::tree::rows()
            .filter(|row| hierarchy::is_home(row))
            .filter_map(|row| {
                let known = side.of(row.child)?;
                let at = transcripts
                    .iter()
                    .position(|transcript| std::ptr::eq(transcript.row, row));
                let transcript = at.map(|at| transcripts.swap_remove(at));
                Some(step::document(
                    row,
                    known.fingerprint(),
                    (known.length(), known.octets()),
                    transcript.as_ref(),
                    reveal,
                ))
            })
            .collect();
        json!({
            "inputs": {
                "algorithm": self.credentials.keys.profile().name(),
                "rand": hex(self.rand.octets()),
                "sqn": hex(&self.sqn.octets()),
                "amf": hex(self.credentials.amf.octets()),
                "serving_network_name": self.serving_network_name.as_str(),
                "supi": self.supi.as_ref().map(|supi| if reveal { supi.sbi() } else { supi.masked() }),
                "abba": hex(self.abba.octets()),
                "nas": [nas.ciphering.name(), nas.integrity.name()],
                "access_stratum": [access_stratum.ciphering.name(), access_stratum.integrity.name()],
                "ul_nas_count": ul_nas_count.value(),
            },
            "challenge": {
                "autn": hex(derived.autn().octets()),
                "mac_a": hex(derived.autn().mac_a().octets()),
                "hxres_star": hex(&derived.hxres_star()),
            },
            "keys": keys,
        })
    }

    /// The octets that enter each derivation, as far as it was made.
    fn transcripts(&self, derived: &Derived) -> Vec<kaskade_keys::derivation::Transcript> {
        let quintet = auc::quintet(&self.credentials, &self.rand, self.sqn);
        let mut transcripts = step::home(&quintet, &self.serving_network_name);
        if let (Derived::Whole(cascade), Some(supi)) = (derived, &self.supi) {
            transcripts.extend(step::serving(supi, &self.abba, &self.selection, &cascade.keys.k_gnb));
        }
        transcripts
    }
}

impl Derived {
    fn autn(&self) -> Autn {
        match self {
            Self::Whole(cascade) => cascade.quintet.autn,
            Self::ToKSeaf { autn, .. } => *autn,
        }
    }

    fn hxres_star(&self) -> [u8; 16] {
        match self {
            Self::Whole(cascade) => *cascade.hxres_star.octets(),
            Self::ToKSeaf { hxres_star, .. } => *hxres_star,
        }
    }
}

/// SQN out of AUTN, if K, the operator code and RAND fit it.
fn open(secrets: &SubscriberSecrets, keys: &AlgorithmKeys, rand: &Rand, autn: &Autn) -> Result<Sqn> {
    if let Some(sqn) = auc::open_autn(keys, rand, autn) {
        return Ok(sqn);
    }
    let hint = mistaken(secrets).and_then(|(meant, hint)| {
        auc::open_autn(&meant.algorithm_keys()?, rand, autn)?;
        Some(hint)
    });
    match hint {
        Some(hint) => bail!("the MAC-A of AUTN is wrong, but it would be right otherwise: {hint}"),
        None => bail!(
            "the MAC-A of AUTN is wrong: K, OP or OPc, RAND and AUTN do not belong together (is RAND from the same message as \
             AUTN? is it the right card, and the right algorithm?)"
        ),
    }
}

/// The secrets with the operator code taken for what it may be instead, and what to do if so.
fn mistaken(secrets: &SubscriberSecrets) -> Option<(SubscriberSecrets, &'static str)> {
    let mut meant = secrets.clone();
    let hint = match &mut meant {
        SubscriberSecrets::Milenage { operator, .. } => match operator {
            OpOrOpc::Op(op) => {
                *operator = OpOrOpc::Opc(op.read_as_opc());
                "what you gave as OP is the OPc: use --opc or --opc-file"
            }
            OpOrOpc::Opc(opc) => {
                *operator = OpOrOpc::Op(opc.read_as_op());
                "what you gave as OPc is the OP: use --op or --op-file"
            }
        },
        SubscriberSecrets::Tuak { operator, .. } => match operator {
            TopOrTopc::Top(top) => {
                *operator = TopOrTopc::Topc(top.read_as_topc());
                "what you gave as TOP is the TOPc: use --topc or --topc-file"
            }
            TopOrTopc::Topc(topc) => {
                *operator = TopOrTopc::Top(topc.read_as_top());
                "what you gave as TOPc is the TOP: use --top or --top-file"
            }
        },
        SubscriberSecrets::Xor { .. } | SubscriberSecrets::Gsm(_) => return None,
    };
    Some((meant, hint))
}

fn rand(text: &str) -> Result<Rand, hex_field::HexError> {
    hex_field::octets("RAND", text).map(|octets| Rand::from_octets(*octets))
}

fn autn(text: &str) -> Result<Autn, hex_field::HexError> {
    hex_field::octets("AUTN", text).map(|octets| Autn::from_octets(*octets))
}

pub(crate) fn amf(text: &str) -> Result<Amf, hex_field::HexError> {
    hex_field::octets("AMF", text).map(|octets| Amf::from_octets(*octets))
}

pub(crate) fn abba(text: &str) -> Result<Abba> {
    Ok(Abba::from_octets(&hex_field::octets_between("ABBA", text, 2, 255)?)?)
}

/// 12 hexadecimal digits are the octets, everything else is a number.
pub(crate) fn sqn(text: &str) -> Result<Sqn> {
    if text.len() == 12 && !text.starts_with("0x") {
        return Ok(Sqn::from_octets(*hex_field::octets("SQN", text)?));
    }
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let number = number.map_err(|_| anyhow::anyhow!("SQN: neither 12 hexadecimal digits nor a number"))?;
    Sqn::new(number).ok_or_else(|| {
        anyhow::anyhow!(
            "SQN: {number} needs more than 48 bits, the most is {}",
            Sqn::MAX.value()
        )
    })
}

fn nas_count(text: &str) -> Result<NasCount> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Ok(NasCount::new(number.map_err(|_| {
        anyhow::anyhow!("NAS COUNT: not a number from 0 to 16777215")
    })?)?)
}
