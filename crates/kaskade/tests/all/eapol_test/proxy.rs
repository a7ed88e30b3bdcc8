//! FreeRADIUS between gateway and AAA server, and what it sends by its client that is not as it should be.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use kaskade_oracle::{RadiusProxy, UsimPeer, radclient};

use super::{House, IMSI, METHODS, REALM, SECRET, agree, different_keys, peer};

/// What the proxy shares with its gateways. `eapol_test` has it from [`House::authenticate_at`].
const OUTER: &str = SECRET;
/// What it shares with the AAA server.
const INNER: &str = "another secret, as long as that";

impl House {
    /// Behind FreeRADIUS; `None` if it is not here.
    fn behind_a_proxy(settings: &str) -> Option<(Self, RadiusProxy)> {
        let house = Self::start_under(settings, INNER);
        let folder = house.place.path("proxy");
        std::fs::create_dir(&folder).expect("a folder");
        let proxy = RadiusProxy::start(&folder, house.address(), [INNER, OUTER])?;
        Some((house, proxy))
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port()).into()
    }
}

#[test]
fn eapol_test_comes_in_by_way_of_freeradius() {
    let Some((house, proxy)) = House::behind_a_proxy("result_ind = true\n") else {
        return;
    };
    for method in METHODS {
        let peer = UsimPeer {
            result_ind: true,
            ..peer(method)
        };
        let Some((passed, printed)) = house.authenticate_at(proxy.address().port(), &peer, 2) else {
            return;
        };
        assert!(passed, "{}", printed.text());
        // The proxy has taken the keys out under one secret and hidden them under another.
        agree(&printed, method, &peer.identity);
        different_keys(&printed, 3);
        assert_eq!(house.authentications(method), (1, 2));
    }
    let stranger = UsimPeer {
        identity: format!("6001019999999999@{REALM}"),
        ..peer("AKA'")
    };
    let (passed, printed) = house
        .authenticate_at(proxy.address().port(), &stranger, 0)
        .expect("it is here");
    assert!(
        !passed && printed.text().contains("CTRL-EVENT-EAP-FAILURE"),
        "{}",
        printed.text()
    );
    let dropped = house.figure("kaskade_radius_packets_total{what=\"not_authentic\"}");
    assert_eq!((dropped, house.figure("kaskade_aaa_failures_total")), (0, 1));
    house.up.stop();
}

#[test]
fn eapol_test_is_known_by_its_pseudonym_behind_freeradius() {
    let Some((house, proxy)) = House::behind_a_proxy("reauthentications = 0\n") else {
        return;
    };
    let Some((passed, printed)) = house.authenticate_at(proxy.address().port(), &peer("AKA'"), 1) else {
        return;
    };
    assert!(passed, "{}", printed.text());
    different_keys(&printed, 2);
    assert_eq!(house.authentications("AKA'"), (2, 0));
    house.up.stop();
}

/// EAP-Response/Identity of the subscriber, in hexadecimal digits.
fn identity() -> String {
    let name = format!("6{IMSI}@{REALM}");
    let length = u16::try_from(5 + name.len()).expect("short").to_be_bytes();
    hex::encode([&[2, 7, length[0], length[1], 1][..], name.as_bytes()].concat())
}

/// What the server says to a datagram within some time.
fn said_to(to: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("a timeout");
    socket.send_to(datagram, to).expect("sent");
    let mut buffer = vec![0; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

/// An Access-Request without a Message-Authenticator, and with this State where there is one.
fn bare_request(attributes: &[(u8, &[u8])]) -> Vec<u8> {
    let mut packet = vec![1, 9, 0, 0];
    packet.extend([0x5a; 16]);
    for (kind, value) in attributes {
        packet.extend([*kind, u8::try_from(value.len() + 2).expect("short")]);
        packet.extend(*value);
    }
    let length = u16::try_from(packet.len()).expect("short").to_be_bytes();
    packet[2..4].copy_from_slice(&length);
    packet
}

#[test]
fn requests_that_are_not_as_they_should_be_change_nothing_and_leave_nothing_of_the_user() {
    let house = House::start("");
    let to = house.address();
    let whole = format!(
        "User-Name = 6{IMSI}@{REALM}\nEAP-Message = 0x{}\nMessage-Authenticator = 0x00\n",
        identity()
    );
    let packets = |what: &str| house.figure(&format!("kaskade_radius_packets_total{{what=\"{what}\"}}"));
    // As it should be.
    let Some((_, text)) = radclient(to, "auth", SECRET, &whole) else {
        return;
    };
    assert!(text.contains("Received Access-Challenge"), "{text}");
    let begun = house.figure("kaskade_aaa_begun_total");
    let vectors = house.figure("kaskade_udm_vectors_total");
    assert_eq!((begun, vectors), (1, 1));

    // Under another secret; without EAP.
    for (secret, attributes) in [
        ("another one, as long as that", &*whole),
        (
            SECRET,
            &format!("User-Name = 6{IMSI}@{REALM}\nMessage-Authenticator = 0x00\n"),
        ),
    ] {
        let (answered, text) = radclient(to, "auth", secret, attributes).expect("it is here");
        assert!(!answered && text.contains("No reply from server"), "{text}");
    }
    assert_eq!((packets("not_authentic"), packets("malformed")), (1, 0));
    // A State that nobody has given, with a name and with an answer.
    let answer = "02090008170e0000";
    for eap in [&*identity(), answer] {
        let attributes =
            format!("User-Name = 6{IMSI}\nState = 0xdeadbeef\nEAP-Message = 0x{eap}\nMessage-Authenticator = 0x00\n");
        let (_, text) = radclient(to, "auth", SECRET, &attributes).expect("it is here");
        assert!(text.contains("Received Access-Reject"), "{text}");
        assert!(text.contains("EAP-Message = 0x04"), "an EAP-Failure: {text}");
    }
    // EAP that is none: longer and shorter than it says.
    for eap in ["02", "0209", "020900ff0136", "0209000401", "05090004"] {
        let attributes = format!("User-Name = 6{IMSI}\nEAP-Message = 0x{eap}\nMessage-Authenticator = 0x00\n");
        let (_, text) = radclient(to, "auth", SECRET, &attributes).expect("it is here");
        assert!(
            !text.contains("Access-Accept") && !text.contains("Access-Challenge"),
            "{eap}: {text}"
        );
    }
    // Without Message-Authenticator; cut off; with lengths that cannot be.
    let eap = hex::decode(identity()).expect("hexadecimal");
    let bare = bare_request(&[(1, format!("6{IMSI}").as_bytes()), (79, &eap)]);
    assert_eq!(said_to(to, &bare), None);
    for cut in [0, 1, 19, 20, bare.len() - 1] {
        assert_eq!(said_to(to, &bare[..cut]), None, "{cut}");
    }
    let mut short_attribute = bare.clone();
    short_attribute[21] = 1;
    let mut long_attribute = bare;
    long_attribute[21] = 255;
    for octets in [short_attribute, long_attribute] {
        assert_eq!(said_to(to, &octets), None);
    }
    assert_eq!((packets("not_authentic"), packets("malformed")), (2, 7));
    house.says_nothing_of_the_user();

    let after = (
        house.figure("kaskade_aaa_begun_total"),
        house.figure("kaskade_udm_vectors_total"),
    );
    assert_eq!(after, (begun, vectors));
    let Some((passed, printed)) = house.authenticate(&peer("AKA'"), 0) else {
        return;
    };
    assert!(passed, "{}", printed.text());
    house.up.stop();
}
