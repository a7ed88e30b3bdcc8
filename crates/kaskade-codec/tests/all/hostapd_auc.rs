//! What hostapd asks an AuC: its own datagrams, what is refused with which words, and whatever else somebody sends.

use kaskade_codec::hostapd_auc::{MOST, MOST_OF_ANSWER, Request, RequestError, Vector};
use kaskade_crypto::{Autn, Auts, Ck, Ik, Rand, Res};
use kaskade_keys::id::Imsi;
use proptest::prelude::*;

/// As hostapd 2.10 sent them.
const ASKED: &str = "AKA-REQ-AUTH 001010000000001";
/// As `hlr_auc_gw` 2.10 answered; hostapd and its peer agreed on what is in `vectors/eap-hostap.json`.
const ANSWERED: &str = "AKA-RESP-AUTH 001010000000001 53be2ff3db260e5121a715a88474c53d 8bc5236e911080009485d8f8b90430e8 \
                        27773a67ba99ae00afa9dd31eeb40704 1497d830a7717ceecbde7aa40d4e4ef1 271b10cee5a45ff9";

fn imsi() -> Imsi {
    "001010000000001".parse().unwrap()
}

fn octets<const N: usize>(digits: &str) -> [u8; N] {
    hex::decode(digits).unwrap().try_into().unwrap()
}

fn refused(datagram: &str) -> String {
    Request::parse(datagram.as_bytes())
        .expect_err("it was taken")
        .to_string()
}

#[test]
fn a_vector_is_asked_for_and_answered_as_hostap_does() {
    assert_eq!(Request::parse(ASKED.as_bytes()), Ok(Request::Vector { imsi: imsi() }));
    let case = kaskade_oracle::vectors("eap-hostap.json")["cases"][0].clone();
    let field = |name: &str| case[name].as_str().unwrap().to_owned();
    let (rand, autn) = (
        Rand::from_octets(octets(&field("rand"))),
        Autn::from_octets(octets(&field("autn"))),
    );
    let (ck, ik) = (
        Ck::from_octets(&octets(&field("ck"))),
        Ik::from_octets(&octets(&field("ik"))),
    );
    let xres = Res::from_slice(&hex::decode(field("res")).unwrap()).unwrap();
    let vector = Vector {
        rand: &rand,
        autn: &autn,
        ik: &ik,
        ck: &ck,
        xres: &xres,
    };
    assert_eq!(String::from_utf8_lossy(&vector.emit(&imsi())), ANSWERED);
    let longest = Vector {
        xres: &Res::from_slice(&[7; 16]).unwrap(),
        ..vector
    };
    let answer = longest.emit(&imsi());
    assert_eq!((answer.len(), answer.capacity()), (MOST_OF_ANSWER, MOST_OF_ANSWER));
    let failure = Request::Vector { imsi: imsi() }.failure().unwrap();
    assert_eq!(failure, b"AKA-RESP-AUTH 001010000000001 FAILURE");
}

#[test]
fn triplets_are_asked_for_and_refused() {
    let asked = b"SIM-REQ-AUTH 001010000000001 3";
    let request = Request::parse(asked).unwrap();
    let expected = Request::Triplets { imsi: imsi(), count: 3 };
    assert_eq!(request, expected);
    assert_eq!((request.emit(), *request.imsi()), (asked.to_vec(), imsi()));
    assert_eq!(request.failure().unwrap(), b"SIM-RESP-AUTH 001010000000001 FAILURE");
}

#[test]
fn a_resynchronisation_is_read() {
    let (auts, rand) = ("000102030405060708090a0b0c0d", "ff".repeat(16));
    let longest = format!("AKA-AUTS 001010000000001 {auts} {rand}");
    assert_eq!(longest.len(), MOST);
    let request = Request::Resynchronisation {
        imsi: imsi(),
        auts: Auts::from_octets(octets(auts)),
        rand: Rand::from_octets([0xff; 16]),
    };
    assert_eq!(Request::parse(longest.as_bytes()), Ok(request.clone()));
    assert_eq!(String::from_utf8(request.emit()).unwrap(), longest);
    assert_eq!(request.failure(), None, "nobody waits for an answer");
    let capitals = format!("AKA-AUTS 001010000000001 {} {rand}", auts.to_uppercase());
    assert_eq!(Request::parse(capitals.as_bytes()), Ok(request));
}

#[test]
fn what_is_wrong_is_said_without_the_subscriber() {
    let auts = "00".repeat(14);
    let rand = "00".repeat(16);
    for (datagram, says) in [
        (String::new(), "neither AKA-REQ-AUTH nor AKA-AUTS"),
        (
            "SIM-REQ-AUTH 001010000000001".into(),
            "1 fields behind the command, 2 are",
        ),
        ("SIM-REQ-AUTH 001010000000001 0".into(), "one digit from 1 to 9"),
        ("SIM-REQ-AUTH 001010000000001 10".into(), "one digit from 1 to 9"),
        ("SIM-REQ-AUTHS 001010000000001 3".into(), "neither"),
        ("aka-req-auth 001010000000001".into(), "neither"),
        ("AKA-REQ-AUTH".into(), "0 fields behind the command, 1 are expected"),
        ("AKA-REQ-AUTH  001010000000001".into(), "2 fields"),
        ("AKA-REQ-AUTH 001010000000001 ".into(), "2 fields"),
        ("AKA-REQ-AUTH 001010000000001\n".into(), "IMSI:"),
        (
            "AKA-REQ-AUTH 0010100000000012".into(),
            "IMSI: 16 digits, expected 5 to 15",
        ),
        ("AKA-REQ-AUTH ".into(), "IMSI"),
        ("AKA-REQ-AUTH 00101000000000x".into(), "IMSI"),
        (
            format!("AKA-AUTS 001010000000001 {auts}"),
            "2 fields behind the command, 3",
        ),
        (format!("AKA-AUTS 00101 {auts} {rand} "), "4 fields"),
        (
            format!("AKA-AUTS 001010000000001 {auts}0 {}", &rand[1..]),
            "AUTS has 29",
        ),
        (format!("AKA-AUTS 001010000000001 {auts} {}", &rand[1..]), "RAND has 31"),
        (
            format!("AKA-AUTS 00101 {auts} {}x", &rand[1..]),
            "32 hexadecimal digits",
        ),
        (
            format!("AKA-AUTS 0010100000000012 {auts} {rand}"),
            "87 octets, at most 86",
        ),
        ("AKA-REQ-AUTH ".to_owned() + &"1".repeat(60_000), "60013 octets"),
    ] {
        let error = refused(&datagram);
        assert!(error.contains(says), "{datagram:?}: {error}");
        assert!(!error.contains("0010100"), "{error}");
    }
    let no_text = Request::parse(b"AKA-REQ-AUTH 00101\xff");
    assert_eq!(no_text, Err(RequestError::ImsiNoText));
}

proptest! {
    #[test]
    fn what_is_read_is_written_again(octets in prop::collection::vec(any::<u8>(), 0..100)) {
        let read = Request::parse(&octets);
        prop_assert!(read.is_err() || read.unwrap().emit().eq_ignore_ascii_case(&octets));
    }

    #[test]
    fn near_requests_are_read_whole_or_not(text in "(AKA-(REQ-AUTH|AUTS)|SIM-REQ-AUTH) [0-9]{4,16}( [0-9]| [0-9a-fA-F]{27,29} [0-9a-f ]{31,33})?") {
        if let Ok(request) = Request::parse(text.as_bytes()) {
            prop_assert!(request.emit().eq_ignore_ascii_case(text.as_bytes()));
        }
    }
}
