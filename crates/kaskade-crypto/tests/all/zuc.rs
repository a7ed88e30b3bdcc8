//! 128-NEA3 and 128-NIA3 against the test sets of TS 35.223 and of other projects, on every back end, and the back ends
//! against each other.

use crate::known_answers::{Case, load};
use kaskade_crypto::cipher::{
    BackEnd, Bearer, BitsBeyondMessage, CipherJob, Direction, Key128, Mac32, MacJob, MacMismatch, MessageInput,
};
use kaskade_crypto::zuc::{Nea3, Nia3};
use proptest::prelude::*;

const BACK_ENDS: [BackEnd; 3] = BackEnd::ALL;

/// The algorithms on every back end that this processor has.
fn ciphers(key: &Key128) -> impl Iterator<Item = Nea3> {
    BACK_ENDS
        .into_iter()
        .filter_map(|back_end| Nea3::with_back_end(key, back_end).ok())
}

fn integrities(key: &Key128) -> impl Iterator<Item = Nia3> {
    BACK_ENDS
        .into_iter()
        .filter_map(|back_end| Nia3::with_back_end(key, back_end).ok())
}

fn key_and_input(case: &Case) -> (Key128, MessageInput) {
    let input = MessageInput {
        count: u32::from_be_bytes(case.octets("count")),
        bearer: Bearer::new(case.number("bearer").try_into().expect("a small number")).expect("5 bits"),
        direction: match case.number("direction") {
            0 => Direction::Uplink,
            _ => Direction::Downlink,
        },
    };
    (Key128::from_octets(&case.octets("key")), input)
}

fn bits(case: &Case) -> usize {
    case.number("length_bits").try_into().expect("a small number")
}

#[test]
fn every_known_answer_agrees() {
    let (mut ciphered, mut protected, mut streams) = (0, 0, 0);
    for case in &load("nea3-nia3.json") {
        match case.text("operation") {
            "cipher" => {
                let (key, input) = key_and_input(case);
                let (plain, secret) = (case.vec("plaintext"), case.vec("ciphertext"));
                for nea3 in ciphers(&key) {
                    let mut message = plain.clone();
                    nea3.apply_bits(&input, &mut message, bits(case))
                        .expect("bits that are there");
                    assert_eq!(
                        hex::encode(&message),
                        hex::encode(&secret),
                        "{} {:?}",
                        case.name(),
                        nea3.back_end()
                    );
                    nea3.apply_bits(&input, &mut message, bits(case))
                        .expect("bits that are there");
                    assert_eq!(
                        hex::encode(&message),
                        hex::encode(&plain),
                        "{} {:?}",
                        case.name(),
                        nea3.back_end()
                    );
                }
                ciphered += 1;
            }
            "integrity" => {
                let (key, input) = key_and_input(case);
                let (message, mac) = (case.vec("message"), Mac32::from_octets(case.octets("mac")));
                for nia3 in integrities(&key) {
                    let computed = nia3
                        .mac_bits(&input, &message, bits(case))
                        .expect("bits that are there");
                    assert_eq!(computed, mac, "{} {:?}", case.name(), nia3.back_end());
                    if bits(case) == 8 * message.len() {
                        assert_eq!(nia3.mac(&input, &message), mac);
                    }
                }
                protected += 1;
            }
            // Their IVs are none that the algorithms make: the tests beside the generator have them.
            "keystream" => streams += 1,
            other => panic!("{}: {other}", case.name()),
        }
    }
    assert_eq!((ciphered, protected, streams), (6, 7, 3));
}

fn inputs() -> impl Strategy<Value = MessageInput> {
    (any::<u32>(), 0..32_u8, any::<bool>()).prop_map(|(count, bearer, down)| MessageInput {
        count,
        bearer: Bearer::new(bearer).expect("5 bits"),
        direction: if down { Direction::Downlink } else { Direction::Uplink },
    })
}

fn keys() -> impl Strategy<Value = Key128> {
    any::<[u8; 16]>().prop_map(|octets| Key128::from_octets(&octets))
}

/// Octets of up to 20 000 bits, more often few, and a number of bits in them.
fn messages() -> impl Strategy<Value = (Vec<u8>, usize)> {
    prop_oneof![0..70_usize, 0..300_usize, 0..2_501_usize]
        .prop_flat_map(|octets| (prop::collection::vec(any::<u8>(), octets), 0..8_usize))
        .prop_map(|(octets, less)| {
            let bits = (8 * octets.len()).saturating_sub(less);
            (octets, bits)
        })
}

