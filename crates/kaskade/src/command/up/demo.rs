//! The demonstration: two subscribers, attached over the wire by 5G AKA and by EAP-AKA' and logged in at an application, and their cascades
//! of keys as trees.

mod akma;
mod eap;
mod slice;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use kaskade::config::{AdminConfig, Config, Parsed, RemoteConfig, StoreConfig};
use kaskade_af::Aanf;
use kaskade_aka::arpf::Method;
use kaskade_aka::fivegs::keys::Selection;
use kaskade_aka::sqn::SqnRecord;
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_crypto::ecies::{HnPublicKey, Profile};
use kaskade_crypto::{Amf, K, Opc};
use kaskade_doctor::side::Side;
use kaskade_doctor::tree_view::{self, Sides, Verdict};
use kaskade_flow::event::Action;
use kaskade_keys::derivation::{Fingerprint, Holder};
use kaskade_keys::{Abba, HnKeyId, Plmn, RoutingIndicator, ServingNetworkName, Supi, tree};
use kaskade_net::random::random_octets;
use kaskade_net::role::seaf::AusfClient;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::tap::FingerprintTap;
use kaskade_store::audit::AuditLog;
use kaskade_store::{AuthMethods, OpOrOpc, Subscriber, SubscriberSecrets, SubscriberStore, Subscription};
use kaskade_ue::card::{self, History};
use kaskade_ue::{Device, Identity};
use zeroize::Zeroizing;

use super::Args;
use crate::command::attach::{Attach, Attached};
use crate::command::ue::state::StateFile;
use crate::console::{Console, Style};
use crate::data_dir::DataArgs;
use crate::hn_keys::HnKeys;
use crate::record::change;
use crate::runtime::parts::Recorded;
use crate::runtime::running::Running;
use crate::runtime::store::is_lost;
use akma::Application;

/// The test network of TS 36.508 and most laboratories.
const DEMO_PLMN: (&str, &str) = ("001", "01");
const DEMO_FOLDER: &str = "kaskade-demo";
/// Who they are, and how they are authenticated.
const DEMO_MSINS: [(&str, AuthMethods); 2] = [
    ("0000000001", AuthMethods::FIVE_G_AKA.and(Method::EapAkaPrime)),
    ("0000000002", AuthMethods::EAP_AKA_PRIME.and(Method::FiveGAka)),
];

fn demo_plmn() -> Result<Plmn> {
    Ok(Plmn::new(DEMO_PLMN.0, DEMO_PLMN.1)?)
}

fn demo_supi(msin: &str) -> Result<Supi> {
    Ok(Supi::Imsi(kaskade_keys::Imsi::from_parts(demo_plmn()?, msin)?))
}

/// The configuration of a demonstration: the usual roles and an AAnF, its network besides those that are configured, and nobody sent to it.
pub(super) fn prepare(config: &mut Config, data: &DataArgs) -> Result<()> {
    if !data.names_a_folder() {
        config.data_dir = PathBuf::from(DEMO_FOLDER);
    }
    // It has subscribers of its own.
    config.run_usual_roles();
    config.store = StoreConfig::default();
    config.ausf.udm = RemoteConfig::default();
    config.nrf = RemoteConfig::default();
    config.admin = AdminConfig::default();
    slice::prepare(config)?;
    akma::prepare(config)?;
    if !config.policy.any_serving_network {
        config.policy.serving_networks.push(Parsed(demo_plmn()?));
    }
    Ok(())
}

/// What to do about the demonstration's own folder, where its store is lost.
pub(super) fn explain(error: anyhow::Error, data: &DataArgs) -> anyhow::Error {
    match !data.names_a_folder() && is_lost(&error) {
        true => error.context(format!(
            "to begin the demonstration anew, remove the folder {DEMO_FOLDER}"
        )),
        false => error,
    }
}

/// Nobody's network gets subscribers and keys of the demonstration.
pub(super) fn refuse_other_subscribers(store: &SubscriberStore, path: &Path) -> Result<()> {
    let own: Vec<Supi> = DEMO_MSINS
        .into_iter()
        .map(|(msin, _)| demo_supi(msin))
        .collect::<Result<_>>()?;
    // One more than the demonstration has: if there are others, one is among them.
    let first = store.list(None, own.len() + 1)?;
    if let Some(other) = first.iter().find(|subscriber| !own.contains(&subscriber.supi)) {
        bail!(
            "{}: has {}, who is not of the demonstration: leave --data out, or name a new folder. Without --demo, \
             `kaskade up` serves this one",
            path.display(),
            other.supi.masked()
        );
    }
    Ok(())
}

