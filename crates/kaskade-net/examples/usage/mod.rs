//! What the examples of usage keys have in common: a home network in this process, a UE that attaches to it by EAP-AKA', and network
//! functions that ask for keys, each with a certificate of its own.

#[allow(dead_code, reason = "each example uses its part")]
#[allow(clippy::duplicate_mod, reason = "a test has both examples")]
pub(crate) mod function;
#[allow(dead_code, reason = "each example uses its part")]
#[allow(clippy::duplicate_mod, reason = "a test has both examples")]
pub(crate) mod link;
#[allow(clippy::duplicate_mod, reason = "a test has both examples")]
pub(crate) mod pki;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use kaskade_aka::eap_aka::peer::{PeerName, PeerPolicy};
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_anchor::emsk::{Registry, Usage};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_codec::sbi::nausf_auth::{AuthenticationInfo, SessionKey};
use kaskade_crypto::Amf;
use kaskade_keys::{Plmn, ServingNetworkName, Supi};
use kaskade_net::node::{AusfRole, Node, NodeOptions, UdmRole, UsageKeysRole};
use kaskade_net::random::SystemEntropy;
use kaskade_net::role::access::AccessRules;
use kaskade_net::role::ausf::AusfOptions;
use kaskade_net::role::policy::{Groups, Member, ServingNetworkPolicy};
use kaskade_net::role::seaf::{AusfClient, Begun, EapAnswered, EapRequest};
use kaskade_net::role::udm::UdmOptions;
use kaskade_net::role::usage_keys::{UsageKeysOptions, UsagePolicy};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::server::ServerOptions;
use kaskade_net::time::moment;
use kaskade_store::audit::AuditLog;
use kaskade_store::{
    AuthMethods, MasterKey, OpOrOpc, SqnRecord, SqnScheme, StoreOptions, Subscriber, SubscriberSecrets,
    SubscriberStore, Subscription,
};
use kaskade_testkit::memory::MemoryEngine;
use kaskade_ue::EapDevice;
use kaskade_ue::demo::demo_subscriber;
use kaskade_ue::eap::EapOutcome;

use self::function::Function;
use self::pki::Pki;

/// What the AUSF is called.
pub(crate) const AUSF: &str = "ausf.operator.example";

fn plmn() -> Result<Plmn, Box<dyn Error>> {
    Ok(Plmn::new("001", "01")?)
}

/// UDM and AUSF of a network with one subscriber.
pub(crate) struct Home {
    pub(crate) pki: Pki,
    node: Node,
}

impl Home {
    /// With one usage, and these functions by name, which are told of the end of their keys. The usage says who may have what.
    pub(crate) fn start(pki: Pki, usage: Usage, functions: &[&Function]) -> Result<Self, Box<dyn Error>> {
        let mut registry = Registry::new();
        registry.add(usage)?;
        let mut groups = Groups::default();
        let mut usages = UsagePolicy::new(registry);
        for function in functions {
            let name = function.name;
            groups = groups.with(name, [Member::Certificate(name.into())]);
            usages = usages
                .with(Requester::group(name).id(), name)
                .with_callbacks(name, [function.root()?]);
        }
        let demo = demo_subscriber(plmn()?, 0, 0);
        let subscriber = Subscriber {
            supi: demo.supi,
            secrets: SubscriberSecrets::milenage(demo.k, OpOrOpc::Opc(demo.opc)),
            amf: Amf::SEPARATION,
            methods: AuthMethods::EAP_AKA_PRIME,
            subscription: Subscription::default(),
            sqn: SqnRecord::blank(SqnScheme::default()),
        };
        let (engine, key) = (Arc::new(MemoryEngine::default()), MasterKey::from_octets(&[0x77; 32]));
        let store = SubscriberStore::with_engine(engine, Path::new("memory"), &key, StoreOptions::default())?;
        store.put_many(&[subscriber])?;
        let store = Arc::new(store);
        let policy = ServingNetworkPolicy::plmns([plmn()?]);
        let mut server = ServerOptions::default();
        server.tls = Some(pki.server(AUSF)?);
        let node = Node::start(NodeOptions {
            udm: Some(UdmRole {
                store: store.clone(),
                options: UdmOptions {
                    serving_networks: policy.clone(),
                    ..UdmOptions::default()
                },
                uecm: None,
                listen: None,
                server: server.clone(),
            }),
            ausf: Some(AusfRole {
                options: AusfOptions::new(NfInstanceId::from_random([0xA5; 16]), policy),
                listen: ([127, 0, 0, 1], 0).into(),
                server,
                udm: None,
                akma: None,
            }),
            usage_keys: Some(UsageKeysRole {
                store,
                options: UsageKeysOptions {
                    policy: usages,
                    callbacks: pki.client(AUSF)?,
                    ..UsageKeysOptions::default()
                },
                listen: None,
            }),
            groups,
            access: AccessRules::default(),
            audit: AuditLog::off(),
            ..NodeOptions::default()
        })?;
        Ok(Self { pki, node })
    }

