//! MULα and DIVα of four steps in eight lanes: their octets fill one register each, and an octet of the images is two
//! look-ups for all of them.

use core::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_packus_epi16, _mm256_packus_epi32,
    _mm256_set1_epi8, _mm256_set1_epi32, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_srli_epi32,
    _mm256_unpackhi_epi8, _mm256_unpackhi_epi16, _mm256_unpacklo_epi8, _mm256_unpacklo_epi16, _mm256_xor_si256,
};

use crate::snow3g::sboxes::{DIV_POWERS, MUL_POWERS, times_powers};

/// Octet `i` of the images of the lower and of the upper four bits, for each `i`.
type AlphaTables = [[[u8; 16]; 2]; 4];

static MUL_TABLES: AlphaTables = alpha_tables(MUL_POWERS);
static DIV_TABLES: AlphaTables = alpha_tables(DIV_POWERS);

#[allow(clippy::cast_possible_truncation, reason = "a nibble in its place in an octet")]
const fn alpha_tables(powers: [u8; 4]) -> AlphaTables {
    let (mut tables, mut at) = ([[[0; 16]; 2]; 4], 0);
    while at < 8 {
        let mut bits = 0;
        while bits < 16 {
            tables[at / 2][at % 2][bits] = times_powers((bits << (at % 2 * 4)) as u8, powers).to_le_bytes()[at / 2];
            bits += 1;
        }
        at += 1;
    }
    tables
}

/// MULα of the highest octets of the words of four registers, and DIVα of the lowest of four others, added.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn alpha_images(mul: [__m256i; 4], div: [__m256i; 4]) -> [__m256i; 4] {
    let lowest = _mm256_set1_epi32(0xff);
    let mul = packed([
        _mm256_srli_epi32::<24>(mul[0]),
        _mm256_srli_epi32::<24>(mul[1]),
        _mm256_srli_epi32::<24>(mul[2]),
        _mm256_srli_epi32::<24>(mul[3]),
    ]);
    let div = packed([
        _mm256_and_si256(div[0], lowest),
        _mm256_and_si256(div[1], lowest),
        _mm256_and_si256(div[2], lowest),
        _mm256_and_si256(div[3], lowest),
    ]);
    let (mul, div) = (nibbles(mul), nibbles(div));
    macro_rules! octets {
        ($number:literal) => {
            _mm256_xor_si256(image(mul, &MUL_TABLES[$number]), image(div, &DIV_TABLES[$number]))
        };
    }
    let (a, b, c, d) = (octets!(0), octets!(1), octets!(2), octets!(3));
    let (low_ab, low_cd) = (_mm256_unpacklo_epi8(a, b), _mm256_unpacklo_epi8(c, d));
    let (high_ab, high_cd) = (_mm256_unpackhi_epi8(a, b), _mm256_unpackhi_epi8(c, d));
    [
        _mm256_unpacklo_epi16(low_ab, low_cd),
        _mm256_unpackhi_epi16(low_ab, low_cd),
        _mm256_unpacklo_epi16(high_ab, high_cd),
        _mm256_unpackhi_epi16(high_ab, high_cd),
    ]
}

/// The octets of words that have no more, register by register in each half.
#[inline]
#[target_feature(enable = "avx2")]
fn packed([a, b, c, d]: [__m256i; 4]) -> __m256i {
    _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d))
}

/// The lower and the upper four bits of octets.
#[inline]
#[target_feature(enable = "avx2")]
fn nibbles(octets: __m256i) -> [__m256i; 2] {
    let lower = _mm256_set1_epi8(0x0f);
    [
        _mm256_and_si256(octets, lower),
        _mm256_and_si256(_mm256_srli_epi16::<4>(octets), lower),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn image([lower, upper]: [__m256i; 2], [of_lower, of_upper]: &[[u8; 16]; 2]) -> __m256i {
    _mm256_xor_si256(
        _mm256_shuffle_epi8(table(of_lower), lower),
        _mm256_shuffle_epi8(table(of_upper), upper),
    )
}

/// A table in both halves of a register.
#[inline]
#[target_feature(enable = "avx2")]
fn table(octets: &[u8; 16]) -> __m256i {
    // SAFETY: there are 16 octets.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(octets.as_ptr().cast()) })
}
