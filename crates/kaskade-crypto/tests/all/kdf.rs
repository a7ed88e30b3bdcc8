//! The key derivation function, HMAC and SHA-256 against check values and against an independent HMAC.

use hmac::{Hmac, KeyInit, Mac};
use kaskade_crypto::kdf::{Fc, HmacKey, ParameterTooLong, sha256, sha256_one_block};
use proptest::prelude::*;

const SNN: &[u8] = b"5G:mnc001.mcc001.3gppnetwork.org";

/// HMAC-SHA-256 of another crate.
fn other_hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// The check values of the derivations of TS 33.501 Annex A over the key 00 01 … 1f.
#[test]
fn check_values_agree() {
    let key: Vec<u8> = (0..32).collect();
    let key = HmacKey::new(&key);
    let cases: [(u8, &[&[u8]], &str); 8] = [
        (
            0x6a,
            &[SNN, &[0; 6]],
            "f5c7017fa42a921a2b0e6dc39158777de9137609a890ca804e6747b2ecb09829",
        ),
        (
            0x6c,
            &[SNN],
            "8dc9b3cd376f60050094ba3427a6b66e5b0a26595112c577f75c50df68b4c170",
        ),
        (
            0x6d,
            &[b"001010000000001", &[0, 0]],
            "4c6ca20afac72770817be219c7c794b0e2b55527e9e5178da09c0a7f95868122",
        ),
        (
            0x6e,
            &[&[0; 4], &[1]],
            "aa46103135a4c5028c5799ff45e072b217ad1d2a25faa1f4ba898105e96ce664",
        ),
        (
            0x69,
            &[&[2], &[2]],
            "34e5be06bacba77ed23048e173f1ec1e67061e8eab07c40f4aac977dd4a1e5fc",
        ),
        (
            0x70,
            &[&1_u16.to_be_bytes(), &632_628_u32.to_be_bytes()[1..]],
            "e689a941812872e57f568a5524a0ef3428dd625fbad77d9c8101a895beb5b5a8",
        ),
        (
            0x72,
            &[&[1], &[0; 4]],
            "8dd1de795096016ae66fad6d862c7d59e44f015cdf2c60a423fe8f7fccd28509",
        ),
        (
            0x74,
            &[&[0; 4]],
            "627e0aff4e3244a96784f2436f237af263d9054f6564ead583bcd300423f0347",
        ),
    ];
    for (fc, parameters, expected) in cases {
        let mut input = key.kdf(Fc::new(fc));
        for parameter in parameters {
            input = input.parameter(parameter);
        }
        assert_eq!(hex::encode(input.finish().all()), expected, "FC {fc:#x}");
    }
}

#[test]
fn srsran_s_k_gnb_agrees() {
    let k_enb = hex::decode("fe7dee808d7f3b882a082cbdc8390d129e5d28af0e8322eb573ada36f21a5a89").expect("hex");
    let s_k_gnb = HmacKey::new(&k_enb).kdf(Fc::new(0x1c)).parameter(&[0, 0]).finish();
    assert_eq!(
        hex::encode(s_k_gnb.all()),
        "45cbc3f8a81193fd5c5229300d59edf812e998a115ec4e0ce903ba89367e2628"
    );
}

/// RFC 4231 test cases 1, 2 and 6 (a key longer than a block).
#[test]
fn rfc_4231_agrees() {
    let cases: [(&[u8], &[u8], &str); 3] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ];
    for (key, message, expected) in cases {
        assert_eq!(hex::encode(HmacKey::new(key).mac(message).all()), expected);
    }
}

