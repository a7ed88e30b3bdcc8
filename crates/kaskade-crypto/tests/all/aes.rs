//! 128-NEA2 and 128-NIA2 against known answers, and the back ends against each other.

use crate::known_answers::{Case, load};
use kaskade_crypto::aes::{Nea2, Nia2};
use kaskade_crypto::cipher::{
    BackEnd, Bearer, BitsBeyondMessage, CipherJob, Direction, Key128, Mac32, MacJob, MacMismatch, MessageInput,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Both algorithms by every back end of this processor.
fn back_ends(key: &[u8; 16]) -> Vec<(Nea2, Nia2)> {
    let key = Key128::from_octets(key);
    BackEnd::ALL
        .into_iter()
        .filter_map(|back_end| {
            let nea2 = Nea2::with_back_end(&key, back_end).ok()?;
            let nia2 = Nia2::with_back_end(&key, back_end).expect("both or none");
            assert_eq!((nea2.back_end(), nia2.back_end()), (back_end, back_end));
            Some((nea2, nia2))
        })
        .collect()
}

fn input_of(case: &Case) -> MessageInput {
    input(
        u32::from_be_bytes(case.octets("count")),
        u8::try_from(case.number("bearer")).expect("5 bits"),
        case.number("direction") == 1,
    )
}

fn input(count: u32, bearer: u8, downlink: bool) -> MessageInput {
    MessageInput {
        count,
        bearer: Bearer::new(bearer).expect("5 bits"),
        direction: if downlink {
            Direction::Downlink
        } else {
            Direction::Uplink
        },
    }
}

fn any_input() -> impl Strategy<Value = MessageInput> {
    (any::<u32>(), 0..32_u8, any::<bool>()).prop_map(|(count, bearer, downlink)| input(count, bearer, downlink))
}

#[test]
fn known_answers_hold_on_every_back_end() {
    let mut operations = [0, 0];
    for case in load("nea2-nia2.json") {
        let input = input_of(&case);
        let bits = usize::try_from(case.number("length_bits")).expect("fits");
        for (nea2, nia2) in back_ends(&case.octets("key")) {
            let name = format!("{} {:?}", case.name(), nea2.back_end());
            if case.text("operation") == "cipher" {
                operations[0] += 1;
                let mut message = case.vec("plaintext");
                nea2.apply_bits(&input, &mut message, bits).expect("bits are there");
                assert_eq!(message, case.vec("ciphertext"), "{name}");
            } else {
                operations[1] += 1;
                let (message, mac) = (case.vec("message"), Mac32::from_octets(case.octets("mac")));
                assert_eq!(nia2.mac_bits(&input, &message, bits), Ok(mac), "{name}");
                if bits.is_multiple_of(8) {
                    assert_eq!(nia2.verify(&input, &message, &mac), Ok(()), "{name}");
                }
            }
        }
    }
    assert!(operations[0] >= 8 && operations[1] >= 8, "{operations:?}");
}

/// Every length to beyond two rounds of the widest back end, against the keystream of a long message.
#[test]
fn every_length_takes_the_same_keystream() {
    const LONGEST: usize = 1300;
    let input = input(0xffff_fffe, 31, true);
    let mut expected = None;
    for (nea2, _) in back_ends(&[0x5a; 16]) {
        let mut keystream = vec![0; LONGEST];
        nea2.apply(&input, &mut keystream);
        assert_eq!(expected.get_or_insert_with(|| keystream.clone()), &keystream);
        for length in 0..LONGEST {
            let mut message = vec![0; length + 1];
            nea2.apply(&input, &mut message[..length]);
            assert_eq!(message[..length], keystream[..length], "{length} octets");
            assert_eq!(message[length], 0, "an octet after {length} octets");
        }
    }
}

#[test]
fn every_number_of_bits_gives_the_same_code() {
    let message: Vec<u8> = (0..=255)
        .chain(0..=255)
        .map(|octet: u8| octet.wrapping_mul(37) ^ 0x5a)
        .collect();
    let input = input(3, 5, false);
    let back_ends = back_ends(&[0x77; 16]);
    let mut codes = Vec::new();
    for bits in 0..=8 * message.len() {
        let of_back_ends: Vec<_> = back_ends
            .iter()
            .map(|(_, nia2)| nia2.mac_bits(&input, &message, bits).expect("bits are there"))
            .collect();
        assert!(of_back_ends.iter().all(|code| *code == of_back_ends[0]), "{bits} bits");
        codes.push(*of_back_ends[0].octets());
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 8 * message.len() + 1, "the length is in the code");
}

#[test]
fn bits_after_the_last_one_do_not_matter_to_the_code() {
    for (_, nia2) in back_ends(&[1; 16]) {
        let input = input(1, 1, true);
        for bits in [0, 1, 7, 9, 63, 64, 65, 70, 191, 192, 193, 333] {
            let of = |fill: u8| {
                let mut message = [fill; 50];
                let octets = bits / 8;
                message[..octets].fill(0x3c);
                message[octets] = 0xa5 & !(0xff >> (bits % 8)) | fill & 0xff >> (bits % 8);
                nia2.mac_bits(&input, &message, bits).expect("bits are there")
            };
            assert_eq!(of(0x00), of(0xff), "{bits} bits");
        }
    }
}

#[test]
fn bits_beyond_the_message_are_refused_and_change_nothing() {
    let input = input(0, 0, false);
    for (nea2, nia2) in back_ends(&[9; 16]) {
        for bits in [17, 24, usize::MAX] {
            let mut message = [0xab; 2];
            let error = BitsBeyondMessage { bits, octets: 2 };
            assert_eq!(nea2.apply_bits(&input, &mut message, bits), Err(error));
            assert_eq!(message, [0xab; 2]);
            assert_eq!(nia2.mac_bits(&input, &message, bits), Err(error));
        }
    }
}

#[test]
fn a_changed_code_is_refused() {
    let input = input(77, 2, true);
    for (_, nia2) in back_ends(&[3; 16]) {
        let mac = *nia2.mac(&input, b"message").octets();
        for bit in 0..32 {
            let mut changed = mac;
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = Mac32::from_octets(changed);
            assert_eq!(nia2.verify(&input, b"message", &changed), Err(MacMismatch));
        }
        assert_eq!(nia2.verify(&input, b"message", &Mac32::from_octets(mac)), Ok(()));
    }
}

#[test]
fn keys_stay_unseen() {
    for (nea2, nia2) in back_ends(&[3; 16]) {
        assert_eq!(format!("{nea2:?} {nia2:?}"), "128-NEA2(…) 128-NIA2(…)");
    }
}

/// One message of a batch: which key, what input, how long.
fn any_batch() -> impl Strategy<Value = Vec<(usize, MessageInput, Vec<u8>)>> {
    let length = prop_oneof![4 => 0..80_usize, 2 => 80..700_usize, 1 => 700..3000_usize];
    let message = length.prop_flat_map(|length| vec(any::<u8>(), length));
    vec((0..8_usize, any_input(), message), 0..60)
}

proptest! {
    #[test]
    fn the_back_ends_agree(key: [u8; 16], input in any_input(), message in vec(any::<u8>(), 0..2500), unused in 0..8_usize) {
        let bits = (8 * message.len()).saturating_sub(unused);
        let [(first_nea2, first_nia2), others @ ..] = &back_ends(&key)[..] else { panic!("portable is there") };
        let mut ciphered = message.clone();
        first_nea2.apply_bits(&input, &mut ciphered, bits).expect("bits are there");
        let mac = first_nia2.mac_bits(&input, &message, bits);
        for (nea2, nia2) in others {
            let mut again = message.clone();
            nea2.apply_bits(&input, &mut again, bits).expect("bits are there");
            prop_assert_eq!(&again, &ciphered);
            prop_assert_eq!(nia2.mac_bits(&input, &message, bits), mac);
        }
        let mut back = ciphered.clone();
        first_nea2.apply_bits(&input, &mut back, bits).expect("bits are there");
        let mut plain = message.clone();
        if bits % 8 != 0 {
            plain[bits / 8] &= !(0xff >> (bits % 8));
        }
        prop_assert_eq!(back, plain);
    }

    #[test]
    fn a_batch_does_what_its_jobs_do_alone(batch in any_batch(), keys: [[u8; 16]; 4]) {
        // Both back ends in one batch.
        let algorithms: Vec<_> = keys.iter().flat_map(back_ends).collect();
        let algorithm = |index: usize| &algorithms[index % algorithms.len()];

        let mut messages: Vec<_> = batch.iter().map(|(_, _, message)| message.clone()).collect();
        let mut jobs: Vec<_> = batch
            .iter()
            .zip(&mut messages)
            .map(|((index, input, _), message)| CipherJob { cipher: &algorithm(*index).0, input: *input, message })
            .collect();
        Nea2::apply_batch(&mut jobs);
        for ((index, input, message), done) in batch.iter().zip(&messages) {
            let mut alone = message.clone();
            algorithm(*index).0.apply(input, &mut alone);
            prop_assert_eq!(&alone, done);
        }

        let mut jobs: Vec<_> = batch
            .iter()
            .map(|(index, input, message)| MacJob {
                algorithm: &algorithm(*index).1,
                input: *input,
                message,
                mac: Mac32::from_octets([0; 4]),
            })
            .collect();
        Nia2::mac_batch(&mut jobs);
        for ((index, input, message), job) in batch.iter().zip(&jobs) {
            prop_assert_eq!(algorithm(*index).1.mac(input, message), job.mac);
        }
    }
}
