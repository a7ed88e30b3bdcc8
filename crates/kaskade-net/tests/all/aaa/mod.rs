//! The AAA server through UDP sockets, with the peer's machine and a card at the other end.

mod erp;
mod erp_peer;
mod hostapd;
mod hostapd_auc;
#[cfg(feature = "psk")]
mod radsec_psk;
mod refused;
mod runs;
mod terminal;
mod usage_keys;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kaskade_aka::arpf::Method;
use kaskade_aka::eap_aka::identity::epc_realm;
use kaskade_aka::eap_aka::peer::{PeerMemory, PeerName, PeerOutput};
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_codec::radius::Sent;
use kaskade_crypto::Amf;
use kaskade_crypto::radius::SharedSecret;
use kaskade_keys::{HnKeyId, Imsi, Supi};
use kaskade_net::node::{AaaRole, Node, NodeOptions, UdmRole};
use kaskade_net::radius::{Client, Clients, RadiusOptions};
use kaskade_net::role::aaa::{AaaCounters, AaaOptions, Networks};
use kaskade_net::role::udm::{HnKeyRing, UdmOptions};
use kaskade_store::{
    AuthMethods, Locked, MasterKey, OpOrOpc, SqnRecord, SqnScheme, StoreOptions, Subscriber, SubscriberSecrets,
    SubscriberStore, Subscription,
};
use kaskade_testkit::memory::MemoryEngine;
use kaskade_ue::demo::demo_subscriber;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::common::{hn_key, plmn};
use terminal::{Accepted, Answer, Attach, Device, Ended, Gateway, Progress, identity_response};

pub(crate) const SECRET: &[u8] = b"at least sixteen octets";
/// May not use EAP.
pub(crate) const FIVE_G_ONLY: u64 = 5;
const SUBSCRIBERS: u64 = 6;

fn subscriber(index: u64) -> Subscriber {
    let demo = demo_subscriber(plmn(), 0, index);
    let eap = AuthMethods::FIVE_G_AKA.and(Method::EapAkaPrime).and(Method::EapAka);
    Subscriber {
        supi: demo.supi,
        secrets: SubscriberSecrets::milenage(demo.k, OpOrOpc::Opc(demo.opc)),
        amf: Amf::from_octets([0, 0]),
        methods: if index == FIVE_G_ONLY {
            AuthMethods::FIVE_G_AKA
        } else {
            eap
        },
        subscription: Subscription::default(),
        sqn: SqnRecord::blank(SqnScheme::default()),
    }
}

fn supi(index: u64) -> Supi {
    demo_subscriber(plmn(), 0, index).supi
}

fn imsi(index: u64) -> Imsi {
    match supi(index) {
        Supi::Imsi(imsi) => imsi,
        other => unreachable!("{other:?}"),
    }
}

fn master_key() -> MasterKey {
    MasterKey::from_octets(&[0x77; 32])
}

/// A home network with an AAA server.
struct Home {
    store: Arc<SubscriberStore>,
    node: Node,
}

fn store() -> Arc<SubscriberStore> {
    let engine = Arc::new(MemoryEngine::default());
    let store =
        SubscriberStore::with_engine(engine, Path::new("memory"), &master_key(), StoreOptions::default()).unwrap();
    let all: Vec<_> = (0..SUBSCRIBERS).map(subscriber).collect();
    store.put_many(&all).unwrap();
    Arc::new(store)
}

fn aaa_options() -> AaaOptions {
    let names = Arc::new(Locked::with(|| master_key().name_keys(1).into()));
    AaaOptions::new(names, Networks::of_all("WLAN".parse().unwrap()))
}

fn secret() -> SharedSecret {
    SharedSecret::new(SECRET).unwrap()
}

fn clients() -> Clients {
    Clients::new([("127.0.0.0/8".parse().unwrap(), Client::new("hotspot", secret()))]).unwrap()
}

