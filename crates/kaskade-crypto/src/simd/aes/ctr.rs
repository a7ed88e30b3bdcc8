//! AES in counter mode on the AES instructions of x86-64: eight vectors in flight, of one block on AES-NI and on AVX2, of
//! two on AVX2 with VAES, of four on AVX-512 with VAES.

mod avx2;
mod avx512;
mod counter;
mod ni;

use super::ni::AesNi;
use crate::cipher::engine::Engine;

pub(crate) use counter::CounterBlock;

/// Octets of a message that is too short for the code of AVX2: a call more than AES-NI takes.
const SHORT: usize = 64;

/// Adds the keystream to the message; on AES-NI where the engine has nothing more.
#[inline]
pub(crate) fn apply<const ROUND_KEYS: usize>(
    cipher: &AesNi<ROUND_KEYS>,
    engine: Engine,
    first: CounterBlock,
    message: &mut [u8],
) {
    match engine {
        Engine::Avx512(proof) => avx512::apply(proof, cipher, first, message),
        Engine::Avx2(proof) if message.len() > SHORT => match proof.with_vaes() {
            Some(vaes) => avx2::apply_vaes(vaes, cipher, first, message),
            None => avx2::apply(proof, cipher, first, message),
        },
        Engine::Portable | Engine::Avx2(_) => ni::apply(cipher, first, message),
    }
}

#[cfg(test)]
mod tests {
    use aes::{Aes128Enc, Aes256Enc};
    use ctr::cipher::{KeyIvInit, StreamCipher};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::simd::features::{Avx2, Avx512};

    /// The message ciphered by each kind of instructions that the processor has.
    fn ciphered<const ROUND_KEYS: usize>(
        cipher: &AesNi<ROUND_KEYS>,
        first: [u8; 16],
        message: &[u8],
    ) -> Vec<(&'static str, Vec<u8>)> {
        let first = CounterBlock::from_octets(&first);
        let mut all = Vec::new();
        let mut octets = message.to_vec();
        ni::apply(cipher, first, &mut octets);
        all.push(("AES-NI", octets));
        if let Some(avx2) = Avx2::detect() {
            let mut octets = message.to_vec();
            avx2::apply(avx2, cipher, first, &mut octets);
            all.push(("AVX2", octets));
            if let Some(vaes) = avx2.with_vaes() {
                let mut octets = message.to_vec();
                avx2::apply_vaes(vaes, cipher, first, &mut octets);
                all.push(("VAES", octets));
            }
        }
        if let Some(avx512) = Avx512::detect() {
            let mut octets = message.to_vec();
            avx512::apply(avx512, cipher, first, &mut octets);
            all.push(("AVX-512", octets));
        }
        all
    }

    proptest! {
        #[test]
        fn all_instructions_do_what_the_ctr_crate_does(
            key: [u8; 32],
            first: [u8; 16],
            to_the_end in prop_oneof![Just(None), (0..70_u64).prop_map(Some)],
            message in vec(any::<u8>(), 0..1300),
        ) {
            let mut first = first;
            if let Some(blocks) = to_the_end {
                // The counter begins again within the message.
                first[8..].copy_from_slice(&(u64::MAX - blocks).to_be_bytes());
            }
            let (key_128, _) = key.split_first_chunk().expect("longer");
            let mut expected = message.clone();
            ctr::Ctr64BE::<Aes128Enc>::new(key_128.into(), &first.into()).apply_keystream(&mut expected);
            for (instructions, octets) in AesNi::aes_128(key_128).iter().flat_map(|c| ciphered(c, first, &message)) {
                prop_assert_eq!(&octets, &expected, "AES-128 on {}", instructions);
            }
            let mut expected = message.clone();
            ctr::Ctr64BE::<Aes256Enc>::new(&key.into(), &first.into()).apply_keystream(&mut expected);
            for (instructions, octets) in AesNi::aes_256(&key).iter().flat_map(|c| ciphered(c, first, &message)) {
                prop_assert_eq!(&octets, &expected, "AES-256 on {}", instructions);
            }
        }
    }
}
