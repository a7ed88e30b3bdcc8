//! hostapd as the EAP server: it asks our UDM for vectors on its sockets, authenticates our peer, and is our peer's ER server.

use kaskade_aka::eap_aka::peer::{PeerFailure, PeerPolicy, PeerSuccess};
use kaskade_aka::sqn::Seq;
use kaskade_anchor::emsk::Root;
use kaskade_anchor::erp::{self, PeerOptions, PeerStep};
use kaskade_codec::eap::AkaMethod;
use kaskade_codec::erp::Flags;
use kaskade_codec::radius::{Exchange, Told};
use kaskade_flow::Refusal;
use kaskade_keys::eap::Msk;
use kaskade_net::hostapd_auc::AucSocket;
use kaskade_net::node::HostapdAuc;
use kaskade_net::random::random_octets;
use kaskade_net::time::moment;
use kaskade_oracle::EapServer;

use super::*;
use crate::common::without_interop;

/// A node whose UDM hostapd asks, and hostapd.
struct House {
    node: Node,
    hostapd: EapServer,
    link: Link,
    identifier: u8,
    _folder: tempfile::TempDir,
}

/// Our own node with the sockets of a method.
pub(super) fn node_with_auc(store: &Arc<SubscriberStore>, sockets: Vec<AucSocket>) -> Node {
    let options = aaa_options();
    Node::start(NodeOptions {
        aaa: None,
        hostapd_auc: HostapdAuc {
            sockets,
            drain: Duration::from_secs(5),
        },
        ..node_options(store, options)
    })
    .unwrap()
}

impl House {
    /// `None` if hostapd is not here.
    async fn start(method: AkaMethod) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auc.sock");
        let node = node_with_auc(
            &store(),
            vec![AucSocket {
                path: path.clone(),
                method,
            }],
        );
        let at = folder.path().to_owned();
        // The node is on this thread.
        let hostapd = tokio::task::spawn_blocking(move || EapServer::start(&at, &path, &epc_realm(plmn())));
        let hostapd = hostapd.await.unwrap()?;
        let link = Link::to(([127, 0, 0, 1], hostapd.port()).into()).await;
        Some(Self {
            node,
            hostapd,
            link,
            identifier: 0,
            _folder: folder,
        })
    }

    async fn told(&mut self, exchange: &mut Exchange, eap: &[u8]) -> Told {
        self.identifier = self.identifier.wrapping_add(1);
        let sent = exchange
            .request(eap, self.identifier, &random_octets().unwrap())
            .unwrap();
        let octets = self.link.sends(&sent).await.expect("an answer of hostapd");
        exchange.answer(&sent, &octets).unwrap()
    }

    /// An authentication; what hostapd gives its gateway is the key that the peer has.
    async fn attach(&mut self, device: &mut Device) -> Result<PeerSuccess, PeerFailure> {
        let (mut peer, mut response) = device.says_who();
        let mut exchange = Exchange::new(shared(), &response[5..]);
        loop {
            let (packet, msk) = match self.told(&mut exchange, &response).await {
                Told::Challenge { eap, .. } => (eap, None),
                Told::Accept { eap, msk, .. } => (eap.unwrap(), msk),
                Told::Reject { eap, .. } => (eap.unwrap(), None),
                other => panic!("{other:?}"),
            };
            match device.takes(peer, &packet) {
                (Some(next), Some(PeerOutput::Response(answer))) => (peer, response) = (next, answer.into()),
                (_, Some(PeerOutput::Success(mut success))) => {
                    assert_eq!(Some(&success.msk), msk.as_ref());
                    device.memory = std::mem::take(&mut success.memory);
                    return Ok(*success);
                }
                (_, Some(PeerOutput::Failure(mut failure))) => {
                    assert_eq!(msk, None);
                    device.memory = std::mem::take(&mut failure.memory);
                    return Err(*failure);
                }
                (_, other) => panic!("{other:?} after {packet:02x?}"),
            }
        }
    }

    /// Vectors that were given.
    fn vectors(&self) -> u64 {
        self.node.udm().unwrap().counters().vectors.load(Ordering::Relaxed)
    }

    async fn end(self) {
        drop(self.hostapd);
        self.node.shutdown().await;
    }
}

fn shared() -> SharedSecret {
    SharedSecret::new(EapServer::SECRET.as_bytes()).unwrap()
}

fn device_by(method: AkaMethod) -> Device {
    device(0).with_policy(PeerPolicy::non_3gpp().with_methods(&[method]))
}

