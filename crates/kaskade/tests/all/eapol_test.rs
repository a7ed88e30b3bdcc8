//! `eapol_test`, a peer of other people with a card in software, comes in by a node with an AAA server: directly, and by way of
//! FreeRADIUS as a proxy. The keys that it prints are those that this project derives.

mod proxy;

use kaskade_crypto::milenage::Milenage;
use kaskade_crypto::{Amf, Autn, Opc, Rand};
use kaskade_keys::eap::{Emsk, Msk};
use kaskade_keys::id::{Cryptosuite, EapIdentity, SessionId};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_oracle::{Printed, UsimPeer};

use crate::common::{K, OPC, Place, SUPI, Up};
use crate::monitor::{curl, root};

const SECRET: &str = "at least sixteen octets";
const IMSI: &str = "001010000000001";
const REALM: &str = "wlan.mnc001.mcc001.3gppnetwork.org";
const METHODS: [&str; 2] = ["AKA'", "AKA"];

/// A node with a subscriber and one client; `settings` stand in `[aaa]`.
struct House {
    place: Place,
    up: Up,
    log: std::path::PathBuf,
}

impl House {
    fn start(settings: &str) -> Self {
        Self::start_under(settings, SECRET)
    }

    /// With this secret of its client.
    fn start_under(settings: &str, secret: &str) -> Self {
        let place = Place::new();
        let config = format!(
            "data_dir = \"data\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[aaa]\nradius = [\"127.0.0.1:0\"]\n{settings}\
             [aaa.clients.hotspot]\nprefixes = [\"127.0.0.0/8\"]\nsecret_file = \"hotspot.secret\"\n"
        );
        place.file("k.toml", &config);
        place.file("hotspot.secret", &format!("{secret}\n"));
        let methods = "--methods 5g-aka,eap-aka-prime,eap-aka";
        place
            .with_secrets(&format!("subscriber add --config k.toml --supi {SUPI} {methods}"))
            .ok();
        let (up, log) = Up::start_with_log(&place, "up --config k.toml");
        Self { place, up, log }
    }

    fn port(&self) -> u16 {
        let line = self.up.greeting.lines().find_map(|line| line.strip_prefix("RADIUS"));
        let port = line.and_then(|line| line.strip_suffix(" (UDP)")?.rsplit_once(':'));
        port.and_then(|(_, port)| port.parse().ok()).expect(&self.up.greeting)
    }

    /// Whether it was let in the last of so many times, and what was printed; `None` if `eapol_test` is not here.
    fn authenticate(&self, peer: &UsimPeer, again: u8) -> Option<(bool, Printed)> {
        self.authenticate_at(self.port(), peer, again)
    }

    fn authenticate_at(&self, port: u16, peer: &UsimPeer, again: u8) -> Option<(bool, Printed)> {
        let told = peer.authenticate(&self.place.path(""), port, SECRET, again);
        self.says_nothing_of_the_user();
        told
    }

    fn figure(&self, name: &str) -> u64 {
        let metrics = curl(&[&format!("{}/metrics", root(&self.up))]);
        let value = metrics
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.expect(&metrics)
    }

    /// Authentications that succeeded: full ones, fast ones.
    fn authentications(&self, method: &str) -> (u64, u64) {
        let of = |kind: &str| {
            let labels = format!("{{method=\"EAP-{method}\",kind=\"{kind}\"}}");
            self.figure(&format!("kaskade_aaa_authentications_total{labels}"))
        };
        (of("full"), of("fast"))
    }

    #[track_caller]
    fn says_nothing_of_the_user(&self) {
        let said = std::fs::read_to_string(&self.log).expect("a log");
        assert!(
            !said.contains(IMSI) && !said.contains(K) && !said.contains(SECRET),
            "{said}"
        );
    }
}

/// The card of the subscriber in a peer of one method, `AKA'` or `AKA`.
fn peer(method: &'static str) -> UsimPeer {
    let digit = if method == "AKA" { '0' } else { '6' };
    UsimPeer::new(method, &format!("{digit}{IMSI}@{REALM}"), [K, OPC])
}

fn octets<const N: usize>(octets: &[u8]) -> [u8; N] {
    octets.try_into().expect("as long as it should be")
}

