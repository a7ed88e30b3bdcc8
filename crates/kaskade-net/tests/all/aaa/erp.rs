//! ERP: users who were authenticated come back in one round trip (RFC 6696).

use kaskade_aka::eap_aka::peer::PeerSuccess;
use kaskade_anchor::emsk::Root;
use kaskade_anchor::erp::{FullRun, Peer as ErpPeer, PeerOptions, PeerStep, Waiting};
use kaskade_codec::erp::{Flags, ReAuth};
use kaskade_crypto::{Autn, Rand};
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Entry, Outcome};
use kaskade_keys::derivation::Fingerprint;
use kaskade_keys::emsk::RMsk;
use kaskade_keys::id::{Cryptosuite, SessionId};
use kaskade_net::role::aaa::ErpOptions;
use kaskade_net::time::moment;
use kaskade_store::audit::{AuditLog, AuditOptions, LogReader};

use super::*;

const DOMAIN: &str = "wlan.example.org";

fn erp_options() -> AaaOptions {
    let mut options = aaa_options();
    options.erp = Some(ErpOptions {
        domain: DOMAIN.parse().unwrap(),
        all: 100,
        lifetime: Duration::from_secs(3600),
    });
    options
}

/// What a device comes back with.
struct Back {
    root: Root,
    peer: Box<ErpPeer>,
}

impl Back {
    fn after(success: PeerSuccess) -> Self {
        Self::at(success, DOMAIN, Cryptosuite::HmacSha256Of128)
    }

    fn at(success: PeerSuccess, domain: &str, suite: Cryptosuite) -> Self {
        let root = Root::of_eap(success.emsk, success.session_id);
        let options = PeerOptions {
            suite,
            ..PeerOptions::default()
        };
        let peer = ErpPeer::home(&root, domain.parse().unwrap(), options).unwrap().unwrap();
        Self {
            root,
            peer: Box::new(peer),
        }
    }

    fn name(&self) -> String {
        self.peer.key_name_nai().to_string()
    }

    fn initiates(self) -> (Root, Box<Waiting>, Vec<u8>) {
        let flags = Flags {
            lifetimes: true,
            ..Flags::default()
        };
        let (waiting, packet) = self.peer.start(None, flags, moment()).unwrap();
        (self.root, waiting, packet)
    }

    /// Comes back, with the key that its gateway gets.
    async fn comes(self, address: SocketAddr) -> (Self, RMsk, Accepted) {
        let name = self.name();
        let (root, waiting, packet) = self.initiates();
        let Some(Answer::Accept(finish, accepted)) = asked(address, &name, &packet).await else {
            panic!("it is let in");
        };
        let PeerStep::Done(peer, authenticated) = waiting.receive(&finish, &root, moment()) else {
            panic!("{finish:02x?}");
        };
        let of_gateway = RMsk::from_octets(accepted.msk.expose_to_authenticator());
        assert_eq!(of_gateway, authenticated.r_msk);
        assert_eq!(accepted.eap_key_name, None);
        (Self { root, peer }, of_gateway, accepted)
    }

    /// Does not: it is told to come with a whole authentication.
    async fn stays_out(self, address: SocketAddr) {
        let name = self.name();
        let (root, waiting, packet) = self.initiates();
        let Some(Answer::Reject(finish)) = asked(address, &name, &packet).await else {
            panic!("it is refused");
        };
        let step = waiting.receive(&finish, &root, moment());
        assert!(matches!(step, PeerStep::FullRun(FullRun::Refused)), "{step:?}");
    }
}

/// What a gateway is told of a packet of ERP; `None`: nothing.
async fn asked(address: SocketAddr, name: &str, packet: &[u8]) -> Option<Answer> {
    let mut gateway = Gateway::new(secret(), name.as_bytes());
    let sent = gateway.sent(packet);
    let octets = Link::to(address).await.sends(&sent).await?;
    Some(gateway.hears(&sent, &octets))
}

fn erp_counts(home: &Home) -> (u64, usize) {
    (home.counters().erp.sum(), home.node.aaa().unwrap().eap().erp_keys())
}

fn refusals(home: &Home, why: Refusal) -> u64 {
    let mut sums = home.node.aaa().unwrap().figures().refusals().sums();
    sums.find(|(own, _)| *own == why).unwrap().1
}