#[tokio::test]
async fn hostapd_authenticates_our_peer_with_vectors_of_our_udm() {
    if without_interop() {
        return;
    }
    for method in AkaMethod::ALL {
        let Some(mut house) = House::start(method).await else {
            return;
        };
        let mut device = device_by(method);
        let full = house.attach(&mut device).await.expect("it is let in");
        assert_eq!((full.method, full.reauthentication), (method, false));
        for _ in 0..2 {
            let fast = house.attach(&mut device).await.expect("it is let in");
            assert!(fast.reauthentication && fast.msk != full.msk);
        }
        assert_eq!((house.vectors(), device.challenges), (1, 1));
        // Without what a fast one needs it comes as whom hostapd has called it.
        device.memory.reauthentication = None;
        let with_pseudonym = house.attach(&mut device).await.expect("it is let in");
        let digit = if method == AkaMethod::AkaPrime { '7' } else { '2' };
        assert!(
            with_pseudonym.peer_id.as_str().starts_with(digit),
            "{:?}",
            with_pseudonym.peer_id
        );
        assert_eq!((house.vectors(), with_pseudonym.reauthentication), (2, false));
        house.end().await;
    }
}

#[tokio::test]
async fn a_card_that_is_ahead_is_followed_by_way_of_hostapd() {
    if without_interop() {
        return;
    }
    for method in AkaMethod::ALL {
        let Some(mut house) = House::start(method).await else {
            return;
        };
        let mut device = device_by(method);
        let options = UsimOptions::default();
        let seq_ms = vec![Seq(1 << 32); options.layout.array_size()];
        let keys = demo_subscriber(plmn(), 0, 0).keys();
        device.usim = Usim::restore(&keys, options, &seq_ms).unwrap();
        house.attach(&mut device).await.expect("it is let in");
        let counters = house.node.udm().unwrap().counters();
        assert_eq!(counters.resynchronisations.load(Ordering::Relaxed), 1);
        assert_eq!((house.vectors(), device.challenges), (2, 2));
        house.end().await;
    }
}

#[tokio::test]
async fn hostapd_is_given_nothing_for_whom_the_home_does_not_let_in() {
    if without_interop() {
        return;
    }
    let Some(mut house) = House::start(AkaMethod::AkaPrime).await else {
        return;
    };
    let failure = house.attach(&mut device(FIVE_G_ONLY)).await.expect_err("it stays out");
    assert_eq!(failure.notification.map(|code| code.0), Some(16384));
    let mut stranger = device(0);
    stranger.name = PeerName::Imsi("001019999999999".parse().unwrap(), epc_realm(plmn()));
    house.attach(&mut stranger).await.expect_err("it stays out");
    assert_eq!(house.vectors(), 0);
    let failure = house
        .attach(&mut device_with_card(0, 1))
        .await
        .expect_err("it stays out");
    assert_eq!((house.vectors(), failure.why), (1, Refusal::NetworkNotAuthentic));
    // Its method is not the one of the socket, whose vectors have the bit set: the card takes them all the same.
    house.attach(&mut device(0)).await.expect("it is let in");
    house.end().await;
}

#[tokio::test]
async fn our_peer_is_known_again_by_hostapd_as_its_er_server() {
    if without_interop() {
        return;
    }
    for method in AkaMethod::ALL {
        let Some(mut house) = House::start(method).await else {
            return;
        };
        let success = house.attach(&mut device_by(method)).await.expect("it is let in");
        let root = Root::of_eap(success.emsk, success.session_id);
        let realm = epc_realm(plmn()).parse().unwrap();
        let mut peer = Box::new(erp::Peer::home(&root, realm, PeerOptions::default()).unwrap().unwrap());
        let mut keys: Vec<Msk> = vec![success.msk];
        for _ in 0..3 {
            let name = peer.key_name_nai().to_string();
            let mut exchange = Exchange::new(shared(), name.as_bytes());
            let (waiting, packet) = peer.start(None, Flags::default(), moment()).unwrap();
            let (finish, msk) = match house.told(&mut exchange, &packet).await {
                Told::Accept { eap, msk, .. } => (eap.expect("a Finish"), msk.expect("a key")),
                other => panic!("{other:?}"),
            };
            let PeerStep::Done(next, authenticated) = waiting.receive(&finish, &root, moment()) else {
                panic!("{finish:02x?}");
            };
            assert_eq!(
                authenticated.r_msk.expose_to_authenticator(),
                msk.expose_to_authenticator()
            );
            assert!(!keys.contains(&msk), "each has a key of its own");
            keys.push(msk);
            peer = next;
        }
        assert_eq!(house.vectors(), 1);
        // Whose key nobody has is told so, and comes by a full run.
        let stranger = Root::of_eap(kaskade_keys::eap::Emsk::from_octets(&[7; 64]), {
            let (rand, autn) = ([1; 16], [2; 16]);
            kaskade_keys::id::SessionId::aka_prime(
                &kaskade_crypto::Rand::from_octets(rand),
                &kaskade_crypto::Autn::from_octets(autn),
            )
        });
        let realm = epc_realm(plmn()).parse().unwrap();
        let peer = erp::Peer::home(&stranger, realm, PeerOptions::default())
            .unwrap()
            .unwrap();
        let mut exchange = Exchange::new(shared(), peer.key_name_nai().to_string().as_bytes());
        let (_, packet) = peer.start(None, Flags::default(), moment()).unwrap();
        let told = house.told(&mut exchange, &packet).await;
        assert!(matches!(told, Told::Reject { .. }), "{told:?}");
        house.end().await;
    }
}
