//! What does not fit is refused, and who is refused learns next to nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kaskade_net::psk::{
    Alert, Asked, HandshakeError, Profile, PskClient, PskDatagramServer, PskIdentity, PskKey, PskServer, PskSuite,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::peers::{Left, client_with, connect, options, server_with};
use super::{IDENTITY, KEY, One, SUITE, accept, client, identity, key, server, shake, short, somewhere, wrong_key};
use crate::common::without_interop;

const STREAMS: [Profile; 2] = [Profile::Tls13, Profile::Tls12(SUITE)];

/// Octets that a server sent to a client that was refused, and what each end says.
async fn refused(client: &PskClient, server: &PskServer) -> (Vec<u8>, HandshakeError, HandshakeError) {
    let (ours, mut near) = tokio::io::duplex(4096);
    let (mut far, theirs) = tokio::io::duplex(4096);
    let mut sent = Vec::new();
    let between = async {
        let (mut from_client, mut from_server) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                len = near.read(&mut from_client) => match len.unwrap_or(0) {
                    0 => break,
                    len => { let _ = far.write_all(&from_client[..len]).await; }
                },
                len = far.read(&mut from_server) => match len.unwrap_or(0) {
                    0 => break,
                    len => {
                        sent.extend_from_slice(&from_server[..len]);
                        near.write_all(&from_server[..len]).await.unwrap();
                    }
                },
            }
        }
        drop((near, far));
    };
    let (at_client, at_server, ()) = tokio::join!(client.connect(ours), server.accept(theirs, somewhere()), between);
    (sent, at_client.unwrap_err(), at_server.unwrap_err())
}

/// Type and length of each record, and what an alert says.
fn shape(mut octets: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut records = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = octets {
        let (body, after) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        let what = if *kind == 21 { body.to_vec() } else { vec![*high, *low] };
        records.push((*kind, what));
        octets = after;
    }
    records
}

/// A server, and clients that it refuses: with another key, with an identity that nobody has, with one that is too long.
fn refused_clients(profile: Profile) -> (PskServer, PskClient, Vec<PskClient>) {
    let longest = match profile {
        Profile::Tls13 => 1025,
        _ => 128,
    };
    let stranger = IDENTITY.replace("rid678", "rid679");
    let long = "x".repeat(longest);
    let wrong = PskClient::new(profile, identity(IDENTITY), wrong_key()).unwrap();
    let unknown = [stranger, long].map(|name| PskClient::new(profile, identity(&name), key()).unwrap());
    (server(profile), wrong, unknown.into())
}

#[tokio::test]
async fn an_unknown_identity_looks_like_a_wrong_key() {
    for (profile, alert) in STREAMS.into_iter().zip([47, 20]) {
        let (server, wrong, unknown) = refused_clients(profile);
        let (sent, at_client, at_server) = refused(&wrong, &server).await;
        assert!(
            matches!(at_client, HandshakeError::Alert(Alert(number)) if number == alert),
            "{at_client}"
        );
        assert!(matches!(at_server, HandshakeError::WrongKey), "{at_server}");
        assert_eq!(shape(&sent).last().unwrap(), &(21, vec![2, alert]));
        for client in unknown {
            let (also_sent, at_client, at_server) = refused(&client, &server).await;
            assert!(
                matches!(at_client, HandshakeError::Alert(Alert(number)) if number == alert),
                "{at_client}"
            );
            assert!(matches!(at_server, HandshakeError::UnknownIdentity), "{at_server}");
            assert_eq!(shape(&also_sent), shape(&sent), "{profile:?}");
        }
    }
}

/// Seconds that a refusal takes, in the middle of many.
async fn median(client: &PskClient, server: &PskServer, times: &mut Vec<Duration>) {
    let start = Instant::now();
    refused(client, server).await;
    times.push(start.elapsed());
}

#[tokio::test]
async fn an_unknown_identity_takes_as_long_as_a_wrong_key() {
    for profile in STREAMS {
        let (server, wrong, unknown) = refused_clients(profile);
        let (mut of_wrong, mut of_unknown) = (Vec::new(), Vec::new());
        // In turns, so that whatever else the machine does hits both.
        for _ in 0..60 {
            median(&wrong, &server, &mut of_wrong).await;
            median(&unknown[0], &server, &mut of_unknown).await;
        }
        for times in [&mut of_wrong, &mut of_unknown] {
            times.sort();
        }
        let [a, b] = [&of_wrong, &of_unknown].map(|times| times[times.len() / 2].as_secs_f64());
        assert!((0.5..2.0).contains(&(a / b)), "{profile:?}: {a} s and {b} s");
    }
}

