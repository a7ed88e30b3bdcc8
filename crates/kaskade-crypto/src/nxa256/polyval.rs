//! The code of a message under H, Q and P: POLYVAL with a last product of its own.

use polyval::hazmat::FieldElement;

use super::mac_key::MacKey;
use crate::cipher::engine::Engine;
#[cfg(x86_back_ends)]
use crate::simd;

/// All 16 octets of the code over `aad`, then `text`, each filled with zeros to whole blocks.
pub(super) fn code(engine: Engine, key: &MacKey, aad: &[u8], text: &[u8]) -> [u8; 16] {
    match engine {
        Engine::Portable => portable(key, aad, text),
        #[cfg(x86_back_ends)]
        Engine::Avx2(avx2) => simd::polyval::avx2::code(avx2, key, aad, text, lengths(aad, text)),
        #[cfg(x86_back_ends)]
        Engine::Avx512(avx512) => simd::polyval::avx512::code(avx512, key, aad, text, lengths(aad, text)),
    }
}

/// le64(bits of `text`) ‖ le64(bits of `aad`).
fn lengths(aad: &[u8], text: &[u8]) -> u128 {
    let bits = |octets: &[u8]| (octets.len() as u128 * 8) & u128::from(u64::MAX);
    bits(aad) << 64 | bits(text)
}

/// With multiplications of integers that have holes for the carries: constant time.
fn portable(key: &MacKey, aad: &[u8], text: &[u8]) -> [u8; 16] {
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
    ((sum + FieldElement::from(lengths(aad, text))) * q + p).into()
}
