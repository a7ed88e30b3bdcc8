//! The peers against the specifications' own test sets: a peer that is called wrongly would prove nothing.

use kaskade_crypto::cipher::{Bearer, Direction, MessageInput};
use kaskade_peers::ipsec_mb::{Algorithm, Batch, MAX_SIDE_BY_SIDE, Manager};
use kaskade_peers::{Message, header, openssl};
use serde_json::Value;

/// One case of a file under `vectors/`.
struct Case(Value);

impl Case {
    fn octets(&self, field: &str) -> Vec<u8> {
        hex::decode(
            self.0[field]
                .as_str()
                .unwrap_or_else(|| panic!("{}: {field}", self.0["name"])),
        )
        .expect("hex")
    }

    fn number(&self, field: &str) -> u64 {
        self.0[field]
            .as_u64()
            .unwrap_or_else(|| panic!("{}: {field}", self.0["name"]))
    }

    fn key(&self) -> [u8; 16] {
        self.octets("key").try_into().expect("16 octets")
    }

    fn count(&self) -> u32 {
        u32::from_be_bytes(self.octets("count").try_into().expect("4 octets"))
    }

    fn bits(&self) -> usize {
        usize::try_from(self.number("length_bits")).expect("a short message")
    }

    fn input(&self) -> MessageInput {
        MessageInput {
            count: self.count(),
            bearer: u8::try_from(self.number("bearer"))
                .ok()
                .and_then(Bearer::new)
                .expect("5 bits"),
            direction: if self.number("direction") == 0 {
                Direction::Uplink
            } else {
                Direction::Downlink
            },
        }
    }
}

