//! A home network for tests: UDM and AUSF on free ports of the loopback, over a store that can be made to fail: in memory, or in PostgreSQL.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod http;
pub mod log;
pub mod raw;
pub mod schema;

use std::path::Path;
use std::sync::Arc;

use kaskade_aka::fivegs::ue::{Ue, UeAuthenticated};
use kaskade_aka::sqn::Seq;
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_crypto::Amf;
use kaskade_crypto::ecies::{EphemeralSecret, HnPrivateKey, Profile, conceal};
use kaskade_keys::{Abba, HnKeyId, Plmn, ProtectionScheme, SchemeOutput, ServingNetworkName, Suci, Supi};
use kaskade_net::node::{
    AanfRole, AkmaRole, AusfRole, Node, NodeOptions, PeerAt, ReauthenticationRole, RemoteNrf, RemoteUdm, UdmRole,
    UsageKeysRole,
};
use kaskade_net::role::aanf::AanfOptions;
use kaskade_net::role::access::AccessRules;
use kaskade_net::role::ausf::{AkmaOptions, AusfOptions};
use kaskade_net::role::policy::{Groups, ServingNetworkPolicy};
use kaskade_net::role::seaf::{AusfClient, Challenge};
use kaskade_net::role::udm::{HnKeyRing, UdmOptions, UecmOptions};
use kaskade_net::role::usage_keys::UsageKeysOptions;
use kaskade_net::sbi::client::{ClientOptions, SbiClient};
use kaskade_net::sbi::server::ServerOptions;
use kaskade_store::audit::AuditLog;
use kaskade_store::{
    AuthMethods, MasterKey, OpOrOpc, SqnRecord, SqnScheme, StoreOptions, Subscriber, SubscriberSecrets,
    SubscriberStore, Subscription,
};
use kaskade_testkit::kept::{Kept, On};
use kaskade_testkit::memory::MemoryEngine;
use kaskade_ue::demo::{DemoSubscriber, demo_subscriber};

/// Subscribers of the tests have the indexes below this.
pub const SUBSCRIBERS: u64 = 8;
/// Has a counter for SQN, which reserves ranges; the others have the scheme of new subscribers.
pub const COUNTER: u64 = 6;
/// Has EAP-AKA' alone.
pub const EAP_ONLY: u64 = 7;

pub fn plmn() -> Plmn {
    Plmn::new("001", "01").unwrap()
}

pub fn snn() -> ServingNetworkName {
    ServingNetworkName::new(plmn(), None)
}

pub fn supi(index: u64) -> Supi {
    demo_subscriber(plmn(), 0, index).supi
}

/// A subscriber as the store has it: MILENAGE, 5G AKA, and an SQN of the default scheme.
fn stored(demo: DemoSubscriber) -> Subscriber {
    Subscriber {
        supi: demo.supi,
        secrets: SubscriberSecrets::milenage(demo.k, OpOrOpc::Opc(demo.opc)),
        amf: Amf::SEPARATION,
        methods: AuthMethods::FIVE_G_AKA,
        subscription: Subscription::default(),
        sqn: SqnRecord::blank(SqnScheme::default()),
    }
}

/// A UE with a new USIM of a subscriber.
pub fn ue(index: u64) -> Ue {
    let subscriber = demo_subscriber(plmn(), 0, index);
    let keys = subscriber.keys();
    let usim = Usim::new(&keys, UsimOptions::default());
    Ue::new(usim, subscriber.supi)
}

/// A UE whose USIM has accepted SEQ far above what the home network issues, within Δ.
pub fn ue_ahead(index: u64) -> Ue {
    let subscriber = demo_subscriber(plmn(), 0, index);
    let options = UsimOptions::default();
    let seq_ms = vec![Seq(1 << 20); options.layout.array_size()];
    let keys = subscriber.keys();
    let usim = Usim::restore(&keys, options, &seq_ms).unwrap();
    Ue::new(usim, subscriber.supi)
}

/// Lets a UE answer a challenge.
pub fn answer(ue: &mut Ue, challenge: &Challenge) -> UeAuthenticated {
    ue.challenge(&challenge.se_av.rand, &challenge.se_av.autn, &snn(), &Abba::INITIAL)
        .expect("the challenge is authentic and fresh")
}

/// The key pairs of the home network: 1 is of profile A, 2 of profile B.
pub fn hn_key(id: u8) -> HnPrivateKey {
    let profile = if id == 1 { Profile::A } else { Profile::B };
    HnPrivateKey::from_octets(profile, &[id; 32]).unwrap()
}

