//! What can be seen only from inside: the keystream of SNOW 3G itself, and its parts.

use super::sboxes::{mul_div_alpha, s1, s2};
use super::{BackEnd, Engine, Key128, Keyed};
use crate::known_answers::load;

fn engines() -> Vec<Engine> {
    let engines: Vec<_> = BackEnd::ALL
        .into_iter()
        .filter_map(|back_end| Engine::of(back_end).ok())
        .collect();
    assert!(!engines.is_empty());
    engines
}

#[test]
fn known_keystreams() {
    let mut compared = 0;
    for case in load("nea1-nia1.json") {
        if case.text("operation") != "keystream" {
            continue;
        }
        // K0 and IV0 come first here, but K3 in the keys of f8 and f9.
        let key = case.octets::<16>("key");
        let mut turned_key = [0; 16];
        for (turned, word) in turned_key.chunks_exact_mut(4).rev().zip(key.chunks_exact(4)) {
            turned.copy_from_slice(word);
        }
        let mut iv = [0; 4];
        for (word, octets) in iv.iter_mut().zip(case.octets::<16>("iv").as_chunks().0) {
            *word = u32::from_be_bytes(*octets);
        }
        for engine in engines() {
            let mut keystream = vec![0; 10_000];
            Keyed::new(&Key128::from_octets(&turned_key), engine).apply(iv, &mut keystream);
            for (field, place) in [
                ("keystream", 0..8),
                ("keystream_first_12_octets", 0..12),
                ("keystream_octets_9996_to_9999", 9996..10_000),
            ] {
                if let Some(expected) = case.find(field) {
                    assert_eq!(
                        hex::encode(&keystream[place]),
                        hex::encode(expected),
                        "{} {field}",
                        case.name()
                    );
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 3 * engines().len());
}

/// A product over GF(2^8) from its definition.
fn times(mut a: u8, mut b: u8, polynomial: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        product ^= if b & 1 == 1 { a } else { 0 };
        a = a << 1 ^ if a >> 7 == 1 { polynomial } else { 0 };
        b >>= 1;
    }
    product
}

fn power(base: u8, exponent: u32, polynomial: u8) -> u8 {
    (0..exponent).fold(1, |product, _| times(product, base, polynomial))
}

/// TS 35.216 3.1.1, 3.3: MixColumn and SQ from their definitions; SR from those of FIPS 197 5.1.1.
#[test]
fn s1_and_s2_are_as_defined() {
    let sr = |x: u8| {
        let inverse = power(x, 254, 0x1b);
        [1, 2, 3, 4]
            .iter()
            .fold(0x63 ^ inverse, |sum, turn| sum ^ inverse.rotate_left(*turn))
    };
    let sq = |x: u8| {
        [1, 9, 13, 15, 33, 41, 45, 47, 49]
            .iter()
            .fold(0x25, |sum, exponent| sum ^ power(x, *exponent, 0x69))
    };
    let mixed = |[a, b, c, d]: [u8; 4], polynomial: u8| {
        let (two, three) = (|x| times(x, 2, polynomial), |x| times(x, 3, polynomial));
        u32::from_be_bytes([
            two(a) ^ b ^ c ^ three(d),
            three(a) ^ two(b) ^ c ^ d,
            a ^ three(b) ^ two(c) ^ d,
            a ^ b ^ three(c) ^ two(d),
        ])
    };
    for octet in 0..=255_u8 {
        let word = [octet, octet.wrapping_mul(3), octet ^ 0x5a, !octet];
        let other = word.map(|octet| octet.wrapping_add(77));
        let third = other.map(|octet| octet.wrapping_mul(5));
        let all = [word, other, third, word];
        let words = all.map(u32::from_be_bytes);
        assert_eq!(
            s1([words[0], words[1]]),
            [word, other].map(|word| mixed(word.map(sr), 0x1b)),
            "{octet}"
        );
        assert_eq!(s2(words), all.map(|word| mixed(word.map(sq), 0x69)), "{octet}");
    }
}

/// TS 35.216 3.4.2, 3.4.3.
#[test]
fn mul_alpha_and_div_alpha_are_as_defined() {
    let image = |octet, exponents: [u32; 4]| {
        u32::from_be_bytes(exponents.map(|exponent| times(octet, power(2, exponent, 0xa9), 0xa9)))
    };
    for octet in 0..=255_u8 {
        let expected = (image(octet, [23, 245, 48, 239]), image(!octet, [16, 39, 6, 64]));
        assert_eq!(mul_div_alpha(octet.into(), (!octet).into()), expected, "{octet}");
    }
}
