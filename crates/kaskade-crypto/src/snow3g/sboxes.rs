//! S1 and S2 of the FSM, MULα and DIVα of the LFSR, computed: nothing is looked up (TS 35.216 3.3, 3.4).

use super::field::{Linear, ONE, Planes, add, apply, composed, from_polynomial, inverse, invert, mul, square};
#[cfg(x86_back_ends)]
use super::field::{apply_one, first_lane, one_lane};

/// x^8 + x^4 + x^3 + x + 1, the field of S1 (and of AES), without x^8.
pub(crate) const S1_POLYNOMIAL: u8 = 0x1b;
/// x^8 + x^6 + x^5 + x^3 + 1, the field of S2, without x^8.
pub(crate) const S2_POLYNOMIAL: u8 = 0x69;
/// x^8 + x^7 + x^5 + x^3 + 1, the field below α, without x^8.
pub(crate) const ALPHA_POLYNOMIAL: u8 = 0xa9;

const INTO_S1: Linear = from_polynomial(S1_POLYNOMIAL);
const INTO_S2: Linear = from_polynomial(S2_POLYNOMIAL);
/// Back, and the affine map of the Rijndael S-box without its constant: bits i, i + 4, … i + 7 add up to bit i.
const OUT_OF_S1: Linear = composed([0xf1, 0xe3, 0xc7, 0x8f, 0x1f, 0x3e, 0x7c, 0xf8], inverse(INTO_S1));
const OUT_OF_S2: Linear = inverse(INTO_S2);
const S1_CONSTANT: u8 = 0x63;
const S2_CONSTANT: u8 = 0x25;

/// S1 of two words (TS 35.216 3.3.1).
#[inline(always)]
pub(super) fn s1(words: [u32; 2]) -> [u32; 2] {
    let inverses = invert(apply(&INTO_S1, planes(words, [0; 2])));
    let [words, _] = octets(constant(S1_CONSTANT, apply(&OUT_OF_S1, inverses)));
    words.map(|word| mixed_columns(word, S1_POLYNOMIAL))
}

/// S2 of four words (TS 35.216 3.3.2).
#[inline(always)]
pub(super) fn s2([a, b, c, d]: [u32; 4]) -> [u32; 4] {
    let images = dickson7(dickson7(apply(&INTO_S2, planes([a, b], [c, d]))));
    let [[a, b], [c, d]] = octets(constant(S2_CONSTANT, apply(&OUT_OF_S2, images)));
    [a, b, c, d].map(|word| mixed_columns(word, S2_POLYNOMIAL))
}

/// The Dickson polynomial x^7 + x^5 + x. SQ is that of degree 49 but for its constant: this one twice.
#[inline(always)]
const fn dickson7(x: Planes) -> Planes {
    let squared = square(x);
    mul(x, square(add(add(mul(x, squared), squared), ONE)))
}

#[inline(always)]
fn constant(constant: u8, mut planes: Planes) -> Planes {
    for (bit, plane) in planes.iter_mut().enumerate() {
        if constant >> bit & 1 == 1 {
            *plane = !*plane;
        }
    }
    planes
}

/// SQ as a table, for those who can read it without a trace (TS 35.216 3.3.2).
#[cfg(x86_back_ends)]
pub(crate) const SQ: [u8; 256] = {
    let (mut table, mut x) = ([0; 256], 0_u8);
    loop {
        let image = dickson7(dickson7(one_lane(apply_one(INTO_S2, x))));
        table[x as usize] = apply_one(OUT_OF_S2, first_lane(image)) ^ S2_CONSTANT;
        if x == u8::MAX {
            break table;
        }
        x += 1;
    }
};

/// MixColumn over the field of a polynomial. The matrix is circulant: octet i of the result, counted from the lowest,
/// has 2 times octet i, 3 times octet i + 1, and octets i + 2 and i + 3.
#[inline(always)]
fn mixed_columns(word: u32, polynomial: u8) -> u32 {
    let carries = word >> 7 & 0x0101_0101;
    let reduction = (carries << 8).wrapping_sub(carries) & (0x0101_0101 * u32::from(polynomial));
    let twice = (word & 0x7f7f_7f7f) << 1 ^ reduction;
    twice ^ (twice ^ word).rotate_right(8) ^ word.rotate_right(16) ^ word.rotate_right(24)
}

/// The bits of sixteen octets, octet by octet, as planes: octet i is lane i.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "one octet of eight")]
fn planes(low: [u32; 2], high: [u32; 2]) -> Planes {
    let [low, high] = [low, high].map(|[a, b]| turned(u64::from(b) << 32 | u64::from(a)));
    core::array::from_fn(|bit| (low >> (8 * bit)) as u32 & 0xff | ((high >> (8 * bit)) as u32 & 0xff) << 8)
}

/// What [`planes`] undoes.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the two halves")]
fn octets(planes: Planes) -> [[u32; 2]; 2] {
    let (mut low, mut high) = (0, 0);
    for (bit, plane) in planes.into_iter().enumerate() {
        low |= u64::from(plane & 0xff) << (8 * bit);
        high |= u64::from(plane >> 8 & 0xff) << (8 * bit);
    }
    [low, high].map(|half| {
        let words = turned(half);
        [words as u32, (words >> 32) as u32]
    })
}

/// Transposes eight times eight bits.
#[inline(always)]
fn turned(mut bits: u64) -> u64 {
    for (distance, mask) in [
        (7, 0x00aa_00aa_00aa_00aa),
        (14, 0x0000_cccc_0000_cccc),
        (28, 0x0000_0000_f0f0_f0f0),
    ] {
        let differing = (bits >> distance ^ bits) & mask;
        bits ^= differing << distance ^ differing;
    }
    bits
}

/// MULα of one octet and DIVα of another (TS 35.216 3.4.2, 3.4.3), both linear.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the two halves")]
pub(super) fn mul_div_alpha(into_mul: u32, into_div: u32) -> (u32, u32) {
    let octets = u64::from(into_div) << 32 | u64::from(into_mul);
    let mut sum = 0;
    for (bit, image) in ALPHA_IMAGES.into_iter().enumerate() {
        let bits = octets >> bit & 0x0000_0001_0000_0001;
        sum ^= (bits << 32).wrapping_sub(bits) & image;
    }
    (sum as u32, (sum >> 32) as u32)
}

/// MULα of each bit in the low word, DIVα in the high one.
const ALPHA_IMAGES: [u64; 8] = {
    let (mut images, mut bit) = ([0; 8], 0);
    while bit < 8 {
        let octet = 1 << bit;
        images[bit] = (times_powers(octet, DIV_POWERS) as u64) << 32 | times_powers(octet, MUL_POWERS) as u64;
        bit += 1;
    }
    images
};

/// MULα multiplies its octet by these powers of x, from the most significant octet of the result on.
pub(crate) const MUL_POWERS: [u8; 4] = [23, 245, 48, 239];
/// And DIVα.
pub(crate) const DIV_POWERS: [u8; 4] = [16, 39, 6, 64];

/// An octet times four powers of x, over the field below α.
pub(crate) const fn times_powers(octet: u8, powers: [u8; 4]) -> u32 {
    let mut octets = [octet; 4];
    let mut i = 0;
    while i < 4 {
        let mut times = 0;
        while times < powers[i] {
            octets[i] = octets[i] << 1 ^ if octets[i] >> 7 == 1 { ALPHA_POLYNOMIAL } else { 0 };
            times += 1;
        }
        i += 1;
    }
    u32::from_be_bytes(octets)
}
