//! The sockets that hostapd asks, without hostapd: what is answered, what is refused, and who may ask at all.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram as Blocking;
use std::path::PathBuf;

use kaskade_aka::usim::UsimError;
use kaskade_codec::eap::AkaMethod;
use kaskade_crypto::{Auts, Rand};
use kaskade_flow::event::{Action, Outcome};
use kaskade_keys::derivation::Fingerprint;
use kaskade_keys::umts::CkIk;
use kaskade_net::hostapd_auc::{AucListener, AucSocket, AucSocketError, QUEUE};
use kaskade_net::node::HostapdAuc;
use tokio::net::UnixDatagram;

use super::hostapd::node_with_auc;
use super::*;

/// A node with a socket for each method, and somebody who asks there.
struct House {
    store: Arc<SubscriberStore>,
    node: Node,
    folder: tempfile::TempDir,
}

impl House {
    fn start() -> Self {
        let (store, folder) = (store(), tempfile::tempdir().unwrap());
        let node = node_with_auc(&store, sockets(folder.path()));
        Self { store, node, folder }
    }

    fn asker(&self, method: AkaMethod) -> Asker {
        Asker::of(self.folder.path(), method)
    }
}

fn path(folder: &Path, method: AkaMethod) -> PathBuf {
    folder.join(format!("{method:?}.sock"))
}

fn sockets(folder: &Path) -> Vec<AucSocket> {
    let socket = |method| AucSocket {
        path: path(folder, method),
        method,
    };
    AkaMethod::ALL.map(socket).to_vec()
}

/// As hostapd: a socket with a name of its own.
struct Asker(UnixDatagram);

impl Asker {
    fn of(folder: &Path, method: AkaMethod) -> Self {
        let own = tempfile::Builder::new()
            .prefix("asker")
            .tempdir_in(folder)
            .unwrap()
            .keep();
        let socket = UnixDatagram::bind(own.join("own")).unwrap();
        socket.connect(path(folder, method)).unwrap();
        Self(socket)
    }

    async fn says(&self, text: &str) {
        self.0.send(text.as_bytes()).await.unwrap();
    }

    async fn hears(&self) -> Option<String> {
        let mut buffer = [0; 512];
        let received = timeout(Duration::from_millis(700), self.0.recv(&mut buffer))
            .await
            .ok()?;
        Some(String::from_utf8(buffer[..received.unwrap()].to_vec()).unwrap())
    }

    /// RAND, AUTN, IK, CK and RES of a vector.
    async fn vector(&self, imsi: &str) -> [Vec<u8>; 5] {
        self.says(&format!("AKA-REQ-AUTH {imsi}")).await;
        let answer = self.hears().await.expect("an answer");
        let fields = answer.strip_prefix(&format!("AKA-RESP-AUTH {imsi} ")).expect(&answer);
        let fields: Vec<_> = fields
            .split(' ')
            .map(|field| hex::decode(field).expect(&answer))
            .collect();
        fields.try_into().unwrap()
    }
}

fn usim(index: u64) -> Usim {
    Usim::new(&demo_subscriber(plmn(), 0, index).keys(), UsimOptions::default())
}

#[tokio::test]
async fn each_socket_gives_vectors_of_its_method_which_the_card_takes() {
    let house = House::start();
    let mut card = usim(0);
    for method in AkaMethod::ALL {
        let asker = house.asker(method);
        let mut before = None;
        for _ in 0..3 {
            let [rand, autn, ik, ck, res] = asker.vector(imsi(0).as_str()).await;
            let rand = Rand::from_octets(rand.try_into().unwrap());
            let autn = kaskade_crypto::Autn::from_octets(autn.try_into().unwrap());
            assert_eq!(autn.amf().separation_bit(), method == AkaMethod::AkaPrime);
            let answer = card.authenticate(&rand, &autn).expect("fresh and authentic");
            assert_eq!(answer.res.octets(), res);
            assert_eq!(answer.ck.expose_to_eap_server()[..], ck);
            assert_eq!(answer.ik.expose_to_eap_server()[..], ik);
            assert_ne!(before.replace(rand), Some(rand));
        }
    }
    house.node.shutdown().await;
    let left = AkaMethod::ALL.map(|method| path(house.folder.path(), method).exists());
    assert_eq!(left, [false; 2], "the sockets are gone with the node");
}