proptest! {
    #[test]
    fn back_ends_agree_on_one_message(key in keys(), input in inputs(), (message, bits) in messages()) {
        let ciphered: Vec<_> = ciphers(&key)
            .map(|nea3| {
                let mut message = message.clone();
                nea3.apply_bits(&input, &mut message, bits).expect("bits that are there");
                message
            })
            .collect();
        prop_assert!(ciphered.iter().all(|message| *message == ciphered[0]));
        let macs: Vec<_> = integrities(&key).map(|nia3| nia3.mac_bits(&input, &message, bits)).collect();
        prop_assert!(macs.iter().all(|mac| *mac == macs[0]));
    }

    /// Any number of jobs, each with its own length, key and back end.
    #[test]
    fn a_batch_is_its_messages_one_by_one(
        jobs in prop::collection::vec((keys(), inputs(), messages(), 0..BACK_ENDS.len()), 0..50),
    ) {
        let nea3: Vec<_> = jobs
            .iter()
            .map(|(key, .., at)| Nea3::with_back_end(key, BACK_ENDS[*at]).unwrap_or_else(|_| Nea3::new(key)))
            .collect();
        let mut together: Vec<_> = jobs.iter().map(|(_, _, (message, _), _)| message.clone()).collect();
        let mut cipher_jobs: Vec<_> = together
            .iter_mut()
            .zip(&jobs)
            .zip(&nea3)
            .map(|((message, (_, input, ..)), cipher)| CipherJob { cipher, input: *input, message })
            .collect();
        Nea3::apply_batch(&mut cipher_jobs);
        for ((together, (key, input, (message, _), _)), place) in together.iter().zip(&jobs).zip(0..) {
            let mut alone = message.clone();
            Nea3::with_back_end(key, BackEnd::Portable).expect("always there").apply(input, &mut alone);
            prop_assert_eq!(hex::encode(together), hex::encode(&alone), "message {}", place);
        }

        let nia3: Vec<_> = jobs
            .iter()
            .map(|(key, .., at)| Nia3::with_back_end(key, BACK_ENDS[*at]).unwrap_or_else(|_| Nia3::new(key)))
            .collect();
        let mut mac_jobs: Vec<_> = jobs
            .iter()
            .zip(&nia3)
            .map(|((_, input, (message, _), _), algorithm)| MacJob {
                algorithm,
                input: *input,
                message,
                mac: Mac32::from_octets([0; 4]),
            })
            .collect();
        Nia3::mac_batch(&mut mac_jobs);
        for (job, (key, input, (message, _), _)) in mac_jobs.iter().zip(&jobs) {
            let alone = Nia3::with_back_end(key, BackEnd::Portable).expect("always there").mac(input, message);
            prop_assert_eq!(job.mac, alone);
        }
    }
}

/// Lengths around the ends of blocks, and few long messages among many short ones.
#[test]
fn a_batch_of_any_lengths_is_its_messages_one_by_one() {
    let key = Key128::from_octets(&[0xc3; 16]);
    let portable = Nea3::with_back_end(&key, BackEnd::Portable).expect("always there");
    let portable_mac = Nia3::with_back_end(&key, BackEnd::Portable).expect("always there");
    let input = |count| MessageInput { count, ..some_input() };
    for lengths in [
        (0..200).collect::<Vec<usize>>(),
        vec![64; 16],
        vec![128, 0, 0],
        vec![0; 3],
        [vec![3000, 2999, 1, 64], vec![63; 12]].concat(),
        [vec![3000], vec![1000; 15]].concat(),
        vec![1088, 1088, 64, 64],
    ] {
        for (nea3, nia3) in ciphers(&key).zip(integrities(&key)) {
            let mut together: Vec<Vec<u8>> = lengths.iter().map(|length| vec![0x96; *length]).collect();
            let mut mac_jobs: Vec<_> = together
                .iter()
                .zip(0..)
                .map(|(message, count)| MacJob {
                    algorithm: &nia3,
                    input: input(count),
                    message,
                    mac: Mac32::from_octets([0; 4]),
                })
                .collect();
            Nia3::mac_batch(&mut mac_jobs);
            for job in &mac_jobs {
                let alone = portable_mac.mac(&job.input, job.message);
                assert_eq!(job.mac, alone, "{} of {lengths:?}", job.input.count);
            }
            let mut cipher_jobs: Vec<_> = together
                .iter_mut()
                .zip(0..)
                .map(|(message, count)| CipherJob {
                    cipher: &nea3,
                    input: input(count),
                    message,
                })
                .collect();
            Nea3::apply_batch(&mut cipher_jobs);
            for ((message, count), length) in together.iter().zip(0..).zip(&lengths) {
                let mut alone = vec![0x96; *length];
                portable.apply(&input(count), &mut alone);
                assert_eq!(hex::encode(message), hex::encode(alone), "{count} of {lengths:?}");
            }
        }
    }
}