/// The cases of an operation with COUNT and BEARER or FRESH.
fn cases(file: &str, operation: &str) -> Vec<Case> {
    let path = format!("{}/../../vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("vectors")).expect("JSON");
    let cases = file["cases"].as_array().expect("cases");
    let cases: Vec<_> = cases
        .iter()
        // ipsec-mb takes no empty message.
        .filter(|case| case["operation"] == operation && case["length_bits"] != 0)
        .map(|case| Case(case.clone()))
        .collect();
    assert!(cases.len() > 5, "{operation}: {} cases", cases.len());
    cases
}

/// Zeroes what stands behind the last bit.
fn cut(message: &mut Message) {
    message.octets.truncate(message.bits.div_ceil(8));
    if let (Some(last), used @ 1..) = (message.octets.last_mut(), message.bits % 8) {
        *last &= 0xff << (8 - used);
    }
}

fn ciphers(file: &str, algorithm: Algorithm) {
    let manager = Manager::new();
    for case in cases(file, "cipher") {
        let (key, input) = (manager.key(&case.key()), case.input());
        let start = algorithm.message(&input, &case.octets("plaintext"), case.bits());
        let expected = case.octets("ciphertext");
        let check = |what: &str, mut message: Message| {
            cut(&mut message);
            assert_eq!(
                hex::encode(message.octets),
                hex::encode(&expected),
                "{} {what}",
                case.0["name"]
            );
        };

        let mut message = start.clone();
        manager.one_bits(algorithm, &key, &mut message);
        check("bits", message);

        let mut message = start.clone();
        manager.one(algorithm, &key, &mut message);
        check("octets", message);

        let mut messages = vec![start.clone(); MAX_SIDE_BY_SIDE];
        if Batch::new(algorithm, &[&key; MAX_SIDE_BY_SIDE], &mut messages).side_by_side(&manager) {
            messages.into_iter().for_each(|message| check("side by side", message));
        }

        let mut messages = vec![start.clone(); MAX_SIDE_BY_SIDE];
        if Batch::new(algorithm, &[&key; MAX_SIDE_BY_SIDE], &mut messages).managed_bits(&manager) {
            messages.into_iter().for_each(|message| check("managed, bits", message));
        }

        let mut whole = start.clone();
        whole.bits = 8 * whole.octets.len();
        let mut messages = vec![whole; MAX_SIDE_BY_SIDE];
        Batch::new(algorithm, &[&key; MAX_SIDE_BY_SIDE], &mut messages).managed(&manager);
        messages.into_iter().for_each(|mut message| {
            message.bits = start.bits;
            check("managed", message);
        });
    }
}

fn macs(file: &str, algorithm: Algorithm) {
    let manager = Manager::new();
    for case in cases(file, "integrity") {
        let key = manager.key(&case.key());
        let start = if case.0["fresh"].is_string() {
            let fresh = u32::from_be_bytes(case.octets("fresh").try_into().expect("4 octets"));
            let direction = u8::try_from(case.number("direction")).expect("a bit");
            let iv = Algorithm::uia2_iv(case.count(), fresh, direction);
            Message::new(iv, &[&case.octets("message")], case.bits())
        } else {
            algorithm.message(&case.input(), &case.octets("message"), case.bits())
        };
        let expected = hex::encode(case.octets("mac"));
        let check = |what: &str, message: &Message| {
            assert_eq!(hex::encode(message.mac32()), expected, "{} {what}", case.0["name"]);
        };

        let mut message = start.clone();
        manager.one_bits(algorithm, &key, &mut message);
        check("bits", &message);

        let mut messages = vec![start.clone(); MAX_SIDE_BY_SIDE];
        if Batch::new(algorithm, &[&key; MAX_SIDE_BY_SIDE], &mut messages).side_by_side(&manager) {
            messages.iter().for_each(|message| check("side by side", message));
        }

        let mut messages = vec![start.clone(); MAX_SIDE_BY_SIDE];
        if Batch::new(algorithm, &[&key; MAX_SIDE_BY_SIDE], &mut messages).managed_bits(&manager) {
            messages.iter().for_each(|message| check("managed, bits", message));
        }

        if start.bits.is_multiple_of(8) && start.octets.len() == start.bits / 8 {
            let mut message = start.clone();
            manager.one(algorithm, &key, &mut message);
            check("octets", &message);

            let mut messages = vec![start.clone(); MAX_SIDE_BY_SIDE];
            Batch::new(algorithm, &[&key; MAX_SIDE_BY_SIDE], &mut messages).managed(&manager);
            messages.iter().for_each(|message| check("managed", message));
        }
    }
}

#[test]
fn snow_3g_ciphers() {
    ciphers("nea1-nia1.json", Algorithm::Nea1);
}

#[test]
fn snow_3g_codes() {
    macs("nea1-nia1.json", Algorithm::Nia1);
}

#[test]
fn aes_ciphers() {
    ciphers("nea2-nia2.json", Algorithm::Nea2);
}

#[test]
fn aes_codes() {
    macs("nea2-nia2.json", Algorithm::Nia2);
}

#[test]
fn zuc_ciphers() {
    ciphers("nea3-nia3.json", Algorithm::Nea3);
}

#[test]
fn zuc_codes() {
    macs("nea3-nia3.json", Algorithm::Nia3);
}

#[test]
fn openssl_ciphers_and_codes() {
    for case in cases("nea2-nia2.json", "cipher") {
        let mut block = [0; 16];
        block[..8].copy_from_slice(&header(&case.input()));
        let mut message = Algorithm::Nea2.message(&case.input(), &case.octets("plaintext"), case.bits());
        openssl::Ctr::aes_128(&case.key()).apply(&block, &mut message.octets);
        cut(&mut message);
        assert_eq!(message.octets, case.octets("ciphertext"), "{}", case.0["name"]);
    }
    let mut compared = 0;
    for case in cases("nea2-nia2.json", "integrity") {
        let message = Algorithm::Nia2.message(&case.input(), &case.octets("message"), case.bits());
        // OpenSSL has no lengths in bits.
        if message.bits == 8 * message.octets.len() {
            let mac = openssl::Cmac::new(&case.key()).mac(&message.octets);
            assert_eq!(mac[..4], case.octets("mac"), "{}", case.0["name"]);
            compared += 1;
        }
    }
    assert!(compared > 2, "{compared} codes");
}