/// A SUCI of a subscriber under one of the home network's keys.
pub fn suci(index: u64, key: u8) -> Suci {
    let supi = supi(index);
    let null = Suci::null(&supi, Some(plmn()), "0".parse().unwrap()).unwrap();
    if key == 0 {
        return null;
    }
    let input = Suci::scheme_input(&supi, Some(plmn())).unwrap();
    let output = conceal(
        hn_key(key).public_key(),
        EphemeralSecret::from_octets(&[0x5A; 32]),
        &input,
    )
    .unwrap();
    let scheme = ProtectionScheme::from_id(key).unwrap();
    let output = SchemeOutput::concealed(scheme, output).unwrap();
    Suci::new(null.home, null.routing_indicator, HnKeyId(key), output).unwrap()
}

/// A store on an engine in memory, which can be made to fail.
pub fn store(engine: MemoryEngine) -> Arc<SubscriberStore> {
    filled(&engine.into())
}

/// A store with the subscribers.
pub fn filled(kept: &Kept) -> Arc<SubscriberStore> {
    let store = opened(kept);
    store.put_many(&subscribers()).unwrap();
    store
}

/// The store of what is there.
pub fn opened(kept: &Kept) -> Arc<SubscriberStore> {
    let master_key = MasterKey::from_octets(&[0x77; 32]);
    let store = SubscriberStore::with_engine(kept.open(), Path::new("store"), &master_key, StoreOptions::default());
    Arc::new(store.unwrap())
}

/// The store of another start over what is durable, as after `kill -9`.
pub fn reopened(kept: &Kept) -> Arc<SubscriberStore> {
    opened(&kept.copy())
}

pub fn subscribers() -> Vec<Subscriber> {
    (0..SUBSCRIBERS)
        .map(|index| {
            let mut subscriber = stored(demo_subscriber(plmn(), 0, index));
            // The ARPF sets the separation bit itself.
            subscriber.amf = Amf::from_octets([0, 0]);
            if index == COUNTER {
                subscriber.sqn = SqnRecord::blank(SqnScheme::NonTimeBased);
            }
            if index == EAP_ONLY {
                subscriber.methods = AuthMethods::EAP_AKA_PRIME;
            }
            subscriber
        })
        .collect()
}

/// How the AUSF reaches the UDM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Local,
    Http,
}

/// UDM and AUSF.
pub struct Home {
    pub store: Arc<SubscriberStore>,
    pub engine: Kept,
    pub udm: Node,
    /// `None` when the AUSF runs on the UDM's node.
    ausf: Option<Node>,
}

/// What a test may change before the start.
pub struct Setup {
    pub udm: UdmOptions,
    pub ausf: AusfOptions,
    pub server: ServerOptions,
    pub groups: Groups,
    pub access: AccessRules,
    pub audit: AuditLog,
    pub usage_keys: Option<UsageKeysOptions>,
    /// Where anchor keys go: to an AAnF elsewhere, or to the one of the same node.
    pub akma: Option<PeerAt>,
    /// Where peers are looked for.
    pub nrf: Option<RemoteNrf>,
    pub aanf: Option<AanfOptions>,
    /// Whom the AAnF asks to have users authenticated again.
    pub reauthentication: Option<ReauthenticationRole>,
    /// Which AMFs serve subscribers.
    pub uecm: Option<UecmOptions>,
}

impl Home {
    pub fn start(link: Link) -> Self {
        Self::start_with(link, |_| {})
    }

    /// With this store, in one process.
    pub fn start_on(store: Arc<SubscriberStore>) -> Self {
        Self::start_over(store, |_| {})
    }

    /// With this store, and changes.
    pub fn start_over(store: Arc<SubscriberStore>, change: impl FnOnce(&mut Setup)) -> Self {
        Self::assemble(Link::Local, change, store, Kept::new(On::Embedded))
    }

    pub fn start_with(link: Link, change: impl FnOnce(&mut Setup)) -> Self {
        Self::start_at(On::Embedded, link, change)
    }

    pub fn start_at(on: On, link: Link, change: impl FnOnce(&mut Setup)) -> Self {
        let kept = Kept::new(on);
        Self::assemble(link, change, filled(&kept), kept)
    }

