//! SUCI protection schemes against the test data of TS 33.501 C.4, other people's data, and an independent
//! implementation; with every back end.
#![allow(clippy::panic, reason = "a test reports so")]

use crate::known_answers::{Case, load};
use kaskade_crypto::ecies::{
    BackEnd, EciesError, EphemeralSecret, HnPrivateKey, HnPublicKey, Profile, ProtectionScheme, conceal, conceal_with,
    conceal_with_null_scheme, deconceal, deconceal_with_null_scheme,
};
use oxirush_security::nas_5gs as suci;
use proptest::prelude::*;

fn profile(case: &Case) -> Profile {
    let id = case.text("protection_scheme").parse().expect("a number");
    match ProtectionScheme::from_id(id) {
        Some(ProtectionScheme::Ecies(profile)) => profile,
        other => panic!("{}: {other:?}", case.name()),
    }
}

/// The scheme output as octets; the clause prints that of an NAI as text.
fn scheme_output(case: &Case) -> Vec<u8> {
    let text = case.text("scheme_output");
    let hex_digits: String = match text.strip_prefix("ecckey") {
        Some(rest) => rest.replace(".cip", "").replace(".mac", ""),
        None => text.into(),
    };
    hex::decode(hex_digits).expect("hexadecimal")
}

#[test]
fn every_known_answer_agrees() {
    let cases = load("suci.json");
    assert_eq!(cases.len(), 10);
    let (mut null, mut deconcealed, mut concealed) = (0, 0, 0);
    for case in cases.iter().filter(|case| case.has("protection_scheme")) {
        if case.text("protection_scheme") == "0" {
            assert_eq!(ProtectionScheme::from_id(0), Some(ProtectionScheme::Null));
            assert_eq!(conceal_with_null_scheme(&case.vec("scheme_input")), scheme_output(case));
            assert_eq!(
                deconceal_with_null_scheme(&scheme_output(case)),
                case.vec("scheme_input")
            );
            null += 1;
            continue;
        }
        for back_end in BackEnd::ALL {
            let profile = profile(case);
            let key = HnPrivateKey::with_back_end(*back_end, profile, &case.octets("home_network_private_key"))
                .expect("a valid key");
            let plain = case.find("scheme_input").unwrap_or_else(|| case.vec("plaintext"));
            assert_eq!(
                deconceal(&key, &scheme_output(case)),
                Ok(plain.clone()),
                "{} {back_end:?}",
                case.name()
            );
            deconcealed += 1;

            let Some(public_key) = case.find("home_network_public_key") else {
                continue;
            };
            assert_eq!(
                hex::encode(key.public_key().octets()),
                hex::encode(&public_key),
                "{}",
                case.name()
            );
            let imported = HnPublicKey::from_octets(profile, &public_key).expect("a valid key");
            assert_eq!(&imported, key.public_key());
            if let Some(uncompressed) = case.find("home_network_public_key_uncompressed") {
                assert_eq!(HnPublicKey::from_octets(profile, &uncompressed), Ok(imported.clone()));
            }
            let ephemeral = EphemeralSecret::from_octets(&case.octets("ephemeral_private_key"));
            let output = conceal_with(*back_end, &imported, ephemeral, &plain);
            assert_eq!(output, Ok(scheme_output(case)), "{} {back_end:?}", case.name());
            concealed += 1;
        }
    }
    let back_ends = BackEnd::ALL.len();
    assert_eq!((null, deconcealed, concealed), (1, 5 * back_ends, 3 * back_ends));
}

/// Every back end, profile, and a key pair with a scheme output of it.
fn samples() -> Vec<(HnPrivateKey, Vec<u8>)> {
    BackEnd::ALL
        .iter()
        .flat_map(|back_end| Profile::ALL.map(|profile| (*back_end, profile)))
        .map(|(back_end, profile)| {
            let key = HnPrivateKey::with_back_end(back_end, profile, &[0x17; 32]).expect("a valid key");
            let output = conceal(
                key.public_key(),
                EphemeralSecret::from_octets(&[0x29; 32]),
                b"\x00\x01\x20\x80\xf6",
            );
            (key, output.expect("concealed"))
        })
        .collect()
}

#[test]
fn every_flipped_bit_makes_it_undecryptable() {
    for (key, output) in samples() {
        assert_eq!(output.len(), 5 + key.profile().overhead());
        assert_eq!(deconceal(&key, &output).as_deref(), Ok(&b"\x00\x01\x20\x80\xf6"[..]));
        for bit in 0..output.len() * 8 {
            let mut flipped = output.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                deconceal(&key, &flipped),
                Err(EciesError::Undecryptable),
                "{key:?} bit {bit}"
            );
        }
    }
}