#[tokio::test]
async fn an_identity_that_is_too_long_is_looked_up_by_nobody() {
    let keys = Arc::new(One::default());
    let mut limits = short();
    limits.max_identity = 64;
    for profile in STREAMS {
        let server = PskServer::new(profile, None, keys.clone(), limits.clone()).unwrap();
        let client = PskClient::new(profile, identity(&"x".repeat(65)), key()).unwrap();
        let (_, _, at_server) = refused(&client, &server).await;
        assert!(matches!(at_server, HandshakeError::UnknownIdentity), "{at_server}");
        assert_eq!(keys.asked(), 0, "{profile:?}");
    }
    let server = PskServer::new(Profile::Tls13, None, keys.clone(), limits).unwrap();
    let client = PskClient::new(Profile::Tls13, identity(&"x".repeat(64)), key()).unwrap();
    refused(&client, &server).await;
    assert_eq!(keys.asked(), 1);
}

#[tokio::test]
async fn any_octets_are_an_identity_in_1_3() {
    let octets: Vec<u8> = (0..15_360_u32).map(|at| (at % 251) as u8).collect();
    let keys = |asked: &Asked<'_>| (asked.identity.as_octets().len() == 15_360).then(key);
    let mut limits = short();
    limits.max_identity = PskIdentity::MAX;
    let server = PskServer::new(Profile::Tls13, None, Arc::new(keys), limits).unwrap();
    let client = PskClient::new(Profile::Tls13, PskIdentity::new(&octets).unwrap(), key()).unwrap();
    let longest = format!("{0}.{0}.{0}.{1}", "n".repeat(63), "n".repeat(61));
    let client = client.with_server_name(&longest).unwrap();
    let (at_client, at_server) = shake(&client, &server).await;
    assert_eq!(at_server.unwrap().identity().unwrap().as_octets(), octets);
    drop(at_client.unwrap());
}

#[tokio::test]
async fn a_lookup_that_panics_is_an_unknown_identity() {
    for profile in STREAMS {
        let keys = |_: &Asked<'_>| -> Option<PskKey> { panic!("a lookup that fails on purpose") };
        let server = PskServer::new(profile, None, Arc::new(keys), short()).unwrap();
        let (_, _, at_server) = refused(&client(profile), &server).await;
        assert!(matches!(at_server, HandshakeError::UnknownIdentity), "{at_server}");
        assert_eq!(server.counts(), [0, 0]);
    }
}

/// What `s_client` says after a server has refused it.
async fn refused_by(server: &PskServer, options: &[&str]) -> (HandshakeError, Left) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = client_with(listener.local_addr().unwrap(), options);
    let error = accept(server, &listener).await.unwrap_err();
    (error, theirs.end().await)
}

#[tokio::test]
async fn s_client_learns_the_same_of_both() {
    if without_interop() {
        return;
    }
    let right = hex::encode(KEY);
    for (profile, alert) in STREAMS.into_iter().zip([47, 20]) {
        let server = server(profile);
        for (name, key) in [(IDENTITY, "5a".repeat(32)), ("somebody else", right.clone())] {
            let rest = ["-quiet", "-psk_identity", name, "-psk", &key];
            let (_, left) = refused_by(&server, &[&options(profile)[..], &rest].concat()).await;
            assert_eq!(left.alert(), Some(alert), "{}", left.errors);
        }
    }
}

#[tokio::test]
async fn no_other_version_is_agreed() {
    if without_interop() {
        return;
    }
    let right = hex::encode(KEY);
    let rest = ["-quiet", "-psk_identity", IDENTITY, "-psk", &right];
    for (profile, other) in [
        (Profile::Tls13, "-tls1_2"),
        (Profile::Tls12(SUITE), "-tls1_3"),
        (Profile::Tls12(SUITE), "-tls1_1"),
    ] {
        // Old versions need the lowest level of security of theirs.
        let with = [other, "-cipher", "ALL:PSK:@SECLEVEL=0"];
        let (_, left) = refused_by(&server(profile), &[&with[..], &rest].concat()).await;
        assert_eq!(left.alert(), Some(70), "{other}: {}", left.errors);
    }
    for (profile, other) in [(Profile::Tls13, "-tls1_2"), (Profile::Tls12(SUITE), "-tls1_3")] {
        let with = [other, "-nocert", "-psk_identity", IDENTITY, "-psk", &right];
        let (_theirs, address) = server_with(false, &with).await;
        let error = client(profile).connect(connect(address).await).await.unwrap_err();
        assert!(matches!(error, HandshakeError::Alert(Alert(70))), "{error}");
    }
}

#[tokio::test]
async fn no_other_suite_is_agreed() {
    if without_interop() {
        return;
    }
    let right = hex::encode(KEY);
    let rest = ["-quiet", "-psk_identity", IDENTITY, "-psk", &right];
    for other in [
        "PSK-AES128-CBC-SHA256",
        "PSK-AES256-GCM-SHA384",
        "ECDHE-PSK-NULL-SHA256",
        "ECDHE-PSK-AES128-CBC-SHA256",
    ] {
        let with = ["-tls1_2", "-cipher", &format!("{other}:@SECLEVEL=0")];
        let (_, left) = refused_by(&server(Profile::Tls12(SUITE)), &[&with[..], &rest].concat()).await;
        assert_eq!(left.alert(), Some(40), "{other}: {}", left.errors);
    }
    // A key that would depend on the suite is asked for by its suite alone.
    let keys = |asked: &Asked<'_>| {
        assert_eq!(asked.profile.suite(), Some(PskSuite::Aes128Gcm));
        Some(key())
    };
    let server = PskServer::new(Profile::Tls12(PskSuite::Aes128Gcm), None, Arc::new(keys), short()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = client_with(listener.local_addr().unwrap(), &[&["-tls1_2"][..], &rest].concat());
    assert_eq!(accept(&server, &listener).await.unwrap().cipher_suite(), 0x00A8);
    drop(theirs);
}

