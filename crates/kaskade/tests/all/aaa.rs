//! A node with an AAA server: a device with a card behind a gateway over UDP.

#[path = "../../../kaskade-net/tests/all/aaa/terminal.rs"]
mod terminal;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use kaskade_aka::auc::AlgorithmKeys;
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_crypto::radius::SharedSecret;
use kaskade_keys::{Plmn, Supi};
use kaskade_store::{OpOrOpc, SubscriberSecrets};

use crate::common::{K, OPC, Place, SUPI, Up, mode};
use crate::monitor::{curl, root};
use terminal::{Attach, Device, Ended, Progress};

const CONFIG: &str = "data_dir = \"data\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[aaa]\nradius = [\"127.0.0.1:0\"]\nsession_timeout = 3600\n\
                      [aaa.clients.hotspot]\nprefixes = [\"127.0.0.0/8\"]\nsecret_file = \"hotspot.secret\"\n";
const SECRET: &str = "at least sixteen octets";

fn keys() -> AlgorithmKeys {
    let octets = |text: &str| <[u8; 16]>::try_from(hex::decode(text).expect("hexadecimal")).expect("16 octets");
    let secrets = SubscriberSecrets::milenage(
        kaskade_crypto::K::from_octets(&octets(K)),
        OpOrOpc::Opc(kaskade_crypto::Opc::from_octets(&octets(OPC))),
    );
    secrets.algorithm_keys().expect("a USIM")
}

fn device() -> Device {
    let supi: Supi = SUPI.parse().expect("a SUPI");
    Device::new(
        Usim::new(&keys(), UsimOptions::default()),
        &supi,
        Plmn::new("001", "01").expect("a PLMN"),
    )
}

/// Where a node serves RADIUS.
fn radius(up: &Up) -> SocketAddr {
    let line = up.greeting.lines().find_map(|line| line.strip_prefix("RADIUS"));
    let address = line.expect("an address").trim().strip_suffix(" (UDP)");
    address.expect("over UDP").parse().expect("an address")
}

/// A whole authentication under a secret; `None` where nobody answers.
fn attach(device: &mut Device, address: SocketAddr, secret: &str) -> Option<Ended> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(address).expect("an address");
    socket
        .set_read_timeout(Some(Duration::from_secs(3)))
        .expect("a timeout");
    let mut attach = Attach::begin(device, SharedSecret::new(secret.as_bytes()).expect("a secret"));
    loop {
        socket.send(attach.request()).expect("sent");
        let mut octets = [0; 4096];
        let length = socket.recv(&mut octets).ok()?;
        attach = match attach.answered(&octets[..length]) {
            Progress::Asks(attach) => attach,
            Progress::Ended(ended) => return Some(ended),
        };
    }
}