#[test]
fn every_short_scheme_output_is_told() {
    for (key, output) in samples() {
        let at_least = key.profile().overhead() + 1;
        for actual in 0..output.len() {
            let expected = if actual < at_least {
                EciesError::SchemeOutputTooShort {
                    profile: key.profile(),
                    at_least,
                    actual,
                }
            } else {
                EciesError::Undecryptable
            };
            assert_eq!(deconceal(&key, &output[..actual]), Err(expected));
        }
        let longer = [&output[..], &[0]].concat();
        assert_eq!(deconceal(&key, &longer), Err(EciesError::Undecryptable));
    }
}

/// The u-coordinates of low order of Curve25519, also in the forms that are not reduced, and with the unused bit set.
fn low_order_points() -> Vec<[u8; 32]> {
    let mut points: Vec<[u8; 32]> = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]
    .iter()
    .map(|point| hex::decode(point).expect("hexadecimal").try_into().expect("32 octets"))
    .collect();
    for index in 0..points.len() {
        let mut point = points[index];
        point[31] |= 0x80;
        points.push(point);
    }
    points
}

#[test]
fn x25519_points_of_low_order_are_refused() {
    for point in low_order_points() {
        assert_eq!(
            HnPublicKey::from_octets(Profile::A, &point),
            Err(EciesError::PublicKeyInvalid { profile: Profile::A }),
            "{}",
            hex::encode(point)
        );
    }
    for (key, output) in samples().into_iter().filter(|(key, _)| key.profile() == Profile::A) {
        for point in low_order_points() {
            // With the tag that the secret of all zero would give: only the point itself betrays it.
            let forged = forge_with_zero_secret(&point, &output[32..37]);
            assert_eq!(deconceal(&key, &forged), Err(EciesError::Undecryptable), "{key:?}");
        }
    }
}

/// A scheme output whose tag is right if the agreed secret is all zero.
fn forge_with_zero_secret(point: &[u8; 32], ciphertext: &[u8]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Digest;

    let mac_key = sha2::Sha256::digest([&[0; 32][..], &[0, 0, 0, 2], point].concat());
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&mac_key).expect("any length");
    mac.update(ciphertext);
    let tag = mac.finalize().into_bytes();
    [&point[..], ciphertext, &tag[..8]].concat()
}

#[test]
fn p256_points_off_the_curve_are_refused() {
    let on_curve = samples()
        .iter()
        .find(|(key, _)| key.profile() == Profile::B)
        .map(|(key, _)| key.public_key().octets().to_vec())
        .expect("a key of profile B");
    // About every other x has no point: take the first few that have none, by the independent implementation.
    let off_curve: Vec<Vec<u8>> = (0..=255_u8)
        .map(|last| [&on_curve[..32], &[last]].concat())
        .filter(|point| suci::HomeNetworkPublicKey::profile_b(point).is_err())
        .take(20)
        .collect();
    assert_eq!(off_curve.len(), 20);
    let prime_as_x = hex::decode("02ffffffff00000001000000000000000000000000ffffffffffffffffffffffff").expect("hex");
    let wrong_forms = [0x00, 0x01, 0x04, 0x05, 0x06, 0x07].map(|form| [&[form], &on_curve[1..]].concat());
    let refused = off_curve
        .into_iter()
        .chain([prime_as_x, vec![0; 33]])
        .chain(wrong_forms);
    for point in refused {
        assert_eq!(
            HnPublicKey::from_octets(Profile::B, &point),
            Err(EciesError::PublicKeyInvalid { profile: Profile::B }),
            "{}",
            hex::encode(&point)
        );
        for (key, output) in samples().into_iter().filter(|(key, _)| key.profile() == Profile::B) {
            let forged = [&point[..], &output[33..]].concat();
            assert_eq!(
                deconceal(&key, &forged),
                Err(EciesError::Undecryptable),
                "{}",
                hex::encode(&point)
            );
        }
    }
    // Uncompressed, with a y that is not on the curve, or hybrid.
    let case = load("suci.json")
        .into_iter()
        .find(|case| case.has("home_network_public_key_uncompressed"));
    let good = case.expect("such a case").vec("home_network_public_key_uncompressed");
    assert!(HnPublicKey::from_octets(Profile::B, &good).is_ok());
    for (index, value) in [(64, good[64] ^ 1), (1, good[1] ^ 1), (0, 0x06), (0, 0x07), (0, 0x02)] {
        let mut bad = good.clone();
        bad[index] = value;
        let expected = EciesError::PublicKeyInvalid { profile: Profile::B };
        assert_eq!(HnPublicKey::from_octets(Profile::B, &bad), Err(expected));
    }
}