/// The keys that the peer printed of its first run, which was full, beside those that follow from K, RAND and AUTN by the rows of this
/// project; what the server gave the gateway is among them.
#[track_caller]
fn agree(printed: &Printed, method: &str, identity: &str) {
    let all = printed.text();
    let first = |name: &str| printed.all(name).into_iter().next().expect(all);
    let last_of_card = |name: &str| printed.last(name);
    let rand = Rand::from_octets(octets(&last_of_card("Milenage: RAND")));
    let autn = Autn::from_octets(octets(&last_of_card("Milenage: AUTN")));
    let decoded = |text: &str| octets::<16>(&hex::decode(text).expect("hexadecimal"));
    let milenage = Milenage::new(
        &kaskade_crypto::K::from_octets(&decoded(K)),
        &Opc::from_octets(&decoded(OPC)),
    );
    let sqn = kaskade_crypto::Sqn::new(0).expect("48 bits");
    // CK and IK do not depend on SQN and AMF.
    let vector = milenage.vector(&rand, sqn, Amf::SEPARATION);
    let (ck, ik) = (&vector.ck, &vector.ik);
    assert_eq!(last_of_card("Milenage: CK"), ck.expose_to_eap_server(), "{all}");
    assert_eq!(autn.amf().separation_bit(), method == "AKA'", "{all}");
    let identity: EapIdentity = identity.parse().expect("an identity");
    let ck_ik = CkIk::from_parts(ck, ik);
    let (msk, emsk, session, name): (Msk, Emsk, _, _) = if method == "AKA'" {
        let network = "WLAN".parse().expect("a network");
        let prime = ck_ik.ck_ik_prime_access(&network, &SqnXorAk::from(&autn));
        let mk = prime.mk(&identity);
        assert_eq!(first("EAP-AKA': K_aut"), mk.k_aut().expose_to_operator(), "{all}");
        assert_eq!(first("EAP-AKA': K_re"), mk.k_re().expose_to_operator(), "{all}");
        let session = SessionId::aka_prime(&rand, &autn);
        (mk.msk(), mk.emsk(), session, "EAP-AKA': EMSK")
    } else {
        let mk = ck_ik.mk_aka(&identity);
        assert_eq!(first("EAP-SIM: K_aut"), mk.k_aut().expose_to_operator(), "{all}");
        (mk.msk(), mk.emsk(), SessionId::aka(&rand, &autn), "EAP-SIM: EMSK")
    };
    // The EMSK has no way out: it is compared as a key.
    assert_eq!(Emsk::from_octets(&octets(&first(name))), emsk, "{all}");
    let (recv, send) = msk.expose_to_authenticator().split_at(32);
    assert_eq!(first("MS-MPPE-Recv-Key (crypt)"), recv, "of the server: {all}");
    assert_eq!(first("MS-MPPE-Send-Key (sign)"), send, "of the server: {all}");
    assert_eq!(first("PMK from EAPOL"), msk.pmk().expose_to_access_point());
    // What is below the EMSK (RFC 6696).
    let emsk_name = session.emsk_name().to_string();
    assert_eq!(hex::encode(first("EAP: EMSKname")), emsk_name, "{all}");
    assert_eq!(first("EAP: ERP rRK"), emsk.r_rk().expose_to_er_server(), "{all}");
    let r_ik = emsk.r_rk().r_ik(Cryptosuite::HmacSha256Of128);
    assert_eq!(first("EAP: ERP rIK"), r_ik.expose_to_operator(), "{all}");
}

/// A success, with keys of its own.
#[track_caller]
fn different_keys(printed: &Printed, times: usize) {
    assert_eq!(printed.successes(), times, "{}", printed.text());
    let mut keys = printed.all("MS-MPPE-Recv-Key (crypt)");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), times, "each time another one");
}

#[test]
fn eapol_test_comes_in_and_comes_back_by_fast_reauthentications() {
    let house = House::start("");
    for (number, method) in METHODS.into_iter().enumerate() {
        let mut peer = peer(method);
        peer.result_ind = number == 1;
        let Some((passed, printed)) = house.authenticate(&peer, 2) else {
            return;
        };
        assert!(passed, "{}", printed.text());
        agree(&printed, method, &peer.identity);
        different_keys(&printed, 3);
        assert_eq!(house.authentications(method), (1, 2));
    }
    assert_eq!(house.figure("kaskade_aaa_failures_total"), 0);
    house.up.stop();
}

