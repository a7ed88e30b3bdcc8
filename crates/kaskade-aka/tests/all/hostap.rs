//! hostapd asks this AuC for its vectors, and `eapol_test` authenticates with them: two programs of other people agree with the
//! vectors, and with the keys that follow from them.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::fs::File;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kaskade_aka::arpf::{self, EapAkaAv};
use kaskade_aka::auc::{self, Credentials, Quintet};
use kaskade_codec::hostapd_auc::{MOST, Request, Vector, failure};
use kaskade_crypto::{Amf, K, Opc, Rand, Sqn};
use kaskade_keys::eap::{Emsk, Msk};
use kaskade_keys::id::{Cryptosuite, EapIdentity, SessionId};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_oracle::Printed;

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
            Request::Vector { imsi } => {
                given.failures += 1;
                Some(failure(imsi))
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

/// hostapd with its AuC; ends with this.
struct House {
    folder: tempfile::TempDir,
    hostapd: Child,
    port: u16,
    given: Arc<Mutex<Given>>,
    peer: Command,
}

impl Drop for House {
    fn drop(&mut self) {
        // Not killed: it removes its own socket.
        let _ = Command::new("kill").arg(self.hostapd.id().to_string()).status();
        let _ = self.hostapd.wait();
    }
}

impl House {
    /// `None` if a program is not here.
    fn start(method: Method) -> Option<Self> {
        let (mut hostapd, peer) = (kaskade_oracle::hostapd()?, kaskade_oracle::eapol_test()?);
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let auc = path("auc.sock");
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
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        std::fs::write(
            path("users"),
            "\"0\"* AKA\n\"2\"* AKA\n\"4\"* AKA\n\"6\"* AKA'\n\"7\"* AKA'\n\"8\"* AKA'\n",
        )
        .unwrap();
        std::fs::write(path("clients"), "127.0.0.1 testing123\n").unwrap();
        let configuration = format!(
            "interface=none0\ndriver=none\nlogger_stdout=-1\nlogger_stdout_level=0\nieee8021x=1\neap_server=1\n\
             eap_sim_db=unix:{}\neap_sim_aka_result_ind=1\neap_sim_id=3\neap_user_file={}\neap_server_erp=1\nerp_domain={REALM}\n\
             radius_server_clients={}\nradius_server_auth_port={port}\n",
            auc.display(),
            path("users").display(),
            path("clients").display(),
        );
        std::fs::write(path("hostapd.conf"), configuration).unwrap();
        let said = path("hostapd.log");
        let log = File::create(&said).unwrap();
        hostapd
            .arg(path("hostapd.conf"))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null());
        let hostapd = hostapd.spawn().unwrap();
        let house = Self {
            folder,
            hostapd,
            port,
            given,
            peer,
        };
        let begun = Instant::now();
        while !std::fs::read_to_string(&said).unwrap().contains("AP-ENABLED") {
            assert!(begun.elapsed() < Duration::from_secs(30), "hostapd does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(house)
    }

    /// Authenticates, and as often again as said. What the card knows is K, OPc and the highest SQN.
    fn authenticate(&mut self, method: Method, imsi: &str, k: &str, sqn: &str, again: u8) -> (bool, Printed) {
        let file = self.folder.path().join("peer.conf");
        let network = format!(
            "network={{\nssid=\"x\"\nkey_mgmt=IEEE8021X\neap={}\nidentity=\"{}{imsi}@{REALM}\"\n\
             password=\"{k}:{OPC_DIGITS}:{sqn}\"\nphase1=\"result_ind=1\"\nerp=1\n}}\n",
            method.name(),
            method.digit(),
        );
        std::fs::write(&file, network).unwrap();
        let mut peer = Command::new(self.peer.get_program());
        peer.arg("-c").arg(&file);
        peer.args(["-a", "127.0.0.1", "-s", "testing123", "-t", "20"]);
        peer.args(["-p", &self.port.to_string(), "-r", &again.to_string()]);
        let output = peer.stdin(Stdio::null()).output().unwrap();
        (output.status.success(), Printed::new(&output.stdout))
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
        let Some(mut house) = House::start(method) else { return };
        let (passed, printed) = house.authenticate(method, IMSI, K_DIGITS, "000000000000", 2);
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
        let Some(mut house) = House::start(method) else { return };
        let (passed, printed) = house.authenticate(method, IMSI, K_DIGITS, "000000010000", 0);
        assert!(passed, "{method:?}: {}", printed.text());
        let given = house.given.lock().unwrap();
        assert_eq!(given.resynchronised, [Sqn::new(0x1_0000).unwrap()]);
        agree(&printed, &given.vectors[1], method);
    }
}

#[test]
fn hostapd_lets_nobody_in_with_another_key_an_unknown_name_or_the_other_bit() {
    let Some(mut house) = House::start(Method::AkaPrime) else {
        return;
    };
    let other = K_DIGITS.replace('4', "5");
    let (passed, printed) = house.authenticate(Method::AkaPrime, IMSI, &other, "000000000000", 0);
    assert!(!passed && printed.successes() == 0, "{}", printed.text());
    let (passed, printed) = house.authenticate(Method::AkaPrime, "001010000000002", K_DIGITS, "000000000000", 0);
    assert!(!passed && printed.successes() == 0, "{}", printed.text());
    assert_eq!(house.given.lock().unwrap().failures, 1);
    let Some(mut house) = House::start(Method::Aka) else {
        return;
    };
    let (passed, printed) = house.authenticate(Method::AkaPrime, IMSI, K_DIGITS, "000000000000", 0);
    assert!(!passed && printed.successes() == 0, "{}", printed.text());
    let given = house.given.lock().unwrap();
    assert_eq!(
        given.vectors[0].autn.amf(),
        Amf::from_octets([0, 0]),
        "asked for with the bit cleared"
    );
}