/// FIPS 180-4 examples, and the one-block form of HRES*.
#[test]
fn sha256_agrees() {
    assert_eq!(
        hex::encode(sha256(&[b"a", b"", b"bc"])),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        hex::encode(sha256(&[])),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let (a, b) = ([0x5a; 16], [0xa5; 16]);
    assert_eq!(sha256_one_block(&a, &b), sha256(&[&a, &b]));
}

#[test]
fn the_output_is_cut_as_named() {
    let output = HmacKey::new(b"key").mac(b"message");
    let (high, low) = output.all().split_at(16);
    assert_eq!((&output.high_128()[..], &output.low_128()[..]), (high, low));
    assert_eq!(
        format!("{output:?} {:?}", HmacKey::new(b"key")),
        "KdfOutput(…) HmacKey(…)"
    );
    assert_ne!(output, HmacKey::new(b"key").mac(b"another"));
}

#[test]
fn fc_has_one_or_two_octets() {
    assert_eq!(Fc::new(0x6a).octets(), [0x6a]);
    assert_eq!(Fc::extended(0x6a).octets(), [0xff, 0x6a]);
    assert_eq!(Fc::try_new(0xfe), Some(Fc::new(0xfe)));
    assert_eq!(Fc::try_new(0xff), None);
    assert_eq!(format!("{} {}", Fc::new(0x0a), Fc::extended(1)), "0x0A 0xFF01");
    let key = HmacKey::new(b"key");
    assert_eq!(key.kdf(Fc::extended(7)).finish(), key.mac(&[0xff, 7]));
}

#[test]
fn a_parameter_of_65535_octets_is_the_longest() {
    let key = HmacKey::new(b"key");
    let fc = Fc::new(0x77);
    let longest = vec![0xc3; 65535];
    let s = [&[0x77], &longest[..], &[0xff, 0xff]].concat();
    assert_eq!(key.kdf(fc).parameter(&longest).finish(), key.mac(&s));
    assert_eq!(key.kdf(fc).parameter(&longest).try_finish(), Ok(key.mac(&s)));

    let too_long = vec![0xc3; 65536];
    assert_eq!(key.kdf(fc).parameter(&too_long).try_finish(), Err(ParameterTooLong));
    let parts: [&[u8]; 2] = [&longest, &[0xc3]];
    assert_eq!(
        key.kdf(fc).parameter_parts(&parts).parameter(&[]).try_finish(),
        Err(ParameterTooLong)
    );
    // Without the check it gives a key, but none that a peer could have: not with a cut, a wrapped or no length.
    let outside = key.kdf(fc).parameter(&too_long).finish();
    for length in [&[][..], &[0, 0], &[0xff, 0xff], &[0, 1, 0, 0]] {
        assert_ne!(outside, key.mac(&[&[0x77], &too_long[..], length].concat()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever lies across the blocks, shared pads give what a one-shot HMAC over the whole S gives.
    #[test]
    fn shared_pads_give_the_one_shot_hmac(
        a in proptest::collection::vec(any::<u8>(), 0..80),
        b in proptest::collection::vec(any::<u8>(), 0..80),
        fc in 0_u8..0xff,
        extended: bool,
        derivations in proptest::collection::vec(
            proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..150), 0..5), 1..4),
    ) {
        let whole_key = [a.clone(), b.clone()].concat();
        let key = HmacKey::from_two(&a, &b);
        prop_assert_eq!(key.mac(&whole_key), HmacKey::new(&whole_key).mac(&whole_key));
        let fc = if extended { Fc::extended(fc) } else { Fc::new(fc) };
        for parameters in derivations {
            let mut s = fc.octets().to_vec();
            let (mut whole, mut pieces) = (key.kdf(fc), key.kdf(fc));
            for parameter in &parameters {
                s.extend_from_slice(parameter);
                s.extend_from_slice(&u16::try_from(parameter.len()).expect("short").to_be_bytes());
                whole = whole.parameter(parameter);
                let (head, tail) = parameter.split_at(parameter.len() / 3);
                pieces = pieces.parameter_parts(&[head, &[], tail]);
            }
            let expected = other_hmac(&whole_key, &s);
            let output = whole.finish();
            prop_assert_eq!(&output.all()[..], &expected[..]);
            prop_assert_eq!(pieces.try_finish(), Ok(output.clone()));
            prop_assert_eq!(key.mac(&s), output.clone());
            prop_assert_eq!(key.clone().mac_parts(&[&s[..1], &s[1..]]), output);
        }
    }

    #[test]
    fn sha256_agrees_with_another(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..6)) {
        use sha2::Digest;
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let other: [u8; 32] = sha2::Sha256::digest(parts.concat()).into();
        prop_assert_eq!(sha256(&parts), other);
    }
}

/// MK ‖ … of EAP-AKA' (RFC 9048 appendix D): PRF' over the identity, and over re-authentication's inputs.
#[test]
fn prf_prime_gives_the_master_keys_of_rfc_9048() {
    for case in crate::known_answers::load("eap-aka-prime.json") {
        let (key, s) = match case.text("function") {
            "full authentication" => (
                [case.vec("ik_prime"), case.vec("ck_prime")].concat(),
                [b"EAP-AKA'".to_vec(), case.text("identity").into()].concat(),
            ),
            "fast re-authentication" => (
                case.vec("k_re"),
                [
                    b"EAP-AKA' re-auth".to_vec(),
                    case.text("identity").into(),
                    case.vec("counter"),
                    case.vec("nonce_s"),
                ]
                .concat(),
            ),
            "CK'/IK' must differ" => continue, // no PRF' in it
            other => panic!("{}: unknown function {other}", case.name()),
        };
        let expected = case
            .find("mk")
            .unwrap_or_else(|| [case.vec("msk"), case.vec("emsk")].concat());
        let mut master_key = vec![0; expected.len()];
        HmacKey::new(&key).expand(&[&s], &mut master_key).expect("short enough");
        assert_eq!(master_key, expected, "{}", case.name());
    }
}

#[test]
fn prf_prime_ends_with_its_counter() {
    let key = HmacKey::new(b"key");
    let mut output = vec![0; HmacKey::MOST_OCTETS + 1];
    assert!(key.expand(&[b"S"], &mut output).is_err());
    assert!(output.iter().all(|octet| *octet == 0), "nothing is written on error");
    key.expand(&[b"S"], &mut output[1..]).expect("255 blocks");
    assert!(output[1..].as_chunks::<32>().0.iter().all(|block| block != &[0; 32]));
}

/// The example of the generator that NIST published with change notice 1, and that EAP-AKA implementations test with.
#[test]
fn fips_186_2_gives_the_published_example() {
    let xkey = hex::decode("bd029bbe7f51960bcf9edb2b61f06f0feb5a38b6").expect("hex");
    let expected = "2070b3223dba372fde1c0ffc7b2e3b498b2606143c6c18bacb0f6c55babb13788e20d737a3275116";
    let mut output = [0; 40];
    kaskade_crypto::kdf::fips_186_2_prf(&xkey.try_into().expect("20 octets"), &mut output);
    assert_eq!(hex::encode(output), expected);
}
