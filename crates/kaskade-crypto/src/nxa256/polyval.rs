//! The code of a message under H, Q and P: POLYVAL with a last product of its own.

use polyval::hazmat::FieldElement;

use super::frame::MacKey;
use crate::cipher::engine::Engine;
#[cfg(x86_back_ends)]
use crate::simd;

/// All 16 octets of the code over `aad`, then `text`, each filled with zeros to whole blocks.
pub(super) fn code(engine: Engine, key: &MacKey, aad: &[u8], text: &[u8]) -> [u8; 16] {
    code_with_lengths(engine, key, aad, text, lengths(aad.len(), text.len()))
}

/// [`code`] with a last block of the caller's choice.
#[inline]
pub(crate) fn code_with_lengths(engine: Engine, key: &MacKey, aad: &[u8], text: &[u8], lengths: u128) -> [u8; 16] {
    match engine {
        Engine::Portable => portable(key, aad, text, lengths),
        #[cfg(x86_back_ends)]
        Engine::Avx2(avx2) => simd::avx2::polyval::code(avx2, key, aad, text, lengths),
        #[cfg(x86_back_ends)]
        Engine::Avx512(avx512) => simd::avx512::polyval::code(avx512, key, aad, text, lengths),
    }
}

/// le64(bits of text) ‖ le64(bits of associated data), from the lengths in octets.
pub(crate) fn lengths(aad: usize, text: usize) -> u128 {
    let bits = |octets: usize| (octets as u128 * 8) & u128::from(u64::MAX);
    bits(aad) << 64 | bits(text)
}

/// With multiplications of integers that have holes for the carries: constant time.
fn portable(key: &MacKey, aad: &[u8], text: &[u8], lengths: u128) -> [u8; 16] {
    let [h, q, p] = key.0.map(FieldElement::from);
    let mut sum = FieldElement::default();
    for octets in [aad, text] {
        let (blocks, rest) = octets.as_chunks::<16>();
        for block in blocks {
            sum = (sum + FieldElement::from(*block)) * h;
        }
        if !rest.is_empty() {
            let mut block = [0; 16];
            block[..rest.len()].copy_from_slice(rest);
            sum = (sum + FieldElement::from(block)) * h;
        }
    }
    ((sum + FieldElement::from(lengths)) * q + p).into()
}