    fn assemble(link: Link, change: impl FnOnce(&mut Setup), store: Arc<SubscriberStore>, engine: Kept) -> Self {
        let policy = ServingNetworkPolicy::plmns([plmn()]);
        let mut setup = Setup {
            udm: UdmOptions {
                hn_keys: HnKeyRing::from_iter([1, 2].map(|id| (HnKeyId(id), hn_key(id)))),
                serving_networks: policy.clone(),
                ..UdmOptions::default()
            },
            ausf: AusfOptions::new(NfInstanceId::from_random([0xA5; 16]), policy),
            server: ServerOptions::default(),
            groups: Groups::default(),
            access: AccessRules::default(),
            audit: AuditLog::off(),
            usage_keys: None,
            akma: None,
            aanf: None,
            reauthentication: None,
            nrf: None,
            uecm: None,
        };
        change(&mut setup);
        let usage_keys = setup.usage_keys.map(|options| UsageKeysRole {
            store: store.clone(),
            options,
            listen: None,
        });
        let free: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
        // With the subscribers.
        let aanf = setup.aanf.map(|options| AanfRole {
            store: store.clone(),
            options,
            reauthentication: setup.reauthentication,
            listen: free,
            server: setup.server.clone(),
        });
        let udm = UdmRole {
            store: store.clone(),
            options: setup.udm,
            uecm: setup.uecm,
            listen: Some(free),
            server: setup.server.clone(),
        };
        let mut ausf = AusfRole {
            options: setup.ausf,
            listen: free,
            server: setup.server,
            udm: None,
            akma: setup.akma.map(|aanf| AkmaRole {
                options: AkmaOptions {
                    store: store.clone(),
                    home_networks: Vec::new(),
                },
                aanf,
            }),
        };
        let mut first = NodeOptions {
            udm: Some(udm),
            ausf: None,
            aaa: None,
            usage_keys: None,
            aanf,
            nrf: setup.nrf.clone(),
            groups: setup.groups.clone(),
            access: setup.access.clone(),
            audit: setup.audit.clone(),
            ..NodeOptions::default()
        };
        if link == Link::Local {
            first.ausf = Some(ausf);
            first.usage_keys = usage_keys;
            let udm = Node::start(first).unwrap();
            return Self {
                store,
                engine,
                udm,
                ausf: None,
            };
        }
        let udm = Node::start(first).unwrap();
        ausf.udm = Some(RemoteUdm {
            url: udm.udm_url().unwrap().to_owned(),
            options: ClientOptions::default(),
        });
        let second = NodeOptions {
            udm: None,
            ausf: Some(ausf),
            aaa: None,
            usage_keys,
            nrf: setup.nrf,
            groups: setup.groups,
            access: setup.access,
            audit: setup.audit,
            ..NodeOptions::default()
        };
        let ausf = Some(Node::start(second).unwrap());
        Self {
            store,
            engine,
            udm,
            ausf,
        }
    }

    pub fn ausf(&self) -> &Node {
        self.ausf.as_ref().unwrap_or(&self.udm)
    }

    pub fn ausf_url(&self) -> &str {
        self.ausf().ausf_url().unwrap()
    }

    pub fn udm_url(&self) -> &str {
        self.udm.udm_url().unwrap()
    }

    /// A SEAF.
    pub fn seaf(&self) -> AusfClient {
        AusfClient::new(self.ausf_url(), ClientOptions::default()).unwrap()
    }

    /// A SEAF at 127.0.0.N.
    pub fn seaf_at(&self, n: u8) -> AusfClient {
        let mut options = ClientOptions::default();
        options.source = Some([127, 0, 0, n].into());
        AusfClient::new(self.ausf_url(), options).unwrap()
    }

    /// Stops everything and closes the store.
    pub async fn shutdown(self) {
        if let Some(ausf) = self.ausf {
            ausf.shutdown().await;
        }
        self.udm.shutdown().await;
        assert_eq!(Arc::strong_count(&self.store), 1, "nobody holds the store any more");
    }

    /// Stops everything; somebody may still hold the store.
    pub async fn shutdown_unchecked(self) {
        if let Some(ausf) = self.ausf {
            ausf.shutdown().await;
        }
        self.udm.shutdown().await;
    }

    /// Stops the UDM, when it is on a node of its own.
    pub async fn stop_udm(self) -> Node {
        self.udm.shutdown().await;
        self.ausf.expect("an AUSF of its own")
    }
}

/// Runs a test in a process of its own, since lines of the log are limited for all tests of one process together, and whether
/// a line is written at all is remembered for all threads as the first one has it. True for who has only waited for that.
pub fn in_own_process(test: &str) -> bool {
    const ALONE: &str = "KASKADE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return false;
    }
    let alone = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = [alone.stdout, alone.stderr].map(|octets| String::from_utf8_lossy(&octets).into_owned());
    assert!(alone.status.success() && said[0].contains("1 passed"), "{said:?}");
    true
}

/// A client with defaults.
pub fn client(url: &str) -> SbiClient {
    SbiClient::new(url, ClientOptions::default()).unwrap()
}

/// Whether tests against other programs are switched off. They fail, not skip, when a program is missing.
pub fn without_interop() -> bool {
    let without = kaskade_oracle::skipping();
    if without {
        kaskade_oracle::not_here("other programs, such as curl (KASKADE_SKIP_INTEROP is set)");
    }
    without
}