#[tokio::test]
async fn the_request_behind_an_auts_gets_what_the_card_takes() {
    let house = House::start();
    let asker = house.asker(AkaMethod::AkaPrime);
    let keys = demo_subscriber(plmn(), 0, 1).keys();
    let options = UsimOptions::default();
    let seq_ms = vec![kaskade_aka::sqn::Seq(1 << 32); options.layout.array_size()];
    let mut card = Usim::restore(&keys, options, &seq_ms).unwrap();
    let user = imsi(1);
    let [rand, autn, ..] = asker.vector(user.as_str()).await;
    let parsed = (
        Rand::from_octets(rand.clone().try_into().unwrap()),
        kaskade_crypto::Autn::from_octets(autn.try_into().unwrap()),
    );
    let Err(UsimError::SynchronisationFailure(auts)) = card.authenticate(&parsed.0, &parsed.1) else {
        panic!("the card is ahead");
    };
    let counters = house.node.udm().unwrap().counters();
    // One that is not of this card changes nothing, and nobody is told.
    let wrong = Auts::from_octets([7; 14]);
    let said = |auts: &Auts| {
        format!(
            "AKA-AUTS {} {} {}",
            user.as_str(),
            hex::encode(auts.octets()),
            hex::encode(&rand)
        )
    };
    asker.says(&said(&wrong)).await;
    assert_eq!(asker.hears().await, None);
    assert_eq!(counters.wrong_auts.load(Ordering::Relaxed), 1);
    assert_eq!(counters.resynchronisations.load(Ordering::Relaxed), 0);
    // At once, as hostapd does.
    asker.says(&said(&auts)).await;
    let [rand, autn, ..] = asker.vector(user.as_str()).await;
    let (rand, autn) = (
        Rand::from_octets(rand.try_into().unwrap()),
        kaskade_crypto::Autn::from_octets(autn.try_into().unwrap()),
    );
    assert!(card.authenticate(&rand, &autn).is_ok(), "above what the card had");
    assert_eq!(counters.resynchronisations.load(Ordering::Relaxed), 1);
    house.node.shutdown().await;
}

#[tokio::test]
async fn who_gets_no_vector_is_refused_at_once() {
    let house = House::start();
    let asker = house.asker(AkaMethod::AkaPrime);
    let failure = |imsi: &str| format!("AKA-RESP-AUTH {imsi} FAILURE");
    let mut suspended = subscriber(2);
    suspended.subscription.suspended = true;
    house.store.put_many([&suspended]).unwrap();
    for user in ["001019999999999", imsi(FIVE_G_ONLY).as_str(), imsi(2).as_str(), "00101"] {
        asker.says(&format!("AKA-REQ-AUTH {user}")).await;
        assert_eq!(asker.hears().await, Some(failure(user)));
    }
    asker.says(&format!("SIM-REQ-AUTH {} 3", imsi(0).as_str())).await;
    let refused = format!("SIM-RESP-AUTH {} FAILURE", imsi(0).as_str());
    assert_eq!(asker.hears().await, Some(refused), "triplets are not served");
    // What is no request has no answer, and the next one does.
    for nothing in [
        "",
        "AKA-REQ-AUTH",
        "AKA-REQ-AUTH x",
        "AKA-RESP-AUTH 001010000000001 FAILURE",
        &"A".repeat(500),
    ] {
        asker.says(nothing).await;
    }
    assert_eq!(asker.hears().await, None);
    asker.vector(imsi(0).as_str()).await;
    let vectors = house.node.udm().unwrap().counters().vectors.load(Ordering::Relaxed);
    assert_eq!(vectors, 1);
    house.node.shutdown().await;
}

