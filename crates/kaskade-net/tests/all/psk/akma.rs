//! K_AF as a pre-shared key: `openssl s_client` and our own client get in with the right one, and with no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kaskade_keys::akma::{KAf, KAkma};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{AKid, AfId, Fqdn, UaProtocolId};
use kaskade_keys::{HomeRealm, Supi};
use kaskade_net::psk::{
    AfKey, AfKeys, AkmaConnections, AkmaProtocol, Alert, HandshakeError, Profile, PskDatagramServer, PskIdentity,
    PskServer, PskSuite,
};
use kaskade_net::time::unix_millis;
use kaskade_ue::{Akma, Home};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Handle;

use super::peers::{client as s_client, connect, server_with};
use super::{accept, shake, short};
use crate::common::without_interop;

/// K_AUSF after case 1 of RFC 9048, as all of `vectors/rows-apps.json` has it.
const K_AUSF: &str = "f861703cd775590e16c7679ea3874ada866311de290764d760cf76df647ea01c";

/// K_AF there, under TLS_PSK_WITH_AES_128_GCM_SHA256.
const K_AF_OF_00A8: &str = "aac5c8856a0da6ca8520f84056f61c5c168039b1e83907cc7f11eecbfd0802b7";

/// What a laboratory gives to DTLS.
const OF_DTLS: UaProtocolId = UaProtocolId::from_octets([0xff, 0, 0, 0, 1]);

fn af() -> Fqdn {
    "af.example.com".parse().unwrap()
}

fn ue_of(k_ausf: [u8; 32]) -> Akma {
    let supi: Supi = "imsi-001010000000001".parse().unwrap();
    let home = Home {
        routing_indicator: "678".parse().unwrap(),
        realm: HomeRealm::new("001-01".parse().unwrap(), None),
    };
    Akma::of(&KAusf::from_octets(&k_ausf), &supi, home)
}

/// The UE of case 1.
fn ue() -> Akma {
    ue_of(hex::decode(K_AUSF).unwrap().try_into().unwrap())
}

fn identity(akma: &Akma) -> String {
    format!("3GPP-AKMA{}", akma.a_kid())
}

/// The AAnF: one UE, and how often it was asked.
struct Aanf {
    a_kid: AKid,
    k_akma: KAkma,
    life: Duration,
    asked: Arc<AtomicUsize>,
}

impl AfKeys for Aanf {
    async fn af_key(&self, a_kid: &AKid, af_id: &AfId) -> Option<AfKey> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        // It waits, as one that is elsewhere does.
        tokio::time::sleep(Duration::from_millis(5)).await;
        (*a_kid == self.a_kid).then(|| AfKey {
            k_af: self.k_akma.k_af(af_id),
            expires: unix_millis().after(self.life),
        })
    }
}

fn aanf() -> Aanf {
    let akma = ue();
    Aanf {
        a_kid: akma.a_kid().clone(),
        k_akma: akma.k_akma().clone(),
        life: Duration::from_secs(3600),
        asked: Arc::default(),
    }
}

fn server(protocol: AkmaProtocol, aanf: Aanf) -> PskServer {
    protocol.server(&af(), aanf, Handle::current(), short()).unwrap()
}

fn dtls(suite: PskSuite) -> AkmaProtocol {
    AkmaProtocol::dtls_1_2(suite, OF_DTLS).unwrap()
}

fn over_streams() -> impl Iterator<Item = AkmaProtocol> {
    let of_1_2 = PskSuite::ALL.iter().map(|suite| AkmaProtocol::tls_1_2(*suite));
    std::iter::once(AkmaProtocol::tls_1_3()).chain(of_1_2)
}

fn key_of(protocol: AkmaProtocol, akma: &Akma) -> KAf {
    akma.k_af(&protocol.af_id(&af()))
}

fn digits(key: &KAf) -> String {
    hex::encode(key.expose_to_af())
}