fn some_input() -> MessageInput {
    MessageInput {
        count: 0x1234_5678,
        bearer: Bearer::new(21).expect("5 bits"),
        direction: Direction::Downlink,
    }
}

/// Around the ends of words, of blocks and of what a back end does at once.
#[test]
fn back_ends_agree_on_every_short_length() {
    let key = Key128::from_octets(&[0x5a; 16]);
    let message: Vec<u8> = (0..600_u32).map(|i| ((i * i) >> 3) as u8).collect();
    let (nea3, nia3): (Vec<_>, Vec<_>) = (ciphers(&key).collect(), integrities(&key).collect());
    for bits in 0..8 * message.len() {
        let changed = changed_after(&message, bits);
        let mut results = nea3.iter().zip(&nia3).map(|(nea3, nia3)| {
            let mut ciphered = message.clone();
            nea3.apply_bits(&some_input(), &mut ciphered, bits)
                .expect("bits that are there");
            let mac = nia3.mac_bits(&some_input(), &message, bits);
            assert_eq!(mac, nia3.mac_bits(&some_input(), &changed, bits), "{bits} bits");
            (ciphered, mac)
        });
        let first = results.next().expect("the portable one");
        assert!(results.all(|result| result == first), "{bits} bits");
    }
}

/// The message with others after its first bits, within their last octet.
fn changed_after(message: &[u8], bits: usize) -> Vec<u8> {
    let mut message = message.to_vec();
    if let (Some(octet), rest @ 1..) = (message.get_mut(bits / 8), bits % 8) {
        *octet ^= 0x7f >> (rest - 1);
    }
    message
}

#[test]
fn bits_after_the_last_become_zero_and_octets_after_it_stay() {
    for nea3 in ciphers(&Key128::from_octets(&[1; 16])) {
        let mut whole = [0xff; 4];
        nea3.apply(&some_input(), &mut whole);
        let mut message = [0xff; 4];
        nea3.apply_bits(&some_input(), &mut message, 11)
            .expect("bits that are there");
        assert_eq!(message, [whole[0], whole[1] & 0xe0, 0xff, 0xff]);
        nea3.apply_bits(&some_input(), &mut message, 0).expect("no bits");
        assert_eq!(message, [whole[0], whole[1] & 0xe0, 0xff, 0xff]);
    }
}

#[test]
fn bits_beyond_the_message_are_refused_and_nothing_changes() {
    let key = Key128::from_octets(&[1; 16]);
    let error = BitsBeyondMessage { bits: 17, octets: 2 };
    for nea3 in ciphers(&key) {
        let mut message = [3, 4];
        assert_eq!(nea3.apply_bits(&some_input(), &mut message, 17), Err(error));
        assert_eq!(message, [3, 4]);
    }
    for nia3 in integrities(&key) {
        assert_eq!(nia3.mac_bits(&some_input(), &[3, 4], 17), Err(error));
    }
}

#[test]
fn a_code_verifies_the_message_it_was_made_for() {
    let message = *b"a message of some length, and of no importance";
    for nia3 in integrities(&Key128::from_octets(&[1; 16])) {
        let mac = nia3.mac(&some_input(), &message);
        assert_eq!(nia3.verify(&some_input(), &message, &mac), Ok(()));
        assert_eq!(nia3.verify(&some_input(), &message[1..], &mac), Err(MacMismatch));
        let mut wrong = *mac.octets();
        wrong[3] ^= 1;
        assert_eq!(
            nia3.verify(&some_input(), &message, &Mac32::from_octets(wrong)),
            Err(MacMismatch)
        );
    }
}

#[test]
fn debug_shows_no_key() {
    let key = Key128::from_octets(&[1; 16]);
    assert_eq!(
        format!("{:?} {:?}", Nea3::new(&key), Nia3::new(&key)),
        "128-NEA3(…) 128-NIA3(…)"
    );
}
