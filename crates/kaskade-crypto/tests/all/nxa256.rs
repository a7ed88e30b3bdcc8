//! The 256-bit algorithms against known answers, and their back ends against each other.

use std::collections::BTreeMap;

use crate::known_answers::{Case, load};
use kaskade_crypto::cipher::{BackEnd, Key256, MacMismatch};
use kaskade_crypto::nxa256::{
    CipherJob256, InvalidIv256, InvalidTagLength, Iv256, MacJob256, Nca4, Nca5, Nca6, Nea4, Nea5, Nea6, Nia4, Nia5,
    Nia6, Tag, TagLength,
};
use proptest::prelude::*;

/// Runs `$test` once for each family and each back end that this processor has, with `$Nea`, `$Nia` and `$Nca` standing
/// for its algorithms.
macro_rules! every_family {
    (|$number:ident, $back_end:ident, $Nea:ident, $Nia:ident, $Nca:ident| $test:block) => {
        for $back_end in back_ends() {
            {
                let $number = '4';
                #[allow(unused_imports, reason = "a test takes what it needs")]
                use {Nca4 as $Nca, Nea4 as $Nea, Nia4 as $Nia};
                $test
            }
            {
                let $number = '5';
                #[allow(unused_imports, reason = "a test takes what it needs")]
                use {Nca5 as $Nca, Nea5 as $Nea, Nia5 as $Nia};
                $test
            }
            {
                let $number = '6';
                #[allow(unused_imports, reason = "a test takes what it needs")]
                use {Nca6 as $Nca, Nea6 as $Nea, Nia6 as $Nia};
                $test
            }
        }
    };
}

fn back_ends() -> Vec<BackEnd> {
    BackEnd::available().collect()
}

/// What the file says of one algorithm, by its number: 4, 5 or 6.
fn cases_of(kind: &str, number: char) -> Vec<Case> {
    let prefix = format!("256-{kind}{number} ");
    let cases: Vec<_> = load("nxa-256.json")
        .into_iter()
        .filter(|case| case.text("algorithm").starts_with(&prefix))
        .collect();
    assert!(!cases.is_empty(), "no cases of {prefix}");
    cases
}

fn key(case: &Case) -> Key256 {
    Key256::from_octets(&case.octets("key"))
}

fn iv(case: &Case) -> Iv256 {
    Iv256::from_octets(case.octets("iv")).expect("an IV")
}

#[test]
fn every_known_answer_of_ciphering_agrees() {
    every_family!(|number, back_end, Nea, Nia, Nca| {
        for case in cases_of("NEA", number) {
            let nea = Nea::with_back_end(&key(&case), back_end).expect("a back end");
            let (mut message, ciphertext) = (case.vec("plaintext"), case.vec("ciphertext"));
            nea.apply(&iv(&case), &mut message);
            assert_eq!(
                hex::encode(&message),
                hex::encode(ciphertext),
                "{} {back_end:?}",
                case.name()
            );
            nea.apply(&iv(&case), &mut message);
            assert_eq!(message, case.vec("plaintext"), "{} {back_end:?}", case.name());
        }
    });
}

#[test]
fn every_known_answer_of_integrity_agrees() {
    every_family!(|number, back_end, Nea, Nia, Nca| {
        for case in cases_of("NIA", number) {
            let nia = Nia::with_back_end(&key(&case), back_end).expect("a back end");
            let expected = Tag::from_octets(&case.vec("mac")).expect("a tag");
            let message = case.vec("message");
            let mac = nia.mac(&iv(&case), &message, expected.length());
            assert_eq!(
                hex::encode(mac.octets()),
                case.text("mac"),
                "{} {back_end:?}",
                case.name()
            );
            assert_eq!(nia.verify(&iv(&case), &message, &expected), Ok(()), "{}", case.name());
        }
    });
}

#[test]
fn every_known_answer_of_both_at_once_agrees() {
    every_family!(|number, back_end, Nea, Nia, Nca| {
        for case in cases_of("NCA", number) {
            let nca = Nca::with_back_end(&key(&case), back_end).expect("a back end");
            let (aad, mut message) = (case.vec("aad"), case.vec("plaintext"));
            let expected = Tag::from_octets(&case.vec("tag")).expect("a tag");
            let tag = nca.seal(&iv(&case), &aad, &mut message, expected.length());
            assert_eq!(
                hex::encode(&message),
                case.text("ciphertext"),
                "{} {back_end:?}",
                case.name()
            );
            assert_eq!(
                hex::encode(tag.octets()),
                case.text("tag"),
                "{} {back_end:?}",
                case.name()
            );
            assert_eq!(
                nca.open(&iv(&case), &aad, &mut message, &expected),
                Ok(()),
                "{}",
                case.name()
            );
            assert_eq!(message, case.vec("plaintext"), "{} {back_end:?}", case.name());
        }
    });
}