/// What ends the EMSK of a user ends the rRK that the AAA server has below that of its own authentication.
#[tokio::test]
async fn a_user_whose_emsk_was_ended_does_not_come_back_by_erp() {
    let home = Home::with(erp_options());
    let aaa = || home.node.aaa().unwrap().eap();
    let (success, _) = attach(&mut device(0), home.address()).await.comes_in();
    let (back, _, _) = Back::after(success).comes(home.address()).await;
    assert!(!aaa().end_erp(&supi(1)) && !aaa().has_erp_of(&supi(1)) && aaa().has_erp_of(&supi(0)));
    assert!(aaa().end_erp(&supi(0)));
    assert_eq!((aaa().erp_keys(), aaa().has_erp_of(&supi(0))), (0, false));
    back.stays_out(home.address()).await;
    // Until it is authenticated again.
    let (success, _) = attach(&mut device(0), home.address()).await.comes_in();
    Back::after(success).comes(home.address()).await;
}

#[tokio::test]
async fn a_user_comes_back_by_erp_in_one_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit");
    let mut options = erp_options();
    options.audit = AuditLog::open(AuditOptions::new(&path), &master_key()).unwrap();
    let (log, home) = (options.audit.clone(), Home::with(options));
    let (success, first) = attach(&mut device(0), home.address()).await.comes_in();
    let (msk, mut back, mut keys) = (success.msk.clone(), Back::after(success), Vec::new());
    let vectors = || home.node.udm().unwrap().counters().vectors.load(Ordering::Relaxed);
    assert_eq!((erp_counts(&home), vectors()), ((0, 1), 1));
    for _ in 0..3 {
        let (again, key, accepted) = back.comes(home.address()).await;
        assert_ne!(key.expose_to_authenticator(), msk.expose_to_authenticator());
        assert_eq!(accepted.cui, first.cui, "it stays who it is");
        assert!(
            accepted
                .session_timeout
                .is_some_and(|seconds| (3500..=3600).contains(&seconds))
        );
        assert!(!keys.contains(&key));
        keys.push(key);
        back = again;
    }
    assert_eq!((erp_counts(&home), vectors()), ((3, 1), 1), "no vector");
    assert_eq!((home.successes(), home.failures()), ((1, 0), 0));
    home.node.shutdown().await;
    // Each is on record, with the key that was given.
    log.flush().unwrap();
    let mut given = Vec::new();
    let visit = &mut |_: u64, entry: &Entry| {
        if let Entry::Event(event) = entry
            && event.action() == Action::ReauthenticationKeyGiven
        {
            assert_eq!(event.outcome(), Outcome::Released);
            given.extend(event.key_name().map(|(name, print)| (name.to_owned(), print)));
        }
    };
    let reader = LogReader::open(&path, Some(&master_key())).unwrap();
    reader.read(None, &mut |_, _| (), visit).unwrap();
    let expected: Vec<_> = keys
        .iter()
        .map(|key| ("rMSK".to_owned(), Fingerprint::of(key).octets()))
        .collect();
    assert_eq!(given, expected);
}

#[tokio::test]
async fn what_erp_does_not_take_gets_its_answer_or_none() {
    let home = Home::with(erp_options());
    let (success, _) = attach(&mut device(0), home.address()).await.comes_in();
    let (emsk, session_id) = (success.emsk.clone(), success.session_id);
    let with = |emsk, domain, suite| {
        let root = Root::of_eap(emsk, session_id);
        let options = PeerOptions {
            suite,
            ..PeerOptions::default()
        };
        let peer = Box::new(
            ErpPeer::home(&root, str::parse(domain).unwrap(), options)
                .unwrap()
                .unwrap(),
        );
        Back { root, peer }
    };
    let usual = Cryptosuite::HmacSha256Of128;
    // Another realm, and a key that nobody has.
    with(emsk.clone(), "other.example.org", usual)
        .stays_out(home.address())
        .await;
    assert_eq!(refusals(&home, Refusal::RealmNotServed), 1);
    let unknown = SessionId::aka_prime(&Rand::from_octets([1; 16]), &Autn::from_octets([1; 16]));
    let root = Root::of_eap(emsk.clone(), unknown);
    let peer = ErpPeer::home(&root, DOMAIN.parse().unwrap(), PeerOptions::default());
    let peer = Box::new(peer.unwrap().unwrap());
    Back { root, peer }.stays_out(home.address()).await;
    assert_eq!(refusals(&home, Refusal::ReauthenticationKeyUnknown), 1);
    with(emsk.clone(), DOMAIN, usual).comes(home.address()).await;
    // A wrong tag gets no answer, and changes nothing.
    let (_, _, mut forged) = with(emsk.clone(), DOMAIN, usual).initiates();
    *forged.last_mut().unwrap() ^= 1;
    let name = format!("x@{DOMAIN}");
    assert!(asked(home.address(), &name, &forged).await.is_none());
    assert_eq!(refusals(&home, Refusal::MacFailure), 1);
    // Nor does SEQ 0 a second time.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (_, _, replayed) = with(emsk.clone(), DOMAIN, usual).initiates();
    assert!(asked(home.address(), &name, &replayed).await.is_none());
    // The short tag is not taken; the peer is told which are, and comes with one of them.
    let (success, _) = attach(&mut device(0), home.address()).await.comes_in();
    let back = Back::at(success, DOMAIN, Cryptosuite::HmacSha256Of64);
    let name = back.name();
    let (root, waiting, packet) = back.initiates();
    let Some(Answer::Reject(finish)) = asked(home.address(), &name, &packet).await else {
        panic!("another suite");
    };
    let PeerStep::Send(waiting, packet) = waiting.receive(&finish, &root, moment()) else {
        panic!("it is authentic");
    };
    let Some(Answer::Accept(finish, _)) = asked(home.address(), &name, &packet).await else {
        panic!("it is let in");
    };
    assert!(matches!(waiting.receive(&finish, &root, moment()), PeerStep::Done(..)));
    // What is no packet of it.
    for wrong in [&[5, 1, 0, 6, 1, 0][..], &[5, 1, 0, 4], &[5], &[6, 1, 0, 8, 2, 0, 0, 0]] {
        assert!(asked(home.address(), &name, wrong).await.is_none(), "{wrong:?}");
    }
    home.node.shutdown().await;
}

