//! The universal hash of f9: a polynomial over GF(2^64), evaluated in constant time (TS 35.215 4).

use crate::wipe::wipe;

/// The three words of f9 that the keystream gives: P, Q, and the mask of the code. Wiped on drop.
pub(crate) struct HashKey {
    /// z1 ‖ z2: where the polynomial is evaluated.
    pub(crate) p: u64,
    /// z3 ‖ z4: multiplies the result.
    pub(crate) q: u64,
    /// z5.
    pub(crate) mask: u32,
}

impl HashKey {
    /// From the first five words of the keystream.
    pub(crate) fn new(&[z1, z2, z3, z4, z5]: &[u32; 5]) -> Self {
        Self {
            p: u64::from(z1) << 32 | u64::from(z2),
            q: u64::from(z3) << 32 | u64::from(z4),
            mask: z5,
        }
    }
}

impl Drop for HashKey {
    fn drop(&mut self) {
        let Self { p, q, mask } = self;
        wipe(core::array::from_mut(p));
        wipe(core::array::from_mut(q));
        wipe(core::array::from_mut(mask));
    }
}

/// A message as f9 takes it: octets, and how many of their bits count.
#[derive(Clone, Copy)]
pub(crate) struct BitString<'a> {
    octets: &'a [u8],
    bits: u64,
}

impl<'a> BitString<'a> {
    /// All bits of `octets`.
    pub(super) fn whole(octets: &'a [u8]) -> Self {
        Self {
            octets,
            bits: octets.len() as u64 * 8,
        }
    }

    /// The first `bits` of `octets`, which must have them.
    pub(super) fn of(octets: &'a [u8], bits: usize) -> Self {
        Self {
            octets: &octets[..bits.div_ceil(8)],
            bits: bits as u64,
        }
    }

    /// LENGTH.
    pub(crate) fn bits(&self) -> u64 {
        self.bits
    }

    /// The blocks whose 64 bits all count, and the rest, if any, filled up with zeros.
    pub(crate) fn blocks(&self) -> (&'a [[u8; 8]], Option<u64>) {
        let whole = self.octets.as_chunks::<8>().0;
        let unused = self.bits.next_multiple_of(64) - self.bits;
        let (blocks, rest) = if whole.len() * 8 == self.octets.len() && unused > 0 {
            whole.split_at(whole.len() - 1)
        } else {
            (whole, &[][..])
        };
        let mut last = [0; 8];
        let tail = if let [rest] = rest {
            rest
        } else {
            self.octets.as_chunks::<8>().1
        };
        last[..tail.len()].copy_from_slice(tail);
        let last = u64::from_be_bytes(last) >> unused << unused;
        (blocks, (unused > 0).then_some(last))
    }
}

/// MAC-I of a message (TS 35.215 4.4).
pub(super) fn mac(key: &HashKey, message: BitString<'_>) -> u32 {
    let p = Factor::new(key.p);
    let (blocks, last) = message.blocks();
    let mut sum = 0;
    for block in blocks {
        sum = p.times(sum ^ u64::from_be_bytes(*block));
    }
    if let Some(last) = last {
        sum = p.times(sum ^ last);
    }
    finish(Factor::new(key.q).times(sum ^ message.bits()), key.mask)
}

/// The most significant half, under the mask.
#[allow(clippy::cast_possible_truncation, reason = "the upper half of 64 bits")]
pub(crate) fn finish(product: u64, mask: u32) -> u32 {
    (product >> 32) as u32 ^ mask
}

/// A factor of many products in GF(2^64), x^64 + x^4 + x^3 + x + 1; wiped on drop.
struct Factor {
    value: u64,
    /// The same with its bits in reverse, for the upper half of a product.
    reversed: u64,
}

impl Factor {
    fn new(value: u64) -> Self {
        Self {
            value,
            reversed: value.reverse_bits(),
        }
    }

    fn times(&self, other: u64) -> u64 {
        let low = lower_half(self.value, other);
        let high = lower_half(self.reversed, other.reverse_bits()).reverse_bits() >> 1;
        // x^64 is x^4 + x^3 + x + 1; what goes beyond x^63 again has few bits.
        let beyond = high >> 63 ^ high >> 61 ^ high >> 60;
        let folded = high ^ beyond;
        low ^ folded ^ folded << 1 ^ folded << 3 ^ folded << 4
    }
}

impl Drop for Factor {
    fn drop(&mut self) {
        wipe(core::array::from_mut(&mut self.value));
        wipe(core::array::from_mut(&mut self.reversed));
    }
}

/// The lower half of a product of polynomials over GF(2), by integer products of numbers with three of four bits zero:
/// at most 16 ones meet in one place, and the carries of 15 stay within the gaps. The 16th would reach the next place
/// only at bit 64.
fn lower_half(a: u64, b: u64) -> u64 {
    const EVERY_FOURTH: u64 = 0x1111_1111_1111_1111;
    let parts = |value: u64| -> [u64; 4] { core::array::from_fn(|i| value & EVERY_FOURTH << i) };
    let (a, b) = (parts(a), parts(b));
    (0..4).fold(0, |product, i| {
        let sum = (0..4).fold(0, |sum, j| sum ^ a[j].wrapping_mul(b[(4 + i - j) % 4]));
        product ^ sum & EVERY_FOURTH << i
    })
}