/// What the tests above do not run are the ancestors, which have another structure: SNOW-V adds numbers of 32 bits and
/// steps its shift registers otherwise, and the ZUC-256 of 2018 loads an IV of 184 bits and has a MAC of its own.
#[test]
fn no_case_is_left_out_unsaid() {
    let mut counts = BTreeMap::new();
    for case in load("nxa-256.json") {
        *counts.entry(case.text("algorithm").to_owned()).or_insert(0) += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(
        counts,
        [
            ("256-NCA4 (SNOW 5G)", 15),
            ("256-NCA5 (AES-256)", 14),
            ("256-NCA6 (ZUC-256)", 16),
            ("256-NEA4 (SNOW 5G)", 14),
            ("256-NEA5 (AES-256)", 13),
            ("256-NEA6 (ZUC-256)", 11),
            ("256-NIA4 (SNOW 5G)", 10),
            ("256-NIA5 (AES-256)", 9),
            ("256-NIA6 (ZUC-256)", 11),
            ("SNOW-V (not SNOW 5G)", 1),
            ("ZUC-256 (2018 loading; not 256-NEA6)", 2),
            ("ZUC-256 MAC (2018; not 256-NIA6)", 7),
        ]
    );
}

#[test]
fn every_length_agrees_between_the_back_ends() {
    let key = Key256::from_octets(&core::array::from_fn(|i| 7 * i as u8));
    let iv = Iv256::from_octets([0x86, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0]).expect("an IV");
    let text: Vec<u8> = (0..1100_u32).map(|i| ((i * i) >> 3) as u8).collect();
    every_family!(|number, back_end, Nea, Nia, Nca| {
        let [portable, ours] = [BackEnd::Portable, back_end].map(|back_end| {
            let nea = Nea::with_back_end(&key, back_end).expect("a back end");
            let nia = Nia::with_back_end(&key, back_end).expect("a back end");
            (0..text.len())
                .map(|length| {
                    let mut message = text[..length].to_vec();
                    nea.apply(&iv, &mut message);
                    (message, nia.mac(&iv, &text[..length], TagLength::BITS_128))
                })
                .collect::<Vec<_>>()
        });
        assert!(portable == ours, "{number} {back_end:?}");
    });
}

#[test]
fn a_batch_may_mix_back_ends_and_lengths() {
    let key = Key256::from_octets(&[0x33; 32]);
    let iv = |count| Iv256::from_octets([0x20, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, count, 0, 0, 0, 0]).expect("an IV");
    every_family!(|number, back_end, Nea, Nia, Nca| {
        let [portable, other] =
            [BackEnd::Portable, back_end].map(|back_end| Nea::with_back_end(&key, back_end).expect("a back end"));
        // Groups of equal length, of which one has another back end; lengths that differ; a group that is not full.
        let lengths = [
            64, 64, 64, 64, 64, 64, 64, 64, 0, 17, 300, 33, 1, 15, 16, 31, 48, 48, 48,
        ];
        let mut messages: Vec<_> = lengths.iter().map(|length| vec![0; *length]).collect();
        let mut jobs: Vec<_> = messages
            .iter_mut()
            .zip(0..)
            .map(|(message, count)| CipherJob256 {
                cipher: if count == 5 { &portable } else { &other },
                iv: iv(count),
                message,
            })
            .collect();
        Nea::apply_batch(&mut jobs);
        for (message, count) in messages.iter_mut().zip(0..) {
            portable.apply(&iv(count), message);
            assert!(
                message.iter().all(|octet| *octet == 0),
                "{number} {back_end:?} message {count}"
            );
        }
    });
}

#[test]
fn an_iv_keeps_the_room_of_the_counter_free() {
    let mut octets = [0xfe; 16];
    assert_eq!(Iv256::from_octets(octets), Err(InvalidIv256::CounterNotZero([0xfe; 4])));
    octets[12..].copy_from_slice(&[0, 0, 0, 1]);
    assert_eq!(
        Iv256::from_octets(octets),
        Err(InvalidIv256::CounterNotZero([0, 0, 0, 1]))
    );
    octets[15] = 0;
    assert_eq!(Iv256::from_octets(octets).map(|iv| *iv.octets()), Ok(octets));
    octets[0] = 0xff;
    assert_eq!(Iv256::from_octets(octets), Err(InvalidIv256::ReservedBit(0xff)));
}

#[test]
fn tags_have_32_to_128_bits_in_whole_octets() {
    for bits in 0..300 {
        let length = TagLength::from_bits(bits);
        if (32..=128).contains(&bits) && bits % 8 == 0 {
            assert_eq!(length.map(TagLength::bits), Ok(bits));
        } else {
            assert_eq!(length, Err(InvalidTagLength { bits }));
        }
    }
    assert_eq!(Tag::from_octets(&[0; 3]), Err(InvalidTagLength { bits: 24 }));
    assert_eq!(Tag::from_octets(&[0; 17]), Err(InvalidTagLength { bits: 136 }));
    let tag = |octets: &[u8]| Tag::from_octets(octets).expect("a tag");
    assert_eq!(tag(&[1, 2, 3, 4, 5]).octets(), [1, 2, 3, 4, 5]);
    assert_ne!(
        tag(&[1, 2, 3, 4, 0]),
        tag(&[1, 2, 3, 4]),
        "another length is another tag"
    );
}

#[test]
fn whatever_is_changed_is_noticed_and_changes_nothing() {
    let key = Key256::from_octets(&[0x5a; 32]);
    let iv_octets = [0x44, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0];
    let iv = Iv256::from_octets(iv_octets).expect("an IV");
    let other_iv = Iv256::from_octets([&[0x46], &iv_octets[1..]].concat().try_into().expect("16")).expect("an IV");
    every_family!(|number, back_end, Nea, Nia, Nca| {
        let nca = Nca::with_back_end(&key, back_end).expect("a back end");
        let nia = Nia::with_back_end(&key, back_end).expect("a back end");
        let (aad, mut sealed) = (*b"associated data", *b"a message of more than two blocks of 16");
        let tag = nca.seal(&iv, &aad, &mut sealed, TagLength::BITS_64);
        let mac = nia.mac(&iv, &sealed, TagLength::BITS_64);
        let refuse = |iv: &Iv256, aad: &[u8], message: &[u8], tag: &Tag| {
            let mut place = message.to_vec();
            assert_eq!(
                nca.open(iv, aad, &mut place, tag),
                Err(MacMismatch),
                "{number} {back_end:?}"
            );
            assert_eq!(place, message, "{number} {back_end:?}");
        };
        refuse(&other_iv, &aad, &sealed, &tag);
        refuse(&iv, &aad[1..], &sealed, &tag);
        refuse(&iv, &aad, &sealed[1..], &tag);
        // The lengths are in the code: octets cannot move from one part to the other, nor can zeros be cut off.
        refuse(&iv, &[&aad[..], &[0]].concat(), &sealed, &tag);
        refuse(&iv, &aad, &[&sealed[..], &[0]].concat(), &tag);
        for bit in 0..8 * aad.len() {
            let mut aad = aad;
            aad[bit / 8] ^= 1 << (bit % 8);
            refuse(&iv, &aad, &sealed, &tag);
        }
        for bit in 0..8 * sealed.len() {
            let mut changed = sealed;
            changed[bit / 8] ^= 1 << (bit % 8);
            refuse(&iv, &aad, &changed, &tag);
            assert_eq!(
                nia.verify(&iv, &changed, &mac),
                Err(MacMismatch),
                "{number} {back_end:?}"
            );
        }
        for bit in 0..64 {
            let [mut of_nca, mut of_nia]: [[u8; 8]; 2] = [&tag, &mac].map(|tag| tag.octets().try_into().expect("8"));
            of_nca[bit / 8] ^= 1 << (bit % 8);
            of_nia[bit / 8] ^= 1 << (bit % 8);
            refuse(&iv, &aad, &sealed, &Tag::from_octets(&of_nca).expect("a tag"));
            let mac = Tag::from_octets(&of_nia).expect("a tag");
            assert_eq!(
                nia.verify(&iv, &sealed, &mac),
                Err(MacMismatch),
                "{number} {back_end:?}"
            );
        }
        assert_eq!(nia.verify(&iv, &sealed, &mac), Ok(()));
        assert_eq!(nca.open(&iv, &aad, &mut sealed, &tag), Ok(()));
        assert_eq!(&sealed, b"a message of more than two blocks of 16");
    });
}

#[test]
fn a_shorter_tag_is_the_beginning_of_the_longest() {
    let key = Key256::from_octets(&[9; 32]);
    let iv = Iv256::from_octets([0; 16]).expect("an IV");
    every_family!(|number, back_end, Nea, Nia, Nca| {
        let nia = Nia::with_back_end(&key, back_end).expect("a back end");
        let whole = nia.mac(&iv, b"message", TagLength::BITS_128);
        for octets in 4..=16 {
            let tag = nia.mac(&iv, b"message", TagLength::from_bits(8 * octets).expect("a length"));
            assert_eq!(tag.octets(), &whole.octets()[..octets], "{number} {back_end:?}");
        }
    });
}

#[test]
fn keys_are_not_printed_and_the_fastest_back_end_is_taken() {
    let key = Key256::from_octets(&[0xab; 32]);
    assert_eq!(format!("{:?}", Nea4::new(&key)), "256-NEA4(…)");
    assert_eq!(format!("{:?}", Nia5::new(&key)), "256-NIA5(…)");
    assert_eq!(format!("{:?}", Nca6::new(&key)), "256-NCA6(…)");
    assert_eq!(Some(Nea6::new(&key).back_end()), back_ends().pop());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_back_ends_agree(
        key: [u8; 32],
        iv: [u8; 12],
        aad in prop::collection::vec(any::<u8>(), 0..300),
        text in prop::collection::vec(any::<u8>(), 0..2500),
        bits in 4_usize..=16,
    ) {
        let key = Key256::from_octets(&key);
        let mut octets = [0; 16];
        octets[..12].copy_from_slice(&iv);
        octets[0] &= 0xfe;
        let iv = Iv256::from_octets(octets).expect("an IV");
        let length = TagLength::from_bits(8 * bits).expect("a length");
        every_family!(|number, back_end, Nea, Nia, Nca| {
            let [portable, ours] = [BackEnd::Portable, back_end].map(|back_end| {
                let (mut ciphered, mut sealed) = (text.clone(), text.clone());
                Nea::with_back_end(&key, back_end).expect("a back end").apply(&iv, &mut ciphered);
                let mac = Nia::with_back_end(&key, back_end).expect("a back end").mac(&iv, &text, length);
                let nca = Nca::with_back_end(&key, back_end).expect("a back end");
                let tag = nca.seal(&iv, &aad, &mut sealed, length);
                let mut opened = sealed.clone();
                let result = nca.open(&iv, &aad, &mut opened, &tag);
                (ciphered, mac, sealed, tag, result, opened)
            });
            prop_assert_eq!(&portable, &ours, "{} {:?}", number, back_end);
            prop_assert_eq!(ours.4, Ok(()));
            prop_assert_eq!(&ours.5, &text);
        });
    }

    #[test]
    fn a_batch_does_what_its_messages_alone_do(
        keys: [[u8; 32]; 3],
        messages in prop::collection::vec((0_usize..3, any::<[u8; 11]>(), prop::collection::vec(any::<u8>(), 0..200)), 0..20),
    ) {
        every_family!(|number, back_end, Nea, Nia, Nca| {
            let keys = keys.map(|key| Key256::from_octets(&key));
            let neas = keys.each_ref().map(|key| Nea::with_back_end(key, back_end).expect("a back end"));
            let nias = keys.each_ref().map(|key| Nia::with_back_end(key, back_end).expect("a back end"));
            let iv = |octets: &[u8; 11]| {
                let mut all = [0; 16];
                all[1..12].copy_from_slice(octets);
                Iv256::from_octets(all).expect("an IV")
            };
            let mut alone = messages.clone();
            let mut together = messages.clone();
            for (key, octets, message) in &mut alone {
                neas[*key].apply(&iv(octets), message);
            }
            let mut jobs: Vec<_> = together
                .iter_mut()
                .map(|(key, octets, message)| CipherJob256 { cipher: &neas[*key], iv: iv(octets), message })
                .collect();
            Nea::apply_batch(&mut jobs);
            prop_assert_eq!(alone, together, "{} {:?}", number, back_end);
            let mut jobs: Vec<_> = messages
                .iter()
                .zip((4..=16).cycle())
                .map(|((key, octets, message), length)| MacJob256 {
                    algorithm: &nias[*key],
                    iv: iv(octets),
                    message,
                    length: TagLength::from_bits(8 * length).expect("a length"),
                    tag: None,
                })
                .collect();
            Nia::mac_batch(&mut jobs);
            for job in &jobs {
                prop_assert_eq!(job.tag, Some(job.algorithm.mac(&job.iv, job.message, job.length)));
            }
        });
    }
}