/// What the demonstration needs, made on its first start: random K and OPc, a key pair of each profile.
fn make_demo_data(store: &SubscriberStore, audit: &AuditLog, hn_keys: &mut HnKeys) -> Result<()> {
    for (msin, methods) in DEMO_MSINS {
        let supi = demo_supi(msin)?;
        if store.contains(&supi)? {
            continue;
        }
        let (k, opc): (Zeroizing<[u8; 16]>, Zeroizing<[u8; 16]>) = (random_octets()?.into(), random_octets()?.into());
        let event = change(audit, Action::SubscriberAdded).map(|event| event.about(audit.subject(&supi)));
        let subscriber = Subscriber {
            supi,
            secrets: SubscriberSecrets::milenage(K::from_octets(&k), OpOrOpc::Opc(Opc::from_octets(&opc))),
            amf: Amf::SEPARATION,
            methods,
            subscription: Subscription {
                akma_allowed: true,
                ..Subscription::default()
            },
            sqn: SqnRecord::blank(kaskade_aka::sqn::SqnScheme::TimeBased),
        };
        store.add_on_record(&subscriber, event)?;
    }
    for profile in [Profile::A, Profile::B] {
        if hn_keys.first_of(profile).is_none() {
            let id = hn_keys.free_id()?;
            hn_keys.generate(id, profile)?;
        }
    }
    Ok(())
}

/// The emulated UEs of the demonstration.
pub(super) struct Demo {
    taps: Arc<Taps>,
    ues: [Ue; 2],
    hn_key_id: HnKeyId,
    hn_public_key: HnPublicKey,
}

/// One of them.
struct Ue {
    supi: Supi,
    /// What its card remembers.
    state: PathBuf,
}

impl Demo {
    /// Makes what the demonstration needs and finds what is there.
    pub(super) fn prepare(parts: &mut Recorded) -> Result<Self> {
        make_demo_data(&parts.store, &parts.audit, &mut parts.hn_keys)?;
        let (id, key) = parts
            .hn_keys
            .first_of(Profile::A)
            .context("no home network key of profile A")?;
        let [first, second] = DEMO_MSINS.map(|(msin, _)| demo_supi(msin));
        let state = |name| parts.data.path().join(name);
        let ues = [
            Ue {
                supi: first?,
                state: state("demo-usim.json"),
            },
            Ue {
                supi: second?,
                state: state("demo-usim-2.json"),
            },
        ];
        Ok(Self {
            taps: Arc::default(),
            ues,
            hn_key_id: HnKeyId(id),
            hn_public_key: key.public_key().clone(),
        })
    }

    fn identity(&self) -> Result<Identity> {
        Ok(Identity::Concealed {
            home: Some(demo_plmn()?),
            routing_indicator: RoutingIndicator::DEFAULT,
            hn_key_id: self.hn_key_id,
            hn_public_key: self.hn_public_key.clone(),
        })
    }

    /// What sees the keys that the network's functions hold.
    pub(super) fn tap(&self) -> Arc<dyn FingerprintTap> {
        self.taps.clone()
    }

    /// Attaches both, lets them log in, and shows the keys of both sides.
    pub(super) async fn show(&self, console: &Console, args: &Args, running: &Running) -> Result<()> {
        let application = match running.node.aanf_url() {
            Some(url) => Some(Application::start(Aanf::new(url, ClientOptions::default())?).await?),
            None => None,
        };
        let application = application.as_ref();
        self.show_5g_aka(console, args, running, application).await?;
        self.show_eap(console, args, running, application).await
    }

    async fn show_5g_aka(
        &self,
        console: &Console,
        args: &Args,
        running: &Running,
        application: Option<&Application>,
    ) -> Result<()> {
        let [Ue { supi, state }, _] = &self.ues;
        let identity = self.identity()?;
        let subscriber = subscriber(supi, &running.parts.store)?;
        let mut state = StateFile::open(state, supi)?;
        let device = Device::new(usim(&subscriber, &state)?, supi.clone()).with_home(akma::home()?);
        let url = running.node.ausf_url().context("no AUSF")?;
        let serving_network_name = ServingNetworkName::new(demo_plmn()?, None);
        let attach = Attach {
            ausf: AusfClient::new(url, demo_client(args)?)?,
            identity: identity.clone(),
            serving_network_name,
            abba: Abba::INITIAL,
            selection: Selection::default(),
            reveal: args.reveal,
        };
        let mut attached = attach.run(device, |card| state.keep(card)).await?;
        let mut network = self.taps.network(supi, &attached);
        if let Some(url) = running.node.usage_keys_url() {
            let key = slice::ask(url, demo_client(args)?, supi).await?;
            slice::note_5g_aka(&mut attached, &mut network, &key)?;
        }
        let login = match application.filter(|_| subscriber.subscription.akma_allowed) {
            Some(application) => {
                let akma = attached.device.akma()?;
                Some(application.session(supi, &akma, &mut attached.ue, &mut network).await?)
            }
            None => None,
        };
        let sides = Sides {
            ue: &attached.ue,
            network: Some(&network),
        };
        console.line("")?;
        let title = format!("{} attached in {serving_network_name}", supi.masked());
        console.line(console.paint(Style::Strong, &title))?;
        let how = format!(
            "5G AKA over HTTP/2, {}, NAS and AS with 128-NEA2 and 128-NIA2, {:.2} ms{}",
            identity.name(),
            attached.elapsed.as_secs_f64() * 1e3,
            if attached.resynchronised {
                ", after a resynchronisation"
            } else {
                ""
            },
        );
        console.line(how)?;
        say_login(console, application, login)?;
        console.line("")?;
        compare(console, sides)
    }
}