#[tokio::test]
async fn a_vector_for_hostapd_is_on_record_and_in_its_budget() {
    let place = crate::audit::Place::new();
    let log = place.open("log", |_| {});
    let folder = tempfile::tempdir().unwrap();
    let mut options = NodeOptions {
        aaa: None,
        hostapd_auc: HostapdAuc {
            sockets: sockets(folder.path()),
            drain: Duration::from_secs(5),
        },
        ..node_options(&store(), aaa_options())
    };
    if let Some(udm) = &mut options.udm {
        udm.options.audit = log;
        udm.options.budgets.card = "1/h burst 2".parse().unwrap();
    }
    let node = Node::start(options).unwrap();
    let asker = Asker::of(folder.path(), AkaMethod::AkaPrime);
    let user = imsi(3);
    let [_, _, ik, ck, _] = asker.vector(user.as_str()).await;
    asker.vector(user.as_str()).await;
    asker.says(&format!("AKA-REQ-AUTH {}", user.as_str())).await;
    let refused = format!("AKA-RESP-AUTH {} FAILURE", user.as_str());
    assert_eq!(asker.hears().await, Some(refused), "the third is over the budget");
    node.shutdown().await;
    let (events, names) = place.read("log");
    let given: Vec<_> = events
        .iter()
        .filter(|event| event.action() == Action::VectorGiven)
        .collect();
    let released: Vec<_> = given
        .iter()
        .filter(|event| event.outcome() == Outcome::Released)
        .collect();
    assert_eq!(released.len(), 2);
    assert!(given.len() > 2, "the refusal is counted");
    let both: [u8; 32] = [ck, ik].concat().try_into().unwrap();
    let print = Fingerprint::of(&CkIk::from_octets(&both)).octets();
    let by_print = released
        .iter()
        .filter(|event| event.key_name() == Some(("CK||IK", print)));
    assert_eq!(by_print.count(), 1, "by the fingerprint of what left");
    assert_eq!(names.name(released[0].peer()), Some("hostapd"));
}

#[tokio::test]
async fn only_the_owner_may_ask_and_nothing_of_others_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let at = AucSocket {
        path: folder.path().join("auc.sock"),
        method: AkaMethod::Aka,
    };
    let first = AucListener::bind(&at).unwrap();
    let mode = std::fs::metadata(&at.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(AucListener::bind(&at), Err(AucSocketError::Lives)));
    drop(first);
    assert!(!at.path.exists());
    // What a killed node has left.
    drop(Blocking::bind(&at.path).unwrap());
    drop(AucListener::bind(&at).unwrap());
    std::fs::write(&at.path, "somebody's").unwrap();
    assert!(matches!(AucListener::bind(&at), Err(AucSocketError::NoSocket)));
    assert_eq!(std::fs::read(&at.path).unwrap(), b"somebody's");
    let link = AucSocket {
        path: folder.path().join("link"),
        ..at.clone()
    };
    let living = Blocking::bind(folder.path().join("living")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("living"), &link.path).unwrap();
    assert!(matches!(AucListener::bind(&link), Err(AucSocketError::NoSocket)));
    drop(living);
    let long = AucSocket {
        path: folder.path().join("x".repeat(108)),
        ..at
    };
    assert!(matches!(AucListener::bind(&long), Err(AucSocketError::Path(_))));
    // A node without a UDM gives nobody anything.
    let none = Node::start(NodeOptions {
        hostapd_auc: HostapdAuc {
            sockets: sockets(folder.path()),
            drain: Duration::ZERO,
        },
        ..NodeOptions::default()
    });
    assert!(
        none.unwrap_err().to_string().contains("no UDM"),
        "there is nobody to ask"
    );
}

#[tokio::test]
async fn who_does_not_read_some_answers_stops_nobody() {
    let house = House::start();
    let deaf = house.asker(AkaMethod::AkaPrime);
    // Fewer than fill what the system keeps for the node's socket: it is one buffer for all whom the node answers.
    for _ in 0..QUEUE / 4 {
        deaf.says(&format!("AKA-REQ-AUTH {}", imsi(0).as_str())).await;
    }
    let asker = house.asker(AkaMethod::AkaPrime);
    // As soon as there is room, and what waits before it is done.
    let (mut has_vector, mut last, begun) = (false, None, std::time::Instant::now());
    while !has_vector && begun.elapsed() < Duration::from_secs(20) {
        asker.says(&format!("AKA-REQ-AUTH {}", imsi(1).as_str())).await;
        let answer = asker.hears().await;
        has_vector = answer.as_ref().is_some_and(|answer| !answer.ends_with(" FAILURE"));
        last = answer;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(has_vector, "{last:?}");
    house.node.shutdown().await;
}
