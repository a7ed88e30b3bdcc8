//! hostapd asks this AuC for its vectors, and `eapol_test` authenticates with them: two programs of other people agree with the
//! vectors, and with the keys that follow from them.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};

use kaskade_aka::arpf::{self, EapAkaAv};
use kaskade_aka::auc::{self, Credentials, Quintet};
use kaskade_codec::hostapd_auc::{MOST, Request, Vector};
use kaskade_crypto::{Amf, K, Opc, Rand, Sqn};
use kaskade_keys::eap::{Emsk, Msk};
use kaskade_keys::id::{Cryptosuite, EapIdentity, SessionId};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_oracle::{EapServer, Printed, UsimPeer};

const IMSI: &str = "001010000000001";
const K_DIGITS: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
const OPC_DIGITS: &str = "cd63cb71954a9f4e48a5994e37a02baf";
const REALM: &str = "wlan.mnc001.mcc001.3gppnetwork.org";

/// Which bit the vectors of a socket have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Method {
    Aka,
    AkaPrime,
}

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::Aka => "AKA",
            Self::AkaPrime => "AKA'",
        }
    }

    const fn digit(self) -> char {
        match self {
            Self::Aka => '0',
            Self::AkaPrime => '6',
        }
    }
}

/// What the AuC was asked and gave.
#[derive(Default)]
struct Given {
    vectors: Vec<Quintet>,
    resynchronised: Vec<Sqn>,
    failures: usize,
}

/// An AuC on a socket, with one subscriber.
struct Auc {
    socket: UnixDatagram,
    method: Method,
    card: Credentials,
    sqn: Sqn,
    given: Arc<Mutex<Given>>,
}

impl Auc {
    fn run(mut self) {
        let mut datagram = [0; MOST + 1];
        while let Ok((len, from)) = self.socket.recv_from(&mut datagram) {
            let (Some(from), Ok(request)) = (from.as_pathname(), Request::parse(&datagram[..len])) else {
                continue;
            };
            if let Some(answer) = self.answer(&request) {
                let _ = self.socket.send_to(&answer, from);
            }
        }
    }

    fn answer(&mut self, request: &Request) -> Option<Vec<u8>> {
        let mut given = self.given.lock().unwrap();
        match request {
            Request::Vector { imsi } if imsi.as_str() == IMSI => {
                let number = u8::try_from(given.vectors.len()).unwrap();
                let rand = Rand::from_octets([number.wrapping_mul(37).wrapping_add(5); 16]);
                self.sqn = Sqn::new(self.sqn.value() + 32).unwrap();
                let quintet = match self.method {
                    // The operation clears the bit, whatever the AMF of the subscription.
                    Method::Aka => {
                        let permit = arpf::permit::<EapAkaAv>(|_| true).unwrap();
                        permit.vector(&EapAkaAv, &self.card, &rand, self.sqn, &mut ())
                    }
                    Method::AkaPrime => auc::quintet(&self.card, &rand, self.sqn),
                };
                let vector = Vector {
                    rand: &quintet.rand,
                    autn: &quintet.autn,
                    ik: &quintet.ik,
                    ck: &quintet.ck,
                    xres: &quintet.xres,
                };
                let answer = vector.emit(imsi).to_vec();
                given.vectors.push(quintet);
                Some(answer)
            }
            Request::Vector { .. } => {
                given.failures += 1;
                request.failure()
            }
            Request::Resynchronisation { auts, rand, .. } => {
                if let Ok(sqn) = auc::verify_auts(&self.card, rand, auts) {
                    given.resynchronised.push(sqn);
                    self.sqn = sqn;
                }
                None
            }
            _ => None,
        }
    }
}

/// hostapd with its AuC.
struct House {
    folder: tempfile::TempDir,
    hostapd: EapServer,
    given: Arc<Mutex<Given>>,
}

impl House {
    /// `None` if a program is not here.
    fn start(method: Method) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let auc = folder.path().join("auc.sock");
        let given = Arc::default();
        let socket = UnixDatagram::bind(&auc).unwrap();
        let run = Auc {
            socket,
            method,
            card: card(),
            sqn: Sqn::new(0x20).unwrap(),
            given: Arc::clone(&given),
        };
        std::thread::spawn(move || run.run());
        Some(Self {
            hostapd: EapServer::start(folder.path(), &auc, REALM)?,
            folder,
            given,
        })
    }

    /// Authenticates, and as often again as said; `None` if the peer is not here.
    fn authenticate(&self, peer: &UsimPeer, again: u8) -> Option<(bool, Printed)> {
        let folder = self.folder.path();
        peer.authenticate(folder, self.hostapd.port(), EapServer::SECRET, again)
    }
}

/// A peer with a result indication.
fn peer(method: Method, imsi: &str) -> UsimPeer {
    let identity = format!("{}{imsi}@{REALM}", method.digit());
    UsimPeer {
        result_ind: true,
        ..UsimPeer::new(method.name(), &identity, [K_DIGITS, OPC_DIGITS])
    }
}

fn octets<const N: usize>(digits: &str) -> [u8; N] {
    hex::decode(digits).unwrap().try_into().unwrap()
}

fn card() -> Credentials {
    Credentials::new(K::from_octets(&octets(K_DIGITS)), Opc::from_octets(&octets(OPC_DIGITS)))
}

