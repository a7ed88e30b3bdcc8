//! What can be seen only from inside: the generator alone, and its boxes.

use super::Keystream;
use super::sbox::substitute;
use super::words::Words;
use crate::known_answers::load;

/// The first octets of the keystream on every back end that this processor has.
fn streams_128(key: &[u8; 16], iv: &[u8; 16], octets: usize) -> Vec<Vec<u8>> {
    let mut streams = vec![vec![0; octets]];
    Keystream::zuc128(key, iv).add_to(&mut streams[0]);
    #[cfg(x86_back_ends)]
    if let Some(features) = crate::simd::features::Avx2::detect() {
        let mut stream = vec![0; octets];
        crate::simd::zuc::avx2::Keystream::zuc128(features, key, iv).add_to(&mut stream);
        streams.push(stream);
    }
    #[cfg(x86_back_ends)]
    if let Some(features) = crate::simd::features::Avx512::detect() {
        let mut stream = vec![0; octets];
        crate::simd::zuc::avx512::Keystream::zuc128(features, key, iv).add_to(&mut stream);
        streams.push(stream);
    }
    streams
}

/// The test sets of TS 35.223 for the generator alone, one with 2000 words.
#[test]
fn every_known_keystream_agrees() {
    let mut compared = 0;
    for case in load("nea3-nia3.json") {
        if case.text("operation") != "keystream" {
            continue;
        }
        for stream in streams_128(&case.octets("key"), &case.octets("iv"), 8000) {
            let first = case
                .find("keystream")
                .unwrap_or_else(|| case.vec("keystream_first_8_octets"));
            assert_eq!(hex::encode(&stream[..8]), hex::encode(first), "{}", case.name());
            if let Some(last) = case.find("keystream_octets_7996_to_7999") {
                assert_eq!(hex::encode(&stream[7996..]), hex::encode(last), "{}", case.name());
            }
        }
        compared += 1;
    }
    assert_eq!(compared, 3);
}

/// The first octet of 256-NEA6 under a key of zeros.
#[test]
fn first_octet_of_zuc_256() {
    let mut iv = [0; 16];
    iv[1] = 0x3f;
    let mut first = [0];
    Keystream::zuc256(&[0; 32], &iv).add_to(&mut first);
    assert_eq!(first, [0x4b]);
}

#[test]
fn octets_and_words_are_the_same_stream() {
    let new = || Keystream::zuc256(&[7; 32], &[9; 16]);
    let mut words = [0; 70];
    Words::fill(&mut new(), &mut words);
    let expected: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    for length in 0..=expected.len() {
        let mut stream = vec![0; length];
        new().add_to(&mut stream);
        assert_eq!(stream, expected[..length]);
    }
}

/// In pieces, as 256-NCA6 takes its keys first; the other back ends likewise.
#[test]
fn zuc_256_goes_on_where_it_stopped() {
    let (key, iv) = (
        core::array::from_fn(|i| i as u8 * 7),
        core::array::from_fn(|i| i as u8 * 11),
    );
    let mut whole = vec![0; 3000];
    Keystream::zuc256(&key, &iv).add_to(&mut whole);
    let mut pieces = vec![0; 3000];
    let mut keystream = Keystream::zuc256(&key, &iv);
    let (first, rest) = pieces.split_at_mut(48);
    keystream.add_to(first);
    keystream.add_to(rest);
    assert_eq!(pieces, whole);

    #[cfg(x86_back_ends)]
    if let Some(features) = crate::simd::features::Avx2::detect() {
        for at in [0, 4, 8, 12, 48, 64, 68, 256, 260, 1000] {
            let mut keystream = crate::simd::zuc::avx2::Keystream::zuc256(features, &key, &iv);
            let mut pieces = vec![0; 3000];
            let (first, rest) = pieces.split_at_mut(at);
            keystream.add_to(first);
            keystream.add_to(rest);
            assert_eq!(pieces, whole, "after {at} octets");
        }
    }
    #[cfg(x86_back_ends)]
    if let Some(features) = crate::simd::features::Avx512::detect() {
        for at in [0, 4, 48, 64, 256, 1000] {
            let mut keystream = crate::simd::zuc::avx512::Keystream::zuc256(features, &key, &iv);
            let mut pieces = vec![0; 3000];
            let (first, rest) = pieces.split_at_mut(at);
            keystream.add_to(first);
            keystream.add_to(rest);
            assert_eq!(pieces, whole, "after {at} octets");
        }
    }
}

/// Both boxes in all eight places: S0 and S1 of some octets (TS 35.222 Annex A), and each a permutation.
#[test]
fn the_boxes() {
    let mut seen = [[false; 256]; 2];
    for x in 0..=255_u8 {
        let y = substitute(u64::from_ne_bytes([x; 8])).to_ne_bytes();
        assert!(y.as_chunks::<2>().0.iter().all(|pair| *pair == [y[0], y[1]]));
        seen[0][usize::from(y[0])] = true;
        seen[1][usize::from(y[1])] = true;
    }
    assert_eq!(seen, [[true; 256]; 2]);
    assert_eq!(
        substitute(0x0001_0203_1f1e_1c1d).to_be_bytes(),
        [0x3e, 0xc2, 0x5b, 0x71, 0x90, 0xf8, 0x08, 0xf9]
    );
}
