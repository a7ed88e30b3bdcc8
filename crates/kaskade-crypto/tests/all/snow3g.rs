//! SNOW 3G's algorithms against known answers, and the back ends against each other.

use crate::known_answers::{Case, load};
use kaskade_crypto::cipher::{
    BackEnd, Bearer, BitsBeyondMessage, CipherJob, Direction, Key128, Mac32, MacJob, MacMismatch, MessageInput,
};
use kaskade_crypto::snow3g::{FreshInput, Nea1, Nia1, Uia2};
use proptest::collection::vec;
use proptest::prelude::*;

/// The three algorithms by every back end of this processor.
fn back_ends(key: &[u8; 16]) -> Vec<(Nea1, Nia1, Uia2)> {
    let key = Key128::from_octets(key);
    BackEnd::ALL
        .into_iter()
        .filter_map(|back_end| {
            let nea1 = Nea1::with_back_end(&key, back_end).ok()?;
            let nia1 = Nia1::with_back_end(&key, back_end).expect("all or none");
            let uia2 = Uia2::with_back_end(&key, back_end).expect("all or none");
            assert_eq!(
                [nea1.back_end(), nia1.back_end(), uia2.back_end()],
                [back_end, back_end, back_end]
            );
            Some((nea1, nia1, uia2))
        })
        .collect()
}

fn direction(downlink: bool) -> Direction {
    if downlink {
        Direction::Downlink
    } else {
        Direction::Uplink
    }
}

fn input(count: u32, bearer: u8, downlink: bool) -> MessageInput {
    MessageInput {
        count,
        bearer: Bearer::new(bearer).expect("5 bits"),
        direction: direction(downlink),
    }
}

fn input_of(case: &Case) -> MessageInput {
    input(
        u32::from_be_bytes(case.octets("count")),
        u8::try_from(case.number("bearer")).expect("5 bits"),
        case.number("direction") == 1,
    )
}

fn any_input() -> impl Strategy<Value = MessageInput> {
    (any::<u32>(), 0..32_u8, any::<bool>()).prop_map(|(count, bearer, downlink)| input(count, bearer, downlink))
}

/// What stands in the vector file, for the back ends that there are; the bare keystreams are tested inside the crate.
#[test]
fn known_answers_hold_on_every_back_end() {
    let (mut ciphered, mut with_bearer, mut with_fresh) = (0, 0, 0);
    for case in load("nea1-nia1.json") {
        let operation = case.text("operation");
        if operation == "keystream" {
            continue;
        }
        let bits = usize::try_from(case.number("length_bits")).expect("fits");
        for (nea1, nia1, uia2) in back_ends(&case.octets("key")) {
            let name = format!("{} {:?}", case.name(), nea1.back_end());
            if operation == "cipher" {
                let mut message = case.vec("plaintext");
                nea1.apply_bits(&input_of(&case), &mut message, bits)
                    .expect("bits are there");
                assert_eq!(hex::encode(message), hex::encode(case.vec("ciphertext")), "{name}");
                ciphered += 1;
                continue;
            }
            let (message, mac) = (case.vec("message"), Mac32::from_octets(case.octets("mac")));
            if case.has("fresh") {
                let input = FreshInput {
                    count: u32::from_be_bytes(case.octets("count")),
                    fresh: u32::from_be_bytes(case.octets("fresh")),
                    direction: direction(case.number("direction") == 1),
                };
                assert_eq!(uia2.mac_bits(&input, &message, bits), Ok(mac), "{name}");
                with_fresh += 1;
            } else {
                assert_eq!(nia1.mac_bits(&input_of(&case), &message, bits), Ok(mac), "{name}");
                with_bearer += 1;
            }
        }
    }
    let back_ends = back_ends(&[0; 16]).len();
    assert_eq!(
        (ciphered, with_bearer, with_fresh),
        (12 * back_ends, 8 * back_ends, 3 * back_ends)
    );
}

/// Every length to beyond some rounds of the widest back end, against the keystream of a long message.
#[test]
fn every_length_takes_the_same_keystream() {
    const LONGEST: usize = 700;
    let input = input(0x0102_0304, 21, true);
    let [(portable, ..), ..] = &back_ends(&[0x42; 16])[..] else {
        panic!("the portable back end is always there");
    };
    let mut keystream = [0; LONGEST];
    portable.apply(&input, &mut keystream);
    for (nea1, ..) in back_ends(&[0x42; 16]) {
        for length in 0..LONGEST {
            let mut message = vec![0; LONGEST];
            nea1.apply(&input, &mut message[..length]);
            assert_eq!(message[..length], keystream[..length], "{length} {:?}", nea1.back_end());
            assert!(message[length..].iter().all(|octet| *octet == 0), "{length}");
        }
    }
}

#[test]
fn more_bits_than_octets_are_refused_and_nothing_changes() {
    let input = input(1, 2, false);
    for (nea1, nia1, uia2) in back_ends(&[7; 16]) {
        for (octets, bits) in [(0, 1), (3, 25), (64, 513), (2, usize::MAX)] {
            let refusal = Err(BitsBeyondMessage { bits, octets });
            let mut message = vec![0xa5; octets];
            assert_eq!(nea1.apply_bits(&input, &mut message, bits), refusal);
            assert_eq!(message, vec![0xa5; octets]);
            assert_eq!(nia1.mac_bits(&input, &message, bits).map(|_| ()), refusal);
            assert_eq!(uia2.mac_bits(&(&input).into(), &message, bits).map(|_| ()), refusal);
        }
    }
}