#[tokio::test]
async fn each_authentication_ends_the_rrk_of_the_one_before() {
    let home = Home::with(erp_options());
    let mut device = device(0);
    let (full, _) = attach(&mut device, home.address()).await.comes_in();
    let (fast, _) = attach(&mut device, home.address()).await.comes_in();
    assert!(fast.reauthentication);
    assert_eq!(erp_counts(&home), (0, 1));
    Back::after(full).stays_out(home.address()).await;
    let (back, ..) = Back::after(fast).comes(home.address()).await;
    device.memory = PeerMemory::default();
    let (full, _) = attach(&mut device, home.address()).await.comes_in();
    back.stays_out(home.address()).await;
    Back::after(full).comes(home.address()).await;
    assert_eq!(refusals(&home, Refusal::ReauthenticationKeyUnknown), 2);
    home.node.shutdown().await;
}

#[tokio::test]
async fn who_may_not_come_in_does_not_come_back_by_erp() {
    let home = Home::with(erp_options());
    let mut device = device(0);
    let (full, _) = attach(&mut device, home.address()).await.comes_in();
    let (back, ..) = Back::after(full).comes(home.address()).await;
    home.suspend(0, true);
    let before = erp_counts(&home);
    back.stays_out(home.address()).await;
    assert_eq!((before, erp_counts(&home)), ((1, 1), (1, 0)), "its rRK is over");
    assert_eq!(refusals(&home, Refusal::AccessBarred), 1);
    // Another card.
    home.suspend(0, false);
    let (full, _) = attach(&mut device, home.address()).await.comes_in();
    let mut changed = subscriber(0);
    let other = demo_subscriber(plmn(), 0, 99);
    changed.secrets = SubscriberSecrets::milenage(other.k, OpOrOpc::Opc(other.opc));
    home.store.put_many([&changed]).unwrap();
    Back::after(full).stays_out(home.address()).await;
    assert_eq!((refusals(&home, Refusal::CardReplaced), erp_counts(&home)), (1, (1, 0)));
    home.node.shutdown().await;
}

#[tokio::test]
async fn who_is_asked_for_a_name_may_come_back_by_erp() {
    let home = Home::with(erp_options());
    let (full, _) = attach(&mut device(0), home.address()).await.comes_in();
    let back = Back::after(full);
    let (link, mut gateway) = (Link::to(home.address()).await, Gateway::new(secret(), b"unknown"));
    let Answer::Challenge(_) = link.ask(&mut gateway, b"").await else {
        panic!("a question");
    };
    let (root, waiting, packet) = back.initiates();
    // A forged one leaves the question as it was.
    let mut forged = packet.clone();
    *forged.last_mut().unwrap() ^= 1;
    let sent = gateway.sent(&forged);
    assert!(link.sends(&sent).await.is_none());
    let Answer::Accept(finish, _) = link.ask(&mut gateway, &packet).await else {
        panic!("it is let in");
    };
    assert!(matches!(waiting.receive(&finish, &root, moment()), PeerStep::Done(..)));
    assert!(ReAuth::read(&finish).is_ok());
    home.node.shutdown().await;
}

#[tokio::test]
async fn without_erp_its_packets_are_of_no_use() {
    let home = Home::start();
    let (full, _) = attach(&mut device(0), home.address()).await.comes_in();
    assert_eq!(erp_counts(&home), (0, 0));
    let back = Back::after(full);
    let name = back.name();
    let (_, _, packet) = back.initiates();
    assert!(asked(home.address(), &name, &packet).await.is_none());
    home.node.shutdown().await;
}