/// Says what came of a login, or why there was none.
fn say_login(console: &Console, application: Option<&Application>, login: Option<String>) -> Result<()> {
    match (application, login) {
        (_, Some(login)) => console.line(login)?,
        // The folder may be older, and anybody may have changed this subscriber.
        (Some(_), None) => console.line(console.paint(Style::Note, "no AKMA: see subscriber change --akma"))?,
        (None, None) => {}
    }
    Ok(())
}

/// The tree of both sides; an error where they have not the same keys.
fn compare(console: &Console, sides: Sides<'_>) -> Result<()> {
    console.text(&tree_view::render(console.sheet(), sides))?;
    let verdict = Verdict::of(sides);
    console.text(&tree_view::conclusion(console.sheet(), verdict))?;
    if verdict.differ > 0 || verdict.one_sided > 0 || verdict.agree == 0 {
        bail!("UE and network do not have the same keys");
    }
    Ok(())
}

fn subscriber(supi: &Supi, store: &SubscriberStore) -> Result<Subscriber> {
    store.subscriber(supi)?.context("the demo subscriber is gone")
}

/// The card: K and OPc as they were written on it, its sequence numbers from the last time.
fn usim(subscriber: &Subscriber, state: &StateFile) -> Result<Usim> {
    let keys = subscriber
        .secrets
        .algorithm_keys()
        .context("the demo subscriber has a GSM-only card")?;
    let kept = state.seq_ms();
    let history = kept.as_deref().map_or(History::New, History::Kept);
    Ok(card::usim(&keys, UsimOptions::default(), history)?)
}

/// The certificate of a demonstration over TLS is trusted as it is configured.
fn demo_client(args: &Args) -> Result<ClientOptions> {
    let config = args.data.config()?;
    let mut options = ClientOptions::default();
    if let Some(certificates) = &config.ausf.tls.cert {
        options.tls = Some(kaskade_net::sbi::tls::ClientTls::new(Path::new(certificates), None)?);
    }
    Ok(options)
}

/// What the home network's functions hold, by fingerprint: the last of each key and subscriber.
#[derive(Default)]
struct Taps(Mutex<Vec<(Supi, &'static str, Fingerprint)>>);

impl FingerprintTap for Taps {
    fn seen(&self, _: Holder, supi: &Supi, key: &'static str, fingerprint: Fingerprint) {
        if let Ok(mut seen) = self.0.lock() {
            seen.retain(|(of, name, _)| (of, *name) != (supi, key));
            seen.push((supi.clone(), key, fingerprint));
        }
    }
}

impl Taps {
    /// What the home network's functions hold of a subscriber.
    fn home(&self, supi: &Supi) -> Side {
        let mut home = Side::new(false);
        let seen = self.0.lock().map(|seen| seen.clone()).unwrap_or_default();
        for (_, name, fingerprint) in seen.iter().filter(|(of, ..)| of == supi) {
            home.note(name, *fingerprint);
        }
        home
    }

    /// Home and serving network together; where they differ, the home network counts.
    fn network(&self, supi: &Supi, attached: &Attached) -> Side {
        let mut network = Side::new(false);
        let seen = self.0.lock().map(|seen| seen.clone()).unwrap_or_default();
        for row in tree::rows() {
            let home = seen.iter().find(|(of, name, _)| of == supi && *name == row.child);
            let serving = attached.serving.of(row.child);
            match (home, serving) {
                (Some((_, name, fingerprint)), Some(key)) if key.fingerprint() != *fingerprint => {
                    network.note(name, *fingerprint);
                }
                (_, Some(_)) => network.adopt(row.child, &attached.serving),
                (Some((_, name, fingerprint)), None) => network.note(name, *fingerprint),
                (None, None) => {}
            }
        }
        network
    }
}