#[test]
fn keys_are_checked() {
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order: [u8; 32] = hex::decode(order).expect("hex").try_into().expect("32 octets");
    let mut below = order;
    below[31] -= 1;
    let mut one = [0; 32];
    one[31] = 1;
    for back_end in BackEnd::ALL {
        for refused in [[0; 32], order, [0xff; 32]] {
            let key = HnPrivateKey::with_back_end(*back_end, Profile::B, &refused);
            assert_eq!(key.map(|_| ()), Err(EciesError::PrivateKeyOutOfRange), "{back_end:?}");
            assert!(
                HnPrivateKey::with_back_end(*back_end, Profile::A, &refused).is_ok(),
                "{back_end:?}"
            );
            let hn = HnPrivateKey::with_back_end(*back_end, Profile::B, &one).expect("1 is in range");
            let output = conceal_with(*back_end, hn.public_key(), EphemeralSecret::from_octets(&refused), b"x");
            assert_eq!(output, Err(EciesError::PrivateKeyOutOfRange), "{back_end:?}");
        }
        for accepted in [one, below] {
            assert!(
                HnPrivateKey::with_back_end(*back_end, Profile::B, &accepted).is_ok(),
                "{back_end:?}"
            );
        }
    }
    for (profile, expected, lengths) in [
        (Profile::A, "32", [0, 31, 33, 65]),
        (Profile::B, "33 or 65", [0, 32, 34, 64]),
    ] {
        for actual in lengths {
            assert_eq!(
                HnPublicKey::from_octets(profile, &vec![2; actual]),
                Err(EciesError::PublicKeyLength {
                    profile,
                    expected,
                    actual
                })
            );
        }
    }
    for (key, _) in samples() {
        let ephemeral = EphemeralSecret::from_octets(&[1; 32]);
        assert_eq!(conceal(key.public_key(), ephemeral, b""), Err(EciesError::EmptyInput));
        assert_eq!(format!("{key:?}"), format!("HnPrivateKey({}, …)", key.profile()));
    }
}

#[test]
fn scheme_identifiers_are_those_of_the_clause() {
    for id in 0..=255_u8 {
        let scheme = ProtectionScheme::from_id(id);
        assert_eq!(scheme.is_some(), id < 3);
        assert_eq!(scheme.map_or(id, ProtectionScheme::id), id);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What one back end conceals, all deconceal, and so does the other implementation.
    #[test]
    fn random_sucis_agree_with_an_independent_implementation(
        hn: [u8; 32], ephemeral: [u8; 32], digits in "[0-9]{9,10}", profile_b: bool,
    ) {
        let profile = if profile_b { Profile::B } else { Profile::A };
        let plain = packed_bcd(&digits);
        let keys: Vec<HnPrivateKey> = BackEnd::ALL
            .iter()
            .map(|back_end| HnPrivateKey::with_back_end(*back_end, profile, &hn).expect("in range"))
            .collect();
        let outputs: Vec<Vec<u8>> = BackEnd::ALL
            .iter()
            .zip(&keys)
            .map(|(back_end, key)| {
                conceal_with(*back_end, key.public_key(), EphemeralSecret::from_octets(&ephemeral), &plain)
                    .expect("concealed")
            })
            .collect();
        for (key, output) in keys.iter().zip(&outputs) {
            prop_assert_eq!(key.public_key(), keys[0].public_key());
            prop_assert_eq!(output, &outputs[0]);
            prop_assert_eq!(deconceal(key, output), Ok(plain.clone()));
        }

        let their_key = if profile_b {
            suci::HomeNetworkPrivateKey::profile_b(&hn).expect("in range")
        } else {
            suci::HomeNetworkPrivateKey::profile_a(&hn)
        };
        prop_assert_eq!(their_key.public_key().to_octets(), keys[0].public_key().octets());
        // 5GS mobile identity: SUCI of an IMSI, PLMN 001 01, routing indicator 0, scheme, key 27, scheme output.
        let head = [0x01, 0x00, 0xf1, 0x10, 0xf0, 0xff, profile.scheme_id(), 27];
        let theirs = suci::Suci::from_nas_octets(&[&head[..], &outputs[0]].concat()).expect("a SUCI");
        let supi = theirs.deconceal(Some(&their_key)).expect("deconcealed");
        prop_assert_eq!(supi.identity(), format!("00101{digits}"));

        let plmn_and_routing = suci::Suci::from_nas_octets(&[0x01, 0x00, 0xf1, 0x10, 0xf0, 0xff, 0, 0, 0x21, 0xf3]).expect("a SUCI");
        let suci::HomeNetwork::Plmn(plmn) = plmn_and_routing.home_network() else {
            panic!("a PLMN");
        };
        let protection = suci::Protection::Ecies { key_id: 27, key: &their_key.public_key() };
        let theirs = suci::Suci::conceal_imsi(plmn, &digits, plmn_and_routing.routing_indicator(), protection).expect("concealed");
        let octets = theirs.to_nas_octets().expect("octets");
        for key in &keys {
            prop_assert_eq!(deconceal(key, &octets[8..]), Ok(plain.clone()));
        }
    }

    #[test]
    fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..120)) {
        for (key, _) in samples() {
            prop_assert!(deconceal(&key, &octets).is_err());
        }
    }
}

/// Two digits an octet, the first in the low half; 0xF fills the last.
fn packed_bcd(digits: &str) -> Vec<u8> {
    let digit = |octet: Option<&u8>| octet.map_or(0xf, |octet| octet - b'0');
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| digit(pair.get(1)) << 4 | digit(pair.first()))
        .collect()
}