    /// Where its AUSF is.
    pub(crate) fn ausf(&self) -> Result<&str, Box<dyn Error>> {
        Ok(self.node.ausf_url().ok_or("no AUSF")?)
    }

    /// Where keys of usages are asked for.
    pub(crate) fn usage_keys(&self) -> Result<&str, Box<dyn Error>> {
        Ok(self.node.usage_keys_url().ok_or("no usage keys")?)
    }

    pub(crate) async fn stop(self) {
        self.node.shutdown().await;
    }
}

/// The subscriber's card in a device.
pub(crate) struct Ue {
    /// Away while a run is on.
    device: Option<EapDevice>,
    pub(crate) supi: Supi,
}

impl Ue {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let subscriber = demo_subscriber(plmn()?, 0, 0);
        let network = ServingNetworkName::new(plmn()?, None);
        let usim = Usim::new(&subscriber.keys(), UsimOptions::default());
        let name = PeerName::FiveGs(
            subscriber.supi.clone(),
            "type1.rid0.schid0.userid0@5gc.mnc001.mcc001.3gppnetwork.org".parse()?,
        );
        let supi = subscriber.supi.clone();
        let device = EapDevice::new(usim, subscriber.supi, PeerPolicy::five_gs(network.into()), name);
        Ok(Self {
            device: Some(device),
            supi,
        })
    }

    /// Attaches by EAP-AKA', through a SEAF with this name: both ends have the same K_SEAF in the end.
    pub(crate) async fn attach(&mut self, home: &Home) -> Result<(), Box<dyn Error>> {
        let network = ServingNetworkName::new(plmn()?, None);
        let seaf = AusfClient::new(home.ausf()?, home.pki.client("seaf.operator.example")?)?;
        let info = AuthenticationInfo {
            supi_or_suci: self.supi.clone().into(),
            serving_network_name: network,
            resynchronization_info: None,
        };
        let Begun::Eap(EapRequest { mut packet, session }) = seaf.begin(info).await? else {
            return Err("another method than EAP-AKA'".into());
        };
        let mut run = self.device.take().ok_or("a run is on")?.begin(moment());
        let mut say = |packet: &[u8]| run.packet(packet, moment(), &mut SystemEntropy).kept();
        let k_seaf = loop {
            let EapOutcome::Response(response) = say(&packet) else {
                return Err("the UE refuses the network".into());
            };
            match seaf.eap(&session, Some(response.into())).await? {
                EapAnswered::Request(next) => packet = next.packet,
                EapAnswered::Success {
                    packet: last,
                    key: SessionKey::KSeaf(key),
                    ..
                } => {
                    packet = last;
                    break key;
                }
                _ => return Err("the network refuses the UE".into()),
            }
        };
        let EapOutcome::Success(mut success) = say(&packet) else {
            return Err("the UE refuses the network".into());
        };
        let same = success
            .k_ausf
            .as_ref()
            .is_some_and(|k_ausf| k_ausf.k_seaf(&network) == k_seaf);
        self.device = Some(run.succeed(&mut success));
        match same {
            true => Ok(()),
            false => Err("UE and network have different keys".into()),
        }
    }

    /// The device.
    #[allow(dead_code, reason = "each example uses its part")]
    pub(crate) fn device(&mut self) -> Result<&mut EapDevice, Box<dyn Error>> {
        self.device.as_mut().ok_or_else(|| "a run is on".into())
    }
}