#[test]
fn a_hotspot_lets_a_card_in_and_knows_it_again_after_a_restart() {
    let place = Place::new();
    place.file("k.toml", CONFIG);
    place.file("hotspot.secret", &format!("{SECRET}\n"));
    assert!(place.kaskade("config check k.toml").ok().contains("in order"));
    let methods = "--methods 5g-aka,eap-aka-prime,eap-aka";
    place
        .with_secrets(&format!("subscriber add --config k.toml --supi {SUPI} {methods}"))
        .ok();
    let (up, log) = Up::start_with_log(&place, "up --config k.toml");
    assert!(
        !up.greeting.contains("nudm-ueau"),
        "its UDM listens nowhere: {}",
        up.greeting
    );
    let mut device = device();
    let ended = attach(&mut device, radius(&up), SECRET).expect("an answer");
    let (peer, first) = ended.comes_in();
    assert_eq!((peer.reauthentication, first.session_timeout), (false, Some(3600)));
    let (peer, accepted) = attach(&mut device, radius(&up), SECRET).expect("an answer").comes_in();
    assert!(peer.reauthentication && accepted.cui == first.cui);

    let metrics = curl(&[&format!("{}/metrics", root(&up))]);
    for sample in [
        "kaskade_aaa_authentications_total{method=\"EAP-AKA'\",kind=\"full\"} 1",
        "kaskade_aaa_authentications_total{method=\"EAP-AKA'\",kind=\"fast\"} 1",
        "kaskade_aaa_failures_total 0",
        "kaskade_radius_packets_total{what=\"accepts\"} 2",
        "kaskade_radius_packets_total{what=\"challenges\"} 2",
        "kaskade_aaa_reauthentications 1",
    ] {
        assert!(metrics.lines().any(|line| line == sample), "{sample}\n{metrics}");
    }

    // Another secret, while it runs.
    place.file("hotspot.secret", "another secret, as long\n");
    up.reload(&log, "the configuration was taken over", 1);
    assert!(
        attach(&mut device, radius(&up), SECRET).is_none(),
        "the old one is nobody's"
    );
    let ended = attach(&mut device, radius(&up), "another secret, as long").expect("an answer");
    ended.comes_in();
    up.stop();
    let said = std::fs::read_to_string(&log).expect("a log");
    let line = said
        .lines()
        .find(|line| line.contains("authentication succeeded"))
        .expect("a line");
    for part in ["imsi-00101********01", "WLAN", "EAP-AKA'", "hotspot"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!said.contains("001010000000001"), "{said}");

    let up = Up::start(&place, "up --config k.toml");
    let ended = attach(&mut device, radius(&up), "another secret, as long").expect("an answer");
    assert!(!ended.identity.contains("001010000000001"), "{}", ended.identity);
    let (peer, accepted) = ended.comes_in();
    assert!(
        !peer.peer_id.as_str().contains("001010000000001"),
        "its pseudonym is known still"
    );
    assert_eq!(accepted.cui, first.cui);
    up.stop();
    let shown = place.kaskade("audit show --config k.toml").ok();
    for action in ["vector-given", "challenge-given", "key-released"] {
        assert!(shown.contains(action), "{action}: {shown}");
    }
    place.has_no(&[K, OPC, &hex::encode(SECRET)], &["data"]);
}

#[test]
fn an_emulated_device_comes_in_as_the_page_says() {
    let place = Place::new();
    place.file("k.toml", CONFIG);
    place.file("hotspot.secret", &format!("{SECRET}\n"));
    let methods = "--methods 5g-aka,eap-aka-prime,eap-aka";
    place
        .with_secrets(&format!("subscriber add --config k.toml --supi {SUPI} {methods}"))
        .ok();
    let up = Up::start(&place, "up --config k.toml");
    for method in ["", "--method aka"] {
        let told = place.with_secrets(&format!(
            "ue eap --radius {} --radius-secret-file hotspot.secret --supi {SUPI} --home 001-01 --repeat 3 {method}",
            radius(&up)
        ));
        told.ok();
    }
    let metrics = curl(&[&format!("{}/metrics", root(&up))]);
    for sample in [
        "kaskade_aaa_authentications_total{method=\"EAP-AKA'\",kind=\"full\"} 1",
        "kaskade_aaa_authentications_total{method=\"EAP-AKA'\",kind=\"fast\"} 2",
        "kaskade_aaa_authentications_total{method=\"EAP-AKA\",kind=\"full\"} 1",
        "kaskade_aaa_authentications_total{method=\"EAP-AKA\",kind=\"fast\"} 2",
    ] {
        assert!(metrics.lines().any(|line| line == sample), "{sample}\n{metrics}");
    }
    up.stop();
}

#[test]
fn what_a_configuration_of_clients_cannot_mean_is_said_with_its_place() {
    let place = Place::new();
    place.file("secret", "short\n");
    mode(&place.path("secret"), 0o644);
    place.file("k.toml", &CONFIG.replace("hotspot.secret", "secret"));
    let said = place.kaskade("config check k.toml").refused();
    assert!(
        said.contains("line 9, column 1: aaa.clients.hotspot.secret_file"),
        "{said}"
    );
    mode(&place.path("secret"), 0o600);
    let fine = place.kaskade("config check k.toml").ok();
    assert!(
        fine.contains("aaa.clients.hotspot: its secret has fewer than 16 octets"),
        "{fine}"
    );
    place.file(
        "k.toml",
        &CONFIG.replace("secret_file = \"hotspot.secret\"", "secret_env = \"NOBODY_SETS_THIS\""),
    );
    let said = place.kaskade("config check k.toml").refused();
    assert!(
        said.contains("aaa.clients.hotspot.secret_env: NOBODY_SETS_THIS is not set"),
        "{said}"
    );
    place.file("k.toml", &CONFIG.replace("hotspot.secret", "nothing"));
    let said = place.kaskade("config check k.toml").refused();
    assert!(said.contains("line 9") && said.contains("nothing"), "{said}");
}