fn node_options(store: &Arc<SubscriberStore>, options: AaaOptions) -> NodeOptions {
    let hn_keys: HnKeyRing = [1, 2].map(|id| (HnKeyId(id), hn_key(id))).into_iter().collect();
    NodeOptions {
        audit: options.audit.clone(),
        udm: Some(UdmRole {
            store: store.clone(),
            options: UdmOptions {
                hn_keys,
                audit: options.audit.clone(),
                ..UdmOptions::default()
            },
            uecm: None,
            listen: None,
            server: Default::default(),
        }),
        aaa: Some(AaaRole {
            options,
            radius: RadiusOptions::default(),
            clients: clients(),
            udp: vec![([127, 0, 0, 1], 0).into()],
            radsec: None,
            radsec_psk: None,
            drain: Duration::from_secs(5),
        }),
        ..NodeOptions::default()
    }
}

impl Home {
    fn start() -> Self {
        Self::with(aaa_options())
    }

    fn with(options: AaaOptions) -> Self {
        Self::over(store(), options)
    }

    fn over(store: Arc<SubscriberStore>, options: AaaOptions) -> Self {
        let node = Node::start(node_options(&store, options)).unwrap();
        Self { store, node }
    }

    fn address(&self) -> SocketAddr {
        self.node.radius_addresses().0[0]
    }

    fn counters(&self) -> &AaaCounters {
        self.node.aaa().unwrap().eap().counters()
    }

    fn failures(&self) -> u64 {
        self.counters().failures.sum()
    }

    /// Users who were let in, by full authentications and by fast ones.
    fn successes(&self) -> (u64, u64) {
        let counters = self.counters();
        let of = |wanted| {
            let all = counters.successes().filter(|(_, fast, _)| *fast == wanted);
            all.map(|(_, _, count)| count).sum()
        };
        (of(false), of(true))
    }

    fn suspend(&self, index: u64, suspended: bool) {
        let mut changed = self.store.subscriber(&supi(index)).unwrap().unwrap();
        changed.subscription.suspended = suspended;
        self.store.put_many([&changed]).unwrap();
    }
}

/// A device with a new card of a subscriber.
fn device(index: u64) -> Device {
    device_with_card(index, index)
}

/// The same, with the card of another.
fn device_with_card(index: u64, card: u64) -> Device {
    let keys = demo_subscriber(plmn(), 0, card).keys();
    Device::new(Usim::new(&keys, UsimOptions::default()), &supi(index), plmn())
}

/// A whole authentication over a socket.
async fn attach(device: &mut Device, address: SocketAddr) -> Ended {
    attach_doing(device, address, |_| ()).await
}

/// The same; before each request goes out, somebody hears how many there were.
async fn attach_doing(device: &mut Device, address: SocketAddr, mut before: impl FnMut(usize)) -> Ended {
    let link = Link::to(address).await;
    let mut attach = Attach::begin(device, secret());
    for number in 0.. {
        before(number);
        let octets = link.octets(attach.request()).await.expect("an answer");
        attach = match attach.answered(&octets) {
            Progress::Asks(attach) => attach,
            Progress::Ended(ended) => return ended,
        };
    }
    unreachable!()
}

/// A socket of a gateway.
struct Link(UdpSocket);

impl Link {
    async fn to(address: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(address).await.unwrap();
        Self(socket)
    }

    async fn octets(&self, request: &[u8]) -> Option<Vec<u8>> {
        self.0.send(request).await.unwrap();
        let mut buffer = vec![0; 4096];
        let received = timeout(Duration::from_secs(3), self.0.recv(&mut buffer)).await.ok()?;
        buffer.truncate(received.unwrap());
        Some(buffer)
    }

    async fn sends(&self, sent: &Sent) -> Option<Vec<u8>> {
        self.octets(sent.octets()).await
    }

    async fn ask(&self, gateway: &mut Gateway, eap: &[u8]) -> Answer {
        let sent = gateway.sent(eap);
        let octets = self.sends(&sent).await.expect("an answer");
        gateway.hears(&sent, &octets)
    }
}

/// What a server says first to an identity.
async fn first_answer(address: SocketAddr, identity: &str) -> Answer {
    let mut gateway = Gateway::new(secret(), identity.as_bytes());
    Link::to(address)
        .await
        .ask(&mut gateway, &identity_response(identity))
        .await
}
