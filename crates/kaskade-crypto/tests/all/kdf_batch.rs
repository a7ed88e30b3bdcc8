//! Derivations from many keys at once: what each key gives alone, with either back end.

use kaskade_crypto::cipher::BackEnd;
use kaskade_crypto::kdf::batch::{HmacKeys, LANES};
use kaskade_crypto::kdf::{Fc, HmacKey};
use proptest::collection::vec;
use proptest::prelude::*;

/// The keys with the back ends that this processor has.
fn with_each_back_end(keys: &[(Vec<u8>, Vec<u8>)]) -> Vec<HmacKeys> {
    BackEnd::ALL
        .iter()
        .filter_map(|back_end| HmacKeys::with_back_end(*back_end, pairs(keys)).ok())
        .collect()
}

fn pairs(keys: &[(Vec<u8>, Vec<u8>)]) -> impl Iterator<Item = (&[u8], &[u8])> {
    keys.iter().map(|(a, b)| (&a[..], &b[..]))
}

/// TS 33.501 A.6 over the key 00 01 … 1f, in each lane; the value is that of the tests of the KDF.
#[test]
fn a_check_value_comes_out_of_every_lane() {
    let key: Vec<u8> = (0..32).collect();
    let snn = b"5G:mnc001.mcc001.3gppnetwork.org";
    for keys in with_each_back_end(&vec![(key, vec![]); LANES]) {
        let outputs = keys.derive(Fc::new(0x6c), [(); LANES], |(), s| {
            s.push(snn);
        });
        assert_eq!(outputs.of_lanes().len(), LANES);
        for output in outputs.of_lanes() {
            assert_eq!(
                hex::encode(output.all()),
                "8dc9b3cd376f60050094ba3427a6b66e5b0a26595112c577f75c50df68b4c170"
            );
        }
    }
}

#[test]
fn there_are_as_many_outputs_as_keys_and_inputs() {
    let key = (vec![1; 16], vec![2; 16]);
    for (given, taken) in [(0, 0), (1, 1), (LANES, LANES), (LANES + 1, LANES)] {
        for keys in with_each_back_end(&vec![key.clone(); given]) {
            assert_eq!(keys.used(), taken);
            for inputs in 0..20 {
                let mut seen = vec![];
                let outputs = keys.derive(Fc::new(1), 0..inputs, |input, _| seen.push(input));
                assert_eq!(seen, Vec::from_iter(0..taken.min(inputs)));
                assert_eq!(outputs.of_lanes().len(), seen.len());
            }
        }
    }
}

#[test]
fn a_parameter_that_is_too_long_spoils_its_lane_alone() {
    let keys = [3, 4, 5].map(|octet| (vec![octet; 32], vec![]));
    let lengths = [65535, 65536, 10];
    let message = vec![0xc3; 65536];
    for together in with_each_back_end(&keys) {
        let outputs = together.derive(Fc::new(0x77), lengths, |length, s| {
            s.push(&message[..length]);
        });
        for ((output, (key, _)), length) in outputs.of_lanes().iter().zip(&keys).zip(lengths) {
            // For the one that is too long, HmacKey too gives something outside the KDF.
            let key = HmacKey::new(key);
            let alone = key.kdf(Fc::new(0x77)).parameter(&message[..length]).finish();
            assert_eq!(*output, alone, "{length}");
        }
    }
}

#[test]
fn keys_and_outputs_are_silent() {
    let keys = HmacKeys::from_two([(&[7; 16][..], &[8; 16][..])]);
    let outputs = keys.derive(Fc::new(1), [()], |(), s| assert_eq!(format!("{s:?}"), "LaneInput(…)"));
    assert_eq!(format!("{keys:?} {outputs:?}"), "HmacKeys(…) KdfOutputs(…)");
}

/// Lengths around the ends of the blocks, and any others.
fn parameter() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..20),
        vec(any::<u8>(), 44..60),
        vec(any::<u8>(), 0..300)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Keys and S of other lengths in each lane, several derivations from the same pads.
    #[test]
    fn every_lane_gives_what_its_key_gives_alone(
        lanes in vec(((vec(any::<u8>(), 0..70), vec(any::<u8>(), 0..70)), vec(vec(parameter(), 0..4), 2)), 0..=LANES),
        fc in 0_u8..0xff,
        extended: bool,
    ) {
        let fc = if extended { Fc::extended(fc) } else { Fc::new(fc) };
        let (keys, derivations): (Vec<_>, Vec<_>) = lanes.into_iter().unzip();
        for together in with_each_back_end(&keys) {
            for derivation in 0..2 {
                let outputs = together.derive(fc, &derivations, |parameters, s| {
                    for parameter in &parameters[derivation] {
                        s.push(parameter);
                    }
                });
                prop_assert_eq!(outputs.of_lanes().len(), keys.len());
                for ((output, (a, b)), parameters) in outputs.of_lanes().iter().zip(&keys).zip(&derivations) {
                    let alone = HmacKey::from_two(a, b).derive(fc, |s| {
                        for parameter in &parameters[derivation] {
                            s.push(parameter);
                        }
                    });
                    prop_assert_eq!(output, &alone);
                }
            }
        }
    }
}