#[test]
fn eapol_test_is_known_by_its_pseudonym() {
    let house = House::start("reauthentications = 0\nresult_ind = true\n");
    for method in METHODS {
        let mut peer = peer(method);
        peer.result_ind = true;
        let Some((passed, printed)) = house.authenticate(&peer, 1) else {
            return;
        };
        assert!(passed, "{}", printed.text());
        different_keys(&printed, 2);
        assert_eq!(house.authentications(method), (2, 0));
        let digit = if method == "AKA" { "2" } else { "7" };
        let given = printed.texts("EAP method updated anonymous_identity");
        let [first, second] = given.as_slice() else {
            panic!("{given:?}: {}", printed.text())
        };
        assert!(
            first.starts_with(digit) && second.starts_with(digit) && first != second,
            "{given:?}"
        );
    }
    assert_eq!(house.figure("kaskade_aaa_failures_total"), 0);
    house.up.stop();
}

#[test]
fn a_card_of_eapol_test_that_is_ahead_is_followed() {
    let house = House::start("");
    for method in METHODS {
        let ahead = UsimPeer {
            sqn: "00ff00000000".to_owned(),
            ..peer(method)
        };
        let Some((passed, printed)) = house.authenticate(&ahead, 0) else {
            return;
        };
        assert!(passed, "{}", printed.text());
        agree(&printed, method, &ahead.identity);
        assert_eq!(house.authentications(method), (1, 0));
        // A card that begins again is behind, and takes what comes.
        let (passed, printed) = house.authenticate(&peer(method), 0).expect("it is here");
        assert!(passed, "{}", printed.text());
    }
    assert_eq!(
        house.figure("kaskade_udm_resynchronisations_total"),
        1,
        "the second method goes on above"
    );
    house.up.stop();
}

#[test]
fn a_peer_without_forward_secrecy_is_let_in_where_that_is_offered_and_not_where_it_is_required() {
    for (setting, comes_in) in [("offered", true), ("required", false)] {
        let house = House::start(&format!("forward_secrecy = \"{setting}\"\n"));
        let peer = peer("AKA'");
        let Some((passed, printed)) = house.authenticate(&peer, 0) else {
            return;
        };
        assert_eq!(passed, comes_in, "{setting}: {}", printed.text());
        if comes_in {
            agree(&printed, "AKA'", &peer.identity);
        }
        assert_eq!(house.figure("kaskade_aaa_forward_secrecy_total"), 0);
        house.up.stop();
    }
}

#[test]
fn eapol_test_stays_out_with_another_key_and_as_nobody() {
    let house = House::start("");
    for method in METHODS {
        let with_another_key = UsimPeer {
            k: K.replace('4', "5"),
            ..peer(method)
        };
        let nobody = UsimPeer {
            identity: peer(method).identity.replace(IMSI, "001010000000002"),
            ..peer(method)
        };
        for stranger in [with_another_key, nobody] {
            let Some((passed, printed)) = house.authenticate(&stranger, 0) else {
                return;
            };
            assert!(!passed && printed.successes() == 0, "{}", printed.text());
        }
        assert_eq!(house.authentications(method), (0, 0));
    }
    assert_eq!(house.figure("kaskade_aaa_failures_total"), 4);
    house.up.stop();
}

/// Without a realm in its identity a peer gets names of the first realm that is served.
#[test]
fn a_peer_without_a_realm_comes_back_where_realms_are_configured() {
    for (settings, fast) in [("", 0), ("realms = [\"wlan.mnc001.mcc001.3gppnetwork.org\"]\n", 1)] {
        let house = House::start(settings);
        let bare = UsimPeer {
            identity: format!("6{IMSI}"),
            ..peer("AKA'")
        };
        let Some((passed, printed)) = house.authenticate(&bare, 1) else {
            return;
        };
        assert!(passed, "{}", printed.text());
        assert_eq!(house.authentications("AKA'"), (2 - fast, fast), "{settings}");
        house.up.stop();
    }
}