#[test]
fn identities_begin_as_those_of_akma() {
    let akma = ue();
    let sent = PskIdentity::of_a_kid(akma.a_kid());
    let text = "3GPP-AKMArid678.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org";
    assert_eq!(sent.as_octets(), text.as_bytes());
    let read = |text: &str| super::identity(text).a_kid();
    assert_eq!(read(text).as_ref(), Some(akma.a_kid()));
    assert_eq!(read(&text.replace("AKMArid", "AKMA;rid")).as_ref(), Some(akma.a_kid()));
    for other in [
        text.replace("AKMArid", "AKMA;;rid"),
        text.replace("3GPP-AKMA", "3gpp-akma"),
        text.replace("3GPP-AKMA", ""),
        text.replace("3GPP-AKMA", "3GPP-bootstrapping;"),
        text.replace("_Kff8", "_Kff9"),
        format!("{text} "),
        "3GPP-AKMA".to_owned(),
    ] {
        assert_eq!(read(&other), None, "{other}");
    }
    assert_eq!(PskIdentity::new([0xff; 60]).unwrap().a_kid(), None);
}

#[test]
fn each_protocol_has_a_key_of_its_own() {
    let akma = ue();
    let gcm = AkmaProtocol::tls_1_2(PskSuite::Aes128Gcm);
    assert_eq!(digits(&key_of(gcm, &akma)), K_AF_OF_00A8);
    let mut keys: Vec<_> = over_streams()
        .chain([dtls(PskSuite::Aes128Ccm8)])
        .map(|protocol| digits(&key_of(protocol, &akma)))
        .collect();
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count);
    assert_eq!(gcm.profile(), Profile::Tls12(PskSuite::Aes128Gcm));
}

#[test]
fn dtls_has_the_identifier_that_it_is_given_and_none_of_another() {
    for octets in [[1, 0, 0, 0, 2], [1, 0, 0, 0, 7], [1, 0, 0, 1, 0], [1, 0, 1, 0, 0xa8]] {
        let error = AkmaProtocol::dtls_1_2(PskSuite::Aes128Ccm8, UaProtocolId::from_octets(octets)).unwrap_err();
        assert!(error.to_string().contains(&hex::encode(octets)), "{error}");
    }
    for octets in [[0xff, 0, 0, 0, 1], [1, 0, 2, 0xc0, 0xa8], [1, 0, 0, 0, 8]] {
        AkmaProtocol::dtls_1_2(PskSuite::Aes128Ccm8, UaProtocolId::from_octets(octets)).unwrap();
    }
}

