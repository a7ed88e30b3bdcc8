//! TLS with K_AF: UEs that shake hands with the key, as a client of ours and as openssl s_client.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use kaskade_af::{AkmaClient, AkmaOptions, HttpBounds, PskListener, PskLogin, SimUser, serve};
use kaskade_flow::budget::Rate;
use kaskade_keys::id::AfId;
use kaskade_net::psk::{AfKeys as _, AkmaProtocol, PskIdentity, PskLimits, PskStream, PskSuite};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::common::{Home, Says, Ue, af, client};

/// Long enough for a slow machine.
const SOON: Duration = Duration::from_secs(20);

const TLS_1_2: PskSuite = PskSuite::Aes128Gcm;

async fn start(keys: &AkmaClient, protocol: AkmaProtocol) -> SocketAddr {
    start_with(keys, keys, protocol).await
}

/// With other keys before the application than those of the listener.
async fn start_with(keys: &AkmaClient, at_login: &AkmaClient, protocol: AkmaProtocol) -> SocketAddr {
    let hello =
        |user: SimUser| async move { format!("{} {}", user.name().unwrap_or("somebody".to_owned()), user.a_kid) };
    let login = PskLogin::new(at_login.clone(), protocol);
    let app = Router::new().route("/", get(hello)).layer(login);
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let listener = PskListener::new(socket, protocol, keys, PskLimits::default()).unwrap();
    let mut bounds = HttpBounds::default();
    // No connection ends because nothing is said on it.
    bounds.head = 30 * SOON;
    tokio::spawn(serve(listener, app, bounds, std::future::pending()));
    address
}

async fn connect(address: SocketAddr, protocol: AkmaProtocol, ue: &Ue) -> Option<PskStream<TcpStream>> {
    let k_af = ue.k_akma.k_af(&protocol.af_id(&af()));
    let client = protocol.client(&af(), &ue.a_kid, &k_af).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    timeout(SOON, client.connect(stream)).await.expect("an end").ok()
}