#[tokio::test]
async fn nothing_else_is_agreed_over_datagrams() {
    if without_interop() {
        return;
    }
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let _listening = PskDatagramServer::new(server(Profile::Dtls12(SUITE)), socket);
    let right = hex::encode(KEY);
    let rest = ["-quiet", "-psk_identity", IDENTITY, "-psk", &right];
    for (version, cipher, alert) in [
        ("-dtls1", "ALL:PSK:@SECLEVEL=0", 70),
        ("-dtls1_2", "PSK-AES256-GCM-SHA384", 40),
    ] {
        let theirs = client_with(address, &[&[version, "-cipher", cipher][..], &rest].concat());
        let left = theirs.end().await;
        assert_eq!(left.alert(), Some(alert), "{version}: {}", left.errors);
    }
}

#[tokio::test]
async fn early_data_and_key_exchange_without_forward_secrecy_are_refused() {
    if without_interop() {
        return;
    }
    // s_client sends psk_ke only where it has no group in common.
    let right = hex::encode(KEY);
    let with = [
        "-tls1_3",
        "-allow_no_dhe_kex",
        "-groups",
        "P-521",
        "-quiet",
        "-psk_identity",
        IDENTITY,
        "-psk",
        &right,
    ];
    let (_, left) = refused_by(&server(Profile::Tls13), &with).await;
    assert_eq!(left.alert(), Some(40), "{}", left.errors);
}

#[tokio::test]
async fn certificates_are_neither_shown_nor_taken() {
    if without_interop() {
        return;
    }
    // A client that has no key.
    for (profile, version) in STREAMS.into_iter().zip(["-tls1_3", "-tls1_2"]) {
        let (error, left) = refused_by(&server(profile), &["-quiet", version]).await;
        assert_eq!(left.alert(), Some(40), "{error}: {}", left.errors);
    }
    // A server that has no key, and a certificate.
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["af.example".to_owned()]).unwrap();
    let [certificate, private] = ["certificate", "key"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&private, made.signing_key.serialize_pem()).unwrap();
    let [certificate, private] = [&certificate, &private].map(|path| path.to_str().unwrap());
    for profile in STREAMS {
        let with = ["-cert", certificate, "-key", private];
        let (_theirs, address) = server_with(false, &with).await;
        let error = client(profile).connect(connect(address).await).await.unwrap_err();
        match profile {
            Profile::Tls13 => assert!(matches!(error, HandshakeError::Misfit(_)), "{error}"),
            _ => assert!(matches!(error, HandshakeError::Alert(Alert(40))), "{error}"),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_at_once() {
    use kaskade_net::psk::ContextError;
    let keys = || Arc::new(One::default());
    let hint = |profile, hint: &str| PskServer::new(profile, Some(hint), keys(), short()).map(|_| ());
    for (profile, text) in [
        (Profile::Tls13, "3GPP-AKMA"),
        (Profile::Tls12(SUITE), ""),
        (Profile::Tls12(SUITE), "a\0b"),
    ] {
        assert!(matches!(hint(profile, text), Err(ContextError::Hint)), "{text:?}");
    }
    assert!(matches!(
        hint(Profile::Tls12(SUITE), &"h".repeat(129)),
        Err(ContextError::Hint)
    ));
    assert!(hint(Profile::Tls12(SUITE), &"h".repeat(128)).is_ok());
    assert!(matches!(
        client(Profile::Tls13).with_hint("3GPP-AKMA"),
        Err(ContextError::Hint)
    ));
    assert!(matches!(
        client(Profile::Tls13).with_server_name("not a name"),
        Err(ContextError::ServerName)
    ));
    let long = PskClient::new(Profile::Tls12(SUITE), identity(&"i".repeat(129)), key());
    assert!(matches!(long, Err(ContextError::Identity(_))));
    let (ours, theirs) = tokio::io::duplex(64);
    let profile = Profile::Dtls12(SUITE);
    let error = client(profile).connect(ours).await.unwrap_err();
    assert!(
        matches!(error, HandshakeError::Context(ContextError::WrongCarrier)),
        "{error}"
    );
    let error = server(profile).accept(theirs, somewhere()).await.unwrap_err();
    assert!(
        matches!(error, HandshakeError::Context(ContextError::WrongCarrier)),
        "{error}"
    );
}