#[test]
fn a_wrong_code_is_refused() {
    let input = input(1, 2, false);
    let fresh = FreshInput::from(&input);
    for (_, nia1, uia2) in back_ends(&[9; 16]) {
        let mac = nia1.mac(&input, b"message");
        assert_eq!(nia1.verify(&input, b"message", &mac), Ok(()));
        assert_eq!(uia2.verify(&fresh, b"message", &mac), Ok(()), "FRESH is BEARER");
        for bit in 0..32 {
            let mut octets = *mac.octets();
            octets[bit / 8] ^= 1 << (bit % 8);
            let wrong = Mac32::from_octets(octets);
            assert_eq!(nia1.verify(&input, b"message", &wrong), Err(MacMismatch));
            assert_eq!(uia2.verify(&fresh, b"message", &wrong), Err(MacMismatch));
        }
        assert_eq!(nia1.verify(&input, b"massage", &mac), Err(MacMismatch));
        assert_eq!(nia1.verify(&input, b"message\0", &mac), Err(MacMismatch));
    }
}

#[test]
fn what_is_printed_tells_no_key() {
    for (nea1, nia1, uia2) in back_ends(&[0xa5; 16]) {
        assert_eq!(format!("{nea1:?} {nia1:?} {uia2:?}"), "128-NEA1(…) 128-NIA1(…) UIA2(…)");
    }
}

/// The first `bits` bits with zeros after them, as whole octets.
fn cut(message: &[u8], bits: usize) -> Vec<u8> {
    let mut message = message[..bits.div_ceil(8)].to_vec();
    if !bits.is_multiple_of(8) {
        *message.last_mut().expect("a bit is there") &= 0xff << (8 - bits % 8);
    }
    message
}

/// Lengths in bits: mostly short, where the shapes of blocks differ, with all remainders.
fn any_bits() -> impl Strategy<Value = usize> {
    prop_oneof![0..700_usize, 0..4200_usize, 0..20_001_usize]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn back_ends_agree_on_every_bit_length(
        key in any::<[u8; 16]>(),
        input in any_input(),
        fresh in any::<u32>(),
        bits in any_bits(),
        seed in vec(any::<u8>(), 2501),
        extra in 0..3_usize,
    ) {
        let message = &seed[..bits.div_ceil(8) + extra.min(seed.len() - bits.div_ceil(8))];
        let fresh_input = FreshInput { count: input.count, fresh, direction: input.direction };
        let mut results = Vec::new();
        for (nea1, nia1, uia2) in back_ends(&key) {
            let mut ciphered = message.to_vec();
            nea1.apply_bits(&input, &mut ciphered, bits).expect("bits are there");
            prop_assert_eq!(&ciphered[bits.div_ceil(8)..], &message[bits.div_ceil(8)..]);
            let mut deciphered = ciphered.clone();
            nea1.apply_bits(&input, &mut deciphered, bits).expect("bits are there");
            prop_assert_eq!(&deciphered[..bits.div_ceil(8)], cut(message, bits));
            let mac = nia1.mac_bits(&input, message, bits).expect("bits are there");
            prop_assert_eq!(nia1.mac_bits(&input, &cut(message, bits), bits), Ok(mac));
            if bits.is_multiple_of(8) {
                prop_assert_eq!(nia1.mac(&input, &message[..bits / 8]), mac);
            }
            results.push((ciphered, mac, uia2.mac_bits(&fresh_input, message, bits).expect("bits are there")));
        }
        for result in &results {
            prop_assert_eq!(result, &results[0]);
        }
    }

    /// Keys, lengths and back ends mixed; some lanes end early, some messages are empty.
    #[test]
    fn a_batch_does_what_its_jobs_do_alone(
        messages in vec((any::<u8>(), any_input(), prop_oneof![0..90_usize, 0..1700_usize]), 0..50),
        shifted in 0..8_usize,
    ) {
        let ciphers: Vec<_> = messages.iter().map(|(key, ..)| back_ends(&[*key; 16])).collect();
        // Most jobs are of the fastest back end, and some of each other one.
        let chosen = |index: usize| {
            let all = &ciphers[index];
            match (index + shifted) % 8 {
                0 => &all[0],
                1..4 => &all[all.len() / 2],
                _ => &all[all.len() - 1],
            }
        };
        let originals: Vec<Vec<u8>> = messages
            .iter()
            .map(|(key, _, length)| (0..*length).map(|i| i.to_le_bytes()[0] ^ key).collect())
            .collect();

        let mut batch = originals.clone();
        let mut jobs: Vec<_> = batch
            .iter_mut()
            .enumerate()
            .map(|(index, message)| CipherJob { cipher: &chosen(index).0, input: messages[index].1, message })
            .collect();
        Nea1::apply_batch(&mut jobs);

        let mut mac_jobs: Vec<_> = originals
            .iter()
            .enumerate()
            .map(|(index, message)| MacJob {
                algorithm: &chosen(index).1,
                input: messages[index].1,
                message,
                mac: Mac32::from_octets([0; 4]),
            })
            .collect();
        Nia1::mac_batch(&mut mac_jobs);

        for (index, (_, input, _)) in messages.iter().enumerate() {
            let (nea1, nia1, _) = &ciphers[index][0];
            let mut alone = originals[index].clone();
            nea1.apply(input, &mut alone);
            prop_assert_eq!(&batch[index], &alone, "job {}", index);
            prop_assert_eq!(mac_jobs[index].mac, nia1.mac(input, &originals[index]), "job {}", index);
        }
    }
}