/// Keys that follow from what the AuC gave, beside what the peer printed.
fn agree(printed: &Printed, quintet: &Quintet, method: Method) {
    let all = printed.text();
    let identity: EapIdentity = format!("{}{IMSI}@{REALM}", method.digit()).parse().unwrap();
    assert_eq!(printed.last("Milenage: CK"), quintet.ck.expose_to_eap_server());
    assert_eq!(printed.last("Milenage: IK"), quintet.ik.expose_to_eap_server());
    let both = [*quintet.ck.expose_to_eap_server(), *quintet.ik.expose_to_eap_server()].concat();
    let ck_ik = CkIk::from_octets(&both.try_into().unwrap());
    let (first, msk, emsk, session): (_, Msk, Emsk, _) = match method {
        Method::AkaPrime => {
            let network = "WLAN".parse().unwrap();
            let mk = ck_ik
                .ck_ik_prime_access(&network, &SqnXorAk::from(&quintet.autn))
                .mk(&identity);
            assert_eq!(
                printed.last("EAP-AKA': K_aut"),
                mk.k_aut().expose_to_operator(),
                "{all}"
            );
            let session = SessionId::aka_prime(&quintet.rand, &quintet.autn);
            (printed.all("EAP-AKA': EMSK"), mk.msk(), mk.emsk(), session)
        }
        Method::Aka => {
            let mk = ck_ik.mk_aka(&identity);
            assert_eq!(printed.last("EAP-SIM: K_aut"), mk.k_aut().expose_to_operator(), "{all}");
            let session = SessionId::aka(&quintet.rand, &quintet.autn);
            (printed.all("EAP-SIM: EMSK"), mk.msk(), mk.emsk(), session)
        }
    };
    // The EMSK has no way out: it is compared as a key.
    let printed_emsk = first.first().and_then(|octets| octets.as_slice().try_into().ok());
    assert_eq!(printed_emsk.map(Emsk::from_octets), Some(emsk.clone()), "{all}");
    let (recv, send) = msk.expose_to_authenticator().split_at(32);
    assert_eq!(
        printed.all("MS-MPPE-Recv-Key (crypt)")[0],
        recv,
        "from the server: {all}"
    );
    assert_eq!(
        printed.all("MS-MPPE-Send-Key (sign)")[0],
        send,
        "from the server: {all}"
    );
    assert_eq!(printed.all("PMK from EAPOL")[0], msk.pmk().expose_to_access_point());
    let name = session.emsk_name().to_string();
    assert_eq!(hex::encode(&printed.all("EAP: EMSKname")[0]), name, "{all}");
    assert_eq!(printed.all("EAP: ERP rRK")[0], emsk.r_rk().expose_to_er_server());
    let r_ik = emsk.r_rk().r_ik(Cryptosuite::HmacSha256Of128);
    assert_eq!(printed.all("EAP: ERP rIK")[0], r_ik.expose_to_operator());
}

#[test]
fn hostapd_authenticates_with_our_vectors() {
    for method in [Method::AkaPrime, Method::Aka] {
        let Some(house) = House::start(method) else { return };
        let Some((passed, printed)) = house.authenticate(&peer(method, IMSI), 2) else {
            return;
        };
        assert!(passed, "{method:?}: {}", printed.text());
        assert_eq!(
            printed.successes(),
            3,
            "one with the vector, two by fast re-authentication"
        );
        let given = house.given.lock().unwrap();
        let [quintet] = given.vectors.as_slice() else {
            panic!("{} vectors", given.vectors.len())
        };
        assert_eq!(quintet.autn.amf().separation_bit(), method == Method::AkaPrime);
        agree(&printed, quintet, method);
    }
}

#[test]
fn hostapd_hands_on_what_a_card_says_of_its_sqn() {
    for method in [Method::AkaPrime, Method::Aka] {
        let Some(house) = House::start(method) else { return };
        let ahead = UsimPeer {
            sqn: "000000010000".to_owned(),
            ..peer(method, IMSI)
        };
        let Some((passed, printed)) = house.authenticate(&ahead, 0) else {
            return;
        };
        assert!(passed, "{method:?}: {}", printed.text());
        let given = house.given.lock().unwrap();
        assert_eq!(given.resynchronised, [Sqn::new(0x1_0000).unwrap()]);
        agree(&printed, &given.vectors[1], method);
    }
}

#[test]
fn hostapd_lets_nobody_in_with_another_key_an_unknown_name_or_the_other_bit() {
    let Some(house) = House::start(Method::AkaPrime) else {
        return;
    };
    let card = peer(Method::AkaPrime, IMSI);
    let other = UsimPeer {
        k: K_DIGITS.replace('4', "5"),
        ..card.clone()
    };
    for stranger in [other, peer(Method::AkaPrime, "001010000000002")] {
        let Some((passed, printed)) = house.authenticate(&stranger, 0) else {
            return;
        };
        assert!(!passed && printed.successes() == 0, "{}", printed.text());
    }
    assert_eq!(house.given.lock().unwrap().failures, 1);
    let Some(house) = House::start(Method::Aka) else {
        return;
    };
    let Some((passed, printed)) = house.authenticate(&card, 0) else {
        return;
    };
    assert!(!passed && printed.successes() == 0, "{}", printed.text());
    let given = house.given.lock().unwrap();
    assert_eq!(
        given.vectors[0].autn.amf(),
        Amf::from_octets([0, 0]),
        "asked for with the bit cleared"
    );
}