#[tokio::test]
async fn s_client_gets_in_with_the_key_of_its_protocol() {
    if without_interop() {
        return;
    }
    let akma = ue();
    for protocol in over_streams() {
        let aanf = aanf();
        let asked = aanf.asked.clone();
        let server = server(protocol, aanf);
        for separator in ["", ";"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let identity = identity(&akma).replacen("AKMA", &format!("AKMA{separator}"), 1);
            let key = match protocol.profile() {
                Profile::Tls12(PskSuite::Aes128Gcm) => K_AF_OF_00A8.to_owned(),
                _ => digits(&key_of(protocol, &akma)),
            };
            let address = listener.local_addr().unwrap();
            let mut theirs = s_client(address, protocol.profile(), &identity, &key);
            let mut ours = accept(&server, &listener).await.unwrap();
            assert_eq!(ours.identity().unwrap().a_kid().as_ref(), Some(akma.a_kid()));
            theirs.write("a question\n");
            let mut question = [0; 11];
            ours.read_exact(&mut question).await.unwrap();
            ours.write_all(b"an answer\n").await.unwrap();
            ours.shutdown().await.unwrap();
            let left = theirs.end().await;
            assert_eq!(left.output, "an answer\n", "{protocol:?}: {}", left.errors);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test]
async fn s_client_gets_in_over_datagrams() {
    if without_interop() {
        return;
    }
    let akma = ue();
    let protocol = dtls(PskSuite::Aes128Ccm8);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut listening = PskDatagramServer::new(server(protocol, aanf()), socket);
    // With the key of TLS 1.2 under the same suite, then with its own: only the second comes.
    let other = digits(&key_of(AkmaProtocol::tls_1_2(PskSuite::Aes128Ccm8), &akma));
    let _kept_out = s_client(address, protocol.profile(), &identity(&akma), &other);
    let key = digits(&key_of(protocol, &akma));
    let mut theirs = s_client(address, protocol.profile(), &identity(&akma), &key);
    let (mut ours, _) = listening.accept().await.unwrap();
    assert_eq!(ours.identity().unwrap().a_kid().as_ref(), Some(akma.a_kid()));
    theirs.write("a question\n");
    let mut message = [0; 64];
    let len = ours.recv(&mut message).await.unwrap();
    assert_eq!(&message[..len], b"a question\n");
    ours.send(b"an answer\n").await.unwrap();
    assert_eq!(theirs.read_to("\n").await, "an answer\n");
}

#[tokio::test]
async fn no_other_key_opens_and_an_unknown_a_kid_looks_the_same() {
    if without_interop() {
        return;
    }
    let akma = ue();
    let newer = ue_of([9; 32]);
    for protocol in [
        AkmaProtocol::tls_1_3(),
        AkmaProtocol::tls_1_2(PskSuite::Aes128Gcm),
        AkmaProtocol::tls_1_2(super::SUITE),
    ] {
        let server = server(protocol, aanf());
        let right = digits(&key_of(protocol, &akma));
        let of_another_protocol = match protocol.profile() {
            Profile::Tls13 => AkmaProtocol::tls_1_2(PskSuite::Aes128Gcm),
            _ => AkmaProtocol::tls_1_3(),
        };
        let of_digest = akma.k_af(&AfId::new(&af(), UaProtocolId::HTTP_DIGEST));
        let of_another_af = akma.k_af(&protocol.af_id(&"af.example.org".parse().unwrap()));
        let mut alerts = Vec::new();
        for (what, identity, key, is_known) in [
            (
                "of another protocol",
                identity(&akma),
                digits(&key_of(of_another_protocol, &akma)),
                true,
            ),
            ("of HTTP Digest", identity(&akma), digits(&of_digest), true),
            ("of another function", identity(&akma), digits(&of_another_af), true),
            (
                "of another authentication",
                identity(&akma),
                digits(&key_of(protocol, &newer)),
                true,
            ),
            (
                "K_AKMA",
                identity(&akma),
                hex::encode(akma.k_akma().expose_to_aanf()),
                true,
            ),
            (
                "an unknown A-KID",
                identity(&newer),
                digits(&key_of(protocol, &newer)),
                false,
            ),
            ("no prefix", akma.a_kid().to_string(), right.clone(), false),
            (
                "the prefix of GBA",
                format!("3GPP-bootstrapping;{}", akma.a_kid()),
                right.clone(),
                false,
            ),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let theirs = s_client(address, protocol.profile(), &identity, &key);
            let error = accept(&server, &listener).await.unwrap_err();
            let is_right = match is_known {
                true => matches!(error, HandshakeError::WrongKey),
                false => matches!(error, HandshakeError::UnknownIdentity),
            };
            assert!(is_right, "{protocol:?}, {what}: {error}");
            alerts.push(theirs.end().await.alert());
        }
        alerts.dedup();
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert!(alerts[0].is_some());
    }
}

#[tokio::test]
async fn a_ue_gets_in_at_s_server_that_says_the_hint() {
    if without_interop() {
        return;
    }
    let akma = ue();
    for protocol in [AkmaProtocol::tls_1_3(), AkmaProtocol::tls_1_2(PskSuite::Aes128Gcm)] {
        let (identity, key) = (identity(&akma), digits(&key_of(protocol, &akma)));
        let keyed = ["-nocert", "-psk_identity", &identity, "-psk", &key];
        let client = protocol.client(&af(), akma.a_kid(), &key_of(protocol, &akma)).unwrap();
        for hint in ["3GPP-AKMA", "3GPP-bootstrapping"] {
            let options = [
                &super::peers::options(protocol.profile())[..],
                &keyed,
                &["-psk_hint", hint],
            ]
            .concat();
            let (_theirs, address) = server_with(false, &options).await;
            let connected = client.connect(connect(address).await).await;
            let goes_on = hint == "3GPP-AKMA" || protocol.profile() == Profile::Tls13;
            assert_eq!(connected.is_ok(), goes_on, "{protocol:?} {hint}: {connected:?}");
        }
    }
}

#[tokio::test]
async fn both_ends_of_ours_meet_for_as_long_as_the_key_lives() {
    let akma = ue();
    for protocol in over_streams() {
        let client = protocol.client(&af(), akma.a_kid(), &key_of(protocol, &akma)).unwrap();
        // A key that has ended lets nobody in.
        let ended = Aanf {
            life: Duration::ZERO,
            ..aanf()
        };
        let (_, refused) = shake(&client, &server(protocol, ended)).await;
        let error = refused.unwrap_err();
        assert!(matches!(error, HandshakeError::UnknownIdentity), "{error}");
        let (at_client, at_server) = shake(&client, &server(protocol, aanf())).await;
        let (mut at_client, mut at_server) = (at_client.unwrap(), at_server.unwrap());
        at_client.write_all(b"a question").await.unwrap();
        let mut question = [0; 10];
        at_server.read_exact(&mut question).await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_ends_with_its_k_af() {
    let (akma, protocol) = (ue(), AkmaProtocol::tls_1_3());
    let client = protocol.client(&af(), akma.a_kid(), &key_of(protocol, &akma)).unwrap();
    let short = Aanf {
        life: Duration::from_millis(1_500),
        ..aanf()
    };
    let (at_client, at_server) = shake(&client, &server(protocol, short)).await;
    let (mut at_client, mut at_server) = (at_client.unwrap(), at_server.unwrap());
    at_client.write_all(b"before").await.unwrap();
    let mut octets = [0; 6];
    at_server.read_exact(&mut octets).await.unwrap();
    // Who waits for more is told.
    let waited = tokio::time::timeout(Duration::from_secs(20), at_server.read(&mut octets)).await;
    let error = waited.expect("the connection stays").unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (std::io::ErrorKind::TimedOut, "the pre-shared key has ended")
    );
    let error = at_server.write_all(b"after").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

/// Of this subscriber, over every version that the function speaks, and of nobody else.
#[tokio::test]
async fn a_connection_ends_when_the_home_network_disables_its_key() {
    let (akma, other) = (ue(), ue_of([9; 32]));
    let connections = AkmaConnections::new();
    let both = [akma.clone(), other.clone()];
    let keys = move |a_kid: AKid, af_id: AfId| {
        let known = both.iter().find(|akma| *akma.a_kid() == a_kid);
        let key = known.map(|akma| AfKey {
            k_af: akma.k_af(&af_id),
            expires: unix_millis().after(Duration::from_secs(3600)),
        });
        async move { key }
    };
    let mut ended = Vec::new();
    let mut stays = Vec::new();
    for protocol in [AkmaProtocol::tls_1_3(), AkmaProtocol::tls_1_2(super::SUITE)] {
        let server = protocol.server_of(&af(), keys.clone(), Handle::current(), short(), &connections);
        let server = server.unwrap();
        for (akma, all) in [(&akma, &mut ended), (&other, &mut stays)] {
            let client = protocol.client(&af(), akma.a_kid(), &key_of(protocol, akma)).unwrap();
            let (at_client, at_server) = shake(&client, &server).await;
            all.push((at_client.unwrap(), at_server.unwrap()));
        }
    }
    assert_eq!(connections.count(), 2);
    assert!(
        !connections.disable(ue_of([8; 32]).a_kid()),
        "nobody is connected by it"
    );
    let waiting = ended.into_iter().map(|(at_client, mut at_server)| {
        tokio::spawn(async move {
            let read = at_server.read(&mut [0; 8]).await;
            let written = at_server.write_all(b"after").await;
            drop(at_client);
            (
                read.map_err(|error| error.to_string()),
                written.map_err(|error| error.kind()),
            )
        })
    });
    let waiting: Vec<_> = waiting.collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(connections.disable(akma.a_kid()));
    for waited in waiting {
        let (read, written) = tokio::time::timeout(Duration::from_secs(10), waited)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(read, Err("the pre-shared key has ended".to_owned()));
        assert_eq!(written, Err(std::io::ErrorKind::TimedOut));
    }
    for (at_client, at_server) in &mut stays {
        at_client.write_all(b"still").await.unwrap();
        at_server.read_exact(&mut [0; 5]).await.unwrap();
    }
    drop(stays);
    assert_eq!(connections.count(), 0, "nothing is left of them");
}

/// What is said while the key is asked for is of that key, too.
#[tokio::test]
async fn a_key_that_is_disabled_while_it_is_asked_for_lets_nobody_in() {
    let (akma, protocol) = (ue(), AkmaProtocol::tls_1_3());
    let connections = AkmaConnections::new();
    let (told, late) = (connections.clone(), akma.clone());
    let keys = move |a_kid: AKid, af_id: AfId| {
        let key = AfKey {
            k_af: late.k_af(&af_id),
            expires: unix_millis().after(Duration::from_secs(3600)),
        };
        let told = told.clone();
        async move {
            assert!(told.disable(&a_kid));
            Some(key)
        }
    };
    let server = protocol
        .server_of(&af(), keys, Handle::current(), short(), &connections)
        .unwrap();
    let client = protocol.client(&af(), akma.a_kid(), &key_of(protocol, &akma)).unwrap();
    let (_, refused) = shake(&client, &server).await;
    assert!(matches!(refused.unwrap_err(), HandshakeError::UnknownIdentity));
}

#[tokio::test]
async fn nobody_waits_for_an_aanf_longer_than_for_a_handshake() {
    let (akma, protocol) = (ue(), AkmaProtocol::tls_1_3());
    let (asked, dropped) = (Arc::new(AtomicUsize::default()), Arc::new(AtomicUsize::default()));
    let (begun, count) = (asked.clone(), dropped.clone());
    /// Tells that it is gone.
    struct Gone(Arc<AtomicUsize>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let silent = move |_: AKid, _: AfId| {
        begun.fetch_add(1, Ordering::Relaxed);
        let gone = Gone(count.clone());
        async move {
            let _gone = gone;
            std::future::pending::<Option<AfKey>>().await
        }
    };
    let mut limits = short();
    limits.patience = Duration::from_millis(300);
    let server = protocol.server(&af(), silent, Handle::current(), limits).unwrap();
    let client = protocol.client(&af(), akma.a_kid(), &key_of(protocol, &akma)).unwrap();
    // A busy machine may not come to ask before that time is over.
    for _ in 0..20 {
        let (_, refused) = shake(&client, &server).await;
        assert!(matches!(refused.unwrap_err(), HandshakeError::TooSlow));
        if asked.load(Ordering::Relaxed) > 0 {
            break;
        }
    }
    for _ in 0..400 {
        let (asked, dropped) = (asked.load(Ordering::Relaxed), dropped.load(Ordering::Relaxed));
        if asked > 0 && asked == dropped {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the request goes on");
}

#[tokio::test]
async fn a_ue_is_told_nothing_of_why() {
    let protocol = AkmaProtocol::tls_1_3();
    let server = server(protocol, aanf());
    let newer = ue_of([9; 32]);
    let right = ue();
    let unknown = protocol
        .client(&af(), newer.a_kid(), &key_of(protocol, &newer))
        .unwrap();
    let wrong = protocol
        .client(&af(), right.a_kid(), &key_of(protocol, &newer))
        .unwrap();
    for client in [unknown, wrong] {
        let (refused, _) = shake(&client, &server).await;
        assert!(matches!(refused.unwrap_err(), HandshakeError::Alert(Alert(47))));
    }
}