/// Sends a request and reads until the answer has this at its end, or the connection ends.
async fn ask(stream: &mut PskStream<TcpStream>, end: &str) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: af.example\r\n\r\n")
        .await
        .unwrap();
    let (mut told, mut octets) = (String::new(), [0; 4096]);
    while !told.ends_with(end) || end.is_empty() {
        let read = timeout(SOON, stream.read(&mut octets)).await.expect("an answer");
        match read {
            Ok(count) if count > 0 => told.push_str(std::str::from_utf8(&octets[..count]).unwrap()),
            _ => break,
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_the_key_gets_in_and_the_application_learns_who_it_is() {
    for protocol in [AkmaProtocol::tls_1_3(), AkmaProtocol::tls_1_2(TLS_1_2)] {
        let ue = Ue::new(1);
        let home = Home::new(std::slice::from_ref(&ue));
        let keys = client(&home);
        let address = start(&keys, protocol).await;
        let mut stream = connect(address, protocol, &ue).await.unwrap();
        let end = ue.a_kid.to_string();
        for _ in 0..2 {
            let told = ask(&mut stream, &end).await;
            assert!(told.starts_with("HTTP/1.1 200"), "{told}");
            assert!(told.ends_with(&format!("msisdn-491701234567 {end}")), "{told}");
        }
        assert_eq!(home.asked(), 1, "for the handshake, and kept");
        assert_eq!(home.last().af_id, protocol.af_id(&af()));
        // A key of another protocol, of another UE, and none.
        assert!(connect(address, protocol, &Ue::new(2)).await.is_none());
        let mut wrong = Ue::new(2);
        wrong.a_kid = ue.a_kid.clone();
        assert!(connect(address, protocol, &wrong).await.is_none());
        home.says(Says::Nothing);
        let mut newer = Ue::new(3);
        newer.k_akma = ue.k_akma.clone();
        assert!(connect(address, protocol, &newer).await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_key_ends_its_connections() {
    let protocol = AkmaProtocol::tls_1_3();
    let (ue, other) = (Ue::new(1), Ue::new(2));
    let keys = client(&Home::new(&[ue.clone(), other.clone()]));
    let address = start(&keys, protocol).await;
    let mut stream = connect(address, protocol, &ue).await.unwrap();
    let mut of_other = connect(address, protocol, &other).await.unwrap();
    let says = ask(&mut stream, &ue.a_kid.to_string()).await;
    assert!(says.starts_with("HTTP/1.1 200"), "{says}");
    assert_eq!(keys.disable(&ue.a_kid), 1);
    // Without another request.
    let ended = timeout(SOON, stream.read(&mut [0; 16])).await.expect("an end");
    assert!(!matches!(ended, Ok(1..)), "{ended:?}");
    let says = ask(&mut of_other, &other.a_kid.to_string()).await;
    assert!(says.starts_with("HTTP/1.1 200"), "{says}");
    assert_eq!(keys.connections().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_none_any_more_ends_a_connection_with_its_next_request() {
    let protocol = AkmaProtocol::tls_1_3();
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let (keys, at_login) = (client(&home), client(&home));
    let address = start_with(&keys, &at_login, protocol).await;
    let mut stream = connect(address, protocol, &ue).await.unwrap();
    assert!(
        ask(&mut stream, &ue.a_kid.to_string())
            .await
            .starts_with("HTTP/1.1 200")
    );
    home.says(Says::Nothing);
    assert_eq!(at_login.disable(&ue.a_kid), 1);
    let told = ask(&mut stream, "").await;
    assert!(
        told.starts_with("HTTP/1.1 403") && told.contains("connection: close"),
        "{told}"
    );
}

#[tokio::test]
async fn keys_for_psk_are_of_this_function_and_of_the_budget_of_the_source() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let mut options = AkmaOptions::default();
    options.rate_of_source = Rate::per_second(1, 2).unwrap();
    let keys = AkmaClient::new(af(), home.clone(), options).unwrap();
    let protocol = AkmaProtocol::tls_1_3();
    let key = keys.af_key(&ue.a_kid, &protocol.af_id(&af())).await.unwrap();
    assert_eq!(key.k_af, ue.k_akma.k_af(&protocol.af_id(&af())));
    let left = key.expires.get() - kaskade_net::time::unix_millis().get();
    assert!((3_500_000..=3_600_000).contains(&left), "{left} ms");
    let other = AfId::new(&"other.example".parse().unwrap(), protocol.ua());
    assert!(keys.af_key(&ue.a_kid, &other).await.is_none());
    let from = "192.0.2.1:1".parse().unwrap();
    for number in 10..20 {
        assert!(
            keys.af_key_for(from, &Ue::new(number).a_kid, &protocol.af_id(&af()))
                .await
                .is_none()
        );
    }
    // One of ours, and two of those that are made up; one or two more on a slow machine.
    assert!((3..6).contains(&home.asked()), "{}", home.asked());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_client_gets_in_with_k_af() {
    if kaskade_oracle::skipping() {
        kaskade_oracle::not_here("openssl s_client (KASKADE_SKIP_INTEROP is set)");
        return;
    }
    for (protocol, options) in [
        (
            AkmaProtocol::tls_1_3(),
            ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
        ),
        (
            AkmaProtocol::tls_1_2(TLS_1_2),
            ["-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256"],
        ),
    ] {
        let ue = Ue::new(1);
        let keys = client(&Home::new(std::slice::from_ref(&ue)));
        let address = start(&keys, protocol).await;
        let k_af = ue.k_akma.k_af(&protocol.af_id(&af()));
        let digits: String = k_af.expose_to_af().iter().map(|octet| format!("{octet:02x}")).collect();
        let identity = PskIdentity::of_a_kid(&ue.a_kid);
        let mut command = Command::new("openssl");
        command
            .args(["s_client", "-connect", &address.to_string(), "-quiet"])
            .args(options)
            .arg("-psk_identity")
            .arg(std::str::from_utf8(identity.as_octets()).unwrap())
            .args(["-psk", &digits])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let run = move || {
            let mut theirs = command
                .spawn()
                .expect("openssl: apt-get install openssl, or KASKADE_SKIP_INTEROP=1");
            let request = b"GET / HTTP/1.1\r\nHost: af.example\r\nConnection: close\r\n\r\n";
            theirs.stdin.as_mut().unwrap().write_all(request).unwrap();
            theirs.wait_with_output().unwrap()
        };
        let output = timeout(SOON, tokio::task::spawn_blocking(run)).await.expect("an end");
        let told = String::from_utf8(output.unwrap().stdout).unwrap();
        assert!(told.starts_with("HTTP/1.1 200"), "{told}");
        assert!(told.ends_with(&format!("msisdn-491701234567 {}", ue.a_kid)), "{told}");
    }
}
